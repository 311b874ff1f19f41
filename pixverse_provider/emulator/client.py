"""Drives a running emulator, in this process or in another, over its control API."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final, cast

from pixverse_provider.emulator.account.ledger import INCIDENTS, REQUEST_KINDS
from pixverse_provider.emulator.account.settings import DEFAULT_API_KEY

if TYPE_CHECKING:
    from pixverse_provider.emulator.account.jobs import JobRecord
    from pixverse_provider.emulator.account.ledger import IncidentRecord, LedgerRecord, RequestRecord
    from pixverse_provider.emulator.faults import FaultRecord

_TIMEOUT: Final = 60.0


class ControlError(RuntimeError):
    """The emulator refused a control request; the message says why."""


class EmulatorControl:
    """Drives a running emulator. It needs nothing but the standard library.

    :param url: the front page, such as ``http://127.0.0.1:8484``.
    :param api_key: the key that the emulator accepts.
    """

    def __init__(self, url: str, *, api_key: str = DEFAULT_API_KEY) -> None:
        self.url = url.rstrip("/")
        self.api_url = f"{self.url}/openapi/v2"
        self.api_key = api_key
        # A proxy of the environment has no business between this process and its own machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __repr__(self) -> str:
        return f"EmulatorControl({self.url!r})"

    def connection_json(self) -> str:
        """Return the Airflow connection to the emulator, for ``AIRFLOW_CONN_PIXVERSE_DEFAULT``."""
        return json.dumps({"conn_type": "pixverse", "host": self.api_url, "password": self.api_key})

    def ledger(self) -> LedgerRecord:
        """Return the ledger: balance, charges, refunds, submits per trace id, incidents."""
        return cast("LedgerRecord", self._call("GET", "ledger"))

    def jobs(self) -> list[JobRecord]:
        """Return all jobs, the newest first."""
        return cast("list[JobRecord]", self._call("GET", "jobs"))

    def job(self, video_id: int) -> JobRecord:
        """Return one job.

        :raises KeyError: when there is none.
        """
        for job in self.jobs():
            if job["video_id"] == video_id:
                return job
        raise KeyError(video_id)

    def requests(self, kind: str | None = None) -> list[RequestRecord]:
        """Return the requests, the oldest first.

        :param kind: only those to that endpoint: submit, result, upload, balance, voices, masks, restyles,
            media, elsewhere, unknown.
        :raises ControlError: for a kind that does not exist.
        """
        _check_name("kind of request", kind, REQUEST_KINDS)
        records = cast("list[RequestRecord]", self._call("GET", "requests"))
        return [record for record in records if kind in (None, record["kind"])]

    def incidents(self, what: str | None = None) -> list[IncidentRecord]:
        """Return what should not have happened, such as a key sent to the media host.

        :param what: only incidents of that name; ``emulator.account.ledger.INCIDENTS`` lists them.
        :raises ControlError: for one that does not exist.
        """
        _check_name("incident", what, INCIDENTS)
        return [record for record in self.ledger()["incidents"] if what in (None, record["what"])]

    def advance(self, seconds: float) -> None:
        """Move the clock of the jobs forward."""
        self._call("POST", "clock", {"advance": seconds})

    def stop_clock(self) -> None:
        """Let time stand still; from here on only :meth:`advance` moves it."""
        self._call("POST", "clock", {"manual": True})

    def run_clock(self) -> None:
        """Let time run again."""
        self._call("POST", "clock", {"manual": False})

    def finish_all(self) -> None:
        """Let all running jobs end now, each in the way it would have ended."""
        self._call("POST", "clock", {"finish_all": True})

    def end(self, video_id: int, end: str) -> None:
        """Put a job to an end: ``failed`` or ``moderated`` while it runs, ``deleted`` also later."""
        self._call("POST", "jobs", {"video_id": video_id, "end": end})

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change settings, if any are given, and return them all.

        ``emulator.account.settings.Settings`` says what there is.
        """
        return cast("dict[str, Any]", self._call("POST", "settings", changes))

    def fault(self, on: str, what: str, *, times: int | None = 1, **details: Any) -> None:
        """Order a fault.

        :param on: where: submit, result, upload, balance, voices, masks, restyles, media, or ``any`` endpoint
            of the API.
        :param what: which; ``emulator.faults.KINDS`` lists them with their details.
        :param times: how often; None is for ever.
        :param details: ``video_id`` or ``text`` to match, and the details of the fault.
        :raises ControlError: for a fault that does not exist.
        """
        self._call("POST", "faults", {"on": on, "what": what, "times": times, **details})

    def faults(self) -> list[FaultRecord]:
        """Return the ordered faults with how often they struck."""
        return cast("list[FaultRecord]", self._call("GET", "faults"))

    def clear_faults(self) -> None:
        """Forget all faults."""
        self._call("DELETE", "faults")

    def reset(self) -> None:
        """Return to the state at the start: no jobs, no faults, first settings, wall clock."""
        self._call("POST", "reset", {})

    def healthy(self) -> bool:
        """Tell whether the emulator answers."""
        try:
            self._call("GET", "health")
        except OSError:
            return False
        return True

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the URL is the one of the constructor
            f"{self.url}/emulator/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={} if body is None else {"Content-Type": "application/json"},
            method=method,
        )
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            content = error.read()
            try:
                message = json.loads(content)["error"]
            except (ValueError, KeyError, TypeError):
                message = f"HTTP {error.code}"
            raise ControlError(message) from error


def _check_name(of: str, name: str | None, known: tuple[str, ...]) -> None:
    # A misspelt one would be found never, and a test that expects none would pass for ever.
    if name is not None and name not in known:
        raise ControlError(f"there is no {of} {name!r}; there are {', '.join(known)}")
