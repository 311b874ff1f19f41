"""Errors of the PixVerse provider: one family, and each class is one decision that a user would make.

A class that derives from :class:`PixVersePermanentError` is also an ``AirflowFailException``: a retry could
only repeat it, so Airflow fails the task at once and burns no retry. Every other class follows ``retries``
and ``retry_policy`` of the task as usual.
"""

from __future__ import annotations

import re
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
    "storable_text",
]

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_LARGEST_INTEGER = 2**63 - 1
_LARGEST_ID = 2**64 - 1


def storable_text(text: str) -> str:
    """Return the text with U+FFFD for each NUL and unpaired surrogate.

    Airflow sends events and tracebacks as UTF-8 and keeps them in its database. One that cannot be encoded or
    stored ends the whole process of the triggerer.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return _UNSTORABLE.sub("\ufffd", text)
    # Much faster than the pattern, and every poll reads a dozen texts.
    return text.replace("\0", "\ufffd")


class PixVerseError(AirflowException):
    """Base of everything that this provider raises on its own account.

    :param message: what happened, to which job, and what to do; never holds the API key.
    :param err_code: ``ErrCode`` of the PixVerse envelope, where there was one.
    :param http_status: HTTP status of the answer, where there was one.
    :param trace_id: ``Ai-Trace-Id`` of the request, the value that PixVerse support asks for.
    :param video_id: the job this is about, where it is known.
    :param retry_after: seconds that the service asked to wait, where it did.
    :param proves_no_job: whether the answer proves that the call has made no job.
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
        proves_no_job: bool = False,
    ) -> None:
        super().__init__(storable_text(message))
        self.err_code = err_code
        self.http_status = http_status
        self.trace_id = trace_id
        self.video_id = video_id
        self.retry_after = retry_after
        self.answer_lost = False
        """Whether an answer to a submit of the same job was lost before this happened."""
        self._proves_no_job = proves_no_job

    @property
    def proves_no_job(self) -> bool:
        """Whether PixVerse has refused this very call, so that it has made no job and charged nothing.

        False where nobody knows: no answer, one of a gateway, or a code that may stand for anything.
        """
        return self._proves_no_job

    def to_dict(self) -> dict[str, Any]:
        """Return the error as JSON primitives, so that it can travel in a trigger event."""
        return {
            "type": type(self).__name__,
            "message": str(self),
            "err_code": self.err_code,
            "http_status": self.http_status,
            "trace_id": self.trace_id,
            "video_id": None if self.video_id is None else str(self.video_id),
            "proves_no_job": self.proves_no_job,
        }


class PixVerseTransientError(PixVerseError):
    """A transient error of the network or the service; trying the same call later helps."""


class PixVerseConnectionNotFoundError(PixVerseTransientError):
    """Airflow has no such connection, or could not read it, which may be transient; then a retry helps."""


class PixVerseRateLimitError(PixVerseTransientError):
    """PixVerse asks to send less (HTTP 429, or 503 and ``Retry-After`` with a code that says too little).

    Waiting ``retry_after`` seconds, where it is given, and trying again helps.
    """


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
    """The connection, or the network settings of the process, cannot be used as they are: fix them."""


class PixVerseAuthenticationError(PixVersePermanentError):
    """PixVerse does not accept the API key: put a valid one into the connection."""

    @property
    def key_refused(self) -> bool:
        """Whether PixVerse itself said so, with an error code; a bare 401 or 403 may come from a gateway."""
        return self.err_code is not None


class PixVerseInvalidRequestError(PixVersePermanentError):
    """An argument is not valid, found here before the call or by PixVerse: fix the DAG."""


class PixVerseNotFoundError(PixVerseInvalidRequestError):
    """PixVerse knows no such id under this API key (500008): fix the id, or the connection."""


class PixVerseSourceError(PixVerseInvalidRequestError):
    """A file to upload is missing, empty, too large, of another type, or where no worker reads."""


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
    """Rebuild an error that :meth:`PixVerseError.to_dict` wrote, in this version or another.

    A name that this version does not know, as after a downgrade, becomes a plain :class:`PixVerseError`.
    A value of another type than :meth:`PixVerseError.to_dict` writes counts as not known.

    :raises TypeError: for what is no dictionary.
    """
    if not isinstance(data, dict):
        raise TypeError(f"an error is kept as a dictionary, not as {type(data).__name__}")
    name, message, trace_id = data.get("type"), data.get("message"), data.get("trace_id")
    error_class = _BY_NAME.get(name, PixVerseError) if isinstance(name, str) else PixVerseError
    return error_class(
        message if isinstance(message, str) else "",
        err_code=_integer(data.get("err_code")),
        http_status=_integer(data.get("http_status")),
        trace_id=storable_text(trace_id) if isinstance(trace_id, str) else None,
        video_id=_job_id(data.get("video_id")),
        proves_no_job=data.get("proves_no_job") is True,
    )


def _integer(value: object) -> int | None:
    """Return an integer that every database keeps, or None."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if abs(value) <= _LARGEST_INTEGER else None


def _job_id(value: object) -> int | None:
    """Return an id that was kept as digits, or None."""
    digits = str(value) if isinstance(value, str) or _integer(value) is not None else ""
    plain = digits.isascii() and digits.isdecimal() and len(digits) <= len(str(_LARGEST_ID))
    number = int(digits) if plain else 0
    return number if 0 < number <= _LARGEST_ID else None
