"""The ledger: what was asked, charged and refunded, and what should not have happened."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, get_args

from pixverse_provider.emulator.account.clock import rfc3339
from pixverse_provider.emulator.faults import API_ENDPOINTS, MEDIA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

_KEPT_REQUESTS: Final = 50_000

REQUEST_KINDS: Final = (*API_ENDPOINTS, MEDIA, "elsewhere", "unknown")
"""Endpoints; ``elsewhere`` is where the fault ``redirect`` leads, ``unknown`` a path that the API has not."""

Incident = Literal["key_to_media", "key_followed_redirect", "trace_id_reused", "outside_url", "render_failed"]
INCIDENTS: Final[tuple[str, ...]] = get_args(Incident)


class BalanceRecord(TypedDict):
    """The credits that are left."""

    credit_monthly: int
    credit_package: int
    total: int


class EntryRecord(TypedDict):
    """One movement of credits.

    :param video_id: of the job; None for a mask selection, which is none.
    """

    time: str
    what: Literal["charge", "refund"]
    credits: int
    video_id: int | None
    trace_id: str
    reason: str


class SubmitRecord(TypedDict):
    """All submits, or mask selections, that carried one trace id.

    :param count: how often it was submitted.
    :param repeats: how many of those got the first answer again, or a stalled replay.
    :param jobs: how many jobs that can end came of it; more than one is a bug of the emulator.
    :param first_answer: the envelope that the first submit got, whether or not it arrived; None while no
        submit got as far as the service.
    :param body_changed: whether a repeat asked for something else.
    """

    trace_id: str
    path: str
    count: int
    repeats: int
    jobs: int
    video_id: int | None
    first_answer: dict[str, Any] | None
    body_changed: bool
    charged: int
    refunded: int


class RequestRecord(TypedDict):
    """One request to the API or to the media host.

    :param kind: one of ``REQUEST_KINDS``.
    :param time: emulator time.
    :param wall: wall time in seconds since the epoch.
    :param http_status: None while it is not answered, and for ever when the connection was cut.
    :param fault: the fault that was injected into it.
    """

    kind: str
    method: str
    path: str
    trace_id: str
    time: str
    wall: float
    http_status: int | None
    err_code: int | None
    fault: str | None


class IncidentRecord(TypedDict):
    """Something that a test wants to know of, such as a key sent to the media host."""

    what: Incident
    time: str
    detail: str


class LedgerRecord(TypedDict):
    """The whole ledger."""

    balance: BalanceRecord
    charged: int
    refunded: int
    jobs: int
    running: int
    max_running: int
    entries: list[EntryRecord]
    submits: dict[str, SubmitRecord]
    incidents: list[IncidentRecord]


@dataclass(frozen=True)
class Answer:
    """An answer to a submit: HTTP status and envelope."""

    http_status: int
    body: dict[str, Any]


@dataclass
class Ledger:
    """The ledger of the one account.

    :param opening: credits at the start. Two fifths of them are a package, so that a client which reads only
        one of the two numbers is found out.
    """

    opening: int
    entries: list[EntryRecord] = field(default_factory=list)
    incidents: list[IncidentRecord] = field(default_factory=list)
    requests: deque[RequestRecord] = field(default_factory=lambda: deque(maxlen=_KEPT_REQUESTS))
    max_running: int = 0
    submits: dict[str, SubmitRecord] = field(default_factory=dict)
    _answers: dict[str, tuple[Answer, str, Mapping[str, Any] | None]] = field(default_factory=dict)
    _seen_trace_ids: set[str] = field(default_factory=set)
    _monthly: int = 0
    _package: int = 0

    def __post_init__(self) -> None:
        self.set_credits(self.opening)

    @property
    def credits(self) -> int:
        """What is left."""
        return self._monthly + self._package

    def set_credits(self, credits_left: int) -> None:
        """Set the balance, as a top-up in the console does."""
        self._package = credits_left * 2 // 5
        self._monthly = credits_left - self._package

    def balance(self) -> BalanceRecord:
        """Return what is left."""
        return {"credit_monthly": self._monthly, "credit_package": self._package, "total": self.credits}

    def charge(self, amount: int, *, video_id: int | None, trace_id: str, now: float, reason: str) -> None:
        """Take credits; those of the month first."""
        from_month = min(amount, self._monthly)
        self._monthly -= from_month
        self._package -= amount - from_month
        self._enter("charge", amount, video_id, trace_id, now, reason)
        self.submits[trace_id]["charged"] += amount

    def refund(self, amount: int, *, video_id: int, trace_id: str, now: float, reason: str) -> None:
        """Give credits back."""
        self._monthly += amount
        self._enter("refund", amount, video_id, trace_id, now, reason)
        self.submits[trace_id]["refunded"] += amount

    def record_request(self, kind: str, request: Request, now: float) -> RequestRecord:
        """Note a request that has come in, and return its record."""
        record: RequestRecord = {
            "kind": kind,
            "method": request.method,
            # Without the query: the signature of a media URL is as good as the file.
            "path": request.url.path,
            "trace_id": request.headers.get("ai-trace-id", "").strip(),
            "time": rfc3339(now),
            "wall": time.time(),
            "http_status": None,
            "err_code": None,
            "fault": None,
        }
        self.requests.append(record)
        return record

    def incident(self, what: Incident, detail: str, now: float) -> None:
        """Note something that should not have happened."""
        self.incidents.append({"what": what, "time": rfc3339(now), "detail": detail})

    def see_trace_id(self, trace_id: str, *, submit: bool) -> bool:
        """Note a trace id and tell whether it may be used.

        Every request needs a fresh one, but for a submit that is repeated.
        """
        known = trace_id in self._seen_trace_ids
        self._seen_trace_ids.add(trace_id)
        return not known or (submit and trace_id in self.submits)

    def submit(self, trace_id: str, path: str) -> Answer | None:
        """Count a submit and return the answer that its trace id got before."""
        record = self.submits.setdefault(
            trace_id,
            {
                "trace_id": trace_id,
                "path": path,
                "count": 0,
                "repeats": 0,
                "jobs": 0,
                "video_id": None,
                "first_answer": None,
                "body_changed": False,
                "charged": 0,
                "refunded": 0,
            },
        )
        record["count"] += 1
        known = self._answers.get(trace_id)
        return known[0] if known is not None else None

    def remember_answer(
        self, trace_id: str, body: Mapping[str, Any] | None, answer: Answer, *, video_id: int | None = None
    ) -> None:
        """Keep the first answer to a trace id."""
        record = self.submits[trace_id]
        record["first_answer"] = answer.body
        record["video_id"] = video_id
        record["jobs"] += video_id is not None
        self._answers[trace_id] = (answer, record["path"], body)

    def repeat(self, trace_id: str, path: str, body: Mapping[str, Any] | None) -> None:
        """Count a repeat of an answered trace id."""
        record = self.submits[trace_id]
        record["repeats"] += 1
        _, first_path, first_body = self._answers[trace_id]
        if (first_path, first_body) != (path, body):
            record["body_changed"] = True

    def report(self, *, jobs: int, running: int) -> LedgerRecord:
        """Return everything but the requests."""
        return {
            "balance": self.balance(),
            "charged": sum(entry["credits"] for entry in self.entries if entry["what"] == "charge"),
            "refunded": sum(entry["credits"] for entry in self.entries if entry["what"] == "refund"),
            "jobs": jobs,
            "running": running,
            "max_running": self.max_running,
            "entries": self.entries,
            "submits": self.submits,
            "incidents": self.incidents,
        }

    def _enter(
        self,
        what: Literal["charge", "refund"],
        amount: int,
        video_id: int | None,
        trace_id: str,
        now: float,
        reason: str,
    ) -> None:
        self.entries.append(
            {
                "time": rfc3339(now),
                "what": what,
                "credits": amount,
                "video_id": video_id,
                "trace_id": trace_id,
                "reason": reason,
            }
        )
