"""Who sees what: the routes are enumerated, so that a new one is tried too."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from airflow import __version__ as airflow_version
from fastapi.routing import APIRoute
from packaging.version import Version
from starlette.routing import Mount

from pixverse_provider.plugin import registration
from pixverse_provider.plugin.state import APP
from tests.integration.plugin.auth_manager import DENIED_DAG
from tests.integration.plugin.conftest import MAPPED_DAG, PAGE, VIDEO_DAG

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tests.integration.plugin.conftest import Visitor, World

AIRFLOW = Version(airflow_version).release


def addresses(world: World, dag_id: str = VIDEO_DAG) -> list[str]:
    """Return an address of every route, of a DAG."""
    values = {
        "dag_id": dag_id,
        "run_id": world.runs[dag_id],
        "task_id": "make",
        "map_index": "-1",
        "number": "0",
        "version": "x",
        "name": "pixverse.css",
    }
    return ["/pixverse" + route.path.format(**values) for route in APP.make().routes]


def test_airflow_has_loaded_the_pages_by_their_entry_point(web_app: FastAPI) -> None:
    mounts = {route.path: route.app for route in web_app.routes if isinstance(route, Mount)}
    assert mounts["/pixverse"] is APP
    assert APP.problem is None


def test_every_route_is_covered_by_the_one_dependency_and_there_is_no_mount_beside_them(
    web_app: FastAPI,
) -> None:
    routes = APP.make().routes
    assert [type(route) for route in routes] == [APIRoute] * len(routes)
    for route in routes:
        called = [dependency.call.__name__ for dependency in route.dependant.dependencies]
        assert "signed_in" in called, route.path
        assert route.methods == {"GET"}
        if "{dag_id}" in route.path:
            assert called.count("inner") == 2, route.path


def test_a_stranger_gets_nothing_from_any_route(world: World, stranger: Visitor) -> None:
    for address in addresses(world):
        answer = stranger.get(address)
        assert answer.status_code == 401, address
        assert answer.json() == {"detail": "Not logged in to Airflow."}


def test_a_stranger_with_a_browser_is_sent_to_log_in_and_back(world: World, stranger: Visitor) -> None:
    for address in addresses(world):
        answer = stranger.get(f"{address}?days=7&state=failed", headers=PAGE)
        assert answer.status_code == 303, address
        login = answer.headers["location"]
        path = address.replace("%3A", ":").replace("%2B", "+")
        assert login.startswith("/api/v2/auth/login?next="), login
        assert parse_qs(urlsplit(login).query)["next"] == [f"{path}?days=7&state=failed"]
        # Airflow takes the address as one of its own.
        onwards = stranger.get(login)
        assert onwards.status_code in (302, 303, 307), onwards.text


def test_a_forged_or_ended_session_is_that_of_a_stranger(world: World, stranger: Visitor) -> None:
    stranger.cookies.set("_token", "eyJhbGciOiJIUzUxMiJ9.e30.forged")
    assert stranger.get(world.page()).status_code == 401
    assert stranger.get(world.page(), headers=PAGE).status_code == 303


@pytest.mark.parametrize("path", ["docs", "openapi.json", "redoc", "nothing"])
def test_there_is_no_description_of_the_routes(ann: Visitor, path: str) -> None:
    assert ann.get(f"/pixverse/{path}").status_code == 404


@pytest.mark.parametrize("name", ["ann", "olga", "ulf", "bob"])
def test_everybody_of_the_simple_auth_manager_sees_the_videos(as_user: Any, world: World, name: str) -> None:
    visitor = as_user(name)
    assert world.video_id in visitor.see(world.page())
    assert "pages_video" in visitor.see("/pixverse/")
    assert visitor.get(world.page() + "/video/0").status_code == 302


def test_only_who_may_read_the_connection_sees_its_balance(as_user: Any, world: World) -> None:
    for name in ("ann", "olga"):
        assert "of the plan" in as_user(name).see("/pixverse/"), name
    for name in ("ulf", "bob"):
        page = as_user(name).see("/pixverse/")
        assert "of the plan" not in page, name
        assert "those who may read the connection" in page, name


def test_a_dag_that_is_denied_is_refused_on_every_route_of_it(world: World, bob: Visitor) -> None:
    tried = [address for address in addresses(world, DENIED_DAG) if DENIED_DAG in address]
    assert len(tried) >= 10
    for address in tried:
        assert bob.get(address).status_code == 403, address
        page = bob.get(address, headers=PAGE)
        assert page.status_code == 403
        assert "ask for access" in page.text


def test_a_dag_that_is_denied_is_in_no_list_and_in_no_sum(world: World, bob: Visitor, ann: Visitor) -> None:
    everything, allowed = ann.see("/pixverse/"), bob.see("/pixverse/")
    assert DENIED_DAG in everything
    assert DENIED_DAG not in allowed
    assert f"?dag={VIDEO_DAG}" in allowed.replace("&amp;", "&") or VIDEO_DAG in allowed
    assert DENIED_DAG not in bob.see(f"/pixverse/?dag={DENIED_DAG}").replace(
        f"<option selected>{DENIED_DAG}", ""
    )
    assert _sum(ann.see(f"/pixverse/?dag={DENIED_DAG}")) > 0
    assert _sum(bob.see(f"/pixverse/?dag={DENIED_DAG}")) == 0
    assert _sum(everything) == _sum(allowed) + _sum(ann.see(f"/pixverse/?dag={DENIED_DAG}"))


def _sum(page: str) -> float:
    return float(
        page.partition('id="spent">Credits per day <small>')[2].partition(" in all")[0].replace(",", "")
    )


def test_who_may_read_no_xcoms_sees_no_list_and_no_page(as_user: Any, world: World) -> None:
    visitor = as_user("nox")
    for address in ("/pixverse/", world.page(), world.run_page(MAPPED_DAG)):
        assert visitor.get(address).status_code == 403, address


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/dags/none/runs/none", 404),
        (f"/dags/{VIDEO_DAG}/runs/none", 404),
        (f"/dags/{VIDEO_DAG}/runs/none/tasks/make", 404),
        ("/dags/~/runs/~/tasks/~", 404),
        (f"/dags/{VIDEO_DAG}/runs/RUN/tasks/none", 404),
        (f"/dags/{VIDEO_DAG}/runs/RUN/tasks/make/mapped/7", 404),
        (f"/dags/{VIDEO_DAG}/runs/RUN/tasks/make/mapped/99999999999999999999", 422),
        (f"/dags/{VIDEO_DAG}/runs/RUN/tasks/make/mapped/one", 422),
        (f"/dags/{VIDEO_DAG}/runs/RUN/tasks/make/mapped/99999999999999999999/video/0", 422),
        (f"/dags/{VIDEO_DAG}/runs/RUN/tasks/make/mapped/-2/file/0", 422),
        (f"/dags/{VIDEO_DAG}/runs/RUN/tasks/make/video/0?map_index=99999999999999999999", 422),
        (f"/dags/{VIDEO_DAG}/runs/RUN/tasks/make/video/1", 404),
        (f"/dags/{VIDEO_DAG}/runs/RUN/tasks/make/video/-1", 422),
        (f"/dags/{VIDEO_DAG}/runs/RUN/tasks/make/video/99999", 422),
        (f"/dags/{VIDEO_DAG}/runs/{'r' * 300}", 422),
        (f"/dags/{VIDEO_DAG}/runs/a%00b", 422),
        ("/dags/a%0Ab/runs/x", 404),
        ("/assets/x/..%2f..%2fapp.py", 404),
        ("/assets/x/app.py", 404),
        ("/?days=100000", 422),
        ("/?page=0", 422),
        ("/?state=%00", 422),
    ],
)
def test_a_forged_or_oversized_id_finds_nothing(world: World, ann: Visitor, path: str, status: int) -> None:
    address = "/pixverse" + path.replace("RUN", world.runs[VIDEO_DAG].replace("+", "%2B"))
    for headers in ({}, PAGE):
        answer = ann.get(address, headers=headers)
        assert answer.status_code == status, answer.text[:300]
        assert "Traceback" not in answer.text


def test_every_answer_tells_the_browser_what_it_may_load(world: World, ann: Visitor) -> None:
    for address in [*addresses(world), "/pixverse/none"]:
        headers = ann.get(address, headers=PAGE).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'"), address
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_the_pages_have_no_script_and_no_style_of_their_own(world: World, ann: Visitor) -> None:
    for address in (world.page(), world.run_page(MAPPED_DAG), "/pixverse/"):
        page = ann.see(address)
        assert page.count("<script") == 1
        assert "<style" not in page
        assert " style=" not in page
        assert " onclick=" not in page


def test_the_files_beside_the_pages_may_be_kept_for_ever_and_change_their_address(
    world: World, ann: Visitor
) -> None:
    page = ann.see(world.page())
    address = page.partition('<link rel="stylesheet" href="')[2].partition('"')[0]
    answer = ann.get(address)
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert ann.get("/pixverse/assets/of-an-older-page/pixverse.css").headers["cache-control"] == "no-cache"


def test_airflow_lists_the_plugin_and_has_no_trouble_with_it(world: World, ann: Visitor) -> None:
    plugins = {plugin["name"]: plugin for plugin in ann.get("/api/v2/plugins?limit=100").json()["plugins"]}
    views = plugins["pixverse"]["external_views"]
    entry = views[0]
    # A plain link: with a route it would be shown in a frame, without full screen.
    assert (entry["destination"], entry["url_route"]) == ("nav", None)
    assert entry["href"].endswith("/pixverse/")
    assert ann.get(entry["href"], headers=PAGE).status_code == 200
    tabs = [view for view in views if view["destination"] == "task_instance"]
    # Below 3.4 a tab would show on every task of every DAG.
    assert len(tabs) == (1 if AIRFLOW >= (3, 4) else 0)
    for tab in tabs:
        assert "PixVerseLipSyncOperator" in tab["applies_to"]["task.operator_name"]
        address = tab["href"].format(
            DAG_ID=VIDEO_DAG,
            RUN_ID=world.runs[VIDEO_DAG].replace("+", "%2B"),
            TASK_ID="make",
            MAP_INDEX="-1",
        )
        assert world.video_id in ann.see(address)


def test_the_tab_names_every_operator_that_has_a_page() -> None:
    from pixverse_provider.get_provider_info import get_provider_info

    with_pages = set()
    for listed in ("operators", "sensors"):
        for module in (name for group in get_provider_info()[listed] for name in group["python-modules"]):
            names = importlib.import_module(module).__all__
            with_pages |= {name for name in names if not re.search(r"Upload|Balance|Credit|Generation", name)}
    assert set(registration._OPERATORS) == with_pages
