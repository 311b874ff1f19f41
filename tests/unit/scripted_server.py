"""A server on loopback that does, request by request, what a test has told it to."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    import ssl
    from email.message import Message

Behaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Received:
    """A request as it arrived; header names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def trace_id(self) -> str:
        return self.headers["ai-trace-id"]

    def parts(self) -> list[Message]:
        """Return the parts of a multipart body."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        message = message_from_bytes(head + self.body, policy=policy.HTTP)
        return list(message.iter_parts())


def answer(body: bytes | str = b"", status: int = 200, **headers: str) -> Behaviour:
    """Answer with a body; an underscore in a header name stands for a dash."""
    data = body.encode() if isinstance(body, str) else body

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return behave


def success(resp: Any, status: int = 200) -> Behaviour:
    """Answer with the envelope of a success."""
    return answer(json.dumps({"ErrCode": 0, "ErrMsg": "success", "Resp": resp}), status)


def refusal(code: int, message: str = "refused", status: int = 200, **headers: str) -> Behaviour:
    """Answer with the envelope of an error."""
    return answer(json.dumps({"ErrCode": code, "ErrMsg": message, "Resp": None}), status, **headers)


def bad_gateway() -> Behaviour:
    """Answer as a proxy in front of the service does."""
    return answer("<html><h1>502 Bad Gateway</h1></html>", 502, Content_Type="text/html")


def drop(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer, after the whole request was read."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def cut(body: bytes, announced: int, status: int = 200, **headers: str) -> Behaviour:
    """Announce more bytes than are sent, then close the connection."""
    whole = answer(body, status, Content_Length=str(announced), **headers)

    def behave(handler: BaseHTTPRequestHandler) -> None:
        whole(handler)
        drop(handler)

    return behave


def raw(data: bytes) -> Behaviour:
    """Send these bytes as they are, then close the connection."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(data)
        drop(handler)

    return behave


def trickle(begin: bytes, piece: bytes = b"x") -> Behaviour:
    """Send the begin of an answer, and then a piece every now and then until the client goes away."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(begin)
        for _ in range(600):
            time.sleep(0.05)
            handler.wfile.write(piece)

    return behave


@dataclass
class ScriptedServer:
    """Behaves as told: first what is left of the script, then as ``afterwards`` says."""

    requests: list[Received] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    connections: int = 0
    afterwards: Callable[[Received], Behaviour] | None = None
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self._script: deque[Behaviour] = deque()
        self._over = threading.Event()
        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), self._handler_class())
        self._httpd.daemon_threads = True
        if self.tls is not None:
            # In the thread of a connection: one that says nothing must not keep the others waiting.
            self._httpd.socket = self.tls.wrap_socket(
                self._httpd.socket, server_side=True, do_handshake_on_connect=False
            )
        # A client that goes away early is part of many tests, and nothing to report.
        self._httpd.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._httpd.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._httpd.shutdown()
        self._httpd.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return self._httpd.server_port

    @property
    def url(self) -> str:
        return f"{'http' if self.tls is None else 'https'}://127.0.0.1:{self.port}"

    def will(self, *behaviours: Behaviour) -> None:
        """Add to the script, one behaviour for each request to come."""
        self._script.extend(behaviours)

    def hang(self, handler: BaseHTTPRequestHandler) -> None:
        """Keep the client waiting until the test is over."""
        self._over.wait(30)
        handler.close_connection = True

    def _next(self, request: Received) -> Behaviour:
        self.requests.append(request)
        if self._script:
            return self._script.popleft()
        if self.afterwards is not None:
            return self.afterwards(request)
        self.surprises.append(f"{request.method} {request.path}")
        return answer("nothing was scripted for this request", 599)

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Headers and body are two writes; with the algorithm the second waits 40 ms.
            disable_nagle_algorithm = True

            def setup(self) -> None:
                server.connections += 1
                super().setup()

            def _serve(self) -> None:
                url = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Received(self.command, url.path, dict(parse_qsl(url.query)), headers, body)
                server._next(request)(self)

            do_GET = do_HEAD = do_POST = do_PUT = _serve  # noqa: N815 - names of the base class

            def log_message(self, *_: Any) -> None:
                """Keep the output of the tests clean."""

        return Handler
