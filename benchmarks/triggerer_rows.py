"""Put deferred tasks and their triggers into Airflow's database, as if workers had just deferred them.

``python -m benchmarks.triggerer_rows CONTENDER NUMBER`` replaces what is there and prints the epoch seconds
at which the jobs were submitted.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.trigger import Trigger
from airflow.sdk import DAG, BaseOperator
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import delete

if TYPE_CHECKING:
    from airflow.triggers.base import BaseTrigger

_POLL_INTERVAL = 5.0
_LONGEST_WAIT = 7200.0


class Waiting(BaseOperator):
    """A task that would be resumed, if there were a scheduler.

    :param job: number of its job.
    """

    def __init__(self, *, job: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.job = job


def make_rows(contender: str, number: int) -> float:
    """Replace all runs by one with so many deferred tasks; return the epoch seconds of their submits."""
    # A DAG of its own: Airflow stores no second version of one within half a minute.
    with DAG(f"{contender}_{number}", schedule=None) as dag:
        Waiting.partial(task_id="wait").expand(job=list(range(number)))
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(os.devnull)
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "dags-folder", None)
    with create_session() as session:
        session.execute(delete(DagRun))
        session.execute(delete(Trigger))
        stored = SerializedDagModel.get(dag.dag_id, session=session)
        if stored is None:
            raise RuntimeError(f"the DAG {dag.dag_id} has not been stored")
        run = stored.dag.create_dagrun(
            run_id="run",
            run_after=pendulum.now("UTC"),
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.TEST,
            state=DagRunState.RUNNING,
            session=session,
        )
        submitted_at = time.time()
        tasks = run.get_task_instances(session=session)
        if len(tasks) != number:
            raise RuntimeError(f"the run has {len(tasks)} tasks and not {number}")
        for task in tasks:
            task.trigger = Trigger.from_object(_trigger(contender, task.map_index, submitted_at))
            task.state = TaskInstanceState.DEFERRED
            task.start_date = pendulum.now("UTC")
            task.try_number = 1
            task.next_method = "execute_complete"
            task.next_kwargs = {}
    return submitted_at


def _trigger(contender: str, job: int, submitted_at: float) -> BaseTrigger:
    if contender == "ours":
        from pixverse_provider.triggers.video import PixVerseVideoTrigger

        return PixVerseVideoTrigger(
            pixverse_conn_id="pixverse_default",
            video_ids=[str(job + 1)],
            started_at=submitted_at,
            not_before=submitted_at,
            deadline=submitted_at + _LONGEST_WAIT,
        )
    # Installed for the benchmarks only.
    module = importlib.import_module("airflow.providers.http.triggers.http")
    trigger: BaseTrigger = module.HttpSensorTrigger(endpoint=f"ready/{job + 1}", poke_interval=_POLL_INTERVAL)
    return trigger


if __name__ == "__main__":
    print(make_rows(sys.argv[1], int(sys.argv[2])))
