"""Lip sync: a video, and an audio or a text that its mouth follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pixverse_provider.api.fields import Text, given, read_speaker
from pixverse_provider.api.generations.base import GenerationRequest, OneOf
from pixverse_provider.api.generations.clip import ONE_VIDEO
from pixverse_provider.api.ids import optional_id
from pixverse_provider.api.pricing import lip_sync_tts_credits

__all__ = ["LIP_SYNC_TTS_MAX_CHARACTERS", "LipSyncRequest"]

LIP_SYNC_TTS_MAX_CHARACTERS = 200


@dataclass(frozen=True, kw_only=True)
class LipSyncRequest(GenerationRequest):
    """Lip sync a video to an uploaded audio or to synthetic speech (POST ``/video/lip_sync/generate``).

    :raises PixVerseInvalidRequestError: where a rule is broken; names the field, the value and what is
        allowed.
    """

    kind: ClassVar[str] = "lip sync"
    path: ClassVar[str] = "/video/lip_sync/generate"
    one_of: ClassVar[tuple[OneOf, ...]] = (
        ONE_VIDEO,
        OneOf("audio_media_id", ("lip_sync_tts_content", "lip_sync_tts_speaker_id"), needs="speech"),
    )

    source_video_id: int | None = given(optional_id)
    video_media_id: int | None = given(optional_id)
    audio_media_id: int | None = given(optional_id)
    lip_sync_tts_speaker_id: str | None = given(read_speaker)
    lip_sync_tts_content: str | None = given(Text(LIP_SYNC_TTS_MAX_CHARACTERS))

    def estimated_credits(self) -> int | None:
        """Return the price of the speech; None for an audio, whose length only PixVerse knows."""
        return None if self.lip_sync_tts_content is None else lip_sync_tts_credits(self.lip_sync_tts_content)
