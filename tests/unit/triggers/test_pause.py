"""The trigger of a pause: it fires at its time and gives back what it was given."""

from __future__ import annotations

import json

import pytest

from pixverse_provider.triggers.pause import PixVersePauseTrigger
from tests.unit.own_log import OwnLog
from tests.unit.pixverse_in_time import START, Clock, event_of

STATE = {"deadline": START + 600, "pauses": 2, "internal_errors": 1, "job": None}


def test_it_comes_back_from_the_database_as_it_went() -> None:
    path, arguments = PixVersePauseTrigger(until=START + 9.5, state=STATE).serialize()
    assert path == "pixverse_provider.triggers.pause.PixVersePauseTrigger"
    assert PixVersePauseTrigger(**json.loads(json.dumps(arguments))).serialize() == (path, arguments)


@pytest.mark.parametrize(("until", "fires_after"), [(30.0, 30.0), (0.0, 0.0), (-5.0, 0.0)])
def test_it_fires_at_its_time_with_the_state_of_the_attempt(
    monkeypatch: pytest.MonkeyPatch, until: float, fires_after: float
) -> None:
    clock = Clock()
    clock.install(monkeypatch)
    event = event_of(PixVersePauseTrigger(until=START + until, state=STATE), clock)
    assert event == {"state": STATE}
    assert clock.passed == pytest.approx(fires_after)


def test_its_log_says_every_five_minutes_when_the_submit_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, log = Clock(), OwnLog()
    clock.install(monkeypatch)
    log.install(monkeypatch, PixVersePauseTrigger)
    event_of(PixVersePauseTrigger(until=START + 640, state=STATE), clock)
    assert log.lines == [("INFO", "Submitting again in 5 min 40 s."), ("INFO", "Submitting again in 40 s.")]
