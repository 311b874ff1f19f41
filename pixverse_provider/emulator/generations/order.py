"""What the rules of an endpoint make of a request, and what they may look up to do so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pixverse_provider.emulator.generations.fields import Fields
    from pixverse_provider.emulator.render.clip import Recipe


@dataclass(frozen=True, kw_only=True)
class Source:
    """A video or audio that a job works on.

    :param resolution_ratio: the quality of a video as a number, such as 540.
    """

    path: Path
    digest: str
    seconds: float
    width: int = 0
    height: int = 0
    resolution_ratio: int = 0
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Order:
    """A request that passed the rules.

    :param credits: what it costs.
    :param recipe: how its result is rendered.
    :param text: what the front page shows, and where magic words are looked for.
    :param prompt: echoed by the result, as are ``negative_prompt``, ``style``, ``seed`` and
        ``resolution_ratio``.
    """

    credits: int
    recipe: Recipe
    text: str
    resolution_ratio: int
    prompt: str = ""
    negative_prompt: str = ""
    style: str = ""
    seed: int = 0


class Library(Protocol):
    """Everything of the account that a request may refer to by id."""

    def finished_video(self, name: str, video_id: int) -> Source:
        """Return a finished video of this account, or raise the error that names the field ``name``."""

    def uploaded(self, name: str, media_id: int, media_type: str) -> Source:
        """Return an uploaded media of that type, or raise the error that names the field ``name``."""


@dataclass(frozen=True)
class Generation:
    """One kind of job: where it is ordered and by which rules.

    :param kind: its name in the ledger and on the front page.
    :param path: below the base path.
    :param rules: turns a body into an :class:`Order` or raises ``ApiError``.
    """

    kind: str
    path: str
    rules: Callable[[Fields, Library], Order]
