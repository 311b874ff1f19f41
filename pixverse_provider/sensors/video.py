"""A sensor that waits for videos; it submits nothing, so its retries are free on every Airflow version."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowFailException, PokeReturnValue, conf

from pixverse_provider.api.ids import Id, one_or_many_ids, shown, xcom_id
from pixverse_provider.api.results import VideoStatus
from pixverse_provider.exceptions import PixVerseNotFoundError, error_from_dict
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.jobs.log_lines import names_of
from pixverse_provider.jobs.outcome import Outcome, WaitResult, read_event
from pixverse_provider.jobs.watch import JobWatch, Wait, poll_once
from pixverse_provider.links import PixVerseVideoLink
from pixverse_provider.sensors._polling import PollingSensor, for_good
from pixverse_provider.tasks import fails_plainly

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
    operator_extra_links = (PixVerseVideoLink(),)
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
        elif not self.has_page:
            PixVerseVideoLink().push(self, context)
        self._pause_after_error = 0.0
        with self._hook() as hook:
            # The triggerer polls all at once, where a worker polls one after the other.
            polls = (self._is_done(hook, video_id) for video_id in ids)
            done = all(polls) if self.deferrable else all([*polls])
        return PokeReturnValue(is_done=True, xcom_value=_value(ids, many=many)) if done else False

    @fails_plainly
    def execute_complete(self, context: Context, event: dict[str, Any]) -> Id | list[Id]:
        """Take the event of the trigger; ends as poking would have."""
        self.has_page = True
        results, _, _ = read_event(event)
        failed = [result for result in results if result.outcome is not Outcome.SUCCESS]
        late = [result for result in failed if result.outcome is Outcome.TIMEOUT]
        # One that can be no success any more says more than those for which there was too little time.
        over = [result for result in failed if result.outcome is not Outcome.TIMEOUT]
        for result in over[1:]:
            self.log.error("%s", self._failure(result))
        if over:
            if late:
                self.log.error("%s", self._said(late))
            self._raise_failure(over[0])
        if late:
            self._raise_timeout(late[0].waited, self._said(late), late[-1].error)
        self._tell_end(max(result.waited for result in results))
        ids, many = self._ids()
        return _value(ids, many=many)

    def on_kill(self) -> None:
        """Say that what runs goes on: PixVerse has no call to cancel it."""
        self.log.warning(
            "The sensor was killed; PixVerse cannot cancel a job, so what runs goes on: %s", self.video_id
        )

    def _is_done(self, hook: PixVerseHook, video_id: int) -> bool:
        if video_id in self._done:
            return True
        watch = self._watch(video_id)
        step = self._poll_until_decided(watch, lambda: poll_once(hook, watch))
        if isinstance(step, Wait):
            return False
        self._raise_failure(step)
        self._done.add(video_id)
        return True

    def _raise_failure(self, result: WaitResult) -> None:
        error = self._failure(result)
        if error is None:
            return
        if isinstance(error, AirflowFailException):
            raise error
        # A retry of the sensor would only poll the same dead job again.
        raise for_good(error) from error

    def _failure(self, result: WaitResult) -> PixVerseError | None:
        """Return the exception that an ending means to somebody who only waits, and knows of no payment."""
        error = result.error
        if result.outcome is not Outcome.ERROR or error is None:
            return result.failure()
        if isinstance(error, PixVerseNotFoundError):
            message = f"{self._not_known(result)} {error}"
        else:
            goes_on = " It goes on at PixVerse." if _runs(result) else ""
            message = (
                f"{error} PixVerse video {result.job_id} cannot be waited for now.{goes_on} Clear the sensor "
                "to wait for it again."
            )
        return error_from_dict(error.to_dict() | {"message": message, "video_id": str(result.job_id)})

    def _said(self, late: Sequence[WaitResult]) -> str:
        """Say at the timeout which are not done, and which of them are known to go on.

        :param late: at least one.
        """
        said = [f"Not done: {_videos(late)}."]
        runs = [result for result in late if _runs(result)]
        if runs:
            which = _videos(runs) if len(runs) < len(late) else "It" if len(late) == 1 else "They"
            said.append(f"{which} {'goes' if len(runs) == 1 else 'go'} on at PixVerse.")
        said += [
            self._not_known(result) for result in late if isinstance(result.error, PixVerseNotFoundError)
        ]
        said.append(f"Clear the sensor to wait for {'it' if len(late) == 1 else 'them'} again.")
        said += [f"PixVerse video {result.job_id}:{result.oddities}" for result in late if result.oddities]
        errors = [result.error for result in late if result.error is not None]
        if errors:
            said.append(f"The last poll failed: {errors[-1]}")
        return " ".join(said)

    def _not_known(self, result: WaitResult) -> str:
        return (
            f"PixVerse knows no video {result.job_id} under the key of connection "
            f"{shown(self.pixverse_conn_id)}."
        )

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
        return self._said(
            [self._watch(each).out_of_time(time.time()) for each in ids if each not in self._done]
        )

    def _left(self) -> str:
        return names_of([each for each in self._ids()[0] if each not in self._done])

    def _reached(self) -> str:
        ids, _ = self._ids()
        if not ids:
            return "Nothing was waited for: done"
        return f"{names_of(ids)} {'is' if len(ids) == 1 else 'are'} done"

    def _watch(self, video_id: int) -> JobWatch:
        watch = self._watches.get(video_id)
        if watch is None:
            # Airflow ends a poke at its timeout.
            watch = self._watches[video_id] = JobWatch(
                video_id,
                started_at=time.time(),
                deadline=math.inf,
                poll_interval=self._poll_interval(),
                tells_progress=False,
            )
        return watch

    def _ids(self) -> tuple[list[int], bool]:
        """Return the ids in the given order, and whether they are a list."""
        return one_or_many_ids(self.video_id, "video_id")


def _value(ids: list[int], *, many: bool) -> Id | list[Id]:
    return [xcom_id(video_id) for video_id in ids] if many else xcom_id(ids[0])


def _runs(result: WaitResult) -> bool:
    """Tell whether a poll has read that it runs, and no later one that PixVerse knows no such video."""
    if result.result is None or isinstance(result.error, PixVerseNotFoundError):
        return False
    return VideoStatus.known(result.result.status) is VideoStatus.GENERATING


def _videos(results: Sequence[WaitResult]) -> str:
    ids = ", ".join(str(result.job_id) for result in results)
    return f"PixVerse video{'' if len(results) == 1 else 's'} {ids}"
