"""Extend: a video goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator.generations.clip_options import read_options
from pixverse_provider.emulator.generations.models import EXTENDING
from pixverse_provider.emulator.generations.order import Generation, Library, Order, clip_order
from pixverse_provider.emulator.generations.sources import SOURCE_FIELDS, find_source, named_source
from pixverse_provider.emulator.render.extend import ExtendRecipe

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.fields import Fields

_KNOWN: Final = (
    *SOURCE_FIELDS, "prompt", "model", "duration", "quality", "seed", "motion_mode", "style",
    "negative_prompt", "template_id", "water_mark",
)  # fmt: skip


def rules(fields: Fields, library: Library) -> Order:
    """Check a request; the seed may be left out, as the guide says."""
    fields.refuse_others(_KNOWN)
    named = named_source(fields)
    options = read_options(fields, EXTENDING)
    video = find_source(named, library)
    recipe = ExtendRecipe(
        video=video.file,
        seconds=video.seconds,
        added=options.seconds,
        quality=options.resolution_ratio,
        prompt=options.prompt,
    )
    return clip_order(options, recipe, video)


EXTEND: Final = Generation("extend", "/video/extend/generate", rules)
