"""The sensor: which ids it takes, and how it polls them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    PokeReturnValue,
    TaskDeferred,
)

from pixverse_provider.exceptions import PixVerseInvalidRequestError
from pixverse_provider.jobs.outcome import Outcome, WaitResult, make_event
from pixverse_provider.sensors.video import PixVerseVideoSensor
from tests.unit.connections import KEY, set_connection
from tests.unit.scripted_server import bad_gateway, refusal, success

if TYPE_CHECKING:
    from tests.unit.scripted_server import Behaviour, ScriptedServer

CONTEXT: Any = {}
OTHER_KEY = "sk-another-key"


def changing_the_key(
    monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, behaviour: Behaviour
) -> Behaviour:
    """Behave so, and let the connection have another key from then on."""

    def behave(handler: Any) -> None:
        set_connection(monkeypatch, server.url, password=OTHER_KEY)
        behaviour(handler)

    return behave


@pytest.fixture(autouse=True)
def _connection(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    set_connection(monkeypatch, server.url)


def sensor(video_id: Any = 7, **arguments: Any) -> PixVerseVideoSensor:
    return PixVerseVideoSensor(task_id="wait", video_id=video_id, **arguments)


def done(video_id: Any) -> Behaviour:
    return success({"id": video_id, "status": 1, "url": "https://media.pixverse.ai/a.mp4"})


@pytest.mark.parametrize(
    ("video_id", "asked", "value"),
    [
        (7, ["7"], 7),
        ("7", ["7"], 7),
        ([7, "8"], ["7", "8"], [7, 8]),
        ((7, 8), ["7", "8"], [7, 8]),
        ("[7, 8]", ["7", "8"], [7, 8]),
        ('["18446744073709551615"]', ["18446744073709551615"], ["18446744073709551615"]),
        ("18446744073709551615", ["18446744073709551615"], "18446744073709551615"),
    ],
)
def test_one_id_or_a_list_may_be_given_and_comes_back_in_its_order(
    server: ScriptedServer, video_id: Any, asked: list[str], value: Any
) -> None:
    server.afterwards = lambda request: done(request.path.rpartition("/")[2])
    poked = sensor(video_id).poke(CONTEXT)
    assert isinstance(poked, PokeReturnValue)
    assert poked.is_done
    assert poked.xcom_value == value
    assert [request.path.rpartition("/")[2] for request in server.requests] == asked


@pytest.mark.parametrize("video_id", [None, "", "None", 0, 1.5, "[7", "[1.5]", [7, None], "x"], ids=repr)
def test_an_id_that_is_none_is_named_before_any_call(video_id: Any) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match=r"\bvideo_id\b"):
        sensor(video_id).poke(CONTEXT)


def test_it_polls_again_while_one_of_them_runs(server: ScriptedServer) -> None:
    server.will(done(7), success({"id": 8, "status": 5}))
    assert sensor([7, 8]).poke(CONTEXT) is False


def test_a_transient_error_never_fails_it(server: ScriptedServer) -> None:
    server.will(bad_gateway())
    assert sensor().poke(CONTEXT) is False


class TestARefusedKey:
    @pytest.mark.parametrize("deferrable", [False, True])
    @pytest.mark.parametrize("err_code", [10001, 10002, 10003, 10004, 10005, 400012])
    def test_is_not_sent_again_and_fails_it_with_an_error_that_names_the_video(
        self, server: ScriptedServer, err_code: int, *, deferrable: bool
    ) -> None:
        server.will(refusal(err_code, f"key {KEY} unknown"))
        with pytest.raises(AirflowFailException, match="PixVerse video 7 cannot be waited for") as caught:
            sensor([7, 8, 9], deferrable=deferrable).execute(CONTEXT)
        assert len(server.requests) == 1
        assert KEY not in str(caught.value)
        assert not any(word in str(caught.value) for word in ("paid", "goes on"))

    @pytest.mark.parametrize("deferrable", [False, True])
    def test_is_replaced_by_the_one_that_the_connection_has_now(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, *, deferrable: bool
    ) -> None:
        server.will(changing_the_key(monkeypatch, server, refusal(400012)), done(7), done(8))
        assert sensor([7, 8], deferrable=deferrable).execute(CONTEXT) == [7, 8]
        assert [request.headers["api-key"] for request in server.requests] == [KEY, OTHER_KEY, OTHER_KEY]

    def test_that_is_another_one_and_refused_as_well_fails_it(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.will(changing_the_key(monkeypatch, server, refusal(400012)), refusal(400012))
        with pytest.raises(AirflowFailException, match="400012"):
            sensor().execute(CONTEXT)
        assert len(server.requests) == 2


@pytest.mark.parametrize("status", [6, 7, 8])
def test_a_video_that_can_never_be_done_fails_it_for_good(server: ScriptedServer, status: int) -> None:
    server.will(success({"id": 7, "status": status}))
    with pytest.raises(AirflowFailException, match=f"status {status}"):
        sensor().poke(CONTEXT)


@pytest.mark.parametrize("outcome", [Outcome.DELETED, Outcome.MODERATED, Outcome.FAILED])
def test_so_it_is_when_deferred(outcome: Outcome) -> None:
    with pytest.raises(AirflowFailException, match="PixVerse video 7"):
        sensor().execute_complete(CONTEXT, make_event([WaitResult(outcome, 7, 1.0)], None))


def test_a_deferred_wait_that_takes_too_long_is_a_timeout_of_a_sensor() -> None:
    with pytest.raises(AirflowSensorTimeout, match=r"Not done: PixVerse video 7\."):
        sensor().execute_complete(CONTEXT, make_event([WaitResult(Outcome.TIMEOUT, 7, 60.0)], None))


@pytest.mark.parametrize(
    ("timed_out", "videos", "them"), [([7], "video 7", "it"), ([7, 8, 9], "videos 7, 8, 9", "them")]
)
def test_a_deferred_wait_that_takes_too_long_names_all_that_are_not_done(
    timed_out: list[int], videos: str, them: str
) -> None:
    late = [WaitResult(Outcome.TIMEOUT, video_id, 60.0) for video_id in timed_out]
    with pytest.raises(AirflowSensorTimeout) as caught:
        sensor([7, 8, 9]).execute_complete(CONTEXT, make_event(late, None))
    assert str(caught.value) == (
        f"The sensor has timed out after 60 s. Not done: PixVerse {videos}. Clear the sensor to wait for "
        f"{them} again."
    )


def test_a_deferred_sensor_that_may_fail_softly_says_why_it_is_skipped(server: ScriptedServer) -> None:
    server.will(success({"id": 7, "status": 7}))
    with pytest.raises(AirflowSkipException) as caught:
        sensor(deferrable=True, soft_fail=True).execute(CONTEXT)
    assert str(caught.value) == (
        "Skipping, since soft_fail is set: PixVerse video 7 did not pass the content moderation of PixVerse "
        "(status 7) and is refunded there. Change the prompt, text or media: the same content is refused "
        "again."
    )


@pytest.mark.parametrize(
    ("soft_fail", "raised"), [(False, AirflowSensorTimeout), (True, AirflowSkipException)]
)
def test_a_deferred_wait_that_takes_too_long_says_the_same_where_it_may_fail_softly(
    soft_fail: bool, raised: type[Exception]
) -> None:
    late = [WaitResult(Outcome.TIMEOUT, video_id, 60.0) for video_id in (7, 8)]
    with pytest.raises(raised) as caught:
        sensor([7, 8], soft_fail=soft_fail).execute_complete(CONTEXT, make_event(late, None))
    assert str(caught.value) == (
        "The sensor has timed out after 60 s. Not done: PixVerse videos 7, 8. Clear the sensor to wait for "
        "them again."
    )


def test_it_polls_once_before_it_defers(server: ScriptedServer) -> None:
    server.will(done(7))
    assert sensor(deferrable=True).execute(CONTEXT) == 7


def test_deferrable_it_leaves_a_list_to_the_triggerer_from_the_first_that_is_not_done(
    server: ScriptedServer,
) -> None:
    server.will(done(7), success({"id": 8, "status": 5}))
    with pytest.raises(TaskDeferred) as caught:
        sensor([7, 8, 9], deferrable=True).execute(CONTEXT)
    assert caught.value.trigger.serialize()[1]["video_ids"] == ["7", "8", "9"]
    assert [request.path.rpartition("/")[2] for request in server.requests] == ["7", "8"]


def test_it_does_not_ask_again_for_one_that_is_done(server: ScriptedServer) -> None:
    task = sensor([7, 8])
    server.will(done(7), success({"id": 8, "status": 5}))
    assert task.poke(CONTEXT) is False
    server.will(done(8))
    assert isinstance(task.poke(CONTEXT), PokeReturnValue)
    assert [request.path.rpartition("/")[2] for request in server.requests] == ["7", "8", "8"]


@pytest.mark.parametrize("timeout", [3600, 2])
def test_it_defers_with_its_deadline_and_a_first_poll_that_is_not_too_early(
    server: ScriptedServer, timeout: float
) -> None:
    polled_at: list[float] = []

    def running(_: object) -> Behaviour:
        polled_at.append(time.time())
        return success({"id": 7, "status": 5})

    server.afterwards = running
    with pytest.raises(TaskDeferred) as caught:
        sensor(deferrable=True, timeout=timeout, poke_interval=20).execute(CONTEXT)
    _, arguments = caught.value.trigger.serialize()
    assert (arguments["video_ids"], arguments["poll_interval"], arguments["job"]) == (["7"], 20, None)
    # The poll has taken some of the time since the start, and the 7 s count from the deferral.
    assert arguments["not_before"] >= polled_at[0] + 7.0
    assert arguments["deadline"] == max(arguments["started_at"] + timeout, arguments["not_before"])
