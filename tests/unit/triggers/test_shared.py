"""One poll for all who wait for a job, whoever comes, goes or is cancelled."""

from __future__ import annotations

import asyncio
import gc
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.results import Video
from pixverse_provider.exceptions import PixVerseConfigurationError, PixVerseRateLimitError
from pixverse_provider.triggers.shared import SharedPoller, retire_poller, shared_poller
from tests.unit.virtual_time import run_in_virtual_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.triggers.shared import SharedJob

ANSWER_TAKES = 0.2


@dataclass
class Service:
    """Stands in for the client where what matters is when a request is made, in virtual time."""

    times: list[float] = field(default_factory=list)
    cut_short: int = 0
    error: Exception | None = None
    before_answer: Callable[[], Any] | None = None
    closed: bool = False

    async def close(self) -> None:
        self.closed = True

    async def call_once(self, call: Any) -> Video:
        self.times.append(now())
        number = len(self.times)
        try:
            await asyncio.sleep(ANSWER_TAKES)
        except asyncio.CancelledError:
            self.cut_short += 1
            raise
        if self.before_answer is not None:
            asyncio.get_running_loop().call_soon(self.before_answer)
        if self.error is not None:
            raise self.error
        return Video(7, 5, prompt=str(number))


def now() -> float:
    return asyncio.get_running_loop().time()


def poller_over(service: Service) -> SharedPoller:
    client: Any = service
    return SharedPoller(client)


async def poll_after(job: SharedJob, pause: float, max_age: float = 0.0) -> float:
    """Poll once, and return when the answer came."""
    await asyncio.sleep(pause)
    await job.poll(max_age)
    return now()


class TestOneRequest:
    def test_a_hundred_who_wait_together_cost_the_requests_of_one(self) -> None:
        service = Service()

        async def one(poller: SharedPoller, late: float) -> None:
            with poller.job("video", 7) as job:
                for pause in (0.0, 5.0, 5.0, 5.0, 5.0):
                    await asyncio.sleep(pause + late)
                    await job.poll(2.5)

        async def main() -> None:
            poller = poller_over(service)
            await asyncio.gather(*(one(poller, n / 200) for n in range(100)))

        run_in_virtual_time(main())
        assert len(service.times) == 5

    def test_one_who_comes_while_it_is_under_way_has_its_answer(self) -> None:
        service = Service()

        async def main() -> list[float]:
            with poller_over(service).job("video", 7) as job:
                return await asyncio.gather(*(poll_after(job, late) for late in (0.0, ANSWER_TAKES / 2)))

        assert run_in_virtual_time(main()) == [ANSWER_TAKES] * 2
        assert len(service.times) == 1

    def test_a_poll_takes_what_another_has_brought_but_nothing_that_is_too_old_for_it(self) -> None:
        service = Service()

        async def main() -> list[str | None]:
            brought: list[str | None] = []
            with poller_over(service).job("video", 7) as job:
                for pause in (0.0, 0.5, 1.5):
                    await asyncio.sleep(pause)
                    video = await job.poll(1.0)
                    assert isinstance(video, Video)
                    brought.append(video.prompt)
            return brought

        assert run_in_virtual_time(main()) == ["1", "1", "2"]

    def test_an_answer_that_has_come_out_of_a_long_queue_is_as_good_as_another(
        self,
    ) -> None:
        service = Service()

        async def main() -> None:
            with poller_over(service).job("video", 7) as job:
                await job.poll(0.0)
                await asyncio.sleep(1.0)
                await job.poll(1.01)
                await job.poll(0.99)

        run_in_virtual_time(main())
        assert len(service.times) == 2

    def test_ten_who_wait_at_other_times_of_a_minute_cost_the_polls_of_two(self) -> None:
        service = Service()

        async def one(poller: SharedPoller, late: float) -> None:
            await asyncio.sleep(late)
            with poller.job("video", 7) as job:
                for _ in range(10):
                    await job.poll(30.0)
                    await asyncio.sleep(60.0)

        async def main() -> None:
            poller = poller_over(service)
            await asyncio.gather(*(one(poller, 6.0 * n) for n in range(10)))

        run_in_virtual_time(main())
        assert len(service.times) <= 2 * 11

    def test_two_jobs_are_two_requests_and_so_are_a_video_and_an_image_of_one_number(self) -> None:
        service = Service()

        async def main() -> None:
            poller = poller_over(service)
            with (
                poller.job("video", 7) as one,
                poller.job("video", 8) as two,
                poller.job("image", 7) as three,
            ):
                await asyncio.gather(*(job.poll(1.0) for job in (one, two, three)))

        run_in_virtual_time(main())
        assert len(service.times) == 3

    def test_all_are_told_of_an_error_and_may_ask_again(self) -> None:
        service = Service(error=PixVerseRateLimitError("slow down"))

        async def main() -> None:
            with poller_over(service).job("video", 7) as job:
                found = await asyncio.gather(job.poll(0.0), job.poll(0.0), return_exceptions=True)
                assert list(found) == [service.error] * 2
                service.error = None
                await asyncio.gather(job.poll(0.0), job.poll(0.0))

        run_in_virtual_time(main())
        assert len(service.times) == 2

    def test_an_error_is_shared_as_long_as_an_answer_so_that_a_hundred_send_no_storm(self) -> None:
        service = Service(error=PixVerseRateLimitError("slow down"))

        async def main() -> None:
            with poller_over(service).job("video", 7) as job:
                polls = (poll_after(job, n / 100, max_age=2.5) for n in range(100))
                found = await asyncio.gather(*polls, return_exceptions=True)
                assert found == [service.error] * 100

        run_in_virtual_time(main())
        assert len(service.times) == 1

    def test_an_error_holds_no_trace_of_all_who_were_told(self) -> None:
        service = Service(error=PixVerseRateLimitError("slow down"))

        async def main() -> list[int]:
            with poller_over(service).job("video", 7) as job:
                found = await asyncio.gather(*(job.poll(1.0) for _ in range(50)), return_exceptions=True)
                errors = [error for error in found if isinstance(error, BaseException)]
                assert len(errors) == 50
                return [len(traceback.extract_tb(error.__traceback__)) for error in errors]

        assert max(run_in_virtual_time(main())) < 10

    def test_a_mistake_of_the_client_reaches_all_instead_of_leaving_them_waiting(self) -> None:
        service = Service(error=ZeroDivisionError())

        async def main() -> list[Any]:
            with poller_over(service).job("video", 7) as job:
                return list(await asyncio.gather(job.poll(0.0), job.poll(0.0), return_exceptions=True))

        assert run_in_virtual_time(main()) == [service.error] * 2


