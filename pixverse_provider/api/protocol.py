"""The PixVerse protocol without I/O: headers, trace ids, and what an answer means.

An answer is an envelope ``{"ErrCode", "ErrMsg", "Resp"}`` and only ``ErrCode == 0`` is success, whatever the
HTTP status says. Both clients are thin shells around :func:`read_answer` and :func:`network_error`.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pixverse_provider.api.errors import describe_error_code
from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseAuthenticationError,
    PixVerseError,
    PixVersePermanentError,
    PixVerseRateLimitError,
    PixVerseTransientError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

__all__ = [
    "API_KEY_HEADER",
    "TRACE_ID_HEADER",
    "Answer",
    "Call",
    "network_error",
    "new_trace_id",
    "read_answer",
    "request_headers",
    "retry_after_seconds",
]

API_KEY_HEADER = "API-KEY"
TRACE_ID_HEADER = "Ai-Trace-Id"

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Call(Generic[T_co]):
    """One call of the API.

    :param what: what it does, in words that complete "PixVerse could not …"; it may name ids, never content.
    :param method: HTTP method.
    :param path: below the base URL.
    :param parse: turns ``Resp`` into the result.
    :param query: query parameters.
    :param payload: JSON body.
    :param form: fields of a urlencoded body.
    :param paid: whether an accepted call costs credits, so that an answer that is lost must not be taken for
        a refusal.
    :param video_id: the job that the call is about, for messages.
    """

    what: str
    method: str
    path: str
    parse: Callable[[Any], T_co]
    query: Mapping[str, str] | None = None
    payload: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    paid: bool = False
    video_id: int | None = None


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, from whichever library."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def new_trace_id() -> str:
    """Return a fresh trace id; every HTTP attempt needs one, but for the replay of a paid submit."""
    return str(uuid.uuid4())


def request_headers(api_key: str, trace_id: str) -> dict[str, str]:
    """Return the headers of a request; they hold the key and must never be logged."""
    return {API_KEY_HEADER: api_key, TRACE_ID_HEADER: trace_id, "Accept": "application/json"}


def read_answer(call: Call[T_co], answer: Answer, *, trace_id: str, api_key: str, now: datetime) -> T_co:
    """Return the result of a call, or raise what its answer means.

    :param now: time with zone, to read a ``Retry-After`` that is a date.
    :raises PixVerseAmbiguousSubmitError: for a paid call whose answer is not an envelope and not a refusal by
        HTTP status.
    :raises PixVerseError: as the ``ErrCode`` or the HTTP status says.
    """
    envelope = _envelope(answer.body)
    if envelope is None:
        raise _error_without_envelope(call, answer, trace_id, now)
    code, message, resp = envelope
    if code != 0:
        raise _error_of_code(call, answer, code, message.replace(api_key, "***"), trace_id, now)
    try:
        return call.parse(resp)
    except (KeyError, OverflowError, TypeError, ValueError) as err:
        reason = f"a success without what it should hold ({err!r})".replace(api_key, "***")
        # Not chained: the cause quotes the answer, in which the service may repeat the key.
        raise _unusable(call, answer, trace_id, now, reason) from None


def network_error(
    call: Call[Any], error: Exception, *, trace_id: str, sent: bool, base_url: str = ""
) -> PixVerseError:
    """Return what a failure of the network means for a call.

    :param error: of the HTTP library; only the name of its class is shown.
    :param sent: whether the request may have reached the service.
    :param base_url: where the API was looked for.
    """
    reason = type(error).__name__
    place = f" at {base_url}" if base_url else ""
    if call.paid and sent:
        return _lost_answer(call, trace_id, reason, http_status=None)
    return PixVerseTransientError(
        f"PixVerse could not be reached{place} to {call.what} ({reason}). Trace id {trace_id}.",
        trace_id=trace_id,
        video_id=call.video_id,
    )


def retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the pause that ``Retry-After`` asks for, in seconds from now, or None without a usable one.

    RFC 9110 allows a number of seconds and a date; a date that has passed counts as 0.
    """
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), "").strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return max(0.0, (moment - now).total_seconds())


