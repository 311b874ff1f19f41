"""Draws: pictures in shape, captions, backgrounds, masks, and smooth shapes in the coordinates of a face."""

from __future__ import annotations

import colorsys
import math
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pixverse_provider.emulator.render.video import Pixels

_LONGEST_SHAPE: Final = 4.0
_BORDER: Final = (255, 255, 255, 255)
_MOST_LINES: Final = 4
_MOST_CHARACTERS: Final = 400
REGIONS: Final = ("person", "object", "background")
# Left, top, right and bottom as shares of width and height.
_PERSON: Final = (0.3, 0.1, 0.7, 1.1)
_OBJECT: Final = (0.74, 0.6, 0.96, 0.92)
MOUTH_X: Final = 0.5
MOUTH_Y: Final = 0.53
"""Where the mouth is, as a share of the width and of the height: in the presenter clip, in text-to-video
clips, and so wherever a lip sync draws."""
Point = tuple[float, float]
Colour = tuple[int, int, int] | tuple[int, int, int, int]


def shape(across: float, down: float, quality: int) -> tuple[int, int]:
    """Return the even size with that proportion whose shorter side is ``quality`` pixels.

    A strip is given the proportion 4 to 1, or 1 to 4.
    """
    across = min(max(across, down / _LONGEST_SHAPE), down * _LONGEST_SHAPE)
    down = max(down, across / _LONGEST_SHAPE)
    shorter = max(2, quality) / min(across, down)
    return round(across * shorter / 2) * 2, round(down * shorter / 2) * 2


def cover(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the picture filling that size, its overhang cut off."""
    return ImageOps.fit(picture, size, Image.Resampling.BILINEAR)


def zoomed(picture: Image.Image, share: float, *, most: float = 0.16) -> Image.Image:
    """Return the picture as a camera sees it that has come ``share`` of its way closer."""
    width, height = picture.size
    x, y = width * most / 2 * share, height * most / 2 * share
    return picture.resize(picture.size, Image.Resampling.BILINEAR, box=(x, y, width - x, height - y))


def card(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the picture as a print with a white border, within that size."""
    shown = ImageOps.contain(picture, (max(4, size[0]), max(4, size[1])), Image.Resampling.BILINEAR)
    shown = shown.convert("RGBA")
    border = max(1, round(min(size) * 0.02))
    ImageDraw.Draw(shown).rectangle([0, 0, shown.width - 1, shown.height - 1], outline=_BORDER, width=border)
    return shown


def caption(width: int, height: int, text: str) -> Image.Image:
    """Return a transparent picture with the text, wrapped, on a dark band near the bottom.

    Long text is cut with an ellipsis. The font is the one that Pillow carries.
    """
    picture = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(picture)
    size = max(10, round(min(width, height) * 0.05))
    font = ImageFont.load_default(size)
    lines = _wrap(draw, " ".join(text[:_MOST_CHARACTERS].split()), font, width * 0.84)
    if not lines:
        return picture
    step = round(size * 1.3)
    top = round(height * 0.95) - step * len(lines)
    widest = max(draw.textlength(line, font=font) for line in lines)
    margin = size * 0.7
    draw.rounded_rectangle(
        [
            (width - widest) / 2 - margin,
            top - margin * 0.6,
            (width + widest) / 2 + margin,
            top + step * len(lines) + margin * 0.4,
        ],
        radius=margin,
        fill=(10, 14, 22, 175),
    )
    for number, line in enumerate(lines):
        draw.text((width / 2, top + number * step), line, font=font, fill=(255, 255, 255, 255), anchor="ma")
    return picture


def _wrap(
    draw: ImageDraw.ImageDraw, text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, room: float
) -> list[str]:
    lines: list[str] = []
    line = ""
    # Scripts without spaces are broken anywhere.
    words = text.split(" ") if " " in text else list(text)
    glue = " " if " " in text else ""
    for word in words:
        longer = f"{line}{glue}{word}" if line else word
        if line and draw.textlength(longer, font=font) > room:
            lines.append(line)
            line = word
        else:
            line = longer
    lines += [line] if line else []
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1] + " …"]
    return lines


class Backdrop:
    """Slow waves of two colours, computed small and scaled up, so that a frame costs next to nothing.

    :param hue: 0 to 1.
    :param period: seconds after which it is as at the start, so that a clip of that length loops.
    """

    def __init__(self, width: int, height: int, *, hue: float, period: float) -> None:
        self._size = (width, height)
        self._period = period
        self._dark = _colour(hue, 0.62, 0.30)
        self._light = _colour(hue + 0.09, 0.52, 0.66)
        columns, rows = 32, max(8, round(32 * height / width))
        self._x, self._y = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))

    def at(self, seconds: float) -> Image.Image:
        """Return the picture at a time in seconds."""
        phase = 2 * math.pi * seconds / self._period
        waves = (
            np.sin(3.1 * self._x + 2.2 * self._y + phase)
            + np.sin(2.3 * self._y - 1.7 * self._x - phase)
            + 1.4 * np.cos(2.6 * (self._x - 0.5 - 0.18 * math.sin(phase)))
        )
        share = np.clip(0.5 + waves / 6.0, 0, 1)[..., np.newaxis]
        pixels: Pixels = (self._dark + (self._light - self._dark) * share).astype(np.uint8)
        return Image.fromarray(pixels).resize(self._size, Image.Resampling.BICUBIC)


