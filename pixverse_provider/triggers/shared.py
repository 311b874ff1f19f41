"""One poller for all triggers of a process that use the same connection on the same event loop."""

from __future__ import annotations

import asyncio
import importlib
import math
import weakref
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pixverse_provider.api.calls import result_call
from pixverse_provider.exceptions import PixVerseError
from pixverse_provider.hooks.pixverse import PixVerseHook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from pixverse_provider.api.async_client import AsyncPixVerseClient
    from pixverse_provider.api.results import JobResult, ResultKind

__all__ = ["SharedJob", "SharedPoller", "retire_poller", "shared_poller"]

# Seconds. After a restart the triggers of one video come within a moment of each other.
_FRESH = 1.0


class SharedPoller:
    """Looks at jobs over one client, at each job once for all who wait for it.

    :param client: for every request; its budget holds for all of them together.
    """

    def __init__(self, client: AsyncPixVerseClient) -> None:
        self.client = client
        self._jobs: dict[tuple[ResultKind, int], SharedJob] = {}

    @contextmanager
    def job(self, kind: ResultKind, job_id: int) -> Iterator[SharedJob]:
        """Lend a job to one who waits for it; whoever else waits for it has the same one."""
        key = (kind, job_id)
        job = self._jobs.get(key)
        if job is None:
            job = self._jobs[key] = SharedJob(self.client, kind, job_id)
        job.users += 1
        try:
            yield job
        finally:
            job.users -= 1
            if job.users == 0:
                del self._jobs[key]


class SharedJob:
    """One job, and the next look at it, which is made once for all who wait for it.

    One of them leads: it sleeps until the earliest moment that any of them wishes, asks, and tells the
    others. Where the leader leaves before it has an answer, they wake up and one of them leads from there. (A
    task for each look would be simpler, and dearer for the one trigger that most jobs have.)
    """

    def __init__(self, client: AsyncPixVerseClient, kind: ResultKind, job_id: int) -> None:
        self.users = 0
        self._client = client
        self._kind = kind
        self._id = job_id
        self._loop = asyncio.get_running_loop()
        self._led = False
        self._followers: list[asyncio.Future[_Shown | None]] = []
        self._moment = math.inf
        self._sleep: asyncio.Future[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._last: _Shown | None = None

    async def first_look(self) -> JobResult:
        """Return what a look shows now; one that another has made less than a second ago will do.

        :raises PixVerseError: what the look met.
        """
        last = self._last
        if (
            last is not None
            and not isinstance(last.seen, PixVerseError)
            and self._loop.time() - last.at < _FRESH
        ):
            return last.seen
        return await self.look(0.0)

    async def look(self, pause: float) -> JobResult:
        """Return what the next look shows: after the pause, or sooner where another wants it sooner.

        :param pause: seconds.
        :raises PixVerseError: what the look met.
        """
        self._wish(self._loop.time() + pause)
        shown: _Shown | None = None
        while shown is None:
            shown = await (self._follow() if self._led else self._lead())
        if isinstance(shown.seen, PixVerseError):
            raise shown.seen
        return shown.seen

    async def _lead(self) -> _Shown:
        """Sleep until the moment has come, ask, and tell the followers; or that nobody leads any more."""
        self._led = True
        shown: _Shown | None = None
        try:
            await self._until_moment()
            shown = self._last = await self._ask()
        finally:
            self._led = False
            # Whoever is told and asks again means another look.
            followers, self._followers = self._followers, []
            if shown is not None or not followers:
                self._moment = math.inf
            for follower in followers:
                if not follower.done():
                    follower.set_result(shown)
        return shown

    async def _follow(self) -> _Shown | None:
        """Return what the leader is told, or None where it has left."""
        mine: asyncio.Future[_Shown | None] = self._loop.create_future()
        self._followers.append(mine)
        try:
            return await mine
        finally:
            if mine in self._followers:
                self._followers.remove(mine)

    def _wish(self, moment: float) -> None:
        """Let the next look be at this moment, unless it is earlier anyway."""
        if moment >= self._moment:
            return
        self._moment = moment
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = self._loop.call_at(moment, self._wake)

    async def _until_moment(self) -> None:
        if self._moment <= self._loop.time():
            return
        self._sleep = self._loop.create_future()
        self._alarm = self._loop.call_at(self._moment, self._wake)
        try:
            await self._sleep
        finally:
            self._alarm.cancel()
            self._sleep = self._alarm = None

    def _wake(self) -> None:
        if self._sleep is not None and not self._sleep.done():
            self._sleep.set_result(None)

    async def _ask(self) -> _Shown:
        # Whoever comes from now on has the answer of this look, however soon it wants one.
        self._moment = -math.inf
        try:
            result = await self._client.call_once(result_call(self._kind, self._id))
        except PixVerseError as err:
            return _Shown(self._loop.time(), err)
        return _Shown(self._loop.time(), result)


class _Shown(NamedTuple):
    """What a look has shown, or met, and when."""

    at: float
    seen: JobResult | PixVerseError


@dataclass
class _Shared:
    """A poller, or its making, and how many triggers use it."""

    making: asyncio.Task[SharedPoller]
    users: int = 0


_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Shared]] = (
    weakref.WeakKeyDictionary()
)


@asynccontextmanager
async def shared_poller(pixverse_conn_id: str) -> AsyncIterator[SharedPoller]:
    """Lend the poller of this connection; the first user makes it, and the last one out closes its client.

    A client for each trigger would read the connection and build a TLS context each time, which stalls the
    event loop of the triggerer for seconds once hundreds of jobs wait.

    :raises PixVerseConfigurationError: where the connection is missing or cannot be used.
    """
    pollers = _by_loop.setdefault(asyncio.get_running_loop(), {})
    shared = pollers.get(pixverse_conn_id)
    if shared is None:
        shared = pollers[pixverse_conn_id] = _Shared(asyncio.create_task(_make(pixverse_conn_id)))
    shared.users += 1
    try:
        # Others may wait for the same poller, so a cancelled user must not end its making.
        yield await asyncio.shield(shared.making)
    finally:
        shared.users -= 1
        if shared.users == 0:
            if pollers.get(pixverse_conn_id) is shared:
                del pollers[pixverse_conn_id]
            await _close(shared)


def retire_poller(pixverse_conn_id: str, poller: SharedPoller) -> None:
    """Let no new user have this poller, so that the next one reads the connection again.

    Those who have it keep it until they leave.
    """
    pollers = _by_loop.get(asyncio.get_running_loop(), {})
    shared = pollers.get(pixverse_conn_id)
    if shared is not None and shared.making.done() and shared.making.result() is poller:
        del pollers[pixverse_conn_id]


async def _make(pixverse_conn_id: str) -> SharedPoller:
    # The HTTP library takes a tenth of a second to import, which no trigger should make the others wait for.
    await asyncio.to_thread(importlib.import_module, "pixverse_provider.api.async_client")
    return SharedPoller(await PixVerseHook(pixverse_conn_id).get_async_conn())


async def _close(shared: _Shared) -> None:
    if not shared.making.done():
        shared.making.cancel()
        return
    if shared.making.exception() is None:
        await shared.making.result().client.close()
