"""Recipes of new results: a presenter before a moving background, clips of pictures, an image."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pixverse_provider.emulator.render.drawing import (
    Backdrop,
    Canvas,
    caption,
    card,
    cover,
    shape,
    zoomed,
)
from pixverse_provider.emulator.render.pictures import open_picture
from pixverse_provider.emulator.render.presenter import (
    PRESENTERS,
    MouthPainter,
    MouthShape,
    Pose,
    draw_presenter,
    mouth_shapes,
)
from pixverse_provider.emulator.render.sound import sound_track
from pixverse_provider.emulator.render.video import Pixels, write_mp4

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pixverse_provider.emulator.render.pool import Ending, File, Profile, Recipe
    from pixverse_provider.emulator.render.sound import Voice

_FPS: Final = 12
_HUES: Final = (0.47, 0.52, 0.57, 0.62, 0.68, 0.75, 0.82)
_CARDS_TOP: Final = 0.08
_CARDS_BOTTOM: Final = 0.68
_CARD_MARGIN: Final = 0.04
_IMAGE_SIDE: Final = 1024
_MOST_PRINTS: Final = 16


@dataclass(frozen=True, kw_only=True)
class TextToVideoRecipe:
    """A generated clip.

    :param seconds: exact length.
    :param quality: the shorter side in pixels, before the profile scales it down.
    :param music: whether it gets a sound track of quiet chords.
    :param voice: who says ``speech``; what is longer than the clip is cut.
    """

    prompt: str
    seconds: int
    quality: int
    aspect_ratio: str
    seed: int
    music: bool = False
    voice: Voice | None = None
    speech: str = ""

    def render(self, path: Path, profile: Profile) -> None:
        """Write the clip."""
        size = profile.fit(*self.size)
        fps = min(_FPS, profile.max_fps)
        audio = sound_track(
            self.seconds, seed=self.seed, music=self.music, voice=self.voice, speech=self.speech
        )
        shapes = mouth_shapes(audio, fps, fps * self.seconds) if audio is not None and self.voice else None
        write_mp4(path, self._frames(size, fps, shapes), size=size, fps=fps, audio=audio)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height that were asked for."""
        across, down = (int(part) for part in self.aspect_ratio.split(":"))
        return shape(across, down, self.quality)

    def _frames(self, size: tuple[int, int], fps: int, shapes: list[MouthShape] | None) -> Iterator[Pixels]:
        backdrop = Backdrop(*size, hue=_HUES[self.seed // len(PRESENTERS) % len(_HUES)], period=self.seconds)
        open_eyes, closed_eyes = (self._foreground(size, lids) for lids in (0.0, 1.0))
        painter = MouthPainter(*size)
        for index in range(fps * self.seconds):
            picture = backdrop.at(index / fps)
            # A blink of two frames, every three seconds or so.
            front = closed_eyes if index % 37 in (20, 21) else open_eyes
            picture.paste(front, mask=front.getchannel("A"))
            pixels = np.asarray(picture)
            yield painter.paint(pixels, shapes[index]) if shapes is not None else pixels

    def _foreground(self, size: tuple[int, int], lids: float) -> Image.Image:
        canvas = Canvas(*size, detail=2)
        draw_presenter(canvas, PRESENTERS[self.seed % len(PRESENTERS)], Pose(lids=lids))
        picture = canvas.finish()
        picture.alpha_composite(caption(*size, self.prompt))
        return picture


@dataclass(frozen=True, kw_only=True)
class StillsRecipe:
    """A clip of one or more pictures, in the shape of the first.

    :param lengths: seconds from each picture to the next; for a single one, how long it is shown.
    :param captions: one for each length.
    :param quality: the shorter side in pixels, before the profile scales it down.
    """

    pictures: tuple[File, ...]
    lengths: tuple[float, ...]
    captions: tuple[str, ...]
    quality: int
    seed: int = 0
    music: bool = False
    voice: Voice | None = None
    speech: str = ""

    def render(self, path: Path, profile: Profile) -> None:
        """Write the clip."""
        opened = [open_picture(file.path) for file in self.pictures]
        size = profile.fit(*shape(*opened[0].size, self.quality))
        fps = min(_FPS, profile.max_fps)
        audio = sound_track(
            sum(self.lengths), seed=self.seed, music=self.music, voice=self.voice, speech=self.speech
        )
        shown = [cover(picture, size) for picture in opened]
        write_mp4(path, self._frames(shown, fps), size=size, fps=fps, audio=audio)

    def _frames(self, shown: list[Image.Image], fps: int) -> Iterator[Pixels]:
        steps = list(pairwise(shown)) or [(shown[0], shown[0])]
        for (before, after), seconds, text in zip(steps, self.lengths, self.captions, strict=True):
            words = caption(*before.size, text)
            count = max(1, round(seconds * fps))
            for index in range(count):
                share = index / max(1, count - 1)
                picture = zoomed(before, share) if after is before else Image.blend(before, after, share)
                picture.paste(words, mask=words.getchannel("A"))
                yield np.asarray(picture)


@dataclass(frozen=True)
class Reference:
    """A picture and what the prompt calls it.

    :param backdrop: whether it stands behind the others.
    """

    file: File
    name: str
    backdrop: bool


@dataclass(frozen=True, kw_only=True)
class FusionRecipe:
    """A clip of named references."""

    references: tuple[Reference, ...]
    prompt: str
    seconds: int
    quality: int
    aspect_ratio: str
    seed: int
    music: bool = False

    def render(self, path: Path, profile: Profile) -> None:
        """Write the clip."""
        across, down = (int(part) for part in self.aspect_ratio.split(":"))
        size = profile.fit(*shape(across, down, self.quality))
        fps = min(_FPS, profile.max_fps)
        audio = sound_track(self.seconds, seed=self.seed, music=self.music, voice=None, speech="")
        write_mp4(path, self._frames(size, fps), size=size, fps=fps, audio=audio)

    def _frames(self, size: tuple[int, int], fps: int) -> Iterator[Pixels]:
        front = self._front(size)
        ground = next((r.file for r in self.references if r.backdrop), None)
        behind = cover(open_picture(ground.path), size) if ground is not None else None
        waves = Backdrop(*size, hue=self.seed % 97 / 97, period=self.seconds)
        count = self.seconds * fps
        for index in range(count):
            picture = waves.at(index / fps) if behind is None else zoomed(behind, index / count)
            picture.paste(front, mask=front.getchannel("A"))
            yield np.asarray(picture)

    def _front(self, size: tuple[int, int]) -> Image.Image:
        width, height = size
        layer = caption(*size, self.prompt)
        column = width / len(self.references)
        room = (round(column * (1 - 2 * _CARD_MARGIN)), round(height * (_CARDS_BOTTOM - _CARDS_TOP)))
        font = ImageFont.load_default(max(10, round(min(size) * 0.045)))
        draw = ImageDraw.Draw(layer)
        for number, reference in enumerate(self.references):
            shown = card(open_picture(reference.file.path), room)
            middle = round(column * (number + 0.5))
            layer.alpha_composite(
                shown, (middle - shown.width // 2, round(height * _CARDS_TOP) + (room[1] - shown.height) // 2)
            )
            draw.text(
                (middle, round(height * _CARDS_BOTTOM)),
                f"@{reference.name}",
                font=font,
                fill=(255, 255, 255, 255),
                stroke_width=1,
                stroke_fill=(0, 0, 0, 255),
                anchor="ma",
            )
        return layer


@dataclass(frozen=True, kw_only=True)
class ImageTemplateRecipe:
    """A square PNG; pictures beyond the sixteenth are not shown."""

    pictures: tuple[File, ...]
    title: str

    def render(self, path: Path, profile: Profile) -> None:
        """Write the image."""
        size = profile.fit(_IMAGE_SIDE, _IMAGE_SIDE)
        hue = zlib.crc32(repr(self).encode()) % 97 / 97
        ground = Backdrop(*size, hue=hue, period=1).at(0).convert("RGBA")
        shown = self.pictures[:_MOST_PRINTS]
        columns = math.ceil(math.sqrt(len(shown))) or 1
        rows = math.ceil(len(shown) / columns) or 1
        cell = (size[0] * 0.92 / columns, size[1] * 0.8 / rows)
        for number, file in enumerate(shown):
            row, column = divmod(number, columns)
            print_ = card(open_picture(file.path), (round(cell[0] * 0.92), round(cell[1] * 0.92)))
            x = size[0] * 0.04 + cell[0] * (column + 0.5) - print_.width / 2
            y = size[1] * 0.03 + cell[1] * (row + 0.5) - print_.height / 2
            ground.alpha_composite(print_, (max(0, round(x)), max(0, round(y))))
        ground.alpha_composite(caption(*size, self.title))
        ground.convert("RGB").save(path, "PNG")


PLACEHOLDERS: Final[dict[Ending, Recipe]] = {
    "mp4": TextToVideoRecipe(prompt="placeholder", seconds=1, quality=144, aspect_ratio="16:9", seed=1),
    "png": ImageTemplateRecipe(pictures=(), title="placeholder"),
}
"""What is drawn in place of every result where the setting ``render`` is ``placeholder``."""
