"""Landed files: videos that a download has saved, read again to be shown."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import IO, cast

from airflow.providers.common.compat.sdk import ObjectStoragePath

from pixverse_provider.exceptions import PixVerseDestinationError
from pixverse_provider.storage.errors import LOCAL_PROTOCOLS, STORE_ERRORS, reason_of, store_error

__all__ = ["LandedFile", "is_same_place", "place_below", "place_of"]

_SNIFFED_BYTES = 16
# The size of the first box of an MP4: it names a few brands.
_LONGEST_FIRST_BOX = 4096
_AUDIO_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ")


@dataclass(frozen=True)
class LandedFile:
    """A file that is there and is a video, by its first bytes.

    :param path: where it is.
    :param size: bytes.
    :param content_type: media type.
    """

    path: ObjectStoragePath
    size: int
    content_type: str

    @classmethod
    def check(cls, place: str) -> LandedFile:
        """Read the first bytes of a file, and no more.

        :param place: local path, or URI such as ``s3://conn_id@bucket/key``.
        :raises PixVerseError: where it cannot be read, or is no video.
        """
        try:
            path = ObjectStoragePath(place)
            if not path.is_file():
                raise PixVerseDestinationError(f"There is no file at {place!r}, seen from this machine.")
            size = path.stat().st_size
            with path.open("rb") as stream:
                content_type = _video_type(cast("bytes", stream.read(_SNIFFED_BYTES)))
        except STORE_ERRORS as err:
            raise store_error(
                PixVerseDestinationError, place, f"{place!r} cannot be read: {reason_of(err)}.", err
            ) from err
        if content_type is None:
            raise PixVerseDestinationError(f"The file at {place!r} is no video.")
        return cls(path, size, content_type)

    def open(self) -> IO[bytes]:
        """Open for reading from the start; what is opened is looked at once more, since a file may change.

        :raises PixVerseDestinationError: where it is no video any more.
        """
        stream = cast("IO[bytes]", self.path.open("rb"))
        if _video_type(stream.read(_SNIFFED_BYTES)) is None:
            stream.close()
            raise PixVerseDestinationError(f"The file at {str(self.path)!r} is no video any more.")
        stream.seek(0)
        return stream


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
    scheme, separator, rest = fixed.rpartition("://")
    folder, slash, _ = rest.rpartition("/")
    # A whole bucket, or one folder below the root, at least.
    if not slash or not folder.strip("/") or (not separator and not fixed.startswith("/")):
        return None
    root = f"{scheme}{separator}{folder}/"
    parts = landed.replace("\\", "/").split("/")
    return landed if landed.startswith(root) and ".." not in parts and "." not in parts else None


def is_same_place(one: str, other: str) -> bool:
    """Tell whether two texts name the same place; one may name the Airflow connection and the other not."""
    return _normal(one) == _normal(other)


def _normal(place: str) -> str:
    scheme, separator, rest = place.strip().partition("://")
    if not separator or scheme in LOCAL_PROTOCOLS:
        return os.path.abspath(rest if separator else place.strip())  # noqa: PTH100 - no links are followed
    bucket, slash, key = rest.partition("/")
    return f"{scheme}://{bucket.rpartition('@')[2]}{slash}{key}"


def _video_type(head: bytes) -> str | None:
    """Return the media type of a video that begins so, or None for anything else."""
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "video/webm"
    if head[4:8] != b"ftyp" or not 8 <= int.from_bytes(head[:4], "big") <= _LONGEST_FIRST_BOX:
        return None
    if head[8:12] in _AUDIO_BRANDS:
        return None
    return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
