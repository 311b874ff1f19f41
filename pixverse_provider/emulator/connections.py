"""The open connections of the server, so that one can be cut in the middle of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Receive, Scope, Send


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
        await until_disconnected(receive)


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
        await until_disconnected(receive)


async def until_disconnected(receive: Receive) -> None:
    """Wait until the client is gone."""
    message: Any = {}
    while message.get("type") != "http.disconnect":
        message = await receive()
