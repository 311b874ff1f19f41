"""Renders a text-to-video clip: a presenter before a moving background, with the prompt as a caption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from pixverse_provider.emulator.render.backdrop import Backdrop
from pixverse_provider.emulator.render.canvas import Canvas
from pixverse_provider.emulator.render.caption import caption
from pixverse_provider.emulator.render.mouth import MouthPainter
from pixverse_provider.emulator.render.mp4 import Pixels, write_mp4
from pixverse_provider.emulator.render.pictures import shape
from pixverse_provider.emulator.render.presenter import LOOKS, Pose, draw_presenter
from pixverse_provider.emulator.render.sound_track import sound_track
from pixverse_provider.emulator.render.voice_track import MouthShape, mouth_shapes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PIL import Image

    from pixverse_provider.emulator.render.clip import Profile
    from pixverse_provider.emulator.voices import Voice

_FPS: Final = 12
_HUES: Final = (0.47, 0.52, 0.57, 0.62, 0.68, 0.75, 0.82)


@dataclass(frozen=True, kw_only=True)
class TextToVideoRecipe:
    """A generated clip.

    :param seconds: exact length.
    :param quality: the shorter side in pixels, before the profile scales it down.
    :param music: whether it gets a sound track of quiet chords.
    :param voice: who says ``speech``; what is longer than the clip is cut.
    """

    prompt: str
    seconds: int
    quality: int
    aspect_ratio: str
    seed: int
    music: bool = False
    voice: Voice | None = None
    speech: str = ""

    @property
    def key(self) -> str:
        """Everything that the file depends on."""
        return repr(self)

    def render(self, path: Path, profile: Profile) -> None:
        """Write the clip."""
        size = profile.fit(*self.size)
        fps = min(_FPS, profile.max_fps)
        audio = sound_track(
            self.seconds, seed=self.seed, music=self.music, voice=self.voice, speech=self.speech
        )
        shapes = mouth_shapes(audio, fps, fps * self.seconds) if audio is not None and self.voice else None
        write_mp4(path, self._frames(size, fps, shapes), size=size, fps=fps, audio=audio)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height that were asked for."""
        across, down = (int(part) for part in self.aspect_ratio.split(":"))
        return shape(across, down, self.quality)

    def _frames(self, size: tuple[int, int], fps: int, shapes: list[MouthShape] | None) -> Iterator[Pixels]:
        backdrop = Backdrop(*size, hue=_HUES[self.seed // len(LOOKS) % len(_HUES)], period=self.seconds)
        open_eyes, closed_eyes = (self._foreground(size, lids) for lids in (0.0, 1.0))
        painter = MouthPainter(*size)
        for index in range(fps * self.seconds):
            picture = backdrop.at(index / fps)
            # A blink of two frames, every three seconds or so.
            front = closed_eyes if index % 37 in (20, 21) else open_eyes
            picture.paste(front, mask=front.getchannel("A"))
            pixels = np.asarray(picture)
            yield painter.paint(pixels, shapes[index]) if shapes is not None else pixels

    def _foreground(self, size: tuple[int, int], lids: float) -> Image.Image:
        canvas = Canvas(*size, detail=2)
        draw_presenter(canvas, LOOKS[self.seed % len(LOOKS)], Pose(lids=lids))
        picture = canvas.finish()
        picture.alpha_composite(caption(*size, self.prompt))
        return picture
