"""Reads how an MP4 or MOV is put together, before FFmpeg believes it. Pure, but for the file."""

from __future__ import annotations

import struct
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FIRST: Final = (b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"wide", b"free", b"skip", b"pnot", b"uuid")
_CONTAINERS: Final = (b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl", b"moof", b"traf")
_SAMPLE_COUNTS: Final = {b"stsz": 8, b"stz2": 8, b"trun": 4}
"""Boxes that say how many samples there are, and where in them."""
_MOST_BOXES: Final = 200_000
_MOST_SAMPLES: Final = 16_000_000
_DEEPEST: Final = 8
_HIGHEST_TRACK: Final = 2**31 - 1


class UnplayableError(ValueError):
    """A file that no player plays; the message says what is wrong with it."""


def check_boxes(path: Path) -> None:
    """Check an MP4 or MOV; any other file passes.

    FFmpeg makes room for as many samples as the index announces, in a file of two kilobytes too: 4 GB for 80
    million of them.

    :raises UnplayableError: when it is cut off, or announces more samples than it can hold.
    """
    size = path.stat().st_size
    samples, edits = 0, 1
    with path.open("rb") as file:
        if file.read(8)[4:] not in _FIRST:
            return
        for number, (kind, start, end) in enumerate(_boxes(file, 0, size)):
            if number == _MOST_BOXES:
                raise UnplayableError("the file is in too many pieces")
            if end > size and kind in (b"mdat", b"moov", b"moof"):
                raise UnplayableError("the video is cut off")
            if kind in _SAMPLE_COUNTS:
                samples += _number_at(file, start + _SAMPLE_COUNTS[kind])
            elif kind == b"elst":
                edits = max(edits, _number_at(file, start + 4))
            elif kind == b"tkhd" and _track_id(file, start) > _HIGHEST_TRACK:
                # FFmpeg counts up to it, for seconds each time that the file is opened.
                raise UnplayableError("a track has an impossible number")
    # An edit may show every sample once more, and each time is an entry of the index.
    if samples > size or samples * edits > _MOST_SAMPLES:
        raise UnplayableError("the file announces more pictures than it holds")


def _boxes(file: IO[bytes], start: int, end: int, depth: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start of the content, and end of each box, and of those inside it."""
    while start + 8 <= end:
        file.seek(start)
        head = file.read(16)
        length, kind = struct.unpack(">I4s", head[:8])
        header = 8
        if length == 1 and len(head) == 16:
            (length,), header = struct.unpack(">Q", head[8:]), 16
        elif length == 0:
            length = end - start
        if length < header:
            return
        yield kind, start + header, start + length
        if kind in _CONTAINERS and depth < _DEEPEST:
            yield from _boxes(file, start + header, min(start + length, end), depth + 1)
        start += length


def _track_id(file: IO[bytes], start: int) -> int:
    file.seek(start)
    times = 16 if file.read(1) == b"\x01" else 8
    return _number_at(file, start + 4 + times)


def _number_at(file: IO[bytes], place: int) -> int:
    file.seek(place)
    return int.from_bytes(file.read(4), "big")
