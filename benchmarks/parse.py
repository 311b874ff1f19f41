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

from benchmarks.parse_duration import parse_durations
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

# What the DAG processor does with a file; its manager freezes what it has loaded before it forks.
_PARSE = """
import gc, json, sys, time
from pathlib import Path
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.serialization.serialized_objects import DagSerialization, LazyDeserializedDAG
def parse(file):
    began = time.perf_counter()
    bag = BundleDagBag(file, bundle_path=Path(file).parent, bundle_name="bench", load_op_links=False)
    parsed = time.perf_counter()
    assert not bag.import_errors, bag.import_errors
    (dag,) = bag.dags.values()
    found = LazyDeserializedDAG(data=DagSerialization.to_dict(dag), last_loaded=dag.last_loaded)
    done = time.perf_counter()
    return (parsed - began) * 1000, (done - parsed) * 1000, found
imports, plain, few, many = sys.argv[1:]
parse(plain)
gc.freeze()
began = time.perf_counter()
exec(imports, {})
imported = (time.perf_counter() - began) * 1000
# A few tasks first, for what Airflow and the classes keep from their first use on.
parse(few)
execute, serialize, found = parse(many)
kilobytes = len(json.dumps(found.data)) / 1024
print(json.dumps([execute, serialize, imported + execute + serialize, kilobytes]))
"""


@dataclass(frozen=True)
class _Kind:
    """The tasks of a DAG file.

    :param imports: the lines that import their classes.
    :param calls: expressions that make a task; ``n`` is its number. They take turns.
    """

    imports: str
    calls: list[str]


_CLIP = "prompt='A cat', model='v5', duration=5, quality='540p'"
_LIP_SYNC = "source_video_id=7, lip_sync_tts_speaker_id='auto', lip_sync_tts_content='Hello, Ada.'"

# Every operator and sensor of ours, with what it cannot do without.
_OURS = {
    "operators.account": {"PixVerseBalanceOperator": ""},
    "operators.download": {"PixVerseDownloadVideoOperator": "video_id=7, destination='/data/videos/'"},
    "operators.edit": {
        "PixVerseRestyleOperator": "source_video_id=7, restyle_id=8",
        "PixVerseSwapOperator": "source_video_id=7, mask_id='9', img_id=8, quality='540p'",
        "PixVerseSoundEffectOperator": "source_video_id=7",
        "PixVerseMimicOperator": "source_video_id=7, img_id=8, quality='540p'",
        "PixVerseModifyOperator": "source_video_id=7, prompt='Make it night', quality='540p'",
    },
    "operators.image": {"PixVerseImageTemplateOperator": "img_ids=[8], template_id=9"},
    "operators.lip_sync": {"PixVerseLipSyncOperator": _LIP_SYNC},
    "operators.references": {
        "PixVerseTransitionOperator": f"{_CLIP}, first_frame_img=8, last_frame_img=9",
        "PixVerseMultiTransitionOperator": (
            "multi_transition=[{'img_id': 8, 'duration': 5}, {'img_id': 9}], model='v5', quality='540p'"
        ),
        "PixVerseFusionOperator": (
            f"{_CLIP}, aspect_ratio='16:9', "
            "image_references=[{'type': 'subject', 'img_id': 8, 'ref_name': 'cat'}]"
        ),
    },
    "operators.upload": {
        "PixVerseUploadImageOperator": "source='/data/a.png'",
        "PixVerseUploadMediaOperator": "source='/data/a.mp4'",
    },
    "operators.video": {
        "PixVerseTextToVideoOperator": f"{_CLIP}, aspect_ratio='16:9'",
        "PixVerseImageToVideoOperator": f"{_CLIP}, img_id=8",
        "PixVerseTemplateVideoOperator": "template_id=9, img_id=8, quality='540p'",
        "PixVerseExtendOperator": f"source_video_id=7, {_CLIP}",
    },
    "sensors.credit": {"PixVerseCreditSensor": "min_credits=100"},
    "sensors.video": {"PixVerseVideoSensor": "video_id=7"},
}

