"""PixVerse as the simulation has it: jobs over time, charges, remembered trace ids, and all that fails."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import pendulum
import requests

from pixverse_provider.api.calls import result_call
from pixverse_provider.api.client import PixVerseClient
from pixverse_provider.api.protocol import Answer, network_error, new_trace_id, read_answer
from pixverse_provider.api.settings import ClientSettings
from pixverse_provider.exceptions import (
    PixVerseConnectionNotFoundError,
    PixVerseTransientError,
)
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.jobs.watch import GIVE_UP_AGE

if TYPE_CHECKING:
    from pixverse_provider.api.network import Network
    from pixverse_provider.api.results import JobResult, MediaType
    from tests.simulation.processes import Attempt, Process
    from tests.simulation.world import World

__all__ = ["Job", "PixVerse", "SimulatedHook", "SimulatedSession", "poll_in_trigger"]

PRICE = 4
FIRST_ID = 343_000_000_000_017
KEY = "simulated-key"

# What becomes of a submit, with probabilities; "accepted" is the usual.
SUBMIT_FATES = {
    "accepted, answer cut": 0.05,
    "accepted, answer hangs": 0.02,
    "accepted, HTTP 502": 0.02,
    "accepted, ErrCode 777 with HTTP 500": 0.01,
    "not accepted, cut": 0.03,
    "not accepted, ErrCode 777 with HTTP 500": 0.01,
    "no connection": 0.02,
    "500044": 0.03,
    "500044 for an hour": 0.01,
    "500069": 0.02,
    "500100": 0.03,
    "500090": 0.01,
    "500063": 0.01,
    "ErrCode 777 with HTTP 400": 0.01,
    "HTTP 429": 0.01,
    "HTTP 429 and Retry-After": 0.01,
    "HTTP 403": 0.01,
    "HTTP 404": 0.01,
    "400012": 0.005,
}
REFUSALS = {
    "500044": (500044, 400),
    "500069": (500069, 400),
    "500100": (500100, 500),
    "500090": (500090, 200),
    "500063": (500063, 200),
    "400012": (400012, 401),
    "ErrCode 777 with HTTP 400": (777, 400),
    "ErrCode 777 with HTTP 500": (777, 500),
}
POLL_FATES = {
    "HTTP 503": 0.02,
    "HTTP 429": 0.01,
    "500069": 0.01,
    "500100": 0.01,
    "cut": 0.02,
    "half a JSON": 0.01,
    "HTTP 403": 0.01,
    "HTTP 404": 0.01,
    "HTTP 403 for a minute": 0.003,
    "400012 for an hour": 0.002,
    "nothing works for an hour": 0.002,
}
JOB_FATES = {
    "fails": 0.12,
    "is moderated": 0.03,
    "is deleted": 0.04,
    "is forgotten": 0.02,
    "never ends": 0.04,
    "never ends, and is never failed": 0.02,
    "is done, and has a URL later": 0.05,
    "has a status that nobody knows": 0.03,
}
DURATIONS = {0.0: 0.15, 5.0: 0.1, 30.0: 0.1, 400.0: 0.15, 3000.0: 0.08, 7000.0: 0.04}


@dataclass(eq=False)
class Job:
    """One job at PixVerse, and what the oracle notes of it.

    :param task: key of the task instance whose process has sent the submit.
    :param era: how often that had been cleared before the process began.
    :param stalled: a new id that answers a repeated trace id; it is not charged and never ends.
    """

    id: int
    trace_id: str
    task: tuple[Any, ...]
    text: str
    era: int
    attempt: Attempt
    made_at: float
    fate: str = "is done"
    takes: float = 60.0
    stalled: bool = False
    delivered_in: set[int] = field(default_factory=set)
    handed_over_by: list[Process] = field(default_factory=list)
    noted: bool = False
    dropped: bool = False
    write_failed: bool = False
    """Whether the store did not take a record of it."""
    told_at: float | None = None
    not_known: bool = False
    """Whether PixVerse has said so to an attempt after a clear."""
    left: bool = False
    """Whether another was paid in its place, for a good reason."""

    def status(self, now: float) -> int:
        """Return the number that a poll brings."""
        age = now - self.made_at
        if self.stalled:
            return 5
        if self.fate.startswith("never ends"):
            return 8 if age >= GIVE_UP_AGE and self.fate == "never ends" else 5
        if age < self.takes:
            return 42 if self.fate == "has a status that nobody knows" else 5
        if self.fate == "fails":
            return 8
        if self.fate == "is moderated":
            return 7
        if self.fate == "is deleted" and age >= self.takes + 300:
            return 6
        return 1

    def has_url(self, now: float) -> bool:
        """Tell whether it can be downloaded."""
        late = 40.0 if self.fate == "is done, and has a URL later" else 0.0
        return self.status(now) == 1 and now - self.made_at >= self.takes + late

    def is_forgotten(self, now: float) -> bool:
        """Tell whether PixVerse does not know its id any more."""
        return self.fate == "is forgotten" and now - self.made_at >= self.takes + 600

    def is_worth_something(self, now: float) -> bool:
        """Tell whether it is charged and can be had: whoever makes another pays twice."""
        if self.stalled or self.is_forgotten(now) or self.status(now) in (6, 7, 8):
            return False
        return not (self.fate.startswith("never ends") and now - self.made_at >= GIVE_UP_AGE)


class Reader(Protocol):
    """A task process or a trigger, which polls."""

    def saw(self, job: Job, what: str) -> None:
        """Note what a poll has brought."""


class PixVerse:
    """The service: what it has made, remembers and refuses."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.jobs: list[Job] = []
        self.by_trace: dict[str, Job] = {}
        """What a trace id is answered with, while it is remembered."""
        self.posted: dict[str, tuple[Any, ...]] = {}
        """Task, text and era that first sent a trace id."""
        self.refused: dict[str, str] = {}
        """What a trace id is refused with, of which no job was made."""
        self.refused_again: set[str] = set()
        """Trace ids of jobs that were repeated, and refused before PixVerse looked for the job."""
        self.lost: set[str] = set()
        """Trace ids that were sent without an answer that says what became of them."""
        self.full_until = 0.0
        self.closed_until = 0.0
        self.key_refused_until = 0.0
        self.down_until = 0.0

    def job(self, job_id: int) -> Job | None:
        """Return a job by its id."""
        return next((job for job in self.jobs if job.id == job_id), None)

    def calm_down(self) -> None:
        """End every outage."""
        self.full_until = self.closed_until = self.key_refused_until = self.down_until = 0.0

    # Submits

    def submit(self, process: Process, trace_id: str, text: str) -> Answer:
        """Take one HTTP request of a submit, or fail it."""
        world = self._world
        fate = world.choices.trouble("submit", "accepted", SUBMIT_FATES)
        if fate == "500044 for an hour":
            self.full_until = world.now + 3600
        if world.now < self.full_until:
            fate = "500044"
        remembered = self.refused.get(trace_id)
        if remembered is not None and trace_id not in self.by_trace and world.options.remembers_refusals:
            fate = remembered
        world.oracle.on_post(process, trace_id, text)
        made = fate.startswith("accepted")
        job = self._make(process, trace_id, text) if made else None
        world.say(f"{process}: POST {trace_id[:8]} -> {fate}{'' if job is None else f', {job.id}'}")
        if fate.endswith(("cut", "hangs", "HTTP 502", "HTTP 500")):
            self.lost.add(trace_id)
        if fate.endswith(("cut", "hangs")):
            process.lost.add(trace_id)
            world.pause(30.0 if fate.endswith("hangs") else 0.2)
            raise requests.ReadTimeout
        if fate == "no connection":
            raise requests.ConnectTimeout
        if fate == "accepted, HTTP 502":
            process.lost.add(trace_id)
            return Answer(502, {}, b"<html>Bad gateway</html>")
        if fate.startswith("HTTP "):
            status = int(fate[5:8])
            return Answer(status, {"Retry-After": "20"} if "Retry-After" in fate else {}, b"")
        if fate == "accepted":
            assert job is not None
            process.answered.append(job)
            job.told_at = job.told_at or world.now
            return _envelope(0, 200, {"video_id": job.id, "credits": PRICE})
        name = fate.removeprefix("not accepted, ").removeprefix("accepted, ")
        if job is not None:
            process.lost.add(trace_id)
        elif trace_id in self.by_trace:
            self.refused_again.add(trace_id)
        elif fate != "400012":
            # The key is looked at before the trace id.
            self.refused.setdefault(trace_id, fate)
        return _envelope(*REFUSALS[name])

    def _make(self, process: Process, trace_id: str, text: str) -> Job:
        """Return the job of a trace id: an old one, a new one, or one that never ends."""
        world = self._world
        before = self.by_trace.get(trace_id)
        repeated = world.options.repeated_trace_id
        if before is not None:
            if repeated == "the first answer":
                return before
            if repeated == "forgotten after 10 min" and world.now < before.made_at + 600:
                return before
        job = Job(
            id=FIRST_ID + 7919 * len(self.jobs),
            trace_id=trace_id,
            task=process.task.key,
            text=text,
            era=process.era,
            attempt=process.attempt,
            made_at=world.now,
        )
        self.jobs.append(job)
        if before is not None and repeated == "a stalled replay":
            job.stalled = True
            return job
        job.fate = world.choices.trouble("job", "is done", JOB_FATES)
        job.takes = world.choices.pick("job takes", 60.0, DURATIONS)
        self.by_trace[trace_id] = job
        world.oracle.on_job(process, job)
        return job

    # Polls

    def poll(self, reader: Reader, job_id: int) -> Answer:
        """Answer one poll, or fail it."""
        world = self._world
        job = self.job(job_id)
        assert job is not None, "a poll of what was never made"
        fate = self._fate_of_poll(job)
        if fate != "works":
            reader.saw(job, _SEEN.get(fate, "an error"))
            world.say(f"{reader}: poll {job_id} -> {fate}")
        if fate == "cut":
            raise requests.ReadTimeout
        if fate == "half a JSON":
            return Answer(200, {}, b'{"ErrCode": 0, "Resp')
        if fate.startswith("HTTP "):
            return Answer(int(fate[5:8]), {}, b"")
        if fate != "works":
            return _envelope(int(fate), 200)
        now = world.now
        url = "https://media.pixverse.ai/openapi/video.mp4" if job.has_url(now) else ""
        seen = "done" if url else str(job.status(now))
        reader.saw(job, seen)
        if seen not in ("5", "42"):
            world.say(f"{reader}: poll {job_id} -> {seen}")
        return _envelope(0, 200, {"id": job.id, "status": job.status(now), "url": url})

    def _fate_of_poll(self, job: Job) -> str:
        world = self._world
        fate = world.choices.trouble("poll", "works", POLL_FATES)
        if fate == "nothing works for an hour":
            self.down_until = world.now + 3600
        elif fate == "400012 for an hour":
            self.key_refused_until = world.now + 3600
        elif fate == "HTTP 403 for a minute":
            self.closed_until = world.now + 60
        if world.now < self.down_until:
            return "HTTP 503"
        if world.now < self.key_refused_until:
            return "400012"
        if world.now < self.closed_until:
            return "HTTP 403"
        if fate == "works" and job.is_forgotten(world.now):
            return "500008"
        if fate == "works" and world.now < job.made_at + 15:
            return world.choices.trouble("poll of a new id", "works", {"500008": 0.1})
        return fate


