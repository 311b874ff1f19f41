"""Arguments of every kind of generation, right and wrong ones, for tests that try them all."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from pixverse_provider.api import generations, rules
from pixverse_provider.get_provider_info import get_provider_info

if TYPE_CHECKING:
    from pixverse_provider.api.generations import GenerationRequest


@dataclass(frozen=True)
class Ids:
    """Ids that exist where the arguments are sent.

    :param video: a finished video.
    :param media: an uploaded video.
    :param audio: an uploaded audio.
    :param images: two uploaded images.
    """

    video: int = 343252978602905
    media: int = 425662507205761
    audio: int = 425662507205762
    images: tuple[int, int] = (164913710, 164913711)
    template: int = 302325299692608
    image_template: int = 384268229671680
    restyle: int = 315446315336768
    mask: str = "1001"


CLIP = {"prompt": "a paper boat", "model": "v5", "duration": 5, "quality": "360p"}


def smallest(name: str, ids: Ids) -> dict[str, Any]:
    """Return the smallest arguments of a kind, given by the name of its request class without ``Request``."""
    image, other = ids.images
    source = {"source_video_id": ids.video}
    frames = [{"img_id": image, "duration": 5}, {"img_id": other}]
    reference = {"type": "subject", "img_id": image, "ref_name": "boat"}
    arguments: dict[str, dict[str, Any]] = {
        "LipSync": source | {"lip_sync_tts_content": "Good morning.", "lip_sync_tts_speaker_id": "auto"},
        "TextToVideo": CLIP | {"aspect_ratio": "16:9"},
        "ImageToVideo": CLIP | {"img_id": image},
        "TemplateVideo": {"template_id": ids.template, "img_id": image, "quality": "360p"},
        "Transition": CLIP | {"first_frame_img": image, "last_frame_img": other},
        "MultiTransition": {"model": "v5", "quality": "360p", "multi_transition": frames},
        "Fusion": CLIP
        | {"prompt": "a @boat at sea", "aspect_ratio": "16:9", "image_references": [reference]},
        "Restyle": source | {"restyle_id": ids.restyle},
        "Swap": source | {"mask_id": ids.mask, "img_id": image, "quality": "360p"},
        "SoundEffect": source,
        "Extend": source | CLIP,
        "Mimic": source | {"img_id": image, "quality": "360p"},
        "Modify": source | {"prompt": "make it night", "quality": "540p"},
        "ImageTemplate": {"img_ids": [image], "template_id": ids.image_template},
    }
    return dict(arguments[name])


NAMES = (
    "LipSync",
    "TextToVideo",
    "ImageToVideo",
    "TemplateVideo",
    "Transition",
    "MultiTransition",
    "Fusion",
    "Restyle",
    "Swap",
    "SoundEffect",
    "Extend",
    "Mimic",
    "Modify",
    "ImageTemplate",
)


def request_class(name: str) -> type[GenerationRequest]:
    found: type[GenerationRequest] = getattr(generations, f"{name}Request")
    return found


def public_tasks() -> dict[str, Any]:
    """Return every operator and sensor by the name of its class."""
    info = get_provider_info()
    modules = [name for kind in ("operators", "sensors") for name in info[kind][0]["python-modules"]]
    return {
        name: getattr(module, name)
        for module in map(importlib.import_module, modules)
        for name in module.__all__
    }


def operator_class(name: str) -> Any:
    """Return the operator of a kind, given by the name of its request class without ``Request``."""
    return public_tasks()[f"PixVerse{name}Operator"]


def _texts(*lengths: int) -> list[str]:
    return ["", "a boat", *("x" * length for length in lengths), "口" * 100]


# Fields that stay as they are in the smallest arguments.
_FIXED = {
    # A mask belongs to its video and frame, which no validation can know.
    "Swap": {"source_video_id", "keyframe_id"},
    # Without a template the same path makes a video from an image.
    "TemplateVideo": {"template_id"},
}


@cache
def _values(ids: Ids) -> dict[str, list[Any]]:
    """Return values of every field, right and wrong ones."""
    image, other = ids.images
    reference = {"type": "subject", "img_id": image, "ref_name": "boat"}
    frame = {"img_id": image, "duration": 5}
    return {
        "prompt": _texts(2048, 2049, 5000, 5001),
        "negative_prompt": _texts(2048, 2049),
        "sound_effect_content": _texts(2048, 2049),
        "restyle_prompt": _texts(2048, 2049, 5000, 5001),
        "lip_sync_tts_content": ["", "Good morning."],
        "lip_sync_tts_speaker_id": ["auto", "AUTO", "7", 7, ""],
        "model": [*rules.MODELS, "v9", "V5", ""],
        "duration": [*range(17), "5", "8", -1, 100],
        "quality": [*rules.QUALITIES, "2160p", "", 540],
        "aspect_ratio": [*rules.MODELS["v6"].aspect_ratios, "5:4", ""],
        "motion_mode": [*rules.MOTION_MODES, "slow", ""],
        "seed": [0, 1, "7", 2**31 - 1, 2**31, -1],
        "style": [*rules.STYLES, *rules.UNDOCUMENTED_STYLES, "manga", ""],
        "camera_movement": ["zoom_in", "fix_bg", "default", "moonwalk", ""],
        "sound_mode": ["default_music", "silence", ""],
        "thinking_type": [*rules.THINKING_TYPES, "maybe", ""],
        **{
            name: [True, False, "true", "False", ""]
            for name in (
                "water_mark",
                "sound_effect_switch",
                "lip_sync_tts_switch",
                "generate_audio_switch",
                "generate_multi_clip_switch",
                "original_sound_switch",
            )
        },
        "source_video_id": [0, "", ids.video, str(ids.video)],
        "video_media_id": [0, "", ids.media, str(ids.media)],
        "audio_media_id": [0, "", ids.audio, str(ids.audio)],
        **{name: [0, "", image, str(other)] for name in ("img_id", "first_frame_img", "last_frame_img")},
        "img_ids": [[], [image], [image, other], [image] * 4, ""],
        "template_id": [0, ids.template],
        "restyle_id": [0, ids.restyle],
        "mask_id": ["", ids.mask],
        "keyframe_id": [1, "2", ""],
        "keyframe_ids": [[], [1], [1, 2, 3], [1] * 4, [1, -1]],
        "mask_ids": [[], [ids.mask]],
        "mask_urls": [[], ["https://media.example/mask.png"], ["https://media.example/mask.png"] * 4],
        "multi_transition": [
            [frame],
            [frame, {"img_id": other}],
            [frame] * 6,
            [frame] * 7,
            [frame] * 8,
            [frame | {"prompt": "x" * 2048}, frame | {"prompt": ""}, {"img_id": image}],
            [frame | {"prompt": "x" * 2049}, {"img_id": image}],
            [{"img_id": image, "duration": 30}, {"img_id": other}],
            [{"img_id": image, "duration": 31}, {"img_id": other}],
        ],
        "image_references": [
            [],
            [reference],
            [reference, reference],
            *(
                [reference | {"ref_name": f"boat {n}"} for n in range(count)]
                for count in (3, 4, 7, 8, 10, 11)
            ),
            [reference | {"type": "person"}],
            *([reference | {"ref_name": name}] for name in ("", "x" * 30, "x" * 31, "a-b", "Boot é")),
        ],
        "reference_mode": ["omni", ""],
        "video_references": [[], [{"video_id": ids.video}]],
    }


@st.composite
def arguments(draw: st.DrawFn, name: str, ids: Ids) -> dict[str, Any]:
    """Draw the arguments of a kind: a right set of them, with up to four fields changed."""
    values = _values(ids)
    if name == "ImageTemplate":
        values = values | {"template_id": [0, ids.image_template]}
    if name == "LipSync":
        values = values | {"lip_sync_tts_content": _texts(200, 201)}
    possible = values.keys() - _FIXED.get(name, set())
    fields = [field for field in generations.field_names(request_class(name)) if field in possible]
    changed = draw(st.lists(st.sampled_from(fields), max_size=4, unique=True))
    return smallest(name, ids) | {field: draw(st.sampled_from(values[field])) for field in changed}
