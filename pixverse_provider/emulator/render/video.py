"""Writes and reads video files. What is written plays in every browser: H.264, AAC, index at the front."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Final

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
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
_TINY: Final = 1e-6
_SLOWEST: Final = 12
_KEYFRAME_SIDE: Final = 640


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


@dataclass(frozen=True)
class Found:
    """What a video is like.

    :param size: width and height in pixels.
    :param fps: whole frames per second in which to show it.
    """

    size: tuple[int, int]
    fps: int


def probe(path: Path, *, most: int) -> Found:
    """Return what a video is like.

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
    # One for all pictures: what it works out for a size is most of its work.
    reformatter = VideoReformatter()
    while True:
        shown = 0
        held: av.VideoFrame | None = None
        start = since = gap = 0.0
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                if held is None:
                    start = frame.time
                gap, since = frame.time - start - since, frame.time - start
                while held is not None and shown / fps < since - _TINY:
                    yield _pixels(reformatter, held, size)
                    shown += 1
                held = frame
        if held is None:
            raise ValueError("the video has no pictures")
        # The last picture stands as long as the one before it did.
        while shown == 0 or shown / fps < since + gap - _TINY:
            yield _pixels(reformatter, held, size)
            shown += 1


def _pixels(reformatter: VideoReformatter, frame: av.VideoFrame, size: tuple[int, int]) -> Pixels:
    width, height = size
    scaled = reformatter.reformat(frame, width=width, height=height, format="rgb24").to_ndarray()
    return scaled.astype(np.uint8, copy=False)


@dataclass(frozen=True)
class KeyFrame:
    """A picture of a video.

    :param codec: of the video, as FFmpeg calls it.
    :param picture: None when the video has fewer pictures.
    """

    codec: str
    picture: Image.Image | None


def take_keyframe(path: Path, number: int) -> KeyFrame:
    """Return the picture of that number, counted from 1."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = stream.codec_context.name
        if stream.frames and number > stream.frames:
            return KeyFrame(codec, None)
        frame = next(islice(container.decode(stream), number - 1, None), None)
        picture = Image.fromarray(frame.to_ndarray(format="rgb24")) if frame is not None else None
    if picture is not None:
        picture.thumbnail((_KEYFRAME_SIDE, _KEYFRAME_SIDE))
    return KeyFrame(codec, picture)
