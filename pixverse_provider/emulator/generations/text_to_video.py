"""Text to video."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator.generations.clip_options import OPTION_FIELDS, read_aspect_ratio, read_options
from pixverse_provider.emulator.generations.order import Generation, Library, Order
from pixverse_provider.emulator.render.text_to_video import TextToVideoRecipe

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.fields import Fields


def rules(fields: Fields, library: Library) -> Order:
    """Check a request; it refers to nothing, so the library stays unused."""
    del library
    fields.refuse_others(OPTION_FIELDS)
    options = read_options(fields)
    aspect_ratio = read_aspect_ratio(fields, options.model)
    # A seed of the service is random; here the same prompt gives the same picture.
    seed = options.seed if options.seed is not None else zlib.crc32(options.prompt.encode()) % 2**31
    return Order(
        credits=options.credits,
        recipe=TextToVideoRecipe(
            prompt=options.prompt,
            seconds=options.seconds,
            quality=options.resolution_ratio,
            aspect_ratio=aspect_ratio,
            seed=seed,
            music=options.audio or options.sound_effect,
            voice=options.voice,
            speech=options.speech,
        ),
        text=options.prompt,
        resolution_ratio=options.resolution_ratio,
        prompt=options.prompt,
        negative_prompt=options.negative_prompt,
        style=options.style,
        seed=seed,
    )


TEXT_TO_VIDEO: Final = Generation("text_to_video", "/video/text/generate", rules)
