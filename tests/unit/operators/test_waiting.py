"""One attempt in time: submitting, waiting in the worker or deferred, and what is written of the end."""

from __future__ import annotations

import itertools
import random
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout, TaskDeferred

from pixverse_provider.api.generations import LipSyncRequest
from pixverse_provider.api.pacing import wait_as_asked
from pixverse_provider.api.results import Submission, Video
from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseAuthenticationError,
    PixVerseCapacityError,
    PixVerseConnectionNotFoundError,
    PixVerseError,
    PixVerseGenerationFailedError,
    PixVerseModerationError,
    PixVerseNotFoundError,
    PixVersePermanentError,
    PixVerseRateLimitError,
    PixVerseTransientError,
    PixVerseUnresolvedSubmitError,
    PixVerseVideoDeletedError,
    PixVerseWaitTimeoutError,
)
from pixverse_provider.jobs.outcome import Outcome, WaitResult, make_event
from pixverse_provider.jobs.record import JobRecord
from pixverse_provider.links import PixVerseVideoLink
from pixverse_provider.operators.edit import PixVerseModifyOperator
from pixverse_provider.operators.generation import PixVerseGenerationOperator
from pixverse_provider.operators.image import PixVerseImageTemplateOperator
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from pixverse_provider.triggers.pause import PixVersePauseTrigger
from tests.unit.connections import KEY, set_connection
from tests.unit.jobs.making import RUN, STORE_KEY, Store, context_of, record
from tests.unit.own_log import OwnLog
from tests.unit.pixverse_in_time import START, Clock, Service, resumed, run_to_its_end, video
from tests.unit.scripted_server import refusal, success

if TYPE_CHECKING:
    from tests.unit.scripted_server import ScriptedServer

HOUR = 3600.0
FIRST_ID = 101
LINK_KEY = PixVerseVideoLink().xcom_key
PAGE = f"pixverse/dags/films/runs/{quote(RUN, safe='')}/tasks/make"
# Two hours after START, when an attempt ends by default.
UNTIL = "2026-01-05 11:00:00 UTC"
every_mode = pytest.mark.parametrize("mode", ["in the worker", "deferred"])
HTTP_502 = PixVerseTransientError("HTTP 502")
NO_CONNECTION = PixVerseConnectionNotFoundError("The Airflow connection 'pixverse_eu' does not exist")


@dataclass
class Task:
    """A task over its attempts; each is made anew, as in another process."""

    clock: Clock
    service: Service
    store: Any = field(default_factory=Store)
    operator_class: Any = PixVerseLipSyncOperator
    said: OwnLog = field(default_factory=OwnLog)
    pushed: dict[str, Any] = field(default_factory=dict)
    xcom_error: BaseException | None = None

    def operator(self, mode: str, **changes: Any) -> Any:
        arguments: dict[str, Any] = {"source_video_id": 7, "audio_media_id": 8}
        if self.operator_class is PixVerseImageTemplateOperator:
            arguments = {"img_ids": [1], "template_id": 2}
        elif self.operator_class is PixVerseModifyOperator:
            arguments = {}
        arguments |= {
            "task_id": "make",
            "retries": 2,
            "poll_interval": 10.0,
            "deferrable": mode == "deferred",
        }
        return self.operator_class(**(arguments | changes))

    def context(self, try_number: int = 1, max_tries: int = 2) -> Any:
        context = context_of(self.store, task_id="make", try_number=try_number, max_tries=max_tries)
        context["ti"].xcom_push = self._push
        return context

    def attempt(self, mode: str, try_number: int = 1, max_tries: int = 2, **changes: Any) -> Any:
        """Run an attempt to its end."""
        context = self.context(try_number, max_tries)
        return run_to_its_end(self.operator(mode, **changes), context, self.clock)

    def deferral(self, **changes: Any) -> TaskDeferred:
        with pytest.raises(TaskDeferred) as caught:
            self.operator("deferred", **changes).execute(self.context())
        return caught.value

    @property
    def kept(self) -> JobRecord:
        """The record in the store."""
        return JobRecord.from_json(self.store.get(STORE_KEY))

    def _push(self, key: str, value: Any) -> None:
        if self.xcom_error is not None:
            raise self.xcom_error
        self.pushed[key] = value


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> Task:
    return new_task(monkeypatch)


def new_task(monkeypatch: pytest.MonkeyPatch) -> Task:
    """Make a task at the beginning of its time, and another PixVerse that knows of no job."""
    clock = Clock()
    clock.install(monkeypatch)
    service = Service(clock)
    service.install(monkeypatch)
    task = Task(clock, service)
    task.said.install(monkeypatch, PixVerseGenerationOperator)
    return task


def ends_at(seconds: float) -> Any:
    """Tell times apart by more than a tick of the triggerer, a sixty-fourth of a second."""
    return pytest.approx(seconds, abs=0.1)


def bare(status: int) -> PixVerseError:
    """Return what a status without an envelope is read as."""
    if status in (401, 403):
        return PixVerseAuthenticationError(f"HTTP {status}", http_status=status)
    return PixVersePermanentError(f"HTTP {status}", http_status=status)


def busy(**fields: Any) -> PixVerseError:
    return PixVerseCapacityError("all slots taken", err_code=500044, proves_no_job=True, **fields)


def internal() -> PixVerseError:
    return PixVerseTransientError("internal error", err_code=500100, proves_no_job=True)


