"""The video that a request works on: made here or uploaded, never both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator.envelope import INVALID_PARAMETER, NOT_FOUND, ApiError

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.fields import Fields
    from pixverse_provider.emulator.generations.order import Library, Source

SOURCE_FIELDS: Final = ("source_video_id", "video_media_id")

_TOLERANCE: Final = 0.05


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
