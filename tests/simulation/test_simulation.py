"""The same 500 schedules every time; `make simulate` plays others, and many more."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from tests.simulation.explorer import first_violation, play, play_given, report
from tests.simulation.world import simulated

SEEDS = 500
BATCH = 100


@pytest.mark.parametrize("start", range(0, SEEDS, BATCH))
def test_no_schedule_breaks_a_promise(start: int) -> None:
    found = first_violation(range(start, start + BATCH))
    assert found is None, report(*found)


def test_a_seed_and_its_decisions_both_bring_a_schedule_back() -> None:
    with simulated():
        for seed in range(30):
            drawn = play(seed)
            assert play(seed).story == drawn.story
            given = play_given(drawn.taken)
            assert (given.taken, given.options) == (drawn.taken, drawn.options)
            assert len(given.story) == len(drawn.story)


def test_a_schedule_in_which_nothing_goes_wrong_pays_for_one_job_and_brings_it() -> None:
    with simulated():
        played = play_given({})
    assert played.violation is None
    assert played.story[-1].endswith(": success, 343000000000017")
    assert (played.figures.attempts, played.figures.jobs, played.figures.kills) == (1, 1, 0)


def test_a_server_in_another_thread_keeps_its_own_time() -> None:
    simulating, seen = threading.Event(), list[float]()

    def serve() -> None:
        simulating.wait()
        asyncio.run(asyncio.sleep(0.0))
        seen.append(time.time())

    server = threading.Thread(target=serve)
    server.start()
    before = time.time()
    with simulated():
        played = play(7)
        simulating.set()
        server.join()
        assert play(7).story == played.story
    assert before <= seen[0] <= time.time()
