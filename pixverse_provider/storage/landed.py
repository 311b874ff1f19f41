"""Landed files: videos that a download has saved, read again to be shown."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

from pixverse_provider.exceptions import PixVerseDestinationError, PixVerseError
from pixverse_provider.storage.errors import told
from pixverse_provider.storage.places import Place, read_place

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.providers.common.compat.sdk import ObjectStoragePath

__all__ = ["LandedFile", "is_same_place", "place_below", "place_of"]

_SNIFFED_BYTES = 16
# The size of the first box of an MP4: it names a few brands.
_LONGEST_FIRST_BOX = 4096
_AUDIO_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ")


@dataclass(frozen=True)
class LandedFile:
    """A file that is there and is a video, by its first bytes.

    :param place: where it is.
    :param size: bytes.
    :param content_type: media type.
    """

    place: Place
    size: int
    content_type: str

    @classmethod
    def check(cls, place: object) -> LandedFile:
        """Read the first bytes of a file, and no more.

        :param place: local path, or URI such as ``s3://conn_id@bucket/key``.
        :raises PixVerseError: where it cannot be read, or is no video.
        """
        found = read_place(place, "landed video", PixVerseDestinationError)
        with told(found, "cannot be read", PixVerseDestinationError):
            if found.stored is not None:
                # This process lives long, and a listing of the store that it keeps may be old.
                found.fs.invalidate_cache()
            path = _path(found)
            if not path.is_file():
                raise PixVerseDestinationError(f"{found} is not there, seen from this machine.")
            size = path.stat().st_size
            with path.open("rb") as stream:
                content_type = _video_type(stream.read(_SNIFFED_BYTES))
        if content_type is None:
            raise PixVerseDestinationError(f"{found} is no video.")
        return cls(found, size, content_type)

    def open(self) -> IO[bytes]:
        """Open for reading from the start; the first bytes are read once more, since a file may change.

        :raises PixVerseError: where it is no video any more, or cannot be read.
        """
        with told(self.place, "cannot be read", PixVerseDestinationError):
            stream = _path(self.place).open("rb")
            if _video_type(stream.read(_SNIFFED_BYTES)) is None:
                stream.close()
                raise PixVerseDestinationError(f"{self.place} is no video any more.")
            stream.seek(0)
        return cast("IO[bytes]", stream)


def place_of(destination: str, video_id: str, landed: str) -> str | None:
    """Return the place that a download's destination gives, where that is what it says it has landed at.

    :param destination: the rendered argument: the place itself, or a folder.
    :param video_id: digits.
    :param landed: what an XCom says, which anybody may have written who may edit XComs.
    """
    destination = destination.strip()
    if not destination:
        return None
    in_folder = f"{destination.rstrip('/')}/{video_id}.mp4"
    return next((place for place in (destination, in_folder) if is_same_place(place, landed)), None)


def place_below(template: str, landed: str) -> str | None:
    """Return where a download says it has landed, where that lies below the fixed part of its destination.

    :param template: the argument as the DAG has it, not rendered.
    """
    fixed = template.strip()
    for mark in ("{{", "{%", "{#"):
        fixed = fixed.partition(mark)[0]
    folder, slash, _ = fixed.rpartition("/")
    _, separator, rest = folder.rpartition("://")
    # A whole bucket, or one folder below the root, at least.
    if not slash or folder.endswith("/") or not rest.strip("/") or not (separator or fixed.startswith("/")):
        return None
    root, path = _normal(folder), _normal(landed)
    is_plain = not {".", ".."} & {*landed.replace("\\", "/").split("/")}
    return landed if is_plain and root and path and path.startswith(f"{root}/") else None


def is_same_place(one: str, other: str) -> bool:
    """Tell whether two texts name the same place; one may name the Airflow connection and the other not."""
    return _normal(one) == _normal(other) is not None


def _normal(place: str) -> str | None:
    """Return a place without what does not tell it apart from others; None for what is none."""
    scheme, separator, rest = place.strip().partition("://")
    if separator and scheme.lower() not in ("file", "local"):
        bucket, slash, key = rest.partition("/")
        return f"{scheme}://{bucket.rpartition('@')[2]}{slash}{key}"
    try:
        found = read_place(place, "landed video", PixVerseDestinationError)
    except PixVerseError:
        return None
    # No links are followed.
    return os.path.abspath(cast("Path", found.local))  # noqa: PTH100


def _path(place: Place) -> Path | ObjectStoragePath:
    return place.local if place.local is not None else cast("ObjectStoragePath", place.stored)


def _video_type(head: bytes) -> str | None:
    """Return the media type of a video that begins so, or None for anything else."""
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "video/webm"
    if head[4:8] != b"ftyp" or not 8 <= int.from_bytes(head[:4], "big") <= _LONGEST_FIRST_BOX:
        return None
    if head[8:12] in _AUDIO_BRANDS:
        return None
    return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
