"""From an Airflow connection to a client, and the calls that users make."""

from __future__ import annotations

import asyncio
import functools
import socket
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import Connection, ObjectStoragePath

from pixverse_provider.api.calls import video_call
from pixverse_provider.api.generations import LipSyncRequest, MaskSelectionRequest
from pixverse_provider.api.media import IMAGE, MEDIA
from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseAuthenticationError,
    PixVerseConnectionNotFoundError,
    PixVerseInvalidRequestError,
    PixVersePermanentError,
    PixVerseSourceError,
    PixVerseTransientError,
)
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.storage.sources import SourceFile
from tests.unit.connections import KEY, set_connection
from tests.unit.scripted_server import answer, bad_gateway, drop, refusal, success

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.scripted_server import ScriptedServer

TRACE = "6f0e2b1a-63a4-4d0e-8a52-1f4b8f1c9d77"


def checked(path: Path) -> SourceFile:
    return SourceFile.check(str(path), IMAGE if path.suffix == ".png" else MEDIA)


class TestTheHook:
    def test_making_one_looks_up_nothing(self) -> None:
        hook = PixVerseHook("no_such_connection")
        assert hook.pixverse_conn_id == "no_such_connection"
        hook.close()

    def test_a_connection_that_does_not_exist_is_named_with_what_to_do(self) -> None:
        with pytest.raises(
            PixVerseConnectionNotFoundError, match=r"'no_such_connection' does not exist or .*: add"
        ):
            PixVerseHook("no_such_connection").get_conn()

    def test_a_coroutine_is_told_the_same(self) -> None:
        with pytest.raises(
            PixVerseConnectionNotFoundError, match=r"'no_such_connection' does not exist or .*: add"
        ):
            asyncio.run(make_and_close("no_such_connection"))

    @pytest.mark.parametrize("airflow", ["installed", "before 3.3.2"])
    def test_the_asynchronous_client_reads_the_same_connection(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, airflow: str
    ) -> None:
        if airflow != "installed":
            monkeypatch.delattr(Connection, "aextra_dejson", raising=False)
        set_connection(monkeypatch, server.url, extra={"max_requests_per_second": 4})
        server.will(success({"id": 7, "status": 1}))
        asyncio.run(call_and_close("pixverse_default"))
        assert server.requests[0].path.endswith("/video/result/7")
        with pytest.raises(PixVerseConnectionNotFoundError, match="no_such_connection"):
            asyncio.run(make_and_close("no_such_connection"))

    @pytest.mark.parametrize(
        "error", [PermissionError("token"), RuntimeError("502 of the API server")], ids=repr
    )
    def test_whatever_airflow_fails_with_while_it_reads_a_connection_is_transient(
        self, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        def fail(*_: Any) -> None:
            raise error

        async def fail_too(*_: Any) -> None:
            raise error

        monkeypatch.setattr(PixVerseHook, "get_connection", fail)
        monkeypatch.setattr(PixVerseHook, "aget_connection", fail_too, raising=False)
        for read in (PixVerseHook().get_conn, lambda: asyncio.run(make_and_close("pixverse_default"))):
            with pytest.raises(
                PixVerseTransientError, match=rf"'pixverse_default' \({type(error).__name__}\)"
            ):
                read()

    def test_one_client_serves_all_calls_until_it_is_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        set_connection(monkeypatch, None)
        with PixVerseHook() as hook:
            first = hook.get_conn()
            assert hook.get_conn() is first
        assert hook.get_conn() is not first
        hook.close()

    def test_every_call_reaches_its_path(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_connection(monkeypatch, server.url)
        resp = {
            "id": 7,
            "status": 5,
            "video_id": 7,
            "image_id": 7,
            "img_id": 7,
            "media_id": 7,
            "media_type": "audio",
            "data": [],
        }
        server.afterwards = lambda _: success(
            resp | {"account_id": 1, "credit_monthly": 2, "credit_package": 3}
        )
        with PixVerseHook() as hook:
            assert hook.get_video(7).id == 7
            assert hook.poll("video", 7).id == 7
            assert hook.poll("image", 7).id == 7
            assert hook.get_image(7).id == 7
            assert hook.upload_media_from_url("https://a.example/b").media_id == 7
            assert hook.upload_image_from_url("https://a.example/b").img_id == 7
            assert hook.list_voices() == []
            assert hook.get_balance().total == 5
            assert hook.poll_balance().total == 5
            assert (
                hook.submit(LipSyncRequest(source_video_id=1, audio_media_id=2), trace_id=TRACE).video_id == 7
            )
        assert [request.path.removeprefix("/openapi/v2") for request in server.requests] == [
            "/video/result/7",
            "/video/result/7",
            "/image/result/7",
            "/image/result/7",
            "/media/upload",
            "/image/upload",
            "/video/lip_sync/tts_list",
            "/account/balance",
            "/account/balance",
            "/video/lip_sync/generate",
        ]
        assert {request.headers["api-key"] for request in server.requests} == {KEY}

    def test_the_presets_of_the_restyle_are_read_page_by_page_until_nothing_new_comes(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_connection(monkeypatch, server.url)
        full = [{"restyle_id": number} for number in range(1, 101)]
        with PixVerseHook() as hook:
            server.will(success(full), success([{"restyle_id": 101, "restyle_name": "Comic"}]))
            assert [effect.restyle_id for effect in hook.list_restyle_effects()] == [*range(1, 102)]
            server.will(success(full), success(full))
            assert len(hook.list_restyle_effects()) == 100
        assert [request.query["page_num"] for request in server.requests] == [*"1212"]

    def test_masks_are_selected_in_one_attempt_since_another_may_be_paid_again(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_connection(monkeypatch, server.url)
        masks = [{"mask_id": "1001", "mask_name": "person", "mask_url": "https://media.example/m.png"}]
        server.will(
            success({"keyframe_id": 1, "keyframe_url": "", "credits": 2, "mask_info": masks}), bad_gateway()
        )
        request = MaskSelectionRequest(source_video_id=7)
        with PixVerseHook() as hook:
            assert [mask.mask_id for mask in hook.select_mask(request).masks] == ["1001"]
            with pytest.raises(PixVerseAmbiguousSubmitError):
                hook.select_mask(request, trace_id=TRACE)
        assert server.requests[1].trace_id == TRACE

    @pytest.mark.parametrize("request_", [MaskSelectionRequest(source_video_id=7), {"prompt": "x"}, None])
    def test_what_makes_no_job_is_refused_before_it_is_paid(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, request_: Any
    ) -> None:
        set_connection(monkeypatch, server.url)
        with PixVerseHook() as hook:
            for submit in (hook.submit, hook.get_conn().submit):
                with pytest.raises(PixVerseInvalidRequestError) as caught:
                    submit(request_, trace_id=TRACE)
                assert str(caught.value) == (
                    f"submit takes a request that makes a job, not {type(request_).__name__}: masks are "
                    "found with PixVerseHook.select_mask."
                )
        assert server.requests == []

    @pytest.mark.parametrize(
        "request_", [LipSyncRequest(source_video_id=1, audio_media_id=2), {"source_video_id": 1}, None]
    )
    def test_what_asks_for_no_masks_is_refused_before_it_is_paid(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, request_: Any
    ) -> None:
        set_connection(monkeypatch, server.url)
        with PixVerseHook() as hook, pytest.raises(PixVerseInvalidRequestError) as caught:
            hook.select_mask(request_)
        assert str(caught.value) == (
            f"select_mask takes a MaskSelectionRequest, not {type(request_).__name__}: a job is made with "
            "PixVerseHook.submit."
        )
        assert server.requests == []

    @pytest.mark.parametrize(
        ("trace_id", "said"),
        [
            (None, "trace_id is missing: give one"),
            ("", "trace_id is missing: give one"),
            ("x y", "trace_id must be a UUID, such as str(uuid.uuid4()), not 'x y'"),
            ("ключ", "trace_id must be a UUID"),
            ("t", "trace_id must be a UUID"),
            (7, "trace_id must be a UUID, such as str(uuid.uuid4()), not 7"),
            (f" {TRACE}", "trace_id must be a UUID"),
            (f"{{{TRACE}}}", "trace_id must be a UUID"),
        ],
    )
    def test_nothing_is_paid_under_a_trace_id_that_is_none(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, trace_id: Any, said: str
    ) -> None:
        set_connection(monkeypatch, server.url)
        request = LipSyncRequest(source_video_id=1, audio_media_id=2)
        with PixVerseHook() as hook:
            calls: list[Any] = [lambda: hook.submit(request, trace_id=trace_id)]
            if trace_id is not None:
                # A call that makes no job may leave it out.
                masks = MaskSelectionRequest(source_video_id=7)
                calls.append(lambda: hook.select_mask(masks, trace_id=trace_id))
            for call in calls:
                with pytest.raises(PixVerseInvalidRequestError) as caught:
                    call()
                assert str(caught.value).startswith(said)
        assert server.requests == []

    @pytest.mark.parametrize("trace_id", [TRACE, TRACE.upper(), uuid.UUID(TRACE)], ids=repr)
    def test_a_uuid_is_sent_as_it_is_given(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, trace_id: Any
    ) -> None:
        set_connection(monkeypatch, server.url)
        server.will(success({"video_id": 7}))
        with PixVerseHook() as hook:
            hook.submit(LipSyncRequest(source_video_id=1, audio_media_id=2), trace_id=trace_id)
        assert [request.trace_id for request in server.requests] == [str(trace_id)]

    @pytest.mark.parametrize("wrong", [None, "", 0, "5a", 5.0, "None", -1, True, 2**64], ids=repr)
    def test_an_id_that_is_none_is_named_without_a_request(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, wrong: Any
    ) -> None:
        set_connection(monkeypatch, server.url)
        with PixVerseHook() as hook:
            calls: dict[str, Callable[[Any], object]] = {
                "video_id": hook.get_video,
                "image_id": hook.get_image,
                "job_id": functools.partial(hook.poll, "video"),
            }
            for name, call in calls.items():
                with pytest.raises(PixVerseInvalidRequestError, match=f"^{name} "):
                    call(wrong)
        assert server.requests == []

    def test_a_media_type_that_is_none_is_named_without_a_request(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_connection(monkeypatch, server.url)
        film: Any = "film"
        with PixVerseHook() as hook, pytest.raises(PixVerseInvalidRequestError) as caught:
            hook.poll(film, 5)
        assert str(caught.value) == "media_type must be 'video' or 'image', not 'film'."
        assert server.requests == []

    def test_an_id_may_be_given_as_digits(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_connection(monkeypatch, server.url)
        server.afterwards = lambda _: success({"id": 7, "image_id": 7, "status": 5})
        with PixVerseHook() as hook:
            assert hook.get_video(" 7 ").id == hook.poll("image", "7").id == hook.get_image("7").id == 7

    @pytest.mark.parametrize(
        "form", [str, Path, ObjectStoragePath, Path.as_uri, checked], ids=lambda form: form.__name__
    )
    def test_a_file_to_upload_is_named_in_any_form(
        self,
        server: ScriptedServer,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        form: Callable[[Path], Any],
    ) -> None:
        set_connection(monkeypatch, server.url)
        server.afterwards = lambda _: success({"media_id": 7, "img_id": 8, "media_type": "audio"})
        (tmp_path / "a.wav").write_bytes(b"RIFF0000WAVE")
        (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        with PixVerseHook() as hook:
            assert hook.upload_media(form(tmp_path / "a.wav")).media_id == 7
            assert hook.upload_image(form(tmp_path / "a.png")).img_id == 8
        assert b"RIFF0000WAVE" in server.requests[0].body
        assert b"\x89PNG" in server.requests[1].body

    @pytest.mark.parametrize(
        ("source", "said"),
        [
            (None, "source is None: give a path"),
            ("", "source is '': give a path"),
            ("None", "source is the text 'None': its template found no value"),
            (["a.png"], "source is ['a.png']: give a path"),
            ("/nowhere/a.png", "source '/nowhere/a.png' does not exist on the worker"),
            ("https://a.example/a.png", "source is a web address: PixVerse fetches it itself with upload_"),
        ],
    )
    def test_what_cannot_be_uploaded_is_named_without_a_request(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, source: Any, said: str
    ) -> None:
        set_connection(monkeypatch, server.url)
        with PixVerseHook() as hook:
            for upload in (hook.upload_media, hook.upload_image):
                with pytest.raises(PixVerseSourceError) as caught:
                    upload(source)
                assert str(caught.value).startswith(said)
        assert server.requests == []

    def test_a_poll_is_one_attempt_and_leaves_the_decision_to_the_wait(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_connection(monkeypatch, server.url)
        server.will(bad_gateway())
        with PixVerseHook() as hook, pytest.raises(PixVerseTransientError):
            hook.poll("video", 7)

    def test_a_submit_may_be_held_to_one_attempt(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_connection(monkeypatch, server.url)
        server.will(drop)
        request = LipSyncRequest(source_video_id=1, audio_media_id=2)
        with PixVerseHook() as hook, pytest.raises(PixVerseAmbiguousSubmitError):
            hook.submit(request, trace_id=TRACE, attempts=1)

    @pytest.mark.parametrize(
        ("host", "media_from"),
        [
            ("http://127.0.0.1:8484", "127.0.0.1:8484"),
            ("http://LOCALHOST", "localhost:80"),
            ("http://[::1]:1/openapi/v2", "::1:1"),
            ("https://127.0.0.1:8484", None),
            (None, None),
        ],
    )
    def test_it_knows_where_media_may_come_from_by_plain_http(
        self, monkeypatch: pytest.MonkeyPatch, host: str | None, media_from: str | None
    ) -> None:
        set_connection(monkeypatch, host)
        assert PixVerseHook().plain_http_host() == media_from


class TestAPollWithARefusedKey:
    """What every wait polls with: where PixVerse refuses the key, only another key is tried."""

    @pytest.fixture(autouse=True)
    def _connection(self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
        set_connection(monkeypatch, server.url)

    @pytest.mark.parametrize("err_code", [10001, 10002, 10003, 10004, 10005, 400012])
    def test_is_sent_once_where_the_connection_still_has_the_same(
        self, server: ScriptedServer, err_code: int
    ) -> None:
        with PixVerseHook() as hook:
            for poll in (lambda: hook.poll("video", 7), hook.poll_balance):
                server.will(refusal(err_code))
                with pytest.raises(PixVerseAuthenticationError):
                    poll()
        assert len(server.requests) == 2

    def test_is_sent_with_the_one_that_the_connection_has_now_and_stays_with_it(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.will(refusal(400012), *[success({"id": 7, "status": 5})] * 2)
        with PixVerseHook() as hook:
            hook.get_conn()
            set_connection(monkeypatch, server.url, password="sk-another-key")
            hook.poll("video", 7)
            hook.poll("video", 7)
        keys = [request.headers["api-key"] for request in server.requests]
        assert keys == [KEY, "sk-another-key", "sk-another-key"]

    def test_says_that_the_connection_is_gone_where_it_is_by_now(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.will(refusal(400012))
        with PixVerseHook() as hook:
            hook.get_conn()
            monkeypatch.delenv("AIRFLOW_CONN_PIXVERSE_DEFAULT")
            with pytest.raises(PixVerseConnectionNotFoundError, match="pixverse_default"):
                hook.poll("video", 7)

    @pytest.mark.parametrize("status", [401, 403, 404, 408])
    def test_a_bare_refusal_is_for_the_wait_to_count_and_no_reason_to_read_the_connection_again(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, status: int
    ) -> None:
        server.will(answer("<html>", status))
        with PixVerseHook() as hook:
            hook.get_conn()
            set_connection(monkeypatch, server.url, password="sk-another-key")
            with pytest.raises(PixVersePermanentError):
                hook.poll("video", 7)
        assert len(server.requests) == 1


class TestTheTestButton:
    def test_a_good_connection_shows_the_credits(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_connection(monkeypatch, server.url)
        server.will(success({"account_id": 1, "credit_monthly": 15000, "credit_package": 1000}))
        assert PixVerseHook().test_connection() == (True, "Connected to PixVerse: 16000 credits.")

    @pytest.mark.parametrize(
        ("trouble", "said"),
        [
            (refusal(400012, f"key {KEY} unknown"), "put a valid API key"),
            (answer("", 401), "the API key was not accepted (HTTP 401"),
            (bad_gateway(), "HTTP 502"),
            (drop, "could not be reached"),
        ],
        ids=["invalid account", "401", "502", "dropped"],
    )
    def test_a_bad_one_shows_why_in_one_attempt_and_never_the_key(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, trouble: Any, said: str
    ) -> None:
        set_connection(monkeypatch, server.url)
        server.will(trouble)
        works, text = PixVerseHook().test_connection()
        assert works is False
        assert said.lower() in text.lower()
        assert KEY not in text

    def test_a_server_that_is_not_there_is_said_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        set_connection(monkeypatch, f"http://127.0.0.1:{port}")
        works, text = PixVerseHook().test_connection()
        assert (works, "could not be reached" in text) == (False, True)

    def test_a_connection_that_cannot_be_used_is_said_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        set_connection(monkeypatch, "http://10.0.0.1")
        works, text = PixVerseHook().test_connection()
        assert (works, "in plain text" in text) == (False, True)


async def make_and_close(conn_id: str) -> None:
    client = await PixVerseHook(conn_id).get_async_conn()
    await client.close()


async def call_and_close(conn_id: str) -> None:
    async with await PixVerseHook(conn_id).get_async_conn() as client:
        await client.call_once(video_call(7))
