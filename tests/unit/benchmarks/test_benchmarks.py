"""The benchmarks: what they print and write, and that one of them still runs."""

from __future__ import annotations

import importlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import requests

from benchmarks.__main__ import NAMES
from benchmarks.report import Section, Target, as_text, write_json
from benchmarks.status_server import Script, StatusServer, status_server
from benchmarks.waiting import CONTENDERS, Costs, wait_in_a_child

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.status_server import Stats

LATE = 10**6
SECTION = Section(
    "moving",
    "a thing from here to there",
    [{"by": "ours", "MB/s": 1234.5, "CPU s": 0.1234}, {"by": "theirs", "MB/s": 7.0, "CPU s": None}],
    [Target("speed, MB/s", 1234.5, 70.0, at_least=True), Target("CPU, s", 0.1234, 0.1)],
    ["Best of three."],
)


class TestReport:
    def test_a_table_has_a_row_for_each_and_the_targets_come_last(self) -> None:
        assert as_text([SECTION]) == (
            "## moving: a thing from here to there\n"
            "\n"
            "| by     | MB/s  | CPU s |\n"
            "|--------|-------|-------|\n"
            "| ours   | 1,234 | 0.123 |\n"
            "| theirs | 7     | -     |\n"
            "\n"
            "- Best of three.\n"
            "\n"
            "## Targets\n"
            "\n"
            "| target      | measured | limit       | met |\n"
            "|-------------|----------|-------------|-----|\n"
            "| speed, MB/s | 1,234    | at least 70 | yes |\n"
            "| CPU, s      | 0.123    | at most 0.1 | NO  |\n"
        )

    def test_a_target_of_which_nothing_was_measured_is_missed(self) -> None:
        assert not Target("delay, s", None, 3.0).met

    def test_the_file_says_of_each_target_whether_it_was_met(self, tmp_path: Path) -> None:
        file = tmp_path / "results.json"
        write_json(file, [SECTION])
        (section,) = json.loads(file.read_text())["sections"]
        assert [target["met"] for target in section["targets"]] == [True, False]
        assert section["rows"] == list(SECTION.rows)


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_that_can_be_named_can_be_run(name: str) -> None:
    assert callable(importlib.import_module(f"benchmarks.{name}").run)


@pytest.fixture
def server() -> Iterator[StatusServer]:
    with status_server() as server:
        yield server


class TestStatusServer:
    def ask(self, server: StatusServer, path: str) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(server.url + path, timeout=60)

    @pytest.mark.parametrize(("age", "status", "ready"), [(50, 5, 404), (200, 1, 200)])
    def test_a_job_is_done_when_its_time_is_over(
        self, server: StatusServer, age: int, status: int, ready: int
    ) -> None:
        server.begin(Script(time.time() - age, 1, 100, 0.0, latency=0.0))
        video = self.ask(server, "/openapi/v2/video/result/1").json()
        assert (video["Resp"]["id"], video["Resp"]["status"]) == (1, status)
        assert self.ask(server, "/ready/1").status_code == ready

    def test_it_counts_what_it_is_asked(self, server: StatusServer) -> None:
        server.begin(Script(time.time(), 2, LATE, 0.0, latency=0.0))
        for job in (1, 2, 2):
            self.ask(server, f"/ready/{job}")
        stats = server.stats()
        assert (stats.requests, stats.most_for_one_job, stats.jobs_asked_for) == (3, 2, 2)

    def test_it_refuses_everything_if_it_is_told_to(self, server: StatusServer) -> None:
        server.begin(Script(time.time(), 1, LATE, 0.0, latency=0.0, always_429=True))
        assert self.ask(server, "/openapi/v2/video/result/1").status_code == 429


def test_whoever_waits_sees_the_end_of_every_job() -> None:
    def wait(contender: str) -> tuple[Costs, Stats]:
        with status_server() as server:
            return wait_in_a_child(
                contender, server.url, Script(0.0, 5, 1.0, 0.0, latency=0.0), patience=60.0
            )

    contenders = [name for name in CONTENDERS if name.startswith(("ours", "bare"))]
    # Each mostly waits.
    with ThreadPoolExecutor() as pool:
        waited = dict(zip(contenders, pool.map(wait, contenders), strict=True))
    assert {name: costs.finished for name, (costs, _) in waited.items()} == dict.fromkeys(contenders, 5)
    for name, (_, stats) in waited.items():
        assert stats.requests >= (1 if name == "ours on one video" else 5), name


@pytest.mark.parametrize(("percent", "delay"), [(50, 2.0), (75, 3.0), (80, None), (95, None)])
def test_a_delay_counts_those_who_were_never_seen_to_be_done(percent: int, delay: float | None) -> None:
    costs = Costs(0.0, 1.0, 0.0, 0.0, 0.0, 0.0, None, 3, [3.0, 1.0, 2.0])
    assert costs.delay(percent, jobs=4) == delay
