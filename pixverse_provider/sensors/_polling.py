"""What the sensors share: how they poke, how they defer, and how they end at a timeout."""

from __future__ import annotations

import contextlib
import time
from abc import abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from pixverse_provider.api.fields import check_switches, read_seconds
from pixverse_provider.exceptions import PixVersePermanentError
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.jobs.watch import FIRST_POLL_OF_A_TRIGGER, BalanceWatch, JobWatch, Wait

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from airflow.providers.common.compat.sdk import Context
    from airflow.triggers.base import BaseTrigger

    from pixverse_provider.exceptions import PixVerseError

    T = TypeVar("T")

__all__ = ["PollingSensor", "for_good"]

_SHORTEST_POLL_INTERVAL = 1.0
# The trigger owns the deadline; Airflow's own timeout is only a net below it.
_BACKSTOP = timedelta(hours=1)


def for_good(error: PixVerseError) -> PixVersePermanentError:
    """Return an error that no retry follows, with all that is known of the one that ended the wait."""
    return PixVersePermanentError(
        str(error),
        err_code=error.err_code,
        http_status=error.http_status,
        trace_id=error.trace_id,
        video_id=error.video_id,
    )


class PollingSensor(BaseSensorOperator):
    """Base of the sensors: a watch decides about each poll, so that every mode ends alike."""

    pixverse_conn_id: str
    # In seconds: what the last poke has to wait for beyond poke_interval, as where PixVerse asks for a pause.
    _pause_after_error: float = 0.0

    def __init__(
        self,
        *,
        deferrable: bool,
        poke_interval: float | timedelta,
        timeout: float | timedelta | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            poke_interval=read_seconds(poke_interval, "poke_interval", at_least=0.0),
            timeout=(
                conf.getfloat("sensors", "default_timeout")
                if timeout is None
                else read_seconds(timeout, "timeout", at_least=0.0)
            ),
            **kwargs,
        )
        # Airflow would take the text "False" for True, and skip what has failed.
        check_switches(deferrable=deferrable, soft_fail=self.soft_fail, never_fail=self.never_fail)
        self.deferrable = deferrable

    @abstractmethod
    def _trigger(self, *, started_at: float, not_before: float, deadline: float) -> BaseTrigger:
        """Return the trigger that goes on with the wait; times are epoch seconds."""

    @abstractmethod
    def _after_a_timeout(self) -> str:
        """Say what was waited for, and what is known of it."""

    def execute(self, context: Context) -> Any:
        """Poll once; then wait as the mode says."""
        if not self.deferrable:
            with self._telling_what_is_known():
                return super().execute(context)
        now = time.time()
        try:
            poked = self.poke(context)
            if not isinstance(poked, PokeReturnValue):
                PixVerseHook(self.pixverse_conn_id).check_deferral()
        except AirflowFailException as err:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(f"Skipping, since soft_fail is set: {err}") from err
            raise
        if not isinstance(poked, PokeReturnValue):
            self._defer(now)
        return poked.xcom_value

    def _defer(self, started_at: float) -> NoReturn:
        now = time.time()
        # The first poll has taken some of the time.
        earliest = now + FIRST_POLL_OF_A_TRIGGER
        deadline = max(started_at + self._budget, earliest)
        not_before = min(max(earliest, now + self._pause_after_error), deadline)
        self.defer(
            trigger=self._trigger(started_at=started_at, not_before=not_before, deadline=deadline),
            method_name="execute_complete",
            timeout=timedelta(seconds=deadline - now) + _BACKSTOP,
        )

    @property
    def _budget(self) -> float:
        # Airflow does not enforce execution_timeout while a task is deferred.
        limit = float(self.timeout)
        return limit if self.execution_timeout is None else min(limit, self.execution_timeout.total_seconds())

    def _raise_timeout(self, waited: float, said: str, cause: BaseException | None) -> NoReturn:
        """End at the deadline as poking would have: Airflow retries after an execution_timeout only."""
        message = f"The sensor has timed out after {waited:.0f} s. {said}"
        if self._budget < float(self.timeout):
            raise AirflowTaskTimeout(message) from cause
        if self.soft_fail:
            raise AirflowSkipException(message) from cause
        raise AirflowSensorTimeout(message) from cause

    def _poll_interval(self) -> float:
        return max(_SHORTEST_POLL_INTERVAL, self.poke_interval)

    def _poll_until_decided(self, watch: JobWatch | BalanceWatch, poll: Callable[[], Wait | T]) -> Wait | T:
        """Poll once; where each poke is a process of its own, as often as it takes to tell a refusal."""
        step = poll()
        while isinstance(step, Wait) and self.reschedule and (pause := watch.pause_for_a_verdict) is not None:
            time.sleep(pause)
            step = poll()
        if isinstance(step, Wait):
            if step.notice:
                self.log.warning(step.notice)
            if watch.last_error is not None:
                self._pause_after_error = max(self._pause_after_error, step.seconds)
        return step

    def _get_next_poke_interval(
        self, started_at: datetime.datetime | float, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        interval = float(super()._get_next_poke_interval(started_at, run_duration, poke_count))
        # Up to the timeout, which Airflow checks after the next poke only.
        left = max(0.0, float(self.timeout) - run_duration())
        return max(interval, min(self._pause_after_error, left))

    @contextlib.contextmanager
    def _telling_what_is_known(self) -> Iterator[None]:
        """Add to Airflow's own message of a timeout what is waited for, and what is known of it."""
        try:
            yield
        except AirflowSensorTimeout as err:
            raise AirflowSensorTimeout(f"{err} {self._after_a_timeout()}") from err
        except AirflowSkipException as err:
            # Without a cause it is a timeout with soft_fail.
            if err.__cause__ is not None:
                raise
            raise AirflowSkipException(f"{err} {self._after_a_timeout()}") from err
