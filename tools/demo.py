"""`make demo`: the lip sync DAG in a real Airflow, from an empty folder to a video, against the emulator."""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import shutil
import signal
import sys
import time
import wave
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

import psutil

from pixverse_provider.api.pricing import LIP_SYNC_CREDITS_PER_SECOND, lip_sync_audio_credits
from pixverse_provider.links import page_path
from tools.airflow_api import AirflowAPIError
from tools.airflow_stack import CACHE, PROJECT, AirflowStack
from tools.emulator import EmulatorProcess, pixverse_connection
from tools.processes import STOP_SIGNALS, ProgramError, Session, stop_sessions, uninterrupted

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

DAG_ID = "pixverse_lip_sync"
DAG_FILE = "lip_sync.py"
LIP_SYNC_TASK = "lip_sync"
DAGS = PROJECT / "dags_examples"
SCRIPT_AUDIO = DAGS / "media" / "script.wav"
OUTPUT = PROJECT / "demo-output"
RUNS = CACHE / "runs"
CONNECTION_VARIABLE = "AIRFLOW_CONN_PIXVERSE_DEFAULT"
KEY_VARIABLE = "PIXVERSE_API_KEY"
GENERATION_SECONDS = 10.0
EMULATED_RUN_TIMEOUT = 600.0
# The operator gives PixVerse two hours.
REAL_RUN_TIMEOUT = 2.5 * 3600
LOG_LINES = 30
REMARKS = {
    "deferred": "PixVerse works; no Airflow worker is held",
    "up_for_retry": "failed, will be tried again",
}


class DemoError(RuntimeError):
    """The demo cannot go on; the message is for the person who started it."""


