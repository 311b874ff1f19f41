"""The generations that make something new: from text, from pictures, from templates."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator.protocol import (
    EMPTY_PARAMETER,
    INVALID_PARAMETER,
    NEGATIVE_PROMPT_TOO_LONG,
    ApiError,
)
from pixverse_provider.emulator.render.new_clips import (
    FusionRecipe,
    ImageTemplateRecipe,
    Reference,
    StillsRecipe,
    TextToVideoRecipe,
)
from pixverse_provider.emulator.rules import prices
from pixverse_provider.emulator.rules.catalogue import (
    FUSING,
    LONG_TEXT_LIMIT,
    MODELS,
    ONLY_WITH,
    QUALITIES,
    TEXT_LIMIT,
    UP_TO_V5,
    VIDEO_TEMPLATES,
    find_image_template,
    pixels,
)
from pixverse_provider.emulator.rules.clip_options import (
    OPTION_FIELDS,
    check_length,
    check_prompt,
    clip_order,
    read_aspect_ratio,
    read_options,
    read_seed,
    read_template_options,
)
from pixverse_provider.emulator.rules.request import Library, Order, job_text

if TYPE_CHECKING:
    from pixverse_provider.emulator.rules.request import Fields

_TEXT_FIELDS: Final = (*OPTION_FIELDS, "aspect_ratio")
_IMAGE_FIELDS: Final = (*OPTION_FIELDS, "img_id", "img_ids")
# No document says how many a template takes; the clip has room for these.
_PICTURES_SHOWN: Final = 7
_END_FRAMES: Final = ("first_frame_img", "last_frame_img")
_FEWEST_FRAMES: Final = 2
_MOST_FRAMES: Final = 7
_LONGEST_TRANSITION: Final = 30
_MULTI_FIELDS: Final = ("model", "quality", "multi_transition")
_FRAME_FIELDS: Final = ("img_id", "duration", "prompt")
_FUSION_FIELDS: Final = (
    "prompt", "model", "duration", "quality", "aspect_ratio", "seed", "negative_prompt",
    "generate_audio_switch", "image_references", "reference_mode", "video_references",
)  # fmt: skip
_REFERENCE_FIELDS: Final = ("type", "img_id", "ref_name")
_REFERENCE_TYPES: Final = ("subject", "background")
_OMNI: Final = "omni"
_REFERENCES_IN_OMNI: Final = 10
_REFERENCE_NAME: Final = re.compile(r"[A-Za-z0-9_ ]{1,30}")
_ONLY_V6: Final = ("v6",)


def text_to_video(fields: Fields, library: Library) -> Order:
    """Check a text to video; it refers to nothing, so the library stays unused."""
    del library
    fields.refuse_others(_TEXT_FIELDS)
    options = read_options(fields, prompt_limit=LONG_TEXT_LIMIT)
    aspect_ratio = read_aspect_ratio(fields, options.model)
    return clip_order(
        options,
        TextToVideoRecipe(
            prompt=options.prompt,
            seconds=options.seconds,
            quality=options.resolution_ratio,
            aspect_ratio=aspect_ratio,
            seed=options.seed,
            music=options.music,
            voice=options.voice,
            speech=options.speech,
        ),
    )


def image_to_video(fields: Fields, library: Library) -> Order:
    """Check an image to video, or a template video, which has the same endpoint.

    The shape is that of the image, so there is no aspect ratio.
    """
    fields.refuse_others(_IMAGE_FIELDS)
    template_id = fields.identifier("template_id")
    named = _named_images(fields, template_id)
    if template_id is None:
        options = read_options(fields, prompt_limit=LONG_TEXT_LIMIT)
    else:
        options = read_template_options(fields, template_id)
    images = [library.image(name, img_id) for name, img_id in named]
    shown = images[:_PICTURES_SHOWN]
    title = options.prompt if template_id is None else VIDEO_TEMPLATES[template_id].name
    return clip_order(
        options,
        StillsRecipe(
            pictures=tuple(image.file for image in shown),
            lengths=_even_lengths(options.seconds, len(shown)),
            captions=(title,) * max(1, len(shown) - 1),
            quality=options.resolution_ratio,
            seed=options.seed,
            music=options.music,
            voice=options.voice,
            speech=options.speech,
        ),
        *images,
        template_id=template_id or 0,
    )


def _named_images(fields: Fields, template_id: int | None) -> list[tuple[str, int]]:
    single, several = fields.identifier("img_id"), fields.identifiers("img_ids")
    if single is not None and several:
        raise ApiError(INVALID_PARAMETER, "give either img_id or img_ids, not both")
    if several and template_id is None:
        raise ApiError(INVALID_PARAMETER, "img_ids needs template_id")
    if single is None and not several:
        raise ApiError(EMPTY_PARAMETER, "img_id is empty")
    return [("img_ids", img_id) for img_id in several] if single is None else [("img_id", single)]


def _even_lengths(seconds: int, pictures: int) -> tuple[float, ...]:
    steps = max(1, pictures - 1)
    return (seconds / steps,) * steps


def transition(fields: Fields, library: Library) -> Order:
    """Check a clip from a first frame to a last."""
    fields.refuse_others((*OPTION_FIELDS, *_END_FRAMES))
    named = [(name, fields.required_identifier(name)) for name in _END_FRAMES]
    options = read_options(fields)
    images = [library.image(name, img_id) for name, img_id in named]
    recipe = StillsRecipe(
        pictures=tuple(image.file for image in images),
        lengths=(options.seconds,),
        captions=(options.prompt,),
        quality=options.resolution_ratio,
        seed=options.seed,
        music=options.music,
        voice=options.voice,
        speech=options.speech,
    )
    return clip_order(options, recipe, *images)


def multi_transition(fields: Fields, library: Library) -> Order:
    """Check a clip through several key frames. The duration of the last leads nowhere and does not count."""
    fields.refuse_others(_MULTI_FIELDS)
    fields.required_choice("model", UP_TO_V5)
    quality = fields.required_choice("quality", QUALITIES)
    frames = fields.required_objects("multi_transition")
    if not _FEWEST_FRAMES <= len(frames) <= _MOST_FRAMES:
        raise ApiError(
            INVALID_PARAMETER, f"multi_transition must hold {_FEWEST_FRAMES} to {_MOST_FRAMES} frames"
        )
    for frame in frames:
        frame.refuse_others(_FRAME_FIELDS)
    ids = [frame.required_identifier("img_id") for frame in frames]
    prompts = [check_prompt(frame.text("prompt") or "", TEXT_LIMIT) for frame in frames]
    lengths = [
        frame.required_integer("duration", lowest=1, highest=_LONGEST_TRANSITION) for frame in frames[:-1]
    ]
    frames[-1].integer("duration", lowest=0, highest=_LONGEST_TRANSITION)
    if sum(lengths) > _LONGEST_TRANSITION:
        raise ApiError(INVALID_PARAMETER, f"the durations add up to more than {_LONGEST_TRANSITION} s")
    images = [library.image("img_id", img_id) for img_id in ids]
    prompt = "; ".join(filter(None, prompts))
    return Order(
        credits=prices.multi_transition(quality=quality, seconds=sum(lengths)),
        recipe=StillsRecipe(
            pictures=tuple(image.file for image in images),
            lengths=tuple(lengths),
            captions=tuple(prompts[:-1]),
            quality=pixels(quality),
            seed=zlib.crc32(prompt.encode()),
        ),
        text=job_text(prompt, *images),
        resolution_ratio=pixels(quality),
        prompt=prompt,
    )


@dataclass(frozen=True, kw_only=True)
class _NamedImage:
    kind: str
    img_id: int
    ref_name: str


def fusion(fields: Fields, library: Library) -> Order:
    """Check a clip of named references.

    References may be more in the mode ``omni`` of v6; with video references the duration is 0.
    """
    fields.refuse_others(_FUSION_FIELDS)
    prompt = fields.required_text("prompt")
    model = fields.required_choice("model", FUSING)
    videos = _of_v6(fields, "video_references", model, bool(fields.objects("video_references")))
    seconds = _fusion_seconds(fields, videos=videos)
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
            quality=pixels(quality),
            aspect_ratio=aspect_ratio,
            seed=seed,
            music=audio,
        ),
        text=job_text(prompt, *images),
        resolution_ratio=pixels(quality),
        prompt=prompt,
        negative_prompt=negative_prompt,
        seed=seed,
    )


def _fusion_seconds(fields: Fields, *, videos: bool) -> int:
    if videos:
        if fields.given("duration"):
            raise ApiError(INVALID_PARAMETER, "duration is 0 with video_references")
        return prices.REFERENCED_VIDEO_SECONDS
    return fields.required_integer("duration", lowest=1, highest=15)


def _of_v6(fields: Fields, name: str, model: str, used: bool) -> bool:
    if used and model not in _ONLY_V6:
        raise ApiError(INVALID_PARAMETER, f"{name} needs v6")
    return used and fields.given(name)


def _references(fields: Fields, most: int) -> list[_NamedImage]:
    items = fields.required_objects("image_references")
    if len(items) > most:
        raise ApiError(INVALID_PARAMETER, f"image_references must hold at most {most}")
    found = [_reference(item) for item in items]
    if len({reference.ref_name for reference in found}) < len(found):
        raise ApiError(INVALID_PARAMETER, "each ref_name must be another")
    return found


def _reference(item: Fields) -> _NamedImage:
    item.refuse_others(_REFERENCE_FIELDS)
    kind = item.required_choice("type", _REFERENCE_TYPES)
    img_id = item.required_identifier("img_id")
    ref_name = item.required_text("ref_name")
    # One byte each: any other character is refused, so 30 characters are 30 bytes.
    if not _REFERENCE_NAME.fullmatch(ref_name):
        raise ApiError(
            INVALID_PARAMETER,
            "ref_name must be at most 30 bytes of letters, digits, underscores and spaces",
        )
    return _NamedImage(kind=kind, img_id=img_id, ref_name=ref_name)


def image_template(fields: Fields, library: Library) -> Order:
    """Check a picture made of pictures."""
    fields.refuse_others(("img_ids", "template_id"))
    img_ids = fields.identifiers("img_ids")
    if not img_ids:
        raise ApiError(EMPTY_PARAMETER, "img_ids is empty")
    template_id = fields.required_identifier("template_id")
    images = [library.image("img_ids", img_id) for img_id in img_ids]
    template = find_image_template(template_id)
    return Order(
        credits=prices.IMAGE_TEMPLATE,
        recipe=ImageTemplateRecipe(pictures=tuple(image.file for image in images), title=template.name),
        text=job_text(template.name, *images),
        resolution_ratio=0,
        template_id=template_id,
    )
