"""When to poll next, and what a status or an error means: one pure policy for every poll there is.

The first poll after a submit, a sensor's poke, the worker, the download and the trigger all tell a
:class:`JobWatch` what a poll has brought, and it answers either :class:`Wait` or
:class:`~pixverse_provider.jobs.outcome.WaitResult`. :class:`BalanceWatch` is the same for credits. They have
no clock and do no I/O of their own.
"""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pixverse_provider.api.pacing import backoff_seconds, wait_as_asked
from pixverse_provider.api.results import VideoStatus
from pixverse_provider.exceptions import (
    PixVerseAuthenticationError,
    PixVerseConfigurationError,
    PixVerseConnectionNotFoundError,
    PixVerseError,
    PixVerseTransientError,
)
from pixverse_provider.jobs.log_lines import in_words, is_line_due
from pixverse_provider.jobs.outcome import Outcome, WaitResult, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.api.results import JobResult, MediaType
    from pixverse_provider.jobs.log_lines import Log

__all__ = [
    "DEFAULT_WAIT_TIMEOUT",
    "FIRST_POLL_OF_A_TRIGGER",
    "GIVE_UP_AGE",
    "LONGEST_LAST_POLL",
    "MISSING_CONNECTION_SECONDS",
    "REFUSALS_THAT_COUNT",
    "BalanceResult",
    "BalanceWatch",
    "JobWatch",
    "Wait",
    "pause_at_age",
    "poll_once",
]

GIVE_UP_AGE = 7200.0
"""Seconds; PixVerse gives up and refunds a job of that age, so one that still runs then brings no video."""

DEFAULT_WAIT_TIMEOUT = GIVE_UP_AGE
"""Seconds; no longer wait for one job makes sense."""

FIRST_POLL_OF_A_TRIGGER = 7.0
"""Seconds from the deferral to the first poll of a trigger.

Airflow 3.3.2 may fail a task whose trigger fires within about 5 s of its deferral: the executor's late report
of the first half meets the task when it is queued again.
"""

REFUSALS_THAT_COUNT = 3
"""So many refusals in a row end a wait; fewer are no verdict.

A new id may not be readable everywhere at once, and a gateway may answer 401, 403, 404 or 408 for a moment.
"""

MISSING_CONNECTION_SECONDS = 120.0
"""Seconds for which, over three reads at least, a connection is missing or unusable before it is given up.

Airflow reports the same while its secrets backend or API server is away.
"""

LONGEST_LAST_POLL = 120.0
"""Seconds after a deadline in which the last poll of a trigger must have ended, whatever holds it up."""

# Seconds between refusals, where all that count are asked for in a row.
_PAUSE_BETWEEN_REFUSALS = 2.0
# The schedule, in seconds. PixVerse's own client names 60 to 120 s as the time of a job and its documents
# advise a poll every 3 to 5 s; with the answer's own time, the shortest pause comes to about 3 s.
_TYPICAL_AGE = 90.0
_SHORTEST_PAUSE = 2.5
_LONGEST_EARLY_PAUSE = 12.0
_LONGEST_PAUSE = 60.0
# Part of the time left until the typical age, and part of the age after it.
_EARLY_PART = 1 / 2
_LATE_PART = 1 / 40

# Poll interval that the back-off after an error is measured in where the schedule sets the polls.
_USUAL_INTERVAL = 5.0
# In poll intervals: a minute at the usual one.
_LONGEST_BACKOFF = 12
# In seconds, for the balance, unless its poll interval is longer.
_LONGEST_BALANCE_BACKOFF = 300.0
# Each pause is longer by up to this part, so that jobs submitted together are not polled together.
_SPREAD = 0.1


def pause_at_age(age: float) -> float:
    """Return how many seconds to wait until the next poll of a job that has run for so long.

    Polls are rare while a job is too young to be likely done, come closest around the age at which most are,
    and then grow rare again, so that the delay stays a small part of the time that the job has taken.

    :param age: seconds since the submit.
    """
    if age < _TYPICAL_AGE:
        return min(_LONGEST_EARLY_PAUSE, max(_SHORTEST_PAUSE, (_TYPICAL_AGE - age) * _EARLY_PART))
    return min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, age * _LATE_PART))


