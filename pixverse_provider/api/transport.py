"""HTTP for the synchronous client: ``requests``, with a bound on the time and the size of an answer."""

from __future__ import annotations

import http.client
import io
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

from pixverse_provider.api.gate import LONGEST_ANSWER
from pixverse_provider.api.protocol import Answer
from pixverse_provider.api.sending import PatientConnection, PatientPool

if TYPE_CHECKING:
    import socket

    import urllib3

__all__ = ["BoundedSession"]

# Bytes of an upload that are read and sent at a time; the library's own 16 KiB make it several times slower.
_UPLOAD_BLOCK = 1 << 18


class BoundedSession(requests.Session):
    """A session whose read timeout bounds the whole answer, and which follows no redirect."""

    def __init__(self) -> None:
        super().__init__()
        for scheme in ("https://", "http://"):
            self.mount(scheme, _BoundedAdapter())

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Name no target: the key would travel to it, and its answer would be read without a bound."""

    def exchange(self, method: str, url: str, *, timeout: tuple[float, float], **options: Any) -> Answer:
        """Send a request and return its answer: as it was received, and no more of it than the gate takes.

        :param timeout: seconds to connect, and seconds from the end of the request to the end of the answer.
        :param options: of ``requests``.
        :raises requests.RequestException, urllib3.exceptions.HTTPError, ValueError: where there is no answer.
        """
        with self.request(
            method, url, timeout=timeout, stream=True, allow_redirects=False, **options
        ) as response:
            return Answer(response.status_code, response.headers, _received(response))


def _received(response: requests.Response) -> bytes:
    """Return the body as it was received, and no more of it than the gate takes."""
    body = bytearray()
    # Up to the empty piece at its end: only that one tells of a body that is shorter than was announced.
    while piece := response.raw.read(LONGEST_ANSWER + 1 - len(body), decode_content=False):
        body += piece
        if len(body) > LONGEST_ANSWER:
            break
    return bytes(body)


class _BoundedAdapter(HTTPAdapter):
    """Sends a streamed body in large blocks, and reads an answer under one bound of time."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, blocksize=_UPLOAD_BLOCK)
        _bound(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return _bound(super().proxy_manager_for(proxy, **kwargs, blocksize=_UPLOAD_BLOCK))


def _bound(manager: urllib3.PoolManager) -> urllib3.PoolManager:
    """Let the connections of a manager read their answers as :class:`_BoundedResponse`."""
    pools = manager.pool_classes_by_scheme.items()
    manager.pool_classes_by_scheme = {scheme: _bounded_pool(pool) for scheme, pool in pools}
    return manager


@cache
def _bounded_pool(pool: type[Any]) -> type[Any]:
    # Derived, not replaced: those of a SOCKS proxy differ.
    bases = (PatientConnection, pool.ConnectionCls)
    connection = type("BoundedConnection", bases, {"response_class": _BoundedResponse})
    return type("BoundedPool", (PatientPool, pool), {"ConnectionCls": connection})


class _BoundedResponse(http.client.HTTPResponse):
    """An answer that has come whole when the read timeout of its connection is over.

    The timeout of a socket counts from packet to packet, and so sets no end to an answer that trickles in.
    """

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_UntilDeadline(sock))


class _UntilDeadline(io.RawIOBase):
    """Reads from a socket for as long as its timeout says, over all reads together."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        timeout = sock.gettimeout()
        self._deadline = None if timeout is None else time.monotonic() + timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._sock.settimeout(left)
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()
