"""What dies, and what it costs: real processes are killed, and the emulator's ledger is read."""

from __future__ import annotations

import itertools
import json
import re
import signal
from typing import TYPE_CHECKING, Any

from tests.support.database import tables

if TYPE_CHECKING:
    from pathlib import Path

    from pixverse_provider.emulator.client import EmulatorControl
    from tests.failures.paid_runs import PaidRun, PaidRuns
    from tools.airflow_stack import AirflowStack

HANG = {"what": "accept_then_hang", "seconds": 20.0}


def assert_one_paid_job(run: PaidRun, *, tries: int, submits: int = 1) -> None:
    assert run.state() == "success"
    assert run.paid() == 1
    (submit,) = run.submits()
    assert submit["count"] == submits
    assert run.video_id() == submit["video_id"]
    assert run.tries() == tries


def test_a_task_killed_at_any_point_after_its_submit_finds_the_job_again(runs: PaidRuns) -> None:
    before_answer = runs.start(die="before the answer", faults=[HANG])
    before_store = runs.start(die="before the id is stored")
    before_defer = runs.start(die="before it defers")

    assert_one_paid_job(before_answer, tries=2, submits=2)
    assert_one_paid_job(before_store, tries=2, submits=2)
    assert_one_paid_job(before_defer, tries=2, submits=1)
    assert "nothing is paid again" in before_defer.log()


def test_a_triggerer_that_is_killed_costs_nothing(runs: PaidRuns, airflow: AirflowStack) -> None:
    run = runs.start()
    run.wait_deferred()

    airflow.kill("triggerer", signal.SIGKILL)
    airflow.restart("triggerer")

    assert_one_paid_job(run, tries=1)


def test_a_scheduler_that_is_killed_costs_nothing(runs: PaidRuns, airflow: AirflowStack) -> None:
    run = runs.start()
    run.wait_deferred()

    airflow.kill("scheduler", signal.SIGKILL)
    airflow.restart("scheduler")

    assert_one_paid_job(run, tries=1)


def test_a_lost_answer_is_asked_for_again_under_the_same_trace_id(runs: PaidRuns) -> None:
    lost = [
        runs.start(faults=[fault])
        for fault in ({"what": "accept_then_drop"}, HANG, {"what": "accept_then_502"})
    ]
    lost_for_a_whole_attempt = runs.start(faults=[{"what": "accept_then_drop", "times": 3}])

    for run in lost:
        assert_one_paid_job(run, tries=1, submits=2)
    assert_one_paid_job(lost_for_a_whole_attempt, tries=2, submits=4)


def test_a_job_that_fails_is_made_anew_by_the_retries(runs: PaidRuns) -> None:
    run = runs.start(faults=[{"what": "fail", "times": 2}])

    assert run.state() == "success"
    assert [job["status"] for job in run.jobs()] == [8, 8, 1]
    assert (run.paid(), run.refunded(), run.tries()) == (3, 2, 3)


def test_a_moderated_job_is_not_submitted_again(runs: PaidRuns) -> None:
    later = runs.start(faults=[{"what": "moderate", "times": 2}])
    at_once = runs.start(faults=[{"what": "refuse", "times": 2}])

    assert (later.state(), at_once.state()) == ("failed", "failed")
    assert (later.tries(), at_once.tries()) == (1, 1)
    assert (later.paid(), later.refunded(), at_once.paid()) == (1, 1, 0)
    assert "did not pass the content moderation" in later.log()


def test_thirty_polls_that_fail_cost_no_retry(runs: PaidRuns, emulator: EmulatorControl) -> None:
    kinds: list[dict[str, Any]] = [
        {"what": "drop_before_accept"},
        {"what": "http_status", "status": 500},
        {"what": "http_status", "status": 503, "body": "empty"},
        {"what": "html"},
        {"what": "truncated_json"},
        {"what": "too_many_requests", "retry_after": 1},
        {"what": "too_many_requests", "retry_after": 1, "as_date": True},
        {"what": "error", "err_code": 500069},
        {"what": "error", "err_code": 500100},
        {"what": "accept_then_hang", "seconds": 6.0},
    ]
    run = runs.start("impatient")
    run.wait_until(lambda run: bool(run.jobs()))
    video_id = run.jobs()[0]["video_id"]
    for kind in kinds * 3:
        emulator.fault("result", video_id=video_id, **kind)

    assert_one_paid_job(run, tries=1)
    assert sum(fault["used"] for fault in emulator.faults() if fault["video_id"] == video_id) == 30


