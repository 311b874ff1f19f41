"""Clips made of several images: through key frames, and of named references."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pixverse_provider.api.fields import Choice, Items, Part, Switch, Text, Whole, given, read_mapping
from pixverse_provider.api.generations.base import GenerationRequest, OneOf
from pixverse_provider.api.generations.clip import (
    check_aspect_ratio,
    check_length,
    check_option_models,
    check_prompt,
    length_warnings,
    prompt_warnings,
)
from pixverse_provider.api.ids import optional_id, shown
from pixverse_provider.api.pricing import fusion_credits
from pixverse_provider.api.rules import (
    FUSION_IMAGES,
    FUSION_OMNI_IMAGES,
    LONG_PROMPT_CHARACTERS,
    MODELS,
    MOST_KEY_FRAME_SECONDS,
    MOST_SEED,
    MULTI_TRANSITION_MODELS,
    PROMPT_CHARACTERS,
    QUALITIES,
    REFERENCE_NAME_BYTES,
    REFERENCE_TYPES,
)
from pixverse_provider.exceptions import PixVerseInvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FusionRequest", "ImageReference", "KeyFrame", "MultiTransitionRequest"]


@dataclass(frozen=True, kw_only=True)
class KeyFrame(Part):
    """One image of a multi-transition.

    :param img_id: an uploaded image.
    :param duration: seconds until the next image; the last one needs none.
    :param prompt: what happens on the way.
    """

    img_id: int = given(optional_id, required=True)
    duration: int | None = given(Whole(1, MOST_KEY_FRAME_SECONDS))
    prompt: str | None = given(Text(PROMPT_CHARACTERS))


@dataclass(frozen=True, kw_only=True)
class MultiTransitionRequest(GenerationRequest):
    """Make a clip through 2 to 7 images (POST ``/video/multi_transition/generate``).

    :raises PixVerseInvalidRequestError: where a rule is broken; names the field, the value and what is
        allowed.
    """

    kind: ClassVar[str] = "multi-transition"
    path: ClassVar[str] = "/video/multi_transition/generate"

    model: str = given(Choice(MULTI_TRANSITION_MODELS), required=True)
    quality: str = given(Choice(QUALITIES), required=True)
    multi_transition: tuple[KeyFrame, ...] = given(Items(KeyFrame.read, most=7, least=2), required=True)

    def check(self) -> None:
        """Check the rules between the fields."""
        for index, frame in enumerate(self.multi_transition[:-1]):
            if frame.duration is None:
                raise PixVerseInvalidRequestError(
                    f"multi_transition[{index}].duration is missing: give the seconds until the next image "
                    "(only the last image needs none)."
                )
        total = sum(frame.duration or 0 for frame in self.multi_transition[:-1])
        if total > MOST_KEY_FRAME_SECONDS:
            raise PixVerseInvalidRequestError(
                f"The durations of multi_transition add up to {total} s and at most "
                f"{MOST_KEY_FRAME_SECONDS} s are allowed."
            )

    def iter_warnings(self) -> Iterator[str]:
        """Yield the warnings."""
        total = sum(frame.duration or 0 for frame in self.multi_transition)
        if total > MOST_KEY_FRAME_SECONDS:
            yield (
                f"The durations of multi_transition add up to {total} s with that of the last image, which "
                f"needs none; PixVerse may count it, and allows {MOST_KEY_FRAME_SECONDS} s."
            )


def _reference_name(value: object, field: str) -> str | None:
    name = Text()(value, field)
    if name is None:
        return None
    if len(name.encode()) > REFERENCE_NAME_BYTES:
        raise PixVerseInvalidRequestError(
            f"{field}={shown(name)} has {len(name.encode())} bytes and at most {REFERENCE_NAME_BYTES} are "
            "allowed."
        )
    if not re.fullmatch(r"[A-Za-z0-9_ ]+", name):
        raise PixVerseInvalidRequestError(
            f"{field}={shown(name)} must be made of letters (A to Z), digits, underscores and spaces."
        )
    return name


@dataclass(frozen=True, kw_only=True)
class ImageReference(Part):
    """One image of a fusion.

    :param type: ``subject`` or ``background``.
    :param img_id: an uploaded image.
    :param ref_name: name by which the prompt calls it, as ``@name`` and a space; 30 bytes at most.
    """

    type: str = given(Choice(REFERENCE_TYPES), required=True)
    img_id: int = given(optional_id, required=True)
    ref_name: str = given(_reference_name, required=True)


@dataclass(frozen=True, kw_only=True)
class FusionRequest(GenerationRequest):
    """Make a clip of named images (POST ``/video/fusion/generate``).

    :raises PixVerseInvalidRequestError: where a rule is broken; names the field, the value and what is
        allowed.
    """

    kind: ClassVar[str] = "fusion"
    path: ClassVar[str] = "/video/fusion/generate"
    one_of: ClassVar[tuple[OneOf, ...]] = (OneOf("duration", "video_references", needs="a length"),)

    prompt: str = given(Text(LONG_PROMPT_CHARACTERS), required=True)
    model: str = given(Choice(tuple(FUSION_IMAGES)), required=True)
    duration: int | None = given(Whole(1, 15))
    quality: str = given(Choice(QUALITIES), required=True)
    aspect_ratio: str = given(Choice(MODELS["v6"].aspect_ratios), required=True)
    image_references: tuple[ImageReference, ...] = given(
        Items(ImageReference.read, FUSION_OMNI_IMAGES), required=True
    )
    negative_prompt: str | None = given(Text(PROMPT_CHARACTERS))
    seed: int | None = given(Whole(0, MOST_SEED))
    generate_audio_switch: bool | None = given(Switch())
    reference_mode: str | None = given(Text())
    video_references: tuple[dict[str, Any], ...] | None = given(Items(read_mapping))

    def check(self) -> None:
        """Check the rules between the fields."""
        check_option_models(self)
        if self.duration is None:
            # The videos decide on the length.
            object.__setattr__(self, "duration", 0)
        else:
            check_length(self.model, self.quality, self.duration)
        check_prompt(self.model, self.prompt)
        check_aspect_ratio(self.model, self.aspect_ratio)
        most = FUSION_IMAGES[self.model] if self.reference_mode is None else FUSION_OMNI_IMAGES
        if len(self.image_references) > most:
            raise PixVerseInvalidRequestError(
                f"image_references has {len(self.image_references)} images and at most {most} are allowed "
                f"with model {self.model!r}{'' if self.reference_mode is None else ' in this mode'}."
            )
        names = [reference.ref_name for reference in self.image_references]
        for name in names:
            if names.count(name) > 1:
                raise PixVerseInvalidRequestError(
                    f"image_references has the ref_name {name!r} twice: each needs a name of its own."
                )

    def iter_warnings(self) -> Iterator[str]:
        """Yield the warnings."""
        yield from prompt_warnings(self.prompt)
        if self.duration:
            yield from length_warnings(self.model, self.quality, self.duration)
        for reference in self.image_references:
            if not re.search(rf"@{re.escape(reference.ref_name)}(\s|$)", self.prompt):
                yield (
                    f"The prompt does not mention @{reference.ref_name} followed by a space; PixVerse's own "
                    "client refuses an image that the prompt does not mention."
                )
        if self.reference_mode not in (None, "omni"):
            yield f"reference_mode={shown(self.reference_mode)} is not documented; 'omni' is."
        if self.model == "v6":
            yield "An older page of PixVerse says that model 'v6' makes no fusion; newer ones say it does."

    def estimated_credits(self) -> int | None:
        """Return the price, which is known for v4.5 alone."""
        return None if not self.duration else fusion_credits(self.model, self.quality, self.duration)
