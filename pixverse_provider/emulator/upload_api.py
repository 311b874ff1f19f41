"""The two upload endpoints."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.responses import JSONResponse, Response

from pixverse_provider.emulator.envelope import (
    IMAGE_FORMAT,
    IMAGE_PATH,
    IMAGE_TOO_LARGE,
    INVALID_PARAMETER,
    ApiError,
    success,
)
from pixverse_provider.emulator.receive import (
    BodyTooLargeError,
    BoundedRequest,
    FetchFailedError,
    OutsideUrlError,
    Received,
    fetch,
    save_part,
)
from pixverse_provider.emulator.uploads import (
    MAX_IMAGE_BYTES,
    Findings,
    Upload,
    inspect_image,
    inspect_media,
    too_many_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pixverse_provider.emulator.exchange import Exchange

# What a form has around the file.
_FORM_OVERHEAD: Final = 64 * 1024


async def upload_media(exchange: Exchange) -> Response:
    """Take a video or an audio, from the part ``file`` or the URL ``file_url``."""
    settings = exchange.emulator.settings

    async def serve(exchange: Exchange) -> Response:
        upload = await _take(
            exchange,
            part="file",
            limit=settings.max_media_bytes,
            too_large=too_many_bytes(settings),
            bad_url=INVALID_PARAMETER,
            inspect=lambda path: inspect_media(path, settings),
        )
        return _uploaded(
            exchange, upload, {"media_id": upload.upload_id, "media_type": upload.media_type}, "url"
        )

    return await exchange.served(serve)


async def upload_image(exchange: Exchange) -> Response:
    """Take an image, from the part ``image`` or the URL ``image_url``."""

    async def serve(exchange: Exchange) -> Response:
        upload = await _take(
            exchange,
            part="image",
            limit=MAX_IMAGE_BYTES,
            too_large=ApiError(IMAGE_TOO_LARGE),
            bad_url=IMAGE_PATH,
            inspect=inspect_image,
        )
        return _uploaded(exchange, upload, {"img_id": upload.upload_id}, "img_url")

    return await exchange.served(serve)


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
    return exchange.emulator.add_upload(findings, received.path, received.name)


def _check_before_opening(exchange: Exchange, part: str, received: Received) -> None:
    refusal = exchange.refusal(text=received.name)
    if refusal is not None:
        raise refusal
    if part == "image" and received.declared == "application/octet-stream":
        raise ApiError(IMAGE_FORMAT, "the URL answers with application/octet-stream")


async def _receive(exchange: Exchange, part: str, limit: int, too_large: ApiError, bad_url: int) -> Received:
    emulator = exchange.emulator
    exchange.body_taken = True
    request = BoundedRequest(exchange.request, limit + _FORM_OVERHEAD)
    try:
        async with request.form() as form:
            file, url = form.get(part), form.get(f"{part}_url")
            has_file = isinstance(file, UploadFile) and bool(file.filename or file.size)
            if has_file == bool(url) or (url and not isinstance(url, str)):
                raise ApiError(INVALID_PARAMETER, f"give exactly one of {part} (a file) and {part}_url")
            if isinstance(file, UploadFile) and has_file:
                return await asyncio.to_thread(save_part, file, emulator.upload_directory)
        return await asyncio.to_thread(fetch, str(url), emulator.upload_directory, limit)
    except BodyTooLargeError as error:
        raise too_large from error
    except (HTTPException, MultiPartException) as error:
        raise ApiError(INVALID_PARAMETER, "the form cannot be read") from error
    except OutsideUrlError as error:
        emulator.ledger.incident("outside_url", f"{part}_url {error}", emulator.clock.now())
        raise ApiError(bad_url, f"the emulator fetches {part}_url only from this machine") from error
    except FetchFailedError as error:
        raise ApiError(bad_url, f"{part}_url could not be fetched") from error


def _uploaded(exchange: Exchange, upload: Upload, resp: dict[str, Any], url_name: str) -> Response:
    url = exchange.emulator.media_url(exchange.base_url, upload.file_name)
    return JSONResponse(success({**resp, url_name: url}))
