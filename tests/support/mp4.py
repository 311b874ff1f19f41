"""Files that begin, and end, as MP4 files do, for tests that play none."""

from __future__ import annotations

__all__ = ["mp4"]


def mp4(length: int, fill: bytes = b"\x00") -> bytes:
    """Return a file of that many bytes, 64 at least, whose outer structure is whole.

    :param fill: what its content is made of, so that two files of one length differ.
    """
    head = _box(b"ftyp", b"isom\x00\x00\x02\x00isom") + _box(b"moov", b"\x00" * 8)
    content = (fill * length)[: length - len(head) - 8]
    return head + _box(b"mdat", content)


def _box(name: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4) + name + content
