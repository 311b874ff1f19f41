"""Images from templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pixverse_provider.api.generations import ImageTemplateRequest
from pixverse_provider.operators._request import RequestOperator, templated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pixverse_provider.operators._request import IdArg, ListArg

__all__ = ["PixVerseImageTemplateOperator"]


class PixVerseImageTemplateOperator(RequestOperator):
    """Make an image from images and a template; **costs credits**, how many is not published.

    The template has to be activated in the PixVerse console. Returns the ``image_id``; the whole result goes
    to the XCom ``image``, without the signed URL, which ``PixVerseHook.get_image`` reads. Waiting, retries
    and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param img_ids: images, as ``PixVerseUploadImageOperator`` returns them; a single one may stand without a
        list (templated).
    :param template_id: the template (templated).
    """

    request_class = ImageTemplateRequest
    template_fields: Sequence[str] = templated(ImageTemplateRequest)

    def __init__(self, *, img_ids: ListArg | IdArg, template_id: IdArg, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.img_ids = img_ids
        self.template_id = template_id
