"""The media host, and the place where a redirect leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from pixverse_provider.emulator.faults import ANSWER, GATEWAY, MEDIA
from pixverse_provider.emulator.http.fault_injection import (
    Connections,
    alter_file,
    answer_instead,
    storage_refusal,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from pixverse_provider.emulator.account.account import Account
    from pixverse_provider.emulator.account.ledger import RequestRecord
    from pixverse_provider.emulator.account.uploads import StoredFile


def media_router(account: Account, connections: Connections) -> APIRouter:
    """Return the routes that need no key, and take none."""
    router = APIRouter()

    async def media(request: Request) -> Response:
        record = account.ledger.record_request("media", request, account.clock.now())
        response = await _serve(account, connections, request, record)
        if not getattr(response, "cuts", False):
            record["http_status"] = response.status_code
        return response

    async def elsewhere(request: Request) -> Response:
        record = account.ledger.record_request("elsewhere", request, account.clock.now())
        if "api-key" in request.headers:
            account.ledger.incident("key_followed_redirect", request.url.path, account.clock.now())
        record["http_status"] = 200
        return Response("<html><body>This is another host.</body></html>", media_type="text/html")

    router.add_route("/media/{rest:path}", media, methods=["GET", "HEAD"])
    router.add_route("/elsewhere/{rest:path}", elsewhere, methods=["GET", "POST"])
    return router


async def _serve(
    account: Account, connections: Connections, request: Request, record: RequestRecord
) -> Response:
    if "api-key" in request.headers:
        account.ledger.incident("key_to_media", request.url.path, account.clock.now())
        return storage_refusal("ApiKeyNotWanted")
    raw_path = request.scope["raw_path"].decode("ascii", "replace")
    refusal = account.signer.refusal(raw_path, request.url.query, account.clock.now())
    if refusal is not None:
        return storage_refusal(refusal)
    found = account.stored_file(request.url.path.rpartition("/")[2])
    if found is None:
        return storage_refusal("NoSuchKey", 404)
    file, video_id = found
    job = account.jobs.find(video_id) if video_id is not None else None
    fault = account.faults.take(
        MEDIA, (GATEWAY, ANSWER), video_id=video_id, text=job.order.text if job is not None else ""
    )
    if fault is None:
        return _file_answer(file, request.headers, with_body=request.method == "GET")
    record["fault"] = fault.what
    if fault.strikes == GATEWAY:
        return answer_instead(fault, request, connections)
    return alter_file(fault, file, request, connections)


def _file_answer(file: StoredFile, headers: Mapping[str, str], *, with_body: bool) -> Response:
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
        file.read(start, end), status_code=status, headers=common, media_type=file.content_type
    )


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
