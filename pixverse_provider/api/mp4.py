"""The outer structure of an MP4 file: it tells a video from a page, and a whole one from half of one. Pure.

Source: ISO/IEC 14496-12, section 4.2.
"""

from __future__ import annotations

import io
from typing import IO

__all__ = ["HEAD_BYTES", "begins_as_mp4", "is_mp4_so_far", "is_whole_mp4"]

HEAD_BYTES = 8
"""How much of a file tells whether it begins as one."""

_FIRST_BOXES = (b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide")
_LARGE_SIZE = 1
_TO_THE_END = 0


def begins_as_mp4(head: bytes) -> bool:
    """Tell whether a file with these first bytes may be one."""
    return head[4:8] in _FIRST_BOXES


def is_mp4_so_far(file: IO[bytes], length: int) -> bool:
    """Tell whether the first bytes of a file may belong to one; more may follow."""
    return _boxes(file, length) is not None


def is_whole_mp4(file: IO[bytes], length: int) -> bool:
    """Tell whether a file is one from end to end, with its index."""
    boxes = _boxes(file, length) or [(b"", 0)]
    return boxes[-1][1] == length and any(name == b"moov" for name, _ in boxes)


def _boxes(file: IO[bytes], length: int) -> list[tuple[bytes, int]] | None:
    """Return name and end of each outer box that begins within the length; None where that is no box."""
    found: list[tuple[bytes, int]] = []
    position, here = 0, file.tell()
    try:
        while position + HEAD_BYTES <= length:
            file.seek(position)
            head = file.read(2 * HEAD_BYTES)
            size, name = int.from_bytes(head[:4]), head[4:8]
            if size == _LARGE_SIZE:
                size = int.from_bytes(head[8:16])
            elif size == _TO_THE_END:
                size = length - position
            if size < HEAD_BYTES or not (name.isascii() and name.decode().isprintable()):
                return None
            position += size
            found.append((name, position))
    finally:
        file.seek(here, io.SEEK_SET)
    return found
