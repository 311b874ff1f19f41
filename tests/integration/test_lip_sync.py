"""The main job: upload, lip sync, wait, land; as tasks of real DAG runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG

from dags_examples import lip_sync as example
from pixverse_provider.api.ids import xcom_id
from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from pixverse_provider.operators.upload import PixVerseUploadMediaOperator
from pixverse_provider.sensors.video import PixVerseVideoSensor
from tests.support.dags import run_dag
from tests.support.ledger import charged, submits
from tests.support.video import audio_correlation, streams_of

if TYPE_CHECKING:
    from pathlib import Path

    from pixverse_provider.emulator.client import EmulatorControl
    from tests.unit.pixverse_in_time import Clock

pytestmark = pytest.mark.usefixtures("airflow_db", "at_once")


def test_the_example_dag_lands_a_video_that_carries_the_audio(
    emulator: EmulatorControl, tmp_path: Path, spoken: Path
) -> None:
    destination = tmp_path / "videos" / "welcome.mp4"
    run = run_dag(example.lip_sync.dag, {"destination": str(destination)})

    assert run.states() == dict.fromkeys(("upload_video", "upload_audio", "lip_sync", "download"), "success")
    assert run.xcom("download") == str(destination)
    assert sorted(streams_of(destination)) == ["audio", "video"]
    assert audio_correlation(destination, spoken) > 0.8
    assert len(submits(emulator)) == 1


def lip_sync_dag(presenter: Path, spoken: Path, dag_id: str, **arguments: Any) -> DAG:
    with DAG(dag_id, schedule=None) as dag:
        video = PixVerseUploadMediaOperator(task_id="video", source=str(presenter))
        audio = PixVerseUploadMediaOperator(task_id="audio", source=str(spoken))
        PixVerseLipSyncOperator(
            task_id="lip_sync",
            video_media_id=video.output,
            audio_media_id=audio.output,
            **{"poll_interval": 1.0} | arguments,
        )
    return dag


@pytest.mark.parametrize("deferrable", [False, True], ids=["in the worker", "deferred"])
def test_the_return_value_is_the_id_and_the_result_is_in_xcom_without_its_url(
    emulator: EmulatorControl, presenter: Path, spoken: Path, *, deferrable: bool
) -> None:
    emulator.settings(generation_seconds=1.5)

    run = run_dag(lip_sync_dag(presenter, spoken, f"lip_sync_{deferrable}", deferrable=deferrable))

    (job,) = emulator.jobs()
    video = run.xcom("lip_sync", "video")
    assert run.xcom("lip_sync") == video["video_id"] == xcom_id(int(job["video_id"]))
    assert video["status"] == 1
    assert video["credits"] == charged(emulator) > 0
    assert video["trace_id"] == submits(emulator)[0]["trace_id"]
    assert video["size"] > 0
    assert "http" not in json.dumps(video)


def test_an_id_above_what_sqlite_can_keep_reaches_the_next_task_whole(
    emulator: EmulatorControl, presenter: Path, spoken: Path, tmp_path: Path
) -> None:
    emulator.settings(huge_ids=True)
    dag = lip_sync_dag(presenter, spoken, "huge_ids", deferrable=True)
    with dag:
        PixVerseDownloadVideoOperator(
            task_id="download", video_id=dag.get_task("lip_sync").output, destination=f"{tmp_path}/"
        )

    run = run_dag(dag)

    (job,) = emulator.jobs()
    assert int(job["video_id"]) > 2**63
    assert run.xcom("lip_sync") == str(job["video_id"])
    assert run.xcom("download") == str(tmp_path / f"{job['video_id']}.mp4")


def test_submitting_and_waiting_can_be_two_tasks(
    emulator: EmulatorControl, presenter: Path, spoken: Path
) -> None:
    emulator.settings(generation_seconds=1.0)
    dag = lip_sync_dag(presenter, spoken, "two_tasks", wait_for_completion=False)
    with dag:
        PixVerseVideoSensor(
            task_id="wait", video_id=dag.get_task("lip_sync").output, poke_interval=1.0, deferrable=True
        )

    run = run_dag(dag)

    assert run.state == "success"
    assert run.xcom("wait") == run.xcom("lip_sync") == xcom_id(int(emulator.jobs()[0]["video_id"]))


def test_a_text_is_spoken_instead_of_an_audio(emulator: EmulatorControl, tmp_path: Path) -> None:
    destination = tmp_path / "spoken.mp4"

    run = run_dag(
        example.lip_sync.dag,
        {"destination": str(destination), "text": "Good morning, and welcome.", "speaker": "7"},
    )

    assert run.state == "success"
    assert charged(emulator) == 8, "26 bytes are two started blocks of 15"
    assert sorted(streams_of(destination)) == ["audio", "video"]


def test_a_service_that_stays_busy_ends_a_deferred_task_at_its_deadline(
    emulator: EmulatorControl, presenter: Path, spoken: Path, clock: Clock
) -> None:
    emulator.fault(on="submit", what="error", err_code=500069, times=None)
    dag = lip_sync_dag(presenter, spoken, "busy_for_ever", deferrable=True, timeout=600.0, retries=0)

    run = run_dag(dag)

    assert run.states()["lip_sync"] == "failed"
    assert run.tries("lip_sync") == 1
    # Without a store to note a refusal in, three requests go out under one trace id before the next is tried.
    requests = sum(record["count"] for record in submits(emulator))
    assert 8 <= requests <= 20, "pauses grow, to at most a minute"
    assert 500 < clock.passed <= 600
    assert charged(emulator) == 0
