"""What the endpoints that start from pictures accept, what they cost, and how they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from pixverse_provider.emulator.rules import clips
from tests.unit.emulator.rules.library import IMAGE, IMAGES, VIDEO, Endpoint, FakeLibrary

CLIP = {"prompt": "she turns", "model": "v5", "duration": 5, "quality": "540p"}
TEMPLATE, SHORT_OF_QUALITY, LONG_TEMPLATE = 302325299692608, 315446315336768, 308621408717184

image = Endpoint(clips.image_to_video, {**CLIP, "img_id": IMAGE})
transition = Endpoint(clips.transition, {**CLIP, "first_frame_img": IMAGES[0], "last_frame_img": IMAGES[1]})
frames = Endpoint(
    clips.multi_transition,
    {
        "model": "v5",
        "quality": "540p",
        "multi_transition": [
            {"img_id": IMAGES[0], "duration": 3, "prompt": "slow zoom"},
            {"img_id": IMAGES[1], "duration": 3},
            {"img_id": IMAGES[2]},
        ],
    },
)
template = Endpoint(clips.image_template, {"img_ids": [IMAGE], "template_id": 384268229671680})


def references(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [
        {"type": "subject", "img_id": IMAGES[index], "ref_name": f"ref {index}", **changes}
        for index in range(count)
    ]


fusion = Endpoint(clips.fusion, {**CLIP, "aspect_ratio": "16:9", "image_references": references(2)})


@pytest.mark.parametrize("wrong", ["164913710", 1.0, True, -1, 2**64, [IMAGE], {}])
def test_an_image_id_is_an_unsigned_64_bit_number_and_nothing_else(wrong: Any) -> None:
    assert image.refusal(img_id=wrong) == 400013
    assert transition.refusal(last_frame_img=wrong) == 400013
    assert image.refusal(img_id=..., img_ids=[wrong], template_id=TEMPLATE) == 400013
    assert fusion.refusal(image_references=references(1, img_id=wrong)) == 400013
    assert frames.refusal(multi_transition=[{"img_id": wrong, "duration": 1}, {"img_id": IMAGE}]) == 400013


@pytest.mark.parametrize("unknown", [1, VIDEO, 2**64 - 1])
def test_an_unknown_image_has_a_code_of_its_own(unknown: int) -> None:
    assert image.refusal(img_id=unknown) == 400032
    assert transition.refusal(first_frame_img=unknown) == 400032
    assert frames.refusal(multi_transition=[{"img_id": unknown, "duration": 1}, {"img_id": IMAGE}]) == 400032
    assert fusion.refusal(image_references=references(1, img_id=unknown)) == 400032
    assert template.refusal(img_ids=[IMAGE, unknown]) == 400032


def test_what_is_required_is_missed() -> None:
    assert image.required("img_id", *CLIP)
    assert transition.required("first_frame_img", "last_frame_img", *CLIP)
    assert frames.required("model", "quality", "multi_transition")
    assert fusion.required("aspect_ratio", "image_references", *CLIP)
    assert template.required("img_ids", "template_id")
    for endpoint in (image, transition):
        assert endpoint.refusal(aspect_ratio="16:9") == 400017
    assert image.refusal(img_id=0) == 400011


def test_an_image_is_given_once() -> None:
    assert image.refusal(img_ids=[IMAGE], template_id=TEMPLATE) == 400017
    assert image.refusal(img_id=..., img_ids=[IMAGE]) == 400017
    assert image.order(img_ids=[], template_id=0).credits == 45
    several = image.order(img_id=0, img_ids=list(IMAGES[:2]), template_id=TEMPLATE)
    assert several.template_id == TEMPLATE


def test_a_template_has_its_own_length_takes_any_model_and_needs_no_prompt() -> None:
    assert image.order(template_id=TEMPLATE, prompt="").credits == 45
    assert (
        image.order(template_id=LONG_TEMPLATE, model="v6", duration=5, sound_effect_switch=True).credits
        == 110
    )
    assert image.order(template_id=TEMPLATE, model="v3.5", duration=3).credits == 45
    assert image.refusal(template_id=1) == 500070
    assert image.refusal(template_id=SHORT_OF_QUALITY, quality="720p") == 500071
    assert image.order(template_id=SHORT_OF_QUALITY, quality="360p").credits == 45
    assert image.refusal(template_id=TEMPLATE, camera_movement="zoom_in", model="v4") == 400017
    assert template.refusal(template_id=TEMPLATE) == 500070


@pytest.mark.parametrize(
    "changes",
    [
        {"duration": 6},
        {"model": "v3.5", "quality": "1080p", "duration": 8},
        {"motion_mode": "fast"},
        {"style": "anime"},
        {"model": "v5", "generate_audio_switch": True},
        {"lip_sync_switch": True},
        {"unknown": 1},
    ],
)
def test_the_rules_of_the_models_hold_for_pictures_too(changes: dict[str, Any]) -> None:
    assert image.refusal(**changes) == 400017
    assert transition.refusal(**changes) == 400017


@pytest.mark.parametrize(
    ("changes", "price"),
    [
        ({}, 45),
        ({"model": "v4", "motion_mode": "fast"}, 90),
        ({"model": "v6", "duration": 15, "quality": "1080p", "generate_audio_switch": True}, 345),
        ({"model": "v5.6", "generate_audio_switch": True}, 90),
        ({"lip_sync_switch": True, "lip_sync_tts_content": "hello"}, 65),
    ],
)
def test_they_cost_what_text_to_video_costs(changes: dict[str, Any], price: int) -> None:
    assert image.order(**changes).credits == price
    assert transition.order(**changes).credits == price


def test_the_prompt_to_an_image_may_be_longer_than_that_of_a_transition() -> None:
    assert image.order(prompt="x" * 5000).credits == 45
    assert image.refusal(prompt="x" * 5001) == 400018
    assert transition.order(prompt="x" * 2048).credits == 45
    assert transition.refusal(prompt="x" * 2049) == 400018
    assert transition.order(prompt="x" * 5000, model="v6").credits == 35


def keys(*lengths: int | None) -> list[dict[str, Any]]:
    return [
        {"img_id": IMAGES[index], **({} if seconds is None else {"duration": seconds})}
        for index, seconds in enumerate(lengths)
    ]


@pytest.mark.parametrize(
    ("multi_transition", "code"),
    [
        (keys(3), 400017),
        (keys(*[1] * 8), 400017),
        (keys(None, 3), 400011),
        (keys(20, 11, None), 400017),
        (keys(31, None), 400017),
        ([3, 4], 400013),
        ({"img_id": IMAGE}, 400013),
        ([{**keys(3)[0], "prompt": "x" * 2049}, *keys(None)], 400018),
        ([{**keys(3)[0], "name": "x"}, *keys(None)], 400017),
    ],
)
def test_key_frames_that_are_refused(multi_transition: Any, code: int) -> None:
    assert frames.refusal(multi_transition=multi_transition) == code


def test_two_to_seven_key_frames_of_up_to_30_seconds() -> None:
    assert frames.order(multi_transition=keys(1, None)).credits == 45
    assert frames.order(multi_transition=keys(5, 5, 5, 5, 5, 5, 9), quality="1080p").credits == 6 * 120
    assert frames.order().credits == 90
    assert frames.refusal(model="v5.5") == 400017


@pytest.mark.parametrize(
    ("model", "most"), [("v4.5", 3), ("v5", 3), ("v5.5", 7), ("v5.6", 7), ("v6", 7), ("c1", 7)]
)
def test_each_model_takes_so_many_references(model: str, most: int) -> None:
    assert fusion.order(model=model, image_references=references(most)).credits > 0
    assert fusion.refusal(model=model, image_references=references(most + 1)) == 400017


def test_the_newest_fields_of_fusion_need_v6() -> None:
    ten = references(10)
    assert fusion.order(model="v6", image_references=ten, reference_mode="omni").credits == 35
    assert fusion.refusal(model="c1", image_references=ten, reference_mode="omni") == 400017
    video = [{"media_id": VIDEO}]
    assert fusion.order(model="v6", duration=0, video_references=video).credits == 70
    assert fusion.refusal(model="v6", duration=0) == 400011
    assert fusion.refusal(model="v6", duration=5, video_references=video) == 400017
    assert fusion.refusal(model="v5.6", video_references=video) == 400017
    assert fusion.refusal(model="v4") == 400017


@pytest.mark.parametrize("name", ["x" * 31, "chat-noir", "chät", "@cat", "好"])
def test_a_reference_has_a_plain_name_of_30_bytes(name: str) -> None:
    assert fusion.refusal(image_references=references(1, ref_name=name)) == 400017


def test_names_of_references_are_all_different() -> None:
    assert fusion.order(image_references=references(1, ref_name="x" * 30)).credits == 45
    assert fusion.refusal(image_references=references(2, ref_name="cat")) == 400017
    assert fusion.refusal(image_references=references(1, ref_name="")) == 400011
    assert fusion.refusal(image_references=references(1, type="object")) == 400017


def test_the_fusion_table_differs_in_one_number() -> None:
    assert fusion.order(model="v5.6", generate_audio_switch=True).credits == 80
    assert fusion.refusal(generate_audio_switch=True) == 400017
    assert fusion.order(prompt="x" * 5000, model="c1").credits == 40
    assert fusion.refusal(prompt="x" * 2049) == 400018
    assert fusion.refusal(negative_prompt="x" * 2049) == 400019


def test_the_name_of_a_picture_is_part_of_the_text() -> None:
    assert image.order(FakeLibrary(image_name="[fail].png")).text == "she turns ([fail].png)"
    assert template.order().text == "Framed print (cat.png)"


def test_what_is_missing_is_reported_before_what_is_unknown() -> None:
    assert image.refusal(img_id=1, prompt=...) == 400011
    assert transition.refusal(first_frame_img=1, model=...) == 400011
    assert fusion.refusal(image_references=references(1, img_id=1), quality="8k") == 400017


def test_a_template_of_many_pictures_is_accepted() -> None:
    assert image.order(img_id=..., img_ids=[IMAGE] * 40, template_id=TEMPLATE).credits == 45
    assert template.order(img_ids=[IMAGE] * 40).credits == 10
