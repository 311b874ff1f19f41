"""The PixVerse protocol without I/O: headers, trace ids, and what an answer means.

An answer is an envelope ``{"ErrCode", "ErrMsg", "Resp"}`` and only ``ErrCode == 0`` is success, whatever the
HTTP status says. Both clients are thin shells around :func:`read_answer` and :func:`network_error`, and every
answer passes :mod:`pixverse_provider.api.gate` first.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

from pixverse_provider.api.errors import THE_CONNECTION, describe_error_code, proves_no_job, says_too_little
from pixverse_provider.api.gate import UnreadableAnswerError, header, read_body, text_for_message
from pixverse_provider.api.pacing import MAX_RETRY_AFTER
from pixverse_provider.api.reasons import described
from pixverse_provider.api.results import ImageResult, Video
from pixverse_provider.api.values import MisshapenAnswerError, integer
from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseAuthenticationError,
    PixVerseError,
    PixVersePermanentError,
    PixVerseRateLimitError,
    PixVerseSourceError,
    PixVerseTransientError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from pixverse_provider.api.network import NetworkFailure

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

# An error code is a number that people look up, and fits every database.
_LARGEST_CODE = 2**53 - 1
# No date of HTTP is longer; what Python reads of other texts is not worth finding out.
_LONGEST_DATE = 64
# Of seconds: a century has ten. More is a mistake, and no pause that anybody asks for.
_MOST_DIGITS_OF_A_PAUSE = 10

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
    :param video_id: the job that the call reads, which the answer must be about.
    :param sends: the file that the call sends, in a sentence for an answer that it is too large.
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
    sends: str = ""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, from whichever library.

    :param headers: several of one name may come as several items.
    :param body: as it was received, not decompressed; of a longer one than ``gate.LONGEST_ANSWER``, one byte
        more is enough.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def new_trace_id() -> str:
    """Return a fresh trace id; every HTTP attempt needs one, but for the replay of a paid submit."""
    return str(uuid.uuid4())


def request_headers(api_key: str, trace_id: str) -> dict[str, str]:
    """Return the headers of a request; they hold the key and must never be logged."""
    return {
        API_KEY_HEADER: api_key,
        TRACE_ID_HEADER: trace_id,
        "Accept": "application/json",
        # What is compressed all the same is decompressed by the gate, which knows a bound.
        "Accept-Encoding": "identity",
    }


def read_answer(
    call: Call[T_co],
    answer: Answer,
    *,
    trace_id: str,
    api_key: str,
    now: datetime,
    connection: str = THE_CONNECTION,
) -> T_co:
    """Return the result of a call, or raise what its answer means.

    :param connection: how a message names what the key and the base URL come from.
    :param now: time with zone, to read a ``Retry-After`` that is a date.
    :raises PixVerseAmbiguousSubmitError: for a paid call whose answer is not an envelope and not a refusal by
        HTTP status.
    :raises PixVerseError: as the ``ErrCode`` or the HTTP status says.
    """
    try:
        value = read_body(answer.body, header(answer.headers, "content-encoding"), api_key)
    except UnreadableAnswerError as err:
        raise _error_without_envelope(call, answer, trace_id, now, str(err), connection) from err
    envelope = _envelope(value)
    if envelope is None:
        reason = "without a PixVerse answer"
        raise _error_without_envelope(call, answer, trace_id, now, reason, connection)
    code, message, resp = envelope
    if code != 0:
        raise _error_of_code(call, answer, code, message, trace_id, now, connection)
    try:
        result = call.parse(resp)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as err:
        reason = (
            f"a success with {err}" if isinstance(err, MisshapenAnswerError) else "a success of another shape"
        )
        # Not chained: the cause may quote the answer.
        raise _unusable(call, answer, trace_id, now, reason) from None
    if call.video_id is not None and isinstance(result, Video | ImageResult) and result.id != call.video_id:
        raise _unusable(
            call, answer, trace_id, now, f"the answer is about job {result.id}, not job {call.video_id}"
        )
    return result


def network_error(
    call: Call[Any],
    error: Exception,
    *,
    trace_id: str,
    sent: bool,
    base_url: str = "",
    failure: NetworkFailure | None = None,
) -> PixVerseError:
    """Return what a failure of the network means for a call.

    :param error: of the HTTP library; nothing of its text is shown.
    :param sent: whether the request may have reached the service.
    :param base_url: where the API was looked for; its path is not shown, since somebody may have put the key
        there.
    :param failure: what more is known of it.
    """
    reason = described(error) if failure is None else failure.reason
    parts = urlsplit(base_url)
    place = f" at {parts.scheme}://{parts.netloc}" if base_url else ""
    if call.paid and sent:
        return _lost_answer(call, trace_id, reason, http_status=None)
    unsent = " The request was not sent." if call.paid else ""
    return PixVerseTransientError(
        f"PixVerse could not be reached{place} to {call.what} ({reason}).{unsent} Trace id {trace_id}.",
        http_status=None if failure is None else failure.http_status,
        trace_id=trace_id,
        video_id=call.video_id,
    )


def retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the pause that ``Retry-After`` asks for, in seconds from now, or None without a usable one.

    RFC 9110 allows a number of seconds and a date; a date that has passed counts as 0. Fractions, several
    such headers, dates without a zone and numbers that no service means are left aside.

    :return: from 0 to ``pacing.MAX_RETRY_AFTER``.
    """
    value = header(headers, "retry-after")
    if value.isascii() and value.isdecimal() and len(value.lstrip("0")) <= _MOST_DIGITS_OF_A_PAUSE:
        return min(float(value), MAX_RETRY_AFTER)
    if len(value) > _LONGEST_DATE:
        return None
    try:
        date = parsedate_to_datetime(value)
        if date.tzinfo is None:
            return None
        pause = (date - now).total_seconds()
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        # Its reader raises all of these for one text or another.
        return None
    return min(max(0.0, pause), MAX_RETRY_AFTER)


