from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.pricing import (
    clip_credits,
    fusion_credits,
    lip_sync_audio_credits,
    lip_sync_tts_credits,
)


@pytest.mark.parametrize(
    ("text", "credits_charged"),
    [
        ("x" * 200, 56),
        ("口" * 200, 160),
        ("x", 4),
        ("x" * 15, 4),
        ("x" * 16, 8),
        ("口" * 5, 4),
        ("口" * 6, 8),
    ],
    ids=lambda value: f"{value[:1]}x{len(value)}" if isinstance(value, str) else None,
)
def test_a_text_costs_4_credits_per_started_block_of_15_bytes(text: str, credits_charged: int) -> None:
    assert lip_sync_tts_credits(text) == credits_charged


@pytest.mark.parametrize(
    ("seconds", "credits_charged"), [(7.2, 32), (7, 28), (0.1, 4), (30, 120), (59.99, 240)]
)
def test_an_audio_costs_4_credits_per_started_second(seconds: float, credits_charged: int) -> None:
    assert lip_sync_audio_credits(seconds) == credits_charged


@given(st.text(min_size=1, max_size=200))
def test_an_estimate_is_never_below_the_bytes_and_never_a_block_above(text: str) -> None:
    size = len(text.encode())
    assert size <= lip_sync_tts_credits(text) // 4 * 15 < size + 15


CLIPS = [
    # model, seconds, options, credits at 360p, 540p, 720p, 1080p
    ("v5", 5, {}, (45, 45, 60, 120)),
    ("v5", 8, {}, (90, 90, 120, 240)),
    ("v3.5", 5, {}, (45, 45, 60, 120)),
    ("v4", 8, {}, (90, 90, 120, None)),
    ("v4.5", 5, {"fast": True}, (90, 90, 120, None)),
    ("v4.5", 8, {"fast": True}, (None, None, None, None)),
    ("v5.6", 5, {}, (35, 35, 45, 75)),
    ("v5.6", 8, {}, (70, 70, 90, 150)),
    ("v5.6", 10, {}, (77, 77, 99, None)),
    ("v5.6", 5, {"audio": True}, (80, 90, 80, 150)),
    ("v5.6", 8, {"audio": True}, (115, 115, 135, 195)),
    ("v5.6", 10, {"audio": True}, (122, 122, 144, None)),
    ("v6", 1, {}, (5, 7, 9, 18)),
    ("v6", 15, {"audio": True}, (105, 135, 180, 345)),
    ("c1", 2, {}, (12, 16, 20, 38)),
    ("c1", 1, {"audio": True}, (8, 10, 13, 24)),
    ("v5.5", 5, {}, (45, 45, 60, 120)),
    ("v5.5", 5, {"audio": True}, (55, 55, 70, 130)),
    ("v5.5", 5, {"multi_clip": True}, (75, 75, 90, 150)),
    ("v5.5", 5, {"audio": True, "multi_clip": True}, (85, 85, 100, 160)),
    ("v5.5", 8, {"audio": True, "multi_clip": True}, (130, 130, 160, 280)),
    ("v5.5", 10, {}, (99, 99, 132, None)),
    ("v5.5", 10, {"audio": True, "multi_clip": True}, (139, 139, 172, None)),
    ("v5", 5, {"speech": True}, (65, 65, 80, 140)),
    ("v5.5", 5, {"speech": True}, (65, 65, 80, 140)),
]


@pytest.mark.parametrize(("model", "seconds", "options", "prices"), CLIPS, ids=str)
def test_a_clip_costs_what_the_published_table_says(
    model: str, seconds: int, options: dict[str, bool], prices: tuple[int | None, ...]
) -> None:
    qualities = ("360p", "540p", "720p", "1080p")
    assert tuple(clip_credits(model, quality, seconds, **options) for quality in qualities) == prices


def test_of_the_fusions_only_that_of_v4_5_has_a_known_price() -> None:
    assert fusion_credits("v4.5", "720p", 8) == 120
    assert fusion_credits("v4.5", "1080p", 8) is None
    assert fusion_credits("v6", "720p", 8) is None
