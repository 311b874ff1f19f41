"""Draws a friendly presenter, and the mouth that a lip sync lays over any face."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageFilter

from pixverse_provider.emulator.render.drawing import MOUTH_X, MOUTH_Y, Canvas
from pixverse_provider.emulator.render.video import SAMPLE_RATE, Samples

if TYPE_CHECKING:
    from pixverse_provider.emulator.render.drawing import Colour, Point
    from pixverse_provider.emulator.render.video import Pixels

LEVELS: Final = 10
"""Steps between closed and open, and between round and wide; a mouth of each step is drawn once."""
_LIPS: Final = (178, 74, 78, 255)
_LIPS_LIGHT: Final = (203, 104, 102, 255)
_INSIDE: Final = (74, 22, 30, 255)
_TONGUE: Final = (196, 88, 92, 255)
_TEETH: Final = (250, 247, 240, 255)
_PATCH: Final = (0.105, 0.072)
"""Half width and half height of the skin that is laid over the mouth of the source, in shorter sides."""


@dataclass(frozen=True)
class MouthShape:
    """A position of the mouth.

    :param open: 0 closed to 1 wide open.
    :param wide: 0 rounded as in *you* to 1 spread as in *see*.
    """

    open: float
    wide: float


def mouth_shapes(audio: Samples, fps: int, count: int) -> list[MouthShape]:
    """Return the position of the mouth for each of ``count`` frames: open by loudness, wide by brightness."""
    loudness = np.zeros(count)
    brightness = np.zeros(count)
    window = SAMPLE_RATE // fps
    for index in range(count):
        centre = int((index + 0.5) * SAMPLE_RATE / fps)
        part = audio[max(0, centre - window // 2) : centre + window // 2]
        if len(part) < 2:
            continue
        loudness[index] = np.sqrt(np.mean(np.square(part, dtype=np.float64)))
        brightness[index] = np.count_nonzero(np.diff(np.signbit(part))) / len(part)
    loud = float(np.percentile(loudness, 95)) if count else 0.0
    if loud < 1e-4:
        return [MouthShape(0.0, 0.5)] * count
    opening = np.clip(loudness / loud - 0.06, 0.0, 1.0) ** 0.7
    spread = np.clip(brightness / 0.12, 0.0, 1.0)
    # A little inertia: lips open at once but do not close within one frame.
    for index in range(1, count):
        opening[index] = max(opening[index], 0.35 * opening[index - 1])
        spread[index] = 0.5 * spread[index] + 0.5 * spread[index - 1]
    return [MouthShape(float(o), float(w)) for o, w in zip(opening, spread, strict=True)]


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
            min(width, math.ceil(width * MOUTH_X + 0.14 * unit)),
            min(height, math.ceil(height * MOUTH_Y + 0.11 * unit)),
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


@dataclass(frozen=True)
class Colours:
    """The colours of a presenter."""

    skin: Colour = (240, 196, 164)
    shade: Colour = (222, 168, 136)
    hair: Colour = (62, 42, 38)
    hair_light: Colour = (88, 60, 52)
    jacket: Colour = (38, 70, 108)
    jacket_dark: Colour = (28, 54, 86)
    shirt: Colour = (244, 246, 248)
    eyes: Colour = (74, 52, 40)


PRESENTERS = (
    Colours(),
    Colours(
        skin=(198, 138, 100), shade=(174, 114, 80), hair=(34, 26, 26), hair_light=(58, 44, 42),
        jacket=(116, 52, 76), jacket_dark=(92, 40, 60),
    ),
    Colours(
        skin=(250, 214, 190), shade=(234, 186, 158), hair=(150, 84, 44), hair_light=(182, 112, 62),
        jacket=(40, 96, 88), jacket_dark=(30, 76, 70), eyes=(58, 84, 62),
    ),
    Colours(
        skin=(126, 84, 62), shade=(104, 66, 48), hair=(24, 20, 22), hair_light=(48, 40, 42),
        jacket=(196, 132, 46), jacket_dark=(166, 108, 36),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Pose:
    """What moves, in shorter sides of the picture.

    :param breath: how far the shoulders are lifted.
    :param lids: 0 eyes open to 1 closed.
    :param gaze: where the eyes colours, to the right and down.
    :param brows: how far the brows are raised.
    """

    breath: float = 0.0
    lids: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)
    brows: float = 0.0


def draw_presenter(canvas: Canvas, colours: Colours, pose: Pose) -> None:
    """Draw head and shoulders with the mouth closed.

    The head keeps still, so that a mouth laid over it fits.
    """
    _draw_back_hair(canvas, colours)
    _draw_body(canvas, colours, pose.breath)
    _draw_head(canvas, colours)
    _draw_eyes(canvas, colours, pose)
    draw_mouth(canvas, MouthShape(0.0, 0.55))


def _draw_back_hair(canvas: Canvas, colours: Colours) -> None:
    side = [(0.17, -0.33), (0.205, -0.16), (0.215, 0.0), (0.2, 0.13), (0.12, 0.19)]
    canvas.blob([(0, -0.405), *_mirrored(side)], colours.hair)


def _draw_body(canvas: Canvas, colours: Colours, breath: float) -> None:
    lift = -breath
    shoulder = [
        (0.085, 0.165),
        (0.25, 0.235),
        (0.385, 0.3),
        (0.465, 0.42),
        (0.51, 0.6),
        (0.53, 0.9),
        (0.54, 1.4),
    ]
    canvas.blob(_mirrored([(x, y + lift if y < 0.5 else y) for x, y in shoulder]), colours.jacket)
    for side in (-1, 1):
        sleeve = [(side * 0.335, 0.5 + lift), (side * 0.345, 0.62 + lift), (side * 0.33, 0.9)]
        canvas.stroke(sleeve, 0.008, colours.jacket_dark)
    canvas.polygon([(-0.1, 0.17 + lift), (0.1, 0.17 + lift), (0, 0.66 + lift)], colours.shirt)
    canvas.stroke([(0, 0.66 + lift), (0, 1.4)], 0.006, colours.jacket_dark)
    for button in (0.74, 0.88):
        canvas.ellipse((0.022, button + lift), (0.009, 0.009), colours.jacket_dark)
    for side in (-1, 1):
        lapel = [(0.108, 0.158), (0.0, 0.66), (0.14, 0.46), (0.128, 0.41), (0.2, 0.37)]
        canvas.polygon([(side * x, y + lift) for x, y in lapel], colours.jacket_dark)
    neck = [(0.078, 0.02), (0.08, 0.15), (0.094, 0.185 + lift)]
    canvas.blob([*neck, (0, 0.27 + lift), *_reflected(neck)], colours.shade)
    canvas.blob(
        [(-0.079, 0.05), (-0.079, 0.135), (-0.03, 0.175), (0.04, 0.172), (0.079, 0.125), (0.079, 0.05)],
        _between(colours.shade, (90, 40, 40), 0.18),
    )
    for side in (-1, 1):
        collar = [(0.082, 0.148), (0.016, 0.275), (0.07, 0.35), (0.128, 0.185)]
        canvas.polygon([(side * x, y + lift) for x, y in collar], (255, 255, 255))


def _draw_head(canvas: Canvas, colours: Colours) -> None:
    for side in (-1, 1):
        canvas.ellipse((side * 0.182, -0.095), (0.028, 0.046), colours.shade)
        canvas.ellipse((side * 0.180, -0.095), (0.016, 0.03), colours.skin)
    side_of_face = [(0.125, -0.325), (0.178, -0.2), (0.175, -0.06), (0.148, 0.045), (0.085, 0.115)]
    canvas.blob([(0, -0.36), *side_of_face, (0, 0.138), *_reflected(side_of_face)], colours.skin)
    for side in (-1, 1):
        canvas.ellipse((side * 0.112, -0.035), (0.036, 0.024), _between(colours.skin, (236, 120, 110), 0.28))
    canvas.stroke([(0.008, -0.115), (0.02, -0.075), (0.006, -0.062), (-0.012, -0.064)], 0.009, colours.shade)
    # Hair over the forehead, parted on one side.
    outline = [
        (-0.19, -0.13),
        (-0.195, -0.24),
        (-0.15, -0.35),
        (-0.02, -0.412),
        (0.11, -0.385),
        (0.19, -0.28),
    ]
    fringe = [(0.168, -0.215), (0.11, -0.285), (0.03, -0.315), (-0.06, -0.275), (-0.13, -0.23)]
    canvas.blob([*outline, (0.19, -0.13), *fringe, (-0.168, -0.175)], colours.hair)
    canvas.stroke([(0.028, -0.33), (0.1, -0.318), (0.16, -0.255)], 0.012, colours.hair_light)
    canvas.stroke([(-0.01, -0.345), (-0.09, -0.315), (-0.155, -0.255)], 0.012, colours.hair_light)


def _draw_eyes(canvas: Canvas, colours: Colours, pose: Pose) -> None:
    for side in (-1, 1):
        x = side * 0.078
        brow = -0.205 - pose.brows
        canvas.stroke(
            [(x - side * 0.036, brow), (x, brow - 0.010), (x + side * 0.040, brow + 0.004)],
            0.013,
            colours.hair,
        )
        openness = 1.0 - pose.lids
        if openness < 0.25:
            canvas.stroke([(x - 0.034, -0.15), (x, -0.141), (x + 0.034, -0.15)], 0.009, colours.hair)
            continue
        eye, white = canvas.blank(), canvas.blank()
        eye.ellipse((x, -0.155), (0.036, 0.027 * openness), (255, 255, 255))
        white.ellipse((x, -0.155), (0.05, 0.05), (255, 255, 255))
        gaze = (x + pose.gaze[0], -0.155 + pose.gaze[1])
        white.ellipse(gaze, (0.0195, 0.0205), colours.eyes)
        white.ellipse(gaze, (0.010, 0.0105), (20, 16, 16))
        white.ellipse((gaze[0] + 0.007, gaze[1] - 0.008), (0.0055, 0.0055), (255, 255, 255))
        canvas.paste_inside(eye, white)
        top = -0.155 - 0.026 * openness
        canvas.stroke([(x - 0.037, -0.153), (x - 0.018, top + 0.004), (x, top), (x + 0.018, top + 0.004),
                       (x + 0.037, -0.153)], 0.009, colours.hair)  # fmt: skip


def _mirrored(right: list[Point]) -> list[Point]:
    return [*right, *_reflected(right)]


def _reflected(right: list[Point]) -> list[Point]:
    return [(-x, y) for x, y in reversed(right)]


def _between(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first[:3], second[:3], strict=True))
    return red, green, blue
