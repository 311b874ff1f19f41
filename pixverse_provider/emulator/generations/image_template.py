"""Image template: a picture made of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator import prices
from pixverse_provider.emulator.envelope import EMPTY_PARAMETER, ApiError
from pixverse_provider.emulator.generations.order import Generation, Library, Order, told
from pixverse_provider.emulator.generations.templates import image_template
from pixverse_provider.emulator.render.image_template import ImageTemplateRecipe

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.fields import Fields


def rules(fields: Fields, library: Library) -> Order:
    """Check a request."""
    fields.refuse_others(("img_ids", "template_id"))
    img_ids = fields.identifiers("img_ids")
    if not img_ids:
        raise ApiError(EMPTY_PARAMETER, "img_ids is empty")
    template_id = fields.required_identifier("template_id")
    images = [library.image("img_ids", img_id) for img_id in img_ids]
    template = image_template(template_id)
    return Order(
        credits=prices.IMAGE_TEMPLATE,
        recipe=ImageTemplateRecipe(pictures=tuple(image.file for image in images), title=template.name),
        text=told(template.name, *images),
        resolution_ratio=0,
        template_id=template_id,
    )


IMAGE_TEMPLATE: Final = Generation(
    "image_template",
    "/image/template/generate",
    rules,
    charge_field="credit",
    id_field="image_id",
    ending="png",
)
