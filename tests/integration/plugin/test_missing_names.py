"""Where an Airflow lacks a name that the pages need: that is said, and nothing else stops."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pixverse_provider.hooks.pixverse import PixVerseHook
from tests.integration.plugin.conftest import CONN_ID

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tests.integration.plugin.conftest import World

# A process of its own, as an API server is: a module that was imported once has its names already.
ON_AN_AIRFLOW_WITHOUT_A_NAME = f"""
import json
import airflow.api_fastapi.core_api.app
import airflow.api_fastapi.core_api.security as security
from starlette.testclient import TestClient
del security.requires_access_dag
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.plugin.registration import PixVersePlugin
PixVersePlugin.on_load()
answer = TestClient(PixVersePlugin.fastapi_apps[0]["app"]).get("/")
tested = PixVerseHook({CONN_ID!r}).test_connection()
print(json.dumps([answer.status_code, answer.text, PixVersePlugin.problem(), *tested]))
"""


def printed_by(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def without_a_name(world: World) -> list[Any]:
    """What is said on an Airflow that has no ``requires_access_dag``."""
    said: list[Any] = json.loads(printed_by(ON_AN_AIRFLOW_WITHOUT_A_NAME))
    return said


def test_a_page_says_that_it_is_not_there_and_the_log_says_why(without_a_name: list[Any]) -> None:
    status, page, problem, *_ = without_a_name
    assert status == 503
    assert "log says why" in page
    assert "requires_access_dag" in problem
    assert "all else works" in problem


def test_the_test_of_a_connection_says_it_too(without_a_name: list[Any]) -> None:
    *_, worked, message = without_a_name
    assert worked
    assert message.startswith("Connected to PixVerse:")
    assert "requires_access_dag" in message


def test_nothing_is_said_where_the_pages_are_there(web_app: FastAPI, world: World) -> None:
    assert PixVerseHook(CONN_ID).test_connection()[1].endswith("credits.")


def test_a_process_that_is_no_web_server_imports_no_web_framework_for_the_plugin() -> None:
    loaded = printed_by(
        "import sys; import airflow.sdk; old = set(sys.modules);"
        "from pixverse_provider.plugin.registration import PixVersePlugin; PixVersePlugin.on_load();"
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - old}))"
    )
    for heavy in ("fastapi", "starlette", "jinja2", "aiohttp"):
        assert f"'{heavy}'" not in loaded
