"""Bad input: one clear sentence that names the field and the way out, and no credit spent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from airflow.exceptions import AirflowFailException

from pixverse_provider.exceptions import (
    PixVerseAuthenticationError,
    PixVerseConfigurationError,
    PixVerseConnectionNotFoundError,
    PixVerseDestinationError,
    PixVerseError,
    PixVerseInvalidRequestError,
    PixVerseSourceError,
)
from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from pixverse_provider.operators.upload import PixVerseUploadImageOperator, PixVerseUploadMediaOperator
from tests.support.dags import connection_json
from tests.support.ledger import charged, submits
from tests.support.tasks import TaskRun

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.sdk import BaseOperator

    from pixverse_provider.emulator.handle import EmulatorControl
    from tests.unit.pixverse_in_time import Clock

CONNECTION = "AIRFLOW_CONN_PIXVERSE_DEFAULT"
LIP_SYNC: dict[str, Any] = {"task_id": "lip_sync", "deferrable": False}


def lip_sync(**arguments: Any) -> PixVerseLipSyncOperator:
    return PixVerseLipSyncOperator(**LIP_SYNC, **arguments)


def test_a_price_that_is_not_known_beforehand_is_said_not_to_be_checked(
    emulator: EmulatorControl, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(PixVerseInvalidRequestError):
        TaskRun(lip_sync(video_media_id=1, audio_media_id=2, max_credits=1)).attempt()
    assert "max_credits is not checked" in caplog.text


def good_lip_sync() -> PixVerseLipSyncOperator:
    return lip_sync(video_media_id=1, audio_media_id=2)


def one_sentence(error: BaseException) -> str:
    text = str(error)
    assert "\n" not in text
    assert len(text) < 400
    return text


@pytest.mark.parametrize(
    ("connection", "error", "says"),
    [
        ({"host": "", "api_key": ""}, PixVerseConfigurationError, "API key of .* is empty"),
        ({"host": "", "api_key": " "}, PixVerseConfigurationError, "API key of .* is empty"),
        (
            {"host": "http://pixverse.example", "api_key": "s3cret-key"},
            PixVerseConfigurationError,
            "https://",
        ),
        ({"host": "ftp://pixverse.example", "api_key": "s3cret-key"}, PixVerseConfigurationError, "Base URL"),
        (
            {"host": "https://user:pass@pixverse.example", "api_key": "s3cret-key"},
            PixVerseConfigurationError,
            "Base URL",
        ),
        (
            {"host": "", "api_key": "s3cret-key", "timeout": "soon"},
            PixVerseConfigurationError,
            "timeout.*number above 0.*soon",
        ),
    ],
    ids=["empty key", "blank key", "http to a foreign host", "no http", "user in URL", "timeout"],
)
def test_a_connection_that_cannot_be_used_fails_at_once_and_says_what_to_mend(
    emulator: EmulatorControl,
    monkeypatch: pytest.MonkeyPatch,
    connection: dict[str, str],
    error: type[PixVerseError],
    says: str,
) -> None:
    monkeypatch.setenv(CONNECTION, connection_json(**connection))

    with pytest.raises(error, match=says) as caught:
        TaskRun(good_lip_sync()).attempt()

    assert isinstance(caught.value, AirflowFailException), "a retry would be burnt"
    assert "s3cret-key" not in one_sentence(caught.value)
    assert "pass" not in str(caught.value).replace("password", "")
    assert submits(emulator) == []


def test_a_connection_that_does_not_exist_is_named(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CONNECTION)

    with pytest.raises(PixVerseConnectionNotFoundError, match="'pixverse_default' does not exist") as caught:
        TaskRun(good_lip_sync()).attempt()

    one_sentence(caught.value)
    # Airflow says the same when its secrets backend is away for a moment, and then a retry helps.
    assert not isinstance(caught.value, AirflowFailException)
    assert emulator.requests() == []


def test_a_wrong_key_fails_at_once_and_is_not_shown(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONNECTION, connection_json(host=emulator.api_url, api_key="not-the-right-key"))

    with pytest.raises(PixVerseAuthenticationError, match="API key") as caught:
        TaskRun(good_lip_sync()).attempt()

    assert isinstance(caught.value, AirflowFailException)
    assert "not-the-right-key" not in one_sentence(caught.value)
    assert charged(emulator) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "source_video_id or video_media_id"),
        ({"video_media_id": 1}, "audio_media_id, or lip_sync_tts_content"),
    ],
    ids=["no video", "no speech"],
)
def test_what_no_template_can_mend_fails_when_the_dag_is_parsed(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match=says) as caught:
        lip_sync(**arguments)
    one_sentence(caught.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"video_media_id": "", "audio_media_id": 2}, "needs a video.*source_video_id.*video_media_id"),
        ({"video_media_id": 1, "source_video_id": 3, "audio_media_id": 2}, "both source_video_id=3 and"),
        ({"video_media_id": 1, "audio_media_id": ""}, "needs speech: give audio_media_id"),
        (
            {"video_media_id": 1, "audio_media_id": 2, "lip_sync_tts_content": "hi"},
            "audio_media_id=2 and lip_sync_tts_content",
        ),
        ({"video_media_id": 1, "lip_sync_tts_content": "hi"}, "give lip_sync_tts_speaker_id"),
        (
            {"video_media_id": 1, "lip_sync_tts_content": "", "lip_sync_tts_speaker_id": "7"},
            "lip_sync_tts_speaker_id='7' is given without a text",
        ),
        (
            {"video_media_id": 1, "lip_sync_tts_content": "x" * 201, "lip_sync_tts_speaker_id": "auto"},
            "201 characters and at most 200",
        ),
        (
            {"video_media_id": 1, "lip_sync_tts_content": "hi", "lip_sync_tts_speaker_id": "Harper"},
            "lip_sync_tts_speaker_id must be 'auto' or .* not 'Harper'",
        ),
        ({"video_media_id": "None", "audio_media_id": 2}, "video_media_id is the text 'None'"),
        ({"video_media_id": 1.5, "audio_media_id": 2}, "video_media_id must be a PixVerse id.*1.5"),
        ({"video_media_id": 1, "audio_media_id": "abc"}, "audio_media_id must be .* digits .*not 'abc'"),
        ({"video_media_id": 1, "audio_media_id": 2**64}, "audio_media_id must be .*out of range"),
    ],
    ids=[
        "no video",
        "two videos",
        "no audio and no text",
        "both audio and text",
        "text without a voice",
        "voice without a text",
        "201 characters",
        "unknown voice",
        "template without a value",
        "float id",
        "id of letters",
        "id too large",
    ],
)
def test_a_wrong_lip_sync_is_refused_before_any_call(
    emulator: EmulatorControl, arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match=says) as caught:
        TaskRun(lip_sync(**arguments)).attempt()

    one_sentence(caught.value)
    assert emulator.requests() == []


def missing(folder: Path) -> str:
    return str(folder / "missing.mp4")


def empty(folder: Path) -> str:
    path = folder / "empty.mp4"
    path.touch()
    return str(path)


def text_file(folder: Path) -> str:
    path = folder / "notes.txt"
    path.write_text("not a video")
    return str(path)


def mislabelled(folder: Path) -> str:
    path = folder / "notes.mp4"
    path.write_text("this is not a video at all")
    return str(path)


def too_large(folder: Path) -> str:
    path = folder / "long.mp4"
    with path.open("wb") as file:
        file.write(b"\0\0\0\x18ftypisom")
        file.truncate(100_000_001)
    return str(path)


@pytest.mark.parametrize(
    ("make_source", "says"),
    [
        (missing, r"missing\.mp4' does not exist"),
        (empty, r"empty\.mp4' is empty"),
        (str, "is a folder"),
        (text_file, r"notes\.txt' is not .*must end in one of \.mp4"),
        (mislabelled, r"notes\.mp4' does not hold what its name says"),
        (too_large, r"long\.mp4' is too large: 100\.0 MB"),
        (lambda _: "http://media.example/clip.mp4", "plain http:// .* use https://"),
        (lambda _: "", "source is ''"),
        (lambda _: "None", "source is 'None'"),
    ],
    ids=["missing", "empty", "folder", "wrong type", "mislabelled", "too large", "http", "blank", "None"],
)
@pytest.mark.parametrize("operator", [PixVerseUploadMediaOperator])
def test_a_source_that_cannot_be_uploaded_is_refused_before_any_call(
    emulator: EmulatorControl,
    tmp_path: Path,
    operator: type[BaseOperator],
    make_source: Callable[[Path], str],
    says: str,
) -> None:
    task = operator(task_id="upload", source=make_source(tmp_path))

    with pytest.raises(PixVerseSourceError, match=says) as caught:
        TaskRun(task).attempt()

    assert isinstance(caught.value, AirflowFailException)
    one_sentence(caught.value)
    assert emulator.requests() == []


def test_an_audio_is_no_image(emulator: EmulatorControl, presenter: Path) -> None:
    with pytest.raises(PixVerseSourceError, match=r"must end in one of \.png"):
        TaskRun(PixVerseUploadImageOperator(task_id="upload", source=str(presenter))).attempt()
    assert emulator.requests() == []


def existing(folder: Path) -> str:
    path = folder / "there.mp4"
    path.write_bytes(b"an older film")
    return str(path)


def below_a_file(folder: Path) -> str:
    (folder / "file").touch()
    return str(folder / "file" / "video.mp4")


@pytest.mark.parametrize(
    ("make_destination", "says"),
    [
        (existing, r"there\.mp4' exists already: .*overwrite=True"),
        (below_a_file, "cannot be written: "),
        (lambda _: "", "destination is ''"),
        (lambda _: "None", "destination is 'None'"),
    ],
    ids=["exists", "cannot be written", "blank", "None"],
)
def test_a_destination_that_cannot_be_used_is_refused_before_the_download(
    emulator: EmulatorControl,
    finished_video: int,
    tmp_path: Path,
    make_destination: Callable[[Path], str],
    says: str,
) -> None:
    destination = make_destination(tmp_path)
    task = PixVerseDownloadVideoOperator(task_id="download", video_id=finished_video, destination=destination)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    with pytest.raises(PixVerseDestinationError, match=says) as caught:
        TaskRun(task).attempt()

    one_sentence(caught.value)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert not [request for request in emulator.requests() if re.match("/media/", request["path"])]


def test_an_id_that_pixverse_does_not_know_is_named(
    emulator: EmulatorControl, clock: Clock, tmp_path: Path
) -> None:
    task = PixVerseDownloadVideoOperator(task_id="download", video_id=4711, destination=f"{tmp_path}/")
    with pytest.raises(PixVerseInvalidRequestError, match="4711"):
        TaskRun(task).attempt()


def test_a_job_dearer_than_max_credits_is_not_submitted(emulator: EmulatorControl) -> None:
    task = lip_sync(
        video_media_id=1, lip_sync_tts_speaker_id="auto", lip_sync_tts_content="x" * 200, max_credits=55
    )
    with pytest.raises(PixVerseError, match="would cost 56 credits and max_credits is 55") as caught:
        TaskRun(task).attempt()
    assert isinstance(caught.value, AirflowFailException)
    assert emulator.requests() == []
