"""What is sent of a file, and what is said where it cannot be."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING, Any

import pytest

from pixverse_provider.api.client import PixVerseClient
from pixverse_provider.api.settings import ClientSettings
from pixverse_provider.exceptions import (
    PixVerseAuthenticationError,
    PixVerseError,
    PixVerseInvalidRequestError,
    PixVerseRateLimitError,
    PixVerseSourceError,
    PixVerseTransientError,
)
from pixverse_provider.hooks.pixverse import PixVerseHook
from tests.support.upload_server import UploadServer
from tests.unit.connections import set_connection
from tests.unit.scripted_server import Behaviour, ScriptedServer, answer, bad_gateway, refusal, success

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DATA = b"0123456789" * 100_000
HTML = answer("<html><h1>413 Request Entity Too Large</h1></html>", 413, Content_Type="text/html")


@dataclass
class Source:
    """A file to upload, as somebody makes one who does not use those of this provider."""

    file_name: Any = "clip.mp4"
    content_type: Any = "video/mp4"
    size: Any = 1_000_000
    content: bytes = DATA
    make: Callable[[], Any] | None = None
    opened: int = field(default=0, compare=False)

    def open(self) -> IO[bytes]:
        self.opened += 1
        stream: IO[bytes] = self.make() if self.make else io.BytesIO(self.content)
        return stream


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[PixVerseClient]:
    with client_of(server) as pixverse:
        yield pixverse


@pytest.fixture
def receiver() -> Iterator[UploadServer]:
    """A server that sees also what comes of an upload that is broken off."""
    with UploadServer() as server:
        yield server


def client_of(server: ScriptedServer | UploadServer) -> PixVerseClient:
    settings = ClientSettings("sk-key", f"{server.url}/openapi/v2", timeout=30.0)
    return PixVerseClient(settings, sleep=lambda _: None)


def upload(client: PixVerseClient, source: Source) -> PixVerseError:
    with pytest.raises(PixVerseError) as caught:
        client.upload_media(source)
    return caught.value


class TestAFileOfAnotherLength:
    """A source that does not hold what it announced: one that is cut, appended to, or of bad manners."""

    @pytest.mark.parametrize("content", [b"", DATA[:1], DATA[:-1], DATA + b"1", DATA * 2])
    def test_is_a_transient_error_and_not_sent_again_at_once(
        self, receiver: UploadServer, content: bytes
    ) -> None:
        source = Source(content=content)
        error = upload(client_of(receiver), source)
        assert type(error) is PixVerseTransientError
        assert "source 'clip.mp4' changed while it was sent: it " in str(error)
        assert "1,000,000 bytes" in str(error)
        assert source.opened == 1
        receiver.wait_for(1)
        (arrived,) = receiver.arrived
        assert not arrived.complete

    def test_leaves_no_connection_behind_that_the_next_call_could_take_for_its_own(
        self, receiver: UploadServer
    ) -> None:
        with client_of(receiver) as client:
            upload(client, Source(content=DATA[:-1]))
            assert client.upload_media(Source()).media_id == 5
        receiver.wait_for(2)
        assert [arrived.complete for arrived in receiver.arrived] == [False, True]
        assert receiver.arrived[1].head.startswith(b"POST /openapi/v2/media/upload ")

    def test_is_found_also_where_it_hands_out_more_than_it_was_asked_for(
        self, receiver: UploadServer
    ) -> None:
        class Generous(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                return super().read()

        error = upload(client_of(receiver), Source(make=lambda: Generous(DATA * 2)))
        assert "changed while it was sent: it is longer than 1,000,000 bytes" in str(error)

    def test_a_source_that_hands_out_little_at_a_time_arrives_whole(
        self, server: ScriptedServer, client: PixVerseClient
    ) -> None:
        class Slow(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                return super().read(min(1000, size or 1000))

        server.will(success({"media_id": 5, "media_type": "video"}))
        client.upload_media(Source(make=lambda: Slow(DATA)))
        (part,) = server.requests[0].parts()
        assert part.get_payload(decode=True) == DATA


class TestAFileThatCannotBeRead:
    @pytest.mark.parametrize(
        "cause",
        [OSError(5, "Input/output error"), BrokenPipeError(), ConnectionResetError("reset"), KeyError("x")],
    )
    @pytest.mark.parametrize("when", ["opened", "read"])
    def test_is_its_own_error_and_none_of_the_network(
        self, receiver: UploadServer, cause: Exception, when: str
    ) -> None:
        class Failing(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                if self.tell():
                    raise cause
                return super().read(1000)

        def fail() -> Any:
            raise cause

        source = Source(make=(lambda: Failing(DATA)) if when == "read" else fail)
        error = upload(client_of(receiver), source)
        assert type(error) is PixVerseTransientError
        assert str(error).startswith("source 'clip.mp4' could not be read: ")
        assert error.__cause__ is cause

    @pytest.mark.parametrize(
        "stream", [io.StringIO("text" * 250_000), None, object()], ids=["text", "none", "object"]
    )
    def test_what_is_no_stream_of_bytes_is_named(self, receiver: UploadServer, stream: Any) -> None:
        error = upload(client_of(receiver), Source(make=lambda: stream))
        assert "'clip.mp4'" in str(error)

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"size": None}, "source 'clip.mp4' has size None: give its length in bytes"),
            ({"size": -1}, "has size -1"),
            ({"size": True}, "has size True"),
            ({"size": 1.5}, "has size 1.5"),
            ({"size": "9"}, "has size '9'"),
            ({"file_name": ""}, "source has file_name ''"),
            ({"file_name": None}, "source has file_name None"),
            ({"file_name": b"a.mp4"}, "source has file_name b'a.mp4'"),
            ({"content_type": None}, "source has content_type None"),
            ({"content_type": "video/mp4\r\nX: 1"}, "source has content_type 'video/mp4"),
            ({"content_type": "vidéo/mp4"}, "source has content_type 'vidéo/mp4'"),
        ],
    )  # fmt: skip
    def test_one_that_lacks_what_is_sent_is_refused_before_a_call(
        self, client: PixVerseClient, wrong: dict[str, Any], said: str
    ) -> None:
        error = upload(client, replace(Source(), **wrong))
        assert isinstance(error, PixVerseSourceError)
        assert said in str(error)

    @pytest.mark.parametrize("part", ["file_name", "content_type", "size", "open"])
    @pytest.mark.parametrize("by_hook", [False, True], ids=["client", "hook"])
    def test_one_that_fails_to_say_what_it_is_is_told_as_one_of_the_family(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, part: str, by_hook: bool
    ) -> None:
        def fails(_: object) -> object:
            raise FileNotFoundError(2, "No such file or directory")

        plain = {"file_name": "clip.mp4", "content_type": "video/mp4", "size": 9, "open": io.BytesIO}
        source: Any = type("Odd", (), plain | {part: property(fails)})()
        set_connection(monkeypatch, server.url)
        with PixVerseHook() as hook, pytest.raises(PixVerseTransientError) as caught:
            (hook if by_hook else hook.get_conn()).upload_media(source)
        assert f"source could not tell its {part}: " in str(caught.value)
        assert "No such file" in str(caught.value)
        assert isinstance(caught.value.__cause__, FileNotFoundError)

    def test_one_that_cannot_be_opened_at_all_is_refused_before_a_call(self, client: PixVerseClient) -> None:
        source: Any = type("Odd", (), {"file_name": "clip.mp4", "content_type": "video/mp4", "size": 9})()
        assert "give it a method open()" in str(upload(client, source))

    def test_what_it_is_is_asked_once(self, server: ScriptedServer, client: PixVerseClient) -> None:
        sizes = iter([len(DATA)])
        told = {"size": property(lambda _: next(sizes)), "open": lambda _: io.BytesIO(DATA)}
        source: Any = type("Once", (), {"file_name": "clip.mp4", "content_type": "video/mp4"} | told)()
        server.will(bad_gateway(), success({"media_id": 5, "media_type": "video"}))
        assert client.upload_media(source).media_id == 5


class TestTheNameOfAFile:
    @pytest.mark.parametrize(
        ("name", "sent"),
        [
            ("clip.mp4", "clip.mp4"),
            ("Grüße 東京 🎬.mp4", "Grüße 東京 🎬.mp4"),
            ("caf\udce9.mp4", "caf_.mp4"),
            ('a"; filename="b.exe".mp4', "a_; filename=_b.exe_.mp4"),
            ("a\r\nX-Evil: 1\r\n\r\nb.mp4", "a__X-Evil: 1____b.mp4"),
            ("a\\..\\b.mp4", "a_.._b.mp4"),
            ("../b.mp4", ".._b.mp4"),
            ("tab\tnul\0bell\a\x7f\x85\u2028\u202e.mp4", "tab_nul_bell_____.mp4"),
            ("x" * 251 + ".mp4", "x" * 96 + ".mp4"),
            ("é" * 200 + ".MP4", "é" * 96 + ".MP4"),
        ],
    )  # fmt: skip
    def test_is_sent_so_that_no_header_and_no_server_stumbles_over_it(
        self, server: ScriptedServer, client: PixVerseClient, name: str, sent: str
    ) -> None:
        server.will(success({"media_id": 5, "media_type": "video"}))
        client.upload_media(Source(file_name=name))
        body = server.requests[0].body
        head, _, rest = body.partition(b"\r\n\r\n")
        assert rest.startswith(DATA)
        lines = head.decode().split("\r\n")
        assert lines[1] == f'Content-Disposition: form-data; name="file"; filename="{sent}"'
        assert [line.partition(":")[0] for line in lines[1:]] == ["Content-Disposition", "Content-Type"]


class TestAFileThatIsTooLargeForTheService:
    SIZE = (
        "The file has 1.0 MB. PixVerse takes a video or audio of at most 100 MB, and a gateway on the way may"
    )

    @pytest.mark.parametrize(
        "refused",
        [
            HTML,
            answer("", 413),
            answer('{"error": "too large"}', 413),
            refusal(99999, status=413),
            refusal(7, status=413),
        ],
        ids=["html", "nothing", "json", "unknown error", "unknown code"],
    )  # fmt: skip
    def test_is_named_with_its_size_and_the_limit(
        self, server: ScriptedServer, client: PixVerseClient, refused: Behaviour
    ) -> None:
        server.will(refused)
        error = upload(client, Source())
        assert type(error) is PixVerseSourceError
        assert error.http_status == 413
        assert "HTTP 413" in str(error)
        assert self.SIZE in str(error)
        assert "Base URL" not in str(error)
        assert len(server.requests) == 1

    def test_a_code_that_says_more_keeps_its_meaning(
        self, server: ScriptedServer, client: PixVerseClient
    ) -> None:
        server.will(refusal(500030, status=413), refusal(10001, status=413))
        error = upload(client, Source())
        assert type(error) is PixVerseInvalidRequestError
        assert "image too big" in str(error)
        assert self.SIZE in str(error)
        assert isinstance(upload(client, Source()), PixVerseAuthenticationError)

    def test_one_that_is_asked_to_come_back_later_does(
        self, server: ScriptedServer, client: PixVerseClient
    ) -> None:
        server.will(answer("", 413, Retry_After="3600"))
        error = upload(client, Source())
        assert type(error) is PixVerseRateLimitError
        assert error.retry_after == 3600
        assert self.SIZE in str(error)

    def test_an_image_is_held_against_the_limit_of_images(
        self, server: ScriptedServer, client: PixVerseClient
    ) -> None:
        server.will(HTML)
        with pytest.raises(
            PixVerseSourceError, match=r"has 1\.0 MB\. PixVerse takes an image of at most 20 MB"
        ):
            client.upload_image(Source())

    def test_a_small_one_is_named_in_bytes(self, server: ScriptedServer, client: PixVerseClient) -> None:
        server.will(HTML)
        assert "The file has 9 bytes." in str(upload(client, Source(size=9, content=b"123456789")))


class TestTheProgressOfAnUpload:
    def test_is_told_every_so_often(
        self, server: ScriptedServer, client: PixVerseClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pixverse_provider.api.progress.PROGRESS_INTERVAL", 0.0)
        server.will(bad_gateway(), success({"media_id": 5, "media_type": "video"}))
        lines: list[str] = []
        client.upload_media(Source(), tell=lines.append)
        shares = [line.partition(" MB, ")[0] for line in lines]
        whole = [f"Uploading clip.mp4: {share} % of 1.0" for share in (26, 52, 78, 100)]
        # The second attempt begins again.
        assert shares == whole * 2
        assert all(line.endswith(" MB/s.") for line in lines)

    def test_says_nothing_of_a_short_one(self, server: ScriptedServer, client: PixVerseClient) -> None:
        server.will(success({"media_id": 5, "media_type": "video"}))
        lines: list[str] = []
        client.upload_media(Source(), tell=lines.append)
        assert lines == []


def test_what_was_refused_is_answered_in_json_that_nobody_quotes(
    server: ScriptedServer, client: PixVerseClient
) -> None:
    server.will(answer(json.dumps({"detail": "secret-of-the-gateway"}), 413))
    assert "secret-of-the-gateway" not in str(upload(client, Source()))
