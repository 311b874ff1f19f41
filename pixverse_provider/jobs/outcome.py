"""How the wait for a job ended: its outcome, the event that carries it, and the exception that it means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from pixverse_provider.api.results import JobResult, MediaType, VideoStatus, result_from_dict
from pixverse_provider.exceptions import (
    PixVerseError,
    PixVerseGenerationFailedError,
    PixVerseModerationError,
    PixVerseNotFoundError,
    PixVerseTriggerEventError,
    PixVerseVideoDeletedError,
    PixVerseWaitTimeoutError,
    error_from_dict,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NextSteps", "Outcome", "WaitResult", "make_event", "outcome_of", "read_event"]


class Outcome(StrEnum):
    """How a wait ended."""

    SUCCESS = "success"
    FAILED = "failed"
    MODERATED = "moderated"
    DELETED = "deleted"
    GIVEN_UP = "given_up"
    TIMEOUT = "timeout"
    ERROR = "error"


_OUTCOMES = {
    VideoStatus.SUCCESS: Outcome.SUCCESS,
    VideoStatus.GENERATION_FAILED: Outcome.FAILED,
    VideoStatus.MODERATION_FAILED: Outcome.MODERATED,
    VideoStatus.DELETED: Outcome.DELETED,
}


def outcome_of(result: JobResult) -> Outcome | None:
    """Return how a job ended, or None while it runs.

    An undocumented status counts as running, and so does success without a URL, which comes a moment later.

    :param result: what a poll has brought, with its URL.
    """
    known = VideoStatus.known(result.status)
    if known is VideoStatus.SUCCESS and not result.url:
        return None
    return None if known is None else _OUTCOMES.get(known)


@dataclass(frozen=True)
class NextSteps:
    """What a user can do next, for the message of a wait that did not bring a video.

    :param goes_on: where the job goes on; a sentence.
    :param is_over: where the job is over; a sentence.
    """

    goes_on: str = ""
    is_over: str = ""


@dataclass(frozen=True)
class WaitResult:
    """How the wait for one job ended; a trigger event is made of these.

    :param outcome: how it ended.
    :param job_id: the job.
    :param waited: seconds of this wait.
    :param result: what the last good poll brought, without its signed URL once it has been an event.
    :param error: what ended the wait, for ``Outcome.ERROR``; the last error, for ``Outcome.TIMEOUT``.
    :param unknown_statuses: numbers that PixVerse does not document.
    :param media_type: of the job.
    """

    outcome: Outcome
    job_id: int
    waited: float
    result: JobResult | None = None
    error: PixVerseError | None = None
    unknown_statuses: tuple[int, ...] = ()
    media_type: MediaType = "video"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON primitives; no signed URL, since Airflow keeps events in its database."""
        return {
            "outcome": self.outcome.value,
            "job_id": str(self.job_id),
            "waited": self.waited,
            "result": None if self.result is None else self.result.to_dict(),
            "error": None if self.error is None else self.error.to_dict(),
            "unknown_statuses": list(self.unknown_statuses),
            "media_type": self.media_type,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what :meth:`to_dict` wrote, also that of the first version.

        :raises KeyError, TypeError, ValueError: for anything else.
        """
        result = data["result"] if "job_id" in data else data["video"]
        return cls(
            outcome=Outcome(data["outcome"]),
            job_id=int(data["job_id"] if "job_id" in data else data["video_id"]),
            waited=float(data["waited"]),
            result=None if result is None else result_from_dict(result),
            error=None if data["error"] is None else error_from_dict(data["error"]),
            unknown_statuses=tuple(int(status) for status in data["unknown_statuses"]),
            media_type=data.get("media_type") or data.get("kind", "video"),
        )

    def failure(self, next_steps: NextSteps | None = None) -> PixVerseError | None:
        """Return the exception that this ending means, or None for a success."""
        if self.outcome is Outcome.SUCCESS:
            return None
        steps = next_steps or NextSteps()
        name = f"PixVerse {self.media_type} {self.job_id}"
        if self.outcome is Outcome.ERROR and self.error is not None:
            return self._error_of_polls(self.error, name, steps)
        is_over = _after(steps.is_over)
        if self.outcome is Outcome.FAILED:
            return PixVerseGenerationFailedError(
                f"{name} failed at PixVerse (status 8) and is refunded there.{is_over}", video_id=self.job_id
            )
        if self.outcome is Outcome.DELETED:
            return PixVerseVideoDeletedError(f"{name} was deleted (status 6).{is_over}", video_id=self.job_id)
        if self.outcome is Outcome.MODERATED:
            return PixVerseModerationError(
                f"{name} did not pass the content moderation of PixVerse (status 7) and is refunded "
                "there. Change the prompt, text or media: the same content is refused again.",
                video_id=self.job_id,
            )
        if self.outcome is Outcome.GIVEN_UP:
            return PixVerseWaitTimeoutError(
                f"{name} still runs two hours after its id arrived and is given up: PixVerse gives up and "
                f"refunds a job of that age.{is_over}{self.oddities}",
                video_id=self.job_id,
            )
        failed = f" The last poll failed: {self.error}" if self.error else ""
        state = "The job goes on at PixVerse and is paid."
        if self.result is None and self.error is not None:
            state = "No poll of it worked, so it may be done by now; it is paid."
        return PixVerseWaitTimeoutError(
            f"{name} was not done after {self.waited:.0f} s. {state}{_after(steps.goes_on)}{self.oddities}"
            f"{failed}",
            video_id=self.job_id,
        )

    def _error_of_polls(self, error: PixVerseError, name: str, steps: NextSteps) -> PixVerseError:
        if isinstance(error, PixVerseNotFoundError):
            message = f"{error} {name} was paid and cannot be read any more.{_after(steps.is_over)}"
        else:
            message = f"{error} {name} goes on and is paid.{_after(steps.goes_on)}"
        return error_from_dict(error.to_dict() | {"message": message, "video_id": str(self.job_id)})

    @property
    def oddities(self) -> str:
        """What a message at a deadline says of the polls: sentences after a space, or nothing."""
        odd = ""
        if self.unknown_statuses:
            numbers = ", ".join(str(status) for status in self.unknown_statuses)
            odd = f" It has had a status that PixVerse does not document: {numbers}."
        if self.result is not None and VideoStatus.known(self.result.status) is VideoStatus.SUCCESS:
            odd += " PixVerse says that it is done, but has given no URL for it."
        return odd


def _after(sentence: str) -> str:
    return f" {sentence}" if sentence else ""


def make_event(
    results: Sequence[WaitResult], job: dict[str, Any] | None, deadline: float | None = None
) -> dict[str, Any]:
    """Return the event of a trigger.

    :param results: how its waits ended; at least one.
    :param job: record of the job that the trigger was given.
    :param deadline: of the attempt, in epoch seconds.
    """
    return {"results": [result.to_dict() for result in results], "job": job, "deadline": deadline}


def read_event(event: Any) -> tuple[list[WaitResult], dict[str, Any] | None, float | None]:
    """Read what :func:`make_event` made: results (at least one), job record and deadline.

    :raises PixVerseTriggerEventError: for anything else.
    """
    try:
        results = [WaitResult.from_dict(data) for data in event["results"]]
        job = None if event["job"] is None else dict(event["job"])
        deadline = None if event.get("deadline") is None else float(event["deadline"])
        results[0]
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as err:
        raise PixVerseTriggerEventError(
            f"The trigger sent an event that this version does not understand ({err!r}). The jobs go on; a "
            "retry waits for them again."
        ) from err
    return results, job, deadline
