from __future__ import annotations

import itertools
from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.fields import Items
from pixverse_provider.api.ids import LARGEST_ID, list_of, one_or_many_ids, optional_id, required_id, xcom_id
from pixverse_provider.exceptions import PixVerseInvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

IDS = st.integers(1, LARGEST_ID)


class _AnyObject:
    def __repr__(self) -> str:
        # Without an address, so that the test has the same name on every run.
        return "<any object>"


ANY_OBJECT = _AnyObject()


@given(IDS)
def test_an_id_is_the_same_as_a_number_and_as_digits(number: int) -> None:
    assert optional_id(number, "video_id") == number
    assert optional_id(str(number), "video_id") == number
    assert optional_id(f" {number}\n", "video_id") == number


@given(IDS)
def test_an_id_survives_an_xcom(number: int) -> None:
    kept = xcom_id(number)
    assert required_id(kept, "video_id") == number
    assert isinstance(kept, str) or kept < 2**53


@pytest.mark.parametrize("number", [2**53, 2**53 + 1, 2**63 - 1, 2**63, LARGEST_ID])
def test_a_large_id_loses_no_digit(number: int) -> None:
    assert optional_id(str(number), "video_id") == number


def test_only_what_javascript_cannot_keep_becomes_digits() -> None:
    assert xcom_id(2**53 - 1) == 2**53 - 1
    assert xcom_id(2**53) == "9007199254740992"


@pytest.mark.parametrize(
    "value", [Decimal(7), Decimal("7.00"), Decimal("0.7E+1"), numpy.int64(7), numpy.uint64(7), numpy.array(7)]
)
def test_an_exact_integer_of_any_type_is_an_id(value: Any) -> None:
    assert optional_id(value, "video_id") == 7
    assert one_or_many_ids(value, "video_id") == ([7], False)
    assert one_or_many_ids([value, "8"], "video_id") == ([7, 8], True)


def test_an_array_is_a_list_of_ids() -> None:
    assert one_or_many_ids(numpy.array([7, 8]), "video_id") == ([7, 8], True)


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
        ANY_OBJECT,
        {1: 1},
        Decimal("7.5"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("1E+999999"),
        numpy.float64(7),
        numpy.bool_(True),
    ],
    ids=repr,
)
def test_anything_else_is_refused_and_the_field_is_named(value: object) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match="video_media_id"):
        optional_id(value, "video_media_id")


@pytest.mark.parametrize(
    "value",
    ["9" * 5000, 10**5000, [10**5000], [["9" * 5000]], "[" * 100_000, f"[{'9' * 5000}]"],
    ids=["text", "int", "list", "list of a list", "JSON without end", "JSON"],
)
def test_digits_without_end_are_refused_in_a_short_sentence(value: Any) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match="video_id") as caught:
        one_or_many_ids(value, "video_id")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("value", [7.0, True, ANY_OBJECT], ids=repr)
def test_what_is_neither_an_id_nor_a_list_is_refused_as_one(value: Any) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match=r"^video_id must be a PixVerse id"):
        one_or_many_ids(value, "video_id")


NO_LISTS: list[Any] = [b"12", bytearray(b"12"), {"id": 7}, {7, 8}, frozenset(), iter([7]), (n for n in [7])]


@pytest.mark.parametrize("value", NO_LISTS, ids=lambda value: type(value).__name__)
def test_what_has_items_and_is_no_list_is_refused_by_every_argument_that_takes_one(value: Any) -> None:
    for read in (one_or_many_ids, list_of, Items(required_id)):
        with pytest.raises(PixVerseInvalidRequestError, match=r"^img_ids is .*: give a list") as caught:
            read(value, "img_ids")
        assert type(value).__name__ in str(caught.value)


LISTS: list[Any] = [
    [7, 8],
    (7, 8),
    range(7, 9),
    deque([7, 8]),
    {7: "a", 8: "b"}.keys(),
    {1: 7, 2: 8}.values(),
    numpy.array([7, 8]),
]


@pytest.mark.parametrize("value", LISTS, ids=lambda value: type(value).__name__)
def test_a_list_of_any_type_keeps_its_order(value: Any) -> None:
    assert one_or_many_ids(value, "img_ids") == ([7, 8], True)
    assert list_of(value, "img_ids") == [7, 8]
    assert Items(required_id)(value, "img_ids") == (7, 8)


def test_a_template_that_found_nothing_is_told_apart() -> None:
    with pytest.raises(PixVerseInvalidRequestError, match="its template found no value"):
        optional_id("None", "video_id")


class Endless:
    def __iter__(self) -> Iterator[int]:
        return itertools.count(1)


@pytest.mark.parametrize("value", [range(10**18), Endless(), [7] * 100_001], ids=["range", "endless", "list"])
def test_a_list_of_more_items_than_anybody_needs_is_refused_before_it_is_read_to_its_end(value: Any) -> None:
    for read in (one_or_many_ids, list_of, Items(required_id)):
        with pytest.raises(PixVerseInvalidRequestError, match=r"^img_ids is .*, of more than 100,000 items"):
            read(value, "img_ids")


def test_a_list_of_very_many_is_taken() -> None:
    assert one_or_many_ids([7] * 100_000, "video_id") == ([7] * 100_000, True)