def test_a_clear_makes_it_again_and_reuse_on_clear_does_not(runs: PaidRuns) -> None:
    plain, reused = runs.start(), runs.start("reuse_on_clear")
    for run in (plain, reused):
        assert run.state() == "success"
        run.clear()
    for run in (plain, reused):
        assert run.state() == "success"

    assert (plain.paid(), reused.paid()) == (2, 1)
    assert plain.video_id() == plain.jobs()[-1]["video_id"]


def test_another_text_or_no_durability_is_another_job(runs: PaidRuns) -> None:
    changed = runs.start("changed_text", die="before it defers")
    not_durable = runs.start("not_durable", die="before it defers")

    assert (changed.state(), not_durable.state()) == ("success", "success")
    assert (changed.tries(), changed.paid()) == (2, 2)
    assert (not_durable.tries(), not_durable.paid()) == (2, 2)


def test_a_task_that_is_cleared_or_marked_while_it_waits_says_that_its_job_goes_on(runs: PaidRuns) -> None:
    cleared, failed = runs.start(), runs.start()
    for run in (cleared, failed):
        run.wait_deferred()
    first = cleared.jobs()[0]["video_id"]

    cleared.clear()
    failed.mark("failed")

    assert (cleared.state(), failed.state()) == ("success", "failed")
    assert cleared.paid() == 1, "what was paid and never handed over is picked up"
    assert cleared.video_id() == first
    assert "it is picked up" in cleared.log()
    for run, video_id in ((cleared, first), (failed, failed.jobs()[0]["video_id"])):
        run.wait_until(lambda run: "goes on and is paid" in run.log(try_number=1), timeout=30)
        assert str(video_id) in run.log(try_number=1)


def test_a_clear_after_every_end_without_a_video_picks_the_job_up(runs: PaidRuns) -> None:
    marked, whole_run, too_late = runs.start(), runs.start(), runs.start("short")
    for run in (marked, whole_run, too_late):
        run.wait_deferred()
    whole_run.clear_run()
    marked.mark("failed")
    assert marked.state() == "failed"
    marked.clear()
    assert too_late.state() == "failed"
    assert "No retry is left: the first clear of the task picks this job up" in too_late.log()
    too_late.clear()

    for run in (marked, whole_run, too_late):
        assert run.state() == "success"
        assert run.paid() == 1, run.log()
        assert run.video_id() == run.jobs()[0]["video_id"]


def test_the_deadline_holds_when_the_trigger_moves_to_another_process(
    runs: PaidRuns, airflow: AirflowStack
) -> None:
    run = runs.start("deadline", faults=[{"what": "never"}])
    run.wait_deferred()
    airflow.kill("triggerer", signal.SIGKILL)
    airflow.restart("triggerer")

    assert run.state() == "failed"
    waited = re.search(r"video (\d+) was not done after (\d+) s", run.log())
    assert waited is not None
    assert int(waited[1]) == run.jobs()[0]["video_id"]
    # The attempt has 40 s in all, of which the submit has taken some.
    assert 30 <= int(waited[2]) <= 41


def test_twenty_mapped_lip_syncs_share_five_slots(runs: PaidRuns, emulator: EmulatorControl) -> None:
    settings = emulator.settings()
    emulator.settings(concurrency=5, generation_seconds=3.0)
    try:
        run = runs.start("twenty")
        state = run.state()
    finally:
        emulator.settings(
            concurrency=settings["concurrency"], generation_seconds=settings["generation_seconds"]
        )

    tasks = run.airflow.api.task_instances(run.dag_id, run.run_id)
    assert state == "success"
    assert [task.try_number for task in tasks] == [1] * 20
    mapped = [dict(job) for job in emulator.jobs() if job["text"].startswith("twenty ")]
    assert len(mapped) == 20
    assert all(job["charged"] and not job["refunded"] for job in mapped)
    assert _most_at_once(mapped) <= 5


