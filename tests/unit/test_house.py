"""The order of the house: who may import whom, and what importing costs."""

from __future__ import annotations

import ast
import builtins
import json
import os
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import pixverse_provider

ROOT = Path(pixverse_provider.__file__).parent

# The parts of the provider, and which others each may import; what is not here has no place yet.
ARROWS: dict[str, set[str]] = {
    "": set(),
    "get_provider_info": {""},
    "exceptions": set(),
    "api": {"exceptions"},
    "jobs": {"api", "exceptions"},
    "storage": {"api", "exceptions"},
    "rendering": {"api", "exceptions"},
    "hooks": {"get_provider_info", "storage", "api", "exceptions"},
    "triggers": {"hooks", "jobs", "api", "exceptions"},
    "tasks": {"rendering", "jobs", "exceptions"},
    "links": {"tasks"},
    "sensors": {"triggers", "tasks", "links", "hooks", "jobs", "api", "exceptions"},
    "operators": {"rendering", "triggers", "tasks", "links", "hooks", "storage", "jobs", "api", "exceptions"},
    "plugin": {"", "links", "triggers", "hooks", "storage", "jobs", "api", "exceptions"},
    "emulator": set(),
}

# The rooms of the emulator in the same way; a module beside them is a room of its own.
EMULATOR_ARROWS: dict[str, set[str]] = {
    "": set(),
    "protocol": set(),
    "render": set(),
    "faults": {"protocol"},
    "rules": {"render", "protocol"},
    "account": {"rules", "render", "faults", "protocol"},
    "http": {"account", "rules", "render", "faults", "protocol"},
    "web": {"http", "account", "protocol"},
    "server": {"web", "http", "account"},
    "client": {"account", "faults"},
    "cli": {"server", "account"},
    "pytest_plugin": {"server", "client", "account"},
}


@cache
def modules() -> dict[str, Path]:
    """Return every module of the package by its name."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = ("pixverse_provider", *path.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def part_of(module: str) -> str:
    return [*module.split("."), ""][1]


def room_of(module: str) -> str:
    """Return the part of the emulator that a module of it is in."""
    return [*module.split("."), "", ""][2]


def parsed(path: Path) -> ast.Module:
    text = path.read_text(encoding="utf-8")
    try:
        return ast.parse(text)
    except SystemError:
        # CPython 3.11 counts the depth for all threads together (gh-106905), and a server of another test may
        # still be one.
        return ast.parse(text)


def imports_of(path: Path) -> set[str]:
    """Return what a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            # "from package import module" imports the module.
            found |= {
                f"{source}.{a.name}" if f"{source}.{a.name}" in modules() else source for a in node.names
            }
    return found


MODULES = pytest.mark.parametrize("module", sorted(modules()))


@MODULES
def test_a_module_imports_only_what_lies_below_it(module: str) -> None:
    own = part_of(module)
    imported = {
        part_of(name) for name in imports_of(modules()[module]) if name.startswith("pixverse_provider")
    }
    assert own in ARROWS, "say in ARROWS where the new part belongs"
    assert imported <= ARROWS[own] | {own}


@MODULES
def test_a_module_says_what_it_is_for(module: str) -> None:
    docstring = ast.get_docstring(parsed(modules()[module]))
    assert docstring
    assert docstring.splitlines()[0].endswith(".")


@MODULES
def test_a_module_has_one_reason_to_change(module: str) -> None:
    assert len(modules()[module].read_text(encoding="utf-8").splitlines()) <= 450


EMULATOR = sorted(name for name in modules() if part_of(name) == "emulator")


@pytest.mark.parametrize("module", EMULATOR)
def test_a_room_of_the_emulator_imports_only_what_lies_below_it(module: str) -> None:
    own = room_of(module)
    imported = {room_of(name) for name in imports_of(modules()[module]) if part_of(name) == "emulator"}
    assert own in EMULATOR_ARROWS, "say in EMULATOR_ARROWS where the new room belongs"
    assert imported <= EMULATOR_ARROWS[own] | {own}


