"""Sources that cannot be uploaded, by operator and hook: refused before any call, each in one sentence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from pixverse_provider.exceptions import PixVerseSourceError
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.operators.upload import PixVerseUploadImageOperator, PixVerseUploadMediaOperator
from tests.support.tasks import TaskRun
from tests.unit.connections import set_connection
from tests.unit.scripted_server import success

if TYPE_CHECKING:
    from tests.unit.scripted_server import ScriptedServer

MP4 = b"\x00\x00\x00\x20ftypisom" + bytes(1000)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(1000)
OPERATORS = [PixVerseUploadMediaOperator, PixVerseUploadImageOperator]
BAD = [
    "https://[",
    "https://",
    "https://media.example:port/a.mp4",
    "http://media\x9b31m.example/a.mp4",
    f"http://{'media.' * 300}example/a.mp4",
    "/data/a\0b.mp4",
    "file:///data/a%00b.mp4",
    "/data/\ud800.mp4",
    "/data/caf\udce9.mp4",
    Path("/data/a\0b.mp4"),
    "file://nas/data/a.mp4",
    "filecache::http://127.0.0.1:9/x.mp4",
    "github://owner:repo@/x.mp4",
    "s3://bucket/\ud800.mp4",
    "/data/" + "x" * 300 + ".mp4",
    b"/data/a.mp4",
    1.5,
]


@pytest.fixture(autouse=True)
def _connection(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    set_connection(monkeypatch, server.url)


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("source", BAD, ids=range(len(BAD)))
def test_what_is_no_source_is_refused_before_any_call(
    server: ScriptedServer, tmp_path: Path, operator: Any, source: Any
) -> None:
    good = tmp_path / ("a.mp4" if operator is PixVerseUploadMediaOperator else "a.png")
    good.write_bytes(MP4 if good.suffix == ".mp4" else PNG)
    for given, name in ((source, "source"), ([str(good), source], "source[1]")):
        with pytest.raises(PixVerseSourceError) as caught:
            TaskRun(operator(task_id="upload", source=given)).attempt()
        message = str(caught.value)
        assert message.startswith(f"{name} ")
        assert message.isprintable()
        assert len(message) < 500
        assert message.endswith(".")
        message.encode()
    assert server.requests == []


@pytest.mark.parametrize("source", BAD, ids=range(len(BAD)))
def test_so_it_is_by_the_hook(server: ScriptedServer, source: Any) -> None:
    with PixVerseHook() as hook:
        for upload in (hook.upload_media, hook.upload_image):
            with pytest.raises(PixVerseSourceError):
                upload(source)
    assert server.requests == []


@pytest.mark.parametrize("url", ["https://[", "", None, 7, "clip.mp4", "ftp://a/b", "https://a/\ud800"])
def test_what_is_no_address_is_handed_to_nobody(server: ScriptedServer, url: Any) -> None:
    with PixVerseHook() as hook:
        for upload in (hook.upload_media_from_url, hook.upload_image_from_url):
            with pytest.raises(PixVerseSourceError, match=r"^url is a web address that nobody can fetch"):
                upload(url)
    assert server.requests == []


def test_a_name_that_is_not_utf_8_is_sent_under_a_safe_one_and_told_in_the_log(
    server: ScriptedServer, tmp_path: Path
) -> None:
    file = tmp_path / os.fsdecode(b"caf\xe9 \x1b[31m.mp4")
    file.write_bytes(MP4)
    server.afterwards = lambda _: success({"media_id": 5, "media_type": "video"})
    for source in (file, str(file), file.as_uri(), [file]):
        TaskRun(PixVerseUploadMediaOperator(task_id="upload", source=source)).attempt()
    assert len(server.requests) == 4
    assert all(b'filename="caf_ _[31m.mp4"' in request.body for request in server.requests)


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_progress_of_a_long_upload_is_in_the_log_of_the_hook(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operator: Any
) -> None:
    monkeypatch.setattr("pixverse_provider.api.progress.PROGRESS_INTERVAL", 0.0)
    file = tmp_path / ("a.mp4" if operator is PixVerseUploadMediaOperator else "a.png")
    file.write_bytes(MP4 if file.suffix == ".mp4" else PNG)
    server.will(success({"media_id": 5, "img_id": 5, "media_type": "video"}))
    with capture_logs() as lines:
        TaskRun(operator(task_id="upload", source=file)).attempt()
    assert f"Uploading {file.name}: 100 % of 0.0 MB, " in "\n".join(line["event"] for line in lines)
