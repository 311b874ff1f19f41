"""What is rendered, how large, and what came out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    from pathlib import Path

Ending = Literal["mp4", "png"]


@dataclass(frozen=True)
class File:
    """A file that a recipe works on; it counts by its content, so its path is not shown."""

    path: Path = field(repr=False)
    digest: str


@dataclass(frozen=True)
class Profile:
    """How much work a rendering may be.

    :param max_side: longest side in pixels; a larger picture is scaled down.
    :param max_fps: most frames per second.
    """

    name: str
    max_side: int
    max_fps: int

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """Return the even size with the same shape that fits."""
        scale = min(1.0, self.max_side / max(width, height))
        return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


FULL: Final = Profile("full", max_side=1280, max_fps=25)
SMALL: Final = Profile("small", max_side=256, max_fps=12)


class Recipe(Protocol):
    """How one result is made. Equal recipes give equal files, so a file is rendered once."""

    @property
    def key(self) -> str:
        """Everything that the file depends on, as a string."""

    def render(self, path: Path, profile: Profile) -> None:
        """Write the file."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A rendered file; the numbers are read from the file."""

    path: Path
    width: int
    height: int
    size: int
    seconds: float
    has_audio: bool
    digest: str
