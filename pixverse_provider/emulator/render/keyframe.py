"""Takes one picture out of a video, and shows where its masks are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

import av
from PIL import Image, ImageOps

from pixverse_provider.emulator.render.regions import REGIONS, region

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST_SIDE: Final = 640


@dataclass(frozen=True)
class KeyFrame:
    """A picture of a video.

    :param codec: of the video, as FFmpeg calls it.
    :param picture: None when the video has fewer pictures.
    """

    codec: str
    picture: Image.Image | None


def take_keyframe(path: Path, number: int) -> KeyFrame:
    """Return the picture of that number, counted from 1."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = stream.codec_context.name
        if stream.frames and number > stream.frames:
            return KeyFrame(codec, None)
        frame = next(islice(container.decode(stream), number - 1, None), None)
        picture = Image.fromarray(frame.to_ndarray(format="rgb24")) if frame is not None else None
    if picture is not None:
        picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    return KeyFrame(codec, picture)


def mask_pictures(picture: Image.Image) -> dict[str, Image.Image]:
    """Return for each region the picture with all but the region darkened."""
    dark = ImageOps.colorize(picture.convert("L"), "black", (90, 90, 110))
    return {name: Image.composite(picture, dark, region(name, picture.size)) for name in REGIONS}
