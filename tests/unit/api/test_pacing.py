from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.pacing import (
    AsyncRequestBudget,
    RequestBudget,
    backoff_seconds,
    retry_after_of,
)
from pixverse_provider.exceptions import PixVerseRateLimitError
from tests.unit.virtual_time import VirtualTimeLoop, run_in_virtual_time

ATTEMPTS = st.integers(1, 10_000)
JITTERS = st.floats(0, 1)
SECONDS = st.floats(0.01, 3600)


@given(attempt=ATTEMPTS, jitter=JITTERS, first=SECONDS, longest=SECONDS)
def test_a_pause_lies_between_half_and_all_of_the_exponential_one(
    attempt: int, jitter: float, first: float, longest: float
) -> None:
    whole = min(longest, first * 2.0 ** min(attempt - 1, 100))
    pause = backoff_seconds(attempt, jitter=jitter, first=first, longest=longest)
    assert 0.5 * min(whole, first * 2.0**16) <= pause <= whole


@given(attempt=st.integers(1, 30), jitter=JITTERS, first=SECONDS, longest=SECONDS)
def test_pauses_never_shrink_while_it_goes_on_failing(
    attempt: int, jitter: float, first: float, longest: float
) -> None:
    now, later = (
        backoff_seconds(n, jitter=jitter, first=first, longest=longest) for n in (attempt, attempt + 1)
    )
    assert now <= later


@given(attempt=ATTEMPTS, jitter=JITTERS, retry_after=st.floats(0, 1e6))
def test_what_the_service_asks_for_is_never_undercut(attempt: int, jitter: float, retry_after: float) -> None:
    pause = backoff_seconds(attempt, jitter=jitter, retry_after=retry_after)
    assert pause >= retry_after
    assert pause >= backoff_seconds(attempt, jitter=jitter)
    assert pause <= max(60.0, 1.1 * retry_after)


def test_waiters_that_failed_together_come_back_apart() -> None:
    assert len({backoff_seconds(1, jitter=n / 10) for n in range(10)}) == 10
    assert len({backoff_seconds(1, jitter=n / 10, retry_after=30) for n in range(10)}) == 10


def test_only_an_error_of_the_service_asks_for_a_pause() -> None:
    assert retry_after_of(PixVerseRateLimitError("", retry_after=3.0)) == 3.0
    assert retry_after_of(OSError()) is None
    assert retry_after_of(None) is None


@given(
    per_second=st.floats(0.01, 100),
    steps=st.lists(st.floats(0, 10), min_size=2, max_size=20),
)
def test_no_two_requests_are_closer_than_the_budget_allows(per_second: float, steps: list[float]) -> None:
    budget, now, moments = RequestBudget(per_second), 1000.0, []
    for step in steps:
        now += step
        pause = budget.take(now)
        assert pause >= 0
        moments.append(now + pause)
    for earlier, later in pairwise(moments):
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


def moments_of(
    per_second: float | None, arrivals: list[float], *, leaves: dict[int, float] | None = None
) -> list[tuple[int, float]]:
    """Return who may go when, in their order; some leave, so many seconds after they came."""
    gone: list[tuple[int, float]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        budget = AsyncRequestBudget(per_second)

        async def ask(number: int, arrival: float) -> None:
            await asyncio.sleep(arrival)
            await budget.wait()
            gone.append((number, loop.time()))

        tasks = [loop.create_task(ask(number, arrival)) for number, arrival in enumerate(arrivals)]
        for number, after in (leaves or {}).items():
            loop.call_at(arrivals[number] + after, tasks[number].cancel)
        await asyncio.gather(*tasks, return_exceptions=True)

    run_in_virtual_time(main())
    return gone


class TestTheBudgetOfAnEventLoop:
    @given(
        per_second=st.integers(1, 50),
        arrivals=st.lists(st.floats(0, 5), min_size=1, max_size=60),
        leaving=st.dictionaries(st.integers(0, 59), st.floats(0, 3), max_size=20),
    )
    def test_no_second_ever_sees_more_than_it_allows(
        self, per_second: int, arrivals: list[float], leaving: dict[int, float]
    ) -> None:
        leaves = {number: after for number, after in leaving.items() if number < len(arrivals)}
        gone = [moment for _, moment in moments_of(per_second, arrivals, leaves=leaves)]
        assert len(gone) >= len(arrivals) - len(leaves)
        for earlier, later in zip(gone, gone[per_second:], strict=False):
            assert later - earlier >= 1.0 - 1e-6

    def test_whoever_came_first_goes_first(self) -> None:
        gone = moments_of(2.0, [number / 1000 for number in range(20)])
        assert [number for number, _ in gone] == list(range(20))

    def test_it_is_used_up_to_its_jitter(self) -> None:
        last = moments_of(10.0, [0.0] * 101)[-1][1]
        assert 10.0 <= last <= 11.0

    def test_the_spaces_differ_so_that_two_triggerers_do_not_march_in_step(self) -> None:
        moments = [moment for _, moment in moments_of(10.0, [0.0] * 50)]
        assert len({round(later - earlier, 6) for earlier, later in pairwise(moments)}) > 10

    def test_those_who_leave_while_they_wait_cost_the_others_nothing(self) -> None:
        gone = moments_of(1.0, [0.0, 0.1, 0.2, 0.3, 0.4], leaves={1: 0.2, 2: 0.2, 3: 0.2})
        assert [number for number, _ in gone] == [0, 4]
        assert gone[1][1] <= 1.1

    def test_a_loop_that_was_held_up_sends_no_burst_afterwards(self) -> None:
        gone: list[float] = []

        async def ask(budget: AsyncRequestBudget) -> None:
            await budget.wait()
            gone.append(asyncio.get_running_loop().time())

        async def main() -> None:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualTimeLoop)
            budget = AsyncRequestBudget(2.0)
            asks = [loop.create_task(ask(budget)) for _ in range(8)]
            await asyncio.sleep(0.6)
            loop.pass_time(30.0)
            await asyncio.gather(*asks)

        run_in_virtual_time(main())
        assert gone[1] < 1.0
        assert gone[2] >= 30.0
        assert all(later - earlier >= 0.5 for earlier, later in pairwise(gone))

    def test_without_one_nobody_waits(self) -> None:
        assert moments_of(None, [0.0] * 5) == [(number, 0.0) for number in range(5)]
