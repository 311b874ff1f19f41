"""The documents say what the code does: examples run, links lead somewhere, tables are complete."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pixverse_provider import exceptions
from pixverse_provider.api.errors import ERROR_CODES, describe_error_code
from pixverse_provider.api.settings import ClientSettings, read_base_url
from pixverse_provider.emulator import cli
from pixverse_provider.emulator.account.jobs import JobRecord as EmulatedJob
from pixverse_provider.emulator.account.ledger import (
    INCIDENTS,
    REQUEST_KINDS,
    BalanceRecord,
    EntryRecord,
    IncidentRecord,
    LedgerRecord,
    RequestRecord,
    SubmitRecord,
)
from pixverse_provider.emulator.account.settings import Settings
from pixverse_provider.emulator.client import EmulatorControl
from pixverse_provider.emulator.faults import (
    API_ENDPOINTS,
    KINDS,
    MAGIC_WORDS,
    MEDIA,
    REFUSE_WORD,
    FaultPlan,
    FaultRecord,
    InvalidFaultError,
)
from pixverse_provider.emulator.protocol import EFFECT_QUALITY, TEMPLATE_NOT_ACTIVE
from pixverse_provider.emulator.rules.catalogue import IMAGE_TEMPLATES, QUALITIES, VIDEO_TEMPLATES
from pixverse_provider.get_provider_info import CONN_FIELDS
from pixverse_provider.hooks.connection import settings_from_connection
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.jobs.record import JobRecord
from tests.support.kinds import public_tasks

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

PROJECT = Path(__file__).resolve().parents[2]
PAGES = [
    *sorted(PROJECT.joinpath("docs").glob("*.md")),
    *(PROJECT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
]
IMAGES = PROJECT / "docs" / "images"

_FENCE = re.compile(
    r"(?:<!-- needs (?P<needs>[\w.]+) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)
_SET_CONNECTION = re.compile(r"export (AIRFLOW_CONN_\w+)='(?P<value>[^']+)'")


@dataclass(frozen=True)
class Block:
    """A piece of code in a page.

    :param needs: dotted name without which this Airflow cannot run it.
    """

    page: Path
    line: int
    language: str
    code: str
    needs: str | None

    def __str__(self) -> str:
        return f"{self.page.relative_to(PROJECT)}:{self.line}"

    @property
    def file_name(self) -> str | None:
        """Name of the file that the first line says this is, if it does."""
        found = re.match(r"# ([\w/]+\.py)\n", self.code)
        return found[1] if found else None

    def compiled(self) -> Any:
        # Empty lines make a traceback name the line of the page.
        return compile("\n" * self.line + self.code, str(self.page), "exec")


def blocks(language: str) -> list[Block]:
    return [
        Block(page, text[: match.start("code")].count("\n"), language, match["code"], match["needs"])
        for page, text in ((page, page.read_text()) for page in PAGES)
        for match in _FENCE.finditer(text)
        if match["language"] == language
    ]


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    titles = (match["title"].lower() for match in _HEADING.finditer(prose(page)))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def section(page: Path, title: str) -> str:
    """Return the text below a heading of the second level."""
    found = re.search(
        rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page.read_text(), re.MULTILINE | re.DOTALL
    )
    assert found, f"{page.name} has no section {title!r}"
    return found[1]


def rows(text: str) -> dict[str, list[str]]:
    """Return the rows of all tables by their first cell, without its backticks."""
    cells = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in re.findall(r"^\|.*\|$", text, re.MULTILINE)
    )
    return {first.strip("`"): rest for first, *rest in cells}


def is_available(dotted_name: str) -> bool:
    module, _, name = dotted_name.rpartition(".")
    return hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_an_example_runs(block: Block) -> None:
    code = block.compiled()
    if block.needs and not is_available(block.needs):
        pytest.skip(f"this Airflow has no {block.needs}")
    if block.file_name is None:
        exec(code, {"__name__": "example"})  # noqa: S102 - our own documents


def test_the_example_project_of_the_emulator_page_passes_its_test(tmp_path: Path) -> None:
    for block in blocks("python"):
        if block.file_name is not None:
            file = tmp_path / block.file_name
            file.parent.mkdir(exist_ok=True)
            file.write_text(block.code)
    shutil.copy(PROJECT / "dags_examples" / "media" / "presenter.mp4", tmp_path / "dags")
    # The settings of this test session must not reach it.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path,
        env=environment | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout
    assert "1 passed" in run.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    broken = []
    for match in _LINK.finditer(prose(page)):
        target, _, anchor = match["target"].partition("#")
        if "://" in target:
            continue
        file = (page.parent / target).resolve() if target else page
        if not IMAGES.exists() and file.parent == IMAGES:
            continue
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(match["target"])
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_of_the_documents_exists(page: Path) -> None:
    code = "\n".join(re.findall(r"`([^`\n]+)`", page.read_text()) + [block.code for block in blocks("bash")])
    targets = set(re.findall(r"^([a-z-]+):", PROJECT.joinpath("Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", code)) - targets == set()


@pytest.mark.parametrize(
    "value",
    [match["value"] for page in PAGES for match in _SET_CONNECTION.finditer(page.read_text())],
)
def test_a_connection_of_the_documents_is_understood(value: str) -> None:
    from airflow.models.connection import Connection

    if value.startswith("{"):
        connection = Connection.from_json(value, conn_id="documented")
    else:
        connection = Connection(conn_id="documented", uri=value)
    settings = settings_from_connection(connection)
    assert isinstance(settings, ClientSettings)
    assert settings.base_url.endswith("/openapi/v2")


CONNECTION = PROJECT / "docs" / "connection.md"


def test_a_base_url_of_the_documents_leads_where_they_say() -> None:
    table = re.findall(
        r"^\| (.+?) \| (.*?) ?\| (.*?) ?\| `(https?://.+)` \|$", CONNECTION.read_text(), re.MULTILINE
    )
    assert len(table) >= 10
    for host, port, schema, asked in table:
        given = "" if host == "empty" else host.strip("`")
        found = read_base_url(given, "", port=int(port or 0), schema=schema.strip("`"))
        assert found == asked


@pytest.mark.parametrize("name", CONN_FIELDS)
def test_the_documents_name_the_range_of_an_extra(name: str) -> None:
    schema = CONN_FIELDS[name]["schema"]
    said = f"from {schema['minimum']} to {schema['maximum']}"
    (row,) = [line for line in CONNECTION.read_text().splitlines() if f"| extra `{name}` |" in line]
    assert said in row
    assert f"`{name}` {said}" in PROJECT.joinpath("SECURITY.md").read_text()


OPERATORS = PROJECT / "docs" / "operators.md"


def own_arguments(task: type[BaseOperator]) -> dict[str, inspect.Parameter]:
    """Return the arguments that the nearest constructor of this project names."""
    for base in task.__mro__:
        if "__init__" in vars(base):
            parameters = inspect.signature(inspect.unwrap(vars(base)["__init__"])).parameters
            return {
                name: parameter
                for name, parameter in parameters.items()
                if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not name.startswith("_")
            }
    raise AssertionError(task)


@pytest.mark.parametrize("task", public_tasks().values(), ids=lambda task: task.__name__)
def test_every_argument_is_documented_with_its_default_and_whether_it_is_templated(
    task: type[BaseOperator],
) -> None:
    own = section(OPERATORS, task.__name__)
    # What several have in common stands in a section of its own, which is linked.
    shared = [
        title for title in ("Clip options", "Common arguments") if f"[{title.lower()}](#" in own.lower()
    ]
    tables = [rows(text) for text in (*(section(OPERATORS, title) for title in shared), own)]
    documented = {name: cells for table in tables for name, cells in table.items() if len(cells) == 3}
    expected = {}
    for argument, parameter in own_arguments(task).items():
        default = "needed" if parameter.default is inspect.Parameter.empty else f"`{parameter.default!r}`"
        if argument == "deferrable":
            default = "`[operators] default_deferrable`"
        templated = "yes" if argument in task.template_fields else "no"
        expected[argument] = [default.replace("'", '"'), templated]
    actual = {argument: documented[argument][:2] for argument in expected if argument in documented}
    assert expected
    assert actual == expected


@pytest.mark.parametrize("task", public_tasks().values(), ids=lambda task: task.__name__)
def test_every_class_is_listed_with_its_module(task: type[BaseOperator]) -> None:
    overview = OPERATORS.read_text().partition("\n## ")[0]
    line = next((line for line in overview.splitlines() if f"| [`{task.__name__}`]" in line), "")
    assert f"| `{task.__module__}` |" in line


def test_every_call_of_the_hook_is_documented() -> None:
    described = section(OPERATORS, "PixVerseHook")
    own = {name for name, value in vars(PixVerseHook).items() if callable(value) and not name.startswith("_")}
    assert {name for name in own if f"`{name}(" not in described} == set()


ERRORS = PROJECT / "docs" / "errors.md"


def error_classes() -> list[type[exceptions.PixVerseError]]:
    values = (getattr(exceptions, name) for name in exceptions.__all__)
    return [value for value in values if isinstance(value, type)]


@pytest.mark.parametrize("error", error_classes(), ids=lambda error: error.__name__)
def test_every_error_is_documented_and_says_whether_a_retry_helps(
    error: type[exceptions.PixVerseError],
) -> None:
    from airflow.providers.common.compat.sdk import AirflowFailException

    when, helps, _what_to_do = rows(ERRORS.read_text())[error.__name__]
    assert when
    if error is not exceptions.PixVerseError:
        assert helps.startswith("no") is issubclass(error, AirflowFailException)
        assert helps.startswith("yes") is not issubclass(error, AirflowFailException)


def test_every_code_of_pixverse_is_documented_with_the_class_it_becomes() -> None:
    documented: dict[int, str] = {}
    for codes, (_meaning, becomes) in (
        (first, cells)
        for first, cells in rows(section(ERRORS, "Codes of PixVerse")).items()
        if first[:1].isdigit()
    ):
        first, _, last = codes.partition(" to ")
        numbers = range(int(first), int(last) + 1) if last else map(int, codes.split(", "))
        documented |= dict.fromkeys(numbers, becomes)
    expected = {}
    for code in ERROR_CODES:
        on_read, on_submit = (
            describe_error_code(code, paid=paid).error_class.__name__ for paid in (False, True)
        )
        expected[code] = f"`{on_read}`" + ("" if on_read == on_submit else f"; at a submit `{on_submit}`")
    assert documented == expected


RETRIES = PROJECT / "docs" / "retries.md"


def record_of_the_page() -> Any:
    (block,) = (block for block in blocks("json") if block.page == RETRIES)
    return json.loads(block.code)


def test_the_job_record_of_the_documents_is_as_the_code_writes_it() -> None:
    documented = record_of_the_page()
    record = JobRecord.from_json(documented)
    assert record.to_json() == documented
    before = JobRecord.from_json(documented["earlier"][0] | {"clear_marker": 2, "sequence": 0})
    assert [*before.history()] == documented["earlier"]


def test_every_field_of_a_job_record_is_explained() -> None:
    first_cells = re.findall(r"^\| (`.*?) \|", section(RETRIES, "The record"), re.MULTILINE)
    explained = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert explained == record_of_the_page().keys()


EMULATOR = PROJECT / "docs" / "emulator.md"


def test_every_option_of_the_emulator_is_documented_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["serve", "--help"])
    options = set(re.findall(r"^  (--[a-z-]+)", capsys.readouterr().out, re.MULTILINE))
    assert options
    assert {name for name in rows(section(EMULATOR, "Run it")) if re.match("--[a-z]", name)} == options


def test_every_setting_of_the_emulator_is_documented_with_its_default() -> None:
    documented = rows(section(EMULATOR, "Settings"))
    actual = {name: documented[name][0].partition(";")[0].strip("`") for name in Settings().public()}
    assert actual == {name: str(value) for name, value in Settings().public().items()}


def test_every_template_is_documented_with_its_limits_and_no_other() -> None:
    expected = {}
    for template_id, template in VIDEO_TEMPLATES.items():
        limits = f"{template.seconds} s"
        if template.qualities != QUALITIES:
            limits += (
                f", only at {' and '.join(template.qualities)}; another quality is answered {EFFECT_QUALITY}"
            )
        expected[str(template_id)] = ["a video", limits]
    expected |= {str(template_id): ["an image", ""] for template_id in IMAGE_TEMPLATES}
    documented = rows(section(EMULATOR, "Templates that are activated"))
    assert {name: cells for name, cells in documented.items() if name.isdigit()} == expected
    assert str(TEMPLATE_NOT_ACTIVE) in section(EMULATOR, "Templates that are activated")


def test_every_key_of_a_record_of_the_emulator_is_documented_and_no_other() -> None:
    documented: dict[str, set[str]] = {}
    of = ""
    for line in re.findall(r"^\| .*\|$", section(EMULATOR, "Records"), re.MULTILINE)[1:]:
        first, keys, _meaning = (cell.strip() for cell in line.strip("|").split("|"))
        of = first or of
        documented.setdefault(of, set()).update(re.findall(r"`(\w+)`", keys))
    records = {
        "`jobs()`, `job()`": EmulatedJob,
        "`ledger()`": LedgerRecord,
        '`ledger()["entries"]`': EntryRecord,
        '`ledger()["submits"]`': SubmitRecord,
        "`requests()`": RequestRecord,
        "`incidents()`": IncidentRecord,
        "`faults()`": FaultRecord,
    }
    assert documented == {name: set(record.__annotations__) for name, record in records.items()}
    assert all(f"`{name}`" in section(EMULATOR, "Records") for name in BalanceRecord.__annotations__)


@pytest.mark.parametrize(("call", "names"), [("requests", REQUEST_KINDS), ("incidents", INCIDENTS)])
def test_every_kind_of_request_and_incident_is_documented(call: str, names: tuple[str, ...]) -> None:
    (line,) = re.findall(rf"^\| `{call}\(\w+=None.*$", EMULATOR.read_text(), re.MULTILINE)
    assert [name for name in names if f"`{name}`" not in line] == []


def test_every_fault_and_magic_word_is_documented_and_no_other() -> None:
    faults = {name for name in rows(section(EMULATOR, "Faults")) if re.fullmatch("[a-z_0-9]+", name)}
    assert faults == set(KINDS)
    words = {name for name in rows(section(EMULATOR, "Magic words")) if name.startswith("[")}
    assert words == {*MAGIC_WORDS, REFUSE_WORD, "[status 9 10]"}


@pytest.mark.parametrize("what", KINDS)
def test_a_fault_is_documented_with_the_word_that_orders_it_where_it_can_be(what: str) -> None:
    on, _happens = rows(section(EMULATOR, "Faults"))[what]
    plan = FaultPlan()
    for endpoint in (*API_ENDPOINTS, MEDIA, "any"):
        general = "any" if "`any`" in on and endpoint in API_ENDPOINTS else endpoint
        order = {"on": endpoint, "what": what}
        with nullcontext() if f"`{general}`" in on else pytest.raises(InvalidFaultError):
            plan.add(order)


@pytest.mark.parametrize("what", KINDS)
def test_every_detail_of_a_fault_is_documented_and_no_other(what: str) -> None:
    _endpoints, happens = rows(section(EMULATOR, "Faults"))[what]
    assert set(re.findall(r"`(\w+)=", happens)) <= set(KINDS[what].details)
    assert {name for name in KINDS[what].details if not re.search(rf"`{name}\b", happens)} == set()


def test_every_call_of_the_emulator_handle_is_documented() -> None:
    described = section(EMULATOR, "In a test")
    own = {name for name, value in vars(EmulatorControl).items() if callable(value) and name[0] != "_"}
    assert {name for name in own if f"`{name}(" not in described} == set()
