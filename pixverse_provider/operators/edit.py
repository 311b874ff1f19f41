"""Videos made of a video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import conf

from pixverse_provider.api.generations import (
    MimicRequest,
    ModifyRequest,
    RestyleRequest,
    SoundEffectRequest,
    SwapRequest,
)
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.jobs.watch import DEFAULT_WAIT_TIMEOUT
from pixverse_provider.operators._arguments import templated
from pixverse_provider.operators.generation import PixVerseGenerationOperator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from typing import Literal

    from pixverse_provider.operators._arguments import IdArg, LimitArg, ListArg, NumberArg, SwitchArg, TextArg

__all__ = [
    "PixVerseMimicOperator",
    "PixVerseModifyOperator",
    "PixVerseRestyleOperator",
    "PixVerseSoundEffectOperator",
    "PixVerseSwapOperator",
]


class PixVerseRestyleOperator(PixVerseGenerationOperator):
    """Give a video of up to 16 s another style; **costs credits**, how many is not published.

    Give exactly one video and exactly one style. Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param source_video_id: a finished video that PixVerse made, as an int or digits (templated).
    :param video_media_id: an uploaded video, as ``PixVerseUploadMediaOperator`` returns it (templated).
    :param restyle_id: a preset, as ``PixVerseHook.list_restyle_effects`` lists them (templated).
    :param restyle_prompt: the style in words, up to 5000 characters (templated).
    :param seed: 0 to 2147483647; random by default (templated).
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

    request_class = RestyleRequest
    template_fields: Sequence[str] = templated(RestyleRequest)

    def __init__(
        self,
        *,
        source_video_id: IdArg | None = None,
        video_media_id: IdArg | None = None,
        restyle_id: IdArg | None = None,
        restyle_prompt: TextArg | None = None,
        seed: NumberArg | None = None,
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
        self.source_video_id = source_video_id
        self.video_media_id = video_media_id
        self.restyle_id = restyle_id
        self.restyle_prompt = restyle_prompt
        self.seed = seed
        self._check_given()


class PixVerseSwapOperator(PixVerseGenerationOperator):
    """Put an image in the place of a part of a video; **costs credits**, how many is not published.

    Video, key frame and mask are those of one call of ``PixVerseHook.select_mask``. Waiting, retries and what
    a clear does are described at :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param mask_id: the part, as the mask selection names it (templated).
    :param img_id: an image, as ``PixVerseUploadImageOperator`` returns it (templated).
    :param quality: 360p, 540p or 720p (templated).
    :param source_video_id: a finished video that PixVerse made, as an int or digits (templated).
    :param video_media_id: an uploaded video, as ``PixVerseUploadMediaOperator`` returns it (templated).
    :param keyframe_id: number of the frame in which the mask was selected, counted from 1 (templated).
    :param original_sound_switch: keep the sound of the video (templated).
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

    request_class = SwapRequest
    template_fields: Sequence[str] = templated(SwapRequest)

    def __init__(
        self,
        *,
        mask_id: NumberArg,
        img_id: IdArg,
        quality: TextArg,
        source_video_id: IdArg | None = None,
        video_media_id: IdArg | None = None,
        keyframe_id: NumberArg = 1,
        original_sound_switch: SwitchArg | None = None,
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
        self.mask_id = mask_id
        self.img_id = img_id
        self.quality = quality
        self.source_video_id = source_video_id
        self.video_media_id = video_media_id
        self.keyframe_id = keyframe_id
        self.original_sound_switch = original_sound_switch
        self._check_given()


class PixVerseSoundEffectOperator(PixVerseGenerationOperator):
    """Add sound to a video; **costs credits**: 10 per started 5 s of the video.

    Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param source_video_id: a finished video that PixVerse made, as an int or digits (templated).
    :param video_media_id: an uploaded video, as ``PixVerseUploadMediaOperator`` returns it (templated).
    :param sound_effect_content: what is heard, up to 2048 characters; PixVerse chooses by default
        (templated).
    :param original_sound_switch: keep the sound of the video (templated).
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

    request_class = SoundEffectRequest
    template_fields: Sequence[str] = templated(SoundEffectRequest)

    def __init__(
        self,
        *,
        source_video_id: IdArg | None = None,
        video_media_id: IdArg | None = None,
        sound_effect_content: TextArg | None = None,
        original_sound_switch: SwitchArg | None = None,
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
        self.source_video_id = source_video_id
        self.video_media_id = video_media_id
        self.sound_effect_content = sound_effect_content
        self.original_sound_switch = original_sound_switch
        self._check_given()


class PixVerseMimicOperator(PixVerseGenerationOperator):
    """Let the character of an image move like a video of up to 30 s; **costs credits**.

    A second of the video costs 9 credits at 360p, 10 at 540p and 12 at 720p. Waiting, retries and what a
    clear does are described at :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param img_id: the character, as ``PixVerseUploadImageOperator`` returns it (templated).
    :param quality: 360p, 540p or 720p; pages of PixVerse disagree on 1080p (templated).
    :param source_video_id: the motion: a finished video that PixVerse made, as an int or digits (templated).
    :param video_media_id: the motion: an uploaded video, as ``PixVerseUploadMediaOperator`` returns it
        (templated).
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

    request_class = MimicRequest
    template_fields: Sequence[str] = templated(MimicRequest)

    def __init__(
        self,
        *,
        img_id: IdArg,
        quality: TextArg,
        source_video_id: IdArg | None = None,
        video_media_id: IdArg | None = None,
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
        self.img_id = img_id
        self.quality = quality
        self.source_video_id = source_video_id
        self.video_media_id = video_media_id
        self._check_given()


class PixVerseModifyOperator(PixVerseGenerationOperator):
    """Change a video by words, masks and images; **costs credits**, how many is not published.

    Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param prompt: the change, up to 5000 characters; it calls masks ``@selection0`` and images ``@img0``,
        counted from 0 (templated).
    :param quality: 360p, 540p or 720p (templated).
    :param source_video_id: a finished video that PixVerse made, as an int or digits (templated).
    :param video_media_id: an uploaded video, as ``PixVerseUploadMediaOperator`` returns it (templated).
    :param img_ids: up to 3 images (templated).
    :param mask_ids: up to 3 masks, as ``PixVerseHook.select_mask`` finds them (templated).
    :param mask_urls: up to 3 pictures of masks (templated).
    :param keyframe_ids: up to 3 numbers of frames, counted from 1 (templated).
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

    request_class = ModifyRequest
    template_fields: Sequence[str] = templated(ModifyRequest)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "img_ids": "json",
        "mask_ids": "json",
        "mask_urls": "json",
        "keyframe_ids": "json",
    }

    def __init__(
        self,
        *,
        prompt: TextArg,
        quality: TextArg,
        source_video_id: IdArg | None = None,
        video_media_id: IdArg | None = None,
        img_ids: ListArg | None = None,
        mask_ids: ListArg | None = None,
        mask_urls: ListArg | None = None,
        keyframe_ids: ListArg | None = None,
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
        self.prompt = prompt
        self.quality = quality
        self.source_video_id = source_video_id
        self.video_media_id = video_media_id
        self.img_ids = img_ids
        self.mask_ids = mask_ids
        self.mask_urls = mask_urls
        self.keyframe_ids = keyframe_ids
        self._check_given()
