"""The pages of a run with many videos, and a large video over the API server."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from benchmarks.report import Section, Target
from pixverse_provider.links import PLUGIN_PREFIX, page_path
from tools.airflow_stack import PROJECT, AirflowStack

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.report import Figure

DAG_ID, RUN_ID, TASK_ID, DOWNLOAD_ID = "pages", "run", "make", "land"
_MEGABYTE = 2**20
_SMALL, _LARGE = 20 * _MEGABYTE, 1000 * _MEGABYTE
_ROUNDS = 9
_START_TIMEOUT = 300.0
_ROWS_TIMEOUT = 600.0
# A page of Airflow's REST API.
_ROWS_OF_AIRFLOW = 100
_HEAD = b"\x00\x00\x00\x20ftypisom"


@dataclass
class _Server:
    """An API server with the run in its database, and a person who is logged in."""

    stack: AirflowStack
    browser: requests.Session

    def get(self, path: str) -> int:
        """Ask, and return how many bytes came."""
        answer = self.browser.get(f"{self.stack.url}/{path}", headers={"Accept": "text/html"}, stream=True)
        answer.raise_for_status()
        return sum(map(len, answer.iter_content(2**16)))

    def memory(self) -> float:
        """Return the resident set of the server and its children, in MB."""
        process = self.stack.process("api-server")
        return (
            float(sum(each.memory_info().rss for each in [process, *process.children(recursive=True)]))
            / _MEGABYTE
        )


def run(*, quick: bool) -> Section:
    """Measure the pages, then what Airflow's own REST API needs for the same, then memory."""
    number, rounds = (20, 2) if quick else (500, _ROUNDS)
    with tempfile.TemporaryDirectory(prefix="pixverse-pages-") as folder:
        video = Path(folder) / "videos" / "landed.mp4"
        video.parent.mkdir()
        _write(video, _SMALL)
        stack = AirflowStack(Path(folder) / "airflow", dags=Path(folder) / "dags")
        stack.prepare()
        subprocess.run(
            [sys.executable, "-m", "benchmarks.pages_rows", str(number), str(video)],
            cwd=PROJECT, env=stack.environment, stdout=subprocess.DEVNULL, check=True, timeout=_ROWS_TIMEOUT,
        )  # fmt: skip
        try:
            stack.start_component("api-server")
            server = _logged_in(stack)
            gallery = page_path(DAG_ID, RUN_ID, TASK_ID).partition("/tasks/")[0]
            asked: dict[str, Callable[[], int]] = {
                "gallery of the run": lambda: server.get(gallery),
                "its last page": lambda: server.get(f"{gallery}?page={-(-number // 200)}"),
                "its status, as an open page asks it": lambda: server.get(f"{gallery}/status"),
                "page of a task": lambda: server.get(page_path(DAG_ID, RUN_ID, TASK_ID, 0)),
                "page of the installation": lambda: server.get(f"{PLUGIN_PREFIX}/"),
                "the same XComs by Airflow's REST API": lambda: _by_airflow(server, number),
            }
            rows = [_row(what, call, rounds) for what, call in asked.items()]
            growth, seconds = _memory(server, video, _SMALL if quick else _LARGE)
        finally:
            stack.stop()
    return Section(
        "pages",
        f"A DAG run with {number:,} videos in an API server with one worker and SQLite",
        rows,
        targets=[
            Target(f"gallery of {number:,} jobs, ms", float(str(rows[0]["median, ms"])), 1000.0),
            Target("growth of the API server over a landed video of 1 GB, MB", growth, 30.0),
        ],
        notes=(
            "PixVerse is not asked: which connection the run has used is not known any more.",
            (
                "Airflow's REST API gives no XCom values in lists, so that is a list of the task instances, "
                "100 at a time, and a request for each XCom, eight at once."
            ),
            f"Four downloads at once of a landed video of 1 GB: {seconds:.1f} s. One of 20 MB was before.",
        ),
    )


def _logged_in(stack: AirflowStack) -> _Server:
    deadline = time.monotonic() + _START_TIMEOUT
    while stack.api.health().get("metadatabase") != "healthy":
        if time.monotonic() > deadline:
            raise TimeoutError("the API server has not started")
        time.sleep(0.5)
    browser = requests.Session()
    browser.trust_env = False
    # Everybody is an admin there, and gets a cookie for it.
    browser.get(f"{stack.url}/api/v2/auth/login").raise_for_status()
    return _Server(stack, browser)


def _by_airflow(server: _Server, number: int) -> int:
    tasks = f"api/v2/dags/{DAG_ID}/dagRuns/{RUN_ID}/taskInstances"
    size = 0
    for first in range(0, number + 1, _ROWS_OF_AIRFLOW):
        size += server.get(f"{tasks}?limit={_ROWS_OF_AIRFLOW}&offset={first}")
    with ThreadPoolExecutor(8) as pool:
        paths = [f"{tasks}/{TASK_ID}/xcomEntries/video?map_index={index}" for index in range(number)]
        return size + sum(pool.map(server.get, paths))


def _row(what: str, call: Callable[[], int], rounds: int) -> dict[str, Figure]:
    # The first one loads templates and opens connections.
    size = call()
    times = []
    for _ in range(rounds if "Airflow" not in what else 1):
        began = time.perf_counter()
        call()
        times.append((time.perf_counter() - began) * 1000)
    return {
        "page": what,
        "median, ms": statistics.median(times),
        "slowest, ms": max(times),
        "KB": size / 1000,
    }


def _memory(server: _Server, video: Path, size: int) -> tuple[float, float]:
    """Return how much the server grew over downloads of a large file, and their seconds."""
    path = f"{page_path(DAG_ID, RUN_ID, DOWNLOAD_ID)}/file/0"
    server.get(path)
    before = server.memory()
    _write(video, size)
    began = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        if [*pool.map(server.get, [path] * 4)] != [size] * 4:
            raise RuntimeError("a download has another size than the file")
    return server.memory() - before, time.perf_counter() - began


def _write(video: Path, size: int) -> None:
    with video.open("wb") as stream:
        stream.write(_HEAD)
        stream.truncate(size)
