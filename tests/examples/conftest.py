"""The examples run in the same Airflow as the tests of the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stack.fixtures import airflow, database, emulator

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["airflow", "database", "emulator"]


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    for item in items:
        if "examples" in item.path.parts:
            item.add_marker(pytest.mark.stack)
