"""Text is data: what is sent of a text with braces, in each way that a text comes into a task."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG, Variable, literal, task, task_group
from structlog.testing import capture_logs

from pixverse_provider.exceptions import PixVerseInvalidRequestError
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from pixverse_provider.operators.references import PixVerseMultiTransitionOperator
from pixverse_provider.operators.upload import PixVerseUploadImageOperator
from tests.support.dags import FinishedRun, run_dag

if TYPE_CHECKING:
    from pixverse_provider.emulator.client import EmulatorControl

pytestmark = pytest.mark.usefixtures("airflow_db", "at_once")

COMMENT = "Use {# sharp #} words"
TAG = "Now {% off %}, today"
NAME = "Hello {{ name }}, welcome"
OPEN = "Two braces {{ and no end"
# What is no template, whatever it looks like.
PLAIN = 'A {set} of 50% "quotes" }} at #1, and a name.sql'
ALL = f"{COMMENT}. {TAG}. {NAME}. {PLAIN}. {OPEN}"

DOCS = Path(__file__).parents[2] / "docs"
STILL = DOCS.parent / "dags_examples" / "media" / "still.png"
TALK: dict[str, Any] = {"task_id": "talk", "wait_for_completion": False}


@task
def one(text: Any) -> Any:
    return text


@task
def many(text: Any) -> list[Any]:
    return [text]


@task
def rows(text: Any) -> list[dict[str, Any]]:
    return [{"lip_sync_tts_content": text}]


def as_it_stands(row: dict[str, str]) -> dict[str, Any]:
    return row | {"lip_sync_tts_content": literal(row["lip_sync_tts_content"])}


def talk(text: Any) -> Any:
    return PixVerseLipSyncOperator(**TALK, lip_sync_tts_content=text)


def mapped(**fixed: Any) -> Any:
    return PixVerseLipSyncOperator.partial(**TALK, **fixed)


@task_group
def group(text: Any) -> None:
    talk(text)


def in_a_list(text: str) -> Any:
    image = PixVerseUploadImageOperator(task_id="image", source=str(STILL)).output
    frames: list[dict[str, Any]] = [
        {"img_id": image, "duration": 5, "prompt": literal(text)},
        {"img_id": image},
    ]
    return PixVerseMultiTransitionOperator(**TALK, model="v5", quality="360p", multi_transition=frames)


# Whatever braces there are, these hand the text over as it stands.
AS_GIVEN: dict[str, Callable[[str], Any]] = {
    "literal() in the constructor": lambda text: talk(literal(text)),
    "literal() in partial": lambda text: mapped(lip_sync_tts_content=literal(text)).expand(max_credits=[99]),
    "literal() in expand": lambda text: mapped().expand(lip_sync_tts_content=[literal(text)]),
    "literal() in expand_kwargs": lambda text: mapped().expand_kwargs(
        [{"lip_sync_tts_content": literal(text)}]
    ),
    "literal() in map() of rows": lambda text: mapped().expand_kwargs(rows(literal(text)).map(as_it_stands)),
    "expand over a list of a task": lambda text: mapped().expand(lip_sync_tts_content=many(literal(text))),
    "expand over outputs": lambda text: mapped().expand(lip_sync_tts_content=[one(literal(text))]),
    "literal() in an item of a list": in_a_list,
    "output of a task": lambda text: talk(one(literal(text))),
    "output in an f-string": lambda text: (source := one(literal(text))) >> talk(f"{source}"),
    "output in partial": lambda text: mapped(lip_sync_tts_content=one(literal(text))).expand(
        max_credits=[99]
    ),
    "mapped task group": lambda text: group.expand(text=[text]),
    "mapped task group over a list of a task": lambda text: group.expand(text=many(literal(text))),
    "mapped task group over rows": lambda text: group.expand_kwargs([{"text": text}]),
    "template of xcom_pull": lambda text: one(literal(text)) >> talk("{{ ti.xcom_pull(task_ids='one') }}"),
    "template of params": lambda _: talk("{{ params.text }}"),
    "template of a run's conf": lambda _: talk("{{ dag_run.conf['text'] }}"),
    "template of a variable": lambda _: talk("{{ var.value.text }}"),
    "{% raw %}": lambda text: talk("{% raw %}" + text + "{% endraw %}"),
}

# These let Airflow render the text.
RENDERED: dict[str, Callable[[str], Any]] = {
    "constructor": talk,
    "partial": lambda text: mapped(lip_sync_tts_content=text).expand(max_credits=[99]),
    "expand": lambda text: mapped().expand(lip_sync_tts_content=[text]),
    "expand_kwargs": lambda text: mapped().expand_kwargs([{"lip_sync_tts_content": text}]),
    "expand_kwargs over rows of a task": lambda text: mapped().expand_kwargs(rows(literal(text))),
    "Variable.get() in the DAG file": lambda _: talk(Variable.get("text")),
}


def text_in(request: dict[str, Any]) -> Any:
    frames = request.get("multi_transition")
    return frames[0]["prompt"] if frames else request["lip_sync_tts_content"]


def with_its_error(_logger: Any, _name: str, line: Any) -> Any:
    return line | {"error": sys.exc_info()[1]}


@dataclass
class Outcome:
    """What a user sees of a run, and what PixVerse was sent."""

    run: FinishedRun
    sent: list[str]
    warnings: list[str]
    errors: list[Any]


Run = Callable[..., Outcome]


@pytest.fixture
def run(
    request: pytest.FixtureRequest,
    emulator: EmulatorControl,
    finished_video: int,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run a DAG of one way in, for one text."""

    def run(way: Callable[[str], Any], text: str, **dag_arguments: Any) -> Outcome:
        monkeypatch.setenv("AIRFLOW_VAR_TEXT", text)
        defaults = {
            "source_video_id": finished_video,
            "lip_sync_tts_speaker_id": "auto",
            "retries": 3,
        }
        dag_id = f"text_{sha256(request.node.name.encode()).hexdigest()[:16]}"
        with DAG(dag_id, schedule=None, params={"text": text}, default_args=defaults, **dag_arguments) as dag:
            way(text)
        with capture_logs([with_its_error]) as lines:
            finished = run_dag(dag, {"text": text})
        return Outcome(
            finished,
            [text_in(job["request"]) for job in emulator.jobs() if job["kind"] != "text_to_video"],
            [line["event"] for line in lines if line["log_level"] == "warning"],
            [line["error"] for line in lines if line["event"] == "Task failed with exception"],
        )

    return run


