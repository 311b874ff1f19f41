"""The page of all endpoints says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest

from pixverse_provider.api.generations import MaskSelectionRequest
from pixverse_provider.emulator.http.routes import api_router
from pixverse_provider.hooks.pixverse import PixVerseHook
from tests.support.kinds import NAMES, Ids, public_tasks, request_class, smallest
from tests.unit.openapi import contract

PAGE = Path(__file__).parents[3] / "docs" / "endpoints.md"

_ROW = re.compile(r"^\| (?P<method>GET|POST) `(?P<path>/[^`]+)` \|(?P<cells>.*)\|$", re.MULTILINE)
ROWS = {
    (match["method"], match["path"]): [cell.strip() for cell in match["cells"].split("|")]
    for match in _ROW.finditer(PAGE.read_text(encoding="utf-8"))
}
every_row = pytest.mark.parametrize("row", ROWS, ids=" ".join)


def named_in(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def path_of(name: str) -> str | None:
    request = getattr(public_tasks()[name], "request_class", None)
    return None if request is None else str(request.path)


def test_every_documented_endpoint_has_a_row_and_no_other() -> None:
    documented = {
        (method.upper(), path)
        for path, operations in contract()["paths"].items()
        for method, operation in operations.items()
        if "newer" not in operation["tags"]
    }
    assert ROWS.keys() == documented


@every_row
def test_the_operators_of_a_row_call_it(row: tuple[str, str]) -> None:
    for name in named_in(ROWS[row][0]):
        assert path_of(name) in (None, row[1]), name


def test_every_operator_and_sensor_has_a_row() -> None:
    listed = {name for cells in ROWS.values() for name in named_in(cells[0])}
    assert listed == public_tasks().keys() - {"PixVerseGenerationOperator"}


@every_row
def test_the_calls_of_a_row_are_those_of_the_hook(row: tuple[str, str]) -> None:
    calls = named_in(ROWS[row][1])
    assert calls
    assert [name for name in calls if not callable(getattr(PixVerseHook, name, None))] == []


@every_row
def test_the_emulator_has_what_the_row_says(row: tuple[str, str]) -> None:
    router = api_router(cast("Any", None), cast("Any", None))
    routes = {(method, route.path) for route in cast("Any", router.routes) for method in route.methods}
    assert ROWS[row][2] == ("yes" if row in routes else "no")


@every_row
def test_a_row_is_free_where_nothing_is_paid(row: tuple[str, str]) -> None:
    paid = {request_class(name).path for name in NAMES} | {MaskSelectionRequest.path}
    assert (ROWS[row][3] == "free") is (row[1] not in paid)


@pytest.mark.parametrize("name", NAMES)
def test_a_price_that_is_not_known_beforehand_is_said_to_be(name: str) -> None:
    price = ROWS["POST", request_class(name).path][3]
    known = request_class(name)(**smallest(name, Ids())).estimated_credits() is not None
    # The text of a lip sync is priced by its length, an audio is not.
    assert ("(operators.md#clip-options)" in price) or name == "LipSync" or not known
    assert ("not known beforehand" in price) or known
