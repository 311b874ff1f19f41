"""A database for ``dag.test()``, and a connection that leads to the emulator."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import requests

from tests.support.dags import connection_json
from tests.support.stores import _s3_server, gcs_store, s3_store, sftp_store
from tests.unit.pixverse_in_time import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.emulator.client import EmulatorControl


__all__ = ["_s3_server", "gcs_store", "s3_store", "sftp_store"]

MEDIA = Path(__file__).parents[2] / "dags_examples" / "media"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "integration" in item.path.parts:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """Make the metadata database of the tests."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def emulator(pixverse_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> EmulatorControl:
    """The emulator, behind the default connection."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_PIXVERSE_DEFAULT",
        connection_json(host=pixverse_emulator.api_url, api_key=pixverse_emulator.api_key),
    )
    return pixverse_emulator


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let triggers poll at once: there is no executor here whose late report they could overtake."""
    monkeypatch.setattr("pixverse_provider.operators.generation.FIRST_POLL_OF_A_TRIGGER", 0.0)
    monkeypatch.setattr("pixverse_provider.sensors._polling.FIRST_POLL_OF_A_TRIGGER", 0.0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock for what the provider waits for; the emulator has its own, and requests take no time."""
    clock = Clock()
    clock.install(monkeypatch)

    async def sleep(seconds: float) -> None:
        clock.sleep(seconds)

    monkeypatch.setattr("pixverse_provider.triggers.pause.asyncio", SimpleNamespace(sleep=sleep))
    return clock


@pytest.fixture
def presenter() -> Path:
    """A small real video."""
    return MEDIA / "presenter.mp4"


@pytest.fixture
def spoken() -> Path:
    """A small real audio."""
    return MEDIA / "script.wav"


@pytest.fixture
def submit_video(emulator: EmulatorControl) -> Callable[..., int]:
    """Submit a text-to-video without the provider; the prompt may hold a magic word of the emulator."""

    def submit(prompt: str = "a paper boat on a quiet river") -> int:
        answer = requests.post(
            f"{emulator.api_url}/video/text/generate",
            headers={"API-KEY": emulator.api_key, "Ai-Trace-Id": str(uuid4())},
            json={"prompt": prompt, "model": "v5", "duration": 5, "quality": "360p", "aspect_ratio": "16:9"},
            timeout=30,
        ).json()
        return int(answer["Resp"]["video_id"])

    return submit


@pytest.fixture
def finished_video(submit_video: Callable[..., int]) -> int:
    """A video that is done, before the test begins."""
    return submit_video()
