"""Lip sync: a video, and an audio or a text that its mouth follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pixverse_provider.api.fields import read_speaker
from pixverse_provider.api.generations.base import GenerationRequest
from pixverse_provider.api.ids import Id, optional_id
from pixverse_provider.api.pricing import lip_sync_tts_credits
from pixverse_provider.exceptions import PixVerseInvalidRequestError

__all__ = ["LIP_SYNC_TTS_MAX_CHARACTERS", "LipSyncRequest"]

LIP_SYNC_TTS_MAX_CHARACTERS = 200


@dataclass(frozen=True)
class LipSyncRequest(GenerationRequest):
    """Lip sync a video to an uploaded audio or to synthetic speech (POST ``/video/lip_sync/generate``).

    Exactly one video source and exactly one speech source. Ids may be ints or strings of digits; ``None``,
    ``0`` and ``""`` count as not given.

    :param source_video_id: a finished video that PixVerse made.
    :param video_media_id: an uploaded video.
    :param audio_media_id: an uploaded audio.
    :param lip_sync_tts_speaker_id: an id of the voice list, or ``auto`` in any case.
    :param lip_sync_tts_content: text to speak, 1 to 200 characters.
    :raises PixVerseInvalidRequestError: where a rule is broken; names the field, the value and the remedy.
    """

    kind: ClassVar[str] = "lip sync"
    path: ClassVar[str] = "/video/lip_sync/generate"

    source_video_id: Id | None = None
    video_media_id: Id | None = None
    audio_media_id: Id | None = None
    lip_sync_tts_speaker_id: str | int | None = None
    lip_sync_tts_content: str | None = None

    def __post_init__(self) -> None:
        """Bring every field to the form of the API, and check the rules."""
        for name in ("source_video_id", "video_media_id", "audio_media_id"):
            object.__setattr__(self, name, optional_id(getattr(self, name), name))
        speaker = read_speaker(self.lip_sync_tts_speaker_id, "lip_sync_tts_speaker_id")
        object.__setattr__(self, "lip_sync_tts_speaker_id", speaker)
        object.__setattr__(self, "lip_sync_tts_content", _speech(self.lip_sync_tts_content))
        self._check_video_source()
        self._check_speech_source()

    def estimated_credits(self) -> int | None:
        """Return the price of the speech; None for an audio, whose length only PixVerse knows."""
        if self.lip_sync_tts_content is None:
            return None
        return lip_sync_tts_credits(self.lip_sync_tts_content)

    def _check_video_source(self) -> None:
        if self.source_video_id is None and self.video_media_id is None:
            raise PixVerseInvalidRequestError(
                "A lip sync needs a video: give source_video_id (a video that PixVerse made) or "
                "video_media_id (an uploaded video)."
            )
        if self.source_video_id is not None and self.video_media_id is not None:
            raise PixVerseInvalidRequestError(
                f"A lip sync takes one video, but both source_video_id={self.source_video_id} and "
                f"video_media_id={self.video_media_id} are given. Leave one out."
            )

    def _check_speech_source(self) -> None:
        text, speaker = self.lip_sync_tts_content, self.lip_sync_tts_speaker_id
        if self.audio_media_id is not None:
            extra = [
                name for name in ("lip_sync_tts_speaker_id", "lip_sync_tts_content") if getattr(self, name)
            ]
            if extra:
                raise PixVerseInvalidRequestError(
                    f"A lip sync takes an audio or a text, but audio_media_id={self.audio_media_id} and "
                    f"{' and '.join(extra)} are given. Leave one of the two out."
                )
            return
        if text is None and speaker is None:
            raise PixVerseInvalidRequestError(
                "A lip sync needs speech: give audio_media_id (an uploaded audio), or lip_sync_tts_content "
                "with lip_sync_tts_speaker_id (a text to speak)."
            )
        if text is None:
            raise PixVerseInvalidRequestError(
                f"lip_sync_tts_speaker_id={speaker!r} is given without a text: "
                "give lip_sync_tts_content as well."
            )
        if speaker is None:
            raise PixVerseInvalidRequestError(
                "lip_sync_tts_content is given without a voice: give lip_sync_tts_speaker_id as well "
                "('auto', or an id of the voice list)."
            )
        if len(text) > LIP_SYNC_TTS_MAX_CHARACTERS:
            raise PixVerseInvalidRequestError(
                f"lip_sync_tts_content has {len(text)} characters and at most "
                f"{LIP_SYNC_TTS_MAX_CHARACTERS} are allowed: shorten it, or upload it as an audio."
            )


def _speech(value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise PixVerseInvalidRequestError(f"lip_sync_tts_content must be a text, not {value!r}.")
    if value.strip() == "None":
        raise PixVerseInvalidRequestError(
            "lip_sync_tts_content is the text 'None': its template found no value. Check that the task it "
            "refers to has run and returned a text."
        )
    if not value.strip():
        raise PixVerseInvalidRequestError("lip_sync_tts_content holds only whitespace: give a text to speak.")
    try:
        value.encode()
    except UnicodeEncodeError as err:
        raise PixVerseInvalidRequestError(
            f"lip_sync_tts_content holds an unpaired surrogate at position {err.start}, which cannot be "
            "spoken: fix the text."
        ) from err
    return value
