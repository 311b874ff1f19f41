"""Make a video, let a person look at it, and publish it only when approved.

The task `approval` waits for an answer under *Required Actions* in the Airflow UI, and holds no worker. A
rejection skips what comes after it.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, Param

from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from pixverse_provider.operators.video import PixVerseTextToVideoOperator

with DAG(
    dag_id="pixverse_approve_then_publish",
    schedule=None,
    doc_md=__doc__,
    tags=["pixverse", "example"],
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    params={
        "prompt": Param("A paper boat on a quiet river", type="string"),
        "preview": Param(f"{Path.home()}/pixverse-videos/preview/", type="string"),
        "destination": Param(f"{Path.home()}/pixverse-videos/published/", type="string"),
    },
):
    video = PixVerseTextToVideoOperator(
        task_id="video",
        prompt="{{ params.prompt }}",
        model="v5",
        duration=5,
        quality="360p",
        aspect_ratio="16:9",
        max_credits=100,
        deferrable=True,
    )

    preview = PixVerseDownloadVideoOperator(
        task_id="preview", video_id=video.output, destination="{{ params.preview }}"
    )

    approval = ApprovalOperator(
        task_id="approval",
        subject="Publish this video?",
        body="Prompt: {{ params.prompt }}\n\nPreview: {{ ti.xcom_pull('preview') }}",
    )

    publish = PixVerseDownloadVideoOperator(
        task_id="publish", video_id=video.output, destination="{{ params.destination }}"
    )

    preview >> approval >> publish
