"""Nothing that the tools start outlives them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tools.airflow_stack import PROJECT
from tools.demo import RUNS, Record
from tools.postgres import PostgresCluster, find_initdb
from tools.processes import Program, ProgramError, Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# A daemon that its parent has left alone, and that does not end when it is asked to.
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0 and os.fork():
    os._exit(0)
print("ready", flush=True)
time.sleep(600)
"""


def wait_until(condition: Callable[[], object], timeout: float = 30) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "this should have happened by now"
        time.sleep(0.05)


def started(folder: Path, script: str) -> Program:
    program = Program("a program", [sys.executable, "-c", script], os.environ, folder / "program.log")
    program.start()
    return program


def running(session: Session | None) -> list[int]:
    assert session is not None
    return [process.pid for process in session.processes()]


def test_what_a_killed_program_has_forked_can_be_killed_too(tmp_path: Path) -> None:
    program = started(tmp_path, STUBBORN)
    wait_until(lambda: program.log.read_text().count("ready") == 2)
    program.signal(signal.SIGKILL)
    program.wait(timeout=30)
    assert len(running(program.session)) == 1

    program.kill_what_is_left()

    assert running(program.session) == []


def test_a_program_that_ignores_sigterm_ends_with_the_orphans_it_has_forked(tmp_path: Path) -> None:
    program = started(tmp_path, STUBBORN)
    session = program.session
    wait_until(lambda: program.log.read_text().count("ready") == 2)
    assert len(running(session)) == 2

    program.stop(grace=0.5)

    assert running(session) == []


def test_what_a_killed_program_leaves_behind_is_ended_too(tmp_path: Path) -> None:
    program = started(tmp_path, STUBBORN)
    session = program.session
    wait_until(lambda: program.log.read_text().count("ready") == 2)
    program.signal(signal.SIGKILL)
    program.wait(timeout=60)
    assert len(running(session)) == 1

    program.stop(grace=0.5)

    assert running(session) == []


def test_a_program_that_ends_by_itself_is_reported_with_its_last_words(tmp_path: Path) -> None:
    program = started(tmp_path, "raise SystemExit('no disk left')")
    program.wait(timeout=60)

    with pytest.raises(ProgramError, match=r"exit code 1:\nno disk left"):
        program.check_running()


@pytest.mark.skipif(find_initdb() is None, reason="the PostgreSQL server is not installed")
def test_a_database_server_is_gone_after_its_block() -> None:
    with PostgresCluster() as cluster:
        session, folder = cluster.session, cluster.folder
        assert len(running(session)) >= 1

    assert running(session) == []
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_demo_that_is_interrupted_leaves_no_process(number: signal.Signals, tmp_path: Path) -> None:
    log = tmp_path / "demo.log"
    with log.open("wb") as output:
        demo = subprocess.Popen(
            [sys.executable, "-m", "tools.demo", "run"],
            cwd=PROJECT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    wait_until(lambda: "scheduler" in log.read_text(), timeout=120)
    home = next(RUNS.glob(f"*-{demo.pid}"))
    sessions = Record.read(home / "processes.json").sessions
    assert all(running(session) for session in sessions)

    demo.send_signal(number)

    assert demo.wait(timeout=60) == 128 + number
    assert [running(session) for session in sessions] == [[]] * 5
