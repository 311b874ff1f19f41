"""One task for a whole list: all sources up, all videos down, in a process each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import airflow
import pytest
import tenacity
from airflow.sdk import DAG, Asset, ObjectStoragePath, task
from structlog.testing import capture_logs

from pixverse_provider.exceptions import (
    PixVerseAuthenticationError,
    PixVerseDestinationError,
    PixVerseDownloadError,
    PixVerseInvalidRequestError,
    PixVerseSourceError,
)
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from pixverse_provider.operators.upload import PixVerseUploadImageOperator, PixVerseUploadMediaOperator
from pixverse_provider.sensors.video import PixVerseVideoSensor
from tests.support.dags import connection_json, run_dag
from tests.support.tasks import TaskRun
from tests.support.video import streams_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.emulator.client import EmulatorControl
    from tests.support.stores import S3Store


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a download repeat without its pauses."""
    monkeypatch.setattr("pixverse_provider.api.download.wait_as_asked", tenacity.wait_none)


def upload(source: Any) -> TaskRun:
    return TaskRun(PixVerseUploadMediaOperator(task_id="upload", source=source))


def logged_once(task: Any, line: str) -> Any:
    """Run a task, check that it logs the line once, and return its value."""
    with capture_logs() as lines:
        value = TaskRun(task).attempt()
    assert [one["log_level"] for one in lines if line in one["event"]] == ["info"]
    return value


def events_of(asset: Asset) -> list[Any]:
    """Return the extra of every event of an asset."""
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    query = select(AssetEvent.extra).join(AssetModel, AssetModel.id == AssetEvent.asset_id)
    with create_session() as session:
        return [*session.scalars(query.where(AssetModel.name == asset.name))]


def download(video_id: Any, destination: str, **arguments: Any) -> TaskRun:
    return TaskRun(
        PixVerseDownloadVideoOperator(
            task_id="download", video_id=video_id, destination=destination, **arguments
        )
    )


@pytest.mark.usefixtures("airflow_db", "at_once")
def test_from_upload_to_landing_only_the_submits_are_a_task_for_each_video(
    emulator: EmulatorControl, presenter: Path, tmp_path: Path
) -> None:
    with DAG("lists", schedule=None) as dag:
        sources = PixVerseUploadMediaOperator(task_id="upload", source=[str(presenter)] * 2)
        submit = PixVerseLipSyncOperator.partial(
            task_id="submit",
            wait_for_completion=False,
            lip_sync_tts_speaker_id="auto",
            lip_sync_tts_content="Good morning.",
        ).expand(video_media_id=sources.output)
        wait = PixVerseVideoSensor(task_id="wait", video_id=submit.output, deferrable=True)
        PixVerseDownloadVideoOperator(task_id="land", video_id=wait.output, destination=f"{tmp_path}/")

    run = run_dag(dag)

    assert run.state == "success"
    landed = run.xcom("land")
    assert landed == [f"{tmp_path}/{video_id}.mp4" for video_id in run.xcom("wait")]
    assert len(set(landed)) == len(emulator.jobs()) == 2
    assert all("video" in streams_of(tmp_path / name) for name in landed)


@pytest.mark.usefixtures("airflow_db", "at_once")
@pytest.mark.parametrize("words", ["[fail]", "[refuse]"])
def test_the_others_of_a_list_land_although_one_has_failed(
    emulator: EmulatorControl, presenter: Path, tmp_path: Path, words: str
) -> None:
    with DAG(f"lists_{words[1:5]}", schedule=None) as dag:
        sources = PixVerseUploadMediaOperator(task_id="upload", source=str(presenter))
        submit = PixVerseLipSyncOperator.partial(
            task_id="submit",
            wait_for_completion=False,
            lip_sync_tts_speaker_id="auto",
            video_media_id=sources.output,
        ).expand(lip_sync_tts_content=["Good morning.", f"{words} Good morning.", "Good night."])
        wait = PixVerseVideoSensor(task_id="wait", video_id=submit.output, deferrable=True)
        land = PixVerseDownloadVideoOperator(
            task_id="land", video_id=submit.output, destination=f"{tmp_path}/", trigger_rule="all_done"
        )
        wait >> land

    run = run_dag(dag)

    good = {str(job["video_id"]) for job in emulator.jobs() if "[" not in job["text"]}
    assert len(good) == 2
    assert {path.stem for path in tmp_path.iterdir()} == good
    assert run.states()["wait"] in ("failed", "upstream_failed")
    # A submit that was refused has made nothing that could be missing.
    assert run.states()["land"] == ("failed" if words == "[fail]" else "success")


