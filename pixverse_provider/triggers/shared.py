"""One poller for all triggers of a process that use the same connection on the same event loop."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import math
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, Union

from pixverse_provider.api.calls import result_call
from pixverse_provider.exceptions import PixVerseError
from pixverse_provider.hooks.pixverse import PixVerseHook

if TYPE_CHECKING:
    from pixverse_provider.api.async_client import AsyncPixVerseClient
    from pixverse_provider.api.results import JobResult, ResultKind

__all__ = ["SharedJob", "SharedPoller", "retire_poller", "shared_poller"]

# Polls are made at so many times of each second, so that those that are due at about the same time share
# the turns of the event loop, which cost about as much as the polls themselves. With fewer times, so many
# requests are under way at once that Python looks for garbage more often.
_TIMES_A_SECOND = 64
# From so many jobs on, polls share turns by themselves, and such times would only make bursts of them.
_MANY_JOBS = 2000
# Seconds. After a restart the triggers of one job come within a moment of each other.
_FRESH = 1.0


class SharedPoller:
    """Polls jobs over one client, each job once for all who wait for it.

    :param client: for every request; its budget holds for all of them together.
    """

    def __init__(self, client: AsyncPixVerseClient) -> None:
        self.client = client
        self._jobs: dict[_Key, SharedJob] = {}
        # One for all alarms, each of which would otherwise keep a copy of that of the trigger.
        self._context = contextvars.Context()

    def has_key_of(self, other: SharedPoller) -> bool:
        """Tell whether both would send the same key to the same place."""
        return self.client.settings.same_key_as(other.client.settings)

    def job(self, media_type: ResultKind, job_id: int) -> SharedJob:
        """Return a job to wait for in a ``with`` block; whoever else waits for it has the same one."""
        key = (media_type, job_id)
        job = self._jobs.get(key)
        if job is None:
            job = self._jobs[key] = SharedJob(key, self.client, self._context, self._jobs)
        return job


class SharedJob:
    """One job, and the next poll of it, which is made once for all who wait for it.

    At the earliest time that any of them asks for, one of them is woken up to poll, and tells the others.
    Where it leaves before it has an answer, another polls at once.

    There is one for each job that is waited for, and thousands in a triggerer, whose event loop stands still
    while Python goes through all that is alive in search of garbage: so it is made of little. A task for each
    poll would be simpler, and dearer for the one trigger that most jobs have.

    :param jobs: of the poller, from which it removes itself with the last who waits for it.
    """

    __slots__ = (
        "_alarm",
        "_client",
        "_context",
        "_jobs",
        "_key",
        "_last",
        "_last_at",
        "_loop",
        "_polling",
        "_users",
        "_waiting",
    )  # fmt: skip

    def __init__(
        self,
        key: _Key,
        client: AsyncPixVerseClient,
        context: contextvars.Context,
        jobs: dict[_Key, SharedJob],
    ) -> None:
        self._key = key
        self._client = client
        self._context = context
        self._jobs = jobs
        self._loop = asyncio.get_running_loop()
        self._users = 0
        # Those who wait for the next poll, with the times at which they want it.
        self._waiting: dict[_Turn, float] = {}
        # The one of them who has been woken up to poll.
        self._polling: _Turn | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._last: JobResult | None = None
        self._last_at = -math.inf

    def __enter__(self) -> Self:
        self._users += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._users -= 1
        if self._users == 0:
            del self._jobs[self._key]

    async def first_poll(self) -> JobResult:
        """Return what a poll brings now; one that another has made less than a second ago will do.

        :raises PixVerseError: where the poll failed.
        """
        if self._last is not None and self._loop.time() - self._last_at < _FRESH:
            return self._last
        return await self.poll(0.0)

    async def poll(self, pause: float) -> JobResult:
        """Return what the next poll brings: after the pause, or sooner where another wants it sooner.

        :param pause: seconds.
        :raises PixVerseError: where the poll failed.
        """
        mine: _Turn = self._loop.create_future()
        time = self._loop.time() + pause
        self._waiting[mine] = time
        self._schedule(time)
        try:
            answer = await mine or await self._ask()
        finally:
            if mine in self._waiting:
                del self._waiting[mine]
                self._unschedule(time)
            elif self._polling is mine:
                self._polling = None
                if self._waiting:
                    self._schedule(self._loop.time())
        if isinstance(answer, PixVerseError):
            try:
                # Each who is told raises the same one, and the traces of all would pile up in it.
                raise answer.with_traceback(None)
            finally:
                # It holds this frame, which must not hold it in turn.
                del answer, mine
        return answer

    def _schedule(self, time: float) -> None:
        """Let the next poll be at this time, unless it is earlier or under way anyway."""
        if len(self._jobs) < _MANY_JOBS:
            time = math.ceil(time * _TIMES_A_SECOND) / _TIMES_A_SECOND
        if self._polling is not None or (self._alarm is not None and self._alarm.when() <= time):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_at(time, self._wake_one, context=self._context)

    def _unschedule(self, time: float) -> None:
        """Let the next poll be as late as the others want it, now that one who wanted it then has left."""
        if self._alarm is None or (self._waiting and self._alarm.when() < time):
            return
        self._alarm.cancel()
        self._alarm = None
        if self._waiting:
            self._schedule(min(self._waiting.values()))

    def _wake_one(self) -> None:
        self._alarm = None
        for one in self._waiting:
            # One that is cancelled is about to leave.
            if not one.done():
                del self._waiting[one]
                self._polling = one
                one.set_result(None)
                return

    async def _ask(self) -> _Answer:
        """Poll, and tell all who wait what that has brought."""
        answer: _Answer
        try:
            answer = self._last = await self._client.call_once(result_call(*self._key))
        except PixVerseError as err:
            answer, self._last = err, None
        self._last_at = self._loop.time()
        self._polling = None
        # Whoever is told is not there any more; there is seldom anybody.
        if self._waiting:
            for one in self._waiting:
                if not one.done():
                    one.set_result(answer)
            self._waiting.clear()
        return answer


_Key = tuple["ResultKind", int]
_Answer = Union["JobResult", PixVerseError]
# Brings what another's poll has brought, or None where it is for this one to poll.
_Turn = asyncio.Future["_Answer | None"]


@dataclass
class _Shared:
    """A poller, or its making, and how many triggers use it."""

    making: asyncio.Task[SharedPoller]
    users: int = 0


_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Shared]] = (
    weakref.WeakKeyDictionary()
)


class shared_poller:  # noqa: N801 - used like a function
    """Lend the poller of a connection in an ``async with`` block.

    The first user makes it, and the last one out closes its client. A client for each trigger would read the
    connection and build a TLS context each time, which stalls the event loop of the triggerer for seconds
    once hundreds of jobs wait.

    :raises PixVerseConfigurationError: where the connection is missing or cannot be used.
    """

    __slots__ = ("_conn_id", "_shared")

    def __init__(self, pixverse_conn_id: str) -> None:
        self._conn_id = pixverse_conn_id

    async def __aenter__(self) -> SharedPoller:
        pollers = _by_loop.setdefault(asyncio.get_running_loop(), {})
        shared = pollers.get(self._conn_id)
        if shared is None:
            shared = pollers[self._conn_id] = _Shared(asyncio.create_task(_make(self._conn_id)))
        shared.users += 1
        self._shared = shared
        try:
            # Others may wait for the same poller, so a cancelled user must not end its making.
            return await asyncio.shield(shared.making)
        except BaseException:
            await self._give_back()
            raise

    async def __aexit__(self, *_: object) -> None:
        await self._give_back()

    async def _give_back(self) -> None:
        shared = self._shared
        shared.users -= 1
        if shared.users == 0:
            pollers = _by_loop[asyncio.get_running_loop()]
            if pollers.get(self._conn_id) is shared:
                del pollers[self._conn_id]
            await _close(shared)


def retire_poller(pixverse_conn_id: str, poller: SharedPoller) -> None:
    """Let no new user have this poller, so that the next one reads the connection again.

    Those who have it keep it until they leave.
    """
    pollers = _by_loop.get(asyncio.get_running_loop(), {})
    shared = pollers.get(pixverse_conn_id)
    if shared is None or not shared.making.done() or shared.making.exception() is not None:
        return
    if shared.making.result() is poller:
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
