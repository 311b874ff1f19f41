"""How arguments are read that tests of the requests do not reach one by one."""

from __future__ import annotations

import dataclasses
import math
import uuid
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy
import pytest

from pixverse_provider.api.fields import (
    Choice,
    Items,
    Switch,
    Text,
    Whole,
    read_limit,
    read_mapping,
    read_one_of,
    read_seconds,
    read_speaker,
)
from pixverse_provider.api.generations import LipSyncRequest, SwapRequest
from pixverse_provider.api.ids import optional_id, required_id
from pixverse_provider.exceptions import PixVerseInvalidRequestError

SEVENS: list[Any] = [7, "7", " 7 ", Decimal(7), numpy.int64(7), numpy.uint8(7)]


@pytest.mark.parametrize("value", SEVENS, ids=repr)
def test_a_whole_number_of_any_type_is_read_by_every_reader_of_one(value: Any) -> None:
    assert Whole()(value, "duration") == 7
    assert required_id(value, "video_id") == 7
    assert Items(required_id)(value, "img_ids") == (7,)
    assert read_limit(value, "max_credits") == 7.0
    if not isinstance(value, str):
        assert Text(of_digits=True)(value, "template_id") == "7"
        assert read_seconds(value, "timeout", at_least=1) == 7.0


@pytest.mark.parametrize("value", [0, "0", Decimal(0), numpy.int64(0)], ids=repr)
def test_a_zero_of_any_type_is_not_given_where_there_is_no_zero(value: Any) -> None:
    assert Whole()(value, "duration") is None
    assert optional_id(value, "video_id") is None


@pytest.mark.parametrize("value", [7.0, Decimal("7.5"), True, numpy.True_, b"7", object], ids=repr)
def test_what_is_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match=r"^duration must be a whole number"):
        Whole()(value, "duration")


@pytest.mark.parametrize(
    ("value", "limit"),
    [(0, 0.0), (2.5, 2.5), ("2.5", 2.5), (Decimal("2.5"), 2.5), (numpy.float32(2.5), 2.5), (None, None)],
    ids=repr,
)
def test_a_limit_in_credits_may_have_a_fraction(value: Any, limit: float | None) -> None:
    assert read_limit(value, "max_credits") == limit


@pytest.mark.parametrize(
    "value",
    [
        True,
        numpy.True_,
        "1_000",
        "1e3",
        "\u0665",
        "",
        "None",
        "-1",
        -1,
        math.nan,
        math.inf,
        10**400,
        [25],
        2j,
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_limit_is_refused(value: Any) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match=r"^max_credits"):
        read_limit(value, "max_credits")


def test_an_empty_limit_says_that_no_template_leaves_it_out() -> None:
    with pytest.raises(PixVerseInvalidRequestError) as caught:
        read_limit("", "max_credits")
    assert str(caught.value) == (
        "max_credits must be a number of credits, at least 0, not '': give one such as 25. For no limit, "
        "leave the argument out; a template cannot do that."
    )


@pytest.mark.parametrize("value", [timedelta(days=3650), 10 * 365 * 86400], ids=repr)
def test_ten_years_are_time_enough(value: Any) -> None:
    assert read_seconds(value, "timeout", at_least=1) == 10 * 365 * 86400.0


@pytest.mark.parametrize(
    "value",
    [timedelta.max, 1e12, 10**400, math.inf, math.nan, "7", True, None],
    ids=lambda value: str(value)[:20],
)
def test_a_time_beyond_what_dates_hold_is_refused_before_anything_is_paid(value: Any) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match=r"^timeout must be seconds, .* at most 315360000"):
        read_seconds(value, "timeout", at_least=1)


@pytest.mark.parametrize(
    "value",
    [{"video_id": math.nan}, {"a": [math.inf]}, {"video_id": numpy.int64(5)}, {"a": {1, 2}}, {(1, 2): 3}],
    ids=repr,
)
def test_an_object_that_json_cannot_hold_is_refused_and_not_taken_for_a_lost_answer(value: Any) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match=r"^video_references.* JSON cannot hold"):
        read_mapping(value, "video_references[0]")


