"""A clear means "make it again"; what was paid and never handed over is picked up first, once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import tenacity

from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseAuthenticationError,
    PixVerseModerationError,
    PixVerseUnresolvedSubmitError,
    PixVerseWaitTimeoutError,
)
from pixverse_provider.jobs.record import JobStore
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from tests.support.ledger import paid_jobs, submits
from tests.support.tasks import TaskRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.emulator.client import EmulatorControl
    from tests.unit.pixverse_in_time import Clock

    MakeTask = Callable[..., TaskRun]


class Killed(BaseException):
    """Stands for a kill -9: nothing of the task runs after it."""


def kill(*_: Any, **__: Any) -> None:
    raise Killed


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixverse_provider.api.client.wait_as_asked", tenacity.wait_none)


@pytest.fixture
def make_task(finished_video: int) -> MakeTask:
    """Make a lip sync task whose attempts can be run one by one."""

    def make(**arguments: Any) -> TaskRun:
        return TaskRun(
            PixVerseLipSyncOperator(
                task_id="lip_sync",
                source_video_id=finished_video,
                lip_sync_tts_speaker_id="auto",
                lip_sync_tts_content="Good morning.",
                **{"deferrable": True, "poll_interval": 1.0} | arguments,
            )
        )

    return make


def only_job(emulator: EmulatorControl) -> int:
    (submit,) = submits(emulator)
    return int(submit["video_id"])


def test_while_it_is_deferred_picks_the_job_up(emulator: EmulatorControl, make_task: MakeTask) -> None:
    emulator.settings(generation_seconds=3600)
    task = make_task()
    before = task.deferral()
    task.clear()
    after = task.deferral()
    assert before.trigger.video_ids == after.trigger.video_ids
    assert paid_jobs(emulator) == 1


def test_once_more_while_that_job_still_runs_makes_a_new_one_and_names_the_old(
    emulator: EmulatorControl, make_task: MakeTask, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.settings(generation_seconds=3600)
    task = make_task()
    old = task.deferral().trigger.video_ids[0]
    task.clear()
    task.deferral()
    task.clear()
    caplog.clear()
    assert task.deferral().trigger.video_ids[0] != old
    assert paid_jobs(emulator) == 2
    assert any(old in r.getMessage() for r in caplog.records if r.levelname == "WARNING")


def test_after_the_deadline_of_the_last_try_pays_nothing(
    emulator: EmulatorControl, make_task: MakeTask, clock: Clock
) -> None:
    emulator.settings(generation_seconds=3600)
    task = make_task(deferrable=False, timeout=60, retries=0)
    with pytest.raises(
        PixVerseWaitTimeoutError, match="No retry is left: the first clear of the task picks this job"
    ):
        task.attempt()
    emulator.finish_all()
    task.clear()
    assert int(task.attempt()) == only_job(emulator)
    assert paid_jobs(emulator) == 1


def test_of_a_video_that_was_picked_up_and_returned_makes_another(
    emulator: EmulatorControl, make_task: MakeTask, clock: Clock
) -> None:
    emulator.settings(generation_seconds=3600)
    task = make_task(deferrable=False, timeout=60, retries=0)
    with pytest.raises(PixVerseWaitTimeoutError):
        task.attempt()
    emulator.finish_all()
    task.clear()
    first = task.attempt()
    emulator.settings(generation_seconds=0)
    task.clear()
    assert task.attempt() != first
    assert paid_jobs(emulator) == 2


@pytest.mark.parametrize("point", ["_defer_wait", "_end_wait"])
def test_after_a_kill_pays_nothing(
    emulator: EmulatorControl, make_task: MakeTask, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    if point == "_defer_wait":
        emulator.settings(generation_seconds=3600)
    task = make_task()
    with monkeypatch.context() as killing:
        killing.setattr(PixVerseLipSyncOperator, point, kill)
        with pytest.raises(Killed):
            task.attempt()
    emulator.finish_all()
    task.clear()
    assert int(task.attempt()) == only_job(emulator)


def test_after_a_kill_before_the_id_was_written_repeats_the_submit_once(
    emulator: EmulatorControl, make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task(deferrable=False)
    with monkeypatch.context() as killing:
        killing.setattr(JobStore, "save", kill)
        with pytest.raises(Killed):
            task.attempt()
    task.clear()
    assert int(task.attempt()) == only_job(emulator)
    assert submits(emulator)[0]["count"] == 2
    assert paid_jobs(emulator) == 1


def test_after_a_lost_answer_repeats_the_submit_once_and_then_makes_a_new_job(
    emulator: EmulatorControl, make_task: MakeTask
) -> None:
    emulator.fault(on="submit", what="accept_then_drop", times=6)
    task = make_task(deferrable=False)
    for _ in range(2):
        with pytest.raises(PixVerseAmbiguousSubmitError):
            task.attempt()
        task.clear()
    assert [submit["count"] for submit in submits(emulator)] == [6]
    task.attempt()
    assert [submit["count"] for submit in submits(emulator)] == [6, 1]


def test_where_a_person_is_to_decide_submits_anew(emulator: EmulatorControl, make_task: MakeTask) -> None:
    emulator.fault(on="submit", what="accept_then_drop")
    task = make_task(deferrable=False, on_ambiguous_submit="fail")
    with pytest.raises(PixVerseUnresolvedSubmitError):
        task.attempt()
    task.clear()
    task.attempt()
    assert len(submits(emulator)) == 2


def test_after_the_key_was_refused_picks_the_job_up(emulator: EmulatorControl, make_task: MakeTask) -> None:
    emulator.settings(generation_seconds=3600)
    task = make_task()
    task.deferral()
    emulator.fault(on="result", what="error", err_code=10001, times=2)
    task.operator.deferrable = False
    with pytest.raises(PixVerseAuthenticationError, match="goes on and is paid"):
        task.retry()
    emulator.finish_all()
    task.clear()
    assert int(task.attempt()) == only_job(emulator)


def test_after_a_failure_of_the_job_makes_a_new_one(emulator: EmulatorControl, make_task: MakeTask) -> None:
    emulator.fault(on="submit", what="moderate")
    task = make_task(deferrable=False)
    with pytest.raises(PixVerseModerationError):
        task.attempt()
    task.clear()
    task.attempt()
    assert len(submits(emulator)) == 2


def test_of_a_job_that_was_only_to_be_submitted_makes_a_new_one(
    emulator: EmulatorControl, make_task: MakeTask
) -> None:
    task = make_task(wait_for_completion=False)
    first = task.attempt()
    task.clear()
    assert task.attempt() != first


def test_two_hours_after_the_submit_makes_a_new_job_if_the_old_one_still_runs(
    emulator: EmulatorControl, make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.fault(on="submit", what="never", times=2)
    task = make_task()
    task.deferral()
    later = time.time() + 7201
    monkeypatch.setattr("time.time", lambda: later)
    task.clear()
    task.deferral()
    assert paid_jobs(emulator) == 2


@pytest.mark.parametrize("reuse", [False, True])
@pytest.mark.parametrize("status", [401, 403, 404, 408, 503])
def test_whose_first_poll_a_gateway_refuses_pays_nothing(
    emulator: EmulatorControl, make_task: MakeTask, status: int, *, reuse: bool
) -> None:
    task = make_task(wait_for_completion=not reuse, reuse_on_clear=reuse)
    emulator.settings(generation_seconds=3600)
    if reuse:
        task.attempt()
    else:
        task.deferral()
    task.clear()
    emulator.fault(on="result", what="http_status", status=status)
    if reuse:
        task.attempt()
    else:
        task.deferral()
    assert paid_jobs(emulator) == 1


def test_of_a_job_that_pixverse_has_forgotten_makes_a_new_one(
    emulator: EmulatorControl, make_task: MakeTask, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.settings(generation_seconds=3600)
    task = make_task()
    old = task.deferral().trigger.video_ids[0]
    emulator.fault(on="result", what="error", err_code=500008, video_id=int(old))
    task.clear()
    caplog.clear()
    assert task.deferral().trigger.video_ids[0] != old
    assert any(old in r.getMessage() for r in caplog.records if r.levelname == "WARNING")


def test_leaves_the_earlier_job_in_the_history_of_the_new_one(
    emulator: EmulatorControl, make_task: MakeTask
) -> None:
    emulator.fault(on="submit", what="fail")
    task = make_task(deferrable=False, retries=1)
    with pytest.raises(Exception, match="refunded"):
        task.attempt()
    failed = submits(emulator)[0]
    assert task.store is not None
    record = task.store.get("pixverse_job")
    assert (record["outcome"], record["credits_refunded"]) == ("failed", record["credits"])
    assert record["submitted_at"][:2] == "20"
    task.retry()
    record = task.store.get("pixverse_job")
    (earlier,) = record["earlier"]
    assert earlier["job_id"] == str(failed["video_id"])
    assert (earlier["outcome"], earlier["trace_id"]) == ("failed", failed["trace_id"])
    assert earlier["credits_refunded"] == earlier["credits"] == failed["charged"]
    assert record["outcome"] == "success"


def test_of_a_first_attempt_that_only_submits_polls_nothing(
    emulator: EmulatorControl, make_task: MakeTask
) -> None:
    make_task(wait_for_completion=False).attempt()
    assert [request["kind"] for request in emulator.requests()][-1] == "submit"
