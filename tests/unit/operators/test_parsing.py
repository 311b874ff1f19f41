"""What a user is told while the DAG is parsed, and what an operator checks before any call."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from pixverse_provider.api.generations import LipSyncRequest
from pixverse_provider.exceptions import (
    PixVerseDestinationError,
    PixVerseInsufficientCreditsError,
    PixVerseInvalidRequestError,
    PixVerseSourceError,
    PixVerseTriggerEventError,
)
from pixverse_provider.jobs.outcome import Outcome, WaitResult, make_event
from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from pixverse_provider.operators.generation import PixVerseGenerationOperator
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from pixverse_provider.operators.upload import PixVerseUploadImageOperator, PixVerseUploadMediaOperator
from pixverse_provider.sensors.video import PixVerseVideoSensor
from tests.unit.connections import set_connection
from tests.unit.scripted_server import ScriptedServer, success

SPEECH = {"lip_sync_tts_speaker_id": "auto", "lip_sync_tts_content": "x" * 200}


def lip_sync(**arguments: Any) -> PixVerseLipSyncOperator:
    defaults: dict[str, Any] = {"task_id": "lip_sync", "source_video_id": 7} | SPEECH
    return PixVerseLipSyncOperator(**(defaults | arguments))


class TestWhileTheDagIsParsed:
    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            ({"source_video_id": None}, "source_video_id or video_media_id"),
            ({"lip_sync_tts_content": None, "lip_sync_tts_speaker_id": None}, "audio_media_id"),
            ({"poll_interval": 0.5}, "poll_interval"),
            ({"timeout": 0}, "timeout"),
            ({"on_ambiguous_submit": "retry"}, "on_ambiguous_submit"),
            ({"durable": False, "reuse_on_clear": True}, "reuse_on_clear"),
        ],
    )
    def test_a_mistake_that_no_template_can_fix_fails_at_once(
        self, arguments: dict[str, Any], named: str
    ) -> None:
        with pytest.raises(PixVerseInvalidRequestError, match=rf"\b{named}\b"):
            lip_sync(**arguments)

    def test_what_needs_a_record_says_why(self) -> None:
        with pytest.raises(PixVerseInvalidRequestError) as caught:
            lip_sync(durable=False, reuse_on_clear=True)
        assert str(caught.value) == (
            "reuse_on_clear=True needs durable=True: without a record there is nothing to reuse."
        )

    @pytest.mark.parametrize(
        "arguments", [{"on_ambiguous_submit": "fail"}, {"durable": False}, {"reuse_on_clear": True}], ids=str
    )
    def test_what_a_user_may_choose_is_taken(self, arguments: dict[str, Any]) -> None:
        ((name, value),) = arguments.items()
        assert getattr(lip_sync(**arguments), name) == value

    def test_a_word_that_is_none_of_two_is_told_so(self) -> None:
        with pytest.raises(PixVerseInvalidRequestError) as caught:
            lip_sync(on_ambiguous_submit="retry")
        assert str(caught.value) == (
            "on_ambiguous_submit must be 'replay' or 'fail', not 'retry': it is no template field, so give "
            "one of the two."
        )

    def test_an_operator_of_a_users_own_waits_finds_its_job_again_and_pays_anew_after_a_clear(self) -> None:
        class Own(PixVerseGenerationOperator):
            request_class = LipSyncRequest

        own = Own(task_id="own")
        assert (own.wait_for_completion, own.durable, own.reuse_on_clear) == (True, True, False)
        assert (own.on_ambiguous_submit, own.timeout, own.poll_interval) == ("replay", 7200.0, None)

    def test_templates_are_not_looked_at(self) -> None:
        operator = lip_sync(
            source_video_id="{{ params.video }}",
            lip_sync_tts_speaker_id="{{ params.voice }}",
            lip_sync_tts_content="{{ params.text }}" * 50,
            pixverse_conn_id="{{ params.connection }}",
        )
        assert operator.source_video_id == "{{ params.video }}"

    @pytest.mark.parametrize(
        ("operator_class", "arguments"),
        [
            (PixVerseLipSyncOperator, {"source_video_id": 7, "audio_media_id": 8}),
            (PixVerseUploadMediaOperator, {"source": "/no/such/file.mp4"}),
            (PixVerseUploadImageOperator, {"source": "/no/such/file.png"}),
            (PixVerseDownloadVideoOperator, {"video_id": 7, "destination": "/no/such/folder/"}),
            (PixVerseVideoSensor, {"video_id": 7}),
        ],
    )
    def test_no_connection_and_no_file_is_looked_for(
        self, operator_class: Any, arguments: dict[str, Any]
    ) -> None:
        operator = operator_class(task_id="t", pixverse_conn_id="no_such_connection", **arguments)
        assert operator.pixverse_conn_id == "no_such_connection"


CONTEXT: Any = {
    "ti": SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=1, max_tries=0)
}


class TestBeforeAnyCall:
    def test_a_job_that_would_cost_too_much_is_not_submitted(self) -> None:
        with pytest.raises(PixVerseInsufficientCreditsError, match=r"56 credits and max_credits is 55"):
            lip_sync(max_credits=55, pixverse_conn_id="no_such_connection").execute(CONTEXT)

    def test_a_limit_that_is_no_number_is_named(self) -> None:
        with pytest.raises(PixVerseInvalidRequestError, match=r"^max_credits must be"):
            lip_sync(max_credits="many", pixverse_conn_id="no_such_connection").execute(CONTEXT)

    def test_a_rendered_argument_that_breaks_a_rule_is_named(self) -> None:
        operator = lip_sync(source_video_id="None", pixverse_conn_id="no_such_connection")
        with pytest.raises(PixVerseInvalidRequestError, match="source_video_id is the text 'None'"):
            operator.execute(CONTEXT)

    @pytest.mark.parametrize("source", ["", "  ", "None", None])
    def test_a_source_that_a_template_did_not_find_is_named(self, source: Any) -> None:
        with pytest.raises(PixVerseSourceError, match="source is"):
            PixVerseUploadMediaOperator(task_id="t", source=source).execute(CONTEXT)

    def test_a_plain_http_address_of_another_machine_is_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_connection(monkeypatch, None)
        operator = PixVerseUploadMediaOperator(task_id="t", source="http://media.example/a.mp4?Signature=s")
        with pytest.raises(PixVerseSourceError, match=r"'media\.example': use https") as caught:
            operator.execute(CONTEXT)
        assert "Signature" not in str(caught.value)

    @pytest.mark.parametrize("destination", ["", "None", None])
    def test_a_destination_that_a_template_did_not_find_is_named(self, destination: Any) -> None:
        with pytest.raises(PixVerseDestinationError, match="destination is"):
            PixVerseDownloadVideoOperator(task_id="t", video_id=7, destination=destination).execute(CONTEXT)

    @pytest.mark.parametrize("video_id", ["None", "", 0, 1.0, "x"])
    def test_an_id_that_is_none_is_named(self, video_id: Any) -> None:
        with pytest.raises(PixVerseInvalidRequestError, match="video_id"):
            PixVerseDownloadVideoOperator(task_id="t", video_id=video_id, destination="films/").execute(
                CONTEXT
            )


class TestDeferring:
    def test_a_job_that_is_not_done_is_waited_for_in_the_triggerer_with_its_deadline(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_connection(monkeypatch, server.url)
        server.will(success({"video_id": 2**64 - 1, "credits": 56}), success({"id": 2**64 - 1, "status": 5}))
        operator = lip_sync(deferrable=True, timeout=600, execution_timeout=timedelta(seconds=60))
        with pytest.raises(TaskDeferred) as caught:
            operator.execute(CONTEXT)
        _, arguments = caught.value.trigger.serialize()
        assert arguments["video_ids"] == [str(2**64 - 1)]
        assert arguments["job"]["trace_id"] == server.requests[0].trace_id
        assert arguments["not_before"] - arguments["started_at"] == 7.0
        # The time that the submit has taken is part of what an attempt may last.
        left = arguments["deadline"] - arguments["started_at"]
        assert 7 < left < 60
        assert caught.value.timeout == timedelta(seconds=left) + timedelta(hours=1)

    @pytest.mark.parametrize("event", [None, {}, {"status": "success"}, {"results": [], "job": None}])
    def test_an_event_that_is_none_of_its_trigger_is_told_as_such(self, event: Any) -> None:
        with pytest.raises(PixVerseTriggerEventError):
            lip_sync().execute_complete(CONTEXT, event)

    def test_an_event_without_the_job_is_told_as_such(self) -> None:
        event = make_event([WaitResult(Outcome.SUCCESS, 7, 1.0)], None)
        with pytest.raises(PixVerseTriggerEventError):
            lip_sync().execute_complete(CONTEXT, event)
