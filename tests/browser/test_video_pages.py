"""What a person sees of the videos: while they are made, when they are there, and of those that failed."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from pixverse_provider.links import page_path
from tests.browser.conftest import TIMEOUT_MS
from tests.stack.fixtures import DAG_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.stack.fixtures import ObservedRun
    from tools.airflow_stack import AirflowStack

GALLERY = "video_gallery"
RUN_TIMEOUT = 300.0
SERIOUS = ("serious", "critical")


@dataclass
class GalleryRun:
    """A run with every ending, and what its page showed while a task was deferred.

    :param words: of the page of a deferred task.
    :param link: the operator link of that task, as Airflow gave it then.
    """

    run_id: str
    words: str
    link: str | None = None

    @property
    def address(self) -> str:
        return f"pixverse/dags/{GALLERY}/runs/{quote(self.run_id, safe='')}"

    def task(self, task_id: str, map_index: int = -1) -> str:
        return page_path(GALLERY, self.run_id, task_id, map_index)


@pytest.fixture(scope="module")
def gallery(airflow: AirflowStack, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> GalleryRun:
    """Run the DAG to its end, and look at the page of a task while it is deferred."""
    api = airflow.api
    api.wait_for_dag(GALLERY, file="video_gallery.py")
    run = GalleryRun(api.trigger(GALLERY, {"folder": f"{tmp_path_factory.mktemp('landed')}/"}), "")
    for change in api.watch_run(GALLERY, run.run_id, RUN_TIMEOUT):
        task = change.task
        if task and (task.task_id, task.state) == ("still", "deferred") and not run.words:
            page = browser.new_page(base_url=f"{airflow.url}/")
            page.goto(run.task("still"))
            run.words = page.inner_text("main")
            links = f"api/v2/dags/{GALLERY}/dagRuns/{quote(run.run_id, safe='')}/taskInstances/still/links"
            run.link = api.get(links)["extra_links"]["PixVerse video"]
            # It refreshes itself: nobody reloads it.
            expect(page.locator("video.player")).to_be_visible(timeout=120_000)
            page.close()
    return run


@pytest.fixture
def dark_page(browser: Browser, airflow: AirflowStack) -> Iterator[Page]:
    """A page of somebody who likes it dark."""
    page = browser.new_page(base_url=f"{airflow.url}/", color_scheme="dark")
    yield page
    page.close()


@pytest.fixture
def problems(page: Page) -> list[str]:
    """What the browser complains about, such as something that the policy of the page forbids."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def lip_sync_page(run: ObservedRun, task_id: str = "lip_sync") -> str:
    return page_path(DAG_ID, run.run_id, task_id)


def wait_until(page: Page, expression: str) -> None:
    """Wait for a JavaScript expression to be true.

    Playwright's own way evaluates it in the page, whose policy forbids that from the second time on.
    """
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(100)


def hosts_asked(page: Page) -> set[str]:
    """Collect the hosts that a page asks."""
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    return hosts


def test_the_video_plays_with_seeking_and_full_screen_and_can_be_downloaded(
    page: Page, lip_sync_run: ObservedRun, problems: list[str], screenshot: Callable[[str], None]
) -> None:
    page.goto(lip_sync_page(lip_sync_run))
    video = page.locator("video.player")
    expect(page.locator("#length")).to_contain_text("s,")
    screenshot("video-page")
    assert video.evaluate("video => video.seekable.length && video.seekable.end(0)") > 3
    assert video.evaluate("() => document.fullscreenEnabled")
    assert video.evaluate("video => video.controls")
    video.evaluate("video => { video.muted = true; return video.play(); }")
    wait_until(page, "document.querySelector('video.player').currentTime > 0.3")
    video.evaluate("video => { video.currentTime = 3; }")
    wait_until(page, "document.querySelector('video.player').currentTime >= 3")
    video.evaluate("video => video.requestFullscreen()")
    wait_until(page, "document.fullscreenElement !== null")
    page.evaluate("document.exitFullscreen()")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert re.fullmatch(r"\d+\.mp4", download.value.suggested_filename)
    assert download.value.path().read_bytes() == lip_sync_run.video.read_bytes()
    assert problems == []


def test_the_page_asks_no_other_host_but_airflow_and_the_one_that_has_the_video(
    page: Page, lip_sync_run: ObservedRun, airflow: AirflowStack
) -> None:
    hosts = hosts_asked(page)
    page.goto(lip_sync_page(lip_sync_run))
    expect(page.locator("#length")).to_contain_text("s,")
    assert len(hosts) == 2
    assert airflow.url.split("/")[2] in hosts


def test_a_player_whose_address_is_no_longer_good_begins_again_where_it_was(
    page: Page, lip_sync_run: ObservedRun
) -> None:
    page.goto(lip_sync_page(lip_sync_run))
    expect(page.locator("#length")).to_contain_text("s,")
    video = page.locator("video.player")
    video.evaluate("video => { video.currentTime = 2; }")
    # What a browser says of an address that is refused.
    video.evaluate("video => video.dispatchEvent(new Event('error'))")
    wait_until(page, "document.querySelector('video.player').src.includes('again=')")
    wait_until(page, "document.querySelector('video.player').currentTime >= 2")
    # And where that is of no use, the video comes over Airflow.
    video.evaluate("video => video.dispatchEvent(new Event('error'))")
    wait_until(page, "document.querySelector('video.player').src.includes('through=true')")
    wait_until(page, "document.querySelector('video.player').readyState >= 1")


