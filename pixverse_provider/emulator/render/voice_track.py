"""How a mouth moves to a sound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pixverse_provider.emulator.render.mp4 import SAMPLE_RATE, Samples


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
