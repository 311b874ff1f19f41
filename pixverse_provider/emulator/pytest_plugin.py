"""The pytest fixture ``pixverse_emulator``: a PixVerse API for each test that asks for one.

The server is started once for the session, in a thread, and reset for each test. Jobs are done at once and
rendered small; a session-scoped fixture ``pixverse_emulator_settings`` in your ``conftest.py`` changes that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixverse_provider.emulator.client import EmulatorControl


@pytest.fixture(scope="session")
def pixverse_emulator_settings() -> dict[str, Any]:
    """Return the settings of the emulator; override it to change them.

    ``emulator.account.settings.Settings`` says what there is.
    """
    return {}


@pytest.fixture(scope="session")
def _pixverse_emulator_server(pixverse_emulator_settings: dict[str, Any]) -> Iterator[EmulatorControl]:
    """Run an emulator for the session and return a client that drives it."""
    from pixverse_provider.emulator.account.settings import Settings
    from pixverse_provider.emulator.client import EmulatorControl

    try:
        from pixverse_provider.emulator.server import EmulatorServer
    except ModuleNotFoundError as error:
        hint = f"The fixture needs {error.name}: pip install 'airflow-provider-pixverse[emulator]'"
        raise RuntimeError(hint) from error

    settings = Settings(**{"generation_seconds": 0.0, "render": "small", **pixverse_emulator_settings})
    with EmulatorServer(settings) as server:
        yield EmulatorControl(server.url, api_key=settings.api_key)


@pytest.fixture
def pixverse_emulator(_pixverse_emulator_server: EmulatorControl) -> EmulatorControl:
    """Return a client of a running emulator without jobs, faults or requests."""
    _pixverse_emulator_server.reset()
    return _pixverse_emulator_server
