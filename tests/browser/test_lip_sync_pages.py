"""What a person sees of a finished lip sync run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.stack.fixtures import DAG_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.stack.fixtures import ObservedRun

LEFT_EDGE = "element => element.getBoundingClientRect().left"
TASKS = ("upload_video", "upload_audio", "lip_sync", "download")


@pytest.fixture
def run_page(page: Page, lip_sync_run: ObservedRun) -> Page:
    """The page of the finished run."""
    page.goto(f"dags/{DAG_ID}/runs/{lip_sync_run.run_id}")
    return page


def test_the_grid_shows_every_task_as_a_success(run_page: Page, screenshot: Callable[[str], None]) -> None:
    run_page.get_by_role("button", name="Show Grid").click()
    for task in TASKS:
        row = run_page.get_by_role("row").filter(has=run_page.get_by_role("link", name=task, exact=True))
        expect(row.get_by_text("Success")).to_be_visible()
    screenshot("grid")


def test_the_graph_leads_from_the_uploads_over_the_lip_sync_to_the_download(
    run_page: Page, screenshot: Callable[[str], None]
) -> None:
    run_page.get_by_role("button", name="Show Graph").click()
    nodes = {task: run_page.get_by_test_id(f"rf__node-{task}") for task in TASKS}
    for node in nodes.values():
        expect(node.get_by_test_id("state-badge")).to_have_text("success")
    screenshot("graph")

    left = {
        task: int(node.evaluate("node => node.getBoundingClientRect().left")) for task, node in nodes.items()
    }
    assert max(left["upload_video"], left["upload_audio"]) < left["lip_sync"] < left["download"]
