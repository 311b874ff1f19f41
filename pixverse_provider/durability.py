"""Which job belongs to this task: the record of a paid job, its fingerprint, and its trace id.

PixVerse bills on submit, cannot cancel and cannot list. So what ties a job to a task is written down here
before the request is sent, and the key that PixVerse de-duplicates on is derived from the task, never drawn
at random.
"""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from pixverse_provider.api.protocol import new_trace_id
from pixverse_provider.exceptions import PixVerseAmbiguousSubmitError, PixVerseCapacityError, PixVerseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Context

    from pixverse_provider.api.generations import GenerationRequest


__all__ = ["JobKeeper", "JobRecord", "JobStore", "TaskIdentity", "fingerprint_of", "submit_trace_id"]

log = logging.getLogger(__name__)

# Changing this would give every waiting task another trace id, and so another paid job.
_NAMESPACE = uuid.UUID("6b1f6f0e-5f6a-5c43-9f0d-8a7f1c2d3e4b")
_STORE_KEY = "pixverse_job"

REFUSALS_OF_ONE_TRACE_ID = 3
"""Below Airflow 3.3: how often one trace id is refused for want of a slot before the next one is tried."""

DUD_AGE = 7200.0
"""Seconds; PixVerse gives up and refunds a job at this age, so a replayed id that still runs is no video."""


@dataclass(frozen=True)
class TaskIdentity:
    """Which task instance this is; the same on every try.

    :param map_index: -1 for a task that is not mapped.
    """

    pixverse_conn_id: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int

    @classmethod
    def of(cls, context: Context, pixverse_conn_id: str) -> Self:
        """Read it from the context of a running task."""
        ti = context["ti"]
        map_index = ti.map_index if ti.map_index is not None else -1
        return cls(pixverse_conn_id, ti.dag_id, ti.run_id, ti.task_id, map_index)


