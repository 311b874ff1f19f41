"""The media host: signed, without a key, in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
import requests

if TYPE_CHECKING:
    from pixverse_provider.emulator.client import EmulatorControl
    from tests.unit.emulator.caller import Caller


@pytest.fixture
def url(api: Caller) -> str:
    """The URL of a finished video."""
    return str(api.result(api.boat())["url"])


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(
        url, headers={name.replace("_", "-"): value for name, value in headers.items()}, timeout=60
    )


def test_a_result_has_the_size_that_was_announced(api: Caller) -> None:
    result = api.result(api.boat())
    answer = get(result["url"])
    assert len(answer.content) == result["size"] == int(answer.headers["Content-Length"])
    assert answer.headers["Content-Type"] == "video/mp4"
    assert "/media/openapi%2F" in result["url"]


@pytest.mark.parametrize(
    ("wanted", "start", "end"), [("bytes=0-9", 0, 10), ("bytes=100-", 100, None), ("bytes=-7", -7, None)]
)
def test_a_range(url: str, wanted: str, start: int, end: int | None) -> None:
    whole = get(url)
    part = get(url, Range=wanted)
    assert part.status_code == 206
    assert part.content == whole.content[start:end]
    first = start % len(whole.content)
    assert (
        part.headers["Content-Range"] == f"bytes {first}-{first + len(part.content) - 1}/{len(whole.content)}"
    )


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "items=0-1", "bytes=x-", "bytes=-"])
def test_a_range_that_is_not_understood_gets_the_whole(url: str, wanted: str) -> None:
    answer = get(url, Range=wanted)
    assert (answer.status_code, answer.content) == (200, get(url).content)


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=-0", "bytes=5-2"])
def test_a_range_beyond_the_end(url: str, wanted: str) -> None:
    answer = get(url, Range=wanted)
    assert answer.status_code == 416
    assert answer.headers["Content-Range"].startswith("bytes */")


def test_a_range_of_another_version_gets_the_whole(url: str) -> None:
    etag = get(url).headers["ETag"]
    assert get(url, Range="bytes=0-9", If_Range=etag).status_code == 206
    assert get(url, Range="bytes=0-9", If_Range='"another"').status_code == 200
    assert get(url, If_None_Match=etag).status_code == 304


def test_head_tells_the_length(url: str) -> None:
    answer = requests.head(url, timeout=60)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["Content-Length"]) == len(get(url).content)


def test_a_url_expires_and_a_fresh_poll_gives_a_new_one(
    api: Caller, pixverse_emulator: EmulatorControl
) -> None:
    video_id = api.boat()
    url = api.result(video_id)["url"]
    pixverse_emulator.advance(86_400 - 60)
    assert get(url).status_code == 200
    pixverse_emulator.advance(120)
    assert get(url).status_code == 403
    assert get(api.result(video_id)["url"]).status_code == 200


def test_a_url_that_was_taken_apart_is_refused(url: str) -> None:
    assert get(url.replace("%2F", "/", 1)).status_code == 403
    assert get(url.partition("?")[0]).status_code == 403
    assert get(unquote(url)).status_code == 403
    assert get(url.replace("Expires=1", "Expires=2")).status_code == 403


def test_a_key_sent_to_the_media_host_is_refused_and_written_down(
    pixverse_emulator: EmulatorControl, url: str
) -> None:
    assert get(url, API_KEY="any").status_code == 403
    (incident,) = pixverse_emulator.incidents("key_to_media")
    assert incident["detail"].startswith("/media/openapi/")
    assert [record["http_status"] for record in pixverse_emulator.requests("media")] == [403]


def test_the_log_of_requests_has_no_signature(pixverse_emulator: EmulatorControl, url: str) -> None:
    get(url)
    assert "Signature" not in repr(pixverse_emulator.requests())