def test_a_pool_that_counts_deferred_tasks_keeps_within_the_slots_of_the_plan(
    runs: PaidRuns, emulator: EmulatorControl, tmp_path: Path
) -> None:
    runs.airflow.api.post("api/v2/pools", {"name": "pixverse_slots", "slots": 3, "include_deferred": True})
    run = runs.start("pixverse_many_lip_syncs", conf={"destination": f"{tmp_path}/"})

    assert run.state() == "success"
    texts = run.airflow.api.get(f"api/v2/dags/{run.dag_id}/details")["params"]["texts"]["value"]
    made = [dict(job) for job in emulator.jobs() if job["text"] in texts]
    assert len(made) == len(texts) > 3
    assert _most_at_once(made) <= 3
    assert all(emulator.ledger()["submits"][str(job["trace_id"])]["count"] == 1 for job in made)


def test_under_constant_429_a_waiting_job_sends_one_request_per_backoff(
    runs: PaidRuns, emulator: EmulatorControl
) -> None:
    run = runs.start()
    run.wait_until(lambda run: bool(run.jobs()))
    video_id = run.jobs()[0]["video_id"]
    emulator.fault("result", "too_many_requests", times=5, video_id=video_id)

    assert_one_paid_job(run, tries=1)

    refused = [
        request["wall"]
        for request in emulator.requests("result")
        if request["path"].endswith(f"/{video_id}") and request["http_status"] == 429
    ]
    gaps = [later - earlier for earlier, later in itertools.pairwise(refused)]
    assert len(refused) == 5
    # Half of 2, 4, 8 and 12 times the poll interval of a second: the shortest that the spread allows.
    assert all(gap >= least for gap, least in zip(gaps[-3:], (1.0, 2.0, 4.0), strict=True))


def test_fifty_deferrals_are_not_failed_by_the_race_of_a_resumed_task(
    runs: PaidRuns, emulator: EmulatorControl
) -> None:
    run = runs.start("fifty")

    assert run.state() == "success"
    tasks = run.airflow.api.task_instances(run.dag_id, run.run_id)
    assert [task.try_number for task in tasks] == [1] * 50
    assert sum(job["charged"] > 0 for job in emulator.jobs() if job["text"].startswith("fifty ")) == 50


def test_where_the_race_is_forced_the_retry_finds_the_job(
    runs: PaidRuns, emulator: EmulatorControl, airflow: AirflowStack
) -> None:
    run = runs.start("racing")
    run.wait_deferred()
    emulator.finish_all()

    assert_one_paid_job(run, tries=2)
    assert "finished with state success, but the task instance's state" in airflow.log_file(
        "scheduler"
    ).read_text().replace("\n", " ")


def test_the_key_is_nowhere_after_all_of_this(
    runs: PaidRuns, airflow: AirflowStack, emulator: EmulatorControl
) -> None:
    key = emulator.api_key.encode()
    waiting = runs.start()
    waiting.wait_deferred()

    shown = {str(path): path.read_bytes() for path in airflow.home.rglob("*") if path.is_file()}
    shown |= {f"table {name}": rows.encode() for name, rows in tables(airflow.database)}
    for dag in airflow.api.get("api/v2/dags")["dags"]:
        path = f"api/v2/dags/{dag['dag_id']}/dagRuns/~/taskInstances"
        shown[path] = json.dumps(airflow.api.get(path, limit=200)).encode()

    assert b"PixVerseVideoTrigger" in shown["table trigger"]
    assert b"pixverse_job" in shown["table task_state_store"]
    assert [place for place, content in shown.items() if key in content] == []
    assert emulator.incidents() == []
    assert waiting.state() == "success"


def _most_at_once(jobs: list[dict[str, Any]]) -> int:
    """Return how many of these jobs were running at the same moment."""
    moments = sorted(
        [(job["created"], 1) for job in jobs] + [(job["ended"], -1) for job in jobs],
        key=lambda moment: (moment[0], moment[1]),
    )
    running = most = 0
    for _, step in moments:
        running += step
        most = max(most, running)
    return most
