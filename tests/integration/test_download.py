"""Landing a video: whole or not at all, whatever the media host does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import tenacity

from pixverse_provider.exceptions import (
    PixVerseDestinationError,
    PixVerseDownloadError,
    PixVerseInvalidRequestError,
)
from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from tests.support.mp4 import mp4
from tests.support.tasks import TaskRun
from tests.support.video import streams_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pixverse_provider.emulator.client import EmulatorControl
    from tests.support.stores import S3Store


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the download repeat without its pauses."""
    monkeypatch.setattr("pixverse_provider.api.download.wait_as_asked", tenacity.wait_none)


def download(video_id: int, destination: Path | str, **arguments: Any) -> TaskRun:
    return TaskRun(
        PixVerseDownloadVideoOperator(
            task_id="download", video_id=video_id, destination=str(destination), **arguments
        )
    )


@pytest.mark.parametrize(
    "fault",
    [
        {"what": "truncated"},
        {"what": "wrong_length"},
        {"what": "expired"},
        {"what": "drop_before_accept"},
        {"what": "http_status", "status": 503},
        {"what": "too_many_requests"},
    ],
    ids=lambda fault: fault["what"],
)
def test_what_the_media_host_does_once_is_made_good(
    emulator: EmulatorControl, finished_video: int, tmp_path: Path, fault: dict[str, Any]
) -> None:
    emulator.fault(on="media", **fault)
    destination = tmp_path / "video.mp4"

    assert download(finished_video, destination).attempt() == str(destination)

    assert "video" in streams_of(destination)
    assert destination.stat().st_size == emulator.job(finished_video)["size"]
    assert [path.name for path in tmp_path.iterdir()] == ["video.mp4"]


@pytest.mark.parametrize("what", ["truncated", "wrong_length", "expired"])
def test_what_it_does_for_ever_leaves_nothing_behind_and_a_retry_helps(
    emulator: EmulatorControl, finished_video: int, tmp_path: Path, what: str
) -> None:
    emulator.fault(on="media", what=what, times=None)
    task = download(finished_video, tmp_path / "video.mp4")

    with pytest.raises(PixVerseDownloadError, match="a retry downloads it again") as caught:
        task.attempt()

    assert list(tmp_path.iterdir()) == []
    assert str(finished_video) in str(caught.value)
    assert "signature" not in str(caught.value)
    assert "http" not in str(caught.value).replace("HTTP", "")
    emulator.clear_faults()
    task.retry()
    assert "video" in streams_of(tmp_path / "video.mp4")


def test_the_url_is_read_again_so_that_an_old_one_does_no_harm(
    emulator: EmulatorControl, finished_video: int, tmp_path: Path
) -> None:
    emulator.settings(media_lifetime=60.0)
    emulator.advance(3600)
    download(finished_video, tmp_path / "video.mp4").attempt()
    assert "video" in streams_of(tmp_path / "video.mp4")


def test_the_key_is_never_sent_to_the_media_host(
    emulator: EmulatorControl, finished_video: int, tmp_path: Path
) -> None:
    download(finished_video, tmp_path / "video.mp4").attempt()
    assert emulator.requests("media")
    assert emulator.incidents() == []


def test_a_retry_after_the_video_has_landed_knows_it_by_its_bytes(
    emulator: EmulatorControl, finished_video: int, tmp_path: Path
) -> None:
    task = download(finished_video, tmp_path / "video.mp4")
    task.attempt()
    before = (tmp_path / "video.mp4").stat()
    fetched = len(emulator.requests("media"))
    assert task.retry() == str(tmp_path / "video.mp4")
    assert len(emulator.requests("media")) == fetched + 1
    assert (tmp_path / "video.mp4").stat() == before


def test_in_a_store_that_keeps_a_record_it_fetches_nothing(
    emulator: EmulatorControl, finished_video: int, s3_store: S3Store
) -> None:
    task = download(finished_video, s3_store.uri("video.mp4"))
    task.attempt()
    fetched = len(emulator.requests("media"))
    assert task.retry() == s3_store.uri("video.mp4")
    assert len(emulator.requests("media")) == fetched
    assert s3_store.content_type("video.mp4") == "video/mp4"


@pytest.mark.parametrize("store", ["disk", "s3", "sftp"])
def test_another_video_of_that_name_and_length_is_not_taken_for_it(
    emulator: EmulatorControl,
    finished_video: int,
    store: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    other = mp4(emulator.job(finished_video)["size"])
    if store == "disk":
        place = str(tmp_path / "nightly.mp4")
        (tmp_path / "nightly.mp4").write_bytes(other)
    else:
        place = request.getfixturevalue(f"{store}_store").put("nightly.mp4", other)

    with pytest.raises(PixVerseDestinationError, match="exists already") as caught:
        download(finished_video, place).attempt()

    assert caught.value.video_id == finished_video
    assert f"not PixVerse video {finished_video}" in str(caught.value)
    task = download(finished_video, place, overwrite=True)
    assert task.attempt() == place
    # The old file is gone, and the new one is known.
    assert download(finished_video, place).attempt() == place


def test_one_of_another_length_is_refused_before_anything_is_fetched(
    emulator: EmulatorControl, finished_video: int, tmp_path: Path
) -> None:
    (tmp_path / "nightly.mp4").write_bytes(mp4(100))
    with pytest.raises(PixVerseDestinationError, match="exists already"):
        download(finished_video, tmp_path / "nightly.mp4").attempt()
    assert emulator.requests("media") == []


def test_a_place_that_cannot_be_written_is_named_before_pixverse_is_asked(
    emulator: EmulatorControl, finished_video: int, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    asked = len(emulator.requests())
    with pytest.raises(PixVerseDestinationError, match="cannot be written") as caught:
        download(finished_video, tmp_path / "file" / "video.mp4").attempt()
    assert caught.value.video_id == finished_video
    assert len(emulator.requests()) == asked


def test_overwriting_replaces_the_file_at_once(
    emulator: EmulatorControl, finished_video: int, tmp_path: Path
) -> None:
    destination = tmp_path / "video.mp4"
    destination.write_bytes(b"an older film")
    download(finished_video, destination, overwrite=True).attempt()
    assert "video" in streams_of(destination)


@pytest.mark.parametrize(
    ("words", "says"),
    [("[never]", "is not done yet"), ("[fail]", "failed at PixVerse"), ("[delete]", "was deleted")],
)
def test_a_video_that_is_not_done_is_not_downloaded(
    emulator: EmulatorControl, submit_video: Callable[..., int], tmp_path: Path, words: str, says: str
) -> None:
    video_id = submit_video(words)
    with pytest.raises(PixVerseInvalidRequestError, match=f"{video_id} {says}"):
        download(video_id, tmp_path / "video.mp4").attempt()
    assert list(tmp_path.iterdir()) == []
