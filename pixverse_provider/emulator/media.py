"""The media host: signed URLs, and files served in full or in part."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, quote

import anyio
from starlette.responses import Response, StreamingResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

_CHUNK: Final = 64 * 1024


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
        moment = str(int(expires))
        return f"{base}{path}?Expires={moment}&Signature={quote(self._signature(path, moment), safe='')}"

    def refusal(self, raw_path: str, query: str, now: float) -> str | None:
        """Return why a URL is refused, or None."""
        values = parse_qs(query)
        moment, signature = values.get("Expires", [""])[0], values.get("Signature", [""])[0]
        if not hmac.compare_digest(signature.encode(), self._signature(raw_path, moment).encode()):
            return "SignatureDoesNotMatch"
        return "ExpiredToken" if now > float(moment) else None

    def _signature(self, path: str, moment: str) -> str:
        mac = hmac.new(self._secret, f"{path}\n{moment}".encode(), hashlib.sha256)
        # A trailing "/+=" would be luck; with it every signature needs its encoding.
        return base64.b64encode(mac.digest()).decode() + "/+="


def refused(code: str, status: int = 403) -> Response:
    """Return the XML answer with which storage services refuse."""
    return Response(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code></Error>',
        status_code=status,
        media_type="application/xml",
    )


def file_answer(file: StoredFile, headers: Mapping[str, str], *, with_body: bool) -> Response:
    """Answer a GET or HEAD for a file: whole, a range of it, or not modified."""
    common = {"ETag": file.etag, "Accept-Ranges": "bytes", "Cache-Control": "private"}
    if headers.get("if-none-match") in (file.etag, "*"):
        return Response(status_code=304, headers=common)
    start, end, status = 0, file.size, 200
    if "range" in headers and headers.get("if-range", file.etag) == file.etag:
        try:
            found = _byte_range(headers["range"], file.size)
        except _OutOfRangeError:
            return Response(status_code=416, headers={**common, "Content-Range": f"bytes */{file.size}"})
        if found is not None:
            start, end = found
            status = 206
            common["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    common["Content-Length"] = str(end - start)
    if not with_body:
        return Response(status_code=status, headers=common, media_type=file.content_type)
    return StreamingResponse(
        read_part(file.path, start, end), status_code=status, headers=common, media_type=file.content_type
    )


async def read_part(path: Path, start: int, end: int) -> AsyncIterator[bytes]:
    """Yield the bytes from ``start`` up to but not including ``end``."""
    async with await anyio.open_file(path, "rb") as file:
        await file.seek(start)
        left = end - start
        while left > 0 and (piece := await file.read(min(_CHUNK, left))):
            left -= len(piece)
            yield piece


class _OutOfRangeError(Exception):
    pass


def _byte_range(header: str, size: int) -> tuple[int, int] | None:
    """Return start and end of the one range asked for; None for what HTTP wants ignored."""
    unit, _, spec = header.partition("=")
    first, dash, last = spec.strip().partition("-")
    if unit.strip() != "bytes" or not dash or not all(part.isdigit() or not part for part in (first, last)):
        return None
    if not first:
        if not last:
            return None
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
    if start >= end:
        raise _OutOfRangeError
    return start, end
