"""Faults on order: which there are, and which is due for a request.

What each does to an answer is in ``http/fault_injection.py``.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypedDict

from pixverse_provider.emulator.protocol import DELETED, DONE, FAILED, LARGEST_ID, LONGEST, MODERATED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

API_ENDPOINTS: Final = ("submit", "result", "upload", "balance", "voices", "masks", "restyles")
MEDIA: Final = "media"

# Where in the life of a request a fault strikes.
GATEWAY: Final = "gateway"
"""Before the service: nothing was accepted."""
ANSWER: Final = "answer"
"""On the way back: the service did its work."""
REFUSAL: Final = "refusal"
"""The service itself refuses, with an envelope, and no job is made."""
OUTCOME: Final = "outcome"
"""The job is made, and does not go well."""
REPLAY: Final = "replay"
"""A repeated trace id."""
_EVERYWHERE: Final = (*API_ENDPOINTS, MEDIA)
_SUBMIT: Final = ("submit",)
REFUSE_WORD: Final = "[refuse]"
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
_NO_BODY: Final = (204, 304)
"""Statuses with which HTTP carries no body."""
_TYPES: Final[dict[type, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "an object",
}
_RANGES: Final = {
    "seconds": (0, LONGEST),
    "retry_after": (-1, LONGEST),
    "status": (200, 599),
    "http_status": (200, 599),
    "err_code": (1, LARGEST_ID),
}
"""What numbers among the details may be."""
_STATUS_WORD: Final = re.compile(r"\[status((?: \d{1,3})+)\]")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a job goes.

    :param ends: its last status; None never ends.
    :param first_statuses: those that are shown first, one at each poll, before the clock counts. The last of
        them stays when the job never ends.
    """

    ends: int | None = DONE
    first_statuses: tuple[int, ...] = ()


class InvalidFaultError(ValueError):
    """A fault that does not exist, or not at that endpoint, or with such a value."""


class FaultRecord(TypedDict):
    """A fault as the control API shows it."""

    on: str
    what: str
    times: int | None
    used: int
    video_id: int | None
    text: str | None
    details: dict[str, Any]


@dataclass(frozen=True)
class _Kind:
    """One kind of fault: when it strikes, at which endpoints, and its details with their defaults."""

    strikes: str
    endpoints: tuple[str, ...]
    details: Mapping[str, Any] = field(default_factory=dict)


KINDS: Final[dict[str, _Kind]] = {
    "drop_before_accept": _Kind(GATEWAY, _EVERYWHERE),
    "accept_then_drop": _Kind(ANSWER, API_ENDPOINTS),
    "accept_then_hang": _Kind(ANSWER, API_ENDPOINTS, {"seconds": 30.0}),
    "accept_then_502": _Kind(ANSWER, API_ENDPOINTS),
    "too_many_requests": _Kind(GATEWAY, _EVERYWHERE, {"retry_after": -1, "as_date": False}),
    "http_status": _Kind(GATEWAY, _EVERYWHERE, {"status": 503, "body": "html", "accept": False}),
    "html": _Kind(GATEWAY, API_ENDPOINTS, {"accept": False}),
    "answer": _Kind(
        GATEWAY,
        API_ENDPOINTS,
        {"status": 200, "headers": {}, "body": "", "body_base64": "", "gzip": False, "accept": False},
    ),
    "truncated_json": _Kind(ANSWER, API_ENDPOINTS),
    "redirect": _Kind(GATEWAY, API_ENDPOINTS, {"status": 307, "location": ""}),
    "slow": _Kind(ANSWER, _EVERYWHERE, {"seconds": 2.0}),
    "error": _Kind(
        REFUSAL, API_ENDPOINTS, {"err_code": 500100, "message": "", "http_status": 200, "lower_case": False}
    ),
    "slots_full": _Kind(REFUSAL, _SUBMIT),
    "no_credits": _Kind(REFUSAL, _SUBMIT),
    "refuse": _Kind(REFUSAL, _SUBMIT),
    "fail": _Kind(OUTCOME, _SUBMIT),
    "moderate": _Kind(OUTCOME, _SUBMIT),
    "delete": _Kind(OUTCOME, _SUBMIT),
    "never": _Kind(OUTCOME, _SUBMIT),
    "status": _Kind(OUTCOME, _SUBMIT, {"statuses": [9, 10], "forever": False}),
    "stalled_replay": _Kind(REPLAY, _SUBMIT),
    "truncated": _Kind(ANSWER, (MEDIA,), {"share": 0.5}),
    "wrong_length": _Kind(ANSWER, (MEDIA,), {"share": 0.5}),
    "expired": _Kind(GATEWAY, (MEDIA,)),
}
"""Every fault there is.

* ``drop_before_accept``: the connection is cut, nothing was accepted.
* ``accept_then_drop``: the request is served, a job is made and charged, and the connection cut without an
  answer.
* ``accept_then_hang``: the same, and the answer comes after ``seconds``.
* ``accept_then_502``: the same, and the answer is an HTML page with status 502.
* ``too_many_requests``: 429; ``retry_after`` in seconds (-1: no such header), ``as_date`` writes it as
  a date.
* ``http_status``: a bare ``status`` with a ``body`` of ``html``, ``text`` or ``empty``; ``accept`` serves it
  first.
* ``html``: an HTML page with status 200. ``truncated_json``: the right answer, its second half missing.
* ``answer``: any answer: a ``status`` with ``headers`` and a ``body``, or the bytes of a ``body_base64``;
  ``gzip`` compresses it and says so. ``accept`` serves the request first.
* ``redirect``: to ``location``; left out, to this server under another host name, which tells on a key that
  follows.
* ``slow``: the right answer after ``seconds``; at the media host, spread over them.
* ``error``: the envelope of ``err_code``. ``slots_full`` is 500044, ``no_credits`` 500090, ``refuse`` 500063.
* ``fail`` ends the job with 8, ``moderate`` with 7, ``delete`` with 6, ``never`` does not end it. ``status``
  shows other ``statuses`` first, one at each poll, or ``forever``.
* ``stalled_replay``: a repeated trace id gets a new ``video_id``, not charged, which stays at 5 for ever.
* ``truncated``: a media answer cut after a ``share`` of what its Content-Length says. ``wrong_length``: that
  share, as if it were the file. ``expired``: 403.
"""

