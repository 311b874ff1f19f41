"""A sensor that waits for videos; it submits nothing, so its retries are free on every Airflow version."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from pixverse_provider.api.ids import Id, one_or_many_ids, xcom_id
from pixverse_provider.exceptions import PixVerseError, PixVerseNotFoundError, PixVerseTransientError
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.polling import (
    FIRST_LOOK_OF_A_TRIGGER,
    Outcome,
    WaitResult,
    outcome_of,
    read_event,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from pixverse_provider.api.results import Video

__all__ = ["PixVerseVideoSensor"]

_DEFAULT_POKE_INTERVAL = 10.0
_SHORTEST_POLL_INTERVAL = 1.0
_NOT_FOUND_LOOKS = 3
_NOT_FOUND_PAUSE = 2.0
# The trigger owns the deadline; Airflow's own timeout is only a net below it.
_BACKSTOP = timedelta(hours=1)


class PixVerseVideoSensor(BaseSensorOperator):
    """Wait until a PixVerse video is done, or every video of a list; free.

    All modes (``poke``, ``reschedule``, ``deferrable=True``) end alike: a video that failed, was moderated or
    deleted fails the sensor at once, since waiting again cannot help; ``soft_fail`` turns that, and a
    timeout, into a skip. Errors that pass never fail it. ``exponential_backoff`` has no effect when
    deferrable.

    Returns the id, or the list of ids in the given order.

    :param video_id: one id or a list of them, as ints or digits; a template may render to a JSON list
        (templated).
    :param pixverse_conn_id: Airflow connection of type ``pixverse`` (templated).
    :param deferrable: wait in the triggerer and hold no worker; the default is ``[operators]
        default_deferrable``.
    :param poke_interval: seconds between two looks at a video.
    :param timeout: seconds until the sensor gives up; the videos go on.
    """

    template_fields: Sequence[str] = ("video_id", "pixverse_conn_id")
    ui_color = "#e8e3ff"

    def __init__(
        self,
        *,
        video_id: Id | Sequence[Id] | XComArg,
        pixverse_conn_id: str = PixVerseHook.default_conn_name,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: float = _DEFAULT_POKE_INTERVAL,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        # A template or an XComArg until it is rendered, which is before anything looks at it.
        self.video_id = cast("Id | Sequence[Id]", video_id)
        self.pixverse_conn_id = pixverse_conn_id
        self.deferrable = deferrable
        self._done: set[int] = set()

    def execute(self, context: Context) -> Any:
        """Look once; then wait as the mode says."""
        if not self.deferrable:
            return super().execute(context)
        now = time.time()
        ids, many = self._ids()
        try:
            with PixVerseHook(self.pixverse_conn_id) as hook:
                # One that is not done is reason enough to defer: the triggerer asks for all of them at once,
                # where a worker would ask for one after the other.
                all_done = all(self._is_done(hook, video_id) for video_id in ids)
        except AirflowFailException as err:
            self._skip_if_soft(err)
            raise
        if all_done:
            return _value(ids, many=many)
        self._defer(now, ids)
        return None

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Look once at every video that has not been seen to be done.

        :raises AirflowFailException: where a video cannot be done any more.
        """
        ids, many = self._ids()
        with PixVerseHook(self.pixverse_conn_id) as hook:
            done = [self._is_done(hook, video_id) for video_id in ids]
        if not all(done):
            return False
        return PokeReturnValue(is_done=True, xcom_value=_value(ids, many=many))

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Id | list[Id]:
        """Take the event of the trigger; ends as poking would have."""
        results, _ = read_event(event)
        failures = [error for error in map(_failure, results) if error is not None]
        for error in failures[1:]:
            self.log.error("%s", error)
        for result in results:
            self._raise_failure(result)
        ids, many = self._ids()
        return _value(ids, many=many)

    def on_kill(self) -> None:
        """Say that the videos go on: PixVerse has no call to cancel one."""
        self.log.warning(
            "The sensor was killed; the videos it waits for go on at PixVerse: %s", self.video_id
        )

    def _is_done(self, hook: PixVerseHook, video_id: int) -> bool:
        if video_id in self._done:
            return True
        try:
            video = self._look(hook, video_id)
        except PixVerseTransientError as err:
            self.log.warning("Looking again later: %s", err)
            return False
        outcome = outcome_of(video.status)
        if outcome is None:
            self.log.info("PixVerse video %s is not done yet (status %s).", video_id, video.status)
            return False
        self._raise_failure(WaitResult(outcome, video_id, waited=0.0, video=video))
        self._done.add(video_id)
        return True

    def _look(self, hook: PixVerseHook, video_id: int) -> Video:
        """Look once; an id that was made a moment ago gets a few seconds to become readable."""
        for _ in range(_NOT_FOUND_LOOKS - 1):
            try:
                return hook.look_at_video(video_id)
            except PixVerseNotFoundError as err:
                self.log.info("Looking again in %s s: %s", _NOT_FOUND_PAUSE, err)
                time.sleep(_NOT_FOUND_PAUSE)
        return hook.look_at_video(video_id)

    def _raise_failure(self, result: WaitResult) -> None:
        error = _failure(result)
        if error is None:
            return
        if result.outcome is Outcome.TIMEOUT:
            raise AirflowSensorTimeout(str(error)) from error
        if isinstance(error, AirflowFailException):
            raise error
        # A retry of the sensor would only look at the same dead job again.
        raise AirflowFailException(str(error)) from error

    def _skip_if_soft(self, err: AirflowFailException) -> None:
        from airflow.providers.common.compat.sdk import AirflowSkipException

        if self.soft_fail or self.never_fail:
            raise AirflowSkipException(f"Skipping, since soft_fail is set: {err}") from err

    def _defer(self, now: float, ids: list[int]) -> None:
        from pixverse_provider.triggers.video import PixVerseVideoTrigger

        budget = float(self.timeout)
        if self.execution_timeout is not None:
            budget = min(budget, self.execution_timeout.total_seconds())
        # The looks before have taken some of the time.
        earliest = time.time() + FIRST_LOOK_OF_A_TRIGGER
        deadline = max(now + budget, earliest)
        self.defer(
            trigger=PixVerseVideoTrigger(
                pixverse_conn_id=self.pixverse_conn_id,
                video_ids=[str(video_id) for video_id in ids],
                poll_interval=max(_SHORTEST_POLL_INTERVAL, self.poke_interval),
                started_at=now,
                not_before=earliest,
                deadline=deadline,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=deadline - now) + _BACKSTOP,
        )

    def _ids(self) -> tuple[list[int], bool]:
        """Return the ids in the given order, and whether they are a list."""
        return one_or_many_ids(self.video_id, "video_id")


def _value(ids: list[int], *, many: bool) -> Id | list[Id]:
    return [xcom_id(video_id) for video_id in ids] if many else xcom_id(ids[0])


def _failure(result: WaitResult) -> PixVerseError | None:
    return result.failure(on_retry=" The sensor can be cleared to wait for it again.")
