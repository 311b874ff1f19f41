"""The request budget of an event loop, in virtual time."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.async_pacing import AsyncRequestBudget
from tests.unit.virtual_time import VirtualTimeLoop, run_in_virtual_time


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
