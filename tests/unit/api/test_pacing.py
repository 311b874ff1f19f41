from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
import tenacity
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.pacing import (
    MAX_RETRY_AFTER,
    RequestBudget,
    backoff_seconds,
    wait_as_asked,
)
from pixverse_provider.exceptions import PixVerseError, PixVerseRateLimitError

FAILURES = st.integers(1, 10_000)
JITTERS = st.floats(0, 1)
SECONDS = st.floats(0.01, 3600)


def pause_after(
    failures: int,
    *,
    jitter: float,
    first: float = 1.0,
    longest: float = 60.0,
    retry_after: float | None = None,
) -> float:
    wait = wait_as_asked(first, longest, jitter=lambda: jitter)
    return backoff_seconds(wait, failures, PixVerseError("busy", retry_after=retry_after))


@given(failures=FAILURES, jitter=JITTERS, first=SECONDS, longest=SECONDS)
def test_a_pause_lies_between_half_and_all_of_the_exponential_one(
    failures: int, jitter: float, first: float, longest: float
) -> None:
    whole = min(longest, first * 2.0 ** min(failures - 1, 100))
    pause = pause_after(failures, jitter=jitter, first=first, longest=longest)
    assert 0.5 * whole <= pause <= whole


@given(failures=st.integers(1, 30), jitter=JITTERS, first=SECONDS, longest=SECONDS)
def test_pauses_never_shrink_while_it_goes_on_failing(
    failures: int, jitter: float, first: float, longest: float
) -> None:
    now, later = (
        pause_after(n, jitter=jitter, first=first, longest=longest) for n in (failures, failures + 1)
    )
    assert now <= later


@given(failures=FAILURES, jitter=JITTERS, retry_after=st.floats(0, MAX_RETRY_AFTER))
def test_what_the_service_asks_for_is_never_undercut(
    failures: int, jitter: float, retry_after: float
) -> None:
    pause = pause_after(failures, jitter=jitter, retry_after=retry_after)
    assert pause >= retry_after
    assert pause >= pause_after(failures, jitter=jitter)
    assert pause <= max(60.0, 1.1 * retry_after)


@given(failures=FAILURES, jitter=JITTERS, retry_after=st.floats(MAX_RETRY_AFTER, allow_nan=False))
def test_no_service_asks_for_more_than_an_hour(failures: int, jitter: float, retry_after: float) -> None:
    pause = pause_after(failures, jitter=jitter, retry_after=retry_after)
    assert MAX_RETRY_AFTER <= pause <= 1.1 * MAX_RETRY_AFTER


def test_waiters_that_failed_together_come_back_apart() -> None:
    assert len({pause_after(1, jitter=n / 10) for n in range(10)}) == 10
    assert len({pause_after(1, jitter=n / 10, retry_after=30) for n in range(10)}) == 10
    assert len({backoff_seconds(wait_as_asked(), 1, None) for _ in range(10)}) == 10


def test_only_an_error_of_the_service_asks_for_a_pause() -> None:
    asked = PixVerseRateLimitError("", retry_after=30.0)
    assert backoff_seconds(wait_as_asked(), 1, asked) >= 30.0
    assert backoff_seconds(wait_as_asked(), 1, OSError()) <= 1.0
    assert backoff_seconds(wait_as_asked(), 1, None) <= 1.0


def test_tenacity_repeats_a_call_after_the_same_pauses() -> None:
    pauses: list[float] = []

    def call() -> None:
        raise PixVerseRateLimitError("", retry_after=30.0 if len(pauses) == 1 else None)

    retrying = tenacity.Retrying(
        wait=wait_as_asked(jitter=lambda: 1.0),
        stop=tenacity.stop_after_attempt(4),
        sleep=pauses.append,
        reraise=True,
    )
    with pytest.raises(PixVerseRateLimitError):
        retrying(call)
    assert pauses == [1.0, 33.0, 4.0]


@given(
    per_second=st.floats(0.01, 100),
    steps=st.lists(st.floats(0, 10), min_size=2, max_size=20),
)
def test_no_two_requests_are_closer_than_the_budget_allows(per_second: float, steps: list[float]) -> None:
    budget, now, times = RequestBudget(per_second), 1000.0, []
    for step in steps:
        now += step
        pause = budget.take(now)
        assert pause >= 0
        times.append(now + pause)
    for earlier, later in pairwise(times):
        assert later - earlier >= 1 / per_second - 1e-6


def test_an_idle_client_saves_up_no_burst() -> None:
    budget = RequestBudget(1.0)
    assert budget.take(0.0) == 0.0
    assert [budget.take(100.0) for _ in range(3)] == [0.0, 1.0, 2.0]


def test_threads_share_one_budget() -> None:
    budget = RequestBudget(10.0)
    with ThreadPoolExecutor(8) as pool:
        pauses = sorted(pool.map(lambda _: budget.take(50.0), range(100)))
    assert [round(pause * 10) for pause in pauses] == list(range(100))


def test_without_a_budget_nothing_waits() -> None:
    budget = RequestBudget(None)
    assert [budget.take(0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
