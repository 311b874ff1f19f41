"""What is remembered of the job of a task, and where it is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.generations import LipSyncRequest
from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseCapacityError,
    PixVerseError,
    PixVerseModerationError,
    PixVersePermanentError,
    PixVerseRateLimitError,
    PixVerseTransientError,
    PixVerseTriggerEventError,
)
from pixverse_provider.jobs.outcome import Outcome
from pixverse_provider.jobs.record import (
    MOST_EARLIER_JOBS,
    REFUSALS_OF_ONE_TRACE_ID,
    AttemptState,
    JobRecord,
    job_of_event,
)
from pixverse_provider.jobs.watch import GIVE_UP_AGE
from tests.unit.jobs.making import NOW, STORE_KEY, Store, job_store, record

if TYPE_CHECKING:
    from collections.abc import Callable

# Times are kept to the millisecond.
TIMES = st.integers(0, 4_000_000_000_000).map(lambda milliseconds: milliseconds / 1000)
RECORDS = st.builds(
    JobRecord,
    trace_id=st.uuids().map(str),
    clear_marker=st.none() | st.integers(0, 99),
    sequence=st.integers(0, 99),
    submitted_at=TIMES,
    job_id=st.none() | st.integers(1, 2**64 - 1),
    credits=st.none() | st.floats(0, 1e6),
    credits_refunded=st.none() | st.floats(0, 1e6),
    answer_lost=st.booleans(),
    replayed=st.booleans(),
    accepted_at=st.none() | TIMES,
    refusals=st.integers(0, 9),
    max_tries=st.none() | st.integers(0, 99),
    try_number=st.none() | st.integers(1, 99),
    outcome=st.none() | st.sampled_from([outcome.value for outcome in Outcome]),
    message=st.none() | st.text(max_size=9),
    ended_at=st.none() | TIMES,
    handed_over=st.booleans(),
    picked_up=st.booleans(),
    earlier=st.lists(st.dictionaries(st.text(max_size=3), st.integers()), max_size=3).map(tuple),
)


@pytest.fixture(autouse=True)
def _a_store_on_every_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the retention that Airflow has from 3.3 on, so that the store can be tried on all versions."""
    monkeypatch.setattr("airflow.sdk.execution_time.context.NEVER_EXPIRE", NEVER, raising=False)


NEVER = "never"


class TestRecords:
    @given(RECORDS)
    def test_a_record_comes_back_from_the_database_as_it_went(self, record: JobRecord) -> None:
        assert JobRecord.from_json(json.loads(json.dumps(record.to_json()))) == record

    @given(RECORDS)
    def test_the_id_is_kept_as_digits_which_no_database_rounds(self, record: JobRecord) -> None:
        kept = record.to_json()["job_id"]
        assert kept is None or int(kept) == record.job_id
        assert not isinstance(kept, int | float)

    def test_times_are_kept_as_people_read_them_with_their_zone(self) -> None:
        kept = record(submitted_at=NOW + 0.25, accepted_at=NOW + 1.5, ended_at=NOW + 61).to_json()
        assert kept["submitted_at"] == "2026-01-05T09:00:00.250+00:00"
        assert kept["accepted_at"] == "2026-01-05T09:00:01.500+00:00"
        assert kept["ended_at"] == "2026-01-05T09:01:01.000+00:00"

    def test_what_another_version_added_is_ignored(self) -> None:
        data = record().to_json() | {"colour": "blue"}
        assert JobRecord.from_json(data) == record()

    def test_what_an_older_version_did_not_write_has_its_default(self) -> None:
        data = record().to_json()
        for name in ("job_id", "credits", "answer_lost", "replayed", "picked_up", "outcome", "earlier"):
            del data[name]
        assert JobRecord.from_json(data) == record()

    def test_where_it_is_not_said_whether_the_job_was_handed_over_it_counts_as_handed_over(self) -> None:
        data = record().to_json()
        del data["handed_over"]
        assert JobRecord.from_json(data).handed_over is True

    def test_the_id_of_a_job_without_an_answer_is_not_made_up(self) -> None:
        with pytest.raises(ValueError, match="no id yet"):
            _ = record().paid_id

    @pytest.mark.parametrize("replayed", [True, False])
    @pytest.mark.parametrize(
        ("age", "given_up"), [(GIVE_UP_AGE, True), (GIVE_UP_AGE + 1, True), (GIVE_UP_AGE - 1, False)]
    )
    def test_a_job_is_given_up_two_hours_after_its_id_arrived_whichever_way_it_came(
        self, age: float, *, replayed: bool, given_up: bool
    ) -> None:
        accepted = NOW + 9 * GIVE_UP_AGE
        job = record(job_id=7, replayed=replayed, submitted_at=NOW, accepted_at=accepted)
        assert job.is_given_up(accepted + age) is given_up

    def test_one_whose_id_arrived_at_an_unknown_time_counts_from_its_submit(self) -> None:
        assert record(job_id=7).give_up_at == NOW + GIVE_UP_AGE

    def test_a_submit_without_an_answer_is_never_too_old(self) -> None:
        assert record(answer_lost=True).give_up_at is None
        assert record(answer_lost=True).is_given_up(NOW + 9 * GIVE_UP_AGE) is False


