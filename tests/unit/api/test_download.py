"""Landing a video from a media host that cuts, lies and redirects."""

from __future__ import annotations

import gzip
import io
import logging
import time
import traceback
from typing import TYPE_CHECKING, Any

import pytest
import requests

from pixverse_provider.api.download import MediaDownload
from pixverse_provider.exceptions import PixVerseDownloadError, PixVerseTransientError
from tests.support.mp4 import mp4
from tests.unit.scripted_server import (
    Behaviour,
    Received,
    ScriptedServer,
    answer,
    bad_gateway,
    cut,
    drop,
    trickle,
)

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

VIDEO = mp4(256_000, bytes(range(256)))
SECRET = "Signature-s3cr3t"
ETAG = '"v1"'


class Counting(io.BytesIO):
    """A file that knows how much was ever written to it."""

    written = 0

    def write(self, data: Any) -> int:
        self.written += len(data)
        return super().write(data)


class Landing:
    """A download from the scripted server, as the operator sets it up."""

    def __init__(self, server: ScriptedServer, *, size: int | None = len(VIDEO), **more: Any) -> None:
        self.urls_read = 0
        self.target = Counting()
        self.pauses: list[float] = []
        self._url = f"{server.url}/openapi%2Fa.mp4?{SECRET}=1"
        options: dict[str, Any] = {
            "fresh_url": self._fresh_url,
            "http_host": server.url.removeprefix("http://"),
        } | more
        self._download = MediaDownload(7, expected_size=size, sleep=self.pauses.append, **options)

    def run(self) -> int:
        return self._download.into(self.target)

    @property
    def written(self) -> int:
        return self.target.written

    @property
    def data(self) -> bytes:
        return self.target.getvalue()

    def _fresh_url(self) -> str:
        self.urls_read += 1
        return f"{self._url}&n={self.urls_read}"


def rest(start: int, total: int = len(VIDEO)) -> Behaviour:
    return answer(VIDEO[start:], 206, Content_Range=f"bytes {start}-{total - 1}/{total}", ETag=ETAG)


def rest_as_asked(handler: BaseHTTPRequestHandler) -> None:
    rest(int(handler.headers["Range"].removeprefix("bytes=").removesuffix("-")))(handler)


