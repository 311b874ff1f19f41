"""The emulator's reading of the rules: what it charges for a request, without a server.

Tests that compare it with that of the provider import it from here, so that a move is a line to change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pixverse_provider.emulator.protocol import ApiError
from pixverse_provider.emulator.render.sound import VOICES
from pixverse_provider.emulator.rules import GENERATIONS
from pixverse_provider.emulator.rules.request import Fields
from tests.unit.emulator.rules.library import FakeLibrary

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["VOICE_IDS", "Refusal", "charged"]

VOICE_IDS = tuple(voice.speaker_id for voice in VOICES)

Refusal = ApiError

_RULES = {generation.path: generation.rules for generation in GENERATIONS}
_LIBRARY = FakeLibrary()


def charged(path: str, body: Mapping[str, Any]) -> int:
    """Return the credits of a request.

    :raises Refusal: where the emulator refuses it.
    """
    return _RULES[path](Fields(body), _LIBRARY).credits
