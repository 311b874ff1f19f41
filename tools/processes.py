"""Programs that are started here and leave nothing behind, whatever they fork and however they end.

Each program leads a session of its own. What it forks stays in that session even when the program itself is
killed, so the session's id finds every process that has to be stopped.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

GRACE_SECONDS = 20.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ProgramError(RuntimeError):
    """A program did not start, or ended when it should not have; the message says where its output is."""


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C, SIGTERM and SIGHUP back until the block is done.

    For the moments in which an interrupt would lose track of a process: between its start and the note of its
    id, and while everything is stopped. Does nothing outside of the main thread, where no signal arrives.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, note) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])


@dataclass(frozen=True)
class Session:
    """The processes that one program forked, itself included.

    :param id: process id of the program that leads the session
    :param started: when it started, in seconds since 1970, which tells it from a later one with the same id
    """

    id: int
    started: float

    def processes(self) -> list[psutil.Process]:
        """Everything of the session that still runs."""
        found = []
        for pid in psutil.pids():
            with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
                if os.getsid(pid) != self.id:
                    continue
                process = psutil.Process(pid)
                if pid == self.id and abs(process.create_time() - self.started) > 1:
                    return []
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found


@dataclass(eq=False)
class Program:
    """A program with its own session and its output in a file.

    :param name: what messages call it
    :param command: what to run
    :param environment: all of its environment
    :param log: where its output goes, after what is there already
    :param stop_signal: what asks it to end
    :param user: who runs it, if not who runs this
    """

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    user: str | None = None
    session: Session | None = field(default=None, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it; its working directory is that of its log."""
        with uninterrupted(), self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(part) for part in self.command],
                env=dict(self.environment),
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
            )
            self.session = Session(self._process.pid, psutil.Process(self._process.pid).create_time())

    @property
    def pid(self) -> int:
        """Process id of the program itself."""
        if self._process is None:
            raise ProgramError(f"{self.name} has not been started")
        return self._process.pid

    def check_running(self) -> None:
        """Raise with the end of its output if it has ended."""
        if self._process is None:
            raise ProgramError(f"{self.name} has not been started")
        code = self._process.poll()
        if code is not None:
            raise ProgramError(
                f"{self.name} ended with exit code {code}:\n{tail(self.log)}\nThe whole log: {self.log}"
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program itself, not to what it forked; it may have ended already."""
        if self._process is not None:
            self._process.send_signal(number)

    def wait(self, timeout: float) -> int:
        """Wait for the program itself to end, return its exit code; raise :class:`TimeoutError` if late."""
        if self._process is None:
            raise ProgramError(f"{self.name} has not been started")
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired as late:
            raise TimeoutError(f"{self.name} still runs after {timeout:g} s") from late

    def kill_what_is_left(self) -> None:
        """Kill what it forked and left behind, once it has ended itself."""
        if self.session is not None:
            left = self.session.processes()
            _send(left, signal.SIGKILL)
            psutil.wait_procs(left, timeout=GRACE_SECONDS)

    def stop(self, grace: float = GRACE_SECONDS) -> None:
        """End it and whatever it forked."""
        stop_programs([self], grace)


def stop_programs(programs: Iterable[Program], grace: float = GRACE_SECONDS) -> None:
    """Ask all of them to end and kill what is left after `grace` seconds; Ctrl-C does not cut this short."""
    started = {program: program.session for program in programs if program.session is not None}
    with uninterrupted():
        for program in started:
            program.signal(program.stop_signal)
        stop_sessions(list(started.values()), grace, signalled=True)
        for program in started:
            program.wait(grace)
            program.session = None


def stop_sessions(
    sessions: Sequence[Session], grace: float = GRACE_SECONDS, *, signalled: bool = False
) -> int:
    """End all processes of the sessions and return how many there were.

    :param signalled: their leaders have been asked to end already
    """
    # A database server's children leave the session, so the descendants are noted while they can be found.
    known = {member for session in sessions for member in session.processes()}
    for process in list(known):
        with contextlib.suppress(psutil.NoSuchProcess):
            known.update(process.children(recursive=True))
    if not signalled:
        leaders = {session.id for session in sessions}
        _send([process for process in known if process.pid in leaders], signal.SIGTERM)
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline:
        # A program that is not our child is reaped by somebody else, ours by the wait here.
        _, alive = psutil.wait_procs(known, timeout=min(1.0, grace))
        leaders_alive = {process.pid for process in alive} & {session.id for session in sessions}
        if not alive:
            break
        if not leaders_alive:
            # What outlives its leader has no one left to tell it to end.
            _send(alive, signal.SIGTERM)
    left = {member for session in sessions for member in session.processes()}
    left.update(process for process in known if process.is_running())
    _send(left, signal.SIGKILL)
    psutil.wait_procs(left, timeout=grace)
    return len(known)


def _send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log file."""
    if not log.exists():
        return "(no output)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) or "(no output)"
