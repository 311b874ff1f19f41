"""Renders a fusion: the references side by side, each with its name, before the background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pixverse_provider.emulator.render.backdrop import Backdrop
from pixverse_provider.emulator.render.caption import caption
from pixverse_provider.emulator.render.mp4 import Pixels, write_mp4
from pixverse_provider.emulator.render.pictures import card, cover, open_picture, shape, zoomed
from pixverse_provider.emulator.render.sound_track import sound_track

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pixverse_provider.emulator.render.clip import File, Profile

_FPS: Final = 12
_TOP: Final = 0.08
_BOTTOM: Final = 0.68
_MARGIN: Final = 0.04


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

    @property
    def key(self) -> str:
        """Everything that the file depends on; pictures count by their content."""
        return repr(self)

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
        room = (round(column * (1 - 2 * _MARGIN)), round(height * (_BOTTOM - _TOP)))
        font = ImageFont.load_default(max(10, round(min(size) * 0.045)))
        draw = ImageDraw.Draw(layer)
        for number, reference in enumerate(self.references):
            shown = card(open_picture(reference.file.path), room)
            middle = round(column * (number + 0.5))
            layer.alpha_composite(
                shown, (middle - shown.width // 2, round(height * _TOP) + (room[1] - shown.height) // 2)
            )
            draw.text(
                (middle, round(height * _BOTTOM)),
                f"@{reference.name}",
                font=font,
                fill=(255, 255, 255, 255),
                stroke_width=1,
                stroke_fill=(0, 0, 0, 255),
                anchor="ma",
            )
        return layer
