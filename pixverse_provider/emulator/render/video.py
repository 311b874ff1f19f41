"""Writes video files that play in every browser: H.264, AAC, index at the front."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

import av
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.video.stream import VideoStream

SAMPLE_RATE: Final = 44_100

Pixels = NDArray[np.uint8]
"""One frame, height x width x RGB."""
Samples = NDArray[np.float32]
"""One channel of sound at 44.1 kHz, from -1 to 1."""

_SAMPLES_PER_FRAME: Final = 1024


def write_mp4(
    path: Path, frames: Iterable[Pixels], *, size: tuple[int, int], fps: int, audio: Samples | None = None
) -> None:
    """Write one file.

    :param frames: all of the given size.
    :param size: width and height in pixels, both even.
    :param fps: whole frames per second.
    :param audio: the sound track; None leaves it out.
    """
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video = _video_stream(container, size, fps)
        sound = _audio_stream(container) if audio is not None else None
        written = 0
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = index
            frame.time_base = Fraction(1, fps)
            container.mux(video.encode(frame))
            if sound is not None and audio is not None:
                # The sound goes beside its pictures, so that a player need not seek.
                due = int((index + 1) * SAMPLE_RATE / fps) // _SAMPLES_PER_FRAME * _SAMPLES_PER_FRAME
                _encode_audio(container, sound, audio, written, due)
                written = max(written, due)
        if sound is not None and audio is not None:
            _encode_audio(container, sound, audio, written, len(audio))
            container.mux(sound.encode(None))
        container.mux(video.encode(None))


def _video_stream(container: OutputContainer, size: tuple[int, int], fps: int) -> VideoStream:
    stream = container.add_stream("libx264", rate=fps)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.options = {"preset": "veryfast", "crf": "24", "profile": "main"}
    # Rendering runs beside the tests that wait for it; one core is enough.
    stream.codec_context.thread_count = 1
    return stream


def _audio_stream(container: OutputContainer) -> AudioStream:
    stream = container.add_stream("aac", rate=SAMPLE_RATE)
    stream.codec_context.layout = "mono"
    stream.bit_rate = 96_000
    return stream


def _encode_audio(
    container: OutputContainer, stream: AudioStream, audio: Samples, start: int, end: int
) -> None:
    for offset in range(start, min(end, len(audio)), _SAMPLES_PER_FRAME):
        part = audio[offset : offset + _SAMPLES_PER_FRAME]
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(part[np.newaxis, :]), format="fltp", layout="mono"
        )
        frame.sample_rate = SAMPLE_RATE
        frame.pts = offset
        frame.time_base = Fraction(1, SAMPLE_RATE)
        container.mux(stream.encode(frame))
