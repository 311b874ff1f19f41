"""What every request to the API goes through: recorded, its key and trace id checked, faults injected."""

from __future__ import annotations

import hmac
import ipaddress
import json
import logging
import math
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from pixverse_provider.emulator.faults import ANSWER, GATEWAY, REFUSAL
from pixverse_provider.emulator.http.fault_injection import alter, answer_instead, refusal_of
from pixverse_provider.emulator.http.trace_id import check_trace_id
from pixverse_provider.emulator.protocol import INVALID_ACCOUNT, WRONG_TYPE, ApiError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from pixverse_provider.emulator.account.account import Account
    from pixverse_provider.emulator.account.ledger import RequestRecord
    from pixverse_provider.emulator.http.fault_injection import Connections

log = logging.getLogger(__name__)

_MOST_DIGITS: Final = 20
_MAX_JSON: Final = 1024 * 1024

Handler = Callable[["Exchange"], Awaitable[Response]]


@dataclass
class Exchange:
    """One request to the API while it is served.

    :param kind: the endpoint, as faults name it.
    """

    request: Request
    account: Account
    connections: Connections
    kind: str
    record: RequestRecord
    body_taken: bool = False

    @property
    def trace_id(self) -> str:
        """The ``Ai-Trace-Id``, empty when missing."""
        return self.request.headers.get("ai-trace-id", "").strip()

    @property
    def base_url(self) -> str:
        """The address of this server, as the caller wrote it."""
        return str(self.request.base_url).rstrip("/")

    def page_value(self, name: str, default: int) -> int:
        """Return a number of the query.

        :raises ApiError: 400013 unless it consists of digits.
        """
        digits = self.request.query_params.get(name, str(default))
        number = whole_number(digits)
        if number is None:
            raise ApiError(WRONG_TYPE, f"{name} must be a number")
        return number

    async def json_body(self) -> Mapping[str, Any] | None:
        """Return the JSON object of the request, None when it has none."""
        self.body_taken = True
        try:
            content = await BoundedRequest(self.request, _MAX_JSON).body()
        except BodyTooLargeError:
            return None
        if self.request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return None
        try:
            body = json.loads(content, parse_constant=_no_number, parse_float=_finite)
            # An unpaired surrogate can be neither drawn nor sent back.
            json.dumps(body, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            return None
        return body if isinstance(body, dict) else None

    async def drain(self) -> None:
        """Read the body and throw it away: a client that still sends would not see the answer."""
        if not self.body_taken:
            self.body_taken = True
            async for _ in self.request.stream():
                pass

    async def served(self, serve: Handler, *, video_id: int | None = None, text: str = "") -> Response:
        """Serve the request, unless a fault is due that comes first or after."""
        fault = self.account.faults.take(self.kind, (GATEWAY, ANSWER), video_id=video_id, text=text)
        if fault is None:
            return await serve(self)
        self.record["fault"] = fault.what
        if fault.strikes == GATEWAY:
            if fault.what != "drop_before_accept":
                await self.drain()
            return answer_instead(fault, self.request, self.connections)
        try:
            response = await serve(self)
        except ApiError as error:
            response = _refused(error)
        return alter(fault, response, self.request, self.connections)

    def raise_ordered_refusal(self, *, video_id: int | None = None, text: str = "") -> None:
        """Refuse the request where a fault orders that of the service.

        :raises ApiError: with the code of the fault.
        """
        fault = self.account.faults.take(self.kind, (REFUSAL,), video_id=video_id, text=text)
        if fault is not None:
            self.record["fault"] = fault.what
            raise refusal_of(fault)


def with_faults(serve: Handler) -> Handler:
    """Return a handler that serves, unless a fault is due for its endpoint."""

    async def handle(exchange: Exchange) -> Response:
        return await exchange.served(serve)

    return handle


class Pipeline:
    """Takes requests to the API through all that they have in common.

    :param account: whose API it is.
    :param connections: of the server, for faults that cut one.
    """

    def __init__(self, account: Account, connections: Connections) -> None:
        self._account = account
        self._connections = connections

    def endpoint(self, kind: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Return the function to put on a route."""

        async def answer(request: Request) -> Response:
            exchange = Exchange(
                request,
                self._account,
                self._connections,
                kind,
                self._account.ledger.record_request(kind, request, self._account.clock.now()),
            )
            try:
                try:
                    self._check_caller(exchange)
                except ApiError:
                    await exchange.drain()
                    raise
                response = await handler(exchange)
            except ApiError as error:
                response = _refused(error)
            except ClientDisconnect:
                response = Response(status_code=400)
            self._finish(exchange.record, response)
            return response

        return answer

    def _check_caller(self, exchange: Exchange) -> None:
        account = self._account
        key = exchange.request.headers.get("api-key", "")
        if not hmac.compare_digest(key.encode(), account.settings.api_key.encode()):
            raise _WrongKeyError(account.settings.wrong_key_status)
        check_trace_id(account, exchange.kind, exchange.request.url.path, exchange.trace_id)

    @staticmethod
    def _finish(record: RequestRecord, response: Response) -> None:
        if getattr(response, "cuts", False):
            log.info("%s %s -> connection cut", record["method"], record["path"])
            return
        record["http_status"] = response.status_code
        if isinstance(response, JSONResponse):
            record["err_code"] = _err_code(bytes(response.body))
        log.info("%s %s -> %s %s", record["method"], record["path"], response.status_code, record["err_code"])


class _WrongKeyError(ApiError):
    """A wrong key: the envelope, or with status 401 or 403 no envelope at all."""

    def __init__(self, http_status: int) -> None:
        super().__init__(INVALID_ACCOUNT, http_status=http_status)


def _refused(error: ApiError) -> Response:
    """Return the HTTP answer of a refusal."""
    if isinstance(error, _WrongKeyError) and error.http_status != 200:
        return Response(status_code=error.http_status)
    return JSONResponse(error.body(), status_code=error.http_status)


class BodyTooLargeError(Exception):
    """More came than may come."""


class BoundedRequest(Request):
    """A request whose body may only be so large.

    What comes beyond is read and thrown away, so that the client gets to read the answer.
    """

    def __init__(self, request: Request, limit: int) -> None:
        super().__init__(request.scope, request.receive)
        self._limit = limit

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body in pieces."""
        received = 0
        async for piece in super().stream():
            received += len(piece)
            if received <= self._limit:
                yield piece
        if received > self._limit:
            raise BodyTooLargeError


def whole_number(digits: str) -> int | None:
    """Return what ASCII digits say, None for any other text and for more digits than an id has."""
    plain = digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
    return int(digits) if plain else None


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number out of range")
    return number


def _err_code(body: bytes) -> int | None:
    envelope: Any = json.loads(body)
    code = envelope.get("ErrCode", envelope.get("err_code")) if isinstance(envelope, dict) else None
    return code if isinstance(code, int) else None


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address means this machine. Only ``localhost`` is resolved."""
    if host == "localhost":
        return all(ipaddress.ip_address(found[4][0]).is_loopback for found in socket.getaddrinfo(host, None))
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
