"""Opens images and brings them into shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw, ImageOps

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST_SIDE: Final = 1600
_LONGEST_SHAPE: Final = 4.0
_GREY: Final = (128, 128, 128)
_BORDER: Final = (255, 255, 255, 255)


def open_picture(path: Path) -> Image.Image:
    """Return an image upright, opaque, and no larger than any result."""
    with Image.open(path) as image:
        # A JPEG is decoded small in the first place.
        image.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))
        picture = ImageOps.exif_transpose(image)
        picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
        rgba = picture.convert("RGBA")
    ground = Image.new("RGB", rgba.size, _GREY)
    ground.paste(rgba, mask=rgba.getchannel("A"))
    return ground


def shape(across: float, down: float, quality: int) -> tuple[int, int]:
    """Return the even size with that proportion whose shorter side is ``quality`` pixels.

    A strip is given the proportion 4 to 1, or 1 to 4.
    """
    across = min(max(across, down / _LONGEST_SHAPE), down * _LONGEST_SHAPE)
    down = max(down, across / _LONGEST_SHAPE)
    shorter = quality / min(across, down)
    return round(across * shorter / 2) * 2, round(down * shorter / 2) * 2


def cover(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the picture filling that size, its overhang cut off."""
    return ImageOps.fit(picture, size, Image.Resampling.BILINEAR)


def zoomed(picture: Image.Image, share: float, *, most: float = 0.16) -> Image.Image:
    """Return the picture as a camera sees it that has come ``share`` of its way closer."""
    width, height = picture.size
    x, y = width * most / 2 * share, height * most / 2 * share
    return picture.resize(picture.size, Image.Resampling.BILINEAR, box=(x, y, width - x, height - y))


def card(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the picture as a print with a white border, within that size."""
    shown = ImageOps.contain(picture, (max(4, size[0]), max(4, size[1])), Image.Resampling.BILINEAR)
    shown = shown.convert("RGBA")
    border = max(1, round(min(size) * 0.02))
    ImageDraw.Draw(shown).rectangle([0, 0, shown.width - 1, shown.height - 1], outline=_BORDER, width=border)
    return shown
