"""Where people see a job: the address of its page, and the operator link that leads there."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.providers.common.compat.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, Context, TaskInstanceKey

    from pixverse_provider.tasks import PixVerseTask

__all__ = ["PLUGIN_PREFIX", "PixVerseVideoLink", "page_path"]

log = logging.getLogger(__name__)

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


class PixVerseVideoLink(BaseOperatorLink):
    """The button *PixVerse video* of a task instance, which leads to its page.

    It is there from the submit of the job on, also while the task waits and after a failure, and it is not
    there where there is no job. Airflow keeps its address as an XCom and deletes it before each retry.

    The address is relative, as Airflow's page resolves it below whatever base URL it is read at. A worker may
    know none, or that of an inner network.
    """

    name = "PixVerse video"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address, or nothing where there is no job; Airflow pushes it in the worker at each end.

        :param operator: as it has run; one that has not, as after a failed trigger, leaves what is there.
        :param ti_key: of the task instance.
        """
        has_page = getattr(operator, "has_page", None)
        if has_page is None:
            return self._pushed(ti_key)
        return _address(ti_key) if has_page else ""

    def push(self, operator: PixVerseTask, context: Context) -> None:
        """Let the link be there from now on; a failure is logged, since it must not end a task that has paid.

        Airflow itself does it only at a deferral and at the end.
        """
        operator.has_page = True
        try:
            ti = context["ti"]
            ti.xcom_push(key=self.xcom_key, value=_address(ti))
        except Exception as err:  # noqa: BLE001 - whatever Airflow raises, the task goes on without its link
            log.warning("The link %r could not be pushed; the task goes on without it: %s", self.name, err)

    def _pushed(self, ti_key: TaskInstanceKey) -> str:
        from airflow.providers.common.compat.sdk import XCom

        try:
            return str(XCom.get_value(ti_key=ti_key, key=self.xcom_key) or "")
        except Exception:  # a link is worth no stack trace in the log of a task
            log.debug("The link cannot be read.", exc_info=True)
            return ""


def _address(ti: Any) -> str:
    return page_path(ti.dag_id, ti.run_id, ti.task_id, ti.map_index)
