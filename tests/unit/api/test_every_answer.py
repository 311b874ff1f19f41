"""Whatever a server answers, at every endpoint: an error of the family, or a result that can be stored."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.calls import (
    balance_call,
    image_call,
    image_from_url_call,
    media_from_url_call,
    restyle_effects_call,
    video_call,
    voices_call,
)
from pixverse_provider.api.gate import LONGEST_TEXT
from pixverse_provider.api.generations import (
    ImageTemplateRequest,
    LipSyncRequest,
    MaskSelectionRequest,
)
from pixverse_provider.api.pacing import MAX_RETRY_AFTER
from pixverse_provider.api.protocol import Answer, Call, read_answer
from pixverse_provider.api.results import ImageResult, Video, result_from_dict
from pixverse_provider.exceptions import PixVerseAmbiguousSubmitError, PixVerseError, error_from_dict
from tests.unit.openapi import documented_answers

KEY = "sk-1234567890abcdef"
TRACE = "6f0e2b1a-63a4-4d0e-8a52-1f4b8f1c9d77"
NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

CALLS: dict[str, Call[Any]] = {
    "/video/result/{video_id}": video_call(343252978602905),
    "/image/result/{image_id}": image_call(343252978602999),
    "/account/balance": balance_call(),
    "/video/lip_sync/tts_list": voices_call(),
    "/video/restyle/list": restyle_effects_call(1),
    "/image/upload": image_from_url_call("https://a.example/b.png"),
    "/media/upload": media_from_url_call("https://a.example/b.mp4"),
    "/video/lip_sync/generate": LipSyncRequest(source_video_id=1, audio_media_id=2).call(),
    "/image/template/generate": ImageTemplateRequest(img_ids=(1,), template_id=2).call(),
    "/video/mask/selection": MaskSelectionRequest(source_video_id=1).call(),
}
EXAMPLES = {path: [e for e in documented_answers() if e.path == path] for path in CALLS}
ENDPOINTS = pytest.mark.parametrize("path", CALLS)

# These stand for JSON that Python does not write: the texts take their place.
UNWRITABLE = {
    "@huge@": "9" * 5000,
    "@negative@": "-" + "9" * 5000,
    "@infinite@": "1e999",
    "@deep@": "[" * 70 + "]" * 70,
    "@endless@": "[" * 20_000,
    "@long@": json.dumps("x" * (LONGEST_TEXT - 5) + KEY),
}
TEXTS = (
    st.text(st.characters(), max_size=20)
    | st.lists(st.sampled_from(["\ud800", "\udfff", "\0", KEY, "a", "\n"]), max_size=5).map("".join)
    | st.sampled_from(["1", "7.0", "-3", "9" * 30, " 5 ", "NaN", *UNWRITABLE])
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([2**53, 2**63, 2**64, -(2**63) - 1, 10**400])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
HEADERS = st.dictionaries(
    st.sampled_from(["Retry-After", "retry-after", "Content-Encoding", "Content-Type"]),
    st.text(max_size=20)
    | st.sampled_from(["gzip", "7", "9" * 400, "Thu, 01 Jan 2026 09:00:00 GMT", "deflate"]),
    max_size=2,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values within a value, its own included."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def with_value(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a copy of a value with another one at a path."""
    if not path:
        return new
    changed = copy.copy(value)
    changed[path[0]] = with_value(value[path[0]], path[1:], new)
    return changed


def body_of(value: Any) -> bytes:
    text = json.dumps(value)
    for name, written in UNWRITABLE.items():
        text = text.replace(f'"{name}"', written)
    return text.encode()


@st.composite
def answers(draw: st.DrawFn, path: str) -> Any:
    """Draw a documented answer in which up to three values have been replaced."""
    value = draw(st.sampled_from(EXAMPLES[path])).body
    for _ in range(draw(st.integers(1, 3))):
        value = with_value(value, draw(st.sampled_from(places(value))), draw(VALUES))
    return value


def assert_can_be_stored(data: dict[str, Any]) -> None:
    text = json.dumps(data, allow_nan=False, ensure_ascii=False)
    text.encode("utf-8")
    msgspec.msgpack.encode(data)
    assert r"\u0000" not in text


def outcome_of(path: str, answer: Answer) -> tuple[Any, PixVerseError | None]:
    """Return the result, or the error of the family; anything else is raised."""
    try:
        return read_answer(CALLS[path], answer, trace_id=TRACE, api_key=KEY, now=NOW), None
    except PixVerseError as error:
        return None, error


@ENDPOINTS
@given(data=st.data(), status=st.sampled_from([200, 400, 401, 429, 500, 503]), headers=HEADERS)
def test_an_answer_is_an_error_of_the_family_or_a_result_and_either_can_be_stored(
    path: str, data: st.DataObject, status: int, headers: dict[str, str]
) -> None:
    result, error = outcome_of(path, Answer(status, headers, body_of(data.draw(answers(path)))))
    if error is not None:
        kept = error.to_dict()
        assert_can_be_stored(kept)
        assert KEY not in str(kept)
        assert error_from_dict(kept).to_dict() == kept
        assert error.retry_after is None or 0 <= error.retry_after <= MAX_RETRY_AFTER
        assert CALLS[path].paid or not isinstance(error, PixVerseAmbiguousSubmitError)
    if isinstance(result, Video | ImageResult):
        kept = result.to_dict()
        assert_can_be_stored(kept)
        assert result.id == CALLS[path].video_id
        assert result_from_dict(json.loads(json.dumps(kept))).to_dict() == kept
    assert KEY not in str(msgspec.to_builtins(result))


@ENDPOINTS
def test_every_documented_success_is_read(path: str) -> None:
    successes = [example for example in EXAMPLES[path] if example.code == 0]
    assert successes
    for example in successes:
        result, error = outcome_of(path, Answer(200, {}, json.dumps(example.body).encode()))
        assert (result is not None, error) == (True, None)


@given(
    st.dictionaries(
        st.sampled_from(
            ["type", "message", "err_code", "http_status", "trace_id", "video_id", "proves_no_job", "other"]
        ),
        VALUES | st.sampled_from(["PixVerseCapacityError", "object", "18446744073709551615"]),
    )
)
def test_an_error_of_any_dictionary_is_an_error_that_can_be_stored(data: dict[str, Any]) -> None:
    error = error_from_dict(data)
    assert_can_be_stored(error.to_dict())
    assert error.err_code is None or type(error.err_code) is int
    assert error.video_id is None or 0 < error.video_id < 2**64


@pytest.mark.parametrize("data", [None, [], "text", 5, [("message", "text")]], ids=repr)
def test_what_is_no_dictionary_is_no_error(data: Any) -> None:
    with pytest.raises(TypeError):
        error_from_dict(data)


@pytest.mark.parametrize("name", ["video_id", "image_id"])
@given(data=st.data())
def test_a_result_of_any_dictionary_is_one_that_can_be_stored_or_a_value_error(
    name: str, data: st.DataObject
) -> None:
    kept = {name: 7, "status": 1} | data.draw(
        st.dictionaries(st.sampled_from([*Video.__dataclass_fields__, "template_id", name]), VALUES)
    )
    try:
        result = result_from_dict(kept)
    except ValueError:
        return
    assert_can_be_stored(result.to_dict())
