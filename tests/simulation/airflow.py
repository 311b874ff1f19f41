"""Airflow as the simulation has it: tries, retries, clears and marks of a task, and its triggers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred

from tests.simulation.processes import KEY_OF_RECORD, Attempt, Process
from tests.simulation.triggers import TriggerRun
from tests.simulation.world import Timer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.world import Options, World

__all__ = ["Task"]

RETRY_DELAY = 30.0


class Task:
    """One task instance."""

    def __init__(
        self,
        world: World,
        options: Options,
        *,
        map_index: int = -1,
        loop_index: int | None = None,
        region_id: str | None = None,
    ) -> None:
        self.world = world
        self.options = options
        self.map_index = map_index
        self.loop_index = loop_index
        self.region_id = region_id
        self.key = (map_index, loop_index, region_id)
        self.text = "Good morning."
        self.try_number = 0
        self.max_tries = options.retries
        self.era = 0
        self.state = "none"
        self.rows: dict[str, str] = {}
        self.xcom: Any = None
        self.result: Any = None
        self.process: Process | None = None
        self.token = object()
        self.actions = 0
        self.attempt = Attempt(0, 0, world.now)
        self._later(0.0, self._start)

    def __str__(self) -> str:
        place = "" if self.key == (-1, None, None) else f" {self.key}"
        return f"task{place}"

    @property
    def record(self) -> dict[str, Any] | None:
        """What the store holds."""
        row = self.rows.get(KEY_OF_RECORD)
        return None if row is None else json.loads(row)

    @property
    def is_stuck(self) -> bool:
        """Whether its trace id stands for what brings no video and is not given up while it is reused."""
        record, pixverse = self.record, self.world.pixverse
        lost = any(pixverse.posted[trace_id][0] == self.key for trace_id in pixverse.lost)
        noted = record is not None and bool(record["answer_lost"])
        useless = any(
            job.task == self.key
            and (job.stalled or job.fate.startswith(("is moderated", "is forgotten", "never ends")))
            for job in pixverse.jobs
        )
        return lost or noted or useless

    # The scheduler

    def _later(self, seconds: float, action: Callable[..., None], *arguments: Any) -> None:
        """Do it later, unless something else has become of the task by then."""
        token = self.token = object()
        self._also_later(token, seconds, action, *arguments)

    def _also_later(
        self, token: object, seconds: float, action: Callable[..., None], *arguments: Any
    ) -> None:
        def act() -> None:
            if self.token is token:
                action(*arguments)

        self.world.actors.append(Timer(self.world.now + seconds, act))

    def _start(self) -> None:
        self.try_number += 1
        self.world.figures.attempts += 1
        self.xcom = None
        self.attempt = Attempt(self.try_number, self.era, self.world.now)
        self.world.say(
            f"{self}: try {self.try_number} begins (max_tries {self.max_tries}, clears {self.era})"
        )
        self._process("execute")

    def _process(self, method: str, event: Any = None) -> None:
        self.state = "running"
        self.token = object()
        self.process = Process(self, method, event)
        self.world.actors.append(self.process)

    def take_end(self, process: Process, end: Any) -> None:
        """Take how a process has ended: a tuple with what it returned, an exception, None for its death."""
        world = self.world
        process.accepted = end is not None and not process.rejected
        if process.rejected:
            world.say(f"{process}: ends, and nobody cares")
            return
        self.process = None
        if isinstance(end, TaskDeferred):
            self._defer(end)
        elif isinstance(end, tuple):
            self.state, self.result, self.token = "success", end[0], object()
            world.say(f"{self}: success, {end[0]}")
            world.oracle.on_success(process, end[0])
        else:
            if isinstance(end, BaseException):
                world.oracle.on_failure(process, end)
            world.say(f"{self}: failed, {type(end).__name__}")
            self._fail(for_good=isinstance(end, AirflowFailException))

    def _fail(self, *, for_good: bool = False) -> None:
        if not for_good and self.max_tries != 0 and self.try_number <= self.max_tries:
            self.state = "up for retry"
            self._later(RETRY_DELAY, self._start)
        else:
            self.state, self.token = "failed", object()

    def _defer(self, deferral: TaskDeferred) -> None:
        world = self.world
        self.state = "deferred"
        self.token = object()
        path, kwargs = deferral.trigger.serialize()
        row = (path, json.dumps(kwargs))
        self._method = deferral.method_name
        assert deferral.timeout is not None
        world.say(f"{self}: deferred, {path.rsplit('.', 1)[-1]}, timeout {deferral.timeout}")
        token = self.token
        self._also_later(token, deferral.timeout.total_seconds(), self._time_out)
        start = world.choices.pick("trigger starts after", 1.0, {30.0: 0.05, 4000.0: 0.01, 12000.0: 0.01})
        world.actors.append(TriggerRun(self, row, world.now + start))
        if world.choices.pick("trigger runs", "once", {"twice": 0.1}) == "twice":
            world.actors.append(TriggerRun(self, row, world.now + start + 0.5))

    def _time_out(self) -> None:
        self.world.say(f"{self}: TaskDeferralTimeout")
        self.world.log.append("TaskDeferralTimeout")
        self._fail()

    def fire(self, event: Any) -> None:
        """Take the event of a trigger; that of a second one is dropped."""
        world = self.world
        delay = world.choices.pick("queued for", 1.0, {30.0: 0.05, 600.0: 0.03, 8000.0: 0.01})
        self.state = "queued"
        world.say(f"{self}: the trigger fires")
        self._later(delay, self._resume, event)

    def _resume(self, event: Any) -> None:
        if self.world.choices.trouble("resumes", "yes", {"is failed without having run": 0.02}) != "yes":
            self.world.say(f"{self}: failed by the scheduler without having run")
            self._fail()
            return
        self._process(self._method, event)

    # People, and a scheduler that is mistaken

    def maybe_act(self) -> None:
        """Let a person or a mistaken scheduler act, now and then."""
        choices = self.world.choices
        if self.actions >= 4 or choices.calm:
            return
        what = "nothing"
        if self.state == "running":
            what = choices.trouble(
                "while it runs",
                what,
                {
                    "clear": 0.002,
                    "the heartbeat is missed": 0.003,
                    "mark failed": 0.001,
                    "mark success": 0.0005,
                },
            )
        elif self.state in ("deferred", "queued"):
            what = choices.trouble(
                "while it waits", what, {"clear": 0.004, "clear run": 0.001, "mark failed": 0.001}
            )
        elif self.state == "up for retry":
            what = choices.trouble(
                "before a retry", what, {"clear": 0.03, "clear run": 0.01, "mark failed": 0.005}
            )
        if what != "nothing":
            self.act(what)

    def act(self, what: str) -> None:
        """Clear or mark it, or lose its heartbeat."""
        self.actions += 1
        world = self.world
        world.say(f"{self}: {what} (while {self.state})")
        process = self.process
        if what == "the heartbeat is missed":
            assert process is not None
            process.fenced = process.rejected = True
            self.process = None
            self._fail()
            self._leave_behind(process)
        elif what.startswith("mark"):
            if process is not None:
                process.rejected = True
                self.process = None
            self.state, self.token = what.removeprefix("mark "), object()
            if process is not None:
                self._leave_behind(process)
        else:
            self._clear(what)

    def _clear(self, what: str) -> None:
        world = self.world
        world.figures.clears += 1
        process = self.process
        like_a_retry = False
        if process is not None:
            process.fenced = process.rejected = True
            self.process = None
            like_a_retry = (
                world.choices.pick("clear of a running task", "a clear", {"a retry": 0.4}) != "a clear"
            )
        if not like_a_retry:
            self.max_tries = self.try_number + self.options.retries
            self.era += 1
        may_drop = self.options.airflow == "3.4" and what == "clear"
        if may_drop and world.choices.pick("task state", "dropped", {"kept": 0.4}) == "dropped":
            world.oracle.on_drop(self)
            self.rows.clear()
        changes = world.choices.pick("input", "stays", {"changes": 0.05})
        if changes == "changes":
            self.text = "Good evening." if self.text == "Good morning." else "Good morning."
        self.state = "none"
        self.xcom = None
        self._later(world.choices.pick("clear, then", 5.0, {60.0: 0.1, 9000.0: 0.1}), self._start)
        if process is not None:
            self._leave_behind(process)

    def _leave_behind(self, process: Process) -> None:
        """End a process that is not wanted any more, or let it run on for a while."""
        if self.world.choices.pick("its process", "is ended", {"runs on": 0.5}) == "is ended":
            process.kill()
