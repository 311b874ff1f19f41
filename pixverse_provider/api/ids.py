"""Ids of PixVerse: unsigned 64-bit numbers that must never pass through a float.

Templated arguments arrive as strings, and an Airflow database may hand a large XCom integer back in another
form, so every id argument takes an int or a string of decimal digits.
"""

from __future__ import annotations

from pixverse_provider.exceptions import PixVerseInvalidRequestError

__all__ = ["LARGEST_ID", "Id", "optional_id", "required_id", "xcom_id"]

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


def xcom_id(number: int) -> Id:
    """Return the id in the form that survives an XCom: an int, or digits where SQLite would round it."""
    return number if number <= _LARGEST_SQLITE_INTEGER else str(number)
