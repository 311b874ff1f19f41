"""Fetch a finished video from the media host: resumed when cut, checked for length, and never with the key.

The signed URL appears in no message and no exception that leaves this module.
"""

from __future__ import annotations

import time
from typing import IO, TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests
import tenacity
import urllib3

from pixverse_provider.api.pacing import FREE_CALL_ATTEMPTS, wait_as_asked
from pixverse_provider.api.transport import NetworkSession, reason_of
from pixverse_provider.exceptions import PixVerseDownloadError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MediaDownload"]

# What has arrived of a chunk when the connection is cut is lost, so a chunk is small.
_CHUNK_BYTES = 1 << 16
_MOST_REDIRECTS = 5
_TIMEOUTS = (10.0, 60.0)
_REDIRECTS = (301, 302, 303, 307, 308)


class MediaDownload:
    """One download of one video into a local file.

    :param video_id: for messages.
    :param fresh_url: reads the URL of the video again; called before every attempt, since it expires.
    :param allow_http: whether plain http will do, as for an API on loopback.
    :param expected_size: bytes, as PixVerse names them; 0 or None where it does not.
    :param sleep: for tests.
    """

    def __init__(
        self,
        video_id: int,
        fresh_url: Callable[[], str],
        *,
        allow_http: bool,
        expected_size: int | None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._video_id = video_id
        self._fresh_url = fresh_url
        self._allow_http = allow_http
        self._expected_size = expected_size
        self._sleep = sleep
        self._etag = ""

    def into(self, target: IO[bytes]) -> int:
        """Write the whole video to ``target``, a seekable file, and return its length in bytes.

        :raises PixVerseDownloadError: where it could not be had whole; what was written is then of no use.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_CutOffError),
            stop=tenacity.stop_after_attempt(FREE_CALL_ATTEMPTS),
            wait=wait_as_asked(),
            sleep=self._sleep,
            reraise=True,
        )
        # A session of its own: that of the API client would be one line away from sending the key.
        with NetworkSession() as session:
            try:
                return retrying(self._attempt, session, target)
            except _CutOffError as err:
                raise PixVerseDownloadError(
                    str(err), video_id=err.video_id, http_status=err.http_status
                ) from None

    def _attempt(self, session: requests.Session, target: IO[bytes]) -> int:
        try:
            with self._open(session, offset=target.tell()) as response:
                return self._receive(response, target)
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as err:
            # Not chained: the message of these exceptions holds the signed URL. (A redirect to what is no URL
            # is a ValueError.)
            raise self._cut_off(reason_of(err)) from None

    def _open(self, session: requests.Session, *, offset: int) -> requests.Response:
        url = self._fresh_url()
        headers = {"Accept-Encoding": "identity"}
        if offset and self._etag:
            headers |= {"Range": f"bytes={offset}-", "If-Range": self._etag}
        for _ in range(_MOST_REDIRECTS + 1):
            self._check_scheme(url)
            response = session.get(
                url, headers=headers, stream=True, timeout=_TIMEOUTS, allow_redirects=False
            )
            if response.status_code not in _REDIRECTS:
                return response
            location = response.headers.get("Location", "")
            response.close()
            url = urljoin(url, location)
        raise PixVerseDownloadError(
            f"The media host sends PixVerse video {self._video_id} through more than {_MOST_REDIRECTS} "
            "redirects.",
            video_id=self._video_id,
        )

    def _receive(self, response: requests.Response, target: IO[bytes]) -> int:
        offset = target.tell()
        if response.status_code == requests.codes.partial_content and offset:
            start = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
            if start != str(offset):
                self._restart(target)
                raise self._cut_off("the media host resumed at another place")
        elif response.status_code == requests.codes.ok:
            self._restart(target)
            offset = 0
        else:
            self._restart(target)
            raise self._cut_off(f"HTTP {response.status_code}", http_status=response.status_code)
        etag = response.headers.get("ETag", "")
        # A weak one does not promise the same bytes, and If-Range must not carry it.
        self._etag = "" if etag.startswith("W/") else etag
        announced = response.headers.get("Content-Length", "")
        for chunk in response.iter_content(_CHUNK_BYTES):
            target.write(chunk)
        length = target.tell()
        if announced.isdecimal() and length - offset != int(announced):
            raise self._cut_off(f"{length - offset} of {announced} bytes arrived")
        if self._expected_size and length != self._expected_size:
            self._restart(target)
            raise self._cut_off(f"{length} bytes arrived where PixVerse announced {self._expected_size}")
        return length

    def _restart(self, target: IO[bytes]) -> None:
        target.seek(0)
        target.truncate()

    def _check_scheme(self, url: str) -> None:
        scheme = urlsplit(url).scheme
        if scheme == "https" or (scheme == "http" and self._allow_http):
            return
        raise PixVerseDownloadError(
            f"The media host offers PixVerse video {self._video_id} over {scheme or 'no known protocol'}: "
            "only https is taken, and http from an emulator on localhost.",
            video_id=self._video_id,
        )

    def _cut_off(self, reason: str, http_status: int | None = None) -> _CutOffError:
        return _CutOffError(
            f"PixVerse video {self._video_id} could not be downloaded whole ({reason}). The video is not "
            "lost: a retry downloads it again and costs nothing.",
            video_id=self._video_id,
            http_status=http_status,
        )


class _CutOffError(PixVerseDownloadError):
    """A download that the next attempt may resume or repeat; it does not leave this module."""
