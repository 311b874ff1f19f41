"""What there is: models and what each can do, templates, presets of the restyle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pixverse_provider.emulator.protocol import EFFECT_QUALITY, TEMPLATE_NOT_ACTIVE, ApiError

TEXT_LIMIT: Final = 2048
LONG_TEXT_LIMIT: Final = 5000
"""What the newest schemas allow for text and image to video, for v6 and c1, and for modify and restyle."""

QUALITIES: Final = ("360p", "540p", "720p", "1080p")
LOW_QUALITIES: Final = ("360p", "540p", "720p")
ASPECT_RATIOS: Final = ("16:9", "4:3", "1:1", "3:4", "9:16")
NEW_ASPECT_RATIOS: Final = (*ASPECT_RATIOS, "2:3", "3:2", "21:9")
STYLES: Final = ("anime", "3d_animation", "clay", "comic", "cyberpunk", "realistic", "day")
"""The five that are documented, and two more that single sources have."""
CAMERA_MOVEMENTS: Final = (
    "horizontal_left", "horizontal_right", "vertical_up", "vertical_down", "zoom_in", "zoom_out", "crane_up",
    "quickly_zoom_in", "quickly_zoom_out", "smooth_zoom_in", "camera_rotation", "robo_arm", "super_dolly_out",
    "whip_pan", "hitchcock", "left_follow", "right_follow", "pan_left", "pan_right", "fix_bg", "default",
)  # fmt: skip
_ANY_SECOND: Final = tuple(range(1, 16))
BEFORE_V5: Final = ("v3.5", "v4", "v4.5")
UP_TO_V5: Final = (*BEFORE_V5, "v5")
EXTENDING: Final = (*UP_TO_V5, "v5.5", "v6")
ONLY_WITH: Final[dict[str, tuple[str, ...]]] = {
    "style": ("v3.5",),
    "camera_movement": ("v4", "v4.5"),
    "sound_effect_switch": UP_TO_V5,
    "sound_effect_content": UP_TO_V5,
    "lip_sync_tts_switch": UP_TO_V5,
    "lip_sync_switch": UP_TO_V5,
    "generate_audio_switch": ("v5.5", "v5.6", "v6", "c1"),
    "generate_multi_clip_switch": ("v5.5", "v6"),
    "thinking_type": ("v5.5",),
}
"""Options that only some models have."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model.

    :param seconds: lengths that it makes.
    :param seconds_at_1080p: those of them that it makes at 1080p, by the schema; the tables of prices have
        none for 8 s of v4 and v4.5.
    :param references: most pictures in a fusion; 0 where it has none.
    """

    seconds: tuple[int, ...]
    seconds_at_1080p: tuple[int, ...]
    aspect_ratios: tuple[str, ...] = ASPECT_RATIOS
    prompt_limit: int = TEXT_LIMIT
    references: int = 0


# The one place where a new model is entered.
MODELS: Final[dict[str, Model]] = {
    "v3.5": Model(seconds=(5, 8), seconds_at_1080p=(5,)),
    "v4": Model(seconds=(5, 8), seconds_at_1080p=(5, 8)),
    "v4.5": Model(seconds=(5, 8), seconds_at_1080p=(5, 8), references=3),
    "v5": Model(seconds=(5, 8), seconds_at_1080p=(5, 8), references=3),
    "v5.5": Model(seconds=(5, 8, 10), seconds_at_1080p=(5, 8), references=7),
    "v5.6": Model(seconds=(5, 8, 10), seconds_at_1080p=(5, 8), references=7),
    **{
        name: Model(
            seconds=_ANY_SECOND,
            seconds_at_1080p=_ANY_SECOND,
            aspect_ratios=NEW_ASPECT_RATIOS,
            prompt_limit=LONG_TEXT_LIMIT,
            references=7,
        )
        for name in ("v6", "c1")
    },
}

FUSING: Final = tuple(name for name, model in MODELS.items() if model.references)


@dataclass(frozen=True, kw_only=True)
class Template:
    """One effect.

    :param seconds: its own length, whatever a request says.
    :param qualities: those that it supports.
    """

    name: str
    seconds: int = 5
    qualities: tuple[str, ...] = QUALITIES


# The ids are those that the documents use in examples; every other one answers 500070. What they are called,
# how long they are and how many pictures they take is ours.
VIDEO_TEMPLATES: Final[dict[int, Template]] = {
    302325299692608: Template(name="Confetti"),
    308621408717184: Template(name="Snow globe", seconds=8),
    315446315336768: Template(name="Old film", qualities=("360p", "540p")),
}
IMAGE_TEMPLATES: Final[dict[int, Template]] = {384268229671680: Template(name="Framed print")}


def pixels(quality: str) -> int:
    """Return a quality as a number, such as 540."""
    return int(quality.removesuffix("p"))


def find_video_template(template_id: int, quality: str) -> Template:
    """Return an effect for videos.

    :raises ApiError: 500070 when it is not activated, 500071 when it has no such quality.
    """
    template = _activated(VIDEO_TEMPLATES, template_id)
    if quality not in template.qualities:
        raise ApiError(EFFECT_QUALITY)
    return template


def find_image_template(template_id: int) -> Template:
    """Return an effect for images; 500070 when it is not activated."""
    return _activated(IMAGE_TEMPLATES, template_id)


def _activated(templates: dict[int, Template], template_id: int) -> Template:
    template = templates.get(template_id)
    if template is None:
        raise ApiError(TEMPLATE_NOT_ACTIVE)
    return template


@dataclass(frozen=True, kw_only=True)
class Restyle:
    """One preset."""

    restyle_id: int
    name: str
    prompt: str

    @property
    def cover_name(self) -> str:
        """The file of its cover at the media host."""
        return f"restyle-{self.restyle_id}.png"


# The first id is documented, the others and all names are ours.
RESTYLES: Final = (
    Restyle(restyle_id=315446315336768, name="Comic", prompt="comic book look"),
    Restyle(restyle_id=315446315336769, name="Ink wash", prompt="ink wash painting on rice paper"),
    Restyle(restyle_id=315446315336770, name="Clay", prompt="clay figures under a warm lamp"),
    Restyle(restyle_id=627410861853514295, name="Neon", prompt="neon signs on a wet street at night"),
)

_BY_ID: Final = {restyle.restyle_id: restyle for restyle in RESTYLES}


def find_restyle(restyle_id: int) -> Restyle | None:
    """Return the preset of that id."""
    return _BY_ID.get(restyle_id)
