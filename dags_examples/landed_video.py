"""A landed video starts another DAG.

The download updates an asset. The second DAG is scheduled on it and reads from the event which file landed.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, Param, task

from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from pixverse_provider.operators.video import PixVerseTextToVideoOperator

LANDED = Asset("pixverse_landed_video")

with DAG(
    dag_id="pixverse_land_video",
    schedule=None,
    doc_md=__doc__,
    tags=["pixverse", "example"],
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    params={
        "prompt": Param("Rain on a window at night", type="string"),
        "destination": Param(f"{Path.home()}/pixverse-videos/", type="string"),
    },
):
    video = PixVerseTextToVideoOperator(
        task_id="video",
        prompt="{{ params.prompt }}",
        model="v5",
        duration=5,
        quality="360p",
        aspect_ratio="9:16",
        deferrable=True,
    )

    PixVerseDownloadVideoOperator(
        task_id="download",
        video_id=video.output,
        destination="{{ params.destination }}",
        outlets=[LANDED],
    )

with DAG(dag_id="pixverse_video_landed", schedule=LANDED, doc_md=__doc__, tags=["pixverse", "example"]):

    @task
    def take_over(triggering_asset_events: Any = None) -> list[str]:
        """Return the files that have landed; a catalogue or a player would be told here."""
        return [event.extra["uri"] for event in triggering_asset_events[LANDED]]

    take_over()
