"""The sensor that waits for credits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from pixverse_provider.exceptions import (
    PixVerseAuthenticationError,
    PixVerseInvalidRequestError,
    PixVerseTriggerEventError,
)
from pixverse_provider.sensors.credit import PixVerseCreditSensor
from tests.support.tasks import TaskRun
from tests.unit.connections import KEY, set_connection
from tests.unit.scripted_server import refusal, success

if TYPE_CHECKING:
    from tests.unit.scripted_server import Behaviour, ScriptedServer


@pytest.fixture(autouse=True)
def _connection(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    set_connection(monkeypatch, server.url)


def sensor(min_credits: Any = 100, **arguments: Any) -> PixVerseCreditSensor:
    return PixVerseCreditSensor(task_id="credits", min_credits=min_credits, **arguments)


def balance(monthly: int, package: int = 0) -> Behaviour:
    return success({"account_id": 1, "credit_monthly": monthly, "credit_package": package})


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("min_credits", [100, "100"])
def test_it_returns_what_can_be_spent_once_that_is_enough(
    server: ScriptedServer, min_credits: Any, *, deferrable: bool
) -> None:
    server.will(balance(60, 40))
    assert TaskRun(sensor(min_credits, deferrable=deferrable)).attempt() == 100


def test_it_polls_again_while_there_are_too_few(server: ScriptedServer) -> None:
    server.will(balance(99))
    assert sensor().poke({}) is False


def test_transient_errors_never_fail_it(server: ScriptedServer) -> None:
    server.will(refusal(500100), refusal(500100), refusal(500069), refusal(500100))
    one = sensor()
    # One HTTP attempt each: the next poke is the next poll.
    assert [one.poke({}) for _ in range(4)] == [False] * 4


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("soft_fail", [False, True])
def test_a_key_that_is_not_accepted_fails_or_skips_it_at_once(
    server: ScriptedServer, *, soft_fail: bool, deferrable: bool
) -> None:
    server.will(refusal(400012))
    expected = AirflowSkipException if soft_fail else AirflowFailException
    with pytest.raises(expected):
        TaskRun(sensor(soft_fail=soft_fail, deferrable=deferrable)).attempt()
    assert len(server.requests) == 1


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_key_that_was_changed_is_tried(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, *, deferrable: bool
) -> None:
    def refuse_and_change_the_key(handler: Any) -> None:
        set_connection(monkeypatch, server.url, password="sk-another-key")
        refusal(400012)(handler)

    server.will(refuse_and_change_the_key, balance(100))
    assert TaskRun(sensor(deferrable=deferrable)).attempt() == 100
    assert [request.headers["api-key"] for request in server.requests] == [KEY, "sk-another-key"]


@pytest.mark.parametrize("min_credits", [None, "", 0, -1, "many", 1.5, "None"])
def test_a_number_that_is_none_is_named_before_any_call(min_credits: Any) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match=r"\bmin_credits\b"):
        sensor(min_credits).poke({})


def test_one_credit_may_be_waited_for(server: ScriptedServer) -> None:
    server.will(balance(1))
    assert TaskRun(sensor(1)).attempt() == 1


def test_it_waits_in_the_triggerer_with_its_deadline(server: ScriptedServer) -> None:
    server.will(balance(99))
    with pytest.raises(TaskDeferred) as caught:
        TaskRun(sensor("100", deferrable=True, timeout=3600)).attempt()
    _, arguments = caught.value.trigger.serialize()
    assert arguments["min_credits"] == 100
    assert arguments["deadline"] - arguments["started_at"] == 3600
    assert arguments["not_before"] >= arguments["started_at"] + 7


class TestTheEnd:
    EVENT = {"credits": 100, "enough": True, "waited": 61.0, "error": None}  # noqa: RUF012 - only read
    TIMED_OUT = (
        "The sensor has timed out after 61 s. 100 credits were waited for on connection 'pixverse_default', "
        "and there are 7: top up, or lower min_credits."
    )

    def test_enough_is_returned(self) -> None:
        assert sensor().execute_complete({}, self.EVENT) == 100

    def test_a_timeout_is_that_of_airflow_and_says_how_many_there_are(self) -> None:
        with pytest.raises(AirflowSensorTimeout) as caught:
            sensor().execute_complete({}, self.EVENT | {"enough": False, "credits": 7})
        assert str(caught.value) == self.TIMED_OUT

    def test_a_timeout_says_the_same_where_it_may_fail_softly(self) -> None:
        with pytest.raises(AirflowSkipException) as caught:
            sensor(soft_fail=True).execute_complete({}, self.EVENT | {"enough": False, "credits": 7})
        assert str(caught.value) == self.TIMED_OUT

    @pytest.mark.parametrize(
        ("error_type", "raised"),
        [
            ("PixVerseAuthenticationError", PixVerseAuthenticationError),
            ("PixVerseTransientError", AirflowSensorTimeout),
        ],
    )
    def test_an_error_ends_it_only_where_it_is_not_transient(
        self, error_type: str, raised: type[Exception]
    ) -> None:
        event = self.EVENT | {
            "enough": False,
            "credits": None,
            "error": {"type": error_type, "message": "what happened"},
        }
        with pytest.raises(raised, match="what happened"):
            sensor().execute_complete({}, event)

    @pytest.mark.parametrize("event", [None, {}, {"status": "success"}])
    def test_an_event_that_is_none_of_its_trigger_is_told_as_such(self, event: Any) -> None:
        with pytest.raises(PixVerseTriggerEventError):
            sensor().execute_complete({}, event)
