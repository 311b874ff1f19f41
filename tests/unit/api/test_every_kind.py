"""Every generation request: what it sends, refuses, warns of, and costs."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.generations import (
    GenerationRequest,
    ImageReference,
    KeyFrame,
    MaskSelectionRequest,
    field_names,
)
from pixverse_provider.api.rules import MODELS, OPTION_MODELS
from pixverse_provider.exceptions import PixVerseInvalidRequestError
from tests.support.kinds import NAMES, Ids, arguments, request_class, smallest
from tests.unit.openapi import contract

IDS = Ids()
every_kind = pytest.mark.parametrize("name", NAMES)


def made(name: str, **changes: Any) -> GenerationRequest:
    return request_class(name)(**(smallest(name, IDS) | changes))


def payload(name: str, **changes: Any) -> dict[str, Any]:
    return made(name, **changes).payload()


def body_of(path: str) -> dict[str, Any]:
    body: dict[str, Any] = contract()["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    return body


def schema_of(path: str) -> dict[str, Any]:
    return {**body_of(path)["schema"], "components": contract()["components"]}


def documented_fields(schema: Any) -> set[str]:
    if "$ref" in schema:
        target: Any = contract()
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return documented_fields(target)
    own = set(schema.get("properties", {}))
    return own.union(*(documented_fields(part) for part in schema.get("allOf", [])))


DOCUMENTED = [
    (name, example)
    for name in NAMES
    for key, example in body_of(request_class(name).path)["examples"].items()
    # Two kinds share a path.
    if (name == "TemplateVideo") is (key == "template") or name == "ImageTemplate"
]


class TestWhatIsSent:
    @pytest.mark.parametrize(("name", "example"), DOCUMENTED, ids=str)
    def test_every_documented_request_is_accepted_and_sent_as_documented(
        self, name: str, example: dict[str, Any]
    ) -> None:
        assert request_class(name)(**example["value"]).payload() == example["value"]

    @every_kind
    def test_the_call_is_the_documented_one_and_is_paid(self, name: str) -> None:
        request = made(name)
        call = request.call()
        assert (call.method, call.path, call.paid) == ("POST", request.path, True)
        assert "post" in contract()["paths"][call.path]
        assert call.payload == request.payload()

    @every_kind
    def test_a_field_has_the_name_of_the_api(self, name: str) -> None:
        documented = documented_fields(body_of(request_class(name).path)["schema"])
        assert set(field_names(request_class(name))) <= documented

    @pytest.mark.parametrize("name", ["TextToVideo", "Restyle", "Swap", "SoundEffect", "Extend", "Modify"])
    def test_no_documented_field_is_missing(self, name: str) -> None:
        documented = documented_fields(body_of(request_class(name).path)["schema"])
        unused = {"lip_sync_switch", "prompt"} if name == "SoundEffect" else {"lip_sync_switch"}
        assert documented - unused == set(field_names(request_class(name)))

    @every_kind
    def test_what_a_template_renders_to_text_is_sent_as_what_it_stands_for(self, name: str) -> None:
        rendered = {key: _as_text(value) for key, value in smallest(name, IDS).items()}
        assert request_class(name)(**rendered).payload() == payload(name)

    @pytest.mark.parametrize("value", [True, "true", "True", " TRUE ", "1", 1])
    def test_a_switch_may_be_a_text(self, value: Any) -> None:
        assert payload("ImageToVideo", water_mark=value)["water_mark"] is True

    @pytest.mark.parametrize("value", [False, "false", "False", "0", 0])
    def test_a_switch_that_is_off_is_sent_as_such(self, value: Any) -> None:
        assert payload("Swap", original_sound_switch=value)["original_sound_switch"] is False

    @every_kind
    @pytest.mark.parametrize("nothing", [None, ""])
    def test_what_is_empty_is_not_sent(self, name: str, nothing: Any) -> None:
        left_out = set(field_names(request_class(name))) - smallest(name, IDS).keys()
        assert payload(name, **dict.fromkeys(left_out, nothing)) == payload(name)

    @pytest.mark.parametrize("value", [2**64 - 1, str(2**64 - 1)])
    def test_the_largest_id_keeps_every_digit(self, value: Any) -> None:
        assert payload("Restyle", source_video_id=value)["source_video_id"] == 2**64 - 1
        assert payload("ImageTemplate", img_ids=[value])["img_ids"] == [2**64 - 1]
        frames = [{"img_id": value, "duration": 5}, {"img_id": value}]
        assert payload("MultiTransition", multi_transition=frames)["multi_transition"] == [
            {"img_id": 2**64 - 1, "duration": 5},
            {"img_id": 2**64 - 1},
        ]

    def test_parts_may_be_objects(self) -> None:
        frames = [KeyFrame(img_id=1, duration=3), KeyFrame(img_id=2, prompt="and away")]
        assert payload("MultiTransition", multi_transition=frames)["multi_transition"] == [
            {"img_id": 1, "duration": 3},
            {"img_id": 2, "prompt": "and away"},
        ]
        reference = ImageReference(type="subject", img_id=1, ref_name="cat")
        assert payload("Fusion", image_references=[reference])["image_references"] == [
            {"type": "subject", "img_id": 1, "ref_name": "cat"}
        ]

    def test_a_list_may_be_the_text_of_one_or_a_single_id(self) -> None:
        assert payload("ImageTemplate", img_ids="[1, 2]")["img_ids"] == [1, 2]
        assert payload("ImageTemplate", img_ids=7)["img_ids"] == [7]
        assert payload("ImageTemplate", img_ids="7")["img_ids"] == [7]

    def test_a_template_video_is_sent_with_what_the_api_wants_although_it_does_not_matter(self) -> None:
        assert payload("TemplateVideo") == {
            "template_id": IDS.template,
            "img_id": IDS.images[0],
            "quality": "360p",
            "prompt": "",
            "model": "v5",
            "duration": 5,
        }

    def test_a_seed_of_0_is_a_seed_and_an_extension_always_has_one(self) -> None:
        assert payload("TextToVideo", seed=0)["seed"] == 0
        assert payload("Extend")["seed"] == 0
        assert payload("Extend", seed="7")["seed"] == 7

    def test_a_swap_is_of_the_first_frame_where_nothing_else_is_said(self) -> None:
        assert payload("Swap")["keyframe_id"] == 1
        assert payload("Swap", mask_id=1001)["mask_id"] == "1001"

    def test_a_fusion_of_videos_has_no_length_of_its_own(self) -> None:
        sent = payload("Fusion", model="v6", duration=0, video_references=[{"video_id": 1}])
        assert sent["duration"] == 0
        assert sent["video_references"] == [{"video_id": 1}]

    def test_a_request_cannot_be_changed(self) -> None:
        with pytest.raises(AttributeError):
            made("Mimic").quality = "720p"  # type: ignore[attr-defined]


def _as_text(value: Any) -> Any:
    if isinstance(value, list):
        return json.dumps(value)
    return str(value)


REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("TextToVideo", {"prompt": ""}, ["prompt is missing"]),
    ("TextToVideo", {"prompt": " \n"}, ["prompt is missing"]),
    ("TextToVideo", {"prompt": "None"}, ["prompt", "template"]),
    ("TextToVideo", {"prompt": "a\ud83d"}, ["prompt", "unpaired surrogate"]),
    ("TextToVideo", {"prompt": 5}, ["prompt", "5"]),
    ("TextToVideo", {"prompt": "x" * 5001}, ["prompt", "5001", "5000"]),
    ("TextToVideo", {"prompt": "x" * 5001, "model": "v6"}, ["prompt", "5001", "5000"]),
    ("Transition", {"prompt": "x" * 2049}, ["prompt", "2049", "2048", "'v5'"]),
    ("TextToVideo", {"negative_prompt": "x" * 2049}, ["negative_prompt", "2049", "2048"]),
    ("TextToVideo", {"model": None}, ["model is missing", "'v5.6'"]),
    ("TextToVideo", {"model": "v9"}, ["model", "'v9'", "'v5.6'"]),
    ("TextToVideo", {"duration": "5 s"}, ["duration", "'5 s'", "whole number"]),
    ("TextToVideo", {"duration": 5.5}, ["duration", "5.5"]),
    ("TextToVideo", {"duration": True}, ["duration", "True"]),
    ("TextToVideo", {"duration": 0}, ["duration is missing"]),
    ("TextToVideo", {"duration": "None"}, ["duration", "template"]),
    ("TextToVideo", {"duration": 16, "model": "v6"}, ["duration", "16", "1 to 15"]),
    ("TextToVideo", {"duration": 10}, ["duration=10", "'v5'", "5, 8"]),
    ("TextToVideo", {"duration": 8, "model": "v3.5", "quality": "1080p"}, ["duration=8", "'1080p'", " 5 "]),
    ("TextToVideo", {"duration": 10, "model": "v5.6", "quality": "1080p"}, ["duration=10", "5, 8"]),
    ("TextToVideo", {"quality": "4k"}, ["quality", "'4k'", "'1080p'"]),
    ("TextToVideo", {"aspect_ratio": None}, ["aspect_ratio is missing"]),
    ("TextToVideo", {"aspect_ratio": "21:9"}, ["aspect_ratio='21:9'", "'v5'", "'9:16'"]),
    ("TextToVideo", {"seed": -1}, ["seed", "-1", "2147483647"]),
    ("TextToVideo", {"seed": 2**31}, ["seed", "2147483648"]),
    ("TextToVideo", {"seed": "1" * 5000}, ["seed"]),
    ("TextToVideo", {"style": "manga", "model": "v3.5"}, ["style", "'manga'", "'anime'"]),
    ("TextToVideo", {"style": "anime"}, ["style='anime'", "'v5'", "'v3.5'"]),
    ("TextToVideo", {"style": "realistic"}, ["style='realistic'", "'v5'", "'v3.5'"]),
    ("TextToVideo", {"camera_movement": "zoom_in"}, ["camera_movement='zoom_in'", "'v4' or 'v4.5'"]),
    (
        "TextToVideo",
        {"camera_movement": "zoom_in", "template_id": 7, "model": "v4"},
        ["camera_movement", "template_id=7"],
    ),
    ("TextToVideo", {"motion_mode": "fast"}, ["motion_mode='fast'", "'v5'"]),
    ("TextToVideo", {"motion_mode": "fast", "model": "v4", "duration": 8}, ["motion_mode='fast'", "=8"]),
    (
        "TextToVideo",
        {"motion_mode": "fast", "model": "v4", "quality": "1080p"},
        ["motion_mode='fast'", "1080p"],
    ),
    ("TextToVideo", {"sound_effect_switch": True, "model": "v6"}, ["sound_effect_switch=True", "'v6'"]),
    ("TextToVideo", {"sound_effect_content": "rain", "model": "v6"}, ["sound_effect_content", "'v6'"]),
    (
        "TextToVideo",
        {"sound_mode": "default_music", "sound_effect_content": "rain"},
        ["sound_mode", "sound_effect_content"],
    ),
    ("TextToVideo", {"lip_sync_tts_switch": True, "model": "v5.5"}, ["lip_sync_tts_switch=True", "'v5.5'"]),
    ("TextToVideo", {"lip_sync_tts_switch": True}, ["lip_sync_tts_content", "nothing to speak"]),
    ("TextToVideo", {"lip_sync_tts_speaker_id": "Emily"}, ["lip_sync_tts_speaker_id", "'Emily'"]),
    ("TextToVideo", {"generate_audio_switch": True}, ["generate_audio_switch=True", "'v5'", "'c1'"]),
    ("TextToVideo", {"generate_multi_clip_switch": "true", "model": "c1"}, ["generate_multi_clip_switch"]),
    ("TextToVideo", {"thinking_type": "auto", "model": "v6"}, ["thinking_type='auto'", "'v5.5'"]),
    ("TextToVideo", {"water_mark": "yes"}, ["water_mark", "'yes'", "true or false"]),
    ("ImageToVideo", {"img_id": 0}, ["img_id is missing"]),
    ("ImageToVideo", {"img_id": 1.0}, ["img_id", "1.0"]),
    ("TemplateVideo", {"template_id": None}, ["template_id is missing"]),
    ("TemplateVideo", {"img_id": None}, ["img_id", "img_ids"]),
    ("TemplateVideo", {"img_ids": [1, 2]}, ["img_id=", "img_ids=(1, 2)"]),
    ("TemplateVideo", {"img_id": None, "img_ids": [1, 0]}, ["img_ids[1]"]),
    ("Transition", {"last_frame_img": ""}, ["last_frame_img is missing"]),
    ("MultiTransition", {"model": "v6"}, ["model", "'v6'", "'v4.5'"]),
    ("MultiTransition", {"multi_transition": [{"img_id": 1}]}, ["multi_transition", "2 to 7", "1"]),
    ("MultiTransition", {"multi_transition": [{"img_id": 1, "duration": 1}] * 8}, ["2 to 7", "8"]),
    ("MultiTransition", {"multi_transition": [{"img_id": 1}] * 2}, ["multi_transition[0].duration"]),
    ("MultiTransition", {"multi_transition": [{"img_id": 1, "duration": 16}] * 3}, ["32 s", "30 s"]),
    ("MultiTransition", {"multi_transition": [1, 2]}, ["multi_transition[0]", "img_id"]),
    (
        "MultiTransition",
        {"multi_transition": [{"image_id": 1}, {"img_id": 1}]},
        ["multi_transition[0]", "'image_id'", "img_id"],
    ),
    ("MultiTransition", {"multi_transition": "{'img_id': 1}"}, ["multi_transition", "tojson"]),
    ("Fusion", {"model": "v4"}, ["model", "'v4'"]),
    ("Fusion", {"duration": 0}, ["needs a length", "duration", "video_references"]),
    (
        "Fusion",
        {"model": "v6", "duration": 5, "video_references": [{"video_id": 1}]},
        ["duration=5", "video_references"],
    ),
    ("Fusion", {"video_references": [{"video_id": 1}], "duration": 0}, ["video_references", "'v6'"]),
    ("Fusion", {"reference_mode": "omni"}, ["reference_mode='omni'", "'v6'"]),
    ("Fusion", {"image_references": []}, ["image_references is missing"]),
    ("Restyle", {"source_video_id": 0}, ["source_video_id", "video_media_id"]),
    ("Restyle", {"video_media_id": 8}, ["source_video_id=", "video_media_id=8"]),
    ("Restyle", {"restyle_id": 0}, ["restyle_id", "restyle_prompt"]),
    ("Restyle", {"restyle_prompt": "ink"}, ["restyle_id=", "restyle_prompt='ink'"]),
    ("Swap", {"mask_id": ""}, ["mask_id is missing"]),
    ("Swap", {"quality": "1080p"}, ["quality", "'1080p'", "'720p'"]),
    ("Swap", {"keyframe_id": -1}, ["keyframe_id", "-1"]),
    ("SoundEffect", {"sound_effect_content": "x" * 2049}, ["sound_effect_content", "2049"]),
    ("Extend", {"model": "v5.6"}, ["model", "'v5.6'", "'v5.5'"]),
    ("Extend", {"model": "c1"}, ["model", "'c1'"]),
    ("Modify", {"quality": "1080p"}, ["quality", "'1080p'", "'720p'"]),
    ("Modify", {"prompt": "x" * 5001}, ["prompt", "5001", "5000"]),
    ("Modify", {"img_ids": [1, 2, 3, 4]}, ["img_ids", "1 to 3", "4"]),
    ("Modify", {"mask_ids": ["a"] * 4}, ["mask_ids", "1 to 3"]),
    ("Modify", {"keyframe_ids": [1, 0]}, ["keyframe_ids[1]"]),
    ("ImageTemplate", {"img_ids": []}, ["img_ids is missing"]),
    ("ImageTemplate", {"img_ids": {"a": 1}}, ["img_ids", "list"]),
    ("ImageTemplate", {"template_id": "None"}, ["template_id", "template"]),
]


class TestWhatIsRefused:
    @pytest.mark.parametrize(("name", "changes", "named"), REFUSED, ids=lambda value: str(value)[:60])
    def test_a_broken_rule_names_field_value_and_what_is_allowed(
        self, name: str, changes: dict[str, Any], named: list[str]
    ) -> None:
        with pytest.raises(PixVerseInvalidRequestError) as caught:
            made(name, **changes)
        for text in named:
            assert text in str(caught.value)

    @pytest.mark.parametrize(
        ("ref_name", "named"),
        [
            ("", "is missing"),
            ("x" * 31, "31 bytes"),
            ("é" * 16, "32 bytes"),
            ("café", "letters"),
            ("a-b", "letters"),
        ],
    )
    def test_a_name_of_a_reference_is_short_and_plain(self, ref_name: str, named: str) -> None:
        with pytest.raises(PixVerseInvalidRequestError, match=named) as caught:
            made("Fusion", image_references=[{"type": "subject", "img_id": 1, "ref_name": ref_name}])
        assert "image_references[0].ref_name" in str(caught.value)

    @pytest.mark.parametrize(
        ("model", "mode", "most"), [("v4.5", None, 3), ("v5", None, 3), ("c1", None, 7), ("v6", "omni", 10)]
    )
    def test_a_fusion_takes_so_many_images_and_no_more(self, model: str, mode: str | None, most: int) -> None:
        def references(count: int) -> list[dict[str, Any]]:
            return [{"type": "subject", "img_id": 1, "ref_name": f"r{n}"} for n in range(count)]

        fusion = {"model": model, "reference_mode": mode}
        assert len(payload("Fusion", **fusion, image_references=references(most))["image_references"]) == most
        with pytest.raises(PixVerseInvalidRequestError, match=str(most)):
            made("Fusion", **fusion, image_references=references(most + 1))

    def test_a_reference_has_a_name_of_its_own(self) -> None:
        reference = {"type": "subject", "img_id": 1, "ref_name": "boat"}
        with pytest.raises(PixVerseInvalidRequestError, match="'boat' twice"):
            made("Fusion", image_references=[reference, reference])


class TestModels:
    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("quality", ["540p", "1080p"])
    def test_every_length_of_a_model_is_possible_and_no_other(self, model: str, quality: str) -> None:
        possible = []
        for duration in range(1, 16):
            try:
                made("ImageToVideo", model=model, quality=quality, duration=duration)
            except PixVerseInvalidRequestError:
                continue
            possible.append(duration)
        allowed = {"v5.5": [5, 8, 10], "v5.6": [5, 8, 10], "v6": list(range(1, 16)), "c1": list(range(1, 16))}
        expected = allowed.get(model, [5, 8])
        if quality == "1080p":
            longest = {"v3.5": 5, "v4": 8, "v4.5": 8, "v5": 8, "v5.5": 8, "v5.6": 8}.get(model, 15)
            expected = [duration for duration in expected if duration <= longest]
        assert possible == expected

    @pytest.mark.parametrize("model", MODELS)
    def test_a_switch_that_is_off_suits_every_model(self, model: str) -> None:
        switches = dict.fromkeys((name for name in OPTION_MODELS if name.endswith("_switch")), False)
        sent = payload("ImageToVideo", model=model, motion_mode="normal", **switches)
        assert sent["motion_mode"] == "normal"


class TestWhatIsWarnedOf:
    @every_kind
    def test_a_usual_request_warns_of_nothing(self, name: str) -> None:
        assert made(name).warnings == ()

    @pytest.mark.parametrize(
        ("name", "changes", "named"),
        [
            ("TextToVideo", {"model": "v6", "prompt": "x" * 2049}, ["prompt", "2049", "2048"]),
            ("ImageToVideo", {"prompt": "x" * 5000}, ["prompt", "5000", "2048"]),
            ("TextToVideo", {"model": "v3.5", "style": "realistic"}, ["style='realistic'", "may refuse"]),
            ("Extend", {"model": "v3.5", "style": "day"}, ["style='day'", "may refuse"]),
            ("ImageToVideo", {"model": "v4", "camera_movement": "default"}, ["camera_movement='default'"]),
            *(
                (
                    name,
                    {"model": model, "duration": 8, "quality": "1080p"},
                    ["duration=8", "5 s", "may refuse"],
                )
                for name, model in (
                    ("TextToVideo", "v4"),
                    ("Transition", "v4.5"),
                    ("Extend", "v4"),
                    ("Fusion", "v4.5"),
                )
            ),
            ("TextToVideo", {"lip_sync_tts_content": "Hi"}, ["lip_sync_tts_switch=True"]),
            ("TextToVideo", {"sound_effect_content": "rain"}, ["sound_effect_switch=True"]),
            (
                "Transition",
                {"lip_sync_tts_switch": True, "lip_sync_tts_content": "x" * 141},
                ["lip_sync_tts_content", "141", "140"],
            ),
            ("TemplateVideo", {"model": "v6", "prompt": "x" * 2049}, ["prompt", "2049"]),
            (
                "MultiTransition",
                {"multi_transition": [{"img_id": 1, "duration": 16}] * 2},
                ["32 s", "30 s", "last image"],
            ),
            ("Fusion", {"prompt": "no name"}, ["@boat", "refuses"]),
            ("Fusion", {"prompt": "a @boats"}, ["@boat"]),
            ("Fusion", {"model": "v6"}, ["'v6'"]),
            ("Fusion", {"model": "v6", "reference_mode": "solo"}, ["'v6'", "reference_mode='solo'"]),
            ("Restyle", {"restyle_id": 0, "restyle_prompt": "x" * 2049}, ["restyle_prompt", "2049"]),
            ("Modify", {"quality": "720p"}, ["'720p'", "reseller"]),
            ("Mimic", {"quality": "1080p"}, ["'1080p'", "guide"]),
            ("Modify", {"prompt": "put @img1 there", "img_ids": [1]}, ["@img1", "1 of these"]),
            ("Modify", {"prompt": "put @selection0 away"}, ["@selection0"]),
        ],
    )
    def test_what_sources_disagree_on_or_has_no_effect_is_warned_of(
        self, name: str, changes: dict[str, Any], named: list[str]
    ) -> None:
        warnings = made(name, **changes).warnings
        for text in named:
            assert any(text in warning for warning in warnings)

    def test_a_prompt_of_a_modification_may_be_long(self) -> None:
        assert made("Modify", prompt="x" * 5000).warnings == ()


class TestPrices:
    @pytest.mark.parametrize(
        ("name", "changes", "credits_expected"),
        [
            ("TextToVideo", {}, 45),
            ("TextToVideo", {"model": "v4", "motion_mode": "fast", "quality": "720p"}, 120),
            ("TextToVideo", {"model": "v6", "duration": 7, "quality": "720p"}, 63),
            ("TextToVideo", {"model": "v6", "duration": 7, "generate_audio_switch": True}, 49),
            ("TextToVideo", {"lip_sync_tts_switch": True, "lip_sync_tts_content": "Hi"}, 65),
            ("TextToVideo", {"model": "v5.5", "generate_multi_clip_switch": True}, 75),
            ("ImageToVideo", {"model": "v5.5", "duration": 10, "generate_audio_switch": True}, 109),
            ("TextToVideo", {"sound_effect_switch": True}, None),
            ("TextToVideo", {"sound_mode": "default_music"}, None),
            ("TextToVideo", {"template_id": 7}, None),
            ("TextToVideo", {"model": "v4", "duration": 8, "quality": "1080p"}, None),
            ("ImageToVideo", {"duration": 8, "quality": "1080p"}, 240),
            ("Transition", {"model": "v5.6", "duration": 10}, 77),
            ("Extend", {"model": "v6", "duration": 1, "quality": "1080p"}, 18),
            ("Extend", {"template_id": 7}, None),
            ("Fusion", {"model": "v4.5"}, 45),
            ("Fusion", {}, None),
            ("Fusion", {"model": "v6", "duration": 0, "video_references": [{}]}, None),
        ],
    )
    def test_a_price_is_that_of_the_tables_or_is_not_known(
        self, name: str, changes: dict[str, Any], credits_expected: int | None
    ) -> None:
        assert made(name, **changes).estimated_credits() == credits_expected

    @pytest.mark.parametrize(
        "name",
        [
            "TemplateVideo",
            "MultiTransition",
            "Restyle",
            "Swap",
            "SoundEffect",
            "Mimic",
            "Modify",
            "ImageTemplate",
        ],
    )
    def test_a_price_that_no_table_tells_is_not_guessed(self, name: str) -> None:
        assert made(name).estimated_credits() is None


class TestMaskSelection:
    def test_it_is_sent_as_documented_and_counts_as_paid(self) -> None:
        (example,) = body_of(MaskSelectionRequest.path)["examples"].values()
        request = MaskSelectionRequest(**example["value"])
        assert request.payload() == example["value"]
        assert request.call().paid
        assert MaskSelectionRequest(video_media_id=7).payload() == {
            "video_media_id": 7,
            "keyframe_id": 1,
        }

    @pytest.mark.parametrize("changes", [{}, {"source_video_id": 1, "video_media_id": 2}])
    def test_it_is_of_one_video(self, changes: dict[str, Any]) -> None:
        with pytest.raises(PixVerseInvalidRequestError, match=r"source_video_id.*video_media_id"):
            MaskSelectionRequest(**changes)

    def test_a_frame_is_counted_from_1(self) -> None:
        with pytest.raises(PixVerseInvalidRequestError, match="keyframe_id"):
            MaskSelectionRequest(source_video_id=1, keyframe_id=-1)


@every_kind
@given(data=st.data())
def test_what_is_accepted_follows_the_contract_and_what_is_refused_names_a_field(
    name: str, data: st.DataObject
) -> None:
    given_arguments = data.draw(arguments(name, IDS))
    try:
        sent = request_class(name)(**given_arguments).payload()
    except PixVerseInvalidRequestError as error:
        names = field_names(request_class(name))
        assert any(re.search(rf"\b{field}\b", str(error)) for field in names)  # noqa: PT017 - either will do
        return
    if name == "Mimic" and sent["quality"] == "1080p":
        # The contract follows the guide, another page allows it.
        return
    jsonschema.validate(sent, schema_of(request_class(name).path))


@every_kind
def test_a_request_can_be_made_of_an_object_that_has_its_arguments(name: str) -> None:
    kind = request_class(name)
    assert issubclass(kind, GenerationRequest)

    class Holder:
        def __getattr__(self, field: str) -> Any:
            return smallest(name, IDS).get(field)

    assert kind.of(Holder()) == made(name)
