"""A PixVerse in memory, below both HTTP libraries, that remembers what it was asked."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3
from requests.adapters import HTTPAdapter

from pixverse_provider.api.client import PixVerseClient
from pixverse_provider.api.settings import ClientSettings
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.triggers.shared import SharedPoller
from tests.support.kinds import public_tasks
from tests.support.mp4 import mp4
from tests.unit.connections import KEY, set_connection
from tests.unit.own_log import OwnLog
from tests.unit.pixverse_in_time import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest
    import requests

    from pixverse_provider.api.protocol import Call

API = "http://127.0.0.1:9/openapi/v2"
_FILM = mp4(200)


class PixVerse:
    """Accepts whatever is sent, and has every job done after so many polls of it.

    :param polls: of a job that is not done yet.
    :ivar asked: method and path of every request.
    :ivar uploads: what was sent to be kept.
    """

    def __init__(self, clock: Clock, polls: int = 0) -> None:
        self.clock = clock
        self.polls_left = polls
        self.asked: list[tuple[str, str]] = []
        self.uploads: list[bytes] = []
        self.settings = ClientSettings(KEY, API)

    @property
    def paid(self) -> int:
        """How many paid calls there were."""
        return sum(path.endswith(("/generate", "/selection")) for _, path in self.asked)

    def forget(self) -> None:
        """Begin anew, for the next value of a table."""
        self.asked.clear()
        self.uploads.clear()

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def send(adapter: HTTPAdapter, request: Any, **_: Any) -> requests.Response:
            body = self._answer(request)
            raw = urllib3.HTTPResponse(
                io.BytesIO(body), {"Content-Length": str(len(body))}, status=200, preload_content=False
            )
            return adapter.build_response(request, raw)

        monkeypatch.setattr(HTTPAdapter, "send", send)
        # A connection may ask for a pause between two requests.
        defaults: Any = PixVerseClient.__init__.__kwdefaults__
        monkeypatch.setitem(defaults, "sleep", self.clock.sleep)
        monkeypatch.setattr("pixverse_provider.triggers.shared._make", self._make_poller)
        set_connection(monkeypatch, API)

    async def call_once(self, call: Call[Any]) -> Any:
        """Answer a poll of the triggerer."""
        return call.parse(self._resp(call.method, call.path))

    async def close(self) -> None:
        """Nothing is open."""

    async def _make_poller(self, pixverse_conn_id: str) -> SharedPoller:
        client: Any = self
        return SharedPoller(client)

    def _answer(self, request: requests.PreparedRequest) -> bytes:
        parts = urlsplit(str(request.url))
        if parts.hostname == "media.pixverse.ai":
            assert KEY not in str(request.headers)
            return _FILM
        body: Any = request.body
        if request.method == "POST" and parts.path.endswith("/upload"):
            self.uploads.append(body.read() if hasattr(body, "read") else str(body).encode())
        elif body is not None:
            # An unpaired surrogate comes through as an escape, and is no text all the same.
            json.dumps(json.loads(body, parse_constant=_no_json), ensure_ascii=False).encode()
        path = parts.path.partition("/openapi/v2")[2]
        resp = self._resp(str(request.method), path)
        return json.dumps({"ErrCode": 0, "ErrMsg": "success", "Resp": resp}).encode()

    def _resp(self, method: str, path: str) -> dict[str, Any]:
        self.asked.append((method, path))
        number = 100 + self.paid
        match path.split("/")[1:]:
            case [media, "result", job_id]:
                done = self.polls_left == 0
                self.polls_left -= not done
                url = "https://media.pixverse.ai/a.mp4?Signature=s3cr3t" if done else ""
                name = "image_id" if media == "image" else "id"
                return {name: int(job_id), "status": 1 if done else 5, "url": url}
            case ["account", "balance"]:
                return {"account_id": 1, "credit_monthly": 10**6, "credit_package": 0}
            case ["video", "mask", "selection"]:
                return {"keyframe_id": 1, "keyframe_url": "", "mask_info": []}
            case [media, "upload"]:
                return {"media_id": number, "media_type": "video", "img_id": number}
            case ["image", *_]:
                return {"image_id": number}
            case _:
                return {"video_id": number}


@contextmanager
def pixverse(monkeypatch: pytest.MonkeyPatch, polls: int = 0) -> Iterator[PixVerse]:
    """Let every task of this process talk to a PixVerse of its own, in a time of its own."""
    with monkeypatch.context() as patches:
        clock = Clock()
        clock.install(patches)
        service = PixVerse(clock, polls)
        service.install(patches)
        # It fails for a line that does not fit its arguments.
        OwnLog().install(patches, PixVerseHook, *public_tasks().values())
        yield service


def _no_json(constant: str) -> None:
    raise AssertionError(f"{constant} was sent, which is no JSON")
