"""Renders clips made of pictures: one that the camera approaches, or several that fade into one another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from pixverse_provider.emulator.render.caption import caption
from pixverse_provider.emulator.render.mp4 import Pixels, write_mp4
from pixverse_provider.emulator.render.pictures import cover, open_picture, shape, zoomed
from pixverse_provider.emulator.render.sound_track import sound_track

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pixverse_provider.emulator.render.clip import File, Profile
    from pixverse_provider.emulator.voices import Voice

_FPS: Final = 12


@dataclass(frozen=True, kw_only=True)
class StillsRecipe:
    """A clip of one or more pictures, in the shape of the first.

    :param lengths: seconds from each picture to the next; for a single one, how long it is shown.
    :param captions: one for each length.
    :param quality: the shorter side in pixels, before the profile scales it down.
    """

    pictures: tuple[File, ...]
    lengths: tuple[float, ...]
    captions: tuple[str, ...]
    quality: int
    seed: int = 0
    music: bool = False
    voice: Voice | None = None
    speech: str = ""

    @property
    def key(self) -> str:
        """Everything that the file depends on; pictures count by their content."""
        return repr(self)

    def render(self, path: Path, profile: Profile) -> None:
        """Write the clip."""
        opened = [open_picture(file.path) for file in self.pictures]
        size = profile.fit(*shape(*opened[0].size, self.quality))
        fps = min(_FPS, profile.max_fps)
        audio = sound_track(
            sum(self.lengths), seed=self.seed, music=self.music, voice=self.voice, speech=self.speech
        )
        shown = [cover(picture, size) for picture in opened]
        write_mp4(path, self._frames(shown, fps), size=size, fps=fps, audio=audio)

    def _frames(self, shown: list[Image.Image], fps: int) -> Iterator[Pixels]:
        steps = list(pairwise(shown)) or [(shown[0], shown[0])]
        for (before, after), seconds, text in zip(steps, self.lengths, self.captions, strict=True):
            words = caption(*before.size, text)
            count = max(1, round(seconds * fps))
            for index in range(count):
                share = index / max(1, count - 1)
                picture = zoomed(before, share) if after is before else Image.blend(before, after, share)
                picture.paste(words, mask=words.getchannel("A"))
                yield np.asarray(picture)
