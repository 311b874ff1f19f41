"""The names of mapped task instances, and failures that are one sentence in a log."""

from __future__ import annotations

import inspect
import traceback
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowSensorTimeout,
    AirflowTaskTimeout,
    ObjectStoragePath,
)
from airflow.sdk import DAG, TaskGroup, task_group
from hypothesis import given
from hypothesis import strategies as st
from jinja2.nativetypes import NativeEnvironment
from jinja2.sandbox import SandboxedEnvironment

from pixverse_provider.exceptions import PixVerseError, PixVersePermanentError
from pixverse_provider.operators.account import PixVerseBalanceOperator
from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from pixverse_provider.operators.upload import PixVerseUploadImageOperator
from pixverse_provider.operators.video import PixVerseTextToVideoOperator
from pixverse_provider.sensors.video import PixVerseVideoSensor
from pixverse_provider.tasks import PixVerseTask, fails_plainly
from tests.support.kinds import public_tasks

if TYPE_CHECKING:
    from collections.abc import Callable

VIDEO_ID = 343252978602905
FIXED: dict[str, Any] = {"model": "v5", "duration": 5, "quality": "360p", "aspect_ratio": "16:9"}


def template_of(partial: Any, **mapped: Any) -> Any:
    """Return what the tasks of a mapped operator are named by."""
    return partial.expand(**mapped).partial_kwargs["map_index_template"]


def name_of(operator: Any, template: str | None = None, *, native: bool = False) -> Any:
    """Return what Airflow makes of the template when it renders it for a task instance."""
    environment = NativeEnvironment() if native else SandboxedEnvironment()
    made = environment.from_string(template or operator.map_index_template)
    return made.render(task=operator, ti=SimpleNamespace(map_index=3))


def text_to_video(**changes: Any) -> PixVerseTextToVideoOperator:
    return PixVerseTextToVideoOperator(**{"task_id": "make", "prompt": "a boat"} | FIXED | changes)


class TestANameIsGiven:
    def test_to_the_tasks_of_every_operator_and_sensor(self) -> None:
        for name, task in public_tasks().items():
            assert issubclass(task, PixVerseTask), name
            with DAG(f"mapped_{name}", schedule=None):
                partial = task.partial(task_id="make")
            assert "task.map_index_name(" in partial.kwargs["map_index_template"], name

    def test_by_the_fields_that_are_mapped(self) -> None:
        with DAG("films", schedule=None):
            partial = PixVerseTextToVideoOperator.partial(task_id="make", **FIXED)
            template = template_of(partial, prompt=["a paper boat", "a red balloon"])
        assert "'prompt'" in template
        assert "'model'" not in template
        assert name_of(text_to_video(prompt="a red balloon"), template) == "a red balloon"

    def test_by_what_tells_it_apart_where_only_that_is_mapped(self) -> None:
        with DAG("films", schedule=None):
            partial = PixVerseDownloadVideoOperator.partial(task_id="land", destination="/films/")
            template = template_of(partial, video_id=[VIDEO_ID, VIDEO_ID + 1])
        operator = PixVerseDownloadVideoOperator(task_id="land", video_id=VIDEO_ID, destination="/films/")
        assert name_of(operator, template) == str(VIDEO_ID)

    def test_in_a_mapped_task_group_by_what_its_values_make_different(self) -> None:
        with DAG("films", schedule=None) as dag:

            @task_group
            def film(prompt: Any) -> None:
                PixVerseTextToVideoOperator(task_id="make", prompt=prompt, **FIXED)

            film.expand(prompt=["a paper boat", "a red balloon"])
        operator: Any = dag.get_task("film.make").prepare_for_execution()
        operator.prompt = "a red balloon"
        assert name_of(operator) == "a red balloon"

    def test_to_none_outside_of_a_mapped_task_group_or_where_nothing_that_tells_apart_is_mapped(self) -> None:
        with DAG("films", schedule=None):
            assert text_to_video().map_index_template is None
            partial = PixVerseDownloadVideoOperator.partial(
                task_id="land", video_id=VIDEO_ID, destination="/films/", pixverse_conn_id="pixverse_eu"
            )
            assert template_of(partial, overwrite=[True, False]) is None


