"""Pauses between requests: the request budget of a client, and how long to wait after an error. Pure."""

from __future__ import annotations

import threading

from pixverse_provider.exceptions import PixVerseError

__all__ = ["FREE_CALL_ATTEMPTS", "MAX_RETRY_AFTER", "RequestBudget", "backoff_seconds", "retry_after_of"]

# A call that costs nothing is tried this often within one call of the client.
FREE_CALL_ATTEMPTS = 4
MAX_RETRY_AFTER = 3600.0
"""Seconds; a longer pause that a server asks for is cut to this, so that no answer ends a wait for good."""
_LONGEST_BACKOFF = 60.0
_FIRST_BACKOFF = 1.0
# More doublings than this exceed every pause that is asked for here.
_MOST_DOUBLINGS = 16


def backoff_seconds(
    attempt: int,
    *,
    jitter: float,
    first: float = _FIRST_BACKOFF,
    longest: float = _LONGEST_BACKOFF,
    retry_after: float | None = None,
) -> float:
    """Return the pause after a failed attempt: exponential, spread, and as long as the service asks.

    :param attempt: number of failures in a row, from 1.
    :param jitter: a random number from 0 to 1; waiters that failed together must not come back together.
    :param first: seconds after the first failure.
    :param longest: bound of the exponential part, in seconds.
    :param retry_after: seconds that the service asked for; kept to, up to ``MAX_RETRY_AFTER``.
    """
    exponential = min(longest, first * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS))
    pause = exponential * (0.5 + 0.5 * jitter)
    if retry_after is not None:
        pause = max(pause, min(retry_after, MAX_RETRY_AFTER) * (1.0 + 0.1 * jitter))
    return pause


def retry_after_of(error: BaseException | None) -> float | None:
    """Return the pause that an error of the service asked for, if any."""
    return error.retry_after if isinstance(error, PixVerseError) else None


class RequestBudget:
    """At most so many requests a second: hands out evenly spaced moments, first come, first served.

    :param per_second: requests a second; None for no limit.
    """

    def __init__(self, per_second: float | None) -> None:
        self._spacing = 1.0 / per_second if per_second else 0.0
        self._next_moment = 0.0
        self._lock = threading.Lock()

    def take(self, now: float) -> float:
        """Take the next free moment and return how many seconds away it is.

        :param now: of a monotonic clock, always the same one.
        """
        if not self._spacing:
            return 0.0
        with self._lock:
            moment = max(now, self._next_moment)
            self._next_moment = moment + self._spacing
        return moment - now
