"""A PostgreSQL server for one test run."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tools.processes import Program, ProgramError, Session, tail

if TYPE_CHECKING:
    from types import TracebackType

START_TIMEOUT = 30.0
# PostgreSQL refuses to run as root; its packages make this account for it.
SERVICE_USER = "postgres"


def find_initdb() -> Path | None:
    """Return where initdb is, on PATH or where Debian puts it; None if the server is not installed."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve()
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1] if found else None


class PostgresCluster:
    """An empty database in a temporary folder, reached over a Unix socket and gone at the end of the block.

    It trades safety for speed: nothing is synced to the disk. Raises :class:`ProgramError` where PostgreSQL's
    server programs are missing or do not start.
    """

    def __init__(self) -> None:
        initdb = find_initdb()
        if initdb is None:
            raise ProgramError(
                "PostgreSQL's initdb is neither on PATH nor in /usr/lib/postgresql: install the server "
                "(Debian and Ubuntu: apt install postgresql)"
            )
        self._initdb = initdb
        self._user = SERVICE_USER if os.geteuid() == 0 else None
        self.folder = Path()
        self._server: Program | None = None

    @property
    def url(self) -> str:
        """The database as SQLAlchemy and Airflow spell it."""
        return f"postgresql+psycopg2://airflow@/postgres?host={self.folder}"

    def __enter__(self) -> Self:
        # Short, since the path of a socket may have about a hundred characters.
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def session(self) -> Session | None:
        """The server's own process; its children leave the session and end with it."""
        return self._server.session if self._server else None

    def stop(self) -> None:
        """Stop the server and remove its files."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        if self._user:
            try:
                owner = pwd.getpwnam(self._user)
            except KeyError:
                raise ProgramError(
                    f"PostgreSQL does not run as root, and there is no account {self._user} to run it"
                ) from None
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        data = self.folder / "data"
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        made = subprocess.run(
            [
                self._initdb, "--pgdata", data, "--username", "airflow", "--auth", "trust",
                "--encoding", "UTF8", "--locale", "C", "--no-sync",
            ],
            env=environment, cwd=self.folder, capture_output=True, text=True, check=False,
            user=self._user, group=self._user, extra_groups=[] if self._user else None,
        )  # fmt: skip
        if made.returncode != 0:
            raise ProgramError(f"{self._initdb} failed:\n{made.stdout}{made.stderr}")
        self._server = Program(
            "PostgreSQL",
            [
                self._initdb.with_name("postgres"), "-D", data, "-k", self.folder,
                "-c", "listen_addresses=", "-c", "fsync=off", "-c", "synchronous_commit=off",
                "-c", "full_page_writes=off", "-c", "max_connections=200",
            ],
            environment,
            self.folder / "server.log",
            # Its fast shutdown: SIGTERM would wait for every client to leave.
            stop_signal=signal.SIGINT,
            user=self._user,
        )  # fmt: skip
        self._server.start()
        _wait_until_ready(self._server, data / "postmaster.pid")


def _wait_until_ready(server: Program, status_file: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        server.check_running()
        # The server writes its state into the last line, which is what pg_ctl waits for too.
        if status_file.exists() and status_file.read_text().split("\n")[7:8] == ["ready   "]:
            return
        time.sleep(0.05)
    raise ProgramError(f"PostgreSQL was not ready after {START_TIMEOUT:g} s:\n{tail(server.log)}")
