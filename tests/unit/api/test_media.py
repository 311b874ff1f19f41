from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from pixverse_provider.api.media import (
    IMAGE,
    MEDIA,
    SNIFFED_BYTES,
    UploadKind,
    check_size,
    check_web_address,
    content_type_of,
)
from pixverse_provider.exceptions import PixVerseSourceError
from tests.unit.emulator.recordings import (
    adts,
    cover,
    id3,
    mp3,
    quarters,
    title,
    wav,
    write_phone_video,
    write_recording,
)
from tests.unit.openapi import contract

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MP4 = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00"
OLD_MOV = b"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat"
WEBM = b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81"
MP3 = b"\xff\xfb\x90\x64\x00\x00\x00\x00"
MP3_TAGGED = b"ID3\x04\x00\x00\x00\x00\x00\x23TSSE"
WAV = b"RIFF\x24\x08\x00\x00WAVEfmt "
AAC = b"\xff\xf1\x50\x80\x02\x1f\xfc\xda"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
WEBP = b"RIFF\x24\x08\x00\x00WEBPVP8 "

TAKEN = [
    (MEDIA, "a.mp4", MP4, "video/mp4"),
    (MEDIA, "A.MP4", MP4, "video/mp4"),
    (MEDIA, "a.mov", MP4, "video/quicktime"),
    (MEDIA, "a.mov", OLD_MOV, "video/quicktime"),
    (MEDIA, "a.webm", WEBM, "video/webm"),
    (MEDIA, "a.mp3", MP3, "audio/mpeg"),
    (MEDIA, "a.mp3", MP3_TAGGED, "audio/mpeg"),
    (MEDIA, "a.mp3", b"APETAGEX\xd0\x07\x00\x00", "audio/mpeg"),
    (MEDIA, "a.wav", WAV, "audio/wav"),
    (MEDIA, "a.wav", b"RF64\xff\xff\xff\xffWAVEds64", "audio/wav"),
    (MEDIA, "a.wav", b"BW64\xff\xff\xff\xffWAVEds64", "audio/wav"),
    (MEDIA, "a.mp4", OLD_MOV, "video/mp4"),
    (MEDIA, "a.m4a", MP4, "audio/x-m4a"),
    (MEDIA, "a.aac", AAC, "audio/aac"),
    (MEDIA, "a.aac", MP3_TAGGED, "audio/aac"),
    (IMAGE, "a.png", PNG, "image/png"),
    (IMAGE, "a.jpg", JPEG, "image/jpeg"),
    (IMAGE, "a.jpeg", JPEG, "image/jpeg"),
    (IMAGE, "a.webp", WEBP, "image/webp"),
    (MEDIA, "s3://conn@bucket/folder.x/take.1.wav", WAV, "audio/wav"),
]


@pytest.mark.parametrize(("kind", "name", "head", "content_type"), TAKEN)
def test_a_file_that_pixverse_takes_is_sent_under_its_type(
    kind: UploadKind, name: str, head: bytes, content_type: str
) -> None:
    assert content_type_of(kind, name, name.rpartition("/")[2], head[:SNIFFED_BYTES]) == content_type


RECORDED: dict[str, Callable[[Path], bytes]] = {
    "joined.mp3": lambda folder: 2 * (id3(title()) + mp3(folder)),
    "covered.mp3": lambda folder: id3(cover(bytes(5000))) + mp3(folder),
    "tagged.aac": lambda folder: id3(title()) + adts(folder),
    "plain.aac": adts,
    "phone.mov": lambda folder: write_phone_video(folder / "a.mov", [quarters(36, 64)]).read_bytes(),
    "fragments.mp4": lambda folder: write_recording(
        folder / "a.mp4", [quarters(64, 36)], options={"movflags": "frag_keyframe+empty_moov"}
    ).read_bytes(),
    "browser.webm": lambda folder: write_recording(
        folder / "a.webm", [quarters(64, 36)], "libvpx-vp9", options={"live": "1"}
    ).read_bytes(),
    "pipe.wav": lambda folder: wav(np.zeros(100, dtype=np.int16), announced=0xFFFFFFFF),
    "DSC_0001.JPG": lambda folder: mpo(folder),
}


def mpo(folder: Path) -> bytes:
    """Return what a camera calls a JPEG: two pictures in one file."""
    picture = Image.new("RGB", (40, 30))
    picture.save(folder / "a.jpg", "MPO", save_all=True, append_images=[picture])
    return (folder / "a.jpg").read_bytes()