class TestTheEndOfAJob:
    @pytest.mark.parametrize(
        ("outcome", "refunded"),
        [
            (Outcome.SUCCESS, None),
            (Outcome.DELETED, None),
            (Outcome.FAILED, 8.0),
            (Outcome.MODERATED, 8.0),
            (Outcome.GIVEN_UP, 8.0),
        ],
    )
    def test_it_says_what_came_of_it_and_what_pixverse_refunds(
        self, outcome: Outcome, refunded: float | None
    ) -> None:
        job = record(job_id=7, credits=8.0).ended(outcome, NOW + 60, message="what happened")
        assert (job.outcome, job.message, job.ended_at) == (outcome.value, "what happened", NOW + 60)
        assert (job.credits, job.credits_refunded) == (8.0, refunded)

    def test_a_long_message_is_cut_and_an_empty_one_is_none(self) -> None:
        assert len(record().ended(Outcome.FAILED, NOW, message="x" * 9_999).message or "") == 500
        assert record().ended(Outcome.FAILED, NOW).message is None

    def test_what_was_handed_over_stays_so(self) -> None:
        assert record(handed_over=True).ended(Outcome.FAILED, NOW).handed_over is True
        assert record().ended(Outcome.FAILED, NOW).handed_over is False
        assert record().ended(Outcome.FAILED, NOW, handed_over=True).handed_over is True


class TestHistory:
    def test_a_job_goes_into_it_with_what_it_cost_and_how_it_ended(self) -> None:
        job = record(trace_id="one", job_id=2**64 - 1, credits=8.0, try_number=2, accepted_at=NOW + 1.5)
        job = job.ended(Outcome.FAILED, NOW + 60, message="failed at PixVerse")
        assert job.history() == (
            {
                "job_id": "18446744073709551615",
                "trace_id": "one",
                "try_number": 2,
                "outcome": "failed",
                "message": "failed at PixVerse",
                "credits": 8.0,
                "credits_refunded": 8.0,
                "submitted_at": "2026-01-05T09:00:00.000+00:00",
                "accepted_at": "2026-01-05T09:00:01.500+00:00",
                "ended_at": "2026-01-05T09:01:00.000+00:00",
            },
        )

    def test_a_submit_whose_answer_was_lost_may_be_paid_and_goes_into_it(self) -> None:
        (entry,) = record(answer_lost=True).history()
        assert (entry["job_id"], entry["trace_id"], entry["outcome"]) == (None, "t", "answer_lost")

    def test_what_was_never_sent_or_refused_for_certain_is_no_job(self) -> None:
        assert record().history() == ()
        assert record(earlier=({"job_id": "1"},)).history() == ({"job_id": "1"},)

    def test_the_latest_comes_first_and_the_last_twenty_are_kept(self) -> None:
        job = record(trace_id="0", job_id=1)
        for number in range(1, 30):
            job = record(trace_id=str(number), job_id=number + 1, earlier=job.history())
            assert len(job.earlier) == min(number, MOST_EARLIER_JOBS)
        assert [entry["trace_id"] for entry in job.history()] == [str(n) for n in range(29, 9, -1)]

    def test_it_can_be_kept_as_json(self) -> None:
        job = record(earlier=record(job_id=1).ended(Outcome.SUCCESS, NOW).history())
        assert JobRecord.from_json(json.loads(json.dumps(job.to_json()))) == job

    def test_a_history_that_another_version_let_grow_is_cut_when_it_is_read(self) -> None:
        data = record().to_json() | {"earlier": [{"job_id": str(n)} for n in range(50)]}
        assert len(JobRecord.from_json(data).earlier) == MOST_EARLIER_JOBS

    def test_the_record_of_a_new_job_has_the_job_that_it_replaces_in_it(self) -> None:
        one = job_store(Store())
        before = replace(one.open(0, NOW), job_id=7).ended(Outcome.DELETED, NOW + 60)
        after = one.replacement(before, NOW + 90)
        assert [entry["job_id"] for entry in after.earlier] == ["7"]
        assert (after.job_id, after.sequence, after.submitted_at) == (None, 1, NOW + 90)

    def test_the_job_of_another_input_is_in_it_as_well(self) -> None:
        one = job_store(Store())
        assert [entry["job_id"] for entry in one.open(0, NOW, record(job_id=7)).earlier] == ["7"]


