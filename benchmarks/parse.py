"""What importing the operators costs, and what parsing a DAG file of 500 tasks costs."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.report import Section, Target

if TYPE_CHECKING:
    from benchmarks.report import Figure

_TASKS = 500

_PROVIDERS = {
    "ours": ["pixverse_provider.operators", "pixverse_provider.sensors"],
    "http": ["airflow.providers.http.operators", "airflow.providers.http.sensors"],
    "dbt-cloud": ["airflow.providers.dbt.cloud.operators", "airflow.providers.dbt.cloud.sensors"],
    "openai": ["airflow.providers.openai.operators", "airflow.providers.openai.sensors"],
    "anthropic": ["airflow.providers.anthropic.operators", "airflow.providers.anthropic.sensors"],
}

# Everything that a DAG file with any operator has loaded anyway is loaded before the clock starts.
_IMPORT = """
import importlib, json, pkgutil, sys, time
import airflow.sdk
for name in ("DAG", "BaseHook", "BaseOperator", "BaseSensorOperator", "task"):
    getattr(airflow.sdk, name)
before, began = set(sys.modules), time.perf_counter()
for package in json.loads(sys.argv[1]):
    try:
        found = importlib.import_module(package)
    except ModuleNotFoundError as err:
        if err.name != package:
            raise
        continue
    for module in pkgutil.iter_modules(found.__path__):
        importlib.import_module(f"{package}.{module.name}")
print(json.dumps([(time.perf_counter() - began) * 1000, len(set(sys.modules) - before)]))
"""

_PARSE = """
import json, sys, time
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
def parse(file):
    began = time.perf_counter()
    bag = DagBag(file, include_examples=False)
    parsed = time.perf_counter()
    assert not bag.import_errors, bag.import_errors
    (dag,) = bag.dags.values()
    data = json.dumps(DagSerialization.to_dict(dag))
    done = time.perf_counter()
    return (parsed - began) * 1000, (done - parsed) * 1000, len(data) / 1024
