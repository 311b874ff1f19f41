"""Files of the user that are uploaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath

from pixverse_provider.api.media import IMAGE, MEDIA
from pixverse_provider.exceptions import PixVerseSourceError
from pixverse_provider.storage.sources import SourceFile
from tests.unit.storage.privileges import without_privileges

if TYPE_CHECKING:
    from pathlib import Path

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


def refused(source: str) -> str:
    with pytest.raises(PixVerseSourceError) as caught:
        SourceFile.check(source, MEDIA)
    return str(caught.value)
