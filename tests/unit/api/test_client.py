"""The synchronous client against a server that misbehaves on order."""

from __future__ import annotations

import io
import json
import socket
import time
import traceback
import uuid
from typing import IO, TYPE_CHECKING, Any

import pytest

from pixverse_provider.api.calls import (
    balance_call,
    image_from_url_call,
    media_from_url_call,
    video_call,
    voices_call,
)
from pixverse_provider.api.client import PixVerseClient
from pixverse_provider.api.generations import LipSyncRequest
from pixverse_provider.api.settings import ClientSettings
from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseAuthenticationError,
    PixVerseCapacityError,
    PixVerseError,
    PixVerseInsufficientCreditsError,
    PixVerseModerationError,
    PixVersePermanentError,
    PixVerseRateLimitError,
    PixVerseTransientError,
)
from tests.unit.scripted_server import ScriptedServer, answer, bad_gateway, cut, drop, refusal, success

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk-1234567890abcdef"
TRACE = "6f0e2b1a-63a4-4d0e-8a52-1f4b8f1c9d77"
REQUEST = LipSyncRequest(
    source_video_id=627410861853514292, lip_sync_tts_speaker_id="7", lip_sync_tts_content="Grüße"
)
VIDEO = {"id": 7, "status": 5}
JOB = {"video_id": 627410861853514293, "credits": 4}


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def client(server: ScriptedServer, pauses: list[float]) -> Iterator[PixVerseClient]:
    with PixVerseClient(settings_for(server), sleep=pauses.append) as pixverse:
        yield pixverse


def settings_for(server: ScriptedServer, **more: Any) -> ClientSettings:
    return ClientSettings(KEY, f"{server.url}/openapi/v2", **({"timeout": 300.0} | more))


