"""All that the pages use of Airflow and that is no public interface: it differs by version, and stands here.

Tried on 3.1.8, 3.3.2 and 3.4.0b2. What one of them lacks is looked up when it is used, and said by name.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import (
    ConnectionDetails,
    DagAccessEntity,
    DagDetails,
)
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from airflow.models.connection import Connection
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.providers.common.compat.sdk import conf
from airflow.utils.session import create_session
from sqlalchemy import select, tuple_

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from sqlalchemy.orm import Session

__all__ = [
    "DAG_PERMISSIONS",
    "RunRow",
    "StoredRow",
    "TaskRow",
    "TryRow",
    "airflow_path",
    "create_session",
    "decoded",
    "destination_template",
    "earlier_tries",
    "get_user",
    "login_path",
    "may_read_connection",
    "may_read_xcoms",
    "pixverse_connections",
    "readable_dag_ids",
    "records",
    "rendered_fields",
    "run_row",
    "task_rows",
    "task_rows_of",
    "xcoms",
]

# Their columns are typed in some versions only, and not alike.
_Run: Any = DagRun
_Task: Any = TaskInstance
_XCom: Any = XComModel

DAG_PERMISSIONS = (
    requires_access_dag("GET", DagAccessEntity.XCOM),
    requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE),
)
"""What a page of a DAG asks for; they look at the path parameter ``dag_id``, and let everybody in without."""

# So many rows come from the database at once.
_ROWS_AT_ONCE = 500
# A key has four values, and a statement of SQLite takes 32,766 of them.
_KEYS_AT_ONCE = 1000


@dataclass(frozen=True)
class TaskRow:
    """One task instance, its present try."""

    task_id: str
    map_index: int
    state: str | None
    operator: str | None
    try_number: int
    start: datetime | None
    end: datetime | None
    label: str | None


@dataclass(frozen=True)
class TryRow:
    """One try of a task instance that is over."""

    try_number: int
    state: str | None
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class RunRow:
    """One DAG run."""

    dag_id: str
    run_id: str
    state: str | None
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class StoredRow:
    """A value that a task instance has left: an XCom, or the record of its job.

    :param value: whatever JSON it is; anybody with the permission may have written it.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    key: str
    value: Any
    time: datetime


# ----- where Airflow is, and who asks


def airflow_path() -> str:
    """Return the path of Airflow itself, without a slash at its end; empty at the root."""
    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")


def login_path(back_to: str) -> str:
    """Return where to log in, and to come back from.

    :param back_to: path and query; the login of Airflow 3.1 loses what follows the first ``&`` of the query.
    """
    return f"{airflow_path()}/api/v2/auth/login?next={quote(back_to, safe='')}"


def _dag_details(dag_id: str) -> DagDetails:
    return DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))


def may_read_xcoms(user: Any, dag_id: str | None = None) -> bool:
    """Tell whether a user may read XComs and task instances of a DAG; without an id, whether any at all."""
    details = None if dag_id is None else _dag_details(dag_id)
    return all(
        get_auth_manager().is_authorized_dag(method="GET", access_entity=entity, details=details, user=user)
        for entity in (DagAccessEntity.XCOM, DagAccessEntity.TASK_INSTANCE)
    )


def readable_dag_ids(user: Any) -> set[str]:
    """Return the DAGs that a user may read."""
    return set(get_auth_manager().get_authorized_dag_ids(user=user, method="GET"))


def may_read_connection(user: Any, conn_id: str) -> bool:
    """Tell whether a user may read a connection."""
    team_name = getattr(Connection, "get_team_name", lambda _: None)(conn_id)
    return get_auth_manager().is_authorized_connection(
        method="GET", details=ConnectionDetails(conn_id=conn_id, team_name=team_name), user=user
    )


# ----- the database


def run_row(session: Session, dag_id: str, run_id: str) -> RunRow | None:
    """Return a DAG run, or None where there is none."""
    query = select(_Run.dag_id, _Run.run_id, _Run.state, _Run.start_date, _Run.end_date).where(
        _Run.dag_id == dag_id, _Run.run_id == run_id
    )
    row = session.execute(query).first()
    return None if row is None else RunRow(row[0], row[1], _text(row[2]), row[3], row[4])


def task_rows(
    session: Session, dag_id: str, run_id: str, task_id: str | None = None, map_index: int | None = None
) -> list[TaskRow]:
    """Return the task instances of a run, or of one of its tasks, in their order."""
    query = select(
        _Task.task_id,
        _Task.map_index,
        _Task.state,
        _Task.operator,
        _Task.try_number,
        _Task.start_date,
        _Task.end_date,
        _Task.rendered_map_index,
    ).where(_Task.dag_id == dag_id, _Task.run_id == run_id)
    if task_id is not None:
        query = query.where(_Task.task_id == task_id)
    if map_index is not None:
        query = query.where(_Task.map_index == map_index)
    query = query.order_by(_Task.task_id, _Task.map_index)
    return [TaskRow(task, index, _text(state), *rest) for task, index, state, *rest in session.execute(query)]


def task_rows_of(
    session: Session, keys: Collection[tuple[str, str, str, int]]
) -> dict[tuple[str, str, str, int], TaskRow]:
    """Return the task instances of these DAGs, runs, tasks and map indexes."""
    names = (_Task.dag_id, _Task.run_id, _Task.task_id, _Task.map_index)
    found = {}
    wanted = list(keys)
    for first in range(0, len(wanted), _KEYS_AT_ONCE):
        query = select(
            *names,
            _Task.state,
            _Task.operator,
            _Task.try_number,
            _Task.start_date,
            _Task.end_date,
            _Task.rendered_map_index,
        ).where(tuple_(*names).in_(wanted[first : first + _KEYS_AT_ONCE]))
        for row in session.execute(query):
            dag, run, task, index, state, *rest = row
            found[dag, run, task, index] = TaskRow(task, index, _text(state), *rest)
    return found