@every_mode
class TestAPollThatFails:
    def test_is_no_reason_to_fail_as_long_as_it_may_pass(self, task: Task, mode: str) -> None:
        task.service.will(*[HTTP_502, PixVerseRateLimitError("slow down", retry_after=60.0)] * 9, video(1))
        assert task.attempt(mode) == FIRST_ID
        assert len(task.service.trace_ids) == 1

    @pytest.mark.parametrize("error", [bare(401), bare(403), bare(404), bare(408)], ids=str)
    def test_by_a_bare_refusal_ends_the_wait_at_the_third_in_a_row(
        self, task: Task, mode: str, error: PixVerseError
    ) -> None:
        task.service.afterwards = error
        with pytest.raises(type(error), match=f"{error} PixVerse video {FIRST_ID} goes on and is paid"):
            task.attempt(mode)
        # The first poll after the submit ends nothing.
        assert len(task.service.polls) == 4

    @pytest.mark.parametrize("error", [bare(401), bare(403), bare(404), bare(408)], ids=str)
    def test_by_a_bare_refusal_twice_is_forgiven_as_often_as_anything_else_comes_between(
        self, task: Task, mode: str, error: PixVerseError
    ) -> None:
        two = [error, error]
        task.service.will(error, *two, video(5), *two, HTTP_502, *two, video(5), *two, video(1))
        assert task.attempt(mode) == FIRST_ID

    def test_since_pixverse_refuses_the_key_ends_the_wait_and_hands_nothing_over(
        self, task: Task, mode: str
    ) -> None:
        task.service.will(video(5))
        task.service.afterwards = PixVerseAuthenticationError("wrong key", err_code=10003)
        with pytest.raises(PixVerseAuthenticationError, match=f"PixVerse video {FIRST_ID} goes on and is"):
            task.attempt(mode)
        assert (task.kept.job_id, task.kept.handed_over, task.kept.outcome) == (FIRST_ID, False, None)

    def test_since_the_connection_is_gone_ends_the_wait_after_two_minutes_so_that_a_retry_helps(
        self, task: Task, mode: str
    ) -> None:
        def gone_from_now_on() -> Any:
            task.service.connection = NO_CONNECTION
            return video(5)

        task.service.afterwards = gone_from_now_on
        with pytest.raises(PixVerseConnectionNotFoundError, match=r"'pixverse_eu' does not exist") as caught:
            task.attempt(mode)
        assert f"PixVerse video {FIRST_ID} goes on and is paid" in str(caught.value)
        assert not isinstance(caught.value, AirflowFailException)
        assert 120 <= task.clock.passed <= 300
        assert task.kept.handed_over is False

    def test_since_the_connection_was_away_for_a_minute_is_forgiven(self, task: Task, mode: str) -> None:
        def away() -> Any:
            if 5 < task.clock.passed < 100:
                raise NO_CONNECTION
            return video(1 if task.clock.passed > 5 else 5)

        task.service.afterwards = away
        assert task.attempt(mode) == FIRST_ID

    def test_for_the_id_is_not_known_ends_the_wait_at_the_third_and_pays_nothing(
        self, task: Task, mode: str
    ) -> None:
        task.service.afterwards = PixVerseNotFoundError("PixVerse knows no such video", err_code=500008)
        with pytest.raises(PixVerseNotFoundError):
            task.attempt(mode)
        with pytest.raises(PixVerseNotFoundError):
            task.attempt(mode, try_number=2)
        assert len(task.service.trace_ids) == 1


