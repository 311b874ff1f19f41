"""The words of the API that all parts share: ids, error codes, statuses, the envelope."""

from __future__ import annotations

from typing import Any, Final

LARGEST_ID: Final = 2**64 - 1
LONGEST: Final = 315_576_000
"""Ten years in seconds: no time that is set may be longer, so that every date can be written."""

EMPTY_PARAMETER: Final = 400011
INVALID_ACCOUNT: Final = 400012
WRONG_TYPE: Final = 400013
INVALID_PARAMETER: Final = 400017
PROMPT_TOO_LONG: Final = 400018
NEGATIVE_PROMPT_TOO_LONG: Final = 400019
INVALID_IMAGE_ID: Final = 400032
NOT_FOUND: Final = 500008
IMAGE_TOO_LARGE: Final = 500030
IMAGE_UNREADABLE: Final = 500031
IMAGE_FORMAT: Final = 500032
IMAGE_SIZE: Final = 500033
UPLOAD_FAILED: Final = 500041
IMAGE_PATH: Final = 500042
TOO_MANY_JOBS: Final = 500044
MODERATION: Final = 500063
CONTENT_DELETED: Final = 500064
BUSY: Final = 500069
TEMPLATE_NOT_ACTIVE: Final = 500070
EFFECT_QUALITY: Final = 500071
NO_CREDITS: Final = 500090
INTERNAL: Final = 500100
NO_CLEAR_SUBJECT: Final = 701002
NO_PERSON: Final = 701003

MESSAGES: Final[dict[int, str]] = {
    EMPTY_PARAMETER: "a required parameter is empty",
    INVALID_ACCOUNT: "account not valid",
    WRONG_TYPE: "a parameter has the wrong type",
    INVALID_PARAMETER: "invalid param",
    PROMPT_TOO_LONG: "prompt too long",
    NEGATIVE_PROMPT_TOO_LONG: "negative prompt too long",
    INVALID_IMAGE_ID: "image id not valid",
    NOT_FOUND: "data not found",
    500020: "not allowed for this account",
    IMAGE_TOO_LARGE: "image over 20 MB or 10000 px",
    IMAGE_UNREADABLE: "image information not readable",
    IMAGE_FORMAT: "image format not supported",
    IMAGE_SIZE: "image width or height not valid",
    UPLOAD_FAILED: "upload failed",
    IMAGE_PATH: "image path not valid",
    TOO_MANY_JOBS: "too many jobs at once",
    500052: "image failed review",
    500054: "image content refused",
    500060: "monthly template activations used up",
    MODERATION: "content refused",
    CONTENT_DELETED: "content was deleted",
    BUSY: "high load, try later",
    TEMPLATE_NOT_ACTIVE: "template not activated",
    EFFECT_QUALITY: "effect does not support this quality",
    NO_CREDITS: "not enough credits",
    INTERNAL: "internal error",
    NO_CLEAR_SUBJECT: "the image needs a clear subject",
    NO_PERSON: "the video needs a person",
    99999: "unknown error",
}
"""Our own wording; a client must not branch on it."""


# What a result says of a job.
DONE: Final = 1
GENERATING: Final = 5
DELETED: Final = 6
MODERATED: Final = 7
FAILED: Final = 8
ENDED: Final = (DONE, DELETED, MODERATED, FAILED)
STATUS_NAMES: Final = {
    DONE: "done", GENERATING: "generating", DELETED: "deleted", MODERATED: "moderated", FAILED: "failed",
}  # fmt: skip


class ApiError(Exception):
    """A request that the API refuses.

    :param err_code: the ``ErrCode`` of the envelope.
    :param message: the ``ErrMsg``; the usual one of the code when left out.
    :param http_status: nearly always 200.
    :param lower_case: whether the envelope is spelled ``err_code``, ``err_msg``, ``resp``.
    """

    def __init__(
        self, err_code: int, message: str | None = None, *, http_status: int = 200, lower_case: bool = False
    ) -> None:
        self.err_code = err_code
        self.message = message if message is not None else MESSAGES.get(err_code, "error")
        self.http_status = http_status
        self.lower_case = lower_case
        super().__init__(f"{err_code}: {self.message}")

    def body(self) -> dict[str, Any]:
        """Return the envelope."""
        if self.lower_case:
            return {"err_code": self.err_code, "err_msg": self.message, "resp": None}
        return {"ErrCode": self.err_code, "ErrMsg": self.message, "Resp": None}


def success(resp: Any) -> dict[str, Any]:
    """Return the envelope of a good answer."""
    return {"ErrCode": 0, "ErrMsg": "Success", "Resp": resp}
