"""Recipes of what becomes of a video: an edit, a continuation, a lip sync."""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from pixverse_provider.emulator.render.drawing import (
    caption,
    card,
    cover,
    region,
    shape,
    zoomed,
)
from pixverse_provider.emulator.render.pictures import open_picture
from pixverse_provider.emulator.render.presenter import MouthPainter, mouth_shapes
from pixverse_provider.emulator.render.reading import (
    first_frames,
    loop_frames,
    own_sound,
    probe,
    read_audio,
)
from pixverse_provider.emulator.render.sound import effect, fitted, speak
from pixverse_provider.emulator.render.video import SAMPLE_RATE, Pixels, Samples, write_mp4

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pixverse_provider.emulator.render.pool import File, Profile
    from pixverse_provider.emulator.render.sound import Voice

_LEVELS: Final = 48
_SWAY: Final = 0.05
_CLOSER: Final = 0.4


@dataclass(frozen=True, kw_only=True)
class EditRecipe:
    """A video as long as its source.

    :param seconds: length of the source.
    :param quality: the shorter side in pixels; that of the source when left out.
    :param tint: recolours every picture, each number in its own way.
    :param inside: a region, and the picture that fills it.
    :param character: a picture that moves in the foreground.
    :param cards: pictures that are laid along the top.
    :param keep_sound: whether the source's own sound stays.
    :param sound_effect: a sound that is added, another for each text.
    """

    video: File
    seconds: float
    quality: int | None = None
    tint: int | None = None
    caption: str = ""
    inside: tuple[str, File] | None = None
    character: File | None = None
    cards: tuple[File, ...] = ()
    keep_sound: bool = True
    sound_effect: str | None = None

    def render(self, path: Path, profile: Profile) -> None:
        """Write the clip."""
        found = probe(self.video.path, most=profile.max_fps)
        size = profile.fit(*shape(*found.size, self.quality or min(found.size)))
        count = max(1, round(self.seconds * found.fps))
        audio = self._sound(round(count / found.fps * SAMPLE_RATE))
        write_mp4(path, self._frames(size, found.fps, count), size=size, fps=found.fps, audio=audio)

    def _frames(self, size: tuple[int, int], fps: int, count: int) -> Iterator[Pixels]:
        colours = _colours(self.tint) if self.tint is not None else None
        filling = self._filling(size)
        layer = self._layer(size)
        character = self._character(size)
        frames = first_frames(self.video.path, size=size, fps=fps, count=count)
        for index, pixels in enumerate(frames):
            shown = pixels if colours is None else (pixels // 2 + colours[pixels[..., 1]]).astype(np.uint8)
            picture = Image.fromarray(shown)
            if filling is not None:
                picture.paste(filling[0], mask=filling[1])
            if character is not None:
                _put_swaying(picture, character, index / fps)
            if layer is not None:
                picture.paste(layer, mask=layer.getchannel("A"))
            yield np.asarray(picture)

    def _filling(self, size: tuple[int, int]) -> tuple[Image.Image, Image.Image] | None:
        if self.inside is None:
            return None
        name, file = self.inside
        return cover(open_picture(file.path), size), region(name, size)

    def _character(self, size: tuple[int, int]) -> Image.Image | None:
        if self.character is None:
            return None
        return card(open_picture(self.character.path), (size[0] // 2, round(size[1] * 0.7)))

    def _layer(self, size: tuple[int, int]) -> Image.Image | None:
        if not self.caption and not self.cards:
            return None
        layer = caption(*size, self.caption)
        left = margin = round(min(size) * 0.04)
        for file in self.cards:
            shown = card(open_picture(file.path), (size[0] // 4, size[1] // 4))
            layer.alpha_composite(shown, (left, margin))
            left += shown.width + margin
        return layer

    def _sound(self, length: int) -> Samples | None:
        own = own_sound(self.video.path) if self.keep_sound else None
        kept = fitted(own, length) if own is not None else None
        if self.sound_effect is None:
            return kept
        added = effect(length, self.sound_effect)
        return added if kept is None else np.clip(kept + added, -1, 1).astype(np.float32)


def _colours(tint: int) -> Pixels:
    """Return for each brightness the colour that is added to half the picture."""
    hue = tint % 101 / 101
    steps = np.arange(256) // _LEVELS * _LEVELS / 255
    found = [colorsys.hsv_to_rgb(hue, 0.75, 0.25 + 0.25 * step) for step in steps]
    return (np.array(found) * 255).clip(0, 127).astype(np.uint8)


def _put_swaying(picture: Image.Image, character: Image.Image, seconds: float) -> None:
    width, height = picture.size
    x = (width - character.width) / 2 + _SWAY * width * math.sin(2.4 * seconds)
    y = (height - character.height) / 2 + _SWAY / 2 * height * math.sin(4.8 * seconds)
    picture.paste(character, (round(x), round(y)), mask=character.getchannel("A"))


@dataclass(frozen=True, kw_only=True)
class ExtendRecipe:
    """A video and ``added`` seconds more; its sound ends where it ended."""

    video: File
    seconds: float
    added: int
    quality: int
    prompt: str

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
        last = np.zeros((size[1], size[0], 3), dtype=np.uint8)
        for last in first_frames(self.video.path, size=size, fps=fps, count=before):
            yield last
        held = Image.fromarray(last)
        words = caption(*size, self.prompt)
        for index in range(after):
            picture = zoomed(held, (index + 1) / after, most=_CLOSER)
            picture.paste(words, mask=words.getchannel("A"))
            yield np.asarray(picture)


@dataclass(frozen=True, kw_only=True)
class LipSyncRecipe:
    """A lip sync to an audio file, or to a text that a voice says.

    The result is as long as the voice: a longer video is cut, a shorter one starts again from its beginning.
    Its own sound is gone.
    """

    video: File
    audio: File | None = None
    voice: Voice | None = None
    text: str = ""

    def render(self, path: Path, profile: Profile) -> None:
        """Write the clip."""
        found = probe(self.video.path, most=profile.max_fps)
        size, fps = profile.fit(*shape(*found.size, min(found.size))), found.fps
        audio = self._audio()
        count = max(1, round(len(audio) * fps / SAMPLE_RATE))
        shapes = mouth_shapes(audio, fps, count)
        painter = MouthPainter(*size)
        frames = islice(loop_frames(self.video.path, size=size, fps=fps), count)
        write_mp4(
            path,
            (painter.paint(frame, shape) for frame, shape in zip(frames, shapes, strict=True)),
            size=size,
            fps=fps,
            audio=audio,
        )

    def _audio(self) -> Samples:
        if self.audio is not None:
            return read_audio(self.audio.path)
        if self.voice is None:
            raise ValueError("a lip sync needs an audio file or a voice")
        spoken = speak(self.text, self.voice)
        return np.concatenate([spoken, np.zeros(SAMPLE_RATE // 5, dtype=np.float32)])
