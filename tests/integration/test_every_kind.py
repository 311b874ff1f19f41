"""Every kind of generation from order to result, and two readings of its rules that must agree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import requests
from airflow.sdk import DAG
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pixverse_provider.api.generations import MaskSelectionRequest
from pixverse_provider.api.media import IMAGE, MEDIA
from pixverse_provider.exceptions import PixVerseInvalidRequestError
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.operators.account import PixVerseBalanceOperator
from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from pixverse_provider.operators.generation import PixVerseGenerationOperator
from pixverse_provider.operators.upload import PixVerseUploadImageOperator, PixVerseUploadMediaOperator
from pixverse_provider.sensors.credit import PixVerseCreditSensor
from pixverse_provider.sensors.video import PixVerseVideoSensor
from pixverse_provider.storage.sources import SourceFile
from tests.support.dags import run_dag
from tests.support.kinds import NAMES, Ids, arguments, operator_class, public_tasks, request_class, smallest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pixverse_provider.emulator.client import EmulatorControl

every_kind = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def ids(emulator: EmulatorControl, presenter: Path, spoken: Path, tmp_path: Path, finished_video: int) -> Ids:
    """A finished video, an uploaded one, an uploaded audio, two images, and a mask of the finished video."""
    images = []
    for colour in ("red", "blue"):
        path = tmp_path / f"{colour}.png"
        Image.new("RGB", (320, 180), colour).save(path)
        with PixVerseHook() as hook:
            images.append(hook.upload_image(SourceFile.check(str(path), IMAGE)).img_id)
    with PixVerseHook() as hook:
        media, audio = (
            hook.upload_media(SourceFile.check(str(path), MEDIA)).media_id for path in (presenter, spoken)
        )
        selection = hook.select_mask(MaskSelectionRequest(source_video_id=finished_video))
        restyle = hook.list_restyle_effects()[0].restyle_id
    return Ids(
        video=finished_video,
        media=media,
        audio=audio,
        images=(images[0], images[1]),
        restyle=restyle,
        mask=selection.masks[0].mask_id,
    )


def submits_of(emulator: EmulatorControl, path: str) -> list[dict[str, Any]]:
    return [dict(record) for record in emulator.ledger()["submits"].values() if record["path"].endswith(path)]


@pytest.mark.usefixtures("airflow_db", "at_once")
@every_kind
def test_a_job_of_every_kind_is_paid_once_and_its_result_is_in_xcom(
    emulator: EmulatorControl, ids: Ids, name: str
) -> None:
    emulator.settings(generation_seconds=0.5)
    given_arguments = smallest(name, ids)
    before = len(submits_of(emulator, request_class(name).path))
    with DAG(f"every_kind_{name}", schedule=None) as dag:
        operator_class(name)(task_id="make", deferrable=True, poll_interval=1.0, **given_arguments)

    run = run_dag(dag)

    assert run.state == "success"
    submitted = submits_of(emulator, request_class(name).path)[before:]
    assert len(submitted) == 1
    key = "image" if name == "ImageTemplate" else "video"
    result = run.xcom("make", key)
    assert str(result[f"{key}_id"]) == str(run.xcom("make"))
    assert result["status"] == 1
    assert result["credits"] == submitted[0]["charged"] > 0
    assert "http" not in json.dumps(result)
    estimate = request_class(name)(**given_arguments).estimated_credits()
    assert estimate in (None, submitted[0]["charged"])


@pytest.mark.usefixtures("airflow_db", "at_once")
@pytest.mark.parametrize("deferrable", [False, True], ids=["in the worker", "deferred"])
def test_nothing_at_all_is_pushed_where_it_is_not_wanted(
    emulator: EmulatorControl, ids: Ids, presenter: Path, tmp_path: Path, *, deferrable: bool
) -> None:
    # Longer than the poll after the submit, so that the wait ends what it says.
    emulator.settings(generation_seconds=0.3, render="placeholder", concurrency=100)
    waiting: dict[str, Any] = {"deferrable": deferrable}
    with DAG(
        f"no_xcoms_{deferrable}", schedule=None, default_args={"do_xcom_push": False, "poll_interval": 1.0}
    ) as dag:
        for name in NAMES:
            operator_class(name)(task_id=name, **waiting, **smallest(name, ids))
        PixVerseUploadMediaOperator(task_id="media", source=[str(presenter)])
        PixVerseUploadImageOperator(task_id="image", source=str(tmp_path / "red.png"))
        PixVerseDownloadVideoOperator(task_id="land", video_id=[ids.video], destination=f"{tmp_path}/")
        PixVerseVideoSensor(task_id="video", video_id=[ids.video], **waiting)
        PixVerseCreditSensor(task_id="credits", min_credits=1, **waiting)
        PixVerseBalanceOperator(task_id="balance")
    assert {type(task) for task in dag.tasks} == {*public_tasks().values()} - {PixVerseGenerationOperator}

    run = run_dag(dag)

    assert run.states() == dict.fromkeys(dag.task_ids, "success")
    assert run.pushed() == set()


@pytest.mark.usefixtures("airflow_db", "at_once")
def test_credits_are_waited_for_and_told(emulator: EmulatorControl) -> None:
    emulator.settings(credits=120)
    with DAG("credits", schedule=None) as dag:
        PixVerseCreditSensor(task_id="enough", min_credits="{{ 120 }}", deferrable=True)
        PixVerseBalanceOperator(task_id="balance")

    run = run_dag(dag)

    assert run.xcom("enough") == run.xcom("balance") == 120
    assert run.xcom("balance", "credit_monthly") + run.xcom("balance", "credit_package") == 120


@pytest.fixture
def send(emulator: EmulatorControl, ids: Ids) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """Send a body as it is, without the provider."""
    # What the ids stand for is done by now; what is submitted from here on is never rendered.
    emulator.settings(generation_seconds=36_000, concurrency=100_000, credits=1_000_000)
    session = requests.Session()

    def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = session.post(
            emulator.api_url + path,
            headers={"API-KEY": emulator.api_key, "Ai-Trace-Id": str(uuid4())},
            json=body,
            timeout=30,
        )
        envelope: dict[str, Any] = answer.json()
        return envelope

    return post


@every_kind
@settings(
    # One in 2.5 of the usual number, since each is a request; `make fuzz` raises both.
    max_examples=settings().max_examples * 2 // 5,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_what_validation_lets_through_is_accepted_and_what_it_refuses_is_refused(
    ids: Ids,
    send: Callable[[str, dict[str, Any]], dict[str, Any]],
    name: str,
    data: st.DataObject,
) -> None:
    given_arguments = data.draw(arguments(name, ids))
    kind = request_class(name)
    try:
        request = kind(**given_arguments)
    except PixVerseInvalidRequestError as error:
        answer = send(kind.path, given_arguments)
        assert answer["ErrCode"] != 0, f"refused here alone: {error}"  # noqa: PT017 - either will do
        return
    answer = send(kind.path, request.payload())
    assert answer["ErrCode"] == 0, f"accepted here alone: {answer}"
    if request.estimated_credits() is not None:
        assert answer["Resp"]["credits"] == request.estimated_credits()