class Interrupted(BaseException):
    """Somebody asked the demo to stop, by Ctrl-C or a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@dataclass
class Record:
    """What a run has started, on disk, so that `make demo-stop` finds it whatever became of the demo.

    :param owner: the demo that watches over it; None once the run is to stay
    :param page: address of the page of its video
    """

    file: Path
    owner: Session | None
    sessions: list[Session]
    airflow: str = ""
    page: str = ""

    def add(self, sessions: list[Session]) -> None:
        """Note what has been started."""
        self.sessions += sessions
        self.write()

    def write(self) -> None:
        """Save it."""
        content = {
            "owner": asdict(self.owner) if self.owner else None,
            "sessions": [asdict(session) for session in self.sessions],
            "airflow": self.airflow,
            "page": self.page,
        }
        self.file.write_text(json.dumps(content))

    @classmethod
    def read(cls, file: Path) -> Record:
        """Return the record in a file."""
        content = json.loads(file.read_text())
        owner = Session(**content["owner"]) if content["owner"] else None
        sessions = [Session(**row) for row in content["sessions"]]
        return cls(file, owner, sessions, content["airflow"], content.get("page", ""))

    def is_watched(self) -> bool:
        """Whether the demo that started it still runs."""
        if self.owner is None or not psutil.pid_exists(self.owner.id):
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            return abs(psutil.Process(self.owner.id).create_time() - self.owner.started) < 1
        return False


class Demo:
    """One run of the demo.

    :param keep: leave Airflow and the emulator running
    :param api_key: run against the real API with this key; against the emulator if None
    """

    def __init__(self, *, keep: bool, api_key: str | None) -> None:
        self._keep = keep
        self._api_key = api_key
        self._began = time.monotonic()
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        self._home = RUNS / f"{stamp}-{os.getpid()}"
        self._video = OUTPUT / f"lip-sync-{stamp}.mp4"
        self._record = Record(self._home / "processes.json", this_process(), [])
        self._running: dict[str, AirflowStack | EmulatorProcess] = {}

    def run(self) -> None:
        """Run it; raises :class:`DemoError` when there is no video at the end."""
        self._home.mkdir(parents=True)
        self._record.write()
        try:
            emulator = None if self._api_key else self._start_emulator()
            connection = emulator.connection if emulator else pixverse_connection(str(self._api_key))
            stack = self._start_airflow(connection)
            self._make_video(stack)
        except BaseException:
            self._stop()
            say(f"The logs are in {self._home}")
            if self._api_key:
                say("A lip sync that has been submitted goes on at PixVerse, and is paid; the log names it.")
            raise
        if self._keep:
            self._record.owner = None
            self._record.write()
        else:
            self._stop()
            shutil.rmtree(self._home)
        say("", f"Video saved: {self._video}", f"It took {time.monotonic() - self._began:.0f} s.")
        if self._keep:
            for name, service in self._running.items():
                say(f"Still running: {name:<13} {service.url}/")
            say("To stop:       make demo-stop", "", f"The video, its job and its cost: {self._record.page}")
        else:
            say("To look at the run in the Airflow UI, leave it running: make demo KEEP=1")

    def _start_emulator(self) -> EmulatorProcess:
        emulator = EmulatorProcess(self._home, generation_seconds=GENERATION_SECONDS)
        self._running["the emulator"] = emulator
        emulator.start()
        self._record.add(emulator.sessions())
        self._progress("emulator", f"is up: {emulator.url}/")
        return emulator

    def _start_airflow(self, connection: str) -> AirflowStack:
        stack = AirflowStack(self._home, dags=DAGS, environment={CONNECTION_VARIABLE: connection})
        self._running["Airflow"] = stack
        self._progress("Airflow", f"starts: {stack.url}/")
        stack.start()
        self._record.airflow = stack.url
        self._record.add(stack.sessions())
        stack.wait_healthy(on_up=lambda component: self._progress(component, "is up"))
        return stack

    def _make_video(self, stack: AirflowStack) -> None:
        stack.api.wait_for_dag(DAG_ID, file=DAG_FILE)
        OUTPUT.mkdir(exist_ok=True)
        # Another of the examples needs it; without, Airflow would leave its tasks waiting and say nothing.
        stack.api.post("api/v2/pools", {"name": "pixverse_slots", "slots": 5, "include_deferred": True})
        run_id = stack.api.trigger(DAG_ID, {"destination": str(self._video)})
        self._record.page = f"{stack.url}/{page_path(DAG_ID, run_id, LIP_SYNC_TASK)}"
        self._progress("DAG run", f"{stack.url}/dags/{DAG_ID}/runs/{run_id}")
        state = "unknown"
        timeout = REAL_RUN_TIMEOUT if self._api_key else EMULATED_RUN_TIMEOUT
        for change in stack.api.watch_run(DAG_ID, run_id, timeout):
            state = change.state
            remark = f" ({REMARKS[state]})" if state in REMARKS else ""
            self._progress(change.task.task_id if change.task else "DAG run", f"{state}{remark}")
        for task in stack.api.task_instances(DAG_ID, run_id):
            if task.state == "failed":
                log = stack.api.task_log(DAG_ID, run_id, task).splitlines()
                say("", f"The end of the log of {task.task_id}:", *log[-LOG_LINES:], "")
        if state != "success":
            raise DemoError(f"the DAG run ended as {state}")
        if not self._video.is_file():
            raise DemoError(f"the DAG run succeeded, but there is no {self._video}")

    def _stop(self) -> None:
        with uninterrupted():
            try:
                say(f"Stopping {' and '.join(reversed(self._running))} ...")
            finally:
                # Also where nobody reads any more, as in `make demo | head`.
                for service in reversed(self._running.values()):
                    service.stop()

    def _progress(self, what: str, state: str) -> None:
        say(f"{time.monotonic() - self._began:6.1f} s  {what:<14} {state}")


def this_process() -> Session:
    """Return what tells the present process from all others."""
    me = psutil.Process()
    return Session(me.pid, me.create_time())


def say(*lines: str) -> None:
    """Print lines at once, also into a pipe."""
    for line in lines:
        print(line, flush=True)


def run(*, keep: bool, real: bool) -> None:
    """Run the demo, after a word on what it costs."""
    api_key = os.environ.get(KEY_VARIABLE) or None
    if real and not api_key:
        raise DemoError(f"REAL=1 calls the real PixVerse API, so {KEY_VARIABLE} has to hold your key.")
    end_leftovers(kept=False)
    if keep and (running := kept_demo()) is not None:
        video = f", its video at {running.page}" if running.page else ""
        raise DemoError(f"one is running already: {running.airflow}/{video}. make demo-stop ends it.")
    version = importlib.metadata.version("apache-airflow-core")
    if real:
        say(f"Airflow {version} and the real PixVerse API; {cost()}.")
    else:
        say(f"Airflow {version} and the emulator: no key, no network, no credits.")
        if api_key:
            say(
                f"{KEY_VARIABLE} is set and is not used: {cost()}.",
                "To run it for real: make demo REAL=1",
            )
    Demo(keep=keep, api_key=api_key if real else None).run()


def cost() -> str:
    """Say what a real run spends."""
    with wave.open(str(SCRIPT_AUDIO)) as audio:
        seconds = audio.getnframes() / audio.getframerate()
    return (
        f"a real run spends {lip_sync_audio_credits(seconds)} credits "
        f"({LIP_SYNC_CREDITS_PER_SECOND} for each started second of {seconds:.1f} s of audio)"
    )


def stop() -> None:
    """End every demo that was left running."""
    ended = end_leftovers(kept=True)
    say(*[f"Stopped {url or 'a demo'}" for url in ended] or ["No demo is running."])


def kept_demo() -> Record | None:
    """Return the demo that was left running, if there is one."""
    records = [Record.read(file) for file in sorted(RUNS.glob("*/processes.json"))]
    kept = [record for record in records if record.owner is None]
    return next((record for record in kept if any(each.processes() for each in record.sessions)), None)


def end_leftovers(*, kept: bool) -> list[str]:
    """Remove what earlier runs left, and return the addresses of the Airflows that were ended for it.

    A run that a demo still watches over is left alone; one that lost its demo without being handed over is
    ended.

    :param kept: end those that were asked to stay as well
    """
    ended = []
    for home in sorted(RUNS.glob("*")):
        file = home / "processes.json"
        if file.exists():
            record = Record.read(file)
            asked_to_stay = record.owner is None
            alive = any(session.processes() for session in record.sessions)
            if record.is_watched() or (asked_to_stay and alive and not kept):
                continue
            if alive:
                stop_sessions(record.sessions)
                ended.append(record.airflow)
        shutil.rmtree(home)
    return ended


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    # make passes on a signal that its group got as well, and the second must not disturb the clearing up.
    for other in STOP_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise Interrupted(number)


def main() -> int:
    """Run a command of the demo and return its exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run_parser = commands.add_parser("run", help="run the demo")
    run_parser.add_argument("--keep", action="store_true", help="leave Airflow and the emulator running")
    run_parser.add_argument("--real", action="store_true", help=f"call the real API with {KEY_VARIABLE}")
    commands.add_parser("stop", help="end what --keep left running")
    arguments = parser.parse_args()
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupt)
    try:
        if arguments.command == "stop":
            stop()
        else:
            run(keep=arguments.keep, real=arguments.real)
    except (DemoError, ProgramError, AirflowAPIError, TimeoutError) as failure:
        print(f"The demo failed: {failure}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except Interrupted as interrupt:
        print(f"Interrupted by {interrupt}; everything has been stopped.", file=sys.stderr)
        return 128 + interrupt.number
    return 0


if __name__ == "__main__":
    sys.exit(main())
