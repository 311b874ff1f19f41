"""What the endpoints that work on a video accept, what they cost, and how they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from pixverse_provider.emulator.rules import edits
from tests.unit.emulator.rules.library import (
    AUDIO,
    GENERATED,
    IMAGE,
    IMAGES,
    MASK,
    VIDEO,
    Endpoint,
    FakeLibrary,
)

restyle = Endpoint(edits.restyle, {"video_media_id": VIDEO, "restyle_prompt": "ink wash"})
swap = Endpoint(
    edits.swap,
    {"source_video_id": GENERATED, "keyframe_id": 1, "mask_id": MASK, "img_id": IMAGE, "quality": "540p"},
)
sound = Endpoint(edits.sound_effect, {"video_media_id": VIDEO})
extend = Endpoint(
    edits.extend,
    {"video_media_id": VIDEO, "prompt": "on to sea", "model": "v5", "duration": 5, "quality": "540p"},
)
mimic = Endpoint(edits.mimic, {"video_media_id": VIDEO, "img_id": IMAGE, "quality": "540p"})
modify = Endpoint(edits.modify, {"video_media_id": VIDEO, "prompt": "make it rain", "quality": "540p"})

ALL = {"restyle": restyle, "swap": swap, "sound": sound, "extend": extend, "mimic": mimic, "modify": modify}
every_edit = pytest.mark.parametrize("edit", ALL.values(), ids=ALL)


@every_edit
def test_there_is_exactly_one_source(edit: Endpoint) -> None:
    assert edit.refusal(source_video_id=..., video_media_id=...) == 400017
    assert edit.refusal(source_video_id=GENERATED, video_media_id=VIDEO) == 400017
    assert edit.order(source_video_id=GENERATED, video_media_id=0).credits > 0


@every_edit
def test_the_source_exists_and_is_a_video(edit: Endpoint) -> None:
    assert edit.refusal(source_video_id=..., video_media_id=1) == 500008
    assert edit.refusal(source_video_id=1, video_media_id=None) == 500008
    assert edit.refusal(source_video_id=..., video_media_id=AUDIO) == 400017
    assert edit.refusal(source_video_id="1", video_media_id=...) == 400013


@every_edit
def test_an_unknown_field_is_refused(edit: Endpoint) -> None:
    assert edit.refusal(lip_sync_tts_content="hello") == 400017


def test_a_restyle_is_by_preset_or_by_prompt() -> None:
    assert restyle.refusal(restyle_prompt=...) == 400017
    assert restyle.refusal(restyle_id=315446315336768) == 400017
    assert restyle.order(restyle_id=315446315336768, restyle_prompt="").prompt == "comic book look"
    assert restyle.refusal(restyle_id=7, restyle_prompt="") == 500008
    assert restyle.refusal(restyle_prompt="x" * 5001) == 400018
    assert restyle.order(restyle_prompt="x" * 5000, seed=7).seed == 7


@pytest.mark.parametrize(("edit", "limit"), [(restyle, 16), (mimic, 30), (modify, 30)])
def test_a_source_may_only_be_so_long(edit: Endpoint, limit: int) -> None:
    assert edit.order(FakeLibrary(seconds=limit)).credits > 0
    assert edit.refusal(FakeLibrary(seconds=limit + 0.1)) == 400017


def test_a_mask_belongs_to_its_source_and_key_frame() -> None:
    assert swap.refusal(mask_id="another") == 500008
    assert swap.refusal(keyframe_id=2) == 400017
    assert swap.refusal(source_video_id=..., video_media_id=VIDEO) == 400017
    assert swap.order(keyframe_id=...).credits == 50
    assert swap.refusal(mask_id=1001) == 400013
    assert swap.refusal(quality="1080p") == 400017
    assert swap.required("mask_id", "img_id", "quality")


def test_a_sound_effect_is_billed_for_each_started_5_seconds_of_the_source() -> None:
    for seconds, price in ((5.0, 10), (5.02, 20), (8.0, 20), (10.0, 20), (10.1, 30)):
        assert sound.order(FakeLibrary(seconds=seconds)).credits == price
    assert sound.refusal(sound_effect_content="x" * 2049) == 400018
    assert sound.order(prompt="rain").prompt == "rain"
    assert sound.refusal(original_sound_switch="yes") == 400013


def test_an_extend_is_for_some_models_and_costs_what_is_added() -> None:
    for model in ("v5.6", "c1"):
        assert extend.refusal(model=model) == 400017
    assert extend.order(model="v6", duration=7, quality="1080p").credits == 126
    assert extend.order(model="v4", motion_mode="fast").credits == 90
    assert extend.order(model="v3.5", style="day").credits == 45
    assert extend.required("prompt", "model", "duration", "quality")
    assert extend.refusal(generate_audio_switch=True, model="v6") == 400017
    assert extend.refusal(template_id=1) == 500070


@pytest.mark.parametrize(("quality", "price"), [("360p", 72), ("540p", 80), ("720p", 96), ("1080p", 192)])
def test_a_mimic_is_billed_by_started_second(quality: str, price: int) -> None:
    assert mimic.order(quality=quality).credits == price


def test_a_mimic_needs_a_clear_subject_and_a_person() -> None:
    assert mimic.refusal(FakeLibrary(image_name="crowd [no subject].png")) == 701002
    assert mimic.refusal(FakeLibrary(video_name="sea [no person].mp4")) == 701003
    assert mimic.refusal(img_id=5) == 400032
    assert mimic.refusal(FakeLibrary(size=101 * 1024 * 1024)) == 400017
    assert mimic.required("img_id", "quality")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"img_ids": list(IMAGES[:4])}, 400017),
        ({"img_ids": ["1"]}, 400013),
        ({"img_ids": [5]}, 400032),
        ({"mask_ids": [MASK] * 4}, 400017),
        ({"mask_ids": [1001]}, 400013),
        ({"mask_ids": ["another"]}, 500008),
        ({"mask_urls": "http://127.0.0.1/a.png"}, 400013),
        ({"keyframe_ids": [1.5]}, 400013),
        ({"prompt": "x" * 5001}, 400018),
        ({"prompt": ""}, 400011),
        ({"quality": "1080p"}, 400017),
    ],
)
def test_a_modify_that_is_refused(changes: dict[str, Any], code: int) -> None:
    assert modify.refusal(**changes) == code


def test_a_modify_points_at_masks_and_images() -> None:
    order = modify.order(
        prompt="replace @selection0 by @img0",
        img_ids=list(IMAGES[:3]),
        mask_ids=[MASK],
        keyframe_ids=[1, 2],
        mask_urls=[],
    )
    assert order.credits == 80
    assert order.prompt == "replace @selection0 by @img0"