# What counts as a refusal; three in a row end a wait.
_SEEN = {"400012": "the key is refused", "HTTP 403": "refused", "HTTP 404": "refused", "500008": "500008"}


def _envelope(code: int, http_status: int, resp: Any = None) -> Answer:
    envelope = {"ErrCode": code, "ErrMsg": "", "Resp": resp}
    return Answer(http_status, {"Content-Type": "application/json"}, json.dumps(envelope).encode())


class SimulatedHook(PixVerseHook):
    """The real hook and the real client, with the simulated PixVerse and connection behind them."""

    world: World

    def _settings(self) -> ClientSettings:
        self.world.process.call("connection", self._read)
        return ClientSettings(api_key=KEY)

    def _read(self) -> None:
        read_connection(self.world)

    def _connect(self, settings: ClientSettings) -> PixVerseClient:
        self._client = PixVerseClient(settings, sleep=self.world.pause)
        self._client_settings = settings
        return self._client


def read_connection(world: World) -> None:
    """Read the Airflow connection, or fail to."""
    fate = world.choices.trouble(
        "connection is read",
        "works",
        {"missing": 0.005, "missing for 3 min": 0.005, "missing for an hour": 0.002, "unreadable": 0.01},
    )
    seconds = {"missing for 3 min": 180.0, "missing for an hour": 3600.0}.get(fate, 0.0)
    world.connection_back_at = max(world.connection_back_at, world.now + seconds)
    if fate == "missing" or world.now < world.connection_back_at:
        raise PixVerseConnectionNotFoundError("The Airflow connection does not exist or cannot be read now.")
    if fate == "unreadable":
        raise PixVerseTransientError("Airflow could not read the connection.")


class SimulatedSession:
    """What the client sends its requests through."""

    world: World

    def __init__(self, network: Network) -> None:
        pass

    def close(self) -> None:
        pass

    def exchange(self, method: str, url: str, *, headers: dict[str, str], json: Any, **_: Any) -> Answer:
        world = self.world
        process = world.process
        if method == "POST":
            return process.call(
                "submit", lambda: world.pixverse.submit(process, headers["Ai-Trace-Id"], text_of(json))
            )
        job_id = int(url.rsplit("/", 1)[-1])
        return process.call("poll", lambda: world.pixverse.poll(process, job_id))


def text_of(payload: dict[str, Any]) -> str:
    """Return what tells one input from another."""
    return str(payload["lip_sync_tts_content"])


def poll_in_trigger(world: World, reader: Reader, media_type: MediaType, job_id: int) -> JobResult:
    """Do what one poll of the asynchronous client does."""
    call = result_call(media_type, job_id)
    trace_id = new_trace_id()
    try:
        answer = world.pixverse.poll(reader, job_id)
    except requests.RequestException as err:
        raise network_error(call, err, trace_id=trace_id, sent=True) from err
    return read_answer(call, answer, trace_id=trace_id, api_key=KEY, now=pendulum.now("UTC"))
