"""Clips made by a model: from text, from an image, from a template, between two frames, and longer ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pixverse_provider.api.fields import Choice, Items, Switch, Text, Whole, given, read_speaker
from pixverse_provider.api.generations.base import GenerationRequest, OneOf
from pixverse_provider.api.ids import optional_id
from pixverse_provider.api.pricing import clip_credits
from pixverse_provider.api.rules import (
    CAMERA_MOVEMENTS,
    EXTEND_MODELS,
    INLINE_SPEECH_CHARACTERS,
    LONG_PROMPT_CHARACTERS,
    MODELS,
    MOST_SEED,
    MOTION_MODES,
    OPTION_MODELS,
    PROMPT_CHARACTERS,
    QUALITIES,
    SOUND_MODES,
    STYLES,
    THINKING_TYPES,
    UNDOCUMENTED_CAMERA_MOVEMENTS,
    UNDOCUMENTED_STYLES,
)
from pixverse_provider.exceptions import PixVerseInvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ONE_VIDEO",
    "ExtendRequest",
    "ImageToVideoRequest",
    "TemplateVideoRequest",
    "TextToVideoRequest",
    "TransitionRequest",
    "check_length",
    "check_option_models",
    "check_prompt",
    "length_warnings",
    "prompt_warnings",
]

ONE_VIDEO = OneOf("source_video_id", "video_media_id", needs="a video")

_SECONDS = Whole(1, 15)
_ANY_PROMPT = Text(LONG_PROMPT_CHARACTERS)
_SHORT_TEXT = Text(PROMPT_CHARACTERS)
_SEED = Whole(0, MOST_SEED)
_STYLE = Choice((*STYLES, *UNDOCUMENTED_STYLES))
_CAMERA_MOVEMENT = Choice((*CAMERA_MOVEMENTS, *UNDOCUMENTED_CAMERA_MOVEMENTS))


def check_length(model: str, quality: str, duration: int) -> None:
    """Check the length of a clip against its model and quality."""
    allowed = MODELS[model].durations_at(quality)
    if duration not in allowed:
        raise PixVerseInvalidRequestError(
            f"duration={duration} is not possible with model {model!r} at quality {quality!r}: allowed are "
            f"{', '.join(map(str, allowed))} (seconds)."
        )


def length_warnings(model: str, quality: str, duration: int) -> Iterator[str]:
    """Warn of a length that the schema of PixVerse allows and its table of prices does not hold."""
    longest = MODELS[model].longest_priced_at_1080p
    if quality == "1080p" and longest is not None and duration > longest:
        yield (
            f"duration={duration} with model {model!r} at quality {quality!r}: the schema of PixVerse allows "
            f"it, its table of prices ends at {longest} s, so PixVerse may refuse it."
        )


def _undocumented(field: str, value: str | None, values: tuple[str, ...]) -> Iterator[str]:
    """Warn of a value that single sources list, such as PixVerse's own client."""
    if value in values:
        yield f"{field}={value!r} is not in the documentation of PixVerse, so PixVerse may refuse it."


def check_prompt(model: str, prompt: str, field: str = "prompt") -> None:
    """Check the length of a prompt against its model."""
    most = MODELS[model].prompt_characters
    if len(prompt) > most:
        raise PixVerseInvalidRequestError(
            f"{field} has {len(prompt)} characters and at most {most} are allowed with model {model!r}: "
            "shorten it."
        )


def prompt_warnings(prompt: str | None, field: str = "prompt") -> Iterator[str]:
    """Warn of a prompt that only some pages of PixVerse allow."""
    if prompt is not None and len(prompt) > PROMPT_CHARACTERS:
        yield (
            f"{field} has {len(prompt)} characters; some pages of PixVerse name {PROMPT_CHARACTERS} as the "
            "limit."
        )


def check_option_models(request: Any) -> None:
    """Check every option that only some models take; an option that is off suits every model."""
    for name, models in OPTION_MODELS.items():
        value = getattr(request, name, None)
        if value and value != "normal" and request.model not in models:
            raise PixVerseInvalidRequestError(
                f"{name}={value!r} is not possible with model {request.model!r}: it needs "
                f"{' or '.join(map(repr, models))}."
            )