class TestUploads:
    def test_the_ids_come_in_the_order_of_the_sources(
        self, emulator: EmulatorControl, presenter: Path, spoken: Path
    ) -> None:
        video, audio = upload([str(presenter), str(spoken)]).attempt()
        # The emulator takes no audio for a video, nor the other way round.
        lip_sync = PixVerseLipSyncOperator(
            task_id="lip_sync", video_media_id=video, audio_media_id=audio, wait_for_completion=False
        )
        assert int(TaskRun(lip_sync).attempt()) == emulator.jobs()[0]["video_id"]

    @pytest.mark.parametrize("form", [str, Path, ObjectStoragePath])
    def test_a_source_may_be_a_path_of_any_kind(
        self, emulator: EmulatorControl, presenter: Path, form: Any
    ) -> None:
        assert int(upload(form(presenter)).attempt()) > 0
        assert len(upload([form(presenter), str(presenter)]).attempt()) == 2

    @pytest.mark.usefixtures("airflow_db", "at_once")
    @pytest.mark.parametrize("form", [Path, ObjectStoragePath])
    def test_so_it_may_in_a_dag_and_where_the_video_lands(
        self, emulator: EmulatorControl, finished_video: int, presenter: Path, tmp_path: Path, form: Any
    ) -> None:
        film = tmp_path / "film.mp4"
        # Airflow 3.1 resolves a Path while it renders it, and so fails for one that is not there yet.
        as_text = form is Path and airflow.__version__.startswith("3.1.")
        with DAG(f"paths_{form.__name__}", schedule=None) as dag:

            @task
            def source() -> Any:
                return ObjectStoragePath(presenter)

            PixVerseUploadMediaOperator(task_id="given", source=form(presenter))
            PixVerseUploadMediaOperator(task_id="from_a_task", source=[source(), str(presenter)])
            PixVerseDownloadVideoOperator(
                task_id="land", video_id=finished_video, destination=str(film) if as_text else form(film)
            )

        run = run_dag(dag)

        assert run.state == "success"
        assert len({run.xcom("given"), *run.xcom("from_a_task")}) == 3
        assert run.xcom("land").endswith(f"{tmp_path}/film.mp4")
        assert "video" in streams_of(tmp_path / "film.mp4")

    def test_a_list_of_one_is_a_list(self, emulator: EmulatorControl, presenter: Path) -> None:
        assert len(upload([str(presenter)]).attempt()) == 1

    @pytest.mark.parametrize(
        ("bad", "said"),
        [
            ("/no/such/file.mp4", r"source\[1\] '/no/such/file.mp4' does not exist"),
            ("", r"source\[1\] is '': give a path"),
            ("None", r"source\[1\] is the text 'None': its template found no value"),
            ("http://media.example/a.mp4", r"source\[1\] is a plain http:// address"),
            (None, r"source\[1\] is None: give a path"),
            (7, r"source\[1\] is 7: give a path"),
        ],
    )
    def test_nothing_is_sent_where_one_of_them_cannot_be(
        self, emulator: EmulatorControl, presenter: Path, bad: Any, said: str
    ) -> None:
        with pytest.raises(PixVerseSourceError, match=f"^{said}"):
            upload([str(presenter), bad]).attempt()
        assert emulator.requests() == []


