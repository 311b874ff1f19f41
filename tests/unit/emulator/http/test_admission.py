"""Who may call the emulator, and by which name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from pixverse_provider.emulator.account.settings import Settings
from pixverse_provider.emulator.http.admission import InvalidHostError
from pixverse_provider.emulator.server import EmulatorServer, NotLoopbackError
from tests.unit.emulator.caller import Caller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixverse_provider.emulator.client import EmulatorControl

EVERYWHERE = (
    "/",
    "/jobs/1",
    "/emulator/health",
    "/emulator/ledger",
    "/openapi/v2/account/balance",
    "/openapi/v2/video/result/1",
    "/media/1.mp4",
    "/nothing/here",
)


def status(url: str, path: str, **headers: str) -> int:
    return requests.get(f"{url}{path}", headers=headers, timeout=60).status_code


@pytest.fixture(scope="module")
def open_to_others() -> Iterator[EmulatorServer]:
    with EmulatorServer(Settings(), allowed_hosts=["Emulator", "10.0.0.7", "fd00::7"]) as server:
        yield server


@pytest.mark.parametrize("path", EVERYWHERE)
@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8484", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.8"],
)
def test_a_name_of_the_internet_that_leads_here_is_refused_on_every_path(
    pixverse_emulator: EmulatorControl, path: str, host: str
) -> None:
    assert status(pixverse_emulator.url, path, Host=host) == 403


@pytest.mark.parametrize(
    "host", ["", "@", "x@127.0.0.1", "127.0.0.1@evil.example", "127.0.0.1:99999", "[::1", "localhost/", "*"]
)
def test_what_is_no_host_is_refused(pixverse_emulator: EmulatorControl, host: str) -> None:
    assert status(pixverse_emulator.url, "/emulator/health", Host=host) in (400, 403)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.9:1", "localhost", "LOCALHOST:8484", "[::1]", "[::1]:8484"]
)
def test_every_name_of_this_machine_itself_is_right(pixverse_emulator: EmulatorControl, host: str) -> None:
    assert status(pixverse_emulator.url, "/emulator/health", Host=host) == 200


@pytest.mark.parametrize(
    "host", ["emulator", "emulator:8484", "EMULATOR", "10.0.0.7:8484", "[fd00::7]", "[FD00:0::7]:1"]
)
def test_a_host_that_is_allowed_is_served(open_to_others: EmulatorServer, host: str) -> None:
    assert status(open_to_others.url, "/emulator/health", Host=host) == 200
    assert status(open_to_others.url, "/", Host=host) == 200


def test_no_other_is(open_to_others: EmulatorServer) -> None:
    assert status(open_to_others.url, "/emulator/health", Host="emulator.evil.example") == 403


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1.evil"]
)
def test_a_page_of_another_site_gets_nothing(pixverse_emulator: EmulatorControl, origin: str) -> None:
    for path in EVERYWHERE:
        assert status(pixverse_emulator.url, path, Origin=origin) == 403


def test_its_own_pages_do(pixverse_emulator: EmulatorControl) -> None:
    assert status(pixverse_emulator.url, "/emulator/health", Origin=pixverse_emulator.url) == 200


def test_who_is_refused_leaves_no_trace_in_the_ledger(pixverse_emulator: EmulatorControl) -> None:
    api = Caller(pixverse_emulator)
    headers = {**api.headers(), "Host": "evil.example"}
    answer = requests.get(f"{pixverse_emulator.api_url}/account/balance", headers=headers, timeout=60)
    assert answer.status_code == 403
    assert "--allow-host" in answer.text
    assert pixverse_emulator.requests() == []


@pytest.mark.parametrize(
    "name",
    ["", " ", "http://emulator", "emulator:8484", "*", "*.example", "a b", "a/b", "x@y", "[fd00::7]:1"],
)
def test_a_name_that_no_url_holds_is_refused(name: str) -> None:
    with pytest.raises(InvalidHostError, match="is no host name"):
        EmulatorServer(Settings(), allowed_hosts=[name])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104 - it is refused
def test_an_address_that_others_reach_needs_a_name_and_a_key_that_opens_nothing(host: str) -> None:
    with pytest.raises(NotLoopbackError, match=f"{host} can be reached by others: name with --allow-host"):
        EmulatorServer(Settings(), host=host)
    with pytest.raises(NotLoopbackError, match="the key must begin with 'pixverse-emulator'"):
        EmulatorServer(Settings(api_key="sk-a-real-key"), host=host, allowed_hosts=["emulator"])


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(NotLoopbackError, match=r"'example\.com' is no address of this machine"):
        EmulatorServer(Settings(), host="example.com")
