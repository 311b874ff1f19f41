"""What the first version has left in databases is still read: no job is paid again, and no wait is lost."""

from __future__ import annotations

import importlib
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSensorTimeout, TaskDeferred

from pixverse_provider.api import generations
from pixverse_provider.exceptions import (
    PixVerseAuthenticationError,
    PixVerseGenerationFailedError,
    PixVerseModerationError,
    PixVerseVideoDeletedError,
    PixVerseWaitTimeoutError,
)
from pixverse_provider.jobs.identity import TaskIdentity, fingerprint_of, submit_trace_id
from pixverse_provider.jobs.record import JobRecord
from pixverse_provider.operators.image import PixVerseImageTemplateOperator
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from pixverse_provider.sensors.credit import PixVerseCreditSensor
from pixverse_provider.sensors.video import PixVerseVideoSensor
from tests.unit.jobs.making import (
    STORE_KEY,
    Api,
    Store,
    busy,
    context_of,
    find_or_submit,
    found,
    job_store,
)
from tests.unit.pixverse_in_time import Clock, Service, event_of, video

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.api.generations import GenerationRequest

SAMPLES: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "samples" / "first_version.json").read_text(encoding="utf-8")
)
RECORDS = SAMPLES["records"]
EVENTS = SAMPLES["events"]
VIDEO_ID = 343252978602905


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    clock.install(monkeypatch)
    return clock


@pytest.fixture
def service(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service(clock)
    service.install(monkeypatch)
    return service


def lip_sync(**arguments: Any) -> PixVerseLipSyncOperator:
    return PixVerseLipSyncOperator(
        task_id="lip_sync", retries=2, **(SAMPLES["lip_sync_arguments"] | {"deferrable": True} | arguments)
    )


class TestTraceIds:
    @pytest.mark.parametrize("golden", SAMPLES["golden"], ids=lambda golden: golden["kind"])
    def test_no_waiting_task_has_another_one(self, golden: dict[str, Any]) -> None:
        request_class: Callable[..., GenerationRequest] = getattr(generations, f"{golden['kind']}Request")
        fingerprint = fingerprint_of(request_class(**golden["arguments"]))
        assert fingerprint == golden["fingerprint"]
        assert [
            submit_trace_id(TaskIdentity(*of["identity"]), of["clear_marker"], fingerprint, of["sequence"])
            for of in SAMPLES["identities"]
        ] == golden["trace_ids"]

    def test_every_kind_of_job_is_among_them(self) -> None:
        kinds = {name for name in generations.__all__ if name.endswith("Request")}
        bases = {"GenerationRequest", "MaskSelectionRequest"}
        assert {f"{golden['kind']}Request" for golden in SAMPLES["golden"]} == kinds - bases


class TestRecords:
    @pytest.mark.parametrize("name", RECORDS)
    def test_each_is_read_whole(self, name: str) -> None:
        old = RECORDS[name]
        job = JobRecord.from_json(old)
        assert job == JobRecord(
            trace_id=old["trace_id"],
            clear_marker=old["epoch"],
            sequence=old["generation"],
            submitted_at=old["submitted_at"],
            job_id=None if old["video_id"] is None else int(old["video_id"]),
            credits=old["credits"],
            answer_lost=old["answer_lost"],
            replayed=old["replayed"],
            accepted_at=old["accepted_at"],
            refusals=old["refusals"],
            max_tries=old["max_tries"],
            # A clear must not bring a video that was returned long ago.
            handed_over=True,
        )

    @pytest.mark.parametrize("name", RECORDS)
    def test_each_comes_back_as_it_is_written_today(self, name: str) -> None:
        job = JobRecord.from_json(RECORDS[name])
        assert JobRecord.from_json(json.loads(json.dumps(job.to_json()))) == job

    @pytest.mark.parametrize("name", RECORDS)
    def test_each_is_known_by_its_task(self, name: str) -> None:
        store = Store(**{STORE_KEY: RECORDS[name]})
        this = job_store(store, try_number=2, reuse_on_clear=name == "reuse_on_clear")
        job = this.load()
        assert job is not None
        assert this.has_this_input(job) is True
        assert this.was_cleared_since(job) is False

    @pytest.mark.parametrize("name", ["accepted", "large id", "replayed", "reuse_on_clear"])
    def test_a_retry_waits_for_the_job_and_pays_nothing(self, name: str) -> None:
        old = RECORDS[name]
        api = Api()
        this = job_store(Store(**{STORE_KEY: old}), try_number=2, reuse_on_clear=name == "reuse_on_clear")
        job = found(find_or_submit(api, this, now=old["accepted_at"] + 60)).job
        assert (str(job.job_id), api.trace_ids) == (old["video_id"], [])

    @pytest.mark.parametrize(
        "name", ["intent", "after a refusal", "not sent", "refused for want of a slot without a store"]
    )
    def test_a_retry_submits_under_the_trace_id_that_was_written(self, name: str) -> None:
        api = Api()
        find_or_submit(api, job_store(Store(**{STORE_KEY: RECORDS[name]}), try_number=2))
        assert api.trace_ids == [RECORDS[name]["trace_id"]]

    @pytest.mark.parametrize("name", ["accepted", "large id", "replayed"])
    def test_a_clear_makes_it_again(self, name: str) -> None:
        api = Api()
        this = job_store(Store(**{STORE_KEY: RECORDS[name]}), try_number=4, max_tries=5)
        job = found(find_or_submit(api, this)).job
        assert (len(api.trace_ids), api.polled) == (1, [])
        assert [entry["job_id"] for entry in job.earlier] == [RECORDS[name]["video_id"]]

    def test_a_clear_with_reuse_on_clear_returns_what_is_paid(self) -> None:
        api = Api({VIDEO_ID: video(1, VIDEO_ID)})
        this = job_store(
            Store(**{STORE_KEY: RECORDS["reuse_on_clear"]}), try_number=4, max_tries=5, reuse_on_clear=True
        )
        assert found(find_or_submit(api, this)).job.job_id == VIDEO_ID
        assert api.trace_ids == []


def trigger_of(row: list[Any]) -> Any:
    path, arguments = row
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)(**arguments)