class TestCancelling:
    def test_the_last_one_who_leaves_ends_the_poll_under_way(self) -> None:
        service = Service()

        async def wait(poller: SharedPoller) -> None:
            with poller.job("video", 7) as job:
                await job.poll(0.0)

        async def main() -> None:
            poller = poller_over(service)
            waits = [asyncio.create_task(wait(poller)) for _ in range(2)]
            await asyncio.sleep(ANSWER_TAKES / 2)
            for one in waits:
                one.cancel()
            await asyncio.wait(waits)
            # And whoever comes then has a poll of its own.
            await wait(poller)

        run_in_virtual_time(main())
        assert (len(service.times), service.cut_short) == (2, 1)

    @pytest.mark.parametrize("who_leaves", [0, 1])
    def test_one_who_leaves_during_a_poll_costs_the_others_nothing(self, who_leaves: int) -> None:
        service = Service()

        async def main() -> list[float]:
            with poller_over(service).job("video", 7) as job:
                polls = [asyncio.create_task(poll_after(job, 0.0)) for _ in range(3)]
                await asyncio.sleep(ANSWER_TAKES / 2)
                polls.pop(who_leaves).cancel()
                return await asyncio.gather(*polls)

        assert run_in_virtual_time(main()) == [ANSWER_TAKES] * 2
        assert (len(service.times), service.cut_short) == (1, 0)

    def test_one_who_leaves_at_the_time_of_an_error_leaves_no_complaint_behind(self) -> None:
        service = Service(error=PixVerseRateLimitError("slow down"))
        complaints: list[dict[str, Any]] = []

        async def main() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
            with poller_over(service).job("video", 7) as job:
                polls = [asyncio.create_task(job.poll(0.0)) for _ in range(2)]
                # After it has been told, and before it has run again.
                service.before_answer = polls[1].cancel
                await asyncio.wait(polls)
                assert polls[0].exception() is service.error
                assert polls[1].cancelled()
            gc.collect()

        run_in_virtual_time(main())
        assert complaints == []
        assert service.cut_short == 0


@dataclass(frozen=True)
class Guest:
    """One who comes, asks every so often, and goes: by itself, or because it is cancelled."""

    comes: float
    pause: float
    polls: int
    cancelled_after: float | None


