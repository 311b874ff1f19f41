"""Lip sync: one video, one voice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator import prices
from pixverse_provider.emulator.envelope import INVALID_PARAMETER, ApiError
from pixverse_provider.emulator.generations.order import Generation, Library, Order, Source
from pixverse_provider.emulator.generations.sources import SOURCE_FIELDS, find_source, named_source
from pixverse_provider.emulator.render.lip_sync import LipSyncRecipe
from pixverse_provider.emulator.voices import Voice, find_voice

if TYPE_CHECKING:
    from pixverse_provider.emulator.generations.fields import Fields

TTS_LIMIT: Final = 200

_KNOWN: Final = (
    *SOURCE_FIELDS,
    "audio_media_id",
    "lip_sync_tts_speaker_id",
    "lip_sync_tts_content",
)


def rules(fields: Fields, library: Library) -> Order:
    """Check a request in the order: fields, sources, speech, existence, kind, speaker, length of the text."""
    fields.refuse_others(_KNOWN)
    for name in SOURCE_FIELDS:
        fields.identifier(name)
    audio_media_id = fields.identifier("audio_media_id")
    speaker_id = fields.text("lip_sync_tts_speaker_id")
    content = fields.text("lip_sync_tts_content")

    named = named_source(fields)
    if audio_media_id is None and speaker_id is None and content is None:
        raise ApiError(INVALID_PARAMETER, "neither audio nor a TTS pair was given")
    if audio_media_id is not None and (speaker_id is not None or content is not None):
        raise ApiError(INVALID_PARAMETER, "give either audio_media_id or a TTS pair, not both")
    if audio_media_id is None and (speaker_id is None or content is None):
        raise ApiError(
            INVALID_PARAMETER, "a TTS pair needs both lip_sync_tts_speaker_id and lip_sync_tts_content"
        )

    video = find_source(named, library, unknown=INVALID_PARAMETER)
    if audio_media_id is not None:
        return _to_audio(video, library.uploaded("audio_media_id", audio_media_id, "audio"))
    return _to_speech(video, speaker_id or "", content or "")


def _to_audio(video: Source, audio: Source) -> Order:
    return Order(
        credits=prices.lip_sync_audio(audio.seconds),
        recipe=LipSyncRecipe(
            video=video.path, video_digest=video.digest, audio=audio.path, audio_digest=audio.digest
        ),
        text=f"{video.name} speaks {audio.name}",
        resolution_ratio=video.resolution_ratio,
    )


def _to_speech(video: Source, speaker_id: str, content: str) -> Order:
    voice = _known_voice(speaker_id)
    if not content.strip():
        raise ApiError(INVALID_PARAMETER, "TTS text not acceptable")
    if len(content) > TTS_LIMIT:
        raise ApiError(INVALID_PARAMETER, f"TTS text over {TTS_LIMIT} characters")
    return Order(
        credits=prices.lip_sync_tts(content),
        recipe=LipSyncRecipe(video=video.path, video_digest=video.digest, voice=voice, text=content),
        text=content,
        resolution_ratio=video.resolution_ratio,
    )


def _known_voice(speaker_id: str) -> Voice:
    voice = find_voice(speaker_id)
    if voice is None:
        raise ApiError(INVALID_PARAMETER, "speaker not known")
    return voice


LIP_SYNC: Final = Generation("lip_sync", "/video/lip_sync/generate", rules)
