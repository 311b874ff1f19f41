"""Find the job of a task, or submit it: the only place that pays."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from pixverse_provider.api.fields import read_limit
from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseAuthenticationError,
    PixVerseCapacityError,
    PixVerseError,
    PixVerseInsufficientCreditsError,
    PixVerseNotFoundError,
    PixVersePermanentError,
    PixVerseRateLimitError,
    PixVerseTransientError,
    PixVerseUnresolvedSubmitError,
)
from pixverse_provider.jobs.outcome import Outcome, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.api.generations import GenerationRequest
    from pixverse_provider.api.results import JobResult, MediaType, Submission
    from pixverse_provider.jobs.record import JobRecord, JobStore

__all__ = ["Found", "JobSubmission", "Refused"]

log = logging.getLogger(__name__)


class PaidApi(Protocol):
    """What a submission needs of :class:`~pixverse_provider.hooks.pixverse.PixVerseHook`."""

    def get_conn(self) -> object:
        """Read the connection; raise where it cannot be used."""

    def submit(self, request: GenerationRequest, *, trace_id: str, attempts: int | None = None) -> Submission:
        """Submit a job, which costs credits."""

    def poll(self, media_type: MediaType, job_id: int) -> JobResult:
        """Read status and result of a job, once."""


@dataclass(frozen=True)
class Found:
    """The job of the task; its record has an id.

    :param result: what a poll of it has brought; None where there was none, or it failed.
    :param polled: whether it was polled.
    """

    job: JobRecord
    result: JobResult | None = None
    polled: bool = True


@dataclass(frozen=True)
class Refused:
    """A transient refusal of a submit, with which no job was made.

    :param job: with which to submit again.
    :param error: as PixVerse gave it.
    :param lasting: whether it may last, as the want of a slot does; else it is worth a few repeats.
    """

    job: JobRecord
    error: PixVerseTransientError
    lasting: bool


class JobSubmission:
    """Find the job that an earlier attempt left, or submit a new one.

    :param api: pays for the job.
    :param store: keeps its record.
    :param request: what is to be made.
    :param replay: whether a submit whose answer was lost is repeated under its own trace id.
    :param max_credits: a new job whose price is known to be higher is refused; a number or its text, None for
        no limit. It is read where a job is about to be paid, so that no value of it keeps a retry from a job
        that the record names. Where no record is kept, it holds for each attempt.
    :param before_paying: called before a new job is submitted; raises where it must not be.
    :param pending: the job with which an earlier part of this attempt went on; None at its beginning.
    :param clock: gives epoch seconds; that of the system by default.
    """

    def __init__(
        self,
        api: PaidApi,
        store: JobStore,
        request: GenerationRequest,
        *,
        replay: bool,
        max_credits: object = None,
        before_paying: Callable[[], None] | None = None,
        pending: JobRecord | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._api = api
        self._store = store
        self._request = request
        self._replay = replay
        self._max_credits = max_credits
        self._before_paying = before_paying
        self._pending = pending
        self._now = clock or time.time

    def find_or_submit(self) -> Found | Refused:
        """Return the job of the task; a new one is submitted where there is none that can bring a result.

        A job that is new has not been polled; every other one has, once. A poll that fails counts as running.

        :raises PixVerseError: where the submit was refused for good, or its answer was lost.
        """
        job, result, polled = self._begin()
        while True:
            # Without a record, a repeated trace id is what brings back what an earlier attempt got.
            repeated = job.job_id is None and self._store.may_be_repeated(job)
            earlier = job.job_id is not None or repeated
            if job.job_id is None:
                answer = self._submit(job, repeated=repeated)
                if isinstance(answer, Refused):
                    return answer
                job = answer
                if job.job_id is None:
                    continue
                if not job.replayed:
                    return Found(job, polled=False)
            if not polled:
                result = self._poll(job)
            reason = self._no_use(job, result, earlier=earlier)
            if reason is None:
                if earlier and not repeated:
                    log.info(
                        "%s was submitted by an earlier attempt; nothing is paid again.", self._name(job)
                    )
                return Found(job, result)
            log.warning("%s A new job is submitted, which is paid.", reason)
            job = self._store.replacement(self._with_end(job, result), self._now())
            result, polled = None, False

    def _begin(self) -> tuple[JobRecord, JobResult | None, bool]:
        """Return the job to go on with, what a poll of it has brought, and whether there was one."""
        if self._pending is not None:
            return self._pending, None, False
        record = self._store.load()
        if record is None:
            return self._store.open(0, self._now()), None, False
        if not self._store.has_this_input(record):
            log.warning(
                "The input or the connection of this task has changed since %s, which is left as it is: a "
                "new job is submitted and paid.",
                self._name(record),
            )
            return self._store.open(0, self._now(), record), None, False
        if self._store.was_cleared_since(record):
            return self._after_clear(record)
        return record, None, False

    def _after_clear(self, record: JobRecord) -> tuple[JobRecord, JobResult | None, bool]:
        """Pick up what was paid and never handed over; otherwise a clear means "make it again"."""
        reuse = self._store.reuse_on_clear
        name = self._name(record)
        if record.job_id is None:
            return self._submit_after_clear(record), None, False
        if record.handed_over and not reuse:
            log.info("The task was cleared: %s is left as it is, and a new job is submitted.", name)
            return self._store.replacement(record, self._now()), None, False
        result: JobResult | None = None
        forgotten = False
        try:
            result = self._api.poll(self._request.media_type, record.job_id)
        except PixVerseNotFoundError:
            forgotten = True
        except PixVerseError as err:
            log.info("The poll of %s after a clear failed, so it counts as running: %s", name, err)
        outcome = None if result is None else outcome_of(result)
        if outcome is Outcome.SUCCESS:
            log.info("The task was cleared, and %s is done and paid: it is picked up.", name)
            return self._store.adopt(record, picked_up=True), result, True
        # Only a poll that works proves that an old job still runs.
        wait = result is None or not record.is_given_up(self._now())
        if outcome is None and not forgotten and wait and (reuse or not record.picked_up):
            if reuse:
                log.info("The task was cleared, and %s, which is paid, is waited for (reuse_on_clear).", name)
            else:
                log.warning(
                    "The task was cleared while %s, which is paid, was under way: it is picked up; clear "
                    "once more for a new one.",
                    name,
                )
            return self._store.adopt(record, picked_up=True), result, True
        state = _state(outcome)
        if forgotten:
            state = "is not known to PixVerse any more"
        elif result is None:
            state = "cannot be polled now"
        log.warning("The task was cleared: %s %s and is left; a new job is submitted and paid.", name, state)
        return self._store.replacement(self._with_end(record, result), self._now()), None, False

    def _submit_after_clear(self, record: JobRecord) -> JobRecord:
        """Return what to submit after a clear, where an earlier attempt got no id."""
        reuse = self._store.reuse_on_clear
        if record.answer_lost and self._replay and (reuse or not record.picked_up):
            return self._store.adopt(record, picked_up=True)
        if record.answer_lost:
            log.warning(
                "The task was cleared: whether the submit under trace id %s has made a job is not known, and "
                "a new job is submitted and paid.",
                record.trace_id,
            )
        elif reuse:
            return self._store.adopt(record)
        return self._store.replacement(record, self._now())

    def _submit(self, job: JobRecord, *, repeated: bool) -> JobRecord | Refused:
        """Return the record with its id, or the next one, where the refusal was an earlier attempt's."""
        if job.answer_lost:
            self._announce_replay(job)
        else:
            # A job that may be paid already is looked for whatever it costs, and however it is waited for.
            self._check_price()
            if self._before_paying is not None:
                self._before_paying()
        # A connection that cannot be used must not look like a submit that was sent.
        self._api.get_conn()
        # A repeated submit is noted already; no failure of the store may keep it from a job that may be paid.
        if not job.answer_lost:
            self._store.save_intent(job)
        if not self._store.keeps_records:
            # Where nothing else would name it, should this process die before the answer.
            log.info("Submitting the %s under trace id %s.", self._request.kind, job.trace_id)
        try:
            submission = self._api.submit(
                self._request, trace_id=job.trace_id, attempts=None if self._replay else 1
            )
        except PixVerseError as err:
            job = self._store.after_refusal(job, err, self._now())
            self._store.save(job)
            if repeated and self._store.reuse_on_clear and _refused_for_good(err):
                log.info("The refusal of an earlier attempt came back; the next trace id is used.")
                return job
            return self._refused(job, err, repeated=repeated)
        job = replace(
            job,
            job_id=submission.video_id,
            credits=submission.credits,
            answer_lost=False,
            accepted_at=self._now(),
            replayed=job.answer_lost or submission.replayed or repeated,
        )
        # Before anything else: this line is what names a paid job where the store fails.
        log.info(
            "%s the %s: %s (trace id %s%s).",
            "Submitted again, under the same trace id," if job.replayed else "Submitted",
            self._request.kind,
            self._name(job),
            job.trace_id,
            "" if job.credits is None else f", {job.credits:g} credits",
        )
        self._store.save(job)
        return job

    def _refused(self, job: JobRecord, error: PixVerseError, *, repeated: bool) -> Refused:
        """Return a refusal that is worth waiting for; raise every other error.

        :param repeated: whether an earlier attempt may have used its trace id, where no record says so.
        """
        if job.answer_lost and not self._replay:
            raise self._unresolved(job, f"{error} ", error) from error
        if isinstance(error, PixVerseCapacityError | PixVerseRateLimitError):
            return Refused(job, error, lasting=True)
        if isinstance(error, PixVerseTransientError) and error.err_code is not None:
            # Where it may be an earlier attempt's that came back, it says nothing of PixVerse now.
            return Refused(job, error, lasting=repeated)
        # A gateway says this as often as PixVerse, or PixVerse has failed in a way that says nothing of the
        # job: neither must end for good what may be paid.
        unclear = (job.answer_lost or repeated) if error.err_code is None else not error.proves_no_job
        if unclear and isinstance(error, PixVersePermanentError):
            raise PixVerseAmbiguousSubmitError(
                f"{error} A submit under trace id {job.trace_id} may have made a job all the same, which is "
                "then paid.",
                err_code=error.err_code,
                http_status=error.http_status,
                trace_id=job.trace_id,
            ) from error
        raise error

    def _announce_replay(self, job: JobRecord) -> None:
        if not self._replay:
            raise self._unresolved(job, "An earlier attempt sent it. ")
        log.warning(
            "The answer to a submit under trace id %s was lost; it is repeated under the same trace id, "
            "which starts no second job.",
            job.trace_id,
        )

    def _unresolved(
        self, job: JobRecord, reason: str, error: PixVerseError | None = None
    ) -> PixVerseUnresolvedSubmitError:
        """Return the error that leaves it to a person whether a job was made."""
        return PixVerseUnresolvedSubmitError(
            f"{reason}The request to {self._request.call().what} under trace id {job.trace_id} got no "
            "answer, so a paid job may exist. Look for it at platform.pixverse.ai: where it is, go on with "
            "its id in PixVerseVideoSensor; where it is not, clear the task, which submits a new job and "
            "pays for it.",
            http_status=None if error is None else error.http_status,
            trace_id=job.trace_id,
        )

    def _check_price(self) -> None:
        """Refuse a job that is known to cost too much.

        :raises PixVerseInsufficientCreditsError: names the price and the limit.
        :raises PixVerseInvalidRequestError: where the limit is none.
        """
        limit = read_limit(self._max_credits, "max_credits")
        if limit is None:
            return
        price = self._request.estimated_credits()
        if price is None and self._pending is None:
            log.warning(
                "max_credits is not checked: the published prices do not tell beforehand what this %s costs.",
                self._request.kind,
            )
        elif price is not None and price > limit:
            raise PixVerseInsufficientCreditsError(
                f"The {self._request.kind} would cost {price} credits and max_credits is "
                f"{limit:g}: nothing was submitted. Raise max_credits, or ask for less."
            )

    def _poll(self, job: JobRecord) -> JobResult | None:
        """Poll once; an error is for the wait to judge, which polls again."""
        try:
            return self._api.poll(self._request.media_type, job.paid_id)
        except PixVerseError as err:
            log.info("The first poll of %s failed, so it counts as running: %s", self._name(job), err)
            return None

    def _no_use(self, job: JobRecord, result: JobResult | None, *, earlier: bool) -> str | None:
        """Say why a job can bring no result any more and a new one is due; None where it can.

        A job of this very attempt that has failed is for the retries of the task to decide, and one that was
        moderated would be refused again.
        """
        if result is None:
            # What an earlier attempt has seen of its end holds while it cannot be polled.
            if not earlier or job.outcome not in (Outcome.FAILED, Outcome.DELETED):
                return None
            return f"{self._name(job)} of an earlier attempt {_state(Outcome(job.outcome))}."
        outcome = outcome_of(result)
        if outcome is None and job.is_given_up(self._now()):
            return (
                f"{self._name(job)} still runs two hours after its id arrived and is given up: PixVerse "
                "gives up and refunds a job of that age."
            )
        if earlier and outcome in (Outcome.FAILED, Outcome.DELETED):
            return f"{self._name(job)} of an earlier attempt {_state(outcome)}."
        return None

    def _with_end(self, job: JobRecord, result: JobResult | None) -> JobRecord:
        """Return the record with what a poll has shown of its end, for the history."""
        outcome = None if result is None else outcome_of(result)
        if outcome is None and job.is_given_up(self._now()):
            outcome = Outcome.GIVEN_UP
        if outcome is None or job.outcome is not None:
            return job
        return job.ended(outcome, self._now())

    def _name(self, job: JobRecord) -> str:
        if job.job_id is None:
            return f"the submit under trace id {job.trace_id}"
        return f"PixVerse {self._request.media_type} {job.job_id}"


def _refused_for_good(error: PixVerseError) -> bool:
    """Tell whether a refusal may be that of an attempt before a clear, which its trace id brings back.

    A refused key is none: PixVerse checks the key before it checks the trace id.
    """
    permanent = isinstance(error, PixVersePermanentError) and not isinstance(
        error, PixVerseAuthenticationError
    )
    return permanent and error.proves_no_job and not error.answer_lost


_STATES = {
    Outcome.FAILED: "has failed and is refunded",
    Outcome.MODERATED: "did not pass the content moderation and is refunded",
    Outcome.DELETED: "was deleted",
}


def _state(outcome: Outcome | None) -> str:
    return "still runs" if outcome is None else _STATES[outcome]
