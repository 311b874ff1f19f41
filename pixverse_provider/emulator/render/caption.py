"""Writes text over a picture."""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageDraw, ImageFont

_MOST_LINES: Final = 4
_MOST_CHARACTERS: Final = 400


def caption(width: int, height: int, text: str) -> Image.Image:
    """Return a transparent picture with the text, wrapped, on a dark band near the bottom.

    Long text is cut with an ellipsis. The font is the one that Pillow carries.
    """
    picture = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(picture)
    size = max(10, round(min(width, height) * 0.05))
    font = ImageFont.load_default(size)
    lines = _wrap(draw, " ".join(text[:_MOST_CHARACTERS].split()), font, width * 0.84)
    if not lines:
        return picture
    step = round(size * 1.3)
    top = round(height * 0.95) - step * len(lines)
    widest = max(draw.textlength(line, font=font) for line in lines)
    margin = size * 0.7
    draw.rounded_rectangle(
        [
            (width - widest) / 2 - margin,
            top - margin * 0.6,
            (width + widest) / 2 + margin,
            top + step * len(lines) + margin * 0.4,
        ],
        radius=margin,
        fill=(10, 14, 22, 175),
    )
    for number, line in enumerate(lines):
        draw.text((width / 2, top + number * step), line, font=font, fill=(255, 255, 255, 255), anchor="ma")
    return picture


def _wrap(
    draw: ImageDraw.ImageDraw, text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, room: float
) -> list[str]:
    lines: list[str] = []
    line = ""
    # Scripts without spaces are broken anywhere.
    words = text.split(" ") if " " in text else list(text)
    glue = " " if " " in text else ""
    for word in words:
        longer = f"{line}{glue}{word}" if line else word
        if line and draw.textlength(longer, font=font) > room:
            lines.append(line)
            line = word
        else:
            line = longer
    lines += [line] if line else []
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1] + " …"]
    return lines
