"""The synchronous client: what the protocol says, over ``requests``, with ``tenacity`` for every retry."""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

import pendulum
import requests
import tenacity
import urllib3

from pixverse_provider.api.calls import IMAGE_UPLOAD_PATH, MEDIA_UPLOAD_PATH
from pixverse_provider.api.gate import showable
from pixverse_provider.api.generations.base import GenerationRequest
from pixverse_provider.api.ids import plain_text, shown
from pixverse_provider.api.media import IMAGE, MEDIA, sent_file
from pixverse_provider.api.network import Network, connect_timeout
from pixverse_provider.api.pacing import FREE_CALL_ATTEMPTS, RequestBudget, wait_as_asked
from pixverse_provider.api.protocol import (
    Call,
    network_error,
    new_trace_id,
    read_answer,
    request_headers,
)
from pixverse_provider.api.quiet import secrets_unlogged
from pixverse_provider.api.results import Image, Media, Submission
from pixverse_provider.api.sending import SendStalledError
from pixverse_provider.api.transport import BoundedSession, NoConnectionError
from pixverse_provider.api.upload import (
    CheckedSource,
    SourceFailedError,
    UploadSource,
    check_upload_source,
    multipart_body,
    opened,
)
from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseError,
    PixVerseInvalidRequestError,
    PixVerseRateLimitError,
    PixVerseTransientError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.api.media import UploadKind
    from pixverse_provider.api.settings import ClientSettings

__all__ = ["PixVerseClient", "UploadSource"]

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

# How often one submit is repeated under its own trace id before the task's retries take over.
SUBMIT_ATTEMPTS = 3
# A pause that is asked for and is longer than this is better spent outside of a worker.
_LONGEST_PAUSE_IN_CALL = 60.0


