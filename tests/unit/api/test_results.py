from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.results import (
    Balance,
    Image,
    ImageResult,
    MaskSelection,
    Media,
    RestyleEffect,
    Submission,
    Video,
    VideoStatus,
    Voice,
    result_from_dict,
)
from tests.unit.openapi import Example, answer_named, contract, documented_answers

RESULT = "/video/result/{video_id}"
URL = "https://media.pixverse.ai/openapi%2Fa.mp4?Signature=s3cr3t"
STATES = [e for e in documented_answers() if e.path == RESULT and e.code == 0]


@pytest.mark.parametrize("example", STATES, ids=str)
def test_every_documented_state_of_a_video_is_read(example: Example) -> None:
    video = Video.from_resp(example.resp)
    assert (video.id, video.status) == (343252978602905, example.resp["status"])
    assert VideoStatus.known(video.status) is not None


def test_a_finished_video_tells_everything_that_pixverse_says() -> None:
    video = Video.from_resp(answer_named(RESULT, "success"))
    assert video.url == "https://media.pixverse.ai/openapi%2F0b7d4f6e-2a4c-4a0e-9c55-3d3f7f0f4f10.mp4"
    assert (video.output_width, video.output_height, video.size) == (1024, 576, 1843200)
    assert (video.resolution_ratio, video.has_audio, video.credits) == (540, True, 8)
    assert (video.create_time, video.modify_time) == ("2026-01-05T09:00:00Z", "2026-01-05T09:01:20Z")


def test_a_bare_answer_will_do() -> None:
    video = Video.from_resp({"id": 7, "status": 5})
    assert (video.url, video.size, video.has_audio, video.credits) == ("", 0, None, None)


def test_fields_that_nobody_has_heard_of_are_ignored() -> None:
    resp = answer_named(RESULT, "success")
    extended = resp | {"customer_paths": {"a": 1}, "brand_new": [1, 2], "progress": 0.5}
    assert Video.from_resp(extended) == Video.from_resp(resp)
    assert Submission.from_resp({"video_id": 7, "queue": 3}) == Submission(7)
    assert Media.from_resp({"media_id": 7, "media_type": "audio", "url": "u"}) == Media(7, "audio")


@pytest.mark.parametrize("number", [2**53 + 1, 627410861853514292, 2**63, 2**64 - 1])
def test_a_large_id_keeps_every_digit(number: int) -> None:
    resp = json.loads(f'{{"video_id": {number}, "id": {number}, "img_id": {number}, "media_id": {number}}}')
    assert Submission.from_resp(resp).video_id == number
    assert Video.from_resp(resp | {"status": 1}).id == number
    assert Image.from_resp(resp).img_id == number
    assert Media.from_resp(resp | {"media_type": "video"}).media_id == number


def test_an_id_in_quotes_is_read() -> None:
    assert Submission.from_resp({"video_id": "627410861853514292"}).video_id == 627410861853514292


@pytest.mark.parametrize("value", [None, 1.5, 1e18, True, 0, -1, 2**64, "", "x"], ids=repr)
def test_an_id_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        Submission.from_resp({"video_id": value})


@pytest.mark.parametrize(
    ("path", "name", "charge"),
    [
        ("/video/lip_sync/generate", "success", None),
        ("/video/lip_sync/generate", "successWithCredits", 8),
        ("/video/mimic/generate", "success", 10),
    ],
)
def test_the_charge_is_read_under_either_spelling_and_is_not_required(
    path: str, name: str, charge: int | None
) -> None:
    assert Submission.from_resp(answer_named(path, name)).credits == charge


@pytest.mark.parametrize(
    "charge", ["8 credits", None, True, [8], -1, -0.5, float("nan"), float("inf"), 2**53], ids=repr
)
def test_a_charge_that_cannot_be_one_is_left_aside(charge: Any) -> None:
    assert Submission.from_resp({"video_id": 7, "credits": charge}).credits is None


class TestTheSignedUrl:
    VIDEO = Video.from_resp({"id": 2**64 - 1, "status": 1, "url": URL, "size": 5, "prompt": "p"})

    def test_it_is_not_shown(self) -> None:
        assert "media.pixverse" not in repr(self.VIDEO)
        assert "media.pixverse" not in str(self.VIDEO)
        assert "media.pixverse" not in f"{self.VIDEO}"

    def test_it_goes_into_no_xcom(self) -> None:
        text = json.dumps(self.VIDEO.to_dict())
        assert "media.pixverse" not in text
        assert "url" not in self.VIDEO.to_dict()


