"""Readers of the fields of an answer: each returns a plain value within its range.

What decides, such as an id, is read by a function that raises :class:`MisshapenAnswerError`. Of every other
field None comes back where its value cannot be used, and that is logged once for each field and process.
"""

from __future__ import annotations

import logging
import math
import re
from typing import TYPE_CHECKING, Any, TypeVar

from pixverse_provider.api.gate import LONGEST_TEXT, shortened
from pixverse_provider.api.ids import LARGEST_ID, Id, xcom_id
from pixverse_provider.exceptions import storable_text

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "MisshapenAnswerError",
    "balance_in",
    "charge_in",
    "id_in",
    "integer",
    "integer_in",
    "items_of",
    "keyframe_in",
    "name_in",
    "object_of",
    "status_in",
    "switch_in",
    "text_in",
    "url_in",
    "wide_id_in",
]

T = TypeVar("T")

log = logging.getLogger(__name__)

_LARGEST_INTEGER = 2**63 - 1
# No number that a server means as a status is anywhere near.
_LARGEST_STATUS = 2**31 - 1
# Above it a number of double precision skips integers, and so would a sum.
_LARGEST_AMOUNT = 2**53 - 1
_ID = re.compile(r"\s*([0-9]{1,20})\s*", re.ASCII)
_INTEGER = re.compile(r"\s*([+-]?[0-9]{1,20})(?:\.0{1,20})?\s*", re.ASCII)

_odd_fields: set[str] = set()
"""Fields that were logged already, in this process."""


_EXACT_FLOATS = 2**53 - 1


class MisshapenAnswerError(ValueError):
    """An answer without something that decides; the message names what, and never quotes a value."""


def object_of(value: object, what: str = "Resp") -> dict[str, Any]:
    """Return a JSON object.

    :raises MisshapenAnswerError: for anything else.
    """
    if not isinstance(value, dict):
        raise MisshapenAnswerError(f"no object as {what}")
    return value


def items_of(value: object, what: str = "Resp") -> list[dict[str, Any]]:
    """Return the objects of a JSON list; null is an empty one, as some servers write it.

    :raises MisshapenAnswerError: for anything else.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise MisshapenAnswerError(f"no list as {what}")
    return [object_of(item, f"an item of {what}") for item in value]


def integer(value: object, lowest: int = 0, highest: int = _LARGEST_INTEGER) -> int | None:
    """Return an integer within a range, or None for anything else.

    A float without a fraction and digits are read too: ``5.0``, ``"5"``.
    """
    if isinstance(value, str):
        digits = _INTEGER.fullmatch(value)
        number = int(digits[1]) if digits else None
    elif isinstance(value, float):
        number = int(value) if value.is_integer() else None
    else:
        number = value if isinstance(value, int) and not isinstance(value, bool) else None
    return number if number is not None and lowest <= number <= highest else None


def id_in(data: dict[str, Any], *names: str) -> int:
    """Return the id under the first of these names that is there: an integer or digits, from 1 to 2^64-1.

    A float without a fraction is read up to 2^53-1; above that it has lost its last digits.

    :raises MisshapenAnswerError: for anything else.
    """
    value = next((data[name] for name in names if name in data), None)
    if isinstance(value, float) and value.is_integer() and 0 < value <= _EXACT_FLOATS:
        value = int(value)
    number = _id(value)
    if number is None:
        raise MisshapenAnswerError(f"no usable {names[0]}")
    return number


def name_in(data: dict[str, Any], name: str) -> str:
    """Return an id that is a text; some deployments write it as a number.

    :raises MisshapenAnswerError: for anything else, an empty text included.
    """
    text = _text(data.get(name))
    if not text:
        raise MisshapenAnswerError(f"no usable {name}")
    return text


def status_in(data: dict[str, Any]) -> int:
    """Return the status of a job, below 2^31.

    :raises MisshapenAnswerError: for anything else.
    """
    status = integer(data.get("status"), -_LARGEST_STATUS, _LARGEST_STATUS)
    if status is None:
        raise MisshapenAnswerError("no usable status")
    return status


def keyframe_in(data: dict[str, Any]) -> int:
    """Return the number of a key frame.

    :raises MisshapenAnswerError: for what is no integer from 0.
    """
    number = integer(data.get("keyframe_id"))
    if number is None:
        raise MisshapenAnswerError("no usable keyframe_id")
    return number


def balance_in(data: dict[str, Any], name: str) -> int:
    """Return whole credits, a part of one left out.

    :raises MisshapenAnswerError: for what is no number below 2^53.
    """
    value = data.get(name)
    if isinstance(value, float) and abs(value) <= _LARGEST_AMOUNT:
        return math.floor(value)
    number = integer(value, -_LARGEST_AMOUNT, _LARGEST_AMOUNT)
    if number is None:
        raise MisshapenAnswerError(f"no usable {name}")
    return number


def url_in(data: dict[str, Any], name: str) -> str:
    """Return a URL, empty for anything else; one that has been shortened leads nowhere."""
    value = data.get(name)
    text = storable_text(value).strip() if isinstance(value, str) else ""
    return text if len(text) < LONGEST_TEXT else ""


def text_in(data: dict[str, Any], name: str) -> str | None:
    """Return a text that can be stored, of up to ``LONGEST_TEXT`` characters; empty where it is missing."""
    return _or_none(data, name, _text, "")


def integer_in(data: dict[str, Any], name: str) -> int | None:
    """Return an integer from 0 to 2^63-1; 0 where it is missing."""
    return _or_none(data, name, integer, 0)


def switch_in(data: dict[str, Any], name: str) -> bool | None:
    """Return true or false; None where it is missing."""
    return _or_none(data, name, lambda value: value if isinstance(value, bool) else None, None)


def wide_id_in(data: dict[str, Any], name: str) -> Id | None:
    """Return an id in the form that goes into an XCom; None where it is missing.

    0 is how the examples of PixVerse write that there is none.
    """
    if data.get(name) == 0:
        return None
    number = _or_none(data, name, _id, None)
    return None if number is None else xcom_id(number)


def charge_in(data: dict[str, Any]) -> float | None:
    """Return what was charged, from 0 to 2^53-1 credits, under either spelling; None where it is missing."""
    return _or_none(data, "credits" if "credits" in data else "credit", _amount, None)


def _or_none(
    data: dict[str, Any], name: str, read: Callable[[object], T | None], missing: T | None
) -> T | None:
    if name not in data:
        return missing
    value = data[name]
    result = read(value)
    if result is None and value is not None and value != "" and name not in _odd_fields:
        _odd_fields.add(name)
        log.warning(
            "PixVerse answered with a %s that cannot be used, so it is left out. This is logged once.", name
        )
    return result


def _id(value: object) -> int | None:
    if isinstance(value, str):
        digits = _ID.fullmatch(value)
        number = int(digits[1]) if digits else 0
    else:
        number = value if isinstance(value, int) and not isinstance(value, bool) else 0
    return number if 0 < number <= LARGEST_ID else None


def _text(value: object) -> str | None:
    """Return a text; an integer is read as its digits."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_ID:
        return str(value)
    return shortened(storable_text(value), LONGEST_TEXT) if isinstance(value, str) else None


def _amount(value: object) -> float | None:
    if isinstance(value, float):
        return value if 0 <= value <= _LARGEST_AMOUNT else None
    return integer(value, 0, _LARGEST_AMOUNT)
