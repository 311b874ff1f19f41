"""The ways to have many lip syncs made: each DAG makes the same number of videos.

The number comes from the environment, the id of an uploaded video and the folder for the files from the run.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from airflow.sdk import DAG, BaseHook, Param, task, task_group

from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from pixverse_provider.operators.upload import PixVerseUploadMediaOperator
from pixverse_provider.sensors.video import PixVerseVideoSensor

VIDEOS = int(os.environ.get("BENCHMARK_VIDEOS", "2"))
PRESENTER = str(Path(__file__).parents[2] / "dags_examples" / "media" / "presenter.mp4")
SOURCES = [PRESENTER] * VIDEOS
TEXTS = [f"Good morning, number {number}." for number in range(VIDEOS)]
FOLDER = "{{ params.folder }}/"
SPEECH: dict[str, Any] = {
    "lip_sync_tts_speaker_id": "auto",
    "lip_sync_tts_content": "Good morning, everybody.",
}
POLL_SECONDS = 5
STATUS_DONE = 1


def a_dag(dag_id: str) -> DAG:
    """Return an empty DAG with what all of them have."""
    return DAG(
        dag_id,
        schedule=None,
        params={"media_id": Param("", type="string"), "folder": Param("", type="string")},
        default_args={"retries": 2, "retry_delay": timedelta(seconds=5)},
    )


@task
def nothing() -> None:
    """Have a worker import what all tasks need."""


def three_tasks(dag_id: str, *, deferrable: bool) -> None:
    """Upload, lip sync and download, as a group for each video."""
    with a_dag(dag_id):

        @task_group
        def video(source: str) -> None:
            upload = PixVerseUploadMediaOperator(task_id="upload", source=source)
            lip_sync = PixVerseLipSyncOperator(
                task_id="lip_sync",
                video_media_id=upload.output,
                deferrable=deferrable,
                poll_interval=POLL_SECONDS,
                **SPEECH,
            )
            PixVerseDownloadVideoOperator(task_id="download", video_id=lip_sync.output, destination=FOLDER)

        video.expand(source=SOURCES)


def one_sensor(dag_id: str) -> None:
    """Upload and submit each video, wait for all of them in one sensor, and download each."""
    with a_dag(dag_id):
        upload = PixVerseUploadMediaOperator.partial(task_id="upload").expand(source=SOURCES)
        submit = PixVerseLipSyncOperator.partial(
            task_id="submit", wait_for_completion=False, **SPEECH
        ).expand(video_media_id=upload.output)
        wait = PixVerseVideoSensor(
            task_id="wait", video_id=submit.output, deferrable=True, poke_interval=POLL_SECONDS
        )
        PixVerseDownloadVideoOperator.partial(task_id="download", destination=FOLDER).expand(
            video_id=wait.output
        )


def lists(dag_id: str) -> None:
    """Upload all in one task, submit each, wait for all in one sensor, and download all in one task."""
    with a_dag(dag_id):
        upload = PixVerseUploadMediaOperator(task_id="upload", source=SOURCES)
        submit = PixVerseLipSyncOperator.partial(
            task_id="submit", wait_for_completion=False, **SPEECH
        ).expand(video_media_id=upload.output)
        wait = PixVerseVideoSensor(
            task_id="wait", video_id=submit.output, deferrable=True, poke_interval=POLL_SECONDS
        )
        PixVerseDownloadVideoOperator(task_id="download", video_id=wait.output, destination=FOLDER)


def one_task(dag_id: str, *, deferrable: bool) -> None:
    """One task for each video, which submits and waits; its material has been uploaded before."""
    with a_dag(dag_id):
        PixVerseLipSyncOperator.partial(
            task_id="lip_sync",
            video_media_id="{{ params.media_id }}",
            lip_sync_tts_speaker_id="auto",
            deferrable=deferrable,
            poll_interval=POLL_SECONDS,
        ).expand(lip_sync_tts_content=TEXTS)


def fewest(dag_id: str) -> None:
    """One short task for each video, which submits, and one sensor for all; uploaded before."""
    with a_dag(dag_id):
        submit = PixVerseLipSyncOperator.partial(
            task_id="submit",
            video_media_id="{{ params.media_id }}",
            lip_sync_tts_speaker_id="auto",
            wait_for_completion=False,
        ).expand(lip_sync_tts_content=TEXTS)
        PixVerseVideoSensor(
            task_id="wait", video_id=submit.output, deferrable=True, poke_interval=POLL_SECONDS
        )


@task
def with_requests(source: str, params: dict[str, Any] | None = None) -> str:
    """Make one video as one writes it without a provider: a retry would pay again."""
    import requests

    connection = BaseHook.get_connection("pixverse_default")

    def call(method: str, path: str, **arguments: Any) -> dict[str, Any]:
        headers = {"API-KEY": connection.password or "", "Ai-Trace-Id": str(uuid4())}
        answer = requests.request(
            method, f"{connection.host}{path}", headers=headers, timeout=60, **arguments
        )
        answer.raise_for_status()
        resp: dict[str, Any] = answer.json()["Resp"]
        return resp

    with Path(source).open("rb") as file:
        upload = call("POST", "/media/upload", files={"file": ("presenter.mp4", file, "video/mp4")})
    body = {"video_media_id": upload["media_id"], **SPEECH}
    video_id = call("POST", "/video/lip_sync/generate", json=body)["video_id"]
    video: dict[str, Any] = {}
    while video.get("status") != STATUS_DONE:
        time.sleep(POLL_SECONDS)
        video = call("GET", f"/video/result/{video_id}")
    landed = Path((params or {})["folder"]) / f"{video_id}.mp4"
    with requests.get(video["url"], stream=True, timeout=60) as media, landed.open("wb") as output:
        media.raise_for_status()
        for chunk in media.iter_content(2**20):
            output.write(chunk)
    return str(landed)


with a_dag("warm_up"):
    nothing()

three_tasks("three_tasks_deferred", deferrable=True)
three_tasks("three_tasks_held", deferrable=False)
one_sensor("one_sensor")
lists("lists")
fewest("fewest")
one_task("one_task_deferred", deferrable=True)
one_task("one_task_held", deferrable=False)

with a_dag("plain_requests"):
    with_requests.expand(source=SOURCES)
