"""Modify: a video changed by a prompt, masks and images."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator import prices
from pixverse_provider.emulator.generations.clip_options import check_prompt
from pixverse_provider.emulator.generations.models import LONG_TEXT_LIMIT, LOW_QUALITIES
from pixverse_provider.emulator.generations.order import Generation, Library, Order, told
from pixverse_provider.emulator.generations.sources import SOURCE_FIELDS, find_source, named_source
from pixverse_provider.emulator.render.treated import TreatedRecipe

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.fields import Fields

_MOST: Final = 3
_LONGEST: Final = 30.0


def rules(fields: Fields, library: Library) -> Order:
    """Check a request. What ``mask_urls`` point at is not fetched."""
    fields.refuse_others(
        (*SOURCE_FIELDS, "prompt", "quality", "img_ids", "mask_ids", "mask_urls", "keyframe_ids")
    )
    named = named_source(fields)
    prompt = check_prompt(fields.required_text("prompt"), LONG_TEXT_LIMIT)
    quality = fields.required_choice("quality", LOW_QUALITIES)
    img_ids = fields.identifiers("img_ids", most=_MOST)
    mask_ids = fields.texts("mask_ids", most=_MOST)
    fields.texts("mask_urls", most=_MOST)
    fields.identifiers("keyframe_ids", most=_MOST)
    video = find_source(named, library, longest=_LONGEST)
    images = [library.image("img_ids", img_id) for img_id in img_ids]
    for mask_id in mask_ids:
        library.mask("mask_ids", mask_id)
    return Order(
        credits=prices.edit(quality=quality, seconds=video.seconds),
        recipe=TreatedRecipe(
            video=video.file,
            seconds=video.seconds,
            quality=int(quality.removesuffix("p")),
            tint=zlib.crc32(prompt.encode()),
            caption=prompt,
            cards=tuple(image.file for image in images),
        ),
        text=told(prompt, video, *images),
        resolution_ratio=int(quality.removesuffix("p")),
        prompt=prompt,
    )


MODIFY: Final = Generation("modify", "/video/modify/generate", rules, charge_field="credit")
