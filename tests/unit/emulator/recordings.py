"""Media as phones, cameras, editors and shells leave it, made for the tests."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import av
import numpy as np

from tests.unit.emulator.samples import write_audio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

RED, GREEN, BLUE, WHITE = (220, 20, 20), (20, 200, 20), (20, 20, 220), (250, 250, 250)
_ONE: Final = 1 << 16


class Turn(NamedTuple):
    """How a device stores an upright picture, and the matrix with which players turn it upright again.

    :param matrix: where the stored *right* and *down* point when shown, as a, b, c and d of the matrix.
    :param stored: makes of an upright picture the stored one.
    :param exif: the same as an EXIF orientation.
    """

    name: str
    matrix: tuple[int, int, int, int]
    stored: Callable[[Picture], Picture]
    exif: int


TURNS: Final = (
    Turn("not at all", (1, 0, 0, 1), lambda upright: upright, 1),
    Turn("90 clockwise", (0, 1, -1, 0), lambda upright: np.rot90(upright, 1), 6),
    Turn("180", (-1, 0, 0, -1), lambda upright: np.rot90(upright, 2), 3),
    Turn("270 clockwise", (0, -1, 1, 0), lambda upright: np.rot90(upright, -1), 8),
    Turn("mirrored", (-1, 0, 0, 1), np.fliplr, 2),
    Turn("upside down and mirrored", (1, 0, 0, -1), np.flipud, 4),
    Turn("90 clockwise and mirrored", (0, 1, 1, 0), lambda upright: upright.transpose(1, 0, 2), 5),
    Turn(
        "270 clockwise and mirrored",
        (0, -1, -1, 0),
        lambda upright: np.rot90(upright, 2).transpose(1, 0, 2),
        7,
    ),
)
PORTRAIT: Final = TURNS[1]
"""A phone that is held upright."""


def quarters(width: int, height: int) -> Picture:
    """Return a picture of four colours: red and green above, blue and white below."""
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    for row, colours in enumerate(((RED, GREEN), (BLUE, WHITE))):
        for column, colour in enumerate(colours):
            down = slice(row * height // 2, (row + 1) * height // 2)
            across = slice(column * width // 2, (column + 1) * width // 2)
            picture[down, across] = colour
    return picture


def shows_quarters(picture: Picture) -> bool:
    """Tell whether a picture is the one above, upright, whatever its size."""
    height, width = picture.shape[:2]
    for y, colours in ((0.2, (RED, GREEN)), (0.8, (BLUE, WHITE))):
        for x, colour in ((0.2, colours[0]), (0.8, colours[1])):
            seen = picture[int(y * height), int(x * width)].astype(int)
            if np.abs(seen - np.array(colour)).max() > 60:
                return False
    return True


def write_recording(
    path: Path,
    pictures: Iterable[Picture],
    codec: str = "libx264",
    *,
    times: Sequence[float] | None = None,
    fps: int = 10,
    pixels: str = "yuv420p",
    stretch: Fraction | None = None,
    sound: NDArray[np.float32] | None = None,
    sound_starts: float = 0.0,
    container: str | None = None,
    options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
    matrix: Sequence[int] | None = None,
) -> Path:
    """Write a video.

    :param times: of each picture, in seconds.
    :param stretch: how much wider than high a pixel is.
    :param sound: mono, at 48 kHz.
    """
    with av.open(str(path), "w", format=container, options=options or {}) as output:
        stream: Any = output.add_stream(codec, rate=fps, options=codec_options or {})
        stream.pix_fmt = pixels
        stream.codec_context.time_base = Fraction(1, 1000)
        if stretch is not None:
            stream.codec_context.sample_aspect_ratio = stretch
        if matrix is not None:
            stream.set_display_matrix(matrix)
        heard: Any = None
        if sound is not None:
            heard = output.add_stream("libopus" if path.suffix == ".webm" else "aac", rate=48_000)
            heard.codec_context.layout = "mono"
        for index, picture in enumerate(pictures):
            if index == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts = round(1000 * (times[index] if times is not None else index / fps))
            frame.time_base = Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if heard is not None and sound is not None:
            for part in _sound_frames(sound, heard.codec_context.frame_size or 960, sound_starts):
                output.mux(heard.encode(part))
            output.mux(heard.encode(None))
    return path


def _sound_frames(sound: NDArray[np.float32], size: int, starts: float) -> Iterable[av.AudioFrame]:
    for offset in range(0, len(sound), size):
        part = sound[np.newaxis, offset : offset + size]
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        frame.pts = offset + round(starts * 48_000)
        frame.time_base = Fraction(1, 48_000)
        yield frame


def write_joined(path: Path, *parts: Path) -> Path:
    """Write what several videos hold as one, each going on when its own clock says."""
    with av.open(str(path), "w") as output:
        stream: Any = None
        for part in parts:
            with av.open(str(part)) as container:
                stream = stream or output.add_stream_from_template(container.streams.video[0])
                for packet in container.demux(video=0):
                    if packet.size:
                        packet.stream = stream
                        output.mux(packet)
    return path


def turn_track(path: Path, turn: Turn) -> Path:
    """Write the matrix into the header of the track, as the camera of a phone does."""
    content = bytearray(path.read_bytes())
    a, b, c, d = (_ONE * part for part in turn.matrix)
    place = content.index(b"tkhd") + 44
    width, height = (part >> 16 for part in struct.unpack_from(">II", content, place + 36))
    # What is turned is moved back into sight.
    x = _ONE * ((width if a < 0 else 0) + (height if c < 0 else 0))
    y = _ONE * ((width if b < 0 else 0) + (height if d < 0 else 0))
    struct.pack_into(">9i", content, place, a, b, 0, c, d, 0, x, y, 1 << 30)
    path.write_bytes(content)
    return path


def write_phone_video(path: Path, upright: Iterable[Picture], turn: Turn = PORTRAIT, **options: Any) -> Path:
    """Write upright pictures as a phone stores them."""
    return turn_track(write_recording(path, (turn.stored(picture) for picture in upright), **options), turn)


def write_header_length(path: Path, seconds: float) -> Path:
    """Let the headers of an MP4 or WebM say another length than it has."""
    content = bytearray(path.read_bytes())
    if path.suffix == ".webm":
        # In thousandths, as a double.
        struct.pack_into(">d", content, content.index(b"\x44\x89\x88") + 3, 1000 * seconds)
    for kind in (b"mvhd", b"mdhd"):
        place = content.find(kind) + 4
        if place >= 4:
            scale = struct.unpack_from(">I", content, place + 12)[0]
            struct.pack_into(">I", content, place + 16, round(seconds * scale))
    path.write_bytes(content)
    return path


def box(kind: bytes, content: bytes) -> bytes:
    """Return a box of an MP4."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def id3(*frames: bytes, padding: int = 0) -> bytes:
    """Return an ID3v2.3 tag."""
    size = sum(map(len, frames)) + padding
    digits = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + digits + b"".join(frames) + bytes(padding)


