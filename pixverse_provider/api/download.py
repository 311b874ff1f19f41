"""Fetch a finished video from the media host: resumed when cut, checked by content, and never with the key.

The signed URL appears in no message, no log line and no exception that leaves this module.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
from typing import IO, TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests
import tenacity
import urllib3

from pixverse_provider.api.mp4 import HEAD_BYTES, begins_as_mp4, is_mp4_so_far, is_whole_mp4
from pixverse_provider.api.pacing import FREE_CALL_ATTEMPTS, wait_as_asked
from pixverse_provider.api.quiet import secrets_unlogged
from pixverse_provider.api.settings import http_host
from pixverse_provider.api.transport import NetworkSession, what_failed
from pixverse_provider.exceptions import PixVerseDownloadError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MediaDownload"]

log = logging.getLogger(__name__)

_CHUNK_BYTES = 1 << 18
_MOST_REDIRECTS = 5
_TIMEOUTS = (10.0, 60.0)
_REDIRECTS = (301, 302, 303, 307, 308)
# Where nobody has announced a length. PixVerse takes files of 100 MB, and makes clips of up to a minute.
_LONGEST_VIDEO = 10 * 1000**3
_CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-[0-9]+/([0-9]+|\*)")


class MediaDownload:
    """One download of one video into a local file.

    :param video_id: for messages.
    :param fresh_url: reads the URL of the video again; called before every attempt, since it expires.
    :param http_host: host and port that media are taken from by plain http, as of an emulator; None for
        https alone.
    :param expected_size: bytes, as PixVerse names them; 0 or None where it does not.
    :param on_progress: takes the bytes that are there, now and then.
    :param sleep: for tests.
    """

    def __init__(
        self,
        video_id: int,
        fresh_url: Callable[[], str],
        *,
        http_host: str | None,
        expected_size: int | None,
        on_progress: Callable[[int], object] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._video_id = video_id
        self._fresh_url = fresh_url
        self._http_host = http_host
        self._expected_size = expected_size
        self._on_progress = on_progress
        self._sleep = sleep
        self._etag = ""
        self._announced: int | None = None

    def into(self, target: IO[bytes]) -> int:
        """Write the whole video to ``target``, a seekable file, and return its length in bytes.

        :raises PixVerseDownloadError: where it could not be had whole; what was written is then of no use.
        :raises OSError: what ``target`` fails with.
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
                problem = err
            if isinstance(problem, _OtherSizeError):
                # Where it is not whole by its own account either, what is wrong with it has been said.
                with contextlib.suppress(_CutOffError):
                    return self._by_content(session, target)
        raise PixVerseDownloadError(str(problem), video_id=self._video_id, http_status=problem.http_status)

    def _by_content(self, session: requests.Session, target: IO[bytes]) -> int:
        """Fetch the video once more, by what the media host announces: PixVerse's figure may be wrong.

        It must be whole by its own account.
        """
        announced, self._expected_size = self._expected_size, None
        length = self._attempt(session, target)
        if not is_whole_mp4(target, length):
            self._restart(target)
            raise self._cut_off("what arrived is no whole MP4 file")
        log.warning(
            "PixVerse says that video %s has %s bytes, and the media host has sent %s, which are a whole MP4 "
            "file: it is kept.",
            self._video_id,
            announced,
            length,
        )
        return length

    def _attempt(self, session: requests.Session, target: IO[bytes]) -> int:
        with secrets_unlogged(addresses=True):
            try:
                with self._open(session, offset=target.tell()) as response:
                    return self._receive(response, target)
            except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as err:
                # A redirect to what is no URL is a ValueError.
                reason = what_failed(err)
        # The messages of these exceptions hold the signed URL, so they are not even the context of this one.
        raise self._cut_off(reason)

    def _open(self, session: requests.Session, *, offset: int) -> requests.Response:
        url = self._fresh_url()
        headers = {"Accept-Encoding": "identity"}
        if offset and self._etag:
            headers |= {"Range": f"bytes={offset}-", "If-Range": self._etag}
        for _ in range(_MOST_REDIRECTS + 1):
            self._check_safe(url)
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
        encoded = response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity")
        total = self._begin(response, target, encoded=encoded)
        etag = response.headers.get("ETag", "")
        # A weak one does not promise the same bytes, and If-Range must not carry it. Where the file is
        # encoded, what is here is not what a range would count.
        self._etag = "" if etag.startswith("W/") or encoded else etag
        limit = self._expected_size or (_LONGEST_VIDEO if encoded or total is None else total)
        self._announced = None if encoded else total
        if self._expected_size and self._announced not in (None, self._expected_size):
            raise self._other_size(target, f"{self._announced}")
        next_check = HEAD_BYTES
        # What has come, not a full chunk: a slow line has its progress too, and loses nothing when it is cut.
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            target.write(chunk)
            length = target.tell()
            self._on_progress(length)
            if length > limit:
                raise self._other_size(target, f"more than {limit}")
            # A page, of a proxy or of the host itself, is refused at once.
            if length >= next_check:
                self._check_content(target, length)
                next_check = 2 * length
        return self._checked_length(target, self._announced)

    def _begin(self, response: requests.Response, target: IO[bytes], *, encoded: bool) -> int | None:
        """Put the target where the answer goes on; return the length of the whole file, where it is said."""
        offset, headers = target.tell(), response.headers
        if response.status_code == requests.codes.partial_content:
            found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
            if found is None or int(found[1]) != offset or (encoded and offset):
                self._restart(target)
                raise self._cut_off("the media host resumed at another place")
            return None if found[2] == "*" else int(found[2])
        self._restart(target)
        if response.status_code != requests.codes.ok:
            raise self._cut_off(f"HTTP {response.status_code}", http_status=response.status_code)
        length = headers.get("Content-Length", "")
        return int(length) if length.isascii() and length.isdecimal() else None

    def _checked_length(self, target: IO[bytes], total: int | None) -> int:
        length = target.tell()
        if total is not None and length != total:
            if length > total:
                self._restart(target)
            raise self._cut_off(f"{length} of {total} bytes arrived")
        if self._expected_size and length != self._expected_size:
            raise self._other_size(target, f"{length}")
        if length < HEAD_BYTES:
            self._restart(target)
            raise self._cut_off("what arrived is no video" if length else "the file is empty")
        if not (self._expected_size or total or is_whole_mp4(target, length)):
            self._restart(target)
            raise self._cut_off(f"{length} bytes arrived, which are no whole MP4 file")
        return length

    def _check_content(self, target: IO[bytes], length: int) -> None:
        target.seek(0)
        begins_well = begins_as_mp4(target.read(HEAD_BYTES))
        target.seek(length)
        # Without a length of PixVerse's, what comes is believed only as far as it goes on as a video does.
        if not begins_well or not (self._expected_size or is_mp4_so_far(target, length)):
            self._restart(target)
            raise self._cut_off("what arrived is no video")

    def _restart(self, target: IO[bytes]) -> None:
        target.seek(0)
        target.truncate()

    def _check_safe(self, url: str) -> None:
        scheme = urlsplit(url).scheme
        if scheme == "https" or (scheme == "http" and self._http_host and http_host(url) == self._http_host):
            return
        raise PixVerseDownloadError(
            f"The media host offers PixVerse video {self._video_id} over {scheme or 'no known protocol'}: "
            "only https is taken, and http from the host and port of the Base URL alone.",
            video_id=self._video_id,
        )

    def _other_size(self, target: IO[bytes], length: str) -> _OtherSizeError:
        self._restart(target)
        return _OtherSizeError(
            self._message(f"{length} bytes arrived where PixVerse announced {self._expected_size}"),
            video_id=self._video_id,
        )

    def _cut_off(self, reason: str, http_status: int | None = None) -> _CutOffError:
        return _CutOffError(self._message(reason), video_id=self._video_id, http_status=http_status)

    def _message(self, reason: str) -> str:
        return (
            f"PixVerse video {self._video_id} could not be downloaded whole ({reason}). The video is not "
            "lost: a retry downloads it again and costs nothing."
        )


class _CutOffError(PixVerseDownloadError):
    """A download that the next attempt may resume or repeat; it does not leave this module."""


class _OtherSizeError(_CutOffError):
    """What arrives is not as long as PixVerse has announced."""
