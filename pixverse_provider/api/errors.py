"""The error codes of PixVerse: what each means, what a user can do, and which exception it becomes.

Meanings are those of the published table and of the official client; how each is treated is our judgement,
since the documentation does not classify them.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from pixverse_provider.exceptions import (
    PixVerseAuthenticationError,
    PixVerseCapacityError,
    PixVerseError,
    PixVerseInsufficientCreditsError,
    PixVerseInvalidRequestError,
    PixVerseModerationError,
    PixVerseNotFoundError,
    PixVersePermanentError,
    PixVersePlanError,
    PixVerseTransientError,
)

__all__ = [
    "ERROR_CODES",
    "THE_CONNECTION",
    "ErrorCode",
    "describe_error_code",
    "proves_no_job",
    "says_too_little",
]


@dataclass(frozen=True)
class ErrorCode:
    """One ``ErrCode``: its meaning, the exception it becomes, and the remedy."""

    meaning: str
    error_class: type[PixVerseError]
    remedy: str


THE_CONNECTION = "the Airflow connection"
"""Where a message may name it instead."""

_NEW_KEY = f"put a valid API key into the password of {THE_CONNECTION}"
_FIX_ARGUMENT = "correct the argument"
_OTHER_IMAGE = "use another image"
_OTHER_CONTENT = "change the prompt, text or media; the same content is refused again"
_TRY_LATER = "try again later"
_ASK_SUPPORT = "ask PixVerse support with the trace id"
_TOP_UP = "top up the account at platform.pixverse.ai"

_AUTHENTICATION = ErrorCode("the API key was not accepted", PixVerseAuthenticationError, _NEW_KEY)

_UNKNOWN_ERROR = 99999

ERROR_CODES: dict[int, ErrorCode] = {
    10001: _AUTHENTICATION,
    10002: _AUTHENTICATION,
    10003: _AUTHENTICATION,
    10004: _AUTHENTICATION,
    10005: _AUTHENTICATION,
    _UNKNOWN_ERROR: ErrorCode("unknown error", PixVerseTransientError, _TRY_LATER),
    400011: ErrorCode("a required parameter is empty", PixVerseInvalidRequestError, _FIX_ARGUMENT),
    400012: ErrorCode("invalid account or API key", PixVerseAuthenticationError, _NEW_KEY),
    400013: ErrorCode("a parameter has the wrong type", PixVerseInvalidRequestError, _FIX_ARGUMENT),
    400017: ErrorCode("invalid parameter", PixVerseInvalidRequestError, _FIX_ARGUMENT),
    400018: ErrorCode("prompt too long", PixVerseInvalidRequestError, "shorten the prompt"),
    400019: ErrorCode("negative prompt too long", PixVerseInvalidRequestError, "shorten the negative prompt"),
    400032: ErrorCode("invalid image id", PixVerseInvalidRequestError, _OTHER_IMAGE),
    400080: ErrorCode("invalid lyrics", PixVerseInvalidRequestError, _FIX_ARGUMENT),
    500008: ErrorCode(
        "requested data not found", PixVerseNotFoundError, "check the id, and that it belongs to this API key"
    ),
    500020: ErrorCode("not allowed for this account or plan", PixVersePlanError, "change the plan"),
    500030: ErrorCode("image too big in bytes or pixels", PixVerseInvalidRequestError, _OTHER_IMAGE),
    500031: ErrorCode("could not read the image information", PixVerseTransientError, _OTHER_IMAGE),
    500032: ErrorCode("image format not supported", PixVerseInvalidRequestError, _OTHER_IMAGE),
    500033: ErrorCode("image width or height not valid", PixVerseInvalidRequestError, _OTHER_IMAGE),
    500041: ErrorCode("upload failed", PixVerseTransientError, _TRY_LATER),
    500042: ErrorCode("image path not valid", PixVerseInvalidRequestError, _OTHER_IMAGE),
    500043: ErrorCode("credits used up", PixVerseInsufficientCreditsError, _TOP_UP),
    500044: ErrorCode(
        "all job slots of the plan are taken", PixVerseCapacityError, "wait for a running job to end"
    ),
    500052: ErrorCode("image failed review", PixVerseModerationError, _OTHER_IMAGE),
    500054: ErrorCode("image content failed moderation", PixVerseModerationError, _OTHER_IMAGE),
    500060: ErrorCode("monthly template activations used up", PixVersePlanError, "change the plan"),
    500063: ErrorCode("content failed moderation", PixVerseModerationError, _OTHER_CONTENT),
    500064: ErrorCode("content was deleted", PixVerseInvalidRequestError, "use other content"),
    500069: ErrorCode("the service is under high load", PixVerseCapacityError, _TRY_LATER),
    500070: ErrorCode(
        "template not activated", PixVersePlanError, "activate the template in the PixVerse console"
    ),
    500071: ErrorCode(
        "effect does not support 720p or 1080p", PixVerseInvalidRequestError, "choose a lower quality"
    ),
    500090: ErrorCode("not enough credits", PixVerseInsufficientCreditsError, _TOP_UP),
    500100: ErrorCode("internal error of the service", PixVerseTransientError, _TRY_LATER),
    701002: ErrorCode("the image needs one clear subject", PixVerseInvalidRequestError, _OTHER_IMAGE),
    701003: ErrorCode("the video needs a person", PixVerseInvalidRequestError, "use another video"),
    701020: ErrorCode("audio not verified", PixVerseInvalidRequestError, "use another audio"),
}

# Where nobody knows what a code stands for, a read is worth repeating, but nothing tells that a paid call is.
_UNKNOWN_ON_READ = ErrorCode("not a documented code", PixVerseTransientError, _TRY_LATER)
_UNKNOWN_ON_SUBMIT = ErrorCode("not a documented code", PixVersePermanentError, _ASK_SUPPORT)
_ON_SUBMIT: dict[int, ErrorCode] = {
    _UNKNOWN_ERROR: ErrorCode("unknown error", PixVersePermanentError, _ASK_SUPPORT),
}


def describe_error_code(code: int, *, paid: bool) -> ErrorCode:
    """Return what is known of ``code``.

    :param paid: whether the call that was answered costs credits; decides about codes that say too little.
    """
    if paid:
        return _ON_SUBMIT.get(code) or ERROR_CODES.get(code, _UNKNOWN_ON_SUBMIT)
    return ERROR_CODES.get(code, _UNKNOWN_ON_READ)


def says_too_little(code: int) -> bool:
    """Tell whether nobody knows what ``code`` stands for, so that the HTTP status tells more."""
    return code == _UNKNOWN_ERROR or code not in ERROR_CODES


def proves_no_job(code: int, http_status: int) -> bool:
    """Tell whether an envelope with ``code`` proves that the call has made no job and charged nothing.

    A documented code is a refusal. Any other may come of a failure after the job was made, unless the HTTP
    status says that the service itself has not failed.

    :param http_status: of the answer that brought the envelope.
    """
    return not says_too_little(code) or http_status < HTTPStatus.INTERNAL_SERVER_ERROR
