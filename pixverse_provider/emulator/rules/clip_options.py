"""The fields that the endpoints which generate a new clip have in common, and how they go together."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator.protocol import (
    INVALID_PARAMETER,
    NEGATIVE_PROMPT_TOO_LONG,
    PROMPT_TOO_LONG,
    ApiError,
)
from pixverse_provider.emulator.render.sound import Voice, find_voice
from pixverse_provider.emulator.rules import prices
from pixverse_provider.emulator.rules.catalogue import (
    BEFORE_V5,
    CAMERA_MOVEMENTS,
    LONG_TEXT_LIMIT,
    MODELS,
    ONLY_WITH,
    QUALITIES,
    STYLES,
    TEXT_LIMIT,
    find_video_template,
    pixels,
)
from pixverse_provider.emulator.rules.request import Order, job_text

if TYPE_CHECKING:
    from collections.abc import Collection

    from pixverse_provider.emulator.render.pool import Recipe
    from pixverse_provider.emulator.rules.request import Fields, Source

OPTION_FIELDS: Final = (
    "prompt", "model", "duration", "quality", "negative_prompt", "motion_mode", "seed", "style",
    "template_id", "camera_movement", "water_mark", "sound_effect_switch", "sound_effect_content",
    "sound_mode", "lip_sync_tts_switch", "lip_sync_switch", "lip_sync_tts_content", "lip_sync_tts_speaker_id",
    "generate_audio_switch", "generate_multi_clip_switch", "thinking_type", "play_bgm",
)  # fmt: skip
"""All that are documented, and ``play_bgm``, which PixVerse's own client sends with every request."""

LARGEST_SEED: Final = 2_147_483_647


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """The checked options of a clip.

    :param seconds: its length; that of the template where one is used.
    :param seed: as given, else made of the prompt. A seed of the service is random; here the same prompt
        gives the same picture.
    """

    prompt: str
    model: str
    seconds: int
    quality: str
    negative_prompt: str
    style: str
    seed: int
    fast: bool
    audio: bool
    multi_clip: bool
    sound_effect: bool
    voice: Voice | None
    speech: str

    @property
    def resolution_ratio(self) -> int:
        """The quality as a number."""
        return pixels(self.quality)

    @property
    def music(self) -> bool:
        """Whether the clip gets a sound of its own."""
        return self.audio or self.sound_effect

    @property
    def credits(self) -> int:
        """The price of the clip with everything that was switched on."""
        total = prices.clip(
            model=self.model,
            quality=self.quality,
            seconds=self.seconds,
            fast=self.fast,
            audio=self.audio,
            multi_clip=self.multi_clip,
        )
        if self.voice is not None:
            total += prices.inline_lip_sync(self.seconds)
        if self.sound_effect:
            total += prices.sound_effect(self.seconds)
        return total


def clip_order(options: ClipOptions, recipe: Recipe, *sources: Source, template_id: int = 0) -> Order:
    """Return the order of a clip whose price and echo follow from its options."""
    return Order(
        credits=options.credits,
        recipe=recipe,
        text=job_text(options.prompt, *sources),
        resolution_ratio=options.resolution_ratio,
        prompt=options.prompt,
        negative_prompt=options.negative_prompt,
        style=options.style,
        seed=options.seed,
        template_id=template_id,
    )


def read_options(
    fields: Fields, models: Collection[str] = tuple(MODELS), *, prompt_limit: int | None = None
) -> ClipOptions:
    """Check the common fields.

    :param models: those that the endpoint has.
    :param prompt_limit: most characters of its prompt; by default it depends on the model.
    :raises ApiError: as the documents say; 400011 for what is missing, 400013 for a wrong type, 400017 for a
        value or a combination that does not exist, 400018 and 400019 for a long text, 500070 and 500071 for a
        template.
    """
    prompt = fields.required_text("prompt")
    model = fields.required_choice("model", models)
    seconds = fields.required_integer("duration", lowest=1, highest=15)
    quality = fields.required_choice("quality", QUALITIES)
    negative_prompt = _texts(fields, prompt, prompt_limit or MODELS[model].prompt_limit)
    check_length(model, quality, seconds)
    fast = fields.choice("motion_mode", ("normal", "fast")) == "fast"
    if fast and (seconds != 5 or quality == "1080p" or model not in BEFORE_V5):
        raise _refuse("motion_mode fast needs 5 s, at most 720p and a model before v5")
    options = _options(fields, prompt, model, seconds, quality, negative_prompt, fast=fast)
    for name, having in ONLY_WITH.items():
        if fields.given(name) and model not in having:
            raise _refuse(f"{name} needs {' or '.join(having)}")
    template_id = fields.identifier("template_id")
    if template_id is not None:
        if fields.given("camera_movement"):
            raise _refuse("camera_movement and template_id exclude each other")
        find_video_template(template_id, quality)
    return options


