"""The voices of the documented list, in its order, and how they sound here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Voice:
    """A synthetic speaker.

    :param pitch: fundamental frequency in hertz.
    :param tract: length of the vocal tract against a typical man's; it moves the formants.
    """

    speaker_id: str
    name: str
    pitch: float
    tract: float


VOICES: Final = (
    Voice("7", "Harper", 205, 0.87),
    Voice("8", "Ava", 220, 0.85),
    Voice("3", "Isabella", 195, 0.88),
    Voice("9", "Sophia", 230, 0.84),
    Voice("1", "Emily", 212, 0.86),
    Voice("5", "Chloe", 240, 0.83),
    Voice("10", "Julia", 188, 0.89),
    Voice("11", "Mason", 105, 1.02),
    Voice("12", "Jack", 118, 1.0),
    Voice("4", "Liam", 126, 0.98),
    Voice("2", "James", 98, 1.04),
    Voice("13", "Oliver", 132, 0.97),
    Voice("6", "Adrian", 90, 1.06),
    Voice("14", "Ethan", 112, 1.01),
    Voice("Auto", "Auto", 160, 0.93),
)

_BY_ID: Final = {voice.speaker_id.lower(): voice for voice in VOICES}


def find_voice(speaker_id: str) -> Voice | None:
    """Return the voice of that id; ``auto`` in any case is the automatic one."""
    return _BY_ID.get(speaker_id.lower())