GUESTS = st.lists(
    st.builds(
        Guest,
        comes=st.floats(0, 20),
        pause=st.floats(0, 10),
        polls=st.integers(1, 6),
        cancelled_after=st.none() | st.floats(0, 30),
    ),
    min_size=1,
    max_size=8,
)


@given(guests=GUESTS)
def test_whoever_comes_and_goes_nobody_waits_for_another_and_no_poll_is_older_than_it_may_be(
    guests: list[Guest],
) -> None:
    service = Service()

    async def stay(poller: SharedPoller, guest: Guest) -> None:
        await asyncio.sleep(guest.comes)
        with poller.job("video", 7) as job:
            for _ in range(guest.polls):
                await asyncio.sleep(guest.pause)
                asked = now()
                video = await job.poll(guest.pause / 2)
                assert now() - asked <= ANSWER_TAKES + 1e-6
                assert isinstance(video, Video)
                sent = service.times[int(video.prompt or 0) - 1]
                assert asked - sent <= ANSWER_TAKES + guest.pause / 2 + 1e-6

    async def main() -> None:
        poller = poller_over(service)
        stays = [asyncio.create_task(stay(poller, guest)) for guest in guests]
        for guest, task in zip(guests, stays, strict=True):
            if guest.cancelled_after is not None:
                asyncio.get_running_loop().call_later(guest.comes + guest.cancelled_after, task.cancel)
        found = await asyncio.gather(*stays, return_exceptions=True)
        for guest, outcome in zip(guests, found, strict=True):
            if guest.cancelled_after is None:
                assert outcome is None
            else:
                assert outcome is None or isinstance(outcome, asyncio.CancelledError)

    run_in_virtual_time(main())
    assert len(service.times) <= sum(guest.polls for guest in guests)


class TestRetiring:
    """Whose key was refused retires its poller, whatever others are doing about the next one by then."""

    @pytest.mark.parametrize("making", ["under way", "just failed"])
    def test_while_the_next_is_made_or_could_not_be_hurts_nobody(
        self, monkeypatch: pytest.MonkeyPatch, making: str
    ) -> None:
        retired: list[str] = []

        async def main() -> list[Any]:
            async with shared_poller("pixverse_default") as old:

                def retire() -> None:
                    retire_poller("pixverse_default", old)
                    retired.append(making)

                async def fail(_: str) -> SharedPoller:
                    if making == "under way":
                        retire()
                    else:
                        # After this has failed, and before those who wait for it have been told.
                        asyncio.get_running_loop().call_soon(retire)
                    raise unreadable

                retire_poller("pixverse_default", old)
                monkeypatch.setattr("pixverse_provider.triggers.shared._make", fail)
                return await asyncio.gather(*(enter() for _ in range(2)), return_exceptions=True)

        async def enter() -> None:
            async with shared_poller("pixverse_default"):
                raise AssertionError("there is none")

        async def make(_: str) -> SharedPoller:
            return poller_over(Service())

        unreadable = PixVerseConfigurationError("the connection cannot be read")
        monkeypatch.setattr("pixverse_provider.triggers.shared._make", make)
        assert run_in_virtual_time(main()) == [unreadable, unreadable]
        assert retired == [making]

    def test_it_lets_the_next_one_read_the_connection_again_and_those_who_have_it_keep_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        services: list[Service] = []

        async def make(_: str) -> SharedPoller:
            services.append(Service())
            return poller_over(services[-1])

        async def main() -> None:
            async with shared_poller("pixverse_default") as old, shared_poller("pixverse_default") as same:
                assert same is old
                retire_poller("pixverse_default", old)
                async with shared_poller("pixverse_default") as new:
                    assert new is not old
                    # Of one that is gone already, it is no news.
                    retire_poller("pixverse_default", old)
                    async with shared_poller("pixverse_default") as still:
                        assert still is new
                assert [service.closed for service in services] == [False, True]
            assert [service.closed for service in services] == [True, True]

        monkeypatch.setattr("pixverse_provider.triggers.shared._make", make)
        run_in_virtual_time(main())


def test_a_job_that_nobody_waits_for_is_forgotten() -> None:
    async def main() -> None:
        poller = poller_over(Service())
        with poller.job("video", 7) as job, poller.job("video", 7) as same:
            assert job is same
        with poller.job("video", 7) as another:
            assert another is not job

    run_in_virtual_time(main())


@pytest.mark.parametrize("seconds", [0.0, 3600.0])
def test_the_clock_of_these_tests_does_not_make_anybody_wait(seconds: float) -> None:
    async def main() -> float:
        await asyncio.sleep(seconds)
        return now()

    assert run_in_virtual_time(main()) == seconds
