"""Files of the account: what an upload turns out to be, and the signed URLs of the media host."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import parse_qs, quote

import anyio
import av
from PIL import Image

from pixverse_provider.emulator.protocol import (
    IMAGE_FORMAT,
    IMAGE_SIZE,
    IMAGE_TOO_LARGE,
    IMAGE_UNREADABLE,
    INVALID_PARAMETER,
    ApiError,
)
from pixverse_provider.emulator.render.boxes import UnplayableError
from pixverse_provider.emulator.render.pictures import upright_size
from pixverse_provider.emulator.render.reading import examine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pixverse_provider.emulator.account.settings import Settings

MAX_IMAGE_BYTES: Final = 20 * 1024 * 1024
MAX_IMAGE_SIDE: Final = 10_000
MAX_VIDEO_SIDE: Final = 1920
_CHUNK: Final = 64 * 1024

_IMAGE_TYPES: Final = {"PNG": "image/png", "JPEG": "image/jpeg", "MPO": "image/jpeg", "WEBP": "image/webp"}
_CONTENT_TYPES: Final = {
    ("mov", "video"): "video/mp4",
    ("matroska", "video"): "video/webm",
    ("mov", "audio"): "audio/mp4",
    ("mp3", "audio"): "audio/mpeg",
    ("wav", "audio"): "audio/wav",
    ("aac", "audio"): "audio/aac",
}

MediaType = Literal["image", "video", "audio"]


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One uploaded file and what it was found to be."""

    upload_id: int
    media_type: MediaType
    content_type: str
    path: Path
    name: str
    size: int
    digest: str
    created: float
    file_name: str
    width: int = 0
    height: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a file turned out to be when it was opened."""

    media_type: MediaType
    content_type: str
    digest: str
    size: int
    width: int = 0
    height: int = 0
    seconds: float = 0.0


def inspect_image(path: Path) -> Findings:
    """Open an image, whatever it was declared to be.

    :raises ApiError: 500031 when it cannot be opened, 500032 when it is another format than png, jpeg or
        webp, 500030 or 500033 when it is too large.
    """
    size = path.stat().st_size
    if size >= MAX_IMAGE_BYTES:
        raise ApiError(IMAGE_TOO_LARGE)
    try:
        with Image.open(path) as image:
            content_type = _IMAGE_TYPES.get(image.format or "")
            if content_type is None:
                raise ApiError(IMAGE_FORMAT)
            if max(image.size) > MAX_IMAGE_SIDE:
                raise ApiError(IMAGE_SIZE)
            image.load()
            width, height = upright_size(image)
    except Image.DecompressionBombError as error:
        raise ApiError(IMAGE_SIZE) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise ApiError(IMAGE_UNREADABLE) from error
    return Findings(
        media_type="image",
        content_type=content_type,
        digest=_digest(path),
        size=size,
        width=width,
        height=height,
    )


def inspect_media(path: Path, settings: Settings) -> Findings:
    """Open a video or an audio file, whatever it was declared to be.

    :raises ApiError: 400017, saying what is wrong with it.
    """
    size = path.stat().st_size
    if size > settings.max_media_bytes:
        raise too_many_bytes(settings)
    try:
        found = examine(path, most=settings.max_media_seconds)
    except UnplayableError as error:
        raise _refused(str(error)) from error
    except (av.FFmpegError, ValueError) as error:
        raise _refused("the file is not a video or audio that can be opened") from error
    media_type: MediaType = "audio" if found.size is None else "video"
    content_type = _CONTENT_TYPES.get((found.container, media_type))
    if content_type is None:
        allowed = "mp4, mov or webm" if media_type == "video" else "mp3, wav, m4a or aac"
        raise _refused(f"{media_type} must be {allowed}")
    width, height = found.size or (0, 0)
    if max(width, height) > MAX_VIDEO_SIDE:
        raise _refused(f"video over {MAX_VIDEO_SIDE} px on a side")
    if found.seconds > settings.max_media_seconds + 0.05:
        raise _refused(f"{media_type} over {settings.max_media_seconds:g} s")
    return Findings(
        media_type=media_type,
        content_type=content_type,
        digest=_digest(path),
        size=size,
        width=width,
        height=height,
        seconds=found.seconds,
    )


def too_many_bytes(settings: Settings) -> ApiError:
    """Return the refusal of a media file that is too large."""
    return _refused(f"file over {settings.max_media_bytes // 1024 // 1024} MB")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refused(message: str) -> ApiError:
    return ApiError(INVALID_PARAMETER, message)


@dataclass(frozen=True)
class StoredFile:
    """A file that the media host serves."""

    path: Path
    size: int
    digest: str
    content_type: str

    @property
    def etag(self) -> str:
        """A strong validator: the content."""
        return f'"{self.digest[:32]}"'

    async def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` up to but not including ``end``."""
        async with await anyio.open_file(self.path, "rb") as file:
            await file.seek(start)
            left = end - start
            while left > 0 and (piece := await file.read(min(_CHUNK, left))):
                left -= len(piece)
                yield piece


class UrlSigner:
    """Makes URLs that are good for a while and cannot be altered.

    The path holds a percent-encoded slash and the signature percent-encoded characters: a client that takes
    the URL apart and puts it together again breaks it.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def sign(self, base: str, file_name: str, expires: float) -> str:
        """Return the URL of a file below the address of this server."""
        path = f"/media/openapi%2F{file_name}"
        until = str(int(expires))
        return f"{base}{path}?Expires={until}&Signature={quote(self._signature(path, until), safe='')}"

    def refusal(self, raw_path: str, query: str, now: float) -> str | None:
        """Return why a URL is refused, or None."""
        values = parse_qs(query)
        until, signature = values.get("Expires", [""])[0], values.get("Signature", [""])[0]
        if not hmac.compare_digest(signature.encode(), self._signature(raw_path, until).encode()):
            return "SignatureDoesNotMatch"
        return "ExpiredToken" if now > float(until) else None

    def _signature(self, path: str, until: str) -> str:
        mac = hmac.new(self._secret, f"{path}\n{until}".encode(), hashlib.sha256)
        # A trailing "/+=" would be luck; with it every signature needs its encoding.
        return base64.b64encode(mac.digest()).decode() + "/+="
