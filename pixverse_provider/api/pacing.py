"""Pauses between requests: the request budget of a client, and how long to wait after an error. Pure."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import tenacity

from pixverse_provider.exceptions import PixVerseError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FREE_CALL_ATTEMPTS", "MAX_RETRY_AFTER", "RequestBudget", "backoff_seconds", "wait_as_asked"]

# A call that costs nothing is tried this often within one call of the client.
FREE_CALL_ATTEMPTS = 4
MAX_RETRY_AFTER = 3600.0
"""Seconds; a longer pause that a server asks for is cut to this, so that no answer ends a wait for good."""
_LONGEST_BACKOFF = 60.0
_FIRST_BACKOFF = 1.0


class wait_as_asked(tenacity.wait_exponential):  # noqa: N801 - named as tenacity names its strategies
    """A wait strategy of tenacity: exponential, spread, and as long as the service asks.

    :param first: seconds after the first failure.
    :param longest: bound of the exponential part, in seconds.
    :param jitter: random numbers from 0 to 1; waiters that failed together must not come back together.
    """

    def __init__(
        self,
        first: float = _FIRST_BACKOFF,
        longest: float = _LONGEST_BACKOFF,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(multiplier=first, max=longest)
        self._jitter = jitter

    def __call__(self, retry_state: tenacity.RetryCallState) -> float:
        """Return the seconds until the next attempt.

        ``Retry-After`` of the error is kept to, up to ``MAX_RETRY_AFTER``.
        """
        jitter = self._jitter()
        pause = super().__call__(retry_state) * (0.5 + 0.5 * jitter)
        error = retry_state.outcome.exception() if retry_state.outcome else None
        if isinstance(error, PixVerseError) and error.retry_after is not None:
            pause = max(pause, min(error.retry_after, MAX_RETRY_AFTER) * (1.0 + 0.1 * jitter))
        return pause


def backoff_seconds(wait: wait_as_asked, failures: int, error: BaseException | None) -> float:
    """Return the pause after so many failures in a row, where the repeating is not left to tenacity.

    :param failures: from 1.
    :param error: the last of them.
    """
    state = tenacity.RetryCallState(tenacity.Retrying(), fn=None, args=(), kwargs={})
    state.attempt_number = failures
    if error is not None:
        state.outcome = tenacity.Future.construct(failures, error, has_exception=True)
    return wait(state)


class RequestBudget:
    """At most so many requests a second, evenly spaced, first come, first served.

    :param per_second: requests a second; None for no limit.
    """

    def __init__(self, per_second: float | None) -> None:
        self._spacing = 1.0 / per_second if per_second else 0.0
        self._free_at = 0.0
        self._lock = threading.Lock()

    def take(self, now: float) -> float:
        """Take the next free time and return how many seconds away it is.

        :param now: of a monotonic clock, always the same one.
        """
        if not self._spacing:
            return 0.0
        with self._lock:
            taken = max(now, self._free_at)
            self._free_at = taken + self._spacing
        return taken - now