def _envelope(value: Any) -> tuple[int, str, Any] | None:
    """Return code, message and content, in either spelling; None for what is no envelope."""
    if not isinstance(value, dict):
        return None
    for code_key, message_key, resp_key in (("ErrCode", "ErrMsg", "Resp"), ("err_code", "err_msg", "resp")):
        if code_key in value:
            # One deployment writes the number as a string.
            code = integer(value[code_key], -_LARGEST_CODE, _LARGEST_CODE)
            message = value.get(message_key)
            text = message if isinstance(message, str) else ""
            return None if code is None else (code, text, value.get(resp_key))
    return None


def _error_of_code(
    call: Call[Any], answer: Answer, code: int, message: str, trace_id: str, now: datetime, connection: str
) -> PixVerseError:
    known = describe_error_code(code, paid=call.paid)
    said = f': "{text_for_message(message)}"' if message else ""
    about: dict[str, Any] = {
        "err_code": code,
        "http_status": answer.status,
        "trace_id": trace_id,
        "video_id": call.video_id,
        "retry_after": retry_after_seconds(answer.headers, now),
        "proves_no_job": proves_no_job(code, answer.status),
    }
    if says_too_little(code) and _asks_to_wait(answer):
        return PixVerseRateLimitError(
            f"PixVerse asks to {call.what} later: {known.meaning} (ErrCode {code}{said}) with "
            f"HTTP {answer.status}{_pause(about['retry_after'])}. Trace id {trace_id}.",
            **about,
        )
    too_large = _is_too_large(call, answer)
    if too_large and says_too_little(code):
        return _too_large(call, f"ErrCode {code}{said} with HTTP {answer.status}", about)
    remedy = (known.remedy[0].upper() + known.remedy[1:]).replace(THE_CONNECTION, connection)
    sends = f" {call.sends}" if too_large else ""
    return known.error_class(
        f"PixVerse refused to {call.what}: {known.meaning} (ErrCode {code}{said}). {remedy}.{sends} "
        f"Trace id {trace_id}.",
        **about,
    )


