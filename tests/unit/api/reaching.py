"""Whoever reaches PixVerse or its media host from here, and what can be seen of the way that it takes."""

from __future__ import annotations

import asyncio
import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from pixverse_provider.api.async_client import AsyncPixVerseClient
from pixverse_provider.api.calls import balance_call
from pixverse_provider.api.client import PixVerseClient
from pixverse_provider.api.download import MediaDownload
from pixverse_provider.api.settings import ClientSettings, http_host
from pixverse_provider.exceptions import PixVerseConfigurationError, PixVerseError
from tests.unit.networks import VIDEO

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.networks import Asked, World

KEY = "sk-1234567890abcdef"
PASSWORD = "s3cr3t:/@"
USERINFO = "worker:s3cr3t%3A%2F%40"
BASIC = "Basic " + base64.b64encode(f"worker:{PASSWORD}".encode()).decode()


@dataclass(frozen=True)
class Seen:
    """How it went for one of those who asked.

    :param outcome: ``"answered"``; ``"failed"``, which another try may mend; or ``"refused"``, where the
        environment is at fault.
    :param proxies: who was asked on the way, and for what, each once.
    :param authorization: that reached PixVerse or the media host, of whatever kind.
    """

    outcome: str
    proxies: tuple[tuple[str, Asked], ...]
    authorization: frozenset[str]


class Source:
    """A file to upload."""

    file_name, content_type, size = "a.mp4", "video/mp4", len(VIDEO)

    def open(self) -> io.BytesIO:
        return io.BytesIO(VIDEO)


def poll_in_worker(base_url: str) -> None:
    with PixVerseClient(ClientSettings(KEY, base_url, timeout=60.0)) as client:
        client.call_once(balance_call())


def poll_in_triggerer(base_url: str) -> None:
    async def poll() -> None:
        async with AsyncPixVerseClient(ClientSettings(KEY, base_url, timeout=60.0)) as client:
            await client.call_once(balance_call())

    asyncio.run(poll())


def upload(base_url: str) -> None:
    with PixVerseClient(ClientSettings(KEY, base_url, timeout=60.0), sleep=lambda _: None) as client:
        client.upload_media(Source())


def download(base_url: str) -> None:
    media = f"{base_url}/a.mp4?Signature=1"
    MediaDownload(
        7, lambda: media, http_host=http_host(base_url), expected_size=len(VIDEO), sleep=lambda _: None
    ).into(io.BytesIO())


WAYS = {"worker": poll_in_worker, "triggerer": poll_in_triggerer, "upload": upload, "download": download}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())


def see(world: World, way: Callable[[str], None], base_url: str) -> tuple[Seen, PixVerseError | None]:
    """Let one of those who ask take its way, and look on."""
    world.forget()
    error: PixVerseError | None = None
    outcome = "answered"
    try:
        way(base_url)
    except PixVerseError as err:
        error = err
        outcome = "refused" if isinstance(err, PixVerseConfigurationError) else "failed"
    asked = [(name, request) for name, proxy in world.proxies.items() for request in proxy.asked]
    received = [*world.pixverse.requests, *world.plain.requests]
    assert bool(received) is (outcome == "answered")
    authorization = {
        value for request in received for name, value in request.headers.items() if "authorization" in name
    }
    return Seen(outcome, tuple(dict.fromkeys(asked)), frozenset(authorization)), error
