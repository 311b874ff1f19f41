"""Whole runs in a real Airflow: what each way to make many lip syncs starts, holds, asks for and pays."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pendulum
import requests

from benchmarks.report import Section, Target
from pixverse_provider.emulator.client import EmulatorControl
from tools.airflow_stack import PROJECT, AirflowStack
from tools.emulator import EmulatorProcess
from tools.postgres import PostgresCluster

if TYPE_CHECKING:
    from benchmarks.report import Figure

_FILE = "end_to_end.py"
_PRESENTER = PROJECT / "dags_examples" / "media" / "presenter.mp4"
_SLOTS = 4
_RUN_TIMEOUT = 300.0
# A worker notes the end of a task process some seconds after the task's own end.
_NOTE_TIMEOUT = 20.0
_VARIANTS = {
    "three_tasks_deferred": "upload, lip sync deferred, download",
    "three_tasks_held": "upload, lip sync in the worker, download",
    "one_sensor": "upload, submit, one deferred sensor for all, download",
    "lists": "one upload of all, submit, one deferred sensor for all, one download of all",
    "one_task_deferred": "lip sync deferred, of media uploaded before",
    "one_task_held": "lip sync in the worker, of media uploaded before",
    "fewest": "submit, one deferred sensor for all, of media uploaded before",
    "plain_requests": "one @task of plain requests: upload, submit, poll, download",
}


@dataclass(frozen=True)
class _Process:
    """One process that a worker started for a task; both times are epoch seconds."""

    dag_id: str
    task_id: str
    began: float
    ended: float


class _Bench:
    """A running Airflow and a running emulator.

    :param times: where the executor notes the task processes.
    """

    def __init__(
        self, stack: AirflowStack, emulator: EmulatorControl, times: Path, videos: int, takes: float
    ) -> None:
        self._stack = stack
        self._emulator = emulator
        self._times = times
        self._videos = videos
        self._takes = takes

    def run(self, dag_id: str, title: str, conf: dict[str, str]) -> dict[str, Figure]:
        """Run a DAG once and return its row."""
        requests_before, jobs_before = len(self._emulator.requests()), len(self._emulator.jobs())
        api = self._stack.api
        run_id = api.trigger(dag_id, conf)
        state = api.wait_for_run(dag_id, run_id, _RUN_TIMEOUT)
        path = f"api/v2/dags/{dag_id}/dagRuns/{run_id}"
        tasks = api.get(f"{path}/taskInstances", limit=200)["task_instances"]
        if state != "success":
            states = Counter((task["task_id"], task["state"]) for task in tasks)
            raise RuntimeError(
                f"the run of {dag_id} ended as {state}: {dict(states)}; see {self._stack.home}"
            )
        # Airflow writes one such line each time a process takes up a task, also where it resumes one.
        starts = api.get("api/v2/eventLogs", dag_id=dag_id, run_id=run_id, event="running")["total_entries"]
        processes = self._processes(dag_id, starts)
        run = api.get(path)
        began = _seconds(run["start_date"])
        last: dict[int, float] = {}
        for task in tasks:
            index = task["map_index"]
            last[index] = max(last.get(index, 0.0), _seconds(task["end_date"]))
        # A task that is not mapped belongs to all videos, and is no video's last.
        end_of_all = last.pop(-1, 0.0)
        overheads = [max(end, end_of_all) - began - self._takes for end in last.values()]
        # The newest come first.
        jobs = self._emulator.jobs()
        jobs = jobs[: len(jobs) - jobs_before]
        asked = self._emulator.requests()[requests_before:]
        return {
            "variant": title,
            "videos": self._videos,
            "task processes per video": len(processes) / self._videos,
            "worker held per video, s": sum(one.ended - one.began for one in processes) / self._videos,
            "whole run, s": _seconds(run["end_date"]) - began,
            "overhead per video p50, s": statistics.median(overheads),
            "max, s": max(overheads),
            "jobs paid per video": sum(job["charged"] > job["refunded"] for job in jobs) / self._videos,
            "requests per video": len(asked) / self._videos,
            "tries": max(task["try_number"] for task in tasks),
        }

    def _processes(self, dag_id: str, started: int) -> list[_Process]:
        """Return the task processes of a DAG, once the executor has noted as many as Airflow has started."""
        deadline = time.monotonic() + _NOTE_TIMEOUT
        while True:
            noted = [_Process(**json.loads(line)) for line in self._times.read_text().splitlines()]
            found = [process for process in noted if process.dag_id == dag_id]
            if len(found) >= started:
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{started} task processes of {dag_id} were started and {len(found)} ended"
                )
            time.sleep(0.5)


_NOTES = (
    (
        "A task process is one launch by the executor, which Airflow's own log of task starts confirms. "
        "A task that defers is two. Worker seconds are from its launch until its slot is free again, so "
        "they hold what Airflow needs to start and to end a process; its settings are the defaults, "
        "besides the number of slots."
    ),
    (
        "The overhead of a video is from the start of the run to the end of the last task that its "
        "result needs, less the time of its job. It holds the wait for a slot: where a worker is held, "
        "no more jobs run than there are slots."
    ),
    (
        "All poll every 5 s, so that the variants differ in nothing else. The default schedule is made "
        "for jobs of one to two minutes and would see the end of one of 20 s about 12 s late."
    ),
    (
        "Every variant pays once here, since nothing breaks. Where a task dies, `retries` finds the job "
        "again in all variants of this provider; plain requests would submit another."
    ),
    (
        "The fewest from upload to landing: one for each video, which submits with "
        "`wait_for_completion=False`, and four for all, however many there are: one uploads the list, one "
        "deferred sensor waits for it in two, one downloads it. A submit cannot be shared, since its task "
        "is what its paid job belongs to."
    ),
    (
        "An upload and a download of its own add one process for each video, and so does a deferred wait. "
        "With `deferrable=False` a worker is held for the whole job instead."
    ),
)


def run(*, quick: bool) -> Section:
    """Run every variant, one after the other, in one Airflow."""
    videos, takes = (2, 5.0) if quick else (12, 20.0)
    with tempfile.TemporaryDirectory(prefix="pixverse-end-to-end-") as name:
        folder = Path(name)
        times = folder / "task-processes"
        times.touch()
        landed = folder / "landed"
        landed.mkdir()
        with (
            PostgresCluster() as database,
            EmulatorProcess(folder, generation_seconds=takes) as process,
            AirflowStack(
                folder / "airflow",
                dags=PROJECT / "benchmarks" / "dags",
                database=database.url,
                environment={
                    "AIRFLOW_CONN_PIXVERSE_DEFAULT": process.connection,
                    "BENCHMARK_TASK_TIMES": str(times),
                    "BENCHMARK_VIDEOS": str(videos),
                    "PYTHONPATH": str(PROJECT),
                },
                settings={
                    "core": {
                        "executor": "benchmarks.end_to_end_executor.TimedLocalExecutor",
                        "parallelism": str(_SLOTS),
                    },
                    # Airflow's default, since it decides for how long a slot stays taken.
                    "workers": {"min_heartbeat_interval": "5"},
                },
            ) as stack,
        ):
            emulator = EmulatorControl(process.url, api_key=process.api_key)
            emulator.settings(concurrency=1000, credits=100_000, render="placeholder")
            conf = {"media_id": _uploaded(emulator), "folder": str(landed)}
            stack.api.wait_for_dag("plain_requests", file=_FILE)
            warm_up = stack.api.trigger("warm_up", conf)
            stack.api.wait_for_run("warm_up", warm_up, _RUN_TIMEOUT)
            bench = _Bench(stack, emulator, times, videos, takes)
            rows = [bench.run(dag_id, title, conf) for dag_id, title in _VARIANTS.items()]
    paid = [row["jobs paid per video"] for row in rows]
    return Section(
        "end_to_end",
        f"{videos} lip syncs of {takes:g} s in a real Airflow: PostgreSQL, LocalExecutor with {_SLOTS} slots",
        rows,
        targets=[
            Target("jobs paid per video, the most of all", max(float(figure or 0) for figure in paid), 1.0)
        ],
        notes=_NOTES,
    )


def _uploaded(emulator: EmulatorControl) -> str:
    """Upload the presenter, for the variants that begin with the lip sync; return its media id."""
    with _PRESENTER.open("rb") as file:
        answer = requests.post(
            f"{emulator.api_url}/media/upload",
            headers={"API-KEY": emulator.api_key, "Ai-Trace-Id": str(uuid4())},
            files={"file": ("presenter.mp4", file, "video/mp4")},
            timeout=60,
        )
    answer.raise_for_status()
    return str(answer.json()["Resp"]["media_id"])


def _seconds(moment: Any) -> float:
    parsed = pendulum.parse(str(moment))
    if not isinstance(parsed, pendulum.DateTime):
        raise TypeError(f"{moment!r} is no moment")
    return parsed.timestamp()
