"""Renders a lip sync: the source's pictures, the given voice, and a mouth that moves to it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from pixverse_provider.emulator.render.mouth import MouthPainter
from pixverse_provider.emulator.render.mp4 import SAMPLE_RATE, Samples, write_mp4
from pixverse_provider.emulator.render.source import loop_frames, probe, read_audio
from pixverse_provider.emulator.render.speech import speak
from pixverse_provider.emulator.render.voice_track import mouth_shapes

if TYPE_CHECKING:
    from pathlib import Path

    from pixverse_provider.emulator.render.clip import Profile
    from pixverse_provider.emulator.voices import Voice


@dataclass(frozen=True, kw_only=True)
class LipSyncRecipe:
    """A lip sync to an audio file, or to a text that a voice says.

    The result is as long as the voice: a longer video is cut, a shorter one starts again from its beginning.
    Its own sound is gone.
    """

    video: Path
    video_digest: str
    audio: Path | None = None
    audio_digest: str = ""
    voice: Voice | None = None
    text: str = ""

    @property
    def key(self) -> str:
        """Everything that the file depends on; a file counts by its content."""
        return f"{self.video_digest} {self.audio_digest} {self.voice} {self.text}"

    def render(self, path: Path, profile: Profile) -> None:
        """Write the clip."""
        found = probe(self.video, most=profile.max_fps)
        size, fps = profile.fit(*found.size), found.fps
        audio = self._audio()
        count = max(1, round(len(audio) * fps / SAMPLE_RATE))
        shapes = mouth_shapes(audio, fps, count)
        painter = MouthPainter(*size)
        frames = islice(loop_frames(self.video, size=size, fps=fps), count)
        write_mp4(
            path,
            (painter.paint(frame, shape) for frame, shape in zip(frames, shapes, strict=True)),
            size=size,
            fps=fps,
            audio=audio,
        )

    def _audio(self) -> Samples:
        if self.audio is not None:
            return read_audio(self.audio)
        if self.voice is None:
            raise ValueError("a lip sync needs an audio file or a voice")
        spoken = speak(self.text, self.voice)
        return np.concatenate([spoken, np.zeros(SAMPLE_RATE // 5, dtype=np.float32)])
