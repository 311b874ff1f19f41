"""Errors of the PixVerse provider: one family, and each class is one decision that a user would make.

A class that derives from :class:`PixVersePermanentError` is also an ``AirflowFailException``: a retry could
only repeat it, so Airflow fails the task at once and burns no retry. Every other class follows ``retries``
and ``retry_policy`` of the task as usual.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

__all__ = [
    "PixVerseAmbiguousSubmitError",
    "PixVerseAuthenticationError",
    "PixVerseCapacityError",
    "PixVerseConfigurationError",
    "PixVerseConnectionNotFoundError",
    "PixVerseDestinationError",
    "PixVerseDownloadError",
    "PixVerseError",
    "PixVerseGenerationFailedError",
    "PixVerseInsufficientCreditsError",
    "PixVerseInvalidRequestError",
    "PixVerseModerationError",
    "PixVerseNotFoundError",
    "PixVersePermanentError",
    "PixVersePlanError",
    "PixVerseRateLimitError",
    "PixVerseSourceError",
    "PixVerseTransientError",
    "PixVerseTriggerEventError",
    "PixVerseUnresolvedSubmitError",
    "PixVerseVideoDeletedError",
    "PixVerseWaitTimeoutError",
    "error_from_dict",
]


class PixVerseError(AirflowException):
    """Base of everything that this provider raises on its own account.

    :param message: what happened, to which job, and what to do; never holds the API key.
    :param err_code: ``ErrCode`` of the PixVerse envelope, where there was one.
    :param http_status: HTTP status of the answer, where there was one.
    :param trace_id: ``Ai-Trace-Id`` of the request, the value that PixVerse support asks for.
    :param video_id: the job this is about, where it is known.
    :param retry_after: seconds that the service asked to wait, where it did.
    """

    def __init__(
        self,
        message: str,
        *,
        err_code: int | None = None,
        http_status: int | None = None,
        trace_id: str | None = None,
        video_id: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.err_code = err_code
        self.http_status = http_status
        self.trace_id = trace_id
        self.video_id = video_id
        self.retry_after = retry_after
        self.answer_lost = False
        """Whether an answer to a submit of the same job was lost before this happened."""

    def to_dict(self) -> dict[str, Any]:
        """Return the error as JSON primitives, so that it can travel in a trigger event."""
        return {
            "type": type(self).__name__,
            "message": str(self),
            "err_code": self.err_code,
            "http_status": self.http_status,
            "trace_id": self.trace_id,
            "video_id": None if self.video_id is None else str(self.video_id),
        }


class PixVerseTransientError(PixVerseError):
    """The network or the service failed in a way that passes; trying the same call later helps."""


class PixVerseConnectionNotFoundError(PixVerseTransientError):
    """Airflow has no such connection, or could not read it for the moment; then a retry helps."""


class PixVerseRateLimitError(PixVerseTransientError):
    """HTTP 429: too many requests; wait ``retry_after`` seconds where given, then try again."""


class PixVerseCapacityError(PixVerseTransientError):
    """The job was refused because all slots of the plan are taken (500044) or the service is busy (500069).

    No job was made and nothing was charged; trying again when a slot is free helps.
    """


class PixVerseAmbiguousSubmitError(PixVerseError):
    """A submit was sent and its answer was lost, so a paid job may exist.

    A retry of the task is safe: it repeats the request under the same trace id, which starts no second job.
    """


class PixVerseUnresolvedSubmitError(PixVerseAmbiguousSubmitError, AirflowFailException):
    """The same, where ``on_ambiguous_submit="fail"`` asks for a person to decide; the task fails at once."""


class PixVerseGenerationFailedError(PixVerseError):
    """PixVerse failed to make the video (status 8) and refunds it; a retry of the task submits a new job."""


class PixVerseVideoDeletedError(PixVerseGenerationFailedError):
    """The video was deleted at PixVerse (status 6); a retry of the task that made it makes a new one."""


class PixVerseWaitTimeoutError(PixVerseError):
    """The video was not done by the deadline; it goes on and is paid, and a retry waits for the same job."""


class PixVerseDownloadError(PixVerseError):
    """The video could not be landed whole; a retry downloads again and costs nothing."""


class PixVerseTriggerEventError(PixVerseError):
    """The trigger sent something that is not one of its events, as after a mixed upgrade; a retry helps."""


class PixVersePermanentError(PixVerseError, AirflowFailException):
    """PixVerse refused for a reason that a retry would only repeat; the task fails at once."""


class PixVerseConfigurationError(PixVersePermanentError):
    """The Airflow connection cannot be used as it is: mend the connection."""


class PixVerseAuthenticationError(PixVersePermanentError):
    """PixVerse does not accept the API key: put a valid one into the connection."""


class PixVerseInvalidRequestError(PixVersePermanentError):
    """An argument is not valid, found here before the call or by PixVerse: mend the DAG."""


class PixVerseNotFoundError(PixVerseInvalidRequestError):
    """PixVerse knows no such id under this API key (500008): mend the id, or the connection."""


class PixVerseSourceError(PixVerseInvalidRequestError):
    """A file to upload is missing, empty, of a type that PixVerse does not take, or too large."""


class PixVerseDestinationError(PixVerseInvalidRequestError):
    """The place to save to exists already or cannot be written: choose another, or overwrite."""


class PixVerseInsufficientCreditsError(PixVersePermanentError):
    """The account has not enough credits, or the job would cost more than ``max_credits``."""


class PixVerseModerationError(PixVersePermanentError):
    """PixVerse refused the content (at submit, or as status 7); the same content is refused again."""


class PixVersePlanError(PixVersePermanentError):
    """The plan of the account does not allow this: change the plan, or activate the template."""


_BY_NAME: dict[str, type[PixVerseError]] = {
    name: value
    for name, value in list(globals().items())
    if isinstance(value, type) and issubclass(value, PixVerseError)
}


def error_from_dict(data: dict[str, Any]) -> PixVerseError:
    """Rebuild an error that :meth:`PixVerseError.to_dict` wrote.

    A name that this version does not know, as after a downgrade, becomes a plain :class:`PixVerseError`.

    :raises TypeError, ValueError: for what is no such dictionary.
    """
    data = dict(data)
    error_class = _BY_NAME.get(str(data.get("type")), PixVerseError)
    video_id = data.get("video_id")
    return error_class(
        str(data.get("message", "")),
        err_code=data.get("err_code"),
        http_status=data.get("http_status"),
        trace_id=data.get("trace_id"),
        video_id=None if video_id is None else int(video_id),
    )
