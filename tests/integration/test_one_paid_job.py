"""One paid job for a task and its input, whatever ends an attempt; the emulator's ledger is the judge."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
import tenacity
from airflow.exceptions import AirflowFailException, TaskDeferred

from pixverse_provider.api.transport import BoundedSession
from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseAuthenticationError,
    PixVerseCapacityError,
    PixVerseGenerationFailedError,
    PixVerseInsufficientCreditsError,
    PixVerseModerationError,
    PixVerseRateLimitError,
    PixVerseTransientError,
    PixVerseUnresolvedSubmitError,
    PixVerseVideoDeletedError,
    PixVerseWaitTimeoutError,
)
from pixverse_provider.jobs.record import JobStore
from pixverse_provider.jobs.watch import GIVE_UP_AGE
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from tests.support.dags import connection_json
from tests.support.ledger import paid_jobs, polls, refunded_jobs, submits
from tests.support.tasks import TaskRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.api.protocol import Answer
    from pixverse_provider.emulator.client import EmulatorControl
    from pixverse_provider.jobs.record import JobRecord
    from tests.unit.pixverse_in_time import Clock

    MakeLipSync = Callable[..., TaskRun]

pytestmark = pytest.mark.usefixtures("quick_retries")

with_and_without_store = pytest.mark.parametrize("stored", [True, False], ids=["3.3", "3.1 and 3.2"])
LOST_ANSWERS: dict[str, dict[str, Any]] = {
    "dropped": {"what": "accept_then_drop"},
    "502": {"what": "accept_then_502"},
    "html": {"what": "html", "accept": True},
    "truncated": {"what": "truncated_json"},
    "hangs": {"what": "accept_then_hang", "seconds": 600.0},
}
every_lost_answer = pytest.mark.parametrize("lost", LOST_ANSWERS)


class Killed(BaseException):
    """Stands for a kill -9: nothing of the task runs after it."""


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client repeat without its pauses."""
    monkeypatch.setattr("pixverse_provider.api.client.wait_as_asked", tenacity.wait_none)


