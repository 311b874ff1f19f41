"""Schedules from seeds: play one, find out whether a promise is broken, and make it as short as it can be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.simulation.airflow import Task
from tests.simulation.choices import Choices, Value
from tests.simulation.pixverse import PRICE
from tests.simulation.world import Figures, Options, ViolationError, World, enter, simulated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Played", "play", "play_given", "shortened"]

# The usual is the default of `Options`; the numbers are probabilities.
_OPTIONS: dict[str, dict[Value, float]] = {
    "airflow": {"3.1": 0.25, "3.4": 0.25},
    "retries": {0: 0.15, 1: 0.2, 3: 0.2},
    "tasks": {"two mapped": 0.05, "two in a loop": 0.05, "a loop whose gate is cleared": 0.05},
    "deferrable": {False: 0.4},
    "wait_for_completion": {False: 0.1},
    "durable": {False: 0.07},
    "reuse_on_clear": {True: 0.15},
    "on_ambiguous_submit": {"fail": 0.12},
    "max_credits": {100.0: 0.1, 2.0: 0.02},
    "timeout": {600.0: 0.25, 3600.0: 0.15, 10_000.0: 0.1},
    "poll_interval": {0.0: 0.1, 300.0: 0.2},
    "remembers_refusals": {False: 0.4},
    "repeated_trace_id": {"a stalled replay": 0.15, "forgotten after 10 min": 0.15},
}


# Lines.
_LONGEST_STORY = 120


@dataclass
class Played:
    """A schedule that was played."""

    options: Options
    taken: dict[str, Value]
    figures: Figures
    story: list[str]
    violation: str | None = None


def play(seed: int) -> Played:
    """Play the schedule of a seed."""
    return _play(Choices(seed))


def play_given(given: Mapping[str, Value]) -> Played:
    """Play the schedule that takes these decisions; everything else is as usual."""
    return _play(Choices(given=given))


def _options(choices: Choices) -> Options:
    options = Options()
    for name, others in _OPTIONS.items():
        usual = getattr(options, name)
        options = replace(options, **{name: choices.pick(name, usual, others)})
    if options.reuse_on_clear and not options.durable:
        options = replace(options, durable=True)
    return options


def _tasks(world: World) -> list[Task]:
    options = world.options
    if options.tasks == "two mapped":
        return [Task(world, options, map_index=index) for index in (0, 1)]
    if options.tasks == "two in a loop":
        return [Task(world, options, loop_index=index, region_id=f"region {index}") for index in (0, 1)]
    if options.tasks == "a loop whose gate is cleared":
        return [Task(world, options, loop_index=0, region_id=f"region {fork}") for fork in (0, 1)]
    return [Task(world, options)]


def _play(choices: Choices) -> Played:
    options = _options(choices)
    choices.storm = {"calm": 0.3, "usual": 1.0, "storm": 4.0}[
        choices.pick("weather", "usual", {"calm": 0.4, "storm": 0.2})
    ]
    world = World(choices, options)
    enter(world)
    world.tasks = _tasks(world)
    played = Played(options, choices.taken, world.figures, world.story)
    try:
        world.run()
        _clear_at_the_end(world)
        if choices.pick("then it is calm", "no", {"yes": 0.4}) == "yes":
            _calm(world)
    except ViolationError as err:
        played.violation = str(err)
    finally:
        world.abandon()
    return played


def _clear_at_the_end(world: World) -> None:
    """Let people act on tasks that have ended, a few times."""
    for _ in range(3):
        acted = False
        for task in world.tasks:
            what = world.choices.pick("at the end", "leave", {"clear": 0.35, "clear run": 0.1})
            if what != "leave":
                task.act(what)
                acted = True
        if not acted:
            return
        world.run()


def _calm(world: World) -> None:
    """Nothing goes wrong any more: then a task can be brought to an end by clearing it."""
    world.calm_down()
    if 0 < world.options.max_credits < PRICE:
        return
    for clears in range(4):
        failed = [task for task in world.tasks if task.state != "success"]
        if not failed:
            return
        # What runs for ever is given up after two hours.
        world.now += 3600
        for task in failed:
            if clears == 2 and task.is_stuck:
                # What may be paid is looked for by every clear, until a person decides that there is nothing.
                task.options = replace(task.options, reuse_on_clear=False)
            task.act("clear")
        world.run()
    if any(task.state != "success" for task in world.tasks):
        world.violated("I8: nothing goes wrong any more, and no number of clears brings a video")
        raise ViolationError(world.violation)


def shortened(played: Played, play_given: Callable[[Mapping[str, Value]], Played] = play_given) -> Played:
    """Return a schedule that breaks the same promise with as few decisions as possible."""
    assert played.violation is not None
    promise = played.violation[:2]
    best = played
    size = len(best.taken) // 2
    while size:
        at = 0
        while at < len(best.taken):
            names = list(best.taken)[::-1][at : at + size]
            tried = play_given({key: value for key, value in best.taken.items() if key not in names})
            broken = tried.violation is not None and tried.violation[:2] == promise
            if broken and len(tried.taken) < len(best.taken):
                best, size = tried, min(size, len(tried.taken))
            else:
                at += size
        size //= 2
    return best


def report(seed: int | None, played: Played) -> str:
    """Describe a schedule that breaks a promise: as it was drawn, and as short as it can be."""
    short = shortened(played)
    story = short.story
    if len(story) > _LONGEST_STORY:
        left_out = f"{'':14}({len(story) - _LONGEST_STORY} lines are left out)"
        story = [*story[: _LONGEST_STORY // 2], left_out, *story[-_LONGEST_STORY // 2 :]]
    lines = [
        f"{'Given' if seed is None else f'Seed {seed}'}: {played.violation}",
        f"As short as it can be: {short.violation}",
        f"    {short.taken}",
        *(f"    {step}" for step in story),
        "",
    ]
    return "\n".join(lines)


def first_violation(seeds: Iterable[int], promise: str = "I") -> tuple[int, Played] | None:
    """Play the schedules of seeds until one breaks a promise; return it with its seed.

    :param promise: such as ``I1``; any by default.
    """
    with simulated():
        for seed in seeds:
            played = play(seed)
            if played.violation is not None and played.violation.startswith(promise):
                return seed, played
    return None
