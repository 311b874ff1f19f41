from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.unit.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.networks import World


@pytest.fixture(autouse=True)
def _no_proxy_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server that does what it is told; a request that nobody has scripted fails the test."""
    with ScriptedServer() as scripted:
        yield scripted
    assert scripted.surprises == []


@pytest.fixture
def other_server() -> Iterator[ScriptedServer]:
    """A second server, as another host would be."""
    with ScriptedServer() as scripted:
        yield scripted
    assert scripted.surprises == []


@pytest.fixture(scope="session")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    from tests.unit.networks import World

    with World(tmp_path_factory.mktemp("network")) as world:
        yield world


@pytest.fixture
def world(_world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """PixVerse and proxies behind TLS and names, in an environment that says nothing."""
    _world.begin(monkeypatch)
    yield _world
    assert _world.pixverse.surprises == []


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def log_lines() -> Iterator[list[str]]:
    """What the provider writes to the log, tracebacks included."""
    handler = _Lines()
    logger = logging.getLogger("pixverse_provider")
    before = logger.level, logger.disabled
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    # Airflow's logging setup switches off the loggers that it finds.
    silenced = [
        child
        for name, child in logging.Logger.manager.loggerDict.items()
        if name.startswith("pixverse_provider") and isinstance(child, logging.Logger) and child.disabled
    ]
    for child in silenced:
        child.disabled = False
    yield handler.lines
    logger.removeHandler(handler)
    logger.setLevel(before[0])
    logger.disabled = before[1]
