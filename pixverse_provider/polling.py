"""When to look at a video next, and what its status means: one pure policy for every wait.

Operator, sensor and trigger share it. A :class:`VideoWatch` is told what a look has shown, and answers either
:class:`Wait` or :class:`WaitResult`. It has no clock and does no I/O of its own.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from pixverse_provider.api.pacing import backoff_seconds
from pixverse_provider.api.results import JobResult, ResultKind, VideoStatus, result_from_dict
from pixverse_provider.exceptions import (
    PixVerseError,
    PixVerseGenerationFailedError,
    PixVerseModerationError,
    PixVerseNotFoundError,
    PixVerseTransientError,
    PixVerseTriggerEventError,
    PixVerseVideoDeletedError,
    PixVerseWaitTimeoutError,
    error_from_dict,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "DEFAULT_WAIT_TIMEOUT",
    "FIRST_LOOK_OF_A_TRIGGER",
    "PATIENCE",
    "Outcome",
    "VideoWatch",
    "Wait",
    "WaitResult",
    "by_gateway",
    "make_event",
    "outcome_of",
    "pause_at_age",
    "read_event",
]

DEFAULT_WAIT_TIMEOUT = 7200.0
"""Seconds; PixVerse gives up and refunds a job that is two hours old, so no longer wait makes sense."""

FIRST_LOOK_OF_A_TRIGGER = 7.0
"""Seconds from the deferral to the first look of a trigger.

Airflow 3.3.2 may fail a task whose trigger fires within about 5 s of its deferral: the executor's late report
of the first half meets the task when it is queued again.
"""

PATIENCE = 3
"""So many doubtful answers in a row are no verdict.

A new id may not be readable everywhere at once, and a gateway may refuse for a moment.
"""

# The schedule, in seconds. PixVerse's own client names 60 to 120 s as the time of a job and its documents
# advise a look every 3 to 5 s; with the answer's own time, the shortest pause comes to about 3 s.
_TYPICAL_AGE = 90.0
_SHORTEST_PAUSE = 2.5
_LONGEST_EARLY_PAUSE = 12.0
_LONGEST_PAUSE = 60.0
# Part of the time left until the typical age, and part of the age after it.
_EARLY_PART = 1 / 2
_LATE_PART = 1 / 40

# Poll interval that the back-off after an error is measured in where the schedule sets the looks.
_USUAL_INTERVAL = 5.0
# In poll intervals: a minute at the usual one.
_LONGEST_BACKOFF = 12
# Each pause is longer by up to this part, so that jobs submitted together are not asked for together.
_SPREAD = 0.1


class Outcome(StrEnum):
    """How a wait ended."""

    SUCCESS = "success"
    FAILED = "failed"
    MODERATED = "moderated"
    DELETED = "deleted"
    TIMEOUT = "timeout"
    ERROR = "error"


_OUTCOMES = {
    VideoStatus.SUCCESS: Outcome.SUCCESS,
    VideoStatus.GENERATION_FAILED: Outcome.FAILED,
    VideoStatus.MODERATION_FAILED: Outcome.MODERATED,
    VideoStatus.DELETED: Outcome.DELETED,
}


def outcome_of(status: int) -> Outcome | None:
    """Return how a job with this status ended, or None while it runs; an undocumented number is running."""
    known = VideoStatus.known(status)
    return None if known is None else _OUTCOMES.get(known)


def pause_at_age(age: float) -> float:
    """Return how many seconds to wait until the next look at a job that has run for so long.

    Looks are rare while a job is too young to be likely done, come closest around the age at which most are,
    and then grow rare again, so that the delay stays a small part of the time that the job has taken.

    :param age: seconds since the submit.
    """
    if age < _TYPICAL_AGE:
        return min(_LONGEST_EARLY_PAUSE, max(_SHORTEST_PAUSE, (_TYPICAL_AGE - age) * _EARLY_PART))
    return min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, age * _LATE_PART))


def by_gateway(error: PixVerseError) -> bool:
    """Tell whether an error may come from something on the way, which may answer otherwise in a moment.

    A firewall or gateway answers a bare 403, 404 or 408; PixVerse itself sends a code.
    """
    return error.err_code is None and error.http_status not in (None, HTTPStatus.UNAUTHORIZED)


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again after so many seconds.

    :param seconds: at least 0.
    :param notice: what changed since the last look and is worth one line in the log.
    """

    seconds: float
    notice: str | None = None


