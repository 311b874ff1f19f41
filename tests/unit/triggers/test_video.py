"""The trigger that waits: one event, one session, and nobody hurt by a neighbour."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from pixverse_provider.api.calls import video_call
from pixverse_provider.exceptions import (
    PixVerseAuthenticationError,
    PixVerseConfigurationError,
    PixVerseNotFoundError,
    PixVerseRateLimitError,
    PixVerseTransientError,
)
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.jobs.outcome import Outcome, WaitResult, read_event
from pixverse_provider.jobs.watch import GIVE_UP_AGE, LONGEST_LAST_POLL
from pixverse_provider.triggers.shared import shared_poller
from pixverse_provider.triggers.video import PixVerseVideoTrigger
from tests.unit.connections import KEY, set_connection
from tests.unit.jobs.making import record
from tests.unit.own_log import OwnLog
from tests.unit.pixverse_in_time import START, Clock, Service, video
from tests.unit.scripted_server import answer, bad_gateway, drop, refusal, success
from tests.unit.virtual_time import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from pixverse_provider.api.results import Video
    from tests.unit.scripted_server import Behaviour, Received, ScriptedServer


OTHER_KEY = "sk-another-key"
URL = "https://media.pixverse.ai/a.mp4?Signature=s3cr3t"


def trigger(*video_ids: int, **change: Any) -> PixVerseVideoTrigger:
    now = time.time()
    arguments: dict[str, Any] = {
        "pixverse_conn_id": "pixverse_default",
        "video_ids": [str(video_id) for video_id in video_ids or (7,)],
        "poll_interval": 0.01,
        "started_at": now,
        "not_before": 0.0,
        "deadline": now + 3600,
    }
    return PixVerseVideoTrigger(**(arguments | change))


def trigger_in_time(*video_ids: int, **change: Any) -> PixVerseVideoTrigger:
    """Return one for the clock of the test, where hours pass at once."""
    times = {"poll_interval": 10.0, "started_at": START, "deadline": START + 600}
    return trigger(*video_ids, **(times | change))


def status(number: int, video_id: int = 7) -> Behaviour:
    return success({"id": video_id, "status": number, "url": URL})


def all_of_status(number: int) -> Callable[[Received], Behaviour]:
    """Answer for each job that is asked for with the same status."""
    return lambda request: status(number, int(request.path.rpartition("/")[2]))


def changing_the_key(
    monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, behaviour: Behaviour
) -> Behaviour:
    """Behave so, and let the connection have another key from then on."""

    def behave(handler: Any) -> None:
        set_connection(monkeypatch, server.url, password=OTHER_KEY)
        behaviour(handler)

    return behave


async def only_event(one: PixVerseVideoTrigger) -> dict[str, Any]:
    """Run a trigger to its end, as a triggerer does, and return what its one event carries."""
    in_virtual_time = isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
    # One that sleeps for ever fails the test.
    async with asyncio.timeout(None if in_virtual_time else 60):
        events = [event async for event in one.run()]
    assert len(events) == 1
    payload: dict[str, Any] = json.loads(json.dumps(events[0].payload))
    return payload


async def results_of(one: PixVerseVideoTrigger) -> list[WaitResult]:
    results, _, _ = read_event(await only_event(one))
    return results


@pytest.fixture(autouse=True)
def _connection(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    set_connection(monkeypatch, server.url)


@pytest.fixture
def connection_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the connections that were read, one for each time that it was over, whatever it brought."""
    reads: list[str] = []
    read = PixVerseHook.get_async_conn

    async def counting(hook: PixVerseHook) -> Any:
        try:
            return await read(hook)
        finally:
            reads.append(hook.pixverse_conn_id)

    monkeypatch.setattr(PixVerseHook, "get_async_conn", counting)
    return reads


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    clock.install(monkeypatch)
    return clock


