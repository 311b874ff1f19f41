"""A Chromium that looks at a real Airflow."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.stack.fixtures import DAGS, database, emulator, lip_sync_run
from tools.airflow_stack import AirflowStack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tools.emulator import EmulatorProcess

__all__ = ["database", "emulator", "lip_sync_run"]

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
SUB_PATH = "/airflow"
# A folder for the pictures that the tests take; by default they stay in pytest's temporary folder.
SCREENSHOTS_VARIABLE = "PIXVERSE_SCREENSHOTS"


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def airflow(
    emulator: EmulatorProcess, database: str | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowStack]:
    """Airflow below a sub-path, as behind many a proxy, with the examples and the DAGs of these tests."""
    home = tmp_path_factory.mktemp("airflow")
    dags = home / "dags"
    shutil.copytree(DAGS, dags)
    shutil.copytree(Path(__file__).parent / "dags", dags, dirs_exist_ok=True)
    environment = {"AIRFLOW_CONN_PIXVERSE_DEFAULT": emulator.connection}
    with AirflowStack(home, dags=dags, environment=environment, database=database, path=SUB_PATH) as stack:
        yield stack


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
    page = browser.new_page(base_url=f"{airflow.url}/", viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(TIMEOUT_MS)
    yield page
    page.close()


@pytest.fixture
def screenshot(page: Page, tmp_path: Path) -> Callable[[str], None]:
    """Take a picture of the page under a name."""
    folder = Path(os.environ.get(SCREENSHOTS_VARIABLE) or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def take(name: str) -> None:
        page.screenshot(path=folder / f"{name}.png", animations="disabled")

    return take
