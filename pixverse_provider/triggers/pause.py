"""The trigger of a pause before a submit is repeated: it asks nobody, and gives back what it was given."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from pixverse_provider.jobs.log_lines import in_words, parts_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["PixVersePauseTrigger"]


class PixVersePauseTrigger(BaseTrigger):
    """Fire at a time, with the state of the attempt: ``{"state": ...}``.

    The arguments of ``defer(kwargs=...)`` would not do: ``dag.test()`` drops them.

    :param until: epoch seconds.
    :param state: JSON primitives, see :class:`~pixverse_provider.jobs.record.AttemptState`.
    """

    def __init__(self, *, until: float, state: dict[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.until = until
        self.state = state

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and all arguments."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"until": self.until, "state": self.state},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Sleep, then fire."""
        *parts, rest = parts_of(max(0.0, self.until - time.time()))
        for part in parts:
            await asyncio.sleep(part)
            self.log.info("Submitting again in %s.", in_words(self.until - time.time()))
        await asyncio.sleep(rest)
        yield TriggerEvent({"state": self.state})
