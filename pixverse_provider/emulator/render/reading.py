"""Opens videos and sound as players do: upright, with square pixels, from time zero. Nothing else opens it.

The video of a phone is stored as its sensor lies, with a matrix that turns it. Pixels may be wider than high.
Times may begin late, and sound after the pictures. A packet that cannot be read is passed over.
"""

from __future__ import annotations

import math
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import av
import numpy as np
from av.stream import Disposition
from av.video.reformatter import VideoReformatter
from PIL import Image

from pixverse_provider.emulator.render.boxes import UnplayableError, check_boxes
from pixverse_provider.emulator.render.video import SAMPLE_RATE, Pixels, Samples

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

# No playlist or script, which would make FFmpeg open other files or call other hosts.
_OPTIONS: Final = {"format_whitelist": "mov,matroska,mp3,wav,aac", "protocol_whitelist": "file"}
_STILL_BRANDS: Final = ("avif", "avis", "heic", "heim", "heis", "heix", "hevc", "hevx", "mif1", "msf1")
_PICTURES: Final = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_MOST_PIXELS: Final = 4 * 1920 * 1920
_MOST_PER_SECOND: Final = 300
_HIGHEST_RATE: Final = 768_000
_MOST_TAGS: Final = 100
_GAP: Final = 0.1
"""Seconds without sound that are heard as a pause; less is how a file counts."""
_ROUNDING: Final = 0.07
"""Seconds by which a length that is announced may differ from what is measured, and is believed."""
_TINY: Final = 1e-6
_SLOWEST: Final = 12
_KEYFRAME_SIDE: Final = 640


@dataclass(frozen=True)
class Examined:
    """What a video or an audio turned out to be.

    :param container: ``mov`` (MP4, MOV and M4A), ``matroska`` (WebM), ``mp3``, ``wav`` or ``aac``.
    :param size: width and height as it is shown, in pixels; None for sound alone.
    :param seconds: from the first picture or sound to the end of the last, as found and not as announced.
    """

    container: str
    size: tuple[int, int] | None
    seconds: float


def examine(path: Path, *, most: float) -> Examined:
    """Open a video or an audio, and measure it.

    :param most: seconds; what is longer is measured just far enough to know.
    :raises UnplayableError: when no player plays it.
    """
    check_boxes(path)
    with _opened(path) as media:
        container, has_video = media.container_name, media.video is not None
        if not has_video and media.audio is None:
            raise UnplayableError("the file has neither pictures nor sound")
        announced = media.announced
        size = media.shown_size() if has_video else None
    seconds = _seconds_heard(path, most)
    if has_video:
        seconds = max(seconds, _seconds_seen(path, most))
        if abs(announced - seconds) < _ROUNDING:
            # An edit list cuts within a picture, and within a packet of sound.
            seconds = announced
    if seconds <= 0:
        raise UnplayableError("the video is empty" if has_video else "the audio is empty")
    return Examined(container, size, seconds)


def _seconds_heard(path: Path, most: float) -> float:
    heard = 0
    with _opened(path) as media:
        for samples in media.sound():
            heard += len(samples)
            if heard > (most + 1) * SAMPLE_RATE:
                break
    return heard / SAMPLE_RATE


def _seconds_seen(path: Path, most: float) -> float:
    with _opened(path) as media:
        stream = media.need_video()
        end = 0.0
        usual = 1 / float(stream.average_rate or 25)
        for count, packet in enumerate(media.packets(stream)):
            if packet.pts is not None and packet.time_base and not packet.is_discard:
                lasts = float((packet.duration or 0) * packet.time_base) or usual
                end = max(end, float(packet.pts * packet.time_base) - media.start + lasts)
            if count > _MOST_PER_SECOND * (most + 1):
                raise UnplayableError(f"the video has more than {count - 1} pictures")
    return end


@dataclass(frozen=True)
class Found:
    """What a video is like.

    :param size: width and height as it is shown, in pixels.
    :param fps: whole frames per second in which to show it.
    """

    size: tuple[int, int]
    fps: int


def probe(path: Path, *, most: int) -> Found:
    """Return what a video is like.

    :param most: frames per second; fewer than 12 show no movement, whatever the source has.
    """
    with _opened(path) as media:
        rate = float(media.need_video().average_rate or most)
        return Found(media.shown_size(), max(_SLOWEST, min(round(rate), most)))


def loop_frames(path: Path, *, size: tuple[int, int], fps: float) -> Iterator[Pixels]:
    """Yield the pictures of a video, one for each step of ``1 / fps`` seconds.

    After the last comes the first again. Only one picture is held at a time. The iterator never ends by
    itself.

    :raises UnplayableError: when the file has no pictures.
    """
    while True:
        yield from _frames(path, size, fps)


