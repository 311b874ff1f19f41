"""The fields that the endpoints which generate a new clip have in common, and how they go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator import prices
from pixverse_provider.emulator.envelope import (
    INVALID_PARAMETER,
    NEGATIVE_PROMPT_TOO_LONG,
    PROMPT_TOO_LONG,
    TEMPLATE_NOT_ACTIVE,
    ApiError,
)
from pixverse_provider.emulator.voices import Voice, find_voice

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.fields import Fields

MODELS: Final = ("v3.5", "v4", "v4.5", "v5", "v5.5", "v5.6", "v6", "c1")
QUALITIES: Final = ("360p", "540p", "720p", "1080p")
ASPECT_RATIOS: Final = ("16:9", "4:3", "1:1", "3:4", "9:16")
NEW_ASPECT_RATIOS: Final = (*ASPECT_RATIOS, "2:3", "3:2", "21:9")
STYLES: Final = ("anime", "3d_animation", "clay", "comic", "cyberpunk")
CAMERA_MOVEMENTS: Final = (
    "horizontal_left", "horizontal_right", "vertical_up", "vertical_down", "zoom_in", "zoom_out", "crane_up",
    "quickly_zoom_in", "quickly_zoom_out", "smooth_zoom_in", "camera_rotation", "robo_arm", "super_dolly_out",
    "whip_pan", "hitchcock", "left_follow", "right_follow", "pan_left", "pan_right", "fix_bg",
)  # fmt: skip
ACTIVE_TEMPLATES: Final = frozenset({302325299692608, 308621408717184, 315446315336768})
"""The templates that the documents use in examples; every other one is not activated for this account."""

OPTION_FIELDS: Final = (
    "prompt", "model", "duration", "quality", "aspect_ratio", "negative_prompt", "motion_mode", "seed",
    "style", "template_id", "camera_movement", "water_mark", "sound_effect_switch", "sound_effect_content",
    "sound_mode", "lip_sync_tts_switch", "lip_sync_switch", "lip_sync_tts_content", "lip_sync_tts_speaker_id",
    "generate_audio_switch", "generate_multi_clip_switch", "thinking_type",
)  # fmt: skip

_BEFORE_V5: Final = ("v3.5", "v4", "v4.5")
_PER_SECOND: Final = ("v6", "c1")
_LARGEST_SEED: Final = 2_147_483_647
_TEXT_LIMIT: Final = 2048
_LONG_PROMPT_LIMIT: Final = 5000


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """The checked options of a clip."""

    prompt: str
    model: str
    seconds: int
    quality: str
    negative_prompt: str
    style: str
    seed: int | None
    fast: bool
    audio: bool
    sound_effect: bool
    voice: Voice | None
    speech: str

    @property
    def resolution_ratio(self) -> int:
        """The quality as a number."""
        return int(self.quality.removesuffix("p"))

    @property
    def credits(self) -> int:
        """The price of the clip with everything that was switched on."""
        total = prices.clip(
            model=self.model, quality=self.quality, seconds=self.seconds, fast=self.fast, audio=self.audio
        )
        if self.voice is not None:
            total += prices.inline_lip_sync(self.seconds)
        if self.sound_effect:
            total += prices.sound_effect(self.seconds)
        return total


def read_options(fields: Fields) -> ClipOptions:
    """Check the common fields.

    :raises ApiError: as the documents say; 400011 for what is missing, 400013 for a wrong type, 400017 for a
        value or a combination that does not exist, 400018 and 400019 for a long text, 500070 for a template.
    """
    prompt = fields.required_text("prompt")
    model = fields.required_choice("model", MODELS)
    seconds = fields.required_integer("duration", lowest=1, highest=15)
    quality = fields.required_choice("quality", QUALITIES)
    if len(prompt) > (_LONG_PROMPT_LIMIT if model in _PER_SECOND else _TEXT_LIMIT):
        raise ApiError(PROMPT_TOO_LONG)
    negative_prompt = fields.text("negative_prompt") or ""
    if len(negative_prompt) > _TEXT_LIMIT:
        raise ApiError(NEGATIVE_PROMPT_TOO_LONG)
    _check_length(model, quality, seconds)
    fast = fields.choice("motion_mode", ("normal", "fast")) == "fast"
    if fast and (seconds != 5 or quality == "1080p" or model not in _BEFORE_V5):
        raise _refuse("motion_mode fast needs 5 s, at most 720p and a model before v5")
    style = _only_with(fields.choice("style", STYLES), "style", model, ("v3.5",)) or ""
    _check_camera(fields, model)
    voice, speech = _inline_speech(fields, model)
    fields.switch("water_mark")
    fields.choice("thinking_type", ("enabled", "disabled", "auto"))
    return ClipOptions(
        prompt=prompt,
        model=model,
        seconds=seconds,
        quality=quality,
        negative_prompt=negative_prompt,
        style=style,
        seed=fields.integer("seed", lowest=0, highest=_LARGEST_SEED),
        fast=fast,
        audio=_switch_only_with(fields, "generate_audio_switch", model, ("v5.5", "v5.6", "v6", "c1")),
        sound_effect=_sound_effect(fields, model),
        voice=voice,
        speech=speech,
    )


def read_aspect_ratio(fields: Fields, model: str) -> str:
    """Return the aspect ratio, which is required where it is listed."""
    return fields.required_choice(
        "aspect_ratio", NEW_ASPECT_RATIOS if model in _PER_SECOND else ASPECT_RATIOS
    )


def _check_length(model: str, quality: str, seconds: int) -> None:
    if model in _PER_SECOND:
        return
    allowed = (5, 8, 10) if model in ("v5.5", "v5.6") else (5, 8)
    if seconds not in allowed:
        raise _refuse(f"duration of {model} must be one of {', '.join(map(str, allowed))}")
    if quality == "1080p" and (seconds == 10 or (seconds == 8 and model in _BEFORE_V5)):
        raise _refuse(f"{model} has no {seconds} s at 1080p")


def _check_camera(fields: Fields, model: str) -> None:
    movement = _only_with(
        fields.choice("camera_movement", CAMERA_MOVEMENTS), "camera_movement", model, ("v4", "v4.5")
    )
    template_id = fields.identifier("template_id")
    if movement and template_id:
        raise _refuse("camera_movement and template_id exclude each other")
    if template_id and template_id not in ACTIVE_TEMPLATES:
        raise ApiError(TEMPLATE_NOT_ACTIVE)
    _switch_only_with(fields, "generate_multi_clip_switch", model, ("v5.5", "v6"))


def _sound_effect(fields: Fields, model: str) -> bool:
    content = fields.text("sound_effect_content")
    if content is not None and len(content) > _TEXT_LIMIT:
        raise _refuse(f"sound_effect_content over {_TEXT_LIMIT} characters")
    if fields.choice("sound_mode", ("default_music",)) and content:
        raise _refuse("sound_mode and sound_effect_content exclude each other")
    return _switch_only_with(fields, "sound_effect_switch", model, (*_BEFORE_V5, "v5"))


def _inline_speech(fields: Fields, model: str) -> tuple[Voice | None, str]:
    models = (*_BEFORE_V5, "v5")
    first = _switch_only_with(fields, "lip_sync_tts_switch", model, models)
    second = _switch_only_with(fields, "lip_sync_switch", model, models)
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


def _only_with(value: str | None, name: str, model: str, models: tuple[str, ...]) -> str | None:
    if value is not None and model not in models:
        raise _refuse(f"{name} needs {' or '.join(models)}")
    return value


def _switch_only_with(fields: Fields, name: str, model: str, models: tuple[str, ...]) -> bool:
    on = fields.switch(name)
    if on and model not in models:
        raise _refuse(f"{name} needs {' or '.join(models)}")
    return on


def _refuse(message: str) -> ApiError:
    return ApiError(INVALID_PARAMETER, message)
