"""What is left where a video lands."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath

from pixverse_provider.exceptions import PixVerseDestinationError
from pixverse_provider.storage.destinations import Destination
from tests.unit.storage.privileges import umask, without_privileges

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
        place = Destination(f"{tmp_path}{ending}", default_name="7.mp4", overwrite=False)
        land(place, MP4)
        assert (tmp_path / "7.mp4").read_bytes() == MP4
        assert place.uri == str(tmp_path / "7.mp4")

    def test_folders_that_are_not_there_are_made(self, tmp_path: Path) -> None:
        place = Destination(f"{tmp_path}/a/b/", default_name="7.mp4", overwrite=False)
        land(place, MP4)
        assert (tmp_path / "a" / "b" / "7.mp4").read_bytes() == MP4

    def test_a_place_may_be_given_as_a_uri(self, tmp_path: Path) -> None:
        target = tmp_path / "film.mp4"
        land(Destination(target.as_uri(), default_name="7.mp4", overwrite=False), MP4)
        assert target.read_bytes() == MP4

    @pytest.mark.usefixtures("_object_store")
    def test_a_video_lands_in_an_object_store_when_it_is_whole(self) -> None:
        place = Destination("memory://films/film.mp4", default_name="7.mp4", overwrite=False)
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
            Destination(uri, default_name="7.mp4", overwrite=False)

    def test_a_file_that_is_there_is_left_as_it_is(self, tmp_path: Path) -> None:
        target = tmp_path / "film.mp4"
        target.write_bytes(b"old")
        with pytest.raises(PixVerseDestinationError, match=r"exists already.*overwrite=True"):
            destination(target).check_writable()
        assert target.read_bytes() == b"old"
        assert destination(target).existing_size() == 3

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
            Destination("nosuchstore://bucket/film.mp4", default_name="7.mp4", overwrite=False)

    def test_a_store_that_airflow_has_no_provider_for_is_named_before_anything_is_fetched(self) -> None:
        with pytest.raises(PixVerseDestinationError, match="Airflow has no file system for memory://"):
            Destination(
                "memory://conn@films/film.mp4", default_name="7.mp4", overwrite=False
            ).check_writable()

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
        place = Destination("memory://films/broken.mp4", default_name="7.mp4", overwrite=False)
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


def destination(path: Path, *, overwrite: bool = False) -> Destination:
    return Destination(str(path), default_name="7.mp4", overwrite=overwrite)


def land(place: Destination, data: bytes) -> None:
    place.check_writable()
    with place.writing() as part:
        part.write(data)


def land_while(place: Destination, meanwhile: Callable[[], object]) -> None:
    with place.writing() as part:
        part.write(MP4)
        meanwhile()


def broken_off(place: Destination, error: type[BaseException]) -> None:
    with place.writing() as part:
        part.write(MP4)
        raise error
