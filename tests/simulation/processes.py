"""Task processes as the simulation has them: the real operator, killed at any call to the outside."""

from __future__ import annotations

import copy
import functools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import greenlet  # type: ignore[import-untyped] # its stubs are a package of their own

from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.airflow import Task
    from tests.simulation.pixverse import Job
    from tests.simulation.world import Options

__all__ = ["KEY_OF_RECORD", "Attempt", "KilledError", "Process", "StoreError"]

T = TypeVar("T")

KEY_OF_RECORD = "pixverse_job"


class KilledError(BaseException):
    """Stands for a kill -9: nothing of the process runs after it."""


class StoreError(Exception):
    """The task state store did not take a call, or its answer was lost."""


@dataclass(eq=False)
class Attempt:
    """One try of a task, from its first process to its end."""

    try_number: int
    era: int
    started_at: float
    begins_without_id: bool = False
    """Whether it finds a record of a submit whose answer was lost."""
    seen: dict[int, str] = field(default_factory=dict)
    refusals: int = 0

    def saw(self, job: Job, what: str) -> None:
        self.seen[job.id] = what
        job.not_known |= what == "500008" and self.era > job.era


@functools.cache
def _operator(**arguments: Any) -> PixVerseLipSyncOperator:
    """Return an operator to copy, since making one takes longer than most schedules."""
    return PixVerseLipSyncOperator(
        task_id="lip_sync",
        source_video_id=1,
        lip_sync_tts_speaker_id="auto",
        lip_sync_tts_content="",
        **arguments,
    )


def _operator_of(options: Options, text: str) -> PixVerseLipSyncOperator:
    operator = copy.copy(
        _operator(
            retries=options.retries,
            deferrable=options.deferrable,
            wait_for_completion=options.wait_for_completion,
            durable=options.durable,
            reuse_on_clear=options.reuse_on_clear,
            on_ambiguous_submit=options.on_ambiguous_submit,
        )
    )
    operator.max_credits = options.max_credits or None
    operator.timeout = options.timeout
    operator.poll_interval = options.poll_interval or None
    operator.lip_sync_tts_content = text
    return operator


@dataclass
class _Loop:
    """What ``context["loop"]`` holds."""

    index: int


@dataclass
class _TaskInstance:
    """What the provider sees of a task instance, as it was when the process began."""

    process: Process
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    region_id: str | None
    try_number: int
    max_tries: int

    def xcom_push(self, key: str, value: Any) -> None:
        self.process.call(f"xcom {key}", lambda: self.process.push(json.loads(json.dumps(value))))


