"""An account with a few things in it, for rules that are tested without a server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pixverse_provider.emulator.protocol import ApiError
from pixverse_provider.emulator.rules.request import Fields, Mask, Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.emulator.rules.request import Library, Order

VIDEO, AUDIO, GENERATED = 425662507205761, 425662507205762, 627410861853514293
IMAGES = tuple(range(164913710, 164913720))
IMAGE = IMAGES[0]
MASK = "mask-of-first-frame"


@dataclass(kw_only=True)
class FakeLibrary:
    """One uploaded video and audio, one generated video, ten images, one mask of the generated video."""

    seconds: float = 7.2
    size: int = 1000
    image_name: str = "cat.png"
    video_name: str = "clip.mp4"

    def finished_video(self, name: str, video_id: int, *, unknown: int = 400017) -> Source:
        if video_id != GENERATED:
            raise ApiError(unknown, f"{name} not known")
        return Source(path=Path("g.mp4"), digest="g", seconds=5.0, resolution_ratio=720)

    def uploaded(self, name: str, media_id: int, media_type: str, *, unknown: int = 400017) -> Source:
        kinds = {VIDEO: "video", AUDIO: "audio"}
        if media_id not in kinds:
            raise ApiError(unknown, f"{name} not known")
        if kinds[media_id] != media_type:
            raise ApiError(400017, f"{name} is of the wrong kind")
        return Source(
            path=Path("u"),
            digest="u",
            seconds=self.seconds,
            size=self.size,
            resolution_ratio=360,
            name=self.video_name,
        )

    def image(self, name: str, img_id: int) -> Source:
        if img_id not in IMAGES:
            raise ApiError(400032, f"{name} not known")
        return Source(
            path=Path("i.png"), digest=str(img_id), seconds=0, width=64, height=48, name=self.image_name
        )

    def mask(self, name: str, mask_id: str) -> Mask:
        if mask_id != MASK:
            raise ApiError(500008, f"{name} not known")
        return Mask(mask_id=mask_id, source=("source_video_id", GENERATED), keyframe_id=1, mask_name="person")


class Endpoint:
    """The rules of one endpoint, and a request that they accept, which a test changes field by field."""

    def __init__(self, rules: Callable[[Fields, Library], Order], accepted: dict[str, Any]) -> None:
        self._rules = rules
        self._accepted = accepted

    def order(self, library: FakeLibrary | None = None, /, **changes: Any) -> Order:
        """Return the order; a field that is changed to ``...`` is left out."""
        body = {name: value for name, value in {**self._accepted, **changes}.items() if value is not ...}
        return self._rules(Fields(body), library or FakeLibrary())

    def refusal(self, library: FakeLibrary | None = None, /, **changes: Any) -> int:
        """Return the code with which a request is refused."""
        with pytest.raises(ApiError) as refused:
            self.order(library, **changes)
        return refused.value.err_code

    def required(self, *names: str) -> bool:
        """Tell whether each of these is missed with 400011."""
        return {self.refusal(**{name: nothing}) for name in names for nothing in (..., None, "")} == {400011}
