"""Start paid lip syncs in a real Airflow, and read Airflow and the ledger afterwards."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.emulator.client import EmulatorControl
    from tools.airflow_api import TaskState
    from tools.airflow_stack import AirflowStack

RUN_TIMEOUT = 240.0
TASK_ID = "lip_sync"
_numbers = itertools.count(1)


@dataclass
class PaidRun:
    """One run of a DAG with one lip sync; its text is unlike all others, so its jobs can be told."""

    airflow: AirflowStack
    emulator: EmulatorControl
    dag_id: str
    run_id: str
    text: str

    def state(self) -> str:
        """Wait for the end and return the state."""
        return self.airflow.api.wait_for_run(self.dag_id, self.run_id, RUN_TIMEOUT)

    def task(self) -> TaskState:
        return self.airflow.api.task_instance(self.dag_id, self.run_id, TASK_ID)

    def tries(self) -> int:
        return self.task().try_number

    def log(self, try_number: int | None = None) -> str:
        """Return the log of one try, the latest by default."""
        task = self.task()
        wanted = replace(task, try_number=task.try_number if try_number is None else try_number)
        return self.airflow.api.task_log(self.dag_id, self.run_id, wanted)

    def wait_until(self, reached: Callable[[PaidRun], bool], timeout: float = 60) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + timeout
        while not reached(self):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.dag_id} {self.run_id} is {self.task()}")
            time.sleep(0.1)

    def wait_deferred(self) -> None:
        """Wait until the trigger of the task runs in the triggerer."""
        self.wait_until(lambda run: run.task().state == "deferred" and "starting" in run.log())

    def clear(self) -> None:
        """Clear the task, as the button in the UI does."""
        self.airflow.api.post(
            f"api/v2/dags/{self.dag_id}/clearTaskInstances",
            {
                "dry_run": False,
                "dag_run_id": self.run_id,
                "task_ids": [TASK_ID],
                "only_failed": False,
                "reset_dag_runs": True,
            },
        )

    def clear_run(self) -> None:
        """Clear the whole DAG run, as the button in the UI does."""
        self.airflow.api.post(f"api/v2/dags/{self.dag_id}/dagRuns/{self.run_id}/clear", {"dry_run": False})

    def mark(self, state: str) -> None:
        """Mark the task as failed or success, as the button in the UI does."""
        self.airflow.api.patch(
            f"api/v2/dags/{self.dag_id}/dagRuns/{self.run_id}/taskInstances/{TASK_ID}",
            {"new_state": state},
        )

    def video_id(self) -> int:
        return int(self.airflow.api.xcom(self.dag_id, self.run_id, TASK_ID))

    def jobs(self) -> list[dict[str, Any]]:
        """Return the jobs that were made for this run, oldest first."""
        return [dict(job) for job in self.emulator.jobs() if job["text"].startswith(self.text)][::-1]

    def paid(self) -> int:
        """Return how many jobs were charged."""
        return sum(job["charged"] > 0 for job in self.jobs())

    def refunded(self) -> int:
        """Return how many jobs were refunded."""
        return sum(job["refunded"] > 0 for job in self.jobs())

    def submits(self) -> list[dict[str, Any]]:
        """Return what was submitted, one record for each trace id under which a job was made."""
        records = self.emulator.ledger()["submits"]
        return [dict(records[job["trace_id"]]) for job in self.jobs()]


@dataclass
class PaidRuns:
    """Starts runs."""

    airflow: AirflowStack
    emulator: EmulatorControl
    source_video: int
    started: list[PaidRun] = field(default_factory=list)

    def start(
        self,
        dag_id: str = "one_paid_job",
        *,
        die: str = "",
        faults: Any = (),
        conf: dict[str, str] | None = None,
    ) -> PaidRun:
        """Order faults for a new text, and start a run that speaks it.

        :param die: where the first try kills itself.
        :param conf: more parameters of the DAG.
        :param faults: of the emulator, as keywords of ``EmulatorControl.fault``.
        """
        text = f"Sentence {next(_numbers)}."
        for fault in faults:
            self.emulator.fault(**{"on": "submit", "text": text} | fault)
        params = {"source_video_id": str(self.source_video), "text": text, "die": die} | (conf or {})
        run = PaidRun(self.airflow, self.emulator, dag_id, self.airflow.api.trigger(dag_id, params), text)
        self.started.append(run)
        return run
