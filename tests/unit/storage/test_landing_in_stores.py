"""What stores refuse, lose and cannot do while a video lands in them."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import asyncssh
import pytest
from airflow.sdk.io.store import attach
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]
from fsspec.spec import AbstractFileSystem  # type: ignore[import-untyped]

from pixverse_provider.exceptions import PixVerseDestinationError, PixVerseTransientError
from pixverse_provider.storage.destinations import Destination
from pixverse_provider.storage.errors import is_forbidden
from pixverse_provider.storage.stores import look
from tests.support.mp4 import mp4
from tests.support.stores import fresh_file_systems
from tests.unit.scripted_server import Behaviour, Received, ScriptedServer, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VIDEO = mp4(1000, b"abc")
NOT_ALLOWED = {"error": {"code": 403, "message": "the account does not have storage.objects.get access"}}


class TestThoseWhoMayOnlyWrite:
    """The store tells them nothing of what is there."""

    @pytest.mark.parametrize("store", ["s3", "gs"])
    @pytest.mark.parametrize("overwrite", [False, True])
    def test_their_video_lands(self, request: pytest.FixtureRequest, store: str, overwrite: bool) -> None:
        bucket: WriteOnly = request.getfixturevalue(f"{store}_write_only")
        there = Destination(f"{bucket.root}/film.mp4", video_id=7, overwrite=overwrite)
        assert not there.in_folder
        land(there)
        assert bucket.written == 1

    @pytest.mark.parametrize("store", ["s3", "gs"])
    def test_an_object_that_they_cannot_see_is_not_replaced(
        self, request: pytest.FixtureRequest, store: str
    ) -> None:
        bucket: WriteOnly = request.getfixturevalue(f"{store}_write_only")
        bucket.is_there = True
        with pytest.raises(PixVerseDestinationError, match="is there already and cannot be read") as caught:
            land(Destination(f"{bucket.root}/film.mp4", video_id=7, overwrite=False))
        assert caught.value.video_id == 7
        assert bucket.written == 0
        land(Destination(f"{bucket.root}/film.mp4", video_id=7, overwrite=True))
        assert bucket.written == 1

    def test_a_store_that_refuses_the_video_itself_is_not_asked_again(self, gs_write_only: WriteOnly) -> None:
        gs_write_only.refuses = True
        with pytest.raises(PixVerseDestinationError, match="cannot be written: Forbidden"):
            land(Destination("gs://videos/film.mp4", video_id=7, overwrite=False))


def test_an_s3_that_does_not_know_conditional_writes_takes_the_video_without(
    s3_write_only: WriteOnly,
) -> None:
    s3_write_only.knows_conditions = False
    land(Destination(f"{s3_write_only.root}/film.mp4", video_id=7, overwrite=False))
    assert s3_write_only.written == 1


@pytest.mark.parametrize(
    "error",
    [
        PermissionError("Access Denied"),
        OSError("Forbidden: https://storage.googleapis.com/b/videos"),
        OSError(13, "STATUS_ACCESS_DENIED"),
        type("HttpResponseError", (Exception,), {"status_code": 403})("not authorized"),
        asyncssh.SFTPPermissionDenied("Permission denied"),
    ],
    ids=repr,
)
def test_what_stores_make_of_a_refusal_is_known(error: Exception) -> None:
    assert is_forbidden(error)


@pytest.mark.parametrize(
    "error", [OSError("Forest fire"), OSError(5, "EIO"), ValueError("Forbidden")], ids=repr
)
def test_other_errors_are_none(error: Exception) -> None:
    assert not is_forbidden(error)


class TestAStoreThatIsLostForAMoment:
    """Its file system takes that for an absent file, as those of FTP, WebHDFS and others do."""

    @pytest.fixture
    def store(self) -> Iterator[Flaky]:
        with fresh_file_systems():
            store = Flaky()
            attach("ftp", fs=store)
            store.mkdir("/shows")
            store.pipe_file("/shows/film.mp4", b"yesterday's")
            yield store
        clear_memory()

    def test_it_does_not_say_that_nothing_is_there(self, store: Flaky) -> None:
        there = Destination("ftp://nas/shows/film.mp4", video_id=7, overwrite=False)
        store.losses = 1
        with pytest.raises(PixVerseTransientError, match="control connection lost"):
            there.existing_size()
        assert there.existing_size() == len(b"yesterday's")

    def test_a_file_is_not_replaced(self, store: Flaky) -> None:
        there = Destination("ftp://nas/shows/film.mp4", video_id=7, overwrite=False)
        with pytest.raises(PixVerseTransientError, match="control connection lost"):
            land_while(there, lambda: setattr(store, "losses", 1))
        assert store.cat_file("/shows/film.mp4") == b"yesterday's"

    def test_a_folder_is_not_taken_for_a_file(self, store: Flaky) -> None:
        store.losses = 1
        with pytest.raises(PixVerseTransientError, match="control connection lost") as caught:
            Destination("ftp://nas/shows", video_id=7, overwrite=False)
        assert caught.value.video_id == 7
        assert Destination("ftp://nas/shows", video_id=7, overwrite=False).in_folder


@pytest.mark.parametrize(
    "error",
    [FileNotFoundError("no"), NotADirectoryError("no"), type("SMBOSError", (OSError,), {})(2, "no")],
    ids=repr,
)
def test_what_stores_make_of_an_absent_file_is_known(error: OSError) -> None:
    class Empty(MemoryFileSystem):  # type: ignore[misc]
        def info(self, path: str, **_: Any) -> Any:
            raise error

    assert look(Empty(), "/film.mp4") is None


class TestAzure:
    @pytest.fixture(autouse=True)
    def _azure(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        with fresh_file_systems():
            attach("abfs", fs=Adlfs())
            Adlfs().mkdir("/videos")
            Adlfs.content_types.clear()
            yield
        clear_memory()

    def test_the_content_type_is_told_in_the_words_of_its_library(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        blob = ModuleType("azure.storage.blob")
        blob.ContentSettings = ContentSettings  # type: ignore[attr-defined]
        for name in ("azure", "azure.storage"):
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        monkeypatch.setitem(sys.modules, "azure.storage.blob", blob)
        land(Destination("abfs://videos/film.mp4", video_id=7, overwrite=False))
        assert Adlfs.content_types == ["video/mp4"]

    def test_without_the_library_it_lands_all_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "azure.storage.blob", None)
        land(Destination("abfs://videos/film.mp4", video_id=7, overwrite=False))
        assert Adlfs.content_types == [None]

    def test_an_object_that_is_there_is_only_replaced_where_the_user_wants_that(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "azure.storage.blob", None)
        there = Destination("abfs://videos/film.mp4", video_id=7, overwrite=False)
        monkeypatch.setattr(there, "existing_size", lambda: None)
        with pytest.raises(PixVerseDestinationError, match="come into being"):
            land_while(there, lambda: Adlfs().pipe_file("/videos/film.mp4", b"someone else's"))
        land(Destination("abfs://videos/film.mp4", video_id=7, overwrite=True))


class Flaky(MemoryFileSystem):  # type: ignore[misc]
    """A file system that asks over a line, and of which the lookups are those that most inherit."""

    protocol = "ftp"
    cachable = False
    losses = 0
    exists = AbstractFileSystem.exists
    isdir = AbstractFileSystem.isdir

    def info(self, path: str, **kwargs: Any) -> Any:
        if self.losses:
            self.losses -= 1
            raise ConnectionResetError("control connection lost")
        return super().info(path, **kwargs)


@dataclass(frozen=True)
class ContentSettings:
    content_type: str


class Adlfs(MemoryFileSystem):  # type: ignore[misc]
    """As ``adlfs`` from 2026.2.0 on takes a file: the library reads attributes off what it is handed."""

    protocol = "abfs"
    cachable = False
    content_types: ClassVar[list[str | None]] = []

    def put_file(self, lpath: str, rpath: str, *, mode: str = "overwrite", **kwargs: Any) -> None:
        if mode == "create" and self.exists(rpath):
            raise FileExistsError("File already exists!")
        settings = kwargs.pop("content_settings", None)
        assert not kwargs
        self.content_types.append(None if settings is None else settings.content_type)
        super().put_file(lpath, rpath)


@dataclass
class WriteOnly:
    """A bucket that takes objects and refuses every other request."""

    root: str
    is_there: bool = False
    refuses: bool = False
    knows_conditions: bool = True
    written: int = 0
    seen: list[str] = field(default_factory=list)

    def s3(self, request: Received) -> Behaviour:
        if request.method != "PUT":
            return answer(status=403)
        if "if-none-match" in request.headers and not self.knows_conditions:
            return answer(s3_error("NotImplemented"), 501)
        if "if-none-match" in request.headers and self.is_there:
            return answer(s3_error("PreconditionFailed", "<Condition>If-None-Match</Condition>"), 412)
        self.written += 1
        return answer()

    def gcs(self, request: Received) -> Behaviour:
        if request.method != "POST" or self.refuses:
            return answer(json.dumps(NOT_ALLOWED), 403)
        if request.query.get("ifGenerationMatch") == "0" and self.is_there:
            return answer("{}", 412)
        self.written += 1
        return answer(json.dumps({"name": "film.mp4", "bucket": "videos", "size": "1000"}))


@pytest.fixture
def s3_write_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[WriteOnly]:
    bucket = WriteOnly("s3://store@videos")
    with ScriptedServer(afterwards=bucket.s3) as server, fresh_file_systems():
        connection = {
            "conn_type": "aws",
            "login": "test",
            "password": "test",
            "extra": {"endpoint_url": server.url, "region_name": "us-east-1"},
        }
        monkeypatch.setenv("AIRFLOW_CONN_STORE", json.dumps(connection))
        yield bucket


@pytest.fixture
def gs_write_only() -> Iterator[WriteOnly]:
    from gcsfs.core import GCSFileSystem  # type: ignore[import-untyped]

    bucket = WriteOnly("gs://videos")
    with ScriptedServer(afterwards=bucket.gcs) as server, fresh_file_systems():
        attach(
            "gs",
            fs=GCSFileSystem(endpoint_url=server.url, token="anon", project="test", skip_instance_cache=True),
        )
        yield bucket


def s3_error(code: str, more: str = "") -> str:
    return f"<Error><Code>{code}</Code><Message>no</Message>{more}</Error>"


def land(place: Destination) -> None:
    place.check_writable()
    land_while(place, lambda: None)


def land_while(place: Destination, meanwhile: Callable[[], object]) -> None:
    with place.writing() as part:
        part.write(VIDEO)
        meanwhile()


def clear_memory() -> None:
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
