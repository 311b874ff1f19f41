"""What is left where a video lands."""

from __future__ import annotations

import io
import os
import resource
import tempfile
from typing import TYPE_CHECKING, Any

import asyncssh
import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath

from pixverse_provider.exceptions import PixVerseDestinationError, PixVerseError, PixVerseTransientError
from pixverse_provider.storage import destinations
from pixverse_provider.storage.destinations import Destination
from pixverse_provider.storage.parts import PART_SUFFIX, part_name
from pixverse_provider.storage.stores import rename
from tests.support.mp4 import mp4
from tests.unit.storage.privileges import umask, without_privileges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.stores import GcsStore, S3Store, SftpStore

MP4 = b"\x00\x00\x00\x20ftypisom" + b"\x00" * 100


class TestDestinations:
    def test_a_video_lands_under_its_name(self, tmp_path: Path) -> None:
        target = tmp_path / "film.mp4"
        land(destination(target), MP4)
        assert target.read_bytes() == MP4
        assert destination(target).uri == str(target)
        assert list(tmp_path.iterdir()) == [target]

    @pytest.mark.parametrize("ending", ["", "/"])
    def test_a_folder_that_is_there_takes_it_under_its_default_name(
        self, tmp_path: Path, ending: str
    ) -> None:
        place = Destination(f"{tmp_path}{ending}", video_id=7, overwrite=False)
        land(place, MP4)
        assert (tmp_path / "7.mp4").read_bytes() == MP4
        assert place.uri == str(tmp_path / "7.mp4")

    def test_folders_that_are_not_there_are_made(self, tmp_path: Path) -> None:
        place = Destination(f"{tmp_path}/a/b/", video_id=7, overwrite=False)
        land(place, MP4)
        assert (tmp_path / "a" / "b" / "7.mp4").read_bytes() == MP4

    def test_a_place_may_be_given_as_a_uri(self, tmp_path: Path) -> None:
        target = tmp_path / "film.mp4"
        land(Destination(target.as_uri(), video_id=7, overwrite=False), MP4)
        assert target.read_bytes() == MP4

    @pytest.mark.usefixtures("_object_store")
    def test_a_video_lands_in_an_object_store_when_it_is_whole(self) -> None:
        place = Destination("memory://films/film.mp4", video_id=7, overwrite=False)
        place.check_writable()
        with place.writing() as part:
            part.write(MP4)
            assert place.existing_size() is None
        assert place.existing_size() == len(MP4)
        assert place.uri.startswith("memory://")
        with ObjectStoragePath(place.uri).open("rb") as stream:
            assert stream.read() == MP4

    @pytest.mark.parametrize("uri", ["", "  "])
    def test_no_place_at_all_is_refused(self, uri: str) -> None:
        with pytest.raises(PixVerseDestinationError, match="destination is '"):
            Destination(uri, video_id=7, overwrite=False)

    def test_a_file_that_is_there_is_left_as_it_is(self, tmp_path: Path) -> None:
        target = tmp_path / "film.mp4"
        target.write_bytes(b"old")
        assert destination(target).existing_size() == 3
        with pytest.raises(PixVerseDestinationError, match=r"come into being.*overwrite=True"):
            land(destination(target), MP4)
        assert target.read_bytes() == b"old"
        error = destination(target).refuse()
        assert "exists already, and it is not PixVerse video 7" in str(error)
        assert error.video_id == 7

    def test_a_file_that_is_there_is_replaced_where_the_user_wants_that(self, tmp_path: Path) -> None:
        target = tmp_path / "film.mp4"
        target.write_bytes(b"old")
        land(destination(target, overwrite=True), MP4)
        assert target.read_bytes() == MP4

    def test_a_file_where_a_folder_should_be_is_named_with_the_reason(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(PixVerseDestinationError, match=r"cannot be written: .+\. Choose another place"):
            destination(tmp_path / "file" / "film.mp4").check_writable()

    @pytest.mark.parametrize("missing", [False, True])
    def test_a_folder_that_may_not_be_written_is_named_before_anything_is_fetched(
        self, open_folder: Path, missing: bool
    ) -> None:
        folder = open_folder / "closed"
        folder.mkdir()
        folder.chmod(0o555)
        target = folder / "sub" / "film.mp4" if missing else folder / "film.mp4"
        with without_privileges(), pytest.raises(PixVerseDestinationError, match="Permission denied"):
            destination(target).check_writable()

    def test_a_store_that_nobody_knows_is_named(self) -> None:
        with pytest.raises(PixVerseDestinationError, match="cannot be reached"):
            Destination("nosuchstore://bucket/film.mp4", video_id=7, overwrite=False)

    def test_a_store_that_airflow_has_no_provider_for_is_named_before_anything_is_fetched(self) -> None:
        with pytest.raises(PixVerseDestinationError, match="Airflow has no file system for memory://"):
            Destination("memory://conn@films/film.mp4", video_id=7, overwrite=False).check_writable()

    def test_looking_leaves_nothing_behind(self, tmp_path: Path) -> None:
        destination(tmp_path / "film.mp4").check_writable()
        assert list(tmp_path.iterdir()) == []


class TestHalfAVideo:
    def test_it_is_never_seen_under_its_name(self, tmp_path: Path) -> None:
        target = tmp_path / "film.mp4"
        place = destination(target)
        with place.writing() as part:
            part.write(MP4[:50])
            part.flush()
            assert not target.exists()
            assert [path.name[0] for path in tmp_path.iterdir()] == ["."]
            part.write(MP4[50:])
        assert target.read_bytes() == MP4

    def test_it_never_takes_the_place_of_an_old_one(self, tmp_path: Path) -> None:
        target = tmp_path / "film.mp4"
        target.write_bytes(b"old")
        with destination(target, overwrite=True).writing() as part:
            part.write(MP4)
            part.flush()
            assert target.read_bytes() == b"old"

    @pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
    def test_nothing_is_left_behind_when_the_download_ends_badly(
        self, tmp_path: Path, error: type[BaseException]
    ) -> None:
        with pytest.raises(error):
            broken_off(destination(tmp_path / "film.mp4"), error)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.usefixtures("_object_store")
    def test_nothing_is_left_behind_in_the_temporary_folder_either(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        place = Destination("memory://films/broken.mp4", video_id=7, overwrite=False)
        with pytest.raises(RuntimeError):
            broken_off(place, RuntimeError)
        assert place.existing_size() is None
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_landed_video_is_as_readable_as_any_new_file(
        self, tmp_path: Path, mask: int, mode: int, overwrite: bool
    ) -> None:
        target = tmp_path / "film.mp4"
        with umask(mask):
            land(destination(target, overwrite=overwrite), MP4)
            after = os.umask(mask)
        assert target.stat().st_mode & 0o777 == mode
        assert after == mask

    def test_a_file_that_comes_into_being_meanwhile_is_left_as_it_is(self, tmp_path: Path) -> None:
        target = tmp_path / "film.mp4"
        place = destination(target)
        place.check_writable()
        with pytest.raises(PixVerseDestinationError, match="come into being"):
            land_while(place, lambda: target.write_bytes(b"someone else's"))
        assert target.read_bytes() == b"someone else's"
        assert list(tmp_path.iterdir()) == [target]

    def test_so_it_is_on_a_file_system_without_hard_links(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def no_links(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", no_links)
        land(destination(tmp_path / "film.mp4"), MP4)
        assert (tmp_path / "film.mp4").read_bytes() == MP4
        other = tmp_path / "other.mp4"
        with pytest.raises(PixVerseDestinationError, match="come into being"):
            land_while(destination(other), lambda: other.write_bytes(b"someone else's"))
        assert other.read_bytes() == b"someone else's"

    def test_a_folder_that_takes_the_name_meanwhile_is_named_with_the_reason(self, tmp_path: Path) -> None:
        target = tmp_path / "film.mp4"
        with pytest.raises(PixVerseDestinationError, match="cannot be written"):
            land_while(destination(target, overwrite=True), target.mkdir)
        assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]

    def test_a_folder_that_vanishes_before_the_download_is_named_with_the_reason(
        self, tmp_path: Path
    ) -> None:
        place = destination(tmp_path / "gone" / "film.mp4")
        with pytest.raises(PixVerseDestinationError, match="cannot be written"), place.writing() as part:
            part.write(MP4)


class TestWhatIsThereAlready:
    def test_the_same_bytes_are_the_same_video(self, tmp_path: Path) -> None:
        target = tmp_path / "film.mp4"
        target.write_bytes(MP4)
        assert destination(target).holds(io.BytesIO(MP4))

    @pytest.mark.parametrize(
        "other",
        [MP4[:-1] + b"x", b"x" + MP4[1:], MP4[:-1], MP4 + b"x", b""],
        ids=["end", "begin", "short", "long", "empty"],
    )
    def test_others_are_not_whatever_their_length(self, tmp_path: Path, other: bytes) -> None:
        target = tmp_path / "film.mp4"
        target.write_bytes(other)
        assert not destination(target).holds(io.BytesIO(MP4))

    def test_a_large_one_is_compared_to_its_end(self, tmp_path: Path) -> None:
        video = mp4(1_000_000, b"abc")
        target = tmp_path / "film.mp4"
        target.write_bytes(video)
        assert destination(target).holds(io.BytesIO(video))
        target.write_bytes(video[:-1] + b"!")
        assert not destination(target).holds(io.BytesIO(video))

    def test_a_disk_keeps_no_record_of_what_landed(self, tmp_path: Path) -> None:
        land(destination(tmp_path / "film.mp4"), MP4)
        assert not destination(tmp_path / "film.mp4").has_landed()

    @pytest.mark.parametrize("kind", ["pipe", "folder", "link to a pipe"])
    @pytest.mark.parametrize("overwrite", [False, True])
    def test_what_is_no_file_is_refused_and_stays(self, tmp_path: Path, kind: str, overwrite: bool) -> None:
        target = tmp_path / "film.mp4"
        place = destination(target, overwrite=overwrite)
        if kind == "folder":
            target.mkdir()
        elif kind == "pipe":
            os.mkfifo(target)
        else:
            os.mkfifo(tmp_path / "pipe")
            target.symlink_to(tmp_path / "pipe")
        before = target.stat()
        for asked in (place.existing_size, place.check_writable, lambda: land_while(place, lambda: None)):
            with pytest.raises(PixVerseDestinationError, match="no regular file is there") as caught:
                asked()
            assert caught.value.video_id == 7
            assert "Choose another name" in str(caught.value)
        assert target.stat().st_ino == before.st_ino

    def test_the_same_video_that_comes_into_being_meanwhile_has_landed(self, tmp_path: Path) -> None:
        target = tmp_path / "film.mp4"
        land_while(destination(target), lambda: target.write_bytes(MP4))
        assert target.read_bytes() == MP4
        assert list(tmp_path.iterdir()) == [target]


class TestLinksAndModes:
    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
    def test_a_file_that_is_replaced_keeps_its_mode(self, tmp_path: Path, mode: int) -> None:
        target = tmp_path / "film.mp4"
        target.write_bytes(b"old")
        target.chmod(mode)
        land(destination(target, overwrite=True), MP4)
        assert target.read_bytes() == MP4
        assert target.stat().st_mode & 0o777 == mode

    def test_a_symbolic_link_stays_and_what_it_leads_to_is_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "store").mkdir()
        real, link = tmp_path / "store" / "real.mp4", tmp_path / "film.mp4"
        real.write_bytes(b"old")
        link.symlink_to(real)
        land(destination(link, overwrite=True), MP4)
        assert link.is_symlink()
        assert real.read_bytes() == MP4
        assert [path.name for path in real.parent.iterdir()] == ["real.mp4"]

    def test_one_that_leads_to_nothing_yet_is_followed(self, tmp_path: Path) -> None:
        link = tmp_path / "film.mp4"
        link.symlink_to(tmp_path / "real.mp4")
        assert destination(link).existing_size() is None
        land(destination(link), MP4)
        assert link.is_symlink()
        assert (tmp_path / "real.mp4").read_bytes() == MP4

    def test_one_that_leads_to_itself_is_named(self, tmp_path: Path) -> None:
        link = tmp_path / "film.mp4"
        link.symlink_to(link)
        with pytest.raises(PixVerseDestinationError, match=r"film\.mp4' cannot be"):
            land(destination(link), MP4)

    def test_a_folder_may_be_one(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "videos").symlink_to(tmp_path / "real")
        land(Destination(tmp_path / "videos", video_id=7, overwrite=False), MP4)
        assert (tmp_path / "real" / "7.mp4").read_bytes() == MP4


class TestADiskThatFails:
    @pytest.fixture(autouse=True)
    def _files_of_ten_kilobytes(self) -> Iterator[None]:
        """The system itself refuses to let a file grow any further."""
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
        yield
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    @pytest.mark.usefixtures("_object_store")
    @pytest.mark.parametrize(
        ("place", "named"),
        [("{folder}/film.mp4", "destination"), ("memory://films/full.mp4", "the temporary folder")],
    )
    # Of which the last bytes are still in the buffer when the file is closed.
    @pytest.mark.parametrize("piece", [1000, 4000, 100_000])
    def test_it_is_one_sentence_that_names_the_place_and_the_video(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, named: str, piece: int
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        there = Destination(place.format(folder=tmp_path), video_id=7, overwrite=False)
        with pytest.raises(PixVerseDestinationError, match="cannot be written: File too large") as caught:
            land(there, mp4(100_000), piece=piece)
        assert str(caught.value).startswith(f"{named} '{tmp_path}")
        assert "PixVerse video 7 is paid and not lost" in str(caught.value)
        assert caught.value.video_id == 7
        assert isinstance(caught.value.__cause__, OSError)
        assert list(tmp_path.iterdir()) == []
        assert there.existing_size() is None

    def test_so_it_is_where_a_video_is_only_compared(self, tmp_path: Path) -> None:
        there = destination(tmp_path / "film.mp4")
        with pytest.raises(PixVerseDestinationError, match=r"temporary folder .+: File too large"):
            compared(there, mp4(100_000))


class TestParts:
    def test_what_a_killed_process_has_left_is_removed_by_the_next_one(self, tmp_path: Path) -> None:
        old, young = tmp_path / ".pixverse-0123.part", tmp_path / ".pixverse-4567.part"
        for part in (old, young):
            part.write_bytes(b"half")
        os.utime(old, (0, 0))
        land(destination(tmp_path / "film.mp4"), MP4)
        assert sorted(path.name for path in tmp_path.iterdir()) == [young.name, "film.mp4"]

    @pytest.mark.usefixtures("_object_store")
    def test_so_it_is_in_the_temporary_folder_on_the_way_to_a_store(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        names = [".pixverse-0123.mp4", ".pixverse-4567.mp4", "other.mp4"]
        for name in names:
            (tmp_path / name).write_bytes(b"half")
        for name in (names[0], names[2]):
            os.utime(tmp_path / name, (0, 0))
        land(stored("memory://films/film.mp4"), MP4)
        assert sorted(path.name for path in tmp_path.iterdir()) == names[1:]


@pytest.mark.parametrize(
    "place",
    [
        "",
        " ",
        "None",
        None,
        7,
        1.5,
        b"/data/x",
        [],
        ["/data/x"],
        {},
        "s3://",
        "file://elsewhere/x",
        "a\0b",
        "/data/\ud800.mp4",
        "\udcff.mp4",
        "file:///data/caf%E9.mp4",
        "file:///data/%00.mp4",
        ObjectStoragePath("file:///data/caf\udce9.mp4"),
        "http://a/b",
        "HTTPS://a/b",
        "filecache::s3://a/b",
        "github://a:b@/c",
        "https://[",
    ],
    ids=repr,
)
def test_what_is_no_place_is_one_sentence_that_names_argument_and_video(place: object) -> None:
    with pytest.raises(PixVerseDestinationError, match=r"^destination ") as caught:
        Destination(place, video_id=7, overwrite=False)
    assert caught.value.video_id == 7
    assert "PixVerse video 7" in str(caught.value)


class TestS3:
    def test_a_video_lands_as_one_with_a_record_of_what_it_is(self, s3_store: S3Store) -> None:
        there = stored(s3_store.uri("a/film.mp4"))
        assert there.existing_size() is None
        there.check_writable()
        land(there, MP4)
        assert s3_store.get("a/film.mp4") == MP4
        assert s3_store.content_type("a/film.mp4") == "video/mp4"
        assert there.existing_size() == len(MP4)
        assert there.has_landed()
        assert not stored(s3_store.uri("a/film.mp4"), video_id=8).has_landed()
        assert s3_store.names() == ["a/film.mp4"]

    def test_one_that_somebody_else_has_put_there_has_no_record(self, s3_store: S3Store) -> None:
        there = stored(s3_store.put("film.mp4", MP4))
        assert not there.has_landed()
        assert there.holds(io.BytesIO(MP4))
        assert not there.holds(io.BytesIO(MP4[:-1] + b"x"))

    def test_a_large_one_lands_in_parts_and_all_at_once(self, s3_store: S3Store) -> None:
        video = mp4(120_000_000, b"abc")
        land(stored(s3_store.uri("film.mp4")), video)
        assert s3_store.get("film.mp4") == video
        assert s3_store.content_type("film.mp4") == "video/mp4"

    @pytest.mark.parametrize("name", ["film.mp4", ""])
    def test_a_bucket_that_is_not_there_is_named_before_anything_is_fetched(
        self, s3_store: S3Store, name: str
    ) -> None:
        there = stored(f"s3://store@vidoes/{name}")
        with pytest.raises(PixVerseDestinationError, match="there is no bucket 'vidoes'"):
            there.check_writable()

    def test_a_file_that_is_there_is_not_replaced(self, s3_store: S3Store) -> None:
        there = stored(s3_store.uri("film.mp4"))
        with pytest.raises(PixVerseDestinationError, match="come into being"):
            land_while(there, lambda: s3_store.put("film.mp4", b"someone else's"))
        assert s3_store.get("film.mp4") == b"someone else's"
        land(stored(s3_store.uri("film.mp4"), overwrite=True), MP4)
        assert s3_store.get("film.mp4") == MP4

    def test_a_path_of_airflow_and_a_folder_are_places_too(self, s3_store: S3Store) -> None:
        path = ObjectStoragePath(s3_store.uri("nightly")) / "film.mp4"
        land(Destination(path, video_id=7, overwrite=False), MP4)
        land(stored(s3_store.uri("nightly/")), MP4)
        assert s3_store.names() == ["nightly/7.mp4", "nightly/film.mp4"]


class TestGoogleCloudStorage:
    def test_a_video_lands_as_one_with_a_record_of_what_it_is(self, gcs_store: GcsStore) -> None:
        there = stored(gcs_store.uri("a/film.mp4"))
        there.check_writable()
        land(there, MP4)
        assert gcs_store.get("a/film.mp4") == MP4
        assert gcs_store.content_type("a/film.mp4") == "video/mp4"
        assert there.existing_size() == len(MP4)
        assert there.holds(io.BytesIO(MP4))


class TestSftp:
    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_video_lands_whole_in_folders_that_are_made(
        self, sftp_store: SftpStore, overwrite: bool
    ) -> None:
        there = stored(sftp_store.uri("a/b/film.mp4"), overwrite=overwrite)
        there.check_writable()
        assert sftp_store.names() == []
        land(there, MP4)
        assert sftp_store.names() == ["a/b/film.mp4"]
        assert sftp_store.get("a/b/film.mp4") == MP4
        assert there.holds(io.BytesIO(MP4))

    def test_one_that_is_cut_half_way_leaves_nothing_under_its_name_and_a_retry_lands_it(
        self, sftp_store: SftpStore
    ) -> None:
        video = mp4(1_000_000, b"abc")
        sftp_store.cut_after(300_000)
        with pytest.raises(PixVerseTransientError, match="cannot be written") as caught:
            land(stored(sftp_store.uri("film.mp4")), video)
        assert caught.value.video_id == 7
        assert "film.mp4" not in sftp_store.names()
        land(stored(sftp_store.uri("film.mp4")), video)
        assert sftp_store.get("film.mp4") == video

    def test_a_file_that_is_there_is_replaced_only_where_the_user_wants_that(
        self, sftp_store: SftpStore
    ) -> None:
        uri = sftp_store.put("film.mp4", b"old")
        with pytest.raises(PixVerseDestinationError, match="come into being"):
            land(stored(uri), MP4)
        assert sftp_store.get("film.mp4") == b"old"
        land(stored(uri, overwrite=True), MP4)
        assert sftp_store.get("film.mp4") == MP4
        assert sftp_store.names() == ["film.mp4"]

    def test_a_worker_that_is_taken_for_dead_and_its_retry_both_land_it_whole(
        self, sftp_store: SftpStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        video, parts = mp4(300_000, b"abc"), []

        def rename_after_the_retry(fs: Any, old: str, new: str, *, replace: bool) -> None:
            parts.append(old)
            if len(parts) == 1:
                with stored(sftp_store.uri("film.mp4")).writing() as part:
                    part.write(video)
                assert sftp_store.get("film.mp4") == video
            rename(fs, old, new, replace=replace)

        monkeypatch.setattr(destinations, "rename", rename_after_the_retry)
        with stored(sftp_store.uri("film.mp4")).writing() as part:
            part.write(video)
        assert len(set(parts)) == 2
        assert sftp_store.names() == ["film.mp4"]
        assert sftp_store.get("film.mp4") == video

    def test_the_check_of_a_retry_leaves_the_part_of_the_other_one_alone(self, sftp_store: SftpStore) -> None:
        there = stored(sftp_store.uri("film.mp4"))
        sftp_store.put(f".pixverse-7-film.mp4{PART_SUFFIX}", b"half")
        sftp_store.put(part_name(), b"half")
        before = sftp_store.names()
        there.check_writable()
        assert sftp_store.names() == before

    def test_what_a_killed_worker_has_left_is_removed_by_a_later_one(self, sftp_store: SftpStore) -> None:
        names = [f"a/{part_name()}", f"a/{part_name()}", "a/other.part"]
        for name in names:
            sftp_store.put(name, b"half")
        for name in (names[0], names[2]):
            os.utime(sftp_store.root / name, (0, 0))
        land(stored(sftp_store.uri("a/film.mp4")), MP4)
        assert sftp_store.names() == sorted([*names[1:], "a/film.mp4"])

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_server_without_the_extension_of_openssh_renames_as_sftp_does(
        self, sftp_store: SftpStore, monkeypatch: pytest.MonkeyPatch, overwrite: bool
    ) -> None:
        monkeypatch.setattr(asyncssh.SFTPServer, "posix_rename", unsupported)
        if overwrite:
            sftp_store.put("film.mp4", b"old")
        land(stored(sftp_store.uri("film.mp4"), overwrite=overwrite), MP4)
        assert sftp_store.names() == ["film.mp4"]
        assert sftp_store.get("film.mp4") == MP4

    def test_one_that_cannot_rename_at_all_is_found_before_anything_is_fetched(
        self, sftp_store: SftpStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("posix_rename", "rename"):
            monkeypatch.setattr(asyncssh.SFTPServer, name, unsupported)
        for overwrite in (False, True):
            with pytest.raises(PixVerseError, match="cannot be written: not here"):
                stored(sftp_store.uri("film.mp4"), overwrite=overwrite).check_writable()
        assert sftp_store.names() == []

    def test_a_file_that_comes_between_check_and_rename_is_left_as_it_is(
        self, sftp_store: SftpStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def rename_too_late(fs: Any, old: str, new: str, *, replace: bool) -> None:
            sftp_store.put("film.mp4", b"someone else's")
            rename(fs, old, new, replace=replace)

        monkeypatch.setattr(destinations, "rename", rename_too_late)
        with pytest.raises(PixVerseDestinationError, match="come into being"):
            land_while(stored(sftp_store.uri("film.mp4")), lambda: None)
        assert sftp_store.get("film.mp4") == b"someone else's"
        assert sftp_store.names() == ["film.mp4"]

    @pytest.mark.parametrize("name", ["视" * 75 + ".mp4", "視" * 83 + ".mp4", "a" * 255])
    def test_a_name_that_the_server_takes_lands(self, sftp_store: SftpStore, name: str) -> None:
        land(stored(sftp_store.uri(name)), MP4)
        assert sftp_store.names() == [name]

    @pytest.mark.parametrize("kind", ["pipe", "folder"])
    @pytest.mark.parametrize("overwrite", [False, True])
    def test_what_is_no_file_is_refused_and_stays(
        self, sftp_store: SftpStore, kind: str, overwrite: bool
    ) -> None:
        target = sftp_store.root / "7.mp4"
        os.mkfifo(target) if kind == "pipe" else target.mkdir()
        there = Destination(sftp_store.uri("/"), video_id=7, overwrite=overwrite)
        with pytest.raises(PixVerseDestinationError, match="no regular file is there"):
            there.check_writable()
        with pytest.raises(PixVerseDestinationError, match="no regular file is there"):
            land_while(there, lambda: None)
        assert not target.is_file()

    def test_a_folder_that_may_not_be_written_is_named_before_anything_is_fetched(
        self, sftp_store: SftpStore
    ) -> None:
        sftp_store.put("closed", b"a file where a folder should be")
        with pytest.raises(PixVerseError, match="cannot be written"):
            stored(sftp_store.uri("closed/film.mp4")).check_writable()


def unsupported(*_: object) -> None:
    raise asyncssh.SFTPOpUnsupported("not here")


def stored(uri: str, *, video_id: int = 7, overwrite: bool = False) -> Destination:
    return Destination(uri, video_id=video_id, overwrite=overwrite)


def destination(path: Path, *, overwrite: bool = False) -> Destination:
    return Destination(str(path), video_id=7, overwrite=overwrite)


def compared(place: Destination, data: bytes) -> None:
    with place.scratch() as part:
        part.write(data)
        part.flush()


def land(place: Destination, data: bytes, *, piece: int = 1 << 20) -> None:
    place.check_writable()
    with place.writing() as part:
        for begin in range(0, len(data), piece):
            part.write(data[begin : begin + piece])


def land_while(place: Destination, meanwhile: Callable[[], object]) -> None:
    with place.writing() as part:
        part.write(MP4)
        meanwhile()


def broken_off(place: Destination, error: type[BaseException]) -> None:
    with place.writing() as part:
        part.write(MP4)
        raise error