@given(
    number=st.integers(1, 2**64 - 1),
    status=st.integers(0, 99),
    size=st.integers(0, 2**31),
    prompt=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
    has_audio=st.none() | st.booleans(),
    charge=st.none() | st.integers(0, 999) | st.floats(0, 999),
)
def test_a_result_comes_back_from_json_as_it_went_but_for_its_url(
    number: int, status: int, size: int, prompt: str, has_audio: bool | None, charge: float | None
) -> None:
    video = Video(number, status, "", prompt, size=size, has_audio=has_audio, credits=charge)
    assert Video.from_dict(json.loads(json.dumps(video.to_dict()))) == video


def test_a_result_that_another_version_wrote_is_read() -> None:
    assert Video.from_dict({"video_id": "7", "status": 1, "from_tomorrow": 1}) == Video(7, 1)


@pytest.mark.parametrize("entry", contract()["components"]["schemas"]["JobStatus"]["x-known-values"], ids=str)
def test_a_status_counts_as_over_only_where_the_contract_says_so(entry: dict[str, Any]) -> None:
    known = VideoStatus.known(entry["value"])
    assert (known in set(VideoStatus) - {VideoStatus.GENERATING}) == entry["terminal"]


def test_all_voices_are_listed_whether_the_id_comes_as_text_or_number() -> None:
    voices = Voice.list_from_resp(answer_named("/video/lip_sync/tts_list", "success"))
    assert len(voices) == 15
    assert voices[0] == Voice("7", "Harper")
    assert Voice.list_from_resp({"data": [{"speaker_id": 7, "name": "Harper"}]}) == [Voice("7", "Harper")]


def test_an_uploaded_image_is_read_under_either_spelling() -> None:
    assert Image.from_resp(answer_named("/image/upload", "success")) == Image(164913710)
    assert Image.from_resp({"ImgID": 164913710, "ImgUrl": "u"}) == Image(164913710)


@pytest.mark.parametrize(("name", "media_type"), [("video", "video"), ("audio", "audio")])
def test_an_uploaded_file_tells_what_pixverse_takes_it_for(name: str, media_type: str) -> None:
    assert Media.from_resp(answer_named("/media/upload", name)).media_type == media_type


def test_the_balance_is_what_can_be_spent() -> None:
    balance = Balance.from_resp(answer_named("/account/balance", "success"))
    assert (balance.credit_monthly, balance.credit_package, balance.total) == (15000, 1000, 16000)


IMAGE_RESULT = "/image/result/{image_id}"


def test_a_finished_image_tells_everything_but_shows_no_url() -> None:
    image = ImageResult.from_resp(answer_named(IMAGE_RESULT, "success"))
    assert (image.id, image.status, image.url) == (
        343252978602999,
        1,
        "https://media.pixverse.ai/openapi/result.png",
    )
    assert (image.template_id, image.output_width, image.credits) == (384268229671680, 1024, 10)
    assert "http" not in repr(image)
    assert "http" not in json.dumps(image.to_dict())


def test_a_result_of_either_kind_comes_back_as_what_it_was() -> None:
    image = ImageResult.from_resp(answer_named(IMAGE_RESULT, "success") | {"url": ""})
    video = Video.from_resp(answer_named(RESULT, "generating"))
    assert result_from_dict(json.loads(json.dumps(image.to_dict()))) == image
    assert result_from_dict(json.loads(json.dumps(video.to_dict()))) == video


def test_an_accepted_image_job_is_known_by_its_image_id() -> None:
    accepted = answer_named("/image/template/generate", "success")
    assert Submission.from_image_resp(accepted) == Submission(343252978602999, 10)


def test_every_restyle_effect_is_read() -> None:
    (effect,) = RestyleEffect.list_from_resp(answer_named("/video/restyle/list", "success"))
    assert (effect.restyle_id, effect.restyle_name) == (315446315336768, "Comic")
    assert RestyleEffect.list_from_resp([{"restyle_id": 7}]) == [RestyleEffect(7)]


def test_the_masks_of_a_frame_are_read_and_their_pictures_are_not_shown() -> None:
    selection = MaskSelection.from_resp(answer_named("/video/mask/selection", "success"))
    assert (selection.keyframe_id, selection.credits) == (1, 2)
    assert [(mask.mask_id, mask.mask_name) for mask in selection.masks] == [("1001", "person")]
    assert "http" not in repr(selection)
