from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.pricing import lip_sync_audio_credits, lip_sync_tts_credits


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
