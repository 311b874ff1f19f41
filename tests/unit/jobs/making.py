"""What the tests of a paid job are made of: a store, records, a request, and PixVerse in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pixverse_provider.api.generations import LipSyncRequest
from pixverse_provider.api.results import Submission, Video
from pixverse_provider.exceptions import PixVerseCapacityError, PixVerseError
from pixverse_provider.jobs.identity import Attempt, TaskIdentity, fingerprint_of
from pixverse_provider.jobs.record import JobRecord, JobStore
from pixverse_provider.jobs.submission import Found, JobSubmission, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.api.generations import GenerationRequest

NOW = 1_767_603_600.0
REQUEST = LipSyncRequest(source_video_id=343252978602905, audio_media_id=425662507205762)
RUN = "scheduled__2026-01-05T09:00:00+00:00"
STORE_KEY = "pixverse_job"
URL = "https://media.pixverse.ai/a.mp4?Signature=s3cr3t"
OLD_ID, NEW_ID = 7, 900
MOST_SUBMITS = 20


class Store:
    """A task state store in memory, which keeps what Airflow would: JSON."""

    def __init__(self, **values: Any) -> None:
        self.values = {name: json.dumps(value) for name, value in values.items()}
        self.written: list[dict[str, Any]] = []
        self.retentions: list[Any] = []
        self.broken: Exception | None = None

    def get(self, name: str) -> Any:
        if self.broken is not None:
            raise self.broken
        return json.loads(self.values[name]) if name in self.values else None

    def set(self, name: str, value: Any, *, retention: Any = None) -> None:
        if self.broken is not None:
            raise self.broken
        self.values[name] = json.dumps(value)
        self.written.append(json.loads(self.values[name]))
        self.retentions.append(retention)


def context_of(
    store: Store | None,
    *,
    dag_id: str = "films",
    run_id: str = RUN,
    task_id: str = "lip_sync",
    map_index: int | None = -1,
    try_number: int = 1,
    max_tries: int = 2,
    loop_index: int | None = None,
    region_id: object = None,
) -> Any:
    """Return what the provider reads of the context of a running task."""
    task_instance = SimpleNamespace(
        dag_id=dag_id,
        run_id=run_id,
        task_id=task_id,
        map_index=map_index,
        try_number=try_number,
        max_tries=max_tries,
        region_id=region_id,
    )
    context: dict[str, Any] = {"ti": task_instance, "task_state_store": store}
    if loop_index is not None:
        context["loop"] = SimpleNamespace(index=loop_index)
    return context


def job_store(
    store: Store | None,
    *,
    conn_id: str = "pixverse_default",
    request: GenerationRequest = REQUEST,
    durable: bool = True,
    reuse_on_clear: bool = False,
    retries: int = 2,
    **context: Any,
) -> JobStore:
    """Return the store of one attempt of a task; by default the first of three."""
    made = context_of(store, **context)
    return JobStore(
        store,
        TaskIdentity.of(made, conn_id),
        Attempt.of(made, retries=retries, reuse_on_clear=reuse_on_clear),
        fingerprint_of(request),
        durable=durable,
        reuse_on_clear=reuse_on_clear,
    )


def record(**change: Any) -> JobRecord:
    """Return the record of a job that is about to be submitted, with what a test changes of it."""
    fields: dict[str, Any] = {"trace_id": "t", "clear_marker": 0, "sequence": 0, "submitted_at": NOW}
    return JobRecord(**(fields | change))


def video(status: int, video_id: int = OLD_ID) -> Video:
    return Video(video_id, status, url=URL if status == 1 else "")


@dataclass
class Api:
    """PixVerse as a submission sees it; what nobody has scripted is a new job."""

    answers: dict[int, Any] = field(default_factory=dict)
    submits: list[Submission | PixVerseError] = field(default_factory=list)
    before_submit: Callable[[], None] = lambda: None
    connection: PixVerseError | None = None
    trace_ids: list[str] = field(default_factory=list)
    attempts: list[int | None] = field(default_factory=list)
    polled: list[tuple[str, int]] = field(default_factory=list)

    def get_conn(self) -> object:
        if self.connection is not None:
            raise self.connection
        return self

    def submit(self, request: GenerationRequest, *, trace_id: str, attempts: int | None = None) -> Submission:
        self.before_submit()
        assert len(self.trace_ids) < MOST_SUBMITS, "one submit after another is paid"
        self.trace_ids.append(trace_id)
        self.attempts.append(attempts)
        answer = self.submits.pop(0) if self.submits else Submission(NEW_ID, 8.0)
        if isinstance(answer, PixVerseError):
            raise answer
        return answer

    def poll(self, media_type: Any, job_id: int) -> Any:
        self.polled.append((media_type, job_id))
        answer = self.answers.get(job_id, video(5, job_id))
        if isinstance(answer, PixVerseError):
            raise answer
        return answer


def find_or_submit(
    api: Api,
    store: JobStore,
    *,
    request: GenerationRequest = REQUEST,
    replay: bool = True,
    max_credits: object = None,
    pending: JobRecord | None = None,
    now: float = NOW,
) -> Found | Refused:
    return JobSubmission(
        api, store, request, replay=replay, max_credits=max_credits, pending=pending, clock=lambda: now
    ).find_or_submit()


def found(answer: Found | Refused) -> Found:
    assert isinstance(answer, Found)
    return answer


def busy(**fields: Any) -> PixVerseError:
    return PixVerseCapacityError("all slots taken", err_code=500044, proves_no_job=True, **fields)
