"""A thousand waits in a real triggerer process: how soon it polls, what that costs, how soon it notices."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, create_engine, text

from benchmarks.report import Section, Target
from benchmarks.status_server import Script, Stats, StatusServer, status_server
from tools.airflow_stack import PROJECT, AirflowStack
from tools.emulator import pixverse_connection
from tools.postgres import PostgresCluster

if TYPE_CHECKING:
    import psutil

    from benchmarks.report import Figure

_CONTENDERS = {"ours": "PixVerseVideoTrigger", "http": "HttpSensorTrigger, every 5 s"}
# A long line of a log may be broken anywhere between two words.
_BLOCKED = re.compile(r"async\s+thread\s+was\s+blocked\s+for\s+([0-9.]+)")
_LATENCY = 0.2
_SAMPLE_SECONDS = 0.2
_ROWS_TIMEOUT = 120.0
_START_TIMEOUT = 60.0
_DRAIN_TIMEOUT = 120.0
# After its first poll a runner has loaded everything that a thousand triggers need.
_SETTLE_SECONDS = 10.0
_NEVER_ENDS = 100_000.0
_MEGABYTE = 2**20
_DEFERRED = text("select map_index from task_instance where state = 'deferred'")


@dataclass
class _Wait:
    """What one triggerer process did for its triggers.

    :param started_at: epoch seconds at which the process was started.
    :param seen: by the status server, once all tasks had left the state deferred.
    :param rss: of the runner, in MB: the most while all jobs were running.
    :param cpu: seconds of the runner.
    :param supervisor_cpu: seconds of its parent, which talks to the database.
    :param delays: seconds from the end of a job until its task had left the state deferred.
    :param blocks: seconds that its event loop was blocked, for each warning of it.
    """

    started_at: float
    seen: Stats = field(default_factory=lambda: Stats(0, 0, 0, 0, 0.0, 0.0))
    rss: float = 0.0
    cpu: float = 0.0
    supervisor_cpu: float = 0.0
    delays: list[float] = field(default_factory=list)
    blocks: list[float] = field(default_factory=list)

    @property
    def all_polled(self) -> float:
        """Seconds from the start of the process until each job had been asked for."""
        return self.seen.all_asked_for_at - self.started_at


class _Triggerer:
    """An Airflow of which only the triggerer runs, once for each measurement.

    :param stack: prepared, nothing of it running.
    :param server: what the triggers ask.
    :param database: the metadata database of the stack.
    """

    def __init__(self, stack: AirflowStack, server: StatusServer, database: Engine) -> None:
        self._stack = stack
        self._server = server
        self._database = database

    def memory_with_one(self, contender: str) -> float:
        """Return the memory of a runner with one trigger, in MB."""
        self._make_rows(contender, 1, _NEVER_ENDS)
        try:
            started_at = self._start()
            while not self._server.stats().jobs_asked_for:
                _check_time(started_at + _START_TIMEOUT, "the triggerer has not polled its one job")
                time.sleep(_SAMPLE_SECONDS)
            time.sleep(_SETTLE_SECONDS)
            return self._runner().memory_info().rss / _MEGABYTE
        finally:
            self._stack.stop()

    def wait_for(self, contender: str, number: int, takes: float) -> _Wait:
        """Run so many triggers until each has fired."""
        script = self._make_rows(contender, number, takes)
        log = self._stack.log_file("triggerer")
        skipped = log.stat().st_size
        try:
            wait = _Wait(self._start())
            self._follow(wait, [script.ends_at(job + 1) for job in range(number)])
        finally:
            self._stack.stop()
        wait.seen = self._server.stats()
        wait.blocks = list(map(float, _BLOCKED.findall(log.read_bytes()[skipped:].decode())))
        return wait

    def _make_rows(self, contender: str, number: int, takes: float) -> Script:
        """Put the tasks and their triggers into the database; a job counts from that moment."""
        made = subprocess.run(
            [sys.executable, "-m", "benchmarks.triggerer_rows", contender, str(number)],
            cwd=PROJECT, env=self._stack.environment, stdout=subprocess.PIPE, text=True, check=True,
            timeout=_ROWS_TIMEOUT,
        )  # fmt: skip
        # Airflow may print something too, before it.
        script = Script(float(made.stdout.split()[-1]), number, takes, spread=0.0, latency=_LATENCY)
        self._server.begin(script)
        return script

    def _start(self) -> float:
        started_at = time.time()
        self._stack.start_component("triggerer")
        return started_at

    def _runner(self) -> psutil.Process:
        """Return the process that runs the event loop; there is one as soon as a trigger has polled."""
        return self._stack.process("triggerer").children()[0]

    def _follow(self, wait: _Wait, ends: list[float]) -> None:
        """Watch the triggerer until no task is deferred any more; ends are epoch seconds, by map index."""
        waiting = set(range(len(ends)))
        while waiting:
            _check_time(max(ends) + _DRAIN_TIMEOUT, f"{len(waiting)} tasks are still deferred")
            time.sleep(_SAMPLE_SECONDS)
            with self._database.connect() as connection:
                left = set(connection.execute(_DEFERRED).scalars())
            now = time.time()
            wait.delays += [now - ends[job] for job in waiting - left]
            waiting = left
            if self._server.stats().jobs_asked_for and now < min(ends):
                wait.rss = max(wait.rss, self._runner().memory_info().rss / _MEGABYTE)
        wait.cpu = sum(self._runner().cpu_times()[:2])
        wait.supervisor_cpu = sum(self._stack.process("triggerer").cpu_times()[:2])


def run(*, quick: bool) -> Section:
    """Measure ours, then the alternative, each with a triggerer process of its own."""
    number, takes = (30, 20.0) if quick else (1000, 90.0)
    with (
        tempfile.TemporaryDirectory(prefix="pixverse-triggerer-") as folder,
        PostgresCluster() as cluster,
        status_server() as server,
    ):
        home = Path(folder)
        stack = AirflowStack(
            home / "airflow",
            dags=home / "dags",
            database=cluster.url,
            environment={
                "AIRFLOW_CONN_PIXVERSE_DEFAULT": pixverse_connection("a-key", f"{server.url}/openapi/v2"),
                "AIRFLOW_CONN_HTTP_DEFAULT": json.dumps({"conn_type": "http", "host": server.url}),
            },
        )
        stack.prepare()
        database = create_engine(cluster.url)
        triggerer = _Triggerer(stack, server, database)
        measured = {
            contender: (triggerer.memory_with_one(contender), triggerer.wait_for(contender, number, takes))
            for contender in _CONTENDERS
        }
        database.dispose()
    memory_with_one, ours = measured["ours"]
    return Section(
        "triggerer",
        f"{number:,} triggers in one `airflow triggerer` with PostgreSQL; jobs of {takes:g} s, an API that "
        f"takes {_LATENCY * 1000:g} ms",
        [_row(name, *measured[contender]) for contender, name in _CONTENDERS.items()],
        targets=[
            Target(
                f"{number:,} triggers restored: all polled, s from the start of the process",
                ours.all_polled,
                30.0,
            ),
            Target(
                f"memory of {number:,} waits over that of one, MB",
                ours.rss - memory_with_one,
                60.0,
            ),
        ],
        notes=_NOTES,
    )


_NOTES = (
    (
        "All of Airflow's settings for the triggerer are its defaults. Its parent process hands on 50 "
        "triggers at a time, so 1,000 take 20 turns, whoever wrote them."
    ),
    (
        "The rows are made before the process starts, so this is a triggerer that takes over from "
        "another. A job counts from the moment in which its row was made; its length is the one given, "
        "3 % more or less."
    ),
    "Ours may poll at once here. After a fresh submit it would wait 7 s before its first poll.",
    (
        "CPU is that of the runner, the process with the event loop, from its start until no task is "
        "deferred. Its parent, which reads and writes the database, has a column of its own."
    ),
    (
        "Memory is the resident set of the runner: the most while all jobs run, and that less what a "
        f"runner with one trigger has {_SETTLE_SECONDS:g} s after its first poll."
    ),
    (
        "The delay ends when the task has left the state deferred in the database, which is read every "
        f"{_SAMPLE_SECONDS:g} s. It holds Airflow's own part: up to a second in the runner and one in "
        "its parent."
    ),
    (
        "Airflow warns of a blocked loop when a pause of 0.1 s has taken more than 0.2 s. A thousand "
        "ends within a few seconds are Airflow's own work too."
    ),
    "HttpSensorTrigger makes a client session for each poll, and understands 404 and nothing else.",
    "Both connections come from the environment, which is the cheapest place for either.",
)


def _row(name: str, memory_with_one: float, wait: _Wait) -> dict[str, Figure]:
    number = len(wait.delays)
    cuts = statistics.quantiles(wait.delays, n=20)
    return {
        "trigger": name,
        "triggers": number,
        "all polled, s from start": wait.all_polled,
        "all polled, s from first poll": wait.seen.all_asked_for_at - wait.seen.first_at,
        "memory, MB": wait.rss,
        "memory over one trigger, MB": wait.rss - memory_with_one,
        "CPU, s": wait.cpu,
        "CPU per job, ms": wait.cpu / number * 1000,
        "parent's CPU, s": wait.supervisor_cpu,
        "requests per job": wait.seen.requests / number,
        "CPU per request, ms": wait.cpu / wait.seen.requests * 1000,
        "done to resumed p50, s": statistics.median(wait.delays),
        "p95, s": cuts[-1],
        "warnings of a blocked loop": len(wait.blocks),
        "longest, s": max(wait.blocks, default=0.0),
    }


def _check_time(deadline: float, what: str) -> None:
    if time.time() > deadline:
        raise TimeoutError(f"{what} after all the time they should need")