@pytest.fixture
def _no_patience_with_hangs(emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up an answer that does not come once PixVerse has accepted the submit, and wait for all others."""
    exchange = BoundedSession.exchange

    def hangs_to_come() -> int:
        hangs = [fault for fault in emulator.faults() if fault["what"] == "accept_then_hang"]
        return sum((fault["times"] or 0) - fault["used"] for fault in hangs)

    def exchange_or_give_up(
        session: BoundedSession, method: str, url: str, *, timeout: tuple[float, float], **options: Any
    ) -> Answer:
        hangs = hangs_to_come() if method == "POST" else 0
        if not hangs:
            return exchange(session, method, url, timeout=timeout, **options)
        try:
            return exchange(session, method, url, timeout=(timeout[0], 0.2), **options)
        finally:
            while hangs_to_come() == hangs:
                time.sleep(0.01)

    monkeypatch.setattr(BoundedSession, "exchange", exchange_or_give_up)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Make every pause of a worker a note instead."""
    noted: list[float] = []
    monkeypatch.setattr("pixverse_provider.operators.generation.time.sleep", noted.append)
    return noted


@pytest.fixture
def make_lip_sync(finished_video: int) -> MakeLipSync:
    """Make a lip sync task whose attempts can be run one by one."""

    def make(*, text: str = "Good morning.", stored: bool = True, **arguments: Any) -> TaskRun:
        operator = PixVerseLipSyncOperator(
            task_id="lip_sync",
            source_video_id=finished_video,
            lip_sync_tts_speaker_id="auto",
            lip_sync_tts_content=text,
            **{"deferrable": False, "poll_interval": 1.0} | arguments,
        )
        run = TaskRun(operator)
        if not stored:
            run.store = None
        return run

    return make


def one_trace_id(emulator: EmulatorControl) -> dict[str, Any]:
    (submit,) = submits(emulator)
    return submit


@pytest.mark.usefixtures("_no_patience_with_hangs")
class TestALostAnswer:
    @every_lost_answer
    @with_and_without_store
    def test_within_an_attempt_is_asked_for_again_under_the_same_trace_id(
        self,
        emulator: EmulatorControl,
        make_lip_sync: MakeLipSync,
        lost: str,
        *,
        stored: bool,
    ) -> None:
        emulator.fault(on="submit", **LOST_ANSWERS[lost])

        video_id = make_lip_sync(stored=stored).attempt()

        submit = one_trace_id(emulator)
        assert (submit["count"], submit["video_id"], paid_jobs(emulator)) == (2, int(video_id), 1)

    @every_lost_answer
    @with_and_without_store
    def test_that_outlasts_the_attempt_is_found_by_the_retry(
        self,
        emulator: EmulatorControl,
        make_lip_sync: MakeLipSync,
        lost: str,
        *,
        stored: bool,
    ) -> None:
        emulator.fault(on="submit", times=3, **LOST_ANSWERS[lost])
        task = make_lip_sync(stored=stored)

        with pytest.raises(Exception, match=r"a paid job may exist.*same trace id") as caught:
            task.attempt()
        video_id = task.retry()

        assert not isinstance(caught.value, AirflowFailException), "the retry would not come"
        submit = one_trace_id(emulator)
        assert (submit["count"], submit["video_id"], paid_jobs(emulator)) == (4, int(video_id), 1)

    def test_fails_at_once_where_a_person_is_to_decide(
        self, emulator: EmulatorControl, make_lip_sync: MakeLipSync
    ) -> None:
        emulator.fault(on="submit", what="accept_then_drop")
        task = make_lip_sync(on_ambiguous_submit="fail")

        with pytest.raises(PixVerseUnresolvedSubmitError) as caught:
            task.attempt()
        with pytest.raises(PixVerseUnresolvedSubmitError, match=r"platform\.pixverse\.ai"):
            task.retry()

        assert isinstance(caught.value, AirflowFailException)
        submit = one_trace_id(emulator)
        assert submit["count"] == 1
        assert submit["trace_id"] in str(caught.value)

    def test_and_too_many_requests_after_it_keep_the_trace_id(
        self,
        emulator: EmulatorControl,
        make_lip_sync: MakeLipSync,
        monkeypatch: pytest.MonkeyPatch,
        clock: Clock,
    ) -> None:
        def answer_429_from_now_on(_: object) -> float:
            emulator.clear_faults()
            emulator.fault(on="submit", what="too_many_requests", times=None)
            return 0.0

        emulator.fault(on="submit", what="accept_then_drop")
        monkeypatch.setattr("pixverse_provider.api.client.wait_as_asked", lambda: answer_429_from_now_on)
        task = make_lip_sync(timeout=1.0)

        with pytest.raises(PixVerseRateLimitError, match="could not be found out"):
            task.attempt()
        emulator.clear_faults()
        video_id = task.retry()

        submit = one_trace_id(emulator)
        assert (submit["video_id"], paid_jobs(emulator)) == (int(video_id), 1)

    def test_that_was_a_refusal_never_moves_on_to_another_trace_id(
        self, emulator: EmulatorControl, make_lip_sync: MakeLipSync, pauses: list[float]
    ) -> None:
        emulator.fault(on="submit", what="error", err_code=500100)
        emulator.fault(on="submit", what="accept_then_drop")
        task = make_lip_sync()

        for attempt in (task.attempt, task.retry):
            with pytest.raises(PixVerseTransientError, match="500100"):
                attempt()

        assert one_trace_id(emulator)["count"] > 3
        assert paid_jobs(emulator) == 0


class TestAKill:
    @with_and_without_store
    def test_after_the_answer_and_before_the_id_is_stored(
        self,
        emulator: EmulatorControl,
        make_lip_sync: MakeLipSync,
        monkeypatch: pytest.MonkeyPatch,
        *,
        stored: bool,
    ) -> None:
        task = make_lip_sync(stored=stored)
        with monkeypatch.context() as killing:
            killing.setattr(JobStore, "save", kill)
            with pytest.raises(Killed):
                task.attempt()

        video_id = task.retry()

        assert (one_trace_id(emulator)["video_id"], paid_jobs(emulator)) == (int(video_id), 1)

    @pytest.mark.parametrize("deferrable", [False, True], ids=["in the worker", "deferred"])
    @with_and_without_store
    def test_after_the_id_is_stored_and_before_the_wait(
        self,
        emulator: EmulatorControl,
        make_lip_sync: MakeLipSync,
        monkeypatch: pytest.MonkeyPatch,
        *,
        stored: bool,
        deferrable: bool,
    ) -> None:
        emulator.settings(generation_seconds=3600)
        task = make_lip_sync(stored=stored, deferrable=deferrable)
        with monkeypatch.context() as killing:
            for wait in ("_wait_here", "_defer_wait"):
                killing.setattr(PixVerseLipSyncOperator, wait, kill)
            with pytest.raises(Killed):
                task.attempt()
        emulator.finish_all()

        video_id = task.retry()

        submit = one_trace_id(emulator)
        assert (submit["video_id"], paid_jobs(emulator)) == (int(video_id), 1)
        assert submit["count"] == (1 if stored else 2)

    def test_while_the_job_runs_lets_the_retry_wait_for_it(
        self, emulator: EmulatorControl, make_lip_sync: MakeLipSync
    ) -> None:
        emulator.settings(generation_seconds=3600)
        task = make_lip_sync(deferrable=True)

        first, second = task.deferral(), task.deferral()

        assert first.trigger.video_ids == second.trigger.video_ids
        assert paid_jobs(emulator) == one_trace_id(emulator)["count"] == 1


class TestAJobThatFailed:
    @with_and_without_store
    def test_is_made_anew_by_each_retry_until_it_succeeds(
        self, emulator: EmulatorControl, make_lip_sync: MakeLipSync, *, stored: bool
    ) -> None:
        emulator.fault(on="submit", what="fail", times=2)
        task = make_lip_sync(stored=stored, retries=2)

        for attempt in (task.attempt, task.retry):
            with pytest.raises(PixVerseGenerationFailedError, match="A retry submits a new job") as caught:
                attempt()
            assert str(caught.value.video_id) in str(caught.value)
        video_id = task.retry()

        assert [s["jobs"] for s in submits(emulator)] == [1, 1, 1]
        assert submits(emulator)[-1]["video_id"] == int(video_id)
        assert (paid_jobs(emulator), refunded_jobs(emulator)) == (3, 2)

    def test_because_it_was_deleted_is_made_anew_by_a_retry(
        self, emulator: EmulatorControl, make_lip_sync: MakeLipSync
    ) -> None:
        emulator.fault(on="submit", what="delete")
        task = make_lip_sync()
        with pytest.raises(PixVerseVideoDeletedError):
            task.attempt()
        task.retry()
        assert paid_jobs(emulator) == 2

    @pytest.mark.parametrize("what", ["moderate", "refuse"], ids=["later", "at submit"])
    def test_in_moderation_is_not_submitted_again(
        self, emulator: EmulatorControl, make_lip_sync: MakeLipSync, what: str
    ) -> None:
        emulator.fault(on="submit", what=what, times=2)
        task = make_lip_sync()

        with pytest.raises(PixVerseModerationError, match="refused again") as caught:
            task.attempt()

        assert isinstance(caught.value, AirflowFailException), "a retry would be burnt"
        assert one_trace_id(emulator)["count"] == 1


class TestARefusal:
    @pytest.mark.parametrize(
        ("err_code", "error"),
        [(500090, PixVerseInsufficientCreditsError), (400012, PixVerseAuthenticationError)],
    )
    def test_for_good_is_sent_once_and_a_clear_submits_under_another_trace_id(
        self,
        emulator: EmulatorControl,
        make_lip_sync: MakeLipSync,
        err_code: int,
        error: type[Exception],
    ) -> None:
        emulator.fault(on="submit", what="error", err_code=err_code)
        task = make_lip_sync()

        with pytest.raises(error, match=str(err_code)) as caught:
            task.attempt()
        assert isinstance(caught.value, AirflowFailException)
        task.clear()
        video_id = task.attempt()

        assert [s["count"] for s in submits(emulator)] == [1, 1]
        assert (submits(emulator)[-1]["video_id"], paid_jobs(emulator)) == (int(video_id), 1)

    @with_and_without_store
    def test_for_a_moment_is_repeated_within_the_attempt(
        self,
        emulator: EmulatorControl,
        make_lip_sync: MakeLipSync,
        pauses: list[float],
        *,
        stored: bool,
    ) -> None:
        emulator.fault(on="submit", what="error", err_code=500069, http_status=500)
        emulator.fault(on="submit", what="error", err_code=500100, http_status=400)

        video_id = make_lip_sync(stored=stored, retries=0).attempt()

        assert (submits(emulator)[-1]["video_id"], paid_jobs(emulator)) == (int(video_id), 1)
        # Without a record, one trace id is refused three times before the next one is used.
        assert len(pauses) == (2 if stored else 6)

    @with_and_without_store
    def test_that_lasts_costs_one_retry_although_its_trace_id_repeats_it(
        self,
        emulator: EmulatorControl,
        make_lip_sync: MakeLipSync,
        pauses: list[float],
        *,
        stored: bool,
    ) -> None:
        # Without a record, each trace id is refused three times before the next one is used.
        emulator.fault(on="submit", what="error", err_code=500100, times=4 if stored else 2)
        task = make_lip_sync(stored=stored)
        with pytest.raises(PixVerseTransientError, match="500100"):
            task.attempt()

        video_id = task.retry()

        assert submits(emulator)[-1]["video_id"] == int(video_id)
        assert paid_jobs(emulator) == 1

    def test_by_429_outranks_an_error_code_that_says_nothing(
        self, emulator: EmulatorControl, make_lip_sync: MakeLipSync, pauses: list[float]
    ) -> None:
        emulator.fault(
            on="submit",
            what="answer",
            status=429,
            headers={"Retry-After": "20"},
            body='{"ErrCode": 99999, "ErrMsg": "too many requests"}',
        )

        make_lip_sync(retries=0).attempt()

        assert paid_jobs(emulator) == 1
        assert min(pauses) >= 20

    @pytest.mark.parametrize("err_code", [500044, 500069])
    def test_for_want_of_a_slot_waits_in_the_worker_and_tries_again(
        self,
        emulator: EmulatorControl,
        make_lip_sync: MakeLipSync,
        pauses: list[float],
        err_code: int,
    ) -> None:
        emulator.fault(on="submit", what="error", err_code=err_code, times=4)

        make_lip_sync().attempt()

        assert paid_jobs(emulator) == 1
        assert [s["count"] for s in submits(emulator)] == [1, 1, 1, 1, 1]
        assert len(pauses) == 4
        assert all(7.5 <= pause <= 60 for pause in pauses)

    @with_and_without_store
    def test_for_want_of_a_slot_waits_deferred_and_spends_no_retry(
        self, emulator: EmulatorControl, make_lip_sync: MakeLipSync, clock: Clock, *, stored: bool
    ) -> None:
        emulator.fault(on="submit", what="slots_full", times=2)
        task = make_lip_sync(deferrable=True, stored=stored)

        video_id: Any = None
        deferral: TaskDeferred | None = task.deferral()
        while deferral is not None:
            assert deferral.method_name == "execute_after_pause"
            assert deferral.timeout is not None
            wait = deferral.trigger.until - clock.time()
            assert 7 <= wait <= 60, "a trigger must not fire right after its deferral"
            clock.sleep(wait)
            try:
                video_id, deferral = task.resume(deferral, state=deferral.trigger.state), None
            except TaskDeferred as again:
                deferral = again

        assert paid_jobs(emulator) == 1
        assert submits(emulator)[-1]["video_id"] == int(video_id)

    @pytest.mark.parametrize("durable", [True, False])
    def test_for_want_of_a_slot_after_a_lost_answer_keeps_the_trace_id(
        self, emulator: EmulatorControl, make_lip_sync: MakeLipSync, *, durable: bool
    ) -> None:
        emulator.fault(on="submit", what="slots_full")
        emulator.fault(on="submit", what="accept_then_drop")
        task = make_lip_sync(deferrable=True, durable=durable)
        first = task.deferral()
        emulator.settings(repeat_refusals=False)

        with pytest.raises(TaskDeferred):
            task.resume(first, state=first.trigger.state)

        assert one_trace_id(emulator)["count"] == 3

    def test_for_want_of_a_slot_ends_with_the_time_of_the_task(
        self, emulator: EmulatorControl, make_lip_sync: MakeLipSync, clock: Clock
    ) -> None:
        emulator.fault(on="submit", what="slots_full", times=None)
        with pytest.raises(PixVerseCapacityError, match="500044"):
            make_lip_sync(timeout=5.0).attempt()
        assert one_trace_id(emulator)["count"] == 1


def test_below_3_3_a_kill_after_a_wait_for_a_slot_pays_once_although_refusals_are_forgotten(
    emulator: EmulatorControl,
    make_lip_sync: MakeLipSync,
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emulator.settings(repeat_refusals=False)
    emulator.fault(on="submit", what="slots_full")
    task = make_lip_sync(stored=False)
    with monkeypatch.context() as killing:
        killing.setattr(JobStore, "save", save_or_die(JobStore.save))
        with pytest.raises(Killed):
            task.attempt()
    task.retry()
    assert paid_jobs(emulator) == 1


class TestAClear:
    def test_makes_it_again(self, emulator: EmulatorControl, make_lip_sync: MakeLipSync) -> None:
        task = make_lip_sync()
        first = task.attempt()
        task.clear()
        assert task.attempt() != first
        assert paid_jobs(emulator) == 2

    @with_and_without_store
    def test_with_reuse_on_clear_returns_the_video_that_is_paid(
        self, emulator: EmulatorControl, make_lip_sync: MakeLipSync, *, stored: bool
    ) -> None:
        task = make_lip_sync(reuse_on_clear=True, stored=stored)
        first = task.attempt()
        task.clear()
        assert task.attempt() == first
        assert paid_jobs(emulator) == 1

    @with_and_without_store
    def test_with_reuse_on_clear_goes_on_after_a_refusal_for_good(
        self, emulator: EmulatorControl, make_lip_sync: MakeLipSync, *, stored: bool
    ) -> None:
        emulator.fault(on="submit", what="no_credits")
        task = make_lip_sync(reuse_on_clear=True, stored=stored)
        with pytest.raises(PixVerseInsufficientCreditsError):
            task.attempt()
        task.clear()
        task.attempt()
        assert paid_jobs(emulator) == 1

    def test_with_reuse_on_clear_and_a_video_that_pixverse_has_forgotten_makes_another(
        self, emulator: EmulatorControl, make_lip_sync: MakeLipSync
    ) -> None:
        task = make_lip_sync(reuse_on_clear=True)
        first = task.attempt()
        emulator.fault(on="result", what="error", err_code=500008, video_id=int(first))
        task.clear()
        assert task.attempt() != first

    def test_with_reuse_on_clear_submits_again_what_a_person_was_to_decide(
        self, emulator: EmulatorControl, make_lip_sync: MakeLipSync
    ) -> None:
        emulator.fault(on="submit", what="accept_then_drop")
        task = make_lip_sync(reuse_on_clear=True, on_ambiguous_submit="fail")
        with pytest.raises(PixVerseUnresolvedSubmitError):
            task.attempt()
        task.clear()
        task.attempt()
        assert len(submits(emulator)) == 2

    def test_with_reuse_on_clear_and_another_text_makes_another(
        self, emulator: EmulatorControl, make_lip_sync: MakeLipSync
    ) -> None:
        task = make_lip_sync(reuse_on_clear=True)
        first = task.attempt()
        task.operator.lip_sync_tts_content = "Good evening."
        task.clear()
        assert task.attempt() != first
        assert paid_jobs(emulator) == 2


@pytest.mark.parametrize("limit", [0.0, "many"])
@pytest.mark.parametrize("lost", [False, True], ids=["noted", "lost"])
def test_a_job_that_is_paid_is_found_whatever_max_credits_says_now(
    emulator: EmulatorControl, make_lip_sync: MakeLipSync, limit: Any, *, lost: bool
) -> None:
    if lost:
        emulator.fault(on="submit", what="accept_then_drop", times=3)
    task = make_lip_sync(max_credits=100, deferrable=True)
    emulator.settings(generation_seconds=3600)
    with pytest.raises(PixVerseAmbiguousSubmitError if lost else TaskDeferred):
        task.attempt()
    cast("PixVerseLipSyncOperator", task.operator).max_credits = limit
    emulator.finish_all()
    task.retry()
    assert paid_jobs(emulator) == 1


def test_a_changed_text_makes_another_job(emulator: EmulatorControl, make_lip_sync: MakeLipSync) -> None:
    task = make_lip_sync()
    task.attempt()
    task.operator.lip_sync_tts_content = "Good evening."
    task.retry()
    assert paid_jobs(emulator) == 2


def test_without_durability_each_attempt_has_a_job_of_its_own(
    emulator: EmulatorControl, make_lip_sync: MakeLipSync
) -> None:
    task = make_lip_sync(durable=False)
    task.attempt()
    task.retry()
    task.retry()
    assert paid_jobs(emulator) == len(submits(emulator)) == 3
    assert task.store is not None
    assert task.store.values == {}


def test_a_store_that_fails_after_the_submit_loses_nothing(
    emulator: EmulatorControl, make_lip_sync: MakeLipSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_lip_sync()
    assert task.store is not None
    keep = task.store.set

    def fail_with_an_id(key: str, value: Any, *, retention: Any = None) -> None:
        if value["job_id"] is not None:
            raise ConnectionError("the API server is away")
        keep(key, value, retention=retention)

    monkeypatch.setattr(task.store, "set", fail_with_an_id)
    video_id = task.attempt()
    assert task.retry() == video_id
    assert (one_trace_id(emulator)["count"], paid_jobs(emulator)) == (2, 1)


def test_a_store_that_fails_before_the_submit_spends_nothing(
    emulator: EmulatorControl, make_lip_sync: MakeLipSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_lip_sync()

    def fail(*_: Any, **__: Any) -> None:
        raise ConnectionError("the API server is away")

    monkeypatch.setattr(task.store, "set", fail)
    with pytest.raises(ConnectionError):
        task.attempt()
    assert submits(emulator) == []


def test_a_replayed_id_that_never_leaves_its_status_is_given_up_after_two_hours(
    emulator: EmulatorControl, make_lip_sync: MakeLipSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.fault(on="submit", what="accept_then_drop")
    emulator.fault(on="submit", what="stalled_replay")
    task = make_lip_sync(deferrable=True)
    stalled = task.deferral()
    two_hours_later = time.time() + GIVE_UP_AGE + 1
    assert stalled.trigger.deadline <= two_hours_later, (
        "the wait for a replayed id ends when its job has stalled"
    )
    monkeypatch.setattr("pixverse_provider.jobs.submission.time.time", lambda: two_hours_later)

    video_id = task.retry()

    assert str(video_id) != stalled.trigger.video_ids[0]
    assert len(submits(emulator)) == 2


def test_polls_that_fail_never_fail_the_task_and_never_submit(
    emulator: EmulatorControl, make_lip_sync: MakeLipSync, pauses: list[float]
) -> None:
    kinds: list[dict[str, Any]] = [
        {"what": "drop_before_accept"},
        {"what": "http_status", "status": 500},
        {"what": "http_status", "status": 503, "body": "empty"},
        {"what": "html"},
        {"what": "truncated_json"},
        {"what": "too_many_requests"},
        {"what": "too_many_requests", "retry_after": 3},
        {"what": "too_many_requests", "retry_after": 3, "as_date": True},
        {"what": "error", "err_code": 500069},
        {"what": "error", "err_code": 500100},
    ]
    for kind in kinds * 3:
        emulator.fault(on="result", **kind)

    make_lip_sync().attempt()

    assert sum(fault["used"] for fault in emulator.faults()) == 30
    assert (one_trace_id(emulator)["count"], paid_jobs(emulator)) == (1, 1)
    assert max(pauses) <= 66, "the longest back-off is a minute, spread by a tenth"


def test_a_wrong_key_while_waiting_ends_at_once_and_names_the_video(
    emulator: EmulatorControl, make_lip_sync: MakeLipSync, pauses: list[float]
) -> None:
    emulator.settings(generation_seconds=3600)
    task = make_lip_sync()
    emulator.fault(on="result", what="http_status", status=503)
    emulator.fault(on="result", what="error", err_code=400012, times=None)
    with pytest.raises(PixVerseAuthenticationError, match="PixVerseVideoSensor") as caught:
        task.attempt()
    assert str(submits(emulator)[0]["video_id"]) in str(caught.value)


def test_a_key_that_is_changed_while_waiting_is_read_again(
    emulator: EmulatorControl,
    make_lip_sync: MakeLipSync,
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emulator.fault(on="submit", what="status", statuses=[5, 5, 5])
    emulator.fault(on="result", what="http_status", status=503)
    emulator.fault(on="result", what="error", err_code=400012)
    task = make_lip_sync()
    old = task.operator.execute

    def change_the_key_while_it_waits(_: float) -> None:
        monkeypatch.setenv(
            "AIRFLOW_CONN_PIXVERSE_DEFAULT",
            connection_json(
                host=emulator.api_url.replace("127.0.0.1", "localhost"), api_key=emulator.api_key
            ),
        )

    monkeypatch.setattr("pixverse_provider.operators.generation.time.sleep", change_the_key_while_it_waits)
    old(task.context)
    assert paid_jobs(emulator) == 1


def test_a_refused_key_is_not_sent_again_unless_it_has_changed(
    emulator: EmulatorControl, make_lip_sync: MakeLipSync, pauses: list[float]
) -> None:
    emulator.settings(generation_seconds=3600)
    task = make_lip_sync(deferrable=True)
    task.deferral()
    emulator.fault(on="result", what="error", err_code=400012, times=None)
    before = polls(emulator)
    task.operator.deferrable = False
    with pytest.raises(PixVerseAuthenticationError):
        task.retry()
    # The first poll of the attempt, which ends nothing, and one of the wait.
    assert polls(emulator) == before + 2


def test_a_submit_that_is_repeated_hours_later_and_makes_the_job_then_is_waited_for(
    emulator: EmulatorControl, make_lip_sync: MakeLipSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.settings(generation_seconds=3600)
    emulator.fault(on="submit", what="drop_before_accept", times=3)
    task = make_lip_sync(deferrable=True)
    with pytest.raises(PixVerseAmbiguousSubmitError):
        task.attempt()
    later = time.time() + 3 * 3600
    monkeypatch.setattr("time.time", lambda: later)

    trigger = task.deferral().trigger

    assert paid_jobs(emulator) == 1
    assert trigger.deadline - trigger.started_at == 7200


def test_a_gateway_that_refuses_for_a_moment_does_not_end_a_wait(
    emulator: EmulatorControl, make_lip_sync: MakeLipSync, pauses: list[float]
) -> None:
    emulator.fault(on="result", what="http_status", status=503)
    for status in (401, 403, 503, 404, 408):
        emulator.fault(on="result", what="http_status", status=status)
    make_lip_sync().attempt()
    assert (one_trace_id(emulator)["count"], paid_jobs(emulator)) == (1, 1)


def test_a_wait_that_is_too_long_names_the_video_and_what_a_retry_does(
    emulator: EmulatorControl, make_lip_sync: MakeLipSync, clock: Clock
) -> None:
    emulator.settings(generation_seconds=3600)
    task = make_lip_sync(timeout=60, retries=1)
    with pytest.raises(PixVerseWaitTimeoutError, match="A retry waits for the same job") as caught:
        task.attempt()
    assert clock.passed == pytest.approx(60)
    assert str(submits(emulator)[0]["video_id"]) in str(caught.value)
    emulator.finish_all()
    task.retry()
    assert paid_jobs(emulator) == 1


def test_the_execution_timeout_of_a_task_holds_while_it_is_deferred(
    emulator: EmulatorControl, make_lip_sync: MakeLipSync, clock: Clock
) -> None:
    emulator.settings(generation_seconds=3600)
    trigger = make_lip_sync(deferrable=True, execution_timeout=timedelta(seconds=90)).deferral().trigger
    assert trigger.deadline - trigger.started_at == 90


def save_or_die(save: Callable[[JobStore, JobRecord], None]) -> Callable[..., None]:
    """Make a ``save`` that works for a refusal and kills the task when the id is to be written."""

    def save_or_kill(store: JobStore, record: JobRecord) -> None:
        if record.job_id is not None:
            raise Killed
        save(store, record)

    return save_or_kill


def kill(*_: Any, **__: Any) -> None:
    raise Killed
