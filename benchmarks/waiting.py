"""One contender waits for many jobs in a process of its own, and says what it has cost.

``python -m benchmarks.waiting '{"contender": "ours", "url": ..., "script": {...}, "cut_off": ...}'`` prints the
:class:`Costs` as JSON.
"""

from __future__ import annotations

import asyncio
import ctypes
import dataclasses
import gc
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.status_server import WARM_UP_JOB, Script

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CONTENDERS", "Costs", "wait_in_a_child"]

# Seconds between two looks of those that cannot know better, as the alternatives' own defaults are.
_EVENLY = 5.0
_HEARTBEAT = 0.005


@dataclass(frozen=True)
class Costs:
    """What a contender has cost.

    :param cpu: seconds of the process from the first job to the last event, without the measuring itself.
    :param seconds: that this took.
    :param longest_stall: milliseconds for which the event loop did not turn.
    :param p99_stall: milliseconds that 99 of 100 heartbeats were not later than.
    :param rss_growth: KB at the most over a process that has waited for one job.
    :param rss_left: KB over the same when all is done.
    :param finished: how many jobs were seen to be done.
    :param delays: seconds from done to event, of each that was seen.
    """

    cpu: float
    seconds: float
    longest_stall: float
    p99_stall: float
    rss_growth: float
    rss_left: float
    finished: int
    delays: list[float]

    def delay(self, percent: int) -> float | None:
        """Return this percentile of the delays, or None where nothing was seen."""
        if len(self.delays) < 2:
            return None
        return statistics.quantiles(self.delays, n=100, method="inclusive")[percent - 1]


def wait_in_a_child(
    contender: str, url: str, script: Script, *, cut_off: float, budget: float | None = None
) -> Costs:
    """Let a contender wait for all jobs of the script in a process of its own.

    :param url: of the status server, which has been told the same script.
    :param cut_off: epoch seconds at which it is stopped, whatever it has seen.
    :param budget: requests a second, for ours.
    """
    task = {
        "contender": contender,
        "url": url,
        "script": dataclasses.asdict(script),
        "cut_off": cut_off,
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
    return Costs(**json.loads(run.stdout.splitlines()[-1]))


def _ours(_url: str, deadline: float) -> Any:
    from pixverse_provider.polling import FIRST_LOOK_OF_A_TRIGGER
    from pixverse_provider.triggers.video import PixVerseVideoTrigger

    async def wait(job: int, submitted_at: float) -> None:
        # As the operator does when it defers.
        trigger = PixVerseVideoTrigger(
            pixverse_conn_id="pixverse_default",
            video_ids=[str(job)],
            started_at=submitted_at,
            not_before=submitted_at + FIRST_LOOK_OF_A_TRIGGER if job != WARM_UP_JOB else 0.0,
            deadline=deadline + 3600,
            submitted_at=submitted_at,
        )
        async for _ in trigger.run():
            return

    return wait


def _ours_on_one_video(url: str, deadline: float) -> Any:
    one = _ours(url, deadline)

    async def wait(job: int, submitted_at: float) -> None:
        await one(1 if job != WARM_UP_JOB else job, submitted_at)

    return wait


def _http_sensor_trigger(_url: str, _deadline: float) -> Any:
    trigger_class = importlib.import_module("airflow.providers.http.triggers.http").HttpSensorTrigger

    async def wait(job: int, _submitted_at: float) -> None:
        async for _ in trigger_class(endpoint=f"ready/{job}", poke_interval=_EVENLY).run():
            return

    return wait


def _bare_loop(url: str, _deadline: float) -> Any:
    aiohttp = importlib.import_module("aiohttp")
    sessions: list[Any] = []

    async def wait(job: int, _submitted_at: float) -> None:
        if not sessions:
            sessions.append(aiohttp.ClientSession())
        while True:
            async with sessions[0].get(f"{url}/openapi/v2/video/result/{job}") as response:
                if (await response.json())["Resp"]["status"] == 1:
                    return
            await asyncio.sleep(_EVENLY)

    return wait


def _client_per_poll(url: str, _deadline: float) -> Any:
    httpx = importlib.import_module("httpx")

    async def wait(job: int, _submitted_at: float) -> None:
        while True:
            async with httpx.AsyncClient(timeout=30) as client:
                response = await client.get(f"{url}/openapi/v2/video/result/{job}")
            if response.json()["Resp"]["status"] == 1:
                return
            await asyncio.sleep(_EVENLY)

    return wait


def _threads(url: str, _deadline: float) -> Any:
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


CONTENDERS: dict[str, Callable[[str, float], Any]] = {
    "ours": _ours,
    "ours on one video": _ours_on_one_video,
    "HttpSensorTrigger": _http_sensor_trigger,
    "bare loop, one session": _bare_loop,
    "httpx client per poll": _client_per_poll,
    "requests in threads": _threads,
}
"""By name; each is given the address of the server and the end, and returns a coroutine function (job,
submitted_at) that returns when it has seen the end of the job."""


class _Meter:
    """Heartbeats and memory, measured from inside the event loop."""

    def __init__(self) -> None:
        # A list of floats would be most of the memory that is measured here.
        self.late = array("d")
        self.peak = 0.0
        self._task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        next_memory = 0.0
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_HEARTBEAT)
            now = time.perf_counter()
            self.late.append((now - before - _HEARTBEAT) * 1000)
            if now > next_memory:
                self.peak = max(self.peak, _rss())
                next_memory = now + 0.25