def test_a_list_without_end_is_refused_in_one_sentence() -> None:
    with pytest.raises(PixVerseInvalidRequestError, match=r"^img_ids must be a list"):
        Items(required_id)("[" * 200_000, "img_ids")


class Word(str, Enum):  # noqa: UP042 - as most people write it
    AUTO = "auto"
    V6 = "v6"


def test_a_member_of_an_enum_of_texts_is_its_text_to_every_reader() -> None:
    for read in (Text(), Choice(("auto",)), read_speaker):
        found = read(Word.AUTO, "model")
        assert (found, type(found)) == ("auto", str)
    assert read_one_of(Word.AUTO, "mode", ("auto",)) == "auto"


@pytest.mark.parametrize(
    ("value", "voice"),
    [
        (7, "7"),
        ("7", "7"),
        (" 7 ", "7"),
        (Decimal(7), "7"),
        (numpy.int64(7), "7"),
        ("Auto", "auto"),
        (0, None),
        ("0", None),
        ("", None),
        (None, None),
    ],
    ids=repr,
)
def test_a_voice_is_auto_or_an_id_of_any_type(value: Any, voice: str | None) -> None:
    assert read_speaker(value, "lip_sync_tts_speaker_id") == voice


@pytest.mark.parametrize(
    "value",
    [7.0, True, b"7", [7], "7.0", "-7", -7, "9" * 21, 10**5000, uuid.UUID(int=7)],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_voice_is_refused(value: Any) -> None:
    with pytest.raises(
        PixVerseInvalidRequestError, match=r"^lip_sync_tts_speaker_id must be 'auto' or an id"
    ):
        read_speaker(value, "lip_sync_tts_speaker_id")


@pytest.mark.parametrize("value", [True, 1, "1", "TRUE", numpy.int64(1), Decimal(1)], ids=repr)
def test_a_switch_is_true_in_any_type_of_a_one(value: Any) -> None:
    assert Switch()(value, "water_mark") is True


@pytest.mark.parametrize(
    "value", [2, 1.0, 10**5000, b"true", numpy.True_], ids=lambda value: str(type(value))
)
def test_what_is_no_switch_is_refused(value: Any) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match=r"^water_mark must be true or false, not "):
        Switch()(value, "water_mark")


@pytest.mark.parametrize("field", ["mask_id", "keyframe_id"])
def test_a_number_of_thousands_of_digits_is_refused_wherever_a_number_is_taken(field: str) -> None:
    right: dict[str, Any] = {"source_video_id": 7, "mask_id": "7", "img_id": 7, "quality": "360p"}
    with pytest.raises(
        PixVerseInvalidRequestError, match=f"^{field} must be .* a number of thousands of digits"
    ):
        SwapRequest(**right | {field: 10**5000})


def test_a_message_about_a_value_of_several_lines_has_one() -> None:
    with pytest.raises(PixVerseInvalidRequestError) as caught:
        Whole()(numpy.zeros((2, 2), dtype=int), "duration")
    assert str(caught.value) == "duration must be a whole number from 1 on, not array([[0, 0], [0, 0]])."


class Broken:
    def __index__(self) -> int:
        raise RuntimeError("not today")

    __repr__ = __str__ = __bool__ = __eq__ = __index__  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(LipSyncRequest)])
def test_a_value_that_cannot_even_be_looked_at_is_refused_by_its_field(field: str) -> None:
    broken: Any = {field: Broken()}
    with pytest.raises(PixVerseInvalidRequestError) as caught:
        LipSyncRequest(**broken)
    assert str(caught.value).startswith(f"{field} ")
    assert "a value of type Broken that cannot be shown (RuntimeError)" in str(caught.value)


@pytest.mark.parametrize(
    "value", [numpy.array(["replay", "fail"]), Broken(), b"replay", None, "Replay"], ids=type
)
def test_a_word_of_the_provider_is_one_of_those_it_knows(value: Any) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match=r"^mode must be 'replay' or 'fail', not "):
        read_one_of(value, "mode", ("replay", "fail"))
