"""A LocalExecutor that writes down when each task process was started and when its slot was free again."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.executors.base_executor import BaseExecutor
from airflow.executors.local_executor import LocalExecutor

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TIMES_FILE", "TimedLocalExecutor"]

TIMES_FILE = "BENCHMARK_TASK_TIMES"
"""Environment variable that names the file; each of its lines is one task process, as JSON."""


class TimedLocalExecutor(LocalExecutor):
    """Airflow's own, whose workers note what they run."""

    def start(self) -> None:
        """Start the workers; they are forked, so what is put in place here is in place there."""
        BaseExecutor.run_workload = staticmethod(_timed(BaseExecutor.run_workload))  # type: ignore[method-assign]
        super().start()


def _timed(run_workload: Callable[..., int]) -> Callable[..., int]:
    file = Path(os.environ[TIMES_FILE])

    def run(workload: Any, **options: Any) -> int:
        began = time.time()
        try:
            return run_workload(workload, **options)
        finally:
            task = workload.ti
            line = {"dag_id": task.dag_id, "task_id": task.task_id, "began": began, "ended": time.time()}
            # One short write, which the system does not mix with those of other workers.
            with file.open("a") as output:
                output.write(json.dumps(line) + "\n")

    return run
