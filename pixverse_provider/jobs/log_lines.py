"""What a log says of a wait: that it begins, that it goes on, and how it has ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from pixverse_provider.jobs.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pixverse_provider.api.results import MediaType
    from pixverse_provider.jobs.outcome import WaitResult
    from pixverse_provider.jobs.record import JobRecord

__all__ = [
    "TELL_EVERY",
    "Log",
    "begin_of_wait",
    "end_of_wait",
    "in_words",
    "is_line_due",
    "names_of",
    "parts_of",
    "price_in_words",
]

TELL_EVERY = 300.0
"""Seconds; a wait says at least so often that it goes on."""

_MOST_NAMES = 5

_ENDS = {
    Outcome.SUCCESS: "is done",
    Outcome.FAILED: "has failed",
    Outcome.MODERATED: "did not pass the content moderation",
    Outcome.DELETED: "was deleted",
    Outcome.GIVEN_UP: "is given up",
    Outcome.TIMEOUT: "is not done",
    Outcome.ERROR: "cannot be polled any more",
}


class Log(Protocol):
    """Where lines go: the log of a task or of a trigger."""

    def info(self, text: str, /, *args: object) -> object:
        """Write a line of what goes as it should."""

    def warning(self, text: str, /, *args: object) -> object:
        """Write a line of what may be wrong."""


def in_words(seconds: float) -> str:
    """Return a time as people say it: ``94 s``, ``12 min 5 s``, ``2 h 3 min``."""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 120:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def names_of(job_ids: Sequence[int], media_type: MediaType = "video") -> str:
    """Name some jobs; of many, the first."""
    ids = ", ".join(map(str, job_ids[:_MOST_NAMES]))
    more = f" and {len(job_ids) - _MOST_NAMES} more" if len(job_ids) > _MOST_NAMES else ""
    return f"PixVerse {media_type}{'' if len(job_ids) == 1 else 's'} {ids}{more}"


def begin_of_wait(
    what: str, where: str, deadline: float, poll_interval: float | None, *, slows_down: bool = False
) -> str:
    """Say that a wait begins.

    :param what: is waited for.
    :param where: it is waited for.
    :param deadline: epoch seconds at which it ends.
    :param poll_interval: seconds; None for the schedule of a job.
    :param slows_down: whether the interval grows.
    """
    often = f"every {poll_interval:g} s" if poll_interval else "as often as its age asks (2.5 to 60 s)"
    often += ", then less and less often" if slows_down else ""
    return f"Waiting for {what} {where} until {_time_of_day(deadline)}, polling {often}."


def end_of_wait(job: JobRecord, result: WaitResult, now: float) -> str:
    """Say how the wait for a job has ended, when, and what that has cost.

    :param job: with its end.
    :param now: epoch seconds.
    """
    born = job.submitted_at if job.accepted_at is None else job.accepted_at
    cost = "what it cost is not known"
    if job.credits is not None:
        cost = f"{job.credits:g} credits" + ("" if job.credits_refunded is None else ", which are refunded")
    name = names_of([result.job_id], result.media_type)
    return f"{name} {_ENDS[result.outcome]}, {in_words(now - born)} after its submit: {cost}."


def price_in_words(charged: float | None, estimate: int | None) -> str:
    """Say what a submit has cost.

    :param charged: credits that PixVerse says it charged; None where it does not say.
    :param estimate: credits by the published prices; None where they do not tell.
    """
    paid = "charge not stated" if charged is None else f"{charged:g} credits charged"
    return f"{paid} ({'price not published' if estimate is None else f'{estimate} estimated'})"


def is_line_due(pause: float, now: float, told_at: float) -> bool:
    """Tell whether a line has to be written before a pause, since the one after it would be too late.

    :param pause: seconds; whoever sleeps for longer than :data:`TELL_EVERY` writes lines meanwhile.
    :param now: epoch seconds, as `told_at`, at which the last line was written.
    """
    return now + min(pause, TELL_EVERY) - told_at > TELL_EVERY


def parts_of(seconds: float) -> Iterator[float]:
    """Cut a pause into parts after each of which a line is due."""
    while seconds > TELL_EVERY:
        yield TELL_EVERY
        seconds -= TELL_EVERY
    yield seconds


def _time_of_day(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OSError, OverflowError, ValueError):
        # No calendar knows it, and a line of a log may end nothing.
        return "further notice"
