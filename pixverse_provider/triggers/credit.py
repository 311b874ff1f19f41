"""The trigger that waits for credits: it reads the balance, which is free."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from pixverse_provider.api.calls import balance_call
from pixverse_provider.api.pacing import backoff_seconds
from pixverse_provider.exceptions import PixVerseAuthenticationError, PixVerseError, PixVerseTransientError
from pixverse_provider.polling import PATIENCE, by_gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["PixVerseCreditTrigger"]

# In seconds, unless the poll interval is longer.
_LONGEST_BACKOFF = 300.0


class PixVerseCreditTrigger(BaseTrigger):
    """Wait in the triggerer until the account has so many credits, or the deadline comes.

    Everything is a JSON primitive and times are wall-clock, since a trigger may be moved to another process
    and run twice. It fires one event: ``{"credits": the last balance or None, "enough": bool, "waited":
    seconds, "error": what ended the wait or was met last, as PixVerseError.to_dict gives it, or None}``.

    :param pixverse_conn_id: Airflow connection of type ``pixverse``.
    :param min_credits: how many there must be.
    :param poll_interval: seconds between two looks.
    :param started_at: epoch seconds at which the wait began.
    :param not_before: epoch seconds before which there is no look.
    :param deadline: epoch seconds at which the wait ends; the last look is made then.
    """

    def __init__(
        self,
        *,
        pixverse_conn_id: str,
        min_credits: int,
        poll_interval: float,
        started_at: float,
        not_before: float,
        deadline: float,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pixverse_conn_id = pixverse_conn_id
        self.min_credits = min_credits
        self.poll_interval = poll_interval
        self.started_at = started_at
        self.not_before = not_before
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and all arguments."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "pixverse_conn_id": self.pixverse_conn_id,
                "min_credits": self.min_credits,
                "poll_interval": self.poll_interval,
                "started_at": self.started_at,
                "not_before": self.not_before,
                "deadline": self.deadline,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until there are enough credits; then fire the event."""
        await asyncio.sleep(max(0.0, min(self.not_before, self.deadline) - time.time()))
        credits_left: int | None = None
        errors = 0
        while True:
            error: PixVerseError | None = None
            pause = self.poll_interval * (1.0 + 0.1 * random.random())  # noqa: S311 - spreads load
            try:
                credits_left = await self._look()
                errors = 0
            except PixVerseError as err:
                error = err
                errors += 1
                pause = backoff_seconds(
                    errors,
                    jitter=random.random(),  # noqa: S311 - spreads load, guards nothing
                    first=self.poll_interval,
                    longest=max(self.poll_interval, _LONGEST_BACKOFF),
                    retry_after=err.retry_after,
                )
                if errors == 1:
                    self.log.warning("Looking again later: %s", err)
            enough = error is None and credits_left is not None and credits_left >= self.min_credits
            passes = isinstance(error, PixVerseTransientError) or (
                error is not None and by_gateway(error) and errors <= PATIENCE
            )
            final = error is not None and not passes
            left = self.deadline - time.time()
            if enough or final or left <= 0:
                yield TriggerEvent(
                    {
                        "credits": credits_left,
                        "enough": enough,
                        "waited": time.time() - self.started_at,
                        "error": None if error is None else error.to_dict(),
                    }
                )
                return
            await asyncio.sleep(min(pause, left))

    async def _look(self) -> int:
        from pixverse_provider.triggers.shared import retire_poller, shared_poller

        async with shared_poller(self.pixverse_conn_id) as poller:
            try:
                return (await poller.client.call_once(balance_call())).total
            except PixVerseAuthenticationError:
                # The key may have been changed in the connection since the shared client was made.
                retire_poller(self.pixverse_conn_id, poller)
        async with shared_poller(self.pixverse_conn_id) as poller:
            return (await poller.client.call_once(balance_call())).total