def first_frames(path: Path, *, size: tuple[int, int], fps: float, count: int) -> Iterator[Pixels]:
    """Yield that many pictures from the beginning, as above; after the last one it stands still."""
    shown = 0
    pixels: Pixels | None = None
    for pixels in islice(_frames(path, size, fps), count):
        yield pixels
        shown += 1
    while pixels is not None and shown < count:
        yield pixels
        shown += 1


def _frames(path: Path, size: tuple[int, int], fps: float) -> Iterator[Pixels]:
    # One for all pictures: what it works out for a size is most of its work.
    reformatter = VideoReformatter()
    shown = 0
    held: av.VideoFrame | None = None
    gone = 0.0
    with _opened(path) as media:
        for frame, since, until in media.pictures():
            # The first is seen from the start, though it may be due later.
            while held is not None and shown / fps < since - _TINY:
                yield _upright(reformatter, held, size)
                shown += 1
            held, gone = frame, until
    if held is None:
        raise UnplayableError("the video has no pictures that can be read")
    while shown == 0 or shown / fps < gone - _TINY:
        yield _upright(reformatter, held, size)
        shown += 1


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
    with _opened(path) as media:
        codec, size = media.need_video().codec_context.name, media.shown_size()
    with _opened(path) as media:
        found = next(islice(media.pictures(), number - 1, None), None)
        if found is None:
            return KeyFrame(codec, None)
        picture = Image.fromarray(_upright(VideoReformatter(), found[0], size))
    picture.thumbnail((_KEYFRAME_SIDE, _KEYFRAME_SIDE))
    return KeyFrame(codec, picture)


def own_sound(path: Path) -> Samples | None:
    """Return the sound of a video, None when it has none."""
    sound = read_audio(path)
    return sound if len(sound) else None


def read_audio(path: Path) -> Samples:
    """Return the sound of a file, mixed to one channel at 44.1 kHz."""
    with _opened(path) as media:
        parts = list(media.sound())
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)


@contextmanager
def _opened(path: Path) -> Iterator[_Media]:
    with av.open(str(path), format=_format_of(path), options=_OPTIONS) as container:
        yield _Media(container)


def _format_of(path: Path) -> str | None:
    """Return ``aac`` for what FFmpeg does not recognize behind a large tag; it looks no further than 1 MB."""
    with path.open("rb") as file:
        for _ in range(_MOST_TAGS):
            head = file.read(10)
            if not head.startswith(b"ID3") or len(head) < 10:
                break
            footer = 10 if head[5] & 0x10 else 0
            file.seek(footer + sum(part << 7 * (3 - place) for place, part in enumerate(head[6:])), 1)
    return "aac" if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0 else None