@pytest.mark.parametrize("way", AS_GIVEN.values(), ids=AS_GIVEN)
@pytest.mark.parametrize("text", [COMMENT, ALL], ids=["comment", "all"])
def test_a_text_is_sent_as_it_stands(run: Run, way: Callable[[str], Any], text: str) -> None:
    outcome = run(way, text)
    assert outcome.run.state == "success"
    assert outcome.sent == [text]
    assert outcome.warnings == []


rendered = pytest.mark.parametrize("way", RENDERED.values(), ids=RENDERED)


@rendered
def test_words_that_rendering_drops_are_told_before_the_submit(run: Run, way: Callable[[str], Any]) -> None:
    outcome = run(way, COMMENT)
    assert outcome.sent == ["Use  words"]
    (warning,) = outcome.warnings
    assert "dropped '{# sharp #}' from lip_sync_tts_content" in warning
    assert "literal() of airflow.sdk" in warning


@rendered
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (TAG, "Encountered unknown tag 'off'"),
        (NAME, "'name' is undefined"),
        (OPEN, "expected token 'end of print statement', got 'no'"),
    ],
    ids=["tag", "name", "open"],
)
def test_a_text_that_cannot_be_rendered_fails_at_once_in_one_sentence_and_costs_nothing(
    run: Run, way: Callable[[str], Any], text: str, reason: str
) -> None:
    outcome = run(way, text)
    assert outcome.sent == []
    (error,) = outcome.errors
    assert isinstance(error, PixVerseInvalidRequestError)
    says = str(error)
    assert says.startswith(f"lip_sync_tts_content cannot be rendered as a Jinja template ({reason}): ")
    assert "literal() of airflow.sdk" in says
    assert "\n" not in says
    assert outcome.run.tries("talk") == 1


