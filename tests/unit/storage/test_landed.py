"""Landed videos: which place may be read, and what is a video."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pixverse_provider.exceptions import PixVerseDestinationError
from pixverse_provider.storage.landed import LandedFile, place_below, place_of

if TYPE_CHECKING:
    from pathlib import Path

MP4 = b"\x00\x00\x00\x20ftypisom" + b"\x00" * 100


@pytest.mark.parametrize(
    ("destination", "landed", "place"),
    [
        ("/data/boat.mp4", "/data/boat.mp4", "/data/boat.mp4"),
        ("/data/", "/data/7.mp4", "/data/7.mp4"),
        ("/data", "/data/7.mp4", "/data/7.mp4"),
        ("file:///data/boat.mp4", "/data/boat.mp4", "file:///data/boat.mp4"),
        ("s3://aws@bucket/videos/", "s3://bucket/videos/7.mp4", "s3://aws@bucket/videos/7.mp4"),
        ("s3://bucket/boat.mp4", "s3://aws@bucket/boat.mp4", "s3://bucket/boat.mp4"),
        ("/data/boat.mp4", "/etc/passwd", None),
        ("/data/", "/data/8.mp4", None),
        ("/data/", "/data/../etc/7.mp4", None),
        ("/data/", "/data/x/7.mp4", None),
        ("/data/my clip.mp4", "file:///data/my%20clip.mp4", "/data/my clip.mp4"),
        ("/data/", "file:///data/%2e%2e/etc/7.mp4", None),
        ("/data/", "file://elsewhere/data/7.mp4", None),
        ("s3://bucket/videos/", "s3://other/videos/7.mp4", None),
        ("s3://bucket/videos/", "gs://bucket/videos/7.mp4", None),
        ("s3://bucket/videos/", "/videos/7.mp4", None),
        ("", "/data/7.mp4", None),
        ("***", "/data/7.mp4", None),
    ],
)
def test_a_place_is_that_of_the_destination_and_an_xcom_only_says_that_it_was_reached(
    destination: str, landed: str, place: str | None
) -> None:
    assert place_of(destination, "7", landed) == place


@pytest.mark.parametrize(
    ("template", "landed", "may_be_read"),
    [
        ("s3://bucket/{{ ds }}/", "s3://bucket/2026-01-01/7.mp4", True),
        ("s3://bucket/videos/{{ ds }}.mp4", "s3://bucket/videos/x.mp4", True),
        ("/data/videos/", "/data/videos/7.mp4", True),
        ("/data/video-{{ ds }}.mp4", "/data/video-x.mp4", True),
        ("s3://bucket/videos/{{ ds }}/", "s3://bucket/other/7.mp4", False),
        ("s3://bucket/videos/{{ ds }}/", "s3://bucket/videos/../other/7.mp4", False),
        ("s3://bucket/{{ ds }}/", "s3://bucket-of-others/7.mp4", False),
        ("s3://bucket{{ ds }}/", "s3://bucket-of-others/7.mp4", False),
        ("s3://{{ params.bucket }}/x/", "s3://bucket/x/7.mp4", False),
        ("s3://", "s3://bucket/x/7.mp4", False),
        ("{{ params.destination }}", "/etc/passwd", False),
        ("/{{ ds }}/", "/etc/passwd", False),
        ("/", "/etc/passwd", False),
        ("", "/etc/passwd", False),
        ("videos/{{ ds }}", "videos/7.mp4", False),
        ("/data/videos/", "/data/videos/../../etc/passwd", False),
        ("/data/videos/", "file:///data/videos/%2e%2e/%2e%2e/etc/passwd", False),
        ("/data/videos/", "/data/videos/a\0b.mp4", False),
        ("/data/{# a comment #}", "/data/7.mp4", True),
        ("/data/{% if x %}", "/data/7.mp4", True),
    ],
)
def test_without_rendered_fields_a_place_lies_below_the_constant_part_of_the_destination(
    template: str, landed: str, *, may_be_read: bool
) -> None:
    assert place_below(template, landed) == (landed if may_be_read else None)


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (MP4, "video/mp4"),
        (b"\x00\x00\x00\x14ftypqt  " + b"\x00" * 20, "video/quicktime"),
        (b"\x1a\x45\xdf\xa3" + b"\x00" * 20, "video/webm"),
    ],
)
def test_a_video_is_known_by_its_first_bytes(tmp_path: Path, content: bytes, content_type: str) -> None:
    file = tmp_path / "no ending"
    file.write_bytes(content)
    landed = LandedFile.check(str(file))
    assert (landed.content_type, landed.size) == (content_type, len(content))
    assert landed.open().read() == content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"root:x:0:0:root:/root:/bin/bash",
        b"the free text that begins so",
        b"abcdftypisom but a text",
        b"\x00\x00\x00\x20ftypM4A " + b"\x00" * 20,
        b"\xff\xd8\xff\xe0" + b"\x00" * 20,
    ],
)
def test_anything_else_is_none_whatever_it_is_called(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "video.mp4"
    file.write_bytes(content)
    with pytest.raises(PixVerseDestinationError, match="is no video"):
        LandedFile.check(str(file))


def test_a_file_that_becomes_something_else_in_between_is_not_opened(tmp_path: Path) -> None:
    file = tmp_path / "video.mp4"
    file.write_bytes(MP4)
    landed = LandedFile.check(str(file))
    file.write_bytes(b"root:x:0:0:root")
    with pytest.raises(PixVerseDestinationError, match="no video any more"):
        landed.open()


@pytest.mark.parametrize("place", ["/nowhere/7.mp4", "/", "nostore://bucket/7.mp4"])
def test_what_is_not_there_is_said_in_a_sentence(place: str) -> None:
    with pytest.raises(PixVerseDestinationError, match=r"is not there|cannot be re"):
        LandedFile.check(place)
