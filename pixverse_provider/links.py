"""Where people see a job: the address of its page."""

from __future__ import annotations

from urllib.parse import quote

__all__ = ["PLUGIN_PREFIX", "page_path"]

PLUGIN_PREFIX = "pixverse"
"""The first part of the path of every page, below Airflow's own base URL."""


def page_path(dag_id: str, run_id: str, task_id: str, map_index: int | None = None) -> str:
    """Return the path of the page of a task instance, below Airflow's base URL and without a leading slash.

    The ids stand in path segments: the login of Airflow 3.1 cuts a query.

    :param map_index: None or -1 for a task that is not mapped.
    """
    dag, run, task = (quote(part, safe="") for part in (dag_id, run_id, task_id))
    path = f"{PLUGIN_PREFIX}/dags/{dag}/runs/{run}/tasks/{task}"
    return path if map_index is None or map_index < 0 else f"{path}/mapped/{map_index}"
