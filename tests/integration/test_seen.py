"""What people see of a run in Airflow: the link, the XCom of the job, the names of squares, and the log."""

from __future__ import annotations

from datetime import timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

import pytest
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.sdk import DAG, task, task_group
from airflow.sdk.bases.xcom import BaseXCom
from airflow.utils.session import create_session
from sqlalchemy import select

from pixverse_provider.api.ids import xcom_id
from pixverse_provider.links import PixVerseVideoLink
from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from pixverse_provider.operators.generation import PixVerseGenerationOperator
from pixverse_provider.operators.upload import PixVerseUploadMediaOperator
from pixverse_provider.operators.video import PixVerseTextToVideoOperator
from pixverse_provider.sensors.video import PixVerseVideoSensor
from tests.support.dags import KEEPS_RECORDS, NAMES_WHILE_WAITING, run_dag
from tests.support.logs import reading

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pixverse_provider.emulator.client import EmulatorControl
    from tests.support.dags import FinishedRun

pytestmark = pytest.mark.usefixtures("airflow_db", "at_once")

LINK_KEY = PixVerseVideoLink().xcom_key
CLIP: dict[str, Any] = {"model": "v5", "duration": 5, "quality": "360p", "aspect_ratio": "16:9"}
in_both_modes = pytest.mark.parametrize("deferrable", [False, True], ids=["in the worker", "deferred"])


def clip(**changes: Any) -> Any:
    arguments: dict[str, Any] = {
        "task_id": "make",
        "prompt": "a paper boat",
        "poll_interval": 1.0,
        "retries": 0,
    }
    return PixVerseTextToVideoOperator(**(arguments | CLIP | changes))


def only_submit(emulator: EmulatorControl) -> dict[str, Any]:
    """Return the one trace id that was submitted, which has made one job."""
    (record,) = emulator.ledger()["submits"].values()
    assert len(emulator.jobs()) == 1
    return dict(record)


def rows_of(model: Any, dag: DAG) -> list[Any]:
    """Return what Airflow's database has of a DAG at this moment."""
    with create_session() as session:
        return [*session.scalars(select(model).where(model.dag_id == dag.dag_id))]


class Waits(list[Any]):
    """What was there when each wait for a job began, which the job then does not outlast."""

    def __init__(self) -> None:
        super().__init__()
        self.look: Callable[[], Any] = lambda: None


