"""A caller of the API that does nothing by itself: no retry, no interpretation."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from pathlib import Path

    from pixverse_provider.emulator.client import EmulatorControl

TEXT_TO_VIDEO = "/video/text/generate"
LIP_SYNC = "/video/lip_sync/generate"

BOAT = {
    "prompt": "a paper boat on a quiet river",
    "model": "v5",
    "duration": 5,
    "quality": "360p",
    "aspect_ratio": "16:9",
}


class Caller:
    """Calls the API with the right key and a fresh trace id, unless another is given."""

    def __init__(self, emulator: EmulatorControl) -> None:
        self._emulator = emulator

    def headers(self, trace_id: str | None = None) -> dict[str, str]:
        return {"API-KEY": self._emulator.api_key, "Ai-Trace-Id": trace_id or str(uuid.uuid4())}

    def get(self, path: str, **options: Any) -> requests.Response:
        options.setdefault("headers", self.headers())
        return requests.get(f"{self._emulator.api_url}{path}", timeout=30, **options)

    def post(self, path: str, *, trace_id: str | None = None, **options: Any) -> requests.Response:
        options.setdefault("headers", self.headers(trace_id))
        return requests.post(f"{self._emulator.api_url}{path}", timeout=30, **options)

    def submit(self, path: str, body: dict[str, Any], *, trace_id: str | None = None) -> dict[str, Any]:
        """Return the envelope of a submit."""
        envelope: dict[str, Any] = self.post(path, json=body, trace_id=trace_id).json()
        return envelope

    def boat(self, *, trace_id: str | None = None, **changes: Any) -> int:
        """Submit a text-to-video that is accepted."""
        envelope = self.submit(TEXT_TO_VIDEO, {**BOAT, **changes}, trace_id=trace_id)
        assert envelope["ErrCode"] == 0, envelope
        return int(envelope["Resp"]["video_id"])

    def result(self, video_id: int) -> dict[str, Any]:
        """Return the ``Resp`` of a result."""
        envelope = self.get(f"/video/result/{video_id}").json()
        assert envelope["ErrCode"] == 0, envelope
        resp: dict[str, Any] = envelope["Resp"]
        return resp

    def status(self, video_id: int) -> int:
        return int(self.result(video_id)["status"])

    def upload_image(self, path: Path) -> int:
        """Upload an image that is accepted."""
        with path.open("rb") as file:
            envelope = self.post("/image/upload", files={"image": (path.name, file)}).json()
        assert envelope["ErrCode"] == 0, envelope
        return int(envelope["Resp"]["img_id"])

    def upload(self, path: Path, **options: Any) -> int:
        """Upload a media file that is accepted."""
        with path.open("rb") as file:
            envelope = self.post("/media/upload", files={"file": (path.name, file)}, **options).json()
        assert envelope["ErrCode"] == 0, envelope
        return int(envelope["Resp"]["media_id"])
