"""From every place that Airflow keeps a connection in to the URL that is asked, by both clients."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import sys
import threading
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import pytest
import yaml
from airflow.providers.common.compat.sdk import Connection
from airflow.sdk import DAG

from pixverse_provider.api.calls import balance_call
from pixverse_provider.exceptions import PixVerseConfigurationError, PixVerseError
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.operators.account import PixVerseBalanceOperator
from tests.support.dags import run_dag
from tests.unit.connections import KEY
from tests.unit.scripted_server import ScriptedServer, success

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONN_ID = "pixverse_round_trip"
BALANCE = success({"account_id": 1, "credit_monthly": 2, "credit_package": 3})
EXTRA = {"timeout": 31, "max_requests_per_second": "500"}


@pytest.fixture(autouse=True)
def _no_proxy_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


# Where a connection is kept -----------------------------------------------------------------------------


@dataclass
class Keeper:
    """Puts a connection where users put one."""

    monkeypatch: pytest.MonkeyPatch
    folder: Path

    def in_the_environment_as_json(self, fields: dict[str, Any]) -> None:
        self._environment(json.dumps(fields))

    def in_the_environment_as_a_uri(self, fields: dict[str, Any]) -> None:
        self._environment(as_uri(fields))

    def in_the_form(self, fields: dict[str, Any]) -> None:
        """Do what the API server does with what the form sends."""
        from airflow.api_fastapi.core_api.datamodels.connections import ConnectionBody
        from airflow.models.connection import Connection as Row
        from airflow.utils.session import create_session
        from sqlalchemy import delete

        extra = json.dumps(fields["extra"]) if "extra" in fields else ""
        body = ConnectionBody.model_validate(fields | {"connection_id": CONN_ID, "extra": extra})
        with create_session() as session:
            session.execute(delete(Row).where(Row.conn_id == CONN_ID))
            session.add(Row(**body.model_dump(by_alias=True)))
        self.monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")

    def in_a_vault_as_json(self, fields: dict[str, Any]) -> None:
        self._vault(json.dumps(fields))

    def in_a_vault_as_a_uri(self, fields: dict[str, Any]) -> None:
        self._vault(as_uri(fields))

    def in_a_json_file(self, fields: dict[str, Any]) -> None:
        self._file("json", json.dumps({CONN_ID: fields | _extra_of_a_file(fields)}))

    def in_a_yaml_file(self, fields: dict[str, Any]) -> None:
        self._file("yaml", yaml.safe_dump({CONN_ID: fields | _extra_of_a_file(fields)}))

    def in_an_env_file(self, fields: dict[str, Any]) -> None:
        self._file("env", f"{CONN_ID}={as_uri(fields)}\n")

    def _environment(self, value: str) -> None:
        self.monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", value)

    def _vault(self, value: str) -> None:
        self._backend("tests.support.secrets.CompanyVault", kept={CONN_ID: value})

    def _file(self, suffix: str, text: str) -> None:
        path = self.folder / f"connections.{suffix}"
        path.write_text(text)
        backend = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
        self._backend(backend, connections_file_path=str(path))

    def _backend(self, name: str, **arguments: Any) -> None:
        self.monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", name)
        self.monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(arguments))


PLACES = [name for name in vars(Keeper) if name.startswith("in_")]
every_place = pytest.mark.parametrize("place", PLACES)


def _extra_of_a_file(fields: dict[str, Any]) -> dict[str, Any]:
    return {"extra": json.dumps(fields["extra"])} if "extra" in fields else {}


def as_uri(fields: dict[str, Any]) -> str:
    """Return the URI that Airflow itself makes of a connection."""
    extra = json.dumps(fields["extra"]) if "extra" in fields else None
    return Connection(conn_id=CONN_ID, **(fields | {"extra": extra})).get_uri()


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, airflow_db: None) -> Iterator[Keeper]:
    # Airflow makes a secrets backend once in a process, from 3.3 on.
    module = sys.modules.get("airflow.sdk.configuration")
    made: dict[Any, Any] = getattr(module, "_secrets_backend_cache", {})
    made.clear()
    yield Keeper(monkeypatch, tmp_path)
    made.clear()


# What is asked ------------------------------------------------------------------------------------------


def ask_with_both() -> None:
    """Read the balance with the client of a worker and with that of the triggerer."""
    with PixVerseHook(CONN_ID) as hook:
        hook.poll_balance()
    asyncio.run(_ask_in_a_trigger())


async def _ask_in_a_trigger() -> None:
    async with await PixVerseHook(CONN_ID).get_async_conn() as client:
        assert (client.settings.timeout, client.settings.max_requests_per_second) == (31.0, 500.0)
        await client.call_once(balance_call())


class IPv6Server(ScriptedServer):
    """A server on ``::1``."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._httpd.server_close()

        class Server(ThreadingHTTPServer):
            address_family = socket.AF_INET6
            daemon_threads = True

        self._httpd = Server(("::1", 0), self._handler_class())
        self._thread = threading.Thread(target=self._httpd.serve_forever, args=(0.02,), daemon=True)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        scripted.afterwards = lambda _: BALANCE
        yield scripted


