"""What lip sync accepts, what it costs, and in which order it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pixverse_provider.emulator.protocol import ApiError
from pixverse_provider.emulator.rules.edits import lip_sync
from pixverse_provider.emulator.rules.request import Fields
from tests.unit.emulator.rules.library import AUDIO, GENERATED, VIDEO, FakeLibrary

if TYPE_CHECKING:
    from pixverse_provider.emulator.rules.request import Order

TTS: dict[str, Any] = {"lip_sync_tts_speaker_id": "7", "lip_sync_tts_content": "Good morning, and welcome."}


def order(audio_seconds: float = 7.2, **body: Any) -> Order:
    return lip_sync(Fields(body), FakeLibrary(seconds=audio_seconds))


def refusal(**body: Any) -> str:
    with pytest.raises(ApiError) as refused:
        order(**body)
    return str(refused.value)


def test_every_documented_pair_of_sources_is_accepted() -> None:
    assert order(source_video_id=GENERATED, **TTS).resolution_ratio == 720
    assert order(video_media_id=VIDEO, audio_media_id=AUDIO).resolution_ratio == 360
    assert order(video_media_id=VIDEO, **{**TTS, "lip_sync_tts_speaker_id": "AUTO"}).credits == 8


def test_zero_null_and_empty_count_as_not_given() -> None:
    for nothing in (0, None, ""):
        accepted = order(
            source_video_id=nothing,
            video_media_id=VIDEO,
            audio_media_id=AUDIO,
            lip_sync_tts_speaker_id=nothing or None,
            lip_sync_tts_content="",
        )
        assert accepted.credits == 32


@pytest.mark.parametrize("wrong", ["425662507205761", 425662507205761.0, True, -1, 2**64, [VIDEO]])
def test_an_id_is_an_unsigned_64_bit_number_and_nothing_else(wrong: Any) -> None:
    assert refusal(video_media_id=wrong, audio_media_id=AUDIO).startswith("400013")


def test_sources_are_checked_first() -> None:
    assert "exactly one of source_video_id and video_media_id" in refusal()
    both = refusal(source_video_id=1, video_media_id=2)
    assert "exactly one of source_video_id and video_media_id" in both


def test_then_that_there_is_one_voice() -> None:
    assert "neither audio nor a TTS pair" in refusal(video_media_id=1)
    assert "not both" in refusal(video_media_id=1, audio_media_id=1, lip_sync_tts_content="hello")
    assert "needs both" in refusal(video_media_id=1, lip_sync_tts_content="hello")
    assert "needs both" in refusal(video_media_id=1, lip_sync_tts_speaker_id="7")


def test_then_that_the_ids_exist_and_are_of_the_right_kind() -> None:
    assert "source_video_id not known" in refusal(source_video_id=1, **TTS | {"lip_sync_tts_speaker_id": "x"})
    assert "video_media_id not known" in refusal(video_media_id=1, audio_media_id=1)
    assert "video_media_id is of the wrong kind" in refusal(video_media_id=AUDIO, audio_media_id=VIDEO)
    assert "audio_media_id not known" in refusal(video_media_id=VIDEO, audio_media_id=1)
    assert "audio_media_id is of the wrong kind" in refusal(video_media_id=VIDEO, audio_media_id=VIDEO)


def test_then_the_speaker_and_then_the_text() -> None:
    long: dict[str, Any] = {"lip_sync_tts_content": "x" * 201}
    assert "speaker not known" in refusal(video_media_id=VIDEO, lip_sync_tts_speaker_id="15", **long)
    assert "over 200" in refusal(video_media_id=VIDEO, lip_sync_tts_speaker_id="14", **long)
    assert "not acceptable" in refusal(video_media_id=VIDEO, **TTS | {"lip_sync_tts_content": "  "})


def test_the_text_is_limited_in_characters_and_billed_in_bytes() -> None:
    latin = order(video_media_id=VIDEO, **TTS | {"lip_sync_tts_content": "x" * 200})
    chinese = order(video_media_id=VIDEO, **TTS | {"lip_sync_tts_content": "好" * 200})
    assert (latin.credits, chinese.credits) == (56, 160)


@pytest.mark.parametrize(
    ("seconds", "price"), [(0.3, 4), (5.0, 20), (5.0001, 20), (5.01, 24), (7.2, 32), (60.0, 240)]
)
def test_each_started_second_of_audio_is_billed(seconds: float, price: int) -> None:
    assert order(seconds, video_media_id=VIDEO, audio_media_id=AUDIO).credits == price


@pytest.mark.parametrize("other", ["model", "quality", "prompt", "seed", "lip_sync_tts_contents"])
def test_nothing_else_is_accepted(other: str) -> None:
    assert f"{other} is not a field" in refusal(video_media_id=VIDEO, audio_media_id=AUDIO, **{other: "x"})