class TestTheNameOfTheUserOutranksIt:
    THEIRS = "{{ task.task_id }}"

    @pytest.mark.parametrize("theirs", [THEIRS, None])
    def test_in_partial(self, theirs: str | None) -> None:
        with DAG("films", schedule=None):
            partial = PixVerseTextToVideoOperator.partial(task_id="make", map_index_template=theirs, **FIXED)
        assert partial.kwargs["map_index_template"] == theirs

    @pytest.mark.parametrize("place", ["dag", "task group", "task"])
    @pytest.mark.parametrize("theirs", [THEIRS, None])
    def test_in_default_args(self, theirs: str | None, place: str) -> None:
        defaults: Any = {"default_args": {"map_index_template": theirs}}
        with (
            DAG("films", schedule=None, **(defaults if place == "dag" else {})),
            TaskGroup("group", **(defaults if place == "task group" else {})),
        ):
            more = defaults if place == "task" else {}
            partial = PixVerseTextToVideoOperator.partial(task_id="make", **FIXED, **more)
        assert partial.kwargs["map_index_template"] == theirs

    @pytest.mark.parametrize("place", ["dag", "task"])
    def test_in_a_mapped_task_group(self, place: str) -> None:
        defaults: Any = {"map_index_template": self.THEIRS}
        with DAG("films", schedule=None, default_args=defaults if place == "dag" else {}) as dag:

            @task_group
            def film(prompt: Any) -> None:
                more = defaults if place == "task" else {}
                PixVerseTextToVideoOperator(task_id="make", prompt=prompt, **FIXED, **more)

            film.expand(prompt=["a", "b"])
        assert dag.get_task("film.make").map_index_template == self.THEIRS


class TestANameIs:
    @pytest.mark.parametrize(
        ("field", "value", "name"),
        [
            ("prompt", "a paper boat on a quiet river", "a paper boat on a quiet river"),
            ("prompt", "a paper boat\n\ton a  quiet river", "a paper boat on a quiet river"),
            ("prompt", "a paper boat " * 9, "a paper boat a paper boat a paper boat…"),
            ("prompt", "x" * 90, "x" * 39 + "…"),
            ("prompt", "口" * 90, "口" * 39 + "…"),
            ("prompt", "a\x00b\ud800", "a�b�"),
            ("prompt", VIDEO_ID, str(VIDEO_ID)),
            ("duration", 8, "duration 8"),
            ("duration", "8", "duration 8"),
            ("motion_mode", "fast", "fast"),
            ("generate_audio_switch", True, "generate_audio_switch True"),
            ("seed", 0, "seed 0"),
            ("prompt", None, "3"),
            ("prompt", " \n", "3"),
            ("prompt", [], "3"),
        ],
    )
    def test_what_a_value_says(self, field: str, value: Any, name: str) -> None:
        assert (
            name_of(
                text_to_video(**{field: value}), f"{{{{ task.map_index_name(ti.map_index, '{field}') }}}}"
            )
            == name
        )

    @pytest.mark.parametrize(
        ("source", "name"),
        [
            ("/films/today/presenter.mp4", "presenter.mp4"),
            (Path("/films/today/presenter.mp4"), "presenter.mp4"),
            (ObjectStoragePath("file:///films/presenter.mp4"), "presenter.mp4"),
            ("s3://aws_default@bucket/in/presenter.png", "presenter.png"),
            ("https://cdn.example.com/in/presenter.png?Signature=s3cr3t", "presenter.png"),
            ("https://cdn.example.com/?Signature=s3cr3t", "https://cdn.example.com/"),
            (["/a/1.png", "/a/2.png"], "1.png, 2.png"),
            (["/a/1.png", "/a/2.png", "/a/3.png", "/a/4.png"], "1.png, 2.png, 3.png, …"),
        ],
    )
    def test_the_name_of_a_file_and_never_what_signs_its_address(self, source: Any, name: str) -> None:
        operator = PixVerseUploadImageOperator(task_id="upload", source=source)
        assert operator.map_index_name(3, "source") == name

    def test_of_several_mapped_fields_each_that_is_not_the_default_words_first(self) -> None:
        operator = PixVerseLipSyncOperator(
            task_id="make",
            source_video_id=VIDEO_ID,
            lip_sync_tts_speaker_id="7",
            lip_sync_tts_content="Good morning.",
        )
        fields = ("source_video_id", "lip_sync_tts_speaker_id", "lip_sync_tts_content", "audio_media_id")
        assert (
            operator.map_index_name(3, *fields)
            == (f"Good morning., {VIDEO_ID}, lip_sync_tts_speaker_id 7"[:60])
        )

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda each: st.lists(each, max_size=5) | st.dictionaries(st.text(), each, max_size=3),
        )
    )
    def test_short_printable_and_never_an_error_whatever_is_mapped(self, value: Any) -> None:
        for operator in (text_to_video(prompt=value), PixVerseUploadImageOperator(task_id="u", source=value)):
            for field in ("prompt", "source"):
                name = operator.map_index_name(3, field)
                assert 0 < len(name) <= 60
                assert name.isprintable()

    def test_its_number_where_a_value_cannot_be_shown(self) -> None:
        class Odd:
            def __str__(self) -> str:
                raise RuntimeError("no text")

        assert text_to_video(prompt=Odd()).map_index_name(3, "prompt") == "3"

    def test_a_text_where_the_dag_renders_to_native_objects(self) -> None:
        with DAG("films", schedule=None, render_template_as_native_obj=True):
            operator = PixVerseVideoSensor(task_id="wait", video_id=VIDEO_ID)
        for field, name in (("video_id", str(VIDEO_ID)), ("pixverse_conn_id", "3")):
            operator.pixverse_conn_id = ""
            template = f"{{{{ task.map_index_name(ti.map_index, '{field}') }}}}"
            assert name_of(operator, template, native=True) == name