class TestARefusedKeyInTheWorker:
    """With the real hook, which reads the connection again."""

    @pytest.fixture(autouse=True)
    def _no_pauses(self, monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
        set_connection(monkeypatch, server.url)
        Clock().install(monkeypatch)

    def operator(self) -> Any:
        return PixVerseLipSyncOperator(
            task_id="make", source_video_id=7, audio_media_id=8, poll_interval=1.0, deferrable=False
        )

    def test_is_not_sent_again_by_the_wait_and_the_error_names_the_video(
        self, server: ScriptedServer
    ) -> None:
        running = success({"id": 9, "status": 5})
        server.will(success({"video_id": 9}), running, running, refusal(400012, f"key {KEY} unknown"))
        with pytest.raises(PixVerseAuthenticationError, match="PixVerse video 9 goes on and is") as caught:
            self.operator().execute(context_of(Store()))
        assert len(server.requests) == 4
        assert KEY not in str(caught.value)

    def test_is_replaced_by_the_one_that_the_connection_has_now(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse_and_change_the_key(handler: Any) -> None:
            set_connection(monkeypatch, server.url, password="sk-another-key")
            refusal(400012)(handler)

        context = context_of(Store())
        context["ti"].xcom_push = lambda key, value: None
        running = success({"id": 9, "status": 5})
        done = success({"id": 9, "status": 1, "url": "https://media.pixverse.ai/a.mp4"})
        server.will(success({"video_id": 9}), running, refuse_and_change_the_key, running, done)
        assert self.operator().execute(context) == 9
        keys = [request.headers["api-key"] for request in server.requests]
        assert keys == [KEY] * 3 + ["sk-another-key"] * 2


@every_mode
class TestASuccessWithoutAUrl:
    @pytest.mark.parametrize("operator_class", [PixVerseLipSyncOperator, PixVerseImageTemplateOperator])
    def test_is_waited_for_until_it_has_one(self, task: Task, mode: str, operator_class: Any) -> None:
        task.operator_class = operator_class
        task.service.will(*[Video(7, 1)] * 4, video(1))
        assert task.attempt(mode) == FIRST_ID
        assert len(task.service.polls) == 5
        media_type = "video" if operator_class is PixVerseLipSyncOperator else "image"
        assert task.pushed[media_type]["status"] == 1

    @pytest.mark.parametrize("operator_class", [PixVerseLipSyncOperator, PixVerseImageTemplateOperator])
    def test_is_named_at_the_deadline(self, task: Task, mode: str, operator_class: Any) -> None:
        task.operator_class = operator_class
        task.service.afterwards = Video(7, 1)
        with pytest.raises(PixVerseWaitTimeoutError, match="says that it is done, but has given no URL"):
            task.attempt(mode, timeout=60)


@every_mode
class TestTheDeadline:
    def test_ends_the_attempt_and_says_what_a_retry_does(self, task: Task, mode: str) -> None:
        with pytest.raises(PixVerseWaitTimeoutError, match="A retry waits for the same job") as caught:
            task.attempt(mode, timeout=600)
        assert task.clock.passed == ends_at(600)
        assert f"PixVerse video {FIRST_ID} was not done" in str(caught.value)
        assert caught.value.trace_id == task.service.trace_ids[0]
        assert (task.kept.handed_over, task.kept.outcome) == (False, None)

    def test_is_that_of_an_execution_timeout_which_is_shorter(self, task: Task, mode: str) -> None:
        with pytest.raises(PixVerseWaitTimeoutError):
            task.attempt(mode, timeout=600, execution_timeout=timedelta(seconds=60))
        assert task.clock.passed == ends_at(60)

    def test_counts_the_wait_for_a_slot(self, task: Task, mode: str) -> None:
        task.service.submits.extend([busy(), busy(), busy()])
        with pytest.raises(PixVerseWaitTimeoutError):
            task.attempt(mode, timeout=600)
        assert task.clock.passed == ends_at(600)

    def test_before_anything_was_submitted_ends_the_attempt_without_a_job(
        self, task: Task, mode: str
    ) -> None:
        task.service.submits.extend([busy(retry_after=20.0, http_status=200, trace_id="t")] * 99)
        with pytest.raises(PixVerseCapacityError) as caught:
            task.attempt(mode, timeout=300)
        assert str(caught.value) == (
            "No job was taken within timeout=300 s, and nothing was charged for one: all slots taken A retry "
            "tries again; raise timeout, or use a pool."
        )
        assert task.clock.passed <= 300
        assert (caught.value.err_code, caught.value.retry_after) == (500044, 20.0)
        assert (caught.value.http_status, caught.value.trace_id) == (200, "t")
        assert (task.kept.job_id, task.kept.answer_lost) == (None, False)

    def test_before_anything_was_submitted_names_the_limit_that_counts_and_what_is_left(
        self, task: Task, mode: str
    ) -> None:
        task.service.submits.extend([busy()] * 99)
        with pytest.raises(PixVerseCapacityError) as caught:
            task.attempt(mode, 3, timeout=600, execution_timeout=timedelta(seconds=60))
        assert str(caught.value) == (
            "No job was taken within execution_timeout=60 s, and nothing was charged for one: all slots "
            "taken No retry is left: clear the task to try again; raise execution_timeout, or use a pool."
        )

    def test_does_not_say_that_nothing_was_charged_where_an_answer_was_lost(
        self, task: Task, mode: str
    ) -> None:
        lost = busy()
        lost.answer_lost = True
        task.service.submits.extend([lost, *[busy()] * 99])
        with pytest.raises(
            PixVerseCapacityError, match="could not be found out within timeout=300 s"
        ) as caught:
            task.attempt(mode, timeout=300)
        assert "charged" not in str(caught.value)

    @pytest.mark.parametrize(("try_number", "known"), [(1, True), (2, False)])
    def test_says_that_nothing_was_charged_only_where_it_knows_of_every_attempt(
        self, task: Task, mode: str, try_number: int, *, known: bool
    ) -> None:
        # Below Airflow 3.3 nothing tells a retry whether an answer to an earlier attempt was lost.
        task.service.submits.extend([busy()] * 99)
        context = task.context(try_number) | {"task_state_store": None}
        with pytest.raises(PixVerseCapacityError, match=r"No job was taken within timeout=300 s") as caught:
            run_to_its_end(task.operator(mode, timeout=300), context, task.clock)
        assert ("nothing was charged" in str(caught.value)) is known

    def test_of_a_retry_begins_with_it(self, task: Task, mode: str) -> None:
        with pytest.raises(PixVerseWaitTimeoutError):
            task.attempt(mode, timeout=600)
        began = task.clock.passed
        with pytest.raises(PixVerseWaitTimeoutError):
            task.attempt(mode, try_number=2, timeout=600)
        assert task.clock.passed - began == ends_at(600)
        assert len(task.service.trace_ids) == 1


@every_mode
class TestAJobThatStillRunsAfterTwoHours:
    def test_is_given_up_and_the_next_attempt_submits(self, task: Task, mode: str) -> None:
        with pytest.raises(PixVerseWaitTimeoutError, match=r"two hours.*A retry submits a new job") as caught:
            task.attempt(mode, timeout=9 * HOUR)
        assert task.clock.passed == ends_at(2 * HOUR)
        assert not isinstance(caught.value, AirflowFailException)
        assert (task.kept.outcome, task.kept.handed_over) == ("given_up", False)
        assert task.kept.credits_refunded == 8.0
        task.service.afterwards = video(1)
        assert task.attempt(mode, try_number=2) == FIRST_ID, "it is done after all"

    def test_is_replaced_by_the_next_attempt_where_it_runs_on(self, task: Task, mode: str) -> None:
        with pytest.raises(PixVerseWaitTimeoutError):
            task.attempt(mode, timeout=9 * HOUR)
        task.service.will(video(5), video(1))
        assert task.attempt(mode, try_number=2) == FIRST_ID + 1
        (entry,) = task.kept.earlier
        assert (entry["job_id"], entry["outcome"], entry["credits_refunded"]) == (
            str(FIRST_ID),
            "given_up",
            8.0,
        )

    def test_that_came_of_a_repeated_submit_is_replaced_within_the_attempt_and_its_deadline(
        self, task: Task, mode: str
    ) -> None:
        self.lose_the_first_answer(task, mode)
        with pytest.raises(PixVerseWaitTimeoutError, match=f"PixVerse video {FIRST_ID + 2} was not done"):
            task.attempt(mode, try_number=2, timeout=3 * HOUR)
        assert task.clock.passed == ends_at(3 * HOUR)
        first, second, third = task.service.trace_ids
        assert first == second != third
        assert [(entry["job_id"], entry["outcome"]) for entry in task.kept.earlier] == [
            (str(FIRST_ID + 1), "given_up")
        ]

    def test_is_not_replaced_once_the_deadline_has_passed(self, task: Task, mode: str) -> None:
        self.lose_the_first_answer(task, mode)
        with pytest.raises(PixVerseWaitTimeoutError, match="is given up"):
            task.attempt(mode, try_number=2, timeout=2 * HOUR)
        assert task.clock.passed == ends_at(2 * HOUR)
        assert len(task.service.trace_ids) == 2
        assert (task.kept.outcome, task.kept.handed_over) == ("given_up", False)
        task.service.will(video(5), video(1))
        assert task.attempt(mode, try_number=3) == FIRST_ID + 2

    def test_is_counted_from_the_time_that_its_id_arrived(self, task: Task, mode: str) -> None:
        self.lose_the_first_answer(task, mode)
        task.clock.go_to(5 * HOUR)
        with pytest.raises(PixVerseWaitTimeoutError, match="was not done"):
            task.attempt(mode, try_number=2, timeout=HOUR)
        assert task.clock.passed == ends_at(6 * HOUR)
        assert len(task.service.trace_ids) == 2

    def lose_the_first_answer(self, task: Task, mode: str) -> None:
        task.service.submits.append(PixVerseAmbiguousSubmitError("the answer was lost"))
        with pytest.raises(PixVerseAmbiguousSubmitError):
            task.attempt(mode)


class TestADeferral:
    def test_has_the_deadline_of_the_attempt_and_a_net_of_airflow_below_it(self, task: Task) -> None:
        deferral = task.deferral(timeout=600, execution_timeout=timedelta(seconds=60))
        _, arguments = deferral.trigger.serialize()
        assert (arguments["started_at"], arguments["not_before"]) == (START, START + 7)
        assert (arguments["deadline"], arguments["submitted_at"]) == (START + 60, START)
        assert (arguments["pixverse_conn_id"], arguments["poll_interval"]) == ("pixverse_default", 10.0)
        assert (arguments["video_ids"], arguments["media_type"]) == ([str(FIRST_ID)], "video")
        assert arguments["job"] == task.store.get(STORE_KEY)
        assert deferral.timeout == timedelta(seconds=60) + timedelta(hours=1)

    @pytest.mark.parametrize("timeout", [1, 2, 6.9])
    def test_does_not_fire_sooner_than_seven_seconds_however_little_time_is_left(
        self, task: Task, timeout: float
    ) -> None:
        assert task.deferral(timeout=timeout).trigger.serialize()[1]["deadline"] == START + 7
        with pytest.raises(PixVerseWaitTimeoutError):
            task.attempt("deferred", timeout=timeout)
        assert task.service.polls[-1] == pytest.approx(7.0)

    def test_goes_on_with_nothing_but_what_travels_in_the_trigger(self, task: Task) -> None:
        assert task.deferral().kwargs in (None, {})
        task.service.submits.append(busy())
        assert task.deferral().kwargs in (None, {})


class TestAPause:
    def pause(self, task: Task, **changes: Any) -> TaskDeferred:
        deferral = task.deferral(**changes)
        assert deferral.method_name == "execute_after_pause"
        return deferral

    def test_carries_the_state_of_the_attempt_and_gives_it_back(self, task: Task) -> None:
        task.service.submits.append(busy())
        trigger = self.pause(task, timeout=600).trigger
        path, arguments = trigger.serialize()
        assert path == "pixverse_provider.triggers.pause.PixVersePauseTrigger"
        assert arguments["state"] == {
            "deadline": START + 600,
            "pauses": 1,
            "internal_errors": 0,
            "job": task.store.get(STORE_KEY),
        }
        # Fifteen seconds, spread, and a net of an hour below it.
        assert START + 7.5 <= arguments["until"] <= START + 15

    def test_goes_on_with_deadline_and_count_and_under_the_trace_id_that_it_carries(self, task: Task) -> None:
        task.service.submits.extend([busy(), busy()])
        first = self.pause(task, timeout=600)
        with pytest.raises(TaskDeferred) as caught:
            resumed(task.operator("deferred"), first, task.context(), task.clock)
        state = caught.value.trigger.state
        assert (state["deadline"], state["pauses"]) == (START + 600, 2)
        assert task.clock.time() == pytest.approx(first.trigger.until)
        assert task.service.trace_ids[1] == first.trigger.state["job"]["trace_id"]

    def test_is_never_shorter_than_seven_seconds(self, task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pixverse_provider.operators.generation._SLOT_PAUSES", wait_as_asked(1.0))
        task.service.submits.append(busy())
        deferral = self.pause(task)
        assert deferral.trigger.until == START + 7
        assert deferral.timeout == timedelta(hours=1, seconds=7)

    def test_that_ends_after_the_deadline_submits_nothing_since_nobody_would_wait_for_it(
        self, task: Task
    ) -> None:
        task.service.submits.append(busy())
        late = self.pause(task, timeout=600)
        task.clock.go_to(601)
        with pytest.raises(PixVerseCapacityError) as caught:
            resumed(task.operator("deferred", timeout=600), late, task.context(), task.clock)
        assert str(caught.value) == (
            "No job was taken within timeout=600 s, and nothing was charged for one: PixVerse has refused it "
            "once. A retry tries again; raise timeout, or use a pool."
        )
        assert not isinstance(caught.value, AirflowFailException)
        assert len(task.service.trace_ids) == 1

    def test_that_ends_after_the_deadline_looks_for_what_may_be_paid(self, task: Task) -> None:
        error = busy()
        error.answer_lost = True
        task.service.submits.append(error)
        late = self.pause(task, timeout=600)
        task.clock.go_to(601)
        with pytest.raises(PixVerseWaitTimeoutError, match="goes on at PixVerse"):
            run_to_its_end_from(task, late)
        assert task.service.trace_ids[0] == task.service.trace_ids[1]
        assert task.kept.job_id == FIRST_ID + 1

    def test_is_as_long_as_pixverse_asks(self, task: Task) -> None:
        task.service.submits.append(busy(retry_after=120.0))
        assert START + 120 <= self.pause(task).trigger.until <= START + 132


def run_to_its_end_from(task: Task, deferred: TaskDeferred) -> Any:
    """Go on after a deferral, and over all that follow."""
    while True:
        try:
            return resumed(task.operator("deferred", timeout=600), deferred, task.context(), task.clock)
        except TaskDeferred as again:
            deferred = again


@every_mode
class TestSubmittingAgain:
    def test_waits_for_a_slot_as_often_as_it_takes(self, task: Task, mode: str) -> None:
        task.service.submits.extend([busy()] * 9)
        task.service.afterwards = video(1)
        assert task.attempt(mode) == FIRST_ID + 9
        assert len(set(task.service.trace_ids)) == 10

    def test_says_when_and_why(self, task: Task, mode: str) -> None:
        task.service.submits.append(busy(retry_after=0.0))
        task.service.afterwards = video(1)
        task.attempt(mode)
        level, line = task.said.lines[0]
        assert level == "INFO"
        assert re.fullmatch(r"Submitting again in ([89]|1[0-5]) s: all slots taken", line)

    def test_repeats_after_an_internal_error_three_times_in_an_attempt_and_no_more(
        self, task: Task, mode: str
    ) -> None:
        task.service.submits.extend([internal()] * 4)
        with pytest.raises(PixVerseTransientError, match="internal error"):
            task.attempt(mode)
        assert len(task.service.trace_ids) == 4

    def test_counts_internal_errors_whatever_refusals_for_want_of_a_slot_come_between(
        self, task: Task, mode: str
    ) -> None:
        task.service.submits.extend([busy(), internal(), busy(), busy(), internal(), busy(), internal()])
        task.service.submits.append(Submission(900))
        task.service.afterwards = video(1)
        assert task.attempt(mode) == 900
        task = Task(task.clock, task.service)
        task.service.submits.extend([busy(), internal(), busy(), internal(), internal(), busy(), internal()])
        with pytest.raises(PixVerseTransientError, match="internal error"):
            task.attempt(mode)


@every_mode
class TestALostAnswer:
    def test_says_what_comes_next(self, task: Task, mode: str) -> None:
        task.service.submits.append(PixVerseAmbiguousSubmitError("The answer was lost."))
        with pytest.raises(PixVerseAmbiguousSubmitError) as caught:
            task.attempt(mode)
        assert str(caught.value) == "The answer was lost. A retry repeats it under the same trace id."

    def test_where_a_person_is_to_decide_promises_no_retry(self, task: Task, mode: str) -> None:
        task.service.submits.append(PixVerseAmbiguousSubmitError("The answer was lost."))
        with pytest.raises(PixVerseUnresolvedSubmitError) as caught:
            task.attempt(mode, on_ambiguous_submit="fail")
        assert "retry" not in str(caught.value)


@every_mode
class TestWhatIsSaidAtTheEnd:
    """After the last try, or where no retry is made: what the user can still do with what is paid."""

    LANDING = f"land it with PixVerseVideoSensor and PixVerseDownloadVideoOperator (video_id={FIRST_ID})"
    NOT_DONE = "was not done after 60 s. The job goes on at PixVerse and is paid."

    @pytest.mark.parametrize(
        ("version", "arguments", "clear"),
        [
            ("3.3.2", {}, "the first clear of the task picks this job up and pays nothing"),
            (
                "3.4.0",
                {},
                (
                    "the first clear of the task that keeps its task state picks this job up and pays "
                    "nothing; one that does not pays again"
                ),
            ),
            (
                "3.4.0",
                {"reuse_on_clear": True},
                "a clear of the task waits for the same job and pays nothing",
            ),
            (
                "3.3.2",
                {"durable": False},
                "a clear of the task submits a new job, which is paid again (durable=False)",
            ),
        ],
    )
    def test_of_the_last_try(
        self,
        task: Task,
        mode: str,
        monkeypatch: pytest.MonkeyPatch,
        version: str,
        arguments: dict[str, Any],
        clear: str,
    ) -> None:
        monkeypatch.setattr("airflow.__version__", version)
        with pytest.raises(PixVerseWaitTimeoutError) as caught:
            task.attempt(mode, try_number=3, timeout=60, **arguments)
        assert str(caught.value) == (
            f"PixVerse video {FIRST_ID} {self.NOT_DONE} No retry is left: {clear}. Or {self.LANDING}."
        )

    def test_of_the_last_try_below_airflow_3_3(self, task: Task, mode: str) -> None:
        task.store = None
        with pytest.raises(PixVerseWaitTimeoutError) as caught:
            task.attempt(mode, try_number=3, timeout=60)
        assert str(caught.value).endswith(
            "No retry is left: a clear of the task submits a new job, which is paid again. Or "
            f"{self.LANDING}."
        )

    def test_of_an_image(self, task: Task, mode: str) -> None:
        task.operator_class = PixVerseImageTemplateOperator
        with pytest.raises(PixVerseWaitTimeoutError) as caught:
            task.attempt(mode, try_number=3, timeout=60)
        assert str(caught.value) == (
            f"PixVerse image {FIRST_ID} {self.NOT_DONE} No retry is left: the first clear of the task picks "
            f"this job up and pays nothing. Or read it with PixVerseHook.get_image({FIRST_ID})."
        )
        assert set(task.service.polled) == {("image", FIRST_ID)}

    def test_of_an_error_that_no_retry_follows(self, task: Task, mode: str) -> None:
        task.service.will(video(5))
        task.service.afterwards = PixVerseAuthenticationError("Wrong key.", err_code=10003)
        with pytest.raises(PixVerseAuthenticationError) as caught:
            task.attempt(mode)
        assert str(caught.value) == (
            f"Wrong key. PixVerse video {FIRST_ID} goes on and is paid. No retry is made: the first clear "
            f"of the task picks this job up and pays nothing. Or {self.LANDING}."
        )


@every_mode
class TestAClear:
    def test_with_reuse_on_clear_returns_what_is_paid(self, task: Task, mode: str) -> None:
        task.service.afterwards = video(1)
        assert task.attempt(mode, reuse_on_clear=True) == FIRST_ID
        assert task.attempt(mode, try_number=2, max_tries=3, reuse_on_clear=True) == FIRST_ID
        assert len(task.service.trace_ids) == 1

    def test_without_it_makes_another(self, task: Task, mode: str) -> None:
        task.service.afterwards = video(1)
        task.attempt(mode)
        assert task.attempt(mode, try_number=2, max_tries=3) == FIRST_ID + 1
        assert len(set(task.service.trace_ids)) == 2


@every_mode
class TestWithoutARecord:
    """Airflow 3.1 and 3.2: only the number of the attempt tells whether a trace id was used before."""

    def test_a_retry_replaces_the_failed_job_that_comes_back(self, task: Task, mode: str) -> None:
        task.store = None
        task.service.will(video(8), video(1))
        assert task.attempt(mode, try_number=2) == FIRST_ID + 1

    def test_a_clear_replaces_none_since_its_trace_ids_are_its_own(self, task: Task, mode: str) -> None:
        task.store = None
        task.service.afterwards = video(8)
        with pytest.raises(PixVerseGenerationFailedError):
            task.attempt(mode, try_number=2, max_tries=1, retries=0)
        assert len(task.service.trace_ids) == 1

    def test_a_clear_with_reuse_on_clear_replaces_the_failed_job_that_comes_back(
        self, task: Task, mode: str
    ) -> None:
        task.store = None
        task.service.will(video(8), video(1))
        assert task.attempt(mode, try_number=2, max_tries=3, reuse_on_clear=True) == FIRST_ID + 1

    def test_a_stalled_replay_is_replaced_at_once(self, task: Task, mode: str) -> None:
        task.store = None
        with pytest.raises(PixVerseWaitTimeoutError):
            task.attempt(mode, try_number=2, timeout=3 * HOUR)
        assert len(task.service.trace_ids) == len(set(task.service.trace_ids)) == 2

    def test_what_is_not_durable_is_paid_anew_by_each_attempt(self, task: Task, mode: str) -> None:
        for try_number in (1, 2):
            with pytest.raises(PixVerseWaitTimeoutError):
                task.attempt(mode, try_number, durable=False, timeout=60)
        assert len(set(task.service.trace_ids)) == 2
        assert task.store.written == []


class TestTheLog:
    def test_of_a_wait_in_the_worker_has_a_line_for_what_changes_and_none_for_a_poll(
        self, task: Task
    ) -> None:
        task.service.will(HTTP_502, video(5), video(9), HTTP_502, HTTP_502, video(5), video(1))
        task.attempt("in the worker")
        name = f"PixVerse video {FIRST_ID}"
        assert task.said.lines == [
            ("INFO", f"The first poll of {name} failed, so it counts as running: HTTP 502"),
            ("INFO", f"Waiting for {name} in this worker until {UNTIL}, polling every 10 s."),
            ("WARNING", f"{name} has status 9, which PixVerse does not document; it counts as running."),
            ("WARNING", "Polling again later: HTTP 502"),
            ("INFO", f"{name} can be read again. {name} has status 5 now."),
            ("INFO", f"{name} is done, {task.clock.passed:.0f} s after its submit: 8 credits."),
        ]

    @every_mode
    def test_has_a_line_for_the_submit_the_begin_and_the_end_and_no_warning_where_all_goes_well(
        self, task: Task, mode: str, log_lines: list[str]
    ) -> None:
        task.service.will(video(5), video(5), video(5), video(1))
        task.attempt(mode)
        name = f"PixVerse video {FIRST_ID}"
        where = "in this worker" if mode == "in the worker" else "in the triggerer, which holds no worker,"
        assert log_lines == [
            (
                f"Submitted the lip sync: {name}, 8 credits charged (price not published), trace id "
                f"{task.service.trace_ids[0]}."
            )
        ]
        assert task.said.lines == [
            ("INFO", f"Waiting for {name} {where} until {UNTIL}, polling every 10 s."),
            ("INFO", f"{name} is done, {task.clock.passed:.0f} s after its submit: 8 credits."),
        ]

    @pytest.mark.parametrize("poll_interval", [10.0, 290.0, 1500.0, None])
    def test_of_a_wait_in_the_worker_has_a_line_every_five_minutes_however_rarely_it_polls(
        self, task: Task, monkeypatch: pytest.MonkeyPatch, poll_interval: float | None
    ) -> None:
        told: list[float] = []
        log = OwnLog()
        monkeypatch.setattr(log, "info", lambda *_: told.append(task.clock.passed))
        monkeypatch.setattr(PixVerseGenerationOperator, "log", log)
        with pytest.raises(PixVerseWaitTimeoutError):
            task.attempt("in the worker", poll_interval=poll_interval, timeout=4000.0)
        gaps = [later - earlier for earlier, later in itertools.pairwise([0.0, *told, task.clock.passed])]
        assert max(gaps) <= 300.1
        assert len(told) <= 30

    @every_mode
    def test_of_a_long_pause_before_a_submit_has_a_line_every_five_minutes(
        self, task: Task, mode: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task.said.install(monkeypatch, PixVersePauseTrigger)
        task.service.submits.append(busy(retry_after=1000.0))
        task.service.afterwards = video(1)
        task.attempt(mode)
        lines = [line for _, line in task.said.lines if line.startswith("Submitting again in ")]
        assert len(lines) == 4

    @pytest.mark.parametrize(
        ("status", "end"),
        [
            (8, "has failed, {} after its submit: 8 credits, which are refunded."),
            (7, "did not pass the content moderation, {} after its submit: 8 credits, which are refunded."),
            (6, "was deleted, {} after its submit: 8 credits."),
            (5, "is not done, {} after its submit: 8 credits."),
        ],
    )
    @every_mode
    def test_of_a_failure_ends_with_seconds_and_credits(
        self, task: Task, mode: str, status: int, end: str
    ) -> None:
        task.service.will(video(5), video(status))
        with pytest.raises(PixVerseError):
            task.attempt(mode, timeout=60.0)
        after = f"{task.clock.passed:.0f} s"
        assert task.said.lines[-1] == ("INFO", f"PixVerse video {FIRST_ID} {end.format(after)}")

    def test_of_a_deferred_wait_says_who_waits(self, task: Task) -> None:
        task.service.will(Video(7, 1), video(1))
        task.attempt("deferred")
        name = f"PixVerse video {FIRST_ID}"
        where = "in the triggerer, which holds no worker,"
        assert task.said.lines == [
            ("INFO", f"{name} is done but has no URL yet; it is polled until it has one."),
            ("INFO", f"Waiting for {name} {where} until {UNTIL}, polling every 10 s."),
            ("INFO", f"{name} is done, 7 s after its submit: 8 credits."),
        ]

    @every_mode
    def test_has_what_pixverse_may_refuse_once_however_often_it_is_submitted(
        self, task: Task, mode: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(LipSyncRequest, "iter_warnings", lambda _: iter(["PixVerse may refuse this."]))
        task.service.submits.extend([busy(), PixVerseAmbiguousSubmitError("lost")])
        with pytest.raises(PixVerseAmbiguousSubmitError):
            task.attempt(mode)
        assert task.said.lines.count(("WARNING", "PixVerse may refuse this.")) == 1
        # A stalled replay is replaced within the attempt.
        with pytest.raises(PixVerseWaitTimeoutError):
            task.attempt(mode, try_number=2, timeout=3 * HOUR)
        assert len(task.service.trace_ids) == 4
        assert task.said.lines.count(("WARNING", "PixVerse may refuse this.")) == 2

    def test_has_it_too_where_the_first_version_deferred_and_its_arguments_were_dropped(
        self, task: Task, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(LipSyncRequest, "iter_warnings", lambda _: iter(["PixVerse may refuse this."]))
        task.service.afterwards = video(1)
        assert task.operator("deferred").execute_after_pause(task.context()) == FIRST_ID
        assert task.said.lines[0] == ("WARNING", "PixVerse may refuse this.")


class TestPollsInTheWorker:
    def test_come_as_often_as_the_user_says(self, task: Task) -> None:
        with pytest.raises(PixVerseWaitTimeoutError):
            task.attempt("in the worker", poll_interval=20.0, timeout=200)
        pauses = [later - earlier for earlier, later in itertools.pairwise(task.service.polls)]
        assert pauses[0] == ends_at(20)
        assert all(20 <= pause <= 22 for pause in pauses[1:-1])

    def test_begin_after_seven_seconds_and_follow_the_age_of_the_job(self, task: Task) -> None:
        with pytest.raises(PixVerseWaitTimeoutError):
            task.attempt("in the worker", poll_interval=None, timeout=60)
        assert task.service.polls[:2] == [ends_at(0), ends_at(7)]
        task.clock.go_to(600)
        with pytest.raises(PixVerseWaitTimeoutError):
            task.attempt("in the worker", try_number=2, poll_interval=None, timeout=60)
        retry = [polled for polled in task.service.polls if polled >= 600]
        assert retry[:2] == [ends_at(600), ends_at(607)]
        assert 15 <= retry[2] - retry[1] <= 17


@every_mode
class TestHandingOver:
    def test_is_written_just_before_the_id_is_returned(self, task: Task, mode: str) -> None:
        task.service.will(video(5), video(1))
        assert task.attempt(mode) == FIRST_ID
        assert [written["handed_over"] for written in task.store.written] == [False, False, True]
        assert (task.kept.outcome, task.kept.message) == ("success", None)
        assert task.kept.ended_at == pytest.approx(task.clock.time(), abs=0.001)

    def test_is_written_before_the_id_of_a_job_that_nobody_waits_for_is_returned(
        self, task: Task, mode: str
    ) -> None:
        assert task.attempt(mode, wait_for_completion=False) == FIRST_ID
        assert (task.kept.handed_over, task.kept.outcome, task.service.polls) == (True, None, [])

    @pytest.mark.parametrize(
        ("status", "outcome", "error_class"),
        [
            (6, "deleted", PixVerseVideoDeletedError),
            (7, "moderated", PixVerseModerationError),
            (8, "failed", PixVerseGenerationFailedError),
        ],
    )
    @pytest.mark.parametrize("at_once", [False, True])
    def test_is_written_before_a_failure_of_the_job_is_raised(
        self, task: Task, mode: str, status: int, outcome: str, error_class: type[Exception], *, at_once: bool
    ) -> None:
        task.service.will(*([] if at_once else [video(5)]), video(status))
        with pytest.raises(error_class) as caught:
            task.attempt(mode)
        assert (task.kept.handed_over, task.kept.outcome) == (True, outcome)
        assert task.kept.message == str(caught.value)
        assert task.kept.credits_refunded == (None if outcome == "deleted" else 8.0)

    def test_that_cannot_be_written_is_logged_and_the_id_is_returned(
        self, task: Task, mode: str, log_lines: list[str]
    ) -> None:
        def done_while_the_store_is_away() -> Any:
            task.store.broken = ConnectionError("the API server is away")
            return video(1)

        task.service.afterwards = done_while_the_store_is_away
        assert task.attempt(mode) == FIRST_ID
        assert any("could not be written" in line and str(FIRST_ID) in line for line in log_lines)


@every_mode
class TestTheResult:
    def test_goes_to_an_xcom_without_its_url(self, task: Task, mode: str) -> None:
        task.service.afterwards = video(1)
        task.attempt(mode)
        assert task.pushed["video"]["video_id"] == FIRST_ID
        assert task.pushed["video"]["trace_id"] == task.service.trace_ids[0]
        assert task.pushed["video"]["credits"] == 8.0
        assert "Signature" not in str(task.pushed)

    def test_is_returned_even_where_its_xcom_cannot_be_pushed(self, task: Task, mode: str) -> None:
        task.xcom_error = RuntimeError("the API server is away")
        task.service.will(video(5), video(1))
        assert task.attempt(mode) == FIRST_ID
        name = f"PixVerse video {FIRST_ID}"
        assert task.said.lines[-2][0] == "ERROR"
        assert "XCom 'video' could not be pushed; the task goes on without it" in task.said.lines[-2][1]
        assert task.said.lines[-1][1].startswith(f"{name} is done, ")

    def test_has_the_credits_that_the_job_itself_tells_where_the_submit_did_not(
        self, task: Task, mode: str
    ) -> None:
        task.service.submits.append(Submission(FIRST_ID))
        task.service.will(video(5), replace(video(1), credits=12.0))
        task.attempt(mode)
        assert task.pushed["video"]["credits"] == 12.0

    def test_goes_to_no_xcom_where_the_user_wants_none(self, task: Task, mode: str) -> None:
        task.service.will(video(5), video(1))
        assert task.attempt(mode, do_xcom_push=False) == FIRST_ID
        assert task.pushed == {LINK_KEY: PAGE}


@every_mode
class TestWhatPeopleSee:
    def test_is_a_link_and_the_job_itself_as_soon_as_it_is_submitted(self, task: Task, mode: str) -> None:
        seen: list[dict[str, Any]] = []

        def poll() -> Video:
            seen.append(dict(task.pushed))
            return video(1 if len(seen) == 3 else 5)

        task.service.afterwards = poll
        task.attempt(mode)
        assert seen[0] == seen[2]
        assert seen[0][LINK_KEY] == PAGE
        assert seen[0]["video"] == {
            "video_id": FIRST_ID,
            "media_type": "video",
            "outcome": "running",
            "message": None,
            "trace_id": task.service.trace_ids[0],
            "credits": 8.0,
            "credits_refunded": None,
            "request": {"source_video_id": 7, "audio_media_id": 8},
            "operation": "PixVerseLipSyncOperator",
            "submitted_at": "2026-01-05T09:00:00.000+00:00",
            "ended_at": None,
            "try_number": 1,
        }

    @pytest.mark.parametrize(
        ("status", "outcome", "refunded"),
        [(8, "failed", 8.0), (7, "moderated", 8.0), (6, "deleted", None), (5, "timeout", None)],
    )
    def test_after_a_failure_is_what_became_of_the_job(
        self, task: Task, mode: str, status: int, outcome: str, refunded: float | None
    ) -> None:
        task.service.will(video(5), video(status))
        with pytest.raises(PixVerseError) as caught:
            task.attempt(mode, timeout=60.0)
        value = task.pushed["video"]
        assert task.pushed[LINK_KEY] == PAGE
        assert (value["video_id"], value["outcome"], value["status"]) == (FIRST_ID, outcome, status)
        assert value["message"] == str(caught.value)
        assert (value["credits"], value["credits_refunded"]) == (8.0, refunded)
        assert value["request"] == {"source_video_id": 7, "audio_media_id": 8}
        assert (value["ended_at"] is None) == (outcome == "timeout")

    def test_of_a_job_that_an_earlier_attempt_has_paid_is_there_at_once(self, task: Task, mode: str) -> None:
        with pytest.raises(PixVerseWaitTimeoutError):
            task.attempt(mode, timeout=60.0)
        task.pushed.clear()
        task.service.afterwards = video(1)
        task.attempt(mode, try_number=2)
        assert task.pushed[LINK_KEY] == PAGE
        assert (task.pushed["video"]["video_id"], task.pushed["video"]["try_number"]) == (FIRST_ID, 1)

    def test_where_nobody_waits_for_the_job_is_there_too(self, task: Task, mode: str) -> None:
        task.attempt(mode, wait_for_completion=False)
        assert task.pushed[LINK_KEY] == PAGE
        assert task.pushed["video"]["outcome"] == "running"

    def test_is_nothing_where_there_is_no_job(self, task: Task, mode: str) -> None:
        task.service.submits.append(PixVerseModerationError("refused", proves_no_job=True, err_code=500063))
        with pytest.raises(PixVerseModerationError):
            task.attempt(mode)
        assert task.pushed == {}

    def test_that_cannot_be_pushed_ends_no_task(self, task: Task, mode: str, log_lines: list[str]) -> None:
        task.xcom_error = RuntimeError("the API server is away")
        task.service.will(video(5), video(1))
        assert task.attempt(mode) == FIRST_ID
        assert any("link 'PixVerse video' could not be pushed" in line for line in log_lines)

    def test_that_cannot_be_pushed_changes_nothing_about_the_payment_and_its_record(
        self, monkeypatch: pytest.MonkeyPatch, mode: str
    ) -> None:
        def story(xcom_error: Exception | None) -> tuple[Any, ...]:
            # The same jitter each time.
            random.seed(mode)
            task = new_task(monkeypatch)
            task.xcom_error = xcom_error
            task.service.will(video(5), video(8), video(8))
            with pytest.raises(PixVerseGenerationFailedError):
                task.attempt(mode)
            with pytest.raises(PixVerseWaitTimeoutError):
                task.attempt(mode, try_number=2, timeout=60.0)
            task.service.afterwards = video(1)
            returned = [task.attempt(mode, try_number=3)]
            returned.append(task.attempt(mode, try_number=4, max_tries=5))
            returned.append(task.attempt(mode, try_number=5, max_tries=6, wait_for_completion=False))
            return (
                returned,
                task.service.trace_ids,
                task.store.written,
                task.service.polled,
                task.clock.passed,
            )

        untroubled = story(None)
        assert len(untroubled[1]) == 4
        assert story(RuntimeError("the API server is away")) == untroubled
        assert story(ValueError("no JSON")) == untroubled

    @pytest.mark.parametrize("end", [AirflowTaskTimeout("not in time"), KeyboardInterrupt()])
    def test_whose_push_is_where_an_attempt_is_ended_is_found_by_the_retry(
        self, task: Task, mode: str, end: BaseException
    ) -> None:
        task.xcom_error = end
        with pytest.raises(type(end)):
            task.attempt(mode)
        assert task.kept.job_id == FIRST_ID
        task.xcom_error = None
        task.service.afterwards = video(1)
        assert task.attempt(mode, try_number=2) == FIRST_ID
        assert len(task.service.trace_ids) == 1

    def test_that_cannot_be_pushed_hides_no_failure_of_the_job(self, task: Task, mode: str) -> None:
        task.xcom_error = RuntimeError("the API server is away")
        task.service.will(video(5), video(8))
        with pytest.raises(PixVerseGenerationFailedError):
            task.attempt(mode)

    def test_holds_neither_a_signed_address_of_a_source_nor_an_id_that_a_page_would_round(
        self, task: Task, mode: str
    ) -> None:
        task.operator_class = PixVerseModifyOperator
        task.service.afterwards = video(1)
        task.attempt(
            mode,
            prompt="a" * 3000,
            quality="540p",
            source_video_id=2**63 + 1,
            mask_ids=["m"],
            mask_urls=["https://media.pixverse.ai/m.png?Signature=s3cr3t#x"],
        )
        request = task.pushed["video"]["request"]
        assert request["mask_urls"] == ["https://media.pixverse.ai/m.png"]
        assert request["source_video_id"] == str(2**63 + 1)
        assert request["prompt"] == "a" * 2000


class TestAResume:
    """It never builds the request: an input that renders wrongly by now cannot fail a job that is over."""

    def broken(self, task: Task) -> Any:
        operator = task.operator("deferred")
        operator.source_video_id = operator.audio_media_id = "None"
        return operator

    def test_returns_a_job_that_is_done(self, task: Task) -> None:
        event = make_event([WaitResult(Outcome.SUCCESS, 7, 60.0, Video(7, 1))], record(job_id=7).to_json())
        assert self.broken(task).execute_complete(task.context(), event) == 7
        assert (task.kept.job_id, task.kept.handed_over) == (7, True)

    def test_returns_a_job_that_is_done_though_nothing_else_is_known_of_it(self, task: Task) -> None:
        event = make_event([WaitResult(Outcome.SUCCESS, 7, 60.0)], record(job_id=7, credits=8.0).to_json())
        assert self.broken(task).execute_complete(task.context(), event) == 7
        value = task.pushed["video"]
        assert (value["video_id"], value["trace_id"], value["credits"]) == (7, "t", 8.0)
        assert (value["outcome"], value["request"]) == ("success", None)

    def test_tells_no_request_where_the_templates_render_to_another_by_now(self, task: Task) -> None:
        event = make_event([WaitResult(Outcome.SUCCESS, 7, 60.0, Video(7, 1))], record(job_id=7).to_json())
        assert task.operator("deferred").execute_complete(task.context(), event) == 7
        assert task.pushed["video"]["request"] is None

    @pytest.mark.parametrize(
        "outcome", [Outcome.FAILED, Outcome.MODERATED, Outcome.TIMEOUT, Outcome.GIVEN_UP]
    )
    def test_tells_of_one_that_is_not(self, task: Task, outcome: Outcome) -> None:
        event = make_event([WaitResult(outcome, 7, 60.0)], record(job_id=7).to_json(), START + 600)
        with pytest.raises(PixVerseError, match="PixVerse video 7"):
            self.broken(task).execute_complete(task.context(), event)


class TestAKill:
    @pytest.mark.parametrize(
        ("operator_class", "media_type", "landing"),
        [
            (
                PixVerseLipSyncOperator,
                "video",
                f"land it with PixVerseVideoSensor and PixVerseDownloadVideoOperator (video_id={FIRST_ID})",
            ),
            (PixVerseImageTemplateOperator, "image", f"read it with PixVerseHook.get_image({FIRST_ID})"),
        ],
        ids=["video", "image"],
    )
    def test_names_the_job_that_goes_on(
        self, task: Task, operator_class: Any, media_type: str, landing: str
    ) -> None:
        task.operator_class = operator_class
        killed = (
            f"The task was killed, but PixVerse {media_type} {FIRST_ID} goes on and is paid: PixVerse cannot "
            "cancel a job. "
        )
        for try_number, advice in (
            (1, "A retry waits for the same job and pays nothing again."),
            (
                3,
                (
                    "No retry is left: the first clear of the task picks this job up and pays nothing. Or "
                    f"{landing}."
                ),
            ),
        ):
            operator = task.operator("deferred")
            with pytest.raises(TaskDeferred):
                operator.execute(task.context(try_number))
            operator.on_kill()
            assert task.said.lines[-1] == ("WARNING", killed + advice)

    def test_before_there_is_a_job_says_nothing(self, task: Task) -> None:
        task.service.submits.append(HTTP_502)
        operator = task.operator("deferred")
        operator.on_kill()
        with pytest.raises(PixVerseTransientError):
            operator.execute(task.context())
        operator.on_kill()
        assert task.said.lines == []
