"""Texts with braces in every argument that is rendered, of every operator and sensor."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG, literal
from structlog.testing import capture_logs

from pixverse_provider.api.fields import Text
from pixverse_provider.api.results import Video
from pixverse_provider.exceptions import PixVerseInvalidRequestError, PixVerseSourceError
from pixverse_provider.jobs.identity import fingerprint_of
from pixverse_provider.jobs.outcome import Outcome, WaitResult, make_event
from pixverse_provider.operators.generation import PixVerseGenerationOperator
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from pixverse_provider.operators.upload import PixVerseUploadMediaOperator
from tests.support.kinds import NAMES, Ids, operator_class, public_tasks, request_class, smallest
from tests.support.tasks import TaskRun
from tests.unit.connections import set_connection
from tests.unit.jobs.making import record
from tests.unit.operators.test_signatures import smallest_of
from tests.unit.scripted_server import success

if TYPE_CHECKING:
    from tests.unit.scripted_server import ScriptedServer

COMMENT = "Use {# sharp #} words"
TAG = "Now {% off %}, today"

TASKS = [task for task in public_tasks().values() if task is not PixVerseGenerationOperator]
EVERY_ARGUMENT = [(task, name) for task in TASKS for name in task.template_fields]
FREE_TEXTS = [
    (name, field.name)
    for name in NAMES
    for field in dataclasses.fields(request_class(name))  # type: ignore[arg-type]
    if isinstance(field.metadata["reader"], Text)
    and not field.metadata["reader"].of_digits
    and field.name != "reference_mode"
]


def rendered(kind: type[Any], **arguments: Any) -> TaskRun:
    """Return a task as it is when Airflow calls ``execute``."""
    with DAG("texts", schedule=None) as dag:
        run = TaskRun(kind(task_id="make", **arguments))
    run.operator.render_template_fields(run.context, dag.get_template_env())
    return run


def with_text(name: str, field: str, text: Any) -> dict[str, Any]:
    arguments = smallest(name, Ids())
    if field == "restyle_prompt":
        del arguments["restyle_id"]
    return arguments | {field: text}


def drops(lines: list[Any]) -> list[str]:
    """Return the warnings about what rendering has dropped."""
    return [line["event"] for line in lines if "dropped" in line["event"] and line["log_level"] == "warning"]


@pytest.mark.parametrize(
    ("task", "argument"), EVERY_ARGUMENT, ids=lambda value: getattr(value, "__name__", value)
)
def test_an_argument_that_cannot_be_rendered_is_named_before_any_call(task: Any, argument: str) -> None:
    run = rendered(task, **(smallest_of(task) | {"pixverse_conn_id": "none", argument: TAG}))
    with pytest.raises(PixVerseInvalidRequestError, match=f"^{argument} cannot be rendered .*tag 'off'"):
        run.attempt()


def test_the_free_texts_are_those_that_pixverse_reads_as_words() -> None:
    assert {field for _, field in FREE_TEXTS} == {
        "prompt",
        "negative_prompt",
        "restyle_prompt",
        "lip_sync_tts_content",
        "sound_effect_content",
    }


class TestOnTheWire:
    @pytest.fixture(autouse=True)
    def _connection(self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
        set_connection(monkeypatch, server.url)

    def submitted(self, server: ScriptedServer, name: str, **arguments: Any) -> tuple[Any, list[str]]:
        """Return what is sent of a job, and what is said of its texts before that."""
        server.will(success({"image_id" if name == "ImageTemplate" else "video_id": 7}))
        run = rendered(operator_class(name), wait_for_completion=False, **arguments)
        with capture_logs() as lines:
            assert run.attempt() == 7
        return server.requests[0].json, drops(lines)

    @pytest.mark.parametrize(("name", "field"), FREE_TEXTS)
    def test_every_text_that_loses_words_is_told_of(
        self, server: ScriptedServer, name: str, field: str
    ) -> None:
        sent, said = self.submitted(server, name, **with_text(name, field, COMMENT))
        assert sent[field] == "Use  words"
        assert len(said) == 1
        assert f"'{{# sharp #}}' from {field}, " in said[0]

    @pytest.mark.parametrize(("name", "field"), FREE_TEXTS)
    def test_every_text_is_sent_as_it_stands_where_it_is_a_literal(
        self, server: ScriptedServer, name: str, field: str
    ) -> None:
        sent, said = self.submitted(server, name, **with_text(name, field, literal(f"{COMMENT} {TAG}")))
        assert sent[field] == f"{COMMENT} {TAG}"
        assert said == []

    @pytest.mark.parametrize("as_text", [False, True], ids=["list", "JSON text"])
    def test_the_prompts_of_a_list_are_told_of_too(self, server: ScriptedServer, *, as_text: bool) -> None:
        arguments = smallest("MultiTransition", Ids())
        first, second = arguments["multi_transition"]
        frames: Any = [first | {"prompt": COMMENT}, second]
        if as_text:
            frames = str(frames).replace("'", '"')
        sent, said = self.submitted(server, "MultiTransition", **(arguments | {"multi_transition": frames}))
        assert sent["multi_transition"][0]["prompt"] == "Use  words"
        assert len(said) == 1
        where = "multi_transition" if as_text else "multi_transition[0].prompt"
        assert f"'{{# sharp #}}' from {where}, " in said[0]

    def test_a_prompt_of_a_list_may_be_a_literal(self, server: ScriptedServer) -> None:
        arguments = smallest("MultiTransition", Ids())
        first, second = arguments["multi_transition"]
        frames = [first | {"prompt": literal(COMMENT)}, second]
        sent, said = self.submitted(server, "MultiTransition", **(arguments | {"multi_transition": frames}))
        assert sent["multi_transition"][0]["prompt"] == COMMENT
        assert said == []

    def test_a_text_that_is_dropped_as_a_whole_is_told_of_before_it_is_missed(self) -> None:
        run = rendered(operator_class("TextToVideo"), **with_text("TextToVideo", "prompt", "{# sharp #}"))
        with (
            capture_logs() as lines,
            pytest.raises(PixVerseInvalidRequestError, match="prompt is missing"),
        ):
            run.attempt()
        assert len(drops(lines)) == 1

    def test_a_file_name_that_loses_a_part_is_told_of(self) -> None:
        run = rendered(PixVerseUploadMediaOperator, source=["/no/such{#1#}.mp4"])
        with capture_logs() as lines, pytest.raises(PixVerseSourceError):
            run.attempt()
        assert len(drops(lines)) == 1
        assert "'{#1#}' from source[0], " in drops(lines)[0]


def test_a_literal_has_a_type_that_is_taken(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """``mypy`` reads it as well."""
    set_connection(monkeypatch, server.url)
    server.will(success({"video_id": 7}))
    task = PixVerseLipSyncOperator(
        task_id="talk",
        source_video_id=1,
        lip_sync_tts_content=literal(COMMENT),
        lip_sync_tts_speaker_id="auto",
        wait_for_completion=False,
    )
    run = TaskRun(task)
    task.render_template_fields(run.context)
    assert run.attempt() == 7
    assert server.requests[0].json["lip_sync_tts_content"] == COMMENT


@pytest.mark.parametrize("text", [COMMENT, "{{ ti.task_id }}", literal("Use  words")])
def test_what_a_job_is_known_by_is_the_text_that_is_sent(text: Any) -> None:
    """A record or a trace id of an earlier version is that of the same job."""
    operator = rendered(operator_class("TextToVideo"), **with_text("TextToVideo", "prompt", text)).operator
    sent = "make" if text == "{{ ti.task_id }}" else "Use  words"
    request = request_class("TextToVideo")(**with_text("TextToVideo", "prompt", sent))
    assert isinstance(operator, PixVerseGenerationOperator)
    assert fingerprint_of(operator.build_request()) == fingerprint_of(request)


@pytest.mark.parametrize("text", [COMMENT, TAG])
def test_a_job_that_is_paid_ends_well_whatever_its_text_has_become(text: str) -> None:
    run = rendered(operator_class("TextToVideo"), **with_text("TextToVideo", "prompt", text))
    event = make_event([WaitResult(Outcome.SUCCESS, 7, 60.0, Video(7, 1))], record(job_id=7).to_json())
    assert isinstance(run.operator, PixVerseGenerationOperator)
    with capture_logs() as lines:
        assert run.operator.execute_complete(run.context, event) == 7
    assert drops(lines) == []


@pytest.mark.parametrize("pauses", [0, 1])
def test_a_wait_for_a_slot_is_told_of_the_text_once(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, pauses: int
) -> None:
    set_connection(monkeypatch, server.url)
    server.will(success({"video_id": 7}))
    run = rendered(
        operator_class("TextToVideo"),
        wait_for_completion=False,
        **with_text("TextToVideo", "prompt", COMMENT),
    )
    assert isinstance(run.operator, PixVerseGenerationOperator)
    with capture_logs() as lines:
        assert run.operator.execute_after_pause(run.context, waiting_since=9e9, pauses=pauses) == 7
    assert len(drops(lines)) == (0 if pauses else 1)
