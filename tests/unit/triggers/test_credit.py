"""The trigger that waits for credits."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from pixverse_provider.api.results import Balance
from pixverse_provider.api.settings import ClientSettings
from pixverse_provider.exceptions import PixVerseTransientError
from pixverse_provider.jobs.watch import LONGEST_LAST_POLL
from pixverse_provider.triggers.credit import PixVerseCreditTrigger
from pixverse_provider.triggers.shared import SharedPoller, shared_poller
from tests.unit.connections import KEY, set_connection
from tests.unit.own_log import OwnLog
from tests.unit.pixverse_in_time import START, Clock, Service, event_of
from tests.unit.scripted_server import answer, bad_gateway, refusal, success

if TYPE_CHECKING:
    from tests.unit.scripted_server import Behaviour, ScriptedServer

OTHER_KEY = "sk-another-key"


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
        "deadline": now + 3600,
    }
    return PixVerseCreditTrigger(**(arguments | change))


async def only_event(one: PixVerseCreditTrigger) -> dict[str, Any]:
    async with asyncio.timeout(60):  # one that sleeps for ever fails the test
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


class TestARefusedKey:
    @pytest.mark.parametrize("err_code", [10001, 10002, 10003, 10004, 10005, 400012])
    @pytest.mark.asyncio
    async def test_is_not_sent_again_and_ends_the_wait(self, server: ScriptedServer, err_code: int) -> None:
        server.will(balance(7), refusal(err_code))
        event = await only_event(trigger())
        assert (event["enough"], event["final"], event["credits"]) == (False, True, 7)
        assert event["error"]["type"] == "PixVerseAuthenticationError"
        assert len(server.requests) == 2

    @pytest.mark.parametrize("others_wait", [False, True])
    @pytest.mark.asyncio
    async def test_is_replaced_by_the_one_that_the_connection_has_now(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, *, others_wait: bool
    ) -> None:
        def refuse_and_change_the_key(handler: Any) -> None:
            set_connection(monkeypatch, server.url, password=OTHER_KEY)
            refusal(400012)(handler)

        server.will(balance(7), refuse_and_change_the_key, balance(100))
        async with shared_poller("pixverse_default") if others_wait else contextlib.nullcontext():
            event = await only_event(trigger())
        assert event["enough"] is True
        assert [request.headers["api-key"] for request in server.requests] == [KEY, KEY, OTHER_KEY]

    @pytest.mark.asyncio
    async def test_that_is_another_one_and_refused_as_well_ends_the_wait(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse_and_change_the_key(handler: Any) -> None:
            set_connection(monkeypatch, server.url, password=OTHER_KEY)
            refusal(400012)(handler)

        server.will(refuse_and_change_the_key, refusal(400012))
        event = await only_event(trigger())
        assert (event["enough"], event["final"]) == (False, True)
        assert [request.headers["api-key"] for request in server.requests] == [KEY, OTHER_KEY]


@pytest.mark.parametrize("status", [401, 403, 404, 408])
@pytest.mark.asyncio
async def test_a_bare_refusal_lets_others_keep_their_session(server: ScriptedServer, status: int) -> None:
    server.will(answer("<html>", status=status), balance(100))
    async with shared_poller("pixverse_default") as poller:
        assert (await only_event(trigger()))["enough"] is True
        async with shared_poller("pixverse_default") as same:
            assert same is poller


@pytest.mark.parametrize(
    "behaviours",
    [[answer("<html>", status=404)], [answer("<html>", status=403)] * 2],
    ids=["gateway", "firewall"],
)
@pytest.mark.asyncio
async def test_a_gateway_that_refuses_for_a_moment_does_not_end_it(
    server: ScriptedServer, behaviours: list[Behaviour]
) -> None:
    server.will(*behaviours, balance(10_000))
    event = await only_event(trigger())
    assert event["enough"] is True


@pytest.mark.parametrize("left", [600.0, -5.0])
def test_a_poll_that_hangs_does_not_outlast_the_deadline(
    monkeypatch: pytest.MonkeyPatch, left: float
) -> None:
    class Hangs:
        settings = ClientSettings("of the connection")

        async def call_once(self, _: object) -> None:
            await asyncio.sleep(10**9)

        async def close(self) -> None:
            """Nothing is open."""

    async def make(_: str) -> SharedPoller:
        client: Any = Hangs()
        return SharedPoller(client)

    monkeypatch.setattr("pixverse_provider.triggers.shared._make", make)
    clock = Clock()
    clock.install(monkeypatch)
    event = event_of(trigger(started_at=START, deadline=START + left), clock)
    assert (event["credits"], event["enough"], event["error"], event["final"]) == (None, False, None, False)
    assert event["waited"] == clock.passed == pytest.approx(max(0.0, left) + LONGEST_LAST_POLL)


@pytest.mark.parametrize(("not_before", "first"), [(START - 9.0, 0.0), (START + 30.0, 30.0)])
def test_there_is_no_poll_before_its_time(
    monkeypatch: pytest.MonkeyPatch, not_before: float, first: float
) -> None:
    clock = Clock()
    clock.install(monkeypatch)
    service = Service(clock, afterwards=Balance(1, 100, 0))
    service.install(monkeypatch)
    event_of(trigger(started_at=START, not_before=not_before, deadline=START + 600), clock)
    assert service.polls == [pytest.approx(first)]


def test_its_log_has_a_line_where_a_poll_fails_and_where_it_works_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, log = Clock(), OwnLog()
    clock.install(monkeypatch)
    log.install(monkeypatch, PixVerseCreditTrigger)
    service = Service(clock, afterwards=Balance(1, 100, 0))
    service.install(monkeypatch)
    failed = PixVerseTransientError("HTTP 502")
    service.will(Balance(1, 7, 0), failed, failed, Balance(1, 7, 0))
    event_of(trigger(started_at=START, deadline=START + 600), clock)
    assert log.lines == [
        ("WARNING", "Polling again later: HTTP 502"),
        ("WARNING", "The balance can be read again."),
    ]


@pytest.mark.asyncio
async def test_at_the_deadline_it_polls_once_more_and_says_what_that_has_brought(
    server: ScriptedServer,
) -> None:
    server.will(balance(7))
    event = await only_event(trigger(deadline=time.time() - 1))
    assert (event["credits"], event["enough"], event["error"]) == (7, False, None)
