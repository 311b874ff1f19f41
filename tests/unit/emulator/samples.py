"""Small media files of many kinds, encoded for the tests."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import av
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

AudioCodec = Literal["pcm_s16le", "libmp3lame", "aac"]
VideoCodec = Literal["libx264", "libvpx-vp9", "mpeg4"]


def tone(seconds: float, rate: int = 44_100) -> NDArray[np.float32]:
    """Half a second of sound, half a second of silence, and so on."""
    times = np.arange(int(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * 220 * times) * ((times % 1) < 0.5)).astype(np.float32)


def write_audio(
    path: Path,
    codec: AudioCodec,
    *,
    seconds: float,
    container: str | None = None,
) -> Path:
    """Write a tone; the container follows from the name unless given."""
    rate = 44_100
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate)
        stream.codec_context.layout = "mono"
        frame = av.AudioFrame.from_ndarray(tone(seconds, rate)[np.newaxis, :], format="fltp", layout="mono")
        frame.sample_rate = rate
        frame.time_base = Fraction(1, rate)
        frame.pts = 0
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate)
        fifo = av.AudioFifo()
        for part in resampler.resample(frame):
            fifo.write(part)
        while (piece := fifo.read(stream.codec_context.frame_size or 1024, partial=True)) is not None:
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return path


def write_video(
    path: Path,
    codec: VideoCodec = "libx264",
    *,
    seconds: float = 1.0,
    size: tuple[int, int] = (64, 36),
    fps: int = 10,
) -> Path:
    """Write a clip whose pictures get brighter from black to white."""
    count = round(seconds * fps)
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for index in range(count):
            pixels = np.full((size[1], size[0], 3), index * 255 // max(1, count - 1), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = index
            frame.time_base = Fraction(1, fps)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path
