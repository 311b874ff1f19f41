"""One client for all triggers of a process that use the same connection on the same event loop."""

from __future__ import annotations

import asyncio
import importlib
import weakref
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pixverse_provider.hooks.pixverse import PixVerseHook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pixverse_provider.api.async_client import AsyncPixVerseClient

__all__ = ["retire_client", "shared_client"]


@dataclass
class _Shared:
    """A client, or its making, and how many triggers use it."""

    making: asyncio.Task[AsyncPixVerseClient]
    users: int = 0


_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Shared]] = (
    weakref.WeakKeyDictionary()
)


@asynccontextmanager
async def shared_client(pixverse_conn_id: str) -> AsyncIterator[AsyncPixVerseClient]:
    """Lend the client of this connection; the first user makes it, and the last one out closes it.

    A client for each trigger would read the connection and build a TLS context each time, which stalls the
    event loop of the triggerer for seconds once hundreds of jobs wait.

    :raises PixVerseConfigurationError: where the connection is missing or cannot be used.
    """
    clients = _by_loop.setdefault(asyncio.get_running_loop(), {})
    shared = clients.get(pixverse_conn_id)
    if shared is None:
        shared = clients[pixverse_conn_id] = _Shared(asyncio.create_task(_make(pixverse_conn_id)))
    shared.users += 1
    try:
        # Others may wait for the same client, so a cancelled user must not end its making.
        yield await asyncio.shield(shared.making)
    finally:
        shared.users -= 1
        if shared.users == 0:
            if clients.get(pixverse_conn_id) is shared:
                del clients[pixverse_conn_id]
            await _close(shared)


def retire_client(pixverse_conn_id: str, client: AsyncPixVerseClient) -> None:
    """Let no new user have this client, so that the next one reads the connection again.

    Those who have it keep it until they leave.
    """
    clients = _by_loop.get(asyncio.get_running_loop(), {})
    shared = clients.get(pixverse_conn_id)
    if shared is not None and shared.making.done() and shared.making.result() is client:
        del clients[pixverse_conn_id]


async def _make(pixverse_conn_id: str) -> AsyncPixVerseClient:
    # The HTTP library takes a tenth of a second to import, which no trigger should make the others wait for.
    await asyncio.to_thread(importlib.import_module, "pixverse_provider.api.async_client")
    return await PixVerseHook(pixverse_conn_id).get_async_conn()


async def _close(shared: _Shared) -> None:
    if not shared.making.done():
        shared.making.cancel()
        return
    if shared.making.exception() is None:
        await shared.making.result().close()
