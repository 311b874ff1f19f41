"""Mimic: a character that moves as somebody in a video does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator import prices
from pixverse_provider.emulator.envelope import INVALID_PARAMETER, NO_CLEAR_SUBJECT, NO_PERSON, ApiError
from pixverse_provider.emulator.faults import NO_PERSON_WORD, NO_SUBJECT_WORD
from pixverse_provider.emulator.generations.models import QUALITIES
from pixverse_provider.emulator.generations.order import Generation, Library, Order, told
from pixverse_provider.emulator.generations.sources import SOURCE_FIELDS, find_source, named_source
from pixverse_provider.emulator.render.treated import TreatedRecipe

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.fields import Fields

_LONGEST: Final = 30.0
_LARGEST: Final = 100 * 1024 * 1024


def rules(fields: Fields, library: Library) -> Order:
    """Check a request. 1080p is accepted, since the schema has it though the guide has not."""
    fields.refuse_others((*SOURCE_FIELDS, "img_id", "quality"))
    named = named_source(fields)
    img_id = fields.required_identifier("img_id")
    quality = fields.required_choice("quality", QUALITIES)
    video = find_source(named, library, longest=_LONGEST)
    if video.size > _LARGEST:
        raise ApiError(INVALID_PARAMETER, f"{named[0]} is over {_LARGEST // 1024 // 1024} MB")
    image = library.image("img_id", img_id)
    if NO_SUBJECT_WORD in image.name:
        raise ApiError(NO_CLEAR_SUBJECT)
    if NO_PERSON_WORD in video.name:
        raise ApiError(NO_PERSON)
    return Order(
        credits=prices.edit(quality=quality, seconds=video.seconds),
        recipe=TreatedRecipe(
            video=video.file,
            seconds=video.seconds,
            quality=int(quality.removesuffix("p")),
            character=image.file,
        ),
        text=told("", image, video),
        resolution_ratio=int(quality.removesuffix("p")),
    )


MIMIC: Final = Generation("mimic", "/video/mimic/generate", rules, charge_field="credit")
