"""Videos of several images: from one to the next, and of named ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import conf

from pixverse_provider.api.generations import FusionRequest, MultiTransitionRequest, TransitionRequest
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.jobs.watch import DEFAULT_WAIT_TIMEOUT
from pixverse_provider.operators._arguments import templated
from pixverse_provider.operators.generation import PixVerseGenerationOperator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from typing import Literal

    from pixverse_provider.operators._arguments import (
        IdArg,
        LimitArg,
        NumberArg,
        PartsArg,
        SwitchArg,
        TextArg,
    )

__all__ = ["PixVerseFusionOperator", "PixVerseMultiTransitionOperator", "PixVerseTransitionOperator"]


class PixVerseTransitionOperator(PixVerseGenerationOperator):
    """Make a video that leads from one image to another; **costs credits**.

    Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param prompt: what it shows, up to 2048 characters, with v6 and c1 up to 5000 (templated).
    :param model: v3.5, v4, v4.5, v5, v5.5, v5.6, v6 or c1 (templated).
    :param duration: seconds: 5 or 8, from v5.5 on also 10, with v6 and c1 any from 1 to 15 (templated).
    :param quality: 360p, 540p, 720p or 1080p; the longest clip of a model may not be possible at 1080p
        (templated).
    :param first_frame_img: image at the start, as ``PixVerseUploadImageOperator`` returns it (templated).
    :param last_frame_img: image at the end (templated).
    :param negative_prompt: what it must not show, up to 2048 characters (templated).
    :param motion_mode: ``normal`` or ``fast``; fast needs a model before v5, 5 s, and less than 1080p
        (templated).
    :param seed: 0 to 2147483647; random by default (templated).
    :param sound_effect_switch: add a sound effect; models up to v5 (templated).
    :param sound_effect_content: what is heard, up to 2048 characters; models up to v5 (templated).
    :param sound_mode: ``default_music``, instead of ``sound_effect_content`` (templated).
    :param lip_sync_tts_switch: let somebody in the clip speak; models up to v5 (templated).
    :param lip_sync_tts_content: what is spoken, up to about 140 characters (templated).
    :param lip_sync_tts_speaker_id: voice: ``auto``, or an id of the voice list (templated).
    :param generate_audio_switch: let the model make the audio; v5.5, v5.6, v6 and c1 (templated).
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

    request_class = TransitionRequest
    template_fields: Sequence[str] = templated(TransitionRequest)

    def __init__(
        self,
        *,
        prompt: TextArg,
        model: TextArg,
        duration: NumberArg,
        quality: TextArg,
        first_frame_img: IdArg,
        last_frame_img: IdArg,
        negative_prompt: TextArg | None = None,
        motion_mode: TextArg | None = None,
        seed: NumberArg | None = None,
        sound_effect_switch: SwitchArg | None = None,
        sound_effect_content: TextArg | None = None,
        sound_mode: TextArg | None = None,
        lip_sync_tts_switch: SwitchArg | None = None,
        lip_sync_tts_content: TextArg | None = None,
        lip_sync_tts_speaker_id: NumberArg | None = None,
        generate_audio_switch: SwitchArg | None = None,
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
        self.model = model
        self.duration = duration
        self.quality = quality
        self.first_frame_img = first_frame_img
        self.last_frame_img = last_frame_img
        self.negative_prompt = negative_prompt
        self.motion_mode = motion_mode
        self.seed = seed
        self.sound_effect_switch = sound_effect_switch
        self.sound_effect_content = sound_effect_content
        self.sound_mode = sound_mode
        self.lip_sync_tts_switch = lip_sync_tts_switch
        self.lip_sync_tts_content = lip_sync_tts_content
        self.lip_sync_tts_speaker_id = lip_sync_tts_speaker_id
        self.generate_audio_switch = generate_audio_switch
        self._check_given()


class PixVerseMultiTransitionOperator(PixVerseGenerationOperator):
    """Make a video through 2 to 7 images; **costs credits**, how many is not published.

    Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param multi_transition: the images in their order, each a dict with ``img_id``, ``duration`` (seconds
        until the next image, 30 in all at most; the last one needs none) and, if you like, ``prompt``; a
        template may render to a JSON list (templated).
    :param model: v3.5, v4, v4.5 or v5 (templated).
    :param quality: 360p, 540p, 720p or 1080p (templated).
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

    request_class = MultiTransitionRequest
    template_fields: Sequence[str] = templated(MultiTransitionRequest)
    template_fields_renderers: ClassVar[dict[str, str]] = {"multi_transition": "json"}

    def __init__(
        self,
        *,
        multi_transition: PartsArg,
        model: TextArg,
        quality: TextArg,
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
        self.multi_transition = multi_transition
        self.model = model
        self.quality = quality
        self._check_given()


class PixVerseFusionOperator(PixVerseGenerationOperator):
    """Make a video of named images; **costs credits**.

    Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param prompt: what it shows, up to 2048 characters, with v6 and c1 up to 5000; it calls an image
        ``@name``, followed by a space (templated).
    :param model: v4.5, v5, v5.5, v5.6, v6 or c1 (templated).
    :param quality: 360p, 540p, 720p or 1080p (templated).
    :param aspect_ratio: 16:9, 4:3, 1:1, 3:4 or 9:16; with v6 and c1 also 2:3, 3:2 and 21:9 (templated).
    :param image_references: the images, each a dict with ``type`` (``subject`` or ``background``), ``img_id``
        and ``ref_name`` (up to 30 letters, digits, underscores and spaces); 3 with v4.5 and v5, 7 with later
        models, 10 with ``reference_mode="omni"``; a template may render to a JSON list (templated).
    :param duration: seconds, as for every clip; left out with ``video_references`` (templated).
    :param negative_prompt: what it must not show, up to 2048 characters (templated).
    :param seed: 0 to 2147483647; random by default (templated).
    :param generate_audio_switch: let the model make the audio; v5.5, v5.6, v6 and c1 (templated).
    :param reference_mode: ``omni``; v6 (templated).
    :param video_references: videos to follow, each a dict that is sent as it is; v6 (templated).
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

    request_class = FusionRequest
    template_fields: Sequence[str] = templated(FusionRequest)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "image_references": "json",
        "video_references": "json",
    }

    def __init__(
        self,
        *,
        prompt: TextArg,
        model: TextArg,
        quality: TextArg,
        aspect_ratio: TextArg,
        image_references: PartsArg,
        duration: NumberArg | None = None,
        negative_prompt: TextArg | None = None,
        seed: NumberArg | None = None,
        generate_audio_switch: SwitchArg | None = None,
        reference_mode: TextArg | None = None,
        video_references: PartsArg | None = None,
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
        self.model = model
        self.quality = quality
        self.aspect_ratio = aspect_ratio
        self.image_references = image_references
        self.duration = duration
        self.negative_prompt = negative_prompt
        self.seed = seed
        self.generate_audio_switch = generate_audio_switch
        self.reference_mode = reference_mode
        self.video_references = video_references
        self._check_given()
