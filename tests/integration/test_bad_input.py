"""Bad input: one clear sentence that names the field and the fix, and no credit spent."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.exceptions import AirflowFailException
from airflow.sdk import DAG, task

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
from tests.support.dags import connection_json, run_dag
from tests.support.ledger import charged, submits
from tests.support.tasks import TaskRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import BaseOperator

    from pixverse_provider.emulator.client import EmulatorControl
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
            "timeout.*number from 0.1 to 86400.*soon",
        ),
    ],
    ids=["empty key", "blank key", "http to a foreign host", "no http", "user in URL", "timeout"],
)
def test_a_connection_that_cannot_be_used_fails_at_once_and_says_what_to_fix(
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
        ({"video_media_id": 1}, "audio_media_id or lip_sync_tts_content with lip_sync_tts_speaker_id"),
    ],
    ids=["no video", "no speech"],
)
def test_what_no_template_can_fix_fails_when_the_dag_is_parsed(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match=says) as caught:
        lip_sync(**arguments)
    one_sentence(caught.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"video_media_id": "", "audio_media_id": 2}, "needs a video.*source_video_id.*video_media_id"),
        (
            {"video_media_id": 1, "source_video_id": 3, "audio_media_id": 2},
            "source_video_id=3 and video_media_id=1 exclude each other",
        ),
        ({"video_media_id": 1, "audio_media_id": ""}, "needs speech: give audio_media_id"),
        (
            {"video_media_id": 1, "audio_media_id": 2, "lip_sync_tts_content": "hi"},
            "audio_media_id=2 and lip_sync_tts_content='hi' exclude each other",
        ),
        (
            {"video_media_id": 1, "lip_sync_tts_content": "hi", "lip_sync_tts_speaker_id": ""},
            "lip_sync_tts_content with lip_sync_tts_speaker_id, not lip_sync_tts_content alone",
        ),
        (
            {"video_media_id": 1, "lip_sync_tts_content": "", "lip_sync_tts_speaker_id": "7"},
            "lip_sync_tts_content with lip_sync_tts_speaker_id, not lip_sync_tts_speaker_id alone",
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
        (lambda _: "None", "source is the text 'None': its template found no value"),
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
        (existing, r"there\.mp4' exists already, and it is not .*overwrite=True"),
        (below_a_file, "cannot be written: "),
        (lambda _: "", "destination is ''"),
        (lambda _: "None", "destination is the text 'None'"),
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


NO_SWITCHES = ["False", "True", "{{ params.overwrite }}", "", 0, 1, None, []]


@pytest.mark.parametrize("overwrite", NO_SWITCHES, ids=repr)
def test_a_file_is_replaced_for_true_alone(tmp_path: Path, overwrite: Any) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match="overwrite must be True or False, not ") as caught:
        PixVerseDownloadVideoOperator(
            task_id="land", video_id=7, destination=f"{tmp_path}/", overwrite=overwrite
        )
    assert repr(overwrite) in one_sentence(caught.value)


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize("how", ["partial", "expand", "expand_kwargs", "XCom"])
def test_nor_is_it_where_the_task_is_mapped(finished_video: int, tmp_path: Path, how: str) -> None:
    place = existing(tmp_path)
    with DAG(f"mapped_overwrite_{how}", schedule=None) as dag:

        @task
        def texts() -> list[str]:
            return ["False"]

        fixed: dict[str, Any] = {"task_id": "land", "destination": place}
        land = PixVerseDownloadVideoOperator.partial
        if how == "partial":
            land(**fixed, overwrite="False").expand(video_id=[finished_video])
        elif how == "expand":
            land(**fixed, video_id=finished_video).expand(overwrite=["False"])
        elif how == "expand_kwargs":
            land(**fixed).expand_kwargs([{"overwrite": "False", "video_id": finished_video}])
        else:
            land(**fixed, video_id=finished_video).expand(overwrite=texts())

    run = run_dag(dag)

    assert run.states()["land"] == "failed"
    assert Path(place).read_bytes() == b"an older film"


@pytest.mark.usefixtures("airflow_db")
def test_it_is_where_each_of_a_mapped_task_says_true(finished_video: int, tmp_path: Path) -> None:
    place = existing(tmp_path)
    with DAG("mapped_overwrite_true", schedule=None) as dag:
        PixVerseDownloadVideoOperator.partial(
            task_id="land", destination=place, video_id=finished_video
        ).expand(overwrite=[True])
    assert run_dag(dag).state == "success"
    assert Path(place).read_bytes() != b"an older film"


NO_LIMITS = ["many", "", " ", "None", "-1", -1, math.nan, "nan", "inf", True, "True", [25], b"25", 10**400]


@pytest.mark.parametrize("limit", NO_LIMITS, ids=lambda limit: str(limit)[:20])
def test_a_limit_that_is_no_number_fails_before_any_call(emulator: EmulatorControl, limit: Any) -> None:
    speech = {"lip_sync_tts_speaker_id": "auto", "lip_sync_tts_content": "x"}
    operator = lip_sync(video_media_id=1, max_credits=limit, pixverse_conn_id="no_such_connection", **speech)
    with pytest.raises(PixVerseInvalidRequestError, match="max_credits") as caught:
        TaskRun(operator).attempt()
    one_sentence(caught.value)
    assert emulator.requests() == []


@pytest.mark.usefixtures("airflow_db", "at_once")
@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
@pytest.mark.parametrize(("limit", "state"), [("4", "success"), ("3", "failed"), ("many", "failed")])
def test_a_limit_may_be_a_template(
    emulator: EmulatorControl, finished_video: int, limit: str, state: str, *, native: bool
) -> None:
    dag_id = f"limit_{limit}_{native}"
    before = charged(emulator)
    with DAG(dag_id, schedule=None, params={"limit": limit}, render_template_as_native_obj=native) as dag:
        lip_sync(
            source_video_id=finished_video,
            lip_sync_tts_speaker_id="auto",
            lip_sync_tts_content="x",
            max_credits="{{ params.limit }}",
        )
    run = run_dag(dag)
    assert run.state == state
    assert charged(emulator) - before == (4 if state == "success" else 0)


@pytest.mark.usefixtures("airflow_db", "at_once")
def test_a_limit_may_come_from_another_task_and_be_mapped(
    emulator: EmulatorControl, finished_video: int
) -> None:
    speech = {"lip_sync_tts_speaker_id": "auto", "lip_sync_tts_content": "x"}
    before = charged(emulator)
    with DAG("limit_of_a_task", schedule=None) as dag:

        @task
        def limits() -> list[Any]:
            return [3, "3", 4, "4.0"]

        PixVerseLipSyncOperator.partial(
            **LIP_SYNC, source_video_id=finished_video, wait_for_completion=False, **speech
        ).expand(max_credits=limits())
    run_dag(dag)
    assert charged(emulator) - before == 2 * 4