@pytest.fixture
def ipv6_server() -> Iterator[ScriptedServer]:
    try:
        scripted = IPv6Server()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with scripted:
        scripted.afterwards = lambda _: BALANCE
        yield scripted


def port_of(server: ScriptedServer) -> int:
    return int(server.url.rpartition(":")[2])


def check_asked(server: ScriptedServer, host: str, path: str) -> None:
    asked = [
        (request.headers["host"], request.path, request.headers["api-key"]) for request in server.requests
    ]
    assert asked == [(f"{host}:{port_of(server)}", f"{path}/account/balance", KEY)] * 2


LOOPBACK: dict[str, tuple[dict[str, Any], str, str]] = {
    "a whole URL": ({"host": "http://127.0.0.1:{port}"}, "127.0.0.1", "/openapi/v2"),
    "a URL with a path": ({"host": "http://127.0.0.1:{port}/pixverse/"}, "127.0.0.1", "/pixverse"),
    "upper case and whitespace": ({"host": " HTTP://LOCALHOST:{port} "}, "localhost", "/openapi/v2"),
    "the port apart": ({"host": "http://127.0.0.1", "port": 0}, "127.0.0.1", "/openapi/v2"),
    "the port twice": ({"host": "http://127.0.0.1:{port}", "port": 0}, "127.0.0.1", "/openapi/v2"),
    "a path, the port apart": ({"host": "http://127.0.0.1/pixverse", "port": 0}, "127.0.0.1", "/pixverse"),
    "all apart": ({"host": "127.0.0.1", "port": 0, "schema": "http"}, "127.0.0.1", "/openapi/v2"),
    "the scheme apart": ({"host": "127.0.0.1:{port}", "schema": "http"}, "127.0.0.1", "/openapi/v2"),
    "the path apart": (
        {"host": "http://127.0.0.1", "port": 0, "schema": "gateway/pixverse"},
        "127.0.0.1",
        "/gateway/pixverse",
    ),
}
IPV6: dict[str, dict[str, Any]] = {
    "a whole URL": {"host": "http://[::1]:{port}"},
    "a URL with its path": {"host": "http://[::1]:{port}/openapi/v2"},
    "all apart": {"host": "::1", "port": 0, "schema": "http"},
    "all apart, in brackets": {"host": "[::1]", "port": 0, "schema": "http"},
    "the scheme apart": {"host": "[::1]:{port}", "schema": "http"},
    "the port apart": {"host": "http://[::1]", "port": 0},
}


def filled(fields: dict[str, Any], port: int) -> dict[str, Any]:
    """Return the fields of a connection with the port of the server in them."""
    host = fields["host"].replace("{port}", str(port))
    given = {"conn_type": "pixverse", "password": KEY, "extra": EXTRA} | fields | {"host": host}
    return given | ({"port": port} if "port" in given else {})


@every_place
@pytest.mark.parametrize("way", LOOPBACK)
def test_a_server_of_plain_http_is_asked_however_its_address_is_written(
    keeper: Keeper, server: ScriptedServer, place: str, way: str
) -> None:
    fields, host, path = LOOPBACK[way]
    getattr(keeper, place)(filled(fields, port_of(server)))
    ask_with_both()
    check_asked(server, host, path)


@every_place
@pytest.mark.parametrize("way", IPV6)
def test_so_is_one_with_an_ipv6_address(
    keeper: Keeper, ipv6_server: ScriptedServer, place: str, way: str
) -> None:
    getattr(keeper, place)(filled(IPV6[way], port_of(ipv6_server)))
    ask_with_both()
    check_asked(ipv6_server, "[::1]", "/openapi/v2")


