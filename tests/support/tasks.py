"""Run one operator without a DAG run: just enough of a context, and a task state store in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from airflow.exceptions import TaskDeferred

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context


class MemoryStore:
    """The part of ``context["task_state_store"]`` that the provider uses; values must be JSON."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return json.loads(self.values[key]) if key in self.values else default

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        self.values[key] = json.dumps(value)


@dataclass
class FakeTaskInstance:
    """What the provider reads of a task instance, and what it pushes."""

    task_id: str
    dag_id: str = "a_dag"
    run_id: str = "manual__2026-01-01"
    map_index: int = -1
    try_number: int = 1
    max_tries: int = 3
    pushed: dict[str, Any] = field(default_factory=dict)

    def get_first_reschedule_date(self, context: Context) -> None:
        """No poke was before this one."""

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = json.loads(json.dumps(value))


@dataclass
class TaskRun:
    """One task instance over its attempts; the store lives as long as it does."""

    operator: BaseOperator
    store: MemoryStore | None = field(default_factory=MemoryStore)
    ti: FakeTaskInstance = field(init=False)

    def __post_init__(self) -> None:
        self.ti = FakeTaskInstance(self.operator.task_id, max_tries=self.operator.retries or 0)

    @property
    def context(self) -> Context:
        context: dict[str, Any] = {"ti": self.ti}
        if self.store is not None:
            context["task_state_store"] = self.store
        return cast("Context", context)

    def attempt(self) -> Any:
        """Run ``execute`` once, as the first try or as a retry."""
        return self.operator.execute(self.context)

    def retry(self) -> Any:
        """Run ``execute`` as the next try."""
        self.ti.try_number += 1
        return self.attempt()

    def clear(self) -> None:
        """Do to the task instance what a clear does; the next attempt is the next try."""
        self.ti.max_tries = self.ti.try_number + (self.operator.retries or 0)
        self.ti.try_number += 1

    def resume(self, deferral: TaskDeferred, **event: Any) -> Any:
        """Go on after a deferral, as Airflow does when its trigger has fired."""
        method = getattr(self.operator, deferral.method_name)
        return method(self.context, event=event, **(deferral.kwargs or {}))

    def deferral(self) -> TaskDeferred:
        """Run ``execute`` up to its deferral."""
        try:
            result = self.attempt()
        except TaskDeferred as deferred:
            return deferred
        message = f"the task returned {result!r} instead of deferring"
        raise AssertionError(message)
