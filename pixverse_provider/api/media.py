"""Files that PixVerse takes: types, how each begins, and the limits. Pure.

Source: upload pages of docs.platform.pixverse.ai. Where the sources disagree, the lower limit warns and only
the higher one refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pixverse_provider.api.ids import plain_text
from pixverse_provider.exceptions import PixVerseSourceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.parse import SplitResult

__all__ = [
    "IMAGE",
    "MEDIA",
    "SNIFFED_BYTES",
    "UploadKind",
    "check_size",
    "check_web_address",
    "content_type_of",
    "limit_of",
    "safe_file_name",
    "sent_file",
]

_MB = 1_000_000
# Quotes end a name in its header, and slashes of either kind look like folders.
_UNSAFE = '"\\/'
_LONGEST_NAME = 100

SNIFFED_BYTES = 16
"""How much of a file tells its type."""


@dataclass(frozen=True)
class FileType:
    """A type of file.

    :param content_type: what is sent to PixVerse.
    :param begins: tells from the first bytes whether a file is of this type.
    """

    content_type: str
    begins: Callable[[bytes], bool]


@dataclass(frozen=True)
class UploadKind:
    """What one of the two upload calls takes.

    :param name: in words, for messages.
    :param types: by file name ending.
    :param warn_above: bytes above which some sources say that PixVerse refuses.
    :param refuse_above: bytes above which all of them say so.
    """

    name: str
    types: dict[str, FileType]
    warn_above: int
    refuse_above: int


def _mp4(head: bytes) -> bool:
    # Old QuickTime files, and what some cameras call MP4, begin with another atom than "ftyp".
    return head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"uuid")


def _webm(head: bytes) -> bool:
    return head[:4] == b"\x1a\x45\xdf\xa3"


def _tagged(head: bytes) -> bool:
    # What is behind the tag lies further back than is looked at.
    return head[:3] == b"ID3" or head[:8] == b"APETAGEX"


def _mpeg_audio(head: bytes) -> bool:
    return _tagged(head) or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0)


def _wav(head: bytes) -> bool:
    return head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE"


def _aac(head: bytes) -> bool:
    return (
        _tagged(head)
        or head[:4] == b"ADIF"
        or (head[:1] == b"\xff" and head[1:2] in (b"\xf0", b"\xf1", b"\xf8", b"\xf9"))
    )


def _jpeg(head: bytes) -> bool:
    return head[:3] == b"\xff\xd8\xff"


def _png(head: bytes) -> bool:
    return head[:8] == b"\x89PNG\r\n\x1a\n"


def _webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


MEDIA = UploadKind(
    "a video or audio",
    {
        ".mp4": FileType("video/mp4", _mp4),
        ".mov": FileType("video/quicktime", _mp4),
        ".webm": FileType("video/webm", _webm),
        ".mp3": FileType("audio/mpeg", _mpeg_audio),
        ".wav": FileType("audio/wav", _wav),
        ".m4a": FileType("audio/x-m4a", _mp4),
        ".aac": FileType("audio/aac", _aac),
    },
    warn_above=50 * _MB,
    refuse_above=100 * _MB,
)

IMAGE = UploadKind(
    "an image",
    {
        ".png": FileType("image/png", _png),
        ".jpg": FileType("image/jpeg", _jpeg),
        ".jpeg": FileType("image/jpeg", _jpeg),
        ".webp": FileType("image/webp", _webp),
    },
    warn_above=20 * _MB,
    refuse_above=20 * _MB,
)


def content_type_of(kind: UploadKind, source: str, file_name: str, head: bytes) -> str:
    """Return the content type to send for a file.

    :param kind: of upload.
    :param source: the file as messages name it, such as ``"source '/data/clip.mp4'"``.
    :param file_name: its name, for the ending.
    :param head: its first :data:`SNIFFED_BYTES` bytes.
    :raises PixVerseSourceError: where PixVerse takes no such file, or its content is not what its name says.
    """
    allowed = ", ".join(kind.types)
    file_type = kind.types.get(_ending(file_name).lower())
    if file_type is None:
        raise PixVerseSourceError(
            f"{source} is not {kind.name} that PixVerse takes: its name must end in one of {allowed}."
        )
    if not file_type.begins(head):
        raise PixVerseSourceError(
            f"{source} does not hold what its name says ({file_type.content_type}): convert it to "
            f"one of {allowed}."
        )
    return file_type.content_type


def check_size(kind: UploadKind, source: str, size: int) -> str | None:
    """Check the length of a file; return a warning where sources disagree on whether PixVerse takes it.

    :param source: the file as messages name it.
    :raises PixVerseSourceError: where it is empty or too large.
    """
    if size == 0:
        raise PixVerseSourceError(f"{source} is empty (0 bytes): there is nothing to upload.")
    if size > kind.refuse_above:
        raise PixVerseSourceError(
            f"{source} is too large: {size / _MB:.1f} MB, and PixVerse takes {limit_of(kind)}. Compress or "
            "cut it."
        )
    if size > kind.warn_above:
        return (
            f"{source} has {size / _MB:.1f} MB; some pages of PixVerse name {kind.warn_above / _MB:.0f} MB "
            "as the limit."
        )
    return None


def limit_of(kind: UploadKind) -> str:
    """Return the largest file that PixVerse takes, in words that complete "PixVerse takes …"."""
    return f"{kind.name} of at most {kind.refuse_above / _MB:.0f} MB"


def sent_file(kind: UploadKind, size: int) -> str:
    """Return the sentence about a file that was refused for its size."""
    return (
        f"The file has {_amount(size)}. PixVerse takes {limit_of(kind)}, and a gateway on the way may take "
        "less: compress or cut it."
    )


def safe_file_name(name: str) -> str:
    """Return the name that a file is sent under: short, and without what a server may stumble over."""
    safe = "".join("_" if char in _UNSAFE or not char.isprintable() else char for char in name)
    ending = _ending(safe)[-_LONGEST_NAME:]
    return safe[: _LONGEST_NAME - len(ending)] + ending if len(safe) > _LONGEST_NAME else safe


def check_web_address(url: object, name: str) -> SplitResult:
    """Return the parts of an address that PixVerse is to fetch.

    :param name: of the argument, for the message, which does not show the address: it may be signed.
    :raises PixVerseSourceError: where nobody can fetch it.
    """
    text = (plain_text(url) or "").strip()
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises for one that is no port
        reason = "" if parts.scheme in ("http", "https") and parts.hostname else "it names no host"
    except ValueError:
        # What Python says of it quotes what is left of a user name and password.
        reason = "it is no URL, or has a port that is no number"
    if any(char < " " or char == "\x7f" or "\ud800" <= char <= "\udfff" for char in text):
        reason = "it holds a control character or an unpaired surrogate"
    if reason:
        raise PixVerseSourceError(
            f"{name} is a web address that nobody can fetch ({reason}): write it as https://host/path."
        )
    return parts


def _amount(size: int) -> str:
    return f"{size / _MB:.1f} MB" if size >= _MB // 10 else f"{size} bytes"


def _ending(file_name: str) -> str:
    dot = file_name.rfind(".")
    return file_name[dot:] if dot >= 0 else ""
