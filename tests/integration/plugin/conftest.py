"""Airflow's real web app with the pages in it, and DAG runs that have made videos against the emulator."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from pixverse_provider.emulator.client import EmulatorControl
from pixverse_provider.links import page_path
from tests.integration.plugin.auth_manager import DENIED_DAG, NO_XCOMS_USER, OneDagDenied
from tests.support.dags import connection_json, run_dag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow.sdk import DAG
    from fastapi import FastAPI

CONN_ID = "pixverse_pages"
VIDEO_DAG = "pages_video"
MAPPED_DAG = "pages_mapped"
PROMPTS = ["a paper boat", "a storm [fail]", "a secret [moderate]"]
ROLES = {"ann": "ADMIN", "olga": "OP", "ulf": "USER", "bob": "VIEWER", NO_XCOMS_USER: "VIEWER"}
PAGE = {"accept": "text/html"}


@dataclass
class World:
    """What there is to look at.

    :param runs: DAG id to run id.
    :param video_id: of the one video that has landed.
    :param landed: where.
    """

    emulator: EmulatorControl
    runs: dict[str, str]
    video_id: str
    landed: Path

    def page(self, task_id: str = "make", map_index: int = -1, dag_id: str = VIDEO_DAG) -> str:
        """Return the address of the page of a task."""
        return "/" + page_path(dag_id, self.runs[dag_id], task_id, map_index)

    def run_page(self, dag_id: str) -> str:
        """Return the address of the page of a run."""
        return self.page(dag_id=dag_id).partition("/tasks/")[0]


@pytest.fixture(scope="session")
def pages_emulator() -> Iterator[EmulatorControl]:
    """An emulator of its own, since what the runs have made is looked at all the time."""
    from pixverse_provider.emulator.account.settings import Settings
    from pixverse_provider.emulator.server import EmulatorServer

    settings = Settings(generation_seconds=0.0, render="small")
    with EmulatorServer(settings) as server:
        yield EmulatorControl(server.url, api_key=settings.api_key)


def video_dag(folder: Path) -> DAG:
    """One video: made, waited for, and landed."""
    from airflow.sdk import DAG

    from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
    from pixverse_provider.sensors.video import PixVerseVideoSensor

    with DAG(VIDEO_DAG, schedule=None) as dag:
        make = _text_to_video("a quiet river")
        PixVerseVideoSensor(task_id="wait", video_id=make.output, pixverse_conn_id=CONN_ID)
        PixVerseDownloadVideoOperator(
            task_id="land",
            video_id=make.output,
            destination=str(folder / "{{ dag.dag_id }}" / "river.mp4"),
            pixverse_conn_id=CONN_ID,
        )
    return dag


def mapped_dag() -> DAG:
    """Three videos of a mapped task: one is done, one fails, one is moderated."""
    from airflow.sdk import DAG

    from pixverse_provider.operators.video import PixVerseTextToVideoOperator

    with DAG(MAPPED_DAG, schedule=None) as dag:
        PixVerseTextToVideoOperator.partial(
            task_id="make",
            duration=5,
            quality="360p",
            aspect_ratio="16:9",
            model="v5",
            pixverse_conn_id=CONN_ID,
        ).expand(prompt=PROMPTS)
    return dag


def denied_dag() -> DAG:
    """One video that not everybody may see."""
    from airflow.sdk import DAG

    with DAG(DENIED_DAG, schedule=None) as dag:
        _text_to_video("a hidden place")
    return dag


def _text_to_video(prompt: str) -> Any:
    from pixverse_provider.operators.video import PixVerseTextToVideoOperator

    return PixVerseTextToVideoOperator(
        task_id="make",
        prompt=prompt,
        duration=5,
        quality="360p",
        aspect_ratio="16:9",
        model="v5",
        pixverse_conn_id=CONN_ID,
    )


@pytest.fixture(scope="session")
def world(
    airflow_db: None, pages_emulator: EmulatorControl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Run the DAGs."""
    variable = f"AIRFLOW_CONN_{CONN_ID.upper()}"
    os.environ[variable] = connection_json(host=pages_emulator.api_url, api_key=pages_emulator.api_key)
    folder = tmp_path_factory.mktemp("landed")
    runs = {}
    for dag in (video_dag(folder), mapped_dag(), denied_dag()):
        finished = run_dag(dag)
        runs[dag.dag_id] = str(finished.dag_run.run_id)
        if dag.dag_id == VIDEO_DAG:
            assert finished.states() == {"make": "success", "land": "success", "wait": "success"}
            video_id = str(finished.xcom("make"))
    yield World(pages_emulator, runs, video_id, folder / VIDEO_DAG / "river.mp4")
    del os.environ[variable]


