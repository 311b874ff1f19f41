"""Lip sync, the flagship: a video, a voice, and a mouth that follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from pixverse_provider.api.generations import LipSyncRequest
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.jobs.watch import DEFAULT_WAIT_TIMEOUT
from pixverse_provider.operators._arguments import templated
from pixverse_provider.operators.generation import PixVerseGenerationOperator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from typing import Literal

    from pixverse_provider.operators._arguments import IdArg, LimitArg, NumberArg, TextArg

__all__ = ["PixVerseLipSyncOperator"]


class PixVerseLipSyncOperator(PixVerseGenerationOperator):
    """Lip sync a video to an audio or to a text that PixVerse speaks; **costs credits**.

    Give exactly one video and exactly one kind of speech. With an audio it costs 4 credits per started
    second, with a text 4 credits per started block of 15 UTF-8 bytes. Waiting, retries and what a clear does
    are described at :class:`~pixverse_provider.operators.generation.PixVerseGenerationOperator`.

    :param source_video_id: a finished video that PixVerse made, as an int or digits (templated).
    :param video_media_id: an uploaded video, as ``PixVerseUploadMediaOperator`` returns it (templated).
    :param audio_media_id: an uploaded audio, as ``PixVerseUploadMediaOperator`` returns it (templated).
    :param lip_sync_tts_speaker_id: voice for the text: ``"auto"``, or an id of the voice list (templated).
    :param lip_sync_tts_content: text to speak, up to 200 characters (templated).
    :param pixverse_conn_id: Airflow connection of type ``pixverse`` (templated).
    :param wait_for_completion: False returns the id as soon as the job is submitted.
    :param deferrable: wait in the triggerer and hold no worker; default: ``[operators] default_deferrable``.
    :param poll_interval: seconds (or a ``timedelta``) between two polls, at least 1; None: by the job's age.
    :param timeout: seconds (or a ``timedelta``) that one attempt lasts at the longest.
    :param durable: False gives each attempt a job of its own, which is **paid anew**.
    :param reuse_on_clear: True returns, after a clear with unchanged input, the video that is paid.
    :param max_credits: refuse, before anything is spent, a job that is known to cost more (templated).
    :param on_ambiguous_submit: ``"replay"`` or ``"fail"``, where the answer to a submit was lost.
    """

    request_class = LipSyncRequest
    template_fields: Sequence[str] = templated(LipSyncRequest)

    def __init__(
        self,
        *,
        source_video_id: IdArg | None = None,
        video_media_id: IdArg | None = None,
        audio_media_id: IdArg | None = None,
        lip_sync_tts_speaker_id: NumberArg | None = None,
        lip_sync_tts_content: TextArg | None = None,
        pixverse_conn_id: str = PixVerseHook.default_conn_name,
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | timedelta | None = None,
        timeout: float | timedelta = DEFAULT_WAIT_TIMEOUT,
        durable: bool = True,
        reuse_on_clear: bool = False,
        max_credits: LimitArg | None = None,
        on_ambiguous_submit: Literal["replay", "fail"] = "replay",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            pixverse_conn_id=pixverse_conn_id,
            wait_for_completion=wait_for_completion,
            deferrable=deferrable,
            poll_interval=poll_interval,
            timeout=timeout,
            durable=durable,
            reuse_on_clear=reuse_on_clear,
            max_credits=max_credits,
            on_ambiguous_submit=on_ambiguous_submit,
            **kwargs,
        )
        self.source_video_id = source_video_id
        self.video_media_id = video_media_id
        self.audio_media_id = audio_media_id
        self.lip_sync_tts_speaker_id = lip_sync_tts_speaker_id
        self.lip_sync_tts_content = lip_sync_tts_content
        self._check_given()
