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

from pixverse_provider.api.fields import check_switches, read_conn_id, read_seconds
from pixverse_provider.exceptions import PixVersePermanentError
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.jobs.log_lines import TELL_EVERY, begin_of_wait, in_words, is_line_due, parts_of
from pixverse_provider.jobs.watch import FIRST_POLL_OF_A_TRIGGER, BalanceWatch, JobWatch, Wait
from pixverse_provider.tasks import PixVerseTask, fails_plainly

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


class PollingSensor(PixVerseTask, BaseSensorOperator):
    """Base of the sensors: a watch decides about each poll, so that every mode ends alike."""

    pixverse_conn_id: str
    # In seconds: what the last poke has to wait for beyond poke_interval, as where PixVerse asks for a pause.
    _pause_after_error: float = 0.0
    # When the wait began, in whatever process; whether it began in this one; what was last said to be left.
    _since: float = 0.0
    _begins: bool = True
    _told: tuple[str, float] = ("", 0.0)

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

    @abstractmethod
    def _left(self) -> str:
        """Name what is still waited for."""

    @abstractmethod
    def _reached(self) -> str:
        """Say that there is what was waited for."""

    @fails_plainly
    def execute(self, context: Context) -> Any:
        """Poll once; then wait as the mode says."""
        self.has_page = False
        self._check_rendered()
        now = self._since = time.time()
        if not self.deferrable:
            first = context["ti"].get_first_reschedule_date(context) if self.reschedule else None
            if first is not None:
                self._since, self._begins = first.timestamp(), False
            with self._telling_what_is_known():
                value = super().execute(context)
            self._tell_end(time.time() - self._since)
            return value
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
        self._tell_end(time.time() - now)
        return poked.xcom_value

    def _tell_end(self, waited: float) -> None:
        self.log.info("%s after %s.", self._reached(), in_words(waited))

    def _defer(self, started_at: float) -> NoReturn:
        now = time.time()
        # The first poll has taken some of the time.
        earliest = now + FIRST_POLL_OF_A_TRIGGER
        deadline = max(started_at + self._budget, earliest)
        not_before = min(max(earliest, now + self._pause_after_error), deadline)
        where = "in the triggerer, which holds no worker,"
        self.log.info(begin_of_wait(self._left(), where, deadline, self._poll_interval()))
        self.defer(
            trigger=self._trigger(started_at=started_at, not_before=not_before, deadline=deadline),
            method_name="execute_complete",
            timeout=timedelta(seconds=deadline - now) + _BACKSTOP,
        )

    def _hook(self) -> PixVerseHook:
        """Return a hook; what is no id of a connection is a mistake in the DAG, and no poll that failed."""
        return PixVerseHook(read_conn_id(self.pixverse_conn_id, PixVerseHook.default_conn_name))

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
            step.tell(self.log)
            if watch.last_error is not None:
                self._pause_after_error = max(self._pause_after_error, step.seconds)
        return step

    def _get_next_poke_interval(
        self, started_at: datetime.datetime | float, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        interval = float(super()._get_next_poke_interval(started_at, run_duration, poke_count))
        # Up to the timeout, which Airflow checks after the next poke only.
        left = max(0.0, float(self.timeout) - run_duration())
        interval = max(interval, min(self._pause_after_error, left))
        self._tell_wait(interval)
        if not self.reschedule:
            # Airflow sleeps what is returned; a long pause is no reason to say nothing.
            *parts, interval = parts_of(interval)
            for part in parts:
                time.sleep(part)
                self._tell_wait(TELL_EVERY)
        return interval

    def _tell_wait(self, pause: float) -> None:
        """Say that the wait begins; then, when less is left and every five minutes, that it goes on."""
        now, left = time.time(), self._left()
        if self._begins:
            self._begins = False
            where = "by a new process for each poll" if self.reschedule else "in this worker"
            deadline = self._since + float(self.timeout)
            interval, slows_down = float(self.poke_interval), bool(self.exponential_backoff)
            self.log.info(begin_of_wait(left, where, deadline, interval, slows_down=slows_down))
        elif left != self._told[0] or is_line_due(pause, now, self._told[1]):
            self.log.info("Still waiting after %s for %s.", in_words(now - self._since), left)
        else:
            return
        self._told = left, now

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
