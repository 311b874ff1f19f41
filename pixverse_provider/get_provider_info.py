"""Metadata that Airflow reads to show this provider; imports nothing of Airflow."""

from __future__ import annotations

from typing import Any

from pixverse_provider import __version__

__all__ = ["CONN_FIELDS", "UI_FIELD_BEHAVIOUR", "get_provider_info"]

_INTEGRATION = "PixVerse"

UI_FIELD_BEHAVIOUR: dict[str, Any] = {
    "hidden-fields": ["schema", "port", "login"],
    "relabeling": {"password": "API Key", "host": "Base URL"},
    "placeholders": {
        "host": "https://app-api.pixverse.ai/openapi/v2 (default)",
        "password": "API key from platform.pixverse.ai",
    },
}

# The hook holds every connection to these ranges, wherever it comes from.
CONN_FIELDS: dict[str, dict[str, Any]] = {
    "timeout": {
        "label": "Timeout",
        "description": "Seconds to wait for the answer to one request, from 0.1 to 86400. Default 30.",
        "schema": {"type": ["number", "null"], "minimum": 0.1, "maximum": 86_400},
    },
    "max_requests_per_second": {
        "label": "Max requests per second",
        "description": "Budget for all requests of one process, from 0.01 to 10000. Empty: no limit.",
        "schema": {"type": ["number", "null"], "minimum": 0.01, "maximum": 10_000},
    },
}


def get_provider_info() -> dict[str, Any]:
    """Return the metadata of this provider, in the form of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-provider-pixverse",
        "name": "PixVerse",
        "description": "PixVerse AI video and lip sync as ordinary steps of an Airflow DAG.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://docs.platform.pixverse.ai/",
                "tags": ["service"],
            }
        ],
        "hooks": [{"integration-name": _INTEGRATION, "python-modules": ["pixverse_provider.hooks.pixverse"]}],
        "operators": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": [
                    "pixverse_provider.operators.account",
                    "pixverse_provider.operators.download",
                    "pixverse_provider.operators.edit",
                    "pixverse_provider.operators.generation",
                    "pixverse_provider.operators.image",
                    "pixverse_provider.operators.lip_sync",
                    "pixverse_provider.operators.references",
                    "pixverse_provider.operators.upload",
                    "pixverse_provider.operators.video",
                ],
            }
        ],
        "sensors": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": ["pixverse_provider.sensors.credit", "pixverse_provider.sensors.video"],
            }
        ],
        "triggers": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": [
                    "pixverse_provider.triggers.credit",
                    "pixverse_provider.triggers.pause",
                    "pixverse_provider.triggers.video",
                ],
            }
        ],
        "connection-types": [
            {
                "connection-type": "pixverse",
                "hook-class-name": "pixverse_provider.hooks.pixverse.PixVerseHook",
                "hook-name": "PixVerse",
                "ui-field-behaviour": UI_FIELD_BEHAVIOUR,
                "conn-fields": CONN_FIELDS,
            }
        ],
    }
