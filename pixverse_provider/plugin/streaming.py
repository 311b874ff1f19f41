"""Videos that our own routes send, in pieces: landed files, and downloads from the media host."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING
from urllib.parse import urljoin

import aiohttp
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from pixverse_provider.plugin.asking import media_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from pixverse_provider.storage.landed import LandedFile

__all__ = ["send_from_host", "send_landed"]

_CHUNK_BYTES = 1 << 16
_RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})")
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
# No limit for the whole: a download takes as long as it takes, but not without a byte.
_TIMEOUTS = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=15)


def send_landed(file: LandedFile, wanted: str | None, name: str | None) -> Response:
    """Send a landed file, or the range of it that is asked for.

    :param wanted: the header ``Range``.
    :param name: of the file that a browser shall save; None to play it.
    """
    headers = _headers(file.content_type, name)
    first, last = 0, file.size - 1
    status = 200
    match = _RANGE.fullmatch((wanted or "").strip())
    if match is not None and match.group(0) != "bytes=-":
        begin, end = match.groups()
        if begin:
            first, last = int(begin), min(int(end), last) if end else last
        else:
            first = max(0, file.size - int(end))
        if first > last or first >= file.size:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{file.size}"})
        status = 206
        headers["Content-Range"] = f"bytes {first}-{last}/{file.size}"
    headers["Content-Length"] = str(last - first + 1)
    headers["Accept-Ranges"] = "bytes"
    stream = file.open()
    return StreamingResponse(
        _pieces(stream, first, last - first + 1),
        status,
        headers,
        background=BackgroundTask(stream.close),
    )


def _pieces(stream: IO[bytes], first: int, length: int) -> Iterator[bytes]:
    with stream:
        stream.seek(first)
        while length > 0:
            piece = stream.read(min(_CHUNK_BYTES, length))
            if not piece:
                return
            length -= len(piece)
            yield piece


async def send_from_host(
    url: str, wanted: str | None, name: str | None, *, plain_http: bool
) -> Response | None:
    """Send what the media host sends for a signed URL; None where it sends nothing.

    The key is not sent there, and the URL appears nowhere.
    """
    headers = {"Accept-Encoding": "identity"}
    if wanted and _RANGE.fullmatch(wanted.strip()):
        headers["Range"] = wanted.strip()
    session = aiohttp.ClientSession(timeout=_TIMEOUTS, auto_decompress=False, trust_env=not plain_http)
    try:
        answer = await _open(session, url, headers, plain_http=plain_http)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        answer = None
    if answer is None:
        await session.close()
        return None
    content_type = answer.headers.get("Content-Type", "")
    if not content_type.startswith(("video/", "image/")):
        content_type = "application/octet-stream"
    sent = _headers(content_type, name)
    for copied in ("Content-Length", "Content-Range", "Accept-Ranges"):
        if copied in answer.headers:
            sent[copied] = answer.headers[copied]
    return StreamingResponse(
        _passed_on(session, answer), answer.status, sent, background=BackgroundTask(session.close)
    )


async def _open(
    session: aiohttp.ClientSession, url: str, headers: dict[str, str], *, plain_http: bool
) -> aiohttp.ClientResponse | None:
    for _ in range(_MOST_REDIRECTS + 1):
        url = media_url(url, plain_http=plain_http)
        if not url:
            return None
        answer = await session.get(url, headers=headers, allow_redirects=False)
        if answer.status in (200, 206):
            return answer
        location = answer.headers.get("Location", "")
        answer.release()
        if answer.status not in _REDIRECTS:
            return None
        url = urljoin(url, location)
    return None


async def _passed_on(session: aiohttp.ClientSession, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.content.iter_chunked(_CHUNK_BYTES):
            yield piece
    except aiohttp.ClientError:
        # Its message may hold the signed URL; the browser sees that fewer bytes came than were announced.
        raise ConnectionError("the media host broke off") from None
    finally:
        await session.close()


def _headers(content_type: str, name: str | None) -> dict[str, str]:
    headers = {
        "Content-Type": content_type,
        # Nothing on the way may compress it: a range would lose its length.
        "Content-Encoding": "identity",
        "Cache-Control": "private, no-store",
    }
    if name is not None:
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return headers
