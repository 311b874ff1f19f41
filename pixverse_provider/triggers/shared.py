"""One poller for all triggers of a process that use the same connection on the same event loop."""

from __future__ import annotations

import asyncio
import importlib
import weakref
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pixverse_provider.api.calls import result_call
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
    """One job, and the next look at it, which is made once for all who wait for it."""

    def __init__(self, client: AsyncPixVerseClient, kind: ResultKind, job_id: int) -> None:
        self.users = 0
        self._client = client
        self._kind = kind
        self._id = job_id
        self._loop = asyncio.get_running_loop()
        # Each is told of the request once it has ended, and takes from it what came out.
        self._waiting: list[asyncio.Future[asyncio.Task[JobResult]]] = []
        self._moment = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._request: asyncio.Task[JobResult] | None = None
        self._shown: tuple[float, JobResult] | None = None

    async def first_look(self) -> JobResult:
        """Return what a look shows now; one that another has made less than a second ago will do.

        :raises PixVerseError: what the look met.
        """
        if self._shown is not None and self._loop.time() - self._shown[0] < _FRESH:
            return self._shown[1]
        return await self.look(0.0)

    async def look(self, pause: float) -> JobResult:
        """Return what the next look shows: after the pause, or sooner where another wants it sooner.

        :param pause: seconds.
        :raises PixVerseError: what the look met.
        """
        mine: asyncio.Future[asyncio.Task[JobResult]] = self._loop.create_future()
        self._waiting.append(mine)
        self._plan(self._loop.time() + pause)
        try:
            request = await mine
        except asyncio.CancelledError:
            if mine in self._waiting:
                self._waiting.remove(mine)
            if not self._waiting:
                self._drop()
            raise
        return request.result()

    def _plan(self, moment: float) -> None:
        """Have the look made at the moment, unless it is under way or planned for an earlier one."""
        if self._request is not None or (self._timer is not None and self._moment <= moment):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._moment = moment
        self._timer = self._loop.call_at(moment, self._start)

    def _start(self) -> None:
        self._timer = None
        self._request = self._loop.create_task(
            self._client.call_once(result_call(self._kind, self._id)),
            name=f"look at PixVerse {self._kind} {self._id}",
        )
        self._request.add_done_callback(self._tell)

    def _tell(self, request: asyncio.Task[JobResult]) -> None:
        """Wake all who wait for the look; none is left asleep, whatever became of it."""
        if request is not self._request:
            return
        self._request = None
        # Whoever wakes up and asks again means another look.
        waiting, self._waiting = self._waiting, []
        if not request.cancelled() and request.exception() is None:
            self._shown = (self._loop.time(), request.result())
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(request)

    def _drop(self) -> None:
        """Make no look that nobody waits for any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._request is not None:
            self._request.cancel()
            self._request = None


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
