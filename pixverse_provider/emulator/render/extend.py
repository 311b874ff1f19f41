"""Renders an extend: the source, then a continuation of its last picture."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from pixverse_provider.emulator.render.caption import caption
from pixverse_provider.emulator.render.mp4 import SAMPLE_RATE, Pixels, write_mp4
from pixverse_provider.emulator.render.pictures import shape, zoomed
from pixverse_provider.emulator.render.sound_track import fitted
from pixverse_provider.emulator.render.source import loop_frames, own_sound, probe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pixverse_provider.emulator.render.clip import File, Profile

_CLOSER: Final = 0.4


@dataclass(frozen=True, kw_only=True)
class ExtendRecipe:
    """A video and ``added`` seconds more; its sound ends where it ended."""

    video: File
    seconds: float
    added: int
    quality: int
    prompt: str

    @property
    def key(self) -> str:
        """Everything that the file depends on; a file counts by its content."""
        return repr(self)

    def render(self, path: Path, profile: Profile) -> None:
        """Write the clip."""
        found = probe(self.video.path, most=profile.max_fps)
        size = profile.fit(*shape(*found.size, self.quality))
        sound = own_sound(self.video.path)
        before, after = max(1, round(self.seconds * found.fps)), self.added * found.fps
        length = round((before + after) / found.fps * SAMPLE_RATE)
        audio = fitted(sound, length) if sound is not None else None
        write_mp4(path, self._frames(size, found.fps, before, after), size=size, fps=found.fps, audio=audio)

    def _frames(self, size: tuple[int, int], fps: int, before: int, after: int) -> Iterator[Pixels]:
        last: Pixels | None = None
        for last in islice(loop_frames(self.video.path, size=size, fps=fps), before):
            yield last
        if last is None:
            raise ValueError("the video has no pictures")
        held = Image.fromarray(last)
        words = caption(*size, self.prompt)
        for index in range(after):
            picture = zoomed(held, (index + 1) / after, most=_CLOSER)
            picture.paste(words, mask=words.getchannel("A"))
            yield np.asarray(picture)
