"""Runs the emulator in a thread: for the command line, and for a test session."""

from __future__ import annotations

import ipaddress
import shutil
import socket
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import uvicorn
from fastapi import FastAPI

from pixverse_provider.emulator.account.account import Account
from pixverse_provider.emulator.account.settings import EXPOSED_KEY_PREFIX
from pixverse_provider.emulator.http.admission import Admission, InvalidHostError, host_names
from pixverse_provider.emulator.http.control_api import control_router
from pixverse_provider.emulator.http.fault_injection import Connections
from pixverse_provider.emulator.http.media_host import media_router
from pixverse_provider.emulator.http.routes import BASE_PATH, api_router
from pixverse_provider.emulator.web.pages import page_router

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from pixverse_provider.emulator.account.settings import Settings

__all__ = ["EmulatorServer", "InvalidHostError", "NotLoopbackError", "create_app"]

_STARTS_WITHIN: Final = 20.0
_STOPS_WITHIN: Final = 10.0


def create_app(account: Account, connections: Connections) -> FastAPI:
    """Return the application: API, media host, control API and pages on one port."""
    app = FastAPI(title="PixVerse emulator", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(control_router(account), prefix="/emulator")
    app.include_router(media_router(account, connections))
    app.include_router(api_router(account, connections), prefix=BASE_PATH)
    app.include_router(page_router(account))
    return app


class NotLoopbackError(ValueError):
    """An address that others could reach, and nothing that lets them."""


class EmulatorServer:
    """A running emulator, usable with ``with``.

    :param settings: the account at the start and after a reset.
    :param host: an address of this machine; ``0.0.0.0`` or ``::`` for all of them.
    :param port: 0 takes a free one.
    :param directory: where files are kept; a temporary one that is removed at the end when left out.
    :param allowed_hosts: names and addresses under which others may call it. This machine always may.
    :raises NotLoopbackError: for an address that others reach where no host is allowed, or where its key is
        not one that only an emulator has. The emulator has no other protection.
    :raises InvalidHostError: for an allowed host that is none.
    :raises OSError: when the port is taken.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        directory: Path | None = None,
        allowed_hosts: Iterable[str] = (),
    ) -> None:
        allowed = host_names(allowed_hosts)
        self._socket = _listen(host, port, settings.api_key, allowed)
        self.port: int = self._socket.getsockname()[1]
        # Every address of the machine is none to call; this machine reaches it by the loopback address.
        called = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it is not bound here
        shown = f"[{called}]" if ":" in called else called
        self.url = f"http://{shown}:{self.port}"
        self._temporary = (
            None if directory is not None else Path(tempfile.mkdtemp(prefix="pixverse-emulator-"))
        )
        self.directory = directory or self._temporary or Path()
        self._account = Account(settings, self.directory)
        connections = Connections()
        self._server = uvicorn.Server(
            uvicorn.Config(
                Admission(create_app(self._account, connections), allowed),
                http=connections.protocol(),
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                ws="none",
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._run, name="pixverse-emulator", daemon=True)

    def start(self) -> None:
        """Serve, and return when requests are answered.

        :raises RuntimeError: when the server does not come up.
        """
        self._thread.start()
        waited = threading.Event()
        for _ in range(int(_STARTS_WITHIN / 0.01)):
            if self._server.started:
                return
            if not self._thread.is_alive():
                break
            waited.wait(0.01)
        raise RuntimeError("the emulator did not start")

    def stop(self) -> None:
        """Stop serving and remove temporary files."""
        self._server.should_exit = True
        self._thread.join(_STOPS_WITHIN)
        self._account.pool.close()
        self._socket.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def _listen(host: str, port: int, api_key: str, allowed: frozenset[str]) -> socket.socket:
    address = "127.0.0.1" if host == "localhost" else host
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise NotLoopbackError(f"{host!r} is no address of this machine: give one such as 0.0.0.0.") from None
    if not parsed.is_loopback:
        _check_exposed(host, api_key, allowed)
    family = socket.AF_INET6 if parsed.version == 6 else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def _check_exposed(host: str, api_key: str, allowed: frozenset[str]) -> None:
    """Refuse to listen where others can reach in and nobody has been let in, or a real key might be sent."""
    if not allowed:
        raise NotLoopbackError(
            f"{host} can be reached by others: name with --allow-host what they call this machine, such as "
            "the name of its container."
        )
    if not api_key.startswith(EXPOSED_KEY_PREFIX):
        raise NotLoopbackError(
            f"{host} can be reached by others, over plain http: the key must begin with "
            f"{EXPOSED_KEY_PREFIX!r}, so that nobody sends a real one."
        )
