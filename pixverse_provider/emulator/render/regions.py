"""The parts of a picture that a mask selection finds; the same in every picture."""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageDraw, ImageOps

REGIONS: Final = ("person", "object", "background")

# Left, top, right and bottom as shares of width and height.
_PERSON: Final = (0.3, 0.1, 0.7, 1.1)
_OBJECT: Final = (0.74, 0.6, 0.96, 0.92)


def region(name: str, size: tuple[int, int]) -> Image.Image:
    """Return a mask of that size, white where the region is.

    :raises ValueError: when there is no such region.
    """
    if name not in REGIONS:
        raise ValueError(f"there is no region {name!r}")
    if name == "background":
        return ImageOps.invert(region("person", size))
    mask = Image.new("L", size)
    left, top, right, bottom = _PERSON if name == "person" else _OBJECT
    width, height = size
    ImageDraw.Draw(mask).ellipse([left * width, top * height, right * width, bottom * height], fill=255)
    return mask
