"""Videos made of a video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pixverse_provider.api.generations import (
    ExtendRequest,
    MimicRequest,
    ModifyRequest,
    RestyleRequest,
    SoundEffectRequest,
    SwapRequest,
)
from pixverse_provider.operators._clip_options import ClipOperator
from pixverse_provider.operators._request import RequestOperator, templated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pixverse_provider.operators._request import IdArg, ListArg, NumberArg, SwitchArg, TextArg

__all__ = [
    "PixVerseExtendOperator",
    "PixVerseMimicOperator",
    "PixVerseModifyOperator",
    "PixVerseRestyleOperator",
    "PixVerseSoundEffectOperator",
    "PixVerseSwapOperator",
]


class PixVerseRestyleOperator(RequestOperator):
    """Give a video of up to 16 s another look; **costs credits**, how many is not published.

    Give exactly one video and exactly one look. Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param source_video_id: a finished video that PixVerse made, as an int or digits (templated).
    :param video_media_id: an uploaded video, as ``PixVerseUploadMediaOperator`` returns it (templated).
    :param restyle_id: a preset, as ``PixVerseHook.list_restyle_effects`` lists them (templated).
    :param restyle_prompt: the look in words, up to 5000 characters (templated).
    :param seed: 0 to 2147483647; random by default (templated).
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._needs_one_of(source_video_id=source_video_id, video_media_id=video_media_id)
        self._needs_one_of(restyle_id=restyle_id, restyle_prompt=restyle_prompt)
        self.source_video_id = source_video_id
        self.video_media_id = video_media_id
        self.restyle_id = restyle_id
        self.restyle_prompt = restyle_prompt
        self.seed = seed


class PixVerseSwapOperator(RequestOperator):
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._needs_one_of(source_video_id=source_video_id, video_media_id=video_media_id)
        self.mask_id = mask_id
        self.img_id = img_id
        self.quality = quality
        self.source_video_id = source_video_id
        self.video_media_id = video_media_id
        self.keyframe_id = keyframe_id
        self.original_sound_switch = original_sound_switch


class PixVerseSoundEffectOperator(RequestOperator):
    """Add sound to a video; **costs credits**: 10 per started 5 s of the video.

    Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param source_video_id: a finished video that PixVerse made, as an int or digits (templated).
    :param video_media_id: an uploaded video, as ``PixVerseUploadMediaOperator`` returns it (templated).
    :param sound_effect_content: what is heard, up to 2048 characters; PixVerse chooses by default
        (templated).
    :param original_sound_switch: keep the sound of the video (templated).
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._needs_one_of(source_video_id=source_video_id, video_media_id=video_media_id)
        self.source_video_id = source_video_id
        self.video_media_id = video_media_id
        self.sound_effect_content = sound_effect_content
        self.original_sound_switch = original_sound_switch


class PixVerseExtendOperator(ClipOperator):
    """Make a video longer; **costs credits**.

    Takes the options of every clip as well, but for the model: v3.5, v4, v4.5, v5, v5.5 or v6; and the seed
    is 0 by default. Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param source_video_id: a finished video that PixVerse made, as an int or digits (templated).
    :param video_media_id: an uploaded video, as ``PixVerseUploadMediaOperator`` returns it (templated).
    :param style: ``anime``, ``3d_animation``, ``clay``, ``comic`` or ``cyberpunk``; v3.5 (templated).
    :param template_id: an effect that is activated in the PixVerse console (templated).
    :param water_mark: put the mark of PixVerse on it (templated).
    """

    request_class = ExtendRequest
    template_fields: Sequence[str] = templated(ExtendRequest)

    def __init__(
        self,
        *,
        source_video_id: IdArg | None = None,
        video_media_id: IdArg | None = None,
        style: TextArg | None = None,
        template_id: IdArg | None = None,
        water_mark: SwitchArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._needs_one_of(source_video_id=source_video_id, video_media_id=video_media_id)
        self.source_video_id = source_video_id
        self.video_media_id = video_media_id
        self.style = style
        self.template_id = template_id
        self.water_mark = water_mark


class PixVerseMimicOperator(RequestOperator):
    """Let the character of an image move like a video of up to 30 s; **costs credits**.

    A second of the video costs 9 credits at 360p, 10 at 540p and 12 at 720p. Waiting, retries and what a
    clear does are described at :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param img_id: the character, as ``PixVerseUploadImageOperator`` returns it (templated).
    :param quality: 360p, 540p or 720p; pages of PixVerse disagree on 1080p (templated).
    :param source_video_id: the motion: a finished video that PixVerse made, as an int or digits (templated).
    :param video_media_id: the motion: an uploaded video, as ``PixVerseUploadMediaOperator`` returns it
        (templated).
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._needs_one_of(source_video_id=source_video_id, video_media_id=video_media_id)
        self.img_id = img_id
        self.quality = quality
        self.source_video_id = source_video_id
        self.video_media_id = video_media_id


class PixVerseModifyOperator(RequestOperator):
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
    """

    request_class = ModifyRequest
    template_fields: Sequence[str] = templated(ModifyRequest)

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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._needs_one_of(source_video_id=source_video_id, video_media_id=video_media_id)
        self.prompt = prompt
        self.quality = quality
        self.source_video_id = source_video_id
        self.video_media_id = video_media_id
        self.img_ids = img_ids
        self.mask_ids = mask_ids
        self.mask_urls = mask_urls
        self.keyframe_ids = keyframe_ids
