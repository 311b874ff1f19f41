"""The time that jobs live in, which tests can move."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

from pixverse_provider.emulator.protocol import LONGEST

_LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC).timestamp()
"""Far enough from the last date there is for all that is still to come."""


class Clock:
    """Wall time plus all that was added to it, or a time that moves only when told.

    Times are seconds since the epoch, as floats.
    """

    def __init__(self) -> None:
        self._added = 0.0
        self._stopped_at: float | None = None

    @property
    def manual(self) -> bool:
        """Whether time moves only by :meth:`advance`."""
        return self._stopped_at is not None

    def now(self) -> float:
        """Return the present emulator time."""
        wall = time.time() if self._stopped_at is None else self._stopped_at
        return wall + self._added

    def advance(self, seconds: float) -> None:
        """Move the time forward by ``seconds``.

        :raises ValueError: for a negative number, since jobs that ended do not come back to life, for one
            above ten years, and beyond the year 8999.
        """
        if not 0 <= seconds <= LONGEST:
            raise ValueError(f"the clock only moves forward, by 0 to {LONGEST} s, not by {seconds!r} s")
        if self.now() + seconds >= _LATEST:
            raise ValueError("the clock does not move beyond the year 8999")
        self._added += seconds

    def stop(self) -> None:
        """Let time stand still from here on; :meth:`advance` still moves it."""
        if self._stopped_at is None:
            self._stopped_at = time.time()

    def run(self) -> None:
        """Let time run again, from where it stands."""
        if self._stopped_at is not None:
            self._added -= time.time() - self._stopped_at
            self._stopped_at = None


def rfc3339(seconds: float) -> str:
    """Write a time the way the API does, in UTC with a ``Z``."""
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
