"""Each row of the page "What happens when" names the tests that show it."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "what-happens-when.md"
ROWS = [
    line
    for line in PAGE.read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| What ") and not line.startswith("|---")
]


@cache
def names_of_tests(folder: Path) -> set[str]:
    return {
        node.name
        for file in folder.rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def named_in(text: str) -> set[str]:
    return set(re.findall(r"`(test_\w+)`", text))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:50])
def test_each_row_names_tests_that_exist(row: str) -> None:
    names = named_in(row.split("|")[-2])
    assert names
    assert names <= names_of_tests(PROJECT / "tests")


def test_everything_that_is_broken_on_a_real_airflow_is_on_the_page() -> None:
    assert names_of_tests(PROJECT / "tests" / "failures") <= named_in(PAGE.read_text())