@dataclass(frozen=True, kw_only=True)
class _Clip(GenerationRequest):
    """What every clip has: a model, its length and quality, and what it shows."""

    prompt: str = given(_ANY_PROMPT, required=True)
    model: str = given(Choice(tuple(MODELS)), required=True)
    duration: int = given(_SECONDS, required=True)
    quality: str = given(Choice(QUALITIES), required=True)
    negative_prompt: str | None = given(_SHORT_TEXT)
    motion_mode: str | None = given(Choice(MOTION_MODES))
    seed: int | None = given(_SEED)

    def check(self) -> None:
        check_length(self.model, self.quality, self.duration)
        self._check_prompt()
        check_option_models(self)
        if self.motion_mode == "fast" and (self.duration, self.quality == "1080p") != (5, False):
            raise PixVerseInvalidRequestError(
                f"motion_mode='fast' is not possible with duration={self.duration} at quality "
                f"{self.quality!r}: it needs duration=5 and a quality below '1080p'."
            )

    def _check_prompt(self) -> None:
        check_prompt(self.model, self.prompt)

    def iter_warnings(self) -> Iterator[str]:
        yield from prompt_warnings(self.prompt)
        yield from length_warnings(self.model, self.quality, self.duration)

    def estimated_credits(self) -> int | None:
        return clip_credits(self.model, self.quality, self.duration, fast=self.motion_mode == "fast")


@dataclass(frozen=True, kw_only=True)
class _ClipWithSound(_Clip):
    """A clip that may get sound, music, or speech with a mouth that follows it."""

    one_of: ClassVar[tuple[OneOf, ...]] = (OneOf("sound_mode", "sound_effect_content"),)

    sound_effect_switch: bool | None = given(Switch())
    sound_effect_content: str | None = given(_SHORT_TEXT)
    sound_mode: str | None = given(Choice(SOUND_MODES))
    lip_sync_tts_switch: bool | None = given(Switch())
    lip_sync_tts_content: str | None = given(Text())
    lip_sync_tts_speaker_id: str | None = given(read_speaker)
    generate_audio_switch: bool | None = given(Switch())

    def check(self) -> None:
        super().check()
        if self.lip_sync_tts_switch and self.lip_sync_tts_content is None:
            raise PixVerseInvalidRequestError(
                "lip_sync_tts_switch=True is given without lip_sync_tts_content: there is nothing to speak."
            )

    def iter_warnings(self) -> Iterator[str]:
        yield from super().iter_warnings()
        speech = self.lip_sync_tts_content
        if speech is not None and len(speech) > INLINE_SPEECH_CHARACTERS:
            yield (
                f"lip_sync_tts_content has {len(speech)} characters; PixVerse names about "
                f"{INLINE_SPEECH_CHARACTERS} as the limit within a generation, and cuts speech that is "
                "longer than the clip."
            )
        if speech is not None and not self.lip_sync_tts_switch:
            yield "lip_sync_tts_content has no effect without lip_sync_tts_switch=True."
        if self.sound_effect_content is not None and not self.sound_effect_switch:
            yield "sound_effect_content has no effect without sound_effect_switch=True."

    def estimated_credits(self) -> int | None:
        # No page says what a sound effect or music adds to the price of a clip.
        if self.sound_effect_switch or self.sound_mode is not None:
            return None
        return clip_credits(
            self.model,
            self.quality,
            self.duration,
            fast=self.motion_mode == "fast",
            audio=bool(self.generate_audio_switch),
            multi_clip=self._several_shots(),
            speech=bool(self.lip_sync_tts_switch),
        )

    def _several_shots(self) -> bool:
        return False


@dataclass(frozen=True, kw_only=True)
class _StyledClip(_ClipWithSound):
    """A clip with every option that there is."""

    style: str | None = given(_STYLE)
    camera_movement: str | None = given(_CAMERA_MOVEMENT)
    water_mark: bool | None = given(Switch())
    generate_multi_clip_switch: bool | None = given(Switch())
    thinking_type: str | None = given(Choice(THINKING_TYPES))

    def _check_prompt(self) -> None:
        # The schemas of these kinds allow what the field does, with every model.
        pass

    def _several_shots(self) -> bool:
        return bool(self.generate_multi_clip_switch)

    def iter_warnings(self) -> Iterator[str]:
        yield from super().iter_warnings()
        yield from _undocumented("style", self.style, UNDOCUMENTED_STYLES)
        yield from _undocumented("camera_movement", self.camera_movement, UNDOCUMENTED_CAMERA_MOVEMENTS)


