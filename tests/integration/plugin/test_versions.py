"""What the pages use of Airflow and that is no public interface: these tests fail first on a new Airflow.

Each runs on every version that is supported.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow import __version__ as airflow_version
from packaging.version import Version

import pixverse_provider.plugin
from pixverse_provider.jobs.record import STORE_KEY
from pixverse_provider.plugin import versions
from tests.integration.plugin.auth_manager import DENIED_DAG
from tests.integration.plugin.conftest import CONN_ID, MAPPED_DAG, ROLES, VIDEO_DAG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from sqlalchemy.orm import Session

    from tests.integration.plugin.conftest import World

AIRFLOW = Version(airflow_version).release
KEEPS_RECORDS = AIRFLOW >= (3, 3)


@pytest.fixture
def session(world: World) -> Iterator[Session]:
    with versions.create_session() as session:
        yield session


def user(name: str) -> Any:
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    return SimpleAuthManagerUser(username=name, role=ROLES[name])


def test_nothing_but_the_one_module_imports_airflow_s_insides() -> None:
    public = ("airflow.providers.common.compat.sdk", "airflow")
    folder = Path(pixverse_provider.plugin.__file__).parent
    for file in folder.glob("*.py"):
        if file.name == "versions.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "airflow":
                assert node.module in public, f"{file.name} imports {node.module}"


def test_a_run_and_its_tasks_are_read(session: Session, world: World) -> None:
    run = versions.run_row(session, VIDEO_DAG, world.runs[VIDEO_DAG])
    assert run is not None
    assert run.state == "success"
    rows = versions.task_rows(session, VIDEO_DAG, world.runs[VIDEO_DAG])
    assert [(row.task_id, row.map_index, row.state) for row in rows] == [
        ("land", -1, "success"),
        ("make", -1, "success"),
        ("wait", -1, "success"),
    ]
    assert rows[1].operator == "PixVerseTextToVideoOperator"
    assert rows[1].start is not None
    assert rows[1].start.tzinfo is not None
    assert versions.run_row(session, VIDEO_DAG, "none") is None


def test_task_instances_are_found_by_their_keys(session: Session, world: World) -> None:
    keys = [(MAPPED_DAG, world.runs[MAPPED_DAG], "make", index) for index in range(5)]
    found = versions.task_rows_of(session, keys)
    assert sorted(found) == keys[:3]
    assert found[keys[1]].state == "failed"


def test_xcoms_are_those_of_the_dags_that_are_asked_for_and_no_others(session: Session, world: World) -> None:
    for dag_id in (VIDEO_DAG, MAPPED_DAG, DENIED_DAG):
        found = list(versions.xcoms(session, ["video"], dag_ids=[dag_id]))
        assert found, dag_id
        assert {row.dag_id for row in found} == {dag_id}
        assert all(isinstance(row.value, dict) for row in found)
    assert list(versions.xcoms(session, ["video"], dag_ids=[])) == []
    only = list(versions.xcoms(session, ["video"], dag_ids=[MAPPED_DAG], map_index=0, limit=5))
    assert [(row.task_id, row.map_index) for row in only] == [("make", 0)]


def test_an_xcom_that_the_api_has_written_is_read_as_well(session: Session, world: World) -> None:
    # It is JSON within JSON.
    assert versions.decoded('{"video_id": "7"}') == {"video_id": "7"}
    assert versions.decoded("{no json") == "{no json"


def test_records_are_read_where_airflow_has_a_store_for_them(session: Session, world: World) -> None:
    found = list(versions.records(session, STORE_KEY, dag_ids=[MAPPED_DAG, VIDEO_DAG]))
    if not KEEPS_RECORDS:
        assert found == []
        return
    places = {(row.dag_id, row.task_id, row.map_index) for row in found}
    assert places == {(VIDEO_DAG, "make", -1), *((MAPPED_DAG, "make", index) for index in range(3))}
    assert all(isinstance(row.value, dict) for row in found)


def test_rendered_fields_name_the_connection(session: Session, world: World) -> None:
    fields = versions.rendered_fields(session, VIDEO_DAG, world.runs[VIDEO_DAG], "make", -1)
    assert fields is not None
    assert fields["pixverse_conn_id"] == CONN_ID
    assert versions.rendered_fields(session, VIDEO_DAG, world.runs[VIDEO_DAG], "none", -1) is None


def test_the_destination_of_a_download_is_read_as_the_dag_has_it(session: Session, world: World) -> None:
    template = versions.destination_template(session, VIDEO_DAG, "land")
    assert template == f"{world.landed.parent.parent}/{{{{ dag.dag_id }}}}/river.mp4"
    assert versions.destination_template(session, VIDEO_DAG, "make") is None
    assert versions.destination_template(session, "none", "land") is None


def test_earlier_tries_are_read_without_the_present_one(session: Session, world: World) -> None:
    assert versions.earlier_tries(session, VIDEO_DAG, world.runs[VIDEO_DAG], "make", -1) == []


def test_connections_of_a_type_are_found(session: Session, world: World) -> None:
    from airflow.models.connection import Connection

    session.add(Connection(conn_id="pixverse_in_the_database", conn_type="pixverse", password="x"))
    session.flush()
    assert versions.pixverse_connections(session, "pixverse") == ["pixverse_in_the_database"]
    session.rollback()


def test_what_users_may_read_is_asked_of_the_auth_manager(web_app: FastAPI, world: World) -> None:
    assert versions.readable_dag_ids(user("ann")) >= {VIDEO_DAG, MAPPED_DAG, DENIED_DAG}
    assert DENIED_DAG not in versions.readable_dag_ids(user("bob"))
    assert versions.may_read_xcoms(user("bob"))
    assert versions.may_read_xcoms(user("bob"), VIDEO_DAG)
    assert not versions.may_read_xcoms(user("bob"), DENIED_DAG)
    assert not versions.may_read_xcoms(user("nox"))
    assert [versions.may_read_connection(user(name), CONN_ID) for name in ("ann", "olga", "ulf", "bob")] == [
        True,
        True,
        False,
        False,
    ]


def test_a_person_is_sent_to_log_in_with_the_whole_address_in_one_parameter(world: World) -> None:
    assert versions.login_path("/pixverse/x?a=1&b=2").endswith("?next=%2Fpixverse%2Fx%3Fa%3D1%26b%3D2")
