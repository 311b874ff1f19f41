"""What the log and the errors of a submission say, word for word: they are what somebody on call has."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pixverse_provider.api.results import Submission
from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseError,
    PixVerseNotFoundError,
    PixVersePermanentError,
    PixVerseTransientError,
    PixVerseTriggerEventError,
    PixVerseUnresolvedSubmitError,
)
from pixverse_provider.jobs.record import job_of_event
from pixverse_provider.jobs.watch import GIVE_UP_AGE
from tests.unit.jobs.making import (
    NEW_ID,
    NOW,
    OLD_ID,
    REQUEST,
    Api,
    Store,
    find_or_submit,
    job_store,
    record,
    video,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.jobs.record import JobRecord

OLD = f"PixVerse video {OLD_ID}"
LATER = NOW + GIVE_UP_AGE + 1


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[tuple[str, str]]]:
    """What was logged, with its level, without the line of the submit itself."""
    caplog.set_level(logging.INFO, "pixverse_provider.jobs")

    def lines() -> list[tuple[str, str]]:
        found = [(entry.levelname, entry.getMessage()) for entry in caplog.records]
        return [line for line in found if not line[1].startswith("Submitted the ")]

    return lines


def kept(store: Store, **change: Any) -> JobRecord:
    """Keep a paid job of the first attempt."""
    one = job_store(store)
    job = replace(one.open(0, NOW), **{"job_id": OLD_ID, "credits": 8.0, "accepted_at": NOW} | change)
    one.save(job)
    return job


def after_a_clear(
    api: Api, store: Store, *, now: float = NOW, replay: bool = True, reuse: bool = False
) -> None:
    cleared = job_store(store, try_number=2, max_tries=3, reuse_on_clear=reuse)
    find_or_submit(api, cleared, now=now)


class TestASubmit:
    def test_names_the_job_its_trace_id_and_what_it_cost(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "pixverse_provider.jobs")
        api = Api()
        find_or_submit(api, job_store(Store()))
        assert caplog.messages == [
            (
                f"Submitted the lip sync: PixVerse video {NEW_ID}, 8 credits charged (price not published), "
                f"trace id {api.trace_ids[0]}."
            )
        ]

    def test_says_so_where_pixverse_does_not_tell_the_charge(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "pixverse_provider.jobs")
        api = Api(submits=[Submission(NEW_ID)])
        find_or_submit(api, job_store(Store()))
        assert caplog.messages == [
            (
                f"Submitted the lip sync: PixVerse video {NEW_ID}, charge not stated (price not published), "
                f"trace id {api.trace_ids[0]}."
            )
        ]

    def test_that_was_repeated_says_so_and_claims_no_earlier_attempt(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "pixverse_provider.jobs")
        api = Api(submits=[Submission(NEW_ID, 8.0, replayed=True)])
        find_or_submit(api, job_store(Store()))
        assert caplog.messages == [
            (
                f"Submitted again, under the same trace id, the lip sync: PixVerse video {NEW_ID}, 8 credits "
                f"charged (price not published), trace id {api.trace_ids[0]}."
            )
        ]


class TestAfterAClear:
    def test_of_a_job_that_was_handed_over(self, said: Callable[[], Any]) -> None:
        store = Store()
        kept(store, handed_over=True)
        after_a_clear(Api(), store)
        assert said() == [
            ("INFO", f"The task was cleared: {OLD} is left as it is, and a new job is submitted.")
        ]

    def test_of_a_job_that_runs(self, said: Callable[[], Any]) -> None:
        store = Store()
        kept(store)
        after_a_clear(Api(), store)
        assert said() == [
            (
                "WARNING",
                (
                    f"The task was cleared while {OLD}, which is paid, was under way: it is picked up; clear "
                    "once more for a new one."
                ),
            ),
            ("INFO", f"{OLD} was submitted by an earlier attempt; nothing is paid again."),
        ]

    def test_of_a_job_that_runs_with_reuse_on_clear(self, said: Callable[[], Any]) -> None:
        store = Store()
        kept(store)
        after_a_clear(Api(), store, reuse=True)
        assert said() == [
            ("INFO", f"The task was cleared, and {OLD}, which is paid, is waited for (reuse_on_clear)."),
            ("INFO", f"{OLD} was submitted by an earlier attempt; nothing is paid again."),
        ]

    def test_of_a_job_that_is_done(self, said: Callable[[], Any]) -> None:
        store = Store()
        kept(store)
        after_a_clear(Api({OLD_ID: video(1)}), store)
        assert said()[0] == (
            "INFO",
            f"The task was cleared, and {OLD} is done and paid: it is picked up.",
        )

    @pytest.mark.parametrize(
        ("answer", "now", "state"),
        [
            (video(8), NOW, "has failed and is refunded"),
            (video(7), NOW, "did not pass the content moderation and is refunded"),
            (video(6), NOW, "was deleted"),
            (video(5), LATER, "still runs"),
            (PixVerseNotFoundError("x", err_code=500008), LATER, "is not known to PixVerse any more"),
        ],
        ids=["failed", "moderated", "deleted", "old", "forgotten"],
    )
    def test_of_a_job_that_is_left(
        self, said: Callable[[], Any], answer: Any, now: float, state: str
    ) -> None:
        store = Store()
        kept(store)
        after_a_clear(Api({OLD_ID: answer}), store, now=now)
        assert said() == [
            (
                "WARNING",
                f"The task was cleared: {OLD} {state} and is left; a new job is submitted and paid.",
            )
        ]

    def test_of_a_job_that_cannot_be_polled(self, said: Callable[[], Any]) -> None:
        store = Store()
        kept(store)
        after_a_clear(Api({OLD_ID: PixVerseTransientError("HTTP 502.")}), store)
        assert said()[0] == (
            "INFO",
            f"The poll of {OLD} after a clear failed, so it counts as running: HTTP 502.",
        )

    def test_of_a_job_that_was_picked_up_before_and_cannot_be_polled(self, said: Callable[[], Any]) -> None:
        store = Store()
        kept(store, picked_up=True)
        after_a_clear(Api({OLD_ID: PixVerseTransientError("HTTP 502.")}), store)
        assert said()[1:] == [
            (
                "WARNING",
                (
                    f"The task was cleared: {OLD} cannot be polled now and is left; a new job is submitted "
                    "and paid."
                ),
            )
        ]

    def test_of_a_submit_whose_answer_was_lost(self, said: Callable[[], Any]) -> None:
        store = Store()
        job = kept(store, job_id=None, answer_lost=True)
        after_a_clear(Api(), store)
        assert said()[0] == (
            "WARNING",
            (
                f"The answer to a submit under trace id {job.trace_id} was lost; it is repeated under the "
                "same trace id, which starts no second job."
            ),
        )

    def test_of_a_submit_that_was_repeated_before(self, said: Callable[[], Any]) -> None:
        store = Store()
        job = kept(store, job_id=None, answer_lost=True, picked_up=True)
        after_a_clear(Api(), store)
        assert said() == [
            (
                "WARNING",
                (
                    f"The task was cleared: whether the submit under trace id {job.trace_id} has made a job "
                    "is not known, and a new job is submitted and paid."
                ),
            )
        ]


class TestARetry:
    @pytest.mark.parametrize(
        ("answer", "now", "reason"),
        [
            (video(8), NOW, f"{OLD} of an earlier attempt has failed and is refunded."),
            (video(6), NOW, f"{OLD} of an earlier attempt was deleted."),
            (
                video(5),
                LATER,
                (
                    f"{OLD} still runs two hours after its id arrived and is given up: PixVerse gives up and "
                    "refunds a job of that age."
                ),
            ),
        ],
        ids=["failed", "deleted", "old"],
    )
    def test_of_a_job_that_is_replaced(
        self, said: Callable[[], Any], answer: Any, now: float, reason: str
    ) -> None:
        store = Store()
        kept(store)
        find_or_submit(Api({OLD_ID: answer}), job_store(store, try_number=2), now=now)
        assert said() == [("WARNING", f"{reason} A new job is submitted, which is paid.")]

    def test_of_a_job_whose_failure_is_known_and_that_cannot_be_polled(self, said: Callable[[], Any]) -> None:
        store = Store()
        kept(store, outcome="failed", handed_over=True)
        find_or_submit(Api({OLD_ID: PixVerseTransientError("HTTP 502.")}), job_store(store, try_number=2))
        assert said()[1:] == [
            (
                "WARNING",
                (
                    f"{OLD} of an earlier attempt has failed and is refunded. A new job is submitted, which "
                    "is paid."
                ),
            )
        ]

    def test_whose_first_poll_fails(self, said: Callable[[], Any]) -> None:
        store = Store()
        kept(store)
        find_or_submit(Api({OLD_ID: PixVerseTransientError("HTTP 502.")}), job_store(store, try_number=2))
        assert said() == [
            ("INFO", f"The first poll of {OLD} failed, so it counts as running: HTTP 502."),
            ("INFO", f"{OLD} was submitted by an earlier attempt; nothing is paid again."),
        ]

    def test_with_another_input(self, said: Callable[[], Any]) -> None:
        store = Store()
        kept(store)
        find_or_submit(Api(), job_store(store, try_number=2, conn_id="another"))
        assert said() == [
            (
                "WARNING",
                (
                    f"The input or the connection of this task has changed since {OLD}, which is left as it "
                    "is: a new job is submitted and paid."
                ),
            )
        ]

    def test_without_a_record_whose_refusal_comes_back(self, said: Callable[[], Any]) -> None:
        refused = PixVersePermanentError("no", err_code=500090, proves_no_job=True)
        api = Api(submits=[refused])
        cleared = job_store(None, try_number=2, reuse_on_clear=True)
        find_or_submit(api, cleared)
        first, second = api.trace_ids
        assert said() == [
            ("INFO", f"Submitting the lip sync under trace id {first}."),
            ("INFO", "The refusal of an earlier attempt came back; the next trace id is used."),
            ("INFO", f"Submitting the lip sync under trace id {second}."),
        ]


ASKS_A_PERSON = (
    "The request to submit the lip sync under trace id {} got no answer, so a paid job may exist. Look for "
    "it at platform.pixverse.ai: where it is, go on with its id in PixVerseVideoSensor; where it is not, "
    "clear the task, which submits a new job and pays for it."
)


class TestErrors:
    def test_for_a_person_to_decide_at_once(self) -> None:
        lost = PixVerseAmbiguousSubmitError("The answer was lost.", http_status=502, trace_id="t")
        api = Api(submits=[lost])
        with pytest.raises(PixVerseUnresolvedSubmitError) as caught:
            find_or_submit(api, job_store(Store()), replay=False)
        error = caught.value
        assert str(error) == f"The answer was lost. {ASKS_A_PERSON.format(api.trace_ids[0])}"
        assert (error.http_status, error.trace_id, error.__cause__) == (502, api.trace_ids[0], lost)

    def test_that_may_be_transient_is_not_turned_into_one_for_a_person(self) -> None:
        lost = PixVerseAmbiguousSubmitError("The answer was lost.")
        with pytest.raises(PixVerseAmbiguousSubmitError) as caught:
            find_or_submit(Api(submits=[lost]), job_store(Store()))
        assert caught.value is lost
        unreachable = PixVerseTransientError("Not reached.")
        with pytest.raises(PixVerseTransientError) as raised:
            find_or_submit(Api(submits=[unreachable]), job_store(Store()), replay=False)
        assert raised.value is unreachable

    def test_for_a_person_to_decide_later(self) -> None:
        store = Store()
        job = kept(store, job_id=None, answer_lost=True)
        with pytest.raises(PixVerseUnresolvedSubmitError) as caught:
            find_or_submit(Api(), job_store(store, try_number=2), replay=False)
        assert str(caught.value) == f"An earlier attempt sent it. {ASKS_A_PERSON.format(job.trace_id)}"
        assert caught.value.trace_id == job.trace_id

    def test_of_a_gateway_after_a_lost_answer_does_not_end_the_task_for_good(self) -> None:
        store = Store()
        job = kept(store, job_id=None, answer_lost=True)
        bare = PixVersePermanentError("HTTP 404.", http_status=404, trace_id="t")
        with pytest.raises(PixVerseAmbiguousSubmitError) as caught:
            find_or_submit(Api(submits=[bare]), job_store(store, try_number=2))
        error = caught.value
        assert str(error) == (
            f"HTTP 404. A submit under trace id {job.trace_id} may have made a job all the same, which is "
            "then paid."
        )
        assert (error.err_code, error.http_status, error.trace_id) == (None, 404, job.trace_id)
        assert error.__cause__ is bare

    def test_of_a_price_above_the_limit(self) -> None:
        from pixverse_provider.api.generations import LipSyncRequest

        request = LipSyncRequest(
            video_media_id=1, lip_sync_tts_speaker_id="auto", lip_sync_tts_content="x" * 16
        )
        with pytest.raises(PixVerseError) as caught:
            find_or_submit(Api(), job_store(Store(), request=request), request=request, max_credits=7.5)
        assert str(caught.value) == (
            "The lip sync would cost 8 credits and max_credits is 7.5: nothing was submitted. Raise "
            "max_credits, or ask for less."
        )

    def test_a_price_that_is_not_known_is_said(self, said: Callable[[], Any]) -> None:
        find_or_submit(Api(), job_store(Store(), request=REQUEST), max_credits=7.5)
        assert said() == [
            (
                "INFO",
                (
                    "max_credits is not checked: the published prices do not tell beforehand what this lip "
                    "sync costs."
                ),
            )
        ]


class TestTheStore:
    def test_that_fails_after_a_submit_names_the_job(self, said: Callable[[], Any]) -> None:
        store = Store()
        store.broken = RuntimeError("away")
        job_store(store).save(record(job_id=7))
        job_store(store).save(record())
        job_store(store).save(record(job_id=7, handed_over=True))
        job_store(store).save(record(job_id=7, outcome="failed"))
        assert said() == [
            (
                "ERROR",
                (
                    "PixVerse job 7 (trace id t) is submitted and paid, but could not be written to the task "
                    "state store. A retry finds it by its trace id."
                ),
            ),
            ("ERROR", "The submit under trace id t could not be written to the task state store."),
            *[
                (
                    "ERROR",
                    (
                        "The end of PixVerse job 7 (trace id t) could not be written to the task state "
                        "store: the next clear may return it once more."
                    ),
                )
            ]
            * 2,
        ]

    def test_with_a_record_that_cannot_be_read(self, said: Callable[[], Any]) -> None:
        assert job_store(Store(pixverse_job={"trace_id": "t"})).load() is None
        assert said() == [
            (
                "WARNING",
                "The PixVerse job record of this task cannot be read and is left aside: {'trace_id': 't'}",
            )
        ]


def test_an_event_without_a_record_says_that_the_job_goes_on() -> None:
    with pytest.raises(PixVerseTriggerEventError) as caught:
        job_of_event({"trace_id": "t"})
    assert str(caught.value) == (
        "The event of the trigger holds no job record that this version understands "
        "(KeyError('submitted_at')). The job goes on; a retry finds it again."
    )
