"""Mask selection: answered at once, and paid for."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse, Response

from pixverse_provider.emulator import prices
from pixverse_provider.emulator.envelope import INVALID_PARAMETER, NO_CREDITS, ApiError
from pixverse_provider.emulator.generations.order import Mask
from pixverse_provider.emulator.generations.sources import SOURCE_FIELDS, find_source, named_source
from pixverse_provider.emulator.generations.swap import read_keyframe
from pixverse_provider.emulator.render.keyframe import mask_pictures, take_keyframe
from pixverse_provider.emulator.submit import answer_once, fields_of, read_body, wait_for_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

    from pixverse_provider.emulator.exchange import Exchange

PATH: Final = "/video/mask/selection"

_CODECS: Final = ("h264", "hevc")


@dataclass(frozen=True)
class _Selection:
    """What is asked for, and the picture it is about."""

    source: tuple[str, int]
    keyframe_id: int
    picture: Image.Image


async def select_masks(exchange: Exchange) -> Response:
    """Answer with the masks of a key frame: a person, an object, the background."""
    body = await read_body(exchange)
    await wait_for_source(exchange, body)

    async def serve(exchange: Exchange) -> Response:
        selection = await _look(exchange, body)
        answer = answer_once(exchange, PATH, body, lambda: (_found(exchange, selection), None))
        return JSONResponse(answer.body, status_code=answer.http_status)

    return await exchange.served(serve)


async def _look(exchange: Exchange, body: Mapping[str, Any] | None) -> _Selection | ApiError:
    """Take the picture out of the video, which takes a while, or say why not."""
    try:
        fields = fields_of(body)
        fields.refuse_others((*SOURCE_FIELDS, "keyframe_id"))
        source, keyframe_id = named_source(fields), read_keyframe(fields)
        video = find_source(source, exchange.emulator)
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
    refusal = exchange.refusal()
    if refusal is not None:
        raise refusal
    emulator = exchange.emulator
    if emulator.ledger.credits < prices.MASK_SELECTION:
        raise ApiError(NO_CREDITS)
    emulator.ledger.charge(
        prices.MASK_SELECTION,
        video_id=None,
        trace_id=exchange.trace_id,
        now=emulator.clock.now(),
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
    exchange.emulator.masks[mask_id] = Mask(
        mask_id=mask_id, source=selection.source, keyframe_id=selection.keyframe_id, mask_name=name
    )
    return {"mask_id": mask_id, "mask_name": name, "mask_url": _url(exchange, picture)}


def _url(exchange: Exchange, picture: Image.Image) -> str:
    file_name = f"{uuid.uuid4()}.png"
    exchange.emulator.add_picture(file_name, picture)
    return exchange.emulator.media_url(exchange.base_url, file_name)