@pytest.fixture
def set_xcom(world: World) -> Iterator[Callable[..., None]]:
    """Change an XCom, as somebody may who may edit XComs; it is put back afterwards."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    before: list[tuple[dict[str, Any], Any]] = []

    def write(where: dict[str, Any], value: Any) -> None:
        with create_session() as session:
            XComModel.set(value=value, session=session, **where)

    def change(task_id: str, key: str, value: Any, dag_id: str = VIDEO_DAG) -> None:
        where = {"dag_id": dag_id, "run_id": world.runs[dag_id], "task_id": task_id, "key": key}
        with create_session() as session:
            old = session.scalars(
                select(XComModel.value).where(
                    XComModel.dag_id == dag_id,
                    XComModel.run_id == where["run_id"],
                    XComModel.task_id == task_id,
                    XComModel.key == key,
                )
            ).first()
        while isinstance(old, str) and old[:1] in ('"', "[", "{"):
            # Whatever writes an XCom over the API leaves JSON within JSON.
            old = json.loads(old)
        before.append((where, old))
        write(where, value)

    yield change
    for where, old in reversed(before):
        write(where, old)


@pytest.fixture(scope="session")
def web_app(world: World) -> Iterator[FastAPI]:
    """Airflow's own web app, with the auth manager of the tests and the plugin as Airflow loads it."""
    settings = {
        "AIRFLOW__CORE__AUTH_MANAGER": f"{OneDagDenied.__module__}.{OneDagDenied.__name__}",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
            f"{name}:{role}" for name, role in ROLES.items()
        ),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": f"{os.environ['AIRFLOW_HOME']}/passwords.json",
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of the tests that is long enough for the signature" * 2,
    }
    os.environ |= settings
    from airflow.api_fastapi.app import create_app

    yield create_app(apps="core")
    for name in settings:
        del os.environ[name]


class Visitor(TestClient):
    """A browser of one person; redirects are not followed."""

    def see(self, address: str, **headers: str) -> str:
        """Return the text of a page, which must be there."""
        answer = self.get(address, headers=PAGE | headers)
        assert answer.status_code == 200, (address, answer.status_code, answer.text[:500])
        return str(answer.text)


@pytest.fixture(scope="session")
def as_user(web_app: FastAPI) -> Any:
    """Return the browser of a user by name; of a stranger for an empty one."""

    def visitor(name: str = "") -> Visitor:
        client = Visitor(web_app, follow_redirects=False, raise_server_exceptions=True)
        if name:
            client.cookies.set("_token", token_of(name))
        return client

    return visitor


def token_of(name: str) -> str:
    """Return the session token that Airflow gives a user."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    return str(get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=name, role=ROLES[name])))


@pytest.fixture
def ann(as_user: Any) -> Visitor:
    """Somebody who may do everything."""
    visitor: Visitor = as_user("ann")
    return visitor


@pytest.fixture
def bob(as_user: Any) -> Visitor:
    """A viewer."""
    visitor: Visitor = as_user("bob")
    return visitor


@pytest.fixture
def stranger(as_user: Any) -> Visitor:
    """Somebody without a session."""
    visitor: Visitor = as_user()
    return visitor