@dataclass(frozen=True, slots=True)
class Wait:
    """Poll again after so many seconds.

    :param seconds: at least 0.
    :param notice: what changed since the last poll, or that the wait goes on; worth one line in the log.
    :param warns: whether that may be wrong.
    """

    seconds: float
    notice: str | None = None
    warns: bool = False

    def tell(self, log: Log) -> None:
        """Write the notice, if there is one."""
        if self.notice is not None:
            (log.warning if self.warns else log.info)("%s", self.notice)


@dataclass(slots=True)
class _Errors:
    """The errors of one wait, and which of them ends it: the one rule for jobs and for the balance."""

    last: PixVerseError | None = None
    in_a_row: int = 0
    _refusals: int = 0
    _missing: int = 0
    _missing_since: float = 0.0

    def end_wait(self, error: PixVerseError, now: float) -> bool:
        """Count an error; tell whether it ends the wait."""
        self.last = error
        self.in_a_row += 1
        if isinstance(error, PixVerseConnectionNotFoundError | PixVerseConfigurationError):
            # Somebody may be at work on it, and Airflow says the same while a service of its own is away.
            self._refusals = 0
            self._missing += 1
            if self._missing == 1:
                self._missing_since = now
            lasting = now - self._missing_since >= MISSING_CONNECTION_SECONDS
            return self._missing >= REFUSALS_THAT_COUNT and lasting
        self._missing = 0
        if isinstance(error, PixVerseTransientError):
            self._refusals = 0
            return False
        self._refusals += 1
        # PixVerse itself has refused the key, and whoever polls has read the connection again by now.
        refused = isinstance(error, PixVerseAuthenticationError) and error.key_refused
        return refused or self._refusals >= REFUSALS_THAT_COUNT

    @property
    def pause_for_a_verdict(self) -> float | None:
        """Seconds after which another poll may decide, or None where no number of errors would."""
        if self._missing:
            return MISSING_CONNECTION_SECONDS / (REFUSALS_THAT_COUNT - 1)
        return _PAUSE_BETWEEN_REFUSALS if self._refusals else None

    def pause(self, wait: wait_as_asked) -> float:
        """Return the seconds until the next poll."""
        return backoff_seconds(wait, self.in_a_row, self.last)


