"""The command that runs the emulator."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import requests

import pixverse_provider
from pixverse_provider.emulator import cli
from pixverse_provider.emulator.account.settings import DEFAULT_API_KEY
from pixverse_provider.emulator.client import EmulatorControl
from tests.unit.emulator.caller import Caller

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def running(*arguments: str | int | Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pixverse_provider.emulator.cli",
            "serve",
            "--port",
            "0",
            *map(str, arguments),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def greeting(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Stop it"):
            break
    return "".join(lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_with_the_connection_that_it_prints_and_stops_cleanly(
    tmp_path: Path, number: signal.Signals
) -> None:
    port_file = tmp_path / "port"
    with running("--port-file", port_file, "--render", "placeholder", "--generation-seconds", 0) as process:
        printed = greeting(process)
        found = re.search(r"AIRFLOW_CONN_PIXVERSE_DEFAULT='(.+)'", printed)
        assert found is not None
        connection = json.loads(found[1])
        emulator = EmulatorControl(
            connection["host"].removesuffix("/openapi/v2"), api_key=connection["password"]
        )
        assert emulator.url == f"http://127.0.0.1:{port_file.read_text().strip()}"
        assert f"{emulator.url}/\n" in printed
        api = Caller(emulator)
        assert api.status(api.boat()) == 1
        process.send_signal(number)
        rest, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert rest.endswith("Stopping.\n")
        assert "POST /openapi/v2/video/text/generate -> 200 0" in rest
        assert not port_file.exists()


def test_it_stops_while_a_request_hangs() -> None:
    with running("--quiet") as process:
        url = re.findall(r"http://[^/]+", greeting(process))[0]
        emulator = EmulatorControl(url)
        emulator.fault("balance", "accept_then_hang", seconds=60)
        api = Caller(emulator)
        with pytest.raises(requests.ReadTimeout):
            requests.get(f"{emulator.api_url}/account/balance", headers=api.headers(), timeout=0.1)
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode == 0


@dataclass(frozen=True)
class Started:
    printed: str
    url: str
    data: Path


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """An emulator with a key and a data directory of its own."""
    data = tmp_path_factory.mktemp("emulator") / "data"
    options = ("--data-dir", data, "--generation-seconds", 0, "--render", "placeholder")
    with running(*options, PIXVERSE_EMULATOR_API_KEY="my-own-key") as process:
        printed = greeting(process)
        yield Started(printed, re.findall(r"http://[^/]+", printed)[0], data)


def test_a_key_of_ones_own_is_not_printed(started: Started) -> None:
    assert "my-own-key" not in started.printed
    assert DEFAULT_API_KEY not in started.printed
    assert Caller(EmulatorControl(started.url)).get("/account/balance").json()["ErrCode"] == 400012
    own = Caller(EmulatorControl(started.url, api_key="my-own-key"))
    assert own.get("/account/balance").json()["ErrCode"] == 0


def test_files_are_kept_where_they_are_wanted(started: Started) -> None:
    api = Caller(EmulatorControl(started.url, api_key="my-own-key"))
    assert api.status(api.boat()) == 1
    assert len(list((started.data / "renders").glob("*.mp4"))) == 1


def test_the_help_shows_no_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PIXVERSE_EMULATOR_API_KEY", "my-own-key")
    with pytest.raises(SystemExit):
        cli.main(["serve", "--help"])
    assert "my-own-key" not in capsys.readouterr().out


def test_a_host_that_others_reach_is_refused_with_the_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve", "--host", "0.0.0.0", "--port", "0"]) == 2  # noqa: S104 - it is refused
    assert "0.0.0.0 can be reached by others" in (said := capsys.readouterr().err)
    assert "--allow-host" in said


def test_a_name_by_which_others_call_it_is_printed() -> None:
    with running("--allow-host", "emulator", "10.0.0.7", "--allow-host", "host.docker.internal") as process:
        printed = greeting(process)
        url = re.findall(r"http://[^/]+", printed)[0]
        assert "with the host emulator or 10.0.0.7 or host.docker.internal in its URL" in printed
        answer = requests.get(f"{url}/emulator/health", headers={"Host": "host.docker.internal"}, timeout=60)
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--api-key", ""], "--api-key is empty: give a key, or leave it out"),
        (["--allow-host", "http://x"], "'http://x' is no host name"),
        (["--port", "99999"], "port must be 0 to 65535, not 99999."),
        (["--host", "example.com"], "'example.com' is no address of this machine"),
        (["--host", "0.0.0.0", "--allow-host", "x", "--api-key", "sk-1"], "the key must begin with"),  # noqa: S104
    ],
)
def test_what_cannot_be_served_is_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["serve", *arguments]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert "sk-1" not in said


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"pixverse-emulator {pixverse_provider.__version__}\n"


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert cli.main(["serve", "--port", str(port)]) == 2
    assert f"127.0.0.1 port {port} cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "65536", "99999"])
def test_a_port_that_there_is_not_is_named(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve", "--port", port]) == 2
    assert capsys.readouterr().err == f"port must be 0 to 65535, not {port}.\n"


def test_a_setting_that_makes_no_sense_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve", "--concurrency", "0"]) == 2
    assert capsys.readouterr().err == "concurrency takes a whole number from 1 to 1000000000000000, not 0.\n"


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "1e300"])
def test_a_job_takes_a_time_that_passes(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve", "--generation-seconds", seconds]) == 2
    complaint = f"generation_seconds takes a number from 0 to 315576000, not {float(seconds)!r}.\n"
    assert capsys.readouterr().err == complaint


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    present = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "av" else present(name))
    assert cli.main(["serve"]) == 2
    assert (
        "needs av. Install it with: pip install 'airflow-provider-pixverse[emulator]'"
        in capsys.readouterr().err
    )
