"""Keeps secrets out of what the HTTP libraries write into the log, of their own accord and at any level.

They quote addresses, and at WARNING what a server has sent where they cannot read it: that may be a signed
URL or an echo of the API key.
"""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import urllib3

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["secrets_unlogged"]

_HIDDEN = "***"
_QUERY = re.compile(r"\?\S+")


@dataclass(frozen=True)
class _Hides:
    """What no line of the libraries shows for now."""

    secrets: tuple[str, ...]
    addresses: bool

    def clean(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        # It says what a server has sent, in whatever spelling.
        if isinstance(value, BaseException):
            return type(value).__name__
        text = str(value)
        if self.addresses and ("/" in text or "?" in text):
            return "(a signed URL)"
        for secret in self.secrets:
            text = text.replace(secret, _HIDDEN)
        return _QUERY.sub("?" + _HIDDEN, text)


_hides: ContextVar[_Hides | None] = ContextVar("hides", default=None)


class _Unlogged(logging.Filter):
    """Cleans the lines of a request of ours; those of others in the process stay as they are."""

    def filter(self, record: logging.LogRecord) -> bool:
        hides = _hides.get()
        if hides is not None:
            if isinstance(record.args, tuple):
                record.args = tuple(map(hides.clean, record.args))
            elif record.args:
                record.args = {name: hides.clean(value) for name, value in record.args.items()}
            # The text of an exception is in its traceback, too.
            record.exc_info = record.exc_text = None
        return True


def _watch() -> None:
    """Put the filter on all loggers of both libraries: one of a parent does not see what a child says."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == urllib3.__name__]
    for name in (*names, "aiohttp.client", "aiohttp.internal"):
        logging.getLogger(name).addFilter(_Unlogged())


_watch()


@contextmanager
def secrets_unlogged(*secrets: str, addresses: bool = False) -> Iterator[None]:
    """Keep these, and every query of a URL, out of the log while a request is under way.

    :param secrets: what no line may show, as it is or quoted as in a URL.
    :param addresses: whether the paths of URLs are hidden as well, as those of signed ones.
    """
    forms = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""))}
    token = _hides.set(_Hides(tuple(sorted(forms, key=len, reverse=True)), addresses))
    try:
        yield
    finally:
        _hides.reset(token)
