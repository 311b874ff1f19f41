from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.ids import LARGEST_ID, optional_id, required_id, xcom_id
from pixverse_provider.exceptions import PixVerseInvalidRequestError

IDS = st.integers(1, LARGEST_ID)


@given(IDS)
def test_an_id_is_the_same_as_a_number_and_as_digits(number: int) -> None:
    assert optional_id(number, "video_id") == number
    assert optional_id(str(number), "video_id") == number
    assert optional_id(f" {number}\n", "video_id") == number


@given(IDS)
def test_an_id_survives_an_xcom(number: int) -> None:
    kept = xcom_id(number)
    assert required_id(kept, "video_id") == number
    assert isinstance(kept, str) or kept < 2**63


@pytest.mark.parametrize("number", [2**53, 2**53 + 1, 2**63 - 1, 2**63, LARGEST_ID])
def test_a_large_id_loses_no_digit(number: int) -> None:
    assert optional_id(str(number), "video_id") == number


def test_only_what_sqlite_cannot_keep_becomes_digits() -> None:
    assert xcom_id(2**63 - 1) == 2**63 - 1
    assert xcom_id(2**63) == "9223372036854775808"


@pytest.mark.parametrize("value", [None, 0, "", "  ", "0", "000"])
def test_what_the_documentation_shows_for_an_id_that_is_not_set_counts_as_not_given(value: object) -> None:
    assert optional_id(value, "video_id") is None


@pytest.mark.parametrize("value", [None, 0, "", "0"])
def test_a_missing_id_is_named(value: object) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match="audio_media_id is missing"):
        required_id(value, "audio_media_id")


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        343252978602905.0,
        True,
        False,
        -1,
        "-1",
        "+1",
        "1.0",
        "1e9",
        "1_000",
        "0x10",
        "٣",
        "²",
        "abc",
        "1 2",
        LARGEST_ID + 1,
        str(LARGEST_ID + 1),
        "9" * 30,
        [1],
        b"1",
        object(),
    ],
    ids=repr,
)
def test_anything_else_is_refused_and_the_field_is_named(value: object) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match="video_media_id"):
        optional_id(value, "video_media_id")


def test_digits_without_end_are_refused_as_any_other_rubbish() -> None:
    with pytest.raises(PixVerseInvalidRequestError, match="video_id"):
        optional_id("9" * 5000, "video_id")


def test_a_template_that_found_nothing_is_told_apart() -> None:
    with pytest.raises(PixVerseInvalidRequestError, match="its template found no value"):
        optional_id("None", "video_id")