@dataclass(slots=True)
class JobWatch:
    """The wait for one job: told what each poll brought, it says when to poll again or how the wait ended.

    All times are epoch seconds, handed in by the caller.

    :param job_id: the job.
    :param started_at: when this wait began.
    :param deadline: when it ends at the latest; the last poll is made then.
    :param poll_interval: seconds between two polls; None for the schedule of :func:`pause_at_age`.
    :param not_before: no poll before this time.
    :param submitted_at: when the job was submitted, for the schedule; ``started_at`` where it is not known.
    :param give_up_at: from when on a job that still runs is given up; None where its age is not known.
    :param jitter: random numbers from 0 to 1.
    :param media_type: of the job.
    :param tells_progress: whether it says every five minutes that the wait goes on; of many jobs that are
        waited for together, somebody else says it for all.
    """

    job_id: int
    started_at: float
    deadline: float
    poll_interval: float | None = None
    not_before: float = 0.0
    submitted_at: float | None = None
    give_up_at: float | None = None
    jitter: Callable[[], float] = random.random
    media_type: MediaType = "video"
    tells_progress: bool = True
    _told_at: float | None = field(default=None, init=False)
    _errors: _Errors | None = field(default=None, init=False)
    _last_result: JobResult | None = field(default=None, init=False)
    _unknown: tuple[int, ...] = field(default=(), init=False)
    _without_url: bool = field(default=False, init=False)

    @property
    def name(self) -> str:
        """The job in words."""
        return f"PixVerse {self.media_type} {self.job_id}"

    @property
    def last_result(self) -> JobResult | None:
        """What the last good poll brought."""
        return self._last_result

    @property
    def last_error(self) -> PixVerseError | None:
        """What the last poll failed with; None where it worked."""
        return None if self._errors is None else self._errors.last

    @property
    def pause_for_a_verdict(self) -> float | None:
        """Seconds after which another poll may tell a refusal from a transient error; None without one."""
        return None if self._errors is None else self._errors.pause_for_a_verdict

    def out_of_time(self, now: float) -> WaitResult:
        """Return how the wait ends where somebody else keeps its deadline."""
        return self._ended(Outcome.TIMEOUT, now)

    def first_poll(self, now: float) -> float:
        """Return how many seconds to wait before the first poll."""
        return max(0.0, min(self.not_before, self.deadline) - now)

    def on_result(self, result: JobResult, now: float) -> Wait | WaitResult:
        """Take in what a poll brought."""
        # Before the deadline is checked, which names what is unknown.
        news, warns = self._news(result)
        self._errors = None
        self._last_result = result
        outcome = outcome_of(result)
        if outcome is None and self.give_up_at is not None and now >= self.give_up_at:
            outcome = Outcome.GIVEN_UP
        if outcome is None and now >= self.deadline:
            outcome = Outcome.TIMEOUT
        if outcome is not None:
            return self._ended(outcome, now)
        pause = self._bounded(self._interval(now), now)
        return Wait(pause, _together(*news, self._progress_before(pause, now)), warns)

    def on_error(self, error: PixVerseError, now: float) -> Wait | WaitResult:
        """Take in that a poll failed."""
        first = self._errors is None
        errors = self._errors = self._errors or _Errors()
        if errors.end_wait(error, now):
            return self._ended(Outcome.ERROR, now)
        # Too old to be given up here: only a poll that works proves that it still runs.
        if now >= self.deadline:
            return self._ended(Outcome.TIMEOUT, now)
        interval = self.poll_interval or _USUAL_INTERVAL
        pause = errors.pause(wait_as_asked(2 * interval, _LONGEST_BACKOFF * interval, jitter=self.jitter))
        # An error makes no poll come sooner than it would have come without it.
        pause = self._bounded(max(pause, self._interval(now)), now)
        news = f"Polling again later: {error}" if first else None
        return Wait(pause, _together(news, self._progress_before(pause, now)), warns=True)

    def progress(self, now: float) -> str:
        """Say that the wait goes on, and for how long it has; the next line is due in five minutes."""
        self._told_at = now
        failed = "" if self.last_error is None else f" The last poll failed: {self.last_error}"
        return f"{self.name} is not done after {in_words(now - self._born)}.{failed}"

    def _progress_before(self, pause: float, now: float) -> str | None:
        """Say that the wait goes on, where the next poll comes too late for that."""
        due = is_line_due(pause, now, self.started_at if self._told_at is None else self._told_at)
        return self.progress(now) if self.tells_progress and due else None

    @property
    def _born(self) -> float:
        return self.started_at if self.submitted_at is None else self.submitted_at

    def _interval(self, now: float) -> float:
        pause = self.poll_interval
        if pause is None:
            pause = pause_at_age(now - self._born)
        return pause * (1.0 + _SPREAD * self.jitter())

    def _bounded(self, pause: float, now: float) -> float:
        ends = [self.deadline]
        if self.give_up_at is not None and self.give_up_at > now:
            ends.append(self.give_up_at)
        return max(0.0, min(pause, min(ends) - now))

    def _news(self, result: JobResult) -> tuple[list[str], bool]:
        """Return what has changed since the last poll, and whether it may be wrong."""
        status, before = VideoStatus.known(result.status), self._last_result
        news = [f"{self.name} can be read again."] if self._errors is not None else []
        if status is None and result.status not in self._unknown:
            self._unknown += (result.status,)
            unknown = f"{self.name} has status {result.status}, which PixVerse does not document"
            return [*news, f"{unknown}; it counts as running."], True
        if status is VideoStatus.SUCCESS and not self._without_url:
            self._without_url = True
            news.append(f"{self.name} is done but has no URL yet; it is polled until it has one.")
        elif result.status != (VideoStatus.GENERATING if before is None else before.status):
            news.append(f"{self.name} has status {result.status} now.")
        return news, False

    def _ended(self, outcome: Outcome, now: float) -> WaitResult:
        return WaitResult(
            outcome,
            self.job_id,
            waited=now - self.started_at,
            result=self._last_result,
            error=self.last_error,
            unknown_statuses=self._unknown,
            media_type=self.media_type,
        )


def _together(*news: str | None) -> str | None:
    return " ".join(filter(None, news)) or None


class _Polls(Protocol):
    def poll(self, media_type: MediaType, job_id: int) -> JobResult:
        """Read status and result of a job, once."""


