"""The lines of a wait, word for word."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.jobs.log_lines import (
    TELL_EVERY,
    begin_of_wait,
    end_of_wait,
    in_words,
    is_line_due,
    names_of,
    parts_of,
    price_in_words,
)
from pixverse_provider.jobs.outcome import Outcome, WaitResult
from tests.unit.jobs.making import NOW, record

UNTIL = 1_767_610_800.0


class TestATime:
    @pytest.mark.parametrize(
        ("seconds", "words"),
        [
            (-1.0, "0 s"),
            (0.4, "0 s"),
            (94.4, "94 s"),
            (119.4, "119 s"),
            (119.6, "2 min"),
            (150.0, "2 min 30 s"),
            (3600.0, "60 min"),
            (7199.0, "119 min 59 s"),
            (7200.0, "2 h"),
            (7380.0, "2 h 3 min"),
            (604_800.0, "168 h"),
        ],
    )
    def test_is_said_as_people_say_it(self, seconds: float, words: str) -> None:
        assert in_words(seconds) == words


class TestNames:
    def test_of_many_are_the_first_five(self) -> None:
        assert names_of([7]) == "PixVerse video 7"
        assert names_of([7], "image") == "PixVerse image 7"
        assert names_of([1, 2, 3, 4, 5]) == "PixVerse videos 1, 2, 3, 4, 5"
        assert names_of([1, 2, 3, 4, 5, 6, 7]) == "PixVerse videos 1, 2, 3, 4, 5 and 2 more"


class TestTheBegin:
    @pytest.mark.parametrize(
        ("poll_interval", "slows_down", "often"),
        [
            (10.0, False, "every 10 s"),
            (2.5, False, "every 2.5 s"),
            (60.0, True, "every 60 s, then less and less often"),
            (None, False, "as often as its age asks (2.5 to 60 s)"),
        ],
    )
    def test_says_until_when_and_how_often(
        self, poll_interval: float | None, often: str, *, slows_down: bool
    ) -> None:
        line = begin_of_wait("it", "here", UNTIL, poll_interval, slows_down=slows_down)
        assert line == f"Waiting for it here until 2026-01-05 11:00:00 UTC, polling {often}."

    @pytest.mark.parametrize("deadline", [math.inf, math.nan, 1e30])
    def test_never_fails_for_a_deadline_that_no_calendar_knows(self, deadline: float) -> None:
        assert "until further notice" in begin_of_wait("it", "here", deadline, 1.0)


class TestTheEnd:
    @pytest.mark.parametrize(
        ("outcome", "says"),
        [
            (Outcome.SUCCESS, "is done, 90 s after its submit: 8 credits."),
            (Outcome.FAILED, "has failed, 90 s after its submit: 8 credits, which are refunded."),
            (
                Outcome.MODERATED,
                (
                    "did not pass the content moderation, 90 s after its submit: 8 credits, which are "
                    "refunded."
                ),
            ),
            (Outcome.DELETED, "was deleted, 90 s after its submit: 8 credits."),
            (Outcome.GIVEN_UP, "is given up, 90 s after its submit: 8 credits, which are refunded."),
            (Outcome.TIMEOUT, "is not done, 90 s after its submit: 8 credits."),
            (Outcome.ERROR, "cannot be polled any more, 90 s after its submit: 8 credits."),
        ],
    )
    def test_names_outcome_seconds_and_credits(self, outcome: Outcome, says: str) -> None:
        job = record(job_id=7, credits=8.0, accepted_at=NOW + 10).ended(outcome, NOW + 100)
        assert end_of_wait(job, WaitResult(outcome, 7, 90.0), NOW + 100) == f"PixVerse video 7 {says}"

    def test_claims_no_price_that_nobody_knows(self) -> None:
        job = record(job_id=7).ended(Outcome.FAILED, NOW + 100)
        line = end_of_wait(job, WaitResult(Outcome.FAILED, 7, 90.0, media_type="image"), NOW + 100)
        assert line == "PixVerse image 7 has failed, 100 s after its submit: what it cost is not known."

    def test_is_known_for_every_outcome(self) -> None:
        for outcome in Outcome:
            assert end_of_wait(record(job_id=7), WaitResult(outcome, 7, 1.0), NOW)


@pytest.mark.parametrize(
    ("charged", "estimate", "words"),
    [
        (45.0, 45, "45 credits charged (45 estimated)"),
        (20.0, None, "20 credits charged (price not published)"),
        (None, 45, "charge not stated (45 estimated)"),
        (None, None, "charge not stated (price not published)"),
        (0.0, 0, "0 credits charged (0 estimated)"),
    ],
)
def test_the_price_of_a_submit(charged: float | None, estimate: int | None, words: str) -> None:
    assert price_in_words(charged, estimate) == words


class TestAPause:
    @given(st.floats(0, 20_000))
    def test_is_cut_so_that_a_line_comes_every_five_minutes(self, seconds: float) -> None:
        parts = [*parts_of(seconds)]
        assert sum(parts) == pytest.approx(seconds)
        assert all(part == TELL_EVERY for part in parts[:-1])
        assert 0 <= parts[-1] <= TELL_EVERY

    @pytest.mark.parametrize(
        ("since_last_line", "pause", "due"),
        [
            (0, 299, False),
            (0, 5000, False),
            (1, 299, False),
            (1, 299.5, True),
            (299, 10, True),
            (1, 5000, True),
        ],
    )
    def test_needs_a_line_before_it_where_the_one_after_it_would_be_too_late(
        self, since_last_line: float, pause: float, *, due: bool
    ) -> None:
        assert is_line_due(pause, NOW + since_last_line, NOW) is due