@pytest.fixture
def waits(emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> Waits:
    """Let every job run until somebody waits for it, however slow this machine is."""
    emulator.stop_clock()
    emulator.settings(generation_seconds=60.0)
    waits = Waits()

    def looking_before(wait: Callable[..., Any]) -> Callable[..., Any]:
        def look_and_wait(operator: Any, *args: Any) -> Any:
            waits.append(waits.look())
            emulator.finish_all()
            return wait(operator, *args)

        return look_and_wait

    for where in ("_wait_here", "_defer_wait"):
        wait = getattr(PixVerseGenerationOperator, where)
        monkeypatch.setattr(PixVerseGenerationOperator, where, looking_before(wait))
    return waits


def page_of(run: FinishedRun, task_id: str = "make", map_index: int | None = None) -> str:
    run_id = quote(run.dag_run.run_id, safe="")
    mapped = "" if map_index is None else f"/mapped/{map_index}"
    return f"pixverse/dags/{run.dag_run.dag_id}/runs/{run_id}/tasks/{task_id}{mapped}"


class TestAJobThatGoesWell:
    @in_both_modes
    def test_has_its_link_and_its_xcom_before_anybody_waits_for_it(
        self, emulator: EmulatorControl, waits: Waits, *, deferrable: bool
    ) -> None:
        with DAG(f"seen_early_{deferrable}", schedule=None) as dag:
            clip(deferrable=deferrable)
        waits.look = lambda: {row.key: row.value for row in rows_of(XComModel, dag)}

        run = run_dag(dag)

        (early,) = waits
        submit = only_submit(emulator)
        assert early[LINK_KEY] == page_of(run) == run.xcom("make", LINK_KEY)
        expected = {
            "video_id": xcom_id(int(submit["video_id"])),
            "media_type": "video",
            "outcome": "running",
            "message": None,
            "trace_id": submit["trace_id"],
            "credits": 45.0,
            "credits_refunded": None,
            "request": CLIP | {"prompt": "a paper boat"},
            "operation": "PixVerseTextToVideoOperator",
            "ended_at": None,
            "try_number": 1,
        }
        assert {name: early["video"][name] for name in expected} == expected
        video = run.xcom("make", "video")
        assert (video["outcome"], video["status"], video["request"]) == (
            "success",
            1,
            early["video"]["request"],
        )
        assert video["ended_at"] > video["submitted_at"] == early["video"]["submitted_at"]

    @in_both_modes
    def test_has_a_log_that_can_be_followed_without_a_warning(
        self, emulator: EmulatorControl, waits: Waits, tmp_path: Path, presenter: Path, *, deferrable: bool
    ) -> None:
        with DAG(f"seen_log_{deferrable}", schedule=None) as dag:
            made = clip(deferrable=deferrable, max_credits=45)
            upload = PixVerseUploadMediaOperator(task_id="upload", source=str(presenter))
            wait = PixVerseVideoSensor(
                task_id="wait", video_id=made.output, deferrable=deferrable, poke_interval=1.0
            )
            land = PixVerseDownloadVideoOperator(
                task_id="land", video_id=made.output, destination=f"{tmp_path}/"
            )
            upload >> made >> wait >> land

        with reading() as lines:
            run = run_dag(dag)

        assert (run.state, len(waits)) == ("success", 1)
        (job,) = emulator.jobs()
        name = f"PixVerse video {job['video_id']}"
        texts = lines.texts()
        assert [line for line in lines if line.level not in ("INFO", "DEBUG")] == []
        (submitted,) = (text for text in texts if text.startswith("Submitted the"))
        assert submitted.startswith(
            f"Submitted the video from text: {name}, 45 credits charged (45 estimated)"
        )
        assert only_submit(emulator)["trace_id"] in submitted
        (waiting,) = (text for text in texts if text.startswith(f"Waiting for {name} "))
        assert " until 20" in waiting
        assert waiting.endswith(" UTC, polling every 1 s.")
        assert any(text.startswith(f"{name} is done, ") and text.endswith(": 45 credits.") for text in texts)
        assert any(text.startswith(f"{name} is done after ") for text in texts), "the sensor"
        assert any(text.startswith(f"Landed {name} at ") for text in texts)
        for task_id in ("make", "wait", "land"):
            assert run.xcom(task_id, LINK_KEY) == page_of(run, task_id)

    def test_pushes_the_link_and_nothing_else_where_no_xcom_is_wanted(
        self, emulator: EmulatorControl, tmp_path: Path
    ) -> None:
        with DAG("seen_no_xcom", schedule=None, default_args={"do_xcom_push": False}) as dag:
            clip(deferrable=False) >> clip(task_id="again", deferrable=True)

        run = run_dag(dag)

        assert run.state == "success"
        assert run.pushed() == {("make", LINK_KEY), ("again", LINK_KEY)}
        assert run.xcom("again", LINK_KEY) == page_of(run, "again")


class TestAJobThatGoesWrong:
    @in_both_modes
    @pytest.mark.parametrize(
        ("end", "outcome", "refunded"),
        [("fail", "failed", 45.0), ("moderate", "moderated", 45.0), ("delete", "deleted", None)],
    )
    def test_leaves_its_link_its_xcom_and_one_sentence(
        self,
        emulator: EmulatorControl,
        end: str,
        outcome: str,
        refunded: float | None,
        *,
        deferrable: bool,
    ) -> None:
        emulator.settings(generation_seconds=1.0)
        emulator.fault(on="submit", what=end)
        with DAG(f"seen_{outcome}_{deferrable}", schedule=None) as dag:
            clip(deferrable=deferrable)

        with reading() as lines:
            run = run_dag(dag)

        video = run.xcom("make", "video")
        (failure,) = lines.failures()
        assert run.xcom("make", LINK_KEY) == page_of(run)
        assert (video["outcome"], video["credits"], video["credits_refunded"]) == (outcome, 45.0, refunded)
        assert video["message"] == str(failure.error)
        assert str(video["video_id"]) in video["message"]
        assert failure.traceback[-1].endswith(video["message"])
        assert len(failure.own_frames) <= 1
        assert lines.of_provider()[-2].text.startswith(f"PixVerse video {video['video_id']} ")

    @in_both_modes
    def test_that_is_too_slow_is_found_again_by_the_next_try(
        self, emulator: EmulatorControl, *, deferrable: bool
    ) -> None:
        emulator.settings(generation_seconds=3600)
        tries: list[dict[str, Any]] = []

        def note_and_finish(context: Any) -> None:
            tries.append(context["ti"].xcom_pull(task_ids="make", key="video"))
            emulator.finish_all()

        with DAG(f"seen_timeout_{deferrable}", schedule=None) as dag:
            clip(
                deferrable=deferrable,
                timeout=2.0,
                retries=1,
                retry_delay=timedelta(0),
                on_retry_callback=note_and_finish,
            )

        with reading() as lines:
            run = run_dag(dag)

        assert (run.state, run.tries("make"), len(emulator.jobs())) == ("success", 2, 1)
        (first,) = tries
        last = run.xcom("make", "video")
        assert (first["outcome"], first["ended_at"], last["outcome"]) == ("timeout", None, "success")
        assert "the next retry" in first["message"] or "A retry" in first["message"]
        assert first["video_id"] == last["video_id"]
        assert last["try_number"] == (1 if KEEPS_RECORDS else 2), "of the attempt that submitted it"
        assert run.xcom("make", LINK_KEY) == page_of(run)
        (failure,) = lines.failures()
        assert len(failure.own_frames) <= 1

    @in_both_modes
    def test_before_it_is_one_has_no_link_and_logs_no_error_about_that(
        self, emulator: EmulatorControl, *, deferrable: bool
    ) -> None:
        emulator.fault(on="submit", what="refuse")
        with DAG(f"seen_refused_{deferrable}", schedule=None) as dag:
            clip(deferrable=deferrable)

        with reading() as lines:
            run = run_dag(dag)

        assert run.state == "failed"
        assert run.pushed() == {("make", LINK_KEY)}
        assert run.xcom("make", LINK_KEY) == ""
        assert [line.text for line in lines if line.level == "ERROR"] == ["Task failed with exception"]
        assert len(lines.failures()[0].own_frames) <= 1


class TestMappedTasks:
    @in_both_modes
    def test_have_names_links_and_xcoms_of_their_own_whatever_becomes_of_each(
        self, emulator: EmulatorControl, *, deferrable: bool
    ) -> None:
        emulator.settings(generation_seconds=0.5)
        prompts = ["a paper boat on a quiet river", "a red balloon [fail]", "a crowd [moderate]"]
        with DAG(f"seen_mapped_{deferrable}", schedule=None) as dag:
            PixVerseTextToVideoOperator.partial(
                task_id="make", deferrable=deferrable, poll_interval=1.0, retries=0, **CLIP
            ).expand(prompt=prompts)

        run = run_dag(dag)

        assert run.names("make") == prompts
        assert [video["outcome"] for video in run.xcoms("make", "video")] == [
            "success",
            "failed",
            "moderated",
        ]
        assert [video["request"]["prompt"] for video in run.xcoms("make", "video")] == prompts
        assert run.xcoms("make", LINK_KEY) == [page_of(run, map_index=index) for index in range(3)]

    @in_both_modes
    def test_have_their_names_while_they_wait(self, waits: Waits, *, deferrable: bool) -> None:
        with DAG(f"seen_waiting_{deferrable}", schedule=None) as dag:
            PixVerseTextToVideoOperator.partial(
                task_id="make", deferrable=deferrable, poll_interval=1.0, **CLIP
            ).expand(prompt=["a paper boat"])
        waits.look = lambda: [str(ti.rendered_map_index) for ti in rows_of(TaskInstance, dag)]

        run = run_dag(dag)

        assert waits == [["a paper boat"] if NAMES_WHILE_WAITING else ["0"]]
        assert run.names("make") == ["a paper boat"]

    def test_of_every_kind_are_called_by_what_tells_them_apart(
        self, emulator: EmulatorControl, presenter: Path, spoken: Path, tmp_path: Path
    ) -> None:
        @task
        def texts() -> list[str]:
            return ["a paper boat", "a red balloon"]

        @task_group
        def film(text: str) -> None:
            clip(prompt=text, task_id="in_group")

        with DAG("seen_names", schedule=None) as dag:
            PixVerseUploadMediaOperator.partial(task_id="upload").expand(source=[str(presenter), str(spoken)])
            made = PixVerseTextToVideoOperator.partial(task_id="make", **CLIP).expand_kwargs(
                [{"prompt": "a fox", "seed": 7}, {"prompt": "a fox", "seed": 8}]
            )
            PixVerseVideoSensor.partial(task_id="wait").expand(video_id=made.output)
            PixVerseDownloadVideoOperator.partial(task_id="land", destination=f"{tmp_path}/").expand(
                video_id=made.output
            )
            PixVerseTextToVideoOperator.partial(
                task_id="theirs", map_index_template="clip {{ ti.map_index }}", **CLIP
            ).expand(prompt=["a", "b"])
            film.expand(text=texts())

        run = run_dag(dag)

        assert run.state == "success"
        ids = [str(video_id) for video_id in run.xcoms("make")]
        assert run.names("upload") == [presenter.name, spoken.name]
        assert run.names("make") == ["a fox, seed 7", "a fox, seed 8"]
        assert run.names("wait") == run.names("land") == ids
        assert run.names("theirs") == ["clip 0", "clip 1"]
        assert run.names("film.in_group") == ["a paper boat", "a red balloon"]

    @pytest.mark.parametrize("native", [False, True], ids=["texts", "native objects"])
    def test_whose_values_say_nothing_keep_their_numbers_and_succeed(
        self, emulator: EmulatorControl, *, native: bool
    ) -> None:
        with DAG(f"seen_numbers_{native}", schedule=None, render_template_as_native_obj=native) as dag:
            PixVerseTextToVideoOperator.partial(task_id="make", prompt="a fox", **CLIP).expand(
                negative_prompt=[None, "blur"]
            )
            PixVerseTextToVideoOperator.partial(task_id="seeds", prompt="a fox", **CLIP).expand(seed=[7, 8])

        run = run_dag(dag)

        assert run.state == "success"
        assert run.names("make") == ["0", "blur"]
        assert run.names("seeds") == ["seed 7", "seed 8"]


class TestADownload:
    def test_says_where_each_video_has_landed_also_where_one_of_a_list_has_not(
        self, emulator: EmulatorControl, submit_video: Callable[..., int], tmp_path: Path
    ) -> None:
        good, deleted = submit_video(), submit_video("[delete]")
        with DAG("seen_landed", schedule=None) as dag:
            for task_id, video_id in (("one", good), ("list", [good]), ("partly", [good, deleted])):
                PixVerseDownloadVideoOperator(
                    task_id=task_id, video_id=video_id, destination=f"{tmp_path}/{task_id}/", retries=0
                )

        run = run_dag(dag)

        assert run.states() == {"one": "success", "list": "success", "partly": "failed"}
        for task_id in ("one", "list", "partly"):
            ((file,),) = run.xcoms(task_id, "landed")
            landed = tmp_path / task_id / f"{good}.mp4"
            assert file == {"video_id": str(good), "uri": str(landed), "size": landed.stat().st_size}
            assert run.xcom(task_id, LINK_KEY) == page_of(run, task_id)
        assert PurePath(run.xcom("one")).name == f"{good}.mp4"

    def test_that_lands_nothing_says_nothing(
        self, emulator: EmulatorControl, submit_video: Callable[..., int], tmp_path: Path
    ) -> None:
        deleted = submit_video("[delete]")
        with DAG("seen_nothing_landed", schedule=None) as dag:
            PixVerseDownloadVideoOperator(
                task_id="land", video_id=deleted, destination=f"{tmp_path}/", retries=0
            )

        with reading() as lines:
            run = run_dag(dag)

        assert run.pushed() == {("land", LINK_KEY)}
        assert run.xcom("land", LINK_KEY) == page_of(run, "land")
        assert len(lines.failures()[0].own_frames) <= 1


class TestAnXComBackendThatFails:
    @in_both_modes
    def test_right_after_the_submit_changes_nothing_about_the_job(
        self, emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, *, deferrable: bool
    ) -> None:
        emulator.settings(generation_seconds=1.0)
        serialize = BaseXCom.serialize_value

        def fail(value: Any, **more: Any) -> Any:
            if isinstance(value, dict) or str(value).startswith("pixverse/"):
                raise_backend_error()
            return serialize(value, **more)

        monkeypatch.setattr(BaseXCom, "serialize_value", staticmethod(fail))
        with DAG(f"seen_backend_{deferrable}", schedule=None) as dag:
            clip(deferrable=deferrable, retries=1, retry_delay=timedelta(0))

        with reading() as lines:
            run = run_dag(dag)

        assert (run.state, run.tries("make"), len(emulator.jobs())) == ("success", 1, 1)
        assert run.xcom("make") == xcom_id(int(emulator.jobs()[0]["video_id"]))
        assert run.xcom("make", "video") is None
        assert run.xcom("make", LINK_KEY) == page_of(run), "Airflow pushes it again, past the backend"
        assert any("could not be pushed; the task goes on without it" in text for text in lines.texts())


def raise_backend_error() -> NoReturn:
    message = "the bucket of the XComs is away"
    raise ConnectionError(message)
