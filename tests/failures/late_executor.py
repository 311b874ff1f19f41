"""A LocalExecutor that reports the first half of a deferred task when its second half is already queued.

Real executors do so on a loaded machine; Airflow 3.3.2 then fails the task without running it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow.executors.local_executor import LocalExecutor
from airflow.models.taskinstancekey import TaskInstanceKey
from airflow.utils.state import TaskInstanceState

if TYPE_CHECKING:
    from collections.abc import Sequence

RACING_DAG = "racing"


class LateLocalExecutor(LocalExecutor):
    """Reports, for the first try in the racing DAG, a success at the moment its second half is queued."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)  # type: ignore[no-untyped-call]
        self._halves: Counter[TaskInstanceKey] = Counter()

    def _process_workloads(self, workload_list: Sequence[Any]) -> None:
        super()._process_workloads(workload_list)  # type: ignore[no-untyped-call]
        for key in (workload.key for workload in workload_list):
            if not isinstance(key, TaskInstanceKey) or (key.dag_id, key.try_number) != (RACING_DAG, 1):
                continue
            self._halves[key] += 1
            if self._halves[key] == 2:
                # What a late report does: the task that has just been queued is taken for ended.
                self.change_state(key, TaskInstanceState.SUCCESS)
