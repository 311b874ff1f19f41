"""What PixVerse accepts and what it charges, read from its documents a second time.

``GENERATIONS`` has every kind of job. A new one is a function in ``clips`` or ``edits``, a recipe in
``render``, and a line here.
"""

from __future__ import annotations

from typing import Final

from pixverse_provider.emulator.rules import clips, edits
from pixverse_provider.emulator.rules.request import Generation

GENERATIONS: Final = (
    Generation("text_to_video", "/video/text/generate", clips.text_to_video),
    Generation("image_to_video", "/video/img/generate", clips.image_to_video),
    Generation("transition", "/video/transition/generate", clips.transition),
    Generation("multi_transition", "/video/multi_transition/generate", clips.multi_transition),
    Generation("fusion", "/video/fusion/generate", clips.fusion),
    Generation("restyle", "/video/restyle/generate", edits.restyle),
    Generation("swap", "/video/swap/generate", edits.swap, charge_field="credit"),
    Generation("sound_effect", "/video/sound_effect/generate", edits.sound_effect),
    Generation("extend", "/video/extend/generate", edits.extend),
    Generation("lip_sync", "/video/lip_sync/generate", edits.lip_sync),
    Generation("mimic", "/video/mimic/generate", edits.mimic, charge_field="credit"),
    Generation("modify", "/video/modify/generate", edits.modify, charge_field="credit"),
    Generation(
        "image_template",
        "/image/template/generate",
        clips.image_template,
        charge_field="credit",
        id_field="image_id",
        ending="png",
    ),
)