def test_airflow_has_a_link_to_the_page_while_the_task_is_deferred_and_after_a_failure(
    page: Page, gallery: GalleryRun
) -> None:
    assert gallery.link == gallery.task("still")
    page.goto(f"dags/{GALLERY}/runs/{quote(gallery.run_id, safe='')}/tasks/clip/mapped/2/details")
    link = page.get_by_role("link", name="PixVerse video").last
    expect(link).to_be_visible()
    link.click()
    expect(page.get_by_role("alert")).to_contain_text("failed at PixVerse")
    assert page.url.endswith(f"/airflow/{gallery.task('clip', 2)}")


def test_while_the_job_runs_the_page_says_since_when_and_then_shows_the_video_by_itself(
    gallery: GalleryRun,
) -> None:
    assert "running" in gallery.words
    assert "since" in gallery.words
    assert "PixVerse is generating it" in gallery.words


def test_the_gallery_shows_every_video_of_the_run_and_why_others_have_none(
    page: Page, gallery: GalleryRun, problems: list[str], screenshot: Callable[[str], None]
) -> None:
    page.goto(gallery.address)
    tiles = page.locator(".tile")
    expect(tiles).to_have_count(7)
    for state, count in (("success", 5), ("failed", 1), ("moderated", 1)):
        expect(tiles.filter(has=page.locator(f".badge.s-{state}"))).to_have_count(count)
    expect(page.locator(".numbers")).to_contain_text("90 refunded")
    # Frames are loaded where they are in view.
    wait_until(page, "document.querySelector('.cover video').readyState >= 2")
    screenshot("gallery")
    page.get_by_label("State").select_option("failed")
    page.get_by_role("button", name="Filter").click()
    expect(tiles).to_have_count(1)
    assert "state=failed" in page.url
    expect(tiles).to_contain_text("failed at PixVerse")
    tiles.get_by_role("link").last.click()
    expect(page.get_by_role("alert")).to_contain_text("failed at PixVerse")
    screenshot("failed-video-page")
    assert problems == []


def test_a_mapped_task_has_a_tile_for_each_index(page: Page, gallery: GalleryRun) -> None:
    page.goto(gallery.task("clip"))
    expect(page.locator(".tile")).to_have_count(6)


def test_the_installation_has_a_chart_a_balance_and_the_latest_videos(
    page: Page, gallery: GalleryRun, problems: list[str], screenshot: Callable[[str], None]
) -> None:
    page.goto("pixverse/")
    chart = page.locator("svg.chart.wide")
    expect(chart).to_be_visible()
    expect(chart.locator("rect")).not_to_have_count(0)
    expect(page.get_by_text("of the plan")).to_be_visible()
    expect(page.locator(".tile").first).to_be_visible()
    wait_until(page, "document.querySelector('.cover video').readyState >= 2")
    screenshot("installation")
    page.locator(".legend").get_by_role("link", name=GALLERY).click()
    assert f"dag={GALLERY}" in page.url
    assert problems == []


def test_airflow_leads_to_the_pages_and_they_lead_back(page: Page, gallery: GalleryRun) -> None:
    page.goto("")
    page.get_by_role("button", name="Browse").click()
    entry = page.get_by_role("menuitem", name="PixVerse videos").or_(
        page.get_by_role("link", name="PixVerse videos")
    )
    expect(entry.first).to_be_visible()
    link = page.locator('a[href*="/pixverse/"]').first
    assert str(link.get_attribute("href")).endswith("/airflow/pixverse/")
    page.goto(gallery.task("clip", 0))
    page.get_by_role("link", name="Task in Airflow").click()
    expect(page).to_have_url(re.compile(rf"/airflow/dags/{GALLERY}/runs/.*/tasks/clip/mapped/0"))


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_in_both_themes_and_fits_a_narrow_window(
    browser: Browser,
    airflow: AirflowStack,
    gallery: GalleryRun,
    lip_sync_run: ObservedRun,
    tmp_path: Path,
    scheme: Any,
    width: int,
) -> None:
    page = browser.new_page(
        base_url=f"{airflow.url}/", color_scheme=scheme, viewport={"width": width, "height": 900}
    )
    pages = {
        "video": lip_sync_page(lip_sync_run),
        "failed": gallery.task("clip", 2),
        "run": gallery.address,
        "download": lip_sync_page(lip_sync_run, "download"),
        "installation": "pixverse/",
        "nothing": "pixverse/dags/none/runs/none",
    }
    for name, address in pages.items():
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.screenshot(path=tmp_path / f"{name}-{scheme}-{width}.png", full_page=True, animations="disabled")
        found = Axe().run(page).response["violations"]
        serious = [(rule["id"], rule["nodes"][0]["html"]) for rule in found if rule["impact"] in SERIOUS]
        assert serious == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate(f"document.documentElement.classList.contains('{scheme}')"), name
    page.close()


def test_the_theme_is_the_one_that_was_chosen_in_airflow(dark_page: Page, gallery: GalleryRun) -> None:
    dark_page.goto(gallery.address)
    expect(dark_page.locator("html")).to_have_class("dark")
    dark_page.evaluate("localStorage.setItem('theme', 'light')")
    dark_page.reload()
    expect(dark_page.locator("html")).to_have_class("light")


def test_everything_can_be_reached_with_the_keyboard(page: Page, gallery: GalleryRun) -> None:
    page.goto(gallery.address)
    reached: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(
            str(page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()"))
        )
    assert reached[0] == "Skip to the content"
    for name in ("Airflow", "Run in Airflow", "state", "Filter", "still"):
        assert name in [text.split("\n")[0] for text in reached], (name, reached)