def fingerprint_of(request: GenerationRequest) -> str:
    """Return a digest of the rendered request: another prompt, id or option is another fingerprint."""
    text = json.dumps([request.path, request.payload()], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def submit_trace_id(identity: TaskIdentity, epoch: int | None, fingerprint: str, generation: int) -> str:
    """Return the trace id under which this task submits this request.

    It is a UUIDv5, equal on every try of the task, so that a repeated submit finds the job that the earlier
    one made. A JSON list joins the parts, so no two different tuples can give the same string.

    :param epoch: tells a clear from a retry; None to keep the job over a clear.
    :param generation: moves on after a job that failed and after a definite refusal.
    """
    parts = [*asdict(identity).values(), epoch, fingerprint, generation]
    return str(uuid.uuid5(_NAMESPACE, json.dumps(parts, ensure_ascii=True)))


@dataclass(frozen=True)
class JobRecord:
    """One job of a task, from before its submit to its end.

    :param trace_id: under which it is submitted.
    :param fingerprint: of the request.
    :param epoch: of the task, see :func:`submit_trace_id`.
    :param generation: how many jobs of this task and input came before.
    :param submitted_at: epoch seconds of the first submit under this trace id.
    :param video_id: None until the answer has arrived.
    :param credits: that PixVerse says it charged.
    :param answer_lost: whether a submit was sent, or may have been, without an answer; a refusal that follows
        does not prove that no job was made.
    :param replayed: whether the id came from a repeated submit.
    :param accepted_at: epoch seconds at which the id arrived; None until then.
    :param refusals: how often this trace id was refused for want of a slot, where no record is kept.
    :param max_tries: of the task when the job was begun; only a clear raises it.
    """

    trace_id: str
    fingerprint: str
    epoch: int | None
    generation: int
    submitted_at: float
    video_id: int | None = None
    credits: float | None = None
    answer_lost: bool = False
    replayed: bool = False
    accepted_at: float | None = None
    refusals: int = 0
    max_tries: int | None = None

    @property
    def paid_id(self) -> int:
        """The id of a job that has been accepted."""
        if self.video_id is None:
            raise ValueError(f"the job of trace id {self.trace_id} has no video id yet")
        return self.video_id

    @property
    def dud_at(self) -> float | None:
        """Epoch seconds from which on it is a dud if it still runs; None for an id that cannot be one.

        It counts from the moment that the id arrived: where the first submit never reached PixVerse, the
        repeated one made a job that is no older than that.
        """
        return self.accepted_at + DUD_AGE if self.replayed and self.accepted_at is not None else None

    def is_dud(self, now: float) -> bool:
        """Tell whether it is a dud if it still runs."""
        return self.dud_at is not None and now >= self.dud_at

    def to_json(self) -> dict[str, Any]:
        """Return JSON primitives; the id as digits, which no database and no browser rounds."""
        data = asdict(self)
        return data | {"video_id": None if self.video_id is None else str(self.video_id)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote.

        :raises KeyError, TypeError, ValueError: for anything else.
        """
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        record = cls(**known)
        return replace(
            record,
            generation=int(record.generation),
            submitted_at=float(record.submitted_at),
            video_id=None if record.video_id is None else int(record.video_id),
        )


class JobStore:
    """The record in Airflow's task state store, which survives a retry (Airflow 3.3 and later).

    :param store: ``context["task_state_store"]``; None below Airflow 3.3, where nothing is kept and the trace
        id alone finds the job again.
    """

    def __init__(self, store: Any) -> None:
        self._store = store

    @property
    def available(self) -> bool:
        """Whether records survive a retry."""
        return self._store is not None

    def load(self) -> JobRecord | None:
        """Return the record, or None where there is none that this version can read."""
        data = self._store.get(_STORE_KEY) if self.available else None
        if data is None:
            return None
        try:
            return JobRecord.from_json(data)
        except (KeyError, TypeError, ValueError):
            log.warning("The PixVerse job record of this task cannot be read and is left aside: %r", data)
            return None

    def save_intent(self, record: JobRecord) -> None:
        """Write the record before a submit; a failure must end the task, since nothing is paid yet."""
        if self.available:
            self._store.set(_STORE_KEY, record.to_json(), retention=_never_expire())

    def save_outcome(self, record: JobRecord) -> None:
        """Write the record after a submit; a failure is logged, since failing now would lose a paid job."""
        try:
            self.save_intent(record)
        except Exception:  # the job is paid, so whatever the store raises must not end the task
            log.exception(
                "PixVerse video %s (trace id %s) is submitted and paid, but could not be written to the task "
                "state store. A retry finds it by its trace id.",
                record.video_id,
                record.trace_id,
            )


def _never_expire() -> Any:
    """Return the retention without an end, or None, the store's default, where Airflow knows no such thing.

    The row goes away with its DAG run all the same.
    """
    try:
        from airflow.sdk.execution_time.context import NEVER_EXPIRE
    except ImportError:
        return None
    return NEVER_EXPIRE


class JobKeeper:
    """The jobs of one task instance and one input: finds the record, opens the next generation, keeps both.

    :param context: of the running task.
    :param pixverse_conn_id: connection that the jobs are paid from.
    :param request: rendered input.
    :param durable: False gives every attempt a trace id of its own and keeps no record.
    :param reuse_on_clear: True keeps the job over a clear of the task.
    :param retries: of the task.
    """

    def __init__(
        self,
        context: Context,
        pixverse_conn_id: str,
        request: GenerationRequest,
        *,
        durable: bool,
        reuse_on_clear: bool,
        retries: int,
    ) -> None:
        self.durable = durable
        self._identity = TaskIdentity.of(context, pixverse_conn_id)
        self._fingerprint = fingerprint_of(request)
        # A clear raises max_tries, a retry never does.
        self._max_tries = context["ti"].max_tries
        self._epoch = None if reuse_on_clear else self._max_tries
        # A clear does not start try_number anew: it sets max_tries to the last try and all retries on top.
        earlier_epochs = 0 if reuse_on_clear else max(0, self._max_tries - retries)
        self._attempt = max(1, context["ti"].try_number - earlier_epochs)
        self._store = JobStore(context.get("task_state_store") if durable else None)

    @property
    def keeps_records(self) -> bool:
        """Whether a retry finds the record again (Airflow 3.3 and later, and ``durable``)."""
        return self._store.available

    def may_be_repeated(self, record: JobRecord) -> bool:
        """Tell whether an earlier attempt may have used this trace id, where no record says so."""
        return self.durable and not self.keeps_records and record.generation + 1 < self._attempt

    def was_cleared_since(self, record: JobRecord) -> bool:
        """Tell whether the task was cleared after this job was begun."""
        return record.max_tries is not None and record.max_tries != self._max_tries

    def find(self) -> JobRecord | None:
        """Return the record of this input that an earlier attempt left, if there is one."""
        record = self._store.load()
        if record is None:
            return None
        if record.trace_id != self._trace_id(record.generation):
            log.info(
                "The task was cleared, or its input or connection changed: the earlier PixVerse video %s is "
                "left aside.",
                record.video_id,
            )
            return None
        return record

    def open(self, generation: int, now: float) -> JobRecord:
        """Return a record for a new job; nothing is written yet."""
        trace_id = self._trace_id(generation) if self.durable else new_trace_id()
        return JobRecord(
            trace_id, self._fingerprint, self._epoch, generation, submitted_at=now, max_tries=self._max_tries
        )

    def before_submit(self, record: JobRecord) -> None:
        """Write that a submit is about to be sent, so that its answer counts as lost until it arrives."""
        self._store.save_intent(replace(record, answer_lost=True))

    def after_refusal(self, record: JobRecord, error: PixVerseError, now: float) -> JobRecord:
        """Return the record with which a job goes on that was not accepted.

        Only an envelope with an error code proves that no job was made. PixVerse may answer a repeated trace
        id with the same refusal, so the next try needs the next generation; but never after an answer that
        was lost.
        """
        if record.answer_lost or error.answer_lost or isinstance(error, PixVerseAmbiguousSubmitError):
            return replace(record, answer_lost=True)
        if error.err_code is None:
            return record
        # Without a record, a retry starts at the first generation again. Were the job made under a later one,
        # and refusals not remembered by PixVerse, it would be made twice: the later one is the last resort.
        without_record = self.durable and not self.keeps_records
        if without_record and isinstance(error, PixVerseCapacityError):
            refusals = record.refusals + 1
            if refusals < REFUSALS_OF_ONE_TRACE_ID:
                return replace(record, refusals=refusals)
        return self.open(record.generation + 1, now)

    def _trace_id(self, generation: int) -> str:
        return submit_trace_id(self._identity, self._epoch, self._fingerprint, generation)

    def keep(self, record: JobRecord) -> JobRecord:
        """Write what became of a submit, and return it."""
        self._store.save_outcome(record)
        return record
