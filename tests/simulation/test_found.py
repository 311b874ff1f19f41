"""Schedules that once broke a promise, each as short as it can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulation.explorer import play_given, report
from tests.simulation.world import simulated

if TYPE_CHECKING:
    from tests.simulation.choices import Value
    from tests.simulation.explorer import Played


def played(given: dict[str, Value]) -> Played:
    with simulated():
        schedule = play_given(given)
        assert schedule.violation is None, report(None, schedule)
    assert schedule.taken == given, "the schedule has come to other decisions"
    return schedule


def test_a_job_made_before_an_answer_that_says_nothing_is_picked_up_by_a_clear() -> None:
    schedule = played(
        {"retries 1": 0, "submit 1": "accepted, ErrCode 777 with HTTP 500", "at the end 1": "clear"}
    )
    assert schedule.figures.jobs == 1


def test_a_job_made_before_an_answer_that_says_nothing_is_found_by_the_retry() -> None:
    schedule = played({"submit 1": "accepted, ErrCode 777 with HTTP 500"})
    assert (schedule.figures.attempts, schedule.figures.jobs) == (2, 1)


@pytest.mark.parametrize("again", ["500100", "500044"])
def test_without_a_record_a_refusal_of_the_moment_does_not_give_up_the_trace_id(again: str) -> None:
    schedule = played({"airflow 1": "3.1", "kill at submit 1": "after", "submit 2": again})
    assert schedule.figures.jobs == 1


@pytest.mark.parametrize(
    "given",
    [
        {"submit 1": "accepted, answer cut", "submit 2": "HTTP 403"},
        {"submit 1": "accepted, answer hangs", "submit 2": "accepted, answer cut", "submit 3": "HTTP 404"},
        {"airflow 1": "3.1", "timeout 1": 600.0, "job takes 1": 7000.0, "submit 2": "HTTP 404"},
    ],
    ids=["in the same attempt", "after three answers", "in a retry without a record"],
)
def test_a_gateway_that_refuses_a_repeated_submit_does_not_end_the_task(given: dict[str, Value]) -> None:
    schedule = played(given)
    assert schedule.figures.jobs == 1
    assert schedule.figures.attempts > 1


def test_a_store_that_is_away_does_not_end_the_attempt_that_repeats_a_submit() -> None:
    schedule = played(
        {
            "deferrable 1": False,
            "submit 1": "accepted, answer hangs",
            "submit 2": "500044",
            "store set 2": "is away for a minute",
        }
    )
    assert (schedule.figures.attempts, schedule.figures.jobs) == (1, 1)


def test_a_clear_that_drops_the_record_makes_a_reused_job_anew_where_it_has_failed() -> None:
    played(
        {
            "airflow 1": "3.4",
            "retries 1": 0,
            "reuse_on_clear 1": True,
            "job 1": "fails",
            "then it is calm 1": "yes",
        }
    )


def test_one_refusal_does_not_make_a_reused_job_anew_where_a_clear_has_dropped_its_record() -> None:
    schedule = played(
        {"airflow 1": "3.4", "reuse_on_clear 1": True, "at the end 1": "clear", "submit 2": "500044"}
    )
    assert schedule.figures.jobs == 1


def test_a_clear_makes_another_job_where_pixverse_does_not_know_the_id() -> None:
    schedule = played({"while it waits 1": "clear", "poll of a new id 2": "500008"})
    assert (schedule.figures.attempts, schedule.figures.jobs) == (2, 2)


def test_a_poll_that_fails_after_a_clear_gives_no_old_job_up() -> None:
    schedule = played(
        {
            "retries 1": 0,
            "kill at poll 1": "before",
            "at the end 1": "clear",
            "clear, then 1": 9000.0,
            "poll 1": "HTTP 503",
        }
    )
    assert (schedule.figures.attempts, schedule.figures.jobs) == (2, 1)
