"""What every request goes through: written down, its key and trace id checked, faults injected."""

from __future__ import annotations

import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from pixverse_provider.emulator.clock import rfc3339
from pixverse_provider.emulator.envelope import EMPTY_PARAMETER, INVALID_ACCOUNT, WRONG_TYPE, ApiError
from pixverse_provider.emulator.fault_answers import answer_instead, spoil
from pixverse_provider.emulator.faults import ANSWER, GATEWAY, REFUSAL, Fault

if TYPE_CHECKING:
    from pixverse_provider.emulator.connections import Connections
    from pixverse_provider.emulator.ledger import RequestRecord
    from pixverse_provider.emulator.state import Emulator

log = logging.getLogger(__name__)

_PAID: Final = ("submit", "masks")
"""Endpoints at which a trace id may come twice, to get the first answer again."""
_MOST_DIGITS: Final = 20

Handler = Callable[["Exchange"], Awaitable[Response]]


@dataclass
class Exchange:
    """One request to the API while it is served.

    :param kind: the endpoint, as faults name it.
    """

    request: Request
    emulator: Emulator
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

    async def drain(self) -> None:
        """Read the body and throw it away: a client that still sends would not see the answer."""
        if not self.body_taken:
            self.body_taken = True
            async for _ in self.request.stream():
                pass

    async def served(self, serve: Handler, *, video_id: int | None = None, text: str = "") -> Response:
        """Serve the request, unless a fault is due that comes first or after."""
        fault = self.emulator.faults.take(self.kind, (GATEWAY, ANSWER), video_id=video_id, text=text)
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
            response = error.response()
        return spoil(fault, response, self.request, self.connections)

    def refusal(self, *, video_id: int | None = None, text: str = "") -> ApiError | None:
        """Return the refusal that a fault orders from the service."""
        fault = self.emulator.faults.take(self.kind, (REFUSAL,), video_id=video_id, text=text)
        if fault is None:
            return None
        self.record["fault"] = fault.what
        return _refusal_of(fault)


class Desk:
    """Takes requests to the API in.

    :param emulator: the account.
    :param connections: of the server, for faults that cut one.
    """

    def __init__(self, emulator: Emulator, connections: Connections) -> None:
        self._emulator = emulator
        self._connections = connections

    def endpoint(self, kind: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Return the function to put on a route."""

        async def answer(request: Request) -> Response:
            exchange = Exchange(
                request, self._emulator, self._connections, kind, self._write_down(request, kind)
            )
            try:
                try:
                    self._check_caller(exchange)
                except ApiError:
                    await exchange.drain()
                    raise
                response = await handler(exchange)
            except ApiError as error:
                response = error.response()
            except ClientDisconnect:
                response = Response(status_code=400)
            self._finish(exchange.record, response)
            return response

        return answer

    def _write_down(self, request: Request, kind: str) -> RequestRecord:
        record: RequestRecord = {
            "kind": kind,
            "method": request.method,
            "path": request.url.path,
            "trace_id": request.headers.get("ai-trace-id", "").strip(),
            "time": rfc3339(self._emulator.clock.now()),
            "wall": time.time(),
            "http_status": None,
            "err_code": None,
            "fault": None,
        }
        self._emulator.ledger.requests.append(record)
        return record

    def _check_caller(self, exchange: Exchange) -> None:
        emulator = self._emulator
        key = exchange.request.headers.get("api-key", "")
        if not hmac.compare_digest(key.encode(), emulator.settings.api_key.encode()):
            raise BareRefusalError(emulator.settings.wrong_key_status)
        if not exchange.trace_id:
            raise ApiError(EMPTY_PARAMETER, "Ai-Trace-Id is empty")
        if not emulator.ledger.see_trace_id(exchange.trace_id, submit=exchange.kind in _PAID):
            detail = f"{exchange.trace_id} again at {exchange.request.url.path}"
            emulator.ledger.incident("trace_id_reused", detail, emulator.clock.now())

    @staticmethod
    def _finish(record: RequestRecord, response: Response) -> None:
        if getattr(response, "cuts", False):
            log.info("%s %s -> connection cut", record["method"], record["path"])
            return
        record["http_status"] = response.status_code
        if isinstance(response, JSONResponse):
            record["err_code"] = _err_code(bytes(response.body))
        log.info("%s %s -> %s %s", record["method"], record["path"], response.status_code, record["err_code"])


class BareRefusalError(ApiError):
    """A wrong key: the envelope, or with status 401 or 403 no envelope at all."""

    def __init__(self, http_status: int) -> None:
        super().__init__(INVALID_ACCOUNT, http_status=http_status)

    def response(self) -> Response:
        """Return the HTTP answer."""
        return super().response() if self.http_status == 200 else Response(status_code=self.http_status)


def whole_number(digits: str) -> int | None:
    """Return what ASCII digits say, None for any other text and for more digits than an id has."""
    plain = digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
    return int(digits) if plain else None


def _err_code(body: bytes) -> int | None:
    envelope: Any = json.loads(body)
    code = envelope.get("ErrCode", envelope.get("err_code")) if isinstance(envelope, dict) else None
    return code if isinstance(code, int) else None


def _refusal_of(fault: Fault) -> ApiError:
    if fault.what != "error":
        return ApiError({"slots_full": 500044, "no_credits": 500090, "refuse": 500063}[fault.what])
    details = fault.details
    return ApiError(
        details["err_code"],
        details["message"] or None,
        http_status=details["http_status"],
        lower_case=details["lower_case"],
    )
