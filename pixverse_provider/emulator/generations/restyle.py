"""Restyle: a video in another look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator import prices
from pixverse_provider.emulator.envelope import INVALID_PARAMETER, NOT_FOUND, ApiError
from pixverse_provider.emulator.generations.clip_options import check_prompt, read_seed
from pixverse_provider.emulator.generations.models import LONG_TEXT_LIMIT
from pixverse_provider.emulator.generations.order import Generation, Library, Order, told
from pixverse_provider.emulator.generations.restyles import find_restyle
from pixverse_provider.emulator.generations.sources import (
    SOURCE_FIELDS,
    find_source,
    named_source,
    quality_of,
)
from pixverse_provider.emulator.render.treated import TreatedRecipe

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.fields import Fields

_LONGEST: Final = 16.0


def rules(fields: Fields, library: Library) -> Order:
    """Check a request."""
    fields.refuse_others((*SOURCE_FIELDS, "restyle_id", "restyle_prompt", "seed"))
    restyle_id = fields.identifier("restyle_id")
    own_prompt = fields.text("restyle_prompt")
    named = named_source(fields)
    if (restyle_id is None) == (own_prompt is None):
        raise ApiError(INVALID_PARAMETER, "give exactly one of restyle_id and restyle_prompt")
    check_prompt(own_prompt or "", LONG_TEXT_LIMIT)
    prompt = own_prompt or _prompt_of(restyle_id or 0)
    seed = read_seed(fields, prompt)
    video = find_source(named, library, longest=_LONGEST)
    return Order(
        credits=prices.edit(quality=quality_of(video), seconds=video.seconds),
        recipe=TreatedRecipe(video=video.file, seconds=video.seconds, tint=seed, caption=prompt),
        text=told(prompt, video),
        resolution_ratio=video.resolution_ratio,
        prompt=prompt,
        seed=seed,
    )


def _prompt_of(restyle_id: int) -> str:
    restyle = find_restyle(restyle_id)
    if restyle is None:
        raise ApiError(NOT_FOUND, "restyle_id not known")
    return restyle.prompt


RESTYLE: Final = Generation("restyle", "/video/restyle/generate", rules)
