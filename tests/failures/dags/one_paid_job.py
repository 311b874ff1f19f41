"""DAGs whose lip sync dies, once, at a point that the run names."""

from __future__ import annotations

import os
import signal
import sys
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Param

from pixverse_provider.jobs.record import JobStore
from pixverse_provider.operators.generation import PixVerseGenerationOperator
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from pixverse_provider.api.ids import Id

SECONDS_INTO_A_HANGING_SUBMIT = 1.5
FASTER_THAN_USERS_MAY_POLL = 0.2


def die(*_: Any, **__: Any) -> None:
    """Do what the kernel's memory killer does."""
    os.kill(os.getpid(), signal.SIGKILL)


class MortalLipSyncOperator(PixVerseLipSyncOperator):
    """A lip sync that is killed on its first try, at the point that the parameter ``die`` names."""

    def execute(self, context: Context) -> Id:
        if context["ti"].try_number == 1:
            self._arm(context["params"]["die"])
        return super().execute(context)

    def _arm(self, point: str) -> None:
        if point == "before the answer":
            threading.Timer(SECONDS_INTO_A_HANGING_SUBMIT, die).start()
        elif point == "before the id is stored":
            JobStore.save = die  # type: ignore[method-assign]
        elif point == "before it defers":
            self._defer_wait = die  # type: ignore[method-assign]


class ImpatientLipSyncOperator(PixVerseLipSyncOperator):
    """A lip sync whose wait backs off in a tenth of the time, so that many errors fit into a test."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.poll_interval = FASTER_THAN_USERS_MAY_POLL


class RacingLipSyncOperator(PixVerseLipSyncOperator):
    """A lip sync whose trigger polls at once, so that it may fire before the executor has reported."""

    def _defer_wait(self, *arguments: Any) -> None:
        operator_module = sys.modules[PixVerseGenerationOperator.__module__]
        vars(operator_module)["FIRST_POLL_OF_A_TRIGGER"] = 0.0
        super()._defer_wait(*arguments)


def paid_lip_sync(
    dag_id: str, operator: type[PixVerseLipSyncOperator], text: str = "{{ params.text }}", **arguments: Any
) -> None:
    """Make a DAG of one lip sync that waits deferred."""
    params = {name: Param("", type="string") for name in ("source_video_id", "text", "die")}
    common: dict[str, Any] = {
        "task_id": "lip_sync",
        "source_video_id": "{{ params.source_video_id }}",
        "lip_sync_tts_speaker_id": "auto",
        "deferrable": True,
        "poll_interval": 1.0,
        "retries": 2,
        "retry_delay": timedelta(seconds=1),
    }
    with DAG(dag_id, schedule=None, params=params, max_active_runs=64):
        if "mapped" in arguments:
            texts = [f"{dag_id} sentence {number}." for number in range(arguments["mapped"])]
            operator.partial(**common).expand(lip_sync_tts_content=texts)
        else:
            operator(**(common | arguments), lip_sync_tts_content=text)


paid_lip_sync("one_paid_job", MortalLipSyncOperator)
paid_lip_sync("reuse_on_clear", PixVerseLipSyncOperator, reuse_on_clear=True)
paid_lip_sync("not_durable", MortalLipSyncOperator, durable=False)
paid_lip_sync("changed_text", MortalLipSyncOperator, "{{ params.text }} Try {{ ti.try_number }}.")
paid_lip_sync("impatient", ImpatientLipSyncOperator)
paid_lip_sync("racing", RacingLipSyncOperator)
paid_lip_sync("deadline", PixVerseLipSyncOperator, timeout=40.0, retries=0)
paid_lip_sync("short", PixVerseLipSyncOperator, timeout=8.0, retries=0)
paid_lip_sync("twenty", PixVerseLipSyncOperator, mapped=20)
paid_lip_sync("fifty", PixVerseLipSyncOperator, mapped=50)
