"""Run DAGs that tests build, with ``dag.test()``: real task runner, real triggers in line, no server."""

from __future__ import annotations

import importlib
import inspect
import json
import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import airflow.sdk.execution_time.context
from airflow.sdk.execution_time import comms

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.sdk import DAG

KEEPS_RECORDS = hasattr(airflow.sdk.execution_time.context, "NEVER_EXPIRE")
"""Whether this Airflow has a task state store, as from 3.3 on."""

NAMES_WHILE_WAITING = hasattr(comms, "SetRenderedMapIndex")
"""Whether this Airflow names a mapped task instance before its end, as from 3.2 on."""


@dataclass
class FinishedRun:
    """What a user sees of a DAG run afterwards."""

    dag_run: DagRun

    @property
    def state(self) -> str:
        return str(self.dag_run.state)

    def states(self) -> dict[str, str]:
        return {ti.task_id: str(ti.state) for ti in self._task_instances()}

    def tries(self, task_id: str) -> int:
        return max(int(ti.try_number) for ti in self._task_instances() if ti.task_id == task_id)

    def names(self, task_id: str) -> list[str]:
        """Return what the squares of all mapped instances are called, in their order."""
        found = [ti for ti in self._task_instances() if ti.task_id == task_id]
        return [str(ti.rendered_map_index) for ti in sorted(found, key=lambda ti: int(ti.map_index))]

    def xcom(self, task_id: str, key: str = "return_value") -> Any:
        """Return the value that one task instance pushed, or None."""
        values = self.xcoms(task_id, key)
        return values[0] if values else None

    def xcoms(self, task_id: str, key: str = "return_value") -> list[Any]:
        """Return the values of all mapped instances, in their order."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        query = (
            select(XComModel)
            .where(
                XComModel.dag_id == self.dag_run.dag_id,
                XComModel.run_id == self.dag_run.run_id,
                XComModel.task_id == task_id,
                XComModel.key == key,
            )
            .order_by(XComModel.map_index)
        )
        with create_session() as session:
            return [row.value for row in session.scalars(query)]

    def pushed(self) -> set[tuple[str, str]]:
        """Return task and key of every value that was pushed."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        query = select(XComModel.task_id, XComModel.key).where(
            XComModel.dag_id == self.dag_run.dag_id, XComModel.run_id == self.dag_run.run_id
        )
        with create_session() as session:
            return {(task_id, key) for task_id, key in session.execute(query)}

    def _task_instances(self) -> list[Any]:
        return list(self.dag_run.get_task_instances())


def run_dag(dag: DAG, conf: dict[str, Any] | None = None) -> FinishedRun:
    """Sync a DAG built in a test to the database and run it to its end."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    DagBundlesManager().sync_bundles_to_db()
    make_bag, sync_bag_to_db = _dagbag()
    bag = make_bag(dag_folder=os.devnull)
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "dags-folder", None)
    return FinishedRun(dag.test(run_conf=conf))


def _dagbag() -> tuple[Any, Any]:
    """Return what makes an empty DagBag and what syncs one, wherever this Airflow keeps them."""
    try:
        module = importlib.import_module("airflow.dag_processing.dagbag")
    except ImportError:
        module = importlib.import_module("airflow.models.dagbag")
    asks_for_examples = "include_examples" in inspect.signature(module.DagBag).parameters
    options = {"include_examples": False} if asks_for_examples else {}
    return partial(module.DagBag, **options), module.sync_bag_to_db


def connection_json(*, host: str, api_key: str, **extra: Any) -> str:
    """Return a connection in the form of an ``AIRFLOW_CONN_…`` variable."""
    return json.dumps({"conn_type": "pixverse", "host": host, "password": api_key, "extra": extra})
