"""What text-to-video accepts, what it costs, and how it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pixverse_provider.emulator.rules.clips import text_to_video
from tests.unit.emulator.caller import BOAT, TEXT_TO_VIDEO
from tests.unit.emulator.rules.library import Endpoint

if TYPE_CHECKING:
    from pixverse_provider.emulator.client import EmulatorControl
    from tests.unit.emulator.caller import Caller


TEXT = Endpoint(text_to_video, BOAT)
order, refusal = TEXT.order, TEXT.refusal


@pytest.mark.parametrize("name", BOAT)
def test_each_required_field_is_missed(name: str) -> None:
    assert refusal(**{name: ...}) == 400011
    assert refusal(**{name: None}) == 400011
    assert refusal(**{name: ""}) == 400011


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": 5},
        {"duration": "5"},
        {"duration": 5.0},
        {"duration": True},
        {"seed": "1"},
        {"water_mark": 1},
        {"generate_audio_switch": "true"},
        {"template_id": "302325299692608"},
        {"negative_prompt": ["a"]},
    ],
)
def test_nothing_is_converted(changes: dict[str, Any]) -> None:
    assert refusal(**changes) == 400013


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "v7"},
        {"quality": "480p"},
        {"duration": 6},
        {"duration": 16, "model": "v6"},
        {"model": "v3.5", "duration": 8, "quality": "1080p"},
        {"model": "v5.5", "duration": 10, "quality": "1080p"},
        {"aspect_ratio": "21:9"},
        {"motion_mode": "fast"},
        {"motion_mode": "fast", "model": "v4", "duration": 8},
        {"motion_mode": "slow"},
        {"style": "anime"},
        {"camera_movement": "zoom_in"},
        {"camera_movement": "zoom_in", "model": "v4", "template_id": 302325299692608},
        {"generate_audio_switch": True},
        {"generate_multi_clip_switch": True},
        {"sound_effect_switch": True, "model": "v6"},
        {"sound_mode": "default_music", "sound_effect_content": "rain"},
        {"lip_sync_tts_switch": True},
        {"lip_sync_switch": True, "lip_sync_tts_content": "hello", "lip_sync_tts_speaker_id": "99"},
        {"lip_sync_tts_switch": True, "lip_sync_tts_content": "hello", "model": "v6"},
        {"seed": -1},
        {"seed": 2**31},
        {"prompts": "misspelled"},
    ],
)
def test_values_and_combinations_that_do_not_exist_are_invalid(changes: dict[str, Any]) -> None:
    assert refusal(**changes) == 400017


def test_long_texts_have_codes_of_their_own() -> None:
    for model, price in (("v5", 45), ("v6", 25)):
        assert order(prompt="x" * 5000, model=model).credits == price
        assert refusal(prompt="x" * 5001, model=model) == 400018
    assert refusal(negative_prompt="x" * 2049) == 400019


def test_a_template_has_to_be_activated() -> None:
    assert refusal(template_id=1) == 500070
    assert order(template_id=302325299692608).credits == 45


@pytest.mark.parametrize(
    ("changes", "price"),
    [
        ({}, 45),
        ({"duration": 8, "quality": "1080p"}, 240),
        ({"model": "v4.5", "duration": 8, "quality": "1080p"}, 240),
        ({"model": "v3.5", "style": "realistic"}, 45),
        ({"model": "v4", "camera_movement": "default"}, 45),
        ({"quality": "720p"}, 60),
        ({"model": "v4", "motion_mode": "fast", "quality": "720p"}, 120),
        ({"model": "v5.6", "duration": 10}, 77),
        ({"model": "v5.6", "generate_audio_switch": True}, 80),
        ({"model": "v5.5", "duration": 8, "quality": "720p"}, 120),
        ({"model": "v5.5", "duration": 8, "generate_audio_switch": True}, 100),
        ({"model": "v5.5", "duration": 10, "generate_multi_clip_switch": True}, 129),
        ({"model": "v6", "duration": 7, "quality": "720p"}, 63),
        ({"model": "v6", "duration": 7, "quality": "720p", "generate_audio_switch": True}, 84),
        ({"model": "c1", "duration": 1, "quality": "1080p"}, 19),
        ({"sound_effect_switch": True, "duration": 8}, 110),
        ({"lip_sync_tts_switch": True, "lip_sync_tts_content": "hello"}, 65),
    ],
)
def test_it_costs_what_the_documents_say(changes: dict[str, Any], price: int) -> None:
    assert order(**changes).credits == price


def test_the_result_echoes_the_request(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    pixverse_emulator.settings(render="placeholder")
    said: dict[str, Any] = {
        "prompt": "a boat",
        "negative_prompt": "rain",
        "style": "clay",
        "seed": 7,
        "model": "v3.5",
    }
    result = api.result(api.boat(**said, quality="720p"))
    assert {name: result[name] for name in said if name != "model"} | {"model": "v3.5"} == said
    assert result["resolution_ratio"] == 720


def test_a_refused_submit_costs_nothing(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    assert api.submit(TEXT_TO_VIDEO, {**BOAT, "model": "v7"})["ErrCode"] == 400017
    ledger = pixverse_emulator.ledger()
    assert (ledger["jobs"], ledger["charged"]) == (0, 0)
