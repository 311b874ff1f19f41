"""What clips sound like: voices and their speech, chords, effects.

Speech is syllables through formants, a different throat for each voice. Not words, but with their rhythm: as
long as the text, loud on vowels, hissing on an *s*, silent on a pause.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pixverse_provider.emulator.render.video import SAMPLE_RATE, Samples

CHARACTERS_PER_SECOND: Final = 15
_RATE: Final = SAMPLE_RATE // 2
_STEP: Final = 0.005
_HIGHEST_HARMONIC: Final = 4200
_FORMANT_WIDTHS: Final = (90.0, 120.0, 180.0)
_FORMANT_LEVELS: Final = (1.0, 0.6, 0.3)
_Floats = NDArray[np.float64]
_PAUSES: Final = {" ": 0.7, ",": 3.0, ";": 3.0, ":": 3.0, ".": 5.0, "!": 5.0, "?": 5.0, "\n": 5.0}
_GUSTS_PER_SECOND: Final = 2.0


@dataclass(frozen=True)
class Voice:
    """A synthetic speaker.

    :param pitch: fundamental frequency in hertz.
    :param tract: length of the vocal tract against a typical man's; it moves the formants.
    """

    speaker_id: str
    name: str
    pitch: float
    tract: float


# Those of the documented list, in its order.
VOICES: Final = (
    Voice("7", "Harper", 205, 0.87),
    Voice("8", "Ava", 220, 0.85),
    Voice("3", "Isabella", 195, 0.88),
    Voice("9", "Sophia", 230, 0.84),
    Voice("1", "Emily", 212, 0.86),
    Voice("5", "Chloe", 240, 0.83),
    Voice("10", "Julia", 188, 0.89),
    Voice("11", "Mason", 105, 1.02),
    Voice("12", "Jack", 118, 1.0),
    Voice("4", "Liam", 126, 0.98),
    Voice("2", "James", 98, 1.04),
    Voice("13", "Oliver", 132, 0.97),
    Voice("6", "Adrian", 90, 1.06),
    Voice("14", "Ethan", 112, 1.01),
    Voice("Auto", "Auto", 160, 0.93),
)

_BY_ID: Final = {voice.speaker_id.lower(): voice for voice in VOICES}


def find_voice(speaker_id: str) -> Voice | None:
    """Return the voice of that id; ``auto`` in any case is the automatic one."""
    return _BY_ID.get(speaker_id.lower())


@dataclass(frozen=True)
class _Sound:
    """A piece of speech: three formants in hertz, how loud its voice and its hiss are, where it hisses."""

    formants: tuple[float, float, float]
    voiced: float
    hiss: float = 0.0
    hiss_at: float = 4000.0


_SILENCE: Final = _Sound((500, 1500, 2500), 0.0)
_VOWELS: Final = {
    "a": _Sound((760, 1250, 2600), 1.0),
    "e": _Sound((530, 1850, 2500), 0.9),
    "i": _Sound((300, 2250, 3000), 0.75),
    "o": _Sound((500, 900, 2450), 0.95),
    "u": _Sound((330, 800, 2300), 0.75),
    "y": _Sound((290, 2100, 2900), 0.7),
}
_CONSONANTS: Final = {
    **dict.fromkeys("mn", _Sound((270, 1100, 2300), 0.4)),
    **dict.fromkeys("lr", _Sound((380, 1200, 2600), 0.5)),
    **dict.fromkeys("wj", _Sound((300, 900, 2300), 0.5)),
    **dict.fromkeys("bdg", _Sound((320, 1500, 2500), 0.2, 0.15, 2500)),
    **dict.fromkeys("vz", _Sound((300, 1500, 2500), 0.25, 0.25, 4500)),
    **dict.fromkeys("sxc", _Sound((300, 1700, 2600), 0.0, 0.5, 6000)),
    **dict.fromkeys("fh", _Sound((400, 1500, 2500), 0.0, 0.28, 3500)),
    **dict.fromkeys("ptkq", _Sound((400, 1600, 2600), 0.0, 0.32, 3000)),
}


def speak(text: str, voice: Voice) -> Samples:
    """Return the text as sound at 44.1 kHz, about a second for 15 characters, at least half a second."""
    track = _track(text)
    track += [_SILENCE] * (int(0.5 / _STEP) - len(track))
    line = _Line(len(track))
    rng = np.random.default_rng(zlib.crc32(f"{voice.speaker_id}:{text}".encode()))
    mixed = _voice(voice, track, line, rng) + 0.35 * _hiss(track, line, rng)
    peak = float(np.max(np.abs(mixed))) or 1.0
    half_rate = 0.8 / peak * mixed
    samples = len(half_rate)
    return np.interp(np.arange(2 * samples) / 2, np.arange(samples), half_rate).astype(np.float32)


class _Line:
    """The time of one utterance: knots each 5 ms, where it is decided what sounds, and samples between."""

    def __init__(self, count: int) -> None:
        self.seconds = count * _STEP
        self.knots: _Floats = (np.arange(count, dtype=np.float64) + 0.5) * _STEP
        self.samples: _Floats = np.arange(int(self.seconds * _RATE), dtype=np.float64) / _RATE

    def glide(self, values: list[float], span: int) -> _Floats:
        """Smooth values at the knots over ``span`` knots: a mouth does not jump."""
        padded = np.pad(np.asarray(values, dtype=np.float64), span, mode="edge")
        return np.convolve(padded, np.ones(span) / span, mode="same")[span:-span]

    def stretch(self, at_knots: _Floats) -> _Floats:
        """Return the values at the samples."""
        return np.interp(self.samples, self.knots, at_knots)


def _track(text: str) -> list[_Sound]:
    """Cut the text into sounds, one for each 5 ms."""
    track: list[_Sound] = []
    for character in text.lower():
        sounds, length = _sounds_of(character)
        steps = round(length / CHARACTERS_PER_SECOND / _STEP)
        track += [sounds[index * len(sounds) // steps] for index in range(steps)]
    return track


def _sounds_of(character: str) -> tuple[list[_Sound], float]:
    if character in _PAUSES:
        return [_SILENCE], _PAUSES[character]
    if character in _VOWELS:
        return [_VOWELS[character]], 1.45
    if character in "ptkqbdg":
        return [_SILENCE, _CONSONANTS[character]], 0.75
    if character in _CONSONANTS:
        return [_CONSONANTS[character]], 0.75
    if character.isalnum():
        # A digit or a letter of another script is a syllable, or a whole word, of its own.
        number = ord(character)
        consonant = list(_CONSONANTS.values())[number % len(_CONSONANTS)]
        vowel = list(_VOWELS.values())[number // 7 % len(_VOWELS)]
        return [consonant, vowel, vowel], 3.0
    return [_SILENCE], 0.5


def _voice(voice: Voice, track: list[_Sound], line: _Line, rng: np.random.Generator) -> _Floats:
    """Sing the formants: a sum of harmonics, each as loud as the formants are at its frequency."""
    drift_points = 2 + int(line.seconds * 3)
    drift = np.interp(
        line.knots, np.linspace(0, line.seconds, drift_points), rng.normal(0, 0.05, drift_points)
    )
    melody = 1.0 + 0.06 * np.sin(2 * np.pi * 0.7 * line.knots + rng.uniform(0, 6)) + drift
    falling = 1.08 - 0.16 * line.knots / line.seconds
    pitch = voice.pitch * melody * falling
    phase = 2 * np.pi * np.cumsum(line.stretch(pitch)) / _RATE
    formants = [line.glide([sound.formants[n] for sound in track], 9) / voice.tract for n in range(3)]
    loud = line.glide([sound.voiced for sound in track], 7)
    total = np.zeros(len(line.samples))
    for harmonic in range(1, int(_HIGHEST_HARMONIC / voice.pitch) + 1):
        strength = np.zeros(len(line.knots))
        for formant, width, level in zip(formants, _FORMANT_WIDTHS, _FORMANT_LEVELS, strict=True):
            strength += level / (1.0 + np.square((harmonic * pitch - formant) / width))
        total += line.stretch(loud * strength * harmonic**-0.35) * np.sin(harmonic * phase)
    return total


def _hiss(track: list[_Sound], line: _Line, rng: np.random.Generator) -> _Floats:
    """Filter noise to where each consonant hisses."""
    samples = len(line.samples)
    spectrum = np.fft.rfft(rng.normal(0, 1, samples))
    frequencies = np.fft.rfftfreq(samples, 1 / _RATE)
    total = np.zeros(samples)
    for centre in sorted({sound.hiss_at for sound in track if sound.hiss}):
        band = np.exp(-np.square((frequencies - centre) / 1300))
        loud = line.glide([sound.hiss if sound.hiss_at == centre else 0.0 for sound in track], 5)
        total += np.fft.irfft(spectrum * band, samples) * line.stretch(loud) * 2.5
    return total


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
    times = np.arange(length) / SAMPLE_RATE
    root = 110.0 * 2 ** (seed % 12 / 12)
    sound = np.zeros(length)
    for step, ratio in enumerate((1.0, 1.25, 1.5, 2.0)):
        swell = 0.5 + 0.5 * np.sin(2 * np.pi * times / (3.0 + step) + step)
        sound += swell * np.sin(2 * np.pi * root * ratio * times)
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