# What Airflow itself takes for so many template fields: an operator that stores them and does nothing else.
_BARE = """
from airflow.sdk import BaseOperator
class Bare(BaseOperator):
    template_fields = ({names})
    def __init__(self, *, {parameters}, **kwargs):
        super().__init__(**kwargs)
        {assignments}
    def execute(self, context):
        pass
"""


def _kind(module: str, operator: str, arguments: str) -> _Kind:
    return _Kind(f"from {module} import {operator}", [_call(operator, arguments)])


def _call(operator: str, arguments: str) -> str:
    return f"{operator}(task_id=f't{{n}}', {arguments})"


def _bare(arguments: str, *fields: str) -> _Kind:
    imports = _BARE.format(
        names="".join(f"{field!r}, " for field in fields),
        parameters=", ".join(f"{field}=None" for field in fields),
        assignments="; ".join(f"self.{field} = {field}" for field in fields),
    )
    return _Kind(imports, [_call("Bare", arguments)])


_KINDS = {
    "EmptyOperator": _kind("airflow.providers.standard.operators.empty", "EmptyOperator", ""),
    "bare operator, 1 template field": _bare("a='true'", "a"),
    "bare operator, fields of lip sync": _bare(
        f"pixverse_conn_id='pixverse_default', {_LIP_SYNC}",
        "pixverse_conn_id",
        "source_video_id",
        "video_media_id",
        "audio_media_id",
        "lip_sync_tts_speaker_id",
        "lip_sync_tts_content",
    ),
    "PixVerseLipSyncOperator": _kind(
        "pixverse_provider.operators.lip_sync", "PixVerseLipSyncOperator", _LIP_SYNC
    ),
    "all of ours in turn": _Kind(
        "\n".join(
            f"from pixverse_provider.{module} import {', '.join(names)}" for module, names in _OURS.items()
        ),
        [_call(name, arguments) for names in _OURS.values() for name, arguments in names.items()],
    ),
    "BashOperator": _kind("airflow.providers.standard.operators.bash", "BashOperator", "bash_command='true'"),
    "HttpOperator": _kind(
        "airflow.providers.http.operators.http", "HttpOperator", "endpoint='/video/generate', data='{}'"
    ),
    "OpenAIEmbeddingOperator": _kind(
        "airflow.providers.openai.operators.openai",
        "OpenAIEmbeddingOperator",
        "conn_id='openai_default', input_text='Hello'",
    ),
    "DbtCloudRunJobOperator": _kind(
        "airflow.providers.dbt.cloud.operators.dbt", "DbtCloudRunJobOperator", "job_id=7"
    ),
}
_TARGETED = ("PixVerseLipSyncOperator", "all of ours in turn")


