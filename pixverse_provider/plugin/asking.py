"""What PixVerse says now of jobs and balances: asked once for all who look, and never waited for long."""

from __future__ import annotations

import asyncio
import logging
import re
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pixverse_provider.api.calls import balance_call
from pixverse_provider.api.settings import is_loopback
from pixverse_provider.exceptions import PixVerseError, PixVerseTransientError
from pixverse_provider.triggers.shared import shared_poller

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pixverse_provider.api.results import Balance, JobResult, MediaType

__all__ = ["LONGEST_WAIT", "Said", "balance_of", "job_of", "media_url", "origin_of"]

log = logging.getLogger(__name__)

LONGEST_WAIT = 4.0
"""Seconds that a page waits for PixVerse; then it does without."""

_LONGEST_CALL = 10.0
_JOB_MAX_AGE = 5.0
_BALANCE_MAX_AGE = 60.0
_MOST_REMEMBERED = 1000
_MOST_AT_ONCE = 16
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


@dataclass(frozen=True)
class Said:
    """An answer, or why there is none.

    :param url: where the media is, if it may be fetched from there: signed, so for a redirect only.
    :param plain_http: whether it may come by plain http, as from an emulator on this machine.
    :param problem: one sentence; empty where there is an answer.
    :param may_help_later: whether asking again may bring one.
    """

    result: JobResult | None = None
    balance: Balance | None = None
    url: str = ""
    plain_http: bool = False
    problem: str = ""
    may_help_later: bool = True

    def __repr__(self) -> str:
        return f"Said(problem={self.problem!r})"


class _Asked:
    """The questions of one event loop: those under way, and the last answers."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[Any, ...], asyncio.Task[Said]] = {}
        self._answers: dict[tuple[Any, ...], tuple[float, Said]] = {}
        self._slots = asyncio.Semaphore(_MOST_AT_ONCE)

    async def ask(self, key: tuple[Any, ...], max_age: float, call: Callable[[], Awaitable[Said]]) -> Said:
        now = asyncio.get_running_loop().time()
        known = self._answers.get(key)
        if known is not None and now - known[0] < max_age:
            return known[1]
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(self._send(key, call))
        try:
            # One who goes away, or has waited long enough, must not end the question of the others.
            return await asyncio.wait_for(asyncio.shield(task), LONGEST_WAIT)
        except TimeoutError:
            return Said(problem=f"PixVerse has not answered within {LONGEST_WAIT:.0f} s.")

    async def _send(self, key: tuple[Any, ...], call: Callable[[], Awaitable[Said]]) -> Said:
        try:
            async with asyncio.timeout(_LONGEST_CALL), self._slots:
                said = await call()
        except TimeoutError:
            said = Said(problem=f"PixVerse has not answered within {_LONGEST_CALL:.0f} s.")
        finally:
            del self._tasks[key]
        while len(self._answers) >= _MOST_REMEMBERED:
            del self._answers[next(iter(self._answers))]
        # At the end of the row, since the oldest goes first.
        self._answers.pop(key, None)
        self._answers[key] = asyncio.get_running_loop().time(), said
        return said


_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Asked] = weakref.WeakKeyDictionary()


def _asked() -> _Asked:
    return _by_loop.setdefault(asyncio.get_running_loop(), _Asked())


async def job_of(conn_id: str, media_type: MediaType, job_id: str) -> Said:
    """Return what PixVerse says of a job; never raises, and never waits longer than :data:`LONGEST_WAIT`."""

    async def call() -> Said:
        try:
            async with shared_poller(conn_id) as poller:
                with poller.job(media_type, int(job_id)) as job:
                    result = await job.poll(0)
                plain_http = poller.client.settings.on_loopback
                url = media_url(result.url, plain_http=plain_http)
                return Said(result, url=url, plain_http=plain_http)
        except PixVerseError as err:
            return _problem(err)

    return await _asked().ask(("job", conn_id, media_type, job_id), _JOB_MAX_AGE, call)


async def balance_of(conn_id: str) -> Said:
    """Return the credits of a connection; never raises, and never waits longer than :data:`LONGEST_WAIT`."""

    async def call() -> Said:
        try:
            async with shared_poller(conn_id) as poller:
                return Said(balance=await poller.client.call_once(balance_call()))
        except PixVerseError as err:
            return _problem(err)

    return await _asked().ask(("balance", conn_id), _BALANCE_MAX_AGE, call)


def _problem(err: PixVerseError) -> Said:
    return Said(problem=str(err), may_help_later=isinstance(err, PixVerseTransientError))


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL, as a Content-Security-Policy names them; empty for none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    origin = f"{parts.scheme}://{parts.netloc}"
    return origin if _ORIGIN.fullmatch(origin) else ""


def media_url(url: str, *, plain_http: bool) -> str:
    """Return the URL of a result where a browser may be sent there; empty else.

    :param plain_http: whether the API itself is on this machine, as an emulator is.
    """
    if not origin_of(url):
        return ""
    parts = urlsplit(url)
    return url if parts.scheme == "https" or (plain_http and is_loopback(parts.hostname)) else ""
