"""Takes the body of an upload request to disk: from a form, or from a loopback URL that the form names."""

from __future__ import annotations

import http.client
import ipaddress
import shutil
import socket
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from starlette.requests import Request

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from email.message import Message

    from starlette.datastructures import UploadFile

_FETCH_TIMEOUT: Final = 20.0
_CHUNK: Final = 256 * 1024


class BodyTooLargeError(Exception):
    """More came than may come."""


class OutsideUrlError(Exception):
    """A URL that leaves this machine; the emulator opens none."""


class FetchFailedError(Exception):
    """A loopback URL that did not answer with a file."""


@dataclass(frozen=True)
class Received:
    """A file on disk.

    :param name: what the sender calls it.
    :param declared: the content type that a URL answered with; empty for a form.
    """

    path: Path
    name: str
    declared: str = ""


class BoundedRequest(Request):
    """A request whose body may only be so large.

    What comes beyond is read and thrown away, so that the client gets to read the answer.
    """

    def __init__(self, request: Request, limit: int) -> None:
        super().__init__(request.scope, request.receive)
        self._limit = limit

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body in pieces."""
        received = 0
        async for piece in super().stream():
            received += len(piece)
            if received <= self._limit:
                yield piece
        if received > self._limit:
            raise BodyTooLargeError


def save_part(part: UploadFile, directory: Path) -> Received:
    """Copy the file of a form to the directory; Starlette holds no large one in memory."""
    path = directory / uuid.uuid4().hex
    with path.open("wb") as target:
        shutil.copyfileobj(part.file, target, _CHUNK)
    return Received(path, Path(part.filename or "").name)


def fetch(url: str, directory: Path, limit: int) -> Received:
    """Fetch a URL of this machine to the directory.

    :raises OutsideUrlError: for any other machine, also when a redirect leads there.
    :raises FetchFailedError: when there is no file.
    :raises BodyTooLargeError: when it has more than ``limit`` bytes.
    """
    _check_loopback(url)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _LoopbackRedirects())
    path = directory / uuid.uuid4().hex
    try:
        with opener.open(url, timeout=_FETCH_TIMEOUT) as answer, path.open("wb") as target:
            _copy(answer, target, limit)
            declared = answer.headers.get_content_type()
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        path.unlink(missing_ok=True)
        raise FetchFailedError(str(error)) from error
    except BodyTooLargeError:
        path.unlink(missing_ok=True)
        raise
    return Received(path, Path(unquote(urlsplit(url).path)).name, declared)


def _copy(source: Any, target: IO[bytes], limit: int) -> None:
    copied = 0
    while piece := source.read(_CHUNK):
        copied += len(piece)
        if copied > limit:
            raise BodyTooLargeError
        target.write(piece)


class _LoopbackRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        _check_loopback(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _check_loopback(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise FetchFailedError("not a URL") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FetchFailedError("not an http URL")
    if not is_loopback(parts.hostname):
        raise OutsideUrlError(f"{parts.scheme}://{parts.hostname}")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address means this machine. Only ``localhost`` is looked up."""
    if host == "localhost":
        return all(ipaddress.ip_address(found[4][0]).is_loopback for found in socket.getaddrinfo(host, None))
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
