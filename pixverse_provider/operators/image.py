"""Images from templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import conf

from pixverse_provider.api.generations import ImageTemplateRequest
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.jobs.watch import DEFAULT_WAIT_TIMEOUT
from pixverse_provider.operators._arguments import templated
from pixverse_provider.operators.generation import PixVerseGenerationOperator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from typing import Literal

    from pixverse_provider.operators._arguments import IdArg, LimitArg, ListArg

__all__ = ["PixVerseImageTemplateOperator"]


class PixVerseImageTemplateOperator(PixVerseGenerationOperator):
    """Make an image from images and a template; **costs credits**, how many is not published.

    The template has to be activated in the PixVerse console. Returns the ``image_id``; the whole result goes
    to the XCom ``image``, without the signed URL, which ``PixVerseHook.get_image`` reads. Waiting, retries
    and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param img_ids: images, as ``PixVerseUploadImageOperator`` returns them; a single one may stand without a
        list (templated).
    :param template_id: the template (templated).
    :param pixverse_conn_id: Airflow connection of type ``pixverse`` (templated).
    :param wait_for_completion: False returns the id as soon as the job is submitted.
    :param deferrable: wait in the triggerer and hold no worker; default: ``[operators] default_deferrable``.
    :param poll_interval: seconds (or a ``timedelta``) between two polls, at least 1; None: by the job's age.
    :param timeout: seconds (or a ``timedelta``) that one attempt lasts at the longest.
    :param durable: False gives each attempt a job of its own, which is **paid anew**.
    :param reuse_on_clear: True returns, after a clear with unchanged input, the video that is paid.
    :param max_credits: refuse, before anything is spent, a job that is known to cost more (templated).
    :param on_ambiguous_submit: ``"replay"`` or ``"fail"``, where the answer to a submit was lost.
    """

    request_class = ImageTemplateRequest
    template_fields: Sequence[str] = templated(ImageTemplateRequest)
    template_fields_renderers: ClassVar[dict[str, str]] = {"img_ids": "json"}

    def __init__(
        self,
        *,
        img_ids: ListArg | IdArg,
        template_id: IdArg,
        pixverse_conn_id: str = PixVerseHook.default_conn_name,
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | timedelta | None = None,
        timeout: float | timedelta = DEFAULT_WAIT_TIMEOUT,
        durable: bool = True,
        reuse_on_clear: bool = False,
        max_credits: LimitArg | None = None,
        on_ambiguous_submit: Literal["replay", "fail"] = "replay",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            pixverse_conn_id=pixverse_conn_id,
            wait_for_completion=wait_for_completion,
            deferrable=deferrable,
            poll_interval=poll_interval,
            timeout=timeout,
            durable=durable,
            reuse_on_clear=reuse_on_clear,
            max_credits=max_credits,
            on_ambiguous_submit=on_ambiguous_submit,
            **kwargs,
        )
        self.img_ids = img_ids
        self.template_id = template_id
        self._check_given()
