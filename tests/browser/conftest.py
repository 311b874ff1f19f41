"""A Chromium that looks at a real Airflow."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.stack.fixtures import airflow, database, emulator, lip_sync_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tools.airflow_stack import AirflowStack

__all__ = ["airflow", "database", "emulator", "lip_sync_run"]

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
# No sandbox, since root has none in a container; the rest keeps it from calling home.
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TIMEOUT_MS = 30_000
# A folder for the pictures that the tests take; by default they stay in pytest's temporary folder.
SCREENSHOTS_VARIABLE = "PIXVERSE_SCREENSHOTS"


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    found = [path for path in map(shutil.which, CHROMIUM_NAMES) if path]
    if not found:
        pytest.fail("Chromium is not on PATH (Debian and Ubuntu: apt install chromium)", pytrace=False)
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found[0], args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, airflow: AirflowStack) -> Iterator[Page]:
    """An empty page whose addresses are relative to Airflow."""
    page = browser.new_page(base_url=airflow.url, viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(TIMEOUT_MS)
    yield page
    page.close()


@pytest.fixture
def screenshot(page: Page, tmp_path: Path) -> Callable[[str], None]:
    """Take a picture of the page under a name."""
    folder = Path(os.environ.get(SCREENSHOTS_VARIABLE) or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def take(name: str) -> None:
        page.screenshot(path=folder / f"{name}.png")

    return take
