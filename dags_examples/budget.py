"""Stop before the money is gone: make a video only while the balance is above a floor.

`balance` reads the credits, `enough` skips the video below the floor, `max_credits` bounds what it may cost.
Use `PixVerseCreditSensor` instead of `enough` to wait until somebody has topped up.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, task

from pixverse_provider.operators.account import PixVerseBalanceOperator
from pixverse_provider.operators.video import PixVerseTextToVideoOperator

with DAG(
    dag_id="pixverse_budget",
    schedule=None,
    doc_md=__doc__,
    tags=["pixverse", "example"],
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    params={
        "floor": Param(500, type="integer", minimum=0, description="Credits that must be left"),
        "prompt": Param("A lighthouse in the fog", type="string"),
    },
):
    balance = PixVerseBalanceOperator(task_id="balance")

    @task.short_circuit
    def enough(total: Any, params: dict[str, int] | None = None) -> bool:
        """Go on only above the floor."""
        return bool(total > (params or {})["floor"])

    video = PixVerseTextToVideoOperator(
        task_id="video",
        prompt="{{ params.prompt }}",
        model="v5",
        duration=5,
        quality="360p",
        aspect_ratio="16:9",
        max_credits=100,
        deferrable=True,
    )

    enough(balance.output) >> video