def earlier_tries(session: Session, dag_id: str, run_id: str, task_id: str, map_index: int) -> list[TryRow]:
    """Return the tries of a task instance before its present one, in their order."""
    try:
        model = importlib.import_module("airflow.models.taskinstancehistory").TaskInstanceHistory
        options: dict[str, Any] = {}
    except ModuleNotFoundError:
        # From Airflow 3.4 on one table holds them all.
        model, options = _Task, {"include_all_attempts": True}
    query = (
        select(model.try_number, model.state, model.start_date, model.end_date)
        .where(
            model.dag_id == dag_id,
            model.run_id == run_id,
            model.task_id == task_id,
            model.map_index == map_index,
        )
        .order_by(model.try_number)
        .execution_options(**options)
    )
    rows = [TryRow(row[0], _text(row[1]), row[2], row[3]) for row in session.execute(query)]
    present = task_rows(session, dag_id, run_id, task_id, map_index)
    number = present[0].try_number if present else None
    return [row for row in rows if row.try_number != number]


def xcoms(
    session: Session,
    keys: Collection[str],
    *,
    dag_ids: Collection[str],
    run_id: str | None = None,
    task_id: str | None = None,
    map_index: int | None = None,
    since: datetime | None = None,
    limit: int | None = None,
) -> Iterator[StoredRow]:
    """Yield XComs of these keys and DAGs, the latest first.

    Columns are selected by name: the way with ``get_many(…).with_only_columns(…)`` gives on 3.4 the XComs of
    all DAGs.
    """
    model = _XCom
    query = select(
        model.dag_id, model.run_id, model.task_id, model.map_index, model.key, model.value, model.timestamp
    ).where(model.key.in_(list(keys)), model.dag_id.in_(list(dag_ids)))
    for column, wanted in (
        (model.run_id, run_id),
        (model.task_id, task_id),
        (model.map_index, map_index),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if since is not None:
        query = query.where(model.timestamp >= since)
    query = query.order_by(model.timestamp.desc()).limit(limit)
    for row in session.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
        dag, run, task, place, name, value, time = row
        yield StoredRow(dag, run, task, place, name, decoded(value), time)


def records(
    session: Session,
    key: str,
    *,
    dag_ids: Collection[str],
    run_id: str | None = None,
    task_id: str | None = None,
    map_index: int | None = None,
    since: datetime | None = None,
    limit: int | None = None,
) -> Iterator[StoredRow]:
    """Yield what task instances keep under a key in their task state store, the latest first.

    Below Airflow 3.3 there is no such store, and nothing is yielded.
    """
    try:
        model = importlib.import_module("airflow.models.task_state_store").TaskStateStoreModel
    except ModuleNotFoundError:
        return
    # 3.4 has named it anew, for its loops.
    index = model.map_index if hasattr(model, "map_index") else model.region_index
    query = select(
        model.dag_id, model.run_id, model.task_id, index, model.key, model.value, model.updated_at
    ).where(model.key == key, model.dag_id.in_(list(dag_ids)))
    for column, wanted in ((model.run_id, run_id), (model.task_id, task_id), (index, map_index)):
        if wanted is not None:
            query = query.where(column == wanted)
    if since is not None:
        query = query.where(model.updated_at >= since)
    query = query.order_by(model.updated_at.desc()).limit(limit)
    for row in session.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
        dag, run, task, place, name, value, time = row
        yield StoredRow(dag, run, task, place, name, decoded(value), time)


def rendered_fields(
    session: Session, dag_id: str, run_id: str, task_id: str, map_index: int
) -> dict[str, Any] | None:
    """Return the rendered template fields of a task instance, or None where Airflow keeps none any more."""
    task = session.scalar(
        select(_Task).where(
            _Task.dag_id == dag_id,
            _Task.run_id == run_id,
            _Task.task_id == task_id,
            _Task.map_index == map_index,
        )
    )
    if task is None:
        return None
    fields = RenderedTaskInstanceFields.get_templated_fields(task, session=session)
    return fields if isinstance(fields, dict) else None


def destination_template(session: Session, dag_id: str, task_id: str) -> str | None:
    """Return the ``destination`` of a task as its DAG has it now, not rendered; None where it has none."""
    dag = SerializedDagModel.get(dag_id, session=session)
    data = dag.data if dag is not None else None
    tasks = (data or {}).get("dag", {}).get("tasks", [])
    for task in tasks:
        fields = task.get("__var", task)
        fields = fields | (fields.get("partial_kwargs") or {})
        if fields.get("task_id") == task_id:
            destination = fields.get("destination")
            return destination if isinstance(destination, str) else None
    return None


def pixverse_connections(session: Session, conn_type: str) -> list[str]:
    """Return the connections of a type that the database holds."""
    query = select(Connection.conn_id).where(Connection.conn_type == conn_type).order_by(Connection.conn_id)
    return [conn_id for conn_id in session.scalars(query) if conn_id]


def _text(state: Any) -> str | None:
    return None if state is None else str(getattr(state, "value", state))


def decoded(value: Any) -> Any:
    """Return what an XCom or a record holds; some ways of writing one leave JSON within JSON."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (RecursionError, ValueError):
            return value
    return value
