"""Where faults strike: another answer, a late or damaged one, or a connection that is cut.

Which there are, and which is due, is in ``faults.py``.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response, StreamingResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from pixverse_provider.emulator.protocol import ApiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from pixverse_provider.emulator.account.uploads import StoredFile
    from pixverse_provider.emulator.faults import Fault

_PAGE: Final = (
    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


class Connections:
    """Knows the transport of each client address.

    ASGI has no word for cutting a connection, so the server's protocol class is extended at the two methods
    that asyncio defines.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self) -> type[H11Protocol]:
        """Return the protocol class to give to uvicorn."""
        connections = self._open

        class TrackedProtocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                self.address = transport.get_extra_info("peername")[:2]
                connections[self.address] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                connections.pop(self.address, None)
                super().connection_lost(exc)

        return TrackedProtocol

    def cut(self, scope: Scope, *, after_flush: bool) -> None:
        """Close the connection of a request.

        :param after_flush: send first what was written; otherwise the client sees a reset.
        """
        transport = self._open.get(tuple(scope["client"]))
        if transport is None:
            return
        if after_flush:
            transport.close()
        else:
            transport.abort()


class CutConnection(Response):
    """No answer at all: the connection is cut."""

    cuts = True

    def __init__(self, connections: Connections) -> None:
        super().__init__()
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Cut, and stay until the server noticed.

        It would answer 500 for an application that answers nothing.
        """
        self._connections.cut(scope, after_flush=False)
        await _until_disconnected(receive)


class CutAnswer(Response):
    """An answer that is cut after a part of its body.

    :param whole: the length that is announced.
    """

    def __init__(
        self, connections: Connections, *, whole: int, part: bytes, headers: dict[str, str], media_type: str
    ) -> None:
        super().__init__(headers=headers, media_type=media_type)
        self._connections = connections
        self._whole = whole
        self._part = part

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Announce the whole, send the part, cut."""
        headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        headers.append((b"content-length", str(self._whole).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._part, "more_body": True})
        self._connections.cut(scope, after_flush=True)
        await _until_disconnected(receive)


async def _until_disconnected(receive: Receive) -> None:
    """Wait until the client is gone."""
    message: Any = {}
    while message.get("type") != "http.disconnect":
        message = await receive()


class DelayedAnswer(Response):
    """The right answer, late."""

    def __init__(self, answer: Response, seconds: float) -> None:
        super().__init__(status_code=answer.status_code)
        self._answer = answer
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, then answer; stop waiting when the client gives up."""
        gone = asyncio.ensure_future(_until_disconnected(receive))
        try:
            done, _ = await asyncio.wait([gone], timeout=self._seconds)
            if not done:
                await self._answer(scope, receive, send)
        finally:
            gone.cancel()


def answer_instead(fault: Fault, request: Request, connections: Connections) -> Response:
    """Return the answer of a fault that comes before the service."""
    details = fault.details
    match fault.what:
        case "drop_before_accept":
            return CutConnection(connections)
        case "too_many_requests":
            return Response(status_code=429, headers=_retry_after(details["retry_after"], details["as_date"]))
        case "redirect":
            location = details["location"] or _elsewhere(request)
            return Response(status_code=details["status"], headers={"Location": location})
        case "expired":
            return storage_refusal("ExpiredToken")
        case "html":
            return _page(200, "Welcome")
        case "http_status":
            return _bare(details["status"], details["body"])
        case "answer":
            return _as_ordered(details)
        case _:
            raise AssertionError(fault.what)


def alter(fault: Fault, answer: Response, request: Request, connections: Connections) -> Response:
    """Return what becomes of a right answer on its way back."""
    match fault.what:
        case "accept_then_drop":
            return CutConnection(connections)
        case "accept_then_hang" | "slow":
            return DelayedAnswer(answer, fault.details["seconds"])
        case "accept_then_502":
            return _page(502, "502 Bad Gateway")
        case "truncated_json":
            body = bytes(answer.body)
            return Response(
                body[: len(body) // 2], status_code=answer.status_code, media_type="application/json"
            )
        case _:
            return answer_instead(fault, request, connections)


def refusal_of(fault: Fault) -> ApiError:
    """Return what the service itself says under a fault of its own."""
    if fault.what != "error":
        return ApiError({"slots_full": 500044, "no_credits": 500090, "refuse": 500063}[fault.what])
    details = fault.details
    return ApiError(
        details["err_code"],
        details["message"] or None,
        http_status=details["http_status"],
        lower_case=details["lower_case"],
    )


def _page(status: int, title: str) -> Response:
    return Response(_PAGE.format(title=title), status_code=status, media_type="text/html")


def _bare(status: int, body: str) -> Response:
    if body == "html":
        return _page(status, f"{status} error")
    return Response("upstream error" if body == "text" else "", status_code=status, media_type="text/plain")


def _as_ordered(details: Mapping[str, Any]) -> Response:
    body = details["body"].encode() or base64.b64decode(details["body_base64"])
    headers = {"Content-Type": "application/json"}
    if details["gzip"]:
        body = gzip.compress(body)
        headers["Content-Encoding"] = "gzip"
    answer = Response(body, status_code=details["status"], headers=headers)
    # Those that were ordered replace the usual ones, in whatever case they are written.
    answer.headers.update(details["headers"])
    return answer


def _retry_after(seconds: int, as_date: bool) -> dict[str, str]:
    if seconds < 0:
        return {}
    if not as_date:
        return {"Retry-After": str(seconds)}
    # The date is of the wall clock: the client that reads it knows no other.
    return {"Retry-After": format_datetime(datetime.now(tz=UTC) + timedelta(seconds=seconds), usegmt=True)}


def _elsewhere(request: Request) -> str:
    """Return this server under another host name, where it writes down who brings a key."""
    other = "127.0.0.1" if request.url.hostname == "localhost" else "localhost"
    return f"http://{other}:{request.url.port or 80}/elsewhere{request.url.path}"


def alter_file(fault: Fault, file: StoredFile, request: Request, connections: Connections) -> Response:
    """Return what becomes of a file of the media host."""
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
        async for piece in file.read(start, min(start + step, file.size)):
            yield piece


def storage_refusal(code: str, status: int = 403) -> Response:
    """Return the XML answer with which storage services refuse."""
    return Response(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code></Error>',
        status_code=status,
        media_type="application/xml",
    )
