"""Images made from a template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pixverse_provider.api.fields import Items, given
from pixverse_provider.api.generations.base import GenerationRequest
from pixverse_provider.api.ids import optional_id

if TYPE_CHECKING:
    from pixverse_provider.api.results import MediaType

__all__ = ["ImageTemplateRequest"]


@dataclass(frozen=True, kw_only=True)
class ImageTemplateRequest(GenerationRequest):
    """Make an image from images and a template (POST ``/image/template/generate``).

    The template has to be activated in the PixVerse console.

    :raises PixVerseInvalidRequestError: where a rule is broken; names the field, the value and what is
        allowed.
    """

    kind: ClassVar[str] = "image from a template"
    path: ClassVar[str] = "/image/template/generate"
    media_type: ClassVar[MediaType] = "image"

    img_ids: tuple[int, ...] = given(Items(optional_id), required=True)
    template_id: int = given(optional_id, required=True)
