"""No answer of any server harms the process that reads it, or whoever stores what it has read."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import time
import traceback
import tracemalloc
import zlib
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec
import pytest

from pixverse_provider.api import values
from pixverse_provider.api.async_client import AsyncPixVerseClient
from pixverse_provider.api.calls import (
    balance_call,
    image_call,
    restyle_effects_call,
    video_call,
    voices_call,
)
from pixverse_provider.api.client import PixVerseClient
from pixverse_provider.api.gate import LONGEST_ANSWER, LONGEST_MESSAGE, LONGEST_TEXT, MOST_LEVELS
from pixverse_provider.api.generations import (
    ImageTemplateRequest,
    LipSyncRequest,
    MaskSelectionRequest,
)
from pixverse_provider.api.pacing import MAX_RETRY_AFTER
from pixverse_provider.api.settings import ClientSettings
from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseAuthenticationError,
    PixVerseCapacityError,
    PixVerseError,
    PixVerseInvalidRequestError,
    PixVersePermanentError,
    PixVerseRateLimitError,
    PixVerseTransientError,
    error_from_dict,
)
from tests.unit.scripted_server import ScriptedServer, answer, cut, raw, refusal, success, trickle

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler

    from pixverse_provider.api.protocol import Call

T = TypeVar("T")

# Quotes and a slash, so that it looks different in JSON and in a URL.
KEY = 'sk-"1234567890/abcdef"'
KEY_IN_URL = "sk-%221234567890%2Fabcdef%22"
KEY_IN_JSON = "".join(f"\\u{ord(character):04x}" for character in KEY)
TRACE = "6f0e2b1a-63a4-4d0e-8a52-1f4b8f1c9d77"
SUBMIT = LipSyncRequest(source_video_id=1, audio_media_id=2).call()
IMAGE_SUBMIT = ImageTemplateRequest(img_ids=(1,), template_id=2).call()
MASKS = MaskSelectionRequest(source_video_id=1).call()


# Seconds. Longer than the slowest machine takes for an answer that comes at once.
PATIENT = 300.0


class Ask(Protocol):
    """One of the clients, asked once."""

    def __call__(self, call: Call[T], *, timeout: float = PATIENT) -> T: ...


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest, server: ScriptedServer) -> Ask:
    def ask_sync(call: Call[T], *, timeout: float = PATIENT) -> T:
        with PixVerseClient(settings_for(server, timeout), sleep=lambda _: None) as client:
            return client.call_once(call)

    async def ask_async(call: Call[T], settings: ClientSettings) -> T:
        async with AsyncPixVerseClient(settings) as client:
            return await client.call_once(call)

    if request.param == "sync":
        return ask_sync
    return lambda call, *, timeout=PATIENT: asyncio.run(ask_async(call, settings_for(server, timeout)))


@pytest.fixture
def worker(server: ScriptedServer) -> Any:
    """The synchronous client, for what only a worker does."""
    with PixVerseClient(settings_for(server, PATIENT), sleep=lambda _: None) as client:
        yield client


@pytest.fixture(autouse=True)
def _nothing_was_logged_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "_odd_fields", set())


def settings_for(server: ScriptedServer, timeout: float) -> ClientSettings:
    return ClientSettings(KEY, f"{server.url}/openapi/v2", timeout=timeout)


def envelope(resp: str, code: str = "0", message: str = '"success"') -> str:
    return f'{{"ErrCode": {code}, "ErrMsg": {message}, "Resp": {resp}}}'


def video(**fields: str) -> str:
    """Return the envelope of video 7, running; each field is JSON, and None leaves it out."""
    resp = {"id": "7", "status": "5"} | fields
    return envelope("{" + ", ".join(f'"{name}": {value}' for name, value in resp.items()) + "}")


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def assert_can_be_stored(data: dict[str, Any]) -> None:
    """Assert that Airflow can send and store what goes into an XCom or an event."""
    text = json.dumps(data, allow_nan=False, ensure_ascii=False)
    text.encode("utf-8")
    msgspec.msgpack.encode(data)
    assert "\0" not in text
    assert KEY not in json.dumps(list(_texts(data)), ensure_ascii=False).replace('\\"', '"')


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def refused(ask: Ask, call: Call[Any]) -> PixVerseError:
    with pytest.raises(PixVerseError) as caught:
        ask(call)
    assert_can_be_stored(caught.value.to_dict())
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in shown
    shown.encode("utf-8")
    return caught.value


def _bomb(wbits: int) -> bytes:
    """Return less than 1 MB that decompresses to 900 MB."""
    packer = zlib.compressobj(9, wbits=wbits)
    begin = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return begin + (packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)) * 900


class TestSize:
    @pytest.mark.parametrize(
        ("encoding", "wbits"), [("gzip", 31), ("X-GZIP", 31), ("deflate", 15), ("deflate", -15)]
    )
    @pytest.mark.parametrize("status", [200, 302, 500])
    def test_a_bomb_is_not_decompressed(
        self, server: ScriptedServer, ask: Ask, encoding: str, wbits: int, status: int
    ) -> None:
        bomb = _bomb(wbits)
        assert len(bomb) < LONGEST_ANSWER
        headers = {"Content_Encoding": encoding, "Location": f"{server.url}/elsewhere"}
        server.will(answer(bomb, status, **headers))
        tracemalloc.start()
        try:
            error = refused(ask, video_call(7))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert type(error) is (PixVersePermanentError if status == 302 else PixVerseTransientError)
        assert peak < 10_000_000

    @pytest.mark.parametrize("status", [200, 302, 500])
    def test_a_body_without_end_is_not_read_to_its_end(
        self, server: ScriptedServer, ask: Ask, status: int
    ) -> None:
        def endless(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b"HTTP/1.1 %d X\r\nLocation: /elsewhere\r\n\r\n" % status)
            while True:
                handler.wfile.write(bytes(100_000))

        server.will(endless)
        error = refused(ask, video_call(7))
        assert error.http_status == status

    def test_one_megabyte_is_read_and_a_byte_more_is_not(self, server: ScriptedServer, ask: Ask) -> None:
        server.will(answer(video().ljust(LONGEST_ANSWER)), answer(video().ljust(LONGEST_ANSWER + 1)))
        assert ask(video_call(7)).status == 5
        assert "more than 1 MB" in str(refused(ask, video_call(7)))

    def test_so_much_in_pieces_is_read_as_well(self, server: ScriptedServer, ask: Ask) -> None:
        text = video().ljust(LONGEST_ANSWER).encode()
        pieces = [text[at : at + 30_000] for at in range(0, len(text), 30_000)]
        chunked = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*pieces, b""])
        server.will(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked))
        assert ask(video_call(7)).status == 5

    @pytest.mark.parametrize("call", [SUBMIT, MASKS], ids=["submit", "masks"])
    def test_a_paid_job_may_exist_behind_an_answer_that_is_too_large(
        self, server: ScriptedServer, worker: PixVerseClient, call: Call[Any]
    ) -> None:
        server.will(answer(_bomb(31), Content_Encoding="gzip"), answer(" " * (LONGEST_ANSWER + 1)))
        for _ in range(2):
            with pytest.raises(PixVerseAmbiguousSubmitError, match="more than 1 MB"):
                worker.call_once(call)

    def test_the_connection_of_such_an_answer_is_closed_and_any_other_is_kept(
        self, server: ScriptedServer, worker: PixVerseClient
    ) -> None:
        ports = []

        def noting(text: str) -> Any:
            def behave(handler: BaseHTTPRequestHandler) -> None:
                ports.append(handler.client_address[1])
                answer(text)(handler)

            return behave

        server.will(noting(video()), noting(video().ljust(2 * LONGEST_ANSWER)), noting(video()))
        worker.call_once(video_call(7))
        with pytest.raises(PixVerseTransientError):
            worker.call_once(video_call(7))
        worker.call_once(video_call(7))
        assert ports[0] == ports[1] != ports[2]


def gzipped(data: bytes) -> bytes:
    """Compress, without the time, so that a test has the same name on every run."""
    return gzip.compress(data, mtime=0)


class TestCompression:
    def test_none_is_asked_for(self, server: ScriptedServer, ask: Ask) -> None:
        server.will(success({"id": 7, "status": 5}))
        ask(video_call(7))
        assert server.requests[0].headers["accept-encoding"] == "identity"

    @pytest.mark.parametrize(
        ("encoding", "data"),
        [
            ("gzip", gzipped(video().encode())),
            ("x-gzip", gzipped(video().encode())),
            ("identity, gzip", gzipped(video().encode())),
            ("deflate", zlib.compress(video().encode())),
            ("deflate", zlib.compress(video().encode(), wbits=-15)),
            ("identity", video().encode()),
        ],
    )
    def test_what_comes_all_the_same_is_read(
        self, server: ScriptedServer, ask: Ask, encoding: str, data: bytes
    ) -> None:
        server.will(answer(data, Content_Encoding=encoding))
        assert ask(video_call(7)).status == 5

    @pytest.mark.parametrize(
        ("encoding", "data", "reason"),
        [
            ("gzip", video().encode(), "cannot be decompressed"),
            ("gzip", gzipped(video().encode())[:-10], "breaks off"),
            ("gzip", b"", "breaks off"),
            ("deflate", b"\xff\xff\xff", "cannot be decompressed"),
            ("br", b"\x0b\x02\x80hello\x03", "unknown encoding"),
            ("gzip, gzip", gzipped(gzipped(video().encode())), "unknown encoding"),
        ],
    )
    def test_what_cannot_be_read_is_a_transient_error(
        self, server: ScriptedServer, ask: Ask, encoding: str, data: bytes, reason: str
    ) -> None:
        server.will(answer(data, Content_Encoding=encoding))
        error = refused(ask, video_call(7))
        assert type(error) is PixVerseTransientError
        assert reason in str(error)


# Never whole, and each piece comes well within any timeout.
SLOW = {
    "status line": trickle(b"HTTP/1.1 200 O"),
    "header": trickle(b"HTTP/1.1 200 OK\r\nX-Long: "),
    "headers": trickle(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "continue": trickle(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{"),
    "body without a length": trickle(b"HTTP/1.1 200 OK\r\n\r\n{"),
    "chunks": trickle(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "trailer": trickle(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
    "body of a redirect": trickle(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n"),
}


class TestTime:
    @pytest.fixture
    def let_pass(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
        """Let seconds pass at once, on the clock that bounds the answers of a worker."""
        passed: list[float] = []
        clock = SimpleNamespace(monotonic=lambda: time.monotonic() + sum(passed))
        monkeypatch.setattr("pixverse_provider.api.transport.time", clock)
        return passed.append

    @pytest.mark.parametrize("part", SLOW)
    def test_an_answer_that_trickles_in_is_not_waited_for(
        self, server: ScriptedServer, ask: Ask, part: str
    ) -> None:
        server.will(SLOW[part], SLOW[part])
        with pytest.raises(PixVerseTransientError, match="Timeout"):
            ask(video_call(7), timeout=0.4)

    @pytest.mark.parametrize(
        ("call", "part"), [(SUBMIT, "header"), (SUBMIT, "body"), (MASKS, "header"), (MASKS, "body")]
    )
    def test_a_paid_job_may_exist_behind_it(self, server: ScriptedServer, call: Call[Any], part: str) -> None:
        server.will(SLOW[part])
        with (
            PixVerseClient(settings_for(server, 0.4)) as client,
            pytest.raises(PixVerseAmbiguousSubmitError, match="Timeout"),
        ):
            client.call_once(call)

    def test_the_bound_is_that_of_each_answer_and_not_of_its_connection(
        self, server: ScriptedServer, let_pass: Callable[[float], None]
    ) -> None:
        server.afterwards = lambda _: success({"id": 7, "status": 5})
        with PixVerseClient(settings_for(server, PATIENT)) as client:
            for _ in range(4):
                assert client.call_once(video_call(7)).status == 5
                let_pass(PATIENT / 2)
        # Had it been closed in between, nothing would have been seen.
        assert server.connections == 1

    def test_sending_a_file_may_take_longer(
        self, server: ScriptedServer, let_pass: Callable[[float], None]
    ) -> None:
        class SlowFile:
            file_name, content_type, size = "a.mp4", "video/mp4", 8

            def open(self) -> IO[bytes]:
                class Stream(io.BytesIO):
                    def read(self, size: int | None = -1) -> bytes:
                        let_pass(PATIENT / 2)
                        return super().read(2)

                return Stream(b"12345678")

        server.will(success({"media_id": 5, "media_type": "video"}))
        with PixVerseClient(settings_for(server, PATIENT)) as client:
            assert client.upload_media(SlowFile()).media_id == 5


NO_ENVELOPES = {
    "without end": "[" * 100_000,
    "objects without end": '{"a":' * 100_000,
    "too many levels": video(customer_paths=nested(MOST_LEVELS - 1)),
    "trailing garbage": video() + "x",
    "two values": video() * 2,
    "huge code": envelope("{}", code="9" * 5000),
    "infinite code": envelope("{}", code="1e999"),
    "NaN for a code": envelope("{}", code="NaN"),
    "fraction for a code": envelope("{}", code="0.5"),
    "true for a code": envelope("{}", code="true"),
    "list": f"[{video()}]",
    "NaN": "NaN",
}


class TestEnvelopes:
    @pytest.mark.parametrize("body", NO_ENVELOPES.values(), ids=NO_ENVELOPES)
    def test_what_is_no_envelope_is_a_transient_error_of_a_read(
        self, server: ScriptedServer, ask: Ask, body: str
    ) -> None:
        server.will(answer(body))
        assert type(refused(ask, video_call(7))) is PixVerseTransientError

    @pytest.mark.parametrize("body", NO_ENVELOPES.values(), ids=NO_ENVELOPES)
    def test_a_paid_job_may_exist_behind_it(
        self, server: ScriptedServer, worker: PixVerseClient, body: str
    ) -> None:
        server.will(answer(body))
        with pytest.raises(PixVerseAmbiguousSubmitError) as caught:
            worker.call_once(SUBMIT)
        assert caught.value.proves_no_job is False

    @pytest.mark.parametrize(
        "body",
        [
            b"\xef\xbb\xbf" + video().encode(),
            f" \r\n{video()}\n ".encode(),
            video(prompt='"a\nb\tc"').encode(),
            video(prompt='"\xff"').encode("latin-1"),
            video(customer_paths=nested(MOST_LEVELS - 2)).encode(),
            video(brand_new="1e999", other="NaN", huge="9" * 5000).encode(),
            envelope('{"id": 7, "status": 5}', code='"0"').encode(),
            envelope('{"id": 7, "status": 5}', code="0.0").encode(),
            envelope('{"id": 7, "status": 5}', message='{"text": "x"}').encode(),
            envelope('{"status": 6, "id": 8, "id": 7, "status": 5}').encode(),
        ],
        ids=[
            "byte order mark",
            "spaces",
            "raw control characters",
            "no UTF-8",
            "many levels",
            "odd numbers in unknown fields",
            "code in quotes",
            "code with a point",
            "message that is no text",
            "the last of two equal keys counts",
        ],
    )
    def test_an_odd_envelope_is_read(self, server: ScriptedServer, ask: Ask, body: bytes) -> None:
        server.will(answer(body))
        assert ask(video_call(7)).status == 5


# JSON of a field, and what is made of it.
TEXTS = [
    (r'"a\ud800b"', "a\ufffdb"),
    (r'"a\udc00\ud800b"', "a\ufffd\ufffdb"),
    (r'"\ud83d\ude00"', "\U0001f600"),
    (r'"a\u0000b"', "a\ufffdb"),
    ('"a\0b"', "a\ufffdb"),
    (json.dumps(KEY), "***"),
    (f'"{KEY_IN_JSON} {KEY_IN_JSON}"', "*** ***"),
    (f'"https://a.example/?key={KEY_IN_URL}"', "https://a.example/?key=***"),
    (json.dumps("x" * (LONGEST_TEXT - 8) + KEY), "x" * (LONGEST_TEXT - 8) + "***"),
    (json.dumps("é" * 20_000), "é" * (LONGEST_TEXT - 1) + "…"),
    ("7", "7"),
    ('""', ""),
    ("null", None),
    ("7.5", None),
    ("true", None),
    ('["a"]', None),
    ('{"a": 1}', None),
]
INTEGERS = [
    ("0", 0),
    (str(2**31), 2**31),
    (str(2**63 - 1), 2**63 - 1),
    ("7.0", 7),
    ("7e2", 700),
    ('"7"', 7),
    ('" 7 "', 7),
    ('"7.0"', 7),
    ("null", None),
    ('""', None),
    (str(2**63), None),
    (str(2**64), None),
    ("9" * 5000, None),
    ('"' + "9" * 5000 + '"', None),
    ("-1", None),
    ("7.5", None),
    ("1e30", None),
    ("1e999", None),
    ("-1e999", None),
    ("0." + "3" * 100_000, None),
    ("NaN", None),
    ("Infinity", None),
    ("-Infinity", None),
    ('"540p"', None),
    (r'"\u0667"', None),
    ("true", None),
    ("[7]", None),
    ('{"a": 7}', None),
]
CHARGES = [
    ("8", 8),
    ("8.5", 8.5),
    ('"8"', 8),
    ("0", 0),
    (str(2**53 - 1), 2**53 - 1),
    (str(2**53), None),
    ("1e300", None),
    ("1e999", None),
    ("NaN", None),
    ("-1", None),
    ("-0.5", None),
    ("true", None),
    ('"eight"', None),
    ("[8]", None),
]
SOME_TEXTS = [(r'"\u0000"', "\ufffd"), ("7", "7"), ("[]", None)]
SOME_INTEGERS = [('"7"', 7), ("null", None), ('"540p"', None), (str(2**64), None), ("NaN", None)]
VIDEO_FIELDS = {
    "prompt": TEXTS,
    "create_time": SOME_TEXTS,
    "modify_time": SOME_TEXTS,
    "seed": INTEGERS,
    "resolution_ratio": SOME_INTEGERS,
    "outputWidth": SOME_INTEGERS,
    "outputHeight": SOME_INTEGERS,
    "size": SOME_INTEGERS,
    "credits": CHARGES,
    "credit": [("8", 8), ("NaN", None)],
    "has_audio": [("true", True), ("null", None), ("1", None), ('"yes"', None), ("[]", None)],
}
ATTRIBUTES = {"outputWidth": "output_width", "outputHeight": "output_height", "credit": "credits"}


def _rows(fields: dict[str, Any]) -> list[Any]:
    return [
        pytest.param(name, text, expected, id=f"{name}: {text[:30]!a}")
        for name, rows in fields.items()
        for text, expected in rows
    ]


class TestFieldsOfAJob:
    @pytest.mark.parametrize(("name", "text", "expected"), _rows(VIDEO_FIELDS))
    def test_a_field_that_decides_nothing_fails_no_poll(
        self, server: ScriptedServer, ask: Ask, name: str, text: str, expected: Any
    ) -> None:
        server.will(answer(video(**{name: text, "status": '"1"', "url": '"https://a.example/b.mp4"'})))
        result = ask(video_call(7))
        found = getattr(result, ATTRIBUTES.get(name, name))
        assert (found, type(found)) == (expected, type(expected))
        assert (result.status, result.url) == (1, "https://a.example/b.mp4")
        assert_can_be_stored(result.to_dict())
        again = type(result).from_dict(json.loads(json.dumps(result.to_dict())))
        assert again.to_dict() == result.to_dict()

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("384268229671680", 384268229671680),
            (str(2**53), str(2**53)),
            (str(2**64 - 1), str(2**64 - 1)),
            ('"7"', 7),
            ("0", None),
            ("7.0", None),
            (str(2**64), None),
            ('"template"', None),
            ("[]", None),
        ],
    )
    def test_the_template_of_an_image_is_an_id_that_every_page_shows_alike(
        self, server: ScriptedServer, ask: Ask, text: str, expected: Any
    ) -> None:
        server.will(answer(envelope(f'{{"image_id": 7, "status": 5, "template_id": {text}, "seed": "x"}}')))
        result = ask(image_call(7))
        assert (result.template_id, result.seed) == (expected, None)
        assert_can_be_stored(result.to_dict())

    @pytest.mark.parametrize(
        ("text", "url"),
        [
            ('"https://a.example/b.mp4"', "https://a.example/b.mp4"),
            ('" https://a.example/b.mp4 "', "https://a.example/b.mp4"),
            ('""', ""),
            ("null", ""),
            ("5", ""),
            ("true", ""),
            ('["https://a.example/b.mp4"]', ""),
            ('{"url": "https://a.example/b.mp4"}', ""),
            (json.dumps("https://a.example/" + "b" * 20_000), ""),
        ],
        ids=lambda text: text[:30],
    )
    @pytest.mark.parametrize("status", ["1", "5"])
    def test_what_is_no_url_is_none_yet(
        self, server: ScriptedServer, ask: Ask, status: str, text: str, url: str
    ) -> None:
        server.will(answer(video(status=status, url=text)))
        assert ask(video_call(7)).url == url

    @pytest.mark.parametrize(("text", "status"), [('"1"', 1), ("1.0", 1), ("99", 99), ("-3", -3)])
    def test_a_status_is_an_integer_however_it_is_written(
        self, server: ScriptedServer, ask: Ask, text: str, status: int
    ) -> None:
        server.will(answer(video(status=text)))
        assert ask(video_call(7)).status == status

    @pytest.mark.parametrize(
        "text", ["null", '""', '"done"', "1.5", "true", "NaN", "1e999", str(2**31), "9" * 5000, "[1]", "{}"]
    )
    def test_without_a_status_the_poll_has_failed(self, server: ScriptedServer, ask: Ask, text: str) -> None:
        server.will(answer(video(status=text)))
        error = refused(ask, video_call(7))
        assert type(error) is PixVerseTransientError
        assert "no usable status" in str(error)

    @pytest.mark.parametrize(
        "text",
        [
            "null",
            '""',
            '"x"',
            "7.5",
            "1e300",
            "9007199254740992.0",
            "true",
            "0",
            "-7",
            str(2**64),
            "9" * 5000,
            "NaN",
            "[7]",
            "{}",
        ],
    )
    @pytest.mark.parametrize(("name", "call"), [("id", video_call(7)), ("image_id", image_call(7))])
    def test_without_an_id_the_poll_has_failed(
        self, server: ScriptedServer, ask: Ask, name: str, call: Call[Any], text: str
    ) -> None:
        server.will(answer(envelope(f'{{"{name}": {text}, "status": 1}}')))
        error = refused(ask, call)
        assert type(error) is PixVerseTransientError
        assert f"no usable {name}" in str(error)
        assert error.video_id == 7

    @pytest.mark.parametrize(("name", "call"), [("id", video_call(7)), ("image_id", image_call(7))])
    def test_an_answer_about_another_job_has_failed_and_names_both(
        self, server: ScriptedServer, ask: Ask, name: str, call: Call[Any]
    ) -> None:
        server.will(answer(envelope(f'{{"{name}": 8, "status": 1, "url": "https://a.example/b.mp4"}}')))
        error = refused(ask, call)
        assert type(error) is PixVerseTransientError
        assert "about job 8, not job 7" in str(error)

    def test_the_id_may_be_written_as_a_float_as_long_as_that_is_exact(
        self, server: ScriptedServer, ask: Ask
    ) -> None:
        server.will(answer(video(id="9007199254740991.0")))
        assert ask(video_call(2**53 - 1)).id == 2**53 - 1

    def test_the_id_may_be_written_as_digits(self, server: ScriptedServer, ask: Ask) -> None:
        server.will(answer(video(id='"18446744073709551615"')))
        assert ask(video_call(2**64 - 1)).id == 2**64 - 1

    def test_an_odd_field_is_logged_once_by_its_name(
        self, server: ScriptedServer, ask: Ask, log_lines: list[str]
    ) -> None:
        odd = answer(video(resolution_ratio='"540p"', seed='"secret"', size="null", prompt='""'))
        server.will(odd, odd)
        ask(video_call(7))
        ask(video_call(7))
        lines = [line for line in log_lines if "cannot be used" in line]
        assert len(lines) == 2
        assert "resolution_ratio" in lines[1] or "resolution_ratio" in lines[0]
        assert not any("540p" in line or "secret" in line for line in log_lines)


SHAPES = [
    "null", "0", "7", "1.5", "true", '""', '"text"', "[]", "[[]]", "[null]", '["a"]', "[7]", "{}",
    '{"data": 7}', '{"data": {}}', '{"data": [null]}', '{"data": [[]]}', '{"data": [{}]}',
    '{"data": [{"speaker_id": null}]}', '{"data": [{"speaker_id": {}}]}', '{"data": [{"speaker_id": 1.5}]}',
    '[{"restyle_id": null}]', '[{"restyle_id": 1.5}]', '[{"restyle_id": []}]',
    '{"mask_info": null}', '{"keyframe_id": null, "mask_info": []}', '{"keyframe_id": 1, "mask_info": 7}',
    '{"keyframe_id": 1, "mask_info": [7]}', '{"keyframe_id": 1, "mask_info": [{"mask_id": null}]}',
    '{"video_id": null}', '{"video_id": 1.5}', '{"video_id": []}', '{"image_id": {}}',
    '{"img_id": "x"}', '{"media_id": true}', '{"id": 7}', '{"id": 7, "status": null}',
    '{"credit_monthly": null, "credit_package": 1}', '{"credit_monthly": "x", "credit_package": 1}',
    '{"credit_monthly": 1, "credit_package": NaN}', '{"credit_monthly": 1, "credit_package": []}',
]  # fmt: skip


class TestEveryEndpoint:
    @pytest.mark.parametrize(
        "call",
        [video_call(7), image_call(7), balance_call(), voices_call(), restyle_effects_call(1)],
        ids=lambda call: call.path,
    )
    def test_another_shape_is_a_transient_error_of_a_read_or_an_empty_list(
        self, server: ScriptedServer, ask: Ask, call: Call[Any]
    ) -> None:
        outcomes: dict[str, Any] = {}
        for resp in SHAPES:
            server.will(answer(envelope(resp)))
            try:
                outcomes[resp] = ask(call)
            except PixVerseError as error:
                outcomes[resp] = type(error)
        assert [
            resp for resp, outcome in outcomes.items() if outcome not in ([], PixVerseTransientError)
        ] == []

    @pytest.mark.parametrize("call", [SUBMIT, IMAGE_SUBMIT, MASKS], ids=lambda call: call.path)
    def test_a_paid_job_may_exist_behind_it(
        self, server: ScriptedServer, worker: PixVerseClient, call: Call[Any]
    ) -> None:
        for resp in SHAPES:
            server.will(answer(envelope(resp)))
            with pytest.raises(PixVerseAmbiguousSubmitError):
                worker.call_once(call)

    @pytest.mark.parametrize("upload", ["upload_media", "upload_image"])
    def test_an_upload_is_repeated_and_no_media_is_made_up(
        self, server: ScriptedServer, worker: PixVerseClient, upload: str
    ) -> None:
        class File:
            file_name, content_type, size = "a.mp4", "video/mp4", 1

            def open(self) -> IO[bytes]:
                return io.BytesIO(b"x")

        for resp in SHAPES:
            server.will(*[answer(envelope(resp))] * 4)
            with pytest.raises(PixVerseTransientError):
                getattr(worker, upload)(File())
        assert len(server.requests) == 4 * len(SHAPES)

    @pytest.mark.parametrize(("text", "credits_charged"), CHARGES)
    def test_the_id_decides_whether_a_job_was_accepted(
        self, server: ScriptedServer, worker: PixVerseClient, text: str, credits_charged: float | None
    ) -> None:
        server.will(answer(envelope(f'{{"video_id": 7, "credits": {text}}}')))
        submission = worker.call_once(SUBMIT)
        assert (submission.video_id, submission.credits) == (7, credits_charged)

    def test_masks_without_names_and_pictures_can_be_used(
        self, server: ScriptedServer, worker: PixVerseClient
    ) -> None:
        masks = '[{"mask_id": 7, "mask_name": 1.5, "mask_url": []}]'
        server.will(answer(envelope(f'{{"keyframe_id": "1", "keyframe_url": null, "mask_info": {masks}}}')))
        selection = worker.call_once(MASKS)
        assert (selection.keyframe_id, selection.keyframe_url, selection.masks[0].mask_id) == (1, "", "7")

    @pytest.mark.parametrize(
        ("account", "monthly", "expected"),
        [
            (str(2**60), "15000", (str(2**60), 15000)),
            ("7", '"15000"', (7, 15000)),
            ('"account"', "15000.0", (None, 15000)),
            ("null", "99.5", (None, 99)),
            ("[]", "-5", (None, -5)),
        ],
    )
    def test_a_balance_is_its_credits(
        self, server: ScriptedServer, ask: Ask, account: str, monthly: str, expected: tuple[Any, int]
    ) -> None:
        resp = f'{{"account_id": {account}, "credit_monthly": {monthly}, "credit_package": 1}}'
        server.will(answer(envelope(resp)))
        balance = ask(balance_call())
        assert (balance.account_id, balance.credit_monthly) == expected
        assert balance.total == expected[1] + 1


class TestErrors:
    @pytest.mark.parametrize(
        ("message", "shown"),
        [
            (r'"a\ud800b"', '"a\ufffdb"'),
            (r'"a\u0000b"', '"a\ufffdb"'),
            (r'"a\r\n\u001b[31mb"', '"a [31mb"'),
            (f'"key {KEY_IN_JSON} is wrong"', '"key *** is wrong"'),
            ('{"a": 1}', "(ErrCode 500063)"),
            ("null", "(ErrCode 500063)"),
            ("5", "(ErrCode 500063)"),
        ],
    )
    def test_the_text_of_the_service_is_quoted_as_what_can_be_stored(
        self, server: ScriptedServer, ask: Ask, message: str, shown: str
    ) -> None:
        server.will(answer(envelope("null", code="500063", message=message)))
        assert shown in str(refused(ask, video_call(7)))

    def test_a_long_text_is_shortened_and_shows_no_part_of_the_key(
        self, server: ScriptedServer, ask: Ask
    ) -> None:
        message = "x" * (LONGEST_MESSAGE - 10) + KEY
        server.will(refusal(500063, message), refusal(500063, "x" * 9_999))
        assert "sk-" not in str(refused(ask, video_call(7)))
        assert len(str(refused(ask, video_call(7)))) < LONGEST_MESSAGE + 300

    @pytest.mark.parametrize(
        "garbage",
        [
            b"not HTTP at all \x00 \xff " + KEY.encode() + b"\r\n\r\n",
            b"HTTP/1.1 abc " + KEY.encode() + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nbad header " + KEY.encode() + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: " + KEY.encode() + b"\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + KEY.encode() + b"\r\n",
            b"HTTP/1.1 200 OK\r\nX: \xed\xa0\x80\xff\r\nContent-Length: 2\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nSet-Cookie: \xff=" + KEY.encode() + b"; Expires=Thu, 99\r\n\r\n{}",
            b"HTTP/1.1 302 Found\r\nLocation: http://[\xff" + KEY.encode() + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000,
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
        ],
        ids=lambda data: repr(data[:40]),
    )
    def test_what_is_no_http_is_an_error_of_the_family_without_the_key(
        self, server: ScriptedServer, ask: Ask, garbage: bytes
    ) -> None:
        server.afterwards = lambda _: raw(garbage)
        refused(ask, video_call(7))

    def test_what_breaks_off_is_a_transient_error(self, server: ScriptedServer, ask: Ask) -> None:
        server.afterwards = lambda _: cut(video().encode(), 5000)
        assert type(refused(ask, video_call(7))) is PixVerseTransientError


BUSY = [(429, {}), (503, {}), (200, {"Retry_After": "17"}), (500, {"Retry_After": "soon"})]


class TestWhichSignalCounts:
    @pytest.mark.parametrize("code", [99999, 123456, -5])
    @pytest.mark.parametrize(("status", "headers"), BUSY)
    def test_being_asked_to_wait_outranks_a_code_that_says_too_little(
        self, server: ScriptedServer, ask: Ask, code: int, status: int, headers: dict[str, str]
    ) -> None:
        server.will(refusal(code, "no", status, **headers))
        error = refused(ask, video_call(7))
        assert type(error) is PixVerseRateLimitError
        assert (error.err_code, error.http_status) == (code, status)
        assert error.retry_after == (17.0 if headers.get("Retry_After") == "17" else None)

    @pytest.mark.parametrize("code", [99999, 123456])
    @pytest.mark.parametrize(("status", "headers"), BUSY)
    def test_at_a_submit_as_well(
        self, server: ScriptedServer, worker: PixVerseClient, code: int, status: int, headers: dict[str, str]
    ) -> None:
        server.will(refusal(code, "no", status, **headers))
        with pytest.raises(PixVerseRateLimitError) as caught:
            worker.submit(LipSyncRequest(source_video_id=1, audio_media_id=2), trace_id=TRACE)
        assert caught.value.proves_no_job is (status < 500)
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("code", "status", "error_class"),
        [
            (500069, 500, PixVerseCapacityError),
            (500069, 429, PixVerseCapacityError),
            (500100, 400, PixVerseTransientError),
            (500044, 503, PixVerseCapacityError),
            (400012, 503, PixVerseAuthenticationError),
            (400017, 429, PixVerseInvalidRequestError),
        ],
    )
    def test_a_known_code_outranks_everything(
        self,
        server: ScriptedServer,
        ask: Ask,
        worker: PixVerseClient,
        code: int,
        status: int,
        error_class: type[PixVerseError],
    ) -> None:
        server.will(*[refusal(code, "no", status, Retry_After="7")] * 2)
        error = refused(ask, video_call(7))
        assert (type(error), error.err_code, error.retry_after) == (error_class, code, 7.0)
        with pytest.raises(error_class) as caught:
            worker.call_once(SUBMIT)
        assert caught.value.proves_no_job is True

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_gateway_that_refuses_is_told_from_pixverse_by_the_code(
        self, server: ScriptedServer, ask: Ask, status: int
    ) -> None:
        server.will(answer("", status), refusal(10005, "no", status), refusal(400012, "no", status))
        errors = [refused(ask, video_call(7)) for _ in range(3)]
        assert {type(error) for error in errors} == {PixVerseAuthenticationError}
        assert [error.err_code for error in errors] == [None, 10005, 400012]

    @pytest.mark.parametrize(
        ("code", "status", "proven"),
        [
            (500044, 200, True),
            (500063, 500, True),
            (99999, 200, True),
            (123456, 400, True),
            (99999, 500, False),
            (123456, 502, False),
        ],
    )
    def test_an_envelope_proves_that_there_is_no_job_where_its_meaning_is_known_or_nothing_has_failed(
        self, server: ScriptedServer, worker: PixVerseClient, code: int, status: int, proven: bool
    ) -> None:
        server.will(refusal(code, "no", status))
        with pytest.raises(PixVerseError) as caught:
            worker.call_once(SUBMIT)
        assert caught.value.proves_no_job is proven
        assert error_from_dict(json.loads(json.dumps(caught.value.to_dict()))).proves_no_job is proven

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
    def test_without_an_envelope_nothing_is_proven(
        self, server: ScriptedServer, worker: PixVerseClient, status: int
    ) -> None:
        server.will(answer("", status))
        with pytest.raises(PixVerseError) as caught:
            worker.call_once(SUBMIT)
        assert caught.value.proves_no_job is False

    @pytest.mark.parametrize(
        ("values_sent", "pause"),
        [
            (["9" * 400], None),
            (["0" * 400 + "7"], 7.0),
            (["86400"], MAX_RETRY_AFTER),
            (["0"], 0.0),
            (["-5"], None),
            (["1.5"], None),
            (["١٢"], None),
            (["Thu, 01 Jan 99999999999999999999 00:00:00 GMT"], None),
            (["Fri, 31 Dec 9999 23:59:59 GMT"], MAX_RETRY_AFTER),
            (["Fri, 31 Dec 9999 23:59:59 -2359"], MAX_RETRY_AFTER),
            (["Thu, 01 Jan 1970 00:00:00 GMT"], 0.0),
            (["Thu, 01 Jan 2099 00:00:00"], None),
            ([", , , ,"], None),
            (["x" * 5000], None),
            (["7", "9"], None),
            ([""], None),
        ],
    )
    def test_a_pause_of_any_shape_is_none_or_within_bounds(
        self, server: ScriptedServer, ask: Ask, values_sent: list[str], pause: float | None
    ) -> None:
        headers = "".join(f"Retry-After: {value}\r\n" for value in values_sent)
        server.will(raw(f"HTTP/1.1 429 X\r\n{headers}Content-Length: 0\r\n\r\n".encode()))
        error = refused(ask, video_call(7))
        assert (type(error), error.retry_after) == (PixVerseRateLimitError, pause)
