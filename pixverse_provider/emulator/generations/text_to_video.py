"""Text to video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator.generations.clip_options import OPTION_FIELDS, read_aspect_ratio, read_options
from pixverse_provider.emulator.generations.models import LONG_TEXT_LIMIT
from pixverse_provider.emulator.generations.order import Generation, Library, Order, clip_order
from pixverse_provider.emulator.render.text_to_video import TextToVideoRecipe

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.fields import Fields

_KNOWN: Final = (*OPTION_FIELDS, "aspect_ratio")


def rules(fields: Fields, library: Library) -> Order:
    """Check a request; it refers to nothing, so the library stays unused."""
    del library
    fields.refuse_others(_KNOWN)
    options = read_options(fields, prompt_limit=LONG_TEXT_LIMIT)
    aspect_ratio = read_aspect_ratio(fields, options.model)
    return clip_order(
        options,
        TextToVideoRecipe(
            prompt=options.prompt,
            seconds=options.seconds,
            quality=options.resolution_ratio,
            aspect_ratio=aspect_ratio,
            seed=options.seed,
            music=options.music,
            voice=options.voice,
            speech=options.speech,
        ),
    )


TEXT_TO_VIDEO: Final = Generation("text_to_video", "/video/text/generate", rules)
