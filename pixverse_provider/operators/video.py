"""Videos from text and images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pixverse_provider.api.generations import (
    FusionRequest,
    ImageToVideoRequest,
    MultiTransitionRequest,
    TemplateVideoRequest,
    TextToVideoRequest,
    TransitionRequest,
)
from pixverse_provider.operators._clip_options import ClipWithSoundOperator, StyledClipOperator
from pixverse_provider.operators._request import RequestOperator, templated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pixverse_provider.operators._request import (
        IdArg,
        ListArg,
        NumberArg,
        PartsArg,
        SwitchArg,
        TextArg,
    )

__all__ = [
    "PixVerseFusionOperator",
    "PixVerseImageToVideoOperator",
    "PixVerseMultiTransitionOperator",
    "PixVerseTemplateVideoOperator",
    "PixVerseTextToVideoOperator",
    "PixVerseTransitionOperator",
]


class PixVerseTextToVideoOperator(StyledClipOperator):
    """Make a video from a text; **costs credits**.

    Takes the options of every clip as well. Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param aspect_ratio: 16:9, 4:3, 1:1, 3:4 or 9:16; with v6 and c1 also 2:3, 3:2 and 21:9 (templated).
    :param template_id: an effect that is activated in the PixVerse console; not with ``camera_movement``
        (templated).
    """

    request_class = TextToVideoRequest
    template_fields: Sequence[str] = templated(TextToVideoRequest)

    def __init__(self, *, aspect_ratio: TextArg, template_id: IdArg | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.aspect_ratio = aspect_ratio
        self.template_id = template_id


class PixVerseImageToVideoOperator(StyledClipOperator):
    """Make a video from an image, which gives it its shape; **costs credits**.

    Takes the options of every clip as well. Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param img_id: an image, as ``PixVerseUploadImageOperator`` returns it (templated).
    """

    request_class = ImageToVideoRequest
    template_fields: Sequence[str] = templated(ImageToVideoRequest)

    def __init__(self, *, img_id: IdArg, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.img_id = img_id


class PixVerseTemplateVideoOperator(RequestOperator):
    """Make a video from images and an effect template; **costs credits**.

    The template has to be activated in the PixVerse console. It decides on the length, so the price is not
    known beforehand. Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param template_id: the effect (templated).
    :param quality: 360p, 540p, 720p or 1080p; some effects allow the lower two alone (templated).
    :param img_id: an image, as ``PixVerseUploadImageOperator`` returns it (templated).
    :param img_ids: images, for a template that takes several; instead of ``img_id`` (templated).
    :param prompt: what else it shows, up to 2048 characters (templated).
    :param model: sent because the API wants one; the template decides (templated).
    :param duration: sent because the API wants one; the template decides (templated).
    :param negative_prompt: what it must not show, up to 2048 characters (templated).
    :param seed: 0 to 2147483647; random by default (templated).
    :param sound_effect_switch: keep the music of the template (templated).
    :param water_mark: put the mark of PixVerse on it (templated).
    """

    request_class = TemplateVideoRequest
    template_fields: Sequence[str] = templated(TemplateVideoRequest)

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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._needs_one_of(img_id=img_id, img_ids=img_ids)
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


class PixVerseTransitionOperator(ClipWithSoundOperator):
    """Make a video that leads from one image to another; **costs credits**.

    Takes the options of every clip as well. Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param first_frame_img: image at the start, as ``PixVerseUploadImageOperator`` returns it (templated).
    :param last_frame_img: image at the end (templated).
    """

    request_class = TransitionRequest
    template_fields: Sequence[str] = templated(TransitionRequest)

    def __init__(self, *, first_frame_img: IdArg, last_frame_img: IdArg, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first_frame_img = first_frame_img
        self.last_frame_img = last_frame_img


class PixVerseMultiTransitionOperator(RequestOperator):
    """Make a video through 2 to 7 images; **costs credits**, how many is not published.

    Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param multi_transition: the images in their order, each a dict with ``img_id``, ``duration`` (seconds
        until the next image, 30 in all at most; the last one needs none) and, if you like, ``prompt``; a
        template may render to a JSON list (templated).
    :param model: v3.5, v4, v4.5 or v5 (templated).
    :param quality: 360p, 540p, 720p or 1080p (templated).
    """

    request_class = MultiTransitionRequest
    template_fields: Sequence[str] = templated(MultiTransitionRequest)

    def __init__(
        self, *, multi_transition: PartsArg, model: TextArg, quality: TextArg, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.multi_transition = multi_transition
        self.model = model
        self.quality = quality


class PixVerseFusionOperator(RequestOperator):
    """Make a video of named images; **costs credits**.

    Waiting, retries and what a clear does are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param prompt: what it shows, up to 2048 characters, with v6 and c1 up to 5000; it calls an image
        ``@name``, followed by a blank (templated).
    :param model: v4.5, v5, v5.5, v5.6, v6 or c1 (templated).
    :param quality: 360p, 540p, 720p or 1080p (templated).
    :param aspect_ratio: 16:9, 4:3, 1:1, 3:4 or 9:16; with v6 and c1 also 2:3, 3:2 and 21:9 (templated).
    :param image_references: the images, each a dict with ``type`` (``subject`` or ``background``), ``img_id``
        and ``ref_name`` (up to 30 letters, digits, underscores and blanks); 3 with v4.5 and v5, 7 with later
        models, 10 with ``reference_mode="omni"``; a template may render to a JSON list (templated).
    :param duration: seconds, as for every clip; left out with ``video_references`` (templated).
    :param negative_prompt: what it must not show, up to 2048 characters (templated).
    :param seed: 0 to 2147483647; random by default (templated).
    :param generate_audio_switch: let the model make the audio; v5.5, v5.6, v6 and c1 (templated).
    :param reference_mode: ``omni``; v6 (templated).
    :param video_references: videos to follow, each a dict that is sent as it is; v6 (templated).
    """

    request_class = FusionRequest
    template_fields: Sequence[str] = templated(FusionRequest)

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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._needs_one_of(duration=duration, video_references=video_references)
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
