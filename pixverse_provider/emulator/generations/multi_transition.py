"""Multi-transition: a clip through several key frames."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator import prices
from pixverse_provider.emulator.envelope import INVALID_PARAMETER, ApiError
from pixverse_provider.emulator.generations.clip_options import check_prompt
from pixverse_provider.emulator.generations.models import QUALITIES, TEXT_LIMIT, UP_TO_V5
from pixverse_provider.emulator.generations.order import Generation, Library, Order, told
from pixverse_provider.emulator.render.stills import StillsRecipe

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.fields import Fields

_FEWEST: Final = 2
_MOST: Final = 7
_LONGEST: Final = 30
_KNOWN: Final = ("model", "quality", "multi_transition")
_KNOWN_OF_FRAME: Final = ("img_id", "duration", "prompt")


def rules(fields: Fields, library: Library) -> Order:
    """Check a request. The duration of the last frame leads nowhere and does not count."""
    fields.refuse_others(_KNOWN)
    fields.required_choice("model", UP_TO_V5)
    quality = fields.required_choice("quality", QUALITIES)
    frames = fields.required_objects("multi_transition")
    if not _FEWEST <= len(frames) <= _MOST:
        raise ApiError(INVALID_PARAMETER, f"multi_transition must hold {_FEWEST} to {_MOST} frames")
    for frame in frames:
        frame.refuse_others(_KNOWN_OF_FRAME)
    ids = [frame.required_identifier("img_id") for frame in frames]
    prompts = [check_prompt(frame.text("prompt") or "", TEXT_LIMIT) for frame in frames]
    lengths = [frame.required_integer("duration", lowest=1, highest=_LONGEST) for frame in frames[:-1]]
    frames[-1].integer("duration", lowest=0, highest=_LONGEST)
    if sum(lengths) > _LONGEST:
        raise ApiError(INVALID_PARAMETER, f"the durations add up to more than {_LONGEST} s")
    images = [library.image("img_id", img_id) for img_id in ids]
    prompt = "; ".join(filter(None, prompts))
    return Order(
        credits=prices.multi_transition(quality=quality, seconds=sum(lengths)),
        recipe=StillsRecipe(
            pictures=tuple(image.file for image in images),
            lengths=tuple(lengths),
            captions=tuple(prompts[:-1]),
            quality=int(quality.removesuffix("p")),
            seed=zlib.crc32(prompt.encode()),
        ),
        text=told(prompt, *images),
        resolution_ratio=int(quality.removesuffix("p")),
        prompt=prompt,
    )


MULTI_TRANSITION: Final = Generation("multi_transition", "/video/multi_transition/generate", rules)
