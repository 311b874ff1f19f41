"""The trigger that waits for videos and images: it reads, and never submits."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from pixverse_provider.exceptions import PixVerseAuthenticationError, PixVerseError
from pixverse_provider.hooks.connection import GOES_ON
from pixverse_provider.jobs.outcome import Outcome, WaitResult, make_event
from pixverse_provider.jobs.record import JobRecord
from pixverse_provider.jobs.watch import LONGEST_LAST_POLL, JobWatch, Wait
from pixverse_provider.triggers.storable import check_traceback, storable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pixverse_provider.api.results import MediaType
    from pixverse_provider.triggers.shared import SharedPoller

__all__ = ["PixVerseVideoTrigger"]

# Seconds. After a restart the triggers of one job come shortly after each other.
_FRESH = 1.0
# Polls that are due at about the same time share the turns of the event loop, which cost about as much as the
# polls themselves.
_TICKS_A_SECOND = 64


class PixVerseVideoTrigger(BaseTrigger):
    """Wait in the triggerer until jobs are done, one of them cannot be, or the deadline comes.

    Everything is a JSON primitive and times are wall-clock, since a trigger may be moved to another process
    and run twice. It fires one event, see :func:`pixverse_provider.jobs.outcome.read_event`.

    :param pixverse_conn_id: Airflow connection of type ``pixverse``.
    :param video_ids: ids as strings of digits, of videos or images.
    :param poll_interval: seconds between two polls of one job; None for the schedule of
        :func:`pixverse_provider.jobs.watch.pause_at_age`.
    :param started_at: epoch seconds at which the wait began.
    :param not_before: epoch seconds before which there is no poll.
    :param deadline: epoch seconds at which the wait ends; the last poll is made then.
    :param submitted_at: epoch seconds at which the job was submitted; ``started_at`` where it is not known.
    :param job: record of the job, given back in the event.
    :param media_type: what the jobs make, which says where their state is read.
    :param result: the same, as the first version stored it.
    """

    def __init__(
        self,
        *,
        pixverse_conn_id: str,
        video_ids: list[str],
        poll_interval: float | None = None,
        started_at: float,
        not_before: float,
        deadline: float,
        submitted_at: float | None = None,
        job: dict[str, Any] | None = None,
        media_type: MediaType = "video",
        result: MediaType | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pixverse_conn_id = pixverse_conn_id
        self.video_ids = video_ids
        self.poll_interval = poll_interval
        self.started_at = started_at
        self.not_before = not_before
        self.deadline = deadline
        self.submitted_at = submitted_at
        self.job = job
        self.media_type: MediaType = result or media_type

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and all arguments."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "pixverse_conn_id": self.pixverse_conn_id,
                "video_ids": self.video_ids,
                "poll_interval": self.poll_interval,
                "started_at": self.started_at,
                "not_before": self.not_before,
                "deadline": self.deadline,
                "submitted_at": self.submitted_at,
                "job": self.job,
                "media_type": self.media_type,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until every job is done, or one has ended otherwise; then fire the event."""
        try:
            # Reading the connection, or a poll in the queue, must not hold it for longer.
            async with asyncio.timeout(max(0.0, self.deadline - time.time()) + LONGEST_LAST_POLL):
                results = await self._wait()
        except TimeoutError:
            results = list(map(self._timed_out, self.video_ids))
        except Exception as err:
            check_traceback(err)
            raise
        yield TriggerEvent(storable(make_event(results, self.job, self.deadline)))

    async def on_kill(self) -> None:
        """Say that the jobs go on; nothing more, since the next try may already wait for them."""
        self.log.warning(
            "The task was cleared or marked while it waited, but PixVerse %s %s goes on and is paid: "
            "PixVerse cannot cancel a job.",
            self.media_type,
            ", ".join(self.video_ids),
        )

    async def _wait(self) -> list[WaitResult]:
        """Wait with the shared poller; where the key is refused, with the next, if that has another."""
        from pixverse_provider.triggers.shared import check_poller, retire_poller, shared_poller

        # Reading the connection can fail with a transient error, as a poll can.
        connecting: JobWatch | None = None
        refused: tuple[SharedPoller, list[WaitResult]] | None = None
        while True:
            try:
                async with shared_poller(self.pixverse_conn_id) as poller:
                    # The secret of another service is no other key of this one.
                    if refused is not None and (poller.refusal or poller.has_key_of(refused[0])):
                        return refused[1]
                    if self.job is None:
                        check_poller(self.pixverse_conn_id, poller)
                    elif poller.refusal is not None:
                        self.log.warning(GOES_ON, poller.refusal)
                    # Most wait for one job, and none of them has more than it needs.
                    if len(self.video_ids) == 1:
                        results = [await self._wait_for(poller, self.video_ids[0])]
                    else:
                        results = await self._wait_for_all(poller)
                    if not _key_is_refused(results):
                        return results
                    retire_poller(self.pixverse_conn_id, poller)
                    refused = poller, results
                    connecting = None
                    continue
            except PixVerseError as err:
                # One for all: they began at the same time and have the same errors.
                connecting = connecting or self._watch(self.video_ids[0])
                step = connecting.on_error(err, time.time())
            if isinstance(step, WaitResult):
                # Not before its own time, as for every other ending.
                await asyncio.sleep(connecting.first_poll(time.time()))
                return _for_each(step, self.video_ids)
            if step.notice:
                self.log.warning(step.notice)
            await asyncio.sleep(step.seconds)

    def _timed_out(self, video_id: str) -> WaitResult:
        waited = time.time() - self.started_at
        return WaitResult(Outcome.TIMEOUT, int(video_id), waited, media_type=self.media_type)

    def _watch(self, video_id: str) -> JobWatch:
        return JobWatch(
            int(video_id),
            started_at=self.started_at,
            deadline=self.deadline,
            poll_interval=self.poll_interval,
            not_before=self.not_before,
            submitted_at=self.submitted_at,
            give_up_at=self._give_up_at(),
            media_type=self.media_type,
        )

    def _give_up_at(self) -> float | None:
        """Return from when on the job is given up; a sensor does not know the age of its jobs."""
        if self.job is None:
            return None
        try:
            return JobRecord.from_json(self.job).give_up_at
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            return None

    async def _wait_for_all(self, poller: SharedPoller) -> list[WaitResult]:
        """Return the results in the order of the ids.

        The first that can be no success any more ends the wait for all; then the results are all of those
        that have ended so by then. The deadline is the same for all, and all have their last poll then.
        """
        waits = [asyncio.create_task(self._wait_for(poller, video_id)) for video_id in self.video_ids]
        try:
            for wait in asyncio.as_completed(waits):
                result = await wait
                if result.outcome not in (Outcome.SUCCESS, Outcome.TIMEOUT):
                    break
            ended = [wait.result() for wait in waits if wait.done()]
            return [result for result in ended if result.outcome is not Outcome.SUCCESS] or ended
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _wait_for(self, poller: SharedPoller, video_id: str) -> WaitResult:
        watch = self._watch(video_id)
        # Not before its own time, even where another trigger has seen the end of the job already.
        await asyncio.sleep(watch.first_poll(time.time()))
        with poller.job(self.media_type, watch.job_id) as job:
            max_age = _FRESH
            while True:
                try:
                    step = watch.on_result(await job.poll(max_age), time.time())
                except PixVerseError as err:
                    step = watch.on_error(err, time.time())
                if not isinstance(step, Wait):
                    return step
                if step.notice:
                    self.log.warning(step.notice)
                await asyncio.sleep(_to_tick(step.seconds))
                # The poll of another trigger of the same job will do, but not for the last one.
                max_age = step.seconds / 2 if time.time() < self.deadline else 0.0


def _to_tick(pause: float) -> float:
    """Return the pause that ends at the next tick of the clock."""
    now = time.time()
    return math.ceil((now + pause) * _TICKS_A_SECOND) / _TICKS_A_SECOND - now


def _for_each(result: WaitResult, video_ids: list[str]) -> list[WaitResult]:
    return [replace(result, job_id=int(video_id)) for video_id in video_ids]


def _key_is_refused(results: list[WaitResult]) -> bool:
    return any(
        isinstance(result.error, PixVerseAuthenticationError) and result.error.key_refused
        for result in results
    )