def rendered(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


class TestReads:
    def test_a_call_goes_out_as_documented(self, server: ScriptedServer, client: PixVerseClient) -> None:
        server.will(success(VIDEO))
        assert client.call(video_call(7)).status == 5
        request = server.requests[0]
        assert (request.method, request.path) == ("GET", "/openapi/v2/video/result/7")
        assert request.headers["api-key"] == KEY
        assert request.headers["accept"] == "application/json"
        assert "authorization" not in request.headers
        assert request.body == b""
        assert uuid.UUID(request.trace_id).version == 4

    def test_the_list_of_voices_asks_for_all_of_them(
        self, server: ScriptedServer, client: PixVerseClient
    ) -> None:
        server.will(success({"total": 1, "data": [{"speaker_id": "7", "name": "Harper"}]}))
        assert [voice.name for voice in client.call(voices_call())] == ["Harper"]
        assert server.requests[0].query == {"page_num": "1", "page_size": "100"}

    @pytest.mark.parametrize(
        ("call", "field"),
        [
            (image_from_url_call("https://a.example/b.png?x=1&y=2"), "image_url"),
            (media_from_url_call("https://a.example/b.png?x=1&y=2"), "file_url"),
        ],
    )
    def test_an_address_is_handed_on_as_a_form(
        self, server: ScriptedServer, client: PixVerseClient, call: Any, field: str
    ) -> None:
        server.will(success({"img_id": 1, "media_id": 1, "media_type": "video"}))
        client.call(call)
        request = server.requests[0]
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert request.body == f"{field}=https%3A%2F%2Fa.example%2Fb.png%3Fx%3D1%26y%3D2".encode()

    @pytest.mark.parametrize(
        "trouble",
        [
            drop,
            bad_gateway(),
            answer("", 503),
            answer('{"ErrCode": 0, "Er'),
            answer("[]"),
            refusal(500069),
            refusal(500100),
            refusal(99999),
            refusal(123456),
            cut(b'{"ErrCode"', 500),
            success({}),
        ],
        ids=[
            "dropped",
            "502",
            "503",
            "truncated",
            "list",
            "busy",
            "internal",
            "unknown",
            "undocumented",
            "cut",
            "empty",
        ],
    )
    def test_a_transient_error_is_not_seen_and_each_attempt_has_a_trace_id_of_its_own(
        self, server: ScriptedServer, client: PixVerseClient, pauses: list[float], trouble: Any
    ) -> None:
        server.will(trouble, trouble, trouble, success(VIDEO))
        assert client.call(video_call(7)).id == 7
        assert len({request.trace_id for request in server.requests}) == 4
        assert [pause for pause in pauses if pause] == sorted(pause for pause in pauses if pause)

    def test_it_gives_up_after_the_fourth_attempt(
        self, server: ScriptedServer, client: PixVerseClient
    ) -> None:
        server.will(*[bad_gateway()] * 4)
        with pytest.raises(PixVerseTransientError, match="502"):
            client.call(video_call(7))
        assert len(server.requests) == 4

    @pytest.mark.parametrize(
        ("trouble", "error_class"),
        [
            (refusal(400012), PixVerseAuthenticationError),
            (answer("", 401), PixVerseAuthenticationError),
            (refusal(500063), PixVerseModerationError),
            (answer("not here", 404), PixVersePermanentError),
        ],
        ids=["invalid account", "401", "moderation", "404"],
    )
    def test_what_repeating_cannot_help_is_not_repeated(
        self, server: ScriptedServer, client: PixVerseClient, trouble: Any, error_class: type[PixVerseError]
    ) -> None:
        server.will(trouble)
        with pytest.raises(error_class):
            client.call(video_call(7))
        assert len(server.requests) == 1

    def test_a_pause_that_the_service_asks_for_is_kept(
        self, server: ScriptedServer, client: PixVerseClient, pauses: list[float]
    ) -> None:
        server.will(answer("", 429, Retry_After="20"), success(VIDEO))
        client.call(video_call(7))
        assert 20 <= max(pauses) <= 22

    def test_a_pause_too_long_for_a_worker_is_left_to_the_caller(
        self, server: ScriptedServer, client: PixVerseClient
    ) -> None:
        server.will(answer("", 429, Retry_After="600"))
        with pytest.raises(PixVerseRateLimitError) as caught:
            client.call(video_call(7))
        assert caught.value.retry_after == 600

    def test_an_answer_that_does_not_come_is_not_waited_for(self, server: ScriptedServer) -> None:
        server.will(server.hang)
        with (
            PixVerseClient(settings_for(server)) as client,
            pytest.raises(PixVerseTransientError, match="Timeout"),
        ):
            client.call_once(video_call(7), timeout=0.2)

    def test_the_timeout_of_the_connection_counts(self, server: ScriptedServer) -> None:
        server.will(server.hang)
        settings = settings_for(server, timeout=0.2)
        with PixVerseClient(settings) as client, pytest.raises(PixVerseTransientError, match="Timeout"):
            client.call_once(video_call(7))

    def test_a_server_that_is_not_there_is_named_as_such(self, pauses: list[float]) -> None:
        settings = ClientSettings(KEY, f"http://127.0.0.1:{unused_port()}/openapi/v2")
        with (
            PixVerseClient(settings, sleep=pauses.append) as client,
            pytest.raises(PixVerseTransientError, match="could not be reached"),
        ):
            client.call(balance_call())

    def test_a_redirect_is_not_followed_and_the_key_does_not_travel(
        self, server: ScriptedServer, other_server: ScriptedServer, client: PixVerseClient
    ) -> None:
        server.will(answer("", 302, Location=f"{other_server.url}/openapi/v2/video/result/7"))
        with pytest.raises(PixVersePermanentError, match="Base URL"):
            client.call(video_call(7))
        assert other_server.requests == []

    def test_a_redirect_to_what_is_no_url_is_a_redirect_like_any_other(
        self, server: ScriptedServer, client: PixVerseClient
    ) -> None:
        server.will(answer("", 302, Location="https://[::1/"))
        with pytest.raises(PixVersePermanentError, match="Base URL"):
            client.call_once(video_call(7))


class TestSubmits:
    def test_the_payload_is_json_with_ids_as_numbers(
        self, server: ScriptedServer, client: PixVerseClient
    ) -> None:
        server.will(success(JOB))
        submission = client.submit(REQUEST, trace_id=TRACE)
        assert (submission.video_id, submission.credits, submission.replayed) == (JOB["video_id"], 4, False)
        request = server.requests[0]
        assert (request.method, request.path) == ("POST", "/openapi/v2/video/lip_sync/generate")
        assert request.headers["content-type"] == "application/json"
        assert request.trace_id == TRACE
        assert b'"source_video_id": 627410861853514292' in request.body
        assert request.json["lip_sync_tts_content"] == "Grüße"

    @pytest.mark.parametrize(
        "trouble",
        [drop, bad_gateway(), answer("", 500), answer('{"ErrCode": 0, "Er'), success({}), cut(b'{"Err', 500)],
        ids=["dropped", "502", "500", "truncated", "no id", "cut"],
    )
    def test_a_lost_answer_is_asked_for_again_under_the_same_trace_id(
        self, server: ScriptedServer, client: PixVerseClient, trouble: Any
    ) -> None:
        server.will(trouble, trouble, success(JOB))
        submission = client.submit(REQUEST, trace_id=TRACE)
        assert submission.replayed is True
        assert [request.trace_id for request in server.requests] == [TRACE] * 3
        assert len({request.body for request in server.requests}) == 1

    def test_an_answer_that_does_not_come_counts_as_lost(self, server: ScriptedServer) -> None:
        def have_patience_from_then_on(pause: float) -> None:
            while pause and not server.requests:
                time.sleep(0.01)
            if pause:
                impatient._settings = settings_for(server)

        server.will(server.hang, success(JOB))
        settings = settings_for(server, timeout=0.3)
        with PixVerseClient(settings, sleep=have_patience_from_then_on) as impatient:
            assert impatient.submit(REQUEST, trace_id=TRACE).replayed is True
        assert [request.trace_id for request in server.requests] == [TRACE, TRACE]

    def test_three_lost_answers_leave_a_job_that_may_exist(
        self, server: ScriptedServer, client: PixVerseClient
    ) -> None:
        server.will(drop, drop, drop)
        with pytest.raises(PixVerseAmbiguousSubmitError, match=TRACE) as caught:
            client.submit(REQUEST, trace_id=TRACE)
        assert caught.value.answer_lost is True
        assert len(server.requests) == 3

    def test_a_caller_who_wants_no_repeat_gets_none(
        self, server: ScriptedServer, client: PixVerseClient
    ) -> None:
        server.will(drop)
        with pytest.raises(PixVerseAmbiguousSubmitError):
            client.submit(REQUEST, trace_id=TRACE, attempts=1)
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("code", "error_class"),
        [
            (500044, PixVerseCapacityError),
            (500069, PixVerseCapacityError),
            (500100, PixVerseTransientError),
            (500090, PixVerseInsufficientCreditsError),
            (500063, PixVerseModerationError),
            (99999, PixVersePermanentError),
            (123456, PixVersePermanentError),
        ],
    )
    def test_a_refusal_is_final_for_its_trace_id(
        self, server: ScriptedServer, client: PixVerseClient, code: int, error_class: type[PixVerseError]
    ) -> None:
        server.will(refusal(code))
        with pytest.raises(error_class) as caught:
            client.submit(REQUEST, trace_id=TRACE)
        assert caught.value.answer_lost is False
        assert len(server.requests) == 1

    def test_a_refusal_after_a_lost_answer_says_that_a_job_may_exist_all_the_same(
        self, server: ScriptedServer, client: PixVerseClient
    ) -> None:
        server.will(drop, refusal(500044))
        with pytest.raises(PixVerseCapacityError) as caught:
            client.submit(REQUEST, trace_id=TRACE)
        assert caught.value.answer_lost is True

    @pytest.mark.parametrize("status", [429, 403])
    def test_a_pause_that_is_asked_for_is_left_to_the_task_and_no_job_is_in_doubt(
        self, server: ScriptedServer, client: PixVerseClient, pauses: list[float], status: int
    ) -> None:
        server.will(answer("", status, Retry_After="9"))
        with pytest.raises(PixVerseRateLimitError) as caught:
            client.submit(REQUEST, trace_id=TRACE)
        assert (caught.value.answer_lost, caught.value.retry_after) == (False, 9.0)
        assert [pause for pause in pauses if pause] == []

    def test_a_lost_answer_is_asked_for_after_the_pause(
        self, server: ScriptedServer, client: PixVerseClient, pauses: list[float]
    ) -> None:
        server.will(answer("", 503, Retry_After="9"), success(JOB))
        assert client.submit(REQUEST, trace_id=TRACE).replayed is True
        assert max(pauses) >= 9

    def test_a_lost_answer_is_not_asked_for_at_once_after_a_pause_of_an_hour(
        self, server: ScriptedServer, client: PixVerseClient
    ) -> None:
        server.will(answer("", 503, Retry_After="3600"))
        with pytest.raises(PixVerseAmbiguousSubmitError) as caught:
            client.submit(REQUEST, trace_id=TRACE)
        assert caught.value.retry_after == 3600

    def test_a_server_that_is_not_there_has_made_no_job(self, pauses: list[float]) -> None:
        settings = ClientSettings(KEY, f"http://127.0.0.1:{unused_port()}/openapi/v2")
        with (
            PixVerseClient(settings, sleep=pauses.append) as client,
            pytest.raises(PixVerseTransientError) as caught,
        ):
            client.submit(REQUEST, trace_id=TRACE)
        assert not isinstance(caught.value, PixVerseAmbiguousSubmitError)
        assert caught.value.answer_lost is False
        assert len([pause for pause in pauses if pause]) == 2

    def test_a_name_that_nobody_knows_has_made_no_job(self, pauses: list[float]) -> None:
        settings = ClientSettings(KEY, "https://pixverse.invalid/openapi/v2")
        with (
            PixVerseClient(settings, sleep=pauses.append) as client,
            pytest.raises(PixVerseTransientError) as caught,
        ):
            client.submit(REQUEST, trace_id=TRACE)
        assert not isinstance(caught.value, PixVerseAmbiguousSubmitError)

    def test_a_server_that_speaks_no_tls_was_sent_nothing(
        self, server: ScriptedServer, pauses: list[float]
    ) -> None:
        settings = ClientSettings(KEY, server.url.replace("http://", "https://") + "/openapi/v2", timeout=5)
        with (
            PixVerseClient(settings, sleep=pauses.append) as client,
            pytest.raises(PixVerseTransientError, match=r"SSLError\)\. The request was not sent\."),
        ):
            client.submit(REQUEST, trace_id=TRACE)
        assert server.requests == []

    def test_a_connection_that_the_server_closes_between_two_calls_is_no_lost_answer(
        self, server: ScriptedServer, client: PixVerseClient
    ) -> None:
        server.will(answer(json.dumps({"ErrCode": 0, "Resp": VIDEO}), Connection="close"), success(JOB))
        client.call(video_call(7))
        assert client.submit(REQUEST, trace_id=TRACE).replayed is False

    def test_a_redirect_is_not_followed_and_is_no_job(
        self, server: ScriptedServer, other_server: ScriptedServer, client: PixVerseClient
    ) -> None:
        server.will(answer("", 307, Location=f"{other_server.url}/openapi/v2/video/lip_sync/generate"))
        with pytest.raises(PixVersePermanentError):
            client.submit(REQUEST, trace_id=TRACE)
        assert other_server.requests == []


