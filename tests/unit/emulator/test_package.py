"""The emulator stands alone, and the pytest plugin is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pixverse_provider.emulator

ROOT = Path(pixverse_provider.emulator.__file__).parent


def _imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    found = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return found | {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_of_the_client_and_nothing_of_airflow_is_imported(path: Path) -> None:
    foreign = {
        name
        for name in _imports(path)
        if name.split(".")[0] == "airflow"
        or (name.startswith("pixverse_provider") and not name.startswith("pixverse_provider.emulator"))
    }
    assert foreign == set()


def test_the_plugin_and_the_handle_import_nothing_heavy() -> None:
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
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "1 passed" in answer.stdout, answer.stdout
