"""Sound effect: a sound track for a video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator import prices
from pixverse_provider.emulator.generations.clip_options import LARGEST_SEED, check_prompt
from pixverse_provider.emulator.generations.models import TEXT_LIMIT
from pixverse_provider.emulator.generations.order import Generation, Library, Order, told
from pixverse_provider.emulator.generations.sources import SOURCE_FIELDS, find_source, named_source
from pixverse_provider.emulator.render.treated import TreatedRecipe

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.fields import Fields


def rules(fields: Fields, library: Library) -> Order:
    """Check a request.

    Without a text the sound is automatic. A newer catalogue calls the text ``prompt``, and PixVerse's own
    client has a ``seed``.
    """
    fields.refuse_others((*SOURCE_FIELDS, "sound_effect_content", "prompt", "original_sound_switch", "seed"))
    named = named_source(fields)
    content = fields.text("sound_effect_content")
    prompt = check_prompt(content or fields.text("prompt") or "", TEXT_LIMIT)
    seed = fields.integer("seed", lowest=0, highest=LARGEST_SEED)
    keep_sound = fields.switch("original_sound_switch")
    video = find_source(named, library)
    return Order(
        credits=prices.sound_effect(video.seconds),
        recipe=TreatedRecipe(
            video=video.file, seconds=video.seconds, sound_effect=prompt or "automatic", keep_sound=keep_sound
        ),
        text=told(prompt, video),
        resolution_ratio=video.resolution_ratio,
        prompt=prompt,
        seed=seed or 0,
    )


SOUND_EFFECT: Final = Generation("sound_effect", "/video/sound_effect/generate", rules)
