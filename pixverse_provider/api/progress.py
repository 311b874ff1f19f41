"""How far a large transfer is, for the log of the task."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PROGRESS_INTERVAL", "Progress"]

PROGRESS_INTERVAL = 10.0
"""Seconds from one line to the next."""

_MB = 1_000_000


class Progress:
    """Tells how far a transfer is, every 10 s; a shorter one says nothing.

    :param what: is on its way, as in ``"Uploading clip.mp4"``.
    :param total: bytes; 0 or None where nobody knows.
    :param tell: takes a line, as ``logger.info`` does.
    :param clock: seconds, for tests.
    """

    def __init__(
        self,
        what: str,
        total: int | None,
        tell: Callable[[str], object],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._total = total
        self._tell = tell
        self._clock = clock
        self._told_at = clock()
        self._told = 0

    def reached(self, done: int) -> None:
        """Note that so many bytes are through, counted from the start of the file."""
        now = self._clock()
        seconds = now - self._told_at
        if seconds < PROGRESS_INTERVAL:
            return
        rate = max(0, done - self._told) / _MB / seconds
        share = f"{100 * done // self._total} % of {self._total / _MB:.1f} MB" if self._total else ""
        self._tell(f"{self._what}: {share or f'{done / _MB:.1f} MB'}, {rate:.1f} MB/s.")
        self._told_at, self._told = now, done
