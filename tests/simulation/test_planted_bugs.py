"""Mistakes that would cost money or a video, put into the provider: the simulation finds each of them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pixverse_provider.exceptions import PixVerseAmbiguousSubmitError, PixVerseError
from pixverse_provider.jobs import identity
from pixverse_provider.jobs.outcome import Outcome
from pixverse_provider.jobs.record import AttemptState, JobRecord, JobStore
from pixverse_provider.jobs.submission import JobSubmission
from pixverse_provider.jobs.watch import JobWatch
from pixverse_provider.operators.generation import PixVerseGenerationOperator
from tests.simulation.explorer import first_violation

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.api.results import JobResult

    Plant = Callable[[pytest.MonkeyPatch], None]

SEEDS = range(2000)


def no_intent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(JobStore, "save_intent", lambda *_: None)


def try_number_in_trace_id(patch: pytest.MonkeyPatch) -> None:
    trace_id_of = JobStore._trace_id

    def with_try_number(store: JobStore, clear_marker: int | None, sequence: int) -> str:
        return trace_id_of(store, clear_marker, 1000 * store._attempt.try_number + sequence)

    patch.setattr(JobStore, "_trace_id", with_try_number)


def failed_poll_submits(patch: pytest.MonkeyPatch) -> None:
    no_use = JobSubmission._no_use

    def or_not_read(
        submission: JobSubmission, job: JobRecord, result: JobResult | None, *, earlier: bool
    ) -> str | None:
        return "It could not be read." if result is None else no_use(submission, job, result, earlier=earlier)

    patch.setattr(JobSubmission, "_no_use", or_not_read)


def nothing_is_handed_over(patch: pytest.MonkeyPatch) -> None:
    to_json = JobRecord.to_json
    patch.setattr(JobRecord, "to_json", lambda job: to_json(job) | {"handed_over": False})


def refusal_after_lost_answer_moves_on(patch: pytest.MonkeyPatch) -> None:
    after_refusal = JobStore.after_refusal

    def forget_the_lost_answer(
        store: JobStore, record: JobRecord, error: PixVerseError, now: float
    ) -> JobRecord:
        if not isinstance(error, PixVerseAmbiguousSubmitError):
            record, error.answer_lost = replace(record, answer_lost=False), False
        return after_refusal(store, record, error, now)

    patch.setattr(JobStore, "after_refusal", forget_the_lost_answer)


def clear_pays_for_what_nobody_got(patch: pytest.MonkeyPatch) -> None:
    from_json = JobRecord.from_json
    patch.setattr(
        JobRecord,
        "from_json",
        lambda data: replace(from_json(data), handed_over=True),
    )


def clear_picks_up_for_ever(patch: pytest.MonkeyPatch) -> None:
    to_json = JobRecord.to_json
    patch.setattr(JobRecord, "to_json", lambda job: to_json(job) | {"picked_up": False})


def deadline_begins_anew(patch: pytest.MonkeyPatch) -> None:
    read = AttemptState.read

    def with_a_new_deadline(*arguments: Any, budget: float) -> AttemptState:
        return replace(read(*arguments, budget=budget), deadline=time.time() + budget)

    patch.setattr(AttemptState, "read", with_a_new_deadline)


def store_ends_a_paid_task(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(JobStore, "save", JobStore._write)


def price_is_not_checked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(JobSubmission, "_check_price", lambda _: None)


def iterations_share_a_trace_id(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(identity, "_loop_of", lambda _: None)


def clear_keeps_the_trace_id(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(JobStore, "_clear_marker", None)


def refusal_of_a_gateway_ends_a_wait(patch: pytest.MonkeyPatch) -> None:
    on_error = JobWatch.on_error

    def at_once(watch: JobWatch, error: PixVerseError, now: float) -> Any:
        step = on_error(watch, error, now)
        if watch._errors is not None and watch._errors._refusals:
            return watch._ended(Outcome.ERROR, now)
        return step

    patch.setattr(JobWatch, "on_error", at_once)


def paid_job_is_not_logged(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("pixverse_provider.jobs.submission.log.info", lambda *_: None)


def wait_has_no_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PixVerseGenerationOperator, "_wait_budget", 10 * 24 * 3600.0)


PLANTED: dict[Plant, str] = {
    no_intent: "I1",
    try_number_in_trace_id: "I1",
    failed_poll_submits: "I1",
    nothing_is_handed_over: "I3",
    refusal_after_lost_answer_moves_on: "I1",
    clear_pays_for_what_nobody_got: "I1",
    clear_picks_up_for_ever: "I3",
    deadline_begins_anew: "I4",
    store_ends_a_paid_task: "I7",
    price_is_not_checked: "I6",
    iterations_share_a_trace_id: "I6",
    clear_keeps_the_trace_id: "I3",
    refusal_of_a_gateway_ends_a_wait: "I5",
    paid_job_is_not_logged: "I2",
    wait_has_no_end: "I4",
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_is_found(monkeypatch: pytest.MonkeyPatch, plant: Plant) -> None:
    plant(monkeypatch)
    assert first_violation(SEEDS, PLANTED[plant]) is not None
