"""When a wait looks again, and how it ends."""

from __future__ import annotations

import itertools
import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider import exceptions
from pixverse_provider.api.results import Video
from pixverse_provider.exceptions import (
    PixVerseAuthenticationError,
    PixVerseCapacityError,
    PixVerseConfigurationError,
    PixVerseError,
    PixVerseGenerationFailedError,
    PixVerseModerationError,
    PixVerseNotFoundError,
    PixVersePermanentError,
    PixVerseRateLimitError,
    PixVerseTransientError,
    PixVerseTriggerEventError,
    PixVerseVideoDeletedError,
    PixVerseWaitTimeoutError,
    error_from_dict,
)
from pixverse_provider.polling import (
    DEFAULT_WAIT_TIMEOUT,
    FIRST_LOOK_OF_A_TRIGGER,
    Outcome,
    VideoWatch,
    Wait,
    WaitResult,
    make_event,
    outcome_of,
    pause_at_age,
    read_event,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

START = 1_000_000.0
VIDEO_ID = 2**64 - 1
FAMILY = [getattr(exceptions, name) for name in exceptions.__all__ if name.startswith("PixVerse")]


def watch(*, timeout: float = 600.0, poll_interval: float | None = 5.0, jitter: float = 0.5) -> VideoWatch:
    return VideoWatch(
        VIDEO_ID,
        started_at=START,
        deadline=START + timeout,
        poll_interval=poll_interval,
        jitter=lambda: jitter,
    )


def video(status: int) -> Video:
    return Video(VIDEO_ID, status, url="https://media.pixverse.ai/a.mp4?Signature=s3cr3t")


def ended(step: Wait | WaitResult) -> WaitResult:
    assert isinstance(step, WaitResult)
    return step


def waiting(step: Wait | WaitResult) -> Wait:
    assert isinstance(step, Wait)
    return step


class TestStatuses:
    @pytest.mark.parametrize(
        ("status", "outcome"),
        [
            (1, Outcome.SUCCESS),
            (6, Outcome.DELETED),
            (7, Outcome.MODERATED),
            (8, Outcome.FAILED),
            *[(status, None) for status in (0, 2, 3, 4, 5, 9, 10, 17, 99, -1)],
        ],
    )
    def test_four_of_them_end_a_job_and_every_other_one_counts_as_running(
        self, status: int, outcome: Outcome | None
    ) -> None:
        assert outcome_of(status) is outcome
        step = watch().saw(video(status), START + 10)
        if outcome is None:
            assert waiting(step).seconds > 0
        else:
            result = ended(step)
            assert (result.outcome, result.video_id, result.waited) == (outcome, VIDEO_ID, 10.0)

    @pytest.mark.parametrize(
        ("outcome", "error_class", "at_once"),
        [
            (Outcome.FAILED, PixVerseGenerationFailedError, False),
            (Outcome.DELETED, PixVerseVideoDeletedError, False),
            (Outcome.MODERATED, PixVerseModerationError, True),
            (Outcome.TIMEOUT, PixVerseWaitTimeoutError, False),
        ],
    )
    def test_an_ending_is_an_error_that_names_the_video_and_says_whether_a_retry_helps(
        self, outcome: Outcome, error_class: type[PixVerseError], at_once: bool
    ) -> None:
        error = WaitResult(outcome, VIDEO_ID, 12.0).failure()
        assert type(error) is error_class
        assert error.video_id == VIDEO_ID
        assert str(VIDEO_ID) in str(error)
        assert isinstance(error, AirflowFailException) is at_once

    def test_what_a_retry_does_is_said_where_it_is_known(self) -> None:
        timeout = WaitResult(Outcome.TIMEOUT, 7, 12.0).failure(on_retry=" A retry waits on.")
        failed = WaitResult(Outcome.FAILED, 7, 12.0).failure(on_remake=" A retry pays.")
        assert "A retry waits on." in str(timeout)
        assert "A retry pays." in str(failed)

    def test_a_success_is_no_error(self) -> None:
        assert WaitResult(Outcome.SUCCESS, 7, 12.0, Video(7, 1)).failure() is None


class TestUnknownStatuses:
    def test_each_is_noticed_once(self) -> None:
        one = watch()
        notices = [
            waiting(one.saw(video(status), START + n)).notice for n, status in enumerate([9, 9, 5, 9, 10, 10])
        ]
        assert [bool(notice) for notice in notices] == [True, False, False, False, True, False]
        assert "status 9" in str(notices[0])
        assert str(VIDEO_ID) in str(notices[0])

    def test_they_are_named_when_the_deadline_comes(self) -> None:
        one = watch()
        for n, status in enumerate([9, 5, 10, 9]):
            one.saw(video(status), START + n)
        result = ended(one.saw(video(10), START + 600))
        assert result.outcome is Outcome.TIMEOUT
        assert result.unknown_statuses == (9, 10)
        assert "9, 10" in str(result.failure())


class TestErrorsThatPass:
    ERRORS = pytest.mark.parametrize(
        "error",
        [
            PixVerseTransientError("HTTP 502"),
            PixVerseCapacityError("busy", err_code=500069),
            PixVerseRateLimitError("slow down"),
        ],
        ids=lambda error: type(error).__name__,
    )

    @ERRORS
    def test_they_never_end_a_wait_before_its_deadline(self, error: PixVerseError) -> None:
        one, now, looks = watch(timeout=7200), START, 0
        while now < START + 7200:
            now += waiting(one.met(error, now)).seconds
            looks += 1
        result = ended(one.met(error, now))
        assert result.outcome is Outcome.TIMEOUT
        assert now == START + 7200
        assert looks > 7200 / 60
        assert str(error) in str(result.failure())

    @ERRORS
    def test_the_pauses_grow_up_to_a_minute_so_that_there_is_no_storm(self, error: PixVerseError) -> None:
        one = watch(poll_interval=5.0, jitter=1.0)
        pauses = [waiting(one.met(error, START)).seconds for _ in range(10)]
        assert pauses == [10, 20, 40, 60, 60, 60, 60, 60, 60, 60]

    @ERRORS
    def test_only_the_first_of_a_row_is_worth_a_line_in_the_log(self, error: PixVerseError) -> None:
        one = watch()
        notices = [waiting(one.met(error, START + n)).notice for n in range(3)]
        assert [bool(notice) for notice in notices] == [True, False, False]
        assert "can be read again" in str(waiting(one.saw(video(5), START + 4)).notice)
        assert waiting(one.saw(video(5), START + 5)).notice is None
        assert waiting(one.met(error, START + 6)).notice

    def test_a_good_look_puts_the_pauses_back(self) -> None:
        one = watch(poll_interval=5.0)
        for _ in range(5):
            one.met(PixVerseTransientError("HTTP 502"), START)
        assert waiting(one.saw(video(5), START)).seconds < 6
        assert waiting(one.met(PixVerseTransientError("HTTP 502"), START)).seconds <= 10

    def test_a_pause_that_the_service_asks_for_is_kept(self) -> None:
        step = waiting(watch().met(PixVerseRateLimitError("slow", retry_after=120), START))
        assert 120 <= step.seconds <= 132

    def test_they_are_no_reason_after_a_good_look(self) -> None:
        one = watch()
        one.met(PixVerseTransientError("HTTP 502 of long ago"), START)
        one.saw(video(5), START + 10)
        assert "long ago" not in str(ended(one.saw(video(5), START + 600)).failure())


class TestErrorsThatDoNotPass:
    @pytest.mark.parametrize(
        "error",
        [
            PixVerseAuthenticationError("wrong key"),
            PixVerseConfigurationError("no connection"),
            PixVersePermanentError("HTTP 404"),
            PixVerseModerationError("refused"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_they_end_the_wait_at_once_and_for_good(self, error: PixVerseError) -> None:
        result = ended(watch().met(error, START + 1))
        failure = result.failure()
        assert result.outcome is Outcome.ERROR
        assert type(failure) is type(error)
        assert str(error) in str(failure)
        assert str(VIDEO_ID) in str(failure)
        assert isinstance(failure, AirflowFailException)

    def test_an_id_that_is_not_found_is_given_a_few_looks_and_no_more(self) -> None:
        one = watch()
        for n in range(3):
            waiting(one.met(PixVerseNotFoundError("not found"), START + n))
        assert ended(one.met(PixVerseNotFoundError("not found"), START + 4)).outcome is Outcome.ERROR

    def test_an_id_that_was_found_in_between_is_given_them_again(self) -> None:
        one = watch()
        for n in range(3):
            one.met(PixVerseNotFoundError("not found"), START + n)
        one.saw(video(5), START + 3)
        assert isinstance(one.met(PixVerseNotFoundError("not found"), START + 4), Wait)


ANSWER_TAKES = 0.2


def looks_at(
    job_takes: float, jitter: Callable[[], float], *, poll_interval: float | None = None
) -> list[float]:
    """Return the moments, in seconds since the submit, at which an operator and its trigger see the job."""
    one = VideoWatch(
        VIDEO_ID,
        started_at=START + ANSWER_TAKES,
        deadline=START + DEFAULT_WAIT_TIMEOUT,
        poll_interval=poll_interval,
        submitted_at=START,
        jitter=jitter,
    )
    seen, pause = [ANSWER_TAKES], FIRST_LOOK_OF_A_TRIGGER
    while seen[-1] - ANSWER_TAKES < job_takes:
        asked = seen[-1] + pause
        seen.append(asked + ANSWER_TAKES)
        if asked < job_takes:
            pause = waiting(one.saw(video(5), START + seen[-1])).seconds
    return seen


class TestTheSchedule:
    @given(rng=st.randoms(use_true_random=False), job_takes=st.floats(88, 92))
    def test_a_job_of_a_minute_and_a_half_takes_at_most_twelve_requests_and_is_seen_within_three_seconds(
        self, rng: random.Random, job_takes: float
    ) -> None:
        seen = looks_at(job_takes, rng.random)
        assert len(seen) <= 12
        assert seen[-1] - job_takes < 3.2

    @given(rng=st.randoms(use_true_random=False), job_takes=st.floats(1, 7000))
    def test_a_job_of_any_length_is_seen_soon_after_its_end(
        self, rng: random.Random, job_takes: float
    ) -> None:
        seen = looks_at(job_takes, rng.random)
        assert seen[-1] - job_takes <= max(14.0, 0.03 * job_takes)

    @given(rng=st.randoms(use_true_random=False), job_takes=st.floats(1, 7000))
    def test_no_job_takes_more_requests_than_an_even_look_every_three_seconds(
        self, rng: random.Random, job_takes: float
    ) -> None:
        assert len(looks_at(job_takes, rng.random)) <= 3 + job_takes / 3

    @given(age=st.floats(-60, 1e6))
    def test_a_pause_is_never_too_short_nor_longer_than_a_minute_whatever_the_clock_says(
        self, age: float
    ) -> None:
        assert 2.5 <= pause_at_age(age) <= 60

    def test_an_interval_that_is_set_counts_at_every_age(self) -> None:
        seen = looks_at(300, lambda: 0.0, poll_interval=20.0)
        pauses = [later - earlier for earlier, later in itertools.pairwise(seen[1:])]
        assert pauses == pytest.approx([20.0 + ANSWER_TAKES] * len(pauses))

    def test_without_the_moment_of_the_submit_the_beginning_of_the_wait_counts(self) -> None:
        one = watch(poll_interval=None, jitter=0.0)
        assert waiting(one.saw(video(5), START + 80)).seconds == pause_at_age(80)
        one.submitted_at = START - 520
        assert waiting(one.saw(video(5), START + 80)).seconds == pause_at_age(600)

    def test_after_errors_the_pauses_grow_to_a_minute(self) -> None:
        one = watch(poll_interval=None, jitter=1.0)
        error = PixVerseTransientError("HTTP 502")
        pauses = [waiting(one.met(error, START + 90)).seconds for _ in range(5)]
        assert pauses == [10, 20, 40, 60, 60]

    @given(age=st.floats(0, 7000), errors=st.integers(1, 10), jitter=st.floats(0, 1))
    def test_an_error_never_makes_a_look_come_sooner(self, age: float, errors: int, jitter: float) -> None:
        one = watch(poll_interval=None, jitter=jitter, timeout=10_000)
        without = waiting(one.saw(video(5), START + age)).seconds
        for _ in range(errors):
            pause = waiting(one.met(PixVerseTransientError("HTTP 502"), START + age)).seconds
            assert pause >= without


STEPS = st.lists(
    st.sampled_from(
        [
            video(5),
            video(9),
            PixVerseTransientError("HTTP 502"),
            PixVerseRateLimitError("slow down"),
            PixVerseRateLimitError("slow down", retry_after=1e9),
            PixVerseCapacityError("busy", retry_after=0.0),
        ]
    ),
    max_size=40,
)


class TestTheDeadline:
    @given(steps=STEPS, timeout=st.floats(0.1, 300), interval=st.floats(1, 60), jitter=st.floats(0, 1))
    def test_no_pause_goes_beyond_it_and_the_last_look_is_made_then(
        self, steps: list[Any], timeout: float, interval: float, jitter: float
    ) -> None:
        one, now = watch(timeout=timeout, poll_interval=interval, jitter=jitter), START
        for seen in steps:
            step = one.saw(seen, now) if isinstance(seen, Video) else one.met(seen, now)
            if isinstance(step, WaitResult):
                assert step.outcome is Outcome.TIMEOUT
                assert now >= START + timeout
                return
            assert step.seconds > 0
            now += step.seconds
            assert now <= START + timeout + 1e-6

    def test_a_video_that_is_done_at_the_deadline_is_a_success(self) -> None:
        one = watch(timeout=60)
        pause = waiting(one.saw(video(5), START + 58)).seconds
        assert pause == pytest.approx(2.0)
        assert ended(one.saw(video(1), START + 60)).outcome is Outcome.SUCCESS

    def test_a_video_that_is_done_long_after_is_one_as_well(self) -> None:
        assert ended(watch(timeout=60).saw(video(1), START + 9999)).outcome is Outcome.SUCCESS

    @pytest.mark.parametrize(
        ("not_before", "now", "pause"),
        [
            (START + 7, START, 7.0),
            (START + 7, START + 3, 4.0),
            (START + 7, START + 9, 0.0),
            (0.0, START, 0.0),
            (START + 7000, START, 600.0),
        ],
    )
    def test_the_first_look_comes_not_too_early_and_not_after_the_deadline(
        self, not_before: float, now: float, pause: float
    ) -> None:
        one = watch()
        one.not_before = not_before
        assert one.first_look(now) == pause

    def test_waits_that_began_together_drift_apart(self) -> None:
        pauses = {waiting(watch(jitter=n / 10).saw(video(5), START)).seconds for n in range(10)}
        assert len(pauses) == 10
        assert 5.0 <= min(pauses) <= max(pauses) <= 5.5


RESULTS = st.builds(
    WaitResult,
    outcome=st.sampled_from(Outcome),
    video_id=st.integers(1, 2**64 - 1),
    waited=st.floats(0, 1e6),
    video=st.none() | st.builds(Video, st.integers(1, 2**64 - 1), st.integers(0, 20), prompt=st.text()),
    error=st.none(),
    unknown_statuses=st.lists(st.integers(-5, 50)).map(tuple),
)


class TestEvents:
    @given(
        results=st.lists(RESULTS, min_size=1, max_size=4),
        job=st.none() | st.just({"trace_id": "t", "epoch": None}),
    )
    def test_an_event_comes_back_from_the_database_as_it_went(
        self, results: list[WaitResult], job: dict[str, Any] | None
    ) -> None:
        event = json.loads(json.dumps(make_event(results, job)))
        assert read_event(event) == (results, job)

    def test_the_error_comes_back_as_well(self) -> None:
        error = PixVerseAuthenticationError("wrong key", err_code=400012, http_status=200, trace_id="t")
        result = WaitResult(Outcome.ERROR, VIDEO_ID, 1.0, error=error)
        (back,), _ = read_event(json.loads(json.dumps(make_event([result], None))))
        assert back.error is not None
        assert type(back.error) is PixVerseAuthenticationError
        assert back.error.to_dict() == error.to_dict()

    def test_no_signed_url_is_kept_in_the_database(self) -> None:
        event = make_event([WaitResult(Outcome.SUCCESS, VIDEO_ID, 1.0, video(1))], None)
        assert "Signature" not in json.dumps(event)

    GOOD = make_event([WaitResult(Outcome.SUCCESS, 7, 1.0, Video(7, 1))], None)

    @pytest.mark.parametrize(
        "event",
        [
            None,
            "done",
            5,
            [],
            {},
            {"status": "success"},
            {"results": None, "job": None},
            {"results": [], "job": None},
            {"results": "x", "job": None},
            {"results": [None], "job": None},
            {"results": [{}], "job": None},
            {"results": GOOD["results"]},
            {"results": GOOD["results"], "job": 5},
            {"results": GOOD["results"], "job": "text"},
            {"results": [GOOD["results"][0] | {"outcome": "splendid"}], "job": None},
            {"results": [GOOD["results"][0] | {"video_id": "x"}], "job": None},
            {"results": [GOOD["results"][0] | {"video_id": None}], "job": None},
            {"results": [GOOD["results"][0] | {"waited": "long"}], "job": None},
            {"results": [GOOD["results"][0] | {"video": {"status": 1}}], "job": None},
            {"results": [GOOD["results"][0] | {"video": "x"}], "job": None},
            {"results": [GOOD["results"][0] | {"error": "x"}], "job": None},
            {
                "results": [GOOD["results"][0] | {"error": {"type": "PixVerseError", "video_id": "x"}}],
                "job": None,
            },
            {"results": [GOOD["results"][0] | {"unknown_statuses": None}], "job": None},
        ],
        ids=repr,
    )
    def test_rubbish_is_told_from_an_event_and_a_retry_helps(self, event: Any) -> None:
        with pytest.raises(PixVerseTriggerEventError, match="a retry waits for them again") as caught:
            read_event(event)
        assert not isinstance(caught.value, AirflowFailException)


class TestErrorsThatTravel:
    @pytest.mark.parametrize("error_class", FAMILY)
    @pytest.mark.parametrize("video_id", [None, VIDEO_ID])
    def test_every_error_survives_json(self, error_class: type[PixVerseError], video_id: int | None) -> None:
        error = error_class(
            "what happened", err_code=500044, http_status=200, trace_id="t", video_id=video_id
        )
        back = error_from_dict(json.loads(json.dumps(error.to_dict())))
        assert type(back) is error_class
        assert str(back) == "what happened"
        assert (back.err_code, back.http_status, back.trace_id, back.video_id) == (500044, 200, "t", video_id)

    @pytest.mark.parametrize("error_class", FAMILY)
    def test_every_error_survives_a_pickle(self, error_class: type[PixVerseError]) -> None:
        error = error_class("what happened", err_code=500044, retry_after=3.0, video_id=VIDEO_ID)
        back = pickle.loads(pickle.dumps(error))  # noqa: S301 - of our own making
        assert type(back) is error_class
        assert (str(back), back.err_code, back.retry_after, back.video_id, back.answer_lost) == (
            "what happened",
            500044,
            3.0,
            VIDEO_ID,
            False,
        )

    @pytest.mark.parametrize("name", ["PixVerseErrorOfTomorrow", "ValueError", "", None, "dict"])
    def test_an_error_of_another_version_is_still_an_error_of_the_family(self, name: Any) -> None:
        assert type(error_from_dict({"type": name, "message": "what happened"})) is PixVerseError
