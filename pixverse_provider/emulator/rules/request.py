"""What all rules work with: the fields of a body, what they refer to, the order that comes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from pixverse_provider.emulator.protocol import (
    EMPTY_PARAMETER,
    INVALID_PARAMETER,
    LARGEST_ID,
    NOT_FOUND,
    WRONG_TYPE,
    ApiError,
)
from pixverse_provider.emulator.render.pool import File

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from pixverse_provider.emulator.render.pool import Ending, Recipe

SOURCE_FIELDS: Final = ("source_video_id", "video_media_id")
"""The video that a request works on: made here or uploaded, never both."""
_TOLERANCE: Final = 0.05


class Fields:
    """The values of one request body.

    ``0``, ``null`` and ``""`` count as not given, as the examples of the documents use them. Nothing is
    converted: a quoted number, a ``5.0`` and a ``true`` are no integers.

    :param within: put before the name of a field in a message, for an object inside another.
    """

    def __init__(self, body: Mapping[str, Any], *, within: str = "") -> None:
        self._body = body
        self._within = within

    def refuse_others(self, known: Collection[str]) -> None:
        """Refuse the request if it has a field that the endpoint does not know.

        :raises ApiError: 400017, naming the field. The service may well ignore it; a misspelled field that
            is ignored is what somebody who tests wants to hear about.
        """
        for name in self._body:
            if name not in known:
                raise ApiError(
                    INVALID_PARAMETER, f"invalid param: {self._within}{name} is not a field of this endpoint"
                )

    def given(self, name: str) -> bool:
        """Tell whether a field says something; a switch that is off does not."""
        value = self._body.get(name)
        return not _not_given(value) and value is not False

    def identifier(self, name: str) -> int | None:
        """Return an id.

        :raises ApiError: 400013 unless it is an unsigned 64-bit JSON number.
        """
        value: Any = self._body.get(name)
        if _not_given(value):
            return None
        if not _is_id(value):
            raise ApiError(WRONG_TYPE, f"{self._within}{name} must be an unsigned 64-bit JSON number")
        return int(value)

    def required_identifier(self, name: str) -> int:
        """Return an id; 400011 when it is missing, 400013 when it is none."""
        value = self.identifier(name)
        if value is None:
            raise ApiError(EMPTY_PARAMETER, f"{self._within}{name} is empty")
        return value

    def identifiers(self, name: str, *, most: int | None = None) -> list[int]:
        """Return a list of ids, empty when missing; a 0 in it counts as not given.

        :param most: how many there may be; 400017 beyond.
        :raises ApiError: 400013 unless it is a list of unsigned 64-bit JSON numbers.
        """
        given = [value for value in self._list(name, most) if not _not_given(value)]
        if not all(_is_id(value) for value in given):
            raise ApiError(WRONG_TYPE, f"{self._within}{name} must hold unsigned 64-bit JSON numbers")
        return given

    def texts(self, name: str, *, most: int) -> list[str]:
        """Return a list of strings; errors as for :meth:`identifiers`."""
        given = [value for value in self._list(name, most) if not _not_given(value)]
        if not all(isinstance(value, str) for value in given):
            raise ApiError(WRONG_TYPE, f"{self._within}{name} must hold strings")
        return given

    def objects(self, name: str) -> list[Fields]:
        """Return a list of objects, each as fields of its own; 400013 for anything else."""
        items = self._list(name, None)
        if not all(isinstance(item, dict) for item in items):
            raise ApiError(WRONG_TYPE, f"{self._within}{name} must hold objects")
        return [Fields(item, within=f"{self._within}{name}[{index}].") for index, item in enumerate(items)]

    def required_objects(self, name: str) -> list[Fields]:
        """Return a list of objects; 400011 when it is missing or empty."""
        items = self.objects(name)
        if not items:
            raise ApiError(EMPTY_PARAMETER, f"{self._within}{name} is empty")
        return items

    def text(self, name: str) -> str | None:
        """Return a string.

        :raises ApiError: 400013 for anything else.
        """
        value = self._body.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise ApiError(WRONG_TYPE, f"{self._within}{name} must be a string")
        return value

    def required_text(self, name: str) -> str:
        """Return a string.

        :raises ApiError: 400011 when it is missing or empty, 400013 when it is no string.
        """
        value = self.text(name)
        if value is None:
            raise ApiError(EMPTY_PARAMETER, f"{self._within}{name} is empty")
        return value

    def choice(self, name: str, allowed: Collection[str]) -> str | None:
        """Return a string out of a closed set.

        :raises ApiError: 400017 when it is another.
        """
        value = self.text(name)
        if value is not None and value not in allowed:
            raise ApiError(INVALID_PARAMETER, f"{self._within}{name} must be one of {', '.join(allowed)}")
        return value

    def required_choice(self, name: str, allowed: Collection[str]) -> str:
        """Return a string out of a closed set; 400011 when it is missing."""
        self.required_text(name)
        return self.choice(name, allowed) or ""

    def integer(self, name: str, *, lowest: int, highest: int) -> int | None:
        """Return a whole number.

        :raises ApiError: 400013 when it is no JSON integer, 400017 when it is out of range.
        """
        value = self._body.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise ApiError(WRONG_TYPE, f"{self._within}{name} must be a whole JSON number")
        if not lowest <= value <= highest:
            raise ApiError(INVALID_PARAMETER, f"{self._within}{name} must be between {lowest} and {highest}")
        return value

    def required_integer(self, name: str, *, lowest: int, highest: int) -> int:
        """Return a whole number; 400011 when it is missing or 0."""
        if _not_given(self._body.get(name)):
            raise ApiError(EMPTY_PARAMETER, f"{self._within}{name} is empty")
        return self.integer(name, lowest=lowest, highest=highest) or 0

    def switch(self, name: str) -> bool:
        """Return a boolean, false when missing.

        :raises ApiError: 400013 for anything but ``true``, ``false`` and ``null``.
        """
        value = self._body.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise ApiError(WRONG_TYPE, f"{self._within}{name} must be true or false")
        return value

    def _list(self, name: str, most: int | None) -> list[Any]:
        value = self._body.get(name)
        if _not_given(value):
            return []
        if not isinstance(value, list):
            raise ApiError(WRONG_TYPE, f"{self._within}{name} must be a list")
        if most is not None and len(value) > most:
            raise ApiError(INVALID_PARAMETER, f"{self._within}{name} must hold at most {most}")
        return value


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_ID


def _not_given(value: Any) -> bool:
    return value is None or value == "" or (value == 0 and type(value) is int)


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
    :param text: what the front page shows, and where magic words are searched.
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


def job_text(prompt: str, *sources: Source) -> str:
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


def named_source(fields: Fields) -> tuple[str, int]:
    """Return which field names the video, and its id.

    :raises ApiError: 400017 unless exactly one of them does.
    """
    given = [(name, found) for name in SOURCE_FIELDS if (found := fields.identifier(name)) is not None]
    if len(given) != 1:
        raise ApiError(INVALID_PARAMETER, f"give exactly one of {' and '.join(SOURCE_FIELDS)}")
    return given[0]


def find_source(
    named: tuple[str, int], library: Library, *, unknown: int = NOT_FOUND, longest: float | None = None
) -> Source:
    """Return the video.

    :param unknown: the error code when there is no such id.
    :param longest: seconds that it may have.
    :raises ApiError: that code; 400017 when it is no finished video or too long.
    """
    name, video_id = named
    if name == "source_video_id":
        video = library.finished_video(name, video_id, unknown=unknown)
    else:
        video = library.uploaded(name, video_id, "video", unknown=unknown)
    if longest is not None and video.seconds > longest + _TOLERANCE:
        raise ApiError(INVALID_PARAMETER, f"{name} is over {longest:g} s")
    return video


def quality_of(video: Source) -> str:
    """Return the quality of a video as requests spell it."""
    return f"{video.resolution_ratio}p"