def run(*, quick: bool) -> Section:
    """Import and parse in fresh processes, in turns, and take the median of each."""
    rounds = 3 if quick else 9
    imports: dict[str, list[list[float]]] = {name: [] for name in _PROVIDERS}
    parses: dict[str, list[list[float]]] = {name: [] for name in _KINDS}
    with tempfile.TemporaryDirectory(prefix="pixverse-bench-") as name_of_folder:
        folder = Path(name_of_folder)
        environment = _quiet_airflow(folder)
        files = {name: _dag_files(folder, number, _KINDS[name]) for number, name in enumerate(_KINDS)}
        plain = files["bare operator, 1 template field"][0]
        for _ in range(rounds + 1):
            for name, packages in _PROVIDERS.items():
                imports[name].append(_child(_IMPORT, json.dumps(packages), environment=environment))
            for name, (few, many) in files.items():
                arguments = (_KINDS[name].imports, str(plain), str(few), str(many))
                parses[name].append(_child(_PARSE, *arguments, environment=environment))
        reported = parse_durations(folder / "processor", folder / "many", rounds)
    # The first round fills the caches of bytecode and of the disk.
    by_import = {name: _medians(found[1:]) for name, found in imports.items()}
    by_parse = {name: _medians(found[1:]) for name, found in parses.items()}
    durations = {name: reported[many.stem] for name, (_, many) in files.items()}
    totals = {name: execute + serialize for name, (execute, serialize, *_) in by_parse.items()}
    ratios = {name: total / totals["EmptyOperator"] for name, total in totals.items()}
    rows = [
        _row(f"import all of {name}", import_ms=found[0], modules=int(found[1]))
        for name, found in by_import.items()
    ]
    rows += [
        _row(
            f"{_TASKS} of {name}",
            execute_ms=execute,
            serialize_ms=serialize,
            total_ms=totals[name],
            ratio=ratios[name],
            whole_ms=whole,
            duration_ms=durations[name],
            duration_ratio=durations[name] / durations["EmptyOperator"],
            kb=kilobytes,
        )
        for name, (execute, serialize, whole, kilobytes) in by_parse.items()
    ]
    return Section(
        "parse",
        f"importing all operators and sensors of a provider, and parsing a DAG file of {_TASKS} tasks",
        rows,
        [
            Target("all our operators and sensors over airflow.sdk, ms", by_import["ours"][0], 50.0),
            *(
                Target(
                    f"{_TASKS} of {name}, times {_TASKS} EmptyOperators, by Airflow's own parse duration",
                    durations[name] / durations["EmptyOperator"],
                    1.2,
                )
                for name in _TARGETED
            ),
            *(
                Target(
                    f"{_TASKS} of {name}, times {_TASKS} EmptyOperators, execute and serialize alone",
                    ratios[name],
                    1.2,
                )
                for name in _TARGETED
            ),
        ],
        [
            f"Median of {rounds} fresh processes each, in turns; all bytecode is cached.",
            "Import: on top of `airflow.sdk` with DAG, BaseHook, BaseOperator, BaseSensorOperator and task.",
            "Execute and serialize: `BundleDagBag` and `DagSerialization`, as the DAG processor runs them.",
            "Execute, serialize and total leave out the imports of the file; with imports has them as well.",
            (
                "Parse duration: the median of what a real DAG processor reports for the file (*Last parse "
                "duration* in the UI), from its fork to its result, with all imports."
            ),
            "A bare operator stores its template fields and does nothing else: it shows what Airflow takes.",
            "Airflow serializes every template field that is given; EmptyOperator has none.",
        ],
    )


def _row(what: str, **figures: Figure) -> dict[str, Figure]:
    columns = {
        "import_ms": "import ms",
        "modules": "modules added",
        "execute_ms": "execute ms",
        "serialize_ms": "serialize ms",
        "total_ms": "total ms",
        "ratio": "times EmptyOperator",
        "whole_ms": "with imports ms",
        "duration_ms": "parse duration ms",
        "duration_ratio": "times EmptyOperator's",
        "kb": "serialized KB",
    }
    return {"what": what} | {title: figures.get(name) for name, title in columns.items()}


def _dag_files(folder: Path, number: int, kind: _Kind) -> tuple[Path, Path]:
    """Write a file with one task of each call, and the file that is measured."""
    calls = ", ".join(f"lambda n: {call}" for call in kind.calls)
    files = (folder / "few" / f"few_{number}.py", folder / "many" / f"many_{number}.py")
    for file, tasks in zip(files, (len(kind.calls), _TASKS), strict=True):
        file.parent.mkdir(exist_ok=True)
        file.write_text(
            f"from airflow.sdk import DAG\n{kind.imports}\n"
            f"calls = [{calls}]\n"
            f"with DAG({file.stem!r}, schedule=None):\n"
            f"    for n in range({tasks}):\n"
            f"        calls[n % len(calls)](n)\n"
        )
    return files


def _quiet_airflow(folder: Path) -> dict[str, str]:
    """Return the environment of an Airflow that has no examples, writes nowhere else, and keeps bytecode.

    Where a machine keeps none, a package that was installed without it would pay for being compiled.
    """
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return environment | {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
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
