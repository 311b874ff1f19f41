"""The operators of every kind: their arguments are those of the API, and an image is waited for alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred
from structlog.testing import capture_logs

from pixverse_provider.api.generations import GenerationRequest, field_names
from pixverse_provider.api.results import ImageResult
from pixverse_provider.exceptions import (
    PixVerseGenerationFailedError,
    PixVerseInsufficientCreditsError,
    PixVerseInvalidRequestError,
    PixVerseWaitTimeoutError,
)
from pixverse_provider.jobs.outcome import Outcome, WaitResult, make_event
from pixverse_provider.operators.account import PixVerseBalanceOperator
from pixverse_provider.operators.generation import PixVerseGenerationOperator
from pixverse_provider.operators.image import PixVerseImageTemplateOperator
from tests.support.kinds import NAMES, Ids, operator_class, request_class, smallest
from tests.support.tasks import TaskRun
from tests.unit.connections import set_connection
from tests.unit.jobs.making import record
from tests.unit.scripted_server import success

if TYPE_CHECKING:
    from tests.unit.scripted_server import ScriptedServer

IDS = Ids()
URL = "https://media.pixverse.ai/a.png?Signature=s3cr3t"
SPEECH = ["lip_sync_tts_content", "lip_sync_tts_speaker_id"]
ANY_SPEECH = "give audio_media_id or lip_sync_tts_content with lip_sync_tts_speaker_id"
every_kind = pytest.mark.parametrize("name", NAMES)


def made(name: str, **changes: Any) -> Any:
    return operator_class(name)(**({"task_id": "make"} | smallest(name, IDS) | changes))


@every_kind
def test_the_arguments_are_the_fields_of_the_request_and_all_can_be_templated(name: str) -> None:
    common = set(PixVerseGenerationOperator.template_fields)
    operator = operator_class(name)
    assert issubclass(operator, PixVerseGenerationOperator)
    assert set(operator.template_fields) - common == set(field_names(request_class(name)))


@every_kind
def test_the_request_is_that_of_the_arguments(name: str) -> None:
    request = made(name).build_request()
    assert request == request_class(name)(**smallest(name, IDS))
    assert isinstance(request, GenerationRequest)


@every_kind
def test_templates_are_not_looked_at_before_they_are_rendered(name: str) -> None:
    templates = dict.fromkeys(smallest(name, IDS), "{{ params.x }}")
    operator = made(name, **templates)
    assert {argument: getattr(operator, argument) for argument in templates} == templates


@pytest.mark.parametrize(
    ("name", "missing", "says"),
    [
        ("TemplateVideo", ["img_id"], "an image: give img_id or img_ids"),
        ("Fusion", ["duration"], "a length: give duration or video_references"),
        ("Restyle", ["restyle_id"], "a style: give restyle_id or restyle_prompt"),
        ("LipSync", SPEECH, f"speech: {ANY_SPEECH}"),
        ("LipSync", SPEECH[:1], f"speech: {ANY_SPEECH}, not {SPEECH[1]} alone"),
        ("LipSync", SPEECH[1:], f"speech: {ANY_SPEECH}, not {SPEECH[0]} alone"),
        *(
            (name, ["source_video_id"], "a video: give source_video_id or video_media_id")
            for name in ("LipSync", "Restyle", "Swap", "SoundEffect", "Extend", "Mimic", "Modify")
        ),
    ],
    ids=str,
)
def test_a_source_that_is_not_given_at_all_fails_when_the_dag_is_parsed(
    name: str, missing: list[str], says: str
) -> None:
    with pytest.raises(PixVerseInvalidRequestError) as caught:
        made(name, **dict.fromkeys(missing))
    assert str(caught.value) == f"PixVerse{name}Operator needs {says}."


@pytest.mark.parametrize(
    "name", [name for name in NAMES if "video_media_id" in field_names(request_class(name))]
)
def test_two_sources_may_be_given_since_a_template_can_leave_one_out(name: str) -> None:
    operator = made(name, source_video_id="{{ '' }}", video_media_id="{{ 7 }}")
    operator.render_template_fields({})
    assert operator.build_request().payload()["video_media_id"] == 7
    assert "source_video_id" not in operator.build_request().payload()


@every_kind
def test_a_rule_that_is_broken_once_rendered_costs_no_call(name: str) -> None:
    broken = next(argument for argument in smallest(name, IDS) if argument != "duration")
    operator = made(name, **{broken: "None"}, pixverse_conn_id="no_such_connection")
    with pytest.raises(PixVerseInvalidRequestError, match=broken):
        TaskRun(operator).attempt()


@every_kind
@pytest.mark.parametrize("conn_id", [None, "", 5, b"pixverse_default", ["a"], {"a"}, object()], ids=type)
def test_what_is_no_id_of_a_connection_is_named_before_anything_is_asked(name: str, conn_id: Any) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match=r"^pixverse_conn_id must be the id of an Airflow"):
        TaskRun(made(name, pixverse_conn_id=conn_id)).attempt()


def test_a_clip_above_its_price_is_not_submitted() -> None:
    operator = made("TextToVideo", max_credits=44, pixverse_conn_id="no_such_connection")
    with pytest.raises(PixVerseInsufficientCreditsError, match="45 credits and max_credits is 44"):
        TaskRun(operator).attempt()


class TestOnTheWire:
    @pytest.fixture(autouse=True)
    def _connection(self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
        set_connection(monkeypatch, server.url)

    def test_what_is_doubtful_is_logged_once_and_sent(self, server: ScriptedServer) -> None:
        server.will(success({"video_id": 7}), success({"id": 7, "status": 1, "url": URL}))
        operator = made("Modify", quality="720p")
        with capture_logs() as lines:
            TaskRun(operator).attempt()
        assert [line["log_level"] for line in lines if "a reseller says" in line["event"]] == ["warning"]
        assert server.requests[0].json["quality"] == "720p"

    def test_an_image_is_read_where_images_are_and_goes_to_a_key_of_its_own(
        self, server: ScriptedServer
    ) -> None:
        server.will(
            success({"image_id": 9, "credits": 10}), success({"image_id": 9, "status": 1, "url": URL})
        )
        run = TaskRun(made("ImageTemplate"))
        assert run.attempt() == 9
        assert [request.path.removeprefix("/openapi/v2") for request in server.requests] == [
            "/image/template/generate",
            "/image/result/9",
        ]
        assert run.ti.pushed["image"]["image_id"] == 9
        assert run.ti.pushed["image"]["credits"] == 10
        assert "http" not in str(run.ti.pushed)
        assert "video" not in run.ti.pushed

    def test_an_image_that_is_not_done_is_waited_for_as_an_image(self, server: ScriptedServer) -> None:
        server.will(success({"image_id": 9}), success({"image_id": 9, "status": 5}))
        with pytest.raises(TaskDeferred) as caught:
            TaskRun(made("ImageTemplate", deferrable=True)).attempt()
        _, arguments = caught.value.trigger.serialize()
        assert (arguments["media_type"], arguments["video_ids"]) == ("image", ["9"])

    def test_an_image_that_failed_is_named_as_one(self, server: ScriptedServer) -> None:
        server.will(success({"image_id": 9}), success({"image_id": 9, "status": 8}))
        with pytest.raises(PixVerseGenerationFailedError, match="PixVerse image 9 failed"):
            TaskRun(made("ImageTemplate")).attempt()

    def test_a_retry_finds_the_image_that_is_paid(self, server: ScriptedServer) -> None:
        server.will(
            success({"image_id": 9}),
            success({"image_id": 9, "status": 5}),
            success({"image_id": 9, "status": 1, "url": URL}),
        )
        run = TaskRun(made("ImageTemplate", deferrable=True))
        run.deferral()
        assert run.retry() == 9
        assert len(server.requests) == 3

    def test_the_balance_is_what_can_be_spent_and_its_parts_are_pushed(self, server: ScriptedServer) -> None:
        server.will(success({"account_id": 1, "credit_monthly": 15000, "credit_package": 1000}))
        run = TaskRun(PixVerseBalanceOperator(task_id="balance"))
        assert run.attempt() == 16000
        assert run.ti.pushed == {"credit_monthly": 15000, "credit_package": 1000}


def test_the_event_of_an_image_ends_the_wait_as_one() -> None:
    operator = PixVerseImageTemplateOperator(task_id="make", img_ids=1, template_id=2)
    run = TaskRun(operator)
    job = record(job_id=9).to_json()
    timeout = WaitResult(Outcome.TIMEOUT, 9, 60.0, media_type="image")
    with pytest.raises(PixVerseWaitTimeoutError, match="PixVerse image 9 was not done after 60 s"):
        operator.execute_complete(run.context, make_event([timeout], job))
    done = WaitResult(Outcome.SUCCESS, 9, 60.0, ImageResult(9, 1, credits=10), media_type="image")
    assert operator.execute_complete(run.context, make_event([done], job)) == 9
    assert run.ti.pushed["image"]["image_id"] == 9
