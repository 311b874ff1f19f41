"""Moving backgrounds."""

from __future__ import annotations

import colorsys
import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pixverse_provider.emulator.render.mp4 import Pixels


class Backdrop:
    """Slow waves of two colours, computed small and scaled up, so that a frame costs next to nothing.

    :param hue: 0 to 1.
    :param period: seconds after which it looks as at the start, so that a clip of that length loops.
    """

    def __init__(self, width: int, height: int, *, hue: float, period: float) -> None:
        self._size = (width, height)
        self._period = period
        self._dark = _colour(hue, 0.62, 0.30)
        self._light = _colour(hue + 0.09, 0.52, 0.66)
        columns, rows = 32, max(8, round(32 * height / width))
        self._x, self._y = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))

    def at(self, moment: float) -> Image.Image:
        """Return the picture at a time in seconds."""
        turn = 2 * math.pi * moment / self._period
        waves = (
            np.sin(3.1 * self._x + 2.2 * self._y + turn)
            + np.sin(2.3 * self._y - 1.7 * self._x - turn)
            + 1.4 * np.cos(2.6 * (self._x - 0.5 - 0.18 * math.sin(turn)))
        )
        share = np.clip(0.5 + waves / 6.0, 0, 1)[..., np.newaxis]
        pixels: Pixels = (self._dark + (self._light - self._dark) * share).astype(np.uint8)
        return Image.fromarray(pixels).resize(self._size, Image.Resampling.BICUBIC)


def _colour(hue: float, saturation: float, value: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(
        [255 * part for part in colorsys.hsv_to_rgb(hue % 1.0, saturation, value)], dtype=np.float64
    )