def test_no_modules_of_the_emulator_import_each_other_in_a_ring_not_even_for_their_types() -> None:
    imported = {name: imports_of(modules()[name]) - {name} for name in EMULATOR}
    # Raises CycleError, which names the ring.
    assert set(EMULATOR) <= set(TopologicalSorter(imported).static_order())


@pytest.mark.parametrize("module", EMULATOR)
def test_the_emulator_knows_neither_airflow_nor_the_provider_whose_mistakes_it_would_hide(
    module: str,
) -> None:
    imported = imports_of(modules()[module])
    assert {name for name in imported if name.split(".")[0] == "airflow"} == set()
    assert {
        name for name in imported if name.startswith("pixverse_provider") and part_of(name) != "emulator"
    } == set()


@pytest.mark.parametrize("module", sorted(name for name in modules() if part_of(name) == "api"))
def test_the_api_knows_nothing_of_airflow(module: str) -> None:
    assert {name for name in imports_of(modules()[module]) if name.split(".")[0] == "airflow"} == set()


# What ends a sensor as Airflow's own do, and what is caught within the provider or means a mistake in it.
NOT_OF_THE_FAMILY = {
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    # The page of a video is sent by pieces; what reads it then sees that it broke off.
    "ConnectionError",
    # These two within `told`, which makes one of the family of whatever a store raises.
    "FileExistsError",
    "FileNotFoundError",
    "KeyError",
    "TimeoutError",
    "TypeError",
    "ValueError",
}


def test_only_errors_of_the_family_are_raised() -> None:
    raised = {
        node.exc.func.id
        for module, path in modules().items()
        if part_of(module) != "emulator"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
    }
    known = {name for name in raised if isinstance(getattr(builtins, name, None), type) or "Airflow" in name}
    assert known == NOT_OF_THE_FAMILY


def loaded_by(statement: str, before: str = "") -> set[str]:
    """Return the modules that a statement loads in a fresh interpreter, apart from those loaded before it."""
    script = f"import json, sys\n{before}\nold = set(sys.modules)\n{statement}\n"
    script += "print(json.dumps(sorted(set(sys.modules) - old)))"
    result = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT.parent)},
    )
    return set(json.loads(result.stdout.splitlines()[-1]))


def test_airflow_can_read_the_metadata_before_it_has_read_its_own_configuration() -> None:
    loaded = loaded_by(
        "from pixverse_provider.get_provider_info import get_provider_info\nget_provider_info()"
    )
    assert {name for name in loaded if name.split(".")[0] == "airflow"} == set()


def test_a_dag_file_pays_for_no_http_or_media_library_and_no_trigger() -> None:
    parts = ("hooks", "operators", "sensors")
    wanted = sorted(name for name in modules() if part_of(name) in parts)
    loaded = loaded_by(
        "\n".join(f"import {name}" for name in wanted),
        before="from airflow.sdk import DAG, BaseHook, BaseOperator, BaseSensorOperator",
    )
    assert set(wanted) <= loaded
    # Airflow has loaded httpx, tenacity and fsspec by itself, so they cost nothing more.
    heavy = {"requests", "requests_toolbelt", "urllib3", "aiohttp", "fastapi", "uvicorn", "av", "PIL"}
    assert {name for name in loaded if name.split(".")[0] in heavy} == set()
    for_execution = {f"api.{name}" for name in ("client", "async_client", "download")}
    for_execution |= {"storage.sources", "storage.destinations"}
    assert {f"pixverse_provider.{name}" for name in for_execution} <= modules().keys()
    assert {f"pixverse_provider.{name}" for name in for_execution} & loaded == set()
    assert {name for name in loaded if name.startswith("pixverse_provider.triggers")} == set()
    assert {name for name in loaded if name.startswith("pixverse_provider.emulator")} == set()


def test_the_event_loop_of_the_triggerer_pays_for_no_http_library_when_a_trigger_arrives() -> None:
    loaded = loaded_by("import pixverse_provider.triggers.video", before="import airflow.triggers.base")
    assert {name for name in loaded if name.split(".")[0] in ("requests", "aiohttp")} == set()
