"""The asynchronous client: reads only, over one session."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
import traceback
import uuid
from typing import Any

import pytest

from pixverse_provider.api.async_client import AsyncPixVerseClient
from pixverse_provider.api.calls import balance_call, video_call, voices_call
from pixverse_provider.api.generations import LipSyncRequest
from pixverse_provider.api.settings import ClientSettings
from pixverse_provider.exceptions import (
    PixVerseAuthenticationError,
    PixVerseError,
    PixVerseNotFoundError,
    PixVersePermanentError,
    PixVerseRateLimitError,
    PixVerseTransientError,
)
from tests.unit.scripted_server import ScriptedServer, answer, bad_gateway, cut, drop, refusal, success

KEY = "sk-1234567890abcdef"
WIDE_ID = 2**63 + 1
VIDEO = {"id": 7, "status": 5}

pytestmark = pytest.mark.asyncio


def settings_for(server: ScriptedServer, **more: Any) -> ClientSettings:
    return ClientSettings(KEY, f"{server.url}/openapi/v2", **({"timeout": 300.0} | more))


async def test_a_call_goes_out_as_documented(server: ScriptedServer) -> None:
    server.will(success(VIDEO | {"id": WIDE_ID}), success({"total": 0, "data": []}))
    async with AsyncPixVerseClient(settings_for(server)) as client:
        assert (await client.call_once(video_call(WIDE_ID))).id == WIDE_ID
        assert await client.call_once(voices_call()) == []
    first, second = server.requests
    assert (first.method, first.path) == ("GET", f"/openapi/v2/video/result/{WIDE_ID}")
    assert first.headers["api-key"] == KEY
    assert second.query == {"page_num": "1", "page_size": "100"}
    assert uuid.UUID(first.trace_id).version == 4
    assert first.trace_id != second.trace_id


@pytest.mark.parametrize(
    ("trouble", "error_class"),
    [
        (bad_gateway(), PixVerseTransientError),
        (answer("[]"), PixVerseTransientError),
        (cut(b'{"ErrCode"', 500), PixVerseTransientError),
        (refusal(500069), PixVerseTransientError),
        (refusal(500008), PixVerseNotFoundError),
        (refusal(400012, f"bad key {KEY}"), PixVerseAuthenticationError),
        (answer(KEY, 401), PixVerseAuthenticationError),
        (success({"id": KEY}), PixVerseTransientError),
    ],
    ids=["502", "list", "cut", "busy", "not found", "refused", "401", "result"],
)
async def test_one_attempt_is_made_and_its_error_shows_no_key(
    server: ScriptedServer, trouble: Any, error_class: type[PixVerseError]
) -> None:
    server.will(trouble)
    async with AsyncPixVerseClient(settings_for(server)) as client:
        with pytest.raises(error_class) as caught:
            await client.call_once(video_call(7))
    assert len(server.requests) == 1
    assert KEY not in "".join(traceback.format_exception(caught.value))


async def test_a_connection_that_breaks_under_a_read_is_tried_once_more_under_a_trace_id_of_its_own(
    server: ScriptedServer,
) -> None:
    server.will(drop, drop)
    async with AsyncPixVerseClient(settings_for(server)) as client:
        with pytest.raises(PixVerseTransientError) as caught:
            await client.call_once(video_call(7))
    first, second = (request.trace_id for request in server.requests)
    assert first != second
    assert caught.value.trace_id == second


async def test_an_answer_that_does_not_come_is_not_waited_for(server: ScriptedServer) -> None:
    server.will(server.hang)
    async with AsyncPixVerseClient(settings_for(server, timeout=0.2)) as client:
        with pytest.raises(PixVerseTransientError, match="Timeout"):
            await client.call_once(video_call(7))


async def test_a_redirect_is_not_followed_and_the_key_does_not_travel(
    server: ScriptedServer, other_server: ScriptedServer
) -> None:
    server.will(answer("", 302, Location=f"{other_server.url}/openapi/v2/account/balance"))
    async with AsyncPixVerseClient(settings_for(server)) as client:
        with pytest.raises(PixVersePermanentError, match="Base URL"):
            await client.call_once(balance_call())
    assert other_server.requests == []


async def test_a_pause_that_the_service_asks_for_is_handed_on(server: ScriptedServer) -> None:
    server.will(answer("", 429, Retry_After="33"))
    async with AsyncPixVerseClient(settings_for(server)) as client:
        with pytest.raises(PixVerseRateLimitError) as caught:
            await client.call_once(video_call(7))
    assert caught.value.retry_after == 33.0


async def test_what_a_request_waits_for_its_turn_is_not_part_of_its_timeout(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixverse_provider.api.async_client._MOST_IN_FLIGHT", 1)
    passed: list[float] = []
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: time.monotonic() + sum(passed))
    under_way = most = 0
    lock = threading.Lock()

    def slow(handler: Any) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
            passed.append(150.0)
        with lock:
            under_way -= 1
        success(VIDEO)(handler)

    server.afterwards = lambda _: slow
    async with AsyncPixVerseClient(settings_for(server, timeout=300.0)) as client:
        # Half an hour for all of them.
        videos = await asyncio.gather(*(client.call_once(video_call(7)) for _ in range(12)))
    assert (len(videos), most) == (12, 1)


async def test_a_base_url_with_a_space_in_it_is_quoted_as_in_a_worker(server: ScriptedServer) -> None:
    server.will(success(VIDEO))
    settings = ClientSettings(KEY, f"{server.url}/a gateway/v2")
    async with AsyncPixVerseClient(settings) as client:
        await client.call_once(video_call(7))
    assert server.requests[0].path == "/a%20gateway/v2/video/result/7"


async def test_a_paid_call_is_not_made(server: ScriptedServer) -> None:
    call = LipSyncRequest(source_video_id=1, audio_media_id=2).call()
    async with AsyncPixVerseClient(settings_for(server)) as client:
        with pytest.raises(ValueError, match="no paid call"):
            await client.call_once(call)
    assert server.requests == []


async def test_it_has_nothing_that_submits_or_uploads() -> None:
    public = {name for name, _ in inspect.getmembers(AsyncPixVerseClient) if not name.startswith("_")}
    assert public == {"call_once", "close", "settings"}


async def test_all_users_of_a_client_share_its_budget(server: ScriptedServer) -> None:
    server.afterwards = lambda _: success(VIDEO)
    async with AsyncPixVerseClient(settings_for(server, max_requests_per_second=0.01)) as client:
        polls = [asyncio.create_task(client.call_once(video_call(7))) for _ in range(3)]
        done, waiting = await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED)
        # The second may go after 100 s.
        assert (done, waiting) == ({polls[0]}, {polls[1], polls[2]})
        for poll in waiting:
            poll.cancel()
    assert len(server.requests) == 1
