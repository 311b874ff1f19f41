"""How arguments are read: those of a request once rendered, switches and times of the provider as given.

A rendered template hands over text for a number or a switch. A reader takes a value and the name of its
field, and returns the value in the form of the API, or None where it is not given: ``None``, ``""`` and
whitespace, and ``0`` where no number 0 is possible.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from numbers import Real
from typing import Any

from pixverse_provider.api.ids import exact_integer, list_of, plain_text, reading, shown
from pixverse_provider.exceptions import PixVerseInvalidRequestError

__all__ = [
    "Choice",
    "Items",
    "Part",
    "Reader",
    "Switch",
    "Text",
    "Whole",
    "check_switches",
    "finite_number",
    "given",
    "read_fields",
    "read_limit",
    "read_mapping",
    "read_seconds",
    "read_speaker",
    "read_text",
]

Reader = Callable[[object, str], Any]

# Seconds. Airflow adds a timeout to a date, and dates end in the year 9999.
_TEN_YEARS = 10 * 365 * 86400.0
_VOICE = re.compile("[0-9]{1,20}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def given(reader: Reader, *, required: bool = False, default: Any = None) -> Any:
    """Declare a field of a request by how its value is read.

    :param required: whether the request is refused where the value is not given.
    :param default: value of a field that is not given.
    """
    return dataclasses.field(default=default, metadata={"reader": reader, "required": required})


def read_fields(record: Any, prefix: str = "") -> None:
    """Bring every field of a frozen dataclass, declared with :func:`given`, to the form of the API.

    :param prefix: what comes before the name of a field in messages.
    :raises PixVerseInvalidRequestError: names the field, the value, and what is allowed.
    """
    for field in dataclasses.fields(record):
        name = f"{prefix}{field.name}"
        value = getattr(record, field.name)
        with reading(value, name):
            value = field.metadata["reader"](value, name)
        if value is None:
            value = field.default
        if value is None and field.metadata["required"]:
            expects = getattr(field.metadata["reader"], "expects", "an id, as an int or a string of digits")
            raise PixVerseInvalidRequestError(f"{name} is missing: give {expects}.")
        object.__setattr__(record, field.name, value)


def _refused(field: str, expects: str, value: object) -> PixVerseInvalidRequestError:
    return PixVerseInvalidRequestError(f"{field} must be {expects}, not {shown(value)}.")


def _found(value: object, field: str) -> object:
    """Return the value, whitespace around a text taken off; None where nothing is given."""
    text = plain_text(value)
    if text is None:
        return value
    text = text.strip()
    if text == "None":
        raise PixVerseInvalidRequestError(
            f"{field} is the text 'None': its template found no value. Check that the task it refers to has "
            "run and returned one."
        )
    return text or None


def read_text(value: object, field: str) -> str | None:
    """Read a text of any length; it is sent as it is, whitespace at its ends included."""
    if _found(value, field) is None:
        return None
    text = plain_text(value)
    if text is None:
        raise _refused(field, "a text", value)
    try:
        text.encode()
    except UnicodeEncodeError as err:
        raise PixVerseInvalidRequestError(
            f"{field} holds an unpaired surrogate at position {err.start}, which cannot be sent: fix the "
            "text."
        ) from err
    return text


def read_speaker(value: object, field: str) -> str | None:
    """Bring a voice to the form of the API: ``auto``, or the digits of an id."""
    found = _found(value, field)
    number = exact_integer(found)
    text = found if number is None else str(number)
    if text in (None, "0"):
        return None
    if isinstance(text, str) and text.lower() == "auto":
        return "auto"
    if not isinstance(text, str) or not _VOICE.fullmatch(text):
        raise _refused(field, "'auto' or an id of the voice list such as '7'", value)
    return text


@dataclass(frozen=True)
class Text:
    """A text of so many characters at most; an int becomes its digits, for ids that are texts."""

    longest: int | None = None
    of_digits: bool = False

    @property
    def expects(self) -> str:
        """What is allowed, in words."""
        return "a text" if self.longest is None else f"a text of up to {self.longest} characters"

    def __call__(self, value: object, field: str) -> str | None:
        """Read it."""
        if self.of_digits and (number := exact_integer(value)) is not None:
            value = str(number)
        text = read_text(value, field)
        if text is not None and self.longest is not None and len(text) > self.longest:
            raise PixVerseInvalidRequestError(
                f"{field} has {len(text)} characters and at most {self.longest} are allowed: shorten it."
            )
        return text


@dataclass(frozen=True)
class Whole:
    """A whole number, or its digits; 0 counts as not given where it lies below the lowest."""

    lowest: int = 1
    highest: int | None = None

    @property
    def expects(self) -> str:
        """What is allowed, in words."""
        if self.highest is None:
            return f"a whole number from {self.lowest} on"
        return f"a whole number from {self.lowest} to {self.highest}"

    def __call__(self, value: object, field: str) -> int | None:
        """Read it."""
        found = _found(value, field)
        if found is None:
            return None
        # No number of the API has more digits, and Python reads none of thousands of them.
        if isinstance(found, str) and re.fullmatch(r"[+-]?[0-9]{1,20}", found):
            found = int(found)
        number = exact_integer(found)
        if number is None:
            raise _refused(field, self.expects, value)
        if number == 0 and self.lowest > 0:
            return None
        if number < self.lowest or (self.highest is not None and number > self.highest):
            raise _refused(field, self.expects, value)
        return number


@dataclass(frozen=True)
class Switch:
    """A boolean, or the text that a template makes of one."""

    @property
    def expects(self) -> str:
        """What is allowed, in words."""
        return "true or false"

    def __call__(self, value: object, field: str) -> bool | None:
        """Read it."""
        found = _found(value, field)
        if found is None or isinstance(found, bool):
            return found
        number = exact_integer(found)
        text = found.lower() if isinstance(found, str) else "" if number is None else str(number)
        if text not in ("true", "1", "false", "0"):
            raise _refused(field, self.expects, value)
        return text in ("true", "1")


@dataclass(frozen=True)
class Choice:
    """One of a few words, spelled as the API spells them."""

    allowed: tuple[str, ...]

    @property
    def expects(self) -> str:
        """What is allowed, in words."""
        return ("one of " if len(self.allowed) > 1 else "") + ", ".join(map(repr, self.allowed))

    def __call__(self, value: object, field: str) -> str | None:
        """Read it."""
        found = _found(value, field)
        if found is None:
            return None
        if not isinstance(found, str) or found not in self.allowed:
            raise _refused(field, self.expects, value)
        return found


class Part:
    """Base of what a list of a request is made of: a frozen dataclass declared with :func:`given`."""

    @classmethod
    def read(cls, value: object, field: str) -> Any:
        """Read one item, given as a dict or as an object of this class."""
        if isinstance(value, cls):
            value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}  # type: ignore[arg-type]
        names = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
        if not isinstance(value, Mapping):
            raise _refused(field, f"a dict with {', '.join(names)}", value)
        unknown = sorted(map(str, value.keys() - set(names)))
        if unknown:
            raise PixVerseInvalidRequestError(
                f"{field} has the key {shown(unknown[0])}, which PixVerse does not know: it takes "
                f"{', '.join(names)}."
            )
        part = cls(**value)
        read_fields(part, f"{field}.")
        return part


@dataclass(frozen=True)
class Items:
    """A list, or the JSON text of one; a single id or text stands for a list of one.

    :param item: reads one item.
    :param most: how many there may be.
    :param least: how many there must be, once any is given.
    """

    item: Reader
    most: int | None = None
    least: int = 1

    @property
    def expects(self) -> str:
        """What is allowed, in words."""
        if self.most is None:
            return f"a list of {self.least} or more"
        return f"a list of {self.least} to {self.most}"

    def __call__(self, value: object, field: str) -> tuple[Any, ...] | None:
        """Read it."""
        found = _found(value, field)
        if isinstance(found, str) and found.startswith(("[", "{")):
            found = _from_json(found, field)
        number = exact_integer(found)
        if found is None or number == 0:
            return None
        given = [found] if isinstance(found, str) or number is not None else list_of(found, field)
        if given is None:
            raise _refused(field, self.expects, value)
        items = []
        for index, item in enumerate(given):
            read = self.item(item, f"{field}[{index}]")
            if read is None:
                raise PixVerseInvalidRequestError(f"{field}[{index}] is missing: it is {shown(item)}.")
            items.append(read)
        if not items:
            return None
        if len(items) < self.least or (self.most is not None and len(items) > self.most):
            raise PixVerseInvalidRequestError(f"{field} must be {self.expects}, not of {len(items)}.")
        return tuple(items)


def _from_json(text: str, field: str) -> object:
    try:
        return json.loads(text)
    except (RecursionError, ValueError) as err:
        raise PixVerseInvalidRequestError(
            f"{field} must be a list, not {shown(text)}: let the template render to JSON with the filter "
            "'tojson'."
        ) from err


def read_mapping(value: object, field: str) -> dict[str, Any]:
    """Read an object whose shape is not documented; it is sent as it is."""
    if not isinstance(value, Mapping):
        raise _refused(field, "a dict", value)
    try:
        json.dumps(dict(value), allow_nan=False)
    except (RecursionError, TypeError, ValueError) as err:
        raise PixVerseInvalidRequestError(
            f"{field} is {shown(value)}, which JSON cannot hold: use texts, finite numbers, lists and dicts."
        ) from err
    return dict(value)


def read_limit(value: object, field: str) -> float | None:
    """Read a limit in credits, a number or its text; None alone is no limit."""
    if value is None:
        return None
    with reading(value, field):
        number = _limit(value, field)
    if number is None or number < 0:
        raise PixVerseInvalidRequestError(
            f"{field} must be a number of credits, at least 0, not {shown(value)}: give one such as 25. For "
            "no limit, leave the argument out; a template cannot do that."
        )
    return number


def _limit(value: object, field: str) -> float | None:
    found = _found(value, field)
    plain = not isinstance(found, str) or re.fullmatch(r"[0-9]+(\.[0-9]+)?", found)
    return finite_number(found) if plain else None


def finite_number(value: object) -> float | None:
    """Return a number of any type, or that of its text, as a float; None for anything else.

    :param value: whitespace around a text does not count; a bool, NaN and Infinity are no numbers.
    """
    # A bool of numpy is no real number; that of Python is.
    is_number = isinstance(value, Real | Decimal) and not isinstance(value, bool)
    number = math.nan
    if is_number or (isinstance(value, str) and _NUMBER.fullmatch(value.strip())):
        with contextlib.suppress(OverflowError, ValueError):
            number = float(value)  # type: ignore[arg-type]
    return number if math.isfinite(number) else None


def check_switches(**switches: object) -> None:
    """Check the switches of the provider, which are not templated."""
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise PixVerseInvalidRequestError(
                f"{name} must be True or False, not {shown(value)}: it is no template field, so give the "
                "bool itself."
            )


def read_one_of(value: object, name: str, allowed: tuple[str, ...]) -> str:
    """Read a word of the provider, which is not templated."""
    word = plain_text(value)
    if word is None or word not in allowed:
        raise PixVerseInvalidRequestError(
            f"{name} must be {' or '.join(map(repr, allowed))}, not {shown(value)}: it is no template field, "
            "so give one of the two."
        )
    return word


def read_conn_id(value: object, default: str) -> str:
    """Read the id of a connection, once rendered.

    :param default: what counts where it is left out, for the message.
    """
    text = plain_text(value)
    if text is None or not text.strip():
        raise PixVerseInvalidRequestError(
            f"pixverse_conn_id must be the id of an Airflow connection, not {shown(value)}: leave it out for "
            f"{default!r}."
        )
    return text


def read_seconds(value: object, name: str, *, at_least: float) -> float:
    """Read a time of the provider, which is not templated."""
    with reading(value, name):
        seconds = value.total_seconds() if isinstance(value, timedelta) else value
        number = float(seconds) if isinstance(seconds, float) else exact_integer(seconds)
    if number is None or not at_least <= number <= _TEN_YEARS:
        raise PixVerseInvalidRequestError(
            f"{name} must be seconds, a number of at least {at_least:g} and at most {_TEN_YEARS:.0f}, or a "
            f"timedelta, not {shown(value)}: it is no template field, so give the value itself."
        )
    return float(number)
