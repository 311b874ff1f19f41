"""The pytest plugin is light, and takes settings."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pixverse_provider.emulator import pytest_plugin


@pytest.fixture
def fixture_of_pytest() -> None:
    """What pytest makes of a function, to know others by."""


def test_the_plugin_and_the_client_import_nothing_heavy() -> None:
    code = (
        "import sys, pixverse_provider.emulator.pytest_plugin, pixverse_provider.emulator.client;"
        "heavy = ('fastapi', 'uvicorn', 'av', 'numpy', 'PIL', 'airflow');"
        "print([name for name in heavy if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_user_of_the_plugin_gets_an_emulator_with_settings_of_his_own(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import pytest\n"
        "@pytest.fixture(scope='session')\n"
        "def pixverse_emulator_settings():\n"
        "    return {'credits': 77, 'api_key': 'mine'}\n"
    )
    (tmp_path / "test_it.py").write_text(
        "def test_it(pixverse_emulator):\n"
        "    assert pixverse_emulator.ledger()['balance']['total'] == 77\n"
        "    assert pixverse_emulator.api_key == 'mine'\n"
        "    assert pixverse_emulator.settings()['generation_seconds'] == 0\n"
    )
    # By the name that the package registers it under, without the many other plugins of this environment.
    plugins = ("-p", "no:cacheprovider", "-p", "pixverse_emulator")
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
    )
    assert "1 passed" in answer.stdout, answer.stdout


def test_every_fixture_that_is_not_private_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "emulator.md").read_text()
    fixtures = [name for name, value in vars(pytest_plugin).items() if type(value) is type(fixture_of_pytest)]
    public = [name for name in fixtures if not name.startswith("_")]
    assert sorted(public) == ["pixverse_emulator", "pixverse_emulator_settings"]
    assert [name for name in public if not re.search(rf"\b{name}\b", page)] == []
