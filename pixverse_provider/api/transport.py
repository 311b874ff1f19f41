"""HTTP for the synchronous client: ``requests`` over the network of the environment, and with bounds."""

from __future__ import annotations

import http.client
import io
import re
import time
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from pixverse_provider.api.gate import LONGEST_ANSWER
from pixverse_provider.api.network import Network, NetworkFailure, authorization
from pixverse_provider.api.protocol import Answer
from pixverse_provider.api.reasons import StalledError, described
from pixverse_provider.api.sending import PatientConnection, PatientPool

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

__all__ = ["LEAST_BYTES", "BoundedSession", "NetworkSession", "NoConnectionError", "what_failed"]

LEAST_BYTES = 1 << 14
"""How much of a download must come within its read timeout; a line that brings less is as good as dead."""

# Bytes of an upload that are read and sent at a time; the library's own 16 KiB make it several times slower.
_UPLOAD_BLOCK = 1 << 18
# Far more than a server has to say before its answer.
_MOST_INTERIM = 20
# How http.client tells that a proxy opens no tunnel.
_REFUSED_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\b")


class NoConnectionError(urllib3.exceptions.HTTPError):
    """A connection could not be made, so nothing of the request was sent.

    Neither library below knows it, so it reaches the caller as it is.
    """

    def __init__(self, failure: NetworkFailure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def what_failed(error: Exception) -> str:
    """Return what a message may say of an error of a session."""
    return error.failure.reason if isinstance(error, NoConnectionError) else described(error)


class NetworkSession(requests.Session):
    """A session that takes its way as :class:`Network` says, and sends no password of a ``.netrc``.

    :param network: that of this process by default.
    :raises NoConnectionError: from each request that could not be sent.
    """

    def __init__(self, network: Network | None = None) -> None:
        super().__init__()
        self.network = network or Network()
        self.trust_env = False
        for scheme in ("https://", "http://"):
            self.mount(scheme, self._adapter())

    def _adapter(self) -> HTTPAdapter:
        return _NetworkAdapter(self.network)

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Return what a request needs of the environment; the adapter knows the certificates."""
        proxy = self.network.proxy_for(url)
        given = {} if proxy is None else {"all": proxy.url_with_userinfo}
        return super().merge_environment_settings(url, given, stream, verify, cert)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a request; say what stood in its way where there was no connection."""
        try:
            return super().send(request, **kwargs)
        except _ConnectError as err:
            failure = self.network.failure(
                str(request.url), err.error, at_proxy=err.at_proxy, tunnel_status=err.tunnel_status
            )
            raise NoConnectionError(failure) from err.error


class BoundedSession(NetworkSession):
    """A session whose read timeout bounds the whole answer, and which follows no redirect."""

    def _adapter(self) -> HTTPAdapter:
        return _BoundedAdapter(self.network)

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


class _ConnectError(urllib3.exceptions.HTTPError):
    """What a connection failed with before it stood.

    :param at_proxy: whether it was the one to the proxy.
    """

    def __init__(self, error: Exception, *, at_proxy: bool) -> None:
        super().__init__(error)
        self.error = error
        self.at_proxy = at_proxy
        refused = _REFUSED_TUNNEL.search(str(error)) if isinstance(error, OSError) else None
        self.tunnel_status = None if refused is None else int(refused[1])


class _Connection(urllib3.connection.HTTPConnection):
    """Tells what fails before it stands from what fails later, when a request may have been sent."""

    def connect(self) -> None:
        try:
            super().connect()
        except (OSError, ValueError, http.client.HTTPException, urllib3.exceptions.HTTPError) as err:
            at_proxy = self.proxy is not None and not self.has_connected_to_proxy
            raise _ConnectError(err, at_proxy=at_proxy) from err


@cache
def _adapted(pool: type[Any], more: tuple[tuple[str, Any], ...]) -> type[Any]:
    # Derived, not replaced: those of a SOCKS proxy differ.
    bases = (PatientConnection, _Connection, pool.ConnectionCls)
    connection = type("NetworkConnection", bases, dict(more))
    return type("NetworkPool", (PatientPool, pool), {"ConnectionCls": connection})


class _SocketReader(io.RawIOBase):
    """Reads from the socket of a connection."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        self._timeout = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _WhileItMoves(_SocketReader):
    """Gives up on an answer that only trickles in: the timeout of a socket counts from packet to packet.

    What counts is the time that is waited for the server, from its first bytes on, not what the caller takes.
    """

    _waited = 0.0
    _arrived = -1

    def readinto(self, buffer: Any) -> int | None:
        began = time.monotonic()
        count = super().readinto(buffer)
        if self._timeout is None or not count:
            return count
        if self._arrived < 0:
            self._arrived = 0
            return count
        self._waited += time.monotonic() - began
        self._arrived += count
        if self._waited >= self._timeout:
            if self._arrived < LEAST_BYTES:
                raise StalledError(
                    f"less than {LEAST_BYTES // 1024} KiB came within {self._timeout:g} seconds"
                )
            self._waited, self._arrived = 0.0, 0
        return count


class _UntilDeadline(_SocketReader):
    """Reads from a socket for as long as its timeout says, over all reads together."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._deadline = None if self._timeout is None else time.monotonic() + self._timeout

    def readinto(self, buffer: Any) -> int | None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._sock.settimeout(left)
        return super().readinto(buffer)


class _Response(http.client.HTTPResponse):
    """The answer to a request; what a server says before it, such as 103 Early Hints, is skipped.

    Python skips 100 alone, and would take the rest for the answer, so that one to a submit is lost.
    """

    _reader: ClassVar[type[_SocketReader]] = _WhileItMoves

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(self._reader(sock))

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(_MOST_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            is_interim = HTTPStatus.CONTINUE <= status < HTTPStatus.OK
            if not is_interim or status == HTTPStatus.SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise http.client.UnknownProtocol("only interim answers")


class _BoundedResponse(_Response):
    """An answer that has come whole when the read timeout of its connection is over."""

    _reader = _UntilDeadline


class _NetworkAdapter(HTTPAdapter):
    """Connects through the proxies, and with the certificates, of a :class:`Network`."""

    _pool_options: ClassVar[Mapping[str, Any]] = {}
    _of_connections: ClassVar[Mapping[str, Any]] = {"response_class": _Response}

    def __init__(self, network: Network) -> None:
        self._network = network
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        kwargs |= self._pool_options
        super().init_poolmanager(*args, **kwargs)
        self._adapt(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy in self.proxy_manager:
            return self.proxy_manager[proxy]
        if proxy.startswith("https:"):
            kwargs |= {"proxy_ssl_context": self._network.tls, "ssl_context": self._network.tls}
        return self._adapt(super().proxy_manager_for(proxy, **kwargs, **self._pool_options))

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        return authorization(urlsplit(proxy).netloc.rpartition("@")[0])

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https":
            pool["ssl_context"] = self._network.tls
        return host, pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Add no certificates to those of the context."""
        conn.cert_reqs = "CERT_REQUIRED"

    def _adapt(self, manager: urllib3.PoolManager) -> urllib3.PoolManager:
        more = tuple(self._of_connections.items())
        pools = manager.pool_classes_by_scheme.items()
        manager.pool_classes_by_scheme = {scheme: _adapted(pool, more) for scheme, pool in pools}
        return manager


class _BoundedAdapter(_NetworkAdapter):
    """Sends a streamed body in large blocks, and reads an answer under one bound of time."""

    _pool_options: ClassVar[Mapping[str, Any]] = {"blocksize": _UPLOAD_BLOCK}
    _of_connections: ClassVar[Mapping[str, Any]] = {"response_class": _BoundedResponse}
