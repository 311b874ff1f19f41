"""What no player plays is refused with PixVerse's code, and a file that means harm does none."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from PIL import Image, features

from tests.unit.emulator.recordings import (
    ID3V1,
    RED,
    box,
    cover,
    id3,
    mp3,
    quarters,
    title,
    wav,
    write_recording,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pixverse_provider.emulator.client import EmulatorControl
    from tests.unit.emulator.caller import Caller


def refusal(api: Caller, content: bytes) -> str:
    """Upload what is refused, and return the reason."""
    envelope: dict[str, Any] = api.post("/media/upload", files={"file": ("a.mp4", content)}).json()
    assert envelope["ErrCode"] == 400017, envelope
    return str(envelope["ErrMsg"])


def recording(folder: Path, **options: Any) -> bytes:
    path = write_recording(folder / "recording.mp4", [quarters(64, 36)] * 20, **options)
    return path.read_bytes()


def fragmented(folder: Path) -> bytes:
    return recording(folder, options={"movflags": "frag_keyframe+empty_moov"}, codec_options={"g": "5"})


def altered(content: bytes, kind: bytes, offset: int, *numbers: int) -> bytes:
    """Return an MP4 with other numbers in the first box of that kind, ``offset`` bytes behind its name."""
    changed = bytearray(content)
    struct.pack_into(f">{len(numbers)}I", changed, content.index(kind) + 4 + offset, *numbers)
    return bytes(changed)


def picture(folder: Path, name: str) -> bytes:
    Image.new("RGB", (200, 200), RED).save(folder / "a", name)
    return (folder / "a").read_bytes()


CUT: Final[dict[str, Callable[[bytes], bytes]]] = {
    "in its pictures": lambda whole: whole[: whole.index(b"mdat") + 300],
    "before its index": lambda whole: whole[: whole.rindex(b"moov") - 4],
    "in its index": lambda whole: whole[: whole.rindex(b"moov") + 300],
}


@pytest.mark.parametrize("where", CUT)
def test_a_video_that_is_cut_off_is_refused(api: Caller, tmp_path: Path, where: str) -> None:
    refusal(api, CUT[where](recording(tmp_path)))
    refusal(api, recording(tmp_path, options={"movflags": "+faststart"})[:-200])
    refusal(api, fragmented(tmp_path).rpartition(b"mfra")[0][:-204])


def test_what_is_behind_a_video_does_not_matter(api: Caller, tmp_path: Path) -> None:
    for rest in (b"\n", bytes(3), bytes(100), b"some text that an editor left here"):
        (tmp_path / "a.mp4").write_bytes(recording(tmp_path) + rest)
        assert api.upload(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: b"",
        lambda folder: b"RIFF",
        lambda folder: id3(title()) + ID3V1,
        lambda folder: id3(cover(picture(folder, "PNG"), b"image/png")),
        lambda folder: wav(np.zeros(0, dtype=np.int16)),
        lambda folder: wav(np.zeros((100, 63), dtype=np.int16)),
        lambda folder: recording(folder).replace(b"avc1", b"zzzz"),
        lambda folder: box(b"ftyp", b"isom\x00\x00\x00\x00isom") + box(b"mdat", bytes(1000)),
        lambda folder: box(b"ftyp", b"isom\x00\x00\x00\x00isom") + box(b"moov", b"") * 100,
        lambda folder: picture(folder, "JPEG"),
        lambda folder: picture(folder, "GIF"),
        lambda folder: b"ID3" + b"\xff" * 500,
        lambda folder: b"\xff\xf1" * 5000,
        lambda folder: b"\x1aE\xdf\xa3" * 500,
    ],
)
def test_what_cannot_be_played_is_refused(api: Caller, tmp_path: Path, make: Callable[[Path], bytes]) -> None:
    assert refusal(api, make(tmp_path))


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow writes no AVIF")
def test_a_photograph_in_a_container_of_videos_is_none(api: Caller, tmp_path: Path) -> None:
    assert refusal(api, picture(tmp_path, "AVIF")) == "the file is a picture"
    Image.new("RGB", (64, 64)).save(
        tmp_path / "a.avif", save_all=True, append_images=[Image.new("RGB", (64, 64), RED)] * 4
    )
    assert refusal(api, (tmp_path / "a.avif").read_bytes()) == "the file is a picture"


@pytest.mark.parametrize(
    "make",
    [
        # One byte each, 80 million of them: 4 GB of index, from 2 kB.
        lambda folder: altered(
            altered(recording(folder), b"stsz", 4, 1, 80_000_000), b"stsc", 12, 80_000_000
        ),
        lambda folder: altered(fragmented(folder), b"trun", 0, 1, 80_000_000),
        lambda folder: altered(recording(folder), b"elst", 4, 0x7FFFFFFF),
    ],
    ids=["index", "fragment", "edits"],
)
def test_more_pictures_than_fit_into_the_file_are_not_believed(
    api: Caller, tmp_path: Path, make: Callable[[Path], bytes]
) -> None:
    assert refusal(api, make(tmp_path)) == "the file announces more pictures than it holds"


def test_a_track_with_an_impossible_number_is_refused(api: Caller, tmp_path: Path) -> None:
    content = altered(fragmented(tmp_path), b"tkhd", 12, 0x80000001)
    assert refusal(api, content) == "a track has an impossible number"


def test_a_file_of_endless_pieces_is_refused(api: Caller, tmp_path: Path) -> None:
    pieces = box(b"free", b"") * 400_000
    assert (
        refusal(api, box(b"ftyp", b"isom\x00\x00\x00\x00isom") + pieces) == "the file is in too many pieces"
    )
    nested = b""
    for _ in range(5_000):
        nested = box(b"trak", nested)
    assert refusal(api, box(b"ftyp", b"isom\x00\x00\x00\x00isom") + box(b"moov", nested))


def test_pictures_of_another_size_than_the_file_says_are_refused(api: Caller, tmp_path: Path) -> None:
    huge = [np.zeros((3900, 3900, 3), dtype=np.uint8)]
    path = write_recording(tmp_path / "a.mp4", huge, codec_options={"preset": "ultrafast"})
    content = path.read_bytes()
    assert "too large" in refusal(api, content)
    # Width and height of the codec and of the track.
    place = content.index(b"avc1") + 28
    small = bytearray(content[:place] + struct.pack(">HH", 64, 36) + content[place + 4 :])
    struct.pack_into(">II", small, small.index(b"tkhd") + 80, 64 << 16, 36 << 16)
    refusal(api, bytes(small))


def test_more_pictures_than_a_camera_takes_are_refused(
    api: Caller, pixverse_emulator: EmulatorControl, tmp_path: Path
) -> None:
    pixverse_emulator.settings(max_media_seconds=2.0)
    pictures = [np.zeros((16, 16, 3), dtype=np.uint8)] * 950
    times = [n / 1000 for n in range(950)]
    path = write_recording(tmp_path / "a.mp4", pictures, times=times, codec_options={"preset": "ultrafast"})
    assert refusal(api, path.read_bytes()) == "the video has more than 900 pictures"


def test_a_picture_that_stands_for_hours_is_too_long(
    api: Caller, pixverse_emulator: EmulatorControl, tmp_path: Path
) -> None:
    times = [0.0, 0.1, 36_000.0]
    path = write_recording(tmp_path / "a.mp4", [quarters(64, 36)] * 3, times=times)
    assert refusal(api, path.read_bytes()) == "video over 60 s"
    sound = np.full(4800, 0.1, dtype=np.float32)
    path = write_recording(tmp_path / "b.mp4", [quarters(64, 36)] * 3, sound=sound, sound_starts=36_000.0)
    assert refusal(api, path.read_bytes()) == "video over 60 s"


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("name", ["mp4", "fragments", "webm", "mp3"])
def test_a_damaged_recording_is_taken_or_refused(api: Caller, tmp_path: Path, name: str, seed: int) -> None:
    content = bytearray(_DAMAGED[name](tmp_path))
    rng = np.random.default_rng(seed)
    for place in rng.integers(0, len(content), 8):
        content[place] = rng.choice([0, 1, 127, 128, 255])
    envelope = api.post("/media/upload", files={"file": ("a", bytes(content))}).json()
    assert envelope["ErrCode"] in (0, 400017)


_DAMAGED: Final[dict[str, Callable[[Path], bytes]]] = {
    "mp4": recording,
    "fragments": fragmented,
    "webm": lambda folder: write_recording(
        folder / "a.webm", [quarters(64, 36)] * 5, "libvpx-vp9"
    ).read_bytes(),
    "mp3": lambda folder: 2 * (id3(title()) + mp3(folder) + ID3V1),
}
