"""The trigger that waits for videos and images: it reads, and never submits."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from pixverse_provider.exceptions import PixVerseAuthenticationError, PixVerseError
from pixverse_provider.polling import Outcome, VideoWatch, Wait, WaitResult, make_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pixverse_provider.api.results import ResultKind
    from pixverse_provider.triggers.shared import SharedPoller

__all__ = ["PixVerseVideoTrigger"]


class PixVerseVideoTrigger(BaseTrigger):
    """Wait in the triggerer until videos are done, one of them cannot be, or the deadline comes.

    Everything is a JSON primitive and times are wall-clock, since a trigger may be moved to another process
    and run twice. It fires one event, see :func:`pixverse_provider.polling.read_event`.

    :param pixverse_conn_id: Airflow connection of type ``pixverse``.
    :param video_ids: ids as strings of digits.
    :param poll_interval: seconds between two looks at one video; None for the schedule of
        :func:`pixverse_provider.polling.pause_at_age`.
    :param started_at: epoch seconds at which the wait began.
    :param not_before: epoch seconds before which there is no look.
    :param deadline: epoch seconds at which the wait ends; the last look is made then.
    :param submitted_at: epoch seconds at which the job was submitted; ``started_at`` where it is not known.
    :param job: record of the job, given back in the event.
    :param result: what the jobs make, which says where their state is read.
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
        result: ResultKind = "video",
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
        self.result = result

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
                "result": self.result,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until every video is done, or one has ended otherwise; then fire the event."""
        results = await self._wait()
        if _key_is_wrong(results):
            # The key may have been changed in the connection since the shared client was made.
            results = await self._wait()
        yield TriggerEvent(make_event(results, self.job))

    async def on_kill(self) -> None:
        """Say that the videos go on; nothing more, since the next try may already wait for them."""
        self.log.warning(
            "The task was cleared or marked while it waited, but PixVerse %s %s goes on and is paid: "
            "PixVerse cannot cancel a job.",
            self.result,
            ", ".join(self.video_ids),
        )

    async def _wait(self) -> list[WaitResult]:
        """Wait with the shared poller; it is retired where its key is not accepted."""
        from pixverse_provider.triggers.shared import retire_poller, shared_poller

        # Reading the connection can fail for a moment, as a look can.
        connecting: VideoWatch | None = None
        while True:
            try:
                async with shared_poller(self.pixverse_conn_id) as poller:
                    # Most wait for one video, and none of them has more than it needs.
                    if len(self.video_ids) == 1:
                        results = [await self._wait_for(poller, self.video_ids[0])]
                    else:
                        results = await self._wait_for_all(poller)
                    if _key_is_wrong(results):
                        retire_poller(self.pixverse_conn_id, poller)
                    return results
            except PixVerseError as err:
                connecting = connecting or self._watch(self.video_ids[0])
                step = connecting.met(err, time.time())
            if not isinstance(step, Wait):
                await asyncio.sleep(connecting.first_look(time.time()))
                return [step]
            if step.notice:
                self.log.warning(step.notice)
            await asyncio.sleep(step.seconds)

    def _watch(self, video_id: str) -> VideoWatch:
        return VideoWatch(
            int(video_id),
            started_at=self.started_at,
            deadline=self.deadline,
            poll_interval=self.poll_interval,
            not_before=self.not_before,
            submitted_at=self.submitted_at,
            kind=self.result,
        )

    async def _wait_for_all(self, poller: SharedPoller) -> list[WaitResult]:
        """Return the results in the order of the ids.

        The first that is no success ends the wait for all; then the results are all of those that have ended
        so by then.
        """
        waits = [asyncio.create_task(self._wait_for(poller, video_id)) for video_id in self.video_ids]
        try:
            for wait in asyncio.as_completed(waits):
                result = await wait
                if result.outcome is not Outcome.SUCCESS:
                    ended = [wait.result() for wait in waits if wait.done()]
                    return [result for result in ended if result.outcome is not Outcome.SUCCESS]
            return [wait.result() for wait in waits]
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _wait_for(self, poller: SharedPoller, video_id: str) -> WaitResult:
        watch = self._watch(video_id)
        # Not before its own time, even where another trigger has seen the end of the video already.
        await asyncio.sleep(watch.first_look(time.time()))
        with poller.job(self.result, watch.video_id) as job:
            look = job.first_look()
            while True:
                try:
                    step = watch.saw(await look, time.time())
                except PixVerseError as err:
                    step = watch.met(err, time.time())
                if not isinstance(step, Wait):
                    return step
                if step.notice:
                    self.log.warning(step.notice)
                look = job.look(step.seconds)


def _key_is_wrong(results: list[WaitResult]) -> bool:
    return any(isinstance(result.error, PixVerseAuthenticationError) for result in results)
