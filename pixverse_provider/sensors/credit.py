"""A sensor that waits for credits, as before a batch of paid jobs; free."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, PokeReturnValue, conf

from pixverse_provider.api.fields import Whole
from pixverse_provider.api.ids import reading, shown
from pixverse_provider.exceptions import (
    PixVerseError,
    PixVerseInvalidRequestError,
    PixVerseTransientError,
    PixVerseTriggerEventError,
    error_from_dict,
)
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.jobs.watch import BalanceResult, BalanceWatch, Wait
from pixverse_provider.sensors._polling import PollingSensor, for_good
from pixverse_provider.tasks import fails_plainly

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context, XComArg
    from airflow.triggers.base import BaseTrigger

__all__ = ["PixVerseCreditSensor"]

_DEFAULT_POKE_INTERVAL = 300.0


class PixVerseCreditSensor(PollingSensor):
    """Wait until the account has so many credits, those of the plan and those bought in packs together; free.

    All modes (``poke``, ``reschedule``, ``deferrable=True``) end alike. Transient errors never fail it; a key
    that PixVerse refuses fails it at once, and three refusals in a row that may come from a gateway do.
    ``soft_fail`` turns that, and a timeout, into a skip. ``exponential_backoff`` has no effect when
    deferrable.

    Returns the credits that can be spent.

    :param min_credits: how many there must be, as an int or digits, at least 1 (templated).
    :param pixverse_conn_id: Airflow connection of type ``pixverse`` (templated).
    :param deferrable: wait in the triggerer and hold no worker; the default is ``[operators]
        default_deferrable``.
    :param poke_interval: seconds between two polls of the balance, or a ``timedelta``.
    :param timeout: seconds until the sensor gives up, or a ``timedelta``; the default is ``[sensors]
        default_timeout``, 7 days.
    """

    template_fields: Sequence[str] = ("min_credits", "pixverse_conn_id")
    ui_color = "#e8e3ff"

    def __init__(
        self,
        *,
        min_credits: int | str | XComArg,
        pixverse_conn_id: str = PixVerseHook.default_conn_name,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: float | timedelta = _DEFAULT_POKE_INTERVAL,
        timeout: float | timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(deferrable=deferrable, poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.min_credits = min_credits
        self.pixverse_conn_id = pixverse_conn_id
        self._watch: BalanceWatch | None = None
        self._credits: int | None = None

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Poll the balance.

        :raises AirflowFailException: where it cannot be read, as with a key that PixVerse refuses.
        """
        if self._watch is None:
            self._watch = BalanceWatch(
                self._needed(),
                started_at=time.time(),
                poll_interval=self._poll_interval(),
                tells_progress=False,
            )
        watch = self._watch
        self._pause_after_error = 0.0
        step = self._poll_until_decided(watch, lambda: self._poll(watch))
        if isinstance(step, Wait):
            return False
        return PokeReturnValue(is_done=True, xcom_value=self._end(step))

    @fails_plainly
    def execute_complete(self, context: Context, event: dict[str, Any]) -> int:
        """Take the event of the trigger; ends as poking would have."""
        result = _read_event(event)
        self._credits = self._end(result)
        self._tell_end(result.waited)
        return self._credits

    def _poll(self, watch: BalanceWatch) -> Wait | BalanceResult:
        hook = self._hook()
        try:
            with hook:
                credits_left = self._credits = hook.poll_balance().total
        except PixVerseError as err:
            return watch.on_error(err, time.time())
        return watch.on_balance(credits_left, time.time())

    def _end(self, result: BalanceResult) -> int:
        """Return the credits, or raise what the ending means."""
        if result.enough and result.credits is not None:
            return result.credits
        error = result.error
        if result.final and error is not None:
            if isinstance(error, AirflowFailException):
                raise error
            raise for_good(error) from error
        return self._raise_timeout(result.waited, self._said(result), error)

    def _said(self, result: BalanceResult) -> str:
        """Say at the timeout what was waited for, and how many there are."""
        said = f"{self._needed()} credits were waited for on connection {shown(self.pixverse_conn_id)}"
        if result.credits is not None:
            said += f", and there are {result.credits}: top up, or lower min_credits"
        failed = "" if result.error is None else f" The last poll failed: {result.error}"
        return f"{said}.{failed}"

    def _left(self) -> str:
        there = "" if self._credits is None else f" (there are {self._credits})"
        return f"{self._needed()} credits{there}"

    def _reached(self) -> str:
        return f"There are {self._credits} credits"

    def _needed(self) -> int:
        with reading(self.min_credits, "min_credits"):
            needed: int | None = Whole(1)(self.min_credits, "min_credits")
        if needed is None:
            raise PixVerseInvalidRequestError(
                f"min_credits must be a whole number from 1 on, not {shown(self.min_credits)}."
            )
        return needed

    def _trigger(self, *, started_at: float, not_before: float, deadline: float) -> BaseTrigger:
        from pixverse_provider.triggers.credit import PixVerseCreditTrigger

        return PixVerseCreditTrigger(
            pixverse_conn_id=self.pixverse_conn_id,
            min_credits=self._needed(),
            poll_interval=self._poll_interval(),
            started_at=started_at,
            not_before=not_before,
            deadline=deadline,
        )

    def _after_a_timeout(self) -> str:
        now = time.time()
        watch = self._watch or BalanceWatch(self._needed(), started_at=now)
        return self._said(watch.out_of_time(now))


def _read_event(event: Any) -> BalanceResult:
    try:
        error = None if event["error"] is None else error_from_dict(event["error"])
        credits_left = event["credits"]
        # The first version did not say it.
        ends = error is not None and not isinstance(error, PixVerseTransientError)
        return BalanceResult(
            None if credits_left is None else int(credits_left),
            bool(event["enough"]),
            float(event["waited"]),
            error,
            bool(event.get("final", ends)),
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as err:
        raise PixVerseTriggerEventError(
            f"The trigger sent an event that this version does not understand ({err!r}); a retry waits again."
        ) from err