class TestDownloads:
    @pytest.mark.parametrize("as_text", [False, True], ids=["list", "JSON text"])
    def test_each_lands_under_its_own_name(
        self, submit_video: Callable[..., int], tmp_path: Path, *, as_text: bool
    ) -> None:
        ids = [submit_video(), submit_video()][::-1]

        landed = download(str(ids) if as_text else ids, f"{tmp_path}/").attempt()

        assert landed == [f"{tmp_path}/{video_id}.mp4" for video_id in ids]
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{one}.mp4" for one in ids)

    @pytest.mark.parametrize(
        ("words", "says"), [("[fail]", "failed at PixVerse"), ("[never]", "is not done yet")]
    )
    def test_one_that_cannot_land_holds_up_no_other_and_is_named(
        self, submit_video: Callable[..., int], tmp_path: Path, words: str, says: str
    ) -> None:
        bad, good = submit_video(words), submit_video()

        with pytest.raises(PixVerseInvalidRequestError, match=f"{bad} {says}"):
            download([bad, good], f"{tmp_path}/").attempt()

        assert [path.name for path in tmp_path.iterdir()] == [f"{good}.mp4"]

    def test_a_retry_fetches_what_is_missing_and_compares_what_is_there(
        self,
        emulator: EmulatorControl,
        submit_video: Callable[..., int],
        tmp_path: Path,
    ) -> None:
        ids = [submit_video(), submit_video()]
        # As often as one video is tried.
        emulator.fault(on="media", what="truncated", times=4)
        task = download(ids, f"{tmp_path}/")
        with pytest.raises(PixVerseDownloadError, match=str(ids[0])):
            task.attempt()
        fetched = len(emulator.requests("media"))

        assert task.retry() == [f"{tmp_path}/{video_id}.mp4" for video_id in ids]

        assert len(emulator.requests("media")) == fetched + 2

    def test_into_a_bucket_that_is_not_there_nothing_is_fetched(
        self, emulator: EmulatorControl, submit_video: Callable[..., int], s3_store: S3Store
    ) -> None:
        ids = [submit_video(), submit_video()]
        asked = len(emulator.requests())
        with pytest.raises(PixVerseDestinationError, match="there is no bucket 'vidoes'") as caught:
            download(ids, "s3://store@vidoes/nightly/").attempt()
        assert caught.value.video_id == ids[0]
        assert len(emulator.requests()) == asked

    def test_a_retry_is_granted_while_it_helps_one_of_them(
        self,
        emulator: EmulatorControl,
        submit_video: Callable[..., int],
        tmp_path: Path,
    ) -> None:
        ids = [submit_video("[fail]"), submit_video()]
        emulator.fault(on="media", what="truncated", times=None)
        with pytest.raises(PixVerseDownloadError, match=str(ids[1])):
            download(ids, f"{tmp_path}/").attempt()

    def test_a_wrong_key_ends_it_at_once(
        self,
        emulator: EmulatorControl,
        submit_video: Callable[..., int],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        ids = [submit_video(), submit_video(), submit_video()]
        before = len(emulator.requests())
        monkeypatch.setenv(
            "AIRFLOW_CONN_PIXVERSE_DEFAULT", connection_json(host=emulator.api_url, api_key="another-key")
        )
        with pytest.raises(PixVerseAuthenticationError):
            download(ids, f"{tmp_path}/").attempt()
        assert len(emulator.requests()) == before + 1

    def test_what_fails_three_times_in_a_row_is_left_to_the_retry(
        self,
        emulator: EmulatorControl,
        submit_video: Callable[..., int],
        tmp_path: Path,
    ) -> None:
        ids = [submit_video() for _ in range(5)]
        emulator.fault(on="media", what="truncated", times=None)
        with pytest.raises(PixVerseDownloadError, match=str(ids[2])):
            download(ids, f"{tmp_path}/").attempt()
        assert len(emulator.requests("media")) == 3 * 4

    def test_a_file_that_bears_its_id_has_landed_even_if_nobody_says_how_long_it_should_be(
        self, finished_video: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read = PixVerseHook.get_video
        monkeypatch.setattr(
            PixVerseHook, "get_video", lambda hook, video_id: replace(read(hook, video_id), size=0)
        )
        task = download([finished_video], f"{tmp_path}/")
        assert task.attempt() == task.retry() == [f"{tmp_path}/{finished_video}.mp4"]

    def test_a_list_needs_a_folder(
        self, emulator: EmulatorControl, finished_video: int, tmp_path: Path
    ) -> None:
        before = len(emulator.requests())
        with pytest.raises(PixVerseDestinationError, match=r"video\.mp4.*let destination end in '/'"):
            download([finished_video], f"{tmp_path}/video.mp4").attempt()
        assert len(emulator.requests()) == before


class TestAnEmptyList:
    """A quiet day is no failure, and nothing is read or asked for it."""

    @pytest.mark.parametrize("make", [PixVerseUploadMediaOperator, PixVerseUploadImageOperator])
    @pytest.mark.parametrize("source", [[], (), "[]", " [ ] "], ids=repr)
    def test_of_sources_uploads_nothing(self, emulator: EmulatorControl, make: Any, source: Any) -> None:
        task = make(task_id="upload", source=source, pixverse_conn_id="no_such_connection")
        assert logged_once(task, "source is an empty list") == []
        assert emulator.requests() == []

    @pytest.mark.parametrize("video_id", [[], (), "[]", " [ ] "], ids=repr)
    def test_of_videos_downloads_nothing(
        self, emulator: EmulatorControl, tmp_path: Path, video_id: Any
    ) -> None:
        task = PixVerseDownloadVideoOperator(
            task_id="land",
            video_id=video_id,
            destination=f"{tmp_path}/",
            pixverse_conn_id="no_such_connection",
        )
        assert logged_once(task, "video_id is an empty list") == []
        assert emulator.requests() == []
        assert [*tmp_path.iterdir()] == []

    @pytest.mark.parametrize("video_id", [[], (), "[]", " [ ] "], ids=repr)
    @pytest.mark.parametrize(
        "mode", [{"mode": "poke"}, {"mode": "reschedule"}, {"deferrable": True}], ids=str
    )
    def test_of_videos_is_not_waited_for(
        self, emulator: EmulatorControl, video_id: Any, mode: dict[str, Any]
    ) -> None:
        task = PixVerseVideoSensor(
            task_id="wait", video_id=video_id, pixverse_conn_id="no_such_connection", **mode
        )
        assert logged_once(task, "video_id is an empty list") == []
        assert emulator.requests() == []

    @pytest.mark.usefixtures("airflow_db", "at_once")
    @pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
    def test_goes_through_a_whole_dag(
        self, emulator: EmulatorControl, tmp_path: Path, *, native: bool
    ) -> None:
        with DAG(f"quiet_day_{native}", schedule=None, render_template_as_native_obj=native) as dag:

            @task
            def sources() -> list[str]:
                return []

            upload = PixVerseUploadMediaOperator(task_id="upload", source=sources())
            submit = PixVerseLipSyncOperator.partial(
                task_id="submit", audio_media_id=1, wait_for_completion=False
            ).expand(video_media_id=upload.output)
            wait = PixVerseVideoSensor(
                task_id="wait", video_id=submit.output, trigger_rule="none_failed", deferrable=True
            )
            land = PixVerseDownloadVideoOperator(
                task_id="land", video_id=wait.output, destination=f"{tmp_path}/", trigger_rule="none_failed"
            )
            land >> PixVerseVideoSensor(task_id="again", video_id="{{ ti.xcom_pull('wait') }}")

        run = run_dag(dag)

        assert run.states() == dict.fromkeys(dag.task_ids, "success") | {"submit": "skipped"}
        assert [run.xcom(name) for name in ("upload", "wait", "land", "again")] == [[]] * 4
        assert emulator.requests() == []

    @pytest.mark.usefixtures("airflow_db", "at_once")
    def test_is_an_ordinary_one_to_the_dags_that_wait_for_the_asset(
        self, emulator: EmulatorControl, tmp_path: Path
    ) -> None:
        films = Asset("films_of_a_quiet_day")
        with DAG("quiet_asset", schedule=None) as dag:
            PixVerseDownloadVideoOperator(
                task_id="land", video_id=[], destination=f"{tmp_path}/", outlets=[films]
            )
        assert run_dag(dag).state == "success"
        assert events_of(films) == [{"videos": []}]