def title(text: str = "a title") -> bytes:
    """Return the frame of an ID3 tag that holds a title."""
    return _id3_frame(b"TIT2", b"\x00" + text.encode("latin-1"))


def cover(picture: bytes, mime: bytes = b"image/jpeg") -> bytes:
    """Return the frame of an ID3 tag that holds a cover."""
    return _id3_frame(b"APIC", b"\x00" + mime + b"\x00\x03\x00" + picture)


def _id3_frame(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack(">I", len(content)) + b"\x00\x00" + content


ID3V1: Final = b"TAG" + b"an old tag".ljust(125)


def mp3(folder: Path, seconds: float = 1.0) -> bytes:
    """Return an MP3 without any tag: the frames alone, the first of which says how long it is."""
    content = write_audio(folder / "plain.mp3", "libmp3lame", seconds=seconds).read_bytes()
    return content[content.index(b"\xff\xfb") :]


def adts(folder: Path, seconds: float = 1.0) -> bytes:
    """Return AAC without a container."""
    return write_audio(folder / "plain.aac", "aac", seconds=seconds, container="adts").read_bytes()


def wav(
    samples: NDArray[Any],
    *chunks: bytes,
    rate: int = 44_100,
    announced: int | None = None,
    extensible: bool = False,
    after: bytes = b"",
) -> bytes:
    """Return a WAV of 16 bits, or of floats, with chunks before and after its sound.

    :param samples: one or more channels, samples x channels.
    :param announced: what the header says of the length in bytes.
    """
    channels = samples.shape[1] if samples.ndim > 1 else 1
    width = samples.dtype.itemsize
    kind = 3 if samples.dtype.kind == "f" else 1
    header = struct.pack(
        "<HHIIHH", 0xFFFE if extensible else kind, channels, rate, rate * channels * width, channels * width,
        8 * width,
    )  # fmt: skip
    if extensible:
        rest = struct.pack("<HI", 8 * width, (1 << channels) - 1)
        guid = struct.pack("<H", kind) + bytes.fromhex("000000001000800000aa00389b71")
        header += struct.pack("<H", 22) + rest + guid
    data = samples.tobytes()
    size = len(data) if announced is None else announced
    content = b"WAVE" + chunk(b"fmt ", header) + b"".join(chunks) + b"data" + struct.pack("<I", size) + data
    content += after
    return b"RIFF" + struct.pack("<I", len(content) if announced is None else announced) + content


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a WAV, which is padded to an even length."""
    return kind + struct.pack("<I", len(content)) + content + b"\x00" * (len(content) % 2)
