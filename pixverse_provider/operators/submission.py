"""Find the job of a task, or submit it: at most one paid job for a task and its input."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseCapacityError,
    PixVerseError,
    PixVerseNotFoundError,
    PixVerseTransientError,
    PixVerseUnresolvedSubmitError,
)
from pixverse_provider.polling import Outcome, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.api.generations import GenerationRequest
    from pixverse_provider.api.results import JobResult
    from pixverse_provider.durability import JobKeeper, JobRecord
    from pixverse_provider.hooks.pixverse import PixVerseHook

__all__ = ["JobSubmitter"]

log = logging.getLogger(__name__)


class JobSubmitter:
    """Find the job that an earlier attempt left, or submit a new one.

    :param hook: pays for the job.
    :param keeper: keeps its record.
    :param request: what is to be made.
    :param replay: whether a submit whose answer was lost is repeated under its own trace id.
    :param check_price: raises where the job would cost too much; called before each submit of a new job.
    """

    def __init__(
        self,
        hook: PixVerseHook,
        keeper: JobKeeper,
        request: GenerationRequest,
        *,
        replay: bool,
        check_price: Callable[[], None],
    ) -> None:
        self._hook = hook
        self._keeper = keeper
        self._request = request
        self._replay = replay
        self._check_price = check_price
        self.pending: JobRecord | None = None
        """The job with which to go on after a refusal; it matters only where no record is kept."""

    def find_or_submit(self) -> tuple[JobRecord, JobResult | None]:
        """Return the job and what a first look at it shows (None where the look failed in a way that passes).

        :raises PixVerseError: where the submit was refused, or its answer was lost.
        """
        job = self._keeper.find() or self.pending or self._keeper.open(0, time.time())
        while True:
            # Without a record, a repeated trace id is what brings back what an earlier attempt got.
            repeated = self._keeper.may_be_repeated(job)
            found = job.video_id is not None
            if found:
                log.info(
                    "PixVerse %s %s was submitted by an earlier attempt; nothing is paid again.",
                    self._request.result,
                    job.video_id,
                )
            else:
                try:
                    job = self._submit(job, repeated=repeated)
                except PixVerseError as err:
                    capacity = isinstance(err, PixVerseCapacityError)
                    if not repeated or capacity or err.err_code is None or err.answer_lost:
                        raise
                    log.info("The refusal of an earlier attempt came back; the next trace id is used.")
                    job = self._keeper.open(job.generation + 1, time.time())
                    continue
            try:
                video = self._look_once(job)
            except PixVerseNotFoundError:
                # Cleared, so that it is made again: a job that PixVerse has forgotten cannot be reused.
                if not (found and self._keeper.was_cleared_since(job)):
                    video = None
                else:
                    log.info("PixVerse knows video %s no more; a new job is submitted.", job.video_id)
                    job = self._keeper.open(job.generation + 1, time.time())
                    continue
            if not self._is_of_no_use(job, video, earlier=found or repeated):
                return job, video
            job = self._keeper.open(job.generation + 1, time.time())

    def _submit(self, job: JobRecord, *, repeated: bool) -> JobRecord:
        if job.answer_lost and not self._replay and self._keeper.was_cleared_since(job):
            job = self._keeper.open(job.generation + 1, time.time())
        if job.answer_lost:
            self._announce_replay(job)
        else:
            # A job that may be paid already is looked for whatever it costs.
            self._check_price()
        # A connection that cannot be used must not look like a submit that was sent.
        self._hook.get_conn()
        self._keeper.before_submit(job)
        try:
            submission = self._hook.submit(
                self._request, trace_id=job.trace_id, attempts=None if self._replay else 1
            )
        except PixVerseError as err:
            self.pending = self._keeper.keep(self._keeper.after_refusal(job, err, time.time()))
            if isinstance(err, PixVerseAmbiguousSubmitError) and not self._replay:
                raise PixVerseUnresolvedSubmitError(
                    str(err), http_status=err.http_status, trace_id=err.trace_id
                ) from err
            raise
        job = self._keeper.keep(
            replace(
                job,
                video_id=submission.video_id,
                credits=submission.credits,
                answer_lost=False,
                accepted_at=time.time(),
                replayed=job.answer_lost or submission.replayed or repeated,
            )
        )
        log.info(
            "Submitted the %s: PixVerse %s %s (trace id %s%s).",
            self._request.kind,
            self._request.result,
            job.video_id,
            job.trace_id,
            "" if job.credits is None else f", {job.credits:g} credits",
        )
        return job

    def _announce_replay(self, job: JobRecord) -> None:
        if not self._replay:
            raise PixVerseUnresolvedSubmitError(
                f"An earlier attempt sent the request to {self._request.call().what} under trace id "
                f"{job.trace_id} and got no answer, so a paid job may exist. Look for it at "
                "platform.pixverse.ai: where it is, go on with its id in PixVerseVideoSensor; where it is "
                "not, clear the task, which submits a new job and pays for it.",
                trace_id=job.trace_id,
            )
        log.warning(
            "An earlier attempt submitted under trace id %s and its answer was lost; repeating it under the "
            "same trace id, which starts no second job.",
            job.trace_id,
        )

    def _look_once(self, job: JobRecord) -> JobResult | None:
        try:
            return self._hook.look_at(self._request.result, job.paid_id)
        except PixVerseTransientError as err:
            log.info("The first look at PixVerse %s %s failed: %s", self._request.result, job.video_id, err)
            return None

    def _is_of_no_use(self, job: JobRecord, video: JobResult | None, *, earlier: bool) -> bool:
        """Tell whether a job can give no video any more and a new one is due.

        A job of this very attempt that has failed is for the retries of the task to decide.
        """
        outcome = None if video is None else outcome_of(video.status)
        if outcome is None and job.is_dud(time.time()):
            log.warning(
                "PixVerse %s %s came from a repeated submit and never left its running state; it is "
                "given up and a new job is submitted.",
                self._request.result,
                job.video_id,
            )
            return True
        if earlier and outcome in (Outcome.FAILED, Outcome.DELETED):
            log.info(
                "PixVerse %s %s of an earlier attempt ended as %s; a new job is submitted.",
                self._request.result,
                job.video_id,
                outcome,
            )
            return True
        return False