def poll_once(api: _Polls, watch: JobWatch) -> Wait | WaitResult:
    """Poll the job of a watch and let it decide."""
    try:
        result = api.poll(watch.media_type, watch.job_id)
    except PixVerseError as err:
        return watch.on_error(err, time.time())
    return watch.on_result(result, time.time())


@dataclass(frozen=True)
class BalanceResult:
    """How a wait for credits ended.

    :param credits: of the last poll that worked; None where none did.
    :param enough: whether that is enough.
    :param waited: seconds of this wait.
    :param error: what ended the wait, or the last error at the deadline.
    :param final: whether the error ended it, and not the deadline.
    """

    credits: int | None
    enough: bool
    waited: float
    error: PixVerseError | None = None
    final: bool = False


@dataclass(slots=True)
class BalanceWatch:
    """The wait for credits, with the rules of :class:`JobWatch`.

    :param min_credits: how many there must be.
    :param started_at: epoch seconds at which the wait began.
    :param deadline: epoch seconds at which it ends; the last poll is made then.
    :param poll_interval: seconds between two polls.
    :param jitter: random numbers from 0 to 1.
    :param tells_progress: whether it says how many credits there are, when that changes and every five
        minutes.
    """

    min_credits: int
    started_at: float
    deadline: float = math.inf
    poll_interval: float = 300.0
    jitter: Callable[[], float] = random.random
    tells_progress: bool = True
    _told_at: float | None = field(default=None, init=False)
    _errors: _Errors | None = field(default=None, init=False)
    _credits: int | None = field(default=None, init=False)

    @property
    def last_error(self) -> PixVerseError | None:
        """What the last poll failed with; None where it worked."""
        return None if self._errors is None else self._errors.last

    @property
    def pause_for_a_verdict(self) -> float | None:
        """Seconds after which another poll may tell a refusal from a transient error; None without one."""
        return None if self._errors is None else self._errors.pause_for_a_verdict

    def out_of_time(self, now: float) -> BalanceResult:
        """Return how the wait ends where somebody else keeps its deadline."""
        return self._ended(now, enough=False)

    def on_balance(self, credits_left: int, now: float) -> Wait | BalanceResult:
        """Take in the credits that can be spent."""
        news = "The balance can be read again." if self._errors is not None else None
        changed = credits_left != self._credits
        self._errors = None
        self._credits = credits_left
        if credits_left >= self.min_credits or now >= self.deadline:
            return self._ended(now, enough=credits_left >= self.min_credits)
        pause = min(self.poll_interval * (1.0 + _SPREAD * self.jitter()), self.deadline - now)
        return Wait(pause, _together(news, self._progress_before(pause, now, changed=changed)))

    def on_error(self, error: PixVerseError, now: float) -> Wait | BalanceResult:
        """Take in that a poll failed."""
        first = self._errors is None
        errors = self._errors = self._errors or _Errors()
        final = errors.end_wait(error, now)
        if final or now >= self.deadline:
            return self._ended(now, enough=False, final=final)
        longest = max(self.poll_interval, _LONGEST_BALANCE_BACKOFF)
        pause = errors.pause(wait_as_asked(2 * self.poll_interval, longest, jitter=self.jitter))
        pause = min(max(pause, self.poll_interval), self.deadline - now)
        news = f"Polling again later: {error}" if first else None
        return Wait(pause, _together(news, self._progress_before(pause, now)), warns=True)

    def progress(self, now: float) -> str:
        """Say that the wait goes on, and for how long it has; the next line is due in five minutes."""
        self._told_at = now
        there = "" if self._credits is None else f"there are {self._credits} credits, and "
        failed = "" if self.last_error is None else f" The last poll failed: {self.last_error}"
        waited = in_words(now - self.started_at)
        return f"After {waited} {there}{self.min_credits} are waited for.{failed}"

    def _progress_before(self, pause: float, now: float, *, changed: bool = False) -> str | None:
        due = is_line_due(pause, now, self.started_at if self._told_at is None else self._told_at)
        return self.progress(now) if self.tells_progress and (changed or due) else None

    def _ended(self, now: float, *, enough: bool, final: bool = False) -> BalanceResult:
        return BalanceResult(self._credits, enough, now - self.started_at, self.last_error, final)
