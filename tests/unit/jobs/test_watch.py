"""When a wait polls again, and what ends it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.results import ImageResult, Video
from pixverse_provider.exceptions import (
    PixVerseAuthenticationError,
    PixVerseCapacityError,
    PixVerseConfigurationError,
    PixVerseConnectionNotFoundError,
    PixVerseError,
    PixVerseModerationError,
    PixVerseNotFoundError,
    PixVersePermanentError,
    PixVersePlanError,
    PixVerseRateLimitError,
    PixVerseTransientError,
)
from pixverse_provider.jobs.log_lines import TELL_EVERY
from pixverse_provider.jobs.outcome import Outcome, WaitResult
from pixverse_provider.jobs.watch import (
    DEFAULT_WAIT_TIMEOUT,
    FIRST_POLL_OF_A_TRIGGER,
    GIVE_UP_AGE,
    MISSING_CONNECTION_SECONDS,
    BalanceResult,
    BalanceWatch,
    JobWatch,
    Wait,
    pause_at_age,
    poll_once,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

START = 1_000_000.0
VIDEO_ID = 2**64 - 1
URL = "https://media.pixverse.ai/a.mp4?Signature=s3cr3t"


def watch(
    *, timeout: float = 600.0, poll_interval: float | None = 5.0, jitter: float = 0.5, **fields: Any
) -> JobWatch:
    return JobWatch(
        VIDEO_ID,
        deadline=START + timeout,
        poll_interval=poll_interval,
        jitter=lambda: jitter,
        **{"started_at": START} | fields,
    )


def balance_watch(*, timeout: float = 3600.0, poll_interval: float = 5.0) -> BalanceWatch:
    return BalanceWatch(
        100,
        started_at=START,
        deadline=START + timeout,
        poll_interval=poll_interval,
        jitter=lambda: 0.5,
    )


def video(status: int) -> Video:
    return Video(VIDEO_ID, status, url=URL)


def ended(step: Wait | WaitResult) -> WaitResult:
    assert isinstance(step, WaitResult)
    return step


def waiting(step: Wait | WaitResult | BalanceResult) -> Wait:
    assert isinstance(step, Wait)
    return step


def bare(status: int) -> PixVerseError:
    """Return what a status without an envelope is read as."""
    if status in (401, 403):
        return PixVerseAuthenticationError(f"HTTP {status}", http_status=status)
    return PixVersePermanentError(f"HTTP {status}", http_status=status)


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
        step = watch().on_result(video(status), START + 10)
        if outcome is None:
            assert waiting(step).seconds > 0
        else:
            result = ended(step)
            assert (result.outcome, result.job_id, result.waited) == (outcome, VIDEO_ID, 10.0)


class TestASuccessWithoutAUrl:
    @pytest.mark.parametrize("media_type", ["video", "image"])
    def test_is_not_done_is_noticed_once_and_is_done_once_there_is_one(self, media_type: Any) -> None:
        one = watch(media_type=media_type)
        result_class = Video if media_type == "video" else ImageResult
        notices = [waiting(one.on_result(result_class(VIDEO_ID, 1), START + n)).notice for n in range(3)]
        assert notices == [
            f"PixVerse {media_type} {VIDEO_ID} is done but has no URL yet; it is polled until it has one.",
            None,
            None,
        ]
        result = ended(one.on_result(result_class(VIDEO_ID, 1, url=URL), START + 4))
        assert (result.outcome, result.media_type) == (Outcome.SUCCESS, media_type)

    @pytest.mark.parametrize("media_type", ["video", "image"])
    def test_is_named_when_the_deadline_comes(self, media_type: Any) -> None:
        one = watch(media_type=media_type)
        result_class = Video if media_type == "video" else ImageResult
        result = ended(one.on_result(result_class(VIDEO_ID, 1), START + 600))
        assert result.outcome is Outcome.TIMEOUT
        assert "says that it is done, but has given no URL" in str(result.failure())


class TestUnknownStatuses:
    def test_each_is_noticed_once(self) -> None:
        one = watch()
        notices = [
            waiting(one.on_result(video(status), START + n)).notice
            for n, status in enumerate([9, 9, 5, 9, 10, 10])
        ]
        named = f"PixVerse video {VIDEO_ID} has status"
        assert notices == [
            f"{named} 9, which PixVerse does not document; it counts as running.",
            None,
            f"{named} 5 now.",
            f"{named} 9 now.",
            f"{named} 10, which PixVerse does not document; it counts as running.",
            None,
        ]

    def test_only_what_is_new_about_one_may_be_wrong(self) -> None:
        one = watch()
        steps = [waiting(one.on_result(video(status), START + n)) for n, status in enumerate([9, 5, 9])]
        assert [step.warns for step in steps] == [True, False, False]

    def test_they_are_named_when_the_deadline_comes(self) -> None:
        one = watch()
        for n, status in enumerate([9, 5, 10, 9]):
            one.on_result(video(status), START + n)
        result = ended(one.on_result(video(10), START + 600))
        assert result.outcome is Outcome.TIMEOUT
        assert result.unknown_statuses == (9, 10)
        assert "9, 10" in str(result.failure())

    def test_one_that_comes_first_at_the_deadline_is_named_as_well(self) -> None:
        result = ended(watch().on_result(video(9), START + 600))
        assert result.unknown_statuses == (9,)


TRANSIENT = pytest.mark.parametrize(
    "error",
    [
        PixVerseTransientError("HTTP 502"),
        PixVerseCapacityError("busy", err_code=500069),
        PixVerseRateLimitError("slow down"),
    ],
    ids=lambda error: type(error).__name__,
)


def lines_of(one: JobWatch | BalanceWatch, answer: Any, *, seconds: float) -> list[tuple[float, str]]:
    """Return when a wait has said what, where each poll brings the same."""
    polled: Any = one.on_balance if isinstance(one, BalanceWatch) else one.on_result
    take = one.on_error if isinstance(answer, PixVerseError) else polled
    now, lines = START, []
    while now < START + seconds:
        step: Any = take(answer, now)
        if waiting(step).notice:
            lines.append((now - START, step.notice))
        now += step.seconds
    return lines


class TestAWaitThatGoesOn:
    @pytest.mark.parametrize("poll_interval", [1.0, 7.0, 60.0, 280.0, None])
    def test_says_so_at_least_every_five_minutes_and_no_more_often_than_it_has_to(
        self, poll_interval: float | None
    ) -> None:
        one = watch(timeout=7200, poll_interval=poll_interval)
        told = [seconds for seconds, _ in lines_of(one, video(5), seconds=7100)]
        gaps = [later - earlier for earlier, later in itertools.pairwise([0.0, *told])]
        assert max(gaps) <= TELL_EVERY
        assert min(gaps[1:]) >= TELL_EVERY - 1.1 * (poll_interval or 60)

    def test_says_for_how_long_since_the_submit(self) -> None:
        one = watch(timeout=7200, poll_interval=60.0, jitter=0.0, submitted_at=START - 3600)
        assert lines_of(one, video(5), seconds=301) == [
            (300.0, f"PixVerse video {VIDEO_ID} is not done after 65 min.")
        ]

    def test_says_since_when_it_began_where_that_is_all_it_knows(self) -> None:
        one = watch(timeout=7200, poll_interval=70.0, jitter=0.0)
        assert lines_of(one, video(5), seconds=300) == [
            (280.0, f"PixVerse video {VIDEO_ID} is not done after 4 min 40 s.")
        ]

    def test_says_with_a_warning_what_the_last_poll_failed_with(self) -> None:
        one = watch(timeout=7200, poll_interval=10.0)
        failed = PixVerseTransientError("HTTP 502")
        lines = lines_of(one, failed, seconds=1200)
        assert lines[0] == (0.0, "Polling again later: HTTP 502")
        assert all(line.endswith("The last poll failed: HTTP 502") for _, line in lines[1:])
        assert len(lines) >= 4
        assert waiting(one.on_error(failed, START + 3000)).warns

    def test_in_another_process_says_so_with_its_first_poll_where_it_is_time(self) -> None:
        one = watch(timeout=7200, started_at=START - 1000)
        assert waiting(one.on_result(video(5), START)).notice == (
            f"PixVerse video {VIDEO_ID} is not done after 16 min 40 s."
        )

    def test_says_what_has_changed_and_that_it_goes_on_in_one_line(self) -> None:
        one = watch(timeout=7200, started_at=START - 1000)
        name = f"PixVerse video {VIDEO_ID}"
        assert waiting(one.on_result(video(9), START)).notice == (
            f"{name} has status 9, which PixVerse does not document; it counts as running. "
            f"{name} is not done after 16 min 40 s."
        )

    def test_leaves_it_to_somebody_else_where_many_jobs_are_waited_for(self) -> None:
        one = watch(timeout=7200, tells_progress=False)
        assert lines_of(one, video(5), seconds=7000) == []

    def test_for_credits_says_how_many_there_are(self) -> None:
        one = BalanceWatch(100, started_at=START, poll_interval=100.0, jitter=lambda: 0.0)
        assert lines_of(one, 7, seconds=600) == [
            (0.0, "After 0 s there are 7 credits, and 100 are waited for."),
            (300.0, "After 5 min there are 7 credits, and 100 are waited for."),
        ]

    def test_for_credits_says_so_when_there_are_others(self) -> None:
        one = balance_watch()
        notices = [waiting(one.on_balance(there_are, START + 9)).notice for there_are in (7, 7, 8)]
        assert notices == [
            "After 9 s there are 7 credits, and 100 are waited for.",
            None,
            "After 9 s there are 8 credits, and 100 are waited for.",
        ]


class TestTransientErrors:
    @TRANSIENT
    def test_they_never_end_a_wait_before_its_deadline(self, error: PixVerseError) -> None:
        one, now, polls = watch(timeout=7200), START, 0
        while now < START + 7200:
            now += waiting(one.on_error(error, now)).seconds
            polls += 1
        result = ended(one.on_error(error, now))
        assert result.outcome is Outcome.TIMEOUT
        assert now == START + 7200
        assert polls > 7200 / 60
        assert str(error) in str(result.failure())

    @TRANSIENT
    def test_the_pauses_grow_up_to_a_minute_so_that_there_is_no_storm(self, error: PixVerseError) -> None:
        one = watch(poll_interval=5.0, jitter=1.0)
        pauses = [waiting(one.on_error(error, START)).seconds for _ in range(10)]
        assert pauses == [10, 20, 40, 60, 60, 60, 60, 60, 60, 60]

    @TRANSIENT
    def test_only_the_first_of_a_row_is_worth_a_line_in_the_log(self, error: PixVerseError) -> None:
        one = watch()
        notices = [waiting(one.on_error(error, START + n)).notice for n in range(3)]
        assert [bool(notice) for notice in notices] == [True, False, False]
        again = waiting(one.on_result(video(5), START + 4))
        assert (again.notice, again.warns) == (f"PixVerse video {VIDEO_ID} can be read again.", False)
        assert waiting(one.on_result(video(5), START + 5)).notice is None
        assert waiting(one.on_error(error, START + 6)).notice

    def test_a_poll_that_works_puts_the_pauses_back(self) -> None:
        one = watch(poll_interval=5.0)
        for _ in range(5):
            one.on_error(PixVerseTransientError("HTTP 502"), START)
        assert waiting(one.on_result(video(5), START)).seconds < 6
        assert waiting(one.on_error(PixVerseTransientError("HTTP 502"), START)).seconds <= 10

    def test_a_pause_that_the_service_asks_for_is_kept(self) -> None:
        step = waiting(watch().on_error(PixVerseRateLimitError("slow", retry_after=120), START))
        assert 120 <= step.seconds <= 132

    def test_they_are_no_reason_after_a_poll_that_works(self) -> None:
        one = watch()
        one.on_error(PixVerseTransientError("HTTP 502 of long ago"), START)
        one.on_result(video(5), START + 10)
        assert "long ago" not in str(ended(one.on_result(video(5), START + 600)).failure())


REFUSALS = pytest.mark.parametrize(
    "error",
    [
        *(bare(status) for status in (401, 403, 404, 408)),
        PixVersePlanError("refused", err_code=500020),
        PixVerseModerationError("refused", err_code=500063),
        PixVerseNotFoundError("not found", err_code=500008),
    ],
    ids=str,
)


class TestRefusals:
    """The one rule, for a job and for the balance."""

    @REFUSALS
    def test_two_in_a_row_are_forgiven_and_the_third_ends_the_wait_for_good(
        self, error: PixVerseError
    ) -> None:
        one = watch()
        for n in range(2):
            waiting(one.on_error(error, START + n))
        result = ended(one.on_error(error, START + 2))
        assert (result.outcome, result.error) == (Outcome.ERROR, error)

    @REFUSALS
    def test_so_it_is_for_the_balance(self, error: PixVerseError) -> None:
        one = balance_watch()
        for n in range(2):
            waiting(one.on_error(error, START + n))
        result = one.on_error(error, START + 2)
        assert isinstance(result, BalanceResult)
        assert (result.final, result.error, result.enough) == (True, error, False)

    @REFUSALS
    @pytest.mark.parametrize("between", ["a poll that works", "a transient error", "a missing connection"])
    def test_the_count_starts_anew_after_something_else(self, error: PixVerseError, between: str) -> None:
        one, other = watch(), balance_watch()
        for n in range(0, 30, 3):
            for step in (one.on_error(error, START + n), one.on_error(error, START + n + 1)):
                waiting(step)
            for balance_step in (other.on_error(error, START + n), other.on_error(error, START + n + 1)):
                waiting(balance_step)
            if between == "a poll that works":
                waiting(one.on_result(video(5), START + n + 2))
                waiting(other.on_balance(5, START + n + 2))
            else:
                passing = (
                    PixVerseTransientError("HTTP 502")
                    if between == "a transient error"
                    else PixVerseConnectionNotFoundError("away")
                )
                waiting(one.on_error(passing, START + n + 2))
                waiting(other.on_error(passing, START + n + 2))

    def test_a_connection_that_cannot_be_used_has_as_long_as_one_that_is_missing(self) -> None:
        one, unusable = watch(), PixVerseConfigurationError("no key")
        for n in range(5):
            waiting(one.on_error(unusable, START + n))
        waiting(one.on_error(unusable, START + MISSING_CONNECTION_SECONDS - 1))
        assert ended(one.on_error(unusable, START + MISSING_CONNECTION_SECONDS)).outcome is Outcome.ERROR

    def test_refusals_of_different_kinds_count_together(self) -> None:
        one = watch()
        for status in (401, 404):
            waiting(one.on_error(bare(status), START))
        assert ended(one.on_error(bare(408), START)).outcome is Outcome.ERROR

    @pytest.mark.parametrize("err_code", [10001, 10002, 10003, 10004, 10005, 400012])
    def test_a_key_that_pixverse_itself_refuses_ends_the_wait_at_once(self, err_code: int) -> None:
        error = PixVerseAuthenticationError("wrong key", err_code=err_code)
        assert ended(watch().on_error(error, START)).outcome is Outcome.ERROR
        result = balance_watch().on_error(error, START)
        assert isinstance(result, BalanceResult)
        assert result.final is True

    def test_only_after_a_refusal_may_another_poll_bring_a_verdict(self) -> None:
        one = watch()
        pauses = [one.pause_for_a_verdict]
        for answer in (PixVerseTransientError("HTTP 502"), bare(403), video(5)):
            one.on_result(answer, START) if isinstance(answer, Video) else one.on_error(answer, START)
            pauses.append(one.pause_for_a_verdict)
        assert pauses == [None, None, 2.0, None]


class TestAMissingConnection:
    ERROR = PixVerseConnectionNotFoundError("The Airflow connection 'pixverse_eu' does not exist")

    @pytest.mark.parametrize(
        ("times", "gives_up"),
        [
            ((0, 60, 120), True),
            ((0, 119.9, 120), True),
            ((0, 1, 2, 3, 60, 119.9), False),
            ((0, 500), False),
            ((0, 1, 500), True),
        ],
    )
    def test_is_given_up_after_three_reads_over_at_least_two_minutes(
        self, times: tuple[float, ...], *, gives_up: bool
    ) -> None:
        one, other = watch(), balance_watch()
        for after in times[:-1]:
            waiting(one.on_error(self.ERROR, START + after))
            waiting(other.on_error(self.ERROR, START + after))
        step = one.on_error(self.ERROR, START + times[-1])
        balance_step = other.on_error(self.ERROR, START + times[-1])
        assert isinstance(step, WaitResult) is gives_up
        assert isinstance(balance_step, BalanceResult) is gives_up
        if gives_up:
            assert ended(step).outcome is Outcome.ERROR
            assert "'pixverse_eu'" in str(ended(step).failure())
            assert str(VIDEO_ID) in str(ended(step).failure())

    @pytest.mark.parametrize(
        "between", [PixVerseTransientError("HTTP 502"), bare(403)], ids=["a transient error", "a refusal"]
    )
    def test_the_two_minutes_begin_anew_after_something_else(self, between: PixVerseError) -> None:
        one = watch()
        for after in (0, 60):
            waiting(one.on_error(self.ERROR, START + after))
        waiting(one.on_error(between, START + 119))
        for after in (120, 180, 239):
            waiting(one.on_error(self.ERROR, START + after))
        assert ended(one.on_error(self.ERROR, START + 240)).outcome is Outcome.ERROR

    def test_and_after_it_could_be_read(self) -> None:
        one = watch()
        for after in (0, 60):
            waiting(one.on_error(self.ERROR, START + after))
        waiting(one.on_result(video(5), START + 119))
        waiting(one.on_error(self.ERROR, START + 400))

    def test_three_polls_a_minute_apart_bring_a_verdict(self) -> None:
        one, now = watch(), START
        step = one.on_error(self.ERROR, now)
        while isinstance(step, Wait):
            assert one.pause_for_a_verdict == 60.0
            now += 60.0
            step = one.on_error(self.ERROR, now)
        assert now == START + 120

    def test_at_the_deadline_of_the_wait_it_is_a_timeout_that_names_it(self) -> None:
        one = watch(timeout=30)
        waiting(one.on_error(self.ERROR, START))
        result = ended(one.on_error(self.ERROR, START + 30))
        assert result.outcome is Outcome.TIMEOUT
        assert "'pixverse_eu'" in str(result.failure())


class TestGivingUp:
    def test_a_job_that_still_runs_two_hours_after_its_id_arrived_is_given_up(self) -> None:
        one = watch(timeout=99_999, give_up_at=START + GIVE_UP_AGE)
        waiting(one.on_result(video(5), START + GIVE_UP_AGE - 1))
        result = ended(one.on_result(video(5), START + GIVE_UP_AGE))
        assert result.outcome is Outcome.GIVEN_UP
        assert "two hours" in str(result.failure())

    @pytest.mark.parametrize("status", [1, 6, 7, 8])
    def test_one_that_is_over_by_then_has_its_own_end(self, status: int) -> None:
        one = watch(timeout=99_999, give_up_at=START)
        assert ended(one.on_result(video(status), START + 1)).outcome is not Outcome.GIVEN_UP

    def test_a_status_that_nobody_knows_and_a_success_without_a_url_are_given_up_as_well(self) -> None:
        for result in (video(9), Video(VIDEO_ID, 1)):
            one = watch(timeout=99_999, give_up_at=START)
            assert ended(one.on_result(result, START + 1)).outcome is Outcome.GIVEN_UP

    def test_a_poll_that_fails_at_that_age_is_no_proof(self) -> None:
        one = watch(timeout=99_999, give_up_at=START)
        waiting(one.on_error(PixVerseTransientError("HTTP 502"), START + 1))
        waiting(one.on_error(bare(404), START + 2))
        assert ended(one.on_result(video(5), START + 3)).outcome is Outcome.GIVEN_UP

    def test_at_the_deadline_of_the_attempt_an_old_job_is_given_up_and_not_waited_for_again(self) -> None:
        one = watch(give_up_at=START + 600)
        assert ended(one.on_result(video(5), START + 600)).outcome is Outcome.GIVEN_UP

    def test_a_poll_is_made_when_a_job_is_old_enough_and_not_a_pause_later(self) -> None:
        one = watch(timeout=99_999, poll_interval=60.0, give_up_at=START + 100)
        assert waiting(one.on_result(video(5), START + 95)).seconds == 5
        one = watch(timeout=99_999, poll_interval=60.0, give_up_at=START + 100)
        assert waiting(one.on_error(PixVerseTransientError("HTTP 502"), START + 95)).seconds == 5

    def test_after_that_time_polls_that_fail_are_no_storm(self) -> None:
        one = watch(timeout=99_999, poll_interval=5.0, jitter=1.0, give_up_at=START)
        pauses = [
            waiting(one.on_error(PixVerseTransientError("HTTP 502"), START + 1)).seconds for _ in range(4)
        ]
        assert pauses == [10, 20, 40, 60]

    def test_where_the_age_is_not_known_as_in_a_sensor_nothing_is_given_up(self) -> None:
        one = watch(timeout=9e9)
        waiting(one.on_result(video(5), START + 9 * GIVE_UP_AGE))


ANSWER_TAKES = 0.2


def polls_at(
    job_takes: float, jitter: Callable[[], float], *, poll_interval: float | None = None
) -> list[float]:
    """Return the times, in seconds since the submit, at which an operator and its trigger poll the job."""
    one = JobWatch(
        VIDEO_ID,
        started_at=START + ANSWER_TAKES,
        deadline=START + DEFAULT_WAIT_TIMEOUT,
        poll_interval=poll_interval,
        submitted_at=START,
        jitter=jitter,
    )
    polls, pause = [ANSWER_TAKES], FIRST_POLL_OF_A_TRIGGER
    while polls[-1] - ANSWER_TAKES < job_takes:
        asked = polls[-1] + pause
        polls.append(asked + ANSWER_TAKES)
        if asked < job_takes:
            pause = waiting(one.on_result(video(5), START + polls[-1])).seconds
    return polls


class TestTheSchedule:
    @given(rng=st.randoms(use_true_random=False), job_takes=st.floats(88, 92))
    def test_a_job_of_a_minute_and_a_half_takes_at_most_twelve_polls_and_is_found_within_three_seconds(
        self, rng: random.Random, job_takes: float
    ) -> None:
        polls = polls_at(job_takes, rng.random)
        assert len(polls) <= 12
        assert polls[-1] - job_takes < 3.2

    @given(rng=st.randoms(use_true_random=False), job_takes=st.floats(1, 7000))
    def test_a_job_of_any_length_is_found_soon_after_its_end(
        self, rng: random.Random, job_takes: float
    ) -> None:
        polls = polls_at(job_takes, rng.random)
        assert polls[-1] - job_takes <= max(14.0, 0.03 * job_takes)

    @given(rng=st.randoms(use_true_random=False), job_takes=st.floats(1, 7000))
    def test_no_job_takes_more_polls_than_an_even_one_every_three_seconds(
        self, rng: random.Random, job_takes: float
    ) -> None:
        assert len(polls_at(job_takes, rng.random)) <= 3 + job_takes / 3

    @given(age=st.floats(-60, 1e6))
    def test_a_pause_is_never_too_short_nor_longer_than_a_minute_whatever_the_clock_says(
        self, age: float
    ) -> None:
        assert 2.5 <= pause_at_age(age) <= 60

    def test_an_interval_that_is_set_counts_at_every_age(self) -> None:
        polls = polls_at(300, lambda: 0.0, poll_interval=20.0)
        pauses = [later - earlier for earlier, later in itertools.pairwise(polls[1:])]
        assert pauses == pytest.approx([20.0 + ANSWER_TAKES] * len(pauses))

    def test_without_the_time_of_the_submit_the_beginning_of_the_wait_counts(self) -> None:
        one = watch(poll_interval=None, jitter=0.0)
        assert waiting(one.on_result(video(5), START + 80)).seconds == pause_at_age(80)
        one.submitted_at = START - 520
        assert waiting(one.on_result(video(5), START + 80)).seconds == pause_at_age(600)

    def test_after_errors_the_pauses_grow_to_a_minute(self) -> None:
        one = watch(poll_interval=None, jitter=1.0)
        error = PixVerseTransientError("HTTP 502")
        pauses = [waiting(one.on_error(error, START + 90)).seconds for _ in range(5)]
        assert pauses == [10, 20, 40, 60, 60]

    @given(age=st.floats(0, 7000), errors=st.integers(1, 10), jitter=st.floats(0, 1))
    def test_an_error_never_makes_a_poll_come_sooner(self, age: float, errors: int, jitter: float) -> None:
        one = watch(poll_interval=None, jitter=jitter, timeout=10_000)
        without = waiting(one.on_result(video(5), START + age)).seconds
        for _ in range(errors):
            pause = waiting(one.on_error(PixVerseTransientError("HTTP 502"), START + age)).seconds
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
    def test_no_pause_goes_beyond_it_and_the_last_poll_is_made_then(
        self, steps: list[Any], timeout: float, interval: float, jitter: float
    ) -> None:
        one, now = watch(timeout=timeout, poll_interval=interval, jitter=jitter), START
        for answer in steps:
            step = one.on_result(answer, now) if isinstance(answer, Video) else one.on_error(answer, now)
            if isinstance(step, WaitResult):
                assert step.outcome is Outcome.TIMEOUT
                assert now >= START + timeout
                return
            assert step.seconds > 0
            now += step.seconds
            assert now <= START + timeout + 1e-6

    def test_a_video_that_is_done_at_the_deadline_is_a_success(self) -> None:
        one = watch(timeout=60)
        pause = waiting(one.on_result(video(5), START + 58)).seconds
        assert pause == pytest.approx(2.0)
        assert ended(one.on_result(video(1), START + 60)).outcome is Outcome.SUCCESS

    def test_a_video_that_is_done_long_after_is_one_as_well(self) -> None:
        assert ended(watch(timeout=60).on_result(video(1), START + 9999)).outcome is Outcome.SUCCESS

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
    def test_the_first_poll_comes_not_too_early_and_not_after_the_deadline(
        self, not_before: float, now: float, pause: float
    ) -> None:
        one = watch()
        one.not_before = not_before
        assert one.first_poll(now) == pause

    def test_where_another_keeps_it_the_wait_ends_in_a_timeout_all_the_same(self) -> None:
        one = watch()
        waiting(one.on_result(video(5), START))
        result = one.out_of_time(START + 9)
        assert (result.job_id, result.outcome, result.waited) == (VIDEO_ID, Outcome.TIMEOUT, 9.0)

    def test_waits_that_began_together_drift_apart(self) -> None:
        pauses = {waiting(watch(jitter=n / 10).on_result(video(5), START)).seconds for n in range(10)}
        assert len(pauses) == 10
        assert 5.0 <= min(pauses) <= max(pauses) <= 5.5


class TestTheBalance:
    def test_enough_ends_the_wait_and_too_few_go_on(self) -> None:
        one = balance_watch()
        waiting(one.on_balance(99, START))
        assert one.on_balance(100, START + 5) == BalanceResult(100, enough=True, waited=5.0)

    def test_the_poll_at_the_deadline_is_the_last(self) -> None:
        one = balance_watch(timeout=60.0)
        assert waiting(one.on_balance(99, START + 59)).seconds == 1.0
        assert one.on_balance(99, START + 60) == BalanceResult(99, enough=False, waited=60.0)

    @TRANSIENT
    def test_transient_errors_never_end_it_before_its_deadline(self, error: PixVerseError) -> None:
        one, now = balance_watch(timeout=7200), START
        waiting(one.on_balance(7, now))
        while now < START + 7200:
            now += waiting(one.on_error(error, now)).seconds
        result = one.on_error(error, now)
        assert isinstance(result, BalanceResult)
        assert (result.credits, result.enough, result.error, result.final) == (7, False, error, False)
        assert now == START + 7200

    def test_where_another_keeps_the_deadline_it_ends_with_too_few(self) -> None:
        one = balance_watch()
        waiting(one.on_balance(7, START))
        assert one.out_of_time(START + 9) == BalanceResult(7, enough=False, waited=9.0)

    @TRANSIENT
    def test_the_pauses_after_them_grow_to_five_minutes(self, error: PixVerseError) -> None:
        one = BalanceWatch(100, started_at=START, poll_interval=60.0, jitter=lambda: 1.0)
        pauses = [waiting(one.on_error(error, START)).seconds for _ in range(5)]
        assert pauses == [120, 240, 300, 300, 300]

    def test_an_error_never_makes_a_poll_come_sooner_than_the_interval(self) -> None:
        one = BalanceWatch(100, started_at=START, poll_interval=3600.0, jitter=lambda: 0.0)
        assert waiting(one.on_error(PixVerseTransientError("HTTP 502"), START)).seconds == 3600

    def test_a_pause_that_the_service_asks_for_is_kept(self) -> None:
        step = waiting(balance_watch().on_error(PixVerseRateLimitError("slow", retry_after=120), START))
        assert 120 <= step.seconds <= 132

    @given(now=st.floats(0, 100), credits_left=st.none() | st.integers(0, 99))
    def test_no_pause_goes_beyond_the_deadline(self, now: float, credits_left: int | None) -> None:
        one = balance_watch(timeout=100, poll_interval=60)
        step = (
            one.on_error(PixVerseTransientError("HTTP 502"), START + now)
            if credits_left is None
            else one.on_balance(credits_left, START + now)
        )
        if isinstance(step, Wait):
            assert 0 < step.seconds <= START + 100 - (START + now)
        else:
            assert START + now >= START + 100

    def test_only_the_first_error_of_a_row_is_worth_a_line_in_the_log(self) -> None:
        one = balance_watch()
        error = PixVerseTransientError("HTTP 502")
        notices = [waiting(one.on_error(error, START)).notice for _ in range(2)]
        assert [bool(notice) for notice in notices] == [True, False]
        assert waiting(one.on_balance(5, START)).notice == (
            "The balance can be read again. After 0 s there are 5 credits, and 100 are waited for."
        )
        assert waiting(one.on_balance(5, START)).notice is None


class TestPollingOnce:
    def test_the_watch_is_told_what_came_and_what_failed(self) -> None:
        class Api:
            def __init__(self) -> None:
                self.answers: list[Video | PixVerseError] = [PixVerseTransientError("HTTP 502"), video(1)]

            def poll(self, media_type: str, job_id: int) -> Video:
                assert (media_type, job_id) == ("video", VIDEO_ID)
                answer = self.answers.pop(0)
                if isinstance(answer, PixVerseError):
                    raise answer
                return answer

        api, one = Api(), JobWatch(VIDEO_ID, started_at=START, deadline=9e12)
        waiting(poll_once(api, one))
        assert str(one.last_error) == "HTTP 502"
        assert ended(poll_once(api, one)).outcome is Outcome.SUCCESS
        assert (one.last_error, one.last_result) == (None, video(1))
