"""Opens images as browsers do: turned as their EXIF says, opaque, in eight bits. Nothing else opens them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST_SIDE: Final = 1600
_GREY: Final = (128, 128, 128)
_ORIENTATION: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS: Final = (5, 6, 7, 8)


def open_picture(path: Path) -> Image.Image:
    """Return an image upright, opaque, and no larger than any result; of an animation the first frame."""
    with Image.open(path) as image:
        # A JPEG is decoded small in the first place.
        image.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))
        image.load()
        turn = _TURNS.get(_orientation(image))
        picture = _in_eight_bits(image)
        picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
        rgba = picture.convert("RGBA")
    if turn is not None:
        rgba = rgba.transpose(turn)
    ground = Image.new("RGB", rgba.size, _GREY)
    ground.paste(rgba, mask=rgba.getchannel("A"))
    return ground


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return width and height of an image that is loaded, as it is shown."""
    width, height = image.size
    return (height, width) if _orientation(image) in _SIDEWAYS else (width, height)


def _orientation(image: Image.Image) -> int:
    try:
        found = image.getexif().get(_ORIENTATION)
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, struct.error):
        # What is no EXIF turns nothing.
        return 1
    return found if isinstance(found, int) else 1


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Return a grey image of 16 bits in 8: Pillow would cut off all but black."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