class Store:
    """``context["task_state_store"]``, as one process has it."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def get(self, key: str, default: Any = None) -> Any:
        def read() -> Any:
            self._may_fail("store get", after=False)
            # To a process that has been replaced, Airflow says that there is no such key.
            row = None if self._process.fenced else self._process.task.rows.get(key)
            if row is None:
                return default
            record = json.loads(row)
            self._process.attempt.begins_without_id = record["job_id"] is None
            return record

        return self._process.call("store get", read)

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        process = self._process
        text = json.dumps(value)

        def write() -> None:
            oracle = process.task.world.oracle
            try:
                answer_is_lost = self._may_fail("store set", after=True)
            except StoreError:
                oracle.on_write_failed(value)
                raise
            process.task.rows[key] = text
            oracle.on_write(process, value)
            if answer_is_lost:
                raise StoreError("the answer was lost")

        process.call("store set", write)

    def _may_fail(self, what: str, *, after: bool) -> bool:
        """Fail before it takes effect; return whether it fails after it."""
        world = self._process.task.world
        fates = {"fails": 0.02, "is away for a minute": 0.01}
        fate = world.choices.trouble(what, "works", fates | ({"fails after": 0.02} if after else {}))
        if fate == "is away for a minute":
            world.store_back_at = world.now + 60
        if fate != "works":
            world.say(f"{self._process}: {what} {fate}")
        if fate == "fails" or world.now < world.store_back_at:
            raise StoreError(f"{what}: the API server is away")
        if after and self._process.fenced:
            raise StoreError("404: no such task instance")
        return fate == "fails after"


class Process:
    """One task process: a first half, or what goes on after a deferral."""

    def __init__(self, task: Task, method: str, event: Any = None) -> None:
        self.task = task
        self.world = task.world
        self.attempt = task.attempt
        self.era = task.era
        self.number = task.world.oracle.next_number()
        self.options = task.options
        self.text = task.text
        self.began_at = task.world.now
        self.ready_at = task.world.now
        self.fenced = False
        """Whether its task has been cleared, retried or given up: the store knows it no more."""
        self.rejected = False
        """Whether Airflow will not take its end."""
        self.answered: list[Job] = []
        """Jobs whose submit was answered to it."""
        self.lost: set[str] = set()
        """Trace ids of its submits that have made a job, or may have, without an answer."""
        self.refusals = 0
        self.accepted: bool | None = None
        """Whether Airflow has taken its end; None while it runs."""
        ti = _TaskInstance(
            self,
            "a_dag",
            "a_run",
            "lip_sync",
            task.map_index,
            task.region_id,
            task.try_number,
            task.max_tries,
        )
        self.context: dict[str, Any] = {"ti": ti}
        if self.options.airflow != "3.1":
            self.context["task_state_store"] = Store(self)
        if task.loop_index is not None:
            self.context["loop"] = _Loop(task.loop_index)
        self._method = method
        self._event = event
        self._greenlet = greenlet.greenlet(self._main)

    def __str__(self) -> str:
        return f"{self.task} try {self.attempt.try_number} (process {self.number})"

    def call(self, what: str, effect: Callable[[], T], *, seconds: float = 0.1) -> T:
        """Make a call to the outside, at which the process may die: before, or after it took effect."""
        fate = self.world.choices.trouble(f"kill at {what}", "no", {"before": 0.01, "after": 0.01})
        if fate == "before":
            self._die(f"before {what}")
        result = effect()
        if fate == "after":
            self._die(f"after {what}")
        self.ready_at = self.world.now + seconds
        greenlet.getcurrent().parent.switch()
        return result

    def _die(self, where: str) -> None:
        self.world.say(f"{self}: killed {where}")
        self.world.figures.kills += 1
        raise KilledError

    def saw(self, job: Job, what: str) -> None:
        """Note what a poll has brought."""
        self.attempt.saw(job, what)
        self.refusals = self.refusals + 1 if what in ("refused", "500008") else 0
        self.attempt.refusals = max(self.attempt.refusals, self.refusals)

    def push(self, value: Any) -> None:
        """Take an XCom, or fail to."""
        if self.world.choices.trouble("xcom", "works", {"fails": 0.03}) == "fails":
            raise ConnectionError("the API server is away")
        self.task.xcom = value

    def step(self) -> bool:
        """Run up to the next call to the outside."""
        world = self.world
        world.current = self
        self._greenlet.switch()
        world.current = None
        return not self._greenlet.dead

    def kill(self) -> None:
        """End it from outside."""
        self.world.say(f"{self}: ended by Airflow")
        self.abandon()
        if self in self.world.actors:
            self.world.actors.remove(self)

    def abandon(self) -> None:
        """Let nothing more run of it."""
        self.world.current = self
        if self._greenlet:
            self._greenlet.throw(KilledError)
        self.world.current = None

    def _main(self) -> None:
        try:
            end: Any = self._run()
        except KilledError:
            end = None
        except BaseException as err:  # noqa: BLE001 - every end of the operator is judged
            end = err
        try:
            self.world.oracle.on_leave(self, end)
            if end is not None:
                self.call("report", lambda: self.task.take_end(self, end))
        except KilledError:
            end = None
        if end is None and self.accepted is None:
            self.task.take_end(self, None)

    def _run(self) -> tuple[Any]:
        self.began_at = self.world.now
        if self._method == "execute":
            self.attempt.started_at = self.began_at
        operator = _operator_of(self.options, self.text)
        method = getattr(type(operator), self._method)
        if self._method == "execute":
            # Without the guard of Airflow, which logs that this is no task runner.
            return (getattr(method, "__wrapped__", method)(operator, self.context),)
        return (method(operator, self.context, event=self._event),)
