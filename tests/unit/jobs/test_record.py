"""Which job belongs to a task, and what is remembered of it."""

from __future__ import annotations

import json
import uuid
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.generations import LipSyncRequest
from pixverse_provider.durability import (
    DUD_AGE,
    JobKeeper,
    JobRecord,
    JobStore,
    TaskIdentity,
    fingerprint_of,
    submit_trace_id,
)
from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseCapacityError,
    PixVerseError,
    PixVerseModerationError,
    PixVerseRateLimitError,
    PixVerseTransientError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_767_603_600.0
REQUEST = LipSyncRequest(source_video_id=343252978602905, audio_media_id=425662507205762)
RUN = "scheduled__2026-01-05T09:00:00+00:00"

# Short texts over few letters often meet; the letters are those that a careless join would trip over.
TRICKY = st.text(alphabet="a1\",'[]\\ \n/:-\u00e4\uff61\u2044\u0430\u0301\U0001f600", max_size=4)
IDENTITIES = st.builds(TaskIdentity, TRICKY, TRICKY, TRICKY, TRICKY, st.integers(-1, 12))
KEYS = st.tuples(IDENTITIES, st.none() | st.integers(0, 12), TRICKY, st.integers(0, 12))


class TestTraceIds:
    @given(KEYS, KEYS)
    def test_no_two_jobs_share_one_and_one_job_has_always_the_same(self, one: Any, other: Any) -> None:
        assert (submit_trace_id(*one) == submit_trace_id(*other)) is (one == other)
        assert uuid.UUID(submit_trace_id(*one)).version == 5

    @given(text=st.text(alphabet="a1\",'[]\\ :-", max_size=12), data=st.data())
    def test_it_matters_where_one_name_ends_and_the_next_begins(self, text: str, data: st.DataObject) -> None:
        cuts = st.lists(st.integers(0, len(text)), min_size=3, max_size=3).map(sorted)
        one, other = (cut_up(text, data.draw(cuts)) for _ in range(2))
        assert (submit_trace_id(one, 0, "f", 0) == submit_trace_id(other, 0, "f", 0)) is (one == other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (("c", "a", "b", "t", -1), ("c", "a,b", "", "t", -1)),
            (("c", 'a", "b', "r", "t", -1), ("c", "a", "b", "t", -1)),
            (("c", "d", "r", "t", 1), ("c", "d", "r", "t1", -1)),
            (("c", "d", "r", "t", 11), ("c", "d", "r", "t", 1)),
            (("c", "a\u0301", "r", "t", -1), ("c", "\u00e1", "r", "t", -1)),
            (("c", "\\u00e1", "r", "t", -1), ("c", "\u00e1", "r", "t", -1)),
            (("c", "\u0430", "r", "t", -1), ("c", "a", "r", "t", -1)),
            (("c", "\U0001f600", "r", "t", -1), ("c", "\\ud83d\\ude00", "r", "t", -1)),
        ],
    )
    def test_names_that_look_alike_are_told_apart(self, one: Any, other: Any) -> None:
        assert submit_trace_id(TaskIdentity(*one), 0, "f", 0) != submit_trace_id(
            TaskIdentity(*other), 0, "f", 0
        )

    def test_no_epoch_is_not_the_first_epoch(self) -> None:
        identity = TaskIdentity("c", "d", "r", "t", -1)
        assert submit_trace_id(identity, None, "f", 0) != submit_trace_id(identity, 0, "f", 0)

    def test_the_derivation_never_changes_since_every_waiting_task_would_pay_again(self) -> None:
        identity = TaskIdentity("pixverse_default", "films", RUN, "lip_sync", -1)
        assert fingerprint_of(REQUEST) == PINNED_FINGERPRINT
        assert submit_trace_id(identity, 2, PINNED_FINGERPRINT, 0) == PINNED_TRACE_ID


def cut_up(text: str, cuts: list[int]) -> TaskIdentity:
    first, second, third = cuts
    return TaskIdentity(text[:first], text[first:second], text[second:third], text[third:], -1)


