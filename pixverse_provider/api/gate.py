"""The gate for answers: it turns the bytes of a server into values that can be kept, logged and stored. Pure.

Nothing of an answer goes on before it has passed here. What comes out holds no number that JSON cannot carry,
no text that a database refuses, no API key, and nothing of unbounded size.
"""

from __future__ import annotations

import json
import math
import re
import traceback
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pixverse_provider.exceptions import storable_text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "HIDDEN_KEY",
    "LONGEST_ANSWER",
    "LONGEST_MESSAGE",
    "LONGEST_TEXT",
    "MOST_LEVELS",
    "UnreadableAnswerError",
    "header",
    "read_body",
    "shortened",
    "showable",
    "text_for_message",
]

LONGEST_ANSWER = 1_000_000
"""Bytes of a body, decompressed. The longest that PixVerse documents, a page of presets, has some 100 KB."""

LONGEST_TEXT = 10_000
"""Characters of one text in an answer. The longest that PixVerse documents is a prompt of 5,000."""

LONGEST_MESSAGE = 200
"""Characters of a text of PixVerse that an error message quotes."""

MOST_LEVELS = 64
"""Lists and objects within each other."""

HIDDEN_KEY = "***"
"""What stands where the service has repeated the API key."""

# What an unsigned or a signed integer of 64 bits can be. The fields of a result have ranges of their own.
_SMALLEST_INTEGER = -(2**63)
_LARGEST_INTEGER = 2**64 - 1
_MOST_DIGITS = 21
# More characters than a number of double precision needs. Python takes long over numbers without end.
_LONGEST_NUMBER = 400

_GZIP = 16 + zlib.MAX_WBITS
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class UnreadableAnswerError(ValueError):
    """A body that is no JSON value of sane size; the message completes "HTTP 200 …"."""


def header(headers: Mapping[str, str], name: str) -> str:
    """Return the value of a header, empty where there is none; several are joined with a comma.

    :param headers: of either HTTP library.
    :param name: in lower case.
    """
    return ", ".join(value for key, value in headers.items() if key.lower() == name).strip()


def read_body(body: bytes, content_encoding: str, api_key: str) -> Any:
    """Return the JSON value of a body, made safe to keep.

    * The last of two equal keys of an object counts, as in most readers. A byte order mark is skipped.
    * NaN, Infinity and numbers out of range become None. Integers are kept from -2^63 to 2^64-1.
    * In texts and keys, the API key becomes ``***``, and NUL, unpaired surrogates and bytes that are no UTF-8
      become U+FFFD. A text longer than ``LONGEST_TEXT`` is shortened.

    :param body: as it was received; one byte more than ``LONGEST_ANSWER`` tells that it is too large.
    :param content_encoding: value of the header; ``gzip`` and ``deflate`` are understood.
    :param api_key: that must not be kept.
    :raises UnreadableAnswerError: for anything else.
    """
    try:
        data = _decompressed(body, content_encoding)
    except zlib.error as err:
        raise UnreadableAnswerError("with an answer that cannot be decompressed") from err
    text = data.decode("utf-8-sig", errors="replace")
    try:
        value = _DECODER.decode(text)
    except (RecursionError, ValueError):
        # Not chained: the cause quotes the answer.
        raise UnreadableAnswerError("without a PixVerse answer") from None
    secrets = _forms_of(api_key)
    return value if _needs_no_cleaning(text, secrets) else _clean(value, secrets, 0)


def shortened(text: str, longest: int) -> str:
    """Return the text, its end replaced by an ellipsis where it has more than ``longest`` characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def text_for_message(text: str) -> str:
    """Return a text of the service as an error message quotes it: short and on one line."""
    return shortened(_CONTROL.sub(" ", text).strip(), LONGEST_MESSAGE)


def showable(error: BaseException, *secrets: str) -> BaseException | None:
    """Return an error of an HTTP library to name as a cause, or None where its texts must not be shown.

    They may quote what a server has sent, the API key or characters that cannot be stored, and what a proxy
    was told.

    :param secrets: what no text may hold.
    """
    shown = "".join(traceback.format_exception(error)) + repr(error)
    unfit = any(secret and secret in shown for secret in secrets) or storable_text(shown) != shown
    return None if unfit else error


def _decompressed(body: bytes, content_encoding: str) -> bytes:
    if len(body) > LONGEST_ANSWER:
        raise _too_large()
    steps = [step.strip().lower() for step in content_encoding.split(",")]
    match [step for step in steps if step not in ("", "identity")]:
        case []:
            return body
        case ["gzip" | "x-gzip"]:
            return _inflated(body, _GZIP)
        case ["deflate"]:
            # Some servers leave its header out.
            try:
                return _inflated(body, zlib.MAX_WBITS)
            except zlib.error:
                return _inflated(body, -zlib.MAX_WBITS)
        case _:
            raise UnreadableAnswerError("with an answer in an unknown encoding")


def _inflated(body: bytes, window: int) -> bytes:
    """Return what was compressed; stops as soon as it is too large."""
    stream = zlib.decompressobj(window)
    data = stream.decompress(body, LONGEST_ANSWER + 1)
    if len(data) > LONGEST_ANSWER:
        raise _too_large()
    if not stream.eof:
        raise UnreadableAnswerError("with an answer that breaks off")
    return data


def _too_large() -> UnreadableAnswerError:
    return UnreadableAnswerError(f"with an answer of more than {LONGEST_ANSWER // 1_000_000} MB")


def _integer(digits: str) -> int | None:
    if len(digits) > _MOST_DIGITS:
        return None
    number = int(digits)
    return number if _SMALLEST_INTEGER <= number <= _LARGEST_INTEGER else None


def _fraction(digits: str) -> float | None:
    if len(digits) > _LONGEST_NUMBER:
        return None
    number = float(digits)
    return number if math.isfinite(number) else None


def _no_number(_: str) -> None:
    return None


# Not strict: a raw line feed in a text is an error of the server, but no reason to lose an answer.
_DECODER = json.JSONDecoder(
    parse_int=_integer, parse_float=_fraction, parse_constant=_no_number, strict=False
)


@lru_cache(maxsize=8)
def _forms_of(api_key: str) -> tuple[str, ...]:
    """Return how the key may stand in a text: as it is, or quoted as in a URL."""
    return tuple({api_key, quote(api_key, safe="", errors="replace")} - {""})


def _needs_no_cleaning(text: str, secrets: tuple[str, ...]) -> bool:
    """Tell, from the text as a whole, that nothing in it can be odd; so it is with almost every answer."""
    return (
        len(text) <= LONGEST_TEXT
        # Surrogates, and a NUL or a key in another spelling, come by an escape.
        and "\\" not in text
        and "\x00" not in text
        and text.count("{") + text.count("[") <= MOST_LEVELS
        and not any(secret in text for secret in secrets)
    )


def _clean(value: Any, secrets: tuple[str, ...], level: int) -> Any:
    if isinstance(value, str):
        return _clean_text(value, secrets)
    if isinstance(value, dict | list):
        if level == MOST_LEVELS:
            raise UnreadableAnswerError(f"with an answer nested deeper than {MOST_LEVELS} levels")
        if isinstance(value, list):
            return [_clean(item, secrets, level + 1) for item in value]
        return {_clean_text(name, secrets): _clean(item, secrets, level + 1) for name, item in value.items()}
    return value


def _clean_text(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN_KEY)
    return shortened(storable_text(text), LONGEST_TEXT)
