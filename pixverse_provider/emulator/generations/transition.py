"""Transition: a clip from a first frame to a last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator.generations.clip_options import OPTION_FIELDS, read_options
from pixverse_provider.emulator.generations.order import Generation, Library, Order, clip_order
from pixverse_provider.emulator.render.stills import StillsRecipe

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.fields import Fields

_FRAMES: Final = ("first_frame_img", "last_frame_img")


def rules(fields: Fields, library: Library) -> Order:
    """Check a request."""
    fields.refuse_others((*OPTION_FIELDS, *_FRAMES))
    named = [(name, fields.required_identifier(name)) for name in _FRAMES]
    options = read_options(fields)
    images = [library.image(name, img_id) for name, img_id in named]
    recipe = StillsRecipe(
        pictures=tuple(image.file for image in images),
        lengths=(options.seconds,),
        captions=(options.prompt,),
        quality=options.resolution_ratio,
        seed=options.seed,
        music=options.music,
        voice=options.voice,
        speech=options.speech,
    )
    return clip_order(options, recipe, *images)


TRANSITION: Final = Generation("transition", "/video/transition/generate", rules)
