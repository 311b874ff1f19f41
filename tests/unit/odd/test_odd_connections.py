"""A value of any type in any field of a connection works, or is refused in a sentence before a payment."""

from __future__ import annotations

import socket
from copy import copy
from functools import partial
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import Connection
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.pacing import RequestBudget
from pixverse_provider.hooks.connection import settings_from_connection, warnings_about
from pixverse_provider.hooks.pixverse import PixVerseHook
from tests.unit.connections import KEY
from tests.unit.odd.rule import problem, wrong_sentence
from tests.unit.odd.service import API, pixverse
from tests.unit.odd.test_odd_arguments import to_its_end
from tests.unit.odd.values import BROKEN, ODD, ODD_VALUES, Odd

FIELDS = ("conn_type", "host", "port", "schema", "login", "password", "extra")
EXTRAS = ("timeout", "max_requests_per_second")
NAME = "connection 'pixverse_default'"

# What somebody may have put into the wrong field.
_TEXTS = (
    KEY,
    f"https://{KEY}@gw",
    f"https://gw/{KEY}",
    f'{{"timeout": "{KEY}"}}',
    f'{{"timeout": ["{KEY}"]}}',
    f"[{KEY}]",
    f"{KEY}\n",
    f"{KEY}:8443",
)
MISPLACED = tuple(
    Odd(f"the key in {value!r}", partial(copy, value)) for value in (*_TEXTS, [KEY], {KEY: KEY})
)


def connection(odd: dict[str, Any]) -> Connection:
    """Return a connection as a secrets backend may make it, which checks nothing."""
    made = Connection(conn_id="pixverse_default", conn_type="pixverse", host=API, password=KEY)
    for field, value in odd.items():
        setattr(made, field, value)
    return made


def read(odd: dict[str, Any]) -> None:
    found = connection(odd)
    settings = settings_from_connection(found)
    warnings_about(found, settings)
    settings.checked()
    # What both clients do with them before anything is sent.
    with socket.socket() as probe:
        probe.settimeout(settings.timeout)
    budget = RequestBudget(settings.max_requests_per_second)
    assert budget.take(0.0) + budget.take(0.0) <= 200, "it would wait for ever"


@pytest.mark.parametrize("field", FIELDS)
def test_of_a_field(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    found = {}
    with pixverse(monkeypatch) as service:
        for odd in ODD + BROKEN + MISPLACED:
            found[odd.name] = problem(lambda: read({field: odd.make()}), service, NAME)  # noqa: B023
    assert {name: said for name, said in found.items() if said} == {}


@pytest.mark.parametrize("name", EXTRAS)
def test_of_an_extra(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    found = {}
    with pixverse(monkeypatch) as service:
        for odd in ODD + BROKEN + MISPLACED:
            extra = {name: odd.make()}
            found[odd.name] = problem(lambda: read({"extra": extra}), service, NAME)  # noqa: B023
    assert {name: said for name, said in found.items() if said} == {}


@given(st.dictionaries(st.sampled_from(FIELDS), ODD_VALUES | st.sampled_from(MISPLACED), max_size=4))
def test_of_several_fields_at_once(odd: dict[str, Odd]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch, pixverse(monkeypatch) as service:
        found = connection({field: value.make() for field, value in odd.items()})
        monkeypatch.setattr(PixVerseHook, "get_connection", lambda _: found)
        arguments = {"source_video_id": 7, "img_id": 7, "quality": "360p"}
        run = lambda: to_its_end(service, "PixVerseMimicOperator", arguments)  # noqa: E731
        assert problem(run, service, "onnection 'pixverse_default'", "environment") is None
        works, text = PixVerseHook().test_connection()
        assert works or wrong_sentence(text, NAME) is None
        assert KEY not in text
