"""Draws smooth shapes in the coordinates of a face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Sequence

MOUTH_X: Final = 0.5
MOUTH_Y: Final = 0.53
"""Where the mouth is, as a share of the width and of the height: in the presenter clip, in text-to-video
clips, and so wherever a lip sync draws."""

Point = tuple[float, float]
Colour = tuple[int, int, int] | tuple[int, int, int, int]


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
