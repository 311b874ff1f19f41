from __future__ import annotations

import dataclasses
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.generations import LipSyncRequest
from pixverse_provider.exceptions import PixVerseInvalidRequestError
from tests.unit.openapi import contract

VIDEO_FIELDS = ("source_video_id", "video_media_id")
SPEECH_FIELDS = ("audio_media_id", "lip_sync_tts_speaker_id", "lip_sync_tts_content")
FIELDS = VIDEO_FIELDS + SPEECH_FIELDS

TTS = {"lip_sync_tts_speaker_id": "7", "lip_sync_tts_content": "Good morning."}


@pytest.mark.parametrize(
    ("given_fields", "payload"),
    [
        ({"source_video_id": 5} | TTS, {"source_video_id": 5} | TTS),
        ({"video_media_id": 5} | TTS, {"video_media_id": 5} | TTS),
        (
            {"source_video_id": "343252978602905", "audio_media_id": "2"},
            {"source_video_id": 343252978602905, "audio_media_id": 2},
        ),
        ({"video_media_id": 1, "audio_media_id": 2}, {"video_media_id": 1, "audio_media_id": 2}),
        (
            {"source_video_id": 1, "video_media_id": 0, "audio_media_id": 2},
            {"source_video_id": 1, "audio_media_id": 2},
        ),
        (
            {"source_video_id": "", "video_media_id": 3, "audio_media_id": ""} | TTS,
            {"video_media_id": 3} | TTS,
        ),
        (
            {"source_video_id": 1, "audio_media_id": 2, "lip_sync_tts_speaker_id": ""},
            {"source_video_id": 1, "audio_media_id": 2},
        ),
        (
            {"source_video_id": 1, "lip_sync_tts_speaker_id": 7, "lip_sync_tts_content": "Hi"},
            {"source_video_id": 1, "lip_sync_tts_speaker_id": "7", "lip_sync_tts_content": "Hi"},
        ),
        (
            {"source_video_id": 1, "lip_sync_tts_speaker_id": " AUTO ", "lip_sync_tts_content": "Hi"},
            {"source_video_id": 1, "lip_sync_tts_speaker_id": "auto", "lip_sync_tts_content": "Hi"},
        ),
        (
            {"source_video_id": 2**64 - 1, "audio_media_id": 2**53 + 1},
            {"source_video_id": 2**64 - 1, "audio_media_id": 2**53 + 1},
        ),
    ],
)
def test_one_video_and_one_speech_are_sent_in_the_form_of_the_api(
    given_fields: dict[str, Any], payload: dict[str, Any]
) -> None:
    assert LipSyncRequest(**given_fields).payload() == payload


@pytest.mark.parametrize(
    ("given_fields", "named"),
    [
        ({"audio_media_id": 2}, ["source_video_id", "video_media_id"]),
        ({"source_video_id": 0, "video_media_id": "", "audio_media_id": 2}, VIDEO_FIELDS),
        (
            {"source_video_id": 1, "video_media_id": 2, "audio_media_id": 3},
            ["source_video_id=1", "video_media_id=2"],
        ),
        ({"source_video_id": 1}, ["audio_media_id", "lip_sync_tts_content"]),
        ({"source_video_id": 1, "audio_media_id": 2} | TTS, ["audio_media_id=2", "lip_sync_tts_content"]),
        (
            {"source_video_id": 1, "audio_media_id": 2, "lip_sync_tts_speaker_id": "auto"},
            ["audio_media_id=2", "lip_sync_tts_speaker_id"],
        ),
        (
            {"source_video_id": 1, "audio_media_id": 2, "lip_sync_tts_content": "Hi"},
            ["audio_media_id=2", "lip_sync_tts_content"],
        ),
        (
            {"source_video_id": 1, "lip_sync_tts_speaker_id": "7"},
            ["lip_sync_tts_speaker_id alone", "lip_sync_tts_content"],
        ),
        (
            {"source_video_id": 1, "lip_sync_tts_content": "Hi"},
            ["lip_sync_tts_speaker_id", "lip_sync_tts_content alone"],
        ),
        (
            {"source_video_id": 1, "lip_sync_tts_speaker_id": "0", "lip_sync_tts_content": "Hi"},
            ["lip_sync_tts_speaker_id"],
        ),
        (
            {"source_video_id": 1, "lip_sync_tts_speaker_id": "Emily", "lip_sync_tts_content": "Hi"},
            ["lip_sync_tts_speaker_id", "'Emily'"],
        ),
        (
            {"source_video_id": 1, "lip_sync_tts_speaker_id": "7", "lip_sync_tts_content": " \n "},
            ["lip_sync_tts_content", "lip_sync_tts_speaker_id alone"],
        ),
        (
            {"source_video_id": 1, "lip_sync_tts_speaker_id": "7", "lip_sync_tts_content": 5},
            ["lip_sync_tts_content", "5"],
        ),
        (
            {"source_video_id": 1, "lip_sync_tts_speaker_id": "7", "lip_sync_tts_content": "x" * 201},
            ["lip_sync_tts_content", "201", "200"],
        ),
        (
            {"source_video_id": 1, "lip_sync_tts_speaker_id": "7", "lip_sync_tts_content": "a\ud83d"},
            ["lip_sync_tts_content"],
        ),
        ({"source_video_id": 1.0, "audio_media_id": 2}, ["source_video_id"]),
        ({"source_video_id": "None", "audio_media_id": 2}, ["source_video_id", "template"]),
    ],
)
def test_a_broken_rule_is_refused_before_any_call_and_names_field_and_value(
    given_fields: dict[str, Any], named: list[str]
) -> None:
    with pytest.raises(PixVerseInvalidRequestError) as caught:
        LipSyncRequest(**given_fields)
    for text in named:
        assert text in str(caught.value)