def _envelope(body: bytes) -> tuple[int, str, Any] | None:
    """Read code, message and content, in either spelling; None where the body is no envelope."""
    try:
        data = json.loads(body)
    except (RecursionError, ValueError):
        return None
    if not isinstance(data, dict):
        return None
    for code_key, message_key, resp_key in (("ErrCode", "ErrMsg", "Resp"), ("err_code", "err_msg", "resp")):
        if code_key in data:
            code = data[code_key]
            # One deployment writes the number as a string.
            if isinstance(code, str) and re.fullmatch(r"\s*[0-9]{1,18}\s*", code):
                code = int(code)
            if isinstance(code, bool) or not isinstance(code, int):
                return None
            return code, str(data.get(message_key) or ""), data.get(resp_key)
    return None


def _error_of_code(
    call: Call[Any], answer: Answer, code: int, message: str, trace_id: str, now: datetime
) -> PixVerseError:
    known = describe_error_code(code, paid=call.paid)
    way_out = known.way_out[0].upper() + known.way_out[1:]
    said = f': "{message[:200]}"' if message else ""
    return known.error_class(
        f"PixVerse refused to {call.what}: {known.meaning} (ErrCode {code}{said}). {way_out}. "
        f"Trace id {trace_id}.",
        err_code=code,
        http_status=answer.status,
        trace_id=trace_id,
        video_id=call.video_id,
        retry_after=retry_after_seconds(answer.headers, now),
    )


def _error_without_envelope(call: Call[Any], answer: Answer, trace_id: str, now: datetime) -> PixVerseError:
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return PixVerseAuthenticationError(
            f"PixVerse did not accept the API key (HTTP {answer.status}) to {call.what}. "
            f"Put a valid API key into the password of the Airflow connection. Trace id {trace_id}.",
            http_status=answer.status,
            trace_id=trace_id,
            video_id=call.video_id,
        )
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        pause = retry_after_seconds(answer.headers, now)
        asked = "" if pause is None else f" and asks to wait {pause:.0f} s"
        return PixVerseRateLimitError(
            f"PixVerse received too many requests to {call.what} (HTTP 429){asked}. Trace id {trace_id}.",
            http_status=answer.status,
            trace_id=trace_id,
            video_id=call.video_id,
            retry_after=pause,
        )
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        # A redirect is never followed: it would carry the key to another host.
        return PixVersePermanentError(
            f"HTTP {answer.status} instead of an answer of PixVerse to {call.what}. "
            f"Check the Base URL (host) of the Airflow connection. Trace id {trace_id}.",
            http_status=answer.status,
            trace_id=trace_id,
            video_id=call.video_id,
        )
    return _unusable(call, answer, trace_id, now, f"HTTP {answer.status} without a PixVerse answer")


def _unusable(call: Call[Any], answer: Answer, trace_id: str, now: datetime, reason: str) -> PixVerseError:
    if call.paid:
        return _lost_answer(call, trace_id, reason, http_status=answer.status)
    return PixVerseTransientError(
        f"PixVerse could not {call.what}: {reason}. Trace id {trace_id}.",
        http_status=answer.status,
        trace_id=trace_id,
        video_id=call.video_id,
        retry_after=retry_after_seconds(answer.headers, now),
    )


def _lost_answer(
    call: Call[Any], trace_id: str, reason: str, *, http_status: int | None
) -> PixVerseAmbiguousSubmitError:
    return PixVerseAmbiguousSubmitError(
        f"The answer to the request to {call.what} was lost ({reason}), so a paid job may exist. "
        f"Repeating the request under the same trace id {trace_id} starts no second job.",
        http_status=http_status,
        trace_id=trace_id,
    )