class TestTriggers:
    @pytest.mark.parametrize("name", SAMPLES["triggers"])
    def test_each_row_makes_the_trigger_again(self, name: str) -> None:
        path, old = SAMPLES["triggers"][name]
        again, arguments = trigger_of([path, old]).serialize()
        assert again == path
        renamed = {("media_type" if key == "result" else key): value for key, value in old.items()}
        assert arguments == renamed
        assert trigger_of([again, json.loads(json.dumps(arguments))]).serialize() == (again, arguments)

    @pytest.mark.parametrize(
        ("name", "media_type", "ids"),
        [
            ("operator", "video", [VIDEO_ID]),
            ("operator, image", "image", [2**64 - 1]),
            ("sensor", "video", [1, 2]),
        ],
    )
    def test_each_goes_on_with_its_wait(
        self, service: Service, clock: Clock, name: str, media_type: str, ids: list[int]
    ) -> None:
        clock.go_to(600.0)
        service.afterwards = video(1)
        event = event_of(trigger_of(SAMPLES["triggers"][name]), clock)
        assert [result["outcome"] for result in event["results"]] == ["success"] * len(ids)
        assert sorted(service.polled) == [(media_type, job_id) for job_id in ids]

    def test_a_job_in_one_is_given_up_two_hours_after_its_id_arrived(
        self, service: Service, clock: Clock
    ) -> None:
        row = SAMPLES["triggers"]["operator"]
        event = event_of(trigger_of([row[0], row[1] | {"deadline": 9e12}]), clock)
        assert [result["outcome"] for result in event["results"]] == ["given_up"]
        assert clock.time() == pytest.approx(row[1]["job"]["accepted_at"] + 7200)


