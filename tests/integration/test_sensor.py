"""The sensor ends alike in all its modes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.exceptions import AirflowFailException, AirflowSensorTimeout, AirflowSkipException
from airflow.sdk import DAG

from pixverse_provider.api.ids import xcom_id
from pixverse_provider.exceptions import PixVerseInvalidRequestError
from pixverse_provider.sensors.video import PixVerseVideoSensor
from tests.support.dags import run_dag
from tests.support.tasks import TaskRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.emulator.client import EmulatorControl

pytestmark = pytest.mark.usefixtures("airflow_db", "at_once")

MODES: dict[str, dict[str, Any]] = {
    "poke": {"mode": "poke", "deferrable": False},
    "reschedule": {"mode": "reschedule", "deferrable": False},
    "deferrable": {"deferrable": True},
}
every_mode = pytest.mark.parametrize("mode", MODES)


def run_sensor(mode: str, name: str, **arguments: Any) -> Any:
    with DAG(f"sensor_{name}_{mode}", schedule=None) as dag:
        PixVerseVideoSensor(
            task_id="wait", **{"poke_interval": 1.0, "timeout": 120.0} | MODES[mode] | arguments
        )
    return run_dag(dag)


@every_mode
def test_a_video_that_gets_done_is_returned(
    emulator: EmulatorControl, submit_video: Callable[..., int], mode: str
) -> None:
    emulator.settings(generation_seconds=1.5)
    video_id = submit_video()

    run = run_sensor(mode, "done", video_id=video_id)

    assert run.state == "success"
    assert run.xcom("wait") == xcom_id(video_id)
    assert run.tries("wait") == 1


@every_mode
def test_a_list_is_returned_in_its_order(
    emulator: EmulatorControl, submit_video: Callable[..., int], mode: str
) -> None:
    ids = [submit_video(), submit_video(), submit_video()][::-1]

    run = run_sensor(mode, "list", video_id=[str(ids[0]), ids[1], ids[2]])

    assert run.xcom("wait") == [xcom_id(video_id) for video_id in ids]


@every_mode
@pytest.mark.parametrize("words", ["[fail]", "[moderate]", "[delete]"])
@pytest.mark.parametrize("soft_fail", [False, True], ids=["hard", "soft"])
def test_a_video_that_can_never_be_done_fails_or_skips_at_once(
    emulator: EmulatorControl, submit_video: Callable[..., int], mode: str, words: str, *, soft_fail: bool
) -> None:
    video_id = submit_video(words)

    run = run_sensor(
        mode,
        f"{words.strip('[]')}_{soft_fail}",
        video_id=video_id,
        soft_fail=soft_fail,
        retries=3,
    )

    assert run.states()["wait"] == ("skipped" if soft_fail else "failed")
    assert run.tries("wait") == 1, "waiting again for a dead job cannot help"


@every_mode
@pytest.mark.parametrize("soft_fail", [False, True], ids=["hard", "soft"])
def test_a_video_that_is_late_times_the_sensor_out(
    emulator: EmulatorControl, submit_video: Callable[..., int], mode: str, *, soft_fail: bool
) -> None:
    emulator.settings(generation_seconds=3600)
    video_id = submit_video()

    run = run_sensor(
        mode, f"late_{soft_fail}", video_id=video_id, soft_fail=soft_fail, timeout=2.0, retries=3
    )

    assert run.states()["wait"] == ("skipped" if soft_fail else "failed")
    assert run.tries("wait") == 1


def test_the_timeout_of_a_deferred_wait_names_the_video_and_the_time(
    emulator: EmulatorControl,
    submit_video: Callable[..., int],
) -> None:
    emulator.settings(generation_seconds=3600)
    video_id = submit_video()
    sensor = PixVerseVideoSensor(task_id="wait", video_id=video_id, deferrable=True)
    event = {
        "results": [
            {
                "outcome": "timeout",
                "video_id": str(video_id),
                "waited": 61.0,
                "video": None,
                "error": None,
                "unknown_statuses": [17],
            }
        ],
        "job": None,
    }

    with pytest.raises(AirflowSensorTimeout, match=f"after 61 s. Not done: PixVerse video {video_id}.*17"):
        sensor.execute_complete(TaskRun(sensor).context, event)


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize(
    ("video_id", "says"),
    [
        ("abc", "digits .*not 'abc'"),
        (["1", ""], r"video_id\[1\] is missing"),
        ("[1,", "list"),
    ],
)
def test_a_wrong_id_is_refused_before_any_call(
    emulator: EmulatorControl, video_id: Any, says: str, *, deferrable: bool
) -> None:
    sensor = PixVerseVideoSensor(task_id="wait", video_id=video_id, deferrable=deferrable)
    with pytest.raises(PixVerseInvalidRequestError, match=says):
        TaskRun(sensor).attempt()
    assert emulator.requests() == []


@pytest.mark.parametrize("deferrable", [False, True])
def test_soft_fail_skips_on_a_first_poll_as_well(
    emulator: EmulatorControl, submit_video: Callable[..., int], *, deferrable: bool
) -> None:
    sensor = PixVerseVideoSensor(
        task_id="wait", video_id=submit_video("[fail]"), deferrable=deferrable, soft_fail=True
    )
    with pytest.raises(AirflowSkipException):
        TaskRun(sensor).attempt()


def test_an_id_that_is_not_readable_yet_is_polled_again(
    emulator: EmulatorControl, submit_video: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    video_id = submit_video()
    emulator.fault(on="result", what="error", err_code=500008, times=2)
    sensor = PixVerseVideoSensor(task_id="wait", video_id=video_id, deferrable=False)
    assert TaskRun(sensor).attempt() == xcom_id(video_id)


def test_an_id_that_is_not_readable_yet_is_left_to_the_triggerer(
    emulator: EmulatorControl, submit_video: Callable[..., int]
) -> None:
    video_id = submit_video()
    emulator.fault(on="result", what="error", err_code=500008)
    sensor = PixVerseVideoSensor(task_id="wait", video_id=video_id, deferrable=True)
    assert TaskRun(sensor).deferral().trigger.video_ids == [str(video_id)]


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_failed_video_is_named(
    emulator: EmulatorControl, submit_video: Callable[..., int], *, deferrable: bool
) -> None:
    video_id = submit_video("[fail]")
    sensor = PixVerseVideoSensor(task_id="wait", video_id=video_id, deferrable=deferrable)
    with pytest.raises(AirflowFailException, match=f"{video_id} failed at PixVerse"):
        TaskRun(sensor).attempt()