class TestTheStore:
    def test_a_record_is_found_again(self) -> None:
        store = Store()
        job_store(store).save_intent(record())
        assert job_store(store).load() == record(answer_lost=True)

    def test_a_record_does_not_expire_before_its_run_does(self) -> None:
        store = Store()
        job_store(store).save_intent(record())
        assert store.retentions == [NEVER]

    @pytest.mark.parametrize(
        "rubbish",
        [
            {},
            [],
            "text",
            5,
            {"trace_id": "t"},
            {"sequence": "x"},
            {"generation": "x"},
            [["a", 1]],
            {"trace_id": "t", "sequence": 0, "submitted_at": None},
        ],
        ids=repr,
    )
    def test_a_record_that_cannot_be_read_is_left_aside_with_a_warning(
        self, rubbish: Any, log_lines: list[str]
    ) -> None:
        assert job_store(Store(pixverse_job=rubbish)).load() is None
        assert "cannot be read and is left aside" in log_lines[0]

    @pytest.mark.parametrize(
        "field", ["sequence", "submitted_at", "job_id", "accepted_at", "ended_at", "earlier"]
    )
    @pytest.mark.parametrize("value", ["x", [1], {"a": 1}])
    def test_a_record_with_a_misshapen_field_is_left_aside(
        self, field: str, value: Any, log_lines: list[str]
    ) -> None:
        store = Store(pixverse_job=record(job_id=7).to_json() | {field: value})
        assert job_store(store).load() is None
        assert len(log_lines) == 1

    @pytest.mark.parametrize("field", ["submitted_at", "accepted_at", "ended_at"])
    @pytest.mark.parametrize("value", [1e300, -1e300, float("nan"), float("inf"), 2**70, "9999999-01-01"])
    def test_so_is_one_with_a_time_that_no_calendar_knows(
        self, field: str, value: Any, log_lines: list[str]
    ) -> None:
        store = Store(pixverse_job=record(job_id=7).to_json() | {field: value})
        assert job_store(store).load() is None
        assert len(log_lines) == 1

    def test_a_store_that_cannot_be_read_ends_the_attempt_since_nothing_is_paid(self) -> None:
        store = Store()
        store.broken = RuntimeError("database is gone")
        with pytest.raises(RuntimeError, match="database is gone"):
            job_store(store).load()

    def test_a_store_that_fails_before_the_submit_ends_the_task_since_nothing_is_paid(self) -> None:
        store = Store()
        store.broken = RuntimeError("database is gone")
        with pytest.raises(RuntimeError, match="database is gone"):
            job_store(store).save_intent(record())

    def test_a_store_that_fails_after_the_submit_is_told_to_the_log_and_the_job_goes_on(
        self, log_lines: list[str]
    ) -> None:
        store = Store()
        store.broken = RuntimeError("database is gone")
        job_store(store).save(record(job_id=7))
        assert "PixVerse job 7 (trace id t) is submitted and paid" in log_lines[0]
        assert "A retry finds it by its trace id" in log_lines[0]
        assert "database is gone" in log_lines[0]

    def test_a_store_that_fails_after_a_refusal_is_told_with_the_trace_id(self, log_lines: list[str]) -> None:
        store = Store()
        store.broken = RuntimeError("database is gone")
        job_store(store).save(record())
        assert "The submit under trace id t could not be written" in log_lines[0]
        assert "paid" not in log_lines[0]

    def test_below_airflow_3_3_nothing_is_kept_and_nothing_fails(self) -> None:
        store = job_store(None)
        store.save_intent(record())
        store.save(record(job_id=7))
        assert store.load() is None
        assert store.keeps_records is False


