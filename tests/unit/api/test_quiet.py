"""No logger writes the key or a signed URL, whatever a server sends, and at no level."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import traceback
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from pixverse_provider.api.async_client import AsyncPixVerseClient
from pixverse_provider.api.calls import balance_call
from pixverse_provider.api.client import PixVerseClient
from pixverse_provider.api.download import MediaDownload
from pixverse_provider.api.settings import ClientSettings
from pixverse_provider.exceptions import PixVerseError
from tests.support.mp4 import mp4
from tests.unit.scripted_server import ScriptedServer, answer, raw, success

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "sk-12345/67890+abcdef"
FORMS = (KEY, quote(KEY, safe=""))
VIDEO = mp4(100_000)
SECRET = "Signature-s3cr3t"
BODY = json.dumps({"ErrCode": 0, "ErrMsg": "", "Resp": {"credit_monthly": 1, "credit_package": 2}}).encode()


def shown(caplog: pytest.LogCaptureFixture) -> str:
    """Return all that a handler can make of what was logged, of its tracebacks too."""
    found = []
    for record in caplog.records:
        found += [record.getMessage(), repr(record.args)]
        if record.exc_info:
            found.append("".join(traceback.format_exception(record.exc_info[1])))
    return "\n".join(found)


def in_worker(base_url: str) -> None:
    with PixVerseClient(ClientSettings(KEY, base_url, timeout=60.0)) as client:
        client.call_once(balance_call())


def in_triggerer(base_url: str) -> None:
    async def poll() -> None:
        async with AsyncPixVerseClient(ClientSettings(KEY, base_url, timeout=60.0)) as client:
            await client.call_once(balance_call())

    asyncio.run(poll())


both_clients = pytest.mark.parametrize("ask", [in_worker, in_triggerer], ids=["worker", "triggerer"])

ECHOES = {
    "behind a line that is no header": "no header at all\r\nX-Echo: {key}\r\n",
    "in a line that is no header": "{key}\r\n",
    "in a name with a space": "X {key} : 1\r\n",
    "in the name of a cookie": "Set-Cookie: [{key}=1; Path=/\r\n",
    "in the value of a cookie": "Set-Cookie: a={key}; Expires=never; Domain=..\r\n",
    "in a redirect": "Location: /?key={key}\r\n",
}


@both_clients
@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES.keys())
@pytest.mark.parametrize("form", FORMS, ids=["as it is", "quoted"])
@pytest.mark.parametrize("status", ["200 OK", "302 Found"])
def test_an_answer_that_repeats_the_key_brings_it_into_no_log(
    server: ScriptedServer,
    ask: Callable[[str], None],
    echo: str,
    form: str,
    status: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(BODY)}\r\n{echo.format(key=form)}\r\n"
    server.afterwards = lambda _: raw(head.encode() + BODY)
    with contextlib.suppress(PixVerseError):
        ask(f"{server.url}/v2")
    assert not [form for form in FORMS if form in shown(caplog)]


@both_clients
def test_a_key_that_was_pasted_into_the_path_is_in_no_log(
    server: ScriptedServer, ask: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.afterwards = lambda _: success({"credit_monthly": 1, "credit_package": 2})
    ask(f"{server.url}/sk-anotherkey1234567/v2")
    assert "sk-anotherkey1234567" not in shown(caplog)


def test_what_is_asked_of_the_api_can_still_be_read_at_debug(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.afterwards = lambda _: success({"credit_monthly": 1, "credit_package": 2})
    in_worker(f"{server.url}/v2")
    assert "GET /v2/account/balance" in caplog.text


URLS = ["{host}/final.mp4?Signature={secret}", "/final.mp4?a=1&Signature={secret}", "/{secret}/final.mp4"]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    "lines",
    ["no header at all\r\nLocation: {url}\r\n", "Location: {url}\r\n", "Location: {url}\r\nX {url}: 1\r\n"],
)
def test_a_redirect_that_is_malformed_brings_no_signed_url_into_the_log(
    server: ScriptedServer, lines: str, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    target = url.format(host=server.url, secret=SECRET)
    head = f"HTTP/1.1 302 Found\r\n{lines.format(url=target)}Content-Length: 0\r\n\r\n"
    server.will(raw(head.encode()))
    server.afterwards = lambda _: answer(VIDEO)
    MediaDownload(
        7,
        lambda: f"{server.url}/a.mp4?{SECRET}",
        http_host=server.url.removeprefix("http://"),
        expected_size=len(VIDEO),
        sleep=lambda _: None,
    ).into(io.BytesIO())
    assert any(record.name.startswith("urllib3") for record in caplog.records)
    assert SECRET not in shown(caplog)
