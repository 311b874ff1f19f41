"""Videos made of a video: restyled, swapped, with sound, with the motion of another, modified."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pixverse_provider.api.fields import Choice, Items, Switch, Text, Whole, given, read_fields
from pixverse_provider.api.generations.base import GenerationRequest, OneOf, payload_of
from pixverse_provider.api.generations.clip import ONE_VIDEO, prompt_warnings
from pixverse_provider.api.ids import optional_id
from pixverse_provider.api.protocol import Call
from pixverse_provider.api.results import MaskSelection
from pixverse_provider.api.rules import (
    LONG_PROMPT_CHARACTERS,
    LOW_QUALITIES,
    MOST_SEED,
    PROMPT_CHARACTERS,
    QUALITIES,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "MaskSelectionRequest",
    "MimicRequest",
    "ModifyRequest",
    "RestyleRequest",
    "SoundEffectRequest",
    "SwapRequest",
]

_MASK_ID = Text(of_digits=True)


@dataclass(frozen=True, kw_only=True)
class _Edit(GenerationRequest):
    """What every edit has: one video."""

    one_of: ClassVar[tuple[OneOf, ...]] = (ONE_VIDEO,)

    source_video_id: int | None = given(optional_id)
    video_media_id: int | None = given(optional_id)


@dataclass(frozen=True, kw_only=True)
class RestyleRequest(_Edit):
    """Give a video of up to 16 s another style (POST ``/video/restyle/generate``).

    :raises PixVerseInvalidRequestError: where a rule is broken; names the field, the value and what is
        allowed.
    """

    kind: ClassVar[str] = "restyled video"
    path: ClassVar[str] = "/video/restyle/generate"
    one_of: ClassVar[tuple[OneOf, ...]] = (ONE_VIDEO, OneOf("restyle_id", "restyle_prompt", needs="a style"))

    restyle_id: int | None = given(optional_id)
    restyle_prompt: str | None = given(Text(LONG_PROMPT_CHARACTERS))
    seed: int | None = given(Whole(0, MOST_SEED))

    def iter_warnings(self) -> Iterator[str]:
        """Yield the warnings."""
        yield from prompt_warnings(self.restyle_prompt, "restyle_prompt")


@dataclass(frozen=True, kw_only=True)
class MaskSelectionRequest:
    """Find what can be swapped in one frame of a video (POST ``/video/mask/selection``).

    It is answered at once, and PixVerse charges for it.

    :param keyframe_id: number of the frame, counted from 1.
    :raises PixVerseInvalidRequestError: where a rule is broken; names the field, the value and what is
        allowed.
    """

    kind: ClassVar[str] = "mask selection"
    path: ClassVar[str] = "/video/mask/selection"

    source_video_id: int | None = given(optional_id)
    video_media_id: int | None = given(optional_id)
    keyframe_id: int = given(Whole(), default=1)

    def __post_init__(self) -> None:
        """Bring every field to the form of the API, and check the rules."""
        read_fields(self)
        ONE_VIDEO.check(self, f"The {self.kind}")

    def payload(self) -> dict[str, Any]:
        """Return the JSON body."""
        return payload_of(self)

    def call(self) -> Call[MaskSelection]:
        """Return the paid call."""
        return Call(
            "select the masks", "POST", self.path, MaskSelection.from_resp, payload=self.payload(), paid=True
        )


@dataclass(frozen=True, kw_only=True)
class SwapRequest(_Edit):
    """Put an image in the place of a masked part of a video (POST ``/video/swap/generate``).

    Video, key frame and mask are those of one mask selection.

    :raises PixVerseInvalidRequestError: where a rule is broken; names the field, the value and what is
        allowed.
    """

    kind: ClassVar[str] = "swap"
    path: ClassVar[str] = "/video/swap/generate"

    keyframe_id: int = given(Whole(), default=1)
    mask_id: str = given(_MASK_ID, required=True)
    img_id: int = given(optional_id, required=True)
    quality: str = given(Choice(LOW_QUALITIES), required=True)
    original_sound_switch: bool | None = given(Switch())


@dataclass(frozen=True, kw_only=True)
class SoundEffectRequest(_Edit):
    """Add sound to a video (POST ``/video/sound_effect/generate``).

    Without ``sound_effect_content`` PixVerse chooses the sound. The price depends on the length of the video,
    which only PixVerse knows.

    :raises PixVerseInvalidRequestError: where a rule is broken; names the field, the value and what is
        allowed.
    """

    kind: ClassVar[str] = "sound effect"
    path: ClassVar[str] = "/video/sound_effect/generate"

    sound_effect_content: str | None = given(Text(PROMPT_CHARACTERS))
    original_sound_switch: bool | None = given(Switch())


@dataclass(frozen=True, kw_only=True)
class MimicRequest(_Edit):
    """Let the character of an image move like a video of up to 30 s (POST ``/video/mimic/generate``).

    The price depends on the length of the video, which only PixVerse knows.

    :raises PixVerseInvalidRequestError: where a rule is broken; names the field, the value and what is
        allowed.
    """

    kind: ClassVar[str] = "mimic"
    path: ClassVar[str] = "/video/mimic/generate"

    img_id: int = given(optional_id, required=True)
    quality: str = given(Choice(QUALITIES), required=True)

    def iter_warnings(self) -> Iterator[str]:
        """Yield the warnings."""
        if self.quality not in LOW_QUALITIES:
            yield f"quality={self.quality!r}: the schema of PixVerse lists it, its guide excludes it."


@dataclass(frozen=True, kw_only=True)
class ModifyRequest(_Edit):
    """Change a video by words, masks and images (POST ``/video/modify/generate``).

    The prompt calls masks ``@selection0`` and images ``@img0``, counted from 0.

    :raises PixVerseInvalidRequestError: where a rule is broken; names the field, the value and what is
        allowed.
    """

    kind: ClassVar[str] = "modified video"
    path: ClassVar[str] = "/video/modify/generate"

    prompt: str = given(Text(LONG_PROMPT_CHARACTERS), required=True)
    quality: str = given(Choice(LOW_QUALITIES), required=True)
    img_ids: tuple[int, ...] | None = given(Items(optional_id, most=3))
    mask_ids: tuple[str, ...] | None = given(Items(_MASK_ID, most=3))
    mask_urls: tuple[str, ...] | None = given(Items(Text(), most=3))
    keyframe_ids: tuple[int, ...] | None = given(Items(Whole(), most=3))

    def iter_warnings(self) -> Iterator[str]:
        """Yield the warnings."""
        masks = max(len(self.mask_ids or ()), len(self.mask_urls or ()))
        for name, count in (("selection", masks), ("img", len(self.img_ids or ()))):
            for number in sorted(set(map(int, re.findall(rf"@{name}([0-9]{{1,9}})", self.prompt)))):
                if number >= count:
                    yield (
                        f"The prompt mentions @{name}{number}, and {count} of these are given, counted "
                        "from 0."
                    )
        if self.quality != "540p":
            yield (
                f"quality={self.quality!r}: a reseller says that modify works at '540p' alone; PixVerse's "
                "own pages allow it."
            )
