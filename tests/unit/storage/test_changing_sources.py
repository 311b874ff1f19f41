"""Files that are not what they were when they were checked, while they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pixverse_provider.exceptions import PixVerseError, PixVerseTransientError
from pixverse_provider.hooks.pixverse import PixVerseHook
from tests.support.upload_server import UploadServer
from tests.unit.connections import set_connection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.stores import GcsStore, S3Store, SftpStore

# Longer than what is read ahead of what has been sent.
WHERE = ["local", "s3", "gcs", "sftp"]
MP4 = b"\x00\x00\x00\x20ftypisom" + bytes(12_000_000)


THEN = {
    "shorter": MP4[:1_000_000],
    "one less": MP4[:-1],
    "one more": MP4 + b"1",
    "twice as long": MP4 * 2,
    "empty": b"",
    "other content": MP4[:-1] + b"1",
}
# SFTP tells the time of a change in seconds, and the server of the tests keeps no empty object.
UNSEEN = [("sftp", "other content"), ("gcs", "empty")]
CHANGES = [(where, how) for where in WHERE for how in THEN if (where, how) not in UNSEEN]


def upload(monkeypatch: pytest.MonkeyPatch, server: UploadServer, source: object) -> int:
    set_connection(monkeypatch, server.url)
    with PixVerseHook() as hook:
        return hook.upload_media(source).media_id  # type: ignore[arg-type]


def refused(
    monkeypatch: pytest.MonkeyPatch, source: object, change: Callable[[], object]
) -> tuple[PixVerseError, UploadServer]:
    """Upload a source that changes when the first of it is on its way, and return what is raised."""

    def once() -> None:
        if len(server.arrived) == 1:
            change()

    with UploadServer(after_head=once) as server, pytest.raises(PixVerseError) as caught:
        upload(monkeypatch, server, source)
    return caught.value, server


class TestAFileThatChanges:
    """Whatever it is replaced by, PixVerse never gets it for whole, and nothing beyond what was announced."""

    @pytest.mark.parametrize(("where", "how"), CHANGES)
    def test_ends_in_a_transient_error_at_once(
        self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, where: str, how: str
    ) -> None:
        put = putting(request, where)
        source = put(MP4)
        error, server = refused(monkeypatch, source, lambda: put(THEN[how]))
        assert type(error) is PixVerseTransientError
        assert str(error).startswith(f"source {source!r} changed while it was sent")
        assert "retry" in str(error)
        (arrived,) = server.arrived
        assert not arrived.complete
        assert len(arrived.body) < arrived.announced

    @pytest.mark.parametrize("where", WHERE)
    def test_one_that_stays_as_it_is_arrives_whole(
        self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, where: str
    ) -> None:
        source = putting(request, where)(MP4)
        with UploadServer() as server:
            assert upload(monkeypatch, server, source) == 5
        (arrived,) = server.arrived
        assert arrived.complete
        assert MP4 in arrived.body

    def test_one_that_another_is_put_in_place_of_is_sent_to_its_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file, other = tmp_path / "clip.mp4", tmp_path / "other.mp4"
        file.write_bytes(MP4)
        other.write_bytes(MP4 * 2)
        with UploadServer(after_head=lambda: other.replace(file)) as server:
            assert upload(monkeypatch, server, file) == 5
        assert MP4 in server.arrived[0].body

    @pytest.mark.parametrize("where", ["s3", "gcs", "sftp"])
    def test_one_that_is_deleted_meanwhile_has_changed(
        self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, where: str
    ) -> None:
        source = putting(request, where)(MP4)
        store = request.getfixturevalue(f"{where}_store")
        error, server = refused(monkeypatch, source, lambda: store.delete("clip.mp4"))
        assert type(error) is PixVerseTransientError
        assert str(error).startswith(f"source {source!r} changed while it was sent")
        assert not server.arrived[0].complete


def putting(request: pytest.FixtureRequest, where: str) -> Callable[[bytes], str]:
    """Return what puts a content into one and the same file, and returns its path or address."""
    if where == "local":
        file: Path = request.getfixturevalue("tmp_path") / "clip.mp4"

        def put(content: bytes) -> str:
            file.write_bytes(content)
            return str(file)

        return put
    store: S3Store | GcsStore | SftpStore = request.getfixturevalue(f"{where}_store")
    return lambda content: store.put("clip.mp4", content)
