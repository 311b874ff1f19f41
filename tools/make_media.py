"""Makes the small media files of the example DAGs: a quiet presenter, and a script that is read aloud.

Run it from the root of the repository. It needs the extra ``emulator`` and the command ``espeak-ng``.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageFilter

from pixverse_provider.emulator.render.drawing import Canvas
from pixverse_provider.emulator.render.presenter import PRESENTERS, Pose, draw_presenter
from pixverse_provider.emulator.render.video import write_mp4

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixverse_provider.emulator.render.video import Pixels

SIZE: Final = (640, 360)
FPS: Final = 25
SECONDS: Final = 6
SCRIPT: Final = "Good morning. All forty two pipelines ran last night, right on time."

_BARS: Final = (0.42, 0.58, 0.5, 0.72, 0.64, 0.86)
_LIGHTS: Final = (
    (0.56, -0.42, 0.05),
    (0.72, -0.3, 0.075),
    (0.86, -0.46, 0.055),
    (0.66, -0.1, 0.045),
    (0.83, -0.08, 0.06),
)


def main() -> int:
    """Write the files and say how large they are."""
    if shutil.which("espeak-ng") is None:
        print("espeak-ng is not installed", file=sys.stderr)
        return 1
    target = Path("dags_examples/media")
    target.mkdir(parents=True, exist_ok=True)
    write_mp4(target / "presenter.mp4", frames(), size=SIZE, fps=FPS)
    make_still(target / "still.png")
    make_script(target / "script.wav")
    for path in sorted(target.iterdir()):
        print(f"{path}: {path.stat().st_size:,} bytes")
    return 0


def make_still(path: Path) -> None:
    """Write the first frame of the presenter as an image."""
    Image.fromarray(next(frames())).quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


def frames() -> Iterator[Pixels]:
    """Yield the pictures of the presenter; the last one leads to the first, so that the clip loops."""
    wall = _wall()
    presenters: dict[Pose, Image.Image] = {}
    for index in range(FPS * SECONDS):
        picture = wall.copy()
        picture.alpha_composite(_studio(index / (FPS * SECONDS)))
        pose = _pose(index)
        if pose not in presenters:
            presenters[pose] = _presenter(pose)
        picture.alpha_composite(presenters[pose])
        yield np.asarray(picture.convert("RGB"))


def make_script(path: Path) -> None:
    """Let espeak-ng read the script: mono, 22.05 kHz, 16 bit."""
    subprocess.run(
        ["espeak-ng", "-v", "en-us+f3", "-s", "165", "-p", "48", "-w", str(path), SCRIPT], check=True
    )
    with wave.open(str(path)) as sound:
        shape = (sound.getnchannels(), sound.getframerate(), sound.getsampwidth())
    if shape != (1, 22_050, 2):
        raise RuntimeError(f"espeak-ng wrote {shape}")


def _pose(index: int) -> Pose:
    turn = 2 * math.pi * index / (FPS * SECONDS)
    # In steps, since a pose that comes again is not drawn again.
    breath = round((0.5 - 0.5 * math.cos(2 * turn)) * 5) / 5 * 0.010
    gaze = round(math.sin(turn) * 3) / 3 * 0.006
    return Pose(breath=breath, lids=_lids(index), gaze=(gaze, 0.0), brows=0.006 if 88 <= index < 104 else 0.0)


def _lids(index: int) -> float:
    for start in (34, 84, 128):
        if start <= index < start + 5:
            return (0.4, 0.9, 1.0, 0.9, 0.4)[index - start]
    return 0.0


def _presenter(pose: Pose) -> Image.Image:
    canvas = Canvas(*SIZE, detail=4)
    draw_presenter(canvas, PRESENTERS[0], pose)
    return canvas.finish()


def _wall() -> Image.Image:
    width, height = SIZE
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    light = np.exp(-(np.square(x * 1.15) + np.square((y + 0.15) * 0.9)) * 1.3)[..., np.newaxis]
    dark, bright = np.array([22, 36, 66.0]), np.array([70, 142, 168.0])
    pixels = (dark + (bright - dark) * light).astype(np.uint8)
    return Image.fromarray(pixels).convert("RGBA")


def _studio(share: float) -> Image.Image:
    """Draw what stands behind the presenter: a screen with a chart, and lights out of focus."""
    turn = 2 * math.pi * share
    lights = Canvas(*SIZE, detail=1)
    for number, (x, y, radius) in enumerate(_LIGHTS):
        glow = 70 + round(34 * math.sin(turn + number * 1.7))
        lights.ellipse((x + 0.008 * math.sin(turn + number), y), (radius, radius), (255, 196, 120, glow))
    picture = lights.finish().filter(ImageFilter.GaussianBlur(3))
    screen = Canvas(*SIZE, detail=3)
    screen.box((-0.84, -0.43), (-0.33, 0.0), 0.025, (12, 22, 42, 235))
    screen.box((-0.825, -0.415), (-0.345, -0.015), 0.018, (24, 42, 74, 255))
    tops = []
    for number, level in enumerate(_BARS):
        left = -0.79 + number * 0.071
        top = -0.06 - 0.30 * (level + 0.06 * math.sin(turn + number * 1.1))
        screen.box(
            (left, top),
            (left + 0.045, -0.05),
            0.008,
            (92, 178, 214, 255) if number < 5 else (255, 190, 92, 255),
        )
        tops.append((left + 0.0225, top - 0.03))
    screen.stroke(tops, 0.008, (255, 255, 255, 255))
    picture.alpha_composite(screen.finish().filter(ImageFilter.GaussianBlur(0.7)))
    return picture


if __name__ == "__main__":
    sys.exit(main())
