"""Values that somebody may give by mistake, of every type, and of types that nobody would think of."""

from __future__ import annotations

import json
import math
import os
import uuid
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import numpy as np
from airflow.providers.common.compat.sdk import ObjectStoragePath
from hypothesis import settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["BROKEN", "FOR_EACH", "ODD", "ODD_VALUES", "Odd"]

# For tests of many things that are read alike.
FOR_EACH = settings(max_examples=settings().max_examples // 4)


@dataclass(frozen=True)
class Odd:
    """A value with a name, since it may be one that cannot be shown."""

    name: str
    make: Callable[[], Any]

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Colour(Enum):
    RED = "red"


class Number(IntEnum):
    SEVEN = 7


class Word(StrEnum):
    AUTO = "auto"


class Mixed(str, Enum):  # noqa: UP042 - what people write
    AUTO = "auto"


class Text(str):
    __slots__ = ()


class Integer(int):
    pass


class PathLike:
    def __init__(self, path: Any) -> None:
        self._path = path

    def __fspath__(self) -> Any:
        return self._path


class Endless:
    """Has items without end."""

    def __iter__(self) -> Iterator[int]:
        yield from range(1_000_000)
        raise AssertionError("it was read without end")


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def _within_itself() -> list[Any]:
    value: list[Any] = [7]
    value.append(value)
    return value


_MAKERS: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "an ellipsis": lambda: ...,
    "NotImplemented": lambda: NotImplemented,
    "true": lambda: True,
    "false": lambda: False,
    "true of numpy": lambda: np.True_,
    "0": lambda: 0,
    "-1": lambda: -1,
    "1": lambda: 1,
    "7": lambda: 7,
    "an id": lambda: 343252978602905,
    "2^63": lambda: 2**63,
    "2^64": lambda: 2**64,
    "an int of thousands of digits": lambda: 10**5000,
    "digits by the thousand": lambda: "9" * 5000,
    "zeros by the thousand": lambda: "0" * 5000 + "7",
    "0.5": lambda: 0.5,
    "7.0": lambda: 7.0,
    "-0.0": lambda: -0.0,
    "1e300": lambda: 1e300,
    "NaN": lambda: math.nan,
    "Infinity": lambda: math.inf,
    "a Decimal": lambda: Decimal(343252978602905),
    "half a Decimal": lambda: Decimal("0.5"),
    "a Decimal that is none": lambda: Decimal("NaN"),
    "a Decimal that signals": lambda: Decimal("sNaN"),
    "a huge Decimal": lambda: Decimal("1E+999999"),
    "a tiny Decimal": lambda: Decimal("1E-999999"),
    "a Fraction": lambda: Fraction(1, 3),
    "a whole Fraction": lambda: Fraction(7),
    "a complex number": lambda: 7j,
    "an int of numpy": lambda: np.int64(343252978602905),
    "a byte of numpy": lambda: np.uint8(7),
    "a float of numpy": lambda: np.float64(0.5),
    "half a float of numpy": lambda: np.float16(7),
    "a NaN of numpy": lambda: np.float32(math.nan),
    "a text of numpy": lambda: np.str_("abc"),
    "bytes of numpy": lambda: np.bytes_(b"abc"),
    "a time of numpy": lambda: np.datetime64("2026-01-01"),
    "an array of numpy": lambda: np.array([7, 8]),
    "an array of texts": lambda: np.array(["replay", "fail"]),
    "an array of floats": lambda: np.array([7.5, math.nan]),
    "an array without a dimension": lambda: np.array(7),
    "an array of objects": lambda: np.array([None, object()], dtype=object),
    "a table of numpy": lambda: np.zeros((2, 2), dtype=np.int64),
    "an empty text": lambda: "",
    "whitespace": lambda: " \n\t",
    "much whitespace": lambda: " " * 100_000,
    "other whitespace": lambda: "\u2003\u3000\u00a0",
    "no width": lambda: "\u200b\ufeff",
    "the text None": lambda: "None",
    "the text none": lambda: " none ",
    "the text null": lambda: "null",
    "the text nan": lambda: "nan",
    "the text True": lambda: "True",
    "a word": lambda: "abc",
    "auto": lambda: "AUTO",
    "digits": lambda: "343252978602905",
    "signed digits": lambda: "+7",
    "a float in digits": lambda: "7.0",
    "digits of another script": lambda: "٣",
    "digits above": lambda: "²",
    "digits with an underscore": lambda: "1_000",
    "NUL": lambda: "a\0b",
    "an unpaired surrogate": lambda: "a\ud800b",
    "an escape of a terminal": lambda: "\x1b[31mred\r\nAPI-KEY: x",
    "from right to left": lambda: "\u202egnp.a",
    "a very long text": lambda: "x" * 1_000_000,
    "a very long text of surrogates": lambda: "\udcff" * 100_000,
    "a long text of one letter in four bytes": lambda: "\U0001f600" * 6000,
    "JSON of a list": lambda: "[7, 8]",
    "JSON of nothing": lambda: "[null]",
    "JSON of lists": lambda: "[[7]]",
    "JSON of an object": lambda: '{"img_id": 7}',
    "JSON of NaN": lambda: "[NaN]",
    "JSON of a surrogate": lambda: '["\\ud800"]',
    "JSON that does not end": lambda: "[" * 10_000,
    "JSON that is deep": lambda: "[" * 5000 + "]" * 5000,
    "JSON of digits by the thousand": lambda: f"[{'9' * 5000}]",
    "JSON of equal keys": lambda: '[{"img_id": 7, "img_id": 8}]',
    "braces": lambda: "{{ nothing }}",
    "a text of another class": lambda: Text("abc"),
    "digits of another class": lambda: Text("7"),
    "an int of another class": lambda: Integer(7),
    "bytes": lambda: b"abc",
    "bytes of digits": lambda: b"7",
    "a bytearray": lambda: bytearray(b"abc"),
    "a memoryview": lambda: memoryview(b"abc"),
    "a list": lambda: [7],
    "an empty list": list,
    "a list of nothing": lambda: [None],
    "a list of lists": lambda: [[7]],
    "a list of texts": lambda: ["7", " ", ""],
    "a list of all sorts": lambda: [7, "7", 7.0, None, b"7", {}],
    "a deep list": lambda: _nested(200),
    "a list within itself": _within_itself,
    "a long list": lambda: [7] * 1000,
    "a tuple": lambda: (7, 8),
    "an empty tuple": tuple,
    "a set": lambda: {7},
    "a frozen set": lambda: frozenset({7, 8}),
    "a dict": lambda: {"a": 7},
    "an empty dict": dict,
    "a dict of anything": lambda: {None: object()},
    "a list of a dict of anything": lambda: [{None: object()}],
    "a list of a dict of NaN": lambda: [{"video_id": math.nan}],
    "a list of a dict of numpy": lambda: [{"video_id": np.int64(7)}],
    "a dict of keys of all types": lambda: {1: 1, "a": 2, (3,): 3},
    "a dict of a frame": lambda: {"img_id": 7, "duration": 5},
    "a list of a frame of nothing": lambda: [{"img_id": None, "duration": None}],
    "an ordered dict": lambda: OrderedDict(img_id=7),
    "a mapping that cannot be changed": lambda: MappingProxyType({"img_id": 7}),
    "an XCom of a video": lambda: {"video_id": 343252978602905, "status": 1, "credits": None},
    "an XCom in parts": lambda: {"__classname__": "a.B", "__version__": 1, "__data__": [7]},
    "keys": lambda: {7: 1}.keys(),
    "a deque": lambda: deque([7]),
    "an iterator": lambda: iter([7]),
    "a generator": lambda: (number for number in (7,)),
    "a map": lambda: map(str, [7]),
    "a range": lambda: range(3),
    "a range without end": lambda: range(10**18),
    "items without end": Endless,
    "an open file": lambda: open(os.devnull, "rb"),  # noqa: PTH123, SIM115 - closed with its last reference
    "a path": lambda: Path("/proc/no/such/file.mp4"),
    "a pure path": lambda: PurePosixPath("a/b.mp4"),
    "a path of Windows": lambda: PureWindowsPath("C:\\a.mp4"),
    "a path with NUL": lambda: Path("a\0b"),
    "a path with a surrogate": lambda: Path("a\ud800b"),
    "a path of an object": lambda: ObjectStoragePath("file:///proc/no/such/file.mp4"),
    "what is like a path": lambda: PathLike("/proc/no/such/file.mp4"),
    "what is like a path of bytes": lambda: PathLike(b"/proc/no/such/\xff.mp4"),
    "what is like a path of nothing": lambda: PathLike(None),
    "what is like a path of a number": lambda: PathLike(7),
    "a date": lambda: date(2026, 1, 1),
    "a time": lambda: datetime(2026, 1, 1, tzinfo=UTC),
    "a timedelta": lambda: timedelta(seconds=7),
    "no timedelta": timedelta,
    "the longest timedelta": lambda: timedelta.max,
    "a negative timedelta": lambda: timedelta(seconds=-7),
    "an Enum": lambda: Colour.RED,
    "an IntEnum": lambda: Number.SEVEN,
    "a StrEnum": lambda: Word.AUTO,
    "an Enum of texts": lambda: Mixed.AUTO,
    "a UUID": lambda: uuid.UUID(int=7),
    "a function": lambda: len,
    "a class": lambda: int,
    "a class of a mapping": lambda: dict,
    "a module": lambda: json,
    "an object": object,
    "an object with attributes": lambda: SimpleNamespace(img_id=7, content_type=5, size=None),
    "a mock": MagicMock,
    "a mock of a text": lambda: MagicMock(spec=str),
    "an exception": lambda: ValueError("it is one"),
}

