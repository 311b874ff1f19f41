"""Takes orders for jobs: the paid calls."""

from __future__ import annotations

import json
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
    from collections.abc import Mapping

    from pixverse_provider.emulator.exchange import Exchange, Handler
    from pixverse_provider.emulator.generations.order import Generation, Order

_MAX_BODY: Final = 1024 * 1024


def submit_handler(generation: Generation) -> Handler:
    """Return the handler of one kind of job."""

    async def handle(exchange: Exchange) -> Response:
        body = await _read_body(exchange)
        # What the request refers to may be due but not yet on disk.
        source = body.get("source_video_id") if body is not None else None
        if isinstance(source, int):
            await exchange.emulator.jobs.wait_for_files(source)

        async def serve(exchange: Exchange) -> Response:
            answer = _service(generation, exchange, body)
            return JSONResponse(answer.body, status_code=answer.http_status)

        video_id = source if isinstance(source, int) else None
        return await exchange.served(serve, video_id=video_id, text=_texts(body))

    return handle


async def _read_body(exchange: Exchange) -> Mapping[str, Any] | None:
    """Return the JSON object of the request, None when it has none."""
    exchange.body_taken = True
    try:
        content = await BoundedRequest(exchange.request, _MAX_BODY).body()
    except BodyTooLargeError:
        return None
    if exchange.request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return None
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _service(generation: Generation, exchange: Exchange, body: Mapping[str, Any] | None) -> Answer:
    """Answer a submit. Nothing in here waits: two submits with one trace id cannot both be the first."""
    emulator, trace_id = exchange.emulator, exchange.trace_id
    first = emulator.ledger.submit(trace_id, generation.path)
    if first is not None:
        emulator.ledger.repeat(trace_id, generation.path, body)
        return _dud(generation, exchange) or first
    try:
        job = _accept(generation, exchange, body)
    except ApiError as refusal:
        answer = Answer(refusal.http_status, refusal.body())
        if emulator.settings.repeat_refusals:
            emulator.ledger.remember_answer(trace_id, body, answer)
        return answer
    answer = _accepted(exchange, job)
    emulator.ledger.remember_answer(trace_id, body, answer, video_id=job.video_id)
    return answer


def _accept(generation: Generation, exchange: Exchange, body: Mapping[str, Any] | None) -> Job:
    emulator = exchange.emulator
    if body is None:
        raise ApiError(WRONG_TYPE, "the body must be a JSON object with Content-Type application/json")
    order = generation.rules(Fields(body), emulator)
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
    return _new_job(generation, exchange, body, order, outcome_of(fault, order.text))


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
        render=emulator.pool.start(order.recipe, settings.render) if will_be_done else None,
        dud=dud,
    )
    emulator.jobs.add(job)
    return job


def _dud(generation: Generation, exchange: Exchange) -> Answer | None:
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
    return _accepted(
        exchange, _new_job(generation, exchange, original.request, original.order, never, dud=True)
    )


def _accepted(exchange: Exchange, job: Job) -> Answer:
    resp: dict[str, Any] = {"video_id": job.video_id}
    if exchange.emulator.settings.credits_in_answers:
        resp["credits"] = job.order.credits
    return Answer(200, success(resp))


def _texts(body: Mapping[str, Any] | None) -> str:
    return "\n".join(value for value in (body or {}).values() if isinstance(value, str))