def _rss() -> float:
    """Return the resident memory of this process in KB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


def _give_back() -> None:
    """Return freed memory to the system, so that what is left is what is held."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


async def _measure(contender: str, url: str, script: Script, cut_off: float) -> Costs:
    loop = asyncio.get_running_loop()
    wait = CONTENDERS[contender](url, cut_off)
    if not script.always_429:
        # Imports, the first connection, and what else is made once; the server knows this job as done.
        await wait(WARM_UP_JOB, time.time())
    _give_back()
    rss_before = _rss()

    idle_meter = asyncio.create_task(_Meter().run())
    cpu, began = time.process_time(), time.perf_counter()
    await asyncio.sleep(2.0)
    cost_of_metering = (time.process_time() - cpu) / (time.perf_counter() - began)
    idle_meter.cancel()

    delays: list[float] = []
    # Where a job is waited for under another's number, its end is that of the other.
    as_one = contender == "ours on one video"

    async def one(job: int) -> None:
        await wait(job, script.submitted_at(job))
        delays.append(time.time() - script.ends_at(1 if as_one else job))

    await asyncio.sleep(max(0.0, script.begins_at - time.time()))
    meter = _Meter()
    metering = asyncio.create_task(meter.run())
    cpu, began = time.process_time(), time.perf_counter()
    waits = []
    for job in range(1, script.jobs + 1):
        pause = script.submitted_at(job) - time.time()
        if pause > 0.001:
            await asyncio.sleep(pause)
        waits.append(loop.create_task(one(job)))
    await asyncio.wait(waits, timeout=max(0.0, cut_off - time.time()))
    seconds = time.perf_counter() - began
    spent = time.process_time() - cpu - cost_of_metering * seconds
    metering.cancel()
    for task in waits:
        task.cancel()
    found = await asyncio.gather(*waits, return_exceptions=True)
    failed = [error for error in found if isinstance(error, Exception)]
    if failed:
        print(f"{contender}: {len(failed)} waits failed, the first with {failed[0]!r}", file=sys.stderr)
    finished = len(delays)
    # A turn of the loop, since what has woken this coroutine up still holds all that it waited for.
    del waits, found, task
    await asyncio.sleep(1.0)
    _give_back()
    late = sorted(meter.late)
    return Costs(
        cpu=spent,
        seconds=seconds,
        longest_stall=late[-1],
        p99_stall=late[int(len(late) * 0.99)],
        rss_growth=meter.peak - rss_before,
        rss_left=_rss() - rss_before,
        finished=finished,
        delays=delays,
    )


def main() -> None:
    """Wait as the first argument says, and print what it has cost."""
    task = json.loads(sys.argv[1])
    costs = asyncio.run(_measure(task["contender"], task["url"], Script(**task["script"]), task["cut_off"]))
    print(json.dumps(dataclasses.asdict(costs)), flush=True)
    # A thread that still waits for an answer would keep the process.
    os._exit(0)


if __name__ == "__main__":
    main()