MAGIC_WORDS: Final = {
    "[fail]": Outcome(ends=FAILED),
    "[moderate]": Outcome(ends=MODERATED),
    "[delete]": Outcome(ends=DELETED),
    "[never]": Outcome(ends=None),
}
"""Words in a prompt, a TTS text or the name of an uploaded file that decide how a job goes.

``[refuse]`` besides gets 500063 at once, and ``[status 9 10]`` shows those statuses first.
"""


@dataclass
class Fault:
    """One fault that waits to strike.

    :param times: how often it strikes; None is for ever.
    :param video_id: only at requests about that video.
    :param text: only at requests whose prompt, TTS text or file name has this in it.
    """

    on: str
    what: str
    times: int | None = 1
    video_id: int | None = None
    text: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    used: int = 0

    @property
    def strikes(self) -> str:
        """When in the life of a request."""
        kind = KINDS[self.what]
        if "accept" in kind.details:
            return ANSWER if self.details["accept"] else GATEWAY
        return kind.strikes

    def record(self) -> FaultRecord:
        """Return everything about it."""
        return {
            "on": self.on,
            "what": self.what,
            "times": self.times,
            "used": self.used,
            "video_id": self.video_id,
            "text": self.text,
            "details": self.details,
        }


class FaultPlan:
    """The faults that were ordered, first come first served."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, order: Mapping[str, Any]) -> Fault:
        """Add a fault.

        :raises InvalidFaultError: saying what is wrong with the order.
        """
        fault = _read(order)
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def records(self) -> list[FaultRecord]:
        """Return all faults, also those that are used up."""
        return [fault.record() for fault in self._faults]

    def take(
        self, endpoint: str, strikes: Collection[str], *, video_id: int | None = None, text: str = ""
    ) -> Fault | None:
        """Return the first fault that is due for a request, and count it as used."""
        for fault in self._faults:
            if (
                (fault.on == endpoint or (fault.on == "any" and endpoint in API_ENDPOINTS))
                and fault.strikes in strikes
                and (fault.times is None or fault.used < fault.times)
                and fault.video_id in (None, video_id)
                and (fault.text is None or fault.text in text)
            ):
                fault.used += 1
                return fault
        return None


def outcome_of(fault: Fault | None, text: str) -> Outcome:
    """Return how a job goes: as a fault says, else as a magic word says, else well."""
    if fault is not None:
        if fault.what == "status":
            return Outcome(
                ends=None if fault.details["forever"] else Outcome().ends,
                first_statuses=tuple(fault.details["statuses"]),
            )
        return MAGIC_WORDS[f"[{fault.what}]"]
    found = _STATUS_WORD.search(text)
    statuses = tuple(int(status) for status in found[1].split()) if found else ()
    for word, outcome in MAGIC_WORDS.items():
        if word in text:
            return Outcome(ends=outcome.ends, first_statuses=statuses)
    return Outcome(first_statuses=statuses)


def _read(order: Mapping[str, Any]) -> Fault:
    rest = dict(order)
    on, what = rest.pop("on", None), rest.pop("what", None)
    kind = KINDS.get(what) if isinstance(what, str) else None
    if kind is None:
        raise InvalidFaultError(f"there is no fault {what!r}; there are {', '.join(KINDS)}")
    allowed = (
        kind.endpoints if kind.endpoints == (MEDIA,) or len(kind.endpoints) == 1 else (*kind.endpoints, "any")
    )
    if on not in allowed:
        raise InvalidFaultError(f"{what} can be on {', '.join(allowed)}, not on {on!r}")
    fault = Fault(
        on=on,
        what=str(what),
        times=_optional(rest, "times", int, 1),
        video_id=_optional(rest, "video_id", int, None),
        text=_optional(rest, "text", str, None),
        details={**kind.details, **{name: rest.pop(name) for name in kind.details if name in rest}},
    )
    if rest:
        known = ", ".join(("times", "video_id", "text", *kind.details))
        raise InvalidFaultError(f"{what} has no {', '.join(rest)}; it has {known}")
    _check_details(fault, kind)
    return fault


def _optional(order: dict[str, Any], name: str, kind: type, default: Any) -> Any:
    value = order.pop(name, default)
    if value is not None and (type(value) is not kind or (type(value) is int and value < 1)):
        takes = "a whole number from 1" if kind is int else _TYPES[kind]
        raise InvalidFaultError(f"{name} takes {takes}, or null, not {value!r}")
    return value


def _check_details(fault: Fault, kind: _Kind) -> None:
    for name, default in kind.details.items():
        _check_detail(fault.what, name, default, fault.details[name])
    if fault.what == "status" and not (
        fault.details["statuses"] and all(type(status) is int for status in fault.details["statuses"])
    ):
        raise InvalidFaultError("statuses takes a list of whole numbers, at least one")
    if fault.what == "http_status":
        if fault.details["body"] not in ("html", "text", "empty"):
            raise InvalidFaultError(f"body takes html, text or empty, not {fault.details['body']!r}")
        _check_body(fault.details["status"], has_body=fault.details["body"] != "empty")
    if fault.what == "error":
        _check_body(fault.details["http_status"], has_body=True)
    if fault.what == "redirect" and not _HEADER_VALUE.fullmatch(fault.details["location"]):
        raise InvalidFaultError(f"location takes a value of HTTP, not {fault.details['location']!r}")
    if fault.what == "answer":
        _check_answer(fault.details)


def _check_detail(what: str, name: str, default: Any, value: Any) -> None:
    """Check the type of a detail, and the range of a number."""
    fits = type(value) is type(default) or (isinstance(default, float) and type(value) is int)
    takes = _TYPES[type(default)]
    if name == "share":
        fits = fits and 0 <= value < 1
        takes += " from 0 to below 1"
    elif name in _RANGES:
        least, most = (300, 399) if what == "redirect" and name == "status" else _RANGES[name]
        fits = fits and least <= value <= most
        takes += f" from {least} to {most}"
    if not fits:
        raise InvalidFaultError(f"{name} takes {takes}, not {value!r}")


def _check_body(status: int, *, has_body: bool) -> None:
    if has_body and status in _NO_BODY:
        raise InvalidFaultError(f"status {status} has no body")


def _check_answer(details: Mapping[str, Any]) -> None:
    """Check that HTTP can carry an answer.

    :raises InvalidFaultError: says what it cannot.
    """
    for name, value in details["headers"].items():
        if not isinstance(value, str) or not (
            _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)
        ):
            raise InvalidFaultError(f"headers takes names and values of HTTP, not {name!r}: {value!r}")
        if name.lower() in ("content-length", "transfer-encoding"):
            raise InvalidFaultError(f"headers must leave {name} to the emulator")
    if details["body"] and details["body_base64"]:
        raise InvalidFaultError("give body or body_base64, not both")
    try:
        body = details["body"] or base64.b64decode(details["body_base64"], validate=True)
    except ValueError as error:
        raise InvalidFaultError("body_base64 must be base64") from error
    # Compressed, even nothing has a body.
    _check_body(details["status"], has_body=bool(body) or details["gzip"])
