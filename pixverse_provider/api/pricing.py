"""What PixVerse charges, in credits (100 credits are 1 USD when paid as you go).

Source: model pricing page of docs.platform.pixverse.ai. Prices change: what is charged in fact is the
``credits`` of an answer, so these figures are for estimates and for ``max_credits`` only.
"""

from __future__ import annotations

import math

__all__ = [
    "LIP_SYNC_CREDITS_PER_SECOND",
    "LIP_SYNC_CREDITS_PER_TTS_BLOCK",
    "TTS_BLOCK_BYTES",
    "lip_sync_audio_credits",
    "lip_sync_tts_credits",
]

LIP_SYNC_CREDITS_PER_SECOND = 4
LIP_SYNC_CREDITS_PER_TTS_BLOCK = 4
TTS_BLOCK_BYTES = 15


def lip_sync_audio_credits(seconds: float) -> int:
    """Return the credits of a lip sync to audio: 4 for each started second."""
    return math.ceil(seconds) * LIP_SYNC_CREDITS_PER_SECOND


def lip_sync_tts_credits(text: str) -> int:
    """Return the credits of a lip sync to synthetic speech: 4 for each started block of 15 UTF-8 bytes."""
    return math.ceil(len(text.encode()) / TTS_BLOCK_BYTES) * LIP_SYNC_CREDITS_PER_TTS_BLOCK
