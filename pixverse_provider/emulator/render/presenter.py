"""Draws a friendly presenter, whose mouth is where a lip sync draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pixverse_provider.emulator.render.mouth import draw_mouth
from pixverse_provider.emulator.render.voice_track import MouthShape

if TYPE_CHECKING:
    from pixverse_provider.emulator.render.canvas import Canvas, Colour, Point


@dataclass(frozen=True)
class Look:
    """The colours of a presenter."""

    skin: Colour = (240, 196, 164)
    shade: Colour = (222, 168, 136)
    hair: Colour = (62, 42, 38)
    hair_light: Colour = (88, 60, 52)
    jacket: Colour = (38, 70, 108)
    jacket_dark: Colour = (28, 54, 86)
    shirt: Colour = (244, 246, 248)
    eyes: Colour = (74, 52, 40)


LOOKS = (
    Look(),
    Look(
        skin=(198, 138, 100), shade=(174, 114, 80), hair=(34, 26, 26), hair_light=(58, 44, 42),
        jacket=(116, 52, 76), jacket_dark=(92, 40, 60),
    ),
    Look(
        skin=(250, 214, 190), shade=(234, 186, 158), hair=(150, 84, 44), hair_light=(182, 112, 62),
        jacket=(40, 96, 88), jacket_dark=(30, 76, 70), eyes=(58, 84, 62),
    ),
    Look(
        skin=(126, 84, 62), shade=(104, 66, 48), hair=(24, 20, 22), hair_light=(48, 40, 42),
        jacket=(196, 132, 46), jacket_dark=(166, 108, 36),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Pose:
    """What moves, in shorter sides of the picture.

    :param breath: how far the shoulders are lifted.
    :param lids: 0 eyes open to 1 closed.
    :param gaze: where the eyes look, to the right and down.
    :param brows: how far the brows are raised.
    """

    breath: float = 0.0
    lids: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)
    brows: float = 0.0


def draw_presenter(canvas: Canvas, look: Look, pose: Pose) -> None:
    """Draw head and shoulders with the mouth closed.

    The head keeps still, so that a mouth laid over it fits.
    """
    _draw_back_hair(canvas, look)
    _draw_body(canvas, look, pose.breath)
    _draw_head(canvas, look)
    _draw_eyes(canvas, look, pose)
    draw_mouth(canvas, MouthShape(0.0, 0.55))


def _draw_back_hair(canvas: Canvas, look: Look) -> None:
    side = [(0.17, -0.33), (0.205, -0.16), (0.215, 0.0), (0.2, 0.13), (0.12, 0.19)]
    canvas.blob([(0, -0.405), *_mirrored(side)], look.hair)


def _draw_body(canvas: Canvas, look: Look, breath: float) -> None:
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
    canvas.blob(_mirrored([(x, y + lift if y < 0.5 else y) for x, y in shoulder]), look.jacket)
    for side in (-1, 1):
        sleeve = [(side * 0.335, 0.5 + lift), (side * 0.345, 0.62 + lift), (side * 0.33, 0.9)]
        canvas.stroke(sleeve, 0.008, look.jacket_dark)
    canvas.polygon([(-0.1, 0.17 + lift), (0.1, 0.17 + lift), (0, 0.66 + lift)], look.shirt)
    canvas.stroke([(0, 0.66 + lift), (0, 1.4)], 0.006, look.jacket_dark)
    for button in (0.74, 0.88):
        canvas.ellipse((0.022, button + lift), (0.009, 0.009), look.jacket_dark)
    for side in (-1, 1):
        lapel = [(0.108, 0.158), (0.0, 0.66), (0.14, 0.46), (0.128, 0.41), (0.2, 0.37)]
        canvas.polygon([(side * x, y + lift) for x, y in lapel], look.jacket_dark)
    neck = [(0.078, 0.02), (0.08, 0.15), (0.094, 0.185 + lift)]
    canvas.blob([*neck, (0, 0.27 + lift), *_reflected(neck)], look.shade)
    canvas.blob(
        [(-0.079, 0.05), (-0.079, 0.135), (-0.03, 0.175), (0.04, 0.172), (0.079, 0.125), (0.079, 0.05)],
        _between(look.shade, (90, 40, 40), 0.18),
    )
    for side in (-1, 1):
        collar = [(0.082, 0.148), (0.016, 0.275), (0.07, 0.35), (0.128, 0.185)]
        canvas.polygon([(side * x, y + lift) for x, y in collar], (255, 255, 255))


def _draw_head(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        canvas.ellipse((side * 0.182, -0.095), (0.028, 0.046), look.shade)
        canvas.ellipse((side * 0.180, -0.095), (0.016, 0.03), look.skin)
    side_of_face = [(0.125, -0.325), (0.178, -0.2), (0.175, -0.06), (0.148, 0.045), (0.085, 0.115)]
    canvas.blob([(0, -0.36), *side_of_face, (0, 0.138), *_reflected(side_of_face)], look.skin)
    for side in (-1, 1):
        canvas.ellipse((side * 0.112, -0.035), (0.036, 0.024), _between(look.skin, (236, 120, 110), 0.28))
    canvas.stroke([(0.008, -0.115), (0.02, -0.075), (0.006, -0.062), (-0.012, -0.064)], 0.009, look.shade)
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
    canvas.blob([*outline, (0.19, -0.13), *fringe, (-0.168, -0.175)], look.hair)
    canvas.stroke([(0.028, -0.33), (0.1, -0.318), (0.16, -0.255)], 0.012, look.hair_light)
    canvas.stroke([(-0.01, -0.345), (-0.09, -0.315), (-0.155, -0.255)], 0.012, look.hair_light)


def _draw_eyes(canvas: Canvas, look: Look, pose: Pose) -> None:
    for side in (-1, 1):
        x = side * 0.078
        brow = -0.205 - pose.brows
        canvas.stroke(
            [(x - side * 0.036, brow), (x, brow - 0.010), (x + side * 0.040, brow + 0.004)], 0.013, look.hair
        )
        openness = 1.0 - pose.lids
        if openness < 0.25:
            canvas.stroke([(x - 0.034, -0.15), (x, -0.141), (x + 0.034, -0.15)], 0.009, look.hair)
            continue
        eye, white = canvas.blank(), canvas.blank()
        eye.ellipse((x, -0.155), (0.036, 0.027 * openness), (255, 255, 255))
        white.ellipse((x, -0.155), (0.05, 0.05), (255, 255, 255))
        gaze = (x + pose.gaze[0], -0.155 + pose.gaze[1])
        white.ellipse(gaze, (0.0195, 0.0205), look.eyes)
        white.ellipse(gaze, (0.010, 0.0105), (20, 16, 16))
        white.ellipse((gaze[0] + 0.007, gaze[1] - 0.008), (0.0055, 0.0055), (255, 255, 255))
        canvas.paste_inside(eye, white)
        top = -0.155 - 0.026 * openness
        canvas.stroke([(x - 0.037, -0.153), (x - 0.018, top + 0.004), (x, top), (x + 0.018, top + 0.004),
                       (x + 0.037, -0.153)], 0.009, look.hair)  # fmt: skip


def _mirrored(right: list[Point]) -> list[Point]:
    return [*right, *_reflected(right)]


def _reflected(right: list[Point]) -> list[Point]:
    return [(-x, y) for x, y in reversed(right)]


def _between(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first[:3], second[:3], strict=True))
    return red, green, blue