PINNED_FINGERPRINT = "61625a385c44b79c388da7c54b9eefd06df4d4d0ca673a16c839da38ec5f4558"
PINNED_TRACE_ID = "2e57821b-e9ae-5b56-8616-0be7f196ed9c"


class TestFingerprints:
    def test_the_same_input_has_the_same_one_however_it_was_written(self) -> None:
        as_text = LipSyncRequest(
            source_video_id="343252978602905", video_media_id=0, audio_media_id=" 425662507205762"
        )
        assert fingerprint_of(as_text) == fingerprint_of(REQUEST)

    @pytest.mark.parametrize(
        "other",
        [
            LipSyncRequest(source_video_id=343252978602906, audio_media_id=425662507205762),
            LipSyncRequest(video_media_id=343252978602905, audio_media_id=425662507205762),
            LipSyncRequest(
                source_video_id=343252978602905, lip_sync_tts_speaker_id="7", lip_sync_tts_content="Hi"
            ),
        ],
    )
    def test_another_input_has_another(self, other: LipSyncRequest) -> None:
        assert fingerprint_of(other) != fingerprint_of(REQUEST)


RECORDS = st.builds(
    JobRecord,
    trace_id=st.uuids().map(str),
    fingerprint=st.text(max_size=5),
    epoch=st.none() | st.integers(0, 99),
    generation=st.integers(0, 99),
    submitted_at=st.floats(0, 4e9),
    video_id=st.none() | st.integers(1, 2**64 - 1),
    credits=st.none() | st.floats(0, 1e6),
    answer_lost=st.booleans(),
    replayed=st.booleans(),
)


class TestRecords:
    @given(RECORDS)
    def test_a_record_comes_back_from_the_database_as_it_went(self, record: JobRecord) -> None:
        assert JobRecord.from_json(json.loads(json.dumps(record.to_json()))) == record

    @given(RECORDS)
    def test_the_id_is_kept_as_digits_which_no_database_rounds(self, record: JobRecord) -> None:
        kept = record.to_json()["video_id"]
        assert kept is None or int(kept) == record.video_id
        assert not isinstance(kept, int | float)

    def test_what_another_version_added_is_ignored(self) -> None:
        data = record().to_json() | {"colour": "blue"}
        assert JobRecord.from_json(data) == record()

    def test_what_an_older_version_did_not_write_has_its_default(self) -> None:
        data = record().to_json()
        for name in ("video_id", "credits", "answer_lost", "replayed"):
            del data[name]
        assert JobRecord.from_json(data) == record()

    def test_the_id_of_a_job_without_an_answer_is_not_made_up(self) -> None:
        with pytest.raises(ValueError, match="no video id"):
            _ = record().paid_id

    @pytest.mark.parametrize(
        ("replayed", "age", "dud"),
        [
            (True, DUD_AGE, True),
            (True, DUD_AGE + 1, True),
            (True, DUD_AGE - 1, False),
            (False, DUD_AGE * 9, False),
        ],
    )
    def test_only_a_repeated_submit_two_hours_old_is_a_dud(
        self, replayed: bool, age: float, dud: bool
    ) -> None:
        accepted = NOW + 9 * DUD_AGE
        job = record(video_id=7, replayed=replayed, submitted_at=NOW, accepted_at=accepted)
        assert job.is_dud(accepted + age) is dud


class Store:
    """A task state store in memory, which keeps what Airflow would: JSON."""

    def __init__(self, **values: Any) -> None:
        self.values = {name: json.dumps(value) for name, value in values.items()}
        self.retentions: list[Any] = []
        self.broken: Exception | None = None

    def get(self, name: str) -> Any:
        return json.loads(self.values[name]) if name in self.values else None

    def set(self, name: str, value: Any, *, retention: Any = None) -> None:
        if self.broken is not None:
            raise self.broken
        self.values[name] = json.dumps(value)
        self.retentions.append(retention)


NEVER = "never"