class Failing(PixVerseTask):
    """Fails some frames below ``execute``."""

    def __init__(self, *, error: Callable[[], BaseException], **kwargs: Any) -> None:
        super().__init__(task_id="fails", **kwargs)
        self.error = error

    @fails_plainly
    def work(self) -> None:
        """Fail."""
        self._deeper()

    def _deeper(self) -> None:
        self._deepest()

    def _deepest(self) -> None:
        raise self.error()


def chained() -> BaseException:
    """Return an error of ours with two causes of others, each with its frames."""

    def cause() -> None:
        try:
            [][0]
        except IndexError as err:
            raise ConnectionError("cannot connect") from err

    outer = PixVerseError("PixVerse cannot be reached: check the network.")
    with pytest.raises(ConnectionError) as caught:
        cause()
    outer.__cause__ = caught.value
    return outer


def raised(error: Callable[[], BaseException]) -> BaseException:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - any kind is tried
        Failing(error=error).work()
    return caught.value


class TestAFailure:
    @pytest.mark.parametrize(
        "error",
        [
            lambda: PixVerseError("the job failed"),
            lambda: PixVersePermanentError("refused"),
            lambda: AirflowSensorTimeout("not in time"),
            lambda: AirflowTaskTimeout("not in time"),
            chained,
        ],
    )
    def test_of_ours_has_at_most_one_frame_of_ours_before_its_sentence(
        self, error: Callable[[], BaseException]
    ) -> None:
        err: BaseException | None = raised(error)
        lines = "".join(traceback.format_exception(err)).splitlines()
        assert lines[-1].endswith(str(err))
        assert sum("pixverse_provider" in line for line in lines if line.startswith("  File")) <= 1
        assert not any("_deep" in line for line in lines)

    def test_keeps_what_it_was_raised_from_in_a_sentence_each(self) -> None:
        text = "".join(traceback.format_exception(raised(chained)))
        assert "cannot connect" in text
        assert "list index out of range" in text
        assert "in cause" not in text

    def test_leaves_out_a_cause_that_says_the_same(self) -> None:
        def again() -> BaseException:
            error = PixVerseError("HTTP 502: try again.")
            error.__cause__ = AirflowException("HTTP 502")
            return error

        assert "".join(traceback.format_exception(raised(again))).count("HTTP 502") == 1

    def test_is_logged_whole_where_somebody_debugs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        said: list[Any] = []
        log = SimpleNamespace(debug=lambda text, **more: said.append((text, more)))
        monkeypatch.setattr(Failing, "log", log)
        raised(lambda: PixVerseError("the job failed"))
        assert said == [("Where it was raised:", {"exc_info": True})]

    def test_of_somebody_else_keeps_every_frame(self) -> None:
        text = "".join(traceback.format_exception(raised(lambda: ZeroDivisionError("a bug"))))
        assert "_deepest" in text

    def test_of_every_method_that_airflow_calls_is_one(self) -> None:
        for name, task in public_tasks().items():
            for method in ("execute", "execute_complete", "execute_after_pause"):
                if hasattr(task, method):
                    source = inspect.unwrap(getattr(task, method))
                    assert "@fails_plainly" in inspect.getsource(source), f"{name}.{method}"


def test_the_common_arguments_of_airflow_still_reach_it() -> None:
    operator = PixVerseBalanceOperator(task_id="balance", retries=4, execution_timeout=timedelta(seconds=9))
    assert (operator.retries, operator.execution_timeout) == (4, timedelta(seconds=9))
