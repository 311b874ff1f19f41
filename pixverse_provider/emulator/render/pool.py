"""Renders in the background, each file once."""

from __future__ import annotations

import hashlib
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import av
from PIL import Image

from pixverse_provider.emulator.render.clip import FULL, SMALL, Clip, Ending, Profile, Recipe
from pixverse_provider.emulator.render.image_template import ImageTemplateRecipe
from pixverse_provider.emulator.render.text_to_video import TextToVideoRecipe

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

_PLACEHOLDERS: Final[dict[Ending, Recipe]] = {
    "mp4": TextToVideoRecipe(prompt="placeholder", seconds=1, quality=144, aspect_ratio="16:9", seed=1),
    "png": ImageTemplateRecipe(pictures=(), title="placeholder"),
}


class RenderPool:
    """Turns recipes into files in a thread of its own.

    :param directory: where the files are put.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._directory.mkdir(parents=True, exist_ok=True)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="render")
        self._clips: dict[str, Future[Clip]] = {}

    def start(self, recipe: Recipe, mode: str, ending: Ending = "mp4") -> Future[Clip]:
        """Begin to render, unless that file is there or on its way.

        :param mode: one of the ``render`` settings.
        :param ending: of the file that the recipe writes.
        """
        profile = FULL if mode == "full" else SMALL
        chosen = _PLACEHOLDERS[ending] if mode == "placeholder" else recipe
        key = hashlib.sha256(f"{type(chosen).__name__} {profile.name} {chosen.key}".encode()).hexdigest()[:32]
        known = self._clips.get(key)
        if known is not None and not (known.done() and (known.cancelled() or known.exception() is not None)):
            return known
        future = self._executor.submit(self._render, chosen, profile, self._directory / f"{key}.{ending}")
        self._clips[key] = future
        return future

    def drop_waiting(self) -> None:
        """Forget what is not begun."""
        for future in self._clips.values():
            future.cancel()

    def close(self) -> None:
        """Drop what is not begun and wait for the rest."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _render(self, recipe: Recipe, profile: Profile, path: Path) -> Clip:
        unfinished = path.with_suffix(".part")
        recipe.render(unfinished, profile)
        unfinished.replace(path)
        return describe(path)


def describe(path: Path) -> Clip:
    """Return what a rendered file turned out to be."""
    seconds, has_audio = 0.0, False
    if path.suffix == ".png":
        with Image.open(path) as image:
            width, height = image.size
    else:
        with av.open(str(path)) as container:
            video = container.streams.video[0]
            width, height = video.width, video.height
            seconds = (container.duration or 0) / av.time_base
            has_audio = bool(container.streams.audio)
    content = path.read_bytes()
    return Clip(
        path=path,
        width=width,
        height=height,
        size=len(content),
        seconds=seconds,
        has_audio=has_audio,
        digest=hashlib.sha256(content).hexdigest(),
    )