ODD = tuple(Odd(name, make) for name, make in _MAKERS.items())

_METHODS = (
    "__str__",
    "__repr__",
    "__format__",
    "__eq__",
    "__hash__",
    "__bool__",
    "__len__",
    "__iter__",
    "__contains__",
    "__getitem__",
    "__index__",
    "__int__",
    "__float__",
    "__fspath__",
    "__lt__",
    "__le__",
    "__ge__",
    "__copy__",
    "__deepcopy__",
    "__reduce_ex__",
)
_METHODS_OF_TEXTS = ("strip", "encode", "startswith", "lower", "isdecimal")
_METHODS_OF_OTHERS = ("keys", "items", "total_seconds", "is_finite", "adjusted", "as_tuple")
_BASES: dict[str, tuple[type, tuple[Any, ...]]] = {
    "object": (object, ()),
    "text": (str, ("abc",)),
    "text of digits": (str, ("7",)),
    "int": (int, (7,)),
    "float": (float, (7.0,)),
    "Decimal": (Decimal, (7,)),
    "list": (list, ([7],)),
    "tuple": (tuple, ([7],)),
    "dict": (dict, ({"img_id": 7},)),
    "timedelta": (timedelta, (0, 7)),
    "path": (PurePosixPath, ("/proc/no/such/file.mp4",)),
}
_ERRORS = (
    RuntimeError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OSError,
    RecursionError,
    ArithmeticError,
)