@dataclass(frozen=True, kw_only=True)
class TextToVideoRequest(_StyledClip):
    """Make a clip from a text (POST ``/video/text/generate``).

    Numbers, switches and ids may be given as text, as a rendered template gives them.

    :raises PixVerseInvalidRequestError: where a rule is broken; names the field, the value and what is
        allowed.
    """

    kind: ClassVar[str] = "video from text"
    path: ClassVar[str] = "/video/text/generate"
    one_of: ClassVar[tuple[OneOf, ...]] = (
        *_StyledClip.one_of,
        OneOf("camera_movement", "template_id"),
    )

    aspect_ratio: str = given(Choice(MODELS["v6"].aspect_ratios), required=True)
    template_id: int | None = given(optional_id)

    def check(self) -> None:
        """Check the rules between the fields."""
        super().check()
        check_aspect_ratio(self.model, self.aspect_ratio)

    def estimated_credits(self) -> int | None:
        """Return the price, unless a template decides on the length of the clip."""
        return None if self.template_id is not None else super().estimated_credits()


def check_aspect_ratio(model: str, aspect_ratio: str) -> None:
    """Check the shape of a clip against its model."""
    allowed = MODELS[model].aspect_ratios
    if aspect_ratio not in allowed:
        raise PixVerseInvalidRequestError(
            f"aspect_ratio={aspect_ratio!r} is not possible with model {model!r}: allowed are "
            f"{', '.join(map(repr, allowed))}."
        )


@dataclass(frozen=True, kw_only=True)
class ImageToVideoRequest(_StyledClip):
    """Make a clip from an uploaded image, which gives it its shape (POST ``/video/img/generate``).

    :raises PixVerseInvalidRequestError: as :class:`TextToVideoRequest`.
    """

    kind: ClassVar[str] = "video from an image"
    path: ClassVar[str] = "/video/img/generate"

    img_id: int = given(optional_id, required=True)


@dataclass(frozen=True, kw_only=True)
class TemplateVideoRequest(GenerationRequest):
    """Make a clip from images and an effect template (POST ``/video/img/generate``).

    The template has to be activated in the PixVerse console. It decides on the length, so that the price is
    not known beforehand; model and duration are sent because the API wants them.

    :raises PixVerseInvalidRequestError: as :class:`TextToVideoRequest`.
    """

    kind: ClassVar[str] = "video from a template"
    path: ClassVar[str] = "/video/img/generate"
    one_of: ClassVar[tuple[OneOf, ...]] = (OneOf("img_id", "img_ids", needs="an image"),)

    template_id: int = given(optional_id, required=True)
    img_id: int | None = given(optional_id)
    img_ids: tuple[int, ...] | None = given(Items(optional_id))
    quality: str = given(Choice(QUALITIES), required=True)
    prompt: str = given(_ANY_PROMPT, default="")
    model: str = given(Choice(tuple(MODELS)), default="v5")
    duration: int = given(_SECONDS, default=5)
    negative_prompt: str | None = given(_SHORT_TEXT)
    seed: int | None = given(_SEED)
    sound_effect_switch: bool | None = given(Switch())
    water_mark: bool | None = given(Switch())

    def iter_warnings(self) -> Iterator[str]:
        """Yield the warnings."""
        yield from prompt_warnings(self.prompt)


@dataclass(frozen=True, kw_only=True)
class TransitionRequest(_ClipWithSound):
    """Make a clip that leads from one image to another (POST ``/video/transition/generate``).

    :raises PixVerseInvalidRequestError: as :class:`TextToVideoRequest`.
    """

    kind: ClassVar[str] = "transition"
    path: ClassVar[str] = "/video/transition/generate"

    first_frame_img: int = given(optional_id, required=True)
    last_frame_img: int = given(optional_id, required=True)


@dataclass(frozen=True, kw_only=True)
class ExtendRequest(_Clip):
    """Make a video longer (POST ``/video/extend/generate``).

    The seed is always sent, 0 where none is given: one page of PixVerse requires it.

    :raises PixVerseInvalidRequestError: as :class:`TextToVideoRequest`.
    """

    kind: ClassVar[str] = "extended video"
    path: ClassVar[str] = "/video/extend/generate"
    one_of: ClassVar[tuple[OneOf, ...]] = (ONE_VIDEO,)

    source_video_id: int | None = given(optional_id)
    video_media_id: int | None = given(optional_id)
    model: str = given(Choice(EXTEND_MODELS), required=True)
    seed: int = given(_SEED, default=0)
    style: str | None = given(_STYLE)
    template_id: int | None = given(optional_id)
    water_mark: bool | None = given(Switch())

    def iter_warnings(self) -> Iterator[str]:
        """Yield the warnings."""
        yield from super().iter_warnings()
        yield from _undocumented("style", self.style, UNDOCUMENTED_STYLES)

    def estimated_credits(self) -> int | None:
        """Return the price, unless a template decides on the length of the clip."""
        return None if self.template_id is not None else super().estimated_credits()
