"""The sensor: which ids it takes, and how it looks at them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    PokeReturnValue,
    TaskDeferred,
)

from pixverse_provider.exceptions import PixVerseInvalidRequestError
from pixverse_provider.polling import Outcome, WaitResult, make_event
from pixverse_provider.sensors.video import PixVerseVideoSensor
from tests.unit.connections import set_connection
from tests.unit.scripted_server import bad_gateway, success

if TYPE_CHECKING:
    from tests.unit.scripted_server import Behaviour, ScriptedServer

CONTEXT: Any = {}


@pytest.fixture(autouse=True)
def _connection(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    set_connection(monkeypatch, server.url)


def sensor(video_id: Any = 7, **arguments: Any) -> PixVerseVideoSensor:
    return PixVerseVideoSensor(task_id="wait", video_id=video_id, **arguments)


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
    server.afterwards = lambda request: success({"id": request.path.rpartition("/")[2], "status": 1})
    poked = sensor(video_id).poke(CONTEXT)
    assert isinstance(poked, PokeReturnValue)
    assert poked.is_done
    assert poked.xcom_value == value
    assert [request.path.rpartition("/")[2] for request in server.requests] == asked


@pytest.mark.parametrize(
    "video_id", [None, "", "None", 0, 1.5, [], "[]", "[7", "[1.5]", [7, None], "x"], ids=repr
)
def test_an_id_that_is_none_is_named_before_any_call(video_id: Any) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match="video_id"):
        sensor(video_id).poke(CONTEXT)


def test_it_looks_again_while_one_of_them_runs(server: ScriptedServer) -> None:
    server.will(success({"id": 7, "status": 1}), success({"id": 8, "status": 5}))
    assert sensor([7, 8]).poke(CONTEXT) is False


def test_trouble_that_passes_never_fails_it(server: ScriptedServer) -> None:
    server.will(bad_gateway())
    assert sensor().poke(CONTEXT) is False


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
    with pytest.raises(AirflowSensorTimeout, match="PixVerse video 7 was not done"):
        sensor().execute_complete(CONTEXT, make_event([WaitResult(Outcome.TIMEOUT, 7, 60.0)], None))


def test_it_looks_once_before_it_defers(server: ScriptedServer) -> None:
    server.will(success({"id": 7, "status": 1}))
    assert sensor(deferrable=True).execute(CONTEXT) == 7


def test_deferrable_it_leaves_a_list_to_the_triggerer_from_the_first_that_is_not_done(
    server: ScriptedServer,
) -> None:
    server.will(success({"id": 7, "status": 1}), success({"id": 8, "status": 5}))
    with pytest.raises(TaskDeferred) as caught:
        sensor([7, 8, 9], deferrable=True).execute(CONTEXT)
    assert caught.value.trigger.serialize()[1]["video_ids"] == ["7", "8", "9"]
    assert [request.path.rpartition("/")[2] for request in server.requests] == ["7", "8"]


def test_it_does_not_ask_again_for_one_that_it_has_seen_to_be_done(server: ScriptedServer) -> None:
    task = sensor([7, 8])
    server.will(success({"id": 7, "status": 1}), success({"id": 8, "status": 5}))
    assert task.poke(CONTEXT) is False
    server.will(success({"id": 8, "status": 1}))
    assert isinstance(task.poke(CONTEXT), PokeReturnValue)
    assert [request.path.rpartition("/")[2] for request in server.requests] == ["7", "8", "8"]


@pytest.mark.parametrize("timeout", [300, 2])
def test_it_defers_with_its_deadline_and_a_first_look_that_is_not_too_early(
    server: ScriptedServer, timeout: float
) -> None:
    looked_at: list[float] = []

    def running(_: object) -> Behaviour:
        looked_at.append(time.time())
        return success({"id": 7, "status": 5})

    server.afterwards = running
    with pytest.raises(TaskDeferred) as caught:
        sensor(deferrable=True, timeout=timeout, poke_interval=20).execute(CONTEXT)
    _, arguments = caught.value.trigger.serialize()
    assert (arguments["video_ids"], arguments["poll_interval"], arguments["job"]) == (["7"], 20, None)
    # The look has taken some of the time since the start, and the 7 s count from the deferral.
    assert arguments["not_before"] >= looked_at[0] + 7.0
    assert arguments["deadline"] == max(arguments["started_at"] + timeout, arguments["not_before"])
