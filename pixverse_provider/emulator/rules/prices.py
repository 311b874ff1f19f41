"""What a job costs, in credits: the published tables, and what is assumed where none was found.

Assumed, all of it here:

* 8 s of v4 and v4.5 at 1080p, which the schema has and the tables have not, cost what they do with v5.
* A template video costs what v5 does at its quality and the template's length.
* A multi-transition costs a v5 clip of 5 s for each started 5 s; the documents only say that it rises in
  steps.
* Swap and modify cost what mimic does for each started second of the source at the quality of the result,
  and at 1080p twice what they cost at 720p.
* A fusion with video references costs double, on the word of a third party; where it says a duration of 0 it
  is charged, and rendered, as 5 s.
* A sound effect costs 10 for each started 5 s; one reading of the page says 2 for each second, which is
  never more.
* An image template costs what the example of its answer shows, a mask selection too.
"""

from __future__ import annotations

import math
from typing import Final

LIP_SYNC_PER_SECOND: Final = 4
TTS_BLOCK_BYTES: Final = 15
TTS_PER_BLOCK: Final = 4
SOUND_EFFECT_PER_5_SECONDS: Final = 10
MASK_SELECTION: Final = 2
IMAGE_TEMPLATE: Final = 10
TEMPLATE_AS_MODEL: Final = "v5"
REFERENCED_VIDEO_SECONDS: Final = 5

_QUALITIES: Final = ("360p", "540p", "720p", "1080p")
_NORMAL_PER_CLIP: Final = {5: (45, 45, 60, 120), 8: (90, 90, 120, 240)}
_FAST_PER_CLIP: Final = {5: (90, 90, 120, 0)}
_V55_AT_10_SECONDS: Final = (99, 99, 132, 0)
_V55_AUDIO: Final = 10
_V55_MULTI_CLIP: Final = 30
_V56_SILENT: Final = {5: (35, 35, 45, 75), 8: (70, 70, 90, 150), 10: (77, 77, 99, 0)}
_V56_AUDIO: Final = {5: (80, 90, 80, 150), 8: (115, 115, 135, 195), 10: (122, 122, 144, 0)}
_V56_AUDIO_FUSION: Final = _V56_AUDIO | {5: (80, 80, 80, 150)}
_PER_SECOND: Final = {
    ("v6", False): (5, 7, 9, 18),
    ("v6", True): (7, 9, 12, 23),
    ("c1", False): (6, 8, 10, 19),
    ("c1", True): (8, 10, 13, 24),
}
_RESTYLE_PER_SECOND: Final = 10
_EDIT_PER_SECOND: Final = (9, 10, 12, 24)


def started(amount: float, unit: float) -> int:
    """Return how many units were started; an amount is compared to the millisecond, 5.0001 s count as 5."""
    return max(1, math.ceil(round(amount, 3) / unit))


def lip_sync_audio(seconds: float) -> int:
    """Return the price of a lip sync to an uploaded audio of that length."""
    return started(seconds, 1) * LIP_SYNC_PER_SECOND


def lip_sync_tts(text: str) -> int:
    """Return the price of a lip sync to synthetic speech; bytes count, not characters."""
    return started(len(text.encode()), TTS_BLOCK_BYTES) * TTS_PER_BLOCK


def clip(
    *,
    model: str,
    quality: str,
    seconds: int,
    fast: bool = False,
    audio: bool = False,
    multi_clip: bool = False,
    fusion: bool = False,
) -> int:
    """Return the price of a generated clip. The table of fusion differs in one number."""
    column = _QUALITIES.index(quality)
    if (model, audio) in _PER_SECOND:
        return _PER_SECOND[model, audio][column] * seconds
    if model == "v5.5":
        silent = _V55_AT_10_SECONDS if seconds == 10 else _NORMAL_PER_CLIP[seconds]
        return silent[column] + _V55_AUDIO * audio + _V55_MULTI_CLIP * multi_clip
    if model == "v5.6":
        with_audio = _V56_AUDIO_FUSION if fusion else _V56_AUDIO
        return (with_audio if audio else _V56_SILENT)[seconds][column]
    return (_FAST_PER_CLIP if fast else _NORMAL_PER_CLIP)[seconds][column]


def multi_transition(*, quality: str, seconds: int) -> int:
    """Return the price of a clip through several key frames."""
    return started(seconds, 5) * clip(model="v5", quality=quality, seconds=5)


def restyle(seconds: float) -> int:
    """Return the price of a restyle of that many seconds."""
    return started(seconds, 1) * _RESTYLE_PER_SECOND


def edit(*, quality: str, seconds: float) -> int:
    """Return the price of a mimic, and of a swap and a modify, of that many seconds."""
    return started(seconds, 1) * _EDIT_PER_SECOND[_QUALITIES.index(quality)]


def inline_lip_sync(clip_seconds: int) -> int:
    """Return what speech inside a generated clip adds to its price."""
    return clip_seconds * LIP_SYNC_PER_SECOND


def sound_effect(clip_seconds: float) -> int:
    """Return what a sound effect costs."""
    return started(clip_seconds, 5) * SOUND_EFFECT_PER_5_SECONDS
