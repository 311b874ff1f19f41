"""What leaves a trigger can be stored, or it would end the triggerer with everybody's waits."""

from __future__ import annotations

import json
import math
import traceback
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.results import Video
from pixverse_provider.exceptions import PixVerseError
from pixverse_provider.jobs.outcome import Outcome, WaitResult, make_event, read_event
from pixverse_provider.jobs.watch import BalanceResult
from pixverse_provider.triggers.credit import PixVerseCreditTrigger
from pixverse_provider.triggers.storable import check_traceback, storable
from pixverse_provider.triggers.video import PixVerseVideoTrigger

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.triggers.base import BaseTrigger

SURROGATE = "\ud83d"
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=5)
    | st.sampled_from([SURROGATE, "a\x00b", 2**64, -(2**70), math.nan, math.inf]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec=None), max_size=3), inner, max_size=3)
        | st.tuples(inner)
    ),
    max_leaves=8,
)


def kept(value: Any) -> Any:
    """Send a value to the supervisor and into a database, as Airflow does with an event."""
    text = json.dumps(msgspec.msgpack.decode(msgspec.msgpack.encode(value)), allow_nan=False)
    assert "\\u0000" not in text, "PostgreSQL takes no NUL"
    return json.loads(text)


class TestValues:
    @given(ANYTHING)
    def test_anything_can_be_stored(self, value: Any) -> None:
        kept(storable(value))

    @given(ANYTHING)
    def test_and_what_can_be_stored_is_left_as_it_is(self, value: Any) -> None:
        once = storable(value)
        assert storable(once) == once

    @pytest.mark.parametrize(
        ("value", "stored"),
        [
            (f"a{SURROGATE}b", "a\ufffdb"),
            ("a\x00b", "a\ufffdb"),
            ("\U0001f600", "\U0001f600"),
            (2**64, str(2**64)),
            (2**63, str(2**63)),
            (2**63 - 1, 2**63 - 1),
            (math.nan, None),
            (-math.inf, None),
            (1.5, 1.5),
            (True, True),
            ((1, 2), [1, 2]),
            ({SURROGATE: [{"a\x00": math.nan}]}, {"\ufffd": [{"a\ufffd": None}]}),
        ],
        # Without a backslash: pytest escapes it once more each time that it collects in one process.
        ids=lambda value: ascii(value).replace("\\", "/"),
    )
    def test_what_cannot_is_replaced(self, value: Any, stored: Any) -> None:
        assert storable(value) == stored
        assert type(storable(value)) is type(stored)


def the_traceback_that_airflow_sends(error: BaseException) -> bytes:
    return msgspec.msgpack.encode(traceback.format_exception(type(error), error, error.__traceback__))


def leave_a_trigger(error: Exception) -> None:
    try:
        raise error
    except LookupError as err:
        check_traceback(err)
        raise


class TestExceptions:
    @pytest.mark.parametrize("text", [f"half{SURROGATE}", "a\x00b"])
    def test_one_with_a_text_that_cannot_be_stored_is_replaced_and_says_what_it_was(self, text: str) -> None:
        with pytest.raises(PixVerseError, match="The trigger failed") as caught:
            leave_a_trigger(LookupError(text))
        assert "LookupError" in str(caught.value)
        assert b"\x00" not in the_traceback_that_airflow_sends(caught.value)

    def test_so_is_one_that_is_only_the_cause(self) -> None:
        error = LookupError("harmless")
        error.__cause__ = ValueError(SURROGATE)
        with pytest.raises(PixVerseError) as caught:
            leave_a_trigger(error)
        the_traceback_that_airflow_sends(caught.value)
        assert "harmless" in str(caught.value)

    def test_one_that_can_be_stored_is_raised_unchanged(self) -> None:
        error = LookupError("the \U0001f600 of a trigger")
        with pytest.raises(LookupError) as caught:
            leave_a_trigger(error)
        assert caught.value is error
        the_traceback_that_airflow_sends(error)


def video_trigger(**change: Any) -> PixVerseVideoTrigger:
    arguments: dict[str, Any] = {
        "pixverse_conn_id": "pixverse_default",
        "video_ids": ["7"],
        "started_at": 0.0,
        "not_before": 0.0,
        "deadline": 0.0,
    }
    return PixVerseVideoTrigger(**(arguments | change))


def credit_trigger() -> PixVerseCreditTrigger:
    return PixVerseCreditTrigger(
        pixverse_conn_id="pixverse_default",
        min_credits=1,
        poll_interval=1.0,
        started_at=0.0,
        not_before=0.0,
        deadline=0.0,
    )


@pytest.mark.parametrize("make", [video_trigger, credit_trigger], ids=["videos", "credits"])
class TestWhatATriggerRaises:
    @pytest.mark.asyncio
    async def test_has_a_traceback_that_can_be_stored(
        self, monkeypatch: pytest.MonkeyPatch, make: Callable[[], BaseTrigger]
    ) -> None:
        def broken(*_: object) -> None:
            raise ZeroDivisionError(f"a mistake about {SURROGATE}")

        monkeypatch.setattr("pixverse_provider.triggers.shared.shared_poller", broken)
        with pytest.raises(PixVerseError, match="ZeroDivisionError") as caught:
            _ = [event async for event in make().run()]
        the_traceback_that_airflow_sends(caught.value)

    @pytest.mark.asyncio
    async def test_is_the_mistake_itself_otherwise(
        self, monkeypatch: pytest.MonkeyPatch, make: Callable[[], BaseTrigger]
    ) -> None:
        def broken(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("pixverse_provider.triggers.shared.shared_poller", broken)
        with pytest.raises(ZeroDivisionError):
            _ = [event async for event in make().run()]


class TestEvents:
    @pytest.mark.asyncio
    async def test_of_videos_can_be_stored(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def results(_: Any) -> list[WaitResult]:
            return [WaitResult(Outcome.SUCCESS, 2**64 - 1, math.nan, Video(2**64 - 1, 1, prompt=SURROGATE))]

        monkeypatch.setattr(PixVerseVideoTrigger, "_wait", results)
        (event,) = [event async for event in video_trigger(job={"note": "a\x00b"}).run()]
        payload = kept(event.payload)
        assert payload["job"] == {"note": "a\ufffdb"}
        assert payload["results"][0]["result"]["prompt"] == "\ufffd"

    @pytest.mark.asyncio
    async def test_of_credits_can_be_stored(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def result(_: Any) -> BalanceResult:
            return BalanceResult(2**70, enough=True, waited=math.nan)

        monkeypatch.setattr(PixVerseCreditTrigger, "_wait", result)
        (event,) = [event async for event in credit_trigger().run()]
        assert kept(event.payload)["credits"] == str(2**70)


def test_an_event_that_was_made_storable_is_still_read() -> None:
    event = storable(make_event([WaitResult(Outcome.SUCCESS, 7, 1.0)], None, math.inf))
    (result,), _, deadline = read_event(event)
    assert (result.job_id, deadline) == (7, None)
