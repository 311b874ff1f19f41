"""A real Airflow on this machine: its four components as processes on a free port, in its own folder."""

from __future__ import annotations

import base64
import configparser
import contextlib
import importlib.metadata
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil

from tools.airflow_api import AirflowAPI
from tools.processes import Program, ProgramError, Session, stop_programs

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping
    from types import TracebackType

PROJECT = Path(__file__).resolve().parent.parent
CACHE = PROJECT / ".demo"
HEALTH_TIMEOUT = 180.0
# The triggerer sometimes takes ten seconds to end; nothing here is worth that wait.
STOP_GRACE = 6.0
# Airflow's servers for the logs of remote workers listen on all interfaces; here the logs are local files.
COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
# The API server reports on its database in place of itself.
HEALTH_NAMES = {
    "metadatabase": "api-server",
    "scheduler": "scheduler",
    "dag_processor": "dag-processor",
    "triggerer": "triggerer",
}

Settings = dict[str, dict[str, str]]


class AirflowStack:
    """api-server, scheduler with LocalExecutor, dag-processor and triggerer.

    Used as a context manager, it is up and healthy inside the block and gone after it, whatever happened.

    :param home: AIRFLOW_HOME, made if missing: configuration, database, logs of tasks (``logs/``) and of
        components (``api-server.log`` ...)
    :param dags: the DAGs folder
    :param environment: variables for all components besides those of this process, such as
        ``AIRFLOW_CONN_PIXVERSE_DEFAULT``; Airflow and PixVerse variables of this process are not passed on
    :param database: SQLAlchemy URL of an empty database; a SQLite file in `home` by default
    :param settings: options that differ from the ones here, by section and name
    :param path: below which Airflow is served, such as ``/airflow``; at the root of its port by default
    """

    def __init__(
        self,
        home: Path,
        *,
        dags: Path,
        environment: Mapping[str, str] | None = None,
        database: str | None = None,
        settings: Mapping[str, Mapping[str, str]] | None = None,
        path: str = "",
    ) -> None:
        self.home = home.absolute()
        self.dags = dags.absolute()
        self._sqlite = self.home / "airflow.db" if database is None else None
        self.database = database or f"sqlite:///{self._sqlite}"
        self._settings = settings or {}
        self._environment = {**clean_environment(), **(environment or {}), "AIRFLOW_HOME": str(self.home)}
        self._programs: dict[str, Program] = {}
        self.port = free_port()
        self.api = AirflowAPI(f"http://127.0.0.1:{self.port}{path}")

    @property
    def environment(self) -> dict[str, str]:
        """All of the environment of every component."""
        return dict(self._environment)

    @property
    def url(self) -> str:
        """Where the UI and the API are."""
        return self.api.url

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_healthy()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Prepare, and start all components; :meth:`wait_healthy` is next."""
        self.prepare()
        for component in COMPONENTS:
            self.start_component(component)

    def prepare(self) -> None:
        """Write the configuration and make the database."""
        self.home.mkdir(parents=True, exist_ok=True)
        write_configuration(self.home, self._all_settings())
        if self._sqlite is None:
            migrate(self.home, self._environment)
        elif not self._sqlite.exists():
            shutil.copyfile(migrated_sqlite(), self._sqlite)

    def start_component(self, component: str) -> None:
        """Start one component and wait for nothing."""
        program = Program(
            component, airflow(*COMPONENTS[component]), self._environment, self.log_file(component)
        )
        program.start()
        self._programs[component] = program

    def process(self, component: str) -> psutil.Process:
        """Return the main process of a component."""
        return psutil.Process(self._programs[component].pid)

    def wait_healthy(
        self, timeout: float = HEALTH_TIMEOUT, on_up: Callable[[str], None] | None = None
    ) -> None:
        """Wait until every component reports to be healthy.

        :param on_up: called with the name of each component as it comes up
        """
        deadline = time.monotonic() + timeout
        missing = dict(HEALTH_NAMES)
        while missing:
            for program in self._programs.values():
                program.check_running()
            if time.monotonic() > deadline:
                names = ", ".join(missing.values())
                raise ProgramError(f"not healthy after {timeout:g} s: {names}; the logs are in {self.home}")
            health = self.api.health()
            for name in [name for name in missing if health.get(name) == "healthy"]:
                component = missing.pop(name)
                if on_up:
                    on_up(component)
            time.sleep(0.25)

    def stop(self) -> None:
        """End every process that the components forked; Ctrl-C does not cut this short."""
        stop_programs(self._programs.values(), STOP_GRACE)
        self._programs.clear()

    def kill(self, component: str, number: signal.Signals) -> None:
        """Send a signal to a component's main process, as a crash or an operator would."""
        self._programs[component].signal(number)

    def restart(self, component: str) -> None:
        """Start a component again after :meth:`kill`, as systemd or a container does: nothing of it is left.

        An idle worker of LocalExecutor that outlives its scheduler holds the scheduler's connection to the
        database open, and with it the locks of the transaction in which the scheduler was killed: the next
        one would queue no task.
        """
        ended = self._programs[component]
        ended.wait(timeout=60)
        ended.kill_what_is_left()
        self.start_component(component)

    def sessions(self) -> list[Session]:
        """Return what it takes to end this Airflow from another process; see :func:`stop_sessions`."""
        return [program.session for program in self._programs.values() if program.session]

    def task_processes(self, task_instance_id: str) -> list[psutil.Process]:
        """Return the worker processes, supervisor and task, that work for one task instance at this moment.

        :param task_instance_id: :attr:`tools.airflow_api.TaskState.id`; Airflow shows it in the process title
        """
        return [
            process
            for program in self._programs.values()
            if program.session
            for process in program.session.processes()
            if task_instance_id in _title(process)
        ]

    def command(self, *arguments: str) -> str:
        """Run the ``airflow`` command line with this configuration and return what it prints."""
        return run_airflow(arguments, self._environment)

    def log_file(self, component: str) -> Path:
        """Return where a component writes."""
        return self.home / f"{component}.log"

    def _all_settings(self) -> Settings:
        settings: Settings = {
            "core": {
                "dags_folder": str(self.dags),
                "load_examples": "False",
                "dags_are_paused_at_creation": "False",
                "executor": "LocalExecutor",
                "parallelism": "4",
                "simple_auth_manager_all_admins": "True",
                "execution_api_server_url": f"{self.url}/execution/",
                "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
                # Full host names are asked of a name server, which a laptop may not reach.
                "hostname_callable": "socket.gethostname",
            },
            "database": {"sql_alchemy_conn": self.database},
            "api": {
                "host": "127.0.0.1",
                "port": str(self.port),
                "base_url": self.url,
                "workers": "1",
                "secret_key": secrets.token_hex(32),
            },
            "api_auth": {"jwt_secret": secrets.token_hex(32)},
            # With the default of 5 s the end of a task's first half can be reported after its trigger has
            # fired, which Airflow 3.3 takes for a failure.
            "workers": {"min_heartbeat_interval": "1"},
        }
        for section, options in self._settings.items():
            settings.setdefault(section, {}).update(options)
        return settings