@dataclass
class Door:
    """Stands in for every server of the internet: hears which name and port are asked for, and closes.

    Names lead here, whatever name server would say of them.
    """

    looked_up: list[tuple[str, int]] = field(default_factory=list)
    by_tls: list[str | None] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        look_up = socket.getaddrinfo

        def here(host: Any, port: Any, *arguments: Any, **more: Any) -> Any:
            self.looked_up.append((host.decode() if isinstance(host, bytes) else host, int(port)))
            return look_up("127.0.0.1", self._listener.getsockname()[1], *arguments, **more)

        monkeypatch.setattr(socket, "getaddrinfo", here)

    def _listen(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = lambda _socket, name, _context: self.by_tls.append(name)
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            # It has no certificate, so that no handshake ends well; by then it has heard the name.
            with connection:
                connection.settimeout(10)
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    continue


HTTPS: dict[str, tuple[dict[str, Any], str, int]] = {
    "no address": ({"host": ""}, "app-api.pixverse.ai", 443),
    "the other region": ({"host": "https://app-api.pixverseai.cn"}, "app-api.pixverseai.cn", 443),
    "a URL and the port apart": ({"host": "https://gw", "port": 8443}, "gw", 8443),
    "a name and the port apart": ({"host": "gw.example.com", "port": 443}, "gw.example.com", 443),
    "a name and another port": ({"host": "gw.example.com", "port": 8443}, "gw.example.com", 8443),
    "a name and the scheme apart": (
        {"host": "gw.example.com", "port": 8443, "schema": "https"},
        "gw.example.com",
        8443,
    ),
    "a path without a scheme": ({"host": "gw.example.com/openapi/v2"}, "gw.example.com", 443),
    "a name and a path apart": ({"host": "gw.example.com", "schema": "pixverse"}, "gw.example.com", 443),
    "a name of another script": ({"host": "https://bücher.example:8443"}, "xn--bcher-kva.example", 8443),
}


@every_place
@pytest.mark.parametrize("way", HTTPS)
def test_another_is_asked_by_https_under_its_name_and_port(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch, place: str, way: str
) -> None:
    fields, host, port = HTTPS[way]
    given = {"conn_type": "pixverse", "password": KEY, "extra": EXTRA} | fields
    getattr(keeper, place)(given)
    with Door() as door:
        door.install(monkeypatch)
        with (
            PixVerseHook(CONN_ID) as hook,
            pytest.raises(PixVerseError, match=rf"at https://{host}(:8443)? to"),
        ):
            hook.poll_balance()
        with pytest.raises(PixVerseError, match=rf"at https://{host}(:8443)? to"):
            asyncio.run(_ask_in_a_trigger())
    assert set(door.looked_up) == {(host, port)}
    assert len(door.by_tls) >= 2
    assert set(door.by_tls) == {host}


# What users write by hand; Airflow reads it in ways of its own.
URIS: dict[str, tuple[str, str]] = {
    "pixverse://:{key}@http%3A%2F%2F127.0.0.1:{port}/?{extra}": ("127.0.0.1", "/openapi/v2"),
    "pixverse://:{key}@http%3A%2F%2F127.0.0.1%3A{port}/?{extra}": ("127.0.0.1", "/openapi/v2"),
    "pixverse://:{key}@http%3A%2F%2F127.0.0.1%3A{port}%2Fpixverse/?{extra}": ("127.0.0.1", "/pixverse"),
    "pixverse://:{key}@http%3A%2F%2F127.0.0.1:{port}/pixverse?{extra}": ("127.0.0.1", "/pixverse"),
    "pixverse://http://:{key}@127.0.0.1:{port}/?{extra}": ("127.0.0.1", "/openapi/v2"),
    "pixverse://http://:{key}@127.0.0.1:{port}/pixverse?{extra}": ("127.0.0.1", "/pixverse"),
    "pixverse://:{key}@127.0.0.1:{port}/http?{extra}": ("127.0.0.1", "/openapi/v2"),
    "pixverse://:{key}@localhost:{port}/http?{extra}": ("localhost", "/openapi/v2"),
    "PixVerse://:{key}@127.0.0.1:{port}/HTTP?{extra}": ("127.0.0.1", "/openapi/v2"),
    "//:{key}@127.0.0.1:{port}/http?{extra}": ("127.0.0.1", "/openapi/v2"),
    "pixverse://:{key}@127.0.0.1:{port}/http?__extra__={json}": ("127.0.0.1", "/openapi/v2"),
}


@pytest.mark.parametrize("uri", URIS)
def test_a_uri_that_was_written_by_hand_is_understood(
    keeper: Keeper, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    host, path = URIS[uri]
    extra = "timeout=31&max_requests_per_second=500"
    quoted = "%7B%22timeout%22%3A31%2C%22max_requests_per_second%22%3A500%7D"
    text = uri.format(key=KEY, port=port_of(server), extra=extra, json=quoted)
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", text)
    ask_with_both()
    check_asked(server, host, path)


@every_place
def test_a_task_asks_what_the_hook_asks(keeper: Keeper, server: ScriptedServer, place: str) -> None:
    getattr(keeper, place)(filled(LOOPBACK["the port apart"][0], port_of(server)))
    with DAG(f"balance_{place}", schedule=None) as dag:
        PixVerseBalanceOperator(task_id="read", pixverse_conn_id=CONN_ID)
    run = run_dag(dag)
    assert run.state == "success"
    assert run.xcom("read") == 5
    (asked,) = server.requests
    assert (asked.headers["host"], asked.headers["api-key"]) == (f"127.0.0.1:{port_of(server)}", KEY)


@every_place
def test_a_connection_of_another_type_is_refused_wherever_it_is_kept(
    keeper: Keeper, server: ScriptedServer, place: str
) -> None:
    fields = filled(LOOPBACK["the port apart"][0], port_of(server)) | {"conn_type": "aws"}
    getattr(keeper, place)(fields)
    with PixVerseHook(CONN_ID) as hook, pytest.raises(PixVerseConfigurationError, match="is of type 'aws'"):
        hook.get_balance()
    assert server.requests == []
