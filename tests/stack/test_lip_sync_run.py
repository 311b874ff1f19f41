"""The lip sync example in a real Airflow: scheduler, worker processes, triggerer and a database server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.stack.fixtures import DAG_ID, DAGS
from tests.support.database import tables
from tests.support.video import audio_correlation, streams_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stack.fixtures import ObservedRun
    from tools.airflow_stack import AirflowStack
    from tools.emulator import EmulatorProcess

TASKS = ("upload_video", "upload_audio", "lip_sync", "download")


def test_the_example_lands_a_video_that_carries_the_audio(
    airflow: AirflowStack, lip_sync_run: ObservedRun
) -> None:
    tasks = airflow.api.task_instances(DAG_ID, lip_sync_run.run_id)

    assert {task.task_id: (task.state, task.try_number) for task in tasks} == dict.fromkeys(
        TASKS, ("success", 1)
    )
    assert sorted(streams_of(lip_sync_run.video)) == ["audio", "video"]
    assert audio_correlation(lip_sync_run.video, DAGS / "media" / "script.wav") > 0.8
    assert airflow.api.xcom(DAG_ID, lip_sync_run.run_id, "download") == str(lip_sync_run.video)


def test_no_worker_process_belongs_to_the_lip_sync_while_pixverse_works(lip_sync_run: ObservedRun) -> None:
    # The first line shows that worker processes are seen at all.
    assert lip_sync_run.workers["upload_video"] >= 1
    assert "deferred" in lip_sync_run.states("lip_sync")
    assert lip_sync_run.workers_while_deferred == 0
    assert lip_sync_run.state_then == "deferred"


def test_the_key_is_nowhere_in_files_database_xcoms_or_answers_of_the_api(
    airflow: AirflowStack, emulator: EmulatorProcess, lip_sync_run: ObservedRun
) -> None:
    shown = {str(file): file.read_bytes() for file in airflow.home.rglob("*") if file.is_file()}
    shown["the emulator's log"] = emulator.log.read_bytes()
    shown |= {f"table {name}": rows.encode() for name, rows in tables(airflow.database)}
    shown |= {path: answer.encode() for path, answer in answers_about(airflow, lip_sync_run.run_id)}

    for place in ("/task_id=lip_sync/attempt=1.log", "table xcom", "table task_instance", "/links"):
        assert any(path.endswith(place) for path in shown), place
    video_id = str(airflow.api.xcom(DAG_ID, lip_sync_run.run_id, "lip_sync"))
    assert video_id.encode() in shown["table xcom"]
    assert [path for path, content in shown.items() if emulator.api_key.encode() in content] == []


def answers_about(airflow: AirflowStack, run_id: str) -> Iterator[tuple[str, str]]:
    """Yield what the API answers about a run: tasks with rendered fields, XComs, links, logs, the DAG."""
    run = f"api/v2/dags/{DAG_ID}/dagRuns/{run_id}"
    paths = [
        run,
        f"{run}/taskInstances",
        f"api/v2/dags/{DAG_ID}/details",
        f"api/v2/dags/{DAG_ID}/tasks",
        f"api/v2/dagSources/{DAG_ID}",
        f"ui/structure/structure_data?dag_id={DAG_ID}",
        f"api/v2/eventLogs?dag_id={DAG_ID}",
    ]
    for task_id in TASKS:
        task = f"{run}/taskInstances/{task_id}"
        paths += [task, f"{task}/links", f"{task}/logs/1?full_content=true"]
        keys = [entry["key"] for entry in airflow.api.get(f"{task}/xcomEntries")["xcom_entries"]]
        assert "return_value" in keys
        paths += [f"{task}/xcomEntries/{key}" for key in keys]
    for path in paths:
        yield path, json.dumps(airflow.api.get(path))
