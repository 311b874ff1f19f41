"""Renders an image template: the pictures as prints on a coloured ground, and the name of the template."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator.render.backdrop import Backdrop
from pixverse_provider.emulator.render.caption import caption
from pixverse_provider.emulator.render.pictures import card, open_picture

if TYPE_CHECKING:
    from pathlib import Path

    from pixverse_provider.emulator.render.clip import File, Profile

_SIDE: Final = 1024
_PICTURES_SHOWN: Final = 16


@dataclass(frozen=True, kw_only=True)
class ImageTemplateRecipe:
    """A square PNG; pictures beyond the sixteenth are not shown."""

    pictures: tuple[File, ...]
    title: str

    @property
    def key(self) -> str:
        """Everything that the file depends on; pictures count by their content."""
        return repr(self)

    def render(self, path: Path, profile: Profile) -> None:
        """Write the image."""
        size = profile.fit(_SIDE, _SIDE)
        hue = zlib.crc32(self.key.encode()) % 97 / 97
        ground = Backdrop(*size, hue=hue, period=1).at(0).convert("RGBA")
        shown = self.pictures[:_PICTURES_SHOWN]
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
