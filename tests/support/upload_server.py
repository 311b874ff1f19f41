"""A server that receives an upload as slowly as a test wants it to, and sees every byte of it."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

__all__ = ["Arrived", "UploadServer"]

_BLOCK = 1 << 16
_ANSWER = json.dumps(
    {"ErrCode": 0, "ErrMsg": "success", "Resp": {"media_id": 5, "media_type": "video", "img_id": 5}}
).encode()


@dataclass
class Arrived:
    """What came on one connection.

    :param announced: length of the body.
    :param body: all that came after the headers.
    :param complete: whether the client sent the whole body.
    """

    head: bytes = b""
    announced: int = 0
    body: bytearray = field(default_factory=bytearray)
    complete: bool = False


class UploadServer:
    """Takes uploads on loopback, each on a connection of its own.

    :param after_head: called when the headers are here and before the body is read on.
    :param every_block: called before each block of the body, which has 64 KiB.
    :param answer: status line, headers and body to send.
    :param early: whether to answer without reading the body.
    :param tls: context of a server.
    """

    def __init__(
        self,
        *,
        after_head: Callable[[], object] = lambda: None,
        every_block: Callable[[], object] = lambda: None,
        answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(_ANSWER), _ANSWER),
        early: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.arrived: list[Arrived] = []
        self._after_head = after_head
        self._every_block = every_block
        self._answer = answer
        self._early = early
        self._tls = tls
        self._socket = socket.socket()
        # Little is on the way between the client and what was read here.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BLOCK)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing it would not wake the thread that waits for a connection.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=30)
        self._socket.close()

    def wait_for(self, number: int) -> None:
        """Wait until so many uploads have arrived: a client that gives up may be faster than this server."""
        for _ in range(3000):
            if len(self.arrived) >= number:
                return
            time.sleep(0.01)

    @property
    def url(self) -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self._socket.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), connection:
                # An answer that waits until what TLS sent before it is acknowledged would be lost with the
                # connection, when that is closed with a body unread.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._tls is None:
                    self._receive(connection)
                else:
                    with self._tls.wrap_socket(connection, server_side=True) as secured:
                        self._receive(secured)

    def _receive(self, connection: socket.socket) -> None:
        arrived = Arrived()
        self.arrived.append(arrived)
        begin = b""
        while b"\r\n\r\n" not in begin:
            block = connection.recv(_BLOCK)
            if not block:
                return
            begin += block
        arrived.head, _, rest = begin.partition(b"\r\n\r\n")
        arrived.body += rest
        headers = dict(line.split(b": ", 1) for line in arrived.head.split(b"\r\n")[1:])
        arrived.announced = int(headers[b"Content-Length"])
        self._after_head()
        if not self._early:
            while len(arrived.body) < arrived.announced:
                self._every_block()
                block = connection.recv(_BLOCK)
                if not block:
                    return
                arrived.body += block
            arrived.complete = True
        connection.sendall(self._answer)
