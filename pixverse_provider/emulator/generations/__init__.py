"""The kinds of jobs. A new one is a module with rules, a recipe to render it, and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator.generations.extend import EXTEND
from pixverse_provider.emulator.generations.fusion import FUSION
from pixverse_provider.emulator.generations.image_template import IMAGE_TEMPLATE
from pixverse_provider.emulator.generations.image_to_video import IMAGE_TO_VIDEO
from pixverse_provider.emulator.generations.lip_sync import LIP_SYNC
from pixverse_provider.emulator.generations.mimic import MIMIC
from pixverse_provider.emulator.generations.modify import MODIFY
from pixverse_provider.emulator.generations.multi_transition import MULTI_TRANSITION
from pixverse_provider.emulator.generations.restyle import RESTYLE
from pixverse_provider.emulator.generations.sound_effect import SOUND_EFFECT
from pixverse_provider.emulator.generations.swap import SWAP
from pixverse_provider.emulator.generations.text_to_video import TEXT_TO_VIDEO
from pixverse_provider.emulator.generations.transition import TRANSITION

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.order import Generation

GENERATIONS: Final[tuple[Generation, ...]] = (
    TEXT_TO_VIDEO,
    IMAGE_TO_VIDEO,
    TRANSITION,
    MULTI_TRANSITION,
    FUSION,
    RESTYLE,
    SWAP,
    SOUND_EFFECT,
    EXTEND,
    LIP_SYNC,
    MIMIC,
    MODIFY,
    IMAGE_TEMPLATE,
)
