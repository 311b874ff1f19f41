"""The trigger that waits for credits: it reads the balance, which is free."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from pixverse_provider.api.calls import balance_call
from pixverse_provider.exceptions import PixVerseAuthenticationError, PixVerseError
from pixverse_provider.jobs.watch import LONGEST_LAST_POLL, BalanceResult, BalanceWatch, Wait
from pixverse_provider.triggers.storable import check_traceback, storable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pixverse_provider.triggers.shared import SharedPoller

__all__ = ["PixVerseCreditTrigger"]


class PixVerseCreditTrigger(BaseTrigger):
    """Wait in the triggerer until the account has so many credits, or the deadline comes.

    Everything is a JSON primitive and times are wall-clock, since a trigger may be moved to another process
    and run twice. It fires one event: ``{"credits": the last balance or None, "enough": bool, "waited":
    seconds, "error": what ended the wait or the last error, as PixVerseError.to_dict gives it, or None,
    "final": whether the error ended it}``.

    :param pixverse_conn_id: Airflow connection of type ``pixverse``.
    :param min_credits: how many there must be.
    :param poll_interval: seconds between two polls.
    :param started_at: epoch seconds at which the wait began.
    :param not_before: epoch seconds before which there is no poll.
    :param deadline: epoch seconds at which the wait ends; the last poll is made then.
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
        """Poll until there are enough credits; then fire the event."""
        try:
            # Reading the connection, or a poll in the queue, must not hold it for longer.
            async with asyncio.timeout(max(0.0, self.deadline - time.time()) + LONGEST_LAST_POLL):
                result = await self._wait()
        except TimeoutError:
            result = BalanceResult(None, enough=False, waited=time.time() - self.started_at)
        except Exception as err:
            check_traceback(err)
            raise
        yield TriggerEvent(
            storable(
                {
                    "credits": result.credits,
                    "enough": result.enough,
                    "waited": result.waited,
                    "error": None if result.error is None else result.error.to_dict(),
                    "final": result.final,
                }
            )
        )

    async def _wait(self) -> BalanceResult:
        watch = BalanceWatch(
            self.min_credits,
            started_at=self.started_at,
            deadline=self.deadline,
            poll_interval=self.poll_interval,
        )
        await asyncio.sleep(max(0.0, min(self.not_before, self.deadline) - time.time()))
        while True:
            try:
                step = watch.on_balance(await self._poll(), time.time())
            except PixVerseError as err:
                step = watch.on_error(err, time.time())
            if not isinstance(step, Wait):
                return step
            if step.notice:
                self.log.warning(step.notice)
            await asyncio.sleep(step.seconds)

    async def _poll(self) -> int:
        """Read the balance; where the key is refused, with that of the connection now, if it is another."""
        from pixverse_provider.triggers.shared import check_poller, retire_poller, shared_poller

        refused: tuple[SharedPoller, PixVerseAuthenticationError] | None = None
        async with shared_poller(self.pixverse_conn_id) as poller:
            check_poller(self.pixverse_conn_id, poller)
            try:
                return (await poller.client.call_once(balance_call())).total
            except PixVerseAuthenticationError as err:
                if not err.key_refused:
                    raise
                retire_poller(self.pixverse_conn_id, poller)
                refused = poller, err
        async with shared_poller(self.pixverse_conn_id) as poller:
            # The secret of another service is no other key of this one.
            if poller.refusal or poller.has_key_of(refused[0]):
                raise refused[1]
            return (await poller.client.call_once(balance_call())).total
