"""What is known of the job of a task, and where it is kept: Airflow's task state store.

PixVerse bills on submit, cannot cancel and cannot list. So what ties a job to a task is written down before
the request is sent, and a job that is replaced stays in the history.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from pixverse_provider.api.protocol import new_trace_id
from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseError,
    PixVerseTransientError,
    PixVerseTriggerEventError,
)
from pixverse_provider.jobs.identity import submit_trace_id
from pixverse_provider.jobs.outcome import Outcome
from pixverse_provider.jobs.watch import GIVE_UP_AGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pixverse_provider.jobs.identity import Attempt, TaskIdentity

__all__ = ["MOST_EARLIER_JOBS", "STORE_KEY", "AttemptState", "JobRecord", "JobStore", "job_of_event"]

log = logging.getLogger(__name__)

STORE_KEY = "pixverse_job"
"""Under which the record of a task instance is kept in its task state store."""

MOST_EARLIER_JOBS = 20
"""So many jobs of a task are remembered beside the present one."""

REFUSALS_OF_ONE_TRACE_ID = 3
"""Below Airflow 3.3: how many transient refusals one trace id gets before the next one is tried."""

_LONGEST_MESSAGE = 500
_REFUNDED = (Outcome.FAILED, Outcome.MODERATED, Outcome.GIVEN_UP)


@dataclass(frozen=True)
class JobRecord:
    """One job of a task, from before its submit to its end.

    Times are epoch seconds here and ISO 8601 in JSON.

    :param trace_id: under which it is submitted.
    :param clear_marker: of its trace id, see
        :func:`~pixverse_provider.jobs.identity.submit_trace_id`.
    :param sequence: number of the submission, which counts the jobs of this task and input before it.
    :param submitted_at: first submit under this trace id.
    :param job_id: None until the answer has arrived.
    :param credits: that PixVerse says it charged.
    :param credits_refunded: that PixVerse refunds, by its documents, for an ending as this one.
    :param answer_lost: whether a submit was sent, or may have been, without an answer; a refusal that follows
        does not prove that no job was made.
    :param replayed: whether the id came from a repeated submit.
    :param accepted_at: when the id arrived; None until then.
    :param refusals: transient refusals of this trace id so far, where no record is kept.
    :param max_tries: of the attempts that this job belongs to; only a clear raises it.
    :param try_number: of the attempt that submitted it.
    :param outcome: how it ended, as far as the task knows.
    :param message: of its end.
    :param ended_at: when the task learned of its end.
    :param handed_over: whether its id was returned, or its failure raised; a clear then means "make it
        again".
    :param picked_up: whether a clear has picked it up, since nothing of it had been handed over.
    :param earlier: jobs of this task before it, the latest first, as JSON.
    """

    trace_id: str
    clear_marker: int | None
    sequence: int
    submitted_at: float
    job_id: int | None = None
    credits: float | None = None
    credits_refunded: float | None = None
    answer_lost: bool = False
    replayed: bool = False
    accepted_at: float | None = None
    refusals: int = 0
    max_tries: int | None = None
    try_number: int | None = None
    outcome: str | None = None
    message: str | None = None
    ended_at: float | None = None
    handed_over: bool = False
    picked_up: bool = False
    earlier: tuple[dict[str, Any], ...] = ()

    @property
    def paid_id(self) -> int:
        """The id of a job that has been accepted."""
        if self.job_id is None:
            raise ValueError(f"the job of trace id {self.trace_id} has no id yet")
        return self.job_id

    @property
    def give_up_at(self) -> float | None:
        """Epoch seconds from when on it is given up if it still runs; None without an id.

        It counts from the time that the id arrived: where the first submit never reached PixVerse, the
        repeated one made a job that is no older than that.
        """
        if self.job_id is None:
            return None
        return (self.submitted_at if self.accepted_at is None else self.accepted_at) + GIVE_UP_AGE

    def is_given_up(self, now: float) -> bool:
        """Tell whether it is given up if it still runs."""
        return self.give_up_at is not None and now >= self.give_up_at

    def ended(self, outcome: Outcome, now: float, *, message: str = "", handed_over: bool = False) -> Self:
        """Return the record of its end."""
        refunded = self.credits if outcome in _REFUNDED else None
        return replace(
            self,
            outcome=outcome.value,
            message=message[:_LONGEST_MESSAGE] or None,
            ended_at=now,
            credits_refunded=refunded,
            handed_over=self.handed_over or handed_over,
        )

    def history(self) -> tuple[dict[str, Any], ...]:
        """Return the jobs of this task with this one, the latest first; one that was never sent is none."""
        if self.job_id is None and not self.answer_lost:
            return self.earlier
        names = (
            "job_id",
            "trace_id",
            "try_number",
            "outcome",
            "message",
            "credits",
            "credits_refunded",
            "submitted_at",
            "accepted_at",
            "ended_at",
        )
        entry = {name: value for name, value in self.to_json().items() if name in names}
        if self.job_id is None:
            entry["outcome"] = "answer_lost"
        return (entry, *self.earlier)[:MOST_EARLIER_JOBS]

    def to_json(self) -> dict[str, Any]:
        """Return JSON primitives; the id as digits, which no database and no browser rounds."""
        data = {field.name: getattr(self, field.name) for field in fields(self)}
        times = {name: _iso(data[name]) for name in _TIMES}
        job_id = None if self.job_id is None else str(self.job_id)
        return data | times | {"job_id": job_id, "earlier": list(self.earlier)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote, also that of the first version.

        :raises KeyError, TypeError, ValueError: for anything else.
        """
        known = {field.name: data[field.name] for field in fields(cls) if field.name in data}
        for name, old in (("clear_marker", "epoch"), ("sequence", "generation"), ("job_id", "video_id")):
            known.setdefault(name, data.get(old))
        times = {name: _seconds(known.get(name)) for name in _TIMES}
        if times["submitted_at"] is None:
            raise KeyError("submitted_at")
        earlier = known.get("earlier") or ()
        known |= times | {
            "trace_id": str(known["trace_id"]),
            "sequence": int(known["sequence"]),
            "job_id": None if known["job_id"] is None else int(known["job_id"]),
            # The first version did not write it: a clear must not bring a video that was returned long ago.
            "handed_over": bool(known.get("handed_over", True)),
            "earlier": tuple(dict(entry) for entry in earlier)[:MOST_EARLIER_JOBS],
        }
        return cls(**known)


