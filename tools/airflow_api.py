"""What the demo and the tests ask of a running Airflow, over its public REST API."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

POLL_SECONDS = 0.5
REQUEST_TIMEOUT = 30.0
FINISHED_RUN_STATES = frozenset({"success", "failed"})


class AirflowAPIError(RuntimeError):
    """Airflow refused a request, or a DAG cannot be run; the message says why."""


@dataclass(frozen=True)
class TaskState:
    """One task instance as it was at one moment.

    :param id: id of this try of the task instance, which Airflow's worker processes carry in their title
    :param map_index: -1 where the task is not mapped
    :param state: as Airflow spells it; None before it is scheduled
    :param try_number: 0 before the first try
    """

    id: str
    task_id: str
    map_index: int
    state: str | None
    try_number: int


@dataclass(frozen=True)
class Change:
    """A task instance, or the run itself, has come into a new state.

    :param task: None for a change of the run
    :param elapsed: seconds since the wait began
    """

    task: TaskState | None
    state: str
    elapsed: float


class AirflowAPI:
    """An Airflow that lets everybody in, as :class:`tools.airflow_stack.AirflowStack` starts it.

    :param url: the API server, without a trailing slash
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        # A proxy named in the environment is not meant for the loopback interface.
        self._session.trust_env = False

    def get(self, path: str, **query: str | int | bool) -> Any:
        """Return the JSON answer to a GET, path relative to the server's root."""
        return self._request("GET", path, query=query)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON answer to a POST, path relative to the server's root."""
        return self._request("POST", path, body=body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON answer to a PATCH, path relative to the server's root."""
        return self._request("PATCH", path, body=body)

    def health(self) -> dict[str, str]:
        """Return the status of each component; empty while the API server does not answer."""
        try:
            answer = self.get("api/v2/monitor/health")
        except requests.ConnectionError:
            return {}
        return {name: part["status"] or "missing" for name, part in answer.items()}

    def wait_for_dag(self, dag_id: str, *, file: str | None = None, timeout: float = 60) -> None:
        """Wait until the DAG processor has read a DAG.

        :param file: where the DAG is defined, relative to the DAGs folder; that it cannot be imported is then
            reported without waiting for the timeout
        """
        deadline = time.monotonic() + timeout
        while not self._has_dag(dag_id):
            errors = self.get("api/v2/importErrors")["import_errors"]
            late = time.monotonic() > deadline
            if late or any(error["filename"] == file for error in errors):
                traces = "".join(f"\n{error['filename']}:\n{error['stack_trace']}" for error in errors)
                raise AirflowAPIError(f"Airflow has no DAG {dag_id}.{traces}")
            time.sleep(POLL_SECONDS)

    def _has_dag(self, dag_id: str) -> bool:
        dags = self.get("api/v2/dags", dag_id_pattern=dag_id)["dags"]
        return any(dag["dag_id"] == dag_id for dag in dags)

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run now and return its id."""
        body = {"logical_date": None, "conf": dict(conf or {})}
        run: dict[str, Any] = self._request("POST", f"api/v2/dags/{dag_id}/dagRuns", body=body)
        return str(run["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run as Airflow spells it."""
        return str(self.get(_run(dag_id, run_id))["state"])

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskState]:
        """Return the tasks of a run in the order in which they started; those that have not yet come last."""
        rows = self.get(f"{_run(dag_id, run_id)}/taskInstances", limit=100)["task_instances"]
        rows.sort(key=lambda row: (row["start_date"] is None, row["start_date"] or "", row["task_id"]))
        return [
            TaskState(row["id"], row["task_id"], row["map_index"], row["state"], row["try_number"])
            for row in rows
        ]

    def task_instance(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> TaskState:
        """Return one task of a run."""
        for task in self.task_instances(dag_id, run_id):
            if (task.task_id, task.map_index) == (task_id, map_index):
                return task
        raise AirflowAPIError(f"run {run_id} of {dag_id} has no task {task_id} with map index {map_index}")

    def watch_run(self, dag_id: str, run_id: str, timeout: float) -> Iterator[Change]:
        """Yield every change of state until the run has ended; its own end is the last one.

        An API server that is away for a moment is waited for, since tests restart it. Raises
        :class:`TimeoutError` when the run has not ended `timeout` seconds after the first look.
        """
        began = time.monotonic()
        seen: dict[tuple[str, int], tuple[str | None, int]] = {}
        while True:
            try:
                # Asked for in this order, the tasks' last states are there when the run's last state is.
                run_state = self.run_state(dag_id, run_id)
                tasks = self.task_instances(dag_id, run_id)
            except requests.ConnectionError:
                run_state, tasks = "unknown", []
            elapsed = time.monotonic() - began
            for task in tasks:
                key, now = (task.task_id, task.map_index), (task.state, task.try_number)
                if task.state is not None and seen.get(key) != now:
                    yield Change(task, task.state, elapsed)
                seen[key] = now
            if run_state in FINISHED_RUN_STATES:
                yield Change(None, run_state, elapsed)
                return
            if elapsed > timeout:
                raise TimeoutError(f"run {run_id} of {dag_id} is still {run_state} after {timeout:g} s")
            time.sleep(POLL_SECONDS)

    def wait_for_run(self, dag_id: str, run_id: str, timeout: float) -> str:
        """Wait for the end of a run and return its state; see :meth:`watch_run`."""
        state = "unknown"
        for change in self.watch_run(dag_id, run_id, timeout):
            state = change.state
        return state

    def task_log(self, dag_id: str, run_id: str, task: TaskState) -> str:
        """Return the log of the latest try of a task as text, one event a line."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{task.task_id}/logs/{max(task.try_number, 1)}"
        answer = self.get(path, full_content=True, map_index=task.map_index)
        return "\n".join(_event_text(event) for event in answer["content"])

    def xcom(
        self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1
    ) -> Any:
        """Return a value that a task has left in XCom; :class:`AirflowAPIError` when there is none."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries/{quote(key, safe='')}"
        return self.get(path, map_index=map_index, deserialize=True)["value"]

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        response = self._session.request(
            method,
            f"{self.url}/{path}",
            params=query,
            json=body,
            headers={"Accept": "application/json"},
            timeout=REQUEST_TIMEOUT,
        )
        if not response.ok:
            raise AirflowAPIError(
                f"{method} {path} was answered {response.status_code}: {response.text[:2000]}"
            )
        return response.json()


def _run(dag_id: str, run_id: str) -> str:
    return f"api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"


def _event_text(event: str | dict[str, Any]) -> str:
    if isinstance(event, str):
        return event
    level = str(event.get("level") or "").upper()
    line = " ".join(part for part in (event.get("timestamp"), level, event["event"]) if part)
    traces = [f"{error['exc_type']}: {error['exc_value']}" for error in event.get("error_detail") or []]
    return "\n".join([line, *traces])
