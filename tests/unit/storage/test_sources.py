"""Files of the user that are uploaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from airflow.providers.common.compat.sdk import HookLineageCollector, ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

from pixverse_provider.api.media import IMAGE, MEDIA
from pixverse_provider.exceptions import PixVerseSourceError, PixVerseTransientError
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.storage import sources
from pixverse_provider.storage.sources import SourceFile
from tests.support.stores import fresh_file_systems
from tests.support.upload_server import UploadServer
from tests.unit.connections import set_connection
from tests.unit.storage.privileges import without_privileges

if TYPE_CHECKING:
    from tests.support.stores import S3Store, SftpStore

MP4 = b"\x00\x00\x00\x20ftypisom" + b"\x00" * 100


class TestSources:
    def test_a_good_file_is_described_and_can_be_read_again_and_again(self, tmp_path: Path) -> None:
        file = tmp_path / "Clip 1.MP4"
        file.write_bytes(MP4)
        source = SourceFile.check(str(file), MEDIA)
        assert (source.file_name, source.content_type, source.size) == ("Clip 1.MP4", "video/mp4", len(MP4))
        assert source.warning is None
        for _ in range(2):
            with source.open() as stream:
                assert stream.read() == MP4

    def test_a_file_may_be_given_as_a_uri(self, tmp_path: Path) -> None:
        file = tmp_path / "clip.mp4"
        file.write_bytes(MP4)
        assert SourceFile.check(file.as_uri(), MEDIA).size == len(MP4)

    @pytest.mark.usefixtures("_object_store")
    def test_a_file_may_lie_in_an_object_store(self) -> None:
        path = ObjectStoragePath("memory://sources/clip.mp4")
        with path.open("wb") as stream:
            stream.write(MP4)
        source = SourceFile.check("memory://sources/clip.mp4", MEDIA)
        assert (source.file_name, source.size) == ("clip.mp4", len(MP4))
        with source.open() as stream:
            assert stream.read() == MP4

    def test_a_local_file_that_is_read_is_part_of_the_lineage_as_one_of_a_store_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        collector = HookLineageCollector()
        monkeypatch.setattr(sources, "get_hook_lineage_collector", lambda: collector)
        file = tmp_path / "my clip.mp4"
        file.write_bytes(MP4)
        SourceFile.check(file, MEDIA)
        assert [found.asset.uri for found in collector.collected_assets.inputs] == [file.as_uri()]

    @pytest.mark.usefixtures("_object_store")
    @pytest.mark.parametrize("where", ["local", "store"])
    def test_one_whose_name_is_too_long_for_the_lineage_is_read_as_well(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        where: str,
    ) -> None:
        collector = HookLineageCollector()
        monkeypatch.setattr(sources, "get_hook_lineage_collector", lambda: collector)
        # Of 170 letters, and of 1,530 where they are percent-encoded.
        folder = tmp_path.joinpath(*["視" * 57] * 3)
        place: Any = folder / "clip.mp4"
        if where == "local":
            folder.mkdir(parents=True)
        else:
            place = ObjectStoragePath("memory://sources/" + "a" * 1500 + "/clip.mp4")
        with place.open("xb") if where == "local" else place.fs.open(place.path, "wb") as stream:
            stream.write(MP4)
        source = SourceFile.check(place, MEDIA)
        with source.open() as stream:
            assert stream.read() == MP4
        assert "is not in the lineage: Asset name cannot exceed 1500 characters" in caplog.text

    def test_a_file_that_is_not_there_is_looked_for_on_the_worker(self, tmp_path: Path) -> None:
        name = str(tmp_path / "clip.mp4")
        message = refused(name)
        assert f"{name!r} does not exist on the worker" in message

    @pytest.mark.usefixtures("_object_store")
    def test_an_object_that_is_not_there_has_nothing_to_do_with_the_worker(self) -> None:
        message = refused("memory://sources/missing.mp4")
        assert "does not exist: check the path" in message

    def test_a_folder_is_told_apart(self, tmp_path: Path) -> None:
        assert "is a folder" in refused(str(tmp_path))

    def test_an_empty_file_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "clip.mp4"
        file.touch()
        assert "is empty" in refused(str(file))

    def test_a_file_of_a_type_that_pixverse_does_not_take_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "clip.avi"
        file.write_bytes(MP4)
        assert ".mp4, .mov" in refused(str(file))

    def test_a_file_that_is_not_what_its_name_says_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "clip.mp3"
        file.write_bytes(MP4)
        assert "does not hold what its name says" in refused(str(file))

    def test_a_file_that_is_too_large_is_refused_before_it_is_read(self, tmp_path: Path) -> None:
        file = tmp_path / "clip.mp4"
        with file.open("wb") as stream:
            stream.truncate(100_000_001)
        assert "too large: 100.0 MB" in refused(str(file))

    def test_a_file_that_may_be_too_large_is_taken_with_a_warning(self, tmp_path: Path) -> None:
        file = tmp_path / "clip.mp4"
        with file.open("wb") as stream:
            stream.write(MP4)
            stream.truncate(60_000_000)
        warning = SourceFile.check(str(file), MEDIA).warning
        assert warning is not None
        assert "60.0 MB" in warning

    def test_an_image_has_limits_of_its_own(self, tmp_path: Path) -> None:
        file = tmp_path / "still.png"
        with file.open("wb") as stream:
            stream.write(b"\x89PNG\r\n\x1a\n")
            stream.truncate(20_000_001)
        with pytest.raises(PixVerseSourceError, match="at most 20 MB"):
            SourceFile.check(str(file), IMAGE)

    @pytest.mark.parametrize(
        "source", ["nosuchstore://bucket/clip.mp4", "nosuchstore://conn@bucket/clip.mp4"]
    )
    def test_a_store_that_nobody_knows_is_named(self, source: str) -> None:
        assert f"{source!r} cannot be reached: Airflow has no file system for nosuchstore://" in refused(
            source
        )

    def test_a_file_that_may_not_be_read_is_named_with_the_reason(self, open_folder: Path) -> None:
        file = open_folder / "clip.mp4"
        file.write_bytes(MP4)
        file.chmod(0o200)
        with without_privileges():
            message = refused(str(file))
        assert "Permission denied" in message
        assert str(file) in message


class TestAStore:
    def test_that_does_not_tell_the_length_of_a_file_is_read_once_for_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Vague(MemoryFileSystem):  # type: ignore[misc]
            protocol = "memory"
            store: ClassVar[dict[str, Any]] = {}

            def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
                info: dict[str, Any] = super().info(path, **kwargs)
                return info | {"size": None}

        with fresh_file_systems():
            fs = attach("memory", fs=Vague()).fs
            for name, content in (("clip", MP4), ("empty", b""), ("long", MP4 + bytes(100_000_000))):
                fs.pipe(f"/films/{name}.mp4", content)
            source = SourceFile.check("memory://films/clip.mp4", MEDIA)
            assert source.size == len(MP4)
            with source.open() as stream:
                assert stream.read(1 << 20) == MP4
                assert stream.read(1) == b""
            assert "is empty" in refused("memory://films/empty.mp4")
            assert "is too large" in refused("memory://films/long.mp4")

    def test_that_is_cut_while_it_is_read_is_a_transient_error(
        self, sftp_store: SftpStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = sftp_store.put("clip.mp4", MP4 + bytes(5_000_000))
        sftp_store.cut_after(2_000_000)
        with UploadServer() as server, PixVerseHook() as hook:
            set_connection(monkeypatch, server.url)
            with pytest.raises(PixVerseTransientError) as caught:
                hook.upload_media(source)
        (arrived,) = server.arrived
        assert not arrived.complete
        assert str(caught.value).startswith(f"source {source!r} cannot be read: ")
        assert str(caught.value).endswith(" A retry tries again.")
        assert caught.value.__cause__ is not None

    def test_that_is_out_of_reach_is_a_transient_error_and_is_asked_anew(self, sftp_store: SftpStore) -> None:
        source = sftp_store.put("clip.mp4", MP4)
        SourceFile.check(source, MEDIA)
        sftp_store.cut_after(1)
        with pytest.raises(PixVerseTransientError, match="A retry tries again"):
            SourceFile.check(source, MEDIA)
        assert SourceFile.check(source, MEDIA).size == len(MP4)

    def test_that_refuses_the_password_is_named_for_good(
        self, sftp_store: SftpStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = sftp_store.put("clip.mp4", MP4)
        connection = os.environ["AIRFLOW_CONN_STORE"].replace("secret", "wrong-word")
        monkeypatch.setenv("AIRFLOW_CONN_STORE", connection)
        said = refused(source)
        assert f"source {source!r} cannot be read: " in said
        assert "wrong-word" not in said

    @pytest.mark.parametrize(
        "uri", ["sftp://no_such_connection@/a.mp4", "s3://no_such_connection@videos/a.mp4"]
    )
    def test_whose_connection_does_not_exist_is_named_and_nobody_else_asks(self, uri: str) -> None:
        with pytest.raises(PixVerseTransientError, match="Add the connection") as caught:
            SourceFile.check(uri, MEDIA)
        assert "no_such_connection" in str(caught.value)

    def test_that_needs_a_connection_and_gets_none_is_named_with_the_remedy(self) -> None:
        assert "the connection is missing in it; write sftp://conn_id@/path" in refused("sftp://nas/clip.mp4")

    def test_without_such_a_file_or_bucket_says_so(self, s3_store: S3Store) -> None:
        s3_store.put("folder/clip.mp4", MP4)
        for missing in (s3_store.uri("no.mp4"), "s3://store@no-such-bucket/clip.mp4"):
            assert refused(missing) == f"source {missing!r} does not exist: check the path."
        assert "is a folder" in refused(s3_store.uri("folder"))


class TestAPathOfThisMachine:
    def test_that_lost_a_slash_of_its_uri_is_told_apart(self) -> None:
        for source in (Path("s3://videos/clip.mp4"), "s3:/videos/clip.mp4"):
            assert "since a Path loses a slash of it" in refused(source)

    def test_that_is_no_file_is_refused(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.mp4")
        (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
        (tmp_path / "file.mp4").write_bytes(MP4)
        assert "is a device or a pipe: name a file" in refused(tmp_path / "pipe.mp4")
        assert "Too many levels of symbolic links" in refused(tmp_path / "loop.mp4")
        assert "Not a directory" in refused(f"{tmp_path}/file.mp4/clip.mp4")
        assert "File name too long" in refused(f"{tmp_path}/{'x' * 300}.mp4")

    @pytest.mark.parametrize(
        "name",
        [
            b"caf\xe9.mp4",
            b"a\nb.mp4",
            b"a::b.mp4",
            b"'\".mp4",
            b" .mp4",
            b"100%20.mp4",
            b"a?b#c.mp4",
            b"\x01\x7f.mp4",
        ],
    )  # fmt: skip
    def test_may_have_any_name(self, tmp_path: Path, name: bytes) -> None:
        file = tmp_path / os.fsdecode(name)
        file.write_bytes(MP4)
        for form in (file, str(file), file.as_uri()):
            assert SourceFile.check(form, MEDIA).file_name == file.name


def refused(source: object) -> str:
    with pytest.raises(PixVerseSourceError) as caught:
        SourceFile.check(source, MEDIA)
    return str(caught.value)
