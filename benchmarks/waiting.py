"""One contender waits for many jobs in a process of its own, and says what it has cost.

``python -m benchmarks.waiting '{"contender": "ours", "url": ..., "script": {...}, ...}'`` prints the
:class:`Costs` and the :class:`Stats` of the server as JSON.
"""

from __future__ import annotations

import asyncio
import ctypes
import dataclasses
import gc
import importlib
import json
import math
import os
import selectors
import subprocess
import sys
import time
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.status_server import WARM_UP_JOB, Script, Stats, StatusServer

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CONTENDERS", "Costs", "wait_in_a_child"]

# Seconds between two polls of those that cannot know better, as the alternatives' own defaults are.
_EVENLY = 5.0
_SAMPLE_MEMORY_EVERY = 1.0
# Seconds, for whatever the warm-up has left behind.
_RUN_UP = 1.0
# Seconds; no wait comes to its deadline here.
_LONGEST_WAIT = 7200.0


@dataclass(frozen=True)
class Costs:
    """What a contender has cost.

    :param cpu: seconds of the process from the first job to the last event, without those of the measuring.
    :param seconds: that this took.
    :param longest_stall: milliseconds of the longest turn of the event loop.
    :param p99_stall: milliseconds that 99 of 100 turns did not take longer than.
    :param rss_growth: KB at the most over a process that has waited for one job.
    :param held_after: blocks of memory in use when all is done, in percent of those at the most; both over a
        process that has waited for one job.
    :param again: KB of RSS that a second wave of as many jobs has added; None where there was none.
    :param finished: how many jobs were seen to be done.
    :param delays: seconds from done to event, of each that was seen.
    """

    cpu: float
    seconds: float
    longest_stall: float
    p99_stall: float
    rss_growth: float
    held_after: float
    again: float | None
    finished: int
    delays: list[float]

    def delay(self, percent: int, jobs: int) -> float | None:
        """Return this percentile of the delays of so many jobs, or None where fewer were seen to be done."""
        rank = math.ceil(jobs * percent / 100)
        return sorted(self.delays)[rank - 1] if rank <= len(self.delays) else None


def wait_in_a_child(
    contender: str,
    url: str,
    script: Script,
    *,
    patience: float,
    budget: float | None = None,
    again: bool = False,
) -> tuple[Costs, Stats]:
    """Let a contender wait for all jobs of the script in a process of its own.

    :param url: of the status server, which is told the script as soon as the contender is ready.
    :param script: its beginning is set then.
    :param patience: seconds after the last job's end at which the contender is stopped.
    :param budget: requests a second, for ours.
    :param again: whether a second wave of shorter jobs is to follow.
    """
    task = {
        "contender": contender,
        "url": url,
        "script": dataclasses.asdict(script),
        "patience": patience,
        "again": again,
    }
    connections = {
        "AIRFLOW_CONN_PIXVERSE_DEFAULT": {
            "conn_type": "pixverse",
            "host": url,
            "password": "a-key-for-nothing",
            "extra": {"max_requests_per_second": budget} if budget else {},
        },
        "AIRFLOW_CONN_HTTP_DEFAULT": {"conn_type": "http", "host": url},
    }
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.waiting", json.dumps(task)],
        env=os.environ | {name: json.dumps(value) for name, value in connections.items()},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    costs, stats = json.loads(run.stdout.splitlines()[-1])
    return Costs(**costs), Stats(**stats)


def _ours(_url: str, now: float, poll_interval: float | None = None) -> Any:
    from pixverse_provider.jobs.watch import FIRST_POLL_OF_A_TRIGGER
    from pixverse_provider.triggers.video import PixVerseVideoTrigger

    async def wait(job: int, submitted_at: float) -> None:
        # As the operator does when it defers.
        trigger = PixVerseVideoTrigger(
            pixverse_conn_id="pixverse_default",
            video_ids=[str(job)],
            poll_interval=poll_interval,
            started_at=submitted_at,
            not_before=submitted_at + FIRST_POLL_OF_A_TRIGGER if job != WARM_UP_JOB else 0.0,
            deadline=now + _LONGEST_WAIT,
            submitted_at=submitted_at,
        )
        async for _ in trigger.run():
            return

    return wait