class TestWhoseJobItIs:
    def test_a_retry_finds_the_record_of_the_attempt_before(self) -> None:
        store = Store()
        first = job_store(store)
        first.save(replace(first.open(0, NOW), job_id=7))
        second = job_store(store, try_number=2)
        found = second.load()
        assert found == replace(first.open(0, NOW), job_id=7)
        assert second.has_this_input(found) is True
        assert second.was_cleared_since(found) is False

    def test_a_clear_is_told_from_a_retry(self) -> None:
        store = Store()
        before = job_store(store, max_tries=2)
        before.save(before.open(0, NOW))
        after = job_store(store, try_number=2, max_tries=3)
        found = after.load()
        assert found is not None
        assert after.has_this_input(found) is True
        assert after.was_cleared_since(found) is True

    def test_a_clear_makes_it_again_under_another_trace_id(self) -> None:
        before, after = (job_store(Store(), max_tries=n).open(0, NOW) for n in (2, 3))
        assert before.trace_id != after.trace_id
        assert (before.clear_marker, after.clear_marker) == (2, 3)

    def test_a_clear_keeps_it_where_the_user_wants_that(self) -> None:
        store = Store()
        before = job_store(store, max_tries=2, reuse_on_clear=True)
        before.save(before.open(0, NOW))
        after = job_store(store, max_tries=5, reuse_on_clear=True)
        kept = after.load()
        assert kept is not None
        assert kept.clear_marker is None
        assert after.has_this_input(kept) is True
        assert after.open(0, NOW).trace_id == kept.trace_id

    def test_a_job_that_a_clear_has_adopted_keeps_its_trace_id_and_belongs_to_the_attempts_after_it(
        self,
    ) -> None:
        store = Store()
        before = job_store(store, max_tries=2)
        job = replace(before.open(0, NOW), job_id=7)
        adopted = job_store(store, max_tries=3).adopt(job, picked_up=True)
        assert adopted == replace(job, max_tries=3, picked_up=True)
        retry = job_store(store, try_number=3, max_tries=3)
        assert retry.load() == adopted
        assert retry.was_cleared_since(adopted) is False
        assert job_store(store, max_tries=5).was_cleared_since(adopted) is True

    def test_one_that_replaces_a_job_from_before_the_clear_is_the_first_after_it(self) -> None:
        job = replace(job_store(Store(), max_tries=2).open(3, NOW), job_id=7)
        after = job_store(Store(), max_tries=3)
        assert after.replacement(job, NOW).sequence == 0
        assert after.replacement(replace(after.open(3, NOW), job_id=8), NOW).sequence == 4

    def test_another_input_leaves_it_aside(self) -> None:
        store = Store()
        job_store(store).save(job_store(store).open(0, NOW))
        other = job_store(store, request=LipSyncRequest(video_media_id=1, audio_media_id=2))
        found = other.load()
        assert found is not None
        assert other.has_this_input(found) is False

    @pytest.mark.parametrize(
        "change",
        [
            {"conn_id": "other"},
            {"dag_id": "other"},
            {"run_id": "other"},
            {"task_id": "other"},
            {"map_index": 0},
            {"request": LipSyncRequest(video_media_id=1, audio_media_id=2)},
            {"loop_index": 0},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_every_part_of_what_a_task_is_counts(self, change: dict[str, Any]) -> None:
        assert job_store(Store(), **change).open(0, NOW).trace_id != job_store(Store()).open(0, NOW).trace_id

    def test_every_submission_has_a_trace_id_of_its_own(self) -> None:
        assert len({job_store(Store()).open(sequence, NOW).trace_id for sequence in range(5)}) == 5

    def test_the_number_of_the_try_does_not_count(self) -> None:
        ids = {job_store(Store(), try_number=n).open(0, NOW).trace_id for n in (1, 2, 9)}
        assert len(ids) == 1

    def test_a_task_that_is_not_mapped_is_the_same_whichever_way_airflow_says_so(self) -> None:
        ids = {job_store(Store(), map_index=index).open(0, NOW).trace_id for index in (-1, None)}
        assert len(ids) == 1

    def test_what_is_not_durable_has_a_fresh_trace_id_each_time_and_keeps_nothing(self) -> None:
        store = Store()
        ids = {job_store(store, durable=False).open(0, NOW).trace_id for _ in range(3)}
        one = job_store(store, durable=False)
        one.save_intent(one.open(0, NOW))
        one.save(one.open(0, NOW))
        assert len(ids) == 3
        assert store.values == {}
        assert one.load() is None
        assert one.keeps_records is False

    def test_a_submit_that_is_about_to_be_sent_counts_as_lost_until_its_answer_is_there(self) -> None:
        store = Store()
        one = job_store(store)
        one.save_intent(one.open(0, NOW))
        found = job_store(store, try_number=2).load()
        assert found is not None
        assert found.answer_lost is True
        assert found.job_id is None

    @pytest.mark.parametrize(
        ("sequence", "try_number", "maybe"), [(0, 1, False), (0, 2, True), (1, 2, False), (1, 3, True)]
    )
    def test_without_a_record_each_try_before_may_have_used_a_trace_id_up(
        self, sequence: int, try_number: int, *, maybe: bool
    ) -> None:
        one = job_store(None, try_number=try_number)
        assert one.may_be_repeated(one.open(sequence, NOW)) is maybe

    def test_with_a_record_it_is_the_record_that_tells(self) -> None:
        one = job_store(Store(), try_number=3)
        assert one.may_be_repeated(one.open(0, NOW)) is False
        other = job_store(None, try_number=3, durable=False)
        assert other.may_be_repeated(other.open(0, NOW)) is False

    def test_where_a_clear_may_have_dropped_the_record_an_empty_store_does_not_tell(self) -> None:
        store = Store()
        one = job_store(store, try_number=3, max_tries=4, reuse_on_clear=True)
        assert one.load() is None
        assert one.may_be_repeated(one.open(0, NOW)) is True
        one.save(one.open(0, NOW))
        other = job_store(store, try_number=4, max_tries=4, reuse_on_clear=True)
        assert other.load() is not None
        assert other.may_be_repeated(other.open(0, NOW)) is False

    def test_where_a_clear_makes_it_again_an_empty_store_tells_that_nothing_was_sent(self) -> None:
        one = job_store(Store(), try_number=2)
        assert one.load() is None
        assert one.may_be_repeated(one.open(0, NOW)) is False

    def test_the_tries_before_a_clear_do_not_count_since_it_has_trace_ids_of_its_own(self) -> None:
        one = job_store(None, try_number=4, max_tries=5, retries=2)
        assert one.may_be_repeated(one.open(0, NOW)) is False
        same = job_store(None, try_number=4, max_tries=5, retries=2, reuse_on_clear=True)
        assert same.may_be_repeated(same.open(0, NOW)) is True


class TestAfterARefusal:
    @pytest.mark.parametrize(
        "error",
        [
            PixVerseCapacityError("all slots taken", err_code=500044, proves_no_job=True),
            PixVerseModerationError("refused", err_code=500063, proves_no_job=True),
            PixVerseTransientError("internal", err_code=500100, proves_no_job=True),
        ],
        ids=lambda error: str(error.err_code),
    )
    def test_an_envelope_with_a_code_proves_that_no_job_was_made(self, error: PixVerseError) -> None:
        one = job_store(Store())
        after = one.after_refusal(one.open(3, NOW), error, NOW + 60)
        assert after == one.open(4, NOW + 60)
        assert after.trace_id != one.open(3, NOW).trace_id

    @pytest.mark.parametrize(
        "error",
        [
            PixVerseTransientError("could not be reached"),
            PixVerseRateLimitError("slow down", http_status=429),
        ],
        ids=["not sent", "429"],
    )
    def test_what_was_not_taken_in_keeps_its_trace_id(self, error: PixVerseError) -> None:
        one = job_store(Store())
        assert one.after_refusal(one.open(3, NOW), error, NOW + 60) == one.open(3, NOW)

    def test_a_code_that_says_too_little_counts_as_a_lost_answer(self) -> None:
        one = job_store(Store())
        error = PixVersePermanentError("unknown error", err_code=99999, http_status=500)
        job = one.after_refusal(one.open(3, NOW), error, NOW + 60)
        assert job == replace(one.open(3, NOW), answer_lost=True)

    @pytest.mark.parametrize(
        ("lost_before", "make_error"),
        [
            (False, lambda: PixVerseAmbiguousSubmitError("lost")),
            (False, lambda: after_a_lost_answer(busy())),
            (False, lambda: after_a_lost_answer(PixVerseTransientError("could not be reached"))),
            (True, lambda: busy()),
            (True, lambda: PixVerseTransientError("could not be reached")),
        ],
        ids=[
            "now",
            "refused after it",
            "not sent after it",
            "refused in a later try",
            "not sent in a later try",
        ],
    )
    def test_after_a_lost_answer_the_trace_id_is_never_given_up(
        self, lost_before: bool, make_error: Callable[[], PixVerseError]
    ) -> None:
        one = job_store(Store())
        job = record(trace_id=one.open(3, NOW).trace_id, sequence=3, answer_lost=lost_before)
        after = one.after_refusal(job, make_error(), NOW + 60)
        assert (after.trace_id, after.sequence, after.submitted_at) == (job.trace_id, 3, NOW)
        assert after.answer_lost is True

    def test_without_a_record_one_trace_id_is_refused_three_times_for_want_of_a_slot_before_the_next(
        self,
    ) -> None:
        one = job_store(None)
        job, seen = one.open(0, NOW), []
        for _ in range(2 * REFUSALS_OF_ONE_TRACE_ID):
            job = one.after_refusal(job, busy(), NOW)
            seen.append(job.sequence)
        assert seen == [0, 0, 1, 1, 1, 2]

    def test_without_a_record_an_internal_error_moves_on_after_the_third(self) -> None:
        one = job_store(None)
        error = PixVerseTransientError("internal", err_code=500100, proves_no_job=True)
        job = one.open(0, NOW)
        sequences = []
        for _ in range(3):
            job = one.after_refusal(job, error, NOW)
            sequences.append(job.sequence)
        assert sequences == [0, 0, 1]

    def test_without_a_record_a_refusal_for_good_moves_on_at_once(self) -> None:
        one = job_store(None)
        error = PixVerseModerationError("no", err_code=500063, proves_no_job=True)
        assert one.after_refusal(one.open(0, NOW), error, NOW).sequence == 1


def busy() -> PixVerseError:
    return PixVerseCapacityError("busy", err_code=500044, proves_no_job=True)


def after_a_lost_answer(error: PixVerseError) -> PixVerseError:
    error.answer_lost = True
    return error


class TestStateThatTravels:
    STATES = st.builds(
        AttemptState,
        deadline=TIMES,
        pauses=st.integers(0, 99),
        internal_errors=st.integers(0, 9),
        job=st.none() | RECORDS,
    )

    @given(STATES)
    def test_the_state_of_an_attempt_comes_back_from_the_database_as_it_went(
        self, state: AttemptState
    ) -> None:
        event = json.loads(json.dumps({"state": state.to_json()}))
        assert AttemptState.read(event, None, 0, None, budget=60.0) == state

    def test_the_deadline_of_the_event_counts_and_not_the_budget(self) -> None:
        event = {"state": AttemptState(NOW + 5, pauses=3).to_json()}
        assert AttemptState.read(event, NOW + 99, 1, None, budget=9999.0) == AttemptState(NOW + 5, pauses=3)

    @given(RECORDS)
    def test_a_job_comes_back_through_a_trigger_as_it_went(self, record: JobRecord) -> None:
        assert job_of_event(json.loads(json.dumps(record.to_json()))) == record

    @pytest.mark.parametrize("data", [None, {}, {"trace_id": "t"}, {"video_id": "7"}], ids=repr)
    def test_a_job_that_cannot_be_read_is_told_as_such_and_a_retry_helps(self, data: Any) -> None:
        with pytest.raises(PixVerseTriggerEventError, match="a retry finds it again"):
            job_of_event(data)


def test_a_record_is_kept_under_a_name_that_never_changes() -> None:
    store = Store()
    job_store(store).save(record())
    assert list(store.values) == [STORE_KEY]


class TestWhatOlderVersionsLeftOut:
    def test_a_deferred_call_without_its_beginning_begins_now(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("time.time", lambda: NOW)
        state = AttemptState.read(None, None, 0, None, budget=60.0)
        assert state == AttemptState(NOW + 60.0)

    def test_a_pause_whose_state_cannot_be_read_says_so(self) -> None:
        with pytest.raises(PixVerseTriggerEventError) as caught:
            AttemptState.read({"state": {"deadline": "soon"}}, None, 0, None, budget=60.0)
        assert str(caught.value) == (
            "The event of the pause holds a state that this version does not understand (KeyError('job')); a "
            "retry goes on with the job."
        )

    @pytest.mark.parametrize(("marker", "cleared"), [(2, False), (1, True), (None, False)])
    def test_a_record_without_max_tries_is_told_from_a_cleared_one_by_its_marker(
        self, marker: int | None, *, cleared: bool
    ) -> None:
        old = record(clear_marker=marker, max_tries=None)
        assert job_store(Store(), max_tries=2).was_cleared_since(old) is cleared
