"""The sensors in time: the same answers mean the same, whichever way they wait."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.exceptions import AirflowRescheduleException
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferred,
)

from pixverse_provider.api.results import Balance, Video
from pixverse_provider.exceptions import (
    PixVerseAuthenticationError,
    PixVerseConnectionNotFoundError,
    PixVerseError,
    PixVerseInvalidRequestError,
    PixVerseNotFoundError,
    PixVersePermanentError,
    PixVerseRateLimitError,
    PixVerseTransientError,
)
from pixverse_provider.jobs.outcome import Outcome, WaitResult, make_event
from pixverse_provider.sensors._polling import PollingSensor
from pixverse_provider.sensors.credit import PixVerseCreditSensor
from pixverse_provider.sensors.video import PixVerseVideoSensor
from pixverse_provider.triggers.credit import PixVerseCreditTrigger
from pixverse_provider.triggers.video import PixVerseVideoTrigger
from tests.support.tasks import TaskRun
from tests.unit.own_log import OwnLog
from tests.unit.pixverse_in_time import START, Clock, Service, run_to_its_end, video

MODES = ("poke", "reschedule", "deferrable")
KINDS = ("videos", "credits")
every_mode = pytest.mark.parametrize("mode", MODES)
every_kind = pytest.mark.parametrize("kind", KINDS)

GOES_ON: dict[str, Any] = {"videos": video(5), "credits": Balance(1, 7, 0)}
DONE: dict[str, Any] = {"videos": video(1), "credits": Balance(1, 60, 40)}
VALUE = {"videos": 7, "credits": 100}
# Ten minutes after START, when the sensors below end.
UNTIL = "2026-01-05 09:10:00 UTC"
NO_CONNECTION = PixVerseConnectionNotFoundError("The Airflow connection 'pixverse_eu' does not exist")
HTTP_502 = PixVerseTransientError("HTTP 502")
NOT_FOUND = PixVerseNotFoundError("PixVerse refused: data not found.", err_code=500008)


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


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What the sensor says in its log, without what Airflow says there."""
    log = OwnLog()
    log.install(monkeypatch, PollingSensor)
    return log.lines


def bare(status: int) -> PixVerseError:
    """Return what a status without an envelope is read as."""
    if status in (401, 403):
        return PixVerseAuthenticationError(f"HTTP {status}", http_status=status)
    return PixVersePermanentError(f"HTTP {status}", http_status=status)


def made(kind: str, mode: str, **changes: Any) -> PollingSensor:
    arguments: dict[str, Any] = {"poke_interval": 10.0, "timeout": 600.0, "deferrable": mode == "deferrable"}
    arguments |= {} if mode == "deferrable" else {"mode": mode}
    arguments |= {"video_id": 7} if kind == "videos" else {"min_credits": 100}
    sensor_class: Any = PixVerseVideoSensor if kind == "videos" else PixVerseCreditSensor
    sensor: PollingSensor = sensor_class(task_id="wait", **(arguments | changes))
    return sensor


def context(*, is_first: bool = False) -> Any:
    first = None if is_first else datetime.fromtimestamp(START, UTC)
    return {
        "ti": SimpleNamespace(
            dag_id="films",
            run_id="manual",
            task_id="wait",
            map_index=-1,
            get_first_reschedule_date=lambda _: first,
            xcom_push=lambda **_: None,
        )
    }


def run(kind: str, mode: str, clock: Clock, *, is_first: bool = False, **arguments: Any) -> Any:
    """Run a sensor to its end, over all its deferrals, or over all the processes of its pokes."""
    while True:
        try:
            return run_to_its_end(made(kind, mode, **arguments), context(is_first=is_first), clock)
        except AirflowRescheduleException as again:
            is_first = False
            clock.go_to(again.reschedule_date.timestamp() - START)


