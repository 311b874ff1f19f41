"""Videos from a text, an image or a template, and longer ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import conf

from pixverse_provider.api.generations import (
    ExtendRequest,
    ImageToVideoRequest,
    TemplateVideoRequest,
    TextToVideoRequest,
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
    "PixVerseExtendOperator",
    "PixVerseImageToVideoOperator",
    "PixVerseTemplateVideoOperator",
    "PixVerseTextToVideoOperator",
]


class PixVerseTextToVideoOperator(PixVerseGenerationOperator):
    """Make a video from a text; **costs credits**.

    Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param prompt: what it shows, up to 5000 characters; some pages of PixVerse say 2048 (templated).
    :param model: v3.5, v4, v4.5, v5, v5.5, v5.6, v6 or c1 (templated).
    :param duration: seconds: 5 or 8, from v5.5 on also 10, with v6 and c1 any from 1 to 15 (templated).
    :param quality: 360p, 540p, 720p or 1080p; the longest clip of a model may not be possible at 1080p
        (templated).
    :param aspect_ratio: 16:9, 4:3, 1:1, 3:4 or 9:16; with v6 and c1 also 2:3, 3:2 and 21:9 (templated).
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
    :param style: ``anime``, ``3d_animation``, ``clay``, ``comic`` or ``cyberpunk``; v3.5 (templated).
    :param camera_movement: one of 20, such as ``zoom_in``; v4 and v4.5 (templated).
    :param water_mark: put the mark of PixVerse on it (templated).
    :param generate_multi_clip_switch: several shots; v5.5 and v6 (templated).
    :param thinking_type: ``enabled``, ``disabled`` or ``auto``; v5.5 (templated).
    :param template_id: an effect that is activated in the PixVerse console; not with ``camera_movement``
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

    request_class = TextToVideoRequest
    template_fields: Sequence[str] = templated(TextToVideoRequest)

    def __init__(
        self,
        *,
        prompt: TextArg,
        model: TextArg,
        duration: NumberArg,
        quality: TextArg,
        aspect_ratio: TextArg,
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
        style: TextArg | None = None,
        camera_movement: TextArg | None = None,
        water_mark: SwitchArg | None = None,
        generate_multi_clip_switch: SwitchArg | None = None,
        thinking_type: TextArg | None = None,
        template_id: IdArg | None = None,
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
        self.aspect_ratio = aspect_ratio
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
        self.style = style
        self.camera_movement = camera_movement
        self.water_mark = water_mark
        self.generate_multi_clip_switch = generate_multi_clip_switch
        self.thinking_type = thinking_type
        self.template_id = template_id
        self._check_given()


class PixVerseImageToVideoOperator(PixVerseGenerationOperator):
    """Make a video from an image, which gives it its shape; **costs credits**.

    Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param prompt: what it shows, up to 5000 characters; some pages of PixVerse say 2048 (templated).
    :param model: v3.5, v4, v4.5, v5, v5.5, v5.6, v6 or c1 (templated).
    :param duration: seconds: 5 or 8, from v5.5 on also 10, with v6 and c1 any from 1 to 15 (templated).
    :param quality: 360p, 540p, 720p or 1080p; the longest clip of a model may not be possible at 1080p
        (templated).
    :param img_id: an image, as ``PixVerseUploadImageOperator`` returns it (templated).
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
    :param style: ``anime``, ``3d_animation``, ``clay``, ``comic`` or ``cyberpunk``; v3.5 (templated).
    :param camera_movement: one of 20, such as ``zoom_in``; v4 and v4.5 (templated).
    :param water_mark: put the mark of PixVerse on it (templated).
    :param generate_multi_clip_switch: several shots; v5.5 and v6 (templated).
    :param thinking_type: ``enabled``, ``disabled`` or ``auto``; v5.5 (templated).
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

    request_class = ImageToVideoRequest
    template_fields: Sequence[str] = templated(ImageToVideoRequest)

    def __init__(
        self,
        *,
        prompt: TextArg,
        model: TextArg,
        duration: NumberArg,
        quality: TextArg,
        img_id: IdArg,
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
        style: TextArg | None = None,
        camera_movement: TextArg | None = None,
        water_mark: SwitchArg | None = None,
        generate_multi_clip_switch: SwitchArg | None = None,
        thinking_type: TextArg | None = None,
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
        self.img_id = img_id
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
        self.style = style
        self.camera_movement = camera_movement
        self.water_mark = water_mark
        self.generate_multi_clip_switch = generate_multi_clip_switch
        self.thinking_type = thinking_type
        self._check_given()


class PixVerseTemplateVideoOperator(PixVerseGenerationOperator):
    """Make a video from images and an effect template; **costs credits**.

    The template has to be activated in the PixVerse console. It decides on the length, so the price is not
    known beforehand. Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param template_id: the effect (templated).
    :param quality: 360p, 540p, 720p or 1080p; some effects allow the lower two alone (templated).
    :param img_id: an image, as ``PixVerseUploadImageOperator`` returns it (templated).
    :param img_ids: images, for a template that takes several; instead of ``img_id`` (templated).
    :param prompt: what else it shows, up to 5000 characters; some pages of PixVerse say 2048 (templated).
    :param model: sent because the API wants one; the template decides (templated).
    :param duration: sent because the API wants one; the template decides (templated).
    :param negative_prompt: what it must not show, up to 2048 characters (templated).
    :param seed: 0 to 2147483647; random by default (templated).
    :param sound_effect_switch: keep the music of the template (templated).
    :param water_mark: put the mark of PixVerse on it (templated).
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

    request_class = TemplateVideoRequest
    template_fields: Sequence[str] = templated(TemplateVideoRequest)
    template_fields_renderers: ClassVar[dict[str, str]] = {"img_ids": "json"}

    def __init__(
        self,
        *,
        template_id: IdArg,
        quality: TextArg,
        img_id: IdArg | None = None,
        img_ids: ListArg | None = None,
        prompt: TextArg = "",
        model: TextArg = "v5",
        duration: NumberArg = 5,
        negative_prompt: TextArg | None = None,
        seed: NumberArg | None = None,
        sound_effect_switch: SwitchArg | None = None,
        water_mark: SwitchArg | None = None,
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
        self.template_id = template_id
        self.quality = quality
        self.img_id = img_id
        self.img_ids = img_ids
        self.prompt = prompt
        self.model = model
        self.duration = duration
        self.negative_prompt = negative_prompt
        self.seed = seed
        self.sound_effect_switch = sound_effect_switch
        self.water_mark = water_mark
        self._check_given()


class PixVerseExtendOperator(PixVerseGenerationOperator):
    """Make a video longer; **costs credits**.

    Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param prompt: what it shows, up to 2048 characters, with v6 and c1 up to 5000 (templated).
    :param model: v3.5, v4, v4.5, v5, v5.5 or v6 (templated).
    :param duration: seconds: 5 or 8, from v5.5 on also 10, with v6 and c1 any from 1 to 15 (templated).
    :param quality: 360p, 540p, 720p or 1080p; the longest clip of a model may not be possible at 1080p
        (templated).
    :param negative_prompt: what it must not show, up to 2048 characters (templated).
    :param motion_mode: ``normal`` or ``fast``; fast needs a model before v5, 5 s, and less than 1080p
        (templated).
    :param seed: 0 to 2147483647; 0 by default (templated).
    :param source_video_id: a finished video that PixVerse made, as an int or digits (templated).
    :param video_media_id: an uploaded video, as ``PixVerseUploadMediaOperator`` returns it (templated).
    :param style: ``anime``, ``3d_animation``, ``clay``, ``comic`` or ``cyberpunk``; v3.5 (templated).
    :param template_id: an effect that is activated in the PixVerse console (templated).
    :param water_mark: put the mark of PixVerse on it (templated).
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

    request_class = ExtendRequest
    template_fields: Sequence[str] = templated(ExtendRequest)

    def __init__(
        self,
        *,
        prompt: TextArg,
        model: TextArg,
        duration: NumberArg,
        quality: TextArg,
        negative_prompt: TextArg | None = None,
        motion_mode: TextArg | None = None,
        seed: NumberArg | None = None,
        source_video_id: IdArg | None = None,
        video_media_id: IdArg | None = None,
        style: TextArg | None = None,
        template_id: IdArg | None = None,
        water_mark: SwitchArg | None = None,
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
        self.negative_prompt = negative_prompt
        self.motion_mode = motion_mode
        self.seed = seed
        self.source_video_id = source_video_id
        self.video_media_id = video_media_id
        self.style = style
        self.template_id = template_id
        self.water_mark = water_mark
        self._check_given()
