"""What the rules of an endpoint make of a request, and what they may look up to do so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from pixverse_provider.emulator.envelope import INVALID_PARAMETER
from pixverse_provider.emulator.render.clip import File

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pixverse_provider.emulator.generations.clip_options import ClipOptions
    from pixverse_provider.emulator.generations.fields import Fields
    from pixverse_provider.emulator.render.clip import Ending, Recipe


@dataclass(frozen=True, kw_only=True)
class Source:
    """A video, an audio or an image that a job works on.

    :param seconds: 0 for an image.
    :param size: in bytes.
    :param resolution_ratio: the quality of a video as a number, such as 540.
    :param name: what the sender called the file.
    """

    path: Path
    digest: str
    seconds: float
    width: int = 0
    height: int = 0
    size: int = 0
    resolution_ratio: int = 0
    name: str = ""

    @property
    def file(self) -> File:
        """The file alone, for a recipe."""
        return File(self.path, self.digest)


@dataclass(frozen=True, kw_only=True)
class Mask:
    """A part of a key frame that a mask selection found.

    :param source: the field that named the video, and its id.
    :param mask_name: ``person``, ``object`` or ``background``.
    """

    mask_id: str
    source: tuple[str, int]
    keyframe_id: int
    mask_name: str


@dataclass(frozen=True, kw_only=True)
class Order:
    """A request that passed the rules.

    :param credits: what it costs.
    :param recipe: how its result is rendered.
    :param text: what the front page shows, and where magic words are looked for.
    :param prompt: echoed by the result, as are ``negative_prompt``, ``style``, ``seed`` and
        ``resolution_ratio``, and of an image ``template_id``.
    """

    credits: int
    recipe: Recipe
    text: str
    resolution_ratio: int
    prompt: str = ""
    negative_prompt: str = ""
    style: str = ""
    seed: int = 0
    template_id: int = 0


def clip_order(options: ClipOptions, recipe: Recipe, *sources: Source, template_id: int = 0) -> Order:
    """Return the order of a clip whose price and echo follow from its options."""
    return Order(
        credits=options.credits,
        recipe=recipe,
        text=told(options.prompt, *sources),
        resolution_ratio=options.resolution_ratio,
        prompt=options.prompt,
        negative_prompt=options.negative_prompt,
        style=options.style,
        seed=options.seed,
        template_id=template_id,
    )


def told(prompt: str, *sources: Source) -> str:
    """Return what a job is about: its prompt and the names of the files it works on."""
    names = ", ".join(source.name for source in sources if source.name)
    return f"{prompt} ({names})" if prompt and names else prompt or names


class Library(Protocol):
    """Everything of the account that a request may refer to by id."""

    def finished_video(self, name: str, video_id: int, *, unknown: int = INVALID_PARAMETER) -> Source:
        """Return a finished video of this account, or raise the error that names the field ``name``.

        :param unknown: the code of the error when there is no such id.
        """

    def uploaded(
        self, name: str, media_id: int, media_type: str, *, unknown: int = INVALID_PARAMETER
    ) -> Source:
        """Return an uploaded media of that type, or raise the error that names the field ``name``."""

    def image(self, name: str, img_id: int) -> Source:
        """Return an uploaded image, or raise 400032."""

    def mask(self, name: str, mask_id: str) -> Mask:
        """Return what an earlier mask selection found, or raise 500008."""


@dataclass(frozen=True)
class Generation:
    """One kind of job: where it is ordered and by which rules.

    :param kind: its name in the ledger and on the front page.
    :param path: below the base path.
    :param rules: turns a body into an :class:`Order` or raises ``ApiError``.
    :param charge_field: how its answer spells the charge; some guides print ``credit``.
    :param id_field: how its answer spells the id of the job.
    :param ending: of the file that is made.
    """

    kind: str
    path: str
    rules: Callable[[Fields, Library], Order]
    charge_field: Literal["credits", "credit"] = "credits"
    id_field: Literal["video_id", "image_id"] = "video_id"
    ending: Ending = "mp4"
