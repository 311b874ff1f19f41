"""Many waiting jobs in one event loop: CPU, stalls, memory, requests, and how soon the end is seen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.report import Section, Target
from benchmarks.status_server import Script, Stats, status_server
from benchmarks.waiting import Costs, wait_in_a_child

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.report import Figure

_OURS = "ours"
_OURS_EVENLY = "ours, every 5 s"
_OURS_ON_ONE_VIDEO = "ours on one video"
_STOCK = "HttpSensorTrigger"
_FLOOR = "bare loop, one session"
_CONTENDERS = (_OURS, _STOCK, _FLOOR, "httpx client per poll", "requests in threads")
_LATENCY = 0.2
_BUDGET = 20.0
# Seconds after the last job is done at which those that have not seen it are stopped.
_PATIENCE = 25.0


@dataclass(frozen=True)
class _Round:
    """One contender with so many jobs.

    :param again: whether the same process then waits for as many jobs again, to see whether it grows.
    """

    contender: str
    jobs: int
    takes: float
    spread: float
    budget: float | None = None
    always_429: bool = False
    again: bool = False


@dataclass(frozen=True)
class _Result:
    of: _Round
    costs: Costs
    stats: Stats

    @property
    def requests_per_job(self) -> float:
        """With the poll that our operator makes before it defers."""
        return self.stats.requests / self.of.jobs + self._poll_of_the_operator

    @property
    def most_for_one_job(self) -> int:
        """Of the job that took most, as above."""
        return self.stats.most_for_one_job + self._poll_of_the_operator

    @property
    def cpu_per_poll(self) -> float:
        """In milliseconds."""
        return self.costs.cpu * 1000 / max(1, self.stats.requests)

    @property
    def cpu_per_job(self) -> float:
        """In milliseconds."""
        return self.costs.cpu * 1000 / self.of.jobs

    @property
    def _poll_of_the_operator(self) -> int:
        return 1 if self.of.contender in (_OURS, _OURS_EVENLY) else 0


def run(*, quick: bool) -> Section:
    """Let each contender wait for 100, 1,000 and 5,000 jobs of 90 s; then ours under 429 and on one video."""
    takes = 6.0 if quick else 90.0
    sizes = (20, 40, 60) if quick else (100, 1000, 5000)
    few, many, most = sizes
    spreads = (1.0, 1.0, 1.0) if quick else (2.0, 20.0, 20.0)
    # The small ones disturb each other little; from a thousand on, each has the machine for itself.
    *found, shared = _at_once(
        [
            *(_Round(name, few, takes, spreads[0]) for name in _CONTENDERS),
            _Round(_OURS_ON_ONE_VIDEO, few, takes, 1.0),
        ]
    )
    # Long enough for ours, which leaves the first seconds to the operator.
    refused_for = 12.0 if quick else 40.0
    refused, refused_stock = _at_once(
        [
            _Round(_OURS, many, refused_for, 1.0, budget=_BUDGET, always_429=True),
            _Round(_STOCK, few, refused_for, 1.0, always_429=True),
        ]
    )
    for jobs, spread in zip(sizes[1:], spreads[1:], strict=True):
        rounds = [_Round(name, jobs, takes, spread) for name in _CONTENDERS]
        if jobs == many:
            rounds[0] = replace(rounds[0], again=True)
            rounds.insert(1, _Round(_OURS_EVENLY, jobs, takes, spread))
        found += _at_once(rounds) if quick else [_one(one) for one in rounds]
    by_size = {(result.of.contender, result.of.jobs): result for result in found}
    return Section(
        "polling",
        f"jobs of {takes:g} s (3 % more or less), {_LATENCY * 1000:.0f} ms for an answer, one event loop",
        [_row(result) for result in (*found, shared, refused, refused_stock)],
        _targets(
            ours=by_size[_OURS, many],
            evenly=by_size[_OURS_EVENLY, many],
            stock=by_size[_STOCK, many],
            floor=by_size[_FLOOR, many],
            most=by_size[_OURS, most],
            refused=refused,
            shared=shared,
        ),
        [
            "Each contender is a process of its own that has Airflow loaded, and so is the API.",
            (
                "All but ours poll every 5 s. A process that polls more often needs less CPU for each poll, "
                "so ours is held against the bare loop in the row in which it polls every 5 s as well."
            ),
            "Stall: one turn of the event loop, for which everything else on it has to wait.",
            "Requests per job: ours with the poll that the operator makes before it defers.",
            "Delay: of all jobs; no figure where too few were seen to be done.",
            f"Finished: seen to be done within {_PATIENCE:.0f} s after the last job's end.",
            "KB per job: RSS at the most over that of a process that has waited for one job.",
            "Held after: blocks of memory still in use when all is done, of those in use at the most.",
            "Again: MB of RSS that a second wave of as many jobs in the same process added.",
            f"Refused: the API answers 429 to everything; ours has a budget of {_BUDGET:g} a second.",
        ],
    )


def _targets(
    *,
    ours: _Result,
    evenly: _Result,
    stock: _Result,
    floor: _Result,
    most: _Result,
    refused: _Result,
    shared: _Result,
) -> list[Target]:
    jobs = ours.of.jobs
    return [
        Target(f"{jobs} jobs, longest stall of the loop, ms", ours.costs.longest_stall, 100.0),
        Target(f"{jobs} jobs, p99 stall of the loop, ms", ours.costs.p99_stall, 20.0),
        Target(f"{jobs} jobs, RSS per job over baseline, KB", ours.costs.rss_growth / jobs, 10.0),
        Target(f"{jobs} jobs, memory blocks still held after, %", ours.costs.held_after, 10.0),
        Target(f"{jobs} jobs more in the same process, MB of RSS", (ours.costs.again or 0.0) / 1024, 1.0),
        Target(f"{most.of.jobs} jobs, longest stall of the loop, ms", most.costs.longest_stall, 200.0),
        Target(f"CPU per poll, times that of {_STOCK}", ours.cpu_per_poll / stock.cpu_per_poll, 0.5),
        Target(
            "CPU per poll, both every 5 s, times that of the bare loop",
            evenly.cpu_per_poll / floor.cpu_per_poll,
            1.3,
        ),
        Target(f"CPU per job, times that of {_STOCK}", ours.cpu_per_job / stock.cpu_per_job, 0.2),
        Target("requests for one job, at the most", ours.most_for_one_job, 12.0),
        Target(f"{jobs} jobs, seen to be done, %", 100 * ours.costs.finished / jobs, 100.0, at_least=True),
        Target("done to event, p95, s", ours.costs.delay(95, jobs), 3.0),
        Target("requests in any second under 429", refused.stats.most_in_a_second, _BUDGET),
        Target(f"requests for {shared.of.jobs} triggers of one video", shared.stats.requests, 12.0),
    ]


def _at_once(rounds: Iterable[_Round]) -> list[_Result]:
    rounds = list(rounds)
    with ThreadPoolExecutor(len(rounds)) as pool:
        return list(pool.map(_one, rounds))


def _one(one: _Round) -> _Result:
    with status_server() as server:
        costs, stats = wait_in_a_child(
            one.contender,
            server.url,
            Script(0.0, one.jobs, one.takes, one.spread, latency=_LATENCY, always_429=one.always_429),
            patience=0.0 if one.always_429 else _PATIENCE,
            budget=one.budget,
            again=one.again,
        )
    return _Result(one, costs, stats)


def _row(result: _Result) -> dict[str, Figure]:
    costs, jobs = result.costs, result.of.jobs
    refused = result.of.always_429
    return {
        "contender": result.of.contender + (", refused" if refused else ""),
        "jobs": jobs,
        "requests per job": None if refused else result.requests_per_job,
        "most in 1 s": result.stats.most_in_a_second,
        "CPU ms per poll": result.cpu_per_poll,
        "CPU ms per job": None if refused else result.cpu_per_job,
        "longest stall ms": costs.longest_stall,
        "p99 stall ms": costs.p99_stall,
        "KB per job": None if refused else costs.rss_growth / jobs,
        "held after %": None if refused else costs.held_after,
        "again MB": None if costs.again is None else costs.again / 1024,
        "delay p50 s": costs.delay(50, jobs),
        "delay p95 s": costs.delay(95, jobs),
        "finished %": None if refused else 100 * costs.finished / jobs,
    }