class Source:
    """A file to upload, in memory, that remembers what became of it."""

    file_name = 'Grüße, Welt "1".mp4'
    content_type = "video/mp4"

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self.largest_read = 0
        self.opened: list[io.BytesIO] = []
        self._data = data

    def open(self) -> IO[bytes]:
        source = self

        class Stream(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                data = super().read(size)
                source.largest_read = max(source.largest_read, len(data))
                return data

        stream = Stream(self._data)
        self.opened.append(stream)
        return stream


class TestUploads:
    @pytest.mark.parametrize(("name", "path"), [("file", "/media/upload"), ("image", "/image/upload")])
    def test_a_file_arrives_whole_under_the_part_that_the_api_names(
        self, server: ScriptedServer, client: PixVerseClient, name: str, path: str
    ) -> None:
        source = Source(bytes(range(256)) * 5000)
        server.will(success({"media_id": 5, "media_type": "video", "img_id": 5}))
        upload = client.upload_media if name == "file" else client.upload_image
        upload(source)
        request = server.requests[0]
        (part,) = request.parts()
        assert request.path == f"/openapi/v2{path}"
        assert part.get_param("name", header="Content-Disposition") == name
        assert part.get_content_type() == "video/mp4"
        assert part.get_payload(decode=True) == bytes(range(256)) * 5000
        assert uuid.UUID(request.trace_id).version == 4
        assert request.headers["content-type"].startswith("multipart/form-data; boundary=")

    def test_a_file_is_streamed_and_never_held_whole(
        self, server: ScriptedServer, client: PixVerseClient
    ) -> None:
        source = Source(b"x" * 3_000_000)
        server.will(success({"media_id": 5, "media_type": "video"}))
        client.upload_media(source)
        # Not in the library's own blocks of 16 KiB, which take several times as long.
        assert 16 * 1024 < source.largest_read <= 256 * 1024
        assert server.requests[0].headers["content-length"] == str(len(server.requests[0].body))
        assert "transfer-encoding" not in server.requests[0].headers

    def test_after_a_transient_error_it_sends_the_whole_file_again_under_a_fresh_trace_id(
        self, server: ScriptedServer, client: PixVerseClient
    ) -> None:
        source = Source(b"0123456789" * 1000)
        server.will(drop, bad_gateway(), refusal(500041), success({"media_id": 5, "media_type": "audio"}))
        assert client.upload_media(source).media_id == 5
        assert [part.get_payload(decode=True) for r in server.requests for part in r.parts()] == [
            b"0123456789" * 1000
        ] * 4
        assert len({request.trace_id for request in server.requests}) == 4
        assert all(stream.closed for stream in source.opened)

    def test_a_file_that_is_refused_is_not_sent_again(
        self, server: ScriptedServer, client: PixVerseClient
    ) -> None:
        source = Source(b"x")
        server.will(
            answer(json.dumps({"err_code": 500052, "err_msg": "image failed review", "resp": None}), 500)
        )
        with pytest.raises(PixVerseModerationError):
            client.upload_image(source)
        assert len(source.opened) == 1


class TestTheRequestBudget:
    def test_requests_keep_the_distance_that_the_connection_asks_for(
        self, server: ScriptedServer, pauses: list[float]
    ) -> None:
        server.will(*[success(VIDEO)] * 3)
        settings = settings_for(server, max_requests_per_second=0.0001)
        with PixVerseClient(settings, sleep=pauses.append) as client:
            for _ in range(3):
                client.call(video_call(7))
        assert pauses[0] == 0
        # Less what the machine took until then.
        assert 9_000 < pauses[1] <= 10_000
        assert 19_000 < pauses[2] <= 20_000

    def test_repeats_count_as_well(self, server: ScriptedServer, pauses: list[float]) -> None:
        server.will(bad_gateway(), success(VIDEO))
        settings = settings_for(server, max_requests_per_second=0.0001)
        with PixVerseClient(settings, sleep=pauses.append) as client:
            client.call(video_call(7))
        assert max(pauses) > 9_000


@pytest.mark.parametrize(
    "trouble",
    [
        drop,
        bad_gateway(),
        refusal(400012, f"bad key {KEY}"),
        answer(KEY, 401),
        success({"id": KEY}),
        cut(b"x", 9),
    ],
    ids=["dropped", "502", "refused", "401", "result", "cut"],
)
def test_the_key_is_in_no_text_of_an_error_with_all_its_causes(
    server: ScriptedServer, client: PixVerseClient, trouble: Any
) -> None:
    server.will(trouble)
    with pytest.raises(PixVerseError) as caught:
        client.call_once(video_call(7))
    assert KEY not in rendered(caught.value)


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
