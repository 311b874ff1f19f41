"""Which job belongs to a task: its identity, the fingerprint of its input, and the trace id made of them."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from pixverse_provider.api.generations import GenerationRequest

__all__ = ["Attempt", "TaskIdentity", "fingerprint_of", "submit_trace_id"]

# Changing this would give every waiting task another trace id, and so another paid job.
_NAMESPACE = uuid.UUID("6b1f6f0e-5f6a-5c43-9f0d-8a7f1c2d3e4b")


@dataclass(frozen=True)
class TaskIdentity:
    """Which task instance this is; the same on every try.

    :param pixverse_conn_id: connection that its jobs are paid from.
    :param map_index: -1 for a task that is not mapped.
    :param loop: for a task in a loop (Airflow 3.4), the index of the iteration and the id of its region.
        Every iteration has the same ids otherwise, and a clear of the gate runs an index again in another
        region.
    """

    pixverse_conn_id: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    loop: tuple[int, str | None] | None = None

    @classmethod
    def of(cls, context: Context, pixverse_conn_id: str) -> Self:
        """Read it from the context of a running task."""
        ti = context["ti"]
        map_index = ti.map_index if ti.map_index is not None else -1
        return cls(pixverse_conn_id, ti.dag_id, ti.run_id, ti.task_id, map_index, _loop_of(context))


def _loop_of(context: Any) -> tuple[int, str | None] | None:
    # A mapped task outside a loop has a region too, so only the loop itself tells.
    loop = context.get("loop")
    if loop is None:
        return None
    region_id = getattr(context["ti"], "region_id", None)
    return int(loop.index), None if region_id is None else str(region_id)


@dataclass(frozen=True)
class Attempt:
    """Where a task stands between its first try and its last.

    :param try_number: from 1; a clear does not start it anew.
    :param max_tries: a clear raises it, a retry never does, so it tells the one from the other.
    :param since_clear: number of this attempt, from 1, since the task was created or last cleared.
    """

    try_number: int
    max_tries: int
    since_clear: int

    @classmethod
    def of(cls, context: Context, *, retries: int, reuse_on_clear: bool) -> Self:
        """Read it from the context of a running task."""
        ti = context["ti"]
        # A clear sets max_tries to the last try and all retries on top.
        tries_before = 0 if reuse_on_clear else max(0, ti.max_tries - retries)
        return cls(ti.try_number, ti.max_tries, max(1, ti.try_number - tries_before))

    @property
    def is_last(self) -> bool:
        """Whether Airflow makes no retry after it."""
        return self.try_number > self.max_tries


def fingerprint_of(request: GenerationRequest) -> str:
    """Return a digest of the rendered request: another prompt, id or option is another fingerprint."""
    text = json.dumps([request.path, request.payload()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def submit_trace_id(identity: TaskIdentity, clear_marker: int | None, fingerprint: str, sequence: int) -> str:
    """Return the trace id (PixVerse's idempotency key) under which this task submits this request.

    It is a UUIDv5, equal on every try of the task, so that a repeated submit finds the job that the earlier
    one made. A JSON list joins the parts, so no two different tuples can give the same string.

    :param clear_marker: tells a clear from a retry; None to keep the job over a clear.
    :param sequence: moves on after a job that failed and after a definite refusal.
    """
    parts: list[Any] = [
        identity.pixverse_conn_id,
        identity.dag_id,
        identity.run_id,
        identity.task_id,
        identity.map_index,
        clear_marker,
        fingerprint,
        sequence,
    ]
    if identity.loop is not None:
        parts += identity.loop
    return str(uuid.uuid5(_NAMESPACE, json.dumps(parts)))
