"""The generation requests of PixVerse: one frozen dataclass per kind, with its path, rules and price.

A request is checked when it is made, before any call, so that bad input costs no credit. Field names are
those of the API.
"""

from __future__ import annotations

from pixverse_provider.api.generations.base import GenerationRequest, field_names
from pixverse_provider.api.generations.clip import (
    ExtendRequest,
    ImageToVideoRequest,
    TemplateVideoRequest,
    TextToVideoRequest,
    TransitionRequest,
)
from pixverse_provider.api.generations.edit import (
    MaskSelectionRequest,
    MimicRequest,
    ModifyRequest,
    RestyleRequest,
    SoundEffectRequest,
    SwapRequest,
)
from pixverse_provider.api.generations.image import ImageTemplateRequest
from pixverse_provider.api.generations.lip_sync import LIP_SYNC_TTS_MAX_CHARACTERS, LipSyncRequest
from pixverse_provider.api.generations.references import (
    FusionRequest,
    ImageReference,
    KeyFrame,
    MultiTransitionRequest,
)

__all__ = [
    "LIP_SYNC_TTS_MAX_CHARACTERS",
    "ExtendRequest",
    "FusionRequest",
    "GenerationRequest",
    "ImageReference",
    "ImageTemplateRequest",
    "ImageToVideoRequest",
    "KeyFrame",
    "LipSyncRequest",
    "MaskSelectionRequest",
    "MimicRequest",
    "ModifyRequest",
    "MultiTransitionRequest",
    "RestyleRequest",
    "SoundEffectRequest",
    "SwapRequest",
    "TemplateVideoRequest",
    "TextToVideoRequest",
    "TransitionRequest",
    "field_names",
]
