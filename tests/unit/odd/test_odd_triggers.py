"""A trigger of odd arguments, as a row that something else wrote: whatever it ends with can be stored."""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.exceptions import storable_text
from pixverse_provider.triggers.credit import PixVerseCreditTrigger
from pixverse_provider.triggers.pause import PixVersePauseTrigger
from pixverse_provider.triggers.video import PixVerseVideoTrigger
from tests.unit.connections import KEY
from tests.unit.odd.service import PixVerse, pixverse
from tests.unit.odd.values import FOR_EACH, ODD, Odd
from tests.unit.pixverse_in_time import START, event_of

if TYPE_CHECKING:
    from airflow.triggers.base import BaseTrigger

TIMES = {"started_at": START, "not_before": START + 7, "deadline": START + 60}
TRIGGERS: dict[type[BaseTrigger], dict[str, Any]] = {
    PixVerseVideoTrigger: TIMES
    | {"video_ids": ["7"], "poll_interval": 5.0, "job": None, "media_type": "video"},
    PixVerseCreditTrigger: TIMES | {"min_credits": 7, "poll_interval": 5.0},
    PixVersePauseTrigger: {"until": START + 7, "state": {}},
}
ARGUMENTS = [(cls, name) for cls, right in TRIGGERS.items() for name in right]

_LONGEST = 1000


def stored(value: object) -> Any:
    """Return a value as it comes back from the database, or a text where it never got there."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (RecursionError, TypeError, ValueError):
        text = ""
    # One of a million ids would only take its time.
    return json.loads(text) if 0 < len(text) < _LONGEST else "what no row holds"


def problem(service: PixVerse, cls: Any, arguments: dict[str, Any]) -> str | None:
    connection = {} if cls is PixVersePauseTrigger else {"pixverse_conn_id": "pixverse_default"}
    try:
        event_of(cls(**connection | arguments), service.clock)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what this looks for
        text = "".join(traceback.format_exception(error))
        return text if storable_text(text) != text or KEY in text or "for ever" in text else None
    assert service.paid == 0
    return None


@pytest.mark.parametrize(("cls", "name"), ARGUMENTS)
@FOR_EACH
@given(st.sampled_from(ODD))
def test_of_a_trigger(cls: Any, name: str, odd: Odd) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch, pixverse(monkeypatch) as service:
        assert problem(service, cls, TRIGGERS[cls] | {name: stored(odd.make())}) is None
