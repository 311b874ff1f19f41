"""Lip sync, the flagship: a video, a voice, and a mouth that follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pixverse_provider.api.generations import LipSyncRequest
from pixverse_provider.exceptions import PixVerseInvalidRequestError
from pixverse_provider.operators.generation import PixVerseGenerationOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import XComArg

    from pixverse_provider.api.ids import Id

__all__ = ["PixVerseLipSyncOperator"]


class PixVerseLipSyncOperator(PixVerseGenerationOperator):
    """Lip sync a video to an audio or to a text that PixVerse speaks; **costs credits**.

    Give exactly one video and exactly one kind of speech. With an audio it costs 4 credits per started
    second, with a text 4 credits per started block of 15 UTF-8 bytes. Waiting, retries and what a clear does
    are described at
    :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`, with the arguments common to
    all.

    :param source_video_id: a finished video that PixVerse made, as an int or digits (templated).
    :param video_media_id: an uploaded video, as ``PixVerseUploadMediaOperator`` returns it (templated).
    :param audio_media_id: an uploaded audio, as ``PixVerseUploadMediaOperator`` returns it (templated).
    :param lip_sync_tts_speaker_id: voice for the text: ``"auto"``, or an id of the voice list (templated).
    :param lip_sync_tts_content: text to speak, up to 200 characters (templated).
    """

    template_fields: Sequence[str] = (
        *PixVerseGenerationOperator.template_fields,
        "source_video_id",
        "video_media_id",
        "audio_media_id",
        "lip_sync_tts_speaker_id",
        "lip_sync_tts_content",
    )

    def __init__(
        self,
        *,
        source_video_id: Id | XComArg | None = None,
        video_media_id: Id | XComArg | None = None,
        audio_media_id: Id | XComArg | None = None,
        lip_sync_tts_speaker_id: str | int | XComArg | None = None,
        lip_sync_tts_content: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # What is not given at all is a mistake that no template can fix, so it fails when the DAG is parsed.
        if source_video_id is None and video_media_id is None:
            raise PixVerseInvalidRequestError(
                "PixVerseLipSyncOperator needs a video: give source_video_id or video_media_id."
            )
        if audio_media_id is None and lip_sync_tts_content is None:
            raise PixVerseInvalidRequestError(
                "PixVerseLipSyncOperator needs speech: give audio_media_id, or lip_sync_tts_content with "
                "lip_sync_tts_speaker_id."
            )
        # Templates and XComArgs until they are rendered, which is before anything looks at them.
        self.source_video_id = cast("Id | None", source_video_id)
        self.video_media_id = cast("Id | None", video_media_id)
        self.audio_media_id = cast("Id | None", audio_media_id)
        self.lip_sync_tts_speaker_id = cast("str | int | None", lip_sync_tts_speaker_id)
        self.lip_sync_tts_content = cast("str | None", lip_sync_tts_content)

    def build_request(self) -> LipSyncRequest:
        """Return the request; raises ``PixVerseInvalidRequestError`` where a rule is broken."""
        return LipSyncRequest(
            source_video_id=self.source_video_id,
            video_media_id=self.video_media_id,
            audio_media_id=self.audio_media_id,
            lip_sync_tts_speaker_id=self.lip_sync_tts_speaker_id,
            lip_sync_tts_content=self.lip_sync_tts_content,
        )