def _ours_evenly(url: str, now: float) -> Any:
    return _ours(url, now, _EVENLY)


def _ours_on_one_video(url: str, now: float) -> Any:
    one = _ours(url, now)

    async def wait(job: int, submitted_at: float) -> None:
        await one(1 if job != WARM_UP_JOB else job, submitted_at)

    return wait


def _http_sensor_trigger(_url: str, _now: float) -> Any:
    trigger_class = importlib.import_module("airflow.providers.http.triggers.http").HttpSensorTrigger

    async def wait(job: int, _submitted_at: float) -> None:
        async for _ in trigger_class(endpoint=f"ready/{job}", poke_interval=_EVENLY).run():
            return

    return wait


def _bare_loop(url: str, _now: float) -> Any:
    aiohttp = importlib.import_module("aiohttp")

    async def wait(job: int, _submitted_at: float) -> None:
        if not _session:
            _session.append(aiohttp.ClientSession())
        while True:
            async with _session[0].get(f"{url}/openapi/v2/video/result/{job}") as response:
                if (await response.json())["Resp"]["status"] == 1:
                    return
            await asyncio.sleep(_EVENLY)

    return wait


def _client_per_poll(url: str, _now: float) -> Any:
    httpx = importlib.import_module("httpx")

    async def wait(job: int, _submitted_at: float) -> None:
        while True:
            async with httpx.AsyncClient(timeout=30) as client:
                response = await client.get(f"{url}/openapi/v2/video/result/{job}")
            if response.json()["Resp"]["status"] == 1:
                return
            await asyncio.sleep(_EVENLY)

    return wait


def _threads(url: str, _now: float) -> Any:
    requests = importlib.import_module("requests")

    async def wait(job: int, _submitted_at: float) -> None:
        while True:
            response = await asyncio.to_thread(
                requests.get, f"{url}/openapi/v2/video/result/{job}", timeout=30
            )
            if response.json()["Resp"]["status"] == 1:
                return
            await asyncio.sleep(_EVENLY)

    return wait


# It ends with the process.
_session: list[Any] = []

CONTENDERS: dict[str, Callable[[str, float], Any]] = {
    "ours": _ours,
    "ours, every 5 s": _ours_evenly,
    "ours on one video": _ours_on_one_video,
    "HttpSensorTrigger": _http_sensor_trigger,
    "bare loop, one session": _bare_loop,
    "httpx client per poll": _client_per_poll,
    "requests in threads": _threads,
}
"""By name; each is given the address of the server and the time, and returns a coroutine function (job,
submitted_at) that returns when it has seen the end of the job."""


class _TimedSelector(selectors.DefaultSelector):
    """Notes how long each turn of the event loop takes, for which everybody else has to wait."""

    def __init__(self) -> None:
        super().__init__()
        self._woke = time.perf_counter()
        self.turns = array("d")

    def select(self, timeout: float | None = None) -> Any:
        self.turns.append(time.perf_counter() - self._woke)
        events = super().select(timeout)
        self._woke = time.perf_counter()
        return events


class _Memory:
    """The most that was in use while it was measured, and the CPU seconds that the measuring took."""

    def __init__(self) -> None:
        self.rss = 0.0
        self.blocks = 0
        self.cpu = 0.0

    async def measure(self) -> None:
        while True:
            began = time.thread_time()
            self.rss = max(self.rss, _rss())
            self.blocks = max(self.blocks, sys.getallocatedblocks())
            self.cpu += time.thread_time() - began
            await asyncio.sleep(_SAMPLE_MEMORY_EVERY)


def _rss() -> float:
    """Return the resident memory of this process in KB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


def _give_back() -> None:
    """Return freed memory to the system, so that what is left is what is held."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


