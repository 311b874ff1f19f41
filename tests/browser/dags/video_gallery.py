"""A mapped task with every ending that a job can have, for the tests that look at the pages."""

from __future__ import annotations

from airflow.sdk import DAG, Param

from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from pixverse_provider.operators.video import PixVerseTextToVideoOperator

PROMPTS = [
    "A paper boat on a quiet river, morning mist, slow dolly shot",
    "Lighthouse at dusk, waves, a gull crosses the frame",
    "A market in the rain, neon signs, handheld camera [fail]",
    "An empty theatre, curtains open, warm light",
    "A portrait that the filter refuses [moderate]",
    "Snow on a mountain road, drone view",
]

with DAG("video_gallery", schedule=None, params={"folder": Param("/nowhere/", type="string")}):
    clip = PixVerseTextToVideoOperator.partial(
        task_id="clip",
        model="v5",
        duration=5,
        quality="540p",
        aspect_ratio="16:9",
        deferrable=True,
    ).expand(prompt=PROMPTS)

    still = PixVerseTextToVideoOperator(
        task_id="still",
        prompt="One video that is not mapped, of a paper boat",
        model="v5",
        duration=5,
        quality="540p",
        aspect_ratio="16:9",
        deferrable=True,
    )
    PixVerseDownloadVideoOperator(task_id="land", video_id=still.output, destination="{{ params.folder }}")
