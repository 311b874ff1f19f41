"""Look into real video and audio files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_RATE = 8000


def streams_of(path: Path) -> list[str]:
    """Return the kinds of streams in a file."""
    with av.open(str(path)) as container:
        return [stream.type for stream in container.streams]


def mono_samples(path: Path) -> NDArray[np.float32]:
    """Decode the audio of a file to mono at 8 kHz."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=_RATE)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float32)


def audio_correlation(one: Path, other: Path) -> float:
    """Return how alike two sounds are, from 0 to 1, whatever their shift against each other."""
    a, b = mono_samples(one), mono_samples(other)
    size = 1 << (len(a) + len(b)).bit_length()
    product = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
    return float(np.abs(product).max() / (np.linalg.norm(a) * np.linalg.norm(b)))
