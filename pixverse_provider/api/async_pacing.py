"""The request budget of an event loop."""

from __future__ import annotations

import asyncio
import random

__all__ = ["AsyncRequestBudget"]

# The space between two requests is longer by up to this part.
_SPREAD = 0.1


class AsyncRequestBudget:
    """At most so many requests a second from one event loop: first come, first served, never two at once.

    The spaces between two requests vary by a tenth, upwards only. One who is cancelled while it waits costs
    the others nothing, and a loop that was held up sends no burst afterwards. ``aiolimiter`` lets newcomers
    overtake those who wait, and ``pyrate-limiter`` allows bursts or hands out half of the rate.

    :param per_second: requests a second; None for no limit.
    """

    def __init__(self, per_second: float | None) -> None:
        self._spacing = 1.0 / per_second if per_second else 0.0
        self._free_at = 0.0
        # It lets those who wait in by the order in which they came.
        self._lock = asyncio.Lock()

    async def wait(self) -> None:
        """Return when a request may be sent."""
        if not self._spacing:
            return
        loop = asyncio.get_running_loop()
        async with self._lock:
            await asyncio.sleep(max(0.0, self._free_at - loop.time()))
            self._free_at = loop.time() + self._spacing * (1.0 + _SPREAD * random.random())  # noqa: S311 - spreads load