class _Media:
    """An open file. It is read once, from the beginning: either its pictures, its sound or its packets."""

    def __init__(self, container: InputContainer) -> None:
        self._container = container
        self.container_name = container.format.name.partition(",")[0]
        if container.metadata.get("major_brand", "").strip() in _STILL_BRANDS:
            raise UnplayableError("the file is a picture")
        moving = [stream for stream in container.streams.video if not _is_picture(stream)]
        self.announced = (container.duration or 0) / av.time_base
        """The length that the header says, in seconds."""
        self.video: VideoStream | None = _best(moving)
        self.audio: AudioStream | None = _best(container.streams.audio)
        if moving and self.video is None:
            raise UnplayableError("the video is in a format that cannot be decoded")
        self.start = min((_start_of(s) for s in (self.video, self.audio) if s is not None), default=0.0)
        """When the file begins, in seconds by its own clock."""

    def need_video(self) -> VideoStream:
        if self.video is None:
            raise UnplayableError("the video has no pictures")
        return self.video

    def shown_size(self) -> tuple[int, int]:
        """Return width and height upright, with square pixels; it reads as far as the first picture."""
        stream = self.need_video()
        if stream.width * stream.height > _MOST_PIXELS:
            raise UnplayableError(f"a video of {stream.width} x {stream.height} px is too large")
        first = next(self.pictures(), None)
        if first is None:
            raise UnplayableError("the video has no pictures that can be read")
        frame = first[0]
        width, height = frame.width, frame.height
        # Stretched and never shrunk, as in browsers.
        stretch = float(stream.sample_aspect_ratio or 1)
        if stretch > 1:
            width = round(width * stretch)
        elif stretch > 0:
            height = round(height / stretch)
        return (height, width) if _turn_of(frame).sideways else (width, height)

    def pictures(self) -> Iterator[tuple[av.VideoFrame, float, float]]:
        """Yield each picture, and when it comes and goes, in seconds from the start."""
        stream = self.need_video()
        # A picture may be of another size than the file says.
        stream.codec_context.options = {"max_pixels": str(_MOST_PIXELS)}
        usual = 1 / float(stream.average_rate or 25)
        since = -usual
        for frame in self._decoded(stream):
            since, before = (
                max(0.0, since, frame.time - self.start if frame.time is not None else since + usual),
                since,
            )
            lasts = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0
            yield frame, since, since + (lasts or since - before)

    def sound(self) -> Iterator[Samples]:
        """Yield the sound in pieces of at most a second, with the silence that is in it and before it."""
        if self.audio is None:
            return
        mixer = _Mixer()
        heard = 0.0
        for frame in self._decoded(self.audio):
            if not 0 < frame.sample_rate <= _HIGHEST_RATE:
                continue
            due = frame.time - self.start if frame.time is not None else heard
            if due > heard + _GAP:
                yield from _silence(due - heard)
                heard = due
            heard += frame.samples / frame.sample_rate
            yield from mixer.mixed(frame)
        yield from mixer.rest()

    def packets(self, stream: VideoStream | AudioStream) -> Iterator[av.Packet[Any]]:
        """Yield what is stored, up to where the file is damaged; the last is empty."""
        try:
            yield from self._container.demux(stream)
        except av.FFmpegError:
            return

    def _decoded(self, stream: Any) -> Iterator[Any]:
        for packet in self.packets(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                # A tag between two joined files, or a fault in transmission.
                continue
            yield from frames


def _is_picture(stream: Any) -> bool:
    """Tell whether a cover or the picture of a chapter is meant, not a video."""
    if stream.disposition & _PICTURES:
        return True
    codec = stream.codec_context.name if stream.codec_context is not None else ""
    return codec in ("mjpeg", "png") and stream.frames == 1


def _best(streams: Iterable[Any]) -> Any:
    """Return the stream that players choose, None where none can be decoded."""
    decodable = [stream for stream in streams if stream.codec_context is not None]
    # One that is switched off, as another language, is taken where there is no other.
    return min(decodable, key=lambda stream: not stream.disposition & Disposition.default, default=None)


def _start_of(stream: VideoStream | AudioStream) -> float:
    return float((stream.start_time or 0) * (stream.time_base or 0))


class _Turn(NamedTuple):
    """How stored pixels are turned: columns for rows first, then left for right, then up for down."""

    sideways: bool
    mirrored: bool
    flipped: bool


def _turn_of(frame: av.VideoFrame) -> _Turn:
    right_x, right_y, down_x, down_y = _matrix_of(frame)
    if abs(right_x) + abs(down_y) >= abs(right_y) + abs(down_x):
        return _Turn(sideways=False, mirrored=right_x < 0, flipped=down_y < 0)
    return _Turn(sideways=True, mirrored=down_x < 0, flipped=right_y < 0)


def _matrix_of(frame: av.VideoFrame) -> tuple[float, float, float, float]:
    """Return where the stored *right* and *down* point when shown."""
    side_data: Any
    try:
        side_data = frame.side_data
    except ValueError:
        # Before PyAV 19 a frame that also carries something unknown to it, as a spatial video of a phone
        # does, says its angle alone.
        angle = math.radians(frame.rotation)
        return math.cos(angle), -math.sin(angle), math.sin(angle), math.cos(angle)
    matrix = side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix))
    return a, b, c, d


def _upright(reformatter: VideoReformatter, frame: av.VideoFrame, size: tuple[int, int]) -> Pixels:
    turn = _turn_of(frame)
    width, height = reversed(size) if turn.sideways else size
    scaled = reformatter.reformat(frame, width=width, height=height, format="rgb24").to_ndarray()
    pixels: Pixels = scaled.astype(np.uint8, copy=False)
    if turn.sideways:
        pixels = pixels.transpose(1, 0, 2)
    if turn.mirrored:
        pixels = pixels[:, ::-1]
    if turn.flipped:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


class _Mixer:
    """Mixes sound to one channel at 44.1 kHz, also where its kind changes on the way, as in joined files."""

    def __init__(self) -> None:
        self._kind: tuple[str, str, int] | None = None
        self._resampler = av.AudioResampler()

    def mixed(self, frame: av.AudioFrame) -> Iterator[Samples]:
        """Yield what can be heard by now."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:
            yield from self.rest()
            self._kind = kind
            self._resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        # Gaps in the time stamps of a recording would make the resampler refuse the frame.
        frame.pts = None
        yield from self._resampled(frame)

    def rest(self) -> Iterator[Samples]:
        """Yield what is left."""
        if self._kind is not None:
            yield from self._resampled(None)

    def _resampled(self, frame: av.AudioFrame | None) -> Iterator[Samples]:
        try:
            parts = self._resampler.resample(frame)
        except av.FFmpegError:
            # Channels that nobody has told where they belong.
            return
        for part in parts:
            yield part.to_ndarray().reshape(-1).astype(np.float32)


def _silence(seconds: float) -> Iterator[Samples]:
    left = round(seconds * SAMPLE_RATE)
    while left > 0:
        yield np.zeros(min(left, SAMPLE_RATE), dtype=np.float32)
        left -= SAMPLE_RATE
