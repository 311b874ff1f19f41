"""Airflow knows the provider: on its command line and in the form for a connection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.airflow_stack import AirflowStack


def test_the_command_line_lists_the_provider_and_its_hook(airflow: AirflowStack) -> None:
    (provider,) = json.loads(airflow.command("providers", "get", "airflow-provider-pixverse", "-o", "json"))
    hooks = json.loads(airflow.command("providers", "hooks", "-o", "json"))

    assert provider["Provider"] == "airflow-provider-pixverse"
    assert [hook["class"] for hook in hooks if hook["connection_type"] == "pixverse"] == [
        "pixverse_provider.hooks.pixverse.PixVerseHook"
    ]


def test_the_connection_form_asks_for_an_api_key_and_a_base_url_and_for_nothing_it_does_not_use(
    airflow: AirflowStack,
) -> None:
    forms = {form["connection_type"]: form for form in airflow.api.get("ui/connections/hook_meta")}
    form = forms["pixverse"]

    fields = form["standard_fields"]
    assert form["hook_name"] == "PixVerse"
    assert fields["password"]["title"] == "API Key"
    assert fields["host"]["title"] == "Base URL"
    assert {name for name, field in fields.items() if field and field["hidden"]} == {
        "url_schema",
        "port",
        "login",
    }
