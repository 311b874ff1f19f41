"""Trace ids: each request needs a new one; a paid one that repeats it gets its first answer again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pixverse_provider.emulator.account.ledger import Answer
from pixverse_provider.emulator.protocol import EMPTY_PARAMETER, ApiError, success

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pixverse_provider.emulator.account.account import Account

PAID: Final = ("submit", "masks")
"""Endpoints at which a trace id may come twice."""

Accepted = tuple[dict[str, Any], int | None]
"""The ``Resp`` of an answer, and the job that it is about."""


def check_trace_id(account: Account, kind: str, path: str, trace_id: str) -> None:
    """Note the trace id of a request; one that comes again for no paid request is an incident.

    :raises ApiError: 400011 when there is none.
    """
    if not trace_id:
        raise ApiError(EMPTY_PARAMETER, "Ai-Trace-Id is empty")
    if not account.ledger.see_trace_id(trace_id, submit=kind in PAID):
        account.ledger.incident("trace_id_reused", f"{trace_id} again at {path}", account.clock.now())


def answer_once(
    account: Account,
    trace_id: str,
    path: str,
    body: Mapping[str, Any] | None,
    accept: Callable[[], Accepted],
    *,
    on_repeat: Callable[[], Accepted | None] = lambda: None,
) -> Answer:
    """Answer a paid request, and a repeat of its trace id as the first time.

    Nothing in here waits: two requests with one trace id cannot both be the first.

    :param accept: does what is asked, or raises ``ApiError``.
    :param on_repeat: what to answer to a repeat instead.
    """
    ledger = account.ledger
    first = ledger.submit(trace_id, path)
    if first is not None:
        ledger.repeat(trace_id, path, body)
        other = on_repeat()
        return Answer(200, success(other[0])) if other is not None else first
    try:
        resp, video_id = accept()
    except ApiError as refusal:
        answer = Answer(refusal.http_status, refusal.body())
        if account.settings.repeat_refusals:
            ledger.remember_answer(trace_id, body, answer)
        return answer
    answer = Answer(200, success(resp))
    ledger.remember_answer(trace_id, body, answer, video_id=video_id)
    return answer
