"""Every example succeeds in a real Airflow, against the emulator, unchanged."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pixverse_provider.emulator.client import EmulatorControl
from tests.support.video import streams_of

if TYPE_CHECKING:
    from tools.airflow_stack import AirflowStack
    from tools.emulator import EmulatorProcess

RUN_TIMEOUT = 300.0


@pytest.fixture(scope="module")
def control(emulator: EmulatorProcess) -> EmulatorControl:
    return EmulatorControl(emulator.url, api_key=emulator.api_key)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("landed")


@pytest.fixture(scope="module")
def runs(airflow: AirflowStack, control: EmulatorControl, folder: Path) -> dict[str, str]:
    """Start all examples at once, as a scheduler would have them."""
    api = airflow.api
    api.post("api/v2/pools", {"name": "pixverse_slots", "slots": 3, "include_deferred": True})
    destination = {"destination": f"{folder}/"}
    wanted: dict[str, dict[str, Any]] = {
        "pixverse_still_to_clip": destination,
        "pixverse_many_lip_syncs": destination | {"texts": ["One.", "Two.", "Three.", "Four."]},
        "pixverse_approve_then_publish": {
            "preview": f"{folder}/preview/",
            "destination": f"{folder}/published/",
        },
        "pixverse_land_video": destination,
        "pixverse_budget": {},
    }
    for dag_id in wanted:
        api.wait_for_dag(dag_id)
    return {dag_id: api.trigger(dag_id, conf) for dag_id, conf in wanted.items()}


def ended(airflow: AirflowStack, runs: dict[str, str], dag_id: str) -> str:
    return airflow.api.wait_for_run(dag_id, runs[dag_id], RUN_TIMEOUT)


def test_a_still_becomes_a_clip_that_goes_on_and_sounds(
    airflow: AirflowStack, runs: dict[str, str], control: EmulatorControl
) -> None:
    assert ended(airflow, runs, "pixverse_still_to_clip") == "success"
    landed = Path(airflow.api.xcom("pixverse_still_to_clip", runs["pixverse_still_to_clip"], "download"))
    assert sorted(streams_of(landed)) == ["audio", "video"]


def test_one_presenter_speaks_many_sentences_within_the_slots(
    airflow: AirflowStack, runs: dict[str, str], folder: Path
) -> None:
    assert ended(airflow, runs, "pixverse_many_lip_syncs") == "success"
    tasks = airflow.api.task_instances("pixverse_many_lip_syncs", runs["pixverse_many_lip_syncs"])
    assert [(task.state, task.try_number) for task in tasks if task.task_id == "greeting.lip_sync"] == [
        ("success", 1)
    ] * 4
    assert [task.state for task in tasks if task.task_id == "greeting.download"] == ["success"] * 4


def test_nothing_is_published_before_a_person_says_so(
    airflow: AirflowStack, runs: dict[str, str], folder: Path
) -> None:
    dag_id, run_id = "pixverse_approve_then_publish", runs["pixverse_approve_then_publish"]
    task = f"api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/approval/-1/hitlDetails"
    deadline = time.monotonic() + RUN_TIMEOUT
    while airflow.api.task_instance(dag_id, run_id, "approval").state not in ("awaiting_input", "deferred"):
        assert time.monotonic() < deadline, "the approval is not asked for"
        time.sleep(0.5)
    assert not (folder / "published").exists()

    airflow.api.patch(task, {"chosen_options": ["Approve"]})

    assert ended(airflow, runs, dag_id) == "success"
    (published,) = (folder / "published").iterdir()
    assert "video" in streams_of(published)


def test_a_landed_video_starts_the_second_dag_which_knows_the_file(
    airflow: AirflowStack, runs: dict[str, str]
) -> None:
    assert ended(airflow, runs, "pixverse_land_video") == "success"
    landed = airflow.api.xcom("pixverse_land_video", runs["pixverse_land_video"], "download")
    deadline = time.monotonic() + RUN_TIMEOUT
    path = "api/v2/dags/pixverse_video_landed/dagRuns"
    while not (started := airflow.api.get(path)["dag_runs"]):
        assert time.monotonic() < deadline, "the second DAG was not started"
        time.sleep(0.5)
    run_id = started[0]["dag_run_id"]
    assert airflow.api.wait_for_run("pixverse_video_landed", run_id, RUN_TIMEOUT) == "success"
    assert airflow.api.xcom("pixverse_video_landed", run_id, "take_over") == [landed]


def test_a_video_is_made_above_the_floor_and_skipped_below(
    airflow: AirflowStack, runs: dict[str, str]
) -> None:
    assert ended(airflow, runs, "pixverse_budget") == "success"
    assert airflow.api.task_instance("pixverse_budget", runs["pixverse_budget"], "video").state == "success"
    below = airflow.api.trigger("pixverse_budget", {"floor": 1_000_000})
    assert airflow.api.wait_for_run("pixverse_budget", below, RUN_TIMEOUT) == "success"
    assert airflow.api.task_instance("pixverse_budget", below, "video").state == "skipped"
