"""The kinds of jobs. A new one is a module with rules, a recipe to render it, and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator.generations.lip_sync import LIP_SYNC
from pixverse_provider.emulator.generations.text_to_video import TEXT_TO_VIDEO

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.order import Generation

GENERATIONS: Final[tuple[Generation, ...]] = (TEXT_TO_VIDEO, LIP_SYNC)
