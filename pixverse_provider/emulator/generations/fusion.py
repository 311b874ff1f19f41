"""Fusion: a clip of named references."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator import prices
from pixverse_provider.emulator.envelope import (
    INVALID_PARAMETER,
    NEGATIVE_PROMPT_TOO_LONG,
    ApiError,
)
from pixverse_provider.emulator.generations.clip_options import (
    check_length,
    check_prompt,
    read_aspect_ratio,
    read_seed,
)
from pixverse_provider.emulator.generations.models import FUSING, MODELS, ONLY_WITH, QUALITIES, TEXT_LIMIT
from pixverse_provider.emulator.generations.order import Generation, Library, Order, told
from pixverse_provider.emulator.render.fusion import FusionRecipe, Reference

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.fields import Fields

_KNOWN: Final = (
    "prompt", "model", "duration", "quality", "aspect_ratio", "seed", "negative_prompt",
    "generate_audio_switch", "image_references", "reference_mode", "video_references",
)  # fmt: skip
_KNOWN_OF_REFERENCE: Final = ("type", "img_id", "ref_name")
_TYPES: Final = ("subject", "background")
_OMNI: Final = "omni"
_REFERENCES_IN_OMNI: Final = 10
_NAME: Final = re.compile(r"[A-Za-z0-9_ ]{1,30}")
_ONLY_V6: Final = ("v6",)


@dataclass(frozen=True, kw_only=True)
class _Named:
    kind: str
    img_id: int
    ref_name: str


def rules(fields: Fields, library: Library) -> Order:
    """Check a request.

    References may be more in the mode ``omni`` of v6; with video references the duration is 0.
    """
    fields.refuse_others(_KNOWN)
    prompt = fields.required_text("prompt")
    model = fields.required_choice("model", FUSING)
    videos = _of_v6(fields, "video_references", model, bool(fields.objects("video_references")))
    seconds = _seconds(fields, videos=videos)
    quality = fields.required_choice("quality", QUALITIES)
    check_prompt(prompt, MODELS[model].prompt_limit)
    negative_prompt = fields.text("negative_prompt") or ""
    if len(negative_prompt) > TEXT_LIMIT:
        raise ApiError(NEGATIVE_PROMPT_TOO_LONG)
    check_length(model, quality, seconds)
    aspect_ratio = read_aspect_ratio(fields, model)
    audio = fields.switch("generate_audio_switch")
    if audio and model not in ONLY_WITH["generate_audio_switch"]:
        raise ApiError(INVALID_PARAMETER, f"generate_audio_switch is not for {model}")
    mode = fields.text("reference_mode")
    omni = _of_v6(fields, "reference_mode", model, mode is not None) and mode == _OMNI
    named = _references(fields, _REFERENCES_IN_OMNI if omni else MODELS[model].references)
    seed = read_seed(fields, prompt)
    images = [library.image("img_id", reference.img_id) for reference in named]
    price = prices.clip(model=model, quality=quality, seconds=seconds, audio=audio, fusion=True)
    return Order(
        credits=price * 2 if videos else price,
        recipe=FusionRecipe(
            references=tuple(
                Reference(image.file, reference.ref_name, backdrop=reference.kind == "background")
                for image, reference in zip(images, named, strict=True)
            ),
            prompt=prompt,
            seconds=seconds,
            quality=int(quality.removesuffix("p")),
            aspect_ratio=aspect_ratio,
            seed=seed,
            music=audio,
        ),
        text=told(prompt, *images),
        resolution_ratio=int(quality.removesuffix("p")),
        prompt=prompt,
        negative_prompt=negative_prompt,
        seed=seed,
    )


def _seconds(fields: Fields, *, videos: bool) -> int:
    if videos:
        if fields.given("duration"):
            raise ApiError(INVALID_PARAMETER, "duration is 0 with video_references")
        return prices.REFERENCED_VIDEO_SECONDS
    return fields.required_integer("duration", lowest=1, highest=15)


def _of_v6(fields: Fields, name: str, model: str, used: bool) -> bool:
    if used and model not in _ONLY_V6:
        raise ApiError(INVALID_PARAMETER, f"{name} needs v6")
    return used and fields.given(name)


def _references(fields: Fields, most: int) -> list[_Named]:
    items = fields.required_objects("image_references")
    if len(items) > most:
        raise ApiError(INVALID_PARAMETER, f"image_references must hold at most {most}")
    found = [_reference(item) for item in items]
    if len({reference.ref_name for reference in found}) < len(found):
        raise ApiError(INVALID_PARAMETER, "each ref_name must be another")
    return found


def _reference(item: Fields) -> _Named:
    item.refuse_others(_KNOWN_OF_REFERENCE)
    kind = item.required_choice("type", _TYPES)
    img_id = item.required_identifier("img_id")
    ref_name = item.required_text("ref_name")
    # One byte each: any other character is refused, so 30 characters are 30 bytes.
    if not _NAME.fullmatch(ref_name):
        raise ApiError(
            INVALID_PARAMETER,
            "ref_name must be at most 30 bytes of letters, digits, underscores and spaces",
        )
    return _Named(kind=kind, img_id=img_id, ref_name=ref_name)


FUSION: Final = Generation("fusion", "/video/fusion/generate", rules)
