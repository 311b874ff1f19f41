"""Answers at the edge of HTTP: whichever client asks reads them, or none does and says what is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pixverse_provider.api.client import PixVerseClient
from pixverse_provider.api.generations import LipSyncRequest
from pixverse_provider.api.settings import ClientSettings
from pixverse_provider.exceptions import PixVerseAmbiguousSubmitError, PixVerseTransientError
from tests.unit.api.reaching import KEY, poll_in_triggerer, poll_in_worker
from tests.unit.scripted_server import ScriptedServer, raw

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.networks import World

TRACE = "6f0e2b1a-63a4-4d0e-8a52-1f4b8f1c9d77"
REQUEST = LipSyncRequest(source_video_id=1, audio_media_id=2)
BODY = json.dumps({"ErrCode": 0, "ErrMsg": "", "Resp": {"credit_monthly": 1, "credit_package": 2}}).encode()
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNK = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
LONG = b"a" * 60_000


def whole(more: bytes = b"", *, length: bytes = LENGTH, body: bytes = BODY, first: bytes = b"") -> bytes:
    return (first or b"HTTP/1.1 200 OK\r\n") + more + length + b"\r\n" + body


READ = {
    "a long header": whole(b"Content-Security-Policy: " + LONG + b"\r\n"),
    "a long cookie": whole(b"Set-Cookie: a=" + LONG + b"\r\n"),
    "a long reason": whole(first=b"HTTP/1.1 200 " + LONG + b"\r\n"),
    "many headers": whole(b"".join(b"X%d: 1\r\n" % number for number in range(95))),
    "a line that is no header": whole(b"no header at all\r\n", length=b"", body=BODY),
    "a name with a space": whole(b"X Y: 1\r\n"),
    "a space behind a name": whole(b"X : 1\r\n"),
    "no name": whole(b": 1\r\n"),
    "NUL in a header": whole(b"X: a\0b\r\n"),
    "two lengths that are equal": whole(LENGTH),
    "a length with a sign": whole(length=LENGTH.replace(b": ", b": +")),
    "a length beside chunks": whole(CHUNKED, body=CHUNK),
    "more than its length": whole(body=BODY + b"extra"),
    "two spaces in the first line": whole(first=b"HTTP/1.1  200 OK\r\n"),
    "100 before it": b"HTTP/1.1 100 Continue\r\n\r\n" + whole(),
    "103 before it": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + whole(),
    "102 and 103 before it": b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + whole(),
}

REFUSED = {
    "two lengths that differ": (whole(b"Content-Length: 5\r\n"), "its Content-Length contradicts itself"),
    "a header without end": (
        whole(b"X: " + LONG * 2 + b"\r\n"),
        "the answer has a header of more than 65536 bytes",
    ),
    "headers without end": (
        whole(b"".join(b"X%d: 1\r\n" % number for number in range(500))),
        "the answer has more than 100 headers",
    ),
    "another protocol": (b"SSH-2.0-OpenSSH_9.6\r\n" + BODY, "the answer is no HTTP/1"),
    "another version": (whole(first=b"HTTP/2 200\r\n"), "the answer is no HTTP/1"),
    "nothing": (b"", "the connection was closed without an answer"),
    "less than its length": (whole(body=BODY[:-5]), "the answer breaks off"),
    "less than its chunks": (whole(length=CHUNKED, body=CHUNK[:20]), "the answer breaks off"),
}

both_clients = pytest.mark.parametrize(
    "ask", [poll_in_worker, poll_in_triggerer], ids=["worker", "triggerer"]
)


@both_clients
@pytest.mark.parametrize("said", READ.values(), ids=READ.keys())
def test_what_a_worker_reads_the_triggerer_reads(
    server: ScriptedServer, ask: Callable[[str], None], said: bytes
) -> None:
    server.afterwards = lambda _: raw(said)
    ask(f"{server.url}/v2")


@both_clients
@pytest.mark.parametrize(("said", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_and_what_nobody_reads_is_named(
    server: ScriptedServer, ask: Callable[[str], None], said: bytes, why: str
) -> None:
    server.afterwards = lambda _: raw(said)
    with pytest.raises(PixVerseTransientError) as caught:
        ask(f"{server.url}/v2")
    assert f", {why})." in str(caught.value)


TUNNELS = {
    name: said.removesuffix(BODY)
    for name, said in READ.items()
    if "length" not in name and "line that is no header" not in name
}


@both_clients
@pytest.mark.parametrize("said", TUNNELS.values(), ids=TUNNELS.keys())
def test_a_proxy_may_say_the_same_where_it_opens_a_tunnel(
    world: World, ask: Callable[[str], None], said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.proxies["proxy"], "established", said.replace(LENGTH, b""))
    world.set(HTTPS_PROXY="http://{proxy}", REQUESTS_CA_BUNDLE="{ca}")
    ask(world.url)


@pytest.mark.parametrize("interim", [100, 102, 103, 199])
def test_a_paid_answer_is_not_lost_behind_what_is_said_before_it(
    server: ScriptedServer, interim: int
) -> None:
    paid = json.dumps({"ErrCode": 0, "ErrMsg": "", "Resp": {"video_id": 7}}).encode()
    before = b"HTTP/1.1 %d Wait\r\nLink: </x>\r\n\r\n" % interim
    server.will(raw(before * 3 + whole(length=b"Content-Length: %d\r\n" % len(paid), body=paid)))
    with PixVerseClient(ClientSettings(KEY, f"{server.url}/v2", timeout=60.0)) as client:
        submission = client.submit(REQUEST, trace_id=TRACE, attempts=1)
    assert (submission.video_id, submission.replayed) == (7, False)


def test_nothing_but_what_comes_before_an_answer_is_a_lost_one(server: ScriptedServer) -> None:
    server.afterwards = lambda _: raw(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100_000)
    with (
        PixVerseClient(ClientSettings(KEY, f"{server.url}/v2", timeout=60.0)) as client,
        pytest.raises(PixVerseAmbiguousSubmitError) as caught,
    ):
        client.submit(REQUEST, trace_id=TRACE, attempts=1)
    assert "the answer is no HTTP/1" in str(caught.value)
