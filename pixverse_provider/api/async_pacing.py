"""The request budget of an event loop."""

from __future__ import annotations

import asyncio
import random
from collections import deque

__all__ = ["AsyncRequestBudget"]

# The space between two requests is longer by up to this part.
_SPREAD = 0.1


class AsyncRequestBudget:
    """At most so many requests a second from one event loop: first come, first served, never two at once.

    The spaces between two requests vary by a tenth, upwards only. One who is cancelled while it waits costs
    the others nothing, and a loop that was held up sends no burst afterwards.

    :param per_second: requests a second; None for no limit.
    """

    def __init__(self, per_second: float | None) -> None:
        self._spacing = 1.0 / per_second if per_second else 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._free_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self) -> None:
        """Return when a request may be sent."""
        if not self._spacing:
            return
        loop = asyncio.get_running_loop()
        mine = loop.create_future()
        self._waiting.append(mine)
        self._admit(loop)
        await mine

    def _admit(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let the next one go, if it is time; else come back when it is."""
        while self._waiting and self._waiting[0].cancelled():
            self._waiting.popleft()
        if not self._waiting or self._timer is not None:
            return
        now = loop.time()
        if now >= self._free_at:
            self._free_at = now + self._spacing * (1.0 + _SPREAD * random.random())  # noqa: S311 - spreads load
            self._waiting.popleft().set_result(None)
        if self._waiting:
            self._timer = loop.call_at(self._free_at, self._come_back, loop)

    def _come_back(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        self._admit(loop)