def part_as_asked(length: int) -> Behaviour:
    """Answer what was asked for, but cut it after so many bytes."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        start = int(handler.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        content_range = f"bytes {start}-{len(VIDEO) - 1}/{len(VIDEO)}"
        part = VIDEO[start : start + length]
        cut(part, len(VIDEO) - start, 206, ETag=ETAG, Content_Range=content_range)(handler)

    return behave


def asked_from(request: Received) -> int:
    return int(request.headers["range"].removeprefix("bytes=").removesuffix("-"))


def test_the_video_lands_whole(server: ScriptedServer) -> None:
    server.will(answer(VIDEO))
    landing = Landing(server)
    assert landing.run() == len(VIDEO)
    assert landing.data == VIDEO
    request = server.requests[0]
    assert request.path == "/openapi%2Fa.mp4"
    assert request.headers["accept-encoding"] == "identity"
    assert "range" not in request.headers


@pytest.mark.parametrize("size", [0, len(VIDEO)])
def test_pixverse_need_not_name_the_size(server: ScriptedServer, size: int) -> None:
    server.will(answer(VIDEO))
    assert Landing(server, size=size).run() == len(VIDEO)


def test_a_cut_download_goes_on_where_it_stopped_if_the_file_is_still_the_same(
    server: ScriptedServer,
) -> None:
    server.will(cut(VIDEO[:200_000], len(VIDEO), ETag=ETAG), rest_as_asked)
    landing = Landing(server)
    assert landing.run() == len(VIDEO)
    assert landing.data == VIDEO
    assert 100_000 < asked_from(server.requests[1]) <= 200_000
    assert server.requests[1].headers["if-range"] == ETAG
    assert landing.urls_read == 2
    assert len(landing.pauses) == 1


def test_it_may_be_cut_more_than_once_and_only_goes_forward(server: ScriptedServer) -> None:
    server.will(
        cut(VIDEO[:70_000], len(VIDEO), ETag=ETAG),
        part_as_asked(70_000),
        part_as_asked(70_000),
        rest_as_asked,
    )
    landing = Landing(server)
    assert landing.run() == len(VIDEO)
    assert landing.data == VIDEO
    starts = [asked_from(request) for request in server.requests[1:]]
    assert starts == sorted(set(starts))


def test_a_file_that_has_changed_in_between_is_fetched_from_the_start(server: ScriptedServer) -> None:
    server.will(cut(b"old" * 1000, len(VIDEO), ETag='"old"'), answer(VIDEO, ETag='"new"'))
    landing = Landing(server)
    assert landing.run() == len(VIDEO)
    assert landing.data == VIDEO


def test_without_a_mark_of_the_version_it_starts_again(server: ScriptedServer) -> None:
    server.will(cut(VIDEO[:100_000], len(VIDEO)), answer(VIDEO))
    landing = Landing(server)
    assert landing.run() == len(VIDEO)
    assert landing.data == VIDEO
    assert "range" not in server.requests[1].headers


def test_a_weak_mark_of_the_version_is_not_relied_on(server: ScriptedServer) -> None:
    server.will(cut(VIDEO[:100_000], len(VIDEO), ETag='W/"v1"'), answer(VIDEO, ETag='W/"v1"'))
    landing = Landing(server)
    assert landing.run() == len(VIDEO)
    assert "if-range" not in server.requests[1].headers


def test_a_host_that_resumes_at_another_place_is_not_believed(server: ScriptedServer) -> None:
    server.will(cut(VIDEO[:100_000], len(VIDEO), ETag=ETAG), rest(50_000), answer(VIDEO, ETag=ETAG))
    landing = Landing(server)
    assert landing.run() == len(VIDEO)
    assert landing.data == VIDEO


@pytest.mark.parametrize(
    "trouble",
    [
        drop,
        bad_gateway(),
        answer("", 403),
        answer("", 404),
        answer(VIDEO + b"x"),
        answer(VIDEO[:-1]),
        answer(b""),
    ],
    ids=["dropped", "502", "expired", "gone", "too long", "too short", "empty"],
)
def test_a_wrong_answer_is_not_kept_and_the_url_is_read_again(
    server: ScriptedServer, trouble: Behaviour
) -> None:
    server.will(trouble, answer(VIDEO))
    landing = Landing(server)
    assert landing.run() == len(VIDEO)
    assert landing.data == VIDEO
    assert landing.urls_read == 2


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (drop, "ConnectionError"),
        (bad_gateway(), "HTTP 502"),
        (answer(VIDEO[:-1]), f"{len(VIDEO) - 1} bytes"),
        (cut(VIDEO[:9], len(VIDEO)), "could not be downloaded whole"),
    ],
    ids=["dropped", "502", "too short", "cut"],
)
def test_after_four_attempts_the_task_is_told_and_no_url_is_shown(
    server: ScriptedServer, trouble: Behaviour, said: str
) -> None:
    server.will(*[trouble] * 4)
    server.afterwards = lambda _: trouble
    with pytest.raises(PixVerseDownloadError, match="a retry downloads it again and costs nothing") as caught:
        Landing(server).run()
    text = rendered(caught.value)
    assert said in text
    assert SECRET not in text
    assert server.url not in text
    assert type(caught.value) is PixVerseDownloadError
    assert "_CutOffError" not in text
    assert caught.value.__context__ is caught.value.__cause__ is None
    assert caught.value.video_id == 7
    assert caught.value.http_status == (502 if said == "HTTP 502" else None)


@pytest.mark.parametrize("location", ["ftp://media.example/", "file:///etc/", "gopher://x/", "about:"])
def test_a_redirect_to_a_way_that_is_not_safe_is_refused(server: ScriptedServer, location: str) -> None:
    server.will(answer("", 302, Location=location + SECRET))
    landing = Landing(server)
    with pytest.raises(PixVerseDownloadError, match="only https") as caught:
        landing.run()
    assert SECRET not in rendered(caught.value)
    assert landing.pauses == []


def test_a_redirect_to_what_is_no_url_is_tried_again_and_shows_nothing_of_it(server: ScriptedServer) -> None:
    server.will(*[answer("", 302, Location=f"https://[::1/{SECRET}")] * 4)
    with pytest.raises(PixVerseDownloadError) as caught:
        Landing(server).run()
    assert SECRET not in rendered(caught.value)


def test_a_redirect_from_https_to_plain_http_is_refused(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []

    def redirect(_: requests.Session, request: requests.PreparedRequest, **__: Any) -> requests.Response:
        asked.append(request.url)
        response = requests.Response()
        response.status_code = 302
        response.headers["Location"] = f"{server.url}/v.mp4?{SECRET}"
        response.raw = io.BytesIO()
        return response

    monkeypatch.setattr(requests.Session, "send", redirect)
    landing = Landing(server, fresh_url=lambda: f"https://media.example/v.mp4?{SECRET}", http_host=None)
    with pytest.raises(PixVerseDownloadError, match="only https") as caught:
        landing.run()
    assert asked == [f"https://media.example/v.mp4?{SECRET}"]
    assert SECRET not in rendered(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("url", ["http://media.example/v.mp4", "ftp://media.example/v.mp4", "/v.mp4", ""])
def test_a_url_that_is_not_safe_is_refused_outright(server: ScriptedServer, url: str) -> None:
    landing = Landing(server, fresh_url=lambda: url, http_host=None)
    with pytest.raises(PixVerseDownloadError, match="only https"):
        landing.run()


def test_a_redirect_is_followed_without_any_key(server: ScriptedServer) -> None:
    server.will(answer("", 302, Location=f"{server.url}/cdn.mp4?{SECRET}"), answer(VIDEO))
    assert Landing(server).run() == len(VIDEO)
    assert server.requests[1].path == "/cdn.mp4"
    for request in server.requests:
        assert "api-key" not in request.headers
        assert "authorization" not in request.headers
        assert "ai-trace-id" not in request.headers


def test_plain_http_is_taken_from_the_host_and_port_of_the_base_url_alone(
    server: ScriptedServer, other_server: ScriptedServer
) -> None:
    server.will(answer("", 302, Location=f"{other_server.url}/cdn.mp4?{SECRET}"))
    with pytest.raises(PixVerseDownloadError, match="host and port of the Base URL alone") as caught:
        Landing(server).run()
    assert SECRET not in rendered(caught.value)
    assert other_server.requests == []


def test_a_relative_redirect_is_followed(server: ScriptedServer) -> None:
    server.will(answer("", 307, Location="/moved.mp4"), answer(VIDEO))
    assert Landing(server).run() == len(VIDEO)
    assert server.requests[1].path == "/moved.mp4"


def test_redirects_without_end_are_given_up(server: ScriptedServer) -> None:
    server.will(*[answer("", 302, Location=f"/again?{SECRET}")] * 6)
    with pytest.raises(PixVerseDownloadError, match="redirects") as caught:
        Landing(server).run()
    assert SECRET not in rendered(caught.value)


def test_a_host_that_cannot_be_reached_shows_no_url() -> None:
    def read_url() -> str:
        return f"https://pixverse.invalid/v.mp4?{SECRET}"

    download = MediaDownload(7, read_url, http_host=None, expected_size=0, sleep=lambda _: None)
    with pytest.raises(PixVerseDownloadError) as caught:
        download.into(io.BytesIO())
    assert SECRET not in rendered(caught.value)
    assert "pixverse.invalid" not in rendered(caught.value)


@pytest.mark.parametrize(
    "url", [f"https://[::1/{SECRET}", f"https://host:port/{SECRET}", f"https:///{SECRET}"]
)
def test_a_url_that_is_none_shows_nothing_of_itself(url: str) -> None:
    download = MediaDownload(7, lambda: url, http_host=None, expected_size=0, sleep=lambda _: None)
    with pytest.raises(PixVerseDownloadError) as caught:
        download.into(io.BytesIO())
    assert SECRET not in rendered(caught.value)


def test_a_video_whose_url_cannot_be_read_again_says_why(server: ScriptedServer) -> None:
    def read_url() -> str:
        raise PixVerseTransientError("PixVerse could not read video 7: HTTP 502.")

    with pytest.raises(PixVerseTransientError, match="could not read video 7"):
        Landing(server, fresh_url=read_url).run()


def test_a_length_that_is_none_is_left_aside(server: ScriptedServer) -> None:
    server.will(answer(VIDEO, Content_Length="many", Connection="close"))
    assert Landing(server).run() == len(VIDEO)


def test_a_full_disk_is_not_taken_for_a_fault_of_the_network(server: ScriptedServer) -> None:
    class FullDisk(Counting):
        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

    server.will(answer(VIDEO))
    landing = Landing(server)
    landing.target = FullDisk()
    with pytest.raises(OSError, match="No space left"):
        landing.run()
    assert landing.urls_read == 1


PAGE = "<!DOCTYPE html><html><body>The video is not here.</body></html>"


@pytest.mark.parametrize(
    "page",
    [
        answer(PAGE, Content_Type="text/html"),
        answer(PAGE, Content_Type="video/mp4"),
        answer('{"message": "expired"}'),
        answer('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'),
        answer("\n" * len(VIDEO)),
        answer("gone"),
        answer(""),
    ],
    ids=["html", "html that says video", "json", "xml", "of the right length", "a word", "nothing"],
)
@pytest.mark.parametrize("size", [None, len(VIDEO)])
def test_what_is_no_video_is_never_one_however_long_it_is(
    server: ScriptedServer, page: Behaviour, size: int
) -> None:
    server.afterwards = lambda _: page
    landing = Landing(server, size=size)
    with pytest.raises(PixVerseDownloadError, match="could not be downloaded whole"):
        landing.run()
    assert landing.data == b""
    server.afterwards = lambda _: answer(VIDEO)
    assert landing.run() == len(VIDEO)


class TestEncodedFiles:
    """A proxy or the host itself may encode a file that was asked for as it is."""

    ZIPPED = gzip.compress(VIDEO)

    @pytest.mark.parametrize("size", [None, len(VIDEO)])
    def test_one_lands_decoded_though_its_length_is_that_of_the_encoded_one(
        self, server: ScriptedServer, size: int | None
    ) -> None:
        server.will(answer(self.ZIPPED, Content_Encoding="gzip"))
        landing = Landing(server, size=size)
        assert landing.run() == len(VIDEO)
        assert landing.data == VIDEO

    @pytest.mark.parametrize("size", [None, len(VIDEO)])
    def test_one_that_is_cut_starts_again_since_no_range_counts_what_is_here(
        self, server: ScriptedServer, size: int | None
    ) -> None:
        half = self.ZIPPED[: len(self.ZIPPED) // 2]
        server.will(
            cut(half, len(self.ZIPPED), Content_Encoding="gzip", ETag=ETAG),
            answer(self.ZIPPED, Content_Encoding="gzip", ETag=ETAG),
        )
        landing = Landing(server, size=size)
        assert landing.run() == len(VIDEO)
        assert landing.data == VIDEO
        assert "range" not in server.requests[1].headers

    def test_one_in_an_encoding_that_nobody_asked_for_and_nobody_knows_is_no_video(
        self, server: ScriptedServer
    ) -> None:
        server.will(answer(b"\xff" * 1000, Content_Encoding="x-own"), answer(VIDEO))
        assert Landing(server).run() == len(VIDEO)


class TestLengths:
    def test_a_partial_answer_that_nobody_asked_for_is_taken_where_it_is_the_whole_file(
        self, server: ScriptedServer
    ) -> None:
        server.will(rest(0))
        assert Landing(server).run() == len(VIDEO)

    def test_one_that_is_not_is_gone_on_with(self, server: ScriptedServer) -> None:
        part = answer(VIDEO[:1000], 206, Content_Range=f"bytes 0-999/{len(VIDEO)}", ETag=ETAG)
        server.will(part, rest_as_asked)
        landing = Landing(server, size=None)
        assert landing.run() == len(VIDEO)
        assert landing.data == VIDEO
        assert asked_from(server.requests[1]) == 1000

    @pytest.mark.parametrize("size", [None, 0])
    def test_where_nobody_names_a_length_the_file_has_to_be_whole_by_its_own_account(
        self, server: ScriptedServer, size: int | None
    ) -> None:
        server.will(
            answer(VIDEO[:-1], Content_Length="", Connection="close"),
            answer(VIDEO, Content_Length="", Connection="close"),
        )
        landing = Landing(server, size=size)
        assert landing.run() == len(VIDEO)
        assert landing.data == VIDEO

    @pytest.mark.parametrize("wrong", [1, 1000, len(VIDEO) - 1, len(VIDEO) + 1, 10**15])
    def test_a_wrong_figure_of_pixverse_does_not_lose_a_video_that_is_whole(
        self, server: ScriptedServer, wrong: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.afterwards = lambda _: answer(VIDEO)
        landing = Landing(server, size=wrong)
        assert landing.run() == len(VIDEO)
        assert landing.data == VIDEO
        assert f"PixVerse says that video 7 has {wrong} bytes" in caplog.text

    @pytest.mark.parametrize("wrong", [1000, len(VIDEO) - 10, len(VIDEO) + 10])
    @pytest.mark.parametrize("encoding", ["chunked", "gzip", "chunked gzip", "until it closes"])
    def test_nor_where_the_media_host_names_no_length_of_the_file(
        self, server: ScriptedServer, wrong: int, encoding: str
    ) -> None:
        server.afterwards = lambda _: without_its_length(encoding)
        landing = Landing(server, size=wrong)
        assert landing.run() == len(VIDEO)
        assert landing.data == VIDEO

    @pytest.mark.parametrize("encoding", ["chunked", "gzip", "chunked gzip", "until it closes"])
    def test_but_one_that_is_not_whole_is_not_taken(self, server: ScriptedServer, encoding: str) -> None:
        server.afterwards = lambda _: without_its_length(encoding, VIDEO[:-1])
        landing = Landing(server)
        with pytest.raises(PixVerseDownloadError, match=f"PixVerse announced {len(VIDEO)}"):
            landing.run()

    def test_reading_stops_at_the_length_that_was_announced(self, server: ScriptedServer) -> None:
        server.afterwards = lambda _: endless
        landing = Landing(server, size=1000)
        with pytest.raises(PixVerseDownloadError, match="PixVerse announced 1000"):
            landing.run()
        # Some blocks of each of the four attempts, of a body without an end.
        assert landing.written < 4 * 2**20

    def test_and_where_what_comes_does_not_go_on_as_a_video_does(self, server: ScriptedServer) -> None:
        server.afterwards = lambda _: endless
        landing = Landing(server, size=None)
        with pytest.raises(PixVerseDownloadError, match="what arrived is no video"):
            landing.run()
        assert landing.written < 4 * 2**20


def without_its_length(encoding: str, video: bytes = VIDEO) -> Behaviour:
    """Answer with a video, and let nobody know its length beforehand."""
    body = gzip.compress(video) if "gzip" in encoding else video

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        if "gzip" in encoding:
            handler.send_header("Content-Encoding", "gzip")
        if "chunked" in encoding:
            handler.send_header("Transfer-Encoding", "chunked")
            body_as_sent = b"".join(
                b"%x\r\n%b\r\n" % (len(body[at : at + 9000]), body[at : at + 9000])
                for at in range(0, len(body), 9000)
            )
            body_as_sent += b"0\r\n\r\n"
        else:
            body_as_sent = body
            if "gzip" in encoding:
                handler.send_header("Content-Length", str(len(body)))
            else:
                handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body_as_sent)

    return behave


def endless(handler: BaseHTTPRequestHandler) -> None:
    """Begin as a video does, and go on for 800 MB with nothing."""
    handler.close_connection = True
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(VIDEO)
    for _ in range(800):
        handler.wfile.write(bytes(1_000_000))


class TestLinesThatTrickle:
    """The read timeout counts from packet to packet, and so ends nothing that trickles in."""

    @pytest.fixture(autouse=True)
    def _soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pixverse_provider.api.download._TIMEOUTS", (1.0, 0.3))

    @pytest.mark.parametrize(
        "begin",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 256000\r\n\r\n" + VIDEO[:100],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n" + VIDEO[:100],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100;",
            b"HTTP/1.1 200 OK\r\nX-Long: ",
            b"HTTP/1.1 20",
        ],
        ids=["in the body", "in a chunk", "before a chunk", "in a header", "in the first line"],
    )
    def test_one_that_brings_a_byte_now_and_then_is_given_up(
        self, server: ScriptedServer, begin: bytes
    ) -> None:
        server.afterwards = lambda _: trickle(begin)
        with pytest.raises(PixVerseDownloadError, match="less than 16 KiB came within 0"):
            Landing(server).run()
        assert len(server.requests) == 4

    def test_what_has_come_of_it_is_kept_and_told(self, server: ScriptedServer) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(VIDEO)}\r\nETag: {ETAG}\r\n\r\n"
        server.will(trickle(head.encode() + VIDEO[:100], VIDEO[100:101]), rest_as_asked)
        told: list[int] = []
        landing = Landing(server, on_progress=told.append)
        assert landing.run() == len(VIDEO)
        assert asked_from(server.requests[1]) in told
        assert 100 < asked_from(server.requests[1]) < 1000

    def test_one_that_is_slow_and_moves_is_not(self, server: ScriptedServer) -> None:
        def slow(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(VIDEO)))
            handler.end_headers()
            for at in range(0, len(VIDEO), 8000):
                time.sleep(0.05)
                handler.wfile.write(VIDEO[at : at + 8000])

        server.will(slow)
        assert Landing(server).run() == len(VIDEO)

    def test_nor_one_whose_host_takes_its_time_to_begin(self, server: ScriptedServer) -> None:
        def late(handler: BaseHTTPRequestHandler) -> None:
            time.sleep(0.25)
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(VIDEO)))
            handler.end_headers()
            time.sleep(0.25)
            handler.wfile.write(VIDEO)

        server.will(late)
        assert Landing(server).run() == len(VIDEO)

    def test_nor_one_whose_file_is_written_slowly(self, server: ScriptedServer) -> None:
        class Slow(Counting):
            def write(self, data: Any) -> int:
                time.sleep(0.1)
                return super().write(data)

        server.will(answer(VIDEO))
        landing = Landing(server)
        landing.target = Slow()
        assert landing.run() == len(VIDEO)


def malformed(handler: BaseHTTPRequestHandler) -> None:
    """Answer with a header that urllib3 warns of."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(VIDEO)}\r\nno header at all\r\n\r\n"
    handler.wfile.write(head.encode() + VIDEO)
    handler.close_connection = True


@pytest.mark.parametrize(
    "behaviour", [answer(VIDEO), malformed, drop, bad_gateway(), cut(VIDEO[:99_999], len(VIDEO))]
)
def test_no_logger_writes_the_signed_url_at_any_level(
    server: ScriptedServer, behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.will(answer("", 302, Location=f"/moved.mp4?{SECRET}"), behaviour)
    server.afterwards = lambda _: answer(VIDEO)
    landing = Landing(server)
    assert landing.run() == len(VIDEO)
    assert any(record.name.startswith("urllib3") for record in caplog.records)
    assert SECRET not in caplog.text
    assert SECRET not in "".join(f"{record.args}{record.exc_info}" for record in caplog.records)


def test_and_what_others_in_the_process_ask_for_is_logged_as_before(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.will(answer("hello"))
    requests.get(f"{server.url}/theirs?a=1", timeout=10)
    assert "/theirs?a=1" in caplog.text


def rendered(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
