"""Lip sync a presenter to a script, and save the video.

Upload a video and a spoken audio (or give a text that PixVerse speaks), lip sync them without holding a
worker, and land the MP4 on disk or in an object store. Runs unchanged against the emulator and against the
real API: only the connection `pixverse_default` differs.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Param

from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from pixverse_provider.operators.upload import PixVerseUploadMediaOperator

MEDIA = Path(__file__).parent / "media"

with DAG(
    dag_id="pixverse_lip_sync",
    schedule=None,
    doc_md=__doc__,
    tags=["pixverse", "example"],
    # A retry finds the paid job again, so it costs nothing.
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    params={
        "video": Param(f"{MEDIA}/presenter.mp4", type="string", description="Path, s3://, gs:// or https://"),
        "audio": Param(f"{MEDIA}/script.wav", type="string", description="The spoken script"),
        "text": Param(
            "", type="string", maxLength=200, description="Text to speak instead; leave the audio as it is"
        ),
        "speaker": Param("auto", type="string", description="Voice for the text: auto, or a speaker id"),
        "destination": Param(
            f"{Path.home()}/pixverse-videos/", type="string", description="Folder/, path, s3:// or gs:// URI"
        ),
    },
):
    upload_video = PixVerseUploadMediaOperator(task_id="upload_video", source="{{ params.video }}")
    upload_audio = PixVerseUploadMediaOperator(task_id="upload_audio", source="{{ params.audio }}")

    lip_sync = PixVerseLipSyncOperator(
        task_id="lip_sync",
        video_media_id=upload_video.output,
        # An empty value counts as not given, so exactly one kind of speech reaches PixVerse.
        audio_media_id="{{ '' if params.text else ti.xcom_pull('upload_audio') }}",
        lip_sync_tts_content="{{ params.text }}",
        lip_sync_tts_speaker_id="{{ params.speaker if params.text else '' }}",
        # The price of a text is known beforehand; that of an audio only PixVerse knows.
        max_credits=200,
        deferrable=True,
    )

    download = PixVerseDownloadVideoOperator(
        task_id="download", video_id=lip_sync.output, destination="{{ params.destination }}"
    )

    upload_audio >> lip_sync >> download
