"""Takes orders for jobs: the paid calls."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse, Response

from pixverse_provider.emulator.envelope import (
    MODERATION,
    NO_CREDITS,
    TOO_MANY_JOBS,
    WRONG_TYPE,
    ApiError,
    success,
)
from pixverse_provider.emulator.faults import OUTCOME, REFUSE_WORD, REPLAY, outcome_of
from pixverse_provider.emulator.generations.fields import Fields
from pixverse_provider.emulator.jobs import DONE, Job, Outcome
from pixverse_provider.emulator.ledger import Answer
from pixverse_provider.emulator.receive import BodyTooLargeError, BoundedRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pixverse_provider.emulator.exchange import Exchange, Handler
    from pixverse_provider.emulator.generations.order import Generation, Order

_MAX_BODY: Final = 1024 * 1024

Accepted = tuple[dict[str, Any], int | None]
"""The ``Resp`` of an answer, and the job that it is about."""


def submit_handler(generation: Generation) -> Handler:
    """Return the handler of one kind of job."""

    async def handle(exchange: Exchange) -> Response:
        body = await read_body(exchange)
        source = await wait_for_source(exchange, body)

        async def serve(exchange: Exchange) -> Response:
            answer = answer_once(
                exchange,
                generation.path,
                body,
                lambda: _accepted(generation, exchange, _accept(generation, exchange, body)),
                on_repeat=lambda: _dud(generation, exchange),
            )
            return JSONResponse(answer.body, status_code=answer.http_status)

        return await exchange.served(serve, video_id=source, text=_texts(body))

    return handle


async def wait_for_source(exchange: Exchange, body: Mapping[str, Any] | None) -> int | None:
    """Wait for what a request refers to, which may be due but not yet on disk, and return its id."""
    source = body.get("source_video_id") if body is not None else None
    if not isinstance(source, int):
        return None
    await exchange.emulator.jobs.wait_for_files(source)
    return source


async def read_body(exchange: Exchange) -> Mapping[str, Any] | None:
    """Return the JSON object of the request, None when it has none."""
    exchange.body_taken = True
    try:
        content = await BoundedRequest(exchange.request, _MAX_BODY).body()
    except BodyTooLargeError:
        return None
    if exchange.request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return None
    try:
        body = json.loads(content, parse_constant=_no_number, parse_float=_finite)
        # Half a surrogate pair is no text: it can be neither drawn nor sent back.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number out of range")
    return number


def answer_once(
    exchange: Exchange,
    path: str,
    body: Mapping[str, Any] | None,
    accept: Callable[[], Accepted],
    *,
    on_repeat: Callable[[], Accepted | None] = lambda: None,
) -> Answer:
    """Answer a paid call, and a repeat of its trace id as the first time.

    Nothing in here waits: two calls with one trace id cannot both be the first.

    :param accept: does what is asked, or raises ``ApiError``.
    :param on_repeat: what to answer to a repeat instead.
    """
    emulator, trace_id = exchange.emulator, exchange.trace_id
    first = emulator.ledger.submit(trace_id, path)
    if first is not None:
        emulator.ledger.repeat(trace_id, path, body)
        other = on_repeat()
        return Answer(200, success(other[0])) if other is not None else first
    try:
        resp, video_id = accept()
    except ApiError as refusal:
        answer = Answer(refusal.http_status, refusal.body())
        if emulator.settings.repeat_refusals:
            emulator.ledger.remember_answer(trace_id, body, answer)
        return answer
    answer = Answer(200, success(resp))
    emulator.ledger.remember_answer(trace_id, body, answer, video_id=video_id)
    return answer


def fields_of(body: Mapping[str, Any] | None) -> Fields:
    """Return the fields of a body; 400013 when there is none."""
    if body is None:
        raise ApiError(WRONG_TYPE, "the body must be a JSON object with Content-Type application/json")
    return Fields(body)


def _accept(generation: Generation, exchange: Exchange, body: Mapping[str, Any] | None) -> Job:
    emulator = exchange.emulator
    order = generation.rules(fields_of(body), emulator)
    refusal = exchange.refusal(text=order.text)
    if refusal is not None:
        raise refusal
    if REFUSE_WORD in order.text:
        raise ApiError(MODERATION)
    if emulator.jobs.counting() >= emulator.settings.concurrency:
        raise ApiError(TOO_MANY_JOBS)
    if emulator.ledger.credits < order.credits:
        raise ApiError(NO_CREDITS)
    fault = emulator.faults.take("submit", (OUTCOME,), text=order.text)
    if fault is not None:
        exchange.record["fault"] = fault.what
    return _new_job(generation, exchange, body or {}, order, outcome_of(fault, order.text))


def _new_job(
    generation: Generation,
    exchange: Exchange,
    body: Mapping[str, Any],
    order: Order,
    outcome: Outcome,
    *,
    dud: bool = False,
) -> Job:
    emulator = exchange.emulator
    now = emulator.clock.now()
    settings = emulator.settings
    will_be_done = outcome.ends == DONE and not dud
    job = Job(
        video_id=emulator.ids.video(),
        kind=generation.kind,
        trace_id=exchange.trace_id,
        request=body,
        order=order,
        outcome=outcome,
        created=now,
        due=now + settings.generation_seconds,
        render=(
            emulator.pool.start(order.recipe, settings.render, generation.ending) if will_be_done else None
        ),
        dud=dud,
        ending=generation.ending,
    )
    emulator.jobs.add(job)
    return job


def _dud(generation: Generation, exchange: Exchange) -> Accepted | None:
    """Return the answer with a job that never goes anywhere, if that is ordered for this repeat."""
    emulator = exchange.emulator
    video_id = emulator.ledger.submits[exchange.trace_id]["video_id"]
    original = emulator.jobs.find(video_id) if video_id is not None else None
    if original is None:
        return None
    fault = emulator.faults.take("submit", (REPLAY,), text=original.order.text)
    if fault is None:
        return None
    exchange.record["fault"] = fault.what
    never = Outcome(ends=None)
    dud = _new_job(generation, exchange, original.request, original.order, never, dud=True)
    return _accepted(generation, exchange, dud)


def _accepted(generation: Generation, exchange: Exchange, job: Job) -> Accepted:
    resp: dict[str, Any] = {generation.id_field: job.video_id}
    if exchange.emulator.settings.credits_in_answers:
        resp[generation.charge_field] = job.order.credits
    return resp, job.video_id


def _texts(body: Mapping[str, Any] | None) -> str:
    return "\n".join(value for value in (body or {}).values() if isinstance(value, str))