def _broken(base: str, methods: tuple[str, ...], error: type[Exception]) -> Odd:
    def fails(*_: Any, **__: Any) -> Any:
        raise error("broken")

    kind, arguments = _BASES[base]

    def make() -> Any:
        made = type("Broken", (kind,), dict.fromkeys(methods, fails))
        return made(*arguments)

    return Odd(f"a broken {base}: {error.__name__} from {', '.join(methods)}", make)


BROKEN = tuple(
    _broken(base, (method,), RuntimeError) for base in _BASES for method in (*_METHODS, "strip", "keys")
) + tuple(
    _broken(base, ("__str__", "__repr__", "__format__", "__eq__", "__bool__"), ValueError) for base in _BASES
)
"""Objects whose methods raise, one method at a time."""

_broken_values = st.builds(
    _broken,
    st.sampled_from(sorted(_BASES)),
    st.lists(
        st.sampled_from((*_METHODS, *_METHODS_OF_TEXTS, *_METHODS_OF_OTHERS)),
        min_size=1,
        max_size=4,
        unique=True,
    ).map(tuple),
    st.sampled_from(_ERRORS),
)

# Not a path from the root on, where a destination would be written.
_any_text = (st.text(max_size=30) | st.text(st.characters(exclude_categories=()), max_size=30)).map(
    lambda text: text.replace("/", "_")
)
_plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | _any_text
    | st.binary(max_size=10)
    | st.decimals()
    | st.dates()
    | st.timedeltas(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def _named(value: Any) -> Odd:
    return Odd(repr(value), lambda: value)


def _as_json(value: Any) -> Odd:
    return _named(json.dumps(value, default=repr))


def _within(odd: Odd, where: str) -> Odd:
    match where:
        case "list":
            return Odd(f"a list of {odd.name}", lambda: [odd.make()])
        case "tuple":
            return Odd(f"a tuple of 7 and {odd.name}", lambda: (7, odd.make()))
        case "values":
            return Odd(f"a dict of {odd.name}", lambda: {"img_id": odd.make(), "duration": 5})
        case _:
            return Odd(
                f"a list of dicts of {odd.name}",
                lambda: [{"img_id": odd.make(), "duration": 5}, {"img_id": 7}],
            )


_single = st.sampled_from(ODD) | st.sampled_from(BROKEN) | _broken_values | _plain.map(_named)


ODD_VALUES: st.SearchStrategy[Odd] = st.one_of(
    st.sampled_from(ODD),
    _single,
    _plain.map(_as_json),
    st.builds(_within, _single, st.sampled_from(("list", "tuple", "values", "dicts"))),
)
"""All of them, alone and within lists and dicts, and as JSON."""