def airflow(*arguments: str) -> list[str]:
    """Return the command that runs the Airflow of this Python, whatever PATH says."""
    return [sys.executable, "-m", "airflow", *arguments]


def run_airflow(arguments: tuple[str, ...], environment: Mapping[str, str]) -> str:
    """Run one ``airflow`` command to its end and return what it prints on standard output."""
    done = subprocess.run(
        airflow(*arguments), env=dict(environment), capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode != 0:
        output = f"{done.stdout}\n{done.stderr}".strip()[-4000:]
        raise ProgramError(f"airflow {' '.join(arguments)} ended with exit code {done.returncode}:\n{output}")
    return done.stdout


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what would lead to another Airflow or hold a key."""
    foreign = ("AIRFLOW", "_AIRFLOW", "PIXVERSE_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    own_programs = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join([own_programs, environment.get("PATH", os.defpath)])
    # A proxy for the world outside cannot reach what listens on this machine only.
    for name in ("NO_PROXY", "no_proxy"):
        environment[name] = ",".join(filter(None, [environment.get(name), "127.0.0.1", "localhost"]))
    return environment


def write_configuration(home: Path, settings: Settings) -> None:
    """Write ``airflow.cfg``, readable by its owner only since it holds keys."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_dict(
        {
            section: {name: value.replace("%", "%%") for name, value in options.items()}
            for section, options in settings.items()
        }
    )
    file = home / "airflow.cfg"
    file.touch(mode=0o600)
    with file.open("w") as output:
        parser.write(output)


def migrate(home: Path, environment: Mapping[str, str]) -> None:
    """Make the tables of the database that ``airflow.cfg`` in `home` names."""
    run_airflow(("db", "migrate"), {**environment, "AIRFLOW_HOME": str(home)})


def migrated_sqlite() -> Path:
    """Return an empty database of this Airflow version; made once, which takes some seconds, and kept."""
    version = importlib.metadata.version("apache-airflow-core")
    template = CACHE / f"metadata-{version}.db"
    if not template.exists():
        CACHE.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            home = Path(folder)
            made = home / "airflow.db"
            write_configuration(
                home,
                {"core": {"load_examples": "False"}, "database": {"sql_alchemy_conn": f"sqlite:///{made}"}},
            )
            migrate(home, clean_environment())
            made.replace(template)
    return template


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on now.

    It lies below the range from which systems take the ports of outgoing connections, so that none of those
    takes it in the seconds until Airflow listens.
    """
    while True:
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
