"""The paid calls: submits, which make jobs, and mask selections."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse, Response

from pixverse_provider.emulator.account.jobs import Job
from pixverse_provider.emulator.faults import OUTCOME, REFUSE_WORD, REPLAY, Outcome, outcome_of
from pixverse_provider.emulator.http.trace_id import Accepted, answer_once
from pixverse_provider.emulator.protocol import (
    DONE,
    INVALID_PARAMETER,
    MODERATION,
    NO_CREDITS,
    TOO_MANY_JOBS,
    WRONG_TYPE,
    ApiError,
)
from pixverse_provider.emulator.render.drawing import mask_pictures
from pixverse_provider.emulator.render.reading import take_keyframe
from pixverse_provider.emulator.rules import prices
from pixverse_provider.emulator.rules.edits import mask_selection
from pixverse_provider.emulator.rules.request import Fields, Mask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

    from pixverse_provider.emulator.http.pipeline import Exchange, Handler
    from pixverse_provider.emulator.rules.request import Generation, Order

MASKS_PATH: Final = "/video/mask/selection"
_CODECS: Final = ("h264", "hevc")


def submit_handler(generation: Generation) -> Handler:
    """Return the handler of one kind of job."""

    async def handle(exchange: Exchange) -> Response:
        body = await exchange.json_body()
        source = await _wait_for_source(exchange, body)

        async def serve(exchange: Exchange) -> Response:
            answer = answer_once(
                exchange.account,
                exchange.trace_id,
                generation.path,
                body,
                lambda: _accepted(generation, exchange, _accept(generation, exchange, body)),
                on_repeat=lambda: _stalled_replay(generation, exchange),
            )
            return JSONResponse(answer.body, status_code=answer.http_status)

        return await exchange.served(serve, video_id=source, text=_texts(body))

    return handle


async def _wait_for_source(exchange: Exchange, body: Mapping[str, Any] | None) -> int | None:
    """Wait for what a request refers to, which may be due but not yet on disk, and return its id."""
    source = body.get("source_video_id") if body is not None else None
    if not isinstance(source, int):
        return None
    await exchange.account.jobs.wait_for_files(source)
    return source


def _fields_of(body: Mapping[str, Any] | None) -> Fields:
    """Return the fields of a body; 400013 when there is none."""
    if body is None:
        raise ApiError(WRONG_TYPE, "the body must be a JSON object with Content-Type application/json")
    return Fields(body)


def _accept(generation: Generation, exchange: Exchange, body: Mapping[str, Any] | None) -> Job:
    account = exchange.account
    order = generation.rules(_fields_of(body), account)
    exchange.raise_ordered_refusal(text=order.text)
    if REFUSE_WORD in order.text:
        raise ApiError(MODERATION)
    if account.jobs.counting() >= account.settings.concurrency:
        raise ApiError(TOO_MANY_JOBS)
    if account.ledger.credits < order.credits:
        raise ApiError(NO_CREDITS)
    fault = account.faults.take("submit", (OUTCOME,), text=order.text)
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
    stalled_replay: bool = False,
) -> Job:
    account = exchange.account
    now = account.clock.now()
    settings = account.settings
    will_be_done = outcome.ends == DONE and not stalled_replay
    job = Job(
        video_id=account.ids.video(),
        kind=generation.kind,
        trace_id=exchange.trace_id,
        request=body,
        order=order,
        outcome=outcome,
        created=now,
        due=now + settings.generation_seconds,
        render=(
            account.pool.start(order.recipe, settings.render, generation.ending) if will_be_done else None
        ),
        stalled_replay=stalled_replay,
        ending=generation.ending,
    )
    account.jobs.add(job)
    return job


def _stalled_replay(generation: Generation, exchange: Exchange) -> Accepted | None:
    """Return the answer with a job that never goes anywhere, if that is ordered for this repeat."""
    account = exchange.account
    video_id = account.ledger.submits[exchange.trace_id]["video_id"]
    original = account.jobs.find(video_id) if video_id is not None else None
    if original is None:
        return None
    fault = account.faults.take("submit", (REPLAY,), text=original.order.text)
    if fault is None:
        return None
    exchange.record["fault"] = fault.what
    never = Outcome(ends=None)
    job = _new_job(generation, exchange, original.request, original.order, never, stalled_replay=True)
    return _accepted(generation, exchange, job)


def _accepted(generation: Generation, exchange: Exchange, job: Job) -> Accepted:
    resp: dict[str, Any] = {generation.id_field: job.video_id}
    if exchange.account.settings.credits_in_answers:
        resp[generation.charge_field] = job.order.credits
    return resp, job.video_id


def _texts(body: Mapping[str, Any] | None) -> str:
    return "\n".join(value for value in (body or {}).values() if isinstance(value, str))


@dataclass(frozen=True)
class _Selection:
    """What is asked for, and the picture it is about."""

    source: tuple[str, int]
    keyframe_id: int
    picture: Image.Image


async def select_masks(exchange: Exchange) -> Response:
    """Answer with the masks of a key frame: a person, an object, the background."""
    body = await exchange.json_body()
    await _wait_for_source(exchange, body)

    async def serve(exchange: Exchange) -> Response:
        selection = await _select(exchange, body)
        answer = answer_once(
            exchange.account, exchange.trace_id, MASKS_PATH, body, lambda: (_found(exchange, selection), None)
        )
        return JSONResponse(answer.body, status_code=answer.http_status)

    return await exchange.served(serve)


async def _select(exchange: Exchange, body: Mapping[str, Any] | None) -> _Selection | ApiError:
    """Take the picture out of the video, which takes a while, or say why not."""
    try:
        source, keyframe_id, video = mask_selection(_fields_of(body), exchange.account)
        frame = await asyncio.to_thread(take_keyframe, video.path, keyframe_id)
    except ApiError as refusal:
        return refusal
    if frame.codec not in _CODECS:
        return ApiError(INVALID_PARAMETER, f"{source[0]} must be H.264 or H.265")
    if frame.picture is None:
        return ApiError(INVALID_PARAMETER, "keyframe_id is beyond the last picture")
    return _Selection(source, keyframe_id, frame.picture)


def _found(exchange: Exchange, selection: _Selection | ApiError) -> dict[str, Any]:
    """Charge for the masks and keep them. Nothing in here waits."""
    if isinstance(selection, ApiError):
        raise selection
    exchange.raise_ordered_refusal()
    account = exchange.account
    if account.ledger.credits < prices.MASK_SELECTION:
        raise ApiError(NO_CREDITS)
    account.ledger.charge(
        prices.MASK_SELECTION,
        video_id=None,
        trace_id=exchange.trace_id,
        now=account.clock.now(),
        reason="mask_selection",
    )
    return {
        "keyframe_id": selection.keyframe_id,
        "keyframe_url": _url(exchange, selection.picture),
        "credits": prices.MASK_SELECTION,
        "mask_info": [
            _kept(exchange, selection, name, picture)
            for name, picture in mask_pictures(selection.picture).items()
        ],
    }


def _kept(exchange: Exchange, selection: _Selection, name: str, picture: Image.Image) -> dict[str, str]:
    # Not a number: a client that makes one of it is found out.
    mask_id = f"m{uuid.uuid4().hex}"
    exchange.account.masks[mask_id] = Mask(
        mask_id=mask_id, source=selection.source, keyframe_id=selection.keyframe_id, mask_name=name
    )
    return {"mask_id": mask_id, "mask_name": name, "mask_url": _url(exchange, picture)}


def _url(exchange: Exchange, picture: Image.Image) -> str:
    file_name = f"{uuid.uuid4()}.png"
    exchange.account.add_picture(file_name, picture)
    return exchange.account.media_url(exchange.base_url, file_name)