# The first file has one task and pays for the imports.
parse(sys.argv[1])
print(json.dumps(parse(sys.argv[2])))
"""


@dataclass(frozen=True)
class _Kind:
    """A task of a DAG file.

    :param imports: the line that imports its class.
    :param calls: expressions that make a task; ``n`` is its number. They take turns.
    """

    imports: str
    calls: list[str]


_SPEECH = "lip_sync_tts_speaker_id='auto', lip_sync_tts_content='Hello, Ada.'"
_MIX = [
    f"PixVerseLipSyncOperator(task_id=f't{{n}}', source_video_id=7, {_SPEECH}, deferrable=True)",
    "PixVerseUploadMediaOperator(task_id=f't{n}', source='/data/a.mp4')",
    "PixVerseTextToVideoOperator(task_id=f't{n}', prompt='A cat', model='v5', duration=5, quality='540p')",
    "PixVerseVideoSensor(task_id=f't{n}', video_id=7, deferrable=True)",
    "PixVerseDownloadVideoOperator(task_id=f't{n}', video_id=7, destination='/data/videos/')",
]
_KINDS = {
    "EmptyOperator": _Kind(
        "from airflow.providers.standard.operators.empty import EmptyOperator",
        ["EmptyOperator(task_id=f't{n}')"],
    ),
    "BashOperator": _Kind(
        "from airflow.providers.standard.operators.bash import BashOperator",
        ["BashOperator(task_id=f't{n}', bash_command='true')"],
    ),
    "ours, lip sync": _Kind(
        "from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator", [_MIX[0]]
    ),
    "ours, five operators in turn": _Kind(
        "from pixverse_provider.operators.download import PixVerseDownloadVideoOperator\n"
        "from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator\n"
        "from pixverse_provider.operators.upload import PixVerseUploadMediaOperator\n"
        "from pixverse_provider.operators.video import PixVerseTextToVideoOperator\n"
        "from pixverse_provider.sensors.video import PixVerseVideoSensor",
        _MIX,
    ),
    "HttpOperator": _Kind(
        "from airflow.providers.http.operators.http import HttpOperator",
        ["HttpOperator(task_id=f't{n}', endpoint='/video/lip_sync/generate', data='{}', deferrable=True)"],
    ),
    "DbtCloudRunJobOperator": _Kind(
        "from airflow.providers.dbt.cloud.operators.dbt import DbtCloudRunJobOperator",
        ["DbtCloudRunJobOperator(task_id=f't{n}', job_id=7, deferrable=True)"],
    ),
    "OpenAIEmbeddingOperator": _Kind(
        "from airflow.providers.openai.operators.openai import OpenAIEmbeddingOperator",
        ["OpenAIEmbeddingOperator(task_id=f't{n}', conn_id='openai_default', input_text='Hello')"],
    ),
}


def run(*, quick: bool) -> Section:
    """Import and parse in fresh processes, in turns, and take the median of each."""
    rounds = 2 if quick else 9
    imports: dict[str, list[list[float]]] = {name: [] for name in _PROVIDERS}
    parses: dict[str, list[list[float]]] = {name: [] for name in _KINDS}
    with tempfile.TemporaryDirectory(prefix="pixverse-bench-") as folder:
        environment = _quiet_airflow(Path(folder))
        files = {
            name: (_dag_file(Path(folder), name, 1), _dag_file(Path(folder), name, _TASKS)) for name in _KINDS
        }
        for _ in range(rounds + 1):
            for name, packages in _PROVIDERS.items():
                imports[name].append(_child(_IMPORT, json.dumps(packages), environment=environment))
            for name, (one, many) in files.items():
                parses[name].append(_child(_PARSE, str(one), str(many), environment=environment))
    # The first round fills the caches of bytecode and of the disk.
    by_import = {name: _medians(found[1:]) for name, found in imports.items()}
    by_parse = {name: _medians(found[1:]) for name, found in parses.items()}
    empty = by_parse["EmptyOperator"][0] + by_parse["EmptyOperator"][1]
    rows: list[dict[str, Figure]] = [
        _row(f"import all of {name}", import_ms=figures[0], modules=int(figures[1]))
        for name, figures in by_import.items()
    ]
    rows += [
        _row(
            f"{_TASKS} of {name}",
            execute_ms=figures[0],
            serialize_ms=figures[1],
            ratio=(figures[0] + figures[1]) / empty,
            kb=figures[2],
        )
        for name, figures in by_parse.items()
    ]
    return Section(
        "parse",
        "importing all operators and sensors of a provider, and parsing a DAG file of 500 tasks",
        rows,
        [
            Target("all our operators and sensors over airflow.sdk, ms", by_import["ours"][0], 50.0),
            *(
                Target(
                    f"{_TASKS} of {name}, times {_TASKS} EmptyOperators",
                    (by_parse[name][0] + by_parse[name][1]) / empty,
                    1.2,
                )
                for name in ("ours, lip sync", "ours, five operators in turn")
            ),
        ],
        [
            f"Median of {rounds} fresh processes each, in turns.",
            "Import: on top of `airflow.sdk` with DAG, BaseHook, BaseOperator, BaseSensorOperator and task.",
            "Parse: `DagBag` and `DagSerialization.to_dict`, as the DAG processor does.",
            "The imports of the file have been paid for by a file with one task before.",
        ],
    )


def _row(what: str, **figures: Figure) -> dict[str, Figure]:
    columns = {
        "import_ms": "import ms",
        "modules": "modules",
        "execute_ms": "execute ms",
        "serialize_ms": "serialize ms",
        "ratio": "times EmptyOperator",
        "kb": "serialized KB",
    }
    return {"what": what} | {title: figures.get(name) for name, title in columns.items()}


def _dag_file(folder: Path, name: str, tasks: int) -> Path:
    kind = _KINDS[name]
    calls = ", ".join(f"lambda n: {call}" for call in kind.calls)
    file = folder / f"{list(_KINDS).index(name)}_{tasks}.py"
    file.write_text(
        f"from airflow.sdk import DAG\n{kind.imports}\n"
        f"calls = [{calls}]\n"
        f"with DAG('many_{tasks}', schedule=None):\n"
        f"    for n in range({tasks}):\n"
        f"        calls[n % len(calls)](n)\n"
    )
    return file


def _quiet_airflow(folder: Path) -> dict[str, str]:
    """Return the environment of an Airflow that has no examples and writes nowhere else."""
    return os.environ | {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    }


def _child(code: str, *arguments: str, environment: dict[str, str]) -> list[float]:
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    figures: Any = json.loads(run.stdout.splitlines()[-1])
    return [float(figure) for figure in figures]


def _medians(rounds: list[list[float]]) -> list[float]:
    return [statistics.median(figures) for figures in zip(*rounds, strict=True)]
