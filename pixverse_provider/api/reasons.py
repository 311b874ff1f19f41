"""What an error of an HTTP library says, in words, and in none that a server has sent. Pure."""

from __future__ import annotations

import http.client
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["StalledError", "causes", "described"]

_LONGEST_LINE = 1 << 16
_MOST_HEADERS = re.compile(r"got more than (\d{1,9}) headers")
# Of either library, by name, so that this loads neither.
_SAID = {
    "InvalidHeader": "its Content-Length contradicts itself",
    "IncompleteRead": "the answer breaks off",
    "ClientPayloadError": "the answer breaks off",
    "ServerDisconnectedError": "the connection was closed without an answer",
}


class StalledError(TimeoutError):
    """Too little has arrived for too long; the message says how little."""


def described(error: BaseException) -> str:
    """Return the name of an error's class, and what it means where that says too little."""
    name = type(error).__name__
    for cause in causes(error):
        said = _said(cause)
        if said:
            return f"{name}, {said}"
    return name


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it was made of; the libraries hide the reason in their arguments."""
    found: list[BaseException] = []
    todo: list[object] = [error]
    while todo:
        item = todo.pop()
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            yield item
            todo += [*item.args, getattr(item, "reason", None), item.__cause__]


def _said(error: BaseException) -> str:
    match error:
        case StalledError():
            return str(error)
        case http.client.RemoteDisconnected():
            return "the connection was closed without an answer"
        case http.client.LineTooLong():
            return f"the answer has a header of more than {_LONGEST_LINE} bytes"
        case http.client.BadStatusLine() | http.client.UnknownProtocol():
            return "the answer is no HTTP/1"
        case http.client.HTTPException() if found := _MOST_HEADERS.fullmatch(str(error)):
            return f"the answer has more than {found[1]} headers"
        case ConnectionResetError() | BrokenPipeError():
            return "the connection was reset"
    return _SAID.get(type(error).__name__, "")
