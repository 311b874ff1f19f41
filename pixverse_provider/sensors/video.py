"""A sensor that waits for videos; it submits nothing, so its retries are free on every Airflow version."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowFailException, PokeReturnValue, conf

from pixverse_provider.api.ids import Id, one_or_many_ids, xcom_id
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.jobs.outcome import NextSteps, Outcome, WaitResult, read_event
from pixverse_provider.jobs.watch import JobWatch, Wait, poll_once
from pixverse_provider.sensors._polling import PollingSensor, for_good

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context, XComArg
    from airflow.triggers.base import BaseTrigger

    from pixverse_provider.exceptions import PixVerseError

__all__ = ["PixVerseVideoSensor"]

_DEFAULT_POKE_INTERVAL = 10.0


class PixVerseVideoSensor(PollingSensor):
    """Wait until a PixVerse video is done, or every video of a list; free.

    All modes (``poke``, ``reschedule``, ``deferrable=True``) end alike: a video that failed, was moderated or
    deleted fails the sensor at once, since waiting again cannot help; ``soft_fail`` turns that, and a
    timeout, into a skip. Transient errors never fail it; a key that PixVerse refuses fails it at once, three
    refusals in a row that may come from a gateway do, and so does a connection that is missing for two
    minutes.
    ``exponential_backoff`` has no effect when deferrable.

    Returns the id, or the list of ids in the given order. An empty list is a success.

    :param video_id: one id or a list of them, as ints or digits; a template may render to a JSON list
        (templated).
    :param pixverse_conn_id: Airflow connection of type ``pixverse`` (templated).
    :param deferrable: wait in the triggerer and hold no worker; the default is ``[operators]
        default_deferrable``.
    :param poke_interval: seconds between two polls of a video, or a ``timedelta``; less than 1 counts as 1
        when deferrable.
    :param timeout: seconds until the sensor gives up, or a ``timedelta``; the videos go on. The default is
        ``[sensors] default_timeout``, 7 days.
    """

    template_fields: Sequence[str] = ("video_id", "pixverse_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"video_id": "json"}
    ui_color = "#e8e3ff"

    def __init__(
        self,
        *,
        video_id: Id | Sequence[Id | XComArg] | XComArg,
        pixverse_conn_id: str = PixVerseHook.default_conn_name,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: float | timedelta = _DEFAULT_POKE_INTERVAL,
        timeout: float | timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(deferrable=deferrable, poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.video_id = video_id
        self.pixverse_conn_id = pixverse_conn_id
        self._done: set[int] = set()
        self._watches: dict[int, JobWatch] = {}

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Poll every video that is not known to be done; when deferrable, up to the first that is not.

        :raises AirflowFailException: where a video cannot be done any more.
        """
        ids, many = self._ids()
        if not ids:
            self.log.info("video_id is an empty list: there is nothing to wait for.")
        self._pause_after_error = 0.0
        with PixVerseHook(self.pixverse_conn_id) as hook:
            # The triggerer polls all at once, where a worker polls one after the other.
            polls = (self._is_done(hook, video_id) for video_id in ids)
            done = all(polls) if self.deferrable else all([*polls])
        return PokeReturnValue(is_done=True, xcom_value=_value(ids, many=many)) if done else False

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Id | list[Id]:
        """Take the event of the trigger; ends as poking would have."""
        results, _, _ = read_event(event)
        # One that can be no success any more says more than those for which there was too little time.
        failed = [result for result in results if result.outcome is not Outcome.SUCCESS]
        failed.sort(key=lambda result: result.outcome is Outcome.TIMEOUT)
        for result in failed[1:]:
            self.log.error("%s", _failure(result))
        if failed:
            others = [str(result.job_id) for result in failed[1:] if result.outcome is Outcome.TIMEOUT]
            self._raise_failure(failed[0], f" Nor was PixVerse video {', '.join(others)}." if others else "")
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
        watch = self._watches.get(video_id)
        if watch is None:
            # Airflow ends a poke at its timeout.
            watch = self._watches[video_id] = JobWatch(
                video_id, started_at=time.time(), deadline=math.inf, poll_interval=self._poll_interval()
            )
        step = self._poll_until_decided(watch, lambda: poll_once(hook, watch))
        if isinstance(step, Wait):
            if watch.last_error is None:
                self.log.info("PixVerse video %s is not done yet.", video_id)
            return False
        self._raise_failure(step)
        self._done.add(video_id)
        return True

    def _raise_failure(self, result: WaitResult, others: str = "") -> None:
        error = _failure(result)
        if error is None:
            return
        if result.outcome is Outcome.TIMEOUT:
            self._raise_timeout(f"{error}{others}", error)
        if isinstance(error, AirflowFailException):
            raise error
        # A retry of the sensor would only poll the same dead job again.
        raise for_good(error) from error

    def _trigger(self, *, started_at: float, not_before: float, deadline: float) -> BaseTrigger:
        from pixverse_provider.triggers.video import PixVerseVideoTrigger

        ids, _ = self._ids()
        return PixVerseVideoTrigger(
            pixverse_conn_id=self.pixverse_conn_id,
            video_ids=[str(video_id) for video_id in ids],
            poll_interval=self._poll_interval(),
            started_at=started_at,
            not_before=not_before,
            deadline=deadline,
        )

    def _after_a_timeout(self) -> str:
        ids, _ = self._ids()
        waiting = [str(video_id) for video_id in ids if video_id not in self._done]
        errors = [watch.last_error for watch in self._watches.values() if watch.last_error is not None]
        failed = f" The last poll failed: {errors[-1]}" if errors else ""
        odd = "".join(
            f" {watch.name}:{watch.oddities}"
            for video_id, watch in self._watches.items()
            if video_id not in self._done and watch.oddities
        )
        return (
            f"Not done: PixVerse video {', '.join(waiting)}. They go on at PixVerse and are paid; clear the "
            f"sensor to wait for them again.{odd}{failed}"
        )

    def _ids(self) -> tuple[list[int], bool]:
        """Return the ids in the given order, and whether they are a list."""
        return one_or_many_ids(self.video_id, "video_id")


def _value(ids: list[int], *, many: bool) -> Id | list[Id]:
    return [xcom_id(video_id) for video_id in ids] if many else xcom_id(ids[0])


def _failure(result: WaitResult) -> PixVerseError | None:
    return result.failure(NextSteps("Clear the sensor to wait for it again."))