@dataclass(frozen=True)
class WaitResult:
    """How the wait for one video ended; a trigger event is made of these.

    :param outcome: how it ended.
    :param video_id: the video.
    :param waited: seconds of this wait.
    :param video: what the last good look showed, without its signed URL once it has been an event.
    :param error: what ended the wait, for ``Outcome.ERROR``; the last error met, for ``Outcome.TIMEOUT``.
    :param unknown_statuses: numbers seen that PixVerse does not document.
    :param kind: of the job.
    """

    outcome: Outcome
    video_id: int
    waited: float
    video: JobResult | None = None
    error: PixVerseError | None = None
    unknown_statuses: tuple[int, ...] = ()
    kind: ResultKind = "video"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON primitives; no signed URL, since Airflow keeps events in its database."""
        return {
            "outcome": self.outcome.value,
            "video_id": str(self.video_id),
            "waited": self.waited,
            "video": None if self.video is None else self.video.to_dict(),
            "error": None if self.error is None else self.error.to_dict(),
            "unknown_statuses": list(self.unknown_statuses),
            "kind": self.kind,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what :meth:`to_dict` wrote.

        :raises KeyError, TypeError, ValueError: for anything else.
        """
        return cls(
            outcome=Outcome(data["outcome"]),
            video_id=int(data["video_id"]),
            waited=float(data["waited"]),
            video=None if data["video"] is None else result_from_dict(data["video"]),
            error=None if data["error"] is None else error_from_dict(data["error"]),
            unknown_statuses=tuple(int(status) for status in data["unknown_statuses"]),
            # An older version knew no other.
            kind=data.get("kind", "video"),
        )

    def failure(self, *, on_retry: str = "", on_remake: str = "") -> PixVerseError | None:
        """Return the exception that this ending means, or None for a success.

        :param on_retry: what a retry does where the job goes on, for the message.
        :param on_remake: what a retry does where the job is over, for the message.
        """
        name = f"PixVerse {self.kind} {self.video_id}"
        if self.outcome is Outcome.SUCCESS:
            return None
        if self.outcome is Outcome.ERROR and self.error is not None:
            if isinstance(self.error, PixVerseNotFoundError):
                return self.error
            video = "wait for it with PixVerseVideoSensor and download it"
            way_out = video if self.kind == "video" else "read it with PixVerseHook.get_image"
            return error_from_dict(
                self.error.to_dict()
                | {
                    "message": f"{self.error} {name} goes on and is paid: once this is mended, "
                    f"{way_out}; clearing the task that made it makes another.",
                    "video_id": str(self.video_id),
                }
            )
        if self.outcome is Outcome.FAILED:
            return PixVerseGenerationFailedError(
                f"{name} failed at PixVerse (status 8) and is refunded there.{on_remake}",
                video_id=self.video_id,
            )
        if self.outcome is Outcome.DELETED:
            return PixVerseVideoDeletedError(
                f"{name} was deleted (status 6).{on_remake}", video_id=self.video_id
            )
        if self.outcome is Outcome.MODERATED:
            return PixVerseModerationError(
                f"{name} did not pass the content moderation of PixVerse (status 7) and is refunded "
                "there. Change the prompt, text or media: the same content is refused again.",
                video_id=self.video_id,
            )
        numbers = ", ".join(str(status) for status in self.unknown_statuses)
        seen = f" Statuses seen that PixVerse does not document: {numbers}." if numbers else ""
        met = f" The last look failed: {self.error}" if self.error else ""
        return PixVerseWaitTimeoutError(
            f"{name} was not done after {self.waited:.0f} s. The job goes on at PixVerse and is paid."
            f"{on_retry}{seen}{met}",
            video_id=self.video_id,
        )


def make_event(results: list[WaitResult], job: dict[str, Any] | None) -> dict[str, Any]:
    """Return the event of a trigger: how its waits ended, and the job record that it was given."""
    return {"results": [result.to_dict() for result in results], "job": job}


def read_event(event: Any) -> tuple[list[WaitResult], dict[str, Any] | None]:
    """Read what :func:`make_event` made; there is at least one result.

    :raises PixVerseTriggerEventError: for anything else.
    """
    try:
        results = [WaitResult.from_dict(data) for data in event["results"]]
        job = None if event["job"] is None else dict(event["job"])
        results[0]
    except (IndexError, KeyError, TypeError, ValueError) as err:
        raise PixVerseTriggerEventError(
            f"The trigger sent an event that this version does not understand ({err!r}). The videos go on; a "
            "retry waits for them again."
        ) from err
    return results, job