def without_airflow(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [line for line in lines if not line[1].startswith("Success criteria met")]


@every_mode
@every_kind
class TestRefusalsThatMayComeOfAGateway:
    @pytest.mark.parametrize("error", [bare(401), bare(403), bare(404), bare(408)], ids=str)
    def test_for_ever_fail_it_at_the_third_in_a_row_and_for_good(
        self, service: Service, clock: Clock, kind: str, mode: str, error: PixVerseError
    ) -> None:
        service.afterwards = error
        with pytest.raises(AirflowFailException, match=str(error)):
            run(kind, mode, clock)
        # One that defers begins to count anew in the triggerer, where it goes on.
        assert len(service.polls) == (4 if mode == "deferrable" else 3)

    @pytest.mark.parametrize("error", [bare(401), bare(403), bare(404), bare(408)], ids=str)
    def test_twice_in_a_row_are_forgiven_as_often_as_anything_else_comes_between(
        self, service: Service, clock: Clock, kind: str, mode: str, error: PixVerseError
    ) -> None:
        two = [error, error]
        service.will(*two, GOES_ON[kind], *two, HTTP_502, *two, GOES_ON[kind], *two, DONE[kind])
        assert run(kind, mode, clock) == VALUE[kind]

    def test_skip_it_where_it_may_fail_softly(
        self, service: Service, clock: Clock, kind: str, mode: str
    ) -> None:
        service.afterwards = bare(403)
        with pytest.raises(AirflowSkipException):
            run(kind, mode, clock, soft_fail=True)


@every_mode
@every_kind
def test_an_error_that_ends_it_for_good_keeps_its_codes_and_ids(
    service: Service, clock: Clock, kind: str, mode: str
) -> None:
    service.afterwards = PixVerseError(
        "something new", err_code=799999, http_status=418, trace_id="t-1", video_id=7
    )
    with pytest.raises(PixVersePermanentError, match="something new") as caught:
        run(kind, mode, clock)
    error = caught.value
    assert (error.err_code, error.http_status, error.trace_id, error.video_id) == (799999, 418, "t-1", 7)


@every_mode
@pytest.mark.parametrize("status", [6, 8])
def test_a_video_that_ends_it_for_good_is_named_in_the_error(
    service: Service, clock: Clock, mode: str, status: int
) -> None:
    service.will(video(5), video(status))
    with pytest.raises(PixVersePermanentError) as caught:
        run("videos", mode, clock)
    assert caught.value.video_id == 7


@every_kind
class TestRescheduled:
    """Each poke is a process of its own, so what has to be counted is counted within one."""

    def test_polls_all_three_refusals_within_one_poke(
        self, service: Service, clock: Clock, kind: str
    ) -> None:
        service.afterwards = bare(403)
        with pytest.raises(AirflowFailException):
            made(kind, "reschedule").execute(context())
        assert service.polls == [0.0, 2.0, 4.0]

    def test_goes_on_in_the_next_poke_once_anything_else_has_come(
        self, service: Service, clock: Clock, kind: str
    ) -> None:
        service.will(bare(403), HTTP_502)
        with pytest.raises(AirflowRescheduleException):
            made(kind, "reschedule").execute(context())
        assert service.polls == [0.0, 2.0]

    def test_reads_a_missing_connection_three_times_within_one_poke(
        self, service: Service, clock: Clock, kind: str
    ) -> None:
        service.connection = NO_CONNECTION
        with pytest.raises(AirflowFailException, match="pixverse_eu"):
            made(kind, "reschedule").execute(context())
        assert service.connections_read == [0.0, 60.0, 120.0]

    def test_one_transient_error_takes_one_poll(self, service: Service, clock: Clock, kind: str) -> None:
        service.will(HTTP_502)
        with pytest.raises(AirflowRescheduleException):
            made(kind, "reschedule").execute(context())
        assert service.polls == [0.0]


@every_mode
@every_kind
class TestAConnectionThatDoesNotExist:
    def test_is_given_up_after_three_reads_over_two_minutes_and_named(
        self, service: Service, clock: Clock, kind: str, mode: str
    ) -> None:
        service.connection = NO_CONNECTION
        with pytest.raises(AirflowFailException, match="'pixverse_eu' does not exist"):
            run(kind, mode, clock, timeout=7 * 86400.0)
        assert len(service.connections_read) >= 3
        assert 120 <= service.connections_read[-1] <= 300
        assert service.polls == []

    def test_is_read_again_while_airflow_is_away_for_less(
        self, service: Service, clock: Clock, kind: str, mode: str
    ) -> None:
        def away_for_a_minute_and_a_half() -> Any:
            if clock.passed < 90:
                raise NO_CONNECTION
            return DONE[kind]

        service.afterwards = away_for_a_minute_and_a_half
        assert run(kind, mode, clock) == VALUE[kind]

    def test_is_no_verdict_where_it_could_be_read_in_between(
        self, service: Service, clock: Clock, kind: str, mode: str
    ) -> None:
        service.will(NO_CONNECTION, HTTP_502, NO_CONNECTION, GOES_ON[kind], NO_CONNECTION, DONE[kind])
        assert run(kind, mode, clock) == VALUE[kind]


@every_mode
@every_kind
class TestTransientErrors:
    def test_for_ever_end_at_the_timeout_and_the_last_is_named(
        self, service: Service, clock: Clock, kind: str, mode: str
    ) -> None:
        service.afterwards = HTTP_502
        with pytest.raises(AirflowSensorTimeout, match="The last poll failed: HTTP 502"):
            run(kind, mode, clock)
        assert len(service.polls) > 3

    def test_are_waited_out(self, service: Service, clock: Clock, kind: str, mode: str) -> None:
        service.will(*[HTTP_502] * 9, DONE[kind])
        assert run(kind, mode, clock, timeout=7200.0) == VALUE[kind]

    def test_a_pause_that_pixverse_asks_for_is_kept(
        self, service: Service, clock: Clock, kind: str, mode: str
    ) -> None:
        slow_down = PixVerseRateLimitError("slow down", http_status=429, retry_after=3.0)
        service.will(*[slow_down] * 5, DONE[kind])
        assert run(kind, mode, clock, poke_interval=1.0) == VALUE[kind]
        pauses = [later - earlier for earlier, later in itertools.pairwise(service.polls)]
        assert len(pauses) == 5
        assert min(pauses) >= 3.0

    def test_a_pause_that_is_longer_than_what_is_left_does_not_overrun_the_timeout(
        self, service: Service, clock: Clock, kind: str, mode: str
    ) -> None:
        service.afterwards = PixVerseRateLimitError("slow down", http_status=429, retry_after=3600.0)
        with pytest.raises(AirflowSensorTimeout):
            run(kind, mode, clock, poke_interval=1.0)
        # Airflow polls once more after its timeout, one interval later.
        assert 600 <= clock.passed <= 602

    def test_a_pause_that_was_asked_for_once_is_not_kept_for_ever(
        self, service: Service, clock: Clock, kind: str, mode: str
    ) -> None:
        service.will(PixVerseRateLimitError("slow down", retry_after=60.0), *[GOES_ON[kind]] * 3, DONE[kind])
        assert run(kind, mode, clock) == VALUE[kind]
        pauses = [later - earlier for earlier, later in itertools.pairwise(service.polls)]
        assert pauses[0] >= 60
        assert max(pauses[1:]) <= 11


@every_mode
class TestATimeout:
    @pytest.mark.parametrize(
        ("by_id", "said"),
        [
            (
                {7: video(5)},
                (
                    "Not done: PixVerse video 7. It goes on at PixVerse. Clear the sensor to wait for it "
                    "again."
                ),
            ),
            (
                {7: video(5), 8: video(5, 8)},
                (
                    "Not done: PixVerse videos 7, 8. They go on at PixVerse. Clear the sensor to wait for "
                    "them again."
                ),
            ),
            (
                {7: HTTP_502, 8: video(5, 8)},
                (
                    "Not done: PixVerse videos 7, 8. PixVerse video 8 goes on at PixVerse. Clear the sensor "
                    "to wait for them again. The last poll failed: HTTP 502"
                ),
            ),
            (
                {7: HTTP_502},
                (
                    "Not done: PixVerse video 7. Clear the sensor to wait for it again. The last poll "
                    "failed: HTTP 502"
                ),
            ),
        ],
        ids=["runs", "both run", "one runs", "nobody knows"],
    )
    def test_names_the_videos_that_are_not_done_and_says_which_are_known_to_go_on(
        self, service: Service, clock: Clock, mode: str, by_id: dict[int, Any], said: str
    ) -> None:
        service.afterwards = by_their_ids(by_id, service)
        with pytest.raises(AirflowSensorTimeout) as caught:
            run("videos", mode, clock, video_id=[*by_id])
        text = str(caught.value)
        assert text.endswith(said)
        assert "imed out" in text
        assert "paid" not in text

    def test_does_not_say_that_one_goes_on_which_pixverse_has_just_said_it_does_not_know(
        self, service: Service, clock: Clock, mode: str
    ) -> None:
        # One refusal is no verdict yet, and the time is over before there are three.
        service.will(video(5))
        service.afterwards = NOT_FOUND
        with pytest.raises((AirflowSensorTimeout, AirflowFailException)) as caught:
            run("videos", mode, clock, timeout=12.0, poke_interval=10.0)
        text = str(caught.value)
        assert "PixVerse knows no video 7 under the key of connection 'pixverse_default'." in text
        assert not any(word in text for word in ("paid", "goes on"))

    def test_names_every_video_of_a_list(self, service: Service, clock: Clock, mode: str) -> None:
        with pytest.raises(AirflowSensorTimeout) as caught:
            run("videos", mode, clock, video_id=[7, 8, 9])
        assert all(f"{video_id}" in str(caught.value) for video_id in (7, 8, 9))

    def test_leaves_out_those_that_are_done(self, service: Service, clock: Clock, mode: str) -> None:
        service.afterwards = by_their_ids({7: video(1), 8: video(5, 8)}, service)
        with pytest.raises(AirflowSensorTimeout) as caught:
            run("videos", mode, clock, video_id=[7, 8])
        assert "PixVerse video 8" in str(caught.value)
        assert "video 7" not in str(caught.value)

    def test_of_credits_says_how_many_are_waited_for(self, service: Service, clock: Clock, mode: str) -> None:
        service.afterwards = Balance(1, 7, 0)
        with pytest.raises(AirflowSensorTimeout) as caught:
            run("credits", mode, clock)
        assert str(caught.value).endswith(
            "100 credits were waited for on connection 'pixverse_default', and there are 7: top up, or lower "
            "min_credits."
        )

    def test_of_credits_that_could_not_be_read_names_no_number(
        self, service: Service, clock: Clock, mode: str
    ) -> None:
        service.afterwards = HTTP_502
        with pytest.raises(AirflowSensorTimeout) as caught:
            run("credits", mode, clock)
        assert str(caught.value).endswith(
            "100 credits were waited for on connection 'pixverse_default'. The last poll failed: HTTP 502"
        )

    @every_kind
    def test_is_a_skip_that_says_the_same_where_it_may_fail_softly(
        self, service: Service, clock: Clock, kind: str, mode: str
    ) -> None:
        service.afterwards = GOES_ON[kind]
        with pytest.raises(AirflowSkipException) as caught:
            run(kind, mode, clock, soft_fail=True)
        # Airflow itself turns the error of a deferred sensor into a skip, and keeps it as the cause.
        said = f"{caught.value} {caught.value.__cause__}"
        assert ("PixVerse video 7" if kind == "videos" else "100 credits were") in said

    def test_names_statuses_that_nobody_knows(self, service: Service, clock: Clock, mode: str) -> None:
        service.afterwards = Video(7, 9)
        with pytest.raises(AirflowSensorTimeout, match=r"a status that PixVerse does not document: 9\."):
            run("videos", mode, clock)

    def test_names_a_video_that_is_done_without_a_url(
        self, service: Service, clock: Clock, mode: str
    ) -> None:
        service.afterwards = Video(7, 1)
        with pytest.raises(AirflowSensorTimeout, match="says that it is done, but has given no URL"):
            run("videos", mode, clock)


def test_a_timeout_does_not_speak_of_what_was_odd_about_a_video_that_is_done(
    service: Service, clock: Clock
) -> None:
    service.will(Video(7, 9), video(5), video(1))
    with pytest.raises(AirflowSensorTimeout) as caught:
        run("videos", "poke", clock, video_id=[7, 8])
    assert "PixVerse video 8" in str(caught.value)
    assert "document" not in str(caught.value)


def test_a_deferred_timeout_names_those_too_whose_last_answer_came_late(
    service: Service, clock: Clock
) -> None:
    service.answers_take = {8: 0.5, 9: 1.5}
    with pytest.raises(AirflowSensorTimeout, match=r"Not done: PixVerse videos 7, 8, 9\."):
        run("videos", "deferrable", clock, video_id=[7, 8, 9])


def test_a_timeout_names_what_is_waited_for_and_what_was_odd_about_it(service: Service, clock: Clock) -> None:
    service.afterwards = by_their_ids({7: Video(7, 1), 8: Video(8, 9)}, service)
    with pytest.raises(AirflowSensorTimeout) as caught:
        run("videos", "poke", clock, video_id=[7, 8])
    assert str(caught.value).endswith(
        ". Not done: PixVerse videos 7, 8. Clear the sensor to wait for them again. PixVerse video 7: "
        "PixVerse says that it is done, but has given no URL for it. PixVerse "
        "video 8: It has had a status that PixVerse does not document: 9."
    )


def test_a_timeout_of_credits_names_the_connection(service: Service, clock: Clock) -> None:
    service.afterwards = Balance(1, 7, 0)
    with pytest.raises(AirflowSensorTimeout) as caught:
        run("credits", "poke", clock)
    assert str(caught.value).endswith(
        ". 100 credits were waited for on connection 'pixverse_default', and there are 7: top up, or lower "
        "min_credits."
    )


def by_their_ids(by_id: dict[int, Any], service: Service) -> Any:
    return lambda: by_id[service.polled[-1][1]]


@every_mode
class TestVideos:
    def test_one_that_is_done_without_a_url_is_waited_for_until_it_has_one(
        self, service: Service, clock: Clock, mode: str
    ) -> None:
        service.will(*[Video(7, 1)] * 4, video(1))
        assert run("videos", mode, clock) == 7
        assert len(service.polls) == 5

    def test_a_sensor_gives_none_up_however_old_it_is(
        self, service: Service, clock: Clock, mode: str
    ) -> None:
        def done_after_five_hours() -> Any:
            return video(1 if clock.passed > 5 * 3600 else 5)

        service.afterwards = done_after_five_hours
        assert run("videos", mode, clock, timeout=6 * 3600.0, poke_interval=60.0) == 7

    def test_one_that_pixverse_does_not_know_fails_it_after_three_polls(
        self, service: Service, clock: Clock, mode: str
    ) -> None:
        service.afterwards = NOT_FOUND
        with pytest.raises(AirflowFailException) as caught:
            run("videos", mode, clock)
        assert type(caught.value) is PixVerseNotFoundError
        assert str(caught.value) == (
            "PixVerse knows no video 7 under the key of connection 'pixverse_default'. PixVerse refused: "
            "data not found."
        )

    @pytest.mark.parametrize("status", [6, 7, 8])
    def test_one_that_can_never_be_done_fails_it_for_good(
        self, service: Service, clock: Clock, mode: str, status: int
    ) -> None:
        service.will(video(5), video(status))
        with pytest.raises(AirflowFailException, match=f"PixVerse video 7 .*status {status}"):
            run("videos", mode, clock)

    def test_one_that_can_never_be_done_says_more_than_those_that_only_run_out_of_time(
        self, service: Service, clock: Clock, mode: str
    ) -> None:
        def the_last_fails_at_the_end() -> Any:
            return video(8 if service.polled[-1][1] == 9 and clock.passed >= 599 else 5)

        service.afterwards = the_last_fails_at_the_end
        with pytest.raises(AirflowFailException, match="PixVerse video 9 failed"):
            run("videos", mode, clock, video_id=[7, 8, 9])


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
@every_kind
class TestThePausesBetweenPokes:
    def pauses(self, service: Service) -> list[float]:
        return [later - earlier for earlier, later in itertools.pairwise(service.polls)]

    def test_may_be_shorter_than_a_second(self, service: Service, clock: Clock, kind: str, mode: str) -> None:
        service.will(*[GOES_ON[kind]] * 3, DONE[kind])
        assert run(kind, mode, clock, poke_interval=0.5) == VALUE[kind]
        assert self.pauses(service) == pytest.approx([0.5] * 3)

    def test_grow_where_the_user_wants_that(
        self, service: Service, clock: Clock, kind: str, mode: str
    ) -> None:
        service.will(*[GOES_ON[kind]] * 5, DONE[kind])
        assert run(kind, mode, clock, timeout=7200.0, exponential_backoff=True) == VALUE[kind]
        pauses = self.pauses(service)
        assert pauses == sorted(pauses)
        assert pauses[-1] > 50


@every_kind
def test_after_errors_the_pauses_are_measured_in_the_interval_of_the_user(
    service: Service, clock: Clock, kind: str
) -> None:
    service.will(*[HTTP_502] * 3, DONE[kind])
    assert run(kind, "poke", clock, poke_interval=60.0) == VALUE[kind]
    pauses = [later - earlier for earlier, later in itertools.pairwise(service.polls)]
    # Two, four and eight intervals, each spread downwards by up to a half.
    assert [low <= pause <= 2 * low for low, pause in zip((60, 120, 150), pauses, strict=True)] == [True] * 3


class TestTheLog:
    def test_of_videos(self, service: Service, clock: Clock, said: list[tuple[str, str]]) -> None:
        service.will(video(5), HTTP_502, video(9), video(1))
        run("videos", "poke", clock)
        assert without_airflow(said) == [
            ("INFO", f"Waiting for PixVerse video 7 in this worker until {UNTIL}, polling every 10 s."),
            ("WARNING", "Polling again later: HTTP 502"),
            (
                "WARNING",
                (
                    "PixVerse video 7 can be read again. PixVerse video 7 has status 9, which PixVerse does "
                    "not document; it counts as running."
                ),
            ),
            ("INFO", f"PixVerse video 7 is done after {clock.passed:.0f} s."),
        ]

    def test_of_many_videos_says_which_are_left_when_that_has_changed(
        self, service: Service, clock: Clock, said: list[tuple[str, str]]
    ) -> None:
        service.will(video(5), video(5), video(1), video(5), video(1))
        run("videos", "poke", clock, video_id=[7, 8])
        assert without_airflow(said) == [
            ("INFO", f"Waiting for PixVerse videos 7, 8 in this worker until {UNTIL}, polling every 10 s."),
            ("INFO", "Still waiting after 10 s for PixVerse video 8."),
            ("INFO", "PixVerse videos 7, 8 are done after 20 s."),
        ]

    @every_kind
    @pytest.mark.parametrize("mode", ["poke", "deferrable"])
    @pytest.mark.parametrize("poke_interval", [10.0, 290.0, 1500.0])
    def test_of_a_wait_has_a_line_every_five_minutes_however_rarely_it_polls(
        self,
        service: Service,
        clock: Clock,
        kind: str,
        mode: str,
        monkeypatch: pytest.MonkeyPatch,
        poke_interval: float,
    ) -> None:
        told: list[float] = []
        log = SimpleNamespace(info=lambda *_: told.append(clock.passed), debug=lambda *_, **__: None)
        log.warning = lambda *_: None
        for of in (PollingSensor, PixVerseVideoTrigger, PixVerseCreditTrigger):
            monkeypatch.setattr(of, "log", log)
        service.afterwards = GOES_ON[kind]
        with pytest.raises(AirflowSensorTimeout):
            run(kind, mode, clock, poke_interval=poke_interval, timeout=4000.0)
        gaps = [later - earlier for earlier, later in itertools.pairwise([0.0, *told, clock.passed])]
        assert max(gaps) <= 300.1
        assert len(told) <= 30

    @every_kind
    def test_of_a_poke_that_is_a_process_of_its_own_says_for_how_long_it_has_been(
        self, service: Service, clock: Clock, kind: str, said: list[tuple[str, str]]
    ) -> None:
        service.will(GOES_ON[kind], GOES_ON[kind], DONE[kind])
        run(kind, "reschedule", clock, is_first=True)
        left = "PixVerse video 7" if kind == "videos" else "100 credits (there are 7)"
        reached = "PixVerse video 7 is done" if kind == "videos" else "There are 100 credits"
        assert without_airflow(said) == [
            (
                "INFO",
                f"Waiting for {left} by a new process for each poll until {UNTIL}, polling every 10 s.",
            ),
            ("INFO", f"Still waiting after 10 s for {left}."),
            ("INFO", f"{reached} after 20 s."),
        ]

    @every_kind
    def test_of_a_deferred_wait_says_until_when_and_how_often_it_is_polled(
        self, service: Service, clock: Clock, kind: str, said: list[tuple[str, str]]
    ) -> None:
        service.will(GOES_ON[kind], DONE[kind])
        run(kind, "deferrable", clock)
        left = "PixVerse video 7" if kind == "videos" else "100 credits (there are 7)"
        reached = "PixVerse video 7 is done" if kind == "videos" else "There are 100 credits"
        where = "in the triggerer, which holds no worker,"
        assert said == [
            ("INFO", f"Waiting for {left} {where} until {UNTIL}, polling every 10 s."),
            ("INFO", f"{reached} after {clock.passed:.0f} s."),
        ]

    def test_of_credits(self, service: Service, clock: Clock, said: list[tuple[str, str]]) -> None:
        service.will(Balance(1, 7, 0), HTTP_502, Balance(1, 60, 40))
        run("credits", "poke", clock)
        left = "100 credits (there are 7)"
        assert without_airflow(said) == [
            ("INFO", f"Waiting for {left} in this worker until {UNTIL}, polling every 10 s."),
            ("WARNING", "Polling again later: HTTP 502"),
            ("INFO", f"There are 100 credits after {clock.passed:.0f} s."),
        ]

    def test_of_an_empty_list_says_that_there_is_nothing_to_wait_for(
        self, service: Service, clock: Clock, said: list[tuple[str, str]]
    ) -> None:
        assert run("videos", "poke", clock, video_id=[]) == []
        assert said[0] == ("INFO", "video_id is an empty list: there is nothing to wait for.")

    def test_of_a_kill_names_the_videos_that_go_on(self, said: list[tuple[str, str]]) -> None:
        sensor: Any = made("videos", "poke", video_id=[7, 8])
        sensor.on_kill()
        assert said == [
            ("WARNING", "The sensor was killed; PixVerse cannot cancel a job, so what runs goes on: [7, 8]")
        ]

    def test_of_a_deferred_wait_has_every_other_video_that_can_be_no_success(
        self, said: list[tuple[str, str]]
    ) -> None:
        results = [
            WaitResult(Outcome.TIMEOUT, 5, 60.0),
            *(WaitResult(Outcome.FAILED, video_id, 60.0) for video_id in (6, 7, 8)),
            WaitResult(Outcome.SUCCESS, 9, 60.0),
        ]
        sensor: Any = made("videos", "deferrable", video_id=[5, 6, 7, 8, 9])
        with pytest.raises(PixVersePermanentError) as caught:
            sensor.execute_complete(context(), make_event(results, None))
        failed = "PixVerse video {} failed at PixVerse (status 8) and is refunded there."
        assert str(caught.value) == failed.format(6)
        assert said == [
            ("ERROR", failed.format(7)),
            ("ERROR", failed.format(8)),
            (
                "ERROR",
                ("Not done: PixVerse video 5. Clear the sensor to wait for it again."),
            ),
        ]


@every_kind
@pytest.mark.parametrize("switch", ["soft_fail", "never_fail"])
def test_a_text_is_no_switch_since_airflow_would_skip_what_has_failed(kind: str, switch: str) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match=f"^{switch} must be True or False, not 'False'"):
        made(kind, "poke", **{switch: "False"})


