"""The effects that are activated for this account.

Ids are those that the documents use in examples; every other one answers 500070. What they are called, how
long they are and how many pictures they take is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pixverse_provider.emulator.envelope import EFFECT_QUALITY, TEMPLATE_NOT_ACTIVE, ApiError
from pixverse_provider.emulator.generations.models import QUALITIES


@dataclass(frozen=True, kw_only=True)
class Template:
    """One effect.

    :param seconds: its own length, whatever a request says.
    :param qualities: those that it supports.
    """

    name: str
    seconds: int = 5
    qualities: tuple[str, ...] = QUALITIES


VIDEO_TEMPLATES: Final[dict[int, Template]] = {
    302325299692608: Template(name="Confetti"),
    308621408717184: Template(name="Snow globe", seconds=8),
    315446315336768: Template(name="Old film", qualities=("360p", "540p")),
}
IMAGE_TEMPLATES: Final[dict[int, Template]] = {384268229671680: Template(name="Framed print")}


def video_template(template_id: int, quality: str) -> Template:
    """Return an effect for videos.

    :raises ApiError: 500070 when it is not activated, 500071 when it has no such quality.
    """
    template = _activated(VIDEO_TEMPLATES, template_id)
    if quality not in template.qualities:
        raise ApiError(EFFECT_QUALITY)
    return template


def image_template(template_id: int) -> Template:
    """Return an effect for images; 500070 when it is not activated."""
    return _activated(IMAGE_TEMPLATES, template_id)


def _activated(templates: dict[int, Template], template_id: int) -> Template:
    template = templates.get(template_id)
    if template is None:
        raise ApiError(TEMPLATE_NOT_ACTIVE)
    return template
