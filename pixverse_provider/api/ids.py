"""Ids of PixVerse: unsigned 64-bit numbers that must never pass through a float.

Templated arguments arrive as strings, and an Airflow database may hand a large XCom integer back in another
form, so every id argument takes an int or a string of decimal digits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pixverse_provider.exceptions import PixVerseInvalidRequestError

__all__ = ["LARGEST_ID", "Id", "one_or_many_ids", "optional_id", "required_id", "xcom_id"]

Id = int | str

LARGEST_ID = 2**64 - 1
_TOO_MANY_DIGITS = len(str(LARGEST_ID)) + 1
# SQLite keeps an integer above this as a float, which would silently change the id.
_LARGEST_SQLITE_INTEGER = 2**63 - 1


def optional_id(value: object, field: str) -> int | None:
    """Return the id as an int, or None where it is not given.

    ``None``, ``0``, ``"0"`` and ``""`` count as not given, as in the examples of the PixVerse documentation.

    :param value: an int, or a string of decimal digits (as a rendered template gives it).
    :param field: name of the argument, for the message.
    :raises PixVerseInvalidRequestError: for anything else, a float or a bool included.
    """
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if text == "None":
            raise PixVerseInvalidRequestError(
                f"{field} is the text 'None': its template found no value. Check that the task it refers to "
                "has run and returned an id."
            )
        if not (text.isascii() and text.isdecimal()):
            raise PixVerseInvalidRequestError(f"{field} must be a PixVerse id made of digits, not {value!r}.")
        # More digits are out of range however they go on, and Python reads no number of thousands of them.
        number = int(text.lstrip("0")[:_TOO_MANY_DIGITS] or "0")
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        raise PixVerseInvalidRequestError(
            f"{field} must be an int or a string of digits, not {value!r} ({type(value).__name__})."
        )
    if number == 0:
        return None
    if not 0 < number <= LARGEST_ID:
        raise PixVerseInvalidRequestError(f"{field} must lie between 1 and 2^64-1, not {number}.")
    return number


def required_id(value: object, field: str) -> int:
    """Return the id as an int; like :func:`optional_id`, but the id must be given."""
    number = optional_id(value, field)
    if number is None:
        raise PixVerseInvalidRequestError(f"{field} is missing: give the id as an int or a string of digits.")
    return number


def one_or_many_ids(value: Any, field: str) -> tuple[list[int], bool]:
    """Return the ids of an argument that takes one id or a list, and whether it is a list.

    :param value: an id or a sequence of ids; a rendered template may hold the list as JSON text.
    :param field: name of the argument, for the message.
    :raises PixVerseInvalidRequestError: for anything else, an empty list included.
    """
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError as err:
            raise PixVerseInvalidRequestError(
                f"{field} must be an id or a list of ids, not {value!r}."
            ) from err
    if isinstance(value, str | int | float) or value is None:
        return [required_id(value, field)], False
    # The results of a mapped task come one request each, unless they are asked for at once.
    if isinstance(value, Sequence):
        value = value[:]
    ids = [required_id(item, f"{field}[{index}]") for index, item in enumerate(value)]
    if not ids:
        raise PixVerseInvalidRequestError(f"{field} is an empty list: give at least one id.")
    return ids, True


def xcom_id(number: int) -> Id:
    """Return the id in the form that survives an XCom: an int, or digits where SQLite would round it."""
    return number if number <= _LARGEST_SQLITE_INTEGER else str(number)
