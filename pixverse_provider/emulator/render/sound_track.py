"""The sound of clips that have no recording: chords, speech, an effect."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import numpy as np

from pixverse_provider.emulator.render.mp4 import SAMPLE_RATE, Samples
from pixverse_provider.emulator.render.speech import speak

if TYPE_CHECKING:
    from pixverse_provider.emulator.voices import Voice

_GUSTS_PER_SECOND: Final = 2.0


def sound_track(
    seconds: float, *, seed: int, music: bool, voice: Voice | None, speech: str
) -> Samples | None:
    """Return speech if somebody speaks, else chords if there is music, else nothing.

    Speech that is longer than the clip is cut.
    """
    length = round(seconds * SAMPLE_RATE)
    if voice is not None:
        return fitted(speak(speech, voice), length)
    return chords(length, seed) if music else None


def chords(length: int, seed: int) -> Samples:
    """Return quiet chords, in the key of the seed."""
    moments = np.arange(length) / SAMPLE_RATE
    root = 110.0 * 2 ** (seed % 12 / 12)
    sound = np.zeros(length)
    for step, ratio in enumerate((1.0, 1.25, 1.5, 2.0)):
        swell = 0.5 + 0.5 * np.sin(2 * np.pi * moments / (3.0 + step) + step)
        sound += swell * np.sin(2 * np.pi * root * ratio * moments)
    return (0.12 * sound).astype(np.float32)


def effect(length: int, text: str) -> Samples:
    """Return gusts of noise, another for each text."""
    rng = np.random.default_rng(zlib.crc32(text.encode()))
    noise = rng.normal(0, 1, length)
    # The mean of a few neighbours takes the edge off, so that it is wind or rain more than a hiss.
    soft = np.convolve(noise, np.ones(6) / 6, mode="same")
    gusts = rng.uniform(0.3, 1.0, max(2, round(length / SAMPLE_RATE * _GUSTS_PER_SECOND) + 1))
    swell = np.interp(np.linspace(0, 1, length), np.linspace(0, 1, len(gusts)), gusts)
    return (0.35 * soft * swell).astype(np.float32)


def fitted(sound: Samples, length: int) -> Samples:
    """Return the sound cut, or followed by silence, to that many samples."""
    cut = sound[:length]
    return np.pad(cut, (0, length - len(cut)))
