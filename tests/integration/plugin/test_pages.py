"""What the pages say: of a task, of a run, and of the installation."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.plugin.conftest import MAPPED_DAG, VIDEO_DAG

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.plugin.conftest import Visitor, World


def words_of(page: str) -> str:
    """Return what a person reads."""
    text = re.sub(r"<[^>]+>", " ", page.partition("<main")[2])
    return re.sub(r"\s+", " ", html.unescape(text))


def test_the_page_of_a_task_says_which_job_it_was_and_what_it_cost(world: World, ann: Visitor) -> None:
    words = words_of(ann.see(world.page()))
    charged = world.emulator.job(int(world.video_id))["charged"]
    for said in (
        f"Job id {world.video_id}",
        "Trace id",
        f"Credits {charged} charged",
        "Operation Text to video",
        "Connection pixverse_pages",
        "Task state success",
        "At PixVerse now done",
        f"Landed at {world.landed}",
        '"prompt": "a quiet river"',
        "Download",
    ):
        assert said in words, words


@pytest.mark.parametrize("task", ["wait", "land"])
def test_a_task_that_waits_for_a_video_or_lands_it_shows_it_and_speaks_of_no_payment(
    world: World, ann: Visitor, task: str
) -> None:
    page = ann.see(world.page(task))
    assert f'src="{world.page(task)}/video/0"' in page
    assert "charged" not in words_of(page)
    assert "Tries" not in words_of(page)
    assert ann.get(f"{world.page(task)}/video/0").status_code == 302


def test_a_large_id_is_shown_to_its_last_digit(world: World, ann: Visitor) -> None:
    assert re.fullmatch(r"\d{5,20}", world.video_id)
    assert f"<code data-copy>{world.video_id}</code>" in ann.see(world.page())


def test_a_mapped_task_has_a_tile_for_each_index_and_a_page_for_each(world: World, ann: Visitor) -> None:
    page = ann.see(world.page(dag_id=MAPPED_DAG))
    assert page.count('class="tile"') == 3
    words = words_of(page)
    for state in ("success", "failed", "moderated"):
        assert f"1 {state}" in words
    failed = ann.see(world.page(dag_id=MAPPED_DAG, map_index=1))
    assert '<span class="badge s-failed">failed</span>' in failed
    moderated = words_of(ann.see(world.page(dag_id=MAPPED_DAG, map_index=2)))
    assert "Refused by the moderation" in moderated
    assert "refunded" in words


def test_the_gallery_of_a_run_is_filtered_by_its_address(world: World, ann: Visitor) -> None:
    address = world.run_page(MAPPED_DAG)
    assert ann.see(address).count('class="tile"') == 3
    assert ann.see(f"{address}?state=failed").count('class="tile"') == 1
    assert ann.see(f"{address}?state=deleted").count('class="tile"') == 0
    assert ann.see(f"{address}?text=boat&task=make").count('class="tile"') <= 1


def test_the_installation_has_a_chart_with_words_and_numbers(world: World, ann: Visitor) -> None:
    page = ann.see("/pixverse/")
    assert '<svg class="chart wide"' in page
    assert re.search(rf"<title>\d{{4}}-\d\d-\d\d, {VIDEO_DAG}: [\d,]+ credits</title>", page)
    assert "of the plan" in page


def test_the_status_of_a_page_changes_with_what_it_shows_only(world: World, ann: Visitor) -> None:
    addresses = (world.page(), world.page(dag_id=MAPPED_DAG), world.run_page(MAPPED_DAG))
    for address in addresses:
        first = ann.get(f"{address}/status").json()
        assert first == ann.get(f"{address}/status").json()
        assert set(first) == {"digest"}


def test_every_page_leads_back_to_its_task_and_run_in_airflow(world: World, ann: Visitor) -> None:
    page = ann.see(world.page(dag_id=MAPPED_DAG, map_index=1))
    links = re.findall(r'href="([^"]+)"', page)
    run = world.page(dag_id=MAPPED_DAG).split("/")[5]
    assert f"/dags/{MAPPED_DAG}/runs/{run}/tasks/make/mapped/1" in links
    assert f"/pixverse/dags/{MAPPED_DAG}/runs/{run}" in links
    assert "/pixverse/" in links


@pytest.mark.parametrize("stripped", [False, True], ids=["proxy keeps the prefix", "proxy strips the prefix"])
def test_below_a_sub_path_every_link_has_it(world: World, ann: Visitor, *, stripped: bool) -> None:
    from fastapi import FastAPI
    from starlette.testclient import TestClient

    from pixverse_provider.plugin.state import APP

    outer = FastAPI(root_path="/airflow")
    outer.mount("/pixverse", APP)
    client = TestClient(outer, cookies=dict(ann.cookies), follow_redirects=False)
    address = world.page()
    answer = client.get(address if stripped else f"/airflow{address}", headers={"accept": "text/html"})
    assert answer.status_code == 200
    links = re.findall(r'(?:href|src)="([^"#]+)"', answer.text)
    assert len(links) > 8
    assert [link for link in links if not link.startswith("/airflow/")] == []
    video = re.search(r'data-player src="([^"]+)"', answer.text)
    assert video
    asked = video[1].removeprefix("/airflow") if stripped else video[1]
    assert client.get(asked).status_code == 302


def test_the_request_is_json_that_can_be_read_and_whole_numbers_stay_whole(
    world: World, ann: Visitor
) -> None:
    page = ann.see(world.page())
    text = html.unescape(page.partition("<pre")[2].partition("<code>")[2].partition("</code>")[0])
    request: dict[str, Any] = json.loads(text)
    assert request["prompt"] == "a quiet river"
    assert str(request["duration"]) == "5"


def test_a_page_says_that_airflow_keeps_the_rendered_fields_no_longer(
    world: World, ann: Visitor, set_xcom: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pixverse_provider.plugin import versions

    set_xcom("land", "landed", [{"video_id": world.video_id, "uri": str(world.landed), "size": 1}])
    monkeypatch.setattr(versions, "rendered_fields", lambda *_: None)
    words = words_of(ann.see(world.page()))
    assert "Connection not known any more" in words
    assert "of this one no more" in words
    # The constant part of the destination still says where it may be.
    assert ann.get(f"{world.page()}/video/0").content == world.landed.read_bytes()


def test_a_run_with_many_videos_asks_the_database_as_often_as_one_with_few(
    world: World, ann: Visitor
) -> None:
    few = statements_of(lambda: ann.see(world.run_page(MAPPED_DAG)))
    add_indexes(MAPPED_DAG, world.runs[MAPPED_DAG], 497)
    try:
        pages: list[str] = []
        many = statements_of(lambda: pages.append(ann.see(world.run_page(MAPPED_DAG))))
        assert many == few
        assert words_of(pages[0]).count("500 jobs") == 1
        assert pages[0].count('class="tile"') == 200
        assert "Page 1 of 3" in words_of(pages[0])
        assert ann.see(f"{world.run_page(MAPPED_DAG)}?page=3").count('class="tile"') == 100
        # A player costs no request for each of them, before it is in view.
        assert pages[0].count(' src="') < 5
    finally:
        remove_indexes(MAPPED_DAG, world.runs[MAPPED_DAG], 3)


def statements_of(action: Callable[[], object]) -> int:
    """Return how many statements the database gets for it."""
    from airflow import settings
    from sqlalchemy import event

    counted: list[str] = []

    def count(*arguments: Any) -> None:
        # Airflow asks for the team of a DAG once in a while only.
        if " team " not in str(arguments[2]):
            counted.append(str(arguments[2]))

    engine = settings.engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        action()
    finally:
        event.remove(engine, "before_cursor_execute", count)
    return len(counted)


def _tables() -> tuple[Any, str]:
    from airflow.models.taskinstance import TaskInstance

    table: Any = TaskInstance.__table__
    return table, "map_index" if "map_index" in table.c else "region_index"


def add_indexes(dag_id: str, run_id: str, count: int) -> None:
    """Let a mapped task have more indexes, each with a video."""
    from uuid import uuid4

    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    table, index = _tables()
    with create_session() as session:
        row = (
            session.execute(
                select(table).where(table.c.dag_id == dag_id, table.c.run_id == run_id, table.c[index] == 0)
            )
            .mappings()
            .one()
        )
        numbers = range(3, 3 + count)
        new_id = (lambda: str(uuid4())) if isinstance(row["id"], str) else uuid4
        session.execute(table.insert(), [{**row, "id": new_id(), index: number} for number in numbers])
    with create_session() as session:
        for number in numbers:
            XComModel.set(
                key="video",
                value={
                    "video_id": str(10**15 + number),
                    "status": 1,
                    "credits": 45,
                    "prompt": f"number {number}",
                },
                task_id="make",
                dag_id=dag_id,
                run_id=run_id,
                map_index=number,
                session=session,
            )


def remove_indexes(dag_id: str, run_id: str, first: int) -> None:
    """Take them away again, with their XComs."""
    from airflow.utils.session import create_session

    table, index = _tables()
    with create_session() as session:
        session.execute(
            table.delete().where(table.c.dag_id == dag_id, table.c.run_id == run_id, table.c[index] >= first)
        )
