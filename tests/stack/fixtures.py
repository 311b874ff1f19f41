"""A real Airflow, a real emulator, and one run of the lip sync example that the tests look at."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tools.airflow_stack import PROJECT, AirflowStack
from tools.emulator import EmulatorProcess
from tools.postgres import PostgresCluster, find_initdb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.airflow_api import Change

DAGS = PROJECT / "dags_examples"
DAG_ID = "pixverse_lip_sync"
# Above the seven seconds after which a trigger polls first: the task is deferred for that long at least.
GENERATION_SECONDS = 10.0
RUN_TIMEOUT = 180.0
# A worker process ends within this after its task has deferred.
WORKER_END_TIMEOUT = 6.0


@dataclass
class ObservedRun:
    """A finished run of the example, with what was seen while it ran.

    :param workers: the most processes seen at work for each task while it was running
    :param workers_while_deferred: those that worked for the deferred lip sync once its first half had ended
    :param state_then: the state of the lip sync when they were counted
    """

    run_id: str
    video: Path
    changes: list[Change] = field(default_factory=list)
    workers: dict[str, int] = field(default_factory=dict)
    workers_while_deferred: int | None = None
    state_then: str | None = None

    @property
    def state(self) -> str:
        """How the run ended."""
        return self.changes[-1].state

    def states(self, task_id: str) -> list[str]:
        """The states that a task was seen in, in their order."""
        return [change.state for change in self.changes if change.task and change.task.task_id == task_id]


@pytest.fixture(scope="session")
def database() -> Iterator[str | None]:
    """An empty PostgreSQL database where there is a server for it, else None for Airflow's SQLite."""
    if find_initdb() is None:
        yield None
        return
    with PostgresCluster() as cluster:
        yield cluster.url


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    """The emulator, as a user starts it."""
    folder = tmp_path_factory.mktemp("emulator")
    # A key of its own, which can be nowhere by chance.
    key = secrets.token_hex(16)
    with EmulatorProcess(folder, generation_seconds=GENERATION_SECONDS, api_key=key) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def airflow(
    emulator: EmulatorProcess, database: str | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowStack]:
    """Airflow with the examples, its default connection leading to the emulator."""
    environment = {"AIRFLOW_CONN_PIXVERSE_DEFAULT": emulator.connection}
    home = tmp_path_factory.mktemp("airflow")
    with AirflowStack(home, dags=DAGS, environment=environment, database=database) as stack:
        yield stack


@pytest.fixture(scope="session")
def lip_sync_run(airflow: AirflowStack, tmp_path_factory: pytest.TempPathFactory) -> ObservedRun:
    """The example, run to its end."""
    api = airflow.api
    api.wait_for_dag(DAG_ID, file="lip_sync.py")
    video = tmp_path_factory.mktemp("videos") / "welcome.mp4"
    run = ObservedRun(api.trigger(DAG_ID, {"destination": str(video)}), video)
    for change in api.watch_run(DAG_ID, run.run_id, RUN_TIMEOUT):
        run.changes.append(change)
        task = change.task
        if task and task.state == "running":
            seen = len(airflow.task_processes(task.id))
            run.workers[task.task_id] = max(seen, run.workers.get(task.task_id, 0))
        if task and (task.task_id, task.state) == ("lip_sync", "deferred"):
            run.workers_while_deferred = _count_after_the_end(airflow, task.id)
            run.state_then = api.task_instance(DAG_ID, run.run_id, "lip_sync").state
    return run


def _count_after_the_end(airflow: AirflowStack, task_instance_id: str) -> int:
    """Return how many processes still work for a task that has just deferred, given the time to end."""
    deadline = time.monotonic() + WORKER_END_TIMEOUT
    while (left := len(airflow.task_processes(task_instance_id))) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left
