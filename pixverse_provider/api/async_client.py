"""The native-async client of the trigger: reads only, it has no submit and no upload."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self, TypeVar

import aiohttp
from yarl import URL

from pixverse_provider.api.async_pacing import AsyncRequestBudget
from pixverse_provider.api.gate import LONGEST_ANSWER, showable
from pixverse_provider.api.network import Network, NetworkFailure, connect_timeout
from pixverse_provider.api.protocol import (
    Answer,
    Call,
    network_error,
    new_trace_id,
    read_answer,
    request_headers,
)
from pixverse_provider.api.quiet import secrets_unlogged

if TYPE_CHECKING:
    from types import TracebackType

    from pixverse_provider.api.settings import ClientSettings
    from pixverse_provider.exceptions import PixVerseError

__all__ = ["AsyncPixVerseClient", "network_of_trigger"]

T = TypeVar("T")

# Requests under way at once, and so connections. Enough for a thousand polls a second where an answer takes
# 0.2 s, which is what 3,000 jobs of the same age ask for when they come to an end.
_MOST_IN_FLIGHT = 200
# That of http.client.
_LONGEST_LINE = 1 << 16
# What is no HTTP reaches the caller as one or the other.
_MALFORMED = (aiohttp.ClientResponseError, aiohttp.http.HttpProcessingError)
_NETWORK_ERRORS = (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError, ValueError)


class AsyncPixVerseClient:
    """Free PixVerse calls on an event loop, all over one session; make one client per loop and share it.

    There is no retry in here: when to poll again is the decision of the wait that shares this client. An
    answer that is too odd for ``aiohttp`` is asked for once more in a thread, as a worker would read it.

    :param settings: where the API is and the key.
    :param network: of this process, prepared for the Base URL, which takes a moment; made here by default.
    :raises PixVerseConfigurationError: where the environment names an unusable proxy or CA bundle.
    """

    def __init__(self, settings: ClientSettings, network: Network | None = None) -> None:
        self._settings = settings
        self._network = network or network_of_trigger(settings)
        self._proxy = self._network.proxy_for(settings.base_url)
        # What has to be quoted in it is quoted once; ids hold nothing of the kind.
        self._base_url = str(URL(settings.base_url))
        self._budget = AsyncRequestBudget(settings.max_requests_per_second)
        # The time that a request waits to be sent is not part of its timeout, so it does not wait in the
        # pool of the session.
        self._in_flight = asyncio.Semaphore(_MOST_IN_FLIGHT)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                ssl=self._network.tls_for(settings.base_url) or True,
                # Another may be installed, which knows other names than the worker.
                resolver=aiohttp.ThreadedResolver(),
            ),
            timeout=aiohttp.ClientTimeout(
                total=settings.timeout, sock_connect=connect_timeout(settings.timeout)
            ),
            # As long as what the worker takes.
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
            # The gate decompresses, and knows a bound.
            auto_decompress=False,
            # The network has been asked; aiohttp would read it in another way, and a .netrc.
            trust_env=False,
        )

    @property
    def settings(self) -> ClientSettings:
        """Where the API is and the key."""
        return self._settings

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the session and its connections."""
        await self._session.close()

    async def call_once(self, call: Call[T]) -> T:
        """Make one HTTP attempt of a free call, under a fresh trace id.

        :raises PixVerseError: what the attempt failed with.
        :raises ValueError: for a paid call, which must never come from a trigger.
        """
        if call.paid:
            raise ValueError(f"the async client makes no paid call, so it does not {call.what}")
        async with self._in_flight:
            try:
                return await self._attempt(call)
            except _BrokenError:
                # One that was kept open and has been closed at the other end: no reason to wait long.
                pass
            try:
                return await self._attempt(call)
            except _BrokenError as err:
                raise self._network_error(call, aiohttp.ServerDisconnectedError(), err.trace_id) from None

    async def _attempt(self, call: Call[T]) -> T:
        """Send one request.

        :raises _BrokenError: where the connection broke in a way in which a read may be repeated.
        """
        await self._budget.wait()
        trace_id = new_trace_id()
        proxy = self._proxy
        headers = request_headers(self._settings.api_key, trace_id)
        if proxy is not None and self._base_url.startswith("http:"):
            # There is no tunnel, so what the proxy is told goes with the request.
            headers |= proxy.headers
        sent = False

        async def send_once(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            # aiohttp would repeat it by itself, under the same trace id, past the budget and in what is left
            # of the time.
            nonlocal sent
            if sent:
                raise _BrokenError(trace_id)
            sent = True
            return await handler(request)

        secrets = (*self._settings.secrets, *(() if proxy is None else proxy.secrets))
        try:
            with secrets_unlogged(*secrets):
                async with self._session.request(
                    call.method,
                    URL(self._base_url + call.path, encoded=True),
                    headers=headers,
                    params=call.query,
                    allow_redirects=False,
                    proxy=None if proxy is None else proxy.url,
                    proxy_headers=None if proxy is None else proxy.headers,
                    middlewares=(send_once,),
                ) as response:
                    answer = Answer(response.status, response.headers, await _received(response))
        except _NETWORK_ERRORS as err:
            if not isinstance(err, _MALFORMED) or isinstance(err, aiohttp.ClientHttpProxyError):
                raise self._network_error(call, err, trace_id) from showable(err, *secrets)
        else:
            return self._read(call, answer, trace_id)
        # What a worker has paid over must not be out of reach for the wait: aiohttp takes less than requests.
        await self._budget.wait()
        return await asyncio.to_thread(self._call_as_a_worker, call)

    def _call_as_a_worker(self, call: Call[T]) -> T:
        from pixverse_provider.api.client import PixVerseClient

        settings = replace(self._settings, max_requests_per_second=None)
        with PixVerseClient(settings, network=self._network) as client:
            return client.call_once(call)

    def _read(self, call: Call[T], answer: Answer, trace_id: str) -> T:
        return read_answer(
            call,
            answer,
            trace_id=trace_id,
            api_key=self._settings.api_key,
            now=datetime.now(UTC),
            connection=self._settings.connection,
        )

    def _network_error(self, call: Call[T], error: Exception, trace_id: str) -> PixVerseError:
        base_url = self._settings.base_url
        return network_error(
            call, error, trace_id=trace_id, sent=True, base_url=base_url, failure=self._failure(error)
        )

    def _failure(self, error: Exception) -> NetworkFailure:
        status = error.status if isinstance(error, aiohttp.ClientHttpProxyError) else None
        place = self._proxy and (self._proxy.host, URL(self._proxy.url).port)
        return self._network.failure(
            self._settings.base_url,
            error,
            at_proxy=isinstance(error, aiohttp.ClientConnectorError) and (error.host, error.port) == place,
            tunnel_status=status,
        )


def network_of_trigger(settings: ClientSettings) -> Network:
    """Return the network of this process, a triggerer, prepared for the API.

    It reads files, which an event loop should not wait for.

    :raises PixVerseConfigurationError: where the environment names an unusable proxy or CA bundle.
    """
    return Network("the triggerer", for_trigger=True).prepare(settings.base_url)


async def _received(response: aiohttp.ClientResponse) -> bytes:
    """Return the body as it was received, and no more of it than the gate takes."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LONGEST_ANSWER:
            response.close()
            break
    return bytes(body[: LONGEST_ANSWER + 1])


class _BrokenError(Exception):
    """The connection of a request broke."""

    def __init__(self, trace_id: str) -> None:
        super().__init__(trace_id)
        self.trace_id = trace_id
