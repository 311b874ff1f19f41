"""Where an Airflow lacks a name that the pages need: that is said, and nothing else stops."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.plugin import state
from tests.integration.plugin.conftest import CONN_ID

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tests.integration.plugin.conftest import World

SECURITY = "airflow.api_fastapi.core_api.security"


@pytest.fixture
def without_a_name(monkeypatch: pytest.MonkeyPatch) -> state.LazyApp:
    """The pages on an Airflow that has no ``requires_access_dag``."""
    ours = "pixverse_provider.plugin"
    for name in [name for name in sys.modules if name.startswith(f"{ours}.")]:
        own_name = name.rpartition(".")[2]
        if own_name in ("app", "versions", "queries", "list_pages", "task_page"):
            # Put back afterwards, in both places where Python looks for them.
            monkeypatch.delitem(sys.modules, name)
            monkeypatch.delattr(sys.modules[ours], own_name)
    monkeypatch.delattr(importlib.import_module(SECURITY), "requires_access_dag")
    app = state.LazyApp()
    monkeypatch.setattr(state, "APP", app)
    monkeypatch.setattr("pixverse_provider.plugin.registration.APP", app)
    return app


def test_a_page_says_that_it_is_not_there_and_the_log_says_why(
    without_a_name: state.LazyApp, caplog: pytest.LogCaptureFixture
) -> None:
    answer = TestClient(without_a_name).get("/")
    assert answer.status_code == 503
    assert "log says why" in answer.text
    assert "requires_access_dag" in str(without_a_name.problem)
    assert "all else works" in str(without_a_name.problem)


def test_the_test_of_a_connection_says_it_too(
    without_a_name: state.LazyApp, web_app: FastAPI, world: World
) -> None:
    worked, message = PixVerseHook(CONN_ID).test_connection()
    assert worked
    assert message.startswith("Connected to PixVerse:")
    assert "requires_access_dag" in message


def test_nothing_is_said_where_the_pages_are_there(web_app: FastAPI, world: World) -> None:
    assert PixVerseHook(CONN_ID).test_connection()[1].endswith("credits.")


def test_a_process_that_is_no_web_server_imports_no_web_framework_for_the_plugin() -> None:
    import subprocess

    script = (
        "import sys; import airflow.sdk; old = set(sys.modules);"
        "from pixverse_provider.plugin.registration import PixVersePlugin; PixVersePlugin.on_load();"
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - old}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded: Any = done.stdout.splitlines()[-1]
    for heavy in ("fastapi", "starlette", "jinja2", "aiohttp"):
        assert f"'{heavy}'" not in loaded
