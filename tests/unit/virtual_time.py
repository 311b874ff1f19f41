"""An event loop on which hours pass at once, for what is about time and needs no network."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

# Seconds, three years. A loop that went on much further would lose count of its own ticks, and spin.
_AS_GOOD_AS_FOR_EVER = 1e8


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Where nothing is left to do but to wait, the clock jumps to the moment that is waited for."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self._now

    def pass_time(self, seconds: float) -> None:
        """Let time pass without running anything, as a loop that is held up does."""
        self._now += seconds


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing will ever happen")
        if self._loop.time() > _AS_GOOD_AS_FOR_EVER:
            raise RuntimeError("everybody waits for years")
        self._loop.pass_time(max(0.0, timeout))
        return super().select(0)


def run_in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    """Run it, and return what it returns; a wait that nothing will end raises RuntimeError."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
