"""The PixVerse emulator as a process of its own, as a user starts it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pixverse_provider.emulator.account.settings import DEFAULT_API_KEY
from tools.airflow_stack import clean_environment
from tools.processes import Program, ProgramError, Session

if TYPE_CHECKING:
    from types import TracebackType

START_TIMEOUT = 60.0


class EmulatorProcess:
    """``pixverse-emulator serve`` on a free port of the loopback interface.

    :param folder: for its log, its port file and its media
    :param generation_seconds: how long a job takes
    :param api_key: the only key that it accepts
    """

    def __init__(self, folder: Path, *, generation_seconds: float, api_key: str = DEFAULT_API_KEY) -> None:
        folder = folder.absolute()
        self.api_key = api_key
        self.url = ""
        self._port_file = folder / "emulator.port"
        command: list[str | Path] = [Path(sys.executable).with_name("pixverse-emulator"), "serve"]
        command += ["--port", "0", "--port-file", self._port_file]
        command += ["--generation-seconds", f"{generation_seconds:g}"]
        command += ["--data-dir", folder / "emulator"]
        self.log = folder / "emulator.log"
        # Not as an argument, which every user of the machine can read.
        environment = clean_environment() | {"PIXVERSE_EMULATOR_API_KEY": api_key}
        self._program = Program("the emulator", command, environment, self.log)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def connection(self) -> str:
        """The Airflow connection that leads here, as ``AIRFLOW_CONN_PIXVERSE_DEFAULT`` takes it."""
        return pixverse_connection(self.api_key, host=f"{self.url}/openapi/v2")

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._port_file.unlink(missing_ok=True)
        self._program.start()
        deadline = time.monotonic() + START_TIMEOUT
        while not (port := self._read_port()):
            self._program.check_running()
            if time.monotonic() > deadline:
                raise ProgramError(f"the emulator did not start; see {self.log}")
            time.sleep(0.05)
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        """End it."""
        self._program.stop()

    def sessions(self) -> list[Session]:
        """Return what it takes to end it from another process; see :func:`tools.processes.stop_sessions`."""
        return [self._program.session] if self._program.session else []

    def _read_port(self) -> str:
        return self._port_file.read_text().strip() if self._port_file.exists() else ""


def pixverse_connection(api_key: str, host: str | None = None) -> str:
    """Return a connection of type ``pixverse`` as an environment variable holds it.

    :param host: base URL of the API; the provider's default if not given
    """
    connection = {"conn_type": "pixverse", "password": api_key}
    return json.dumps(connection | ({"host": host} if host else {}))