@pytest.mark.parametrize("name", RECORDED)
def test_what_phones_cameras_and_shells_leave_is_sent(tmp_path: Path, name: str) -> None:
    kind = IMAGE if name.endswith("JPG") else MEDIA
    head = RECORDED[name](tmp_path)[:SNIFFED_BYTES]
    assert content_type_of(kind, f"source {name!r}", name, head) == kind.types[ending_of(name)].content_type


@pytest.mark.parametrize(("kind", "path"), [(MEDIA, "/media/upload"), (IMAGE, "/image/upload")])
def test_every_type_that_is_sent_is_a_documented_one(kind: UploadKind, path: str) -> None:
    form = contract()["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]
    documented = next(iter(form["encoding"].values()))["contentType"].split(", ")
    assert {file_type.content_type for file_type in kind.types.values()} <= set(documented)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (MEDIA, "a.avi"),
        (MEDIA, "a"),
        (MEDIA, ".mp4.txt"),
        (MEDIA, "folder.mp4/a"),
        (MEDIA, "a.png"),
        (IMAGE, "a.gif"),
    ],
)
def test_a_type_that_pixverse_does_not_take_is_refused_with_those_it_takes(
    kind: UploadKind, name: str
) -> None:
    with pytest.raises(PixVerseSourceError) as caught:
        content_type_of(kind, name, name.rpartition("/")[2], MP4)
    assert name in str(caught.value)
    assert all(ending in str(caught.value) for ending in kind.types)


@pytest.mark.parametrize("head", [MP4, WEBM, MP3, WAV, AAC, PNG, JPEG, WEBP, b"", b"\x00", b"hello, world"])
@pytest.mark.parametrize("ending", [*MEDIA.types, *IMAGE.types])
def test_a_file_that_is_not_what_its_name_says_is_refused(ending: str, head: bytes) -> None:
    kind = MEDIA if ending in MEDIA.types else IMAGE
    fits = {(ending_of(name), data) for _, name, data, _ in TAKEN}
    # The frames of the two look alike, and both are audio to PixVerse.
    fits |= {(".mp3", AAC)}
    if (ending, head) in fits:
        return
    with pytest.raises(PixVerseSourceError, match="does not hold what its name says"):
        content_type_of(kind, "a", f"a{ending}", head)


def ending_of(name: str) -> str:
    return "." + name.rpartition(".")[2].lower()


MB = 1_000_000


@pytest.mark.parametrize(("kind", "size"), [(MEDIA, 1), (MEDIA, 50 * MB), (IMAGE, 1), (IMAGE, 20 * MB)])
def test_a_file_within_every_limit_is_taken_without_a_word(kind: UploadKind, size: int) -> None:
    assert check_size(kind, "a", size) is None


@pytest.mark.parametrize("size", [50 * MB + 1, 100 * MB])
def test_where_the_sources_disagree_there_is_a_warning(size: int) -> None:
    warning = check_size(MEDIA, "clip.mp4", size)
    assert warning is not None
    assert "clip.mp4" in warning
    assert "50 MB" in warning


@pytest.mark.parametrize(("kind", "size"), [(MEDIA, 100 * MB + 1), (IMAGE, 20 * MB + 1)])
def test_a_file_above_every_limit_is_refused(kind: UploadKind, size: int) -> None:
    with pytest.raises(PixVerseSourceError, match="too large"):
        check_size(kind, "a", size)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(PixVerseSourceError, match="empty"):
        check_size(MEDIA, "a", 0)


@pytest.mark.parametrize(
    "address",
    [
        "https://user:Pa55word#1@host/x.mp4",
        "https://user:Pa55word/1@host/x.mp4",
        "https://user:Pa55word?1@host/x.mp4",
        "https://host:Pa55word/x.mp4",
        "https://user:Pa55word@ho\u2100st/x.mp4",
        "https://user:Pa55word]@host/x.mp4",
        "https://[Pa55word]/x.mp4",
        "https://bucket.example\uff0fx.mp4?Signature=Pa55word",
        "https://user:Pa55word@host:99999/x.mp4",
        "https://user:Pa55word@/x.mp4",
        "https:Pa55word",
        "https://host/Pa55word\x00",
        "https://host/Pa55word\ud800",
        "ftp://user:Pa55word@host/x.mp4",
    ],
)
def test_an_address_that_nobody_can_fetch_is_not_quoted_in_any_part(address: str) -> None:
    with pytest.raises(PixVerseSourceError, match="url is a web address that nobody can fetch") as caught:
        check_web_address(address, "url")
    assert "Pa55word" not in "".join(traceback.format_exception(caught.value)).split("Error: ")[-1]
    assert caught.value.__cause__ is caught.value.__context__ is None
