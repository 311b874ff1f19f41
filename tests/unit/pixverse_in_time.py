"""PixVerse and a clock in memory: a task, its deferrals and its sensors over hours, in no time at all."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.common.compat.sdk import TaskDeferred

from pixverse_provider.api.results import Balance, ImageResult, JobResult, Submission, Video
from pixverse_provider.api.settings import ClientSettings
from pixverse_provider.exceptions import PixVerseError
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.triggers.shared import SharedPoller
from tests.unit.virtual_time import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    import pytest

    from pixverse_provider.api.protocol import Call

START = 1_767_603_600.0
URL = "https://media.pixverse.ai/a.mp4?Signature=s3cr3t"
MOST_REQUESTS = 10_000
"""Of one test; more than any wait makes, and soon reached by one that does not let time pass."""

T = TypeVar("T")

# What looks at the clock: all of the provider that waits, and Airflow's own sensor.
_MODULES = (
    "pixverse_provider.jobs.record",
    "pixverse_provider.jobs.submission",
    "pixverse_provider.jobs.watch",
    "pixverse_provider.operators.download",
    "pixverse_provider.operators.generation",
    "pixverse_provider.sensors._polling",
    "pixverse_provider.sensors.credit",
    "pixverse_provider.sensors.video",
    "pixverse_provider.tasks",
    "pixverse_provider.triggers.credit",
    "pixverse_provider.triggers.pause",
    "pixverse_provider.triggers.video",
    "airflow.sdk.bases.sensor",
)


class Clock:
    """Stands in for the module ``time``; whoever sleeps lets it pass."""

    def __init__(self) -> None:
        self._now = START
        self.slept: list[float] = []

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in _MODULES:
            monkeypatch.setattr(importlib.import_module(name), "time", self)
        timezone = SimpleNamespace(utcnow=lambda: datetime.fromtimestamp(self.time(), UTC))
        monkeypatch.setattr("airflow.sdk.bases.sensor.timezone", timezone)

    def time(self) -> float:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return self._now
        return self._now + loop.time() if isinstance(loop, VirtualTimeLoop) else self._now

    monotonic = time

    @property
    def passed(self) -> float:
        """Seconds since the beginning of the test."""
        return self.time() - START

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept.append(seconds)
        self._now += seconds

    def go_to(self, seconds: float) -> None:
        """Let it be so many seconds after the beginning of the test."""
        self._now = max(self._now, START + seconds)

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end in the time of this clock."""

        async def timed() -> T:
            try:
                return await main
            finally:
                self._passed_in_loop = asyncio.get_running_loop().time()

        self._passed_in_loop = 0.0
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            try:
                return runner.run(timed())
            finally:
                self._now += self._passed_in_loop


def video(status: int, video_id: int = 7) -> Video:
    return Video(video_id, status, url=URL if status == 1 else "")


Answer = JobResult | Balance | PixVerseError
"""What a poll brings; it may be for any job, and is made one for that which was polled."""


@dataclass
class Service:
    """Answers polls and submits at the level of the hook and of the client of the triggerer.

    :param answers: what the next polls bring, one for each.
    :param afterwards: what all later ones bring; a running job by default.
    :param submits: what the next submits bring.
    :param answers_take: seconds that an answer to the triggerer takes, by the id of the job.
    """

    clock: Clock
    answers: deque[Answer] = field(default_factory=deque)
    afterwards: Answer | Callable[[], Answer] = field(default_factory=lambda: Video(7, 5))
    submits: deque[Submission | PixVerseError] = field(default_factory=deque)
    answers_take: dict[int, float] = field(default_factory=dict)
    polls: list[float] = field(default_factory=list)
    polled: list[tuple[str, int]] = field(default_factory=list)
    trace_ids: list[str] = field(default_factory=list)
    connections_read: list[float] = field(default_factory=list)
    connection: PixVerseError | None = None
    settings: ClientSettings = field(default_factory=lambda: ClientSettings("of the connection"))

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(PixVerseHook, "get_conn", lambda _: self._connect())
        monkeypatch.setattr(PixVerseHook, "poll", lambda _, media, job_id: self.poll(media, job_id))
        monkeypatch.setattr(PixVerseHook, "poll_balance", lambda _: self.poll("balance", 0))
        monkeypatch.setattr(PixVerseHook, "submit", lambda _, *args, **kw: self.submit(*args, **kw))
        monkeypatch.setattr("pixverse_provider.triggers.shared._make", self._make_poller)

    def will(self, *answers: Answer) -> None:
        self.answers.extend(answers)

    def poll(self, media_type: str, job_id: int) -> Any:
        self._connect()
        self.polls.append(self.clock.passed)
        self.polled.append((media_type, job_id))
        answer = self.answers.popleft() if self.answers else self.afterwards
        if callable(answer):
            answer = answer()
        if isinstance(answer, PixVerseError):
            raise answer
        if isinstance(answer, Balance):
            return answer
        if media_type == "image":
            return ImageResult(job_id, answer.status, url=answer.url)
        return replace(answer, id=job_id)

    def submit(self, request: Any, *, trace_id: str, attempts: int | None = None) -> Submission:
        self._connect()
        self.trace_ids.append(trace_id)
        answer = self.submits.popleft() if self.submits else Submission(100 + len(self.trace_ids), 8.0)
        if isinstance(answer, PixVerseError):
            raise answer
        return answer

    async def call_once(self, call: Call[Any]) -> Any:
        """Answer a poll of the triggerer."""
        match call.path.split("/"):
            case ["", media_type, "result", job_id]:
                await asyncio.sleep(self.answers_take.get(int(job_id), 0.0))
                return self.poll(media_type, int(job_id))
            case _:
                return self.poll("balance", 0)

    async def close(self) -> None:
        """Nothing is open."""

    async def _make_poller(self, pixverse_conn_id: str) -> SharedPoller:
        self._connect()
        client: Any = self
        return SharedPoller(client)

    def _connect(self) -> object:
        assert len(self.connections_read) < MOST_REQUESTS, "it asks without end"
        self.connections_read.append(self.clock.passed)
        if self.connection is not None:
            raise self.connection
        return self


def event_of(trigger: Any, clock: Clock) -> Any:
    """Run a trigger as the triggerer does and return its one event, as it comes back from the database."""

    async def run() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    (event,) = clock.run(run())
    return json.loads(json.dumps(event))


def resumed(task: Any, deferred: TaskDeferred, context: Any, clock: Clock) -> Any:
    """Go on after a deferral with the event of its trigger, which has been to the database and back."""
    path, arguments = deferred.trigger.serialize()
    module, _, name = path.rpartition(".")
    trigger = getattr(importlib.import_module(module), name)(**json.loads(json.dumps(arguments)))
    kwargs = (deferred.kwargs or {}) | {"event": event_of(trigger, clock)}
    return task.resume_execution(deferred.method_name, kwargs, context)


def run_to_its_end(task: Any, context: Any, clock: Clock) -> Any:
    """Run a task over all its deferrals."""
    try:
        return task.execute(context)
    except TaskDeferred as first:
        deferred = first
    while True:
        try:
            return resumed(task, deferred, context, clock)
        except TaskDeferred as again:
            deferred = again