def _colour(hue: float, saturation: float, value: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(
        [255 * part for part in colorsys.hsv_to_rgb(hue % 1.0, saturation, value)], dtype=np.float64
    )


def region(name: str, size: tuple[int, int]) -> Image.Image:
    """Return a mask of that size, white where the region is.

    :raises ValueError: when there is no such region.
    """
    if name not in REGIONS:
        raise ValueError(f"there is no region {name!r}")
    if name == "background":
        return ImageOps.invert(region("person", size))
    mask = Image.new("L", size)
    left, top, right, bottom = _PERSON if name == "person" else _OBJECT
    width, height = size
    ImageDraw.Draw(mask).ellipse([left * width, top * height, right * width, bottom * height], fill=255)
    return mask


def mask_pictures(picture: Image.Image) -> dict[str, Image.Image]:
    """Return for each region the picture with all but the region darkened."""
    dark = ImageOps.colorize(picture.convert("L"), "black", (90, 90, 110))
    return {name: Image.composite(picture, dark, region(name, picture.size)) for name in REGIONS}


class Canvas:
    """A transparent picture, drawn larger and scaled down so that edges are smooth.

    The mouth is at (0, 0); the unit is the shorter side of the picture, x to the right, y down.

    :param window: left, top, right and bottom of the part that is drawn; all of it when left out.
    :param detail: how much larger it is drawn.
    """

    def __init__(
        self, width: int, height: int, *, window: tuple[int, int, int, int] | None = None, detail: int = 3
    ) -> None:
        left, top, right, bottom = window or (0, 0, width, height)
        self._whole = (width, height)
        self._window = (left, top, right, bottom)
        self._detail = detail
        self._image = Image.new("RGBA", ((right - left) * detail, (bottom - top) * detail))
        self._draw = ImageDraw.Draw(self._image)
        self._unit = min(width, height) * detail
        self._origin = ((width * MOUTH_X - left) * detail, (height * MOUTH_Y - top) * detail)

    def blank(self) -> Canvas:
        """Return an empty canvas of the same kind."""
        return Canvas(*self._whole, window=self._window, detail=self._detail)

    def finish(self) -> Image.Image:
        """Return the picture, or its window, in its size."""
        left, top, right, bottom = self._window
        return self._image.resize((right - left, bottom - top), Image.Resampling.BOX)

    def ellipse(self, centre: Point, radii: Point, fill: Colour) -> None:
        """Draw a filled ellipse."""
        (x, y), (rx, ry) = centre, radii
        self._draw.ellipse([self._at((x - rx, y - ry)), self._at((x + rx, y + ry))], fill=fill)

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        """Draw a filled polygon."""
        self._draw.polygon([self._at(point) for point in points], fill=fill)

    def blob(self, points: Sequence[Point], fill: Colour) -> None:
        """Draw a closed shape that passes smoothly through the points."""
        self.polygon(_smooth([*points], closed=True), fill)

    def stroke(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """Draw a round-ended line that passes smoothly through the points."""
        path = [self._at(point) for point in _smooth([*points], closed=False)]
        pixels = max(1, round(width * self._unit))
        self._draw.line(path, fill=fill, width=pixels, joint="curve")
        for x, y in (path[0], path[-1]):
            self._draw.ellipse([x - pixels / 2, y - pixels / 2, x + pixels / 2, y + pixels / 2], fill=fill)

    def box(self, corner: Point, opposite: Point, radius: float, fill: Colour) -> None:
        """Draw a filled rectangle with round corners."""
        self._draw.rounded_rectangle(
            [self._at(corner), self._at(opposite)], radius=radius * self._unit, fill=fill
        )

    def paste_inside(self, shape: Canvas, painting: Canvas) -> None:
        """Put what ``painting`` shows where ``shape`` is drawn."""
        clipped = Image.composite(
            painting._image, Image.new("RGBA", painting._image.size), shape._image.getchannel("A")
        )
        self._image.alpha_composite(clipped)

    def _at(self, point: Point) -> Point:
        return self._origin[0] + point[0] * self._unit, self._origin[1] + point[1] * self._unit


def _smooth(points: list[Point], *, closed: bool) -> list[Point]:
    """Return a Catmull-Rom curve through the points."""
    around = [points[-1], *points, points[0], points[1]] if closed else [points[0], *points, points[-1]]
    curve: list[Point] = []
    for p0, p1, p2, p3 in zip(around, around[1:], around[2:], around[3:], strict=False):
        for step in range(12):
            t = step / 12
            curve.append((_spline(t, p0[0], p1[0], p2[0], p3[0]), _spline(t, p0[1], p1[1], p2[1], p3[1])))
    if not closed:
        curve.append(points[-1])
    return curve


def _spline(t: float, a: float, b: float, c: float, d: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