@pytest.fixture
def service(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service(clock)
    service.install(monkeypatch)
    return service


def at_about(seconds: float) -> Any:
    """Tell times apart by more than a tick of the triggerer, a sixty-fourth of a second."""
    return pytest.approx(seconds, abs=0.1)


class TestMoving:
    def test_a_trigger_comes_back_from_the_database_as_it_went(self) -> None:
        one = trigger(2**64 - 1, 8, job={"trace_id": "t", "job_id": "8"}, not_before=3.5)
        path, arguments = one.serialize()
        module, _, name = path.rpartition(".")
        back = getattr(importlib.import_module(module), name)(**json.loads(json.dumps(arguments)))
        assert type(back) is PixVerseVideoTrigger
        assert back.serialize() == one.serialize()

    def test_one_that_an_older_version_stored_waits_for_videos(self) -> None:
        _, arguments = trigger().serialize()
        del arguments["media_type"], arguments["submitted_at"]
        assert PixVerseVideoTrigger(**arguments).media_type == "video"

    @pytest.mark.asyncio
    async def test_one_for_images_polls_where_images_are(self, server: ScriptedServer) -> None:
        server.will(success({"image_id": 7, "status": 5}), success({"image_id": 7, "status": 1, "url": URL}))
        (result,) = await results_of(trigger(media_type="image"))
        assert {request.path.removeprefix("/openapi/v2") for request in server.requests} == {
            "/image/result/7"
        }
        assert (result.outcome, result.media_type) == (Outcome.SUCCESS, "image")
        assert result.result is not None
        assert result.result.to_dict()["image_id"] == 7

    def test_everything_it_needs_travels_with_it(self) -> None:
        path, arguments = trigger().serialize()
        assert path == "pixverse_provider.triggers.video.PixVerseVideoTrigger"
        assert set(arguments) == {
            "pixverse_conn_id",
            "video_ids",
            "poll_interval",
            "started_at",
            "not_before",
            "deadline",
            "submitted_at",
            "job",
            "media_type",
        }

    @pytest.mark.asyncio
    async def test_it_may_run_twice(self, server: ScriptedServer) -> None:
        server.will(status(1), status(1))
        one = trigger()
        first, second = await results_of(one), await results_of(one)
        assert [result.result for result in first] == [result.result for result in second]


class TestWaiting:
    @pytest.mark.parametrize(
        ("number", "outcome"),
        [(1, Outcome.SUCCESS), (6, Outcome.DELETED), (7, Outcome.MODERATED), (8, Outcome.FAILED)],
    )
    @pytest.mark.asyncio
    async def test_a_job_that_is_over_is_told_in_one_event(
        self, server: ScriptedServer, number: int, outcome: Outcome
    ) -> None:
        server.will(status(5), status(5), status(number))
        (result,) = await results_of(trigger())
        assert (result.outcome, result.job_id) == (outcome, 7)
        assert len({request.trace_id for request in server.requests}) == 3

    @pytest.mark.asyncio
    async def test_the_job_record_and_the_deadline_are_given_back(self, server: ScriptedServer) -> None:
        server.will(status(1))
        job = record(job_id=7, credits=4.0).to_json()
        one = trigger(job=job)
        _, back, deadline = read_event(await only_event(one))
        assert (back, deadline) == (job, one.deadline)

    @pytest.mark.asyncio
    async def test_the_event_holds_neither_key_nor_signed_url(self, server: ScriptedServer) -> None:
        server.will(status(1))
        text = json.dumps(await only_event(trigger()))
        assert KEY not in text
        assert "Signature" not in text

    @pytest.mark.asyncio
    async def test_transient_errors_are_waited_out(self, server: ScriptedServer) -> None:
        server.will(bad_gateway(), drop, drop, answer("[]"), refusal(500069), status(1))
        (result,) = await results_of(trigger())
        assert result.outcome is Outcome.SUCCESS

    @pytest.mark.asyncio
    async def test_a_connection_that_cannot_be_used_ends_the_wait_after_three_reads(
        self, monkeypatch: pytest.MonkeyPatch, connection_reads: list[str]
    ) -> None:
        monkeypatch.setattr("pixverse_provider.jobs.watch.MISSING_CONNECTION_SECONDS", 0.0)
        set_connection(monkeypatch, "http://10.0.0.1", conn_id="pixverse_unusable")
        (result,) = await results_of(trigger(pixverse_conn_id="pixverse_unusable"))
        assert result.outcome is Outcome.ERROR
        assert type(result.error) is PixVerseConfigurationError
        assert "pixverse_unusable" in str(result.error)
        assert connection_reads == ["pixverse_unusable"] * 3

    @pytest.mark.asyncio
    async def test_a_connection_that_cannot_be_read_for_a_moment_is_waited_for(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, connection_reads: list[str]
    ) -> None:
        log = OwnLog()
        log.install(monkeypatch, PixVerseVideoTrigger)
        server.will(status(1))
        waiting = asyncio.create_task(results_of(trigger(pixverse_conn_id="pixverse_late")))
        await until(lambda: connection_reads)
        set_connection(monkeypatch, server.url, conn_id="pixverse_late")
        (result,) = await waiting
        assert result.outcome is Outcome.SUCCESS
        ((level, line),) = log.lines
        assert level == "WARNING"
        assert line.startswith("Polling again later: ")
        assert "pixverse_late" in line

    def test_a_connection_that_is_read_for_ever_does_not_outlast_the_deadline(
        self, monkeypatch: pytest.MonkeyPatch, clock: Clock
    ) -> None:
        async def for_ever(_: str) -> None:
            await asyncio.sleep(10**9)

        monkeypatch.setattr("pixverse_provider.triggers.shared._make", for_ever)
        results = clock.run(results_of(trigger_in_time(7, 8, media_type="image")))
        assert [(result.outcome, result.job_id, result.media_type) for result in results] == [
            (Outcome.TIMEOUT, 7, "image"),
            (Outcome.TIMEOUT, 8, "image"),
        ]
        assert [result.waited for result in results] == [at_about(600 + LONGEST_LAST_POLL)] * 2
        assert clock.passed == at_about(600 + LONGEST_LAST_POLL)

    def test_the_last_poll_is_made_at_the_deadline(self, clock: Clock, service: Service) -> None:
        service.afterwards = video(9)
        (result,) = clock.run(results_of(trigger_in_time(poll_interval=400)))
        assert (result.outcome, result.unknown_statuses) == (Outcome.TIMEOUT, (9,))
        assert result.waited == at_about(600)
        assert service.polls[0] == at_about(0)
        assert service.polls[-1] == at_about(600)

    def test_the_last_poll_is_no_answer_that_another_trigger_has_had_before(
        self, clock: Clock, service: Service
    ) -> None:
        service.afterwards = video(5)

        async def both() -> None:
            other = trigger_in_time(poll_interval=590, deadline=START + 9000)
            waits = [
                asyncio.create_task(results_of(one)) for one in (other, trigger_in_time(poll_interval=400))
            ]
            await waits[1]
            waits[0].cancel()

        clock.run(both())
        assert service.polls[-1] == at_about(600)

    @pytest.mark.asyncio
    async def test_a_deadline_that_passed_while_it_was_moved_still_has_its_last_poll(
        self, server: ScriptedServer
    ) -> None:
        server.will(status(1))
        (result,) = await results_of(trigger(deadline=time.time() - 3600, not_before=time.time() + 9))
        assert result.outcome is Outcome.SUCCESS

    def test_there_is_no_poll_before_its_time(self, clock: Clock, service: Service) -> None:
        service.will(video(1))
        clock.run(results_of(trigger_in_time(not_before=START + 30)))
        assert service.polls == [at_about(30)]

    def test_without_an_interval_the_polls_follow_the_age_of_the_job(
        self, clock: Clock, service: Service
    ) -> None:
        service.will(video(5), video(1))
        clock.run(results_of(trigger_in_time(poll_interval=None, submitted_at=START - 1000)))
        # A fortieth of its age, spread by up to a tenth.
        assert 24.9 <= service.polls[1] - service.polls[0] <= 27.6

    def test_a_job_is_given_up_two_hours_after_its_id_arrived(self, clock: Clock, service: Service) -> None:
        job = record(job_id=7, accepted_at=START - GIVE_UP_AGE + 300).to_json()
        (result,) = clock.run(results_of(trigger_in_time(job=job)))
        assert (result.outcome, result.waited) == (Outcome.GIVEN_UP, at_about(300))

    def test_its_log_has_a_line_where_a_poll_fails_and_where_it_works_again(
        self, clock: Clock, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = OwnLog()
        log.install(monkeypatch, PixVerseVideoTrigger)
        failed = PixVerseTransientError("HTTP 502")
        service.will(video(5), failed, failed, video(5), video(1))
        clock.run(results_of(trigger_in_time()))
        assert log.lines == [
            ("WARNING", "Polling again later: HTTP 502"),
            ("INFO", "PixVerse video 7 can be read again."),
        ]

    @pytest.mark.parametrize("poll_interval", [10.0, 290.0, 1500.0])
    def test_its_log_says_at_least_every_five_minutes_that_the_wait_goes_on(
        self,
        clock: Clock,
        service: Service,
        monkeypatch: pytest.MonkeyPatch,
        poll_interval: float,
    ) -> None:
        told = [0.0]
        monkeypatch.setattr(
            PixVerseVideoTrigger, "log", SimpleNamespace(info=lambda *_: told.append(clock.passed))
        )
        clock.run(results_of(trigger_in_time(poll_interval=poll_interval, deadline=START + 4000)))
        gaps = [later - earlier for earlier, later in itertools.pairwise([*told, 4000.0])]
        assert max(gaps) <= 300.1
        assert len(told) <= 30

    def test_its_log_says_so_where_pixverse_asks_for_a_long_pause(
        self, clock: Clock, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = OwnLog()
        log.install(monkeypatch, PixVerseVideoTrigger)
        service.will(PixVerseRateLimitError("slow down", retry_after=700.0), video(1))
        clock.run(results_of(trigger_in_time(deadline=START + 4000)))
        goes_on = "PixVerse video 7 is not done after {}. The last poll failed: slow down"
        assert log.lines[1:] == [("INFO", goes_on.format("5 min")), ("INFO", goes_on.format("10 min"))]

    def test_its_log_has_one_line_for_many_jobs_and_one_for_each_that_is_done(
        self, clock: Clock, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = OwnLog()
        log.install(monkeypatch, PixVerseVideoTrigger)
        ends = {7: START + 100, 8: START + 400}

        def answer() -> Video:
            job_id = service.polled[-1][1]
            return video(1 if clock.time() >= ends.get(job_id, START + 700) else 5, job_id)

        service.afterwards = answer
        ids = [str(job_id) for job_id in range(7, 17)]
        clock.run(results_of(trigger_in_time(video_ids=ids, deadline=START + 4000)))
        assert log.lines[:4] == [
            ("INFO", "PixVerse video 7 is done, 1 of 10."),
            ("INFO", "Not done after 5 min: PixVerse videos 8, 9, 10, 11, 12 and 4 more."),
            ("INFO", "PixVerse video 8 is done, 2 of 10."),
            ("INFO", "Not done after 10 min: PixVerse videos 9, 10, 11, 12, 13 and 3 more."),
        ]
        assert len(log.lines) == 12


class TestARefusedKey:
    REFUSALS = pytest.mark.parametrize("err_code", [10001, 10002, 10003, 10004, 10005, 400012])

    @REFUSALS
    @pytest.mark.asyncio
    async def test_is_not_sent_again_and_ends_the_wait_with_an_error_that_names_the_video(
        self, server: ScriptedServer, connection_reads: list[str], err_code: int
    ) -> None:
        server.will(status(5), refusal(err_code, f"key {KEY} unknown"))
        (result,) = await results_of(trigger())
        assert result.outcome is Outcome.ERROR
        assert type(result.error) is PixVerseAuthenticationError
        assert KEY not in str(result.error)
        assert "PixVerse video 7 goes on and is paid" in str(result.failure())
        assert len(server.requests) == 2
        # It is read again, whether or not it has changed.
        assert len(connection_reads) == 2

    @REFUSALS
    @pytest.mark.parametrize("others_wait", [False, True])
    @pytest.mark.asyncio
    async def test_is_replaced_by_the_one_that_the_connection_has_now(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, err_code: int, *, others_wait: bool
    ) -> None:
        server.will(status(5), changing_the_key(monkeypatch, server, refusal(err_code)), status(1))
        async with shared_poller("pixverse_default") if others_wait else contextlib.nullcontext():
            (result,) = await results_of(trigger())
        assert result.outcome is Outcome.SUCCESS
        assert [request.headers["api-key"] for request in server.requests] == [KEY, KEY, OTHER_KEY]

    @pytest.mark.asyncio
    async def test_that_is_another_one_and_refused_as_well_ends_the_wait(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.will(changing_the_key(monkeypatch, server, refusal(400012)), refusal(400012))
        (result,) = await results_of(trigger())
        assert result.outcome is Outcome.ERROR
        assert [request.headers["api-key"] for request in server.requests] == [KEY, OTHER_KEY]

    @pytest.mark.asyncio
    async def test_is_told_to_all_who_wait_with_it_and_each_sends_it_once(
        self, server: ScriptedServer
    ) -> None:
        server.afterwards = lambda _: refusal(400012)
        found = await asyncio.gather(*(results_of(trigger(video_id)) for video_id in (1, 2, 3)))
        assert [result.outcome for (result,) in found] == [Outcome.ERROR] * 3
        assert len(server.requests) == 3

    @pytest.mark.asyncio
    async def test_is_not_sent_again_where_only_something_else_of_the_connection_has_changed(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse_and_change_the_timeout(handler: Any) -> None:
            set_connection(monkeypatch, server.url, extra={"timeout": 29})
            refusal(400012)(handler)

        server.will(refuse_and_change_the_timeout)
        (result,) = await results_of(trigger())
        assert result.outcome is Outcome.ERROR
        assert len(server.requests) == 1

    @pytest.mark.asyncio
    async def test_while_a_connection_cannot_be_read_is_no_verdict(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, connection_reads: list[str]
    ) -> None:
        def gone(request: Any) -> None:
            monkeypatch.delenv("AIRFLOW_CONN_PIXVERSE_DEFAULT")
            refusal(400012)(request)

        server.will(gone, status(1))
        waiting = asyncio.create_task(results_of(trigger()))
        # The second time, after the refusal, there is none.
        await until(lambda: len(connection_reads) == 2)
        set_connection(monkeypatch, server.url, password=OTHER_KEY)
        (result,) = await waiting
        assert result.outcome is Outcome.SUCCESS


class TestARefusalThatMayComeOfAGateway:
    EACH = pytest.mark.parametrize("http_status", [401, 403, 404, 408])

    @EACH
    @pytest.mark.asyncio
    async def test_is_forgiven_twice_in_a_row_and_the_count_starts_anew_after_anything_else(
        self, server: ScriptedServer, connection_reads: list[str], http_status: int
    ) -> None:
        bare = answer("<html>", status=http_status)
        server.will(bare, bare, status(5), bare, bare, bad_gateway(), bare, bare, status(1))
        async with shared_poller("pixverse_default"):
            (result,) = await results_of(trigger())
        assert result.outcome is Outcome.SUCCESS
        # No reason to read the connection again.
        assert len(connection_reads) == 1

    @EACH
    @pytest.mark.asyncio
    async def test_ends_the_wait_the_third_time_in_a_row_and_others_keep_their_session(
        self, server: ScriptedServer, connection_reads: list[str], http_status: int
    ) -> None:
        server.will(*[answer("<html>", status=http_status)] * 3)
        async with shared_poller("pixverse_default") as poller:
            (result,) = await results_of(trigger())
            async with shared_poller("pixverse_default") as same:
                assert same is poller
        assert len(connection_reads) == 1
        assert result.outcome is Outcome.ERROR
        assert "PixVerse video 7 goes on and is paid" in str(result.failure())

    @pytest.mark.asyncio
    async def test_a_video_that_is_not_known_three_times_in_a_row_ends_it_too(
        self, server: ScriptedServer
    ) -> None:
        server.will(refusal(500008), refusal(500008), status(5), *[refusal(500008)] * 3)
        (result,) = await results_of(trigger())
        assert (result.outcome, type(result.error)) == (Outcome.ERROR, PixVerseNotFoundError)


class TestSeveralVideos:
    @pytest.mark.asyncio
    async def test_all_of_them_are_waited_for_and_told_in_their_order(self, server: ScriptedServer) -> None:
        polls: Counter[str] = Counter()

        def later_ids_sooner(request: Received) -> Behaviour:
            video_id = request.path.rpartition("/")[2]
            polls[video_id] += 1
            return status(1 if polls[video_id] > 9 - int(video_id) else 5, int(video_id))

        server.afterwards = later_ids_sooner
        results = await results_of(trigger(5, 8, 6))
        assert [result.job_id for result in results] == [5, 8, 6]
        assert {result.outcome for result in results} == {Outcome.SUCCESS}

    def test_the_first_that_can_never_be_done_ends_the_wait_for_all(
        self, clock: Clock, service: Service
    ) -> None:
        service.afterwards = lambda: video(8 if service.polled[-1] == ("video", 6) else 5)

        async def main() -> tuple[list[WaitResult], int]:
            results = await results_of(trigger_in_time(5, 6, 7))
            polls = len(service.polls)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            await asyncio.sleep(3600)
            return results, polls

        results, polls = clock.run(main())
        assert [(result.job_id, result.outcome) for result in results] == [(6, Outcome.FAILED)]
        assert len(service.polls) == polls


class TestSharing:
    @pytest.mark.asyncio
    async def test_triggers_of_one_loop_and_connection_share_a_session_and_read_it_once(
        self, server: ScriptedServer, connection_reads: list[str]
    ) -> None:
        server.afterwards = all_of_status(5)
        waits = [asyncio.create_task(only_event(trigger(video_id))) for video_id in range(1, 21)]
        async with shared_poller("pixverse_default") as poller:
            async with shared_poller("pixverse_default") as same:
                assert same is poller
            await until(lambda: len({request.path for request in server.requests}) == 20)
            server.afterwards = all_of_status(1)
            await asyncio.gather(*waits)
            # The last trigger has gone, but this user has not.
            assert (await poller.client.call_once(video_call(7))).status == 1
        assert connection_reads == ["pixverse_default"]

    @pytest.mark.asyncio
    async def test_a_hundred_triggers_of_one_video_make_one_request(self, server: ScriptedServer) -> None:
        server.will(status(1))
        found = await asyncio.gather(*(results_of(trigger(7)) for _ in range(100)))
        assert [result.outcome for (result,) in found] == [Outcome.SUCCESS] * 100
        assert len(server.requests) == 1

    @pytest.mark.asyncio
    async def test_one_of_two_that_wait_for_the_same_video_may_leave(self, server: ScriptedServer) -> None:
        server.afterwards = all_of_status(5)
        leaves, stays = (asyncio.create_task(results_of(trigger(7))) for _ in range(2))
        await until(lambda: server.requests)
        await cancelled(leaves)
        server.afterwards = all_of_status(1)
        (result,) = await stays
        assert result.outcome is Outcome.SUCCESS

    def test_none_polls_before_its_own_time_even_where_another_has_seen_the_end(
        self, clock: Clock, service: Service
    ) -> None:
        service.afterwards = video(1)

        async def main() -> None:
            waits = asyncio.create_task(results_of(trigger_in_time(7, not_before=START + 30)))
            await results_of(trigger_in_time(7))
            assert not waits.done()
            await waits

        clock.run(main())
        assert clock.passed == at_about(30)

    def test_one_that_comes_later_polls_anew(self, clock: Clock, service: Service) -> None:
        service.afterwards = lambda: video(1 if clock.passed > 19 else 5)

        async def main() -> None:
            later = trigger_in_time(7, poll_interval=20.0, not_before=START + 12)
            await asyncio.gather(results_of(trigger_in_time(7, poll_interval=20.0)), results_of(later))

        clock.run(main())
        assert service.polls[:2] == [at_about(0), at_about(12)]

    @pytest.mark.asyncio
    async def test_the_last_one_out_closes_the_session(self, server: ScriptedServer) -> None:
        server.will(status(5))
        async with shared_poller("pixverse_default") as poller:
            await poller.client.call_once(video_call(7))
        with pytest.raises(RuntimeError, match="closed"):
            await poller.client.call_once(video_call(7))

    @pytest.mark.asyncio
    async def test_whoever_comes_later_has_a_fresh_one_with_the_connection_of_that_day(
        self, server: ScriptedServer, connection_reads: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.afterwards = all_of_status(1)
        await only_event(trigger())
        set_connection(monkeypatch, server.url, password=OTHER_KEY)
        await only_event(trigger())
        assert len(connection_reads) == 2
        assert [request.headers["api-key"] for request in server.requests] == [KEY, OTHER_KEY]

    @pytest.mark.asyncio
    async def test_another_connection_has_another_session(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_connection(monkeypatch, server.url, conn_id="pixverse_other", password="sk-other")
        async with shared_poller("pixverse_default") as one, shared_poller("pixverse_other") as other:
            assert one is not other

    @pytest.mark.asyncio
    async def test_a_connection_that_failed_once_is_read_again(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pixverse_provider.jobs.watch.MISSING_CONNECTION_SECONDS", 0.0)
        set_connection(monkeypatch, "http://10.0.0.1")
        (failed,) = await results_of(trigger())
        set_connection(monkeypatch, server.url)
        server.will(status(1))
        (done,) = await results_of(trigger())
        assert (failed.outcome, done.outcome) == (Outcome.ERROR, Outcome.SUCCESS)

    @pytest.mark.asyncio
    async def test_all_that_wait_for_a_connection_that_cannot_be_used_are_told(
        self, monkeypatch: pytest.MonkeyPatch, connection_reads: list[str]
    ) -> None:
        monkeypatch.setattr("pixverse_provider.jobs.watch.MISSING_CONNECTION_SECONDS", 0.0)
        set_connection(monkeypatch, "http://10.0.0.1")
        found = await asyncio.gather(*(results_of(trigger(video_id)) for video_id in (1, 2, 3)))
        assert [result.outcome for results in found for result in results] == [Outcome.ERROR] * 3
        assert [result.job_id for results in found for result in results] == [1, 2, 3]
        # Three reads count, and those that are due together are one.
        assert 3 <= len(connection_reads) < 9

    @pytest.mark.asyncio
    async def test_one_that_is_cancelled_does_not_hurt_the_others(self, server: ScriptedServer) -> None:
        server.afterwards = all_of_status(5)
        one, other = (asyncio.create_task(results_of(trigger(video_id))) for video_id in (1, 2))
        await until(lambda: len({request.path for request in server.requests}) == 2)
        await cancelled(one)
        server.afterwards = all_of_status(1)
        (result,) = await other
        assert (result.job_id, result.outcome) == (2, Outcome.SUCCESS)

    @pytest.mark.asyncio
    async def test_one_that_is_cancelled_while_the_session_is_made_does_not_hurt_the_others(
        self, server: ScriptedServer, slow_connection: SlowConnection
    ) -> None:
        server.afterwards = all_of_status(1)
        first, second = (asyncio.create_task(results_of(trigger(video_id))) for video_id in (1, 2))
        await slow_connection.begun.wait()
        await cancelled(first)
        slow_connection.may_end.set()
        (result,) = await second
        assert result.outcome is Outcome.SUCCESS

    @pytest.mark.asyncio
    async def test_the_only_one_may_be_cancelled_while_the_session_is_made(
        self, server: ScriptedServer, slow_connection: SlowConnection
    ) -> None:
        one = asyncio.create_task(results_of(trigger()))
        await slow_connection.begun.wait()
        await cancelled(one)
        slow_connection.may_end.set()
        server.will(status(1))
        (result,) = await results_of(trigger())
        assert result.outcome is Outcome.SUCCESS


@dataclass
class SlowConnection:
    """A connection whose reading is held back until it may end."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)


@pytest_asyncio.fixture
async def slow_connection(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlowConnection]:
    slow = SlowConnection()
    read = PixVerseHook.get_async_conn

    async def held_back(hook: PixVerseHook) -> Any:
        slow.begun.set()
        await slow.may_end.wait()
        return await read(hook)

    monkeypatch.setattr(PixVerseHook, "get_async_conn", held_back)
    yield slow
    slow.may_end.set()


def test_a_second_event_loop_has_a_session_of_its_own(
    server: ScriptedServer, connection_reads: list[str]
) -> None:
    server.afterwards = all_of_status(1)
    for _ in range(2):
        (result,) = asyncio.run(results_of(trigger()))
        assert result.outcome is Outcome.SUCCESS
    assert len(connection_reads) == 2


class TestKilling:
    @pytest.mark.asyncio
    async def test_it_names_the_videos_that_go_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        log = OwnLog()
        log.install(monkeypatch, PixVerseVideoTrigger)
        await trigger(7, 8).on_kill()
        assert log.lines == [
            (
                "WARNING",
                (
                    "The task was cleared or marked while it waited, but PixVerse video 7, 8 goes on and is "
                    "paid: PixVerse cannot cancel a job."
                ),
            )
        ]


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def until(condition: Any) -> None:
    async with asyncio.timeout(300):
        while not condition():  # noqa: ASYNC110 - it is the thread of the server that makes it true
            await asyncio.sleep(0.01)