@rendered
def test_a_text_without_the_braces_of_a_template_is_sent_as_it_stands(
    run: Run, way: Callable[[str], Any]
) -> None:
    outcome = run(way, PLAIN)
    assert outcome.sent == [PLAIN]
    assert outcome.warnings == []


@rendered
def test_a_template_is_one_in_each_of_these_and_nothing_is_said(run: Run, way: Callable[[str], Any]) -> None:
    outcome = run(way, "{# who #}I am {{ task.task_id }}{% if params.text %}.{% endif %}")
    assert outcome.sent == ["I am talk."]
    assert outcome.warnings == []


@pytest.mark.parametrize("deferrable", [False, True], ids=["in the worker", "deferred"])
def test_a_task_that_resumes_is_not_told_again(run: Run, *, deferrable: bool) -> None:
    def wait(text: str) -> Any:
        return PixVerseLipSyncOperator(
            task_id="talk", lip_sync_tts_content=text, deferrable=deferrable, poll_interval=1.0
        )

    outcome = run(wait, COMMENT)
    assert outcome.run.state == "success"
    assert outcome.sent == ["Use  words"]
    assert len(outcome.warnings) == 1


def test_rows_of_which_one_is_no_template_cost_only_the_others(run: Run) -> None:
    texts = ["One.", TAG, "Two."]
    outcome = run(
        lambda _: mapped().expand_kwargs([{"lip_sync_tts_content": text} for text in texts]), "unused"
    )
    assert sorted(outcome.sent) == ["One.", "Two."]
    assert len(outcome.errors) == 1


def test_an_output_within_a_row_is_refused_since_airflow_never_resolves_it(run: Run) -> None:
    outcome = run(
        lambda text: mapped().expand_kwargs([{"lip_sync_tts_content": one(literal(text))}]), COMMENT
    )
    assert outcome.sent == []
    (error,) = outcome.errors
    assert isinstance(error, PixVerseInvalidRequestError)
    assert "lip_sync_tts_content" in str(error)


class TestNativeTypes:
    """With ``render_template_as_native_obj`` Airflow reads what it has rendered as a Python literal."""

    QUOTED = '"Hello." # she said'

    def test_what_python_takes_for_a_comment_is_told_of(self, run: Run) -> None:
        outcome = run(talk, self.QUOTED, render_template_as_native_obj=True)
        assert outcome.sent == ["Hello."]
        (warning,) = outcome.warnings
        assert "dropped all but 'Hello.' from lip_sync_tts_content" in warning

    @pytest.mark.parametrize("way", ["literal() in the constructor", "output of a task", "mapped task group"])
    def test_a_text_that_is_not_rendered_is_sent_as_it_stands(self, run: Run, way: str) -> None:
        outcome = run(AS_GIVEN[way], self.QUOTED, render_template_as_native_obj=True)
        assert outcome.sent == [self.QUOTED]
        assert outcome.warnings == []


def test_the_page_says_of_each_way_in_what_these_tests_see() -> None:
    cells = [line.split(" | ") for line in (DOCS / "text.md").read_text().splitlines()]
    says = {row[0].removeprefix("| "): row[2].strip("*") for row in cells if len(row) == 3}
    for way in RENDERED:
        assert says.pop(way).startswith("rendered"), way
    for way in AS_GIVEN:
        assert says.pop(way).startswith("as they stand"), way
    assert says.pop("output in a row of expand_kwargs").startswith("refused")
    assert [*says] == ["A text comes in by"]