class PixVerseClient:
    """PixVerse API calls from a worker; not for an event loop.

    Calls that cost nothing are tried up to four times, each HTTP attempt under a fresh trace id. A submit
    keeps the trace id it is given, so that repeating it starts no second job. Redirects are never followed,
    since the key would travel with them. One attempt takes up to 10 s to connect, the time to send, in
    which it may stand still for up to the timeout of the settings, and then up to that timeout until the
    whole answer is there.

    :param settings: where the API is and the key.
    :param network: that of this process by default.
    :param sleep: for tests.
    :raises PixVerseConfigurationError: where the environment names an unusable proxy or CA bundle.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        network: Network | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._network = (network or Network()).prepare(settings.base_url)
        self._session = BoundedSession(self._network)
        self._budget = RequestBudget(settings.max_requests_per_second)
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._session.close()

    def call(self, call: Call[T]) -> T:
        """Make a free call; after a transient error it is tried again, up to four attempts.

        :raises PixVerseError: what the last attempt failed with.
        """
        result: T = self._retrying(_may_repeat_free_call, FREE_CALL_ATTEMPTS)(self.call_once, call)
        return result

    def call_once(self, call: Call[T], *, trace_id: str | None = None, timeout: float | None = None) -> T:
        """Make one HTTP attempt of a call.

        :param trace_id: a UUID; a fresh one by default.
        :param timeout: seconds for the whole answer; that of the settings by default.
        :raises PixVerseInvalidRequestError: before any call, where the trace id is none.
        """
        return self._exchange(
            call,
            new_trace_id() if trace_id is None else _read_trace_id(trace_id),
            timeout,
            params=call.query,
            json=call.payload,
            data=call.form,
        )

    def submit(
        self, request: GenerationRequest, *, trace_id: str, attempts: int = SUBMIT_ATTEMPTS
    ) -> Submission:
        """Submit a paid job; every attempt carries the same trace id, so that at most one job is made.

        :param trace_id: key of this job, a UUID; keep it.
        :param attempts: HTTP attempts while the answer is lost or the request could not be sent.
        :raises PixVerseInvalidRequestError: before any call, where the request makes no job, or the trace id
            is none.
        :raises PixVerseAmbiguousSubmitError: where the last answer was lost, so that a job may exist.
        :raises PixVerseError: where PixVerse refused; its ``answer_lost`` tells whether an earlier attempt
            under this trace id may have made a job all the same.
        """
        if not isinstance(request, GenerationRequest):
            raise PixVerseInvalidRequestError(
                f"submit takes a request that makes a job, not {type(request).__name__}: masks are found "
                "with PixVerseHook.select_mask."
            )
        trace_id = _read_trace_id(trace_id)
        answer_lost = False

        def attempt() -> Submission:
            nonlocal answer_lost
            try:
                return self.call_once(request.call(), trace_id=trace_id)
            except PixVerseAmbiguousSubmitError:
                answer_lost = True
                raise

        try:
            submission = self._retrying(_may_repeat_submit, attempts)(attempt)
        except PixVerseError as err:
            err.answer_lost = answer_lost
            raise
        return replace(submission, replayed=answer_lost)

    def upload_media(self, source: UploadSource, *, tell: Callable[[str], object] = _LOG.info) -> Media:
        """Upload a video or audio, streamed; free, up to four attempts.

        :param tell: takes a line about how far a long upload is.
        :raises PixVerseSourceError: where the file cannot be read, or is too large.
        :raises PixVerseTransientError: also where the file changed while it was sent.
        """
        call = Call("upload the media", "POST", MEDIA_UPLOAD_PATH, Media.from_resp)
        return self._upload(source, MEDIA, "file", call, tell)

    def upload_image(self, source: UploadSource, *, tell: Callable[[str], object] = _LOG.info) -> Image:
        """Upload an image, streamed; free, up to four attempts. See :meth:`upload_media`."""
        call = Call("upload the image", "POST", IMAGE_UPLOAD_PATH, Image.from_resp)
        return self._upload(source, IMAGE, "image", call, tell)

    def _upload(
        self, source: UploadSource, kind: UploadKind, part: str, call: Call[T], tell: Callable[[str], object]
    ) -> T:
        checked = check_upload_source(source)
        call = replace(call, sends=sent_file(kind, checked.size))
        retrying = self._retrying(_may_repeat_free_call, FREE_CALL_ATTEMPTS)
        try:
            result: T = retrying(self._upload_once, checked, part, call, tell)
        except SourceFailedError as failed:
            raise failed.error from failed.__cause__
        return result

    def _upload_once(
        self, source: CheckedSource, part: str, call: Call[T], tell: Callable[[str], object]
    ) -> T:
        with opened(source) as stream:
            body = multipart_body(part, source, stream, tell)
            return self._exchange(
                call, new_trace_id(), None, data=body, headers={"Content-Type": body.content_type}
            )

    def _exchange(
        self,
        call: Call[T],
        trace_id: str,
        timeout: float | None,
        *,
        headers: dict[str, str] | None = None,
        **body: Any,
    ) -> T:
        self._sleep(self._budget.take(time.monotonic()))
        api_key = self._settings.api_key
        read_timeout = timeout or self._settings.timeout
        proxy = self._network.proxy_for(self._settings.base_url)
        secrets = (*self._settings.secrets, *(proxy.secrets if proxy else ()))
        try:
            with secrets_unlogged(*secrets):
                answer = self._session.exchange(
                    call.method,
                    self._settings.base_url + call.path,
                    headers=request_headers(api_key, trace_id) | (headers or {}),
                    timeout=(connect_timeout(read_timeout), read_timeout),
                    **body,
                )
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            SendStalledError,
            ValueError,
        ) as err:
            raise network_error(
                call,
                err,
                trace_id=trace_id,
                sent=_may_have_been_sent(err),
                base_url=self._settings.base_url,
                failure=err.failure if isinstance(err, NoConnectionError) else None,
            ) from showable(err, *secrets)
        return read_answer(
            call,
            answer,
            trace_id=trace_id,
            api_key=api_key,
            now=pendulum.now("UTC"),
            connection=self._settings.connection,
        )

    def _retrying(self, worth_it: Callable[[BaseException], bool], attempts: int) -> tenacity.Retrying:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(worth_it),
            stop=tenacity.stop_after_attempt(attempts),
            wait=wait_as_asked(),
            sleep=self._sleep,
            reraise=True,
        )


def _read_trace_id(value: object) -> str:
    """Return a trace id as text, as it was given: PixVerse documents a UUID, and tells jobs apart by it.

    :raises PixVerseInvalidRequestError: where it is missing or no UUID.
    """
    text = str(value) if isinstance(value, uuid.UUID) else plain_text(value)
    if value is None or text == "":
        raise PixVerseInvalidRequestError(
            "trace_id is missing: give one, such as str(uuid.uuid4()), and keep it. The same one starts no "
            "second job."
        )
    try:
        is_uuid = text is not None and str(uuid.UUID(text)) == text.lower()
    except ValueError:
        is_uuid = False
    if text is None or not is_uuid:
        raise PixVerseInvalidRequestError(
            f"trace_id must be a UUID, such as str(uuid.uuid4()), not {shown(value)}: give one and keep it."
        )
    return text


def _may_repeat_free_call(error: BaseException) -> bool:
    return isinstance(error, PixVerseTransientError) and _short_enough(error)


def _may_repeat_submit(error: BaseException) -> bool:
    """Tell whether a submit is repeated at once: only where no envelope refused it."""
    if isinstance(error, PixVerseRateLimitError):
        # A pause that PixVerse asks for is better spent outside of a worker, and within a deadline.
        return False
    if isinstance(error, PixVerseAmbiguousSubmitError):
        return _short_enough(error)
    return isinstance(error, PixVerseTransientError) and error.err_code is None and _short_enough(error)


def _short_enough(error: PixVerseError) -> bool:
    return (error.retry_after or 0.0) <= _LONGEST_PAUSE_IN_CALL


def _may_have_been_sent(error: Exception) -> bool:
    """Tell whether a request that failed may have reached the service."""
    return not isinstance(
        error,
        NoConnectionError
        | requests.ConnectTimeout
        | requests.exceptions.InvalidHeader
        | requests.exceptions.InvalidJSONError
        | requests.exceptions.InvalidSchema
        | requests.exceptions.InvalidURL,
    )
