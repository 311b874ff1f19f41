"""A still becomes a clip, the clip goes on, and gets sound.

Upload an image, let it move, extend the clip, add a sound effect, and land the result. Each step works on the
video of the step before; nothing but ids passes between the tasks.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Param

from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from pixverse_provider.operators.edit import PixVerseSoundEffectOperator
from pixverse_provider.operators.upload import PixVerseUploadImageOperator
from pixverse_provider.operators.video import PixVerseExtendOperator, PixVerseImageToVideoOperator

STILL = Path(__file__).parent / "media" / "still.png"

with DAG(
    dag_id="pixverse_still_to_clip",
    schedule=None,
    doc_md=__doc__,
    tags=["pixverse", "example"],
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    params={
        "image": Param(str(STILL), type="string", description="Path, s3://, gs:// or https://"),
        "prompt": Param("She looks up and smiles", type="string"),
        "destination": Param(
            f"{Path.home()}/pixverse-videos/", type="string", description="Folder/, path, s3:// or gs:// URI"
        ),
    },
):
    image = PixVerseUploadImageOperator(task_id="image", source="{{ params.image }}")

    clip = PixVerseImageToVideoOperator(
        task_id="clip",
        img_id=image.output,
        prompt="{{ params.prompt }}",
        model="v5",
        duration=5,
        quality="360p",
        max_credits=50,
        deferrable=True,
    )

    extended = PixVerseExtendOperator(
        task_id="extended",
        source_video_id=clip.output,
        prompt="She begins to speak",
        model="v5",
        duration=5,
        quality="360p",
        max_credits=50,
        deferrable=True,
    )

    with_sound = PixVerseSoundEffectOperator(
        task_id="with_sound",
        source_video_id=extended.output,
        sound_effect_content="the quiet hum of a studio",
        deferrable=True,
    )

    PixVerseDownloadVideoOperator(
        task_id="download", video_id=with_sound.output, destination="{{ params.destination }}"
    )
