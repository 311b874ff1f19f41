"""Ids of PixVerse: unsigned 64-bit numbers that must never pass through a float.

Templated arguments arrive as strings, and an Airflow database may hand a large XCom integer back in another
form, so every id argument takes an exact integer of any type, or a string of decimal digits.
"""

from __future__ import annotations

import contextlib
import json
import operator
from collections.abc import Iterable, Iterator, KeysView, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any, SupportsIndex

from pixverse_provider.exceptions import PixVerseInvalidRequestError

__all__ = [
    "LARGEST_ID",
    "Id",
    "exact_integer",
    "list_of",
    "one_or_many_ids",
    "optional_id",
    "required_id",
    "shown",
    "xcom_id",
]

Id = int | str

LARGEST_ID = 2**64 - 1
_MOST_DIGITS = len(str(LARGEST_ID))
# JavaScript's Number.MAX_SAFE_INTEGER: pages of Airflow would show a larger integer with other last digits.
_LARGEST_JAVASCRIPT_INTEGER = 2**53 - 1
_LONGEST_SHOWN = 80
_WANTED = "an int from 1 to 2^64-1, or its digits as a string"


def optional_id(value: object, field: str) -> int | None:
    """Return the id as an int, or None where it is not given.

    ``None``, ``0``, ``"0"`` and ``""`` count as not given, as in the examples of the PixVerse documentation.

    :param value: an exact integer (an int, a Decimal without a fraction, an integer of numpy), or a string of
        decimal digits, as a rendered template gives it.
    :param field: name of the argument, for the message.
    :raises PixVerseInvalidRequestError: for anything else, such as a float, a bool or bytes.
    """
    if value is None:
        return None
    if isinstance(value, str) and value.strip() == "None":
        raise PixVerseInvalidRequestError(
            f"{field} is the text 'None': its template found no value. Check that the task it refers to "
            "has run and returned an id."
        )
    number = _from_digits(value) if isinstance(value, str) else exact_integer(value)
    if number is None:
        raise PixVerseInvalidRequestError(
            f"{field} must be a PixVerse id, {_WANTED}, not {shown(value)} ({type(value).__name__})."
        )
    if number == 0:
        return None
    if not 0 < number <= LARGEST_ID:
        raise PixVerseInvalidRequestError(
            f"{field} must be a PixVerse id, {_WANTED}, but {shown(value)} is out of range."
        )
    return number


def required_id(value: object, field: str) -> int:
    """Return the id as an int; like :func:`optional_id`, but the id must be given."""
    number = optional_id(value, field)
    if number is None:
        raise PixVerseInvalidRequestError(f"{field} is missing: give {_WANTED}.")
    return number


def one_or_many_ids(value: Any, field: str) -> tuple[list[int], bool]:
    """Return the ids of an argument that takes one id or a list, and whether it is a list.

    :param value: an id or a sequence of ids; a rendered template may hold the list as JSON text.
    :param field: name of the argument, for the message.
    :raises PixVerseInvalidRequestError: for anything else.
    """
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            value = json.loads(value)
        except (RecursionError, ValueError):
            raise PixVerseInvalidRequestError(
                f"{field} must be an id or a list of ids, and {shown(value)} is no list in JSON."
            ) from None
    items = list_of(value, field)
    if items is None:
        return [required_id(value, field)], False
    return [required_id(item, f"{field}[{index}]") for index, item in enumerate(items)], True


def list_of(value: object, field: str) -> list[Any] | None:
    """Return the items of a list of any type, in their order; None for a value that is no list.

    :param value: of an argument that takes a list.
    :param field: name of the argument, for the message.
    :raises PixVerseInvalidRequestError: for what has items and is no list: a set has another order in each
        process, so a retry would ask for something else, and an iterator is empty when it is read again.
    """
    if exact_integer(value) is not None or isinstance(value, str) or not isinstance(value, Iterable):
        return None
    if isinstance(value, bytes | bytearray | memoryview | Mapping | Iterator) or (
        isinstance(value, AbstractSet) and not isinstance(value, KeysView)
    ):
        raise PixVerseInvalidRequestError(
            f"{field} is {shown(value)}, of type {type(value).__name__}: give a list, whose items keep their "
            "order."
        )
    # The results of a mapped task come one request each, unless they are asked for at once; a deque has no
    # slices, and an array of numpy without a dimension no items.
    with contextlib.suppress(TypeError):
        if isinstance(value, Sequence):
            value = value[:]
    try:
        return list(value)
    except TypeError:
        return None


def xcom_id(number: int) -> Id:
    """Return the id in the form that survives an XCom: an int up to 2^53-1, digits above.

    Airflow's pages round a larger integer, as any JavaScript does, and SQLite one above 2^63-1.
    """
    return number if number <= _LARGEST_JAVASCRIPT_INTEGER else str(number)


def _from_digits(text: str) -> int | None:
    """Return what a text of decimal digits says, 0 for an empty one, and None for any other text."""
    text = text.strip()
    if text and not (text.isascii() and text.isdecimal()):
        return None
    # One digit too many is out of range however it goes on, and Python reads no number of thousands of them.
    return int(text.lstrip("0")[: _MOST_DIGITS + 1] or "0")


def exact_integer(value: object) -> int | None:
    """Return the value of an integer of any type, or None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, Decimal):
        # The size first: the integer of Decimal("1E+999999") would take a long time.
        if not value.is_finite() or value.adjusted() > _MOST_DIGITS:
            return None
        return int(value) if value == value.to_integral_value() else None
    if isinstance(value, SupportsIndex):
        try:
            return operator.index(value)
        except TypeError:
            # An array of numpy has the method and no such value.
            return None
    return None


def shown(value: object) -> str:
    """Return a value as a message shows it: in full where it is short."""
    try:
        text = repr(value)
    except ValueError:
        # Python writes no integer of thousands of digits.
        return "a number of thousands of digits"
    except Exception as err:  # noqa: BLE001 - whatever a class of the user's raises, the message is of ours
        return f"a value of type {type(value).__name__} that cannot be shown ({type(err).__name__})"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