@every_kind
class TestAnExecutionTimeout:
    def test_that_is_shorter_ends_a_deferred_wait_so_that_a_retry_follows(
        self, service: Service, clock: Clock, kind: str
    ) -> None:
        service.afterwards = GOES_ON[kind]
        with pytest.raises(AirflowTaskTimeout, match="7" if kind == "videos" else "100 credits"):
            run(kind, "deferrable", clock, execution_timeout=timedelta(seconds=60))
        assert clock.passed == pytest.approx(60)

    @pytest.mark.parametrize("execution_timeout", [None, timedelta(hours=1), timedelta(seconds=600)])
    def test_that_is_not_shorter_leaves_it_to_the_timeout_of_the_sensor(
        self, service: Service, clock: Clock, kind: str, execution_timeout: Any
    ) -> None:
        service.afterwards = GOES_ON[kind]
        with pytest.raises(AirflowSensorTimeout):
            run(kind, "deferrable", clock, execution_timeout=execution_timeout)
        assert clock.passed == pytest.approx(600)


@every_kind
class TestADeferral:
    def deferral(self, kind: str, clock: Clock, **arguments: Any) -> TaskDeferred:
        with pytest.raises(TaskDeferred) as caught:
            made(kind, "deferrable", **arguments).execute(context())
        return caught.value

    @pytest.mark.parametrize("timeout", [0.0, 2.0, 6.9])
    def test_does_not_fire_sooner_than_seven_seconds_however_little_time_is_left(
        self, service: Service, clock: Clock, kind: str, timeout: float
    ) -> None:
        service.afterwards = GOES_ON[kind]
        arguments = self.deferral(kind, clock, timeout=timeout).trigger.serialize()[1]
        assert (arguments["not_before"], arguments["deadline"]) == (START + 7, START + 7)
        with pytest.raises(AirflowSensorTimeout):
            run(kind, "deferrable", clock, timeout=timeout)
        assert service.polls[-1] - service.polls[-2] == pytest.approx(7.0)

    def test_has_the_deadline_of_the_sensor_and_a_net_of_airflow_below_it(
        self, service: Service, clock: Clock, kind: str
    ) -> None:
        service.afterwards = GOES_ON[kind]
        deferral = self.deferral(kind, clock)
        arguments = deferral.trigger.serialize()[1]
        assert (arguments["started_at"], arguments["deadline"]) == (START, START + 600)
        assert arguments["pixverse_conn_id"] == "pixverse_default"
        assert deferral.timeout == timedelta(seconds=600) + timedelta(hours=1)

    @pytest.mark.parametrize("poke_interval", [0.0, 0.1, 1.0])
    def test_polls_at_most_once_a_second_since_there_are_thousands_in_a_triggerer(
        self, service: Service, clock: Clock, kind: str, poke_interval: float
    ) -> None:
        service.will(*[GOES_ON[kind]] * 9, DONE[kind])
        assert run(kind, "deferrable", clock, poke_interval=poke_interval) == VALUE[kind]
        pauses = [later - earlier for earlier, later in itertools.pairwise(service.polls)]
        assert len(pauses) == 9
        assert min(pauses) >= 1.0

    def test_keeps_to_a_pause_that_pixverse_has_asked_the_first_poll_for(
        self, service: Service, clock: Clock, kind: str
    ) -> None:
        service.will(PixVerseRateLimitError("slow down", retry_after=45.0), DONE[kind])
        assert run(kind, "deferrable", clock) == VALUE[kind]
        assert service.polls[1] >= 45

    def test_fires_in_time_where_that_pause_is_longer_than_what_is_left(
        self, service: Service, clock: Clock, kind: str
    ) -> None:
        service.will(PixVerseRateLimitError("slow down", retry_after=3600.0), DONE[kind])
        assert run(kind, "deferrable", clock) == VALUE[kind]
        assert service.polls[1] == pytest.approx(600)


@pytest.mark.parametrize("mode", ["poke", "reschedule", "deferrable"])
@pytest.mark.parametrize(
    ("sensor", "waits_for"),
    [(PixVerseVideoSensor, {"video_id": 7}), (PixVerseCreditSensor, {"min_credits": 7})],
)
def test_what_is_no_id_of_a_connection_fails_at_once_and_is_no_poll_that_failed(
    clock: Clock, service: Service, sensor: Any, waits_for: dict[str, int], mode: str
) -> None:
    waits = {"deferrable": True} if mode == "deferrable" else {"mode": mode}
    task = sensor(task_id="wait", pixverse_conn_id=5, **waits_for, **waits)
    with pytest.raises(PixVerseInvalidRequestError, match=r"^pixverse_conn_id must be the id of an Airflow"):
        run_to_its_end(task, TaskRun(task).context, clock)
    assert (clock.slept, service.polls) == ([], [])
