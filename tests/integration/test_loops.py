"""A task in a loop (Airflow 3.4): every iteration has a job of its own, and a retry within one finds it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import airflow.sdk
import pytest

from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from tests.support.dags import run_dag
from tests.support.ledger import paid_jobs, submits

if TYPE_CHECKING:
    from airflow.sdk import Context

    from pixverse_provider.api.ids import Id
    from pixverse_provider.emulator.client import EmulatorControl

pytestmark = [
    pytest.mark.skipif(not hasattr(airflow.sdk, "LoopDecision"), reason="needs the loops of Airflow 3.4"),
    pytest.mark.usefixtures("airflow_db", "at_once"),
]


class FailsOnceLipSyncOperator(PixVerseLipSyncOperator):
    """A lip sync whose first try in each iteration ends after its job is submitted."""

    def execute(self, context: Context) -> Id:
        video_id = super().execute(context)
        if context["ti"].try_number == 1:
            raise ConnectionError("the worker is lost")
        return video_id


def loop_of(operator: type[PixVerseLipSyncOperator], dag_id: str, source_video: int) -> Any:
    from airflow.sdk import DAG, task_group

    with DAG(dag_id, schedule=None) as dag:

        @task_group
        def takes() -> None:
            operator(
                task_id="take",
                source_video_id=source_video,
                lip_sync_tts_speaker_id="auto",
                lip_sync_tts_content="The same words each time.",
                deferrable=False,
                retries=1,
                retry_delay=timedelta(0),
            )

        # Typed by Airflow 3.4 only.
        cast("Any", takes).loop(max_iterations=3)
    return dag


def test_three_iterations_with_the_same_input_make_three_jobs(
    emulator: EmulatorControl, finished_video: int
) -> None:
    run = run_dag(loop_of(PixVerseLipSyncOperator, "three_takes", finished_video))

    assert run.state == "success"
    assert paid_jobs(emulator) == 3
    assert len({submit["video_id"] for submit in submits(emulator)}) == 3


def test_a_retry_within_an_iteration_makes_no_second_job(
    emulator: EmulatorControl, finished_video: int
) -> None:
    run = run_dag(loop_of(FailsOnceLipSyncOperator, "three_takes_and_retries", finished_video))

    assert run.state == "success"
    assert paid_jobs(emulator) == 3