@pytest.fixture(autouse=True)
def _a_store_on_every_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the retention that Airflow has from 3.3 on, so that the store can be tried on all versions."""
    monkeypatch.setattr("airflow.sdk.execution_time.context.NEVER_EXPIRE", NEVER, raising=False)


class TestTheStore:
    def test_a_record_is_found_again(self) -> None:
        store = Store()
        JobStore(store).save_intent(record())
        assert JobStore(store).load() == record()

    def test_a_record_does_not_expire_before_its_run_does(self) -> None:
        store = Store()
        JobStore(store).save_intent(record())
        assert store.retentions == [NEVER]

    @pytest.mark.parametrize(
        "rubbish",
        [{}, [], "text", 5, {"trace_id": "t"}, {"generation": "x"}, [["a", 1]]],
        ids=repr,
    )
    def test_a_record_that_cannot_be_read_is_left_aside_with_a_warning(
        self, rubbish: Any, log_lines: list[str]
    ) -> None:
        assert JobStore(Store(pixverse_job=rubbish)).load() is None
        assert "cannot be read and is left aside" in log_lines[0]

    @pytest.mark.parametrize("field", ["generation", "submitted_at", "video_id"])
    @pytest.mark.parametrize("value", ["x", [1], {"a": 1}])
    def test_a_record_with_a_misshapen_field_is_left_aside(
        self, field: str, value: Any, log_lines: list[str]
    ) -> None:
        store = Store(pixverse_job=record(video_id=7).to_json() | {field: value})
        assert JobStore(store).load() is None
        assert len(log_lines) == 1

    def test_a_store_that_fails_before_the_submit_ends_the_task_since_nothing_is_paid(self) -> None:
        store = Store()
        store.broken = RuntimeError("database is gone")
        with pytest.raises(RuntimeError, match="database is gone"):
            JobStore(store).save_intent(record())

    def test_a_store_that_fails_after_the_submit_is_told_to_the_log_and_the_job_goes_on(
        self, log_lines: list[str]
    ) -> None:
        store = Store()
        store.broken = RuntimeError("database is gone")
        JobStore(store).save_outcome(record(video_id=7))
        assert "PixVerse video 7 (trace id t) is submitted and paid" in log_lines[0]
        assert "database is gone" in log_lines[0]

    def test_below_airflow_3_3_nothing_is_kept_and_nothing_fails(self) -> None:
        store = JobStore(None)
        store.save_intent(record())
        store.save_outcome(record(video_id=7))
        assert store.load() is None
        assert store.available is False


class TestTheKeeper:
    def test_a_retry_finds_the_record_of_the_attempt_before(self) -> None:
        store = Store()
        job = keeper(store).keep(keeper(store).open(0, NOW))
        assert keeper(store, try_number=2).find() == job

    def test_a_clear_leaves_it_aside(self, log_lines: list[str]) -> None:
        store = Store()
        keeper(store, max_tries=2).keep(keeper(store, max_tries=2).open(0, NOW))
        assert keeper(store, max_tries=3).find() is None
        assert "left aside" in log_lines[0]

    def test_a_clear_makes_it_again_under_another_trace_id(self) -> None:
        before, after = (keeper(Store(), max_tries=n).open(0, NOW) for n in (2, 3))
        assert before.trace_id != after.trace_id

    def test_a_clear_keeps_it_where_the_user_wants_that(self) -> None:
        store = Store()
        job = keeper(store, max_tries=2, reuse_on_clear=True)
        kept = job.keep(job.open(0, NOW))
        assert keeper(store, max_tries=5, reuse_on_clear=True).find() == kept
        assert keeper(store, max_tries=5, reuse_on_clear=True).open(0, NOW).trace_id == kept.trace_id

    def test_another_input_leaves_it_aside(self) -> None:
        store = Store()
        keeper(store).keep(keeper(store).open(0, NOW))
        assert keeper(store, request=LipSyncRequest(video_media_id=1, audio_media_id=2)).find() is None

    @pytest.mark.parametrize(
        "change",
        [
            {"conn_id": "other"},
            {"dag_id": "other"},
            {"run_id": "other"},
            {"task_id": "other"},
            {"map_index": 0},
            {"request": LipSyncRequest(video_media_id=1, audio_media_id=2)},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_every_part_of_what_a_task_is_counts(self, change: dict[str, Any]) -> None:
        assert keeper(Store(), **change).open(0, NOW).trace_id != keeper(Store()).open(0, NOW).trace_id

    def test_every_generation_has_a_trace_id_of_its_own(self) -> None:
        assert len({keeper(Store()).open(generation, NOW).trace_id for generation in range(5)}) == 5

    def test_the_number_of_the_try_does_not_count(self) -> None:
        ids = {keeper(Store(), try_number=n).open(0, NOW).trace_id for n in (1, 2, 9)}
        assert len(ids) == 1

    def test_a_task_that_is_not_mapped_is_the_same_whichever_way_airflow_says_so(self) -> None:
        ids = {keeper(Store(), map_index=index).open(0, NOW).trace_id for index in (-1, None)}
        assert len(ids) == 1

    def test_what_is_not_durable_has_a_fresh_trace_id_each_time_and_keeps_nothing(self) -> None:
        store = Store()
        ids = {keeper(store, durable=False).open(0, NOW).trace_id for _ in range(3)}
        one = keeper(store, durable=False)
        one.before_submit(one.open(0, NOW))
        one.keep(one.open(0, NOW))
        assert len(ids) == 3
        assert store.values == {}
        assert one.find() is None

    def test_a_submit_that_is_about_to_be_sent_counts_as_lost_until_its_answer_is_there(self) -> None:
        store = Store()
        one = keeper(store)
        one.before_submit(one.open(0, NOW))
        found = keeper(store, try_number=2).find()
        assert found is not None
        assert found.answer_lost is True
        assert found.video_id is None


class TestAfterARefusal:
    @pytest.mark.parametrize(
        "error",
        [
            PixVerseCapacityError("all slots taken", err_code=500044),
            PixVerseModerationError("refused", err_code=500063),
            PixVerseTransientError("internal", err_code=500100),
        ],
        ids=lambda error: str(error.err_code),
    )
    def test_an_envelope_with_a_code_proves_that_no_job_was_made(self, error: PixVerseError) -> None:
        one = keeper(Store())
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
        one = keeper(Store())
        assert one.after_refusal(one.open(3, NOW), error, NOW + 60) == one.open(3, NOW)

    @pytest.mark.parametrize(
        ("lost_before", "make_error"),
        [
            (False, lambda: PixVerseAmbiguousSubmitError("lost")),
            (False, lambda: after_a_lost_answer(PixVerseCapacityError("busy", err_code=500044))),
            (False, lambda: after_a_lost_answer(PixVerseTransientError("could not be reached"))),
            (True, lambda: PixVerseCapacityError("busy", err_code=500044)),
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
        one = keeper(Store())
        job = record(trace_id=one.open(3, NOW).trace_id, generation=3, answer_lost=lost_before)
        after = one.after_refusal(job, make_error(), NOW + 60)
        assert (after.trace_id, after.generation, after.submitted_at) == (job.trace_id, 3, NOW)
        assert after.answer_lost is True


def after_a_lost_answer(error: PixVerseError) -> PixVerseError:
    error.answer_lost = True
    return error


def record(**change: Any) -> JobRecord:
    fields: dict[str, Any] = {
        "trace_id": "t",
        "fingerprint": "f",
        "epoch": 0,
        "generation": 0,
        "submitted_at": NOW,
    }
    return JobRecord(**(fields | change))


def keeper(
    store: Store,
    *,
    conn_id: str = "pixverse_default",
    dag_id: str = "films",
    run_id: str = RUN,
    task_id: str = "lip_sync",
    map_index: int | None = -1,
    try_number: int = 1,
    max_tries: int = 2,
    request: LipSyncRequest = REQUEST,
    durable: bool = True,
    reuse_on_clear: bool = False,
) -> JobKeeper:
    task_instance = SimpleNamespace(
        dag_id=dag_id,
        run_id=run_id,
        task_id=task_id,
        map_index=map_index,
        try_number=try_number,
        max_tries=max_tries,
    )
    context: Any = {"ti": task_instance, "task_state_store": store}
    return JobKeeper(
        context, conn_id, request, durable=durable, reuse_on_clear=reuse_on_clear, retries=max_tries
    )