def _too_large(call: Call[Any], answered: str, about: dict[str, Any]) -> PixVerseError:
    """Return what it means that a file is too large, for which a pause may be asked for all the same."""
    pause = about["retry_after"]
    error_class = PixVerseSourceError if pause is None else PixVerseRateLimitError
    return error_class(
        f"The request to {call.what} is too large for PixVerse, or for a gateway before it "
        f"({answered}{_pause(pause)}). {call.sends} Trace id {about['trace_id']}.",
        **about,
    )


def _is_too_large(call: Call[Any], answer: Answer) -> bool:
    return bool(call.sends) and answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def _asks_to_wait(answer: Answer) -> bool:
    """Tell whether the status or a header of an answer asks to come back later."""
    busy = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
    return answer.status in busy or bool(header(answer.headers, "retry-after"))


def _pause(seconds: float | None) -> str:
    return "" if seconds is None else f" and asks to wait {seconds:.0f} s"


def _error_without_envelope(
    call: Call[Any], answer: Answer, trace_id: str, now: datetime, reason: str, connection: str
) -> PixVerseError:
    pause = retry_after_seconds(answer.headers, now)
    if _is_too_large(call, answer):
        about = {
            "http_status": answer.status,
            "trace_id": trace_id,
            "video_id": call.video_id,
            "retry_after": pause,
        }
        return _too_large(call, f"HTTP {answer.status}", about)
    if answer.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        # A proxy on the way says so, and hands nothing on. To https:// it says so before there is a tunnel.
        return PixVerseTransientError(
            f"A proxy refused with HTTP 407 to {call.what}: put user name and password into the URL of the "
            f"proxy (HTTP_PROXY). The request did not reach PixVerse. Trace id {trace_id}.",
            http_status=answer.status,
            trace_id=trace_id,
            video_id=call.video_id,
        )
    client_error = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS or (client_error and pause is not None):
        return PixVerseRateLimitError(
            f"PixVerse received too many requests to {call.what} (HTTP {answer.status}){_pause(pause)}. "
            f"Trace id {trace_id}.",
            http_status=answer.status,
            trace_id=trace_id,
            video_id=call.video_id,
            retry_after=pause,
        )
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return PixVerseAuthenticationError(
            f"The API key was not accepted (HTTP {answer.status} without an error code of PixVerse, so "
            f"perhaps by a gateway) to {call.what}. Put a valid API key into the password of {connection}. "
            f"Trace id {trace_id}.",
            http_status=answer.status,
            trace_id=trace_id,
            video_id=call.video_id,
        )
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        # A redirect is never followed: it would carry the key to another host.
        return PixVersePermanentError(
            f"HTTP {answer.status} instead of an answer of PixVerse to {call.what}. "
            f"Check the Base URL (host) of {connection}. Trace id {trace_id}.",
            http_status=answer.status,
            trace_id=trace_id,
            video_id=call.video_id,
        )
    return _unusable(call, answer, trace_id, now, f"HTTP {answer.status} {reason}")


def _unusable(call: Call[Any], answer: Answer, trace_id: str, now: datetime, reason: str) -> PixVerseError:
    if call.paid:
        pause = retry_after_seconds(answer.headers, now)
        return _lost_answer(call, trace_id, reason, http_status=answer.status, retry_after=pause)
    return PixVerseTransientError(
        f"PixVerse could not {call.what}: {reason}. Trace id {trace_id}.",
        http_status=answer.status,
        trace_id=trace_id,
        video_id=call.video_id,
        retry_after=retry_after_seconds(answer.headers, now),
    )


def _lost_answer(
    call: Call[Any],
    trace_id: str,
    reason: str,
    *,
    http_status: int | None,
    retry_after: float | None = None,
) -> PixVerseAmbiguousSubmitError:
    return PixVerseAmbiguousSubmitError(
        f"The answer to the request to {call.what} was lost ({reason}), so a paid job may exist. "
        f"Repeating the request under the same trace id {trace_id} starts no second job.",
        http_status=http_status,
        trace_id=trace_id,
        retry_after=retry_after,
    )
