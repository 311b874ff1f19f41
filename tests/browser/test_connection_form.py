"""What a person sees who adds a PixVerse connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from tools.airflow_stack import AirflowStack


@pytest.fixture
def form(page: Page) -> Locator:
    """The form for a new connection, with PixVerse chosen as its type."""
    page.goto("connections")
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Connection Type").fill("PixVerse")
    page.get_by_role("option", name="PixVerse", exact=True).click()
    return form


def test_it_asks_for_the_api_key_and_the_base_url_and_for_nothing_that_is_not_used(
    form: Locator, screenshot: Callable[[str], None]
) -> None:
    expect(form.get_by_label("API Key")).to_be_visible()
    expect(form.get_by_label("Base URL")).to_be_visible()
    screenshot("connection-form")
    for unused in ("Schema", "Port", "Login", "Password", "Host"):
        expect(form.get_by_label(unused, exact=True)).to_have_count(0)


def test_the_key_is_not_readable_while_it_is_typed(form: Locator) -> None:
    expect(form.get_by_label("API Key")).to_have_attribute("type", "password")


def test_the_settings_of_the_provider_are_fields_with_an_explanation(
    form: Locator, screenshot: Callable[[str], None]
) -> None:
    form.get_by_role("button", name="Extra Fields", exact=True).click()

    expect(form.get_by_label("Timeout")).to_be_visible()
    expect(form.get_by_label("Max requests per second")).to_be_visible()
    expect(form.get_by_text("Seconds to wait for the answer to one request")).to_be_visible()
    screenshot("connection-form-extra-fields")


def test_a_saved_connection_is_listed_and_its_key_is_not_given_out(
    form: Locator, page: Page, airflow: AirflowStack, screenshot: Callable[[str], None]
) -> None:
    form.get_by_label("Connection ID").fill("pixverse_by_hand")
    form.get_by_label("API Key").fill("a-key-typed-by-hand")
    form.get_by_role("button", name="Save").click()

    expect(page.get_by_role("row").filter(has_text="pixverse_by_hand")).to_be_visible()
    screenshot("connection-saved")
    saved = airflow.api.get("api/v2/connections/pixverse_by_hand")
    assert (saved["conn_type"], saved["password"]) == ("pixverse", "***")
    # The dialog that the key was typed into fades out; what counts is what the server gives out.
    page.reload()
    expect(page.get_by_role("row").filter(has_text="pixverse_by_hand")).to_be_visible()
    assert "a-key-typed-by-hand" not in page.content()
