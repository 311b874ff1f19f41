"""A sensor that waits for credits, as before a batch of paid jobs; free."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from pixverse_provider.api.fields import Whole
from pixverse_provider.exceptions import (
    PixVerseError,
    PixVerseInvalidRequestError,
    PixVerseTransientError,
    PixVerseTriggerEventError,
    error_from_dict,
)
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.polling import FIRST_LOOK_OF_A_TRIGGER, by_gateway

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

__all__ = ["PixVerseCreditSensor"]

_DEFAULT_POKE_INTERVAL = 300.0
# The trigger owns the deadline; Airflow's own timeout is only a net below it.
_BACKSTOP = timedelta(hours=1)


class PixVerseCreditSensor(BaseSensorOperator):
    """Wait until the account has so many credits, those of the plan and those bought in packs together; free.

    All modes (``poke``, ``reschedule``, ``deferrable=True``) end alike. Errors that pass never fail it; a key
    that is not accepted fails it at once. ``soft_fail`` turns that, and a timeout, into a skip.
    ``exponential_backoff`` has no effect when deferrable.

    Returns the credits that can be spent.

    :param min_credits: how many there must be, as an int or digits, at least 1 (templated).
    :param pixverse_conn_id: Airflow connection of type ``pixverse`` (templated).
    :param deferrable: wait in the triggerer and hold no worker; the default is ``[operators]
        default_deferrable``.
    :param poke_interval: seconds between two looks at the balance.
    :param timeout: seconds until the sensor gives up.
    """

    template_fields: Sequence[str] = ("min_credits", "pixverse_conn_id")
    ui_color = "#e8e3ff"

    def __init__(
        self,
        *,
        min_credits: int | str | XComArg,
        pixverse_conn_id: str = PixVerseHook.default_conn_name,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: float = _DEFAULT_POKE_INTERVAL,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        # A template or an XComArg until it is rendered, which is before anything looks at it.
        self.min_credits = cast("int | str", min_credits)
        self.pixverse_conn_id = pixverse_conn_id
        self.deferrable = deferrable

    def execute(self, context: Context) -> Any:
        """Look once; then wait as the mode says."""
        if not self.deferrable:
            return super().execute(context)
        now = time.time()
        try:
            poked = self.poke(context)
        except AirflowFailException as err:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(f"Skipping, since soft_fail is set: {err}") from err
            raise
        if isinstance(poked, PokeReturnValue):
            return poked.xcom_value
        self._defer(now)
        return None

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Look at the balance once.

        :raises AirflowFailException: where it can never be read, as with a key that is not accepted.
        """
        needed = self._needed()
        try:
            with PixVerseHook(self.pixverse_conn_id) as hook:
                credits_left = hook.get_balance().total
        except PixVerseError as err:
            if not (isinstance(err, PixVerseTransientError) or by_gateway(err)):
                raise
            self.log.warning("Looking again later: %s", err)
            return False
        self.log.info("%s credits; %s are waited for.", credits_left, needed)
        return PokeReturnValue(is_done=True, xcom_value=credits_left) if credits_left >= needed else False

    def execute_complete(self, context: Context, event: dict[str, Any]) -> int:
        """Take the event of the trigger; ends as poking would have."""
        try:
            credits_left, enough, waited = event["credits"], event["enough"], float(event["waited"])
            error = None if event["error"] is None else error_from_dict(event["error"])
        except (KeyError, TypeError, ValueError) as err:
            raise PixVerseTriggerEventError(
                f"The trigger sent an event that this version does not understand ({err!r}); a retry waits "
                "again."
            ) from err
        if enough:
            return int(credits_left)
        if error is not None and not isinstance(error, PixVerseTransientError):
            raise error
        known = "nobody knows how many there are" if credits_left is None else f"there are {credits_left}"
        met = "" if error is None else f" The last look failed: {error}"
        raise AirflowSensorTimeout(
            f"{self._needed()} credits were not there after {waited:.0f} s: {known}.{met}"
        )

    def _needed(self) -> int:
        needed: int | None = Whole(1)(self.min_credits, "min_credits")
        if needed is None:
            raise PixVerseInvalidRequestError(
                f"min_credits must be a whole number from 1 on, not {self.min_credits!r}."
            )
        return needed

    def _defer(self, now: float) -> None:
        from pixverse_provider.triggers.credit import PixVerseCreditTrigger

        budget = float(self.timeout)
        if self.execution_timeout is not None:
            budget = min(budget, self.execution_timeout.total_seconds())
        # The look before has taken some of the time.
        earliest = time.time() + FIRST_LOOK_OF_A_TRIGGER
        deadline = max(now + budget, earliest)
        self.defer(
            trigger=PixVerseCreditTrigger(
                pixverse_conn_id=self.pixverse_conn_id,
                min_credits=self._needed(),
                poll_interval=max(1.0, self.poke_interval),
                started_at=now,
                not_before=earliest,
                deadline=deadline,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=budget) + _BACKSTOP,
        )
