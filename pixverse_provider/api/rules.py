"""What each model and each kind of video allows: tables only, the checks are in the requests.

Source: the pages on models and the endpoint reference of docs.platform.pixverse.ai. Where its pages disagree,
a table holds both limits: below the first every page agrees, above the second no page does.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "CAMERA_MOVEMENTS",
    "EXTEND_MODELS",
    "FUSION_IMAGES",
    "FUSION_OMNI_IMAGES",
    "INLINE_SPEECH_CHARACTERS",
    "LONG_PROMPT_CHARACTERS",
    "LOW_QUALITIES",
    "MODELS",
    "MOST_KEY_FRAME_SECONDS",
    "MOST_SEED",
    "MOTION_MODES",
    "MULTI_TRANSITION_MODELS",
    "OPTION_MODELS",
    "PROMPT_CHARACTERS",
    "QUALITIES",
    "REFERENCE_NAME_BYTES",
    "REFERENCE_TYPES",
    "SOUND_MODES",
    "STYLES",
    "THINKING_TYPES",
    "UNDOCUMENTED_CAMERA_MOVEMENTS",
    "UNDOCUMENTED_STYLES",
    "ModelRules",
]

QUALITIES = ("360p", "540p", "720p", "1080p")
LOW_QUALITIES = QUALITIES[:3]
"""Swap and modify, and mimic by its guide; the schema of mimic lists 1080p as well."""

PROMPT_CHARACTERS = 2048
"""Every text but the speech; every page agrees on this many."""
LONG_PROMPT_CHARACTERS = 5000
"""Prompts of a video from a text or an image, of v6, c1, modify and restyle, by the newest pages."""
INLINE_SPEECH_CHARACTERS = 140
"""Speech within a generation, about; what is longer than the clip is cut."""

MOST_SEED = 2**31 - 1

_USUAL_RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16")
_ALL_RATIOS = (*_USUAL_RATIOS, "2:3", "3:2", "21:9")
_EVERY_SECOND = tuple(range(1, 16))


@dataclass(frozen=True)
class ModelRules:
    """What one model allows.

    :param durations: lengths of a clip in seconds.
    :param longest_at_1080p: the longest of them at 1080p, in seconds.
    :param aspect_ratios: shapes of a clip.
    :param prompt_characters: the longest prompt, where the kind of video sets no limit of its own.
    :param longest_priced_at_1080p: the longest at 1080p that has a price, where the tables of prices hold
        less than the schema allows.
    """

    durations: tuple[int, ...]
    longest_at_1080p: int
    aspect_ratios: tuple[str, ...] = _USUAL_RATIOS
    prompt_characters: int = PROMPT_CHARACTERS
    longest_priced_at_1080p: int | None = None

    def durations_at(self, quality: str) -> tuple[int, ...]:
        """Return the lengths that are possible at a quality."""
        if quality != "1080p":
            return self.durations
        return tuple(seconds for seconds in self.durations if seconds <= self.longest_at_1080p)


_EARLY = ModelRules((5, 8), longest_at_1080p=8, longest_priced_at_1080p=5)
_MIDDLE = ModelRules((5, 8, 10), longest_at_1080p=8)
_LATE = ModelRules(_EVERY_SECOND, 15, _ALL_RATIOS, LONG_PROMPT_CHARACTERS)

MODELS: dict[str, ModelRules] = {
    "v3.5": ModelRules((5, 8), longest_at_1080p=5),
    "v4": _EARLY,
    "v4.5": _EARLY,
    "v5": ModelRules((5, 8), longest_at_1080p=8),
    "v5.5": _MIDDLE,
    "v5.6": _MIDDLE,
    "v6": _LATE,
    "c1": _LATE,
}

_BEFORE_V5 = ("v3.5", "v4", "v4.5")
_UP_TO_V5 = (*_BEFORE_V5, "v5")

OPTION_MODELS: dict[str, tuple[str, ...]] = {
    "style": ("v3.5",),
    "camera_movement": ("v4", "v4.5"),
    "motion_mode": _BEFORE_V5,
    "sound_effect_switch": _UP_TO_V5,
    "sound_effect_content": _UP_TO_V5,
    "lip_sync_tts_switch": _UP_TO_V5,
    "generate_audio_switch": ("v5.5", "v5.6", "v6", "c1"),
    "generate_multi_clip_switch": ("v5.5", "v6"),
    "thinking_type": ("v5.5",),
    "reference_mode": ("v6",),
    "video_references": ("v6",),
}
"""Models that take an option; ``motion_mode="normal"`` and a switch that is off suit every model."""

EXTEND_MODELS = ("v3.5", "v4", "v4.5", "v5", "v5.5", "v6")
MULTI_TRANSITION_MODELS = _UP_TO_V5
MOST_KEY_FRAME_SECONDS = 30

FUSION_IMAGES: dict[str, int] = {"v4.5": 3, "v5": 3, "v5.5": 7, "v5.6": 7, "v6": 7, "c1": 7}
"""Models of a fusion, and how many pictures each takes."""
FUSION_OMNI_IMAGES = 10
"""The same with ``reference_mode="omni"``."""
REFERENCE_TYPES = ("subject", "background")
REFERENCE_NAME_BYTES = 30

MOTION_MODES = ("normal", "fast")
STYLES = ("anime", "3d_animation", "clay", "comic", "cyberpunk")
UNDOCUMENTED_STYLES = ("day", "realistic")
"""Single sources list them, such as PixVerse's own client; its documentation does not."""
SOUND_MODES = ("default_music",)
THINKING_TYPES = ("enabled", "disabled", "auto")
CAMERA_MOVEMENTS = (
    "horizontal_left",
    "horizontal_right",
    "vertical_up",
    "vertical_down",
    "zoom_in",
    "zoom_out",
    "crane_up",
    "quickly_zoom_in",
    "quickly_zoom_out",
    "smooth_zoom_in",
    "camera_rotation",
    "robo_arm",
    "super_dolly_out",
    "whip_pan",
    "hitchcock",
    "left_follow",
    "right_follow",
    "pan_left",
    "pan_right",
    "fix_bg",
)
UNDOCUMENTED_CAMERA_MOVEMENTS = ("default",)
"""Single sources list them, such as PixVerse's own client; its documentation does not."""