def test_two_hundred_characters_are_allowed_however_many_bytes_they_take() -> None:
    request = LipSyncRequest(
        source_video_id=1, lip_sync_tts_speaker_id="auto", lip_sync_tts_content="口" * 200
    )
    assert request.estimated_credits() == 160


def test_the_price_of_an_audio_is_not_guessed() -> None:
    assert LipSyncRequest(source_video_id=1, audio_media_id=2).estimated_credits() is None


IDS = (
    st.none()
    | st.integers(0, 2**64 - 1)
    | st.integers()
    | st.integers(0, 2**64 - 1).map(str)
    | st.sampled_from(["", "0", "None", "x", 0.0, 1.5, True, False, [1]])
)
SPEAKERS = st.none() | st.sampled_from(["auto", "Auto", "7", "14", 7, 0, "", "x", True]) | st.text(max_size=3)
TEXTS = st.none() | st.sampled_from(["", " ", 5]) | st.text(max_size=20) | st.text(min_size=195, max_size=205)


@given(
    source_video_id=IDS,
    video_media_id=IDS,
    audio_media_id=IDS,
    lip_sync_tts_speaker_id=SPEAKERS,
    lip_sync_tts_content=TEXTS,
)
def test_what_is_accepted_has_one_video_and_one_speech_and_what_is_refused_names_a_field(
    **given_fields: Any,
) -> None:
    try:
        payload = LipSyncRequest(**given_fields).payload()
    except PixVerseInvalidRequestError as error:
        assert any(name in str(error) for name in FIELDS)  # noqa: PT017 - an accepted request is as good
        return
    jsonschema.validate(payload, _lip_sync_schema())
    assert len(payload.keys() & set(VIDEO_FIELDS)) == 1
    assert (payload.keys() & set(SPEECH_FIELDS)) in (
        {"audio_media_id"},
        {"lip_sync_tts_speaker_id", "lip_sync_tts_content"},
    )
    for name in ("source_video_id", "video_media_id", "audio_media_id"):
        if name in payload:
            assert type(payload[name]) is int
            assert 0 < payload[name] < 2**64


@given(video=st.integers(1, 2**64 - 1), audio=st.integers(1, 2**64 - 1))
def test_any_two_ids_are_accepted_and_sent_as_numbers(video: int, audio: int) -> None:
    as_text: dict[str, Any] = {"source_video_id": str(video), "audio_media_id": audio}
    request = LipSyncRequest(**as_text)
    assert json.loads(json.dumps(request.payload())) == {"source_video_id": video, "audio_media_id": audio}


def test_the_call_is_the_documented_one_and_is_paid() -> None:
    request = LipSyncRequest(source_video_id=1, audio_media_id=2)
    call = request.call()
    assert (call.method, call.path, call.paid) == ("POST", "/video/lip_sync/generate", True)
    assert call.path in contract()["paths"]
    assert call.payload == request.payload()


@pytest.mark.parametrize(
    "example",
    contract()["paths"]["/video/lip_sync/generate"]["post"]["requestBody"]["content"]["application/json"][
        "examples"
    ].values(),
    ids=str,
)
def test_every_documented_request_is_accepted_and_sent_as_documented(example: dict[str, Any]) -> None:
    assert LipSyncRequest(**example["value"]).payload() == example["value"]


def test_the_fields_are_those_of_the_api() -> None:
    schema = contract()["components"]["schemas"]
    documented = set(schema["VideoSource"]["properties"]) | set(
        schema["LipSyncRequest"]["allOf"][1]["properties"]
    )
    assert {field.name for field in dataclasses.fields(LipSyncRequest)} == documented


def _lip_sync_schema() -> dict[str, Any]:
    return {"$ref": "#/components/schemas/LipSyncRequest", "components": contract()["components"]}
