"""Draws the mouth that a lip sync lays over its source."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageFilter

from pixverse_provider.emulator.render.canvas import MOUTH_X, MOUTH_Y, Canvas
from pixverse_provider.emulator.render.voice_track import MouthShape

if TYPE_CHECKING:
    from pixverse_provider.emulator.render.mp4 import Pixels

LEVELS: Final = 10
"""Steps between closed and open, and between round and wide; a mouth of each step is drawn once."""

_LIPS: Final = (178, 74, 78, 255)
_LIPS_LIGHT: Final = (203, 104, 102, 255)
_INSIDE: Final = (74, 22, 30, 255)
_TONGUE: Final = (196, 88, 92, 255)
_TEETH: Final = (250, 247, 240, 255)
_PATCH: Final = (0.105, 0.072)
"""Half width and half height of the skin that is laid over the mouth of the source, in shorter sides."""


def draw_mouth(canvas: Canvas, shape: MouthShape) -> None:
    """Draw the mouth; closed it is a gentle smile."""
    half = 0.036 + 0.026 * shape.wide + 0.004 * (1 - shape.open)
    if shape.open < 0.08:
        canvas.stroke(
            [(-half, -0.006), (-half / 2, 0.004), (0, 0.007), (half / 2, 0.004), (half, -0.006)], 0.011, _LIPS
        )
        return
    up = 0.006 + 0.014 * shape.open
    down = 0.010 + 0.044 * shape.open
    _lens(canvas, half + 0.008, up + 0.008, down + 0.009, _LIPS)
    _lens(canvas, half + 0.003, up + 0.002, down + 0.007, _LIPS_LIGHT)
    opening = canvas.blank()
    _lens(opening, half, up, down, _INSIDE)
    filling = canvas.blank()
    filling.box((-0.2, -0.2), (0.2, 0.2), 0, _INSIDE)
    filling.ellipse((0, down + 0.012), (half * 0.72, 0.018 + 0.016 * shape.open), _TONGUE)
    filling.box((-half * 0.78, -up - 0.01), (half * 0.78, -up * 0.6 + 0.010), 0.006, _TEETH)
    canvas.paste_inside(opening, filling)


def _lens(canvas: Canvas, half: float, up: float, down: float, fill: tuple[int, int, int, int]) -> None:
    canvas.blob(
        [
            (-half, -0.003),
            (-half * 0.5, -up * 0.9),
            (0, -up * 0.82),
            (half * 0.5, -up * 0.9),
            (half, -0.003),
            (half * 0.55, down * 0.82),
            (0, down),
            (-half * 0.55, down * 0.82),
        ],
        fill,
    )


class MouthPainter:
    """Lays mouths over the frames of one size."""

    def __init__(self, width: int, height: int) -> None:
        unit = min(width, height)
        self._box = (
            max(0, int(width * MOUTH_X - 0.14 * unit)),
            max(0, int(height * MOUTH_Y - 0.11 * unit)),
            min(width, int(width * MOUTH_X + 0.14 * unit)),
            min(height, int(height * MOUTH_Y + 0.11 * unit)),
        )
        self._size = (width, height)
        self._unit = unit
        self._skin = self._skin_mask()
        self._mouth = lru_cache(maxsize=LEVELS * LEVELS)(self._draw)

    def paint(self, pixels: Pixels, shape: MouthShape) -> Pixels:
        """Return the frame with that mouth on it.

        What was there is covered first with the colour of its surroundings, so that no second mouth shows.
        """
        left, top, right, bottom = self._box
        region = Image.fromarray(pixels[top:bottom, left:right])
        region.paste(self._colour_around(pixels), mask=self._skin)
        mouth = self._mouth(round(shape.open * LEVELS), round(shape.wide * LEVELS))
        region.paste(mouth, mask=mouth.getchannel("A"))
        painted = pixels.copy()
        painted[top:bottom, left:right] = np.asarray(region)
        return painted

    def _draw(self, opening: int, width: int) -> Image.Image:
        canvas = Canvas(*self._size, window=self._box, detail=3)
        draw_mouth(canvas, MouthShape(opening / LEVELS, width / LEVELS))
        return canvas.finish()

    def _skin_mask(self) -> Image.Image:
        canvas = Canvas(*self._size, window=self._box, detail=1)
        canvas.ellipse((0, 0.012), _PATCH, (255, 255, 255, 255))
        alpha = canvas.finish().getchannel("A")
        return alpha.filter(ImageFilter.GaussianBlur(0.014 * self._unit))

    def _colour_around(self, pixels: Pixels) -> tuple[int, int, int]:
        height, width = pixels.shape[:2]
        row = int(height * MOUTH_Y)
        reach = int(0.115 * self._unit)
        left, right = int(width * MOUTH_X) - reach, int(width * MOUTH_X) + reach
        near = np.concatenate(
            [pixels[row - 2 : row + 3, x - 2 : x + 3].reshape(-1, 3) for x in (left, right)]
        )
        red, green, blue = near.mean(axis=0)
        return int(red), int(green), int(blue)
