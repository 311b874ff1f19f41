"""What PixVerse charges, in credits (100 credits are 1 USD when paid as you go).

Source: model pricing page of docs.platform.pixverse.ai, that of v5.5 as read by others in August 2026. Where
two pages differ, the higher price stands here. Prices change: what is charged in fact is the
``credits`` of an answer, so these figures are for estimates and for ``max_credits`` only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pixverse_provider.api.rules import QUALITIES

__all__ = [
    "LIP_SYNC_CREDITS_PER_SECOND",
    "LIP_SYNC_CREDITS_PER_TTS_BLOCK",
    "TTS_BLOCK_BYTES",
    "clip_credits",
    "fusion_credits",
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


@dataclass(frozen=True)
class _PerSecond:
    """Credits of one second of a clip, without and with audio, by quality."""

    silent: dict[str, int]
    with_audio: dict[str, int]


def _by_quality(*prices: int) -> dict[str, int]:
    return dict(zip(QUALITIES, prices, strict=False))


_NORMAL = {5: _by_quality(45, 45, 60, 120), 8: _by_quality(90, 90, 120)}
_FAST = {5: _by_quality(90, 90, 120)}
_V5 = {5: _by_quality(45, 45, 60, 120), 8: _by_quality(90, 90, 120, 240)}
_V5_5 = {**_V5, 10: _by_quality(99, 99, 132)}
_V5_5_AUDIO = 10
_V5_5_MULTI_CLIP = 30
_V5_6 = {
    5: _by_quality(35, 35, 45, 75),
    8: _by_quality(70, 70, 90, 150),
    10: _by_quality(77, 77, 99),
}
# As published, although 720p is cheaper than 540p here; the table of fusions says 80 for it.
_V5_6_WITH_AUDIO = {
    5: _by_quality(80, 90, 80, 150),
    8: _by_quality(115, 115, 135, 195),
    10: _by_quality(122, 122, 144),
}
_BEFORE_V5 = ("v3.5", "v4", "v4.5")
_PER_SECOND = {
    "v6": _PerSecond(_by_quality(5, 7, 9, 18), _by_quality(7, 9, 12, 23)),
    "c1": _PerSecond(_by_quality(6, 8, 10, 19), _by_quality(8, 10, 13, 24)),
}


def clip_credits(
    model: str,
    quality: str,
    seconds: int,
    *,
    fast: bool = False,
    audio: bool = False,
    multi_clip: bool = False,
    speech: bool = False,
) -> int | None:
    """Return the credits of a clip from text, from an image, between two frames, or that extends a video.

    :param seconds: length of the clip.
    :param fast: motion mode ``fast``.
    :param audio: with audio made by the model.
    :param multi_clip: of several shots.
    :param speech: with a lip sync within the generation, 4 credits for each second of the clip.
    :returns: None where no table holds this combination.
    """
    if model in _PER_SECOND:
        table = _PER_SECOND[model]
        price: int | None = (table.with_audio if audio else table.silent)[quality] * seconds
    elif model in _BEFORE_V5:
        price = (_FAST if fast else _NORMAL).get(seconds, {}).get(quality)
    elif model == "v5":
        price = _V5.get(seconds, {}).get(quality)
    elif model == "v5.5":
        price = _V5_5.get(seconds, {}).get(quality)
        if price is not None:
            price += audio * _V5_5_AUDIO + multi_clip * _V5_5_MULTI_CLIP
    elif model == "v5.6":
        price = (_V5_6_WITH_AUDIO if audio else _V5_6).get(seconds, {}).get(quality)
    else:
        price = None
    if price is None or not speech:
        return price
    return price + seconds * LIP_SYNC_CREDITS_PER_SECOND


def fusion_credits(model: str, quality: str, seconds: int) -> int | None:
    """Return the credits of a fusion, whose table is known for v4.5 alone; None for every other model."""
    return _NORMAL.get(seconds, {}).get(quality) if model == "v4.5" else None
