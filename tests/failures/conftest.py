"""A real Airflow with PostgreSQL and Airflow's own defaults, and an emulator whose ledger is the judge."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import requests

from pixverse_provider.emulator.client import EmulatorControl
from tests.failures.paid_runs import PaidRuns
from tests.stack.fixtures import DAGS
from tools.airflow_stack import PROJECT, AirflowStack
from tools.emulator import EmulatorProcess
from tools.postgres import PostgresCluster

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# Jobs end after the first poll of a trigger, so every task is deferred for a while.
GENERATION_SECONDS = 10.0
# Below the hang of a fault and above everything that an emulator takes to answer.
REQUEST_TIMEOUT = 4.0
# The longest pause that a test has to sit through is the take-over from a triggerer that was killed.
TRIGGERER_IS_DEAD_AFTER = "8"


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    for item in items:
        if "failures" in item.path.parts:
            item.add_marker(pytest.mark.failures)


@pytest.fixture(scope="session")
def emulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    """The emulator, as a user starts it."""
    with EmulatorProcess(
        tmp_path_factory.mktemp("emulator"), generation_seconds=GENERATION_SECONDS
    ) as process:
        yield process


@pytest.fixture(scope="session")
def emulator(emulator_process: EmulatorProcess) -> EmulatorControl:
    """A handle on it, with slots and credits for everybody."""
    control = EmulatorControl(emulator_process.url, api_key=emulator_process.api_key)
    control.settings(concurrency=1000, credits=100_000, render="small")
    return control


@pytest.fixture(scope="session")
def dags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples beside the DAGs of these tests."""
    folder = tmp_path_factory.mktemp("dags")
    shutil.copytree(DAGS, folder, dirs_exist_ok=True)
    shutil.copytree(PROJECT / "tests" / "failures" / "dags", folder, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def airflow(
    emulator: EmulatorControl, dags: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowStack]:
    """Airflow, its default connection leading to the emulator."""
    connection = json.loads(emulator.connection_json()) | {"extra": {"timeout": REQUEST_TIMEOUT}}
    with (
        PostgresCluster() as database,
        AirflowStack(
            tmp_path_factory.mktemp("airflow"),
            dags=dags,
            database=database.url,
            environment={
                "AIRFLOW_CONN_PIXVERSE_DEFAULT": json.dumps(connection),
                "PYTHONPATH": str(PROJECT),
            },
            settings={
                "core": {"executor": "tests.failures.late_executor.LateLocalExecutor", "parallelism": "8"},
                # Airflow's default: what the races of a resumed task depend on must be what users have.
                "workers": {"min_heartbeat_interval": "5"},
                "triggerer": {"triggerer_health_check_threshold": TRIGGERER_IS_DEAD_AFTER},
            },
        ) as stack,
    ):
        stack.api.wait_for_dag("fifty", file="one_paid_job.py", timeout=120)
        yield stack


@pytest.fixture(scope="session")
def source_video(emulator: EmulatorControl) -> int:
    """A finished video for the lip syncs to work on."""
    answer = requests.post(
        f"{emulator.api_url}/video/text/generate",
        headers={"API-KEY": emulator.api_key, "Ai-Trace-Id": str(uuid4())},
        json={"prompt": "a face", "model": "v5", "duration": 5, "quality": "360p", "aspect_ratio": "16:9"},
        timeout=30,
    ).json()
    emulator.finish_all()
    return int(answer["Resp"]["video_id"])


@pytest.fixture
def runs(airflow: AirflowStack, emulator: EmulatorControl, source_video: int) -> PaidRuns:
    """Start runs and read what became of them."""
    return PaidRuns(airflow, emulator, source_video)
