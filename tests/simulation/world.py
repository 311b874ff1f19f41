"""The simulated world: one clock, everybody who acts, and the real operator and trigger code among them."""

from __future__ import annotations

import contextlib
import logging
import pkgutil
import random
import threading
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from unittest import mock

from pixverse_provider.operators.generation import PixVerseGenerationOperator
from pixverse_provider.triggers.video import PixVerseVideoTrigger
from tests.simulation.oracle import Oracle
from tests.simulation.pixverse import PixVerse, SimulatedHook, SimulatedSession
from tests.simulation.triggers import LentPoller, TriggerTimeout, sleep_in_trigger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.simulation.airflow import Task
    from tests.simulation.choices import Choices
    from tests.simulation.processes import Process

__all__ = ["Actor", "Figures", "Options", "Timer", "ViolationError", "World", "enter", "simulated"]

START = 1_800_000_000.0
# Two tasks that are refused a slot for as long as they may wait, on every try, take about 7,000.
MOST_STEPS = 20_000


class ViolationError(Exception):
    """The provider has broken a promise."""


@dataclass(frozen=True)
class Options:
    """What a schedule runs with: the Airflow, the arguments of the operator, and the habits of PixVerse.

    A limit or an interval of 0 stands for None.
    """

    airflow: str = "3.3"
    retries: int = 2
    tasks: str = "one"
    deferrable: bool = True
    wait_for_completion: bool = True
    durable: bool = True
    reuse_on_clear: bool = False
    on_ambiguous_submit: str = "replay"
    max_credits: float = 0.0
    timeout: float = 7200.0
    poll_interval: float = 60.0
    remembers_refusals: bool = True
    repeated_trace_id: str = "the first answer"

    @property
    def keeps_records(self) -> bool:
        """Whether there is a task state store, and it is used."""
        return self.airflow != "3.1" and self.durable


class Actor(Protocol):
    """Whoever acts: a task process, a trigger, a timer of the scheduler."""

    ready_at: float

    def step(self) -> bool:
        """Act; tell whether there is more to do."""


@dataclass(eq=False)
class Timer:
    """Something that the scheduler does later."""

    ready_at: float
    action: Callable[[], None]

    def step(self) -> bool:
        self.action()
        return False


@dataclass
class Figures:
    """What has happened in a schedule."""

    steps: int = 0
    kills: int = 0
    clears: int = 0
    attempts: int = 0
    jobs: int = 0


class World:
    """One schedule.

    :param choices: decide what happens.
    :param options: what it runs with.
    """

    def __init__(self, choices: Choices, options: Options) -> None:
        self.choices = choices
        self.options = options
        self.now = START
        self.oracle = Oracle(self)
        self.pixverse = PixVerse(self)
        self.actors: list[Actor] = []
        self.tasks: list[Task] = []
        self.current: Process | None = None
        self.log: list[str] = []
        self.story: list[str] = []
        self.figures = Figures()
        self.connection_back_at = 0.0
        self.store_back_at = 0.0
        self.violation: str | None = None

    @property
    def process(self) -> Process:
        """The task process that runs now."""
        assert self.current is not None, "no task process runs"
        return self.current

    def say(self, what: str) -> None:
        """Note a step of the schedule."""
        self.story.append(f"{self.now - START:9.1f} s  {what}")

    def violated(self, what: str) -> None:
        """Note that a promise is broken; the first one counts."""
        if self.violation is None:
            self.violation = what
            self.say(f"VIOLATION {what}")

    def pause(self, seconds: float) -> None:
        """Let a task process sleep."""
        if seconds > 0:
            self.process.call("sleep", lambda: None, seconds=seconds)

    def run(self) -> None:
        """Let everybody act until nobody has anything to do.

        :raises ViolationError: where a promise was broken.
        """
        limit = self.figures.steps + MOST_STEPS
        while self.actors:
            self.figures.steps += 1
            if self.figures.steps > limit:
                self.violated("I4: the schedule does not end")
            actor = self._next()
            self.now = max(self.now, actor.ready_at)
            if not actor.step():
                self.actors.remove(actor)
            for task in self.tasks:
                task.maybe_act()
            if self.violation is not None:
                raise ViolationError(self.violation)

    def _next(self) -> Actor:
        """Return who acts next; sometimes somebody is overtaken."""
        if len(self.actors) == 1:
            return self.actors[0]
        first, second, *_ = sorted(self.actors, key=lambda actor: actor.ready_at)
        near = second.ready_at - max(self.now, first.ready_at) < 60
        if near and self.choices.trouble("overtaken", "no", {"yes": 0.1}) == "yes":
            return second
        return first

    def calm_down(self) -> None:
        """Let nothing go wrong any more."""
        self.choices.calm = True
        self.connection_back_at = self.store_back_at = 0.0
        self.pixverse.calm_down()

    def abandon(self) -> None:
        """End every process that is left, which holds the frames of its greenlet."""
        for actor in self.actors:
            if hasattr(actor, "abandon"):
                actor.abandon()
        self.actors.clear()

    def is_logged(self, text: str) -> bool:
        """Tell whether a log line names something."""
        return any(text in line for line in self.log)