def read_template_options(fields: Fields, template_id: int) -> ClipOptions:
    """Check the common fields of a template video.

    Its length is the template's own, the model does not matter, and the prompt may be empty.

    :raises ApiError: as :func:`read_options` does.
    """
    prompt = fields.text("prompt") or ""
    fields.required_choice("model", tuple(MODELS))
    fields.required_integer("duration", lowest=1, highest=15)
    quality = fields.required_choice("quality", QUALITIES)
    negative_prompt = _texts(fields, prompt, LONG_TEXT_LIMIT)
    fields.choice("motion_mode", ("normal", "fast"))
    template = find_video_template(template_id, quality)
    if fields.choice("camera_movement", CAMERA_MOVEMENTS):
        raise _refuse("camera_movement and template_id exclude each other")
    return _options(
        fields, prompt, prices.TEMPLATE_AS_MODEL, template.seconds, quality, negative_prompt, fast=False
    )


def read_aspect_ratio(fields: Fields, model: str) -> str:
    """Return the aspect ratio, which is required where it is listed."""
    return fields.required_choice("aspect_ratio", MODELS[model].aspect_ratios)


def read_seed(fields: Fields, text: str) -> int:
    """Return the seed, or one that follows from the text."""
    seed = fields.integer("seed", lowest=0, highest=LARGEST_SEED)
    return seed if seed is not None else zlib.crc32(text.encode()) % 2**31


def check_length(model: str, quality: str, seconds: int) -> None:
    """Refuse a length that the model does not make; 400017."""
    allowed = MODELS[model].seconds
    if seconds not in allowed:
        raise _refuse(f"duration of {model} must be one of {', '.join(map(str, allowed))}")
    if quality == "1080p" and seconds not in MODELS[model].seconds_at_1080p:
        raise _refuse(f"{model} has no {seconds} s at 1080p")


def check_prompt(prompt: str, limit: int) -> str:
    """Return the prompt; 400018 when it has more than ``limit`` characters."""
    if len(prompt) > limit:
        raise ApiError(PROMPT_TOO_LONG)
    return prompt


def _texts(fields: Fields, prompt: str, limit: int) -> str:
    check_prompt(prompt, limit)
    negative_prompt = fields.text("negative_prompt") or ""
    if len(negative_prompt) > TEXT_LIMIT:
        raise ApiError(NEGATIVE_PROMPT_TOO_LONG)
    return negative_prompt


def _options(
    fields: Fields,
    prompt: str,
    model: str,
    seconds: int,
    quality: str,
    negative_prompt: str,
    *,
    fast: bool,
) -> ClipOptions:
    fields.choice("camera_movement", CAMERA_MOVEMENTS)
    fields.choice("thinking_type", ("enabled", "disabled", "auto"))
    fields.switch("water_mark")
    fields.switch("play_bgm")
    voice, speech = _inline_speech(fields)
    return ClipOptions(
        prompt=prompt,
        model=model,
        seconds=seconds,
        quality=quality,
        negative_prompt=negative_prompt,
        style=fields.choice("style", STYLES) or "",
        seed=read_seed(fields, prompt),
        fast=fast,
        audio=fields.switch("generate_audio_switch"),
        multi_clip=fields.switch("generate_multi_clip_switch"),
        sound_effect=_sound_effect(fields),
        voice=voice,
        speech=speech,
    )


def _sound_effect(fields: Fields) -> bool:
    content = fields.text("sound_effect_content")
    if content is not None and len(content) > TEXT_LIMIT:
        raise _refuse(f"sound_effect_content over {TEXT_LIMIT} characters")
    if fields.choice("sound_mode", ("default_music",)) and content:
        raise _refuse("sound_mode and sound_effect_content exclude each other")
    return fields.switch("sound_effect_switch")


def _inline_speech(fields: Fields) -> tuple[Voice | None, str]:
    first = fields.switch("lip_sync_tts_switch")
    second = fields.switch("lip_sync_switch")
    content = fields.text("lip_sync_tts_content") or ""
    speaker_id = fields.text("lip_sync_tts_speaker_id") or "auto"
    if not (first or second):
        return None, ""
    if not content.strip():
        raise _refuse("lip_sync_tts_switch needs lip_sync_tts_content")
    voice = find_voice(speaker_id)
    if voice is None:
        raise _refuse("speaker not known")
    return voice, content


def _refuse(message: str) -> ApiError:
    return ApiError(INVALID_PARAMETER, message)
