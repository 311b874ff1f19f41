"""Swap: something in a video replaced by an image, where a mask selection found it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator import prices
from pixverse_provider.emulator.envelope import INVALID_PARAMETER, ApiError
from pixverse_provider.emulator.generations.models import LOW_QUALITIES
from pixverse_provider.emulator.generations.order import Generation, Library, Order, told
from pixverse_provider.emulator.generations.sources import SOURCE_FIELDS, find_source, named_source
from pixverse_provider.emulator.render.treated import TreatedRecipe

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.fields import Fields

_LAST_KEYFRAME: Final = 2**31 - 1


def rules(fields: Fields, library: Library) -> Order:
    """Check a request. Its source and key frame are those of the selection that found the mask."""
    fields.refuse_others(
        (*SOURCE_FIELDS, "keyframe_id", "mask_id", "img_id", "quality", "original_sound_switch")
    )
    named = named_source(fields)
    keyframe_id = read_keyframe(fields)
    mask_id = fields.required_text("mask_id")
    img_id = fields.required_identifier("img_id")
    quality = fields.required_choice("quality", LOW_QUALITIES)
    keep_sound = fields.switch("original_sound_switch")
    video = find_source(named, library)
    image = library.image("img_id", img_id)
    mask = library.mask("mask_id", mask_id)
    if (mask.source, mask.keyframe_id) != (named, keyframe_id):
        raise ApiError(INVALID_PARAMETER, "mask_id belongs to another source or keyframe_id")
    return Order(
        credits=prices.edit(quality=quality, seconds=video.seconds),
        recipe=TreatedRecipe(
            video=video.file,
            seconds=video.seconds,
            quality=int(quality.removesuffix("p")),
            inside=(mask.mask_name, image.file),
            keep_sound=keep_sound,
        ),
        text=told(f"{mask.mask_name} replaced", video, image),
        resolution_ratio=int(quality.removesuffix("p")),
    )


def read_keyframe(fields: Fields) -> int:
    """Return the key frame, counted from 1; the first when left out."""
    if not fields.given("keyframe_id"):
        return 1
    return fields.required_integer("keyframe_id", lowest=1, highest=_LAST_KEYFRAME)


SWAP: Final = Generation("swap", "/video/swap/generate", rules, charge_field="credit")
