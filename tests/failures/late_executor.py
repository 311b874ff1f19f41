"""A LocalExecutor that reports the first half of a deferred task when its second half is already queued.

Real executors do so on a loaded machine; Airflow 3.3.2 then fails the task without running it.
"""

from __future__ import annotations

from typing import Any

from airflow.executors.local_executor import LocalExecutor
from airflow.models.taskinstancekey import TaskInstanceKey
from airflow.utils.state import TaskInstanceState

RACING_DAG = "racing"


class LateLocalExecutor(LocalExecutor):
    """Holds back the success of each task instance of the racing DAG until it is queued again, once."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)  # type: ignore[no-untyped-call]
        self._held: dict[TaskInstanceKey, Any] = {}
        self._raced: set[TaskInstanceKey] = set()

    def get_event_buffer(self, dag_ids: Any = None) -> Any:
        """Return the events, without those that are held back and with those whose time has come."""
        events = super().get_event_buffer(dag_ids)
        for key, event in list(events.items()):
            if not isinstance(key, TaskInstanceKey) or key in self._raced:
                continue
            if (key.dag_id, key.try_number, event[0]) == (RACING_DAG, 1, TaskInstanceState.SUCCESS):
                self._held[key] = events.pop(key)
                self._raced.add(key)
        for key in [key for key in self._held if key in self.running]:
            # What a late report does in the executor itself: it takes the task for ended.
            self.running.discard(key)
            events[key] = self._held.pop(key)
        return events
