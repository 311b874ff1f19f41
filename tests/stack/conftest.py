"""What the tests against real Airflow components share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stack.fixtures import airflow, database, emulator, lip_sync_run

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["airflow", "database", "emulator", "lip_sync_run"]


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    for item in items:
        if "stack" in item.path.parts:
            item.add_marker(pytest.mark.stack)
