"""One presenter, many sentences: a lip sync for each, never more at once than the plan allows.

Airflow queues what PixVerse would refuse: the pool counts deferred tasks too. Give it, once, as many slots as
the plan has jobs at once (5 on Essential):

    airflow pools set pixverse_slots 5 "Jobs at once of the PixVerse plan" --include-deferred

Where the pool has more slots than the plan, a task that is refused waits deferred and tries again.
"""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG, Param, task, task_group

from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from pixverse_provider.operators.upload import PixVerseUploadMediaOperator

MEDIA = Path(__file__).parent / "media"

with DAG(
    dag_id="pixverse_many_lip_syncs",
    schedule=None,
    doc_md=__doc__,
    tags=["pixverse", "example"],
    params={
        "video": Param(f"{MEDIA}/presenter.mp4", type="string", description="Path, s3://, gs:// or https://"),
        "texts": Param(
            ["Good morning.", "Buenos días.", "Bonjour.", "Guten Morgen.", "Buongiorno.", "Bom dia."],
            type="array",
            description="What to say, up to 200 characters each",
        ),
        "destination": Param(f"{Path.home()}/pixverse-videos/", type="string", description="A folder/"),
    },
):
    video = PixVerseUploadMediaOperator(task_id="video", source="{{ params.video }}")

    @task
    def texts(params: dict[str, list[str]] | None = None) -> list[str]:
        """Return the sentences, one for each lip sync."""
        return (params or {})["texts"]

    @task_group
    def greeting(text: str) -> None:
        """Make one video and land it, whatever becomes of the others."""
        lip_sync = PixVerseLipSyncOperator(
            task_id="lip_sync",
            video_media_id=video.output,
            lip_sync_tts_speaker_id="auto",
            lip_sync_tts_content=text,
            deferrable=True,
            retries=2,
            pool="pixverse_slots",
        )
        PixVerseDownloadVideoOperator(
            task_id="download", video_id=lip_sync.output, destination="{{ params.destination }}", retries=2
        )

    greeting.expand(text=texts())
