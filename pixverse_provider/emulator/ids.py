"""Identifiers that catch a client which does not treat them as unsigned 64-bit integers."""

from __future__ import annotations

import time
from typing import Final

LARGEST_ID: Final = 2**64 - 1

_VIDEO: Final = (343_252_978_602_905, 627_410_861_853_514_293)
_MEDIA: Final = (425_662_507_205_761, 614_250_733_081_886_721)
_HUGE: Final = 18_014_398_509_481_984_001


class IdSource:
    """Hands out ids that never repeat, not even after a reset.

    Every second video and media id is above 2^53 and odd, so none of those survives a trip through a float.
    With ``huge`` every id is above 2^63, which a signed 64-bit column cannot hold.
    """

    def __init__(self, *, huge: bool = False) -> None:
        self.huge = huge
        # Started from the time of day, so that an id of an earlier run of the emulator is not taken for one
        # of this.
        self._serial = int(time.time() * 100) % 10**9

    def video(self) -> int:
        """Return a new ``video_id``."""
        return self._next(_VIDEO)

    def media(self) -> int:
        """Return a new ``media_id``."""
        return self._next(_MEDIA)

    def image(self) -> int:
        """Return a new ``img_id``; those of the API are short."""
        self._serial += 1
        return _HUGE + 2 * self._serial if self.huge else 164_913_710 + self._serial

    def _next(self, bases: tuple[int, int]) -> int:
        self._serial += 1
        base = _HUGE if self.huge else bases[self._serial % 2]
        return base + 2 * self._serial