class TestEvents:
    def test_a_success_is_returned_and_written_down(self) -> None:
        store = Store()
        pushed: dict[str, Any] = {}
        context = context_of(store)
        context["ti"].xcom_push = lambda key, value: pushed.update({key: value})
        assert lip_sync().execute_complete(context, EVENTS["success"]) == VIDEO_ID
        assert pushed["video"]["video_id"] == VIDEO_ID
        assert (pushed["video"]["credits"], pushed["video"]["trace_id"]) == (
            8,
            EVENTS["success"]["job"]["trace_id"],
        )
        assert JobRecord.from_json(store.get(STORE_KEY)).outcome == "success"

    @pytest.mark.parametrize(
        ("name", "error_class", "said"),
        [
            ("failed", PixVerseGenerationFailedError, "failed at PixVerse"),
            ("moderated", PixVerseModerationError, "refused again"),
            ("deleted", PixVerseVideoDeletedError, "was deleted"),
            ("timeout", PixVerseWaitTimeoutError, r"does not document: 9\..*could not be reached"),
            ("error", PixVerseAuthenticationError, "PixVerse refused"),
        ],
    )
    def test_each_other_end_is_told_as_such(self, name: str, error_class: type[Exception], said: str) -> None:
        with pytest.raises(error_class, match=said) as caught:
            lip_sync().execute_complete(context_of(Store()), EVENTS[name])
        assert str(VIDEO_ID) in str(caught.value)

    def test_an_image_is_one(self) -> None:
        pushed: dict[str, Any] = {}
        context = context_of(Store())
        context["ti"].xcom_push = lambda key, value: pushed.update({key: value})
        operator = PixVerseImageTemplateOperator(task_id="make", img_ids=1, template_id=2)
        assert operator.execute_complete(context, EVENTS["image"]) == 7
        assert pushed["image"]["image_id"] == 7

    @pytest.mark.parametrize(
        ("video_id", "value"), [(VIDEO_ID, VIDEO_ID), ([VIDEO_ID], [VIDEO_ID])], ids=["one", "list"]
    )
    def test_a_sensor_ends(self, video_id: Any, value: Any) -> None:
        sensor = PixVerseVideoSensor(task_id="wait", video_id=video_id)
        assert sensor.execute_complete({}, EVENTS["sensor"]) == value

    def test_so_do_sensors_of_credits(self) -> None:
        sensor = PixVerseCreditSensor(task_id="credits", min_credits=100)
        enough, away = SAMPLES["credit_events"]
        assert sensor.execute_complete({}, enough) == 120
        with pytest.raises(AirflowSensorTimeout, match="away"):
            sensor.execute_complete({}, away)


class TestAPause:
    @pytest.mark.parametrize("kwargs", SAMPLES["pause"]["kwargs"], ids=["with a job", "before the first"])
    def test_goes_on_with_its_job_its_deadline_and_its_count(
        self, service: Service, clock: Clock, kwargs: dict[str, Any]
    ) -> None:
        clock.go_to(200.0)
        operator = lip_sync(timeout=3600)
        resume = getattr(operator, SAMPLES["pause"]["method_name"])
        moment = datetime.fromisoformat(SAMPLES["pause"]["trigger"][1]["moment"])
        with pytest.raises(TaskDeferred) as caught:
            # Airflow adds the event of the trigger, which is the time that it has waited for.
            resume(context_of(Store()), event=moment, **kwargs)
        pending = kwargs["pending"] or RECORDS["not sent"]
        assert service.trace_ids == [pending["trace_id"]]
        _, arguments = caught.value.trigger.serialize()
        assert arguments["deadline"] == kwargs["waiting_since"] + 3600

    def test_counts_on_where_it_is_refused_again(self, service: Service, clock: Clock) -> None:
        clock.go_to(200.0)
        service.submits.append(busy())
        with pytest.raises(TaskDeferred) as caught:
            lip_sync().execute_after_pause(context_of(Store()), **SAMPLES["pause"]["kwargs"][0])
        state = caught.value.trigger.state
        assert (state["pauses"], state["internal_errors"]) == (3, 0)
        assert state["deadline"] == SAMPLES["pause"]["kwargs"][0]["waiting_since"] + 7200
