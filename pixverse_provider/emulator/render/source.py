"""Reads the pictures and the sound of a media file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import av
import numpy as np

from pixverse_provider.emulator.render.mp4 import SAMPLE_RATE, Pixels, Samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TINY: Final = 1e-6
_SLOWEST: Final = 12


@dataclass(frozen=True)
class Found:
    """What a video is like.

    :param size: width and height in pixels.
    :param fps: whole frames per second in which to show it.
    """

    size: tuple[int, int]
    fps: int


def probe(path: Path, *, most: int) -> Found:
    """Look at a video.

    :param most: frames per second; fewer than 12 show no movement, whatever the source has.
    """
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rate = float(stream.average_rate or most)
        return Found((stream.width, stream.height), max(_SLOWEST, min(round(rate), most)))


def own_sound(path: Path) -> Samples | None:
    """Return the sound of a video, None when it has none."""
    with av.open(str(path)) as container:
        silent = not container.streams.audio
    return None if silent else read_audio(path)


def read_audio(path: Path) -> Samples:
    """Return the sound of a file, mixed to one channel at 44.1 kHz."""
    parts: list[Samples] = []
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        for frame in container.decode(audio=0):
            # Gaps in the time stamps of a recording would make the resampler refuse the frame.
            frame.pts = None
            parts += [part.to_ndarray().reshape(-1).astype(np.float32) for part in resampler.resample(frame)]
        parts += [part.to_ndarray().reshape(-1).astype(np.float32) for part in resampler.resample(None)]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)


def loop_frames(path: Path, *, size: tuple[int, int], fps: float) -> Iterator[Pixels]:
    """Yield the pictures of a video, one for each step of ``1 / fps`` seconds.

    After the last comes the first again. Only one picture is held at a time. The iterator never ends by
    itself.

    :raises ValueError: when the file has no pictures.
    """
    while True:
        shown = 0
        held: av.VideoFrame | None = None
        start = moment = gap = 0.0
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                if held is None:
                    start = frame.time
                gap, moment = frame.time - start - moment, frame.time - start
                while held is not None and shown / fps < moment - _TINY:
                    yield _pixels(held, size)
                    shown += 1
                held = frame
        if held is None:
            raise ValueError("the video has no pictures")
        # The last picture stands as long as the one before it did.
        while shown == 0 or shown / fps < moment + gap - _TINY:
            yield _pixels(held, size)
            shown += 1


def _pixels(frame: av.VideoFrame, size: tuple[int, int]) -> Pixels:
    scaled = frame.reformat(width=size[0], height=size[1], format="rgb24").to_ndarray()
    return scaled.astype(np.uint8, copy=False)