class _Collector(logging.Handler):
    """Keeps what the provider logs."""

    world: World

    def emit(self, record: logging.LogRecord) -> None:
        world = self.world
        text = record.getMessage()
        world.log.append(text)
        world.story.append(f"{'':14}{record.levelname}: {text}")


_collector = _Collector()
_worlds: list[World] = []
_ids = random.Random(0)  # noqa: S311 - a schedule looks the same every time


def enter(world: World) -> None:
    """Let this world be the one that the provider sees, inside of :func:`simulated`."""
    _worlds[:] = [world]
    _collector.world = SimulatedHook.world = SimulatedSession.world = world
    LentPoller.world = TriggerTimeout.world = world
    random.seed(0)
    _ids.seed(0)


def _time() -> float:
    return _worlds[0].now


def _pause(seconds: float) -> None:
    _worlds[0].pause(seconds)


def _new_id() -> uuid.UUID:
    return uuid.UUID(int=_ids.getrandbits(128), version=4)


def _patch_but_for_others(target: str, simulated_one: Callable[..., Any]) -> Any:
    """Replace a function, but not for threads that run already, such as the emulator of other tests."""
    real: Callable[..., Any] = pkgutil.resolve_name(target)
    others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}

    def chosen(*args: Any, **kwargs: Any) -> Any:
        return (real if threading.get_ident() in others else simulated_one)(*args, **kwargs)

    return mock.patch(target, chosen)


@contextlib.contextmanager
def simulated() -> Iterator[None]:
    """Put the simulated world in the place of the clock, the network, and the logs."""
    logger = logging.getLogger("pixverse_provider")
    own = logging.getLogger("pixverse_provider.operators")
    before = logger.level, logger.propagate
    with contextlib.ExitStack() as stack:
        for patch in (
            mock.patch("pixverse_provider.operators.generation.PixVerseHook", SimulatedHook),
            mock.patch("pixverse_provider.api.client.BoundedSession", SimulatedSession),
            # Reading the certificates would take four fifths of the time, and nobody is asked by them.
            mock.patch("pixverse_provider.api.network.Network.tls_for", return_value=None),
            mock.patch("pixverse_provider.triggers.shared.shared_poller", LentPoller),
            mock.patch("pixverse_provider.triggers.shared.retire_poller"),
            _patch_but_for_others("time.time", _time),
            _patch_but_for_others("time.sleep", _pause),
            _patch_but_for_others("asyncio.sleep", sleep_in_trigger),
            _patch_but_for_others("asyncio.timeout", TriggerTimeout),
            _patch_but_for_others("uuid.uuid4", _new_id),
            mock.patch.object(PixVerseGenerationOperator, "log", own),
            mock.patch.object(PixVerseVideoTrigger, "log", own),
        ):
            stack.enter_context(patch)
        logger.addHandler(_collector)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        try:
            yield
        finally:
            logger.removeHandler(_collector)
            logger.setLevel(before[0])
            logger.propagate = before[1]