_TIMES = ("submitted_at", "accepted_at", "ended_at")


def _iso(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _seconds(time: Any) -> float | None:
    if time is None:
        return None
    if isinstance(time, str):
        return datetime.fromisoformat(time).timestamp()
    seconds = float(time)
    # A time that no calendar knows could be read, but not written again.
    _iso(seconds)
    return seconds


def job_of_event(data: Mapping[str, Any] | None) -> JobRecord:
    """Read the job record that travelled through a trigger.

    :raises PixVerseTriggerEventError: where there is none, or it cannot be read.
    """
    try:
        return JobRecord.from_json(data or {})
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as err:
        raise PixVerseTriggerEventError(
            f"The event of the trigger holds no job record that this version understands ({err!r}). The job "
            "goes on; a retry finds it again."
        ) from err


@dataclass(frozen=True)
class AttemptState:
    """Where an attempt stands; over a deferred pause it travels through the trigger and back in its event.

    :param deadline: of the attempt, in epoch seconds.
    :param pauses: how often the submit was refused.
    :param internal_errors: how often of these with an internal error of PixVerse.
    :param job: with which to submit again; None at the beginning.
    """

    deadline: float
    pauses: int = 0
    internal_errors: int = 0
    job: JobRecord | None = None

    def to_json(self) -> dict[str, Any]:
        """Return JSON primitives."""
        job = None if self.job is None else self.job.to_json()
        return {
            "deadline": self.deadline,
            "pauses": self.pauses,
            "internal_errors": self.internal_errors,
            "job": job,
        }

    @classmethod
    def read(
        cls,
        event: Any,
        waiting_since: float | None,
        pauses: int,
        pending: Mapping[str, Any] | None,
        *,
        budget: float,
    ) -> Self:
        """Read the event of a pause, or else the arguments with which the first version deferred.

        :param budget: seconds that an attempt may last.
        """
        if not (isinstance(event, dict) and "state" in event):
            deadline = (time.time() if waiting_since is None else waiting_since) + budget
            return cls(deadline, pauses, job=None if pending is None else job_of_event(pending))
        try:
            state = event["state"]
            job = None if state["job"] is None else job_of_event(state["job"])
            return cls(float(state["deadline"]), int(state["pauses"]), int(state["internal_errors"]), job)
        except (KeyError, OverflowError, TypeError, ValueError) as err:
            raise PixVerseTriggerEventError(
                f"The event of the pause holds a state that this version does not understand ({err!r}); a "
                "retry goes on with the job."
            ) from err


class JobStore:
    """The jobs of one task instance and one input, in Airflow's task state store, which survives a retry.

    :param store: ``context["task_state_store"]``; None below Airflow 3.3 and without ``durable``, where
        nothing is kept and the trace id alone finds the job again.
    :param identity: of the task.
    :param attempt: that runs now.
    :param fingerprint: of the rendered input.
    :param durable: False gives every attempt a trace id of its own and keeps no record.
    :param reuse_on_clear: True keeps the job over a clear of the task.
    """

    def __init__(
        self,
        store: Any,
        identity: TaskIdentity,
        attempt: Attempt,
        fingerprint: str,
        *,
        durable: bool,
        reuse_on_clear: bool,
    ) -> None:
        self._store = store if durable else None
        self._identity = identity
        self._attempt = attempt
        self._fingerprint = fingerprint
        self._durable = durable
        self.reuse_on_clear = reuse_on_clear
        self._is_empty = False

    @property
    def keeps_records(self) -> bool:
        """Whether a retry finds the record again (Airflow 3.3 and later, and ``durable``)."""
        return self._store is not None

    def load(self) -> JobRecord | None:
        """Return the record that an earlier attempt left, or None where there is none that can be read."""
        data = None if self._store is None else self._store.get(STORE_KEY)
        if data is None:
            self._is_empty = True
            return None
        try:
            return JobRecord.from_json(data)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            log.warning("The PixVerse job record of this task cannot be read and is left aside: %r", data)
            return None

    def has_this_input(self, record: JobRecord) -> bool:
        """Tell whether a record is of this task, connection and input; its own trace id proves it."""
        return record.trace_id == self._trace_id(record.clear_marker, record.sequence)

    def was_cleared_since(self, record: JobRecord) -> bool:
        """Tell whether the task was cleared after the attempts that a job belongs to."""
        marker = record.clear_marker if record.max_tries is None else record.max_tries
        return marker is not None and marker != self._attempt.max_tries

    def adopt(self, record: JobRecord, *, picked_up: bool = False) -> JobRecord:
        """Let a job from before a clear belong to the attempts after it; it keeps its trace id."""
        adopted = replace(record, max_tries=self._attempt.max_tries, picked_up=record.picked_up or picked_up)
        self.save(adopted)
        return adopted

    def open(self, sequence: int, now: float, before: JobRecord | None = None) -> JobRecord:
        """Return a record for a new job; nothing is written yet.

        :param before: the job that it replaces, which goes into its history.
        """
        marker = self._clear_marker
        return JobRecord(
            trace_id=self._trace_id(marker, sequence) if self._durable else new_trace_id(),
            clear_marker=marker,
            sequence=sequence,
            submitted_at=now,
            max_tries=self._attempt.max_tries,
            try_number=self._attempt.try_number,
            earlier=() if before is None else before.history(),
        )

    def replacement(self, record: JobRecord, now: float) -> JobRecord:
        """Return a record for the job that replaces another; nothing is written yet."""
        same = record.clear_marker == self._clear_marker
        return self.open(record.sequence + 1 if same else 0, now, record)

    def may_be_repeated(self, record: JobRecord) -> bool:
        """Tell whether an earlier attempt may have used this trace id, where no record says so."""
        # From Airflow 3.4 on a clear may drop the record, and a trace id outlives it.
        unknown = not self.keeps_records or (self.reuse_on_clear and self._is_empty)
        return self._durable and unknown and record.sequence + 1 < self._attempt.since_clear

    def save_intent(self, record: JobRecord) -> None:
        """Write that a submit is about to be sent, so that its answer counts as lost until it arrives.

        A failure of the store is raised, since nothing is paid yet.
        """
        self._write(replace(record, answer_lost=True))

    def save(self, record: JobRecord) -> None:
        """Write what became of a job; a failure of the store is logged, since it must not lose a paid job."""
        try:
            self._write(record)
        except Exception:  # the job may be paid, so whatever the store raises must not end the task
            if record.job_id is None:
                log.exception(
                    "The submit under trace id %s could not be written to the task state store.",
                    record.trace_id,
                )
                return
            if record.outcome is not None or record.handed_over:
                log.exception(
                    "The end of PixVerse job %s (trace id %s) could not be written to the task state store: "
                    "the next clear may return it once more.",
                    record.job_id,
                    record.trace_id,
                )
                return
            log.exception(
                "PixVerse job %s (trace id %s) is submitted and paid, but could not be written to the task "
                "state store. A retry finds it by its trace id.",
                record.job_id,
                record.trace_id,
            )

    def after_refusal(self, record: JobRecord, error: PixVerseError, now: float) -> JobRecord:
        """Return the record with which a job goes on that was not accepted.

        Only an error code proves that no job was made. PixVerse may answer a repeated trace id with the same
        refusal, so the next submit needs the next sequence number; but never after an answer that was lost.
        """
        if record.answer_lost or error.answer_lost or isinstance(error, PixVerseAmbiguousSubmitError):
            return replace(record, answer_lost=True)
        if not error.proves_no_job:
            # PixVerse itself has failed in a way that says nothing of the job; anything else was in between.
            return record if error.err_code is None else replace(record, answer_lost=True)
        # Without a record, a retry starts at the first sequence number again. Were the job made under a later
        # one, and refusals not remembered by PixVerse, it would be made twice: the later is the last resort.
        # With reuse_on_clear the same goes for a clear, which may drop the record from Airflow 3.4 on.
        without_record = self._durable and (self.reuse_on_clear or not self.keeps_records)
        if without_record and isinstance(error, PixVerseTransientError):
            refusals = record.refusals + 1
            if refusals < REFUSALS_OF_ONE_TRACE_ID:
                return replace(record, refusals=refusals)
        return self.replacement(record, now)

    @property
    def _clear_marker(self) -> int | None:
        return None if self.reuse_on_clear else self._attempt.max_tries

    def _trace_id(self, clear_marker: int | None, sequence: int) -> str:
        return submit_trace_id(self._identity, clear_marker, self._fingerprint, sequence)

    def _write(self, record: JobRecord) -> None:
        if self._store is not None:
            self._store.set(STORE_KEY, record.to_json(), retention=_never_expire())


def _never_expire() -> Any:
    """Return the retention without an end, or None, the store's default, where Airflow knows no such thing.

    The row goes away with its DAG run all the same.
    """
    try:
        from airflow.sdk.execution_time.context import NEVER_EXPIRE
    except ImportError:
        return None
    return NEVER_EXPIRE
