"""One client, and one poll of each job, for all triggers of a process that use the same connection."""

from __future__ import annotations

import asyncio
import importlib
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, Union

from pixverse_provider.api.calls import result_call
from pixverse_provider.exceptions import PixVerseConfigurationError, PixVerseError
from pixverse_provider.hooks.pixverse import PixVerseHook

if TYPE_CHECKING:
    from pixverse_provider.api.async_client import AsyncPixVerseClient
    from pixverse_provider.api.results import JobResult, MediaType

__all__ = ["SharedJob", "SharedPoller", "check_poller", "retire_poller", "shared_poller"]


class SharedPoller:
    """Polls jobs over one client, each job once for all who wait for it.

    :param client: for every request; its budget holds for all of them together.
    """

    def __init__(self, client: AsyncPixVerseClient) -> None:
        self.client = client
        self._jobs: dict[tuple[MediaType, int], SharedJob] = {}

    @property
    def refusal(self) -> str | None:
        """Why nothing but the polls of a job that is paid may use it; None where everything may."""
        return self.client.settings.refusal

    def has_key_of(self, other: SharedPoller) -> bool:
        """Tell whether both would send the same key to the same place."""
        return self.client.settings.same_key_as(other.client.settings)

    def job(self, media_type: MediaType, job_id: int) -> SharedJob:
        """Return a job to wait for in a ``with`` block; whoever else waits for it has the same one."""
        key = (media_type, job_id)
        job = self._jobs.get(key)
        if job is None:
            job = self._jobs[key] = SharedJob(media_type, job_id, self)
        return job

    def forget(self, media_type: MediaType, job_id: int) -> None:
        """Keep nothing of a job that nobody waits for any more."""
        del self._jobs[media_type, job_id]


class SharedJob:
    """One job, and the last poll of it, which all who wait for it share.

    There is one for each job that is waited for, and thousands in a triggerer, whose event loop stands still
    while Python goes through all that is alive in search of garbage: so it keeps little.
    """

    __slots__ = ("_answer", "_answered_at", "_job_id", "_media_type", "_poller", "_request", "_users")

    def __init__(self, media_type: MediaType, job_id: int, poller: SharedPoller) -> None:
        self._media_type: MediaType = media_type
        self._job_id = job_id
        self._poller = poller
        self._users = 0
        # The poll under way, if any.
        self._request: asyncio.Task[_Answer] | None = None
        # What the last one brought, and when.
        self._answer: _Answer | None = None
        self._answered_at = 0.0

    def __enter__(self) -> Self:
        self._users += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._users -= 1
        if self._users == 0:
            self._poller.forget(self._media_type, self._job_id)
            if self._request is not None:
                self._request.cancel()

    async def poll(self, max_age: float) -> JobResult:
        """Return what a poll brings: one that is under way, or that another has just made, will do.

        :param max_age: seconds since a poll that has ended already was answered.
        :raises PixVerseError: where that poll failed.
        """
        now = asyncio.get_running_loop().time()
        answer = self._answer
        if self._request is not None or answer is None or now - self._answered_at >= max_age:
            if self._request is None:
                self._request = asyncio.create_task(self._send())
            # One who is cancelled must not end the request of the others.
            answer = await asyncio.shield(self._request)
        if isinstance(answer, PixVerseError):
            # Each who waits raises the same one, and the tracebacks of all would pile up in it.
            raise answer.with_traceback(None)
        return answer

    async def _send(self) -> _Answer:
        self._answer = None
        try:
            self._answer = await self._poller.client.call_once(result_call(self._media_type, self._job_id))
        except PixVerseError as err:
            self._answer = err
        finally:
            self._request = None
        self._answered_at = asyncio.get_running_loop().time()
        return self._answer


_Answer = Union["JobResult", PixVerseError]


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

    # A generator would be shorter and keeps four more objects for each wait.
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


def check_poller(pixverse_conn_id: str, poller: SharedPoller) -> None:
    """Refuse a poller that only those may use who hold the record of a job that is paid.

    :raises PixVerseConfigurationError: says why; the connection is read again for the next one.
    """
    if poller.refusal is not None:
        retire_poller(pixverse_conn_id, poller)
        raise PixVerseConfigurationError(poller.refusal)


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
    # Some who share it may hold the record of a job that is paid.
    return SharedPoller(await PixVerseHook(pixverse_conn_id, polls_paid_job=True).get_async_conn())


async def _close(shared: _Shared) -> None:
    if not shared.making.done():
        shared.making.cancel()
        return
    if shared.making.exception() is None:
        await shared.making.result().client.close()