@dataclass(slots=True)
class VideoWatch:
    """The wait for one video: told what each look showed, it says when to look again or how the wait ended.

    All times are epoch seconds, handed in by the caller.

    :param video_id: the video.
    :param started_at: when this wait began.
    :param deadline: when it ends at the latest; the last look is made then.
    :param poll_interval: seconds between two looks; None for the schedule of :func:`pause_at_age`.
    :param not_before: no look before this moment.
    :param submitted_at: when the job was submitted, for the schedule; ``started_at`` where it is not known.
    :param jitter: random numbers from 0 to 1.
    :param kind: of the job.
    """

    video_id: int
    started_at: float
    deadline: float
    poll_interval: float | None = None
    not_before: float = 0.0
    submitted_at: float | None = None
    jitter: Callable[[], float] = random.random
    kind: ResultKind = "video"
    _errors_in_a_row: int = field(default=0, init=False)
    _doubtful: int = field(default=0, init=False)
    _last_error: PixVerseError | None = field(default=None, init=False)
    _last_video: JobResult | None = field(default=None, init=False)
    _unknown: tuple[int, ...] = field(default=(), init=False)

    def first_look(self, now: float) -> float:
        """Return how many seconds to wait before the first look."""
        return max(0.0, min(self.not_before, self.deadline) - now)

    def saw(self, video: JobResult, now: float) -> Wait | WaitResult:
        """Take in what a look has shown."""
        recovered = self._errors_in_a_row > 0
        self._errors_in_a_row = self._doubtful = 0
        self._last_error = None
        self._last_video = video
        outcome = outcome_of(video.status)
        if outcome is not None:
            return self._ended(outcome, now)
        if now >= self.deadline:
            return self._ended(Outcome.TIMEOUT, now)
        pause = self._interval(now) * (1.0 + _SPREAD * self.jitter())
        return Wait(self._until_deadline(pause, now), self._notice(video, recovered=recovered))

    def met(self, error: PixVerseError, now: float) -> Wait | WaitResult:
        """Take in that a look has failed."""
        self._errors_in_a_row += 1
        self._last_error = error
        if not self._passes(error):
            return self._ended(Outcome.ERROR, now)
        if now >= self.deadline:
            return self._ended(Outcome.TIMEOUT, now)
        interval = self.poll_interval or _USUAL_INTERVAL
        pause = backoff_seconds(
            self._errors_in_a_row,
            jitter=self.jitter(),
            first=2 * interval,
            longest=_LONGEST_BACKOFF * interval,
            retry_after=error.retry_after,
        )
        # An error makes no look come sooner than it would have come without it.
        pause = max(pause, self._interval(now) * (1.0 + _SPREAD * self.jitter()))
        first = self._errors_in_a_row == 1
        return Wait(self._until_deadline(pause, now), f"Looking again later: {error}" if first else None)

    def _interval(self, now: float) -> float:
        if self.poll_interval is not None:
            return self.poll_interval
        born = self.started_at if self.submitted_at is None else self.submitted_at
        return pause_at_age(now - born)

    def _passes(self, error: PixVerseError) -> bool:
        if isinstance(error, PixVerseTransientError):
            return True
        if by_gateway(error) or isinstance(error, PixVerseNotFoundError):
            self._doubtful += 1
            return self._doubtful <= PATIENCE
        return False

    def _until_deadline(self, pause: float, now: float) -> float:
        return max(0.0, min(pause, self.deadline - now))

    def _notice(self, video: JobResult, *, recovered: bool) -> str | None:
        if VideoStatus.known(video.status) is None and video.status not in self._unknown:
            self._unknown += (video.status,)
            return (
                f"PixVerse {self.kind} {self.video_id} has status {video.status}, which PixVerse does not "
                "document; it counts as running."
            )
        return f"PixVerse {self.kind} {self.video_id} can be read again." if recovered else None

    def _ended(self, outcome: Outcome, now: float) -> WaitResult:
        return WaitResult(
            outcome,
            self.video_id,
            waited=now - self.started_at,
            video=self._last_video,
            error=self._last_error,
            unknown_statuses=self._unknown,
            kind=self.kind,
        )
