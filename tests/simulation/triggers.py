"""A triggerer as the simulation has it: real triggers, driven from sleep to sleep without an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.simulation.pixverse import poll_in_trigger, read_connection

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from pixverse_provider.api.results import JobResult, MediaType
    from tests.simulation.airflow import Task
    from tests.simulation.pixverse import Job
    from tests.simulation.world import World

__all__ = ["LentPoller", "TriggerRun", "TriggerTimeout", "sleep_in_trigger"]


class TriggerRun:
    """One run of a trigger in a triggerer."""

    def __init__(self, task: Task, row: tuple[str, str], at: float) -> None:
        self.task = task
        self.ready_at = at
        self.began_at = at
        self.refusals = 0
        self.timeouts: list[TriggerTimeout] = []
        self._row = row
        self._token = task.token
        self._begin()

    def __str__(self) -> str:
        return f"{self.task} trigger"

    def _begin(self) -> None:
        path, kwargs = self._row
        module, name = path.rsplit(".", 1)
        trigger = getattr(importlib.import_module(module), name)(**json.loads(kwargs))
        self._events = trigger.run()
        self._turn: Any = None
        self.refusals = 0
        self.timeouts = []

    def saw(self, job: Job, what: str) -> None:
        """Note what a poll has brought."""
        attempt = self.task.attempt
        attempt.saw(job, what)
        self.refusals = self.refusals + 1 if what in ("refused", "500008") else 0
        attempt.refusals = max(attempt.refusals, self.refusals)

    def step(self) -> bool:
        """Run up to its next sleep; or be moved to another triggerer."""
        task, world = self.task, self.task.world
        if task.token is not self._token:
            return False
        moved = world.choices.trouble("triggerer", "runs", {"restarts": 0.005, "is away for 2 h": 0.001})
        if moved != "runs":
            world.say(f"{self}: the triggerer {moved}")
            pause = 20.0 if moved == "restarts" else 7200.0
            self.began_at = self.ready_at = world.now + pause
            self._begin()
            return True
        world.oracle.trigger = self
        try:
            self._turn = self._turn or self._events.asend(None)
            pause = self._turn.send(None)
        except StopIteration as stop:
            world.oracle.on_fire(self, stop.value.payload)
            task.fire(json.loads(json.dumps(stop.value.payload)))
            return False
        except Exception as err:  # noqa: BLE001 - the oracle judges it
            world.oracle.on_trigger_failed(self, err)
            return False
        finally:
            world.oracle.trigger = None
        self.ready_at = world.now + pause
        return True


class TriggerTimeout:
    """Stands in for ``asyncio.timeout``.

    :param seconds: from its making.
    """

    world: World

    def __init__(self, seconds: float) -> None:
        self.ends_at = self.world.now + seconds
        self._timeouts = _running(self.world).timeouts

    async def __aenter__(self) -> None:
        self._timeouts.append(self)

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._timeouts.remove(self)
        if kind is asyncio.CancelledError and self.world.now >= self.ends_at:
            raise TimeoutError


@types.coroutine
def _pause(seconds: float) -> Generator[float, None, None]:
    yield seconds


async def sleep_in_trigger(seconds: float, _result: object = None) -> None:
    """Stand in for ``asyncio.sleep``."""
    world = TriggerTimeout.world
    ends = [timeout.ends_at for timeout in _running(world).timeouts]
    until = world.now + seconds
    if ends and min(ends) < until:
        await _pause(max(0.0, min(ends) - world.now))
        raise asyncio.CancelledError
    await _pause(seconds)


def _running(world: World) -> TriggerRun:
    trigger = world.oracle.trigger
    assert trigger is not None, "no trigger runs"
    return trigger


class LentPoller:
    """Stands in for ``shared_poller``."""

    world: World

    def __init__(self, _conn_id: str) -> None:
        pass

    async def __aenter__(self) -> _Poller:
        read_connection(self.world)
        return _Poller(self.world)

    async def __aexit__(self, *_: object) -> None:
        pass


@dataclass
class _Poller:
    world: World
    refusal: str | None = None

    def has_key_of(self, _: object) -> bool:
        return True

    @contextlib.contextmanager
    def job(self, media_type: MediaType, job_id: int) -> Iterator[_PolledJob]:
        yield _PolledJob(self.world, _running(self.world), media_type, job_id)


@dataclass
class _PolledJob:
    world: World
    reader: TriggerRun
    media_type: MediaType
    job_id: int

    async def poll(self, _max_age: float) -> JobResult:
        held_up = self.world.choices.trouble("turn of a poll", "at once", {"after 10 min": 0.003})
        if held_up != "at once":
            await sleep_in_trigger(600.0)
        return poll_in_trigger(self.world, self.reader, self.media_type, self.job_id)