async def _measure(task: dict[str, Any], turns: array[float]) -> tuple[Costs, Stats]:
    contender, url, server = task["contender"], task["url"], StatusServer(task["url"])
    # What a triggerer has loaded, whatever waits in it; the garbage collector goes through all of it.
    importlib.import_module("airflow.jobs.triggerer_job_runner")
    wait = CONTENDERS[contender](url, time.time())
    # Imports, the first connection, and what else is made once; the server knows this job as done.
    await wait(WARM_UP_JOB, time.time())
    _give_back()
    rss_before, blocks_before = _rss(), sys.getallocatedblocks()

    script = dataclasses.replace(Script(**task["script"]), begins_at=time.time() + _RUN_UP)
    server.begin(script)
    cut_off = script.begins_at + script.spread + script.takes + task["patience"]
    await asyncio.sleep(script.begins_at - time.time())
    memory = _Memory()
    measuring = asyncio.create_task(memory.measure())
    del turns[:]
    cpu, began = time.process_time(), time.perf_counter()
    delays = await _wave(contender, wait, script, cut_off)
    seconds, spent = time.perf_counter() - began, time.process_time() - cpu
    turned = len(turns)
    measuring.cancel()
    await _settle()
    rss_after, blocks_after = _rss(), sys.getallocatedblocks()
    stats = server.stats()

    again = None
    if task["again"]:
        short = dataclasses.replace(
            script, begins_at=time.time(), takes=min(script.takes, 10.0), spread=min(script.spread, 4.0)
        )
        server.begin(short)
        await _wave(contender, wait, short, time.time() + 60.0)
        await _settle()
        again = _rss() - rss_after

    stalls = sorted(turn * 1000 for turn in turns[:turned])
    costs = Costs(
        cpu=spent - memory.cpu,
        seconds=seconds,
        longest_stall=stalls[-1],
        p99_stall=stalls[int(len(stalls) * 0.99)],
        rss_growth=memory.rss - rss_before,
        held_after=100 * (blocks_after - blocks_before) / max(1, memory.blocks - blocks_before),
        again=again,
        finished=len(delays),
        delays=delays,
    )
    return costs, stats


async def _wave(contender: str, wait: Any, script: Script, cut_off: float) -> list[float]:
    """Wait for all jobs of the script until the cut-off, and return how late each end was seen."""
    delays: list[float] = []
    # Where a job is waited for under another's number, its end is that of the other.
    as_one = contender == "ours on one video"

    async def one(job: int) -> None:
        await wait(job, script.submitted_at(job))
        delays.append(time.time() - script.ends_at(1 if as_one else job))

    waits = []
    for job in range(1, script.jobs + 1):
        pause = script.submitted_at(job) - time.time()
        if pause > 0.001:
            await asyncio.sleep(pause)
        waits.append(asyncio.create_task(one(job)))
    await asyncio.wait(waits, timeout=max(0.0, cut_off - time.time()))
    seen = list(delays)
    for task in waits:
        task.cancel()
    found = await asyncio.gather(*waits, return_exceptions=True)
    failed = [error for error in found if isinstance(error, Exception)]
    if failed:
        print(f"{contender}: {len(failed)} waits failed, the first with {failed[0]!r}", file=sys.stderr)
    return seen


async def _settle() -> None:
    """Let go of what is done, after a turn of the loop: what wakes a coroutine holds what it waited for."""
    await asyncio.sleep(1.0)
    _give_back()


def main() -> None:
    """Wait as the first argument says, and print what it has cost."""
    selector = _TimedSelector()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        costs, stats = runner.run(_measure(json.loads(sys.argv[1]), selector.turns))
    print(json.dumps([dataclasses.asdict(costs), dataclasses.asdict(stats)]), flush=True)
    # A thread that still waits for an answer would keep the process.
    os._exit(0)


if __name__ == "__main__":
    main()
