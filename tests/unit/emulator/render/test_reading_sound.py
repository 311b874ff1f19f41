"""Sound is read as players play it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import av
import numpy as np
import pytest
from PIL import Image

from pixverse_provider.emulator.render.boxes import UnplayableError
from pixverse_provider.emulator.render.reading import examine, read_audio
from pixverse_provider.emulator.render.video import SAMPLE_RATE
from tests.unit.emulator.recordings import ID3V1, RED, adts, chunk, cover, id3, mp3, title, wav
from tests.unit.emulator.samples import tone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


APE: Final = b"APETAGEX" + struct.pack("<IIII", 2000, 32, 0, 0xA0000000) + bytes(8)
# Makes of an MP3 without tags, a JPEG and a PNG one that people have.
TAGGED: Final[dict[str, Callable[[bytes, bytes, bytes], bytes]]] = {
    "no tag": lambda plain, jpeg, png: plain,
    "a title": lambda plain, jpeg, png: id3(title()) + plain,
    "two tags": lambda plain, jpeg, png: id3(title()) + id3(title(), padding=100) + plain,
    "an old tag": lambda plain, jpeg, png: plain + ID3V1,
    "both": lambda plain, jpeg, png: id3(title()) + plain + ID3V1,
    "a tag larger than what is probed": lambda plain, jpeg, png: id3(title(), padding=3_000_000) + plain,
    "a JPEG": lambda plain, jpeg, png: id3(cover(jpeg)) + plain,
    "a PNG": lambda plain, jpeg, png: id3(cover(png, b"image/png")) + plain,
    "a PNG that is a JPEG": lambda plain, jpeg, png: id3(cover(jpeg, b"image/png")) + plain,
    "a large cover": lambda plain, jpeg, png: id3(cover(jpeg + bytes(2_000_000))) + plain,
    "half a JPEG": lambda plain, jpeg, png: id3(cover(jpeg[:400])) + plain,
    "a broken PNG": lambda plain, jpeg, png: id3(cover(png[:8] + b"broken", b"image/png")) + plain,
    "an empty cover": lambda plain, jpeg, png: id3(cover(b"")) + plain,
    "a cover of another kind": lambda plain, jpeg, png: id3(cover(b"nothing", b"image/heic")) + plain,
    "a link to a cover": lambda plain, jpeg, png: id3(cover(b"http://127.0.0.1:9/a.jpg", b"-->")) + plain,
    "an APE tag": lambda plain, jpeg, png: plain + APE,
    "an APE tag before": lambda plain, jpeg, png: APE + plain,
    "zeros before the first frame": lambda plain, jpeg, png: bytes(5000) + plain,
    "no frame that says the length": lambda plain, jpeg, png: plain[plain.index(b"\xff\xfb", 4) :],
    "the wrong length": lambda plain, jpeg, png: _with_length(plain, 100_000),
    "a length of nothing": lambda plain, jpeg, png: _with_length(plain, 0),
}


def _with_length(plain: bytes, frames: int) -> bytes:
    """Return the MP3 with another number of frames in its first frame, called Xing or Info."""
    place = max(plain.find(b"Xing", 0, 200), plain.find(b"Info", 0, 200))
    assert place > 0
    return plain[: place + 8] + struct.pack(">I", frames) + plain[place + 12 :]


def heard(path: Path) -> list[bool]:
    """Tell for the middle of each half second whether something is heard; the samples sound and pause."""
    sound = read_audio(path)
    half = SAMPLE_RATE // 2
    middles = [
        sound[start + half // 2 : start + 3 * half // 4] for start in range(0, len(sound) - half // 2, half)
    ]
    return [float(np.abs(middle).max()) > 0.1 for middle in middles if len(middle)]


def upload(folder: Path, content: bytes) -> Path:
    """Return a file with a name that says nothing, as an upload has."""
    path = folder / "upload"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("what", TAGGED)
def test_an_mp3_is_as_long_as_it_sounds_whatever_its_tags_hold(tmp_path: Path, what: str) -> None:
    Image.new("RGB", (500, 500), RED).save(tmp_path / "cover.jpg")
    Image.new("RGB", (500, 500), RED).save(tmp_path / "cover.png")
    jpeg, png = ((tmp_path / name).read_bytes() for name in ("cover.jpg", "cover.png"))
    path = upload(tmp_path, TAGGED[what](mp3(tmp_path, 2.0), jpeg, png))
    found = examine(path, most=60)
    assert (found.container, found.size) == ("mp3", None)
    assert found.seconds == pytest.approx(2.0, abs=0.08)
    assert heard(path) == [True, False, True, False]


@pytest.mark.parametrize(
    "join",
    [
        lambda plain: plain + plain,
        lambda plain: id3(title()) + plain + id3(title("another")) + plain,
        lambda plain: plain + ID3V1 + plain + ID3V1,
        lambda plain: id3(title()) + plain + ID3V1 + id3(title(), padding=70_000) + plain + ID3V1,
        lambda plain: plain + b"something that is no sound " * 30 + plain,
    ],
    ids=["plain", "ID3 each", "ID3v1 each", "both each", "noise between"],
)
@pytest.mark.parametrize("make", [mp3, adts], ids=["mp3", "aac"])
def test_joined_files_are_heard_one_after_the_other(
    tmp_path: Path, join: Callable[[bytes], bytes], make: Callable[[Path, float], bytes]
) -> None:
    path = upload(tmp_path, join(make(tmp_path, 1.0)))
    found = examine(path, most=60)
    assert found.container == make.__name__.replace("adts", "aac")
    assert found.seconds == pytest.approx(2.0, abs=0.15)
    assert heard(path) == [True, False, True, False]


@pytest.mark.parametrize("codec", ["libmp3lame", "aac"])
def test_joined_files_may_differ_in_rate_and_channels(tmp_path: Path, codec: Any) -> None:
    content = b""
    for number, (rate, layout) in enumerate(((44_100, "mono"), (48_000, "stereo"), (22_050, "mono"))):
        part = tmp_path / str(number)
        _write(part, codec, rate, layout)
        content += part.read_bytes()
    path = upload(tmp_path, content)
    assert examine(path, most=60).seconds == pytest.approx(3.0, abs=0.25)
    assert heard(path) == [True, False] * 3


def _write(path: Path, codec: Any, rate: int, layout: str) -> None:
    """Write a second of sound: half of it silent."""
    with av.open(str(path), "w", format="mp3" if codec == "libmp3lame" else "adts") as output:
        stream: Any = output.add_stream(codec, rate=rate)
        stream.codec_context.layout = layout
        channels = len(stream.codec_context.layout.channels)
        frame = av.AudioFrame.from_ndarray(
            np.tile(tone(1.0, rate), (channels, 1)), format="fltp", layout=layout
        )
        frame.sample_rate, frame.pts = rate, 0
        fifo = av.AudioFifo()
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate)
        for part in resampler.resample(frame):
            fifo.write(part)
        while (piece := fifo.read(stream.codec_context.frame_size, partial=True)) is not None:
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))


@pytest.mark.parametrize("tags", [b"", id3(title()), id3(title(), padding=3_000_000)])
@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_aac_with_and_without_a_tag(tmp_path: Path, tags: bytes, seconds: float) -> None:
    found = examine(upload(tmp_path, tags + adts(tmp_path, seconds)), most=60)
    assert (found.container, found.size) == ("aac", None)
    assert found.seconds == pytest.approx(seconds, abs=0.08)


SOUND: Final = (32_000 * tone(1.0)).astype(np.int16)
LIST: Final = chunk(b"LIST", b"INFOISFT" + struct.pack("<I", 5) + b"Tool\x00\x00")
BEXT: Final = chunk(b"bext", bytes(602) + b"A=PCM")


def _of_64_bits(kind: bytes) -> bytes:
    """Return a WAV whose lengths may be larger than four bytes can say."""
    plain = wav(SOUND, announced=0xFFFFFFFF)
    lengths = struct.pack("<QQQI", len(plain) + 28, SOUND.nbytes, len(SOUND), 0)
    return kind + plain[4:12] + chunk(b"ds64", lengths) + plain[12:]


WAVS: Final[dict[str, bytes]] = {
    "plain": wav(SOUND),
    "LIST before": wav(SOUND, LIST),
    "LIST after": wav(SOUND, after=LIST),
    "bext": wav(SOUND, BEXT, chunk(b"JUNK", bytes(28))),
    "an odd chunk": wav(SOUND, chunk(b"note", b"odd")),
    "ID3": wav(SOUND, after=chunk(b"id3 ", id3(title()))),
    "extensible": wav(np.stack([SOUND, SOUND], axis=1), extensible=True),
    "six channels": wav(np.stack([SOUND] * 6, axis=1), extensible=True),
    "floats": wav(tone(1.0)),
    "96 kHz": wav((32_000 * tone(1.0, 96_000)).astype(np.int16), rate=96_000),
    "8 kHz": wav((32_000 * tone(1.0, 8_000)).astype(np.int16), rate=8_000),
    "RF64": _of_64_bits(b"RF64"),
    "BW64": _of_64_bits(b"BW64"),
    "a pipe wrote no length": wav(SOUND, announced=0),
    "a pipe wrote the largest length": wav(SOUND, announced=0xFFFFFFFF),
    "more than there is": wav(SOUND, announced=500_000),
    "half a sample at the end": wav(SOUND) + b"\x01",
}


@pytest.mark.parametrize("what", WAVS)
def test_a_wav_is_as_long_as_it_sounds_whatever_its_chunks_hold(tmp_path: Path, what: str) -> None:
    path = upload(tmp_path, WAVS[what])
    found = examine(path, most=60)
    assert (found.container, found.size) == ("wav", None)
    assert found.seconds == pytest.approx(1.0, abs=0.01)
    assert heard(path) == [True, False]


def test_a_started_second_is_not_started_by_the_way_it_is_measured(tmp_path: Path) -> None:
    for rate in (8_000, 11_025, 22_050, 44_100, 48_000, 96_000):
        path = upload(tmp_path, wav(np.zeros(5 * rate, dtype=np.int16), rate=rate))
        assert round(examine(path, most=60).seconds, 3) == 5.0


def test_what_is_too_long_is_not_read_to_its_end(tmp_path: Path) -> None:
    # A second each, of three million.
    path = upload(tmp_path, wav(np.zeros(3_000_000, dtype=np.int16), rate=1))
    assert 61 < examine(path, most=60).seconds < 10_000


@pytest.mark.parametrize(
    "content",
    [
        wav(SOUND, rate=2_000_000_000),
        wav(np.zeros((1000, 63), dtype=np.int16)),
        wav(np.zeros(0, dtype=np.int16)),
        id3(title()),
        id3(title()) + ID3V1,
    ],
    ids=["two gigahertz", "63 channels", "empty", "a tag alone", "tags alone"],
)
def test_what_cannot_be_heard_is_not_taken(tmp_path: Path, content: bytes) -> None:
    with pytest.raises((UnplayableError, av.FFmpegError)):
        examine(upload(tmp_path, content), most=60)
