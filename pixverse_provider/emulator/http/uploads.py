"""The two upload endpoints: a file from a form, or from a URL of this machine that the form names."""

from __future__ import annotations

import asyncio
import http.client
import shutil
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.responses import JSONResponse, Response

from pixverse_provider.emulator.account.uploads import (
    MAX_IMAGE_BYTES,
    Findings,
    Upload,
    inspect_image,
    inspect_media,
    too_many_bytes,
)
from pixverse_provider.emulator.http.pipeline import (
    BodyTooLargeError,
    BoundedRequest,
    is_loopback,
    with_faults,
)
from pixverse_provider.emulator.protocol import (
    IMAGE_FORMAT,
    IMAGE_PATH,
    IMAGE_TOO_LARGE,
    INVALID_PARAMETER,
    ApiError,
    success,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import Message

    from pixverse_provider.emulator.http.pipeline import Exchange

_FETCH_TIMEOUT: Final = 20.0
_CHUNK: Final = 256 * 1024
# What a form has around the file.
_FORM_OVERHEAD: Final = 64 * 1024


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


@with_faults
async def upload_media(exchange: Exchange) -> Response:
    """Take a video or an audio, from the part ``file`` or the URL ``file_url``."""
    settings = exchange.account.settings
    upload = await _take(
        exchange,
        part="file",
        limit=settings.max_media_bytes,
        too_large=too_many_bytes(settings),
        bad_url=INVALID_PARAMETER,
        inspect=lambda path: inspect_media(path, settings),
    )
    return _uploaded(exchange, upload, {"media_id": upload.upload_id, "media_type": upload.media_type}, "url")


@with_faults
async def upload_image(exchange: Exchange) -> Response:
    """Take an image, from the part ``image`` or the URL ``image_url``."""
    upload = await _take(
        exchange,
        part="image",
        limit=MAX_IMAGE_BYTES,
        too_large=ApiError(IMAGE_TOO_LARGE),
        bad_url=IMAGE_PATH,
        inspect=inspect_image,
    )
    return _uploaded(exchange, upload, {"img_id": upload.upload_id}, "img_url")


async def _take(
    exchange: Exchange,
    *,
    part: str,
    limit: int,
    too_large: ApiError,
    bad_url: int,
    inspect: Callable[[Path], Findings],
) -> Upload:
    received = await _receive(exchange, part, limit, too_large, bad_url)
    try:
        _check_before_opening(exchange, part, received)
        findings = await asyncio.to_thread(inspect, received.path)
    except ApiError:
        received.path.unlink(missing_ok=True)
        raise
    return exchange.account.add_upload(findings, received.path, received.name)


def _check_before_opening(exchange: Exchange, part: str, received: Received) -> None:
    exchange.raise_ordered_refusal(text=received.name)
    if part == "image" and received.declared == "application/octet-stream":
        raise ApiError(IMAGE_FORMAT, "the URL answers with application/octet-stream")


async def _receive(exchange: Exchange, part: str, limit: int, too_large: ApiError, bad_url: int) -> Received:
    account = exchange.account
    exchange.body_taken = True
    request = BoundedRequest(exchange.request, limit + _FORM_OVERHEAD)
    try:
        async with request.form() as form:
            file, url = form.get(part), form.get(f"{part}_url")
            has_file = isinstance(file, UploadFile) and bool(file.filename or file.size)
            if has_file == bool(url) or (url and not isinstance(url, str)):
                raise ApiError(INVALID_PARAMETER, f"give exactly one of {part} (a file) and {part}_url")
            if isinstance(file, UploadFile) and has_file:
                return await asyncio.to_thread(save_part, file, account.upload_directory)
        return await asyncio.to_thread(fetch, str(url), account.upload_directory, limit)
    except BodyTooLargeError as error:
        raise too_large from error
    except (HTTPException, MultiPartException) as error:
        raise ApiError(INVALID_PARAMETER, "the form cannot be read") from error
    except OutsideUrlError as error:
        account.ledger.incident("outside_url", f"{part}_url {error}", account.clock.now())
        raise ApiError(bad_url, f"the emulator fetches {part}_url only from this machine") from error
    except FetchFailedError as error:
        raise ApiError(bad_url, f"{part}_url could not be fetched") from error


def _uploaded(exchange: Exchange, upload: Upload, resp: dict[str, Any], url_name: str) -> Response:
    url = exchange.account.media_url(exchange.base_url, upload.file_name)
    return JSONResponse(success({**resp, url_name: url}))
