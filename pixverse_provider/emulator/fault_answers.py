"""The answers that faults give instead of the right one."""

from __future__ import annotations

import asyncio
import base64
import gzip
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from pixverse_provider.emulator.connections import Connections, CutConnection
from pixverse_provider.emulator.media import refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from pixverse_provider.emulator.faults import Fault

_PAGE: Final = (
    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


class DelayedAnswer(Response):
    """The right answer, late."""

    def __init__(self, answer: Response, seconds: float) -> None:
        super().__init__(status_code=answer.status_code)
        self._answer = answer
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, then answer; stop waiting when the client gives up."""
        gone = asyncio.ensure_future(_disconnect(receive))
        try:
            done, _ = await asyncio.wait([gone], timeout=self._seconds)
            if not done:
                await self._answer(scope, receive, send)
        finally:
            gone.cancel()


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


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
            return refused("ExpiredToken")
        case "html":
            return _page(200, "Welcome")
        case "http_status":
            return _bare(details["status"], details["body"])
        case "answer":
            return _as_ordered(details)
        case _:
            raise AssertionError(fault.what)


def spoil(fault: Fault, answer: Response, request: Request, connections: Connections) -> Response:
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
