"""What is rendered, how large, and what came out; and the thread that renders each file once."""

from __future__ import annotations

import hashlib
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

import av
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Ending = Literal["mp4", "png"]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class File:
    """A file that a recipe works on; it counts by its content, so its path is not shown."""

    path: Path = field(repr=False)
    digest: str


@dataclass(frozen=True)
class Profile:
    """How much work a rendering may be.

    :param max_side: longest side in pixels; a larger picture is scaled down.
    :param max_fps: most frames per second.
    """

    name: str
    max_side: int
    max_fps: int

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """Return the even size with the same shape that fits."""
        scale = min(1.0, self.max_side / max(width, height))
        return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


FULL: Final = Profile("full", max_side=1280, max_fps=25)
SMALL: Final = Profile("small", max_side=256, max_fps=12)


class Recipe(Protocol):
    """How one result is made.

    Recipes with the same ``repr`` give equal files, so a file is rendered once.
    """

    def render(self, path: Path, profile: Profile) -> None:
        """Write the file."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A rendered file; the numbers are read from the file."""

    path: Path
    width: int
    height: int
    size: int
    seconds: float
    has_audio: bool
    digest: str


class RenderPool:
    """Turns recipes into files in a thread of its own.

    :param directory: where the files are put.
    :param placeholders: by the ending of a file, what the mode ``placeholder`` draws instead.
    """

    def __init__(self, directory: Path, placeholders: Mapping[Ending, Recipe]) -> None:
        self._placeholders = placeholders
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
        chosen = self._placeholders[ending] if mode == "placeholder" else recipe
        key = hashlib.sha256(f"{profile.name} {chosen!r}".encode()).hexdigest()[:32]
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
