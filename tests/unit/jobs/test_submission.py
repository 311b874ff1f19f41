"""Which job a retry and a clear go on with, what is submitted, and what is written down before and after."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from pixverse_provider.api.generations import LipSyncRequest, TextToVideoRequest
from pixverse_provider.api.results import Submission, Video
from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseAuthenticationError,
    PixVerseCapacityError,
    PixVerseConnectionNotFoundError,
    PixVerseError,
    PixVerseInsufficientCreditsError,
    PixVerseModerationError,
    PixVerseNotFoundError,
    PixVersePermanentError,
    PixVerseRateLimitError,
    PixVerseTransientError,
    PixVerseUnresolvedSubmitError,
)
from pixverse_provider.jobs.outcome import Outcome
from pixverse_provider.jobs.record import JobRecord
from pixverse_provider.jobs.submission import Found, Refused
from pixverse_provider.jobs.watch import GIVE_UP_AGE
from tests.unit.jobs.making import (
    NEW_ID,
    NOW,
    OLD_ID,
    REQUEST,
    STORE_KEY,
    Api,
    Store,
    busy,
    find_or_submit,
    found,
    job_store,
    video,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.jobs.record import JobStore

OLD_ATTEMPTS, NEW_ATTEMPTS = 2, 5
"""``max_tries`` before and after the clear."""


# --- what a retry and a clear do, for every record there can be -------------------------------------------

POLLS: dict[str, Any] = {
    "running": video(5),
    "running, by an unknown status": video(9),
    "done without a URL": Video(OLD_ID, 1),
    "done": video(1),
    "failed": video(8),
    "moderated": video(7),
    "deleted": video(6),
    "not known (500008)": PixVerseNotFoundError("not found", err_code=500008),
    "transient error": PixVerseTransientError("HTTP 502"),
    "bare 404": PixVersePermanentError("HTTP 404", http_status=404),
    "no connection": PixVerseConnectionNotFoundError("away"),
}
RUNS = ("running", "running, by an unknown status", "done without a URL")
FAILS = ("transient error", "bare 404", "no connection")


@dataclass(frozen=True)
class Case:
    """What an earlier attempt has left, and what a poll of it would bring."""

    cleared: bool
    kept: str
    handed_over: bool
    picked_up: bool
    replay: bool
    reuse: bool
    old: bool
    poll: str = "running"


# What is kept, and what a poll of it brings.
LEFT = [*(("id", poll) for poll in POLLS), ("lost", "running"), ("not sent", "running")]


@dataclass(frozen=True)
class Expected:
    """What is to happen.

    :param job: ``same`` (polled and gone on with), ``new``, ``repeat`` (submitted under its own trace id) or
        ``person`` (fails for a person to decide).
    :param warning: whether a WARNING names the job that is left, or the trace id that is repeated or left.
    """

    job: str
    warning: bool


def what_the_rules_say(case: Case) -> Expected:
    """Return what the design says, in its own order; written from its text and not from the code."""
    if case.kept == "not sent":
        # Nothing is paid. A retry submits it, a clear makes it again; with reuse_on_clear both are the same.
        return Expected("repeat" if not case.cleared or case.reuse else "new", warning=False)
    if case.kept == "lost":
        if not case.cleared:
            return Expected("repeat", warning=True) if case.replay else Expected("person", warning=False)
        # Its POST is repeated once under its own trace id, not in "fail" mode; reuse_on_clear lands it in
        # every case.
        if case.replay and (not case.picked_up or case.reuse):
            return Expected("repeat", warning=True)
        return Expected("new", warning=True)
    if not case.cleared:
        if case.poll in ("failed", "deleted") or (case.poll in RUNS and case.old):
            return Expected("new", warning=True)
        # Done: returned. Running: waited for. Moderated: fails for good. A poll that fails is no proof.
        return Expected("same", warning=False)
    if case.reuse:
        lands = case.poll == "done" or (case.poll in RUNS and not case.old) or case.poll in FAILS
        return Expected("same", warning=False) if lands else Expected("new", warning=True)
    if case.handed_over:
        return Expected("new", warning=False)
    if case.poll == "done":
        return Expected("same", warning=False)
    # Only a poll that works proves that an old job still runs.
    if ((case.poll in RUNS and not case.old) or case.poll in FAILS) and not case.picked_up:
        return Expected("same", warning=True)
    return Expected("new", warning=True)


def kept_record(case: Case) -> JobRecord:
    """Return the record that an attempt before the clear has written."""
    before = job_store(Store(), max_tries=OLD_ATTEMPTS, reuse_on_clear=case.reuse)
    # Not the first submission, so that a new one cannot have its number by accident.
    record = before.open(3, NOW - 9000.0)
    age = GIVE_UP_AGE if case.old else GIVE_UP_AGE - 1
    if case.kept == "id":
        record = replace(record, job_id=OLD_ID, credits=8.0, accepted_at=NOW - age)
    return replace(
        record,
        answer_lost=case.kept == "lost",
        handed_over=case.handed_over,
        picked_up=case.picked_up,
    )


def attempt_after(case: Case, store: Store) -> JobStore:
    attempts = (4, NEW_ATTEMPTS) if case.cleared else (2, OLD_ATTEMPTS)
    return job_store(store, try_number=attempts[0], max_tries=attempts[1], reuse_on_clear=case.reuse)


@pytest.mark.usefixtures("log_lines")
@pytest.mark.parametrize("cleared", [False, True], ids=["retry", "clear"])
@pytest.mark.parametrize(("kept", "poll"), LEFT, ids=lambda word: word)
def test_a_retry_and_a_clear_go_on_with_the_job_that_the_rules_say(
    caplog: pytest.LogCaptureFixture, kept: str, poll: str, *, cleared: bool
) -> None:
    for handed_over, picked_up, replay, reuse, old in itertools.product((False, True), repeat=5):
        case = Case(cleared, kept, handed_over, picked_up, replay, reuse, old, poll)
        caplog.clear()
        try:
            goes_on_as_the_rules_say(case, caplog)
        except BaseException as err:
            err.add_note(str(case))
            raise


def goes_on_as_the_rules_say(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    old = kept_record(case)
    store = Store(**{STORE_KEY: old.to_json()})
    expected = what_the_rules_say(case)
    kept_at_submit: list[Any] = []
    api = Api({OLD_ID: POLLS[case.poll]}, before_submit=lambda: kept_at_submit.append(store.get(STORE_KEY)))
    this = attempt_after(case, store)

    if expected.job == "person":
        with pytest.raises(PixVerseUnresolvedSubmitError, match=old.trace_id):
            find_or_submit(api, this, replay=case.replay)
        assert (api.trace_ids, store.written) == ([], [])
        return
    job = found(find_or_submit(api, this, replay=case.replay)).job

    # Never more than one poll and one submit.
    polls_of_old = [polled for polled in api.polled if polled == ("video", OLD_ID)]
    assert len(polls_of_old) == (
        case.kept == "id" and not (case.cleared and case.handed_over and not case.reuse)
    )
    assert len(api.trace_ids) == (expected.job != "same")
    new_marker = None if case.reuse else NEW_ATTEMPTS if case.cleared else OLD_ATTEMPTS
    if expected.job == "new":
        assert job.job_id == NEW_ID
        assert job.clear_marker == new_marker
        assert job.sequence == (0 if case.cleared and not case.reuse else 4)
        assert api.trace_ids == [job.trace_id]
        assert job.trace_id != old.trace_id
        assert (job.handed_over, job.picked_up) == (False, False)
        # Nothing that may be paid is forgotten, and that is written before the new job is paid.
        left = [entry["job_id"] for entry in job.earlier]
        assert left == {"id": [str(OLD_ID)], "lost": [None], "not sent": []}[case.kept]
        (intent,) = kept_at_submit
        assert intent["earlier"] == list(job.earlier)
    else:
        assert job.trace_id == old.trace_id
        assert job.job_id == (OLD_ID if expected.job == "same" else NEW_ID)
        assert api.trace_ids == ([] if expected.job == "same" else [old.trace_id])
        assert job.picked_up is (case.picked_up or (case.cleared and case.kept != "not sent"))
        assert job.max_tries == (NEW_ATTEMPTS if case.cleared else OLD_ATTEMPTS)
        assert job.handed_over is case.handed_over
        if expected.job == "same":
            # A retry has nothing to write; a clear notes once that this job is now its own.
            assert [written["picked_up"] for written in store.written] == [True] * case.cleared
    if api.trace_ids:
        (intent,) = kept_at_submit
        assert (intent["answer_lost"], intent["job_id"]) == (True, None)
        assert intent["trace_id"] == api.trace_ids[0]
    if store.written:
        assert JobRecord.from_json(store.get(STORE_KEY)) == job
    warnings = [line.getMessage() for line in caplog.records if line.levelname == "WARNING"]
    assert len(warnings) == expected.warning
    name = f"PixVerse video {OLD_ID}" if case.kept == "id" else old.trace_id
    assert all(name in warning for warning in warnings)
    promised = any("is picked up; clear once more for a new one" in warning for warning in warnings)
    assert promised is (expected == Expected("same", warning=True))


# --- what the table does not say --------------------------------------------------------------------------


def refused_again(api: Api, store: JobStore, *, for_good: bool) -> None:
    """Find or submit, and see that it was refused: for good with an error, else as an answer."""
    if for_good:
        with pytest.raises((PixVerseModerationError, PixVerseAuthenticationError)):
            find_or_submit(api, store)
    else:
        assert isinstance(find_or_submit(api, store), Refused)


def internal() -> PixVerseError:
    return PixVerseTransientError("internal error", err_code=500100, proves_no_job=True)


def lost() -> PixVerseError:
    return PixVerseAmbiguousSubmitError("The answer was lost")


def kept_in(store: Store) -> JobRecord:
    return JobRecord.from_json(store.get(STORE_KEY))


class TestTheFirstAttempt:
    def test_submits_once_and_does_not_poll(self, log_lines: list[str]) -> None:
        api, store = Api(), Store()
        answer = found(find_or_submit(api, job_store(store)))
        assert (answer.job.job_id, answer.result, answer.polled) == (NEW_ID, None, False)
        assert (answer.job.credits, answer.job.accepted_at, answer.job.replayed) == (8.0, NOW, False)
        assert (answer.job.try_number, answer.job.max_tries) == (1, 2)
        assert (len(api.trace_ids), api.polled) == (1, [])
        assert kept_in(store) == answer.job
        (line,) = log_lines
        assert f"Submitted the lip sync: PixVerse video {NEW_ID}, 8 credits charged" in line
        assert api.trace_ids[0] in line

    def test_writes_before_it_pays_and_counts_the_answer_as_lost_until_it_is_there(self) -> None:
        store = Store()
        at_submit: list[JobRecord] = []
        find_or_submit(Api(before_submit=lambda: at_submit.append(kept_in(store))), job_store(store))
        assert [(record.job_id, record.answer_lost) for record in at_submit] == [(None, True)]
        assert [written["answer_lost"] for written in store.written] == [True, False]

    def test_an_answer_that_the_client_has_asked_for_again_is_polled_since_the_job_may_be_over(self) -> None:
        api = Api({NEW_ID: video(1, NEW_ID)}, [Submission(NEW_ID, replayed=True)])
        answer = found(find_or_submit(api, job_store(Store())))
        assert (answer.job.replayed, answer.result) == (True, video(1, NEW_ID))

    @pytest.mark.parametrize(
        ("left", "this"),
        [
            ({"job_id": OLD_ID}, {"conn_id": "another"}),
            ({"job_id": OLD_ID, "picked_up": True}, {"max_tries": 3}),
            ({"job_id": OLD_ID, "handed_over": True}, {"max_tries": 3}),
            ({"answer_lost": True}, {"max_tries": 3}),
            ({"job_id": OLD_ID, "outcome": "failed"}, {}),
        ],
        ids=["another input", "clear", "clear of what was handed over", "clear of what was lost", "retry"],
    )
    def test_so_is_one_in_a_later_attempt(self, left: dict[str, Any], this: dict[str, Any]) -> None:
        store = Store()
        one = job_store(store)
        one.save(replace(one.open(0, NOW), **left))
        api = Api(
            {NEW_ID: video(1, NEW_ID), OLD_ID: PixVerseTransientError("HTTP 502")},
            [Submission(NEW_ID, replayed=True)],
        )
        answer = found(find_or_submit(api, job_store(store, try_number=2, **this)))
        assert (answer.job.job_id, answer.result) == (NEW_ID, video(1, NEW_ID))

    @pytest.mark.parametrize("replay", [True, False])
    def test_a_person_who_is_to_decide_is_asked_after_one_http_attempt(self, *, replay: bool) -> None:
        api = Api()
        find_or_submit(api, job_store(Store()), replay=replay)
        assert api.attempts == [None if replay else 1]

    def test_a_connection_that_cannot_be_used_is_no_submit_that_may_be_paid(self) -> None:
        api, store = Api(connection=PixVerseConnectionNotFoundError("away")), Store()
        with pytest.raises(PixVerseConnectionNotFoundError):
            find_or_submit(api, job_store(store))
        assert (api.trace_ids, store.written) == ([], [])
        answer = found(find_or_submit(Api(), job_store(store, try_number=2)))
        assert (answer.job.replayed, answer.polled) == (False, False)


class TestThePrice:
    REQUEST = TextToVideoRequest(
        prompt="a paper boat", model="v5", duration=5, quality="360p", aspect_ratio="16:9"
    )
    PRICE = 45

    def test_that_is_the_limit_is_allowed(self) -> None:
        assert self.REQUEST.estimated_credits() == self.PRICE
        api = Api()
        find_or_submit(api, job_store(Store()), request=self.REQUEST, max_credits=self.PRICE)
        assert len(api.trace_ids) == 1

    def test_one_above_the_limit_is_refused_before_anything_is_written_or_sent(self) -> None:
        api, store = Api(), Store()
        with pytest.raises(PixVerseInsufficientCreditsError, match="45 credits and max_credits is 44"):
            find_or_submit(api, job_store(store), request=self.REQUEST, max_credits=self.PRICE - 1)
        assert (api.trace_ids, store.written) == ([], [])

    def test_of_a_job_that_may_be_paid_already_does_not_matter(self) -> None:
        store = Store()
        first = Api(submits=[lost()])
        with pytest.raises(PixVerseAmbiguousSubmitError):
            find_or_submit(first, job_store(store, request=self.REQUEST), request=self.REQUEST)
        api = Api()
        retry = job_store(store, request=self.REQUEST, try_number=2)
        find_or_submit(api, retry, request=self.REQUEST, max_credits=0.0)
        assert api.trace_ids == first.trace_ids

    def test_that_is_not_known_is_said_and_the_job_is_submitted(self, log_lines: list[str]) -> None:
        assert REQUEST.estimated_credits() is None
        api = Api()
        find_or_submit(api, job_store(Store()), max_credits=1.0)
        assert "max_credits is not checked" in log_lines[0]
        assert len(api.trace_ids) == 1

    def test_that_is_not_known_is_said_once_in_an_attempt(self, log_lines: list[str]) -> None:
        store = job_store(Store())
        find_or_submit(Api(), store, max_credits=1.0, pending=store.open(0, NOW))
        assert "max_credits is not checked" not in "".join(log_lines)

    def test_where_no_record_is_kept_holds_for_the_next_attempt(self) -> None:
        first, second = Api(), Api()
        find_or_submit(first, job_store(None, request=self.REQUEST), request=self.REQUEST, max_credits=45)
        with pytest.raises(PixVerseInsufficientCreditsError, match="max_credits is 44"):
            find_or_submit(
                second,
                job_store(None, request=self.REQUEST, try_number=2),
                request=self.REQUEST,
                max_credits=44,
            )
        assert (len(first.trace_ids), second.trace_ids) == (1, [])

    def test_counts_for_a_job_that_replaces_another(self) -> None:
        store = Store()
        one = job_store(store, request=self.REQUEST)
        one.save(replace(one.open(0, NOW), job_id=OLD_ID, accepted_at=NOW))
        api = Api({OLD_ID: video(8)})
        with pytest.raises(PixVerseInsufficientCreditsError):
            find_or_submit(
                api,
                job_store(store, request=self.REQUEST, try_number=2),
                request=self.REQUEST,
                max_credits=44.0,
            )
        assert api.trace_ids == []
        # The record still names the job that failed, so that the next attempt comes here again.
        assert kept_in(store).job_id == OLD_ID


class TestAStoreThatFails:
    def test_when_the_record_is_read_ends_the_attempt_before_anything_is_paid(self) -> None:
        api, store = Api(), Store()
        store.broken = ConnectionError("the API server is away")
        with pytest.raises(ConnectionError):
            find_or_submit(api, job_store(store))
        assert api.trace_ids == []

    def test_when_the_intent_is_written_ends_the_attempt_before_anything_is_paid(self) -> None:
        class ReadOnly(Store):
            def set(self, name: str, value: Any, *, retention: Any = None) -> None:
                raise ConnectionError("the API server is away")

        api = Api()
        with pytest.raises(ConnectionError):
            find_or_submit(api, job_store(ReadOnly()))
        assert api.trace_ids == []

    def test_when_the_id_is_written_names_the_job_in_the_log_and_goes_on(self, log_lines: list[str]) -> None:
        store = Store()

        def break_the_store() -> None:
            store.broken = ConnectionError("the API server is away")

        api = Api(before_submit=break_the_store)
        job = found(find_or_submit(api, job_store(store))).job
        assert job.job_id == NEW_ID
        assert f"PixVerse video {NEW_ID}" in log_lines[0], "the line that names it comes before the store"
        assert f"PixVerse job {NEW_ID} (trace id {job.trace_id}) is submitted and paid" in log_lines[1]
        store.broken = None
        again = Api()
        find_or_submit(again, job_store(store, try_number=2))
        assert again.trace_ids == api.trace_ids

    def test_when_a_job_is_picked_up_after_a_clear_does_not_lose_it(self, log_lines: list[str]) -> None:
        store = Store()
        one = job_store(store, max_tries=2)
        one.save(replace(one.open(0, NOW), job_id=OLD_ID, accepted_at=NOW))

        class Broken(Store):
            def set(self, name: str, value: Any, *, retention: Any = None) -> None:
                raise ConnectionError("the API server is away")

        broken = Broken(**{STORE_KEY: store.get(STORE_KEY)})
        api = Api({OLD_ID: video(1)})
        job = found(find_or_submit(api, job_store(broken, try_number=2, max_tries=3))).job
        assert (job.job_id, api.trace_ids) == (OLD_ID, [])
        assert any("could not be written" in line for line in log_lines)


class TestALostAnswer:
    def test_is_asked_for_again_by_the_next_attempt_under_the_same_trace_id(self) -> None:
        store = Store()
        first, second = Api(submits=[lost()]), Api({NEW_ID: video(5, NEW_ID)})
        with pytest.raises(PixVerseAmbiguousSubmitError):
            find_or_submit(first, job_store(store))
        assert (kept_in(store).answer_lost, kept_in(store).job_id) == (True, None)
        answer = found(find_or_submit(second, job_store(store, try_number=2), now=NOW + 60))
        assert second.trace_ids == first.trace_ids
        assert (answer.job.replayed, answer.job.submitted_at, answer.job.accepted_at) == (True, NOW, NOW + 60)
        assert (kept_in(store).answer_lost, kept_in(store).job_id) == (False, NEW_ID)
        assert answer.result == video(5, NEW_ID)

    def test_fails_at_once_where_a_person_is_to_decide(self) -> None:
        store = Store()
        with pytest.raises(PixVerseUnresolvedSubmitError):
            find_or_submit(Api(submits=[lost()]), job_store(store), replay=False)
        assert kept_in(store).answer_lost is True

    @pytest.mark.parametrize(
        "refuse",
        [busy, internal, lambda: PixVerseModerationError("no", err_code=500063, proves_no_job=True)],
    )
    def test_keeps_its_trace_id_whatever_a_later_answer_says(
        self, refuse: Callable[[], PixVerseError]
    ) -> None:
        store = Store()
        api = Api(submits=[lost(), refuse()])
        with pytest.raises(PixVerseAmbiguousSubmitError):
            find_or_submit(api, job_store(store))
        again = job_store(store, try_number=2)
        refused_again(api, again, for_good=refuse not in (busy, internal))
        assert isinstance(find_or_submit(api, job_store(store, try_number=3)), Found)
        assert len(api.trace_ids) == 3
        assert len(set(api.trace_ids)) == 1

    def test_a_job_that_came_of_the_repeated_submit_and_has_failed_is_for_the_next_attempt(self) -> None:
        store = Store()
        with pytest.raises(PixVerseAmbiguousSubmitError):
            find_or_submit(Api(submits=[lost()]), job_store(store))
        api = Api({NEW_ID: video(8, NEW_ID)})
        answer = found(find_or_submit(api, job_store(store, try_number=2)))
        assert (answer.result, len(api.trace_ids)) == (video(8, NEW_ID), 1)


class TestARefusal:
    @pytest.mark.parametrize(
        ("error", "lasting"),
        [
            (busy(), True),
            (busy(retry_after=30.0), True),
            (PixVerseCapacityError("high load", err_code=500069, proves_no_job=True), True),
            (PixVerseRateLimitError("slow down", http_status=429), True),
            (internal(), False),
        ],
        ids=["500044", "500044 and Retry-After", "500069", "429", "500100"],
    )
    def test_for_the_moment_is_returned_with_the_job_to_submit_again(
        self, error: PixVerseTransientError, *, lasting: bool
    ) -> None:
        store = Store()
        answer = find_or_submit(Api(submits=[error]), job_store(store))
        assert isinstance(answer, Refused)
        assert (answer.error, answer.lasting) == (error, lasting)
        assert kept_in(store) == answer.job
        assert answer.job.sequence == (1 if error.proves_no_job else 0)
        assert answer.job.answer_lost is False
        assert answer.job.earlier == ()

    def test_goes_on_with_that_job(self) -> None:
        store = Store()
        api = Api(submits=[busy()])
        refused = find_or_submit(api, job_store(store))
        again = found(find_or_submit(api, job_store(store), pending=refused.job)).job
        assert (again.sequence, api.trace_ids[1]) == (1, again.trace_id)
        assert len(set(api.trace_ids)) == 2

    @pytest.mark.parametrize(
        "error",
        [
            PixVerseTransientError("could not be reached"),
            PixVersePermanentError("HTTP 404", http_status=404),
            PixVerseAuthenticationError("wrong key", err_code=400012, proves_no_job=True),
            PixVerseModerationError("refused", err_code=500063, proves_no_job=True),
            PixVerseInsufficientCreditsError("none left", err_code=500090, proves_no_job=True),
        ],
        ids=str,
    )
    def test_that_no_wait_would_change_is_raised_as_it_came(self, error: PixVerseError) -> None:
        store = Store()
        with pytest.raises(type(error)) as caught:
            find_or_submit(Api(submits=[error]), job_store(store))
        assert caught.value is error
        # Only one that proves that there is no job moves on to the next trace id.
        kept = kept_in(store)
        assert (kept.sequence, kept.answer_lost) == (int(error.proves_no_job), False)

    def test_by_a_code_that_says_nothing_of_the_job_may_have_made_one(self) -> None:
        store = Store()
        unknown = PixVersePermanentError("not a documented code", err_code=424242, http_status=500)
        with pytest.raises(PixVerseAmbiguousSubmitError, match="may have made a job") as caught:
            find_or_submit(Api(submits=[unknown]), job_store(store))
        assert not isinstance(caught.value, AirflowFailException)
        assert (caught.value.err_code, caught.value.http_status) == (424242, 500)
        assert (kept_in(store).sequence, kept_in(store).answer_lost) == (0, True)

    def test_for_the_moment_after_a_lost_answer_is_for_a_person_where_one_decides(self) -> None:
        after = busy()
        after.answer_lost = True
        with pytest.raises(PixVerseUnresolvedSubmitError, match="a paid job may exist"):
            find_or_submit(Api(submits=[after]), job_store(Store()), replay=False)

    def test_leaves_a_job_of_before_in_the_history(self) -> None:
        store = Store()
        one = job_store(store)
        one.save(replace(one.open(0, NOW), job_id=OLD_ID, credits=8.0, accepted_at=NOW))
        api = Api({OLD_ID: video(8)}, [busy(), busy()])
        refused = find_or_submit(api, job_store(store, try_number=2))
        refused = find_or_submit(api, job_store(store, try_number=2), pending=refused.job)
        job = found(find_or_submit(api, job_store(store, try_number=2), pending=refused.job)).job
        assert [(entry["job_id"], entry["outcome"]) for entry in job.earlier] == [(str(OLD_ID), "failed")]
        assert (job.sequence, kept_in(store)) == (3, job)


class TestWithoutARecord:
    """Airflow 3.1 and 3.2: what an earlier attempt has got comes back under the same trace id."""

    def test_a_job_of_the_attempt_before_that_runs_is_waited_for(self) -> None:
        api = Api({OLD_ID: video(5)}, [Submission(OLD_ID), Submission(OLD_ID)])
        find_or_submit(api, job_store(None))
        answer = found(find_or_submit(api, job_store(None, try_number=2)))
        assert (answer.job.job_id, answer.result) == (OLD_ID, video(5))
        assert len(set(api.trace_ids)) == 1

    @pytest.mark.parametrize("status", [6, 8])
    def test_one_that_has_failed_or_was_deleted_is_replaced(self, status: int) -> None:
        api = Api({OLD_ID: video(status)}, [Submission(OLD_ID), Submission(NEW_ID)])
        job = found(find_or_submit(api, job_store(None, try_number=2))).job
        assert (job.job_id, job.sequence) == (NEW_ID, 1)
        assert len(set(api.trace_ids)) == 2

    def test_so_is_the_one_that_has_replaced_it_where_that_has_failed_as_well(self) -> None:
        second, third = 8, 9
        api = Api(
            {OLD_ID: video(8), second: video(8, second), third: video(5, third)},
            [Submission(OLD_ID), Submission(second), Submission(third)],
        )
        answer = found(find_or_submit(api, job_store(None, try_number=3)))
        assert (answer.job.job_id, answer.job.sequence, answer.polled) == (third, 2, False)
        assert len(set(api.trace_ids)) == 3

    def test_a_refusal_for_good_that_comes_back_after_a_clear_is_passed_over(
        self, log_lines: list[str]
    ) -> None:
        no_credits = PixVerseInsufficientCreditsError("none", err_code=500090, proves_no_job=True)
        api = Api(submits=[no_credits, Submission(NEW_ID)])
        cleared = job_store(None, try_number=2, max_tries=3, reuse_on_clear=True)
        job = found(find_or_submit(api, cleared)).job
        assert (job.job_id, job.sequence) == (NEW_ID, 1)
        assert any("refusal of an earlier attempt came back" in line for line in log_lines)

    @pytest.mark.parametrize("reuse", [False, True])
    @pytest.mark.parametrize(
        "make",
        [internal, lambda: PixVerseAuthenticationError("wrong key", err_code=10005, proves_no_job=True)],
        ids=["500100", "10005"],
    )
    def test_an_error_that_says_nothing_of_the_earlier_submit_keeps_its_trace_id(
        self, make: Callable[[], PixVerseError], *, reuse: bool
    ) -> None:
        find_or_submit(
            api := Api(submits=[Submission(OLD_ID), make()]), job_store(None, reuse_on_clear=reuse)
        )
        retry = job_store(None, try_number=2, reuse_on_clear=reuse)
        refused_again(api, retry, for_good=make is not internal)
        assert len(api.trace_ids) == 2
        assert len(set(api.trace_ids)) == 1

    def test_a_refusal_of_this_attempt_is_not(self) -> None:
        assert isinstance(find_or_submit(Api(submits=[internal()]), job_store(None)), Refused)

    def test_the_want_of_a_slot_is_waited_for_and_not_passed_over(self) -> None:
        answer = find_or_submit(Api(submits=[busy()]), job_store(None, try_number=2))
        assert isinstance(answer, Refused)
        assert answer.job.sequence == 0

    def test_a_clear_makes_it_again_and_takes_nothing_for_a_repeat(self) -> None:
        api = Api()
        find_or_submit(api, job_store(None, try_number=1, max_tries=2))
        job = found(find_or_submit(api, job_store(None, try_number=2, max_tries=3))).job
        assert len(set(api.trace_ids)) == 2
        assert job.replayed is False

    def test_with_reuse_on_clear_it_finds_what_it_has_paid(self) -> None:
        api = Api({OLD_ID: video(1)}, [Submission(OLD_ID), Submission(OLD_ID)])
        find_or_submit(api, job_store(None, reuse_on_clear=True))
        answer = found(find_or_submit(api, job_store(None, try_number=2, max_tries=3, reuse_on_clear=True)))
        assert (answer.job.job_id, answer.result) == (OLD_ID, video(1))


class TestAChangedInput:
    OTHER = LipSyncRequest(source_video_id=1, audio_media_id=2)

    @pytest.mark.parametrize("cleared", [False, True])
    def test_makes_a_new_job_and_the_old_one_is_named_and_kept_in_the_history(
        self, log_lines: list[str], *, cleared: bool
    ) -> None:
        store = Store()
        one = job_store(store)
        one.save(replace(one.open(2, NOW), job_id=OLD_ID, credits=8.0, accepted_at=NOW))
        api = Api()
        this = job_store(store, request=self.OTHER, try_number=2, max_tries=3 if cleared else 2)
        job = found(find_or_submit(api, this, request=self.OTHER)).job
        assert kept_in(store) == job
        assert job.submitted_at == NOW
        assert "has changed since" in log_lines[0]
        assert f"PixVerse video {OLD_ID}" in log_lines[0]
        assert (job.job_id, job.sequence, api.polled) == (NEW_ID, 0, [])
        assert [entry["job_id"] for entry in job.earlier] == [str(OLD_ID)]

    def test_another_connection_is_another_input(self) -> None:
        store = Store()
        find_or_submit(Api(), job_store(store))
        api = Api()
        find_or_submit(api, job_store(store, conn_id="pixverse_eu", try_number=2))
        assert len(api.trace_ids) == 1


class TestTheHistory:
    def test_tells_what_came_of_each_job_that_was_replaced(self) -> None:
        store = Store()
        api = Api({101: video(8, 101), 102: video(6, 102), 103: video(5, 103)})
        api.submits = [Submission(101, 8.0), Submission(102, 8.0), Submission(103, 8.0), Submission(104, 8.0)]
        find_or_submit(api, job_store(store))
        find_or_submit(api, job_store(store, try_number=2), now=NOW + 100)
        find_or_submit(api, job_store(store, try_number=3), now=NOW + 200)
        job = found(find_or_submit(api, job_store(store, try_number=3), now=NOW + 200 + GIVE_UP_AGE)).job
        told = [
            (e["job_id"], e["try_number"], e["outcome"], e["credits"], e["credits_refunded"])
            for e in job.earlier
        ]
        assert told == [
            ("103", 3, "given_up", 8.0, 8.0),
            ("102", 2, "deleted", 8.0, None),
            ("101", 1, "failed", 8.0, 8.0),
        ]
        assert [entry["ended_at"] for entry in job.earlier] == [
            "2026-01-05T11:03:20.000+00:00",
            "2026-01-05T09:03:20.000+00:00",
            "2026-01-05T09:01:40.000+00:00",
        ]
        assert len(set(api.trace_ids)) == 4

    def test_keeps_what_the_attempt_itself_has_written_of_the_end(self) -> None:
        store = Store()
        one = job_store(store)
        job = replace(one.open(0, NOW), job_id=OLD_ID, credits=8.0, accepted_at=NOW)
        one.save(job.ended(Outcome.FAILED, NOW + 50, message="failed at PixVerse", handed_over=True))
        api = Api({OLD_ID: video(8)})
        new = found(find_or_submit(api, job_store(store, try_number=2), now=NOW + 100)).job
        (entry,) = new.earlier
        assert (entry["message"], entry["ended_at"]) == (
            "failed at PixVerse",
            "2026-01-05T09:00:50.000+00:00",
        )

    @pytest.mark.parametrize(
        ("status", "outcome", "refunded"), [(8, "failed", 8.0), (7, "moderated", 8.0), (6, "deleted", None)]
    )
    def test_of_a_job_that_a_clear_has_left_says_how_it_ended_and_what_came_back(
        self, status: int, outcome: str, refunded: float | None
    ) -> None:
        store = Store()
        one = job_store(store)
        one.save(replace(one.open(0, NOW), job_id=OLD_ID, credits=8.0, accepted_at=NOW))
        api = Api({OLD_ID: video(status)})
        new = found(find_or_submit(api, job_store(store, try_number=2, max_tries=3))).job
        (entry,) = new.earlier
        assert (entry["outcome"], entry["credits_refunded"]) == (outcome, refunded)

    def test_of_a_job_that_was_picked_up_and_left_says_that_its_end_is_not_known(self) -> None:
        store = Store()
        one = job_store(store)
        one.save(replace(one.open(0, NOW), job_id=OLD_ID, accepted_at=NOW, picked_up=True))
        new = found(find_or_submit(Api(), job_store(store, try_number=2, max_tries=3))).job
        assert [(entry["job_id"], entry["outcome"]) for entry in new.earlier] == [(str(OLD_ID), None)]


class TestReuseOnClear:
    def test_where_the_clear_has_dropped_the_record_what_was_paid_comes_back_and_is_polled(self) -> None:
        first, second = Api(submits=[Submission(OLD_ID)]), Api({OLD_ID: video(1)}, [Submission(OLD_ID)])
        find_or_submit(first, job_store(Store(), reuse_on_clear=True))
        cleared = job_store(Store(), try_number=2, max_tries=3, reuse_on_clear=True)
        answer = found(find_or_submit(second, cleared))
        assert second.trace_ids == first.trace_ids
        assert (answer.job.job_id, answer.job.replayed, answer.result) == (OLD_ID, True, video(1))

    def test_a_submit_that_the_record_says_was_refused_is_no_repeated_one(self) -> None:
        store, api = Store(), Api(submits=[busy()])
        find_or_submit(api, job_store(store, reuse_on_clear=True))
        answer = found(find_or_submit(api, job_store(store, try_number=2, reuse_on_clear=True)))
        assert len(set(api.trace_ids)) == 1
        assert (answer.job.replayed, answer.polled) == (False, False)


class TestAStalledReplay:
    """A job that came of a repeated trace id and is given up in the attempt that has waited for it."""

    def given_up(self, store: Store) -> JobRecord:
        one = job_store(store)
        job = replace(
            one.open(0, NOW - 9000), job_id=OLD_ID, replayed=True, accepted_at=NOW - GIVE_UP_AGE, credits=8.0
        )
        one.save(job)
        return job

    def test_is_replaced_within_the_attempt(self, log_lines: list[str]) -> None:
        store = Store()
        api = Api()
        pending = self.given_up(store)
        job = found(find_or_submit(api, job_store(store), pending=pending)).job
        assert (job.job_id, job.sequence) == (NEW_ID, 1)
        assert f"PixVerse video {OLD_ID} still runs two hours after its id arrived" in log_lines[0]
        assert [(entry["job_id"], entry["outcome"]) for entry in job.earlier] == [(str(OLD_ID), "given_up")]

    def test_that_is_done_after_all_is_returned(self) -> None:
        store = Store()
        api = Api({OLD_ID: video(1)})
        answer = found(find_or_submit(api, job_store(store), pending=self.given_up(store)))
        assert (answer.job.job_id, answer.result, api.trace_ids) == (OLD_ID, video(1), [])

    def test_that_cannot_be_polled_right_now_is_not_replaced(self) -> None:
        store = Store()
        api = Api({OLD_ID: PixVerseTransientError("HTTP 502")})
        answer = found(find_or_submit(api, job_store(store), pending=self.given_up(store)))
        assert (answer.job.job_id, api.trace_ids) == (OLD_ID, [])


class TestAJobWhoseEndIsKnown:
    """What an attempt has written of the end holds while the job cannot be polled."""

    @pytest.mark.parametrize("outcome", ["failed", "deleted"])
    @pytest.mark.parametrize(
        "poll", [PixVerseTransientError("HTTP 502"), POLLS["not known (500008)"]], ids=str
    )
    def test_is_replaced_by_a_retry_whatever_its_poll_brings(self, outcome: str, poll: Any) -> None:
        store = Store()
        one = job_store(store)
        job = replace(one.open(0, NOW), job_id=OLD_ID, accepted_at=NOW, outcome=outcome, handed_over=True)
        one.save(job)
        answer = found(find_or_submit(Api({OLD_ID: poll}), job_store(store, try_number=2)))
        assert (answer.job.job_id, answer.job.sequence) == (NEW_ID, 1)

    def test_is_waited_for_where_it_was_only_given_up_for_the_moment(self) -> None:
        store = Store()
        one = job_store(store)
        one.save(replace(one.open(0, NOW), job_id=OLD_ID, accepted_at=NOW, outcome="success"))
        api = Api({OLD_ID: PixVerseTransientError("HTTP 502")})
        assert found(find_or_submit(api, job_store(store, try_number=2))).job.job_id == OLD_ID


def test_a_submit_that_no_record_names_is_named_in_the_log_before_it_is_sent(log_lines: list[str]) -> None:
    seen: list[str] = []
    api = Api(before_submit=lambda: seen.extend(log_lines))
    find_or_submit(api, job_store(None))
    assert any(api.trace_ids[0] in line for line in seen)
