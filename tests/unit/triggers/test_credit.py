"""The trigger that waits for credits."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from pixverse_provider.triggers.credit import PixVerseCreditTrigger
from tests.unit.connections import set_connection
from tests.unit.scripted_server import answer, bad_gateway, refusal, success

if TYPE_CHECKING:
    from tests.unit.scripted_server import Behaviour, ScriptedServer


@pytest.fixture(autouse=True)
def _connection(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    set_connection(monkeypatch, server.url)


def balance(monthly: int, package: int = 0) -> Behaviour:
    return success({"account_id": 1, "credit_monthly": monthly, "credit_package": package})


def trigger(**change: Any) -> PixVerseCreditTrigger:
    now = time.time()
    arguments: dict[str, Any] = {
        "pixverse_conn_id": "pixverse_default",
        "min_credits": 100,
        "poll_interval": 0.01,
        "started_at": now,
        "not_before": 0.0,
        "deadline": now + 30,
    }
    return PixVerseCreditTrigger(**(arguments | change))


async def only_event(one: PixVerseCreditTrigger) -> dict[str, Any]:
    events = [event async for event in one.run()]
    assert len(events) == 1
    payload: dict[str, Any] = json.loads(json.dumps(events[0].payload))
    return payload


def test_it_comes_back_from_the_database_as_it_went() -> None:
    one = trigger(not_before=3.5)
    path, arguments = one.serialize()
    assert path == "pixverse_provider.triggers.credit.PixVerseCreditTrigger"
    back = PixVerseCreditTrigger(**json.loads(json.dumps(arguments)))
    assert back.serialize() == one.serialize()


@pytest.mark.asyncio
async def test_it_fires_once_there_are_enough(server: ScriptedServer) -> None:
    server.will(balance(99), balance(60, 40))
    event = await only_event(trigger())
    assert (event["credits"], event["enough"], event["error"]) == (100, True, None)


@pytest.mark.asyncio
async def test_transient_errors_do_not_end_it(server: ScriptedServer) -> None:
    server.will(bad_gateway(), refusal(500100), balance(100))
    assert (await only_event(trigger()))["enough"] is True


@pytest.mark.asyncio
async def test_a_key_that_is_not_accepted_ends_it_at_once(server: ScriptedServer) -> None:
    server.will(refusal(400012))
    event = await only_event(trigger())
    assert event["enough"] is False
    assert event["error"]["type"] == "PixVerseAuthenticationError"


@pytest.mark.parametrize(
    "behaviours",
    [[answer("<html>", status=404)], [answer("<html>", status=403)] * 2, [refusal(400012)]],
    ids=["gateway", "firewall", "key"],
)
@pytest.mark.asyncio
async def test_a_gateway_that_refuses_for_a_moment_or_a_changed_key_does_not_end_it(
    server: ScriptedServer, behaviours: list[Behaviour]
) -> None:
    server.will(*behaviours, balance(10_000))
    event = await only_event(trigger())
    assert event["enough"] is True


@pytest.mark.asyncio
async def test_at_the_deadline_it_polls_once_more_and_says_what_that_has_brought(
    server: ScriptedServer,
) -> None:
    server.will(balance(7))
    event = await only_event(trigger(deadline=time.time() - 1))
    assert (event["credits"], event["enough"], event["error"]) == (7, False, None)
