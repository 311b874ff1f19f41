"""Image to video, and the template video, which has the same endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator.envelope import EMPTY_PARAMETER, INVALID_PARAMETER, ApiError
from pixverse_provider.emulator.generations.clip_options import (
    OPTION_FIELDS,
    read_options,
    read_template_options,
)
from pixverse_provider.emulator.generations.models import LONG_TEXT_LIMIT
from pixverse_provider.emulator.generations.order import Generation, Library, Order, clip_order
from pixverse_provider.emulator.generations.templates import VIDEO_TEMPLATES
from pixverse_provider.emulator.render.stills import StillsRecipe

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.fields import Fields

_KNOWN: Final = (*OPTION_FIELDS, "img_id", "img_ids")
# No document says how many a template takes; the clip has room for these.
_PICTURES_SHOWN: Final = 7


def rules(fields: Fields, library: Library) -> Order:
    """Check a request. Its shape is that of the image, so there is no aspect ratio."""
    fields.refuse_others(_KNOWN)
    template_id = fields.identifier("template_id")
    named = _named_images(fields, template_id)
    if template_id is None:
        options = read_options(fields, prompt_limit=LONG_TEXT_LIMIT)
    else:
        options = read_template_options(fields, template_id)
    images = [library.image(name, img_id) for name, img_id in named]
    shown = images[:_PICTURES_SHOWN]
    title = options.prompt if template_id is None else VIDEO_TEMPLATES[template_id].name
    return clip_order(
        options,
        StillsRecipe(
            pictures=tuple(image.file for image in shown),
            lengths=_shared(options.seconds, len(shown)),
            captions=(title,) * max(1, len(shown) - 1),
            quality=options.resolution_ratio,
            seed=options.seed,
            music=options.music,
            voice=options.voice,
            speech=options.speech,
        ),
        *images,
        template_id=template_id or 0,
    )


def _named_images(fields: Fields, template_id: int | None) -> list[tuple[str, int]]:
    single, several = fields.identifier("img_id"), fields.identifiers("img_ids")
    if single is not None and several:
        raise ApiError(INVALID_PARAMETER, "give either img_id or img_ids, not both")
    if several and template_id is None:
        raise ApiError(INVALID_PARAMETER, "img_ids needs template_id")
    if single is None and not several:
        raise ApiError(EMPTY_PARAMETER, "img_id is empty")
    return [("img_ids", img_id) for img_id in several] if single is None else [("img_id", single)]


def _shared(seconds: int, pictures: int) -> tuple[float, ...]:
    steps = max(1, pictures - 1)
    return (seconds / steps,) * steps


IMAGE_TO_VIDEO: Final = Generation("image_to_video", "/video/img/generate", rules)
