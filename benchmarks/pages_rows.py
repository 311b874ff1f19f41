"""Put a DAG run with many videos into Airflow's database, and one that has landed.

``python -m benchmarks.pages_rows NUMBER FILE`` adds them. One job in ten had a failed job before it, and
one in twenty has failed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import pendulum
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.task_state_store import TaskStateStoreModel
from airflow.models.xcom import XComModel
from airflow.sdk import DAG
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType, DagRunType

from benchmarks.pages import DAG_ID, DOWNLOAD_ID, RUN_ID, TASK_ID
from pixverse_provider.jobs.outcome import Outcome
from pixverse_provider.jobs.record import STORE_KEY, JobRecord
from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from pixverse_provider.operators.video import PixVerseTextToVideoOperator

_FIRST_ID = 10**15
_SETTINGS: dict[str, Any] = {"model": "v5", "duration": 5, "quality": "540p", "aspect_ratio": "16:9"}


def make_rows(number: int, landed: str) -> None:
    """Add the run."""
    prompts = [f"Number {index} of a series: a paper boat on a quiet river" for index in range(number)]
    with DAG(DAG_ID, schedule=None) as dag:
        PixVerseTextToVideoOperator.partial(task_id=TASK_ID, **_SETTINGS).expand(prompt=prompts)
        PixVerseDownloadVideoOperator(task_id=DOWNLOAD_ID, video_id=_FIRST_ID, destination=landed)
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(os.devnull)
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "dags-folder", None)
    with create_session() as session:
        stored = SerializedDagModel.get(DAG_ID, session=session)
        if stored is None:
            raise RuntimeError(f"the DAG {DAG_ID} has not been stored")
        run = stored.dag.create_dagrun(
            run_id=RUN_ID,
            run_after=pendulum.now("UTC"),
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.TEST,
            state=DagRunState.SUCCESS,
            session=session,
        )
        place: dict[str, Any] = {"dag_id": DAG_ID, "run_id": RUN_ID, "session": session}
        for task in run.get_task_instances(session=session):
            task.start_date = task.end_date = pendulum.now("UTC")
            task.try_number = 1
            task.state = TaskInstanceState.SUCCESS
            if task.task_id == TASK_ID:
                record = _record(task.map_index)
                if record.outcome != Outcome.SUCCESS:
                    task.state = TaskInstanceState.FAILED
                where: dict[str, Any] = {"task_id": TASK_ID, "map_index": task.map_index}
                XComModel.set(key="video", value=_xcom(record, prompts[task.map_index]), **where, **place)
                session.add(
                    TaskStateStoreModel(
                        dag_run_id=run.id, dag_id=DAG_ID, run_id=RUN_ID, key=STORE_KEY,
                        value=json.dumps(record.to_json()), **where,
                    )
                )  # fmt: skip
        said = [{"video_id": str(_FIRST_ID), "uri": landed, "size": 0}]
        XComModel.set(key="landed", value=said, task_id=DOWNLOAD_ID, **place)


def _record(index: int) -> JobRecord:
    now = time.time()
    job = JobRecord(
        trace_id=f"00000000-0000-0000-0000-{index:012}", clear_marker=0, sequence=0, submitted_at=now,
        accepted_at=now, job_id=_FIRST_ID + index, credits=45.0, try_number=1,
    )  # fmt: skip
    if index % 10 == 0:
        earlier = job.ended(Outcome.FAILED, now, message="It failed.").history()
        return JobRecord(
            trace_id=job.trace_id, clear_marker=0, sequence=1, submitted_at=now, accepted_at=now,
            job_id=2 * _FIRST_ID + index, credits=45.0, try_number=1, earlier=earlier,
        ).ended(Outcome.SUCCESS, now)  # fmt: skip
    return job.ended(Outcome.FAILED if index % 20 == 1 else Outcome.SUCCESS, now, message="It failed.")


def _xcom(record: JobRecord, prompt: str) -> dict[str, object]:
    request = {**_SETTINGS, "prompt": prompt}
    outcome = "success" if record.outcome == Outcome.SUCCESS else "failed"
    return {"video_id": str(record.job_id), "outcome": outcome, "credits": 45, "request": request}


if __name__ == "__main__":
    make_rows(int(sys.argv[1]), sys.argv[2])
