"""The list of restyle presets, each with a cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from pixverse_provider.emulator.envelope import success
from pixverse_provider.emulator.generations.restyles import RESTYLES, Restyle
from pixverse_provider.emulator.render.backdrop import Backdrop
from pixverse_provider.emulator.render.caption import caption

if TYPE_CHECKING:
    from PIL import Image

    from pixverse_provider.emulator.exchange import Exchange

_COVER_SIZE = (320, 180)


async def list_restyles(exchange: Exchange) -> Response:
    """Answer with a page of presets, all of them unless asked for fewer."""

    async def serve(exchange: Exchange) -> Response:
        page = max(1, exchange.page_value("page_num", 1))
        size = exchange.page_value("page_size", 0) or len(RESTYLES)
        refusal = exchange.refusal()
        if refusal is not None:
            raise refusal
        shown = RESTYLES[(page - 1) * size : page * size]
        return JSONResponse(success([_described(exchange, restyle) for restyle in shown]))

    return await exchange.served(serve)


def _described(exchange: Exchange, restyle: Restyle) -> dict[str, Any]:
    emulator = exchange.emulator
    if emulator.stored_file(restyle.cover_name) is None:
        emulator.add_picture(restyle.cover_name, _cover(restyle))
    return {
        "restyle_id": restyle.restyle_id,
        "restyle_name": restyle.name,
        "restyle_prompt": restyle.prompt,
        "cover_url": emulator.media_url(exchange.base_url, restyle.cover_name),
    }


def _cover(restyle: Restyle) -> Image.Image:
    ground = Backdrop(*_COVER_SIZE, hue=restyle.restyle_id % 97 / 97, period=1).at(0).convert("RGBA")
    ground.alpha_composite(caption(*_COVER_SIZE, restyle.name))
    return ground.convert("RGB")
