"""The media host, and the place where a redirect leads."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from pixverse_provider.emulator.clock import rfc3339
from pixverse_provider.emulator.connections import Connections, CutAnswer
from pixverse_provider.emulator.fault_answers import answer_instead
from pixverse_provider.emulator.faults import ANSWER, GATEWAY, MEDIA, Fault
from pixverse_provider.emulator.media import StoredFile, file_answer, read_part, refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from pixverse_provider.emulator.ledger import RequestRecord
    from pixverse_provider.emulator.state import Emulator


def media_router(emulator: Emulator, connections: Connections) -> APIRouter:
    """Return the routes that need no key, and take none."""
    router = APIRouter()

    async def media(request: Request) -> Response:
        record = _write_down(emulator, request, "media")
        response = await _serve(emulator, connections, request, record)
        if not getattr(response, "cuts", False):
            record["http_status"] = response.status_code
        return response

    async def elsewhere(request: Request) -> Response:
        record = _write_down(emulator, request, "elsewhere")
        if "api-key" in request.headers:
            emulator.ledger.incident("key_followed_redirect", request.url.path, emulator.clock.now())
        record["http_status"] = 200
        return Response("<html><body>This is another host.</body></html>", media_type="text/html")

    router.add_route("/media/{rest:path}", media, methods=["GET", "HEAD"])
    router.add_route("/elsewhere/{rest:path}", elsewhere, methods=["GET", "POST"])
    return router


async def _serve(
    emulator: Emulator, connections: Connections, request: Request, record: RequestRecord
) -> Response:
    if "api-key" in request.headers:
        emulator.ledger.incident("key_to_media", request.url.path, emulator.clock.now())
        return refused("ApiKeyNotWanted")
    raw_path = request.scope["raw_path"].decode("ascii", "replace")
    refusal = emulator.signer.refusal(raw_path, request.url.query, emulator.clock.now())
    if refusal is not None:
        return refused(refusal)
    found = emulator.stored_file(request.url.path.rpartition("/")[2])
    if found is None:
        return refused("NoSuchKey", 404)
    file, video_id = found
    job = emulator.jobs.find(video_id) if video_id is not None else None
    fault = emulator.faults.take(
        MEDIA, (GATEWAY, ANSWER), video_id=video_id, text=job.order.text if job is not None else ""
    )
    if fault is None:
        return file_answer(file, request.headers, with_body=request.method == "GET")
    record["fault"] = fault.what
    if fault.strikes == GATEWAY:
        return answer_instead(fault, request, connections)
    return _spoiled(fault, file, request, connections)


def _spoiled(fault: Fault, file: StoredFile, request: Request, connections: Connections) -> Response:
    match fault.what:
        case "truncated":
            part = file.path.read_bytes()[: int(file.size * fault.details["share"])]
            return CutAnswer(
                connections,
                whole=file.size,
                part=part,
                headers={"ETag": file.etag},
                media_type=file.content_type,
            )
        case "wrong_length":
            part = file.path.read_bytes()[: int(file.size * fault.details["share"])]
            return Response(part, headers={"ETag": file.etag}, media_type=file.content_type)
        case "slow":
            return StreamingResponse(
                _slowly(file, fault.details["seconds"]),
                headers={"ETag": file.etag, "Content-Length": str(file.size)},
                media_type=file.content_type,
            )
        case _:
            return answer_instead(fault, request, connections)


async def _slowly(file: StoredFile, seconds: float) -> AsyncIterator[bytes]:
    pieces = 10
    step = -(-file.size // pieces)
    for start in range(0, file.size, step):
        await asyncio.sleep(seconds / pieces)
        async for piece in read_part(file.path, start, min(start + step, file.size)):
            yield piece


def _write_down(emulator: Emulator, request: Request, kind: str) -> RequestRecord:
    record: RequestRecord = {
        "kind": kind,
        "method": request.method,
        # Without the query: its signature is as good as the file.
        "path": request.url.path,
        "trace_id": request.headers.get("ai-trace-id", ""),
        "time": rfc3339(emulator.clock.now()),
        "wall": time.time(),
        "http_status": None,
        "err_code": None,
        "fault": None,
    }
    emulator.ledger.requests.append(record)
    return record
