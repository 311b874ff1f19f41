"""Connections of the tests, given to Airflow as its users do: in the environment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

KEY = "sk-1234567890abcdef"


def set_connection(
    monkeypatch: pytest.MonkeyPatch, host: str | None, *, conn_id: str = "pixverse_default", **fields: Any
) -> None:
    """Make a connection of type ``pixverse`` known to Airflow."""
    connection = {"conn_type": "pixverse", "host": host, "password": KEY} | fields
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
