"""Land a finished video in your own storage, whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from airflow.providers.common.compat.sdk import Asset, BaseOperator

from pixverse_provider.api.ids import Id, required_id
from pixverse_provider.exceptions import (
    PixVerseDestinationError,
    PixVerseInvalidRequestError,
    PixVerseTransientError,
)
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.polling import Outcome, WaitResult, outcome_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from pixverse_provider.api.results import Video

__all__ = ["PixVerseDownloadVideoOperator"]


class PixVerseDownloadVideoOperator(BaseOperator):
    """Download a finished video and return the URI of the file; free.

    The result URL of PixVerse is signed and expires, so it is read again right before the download and kept
    nowhere. The video is streamed; a connection that is cut is resumed; its length is verified. Under the
    final name there is never half a file. The API key is not sent to the media host.

    Assets in ``outlets`` get ``uri``, ``video_id`` and ``size`` in the extra of their event, so that a landed
    video can start another DAG. A retry after the file has landed finds it (same length) and fetches nothing.

    :param video_id: a finished video, as an int or digits (templated).
    :param destination: local path, or URI of any store that Airflow reaches, such as
        ``s3://conn_id@bucket/key``; a folder (one that exists, or a name that ends in ``/``) takes
        ``<video_id>.mp4`` (templated).
    :param overwrite: whether a file that is there may be replaced.
    :param pixverse_conn_id: Airflow connection of type ``pixverse`` (templated).
    :raises PixVerseDestinationError: where the destination exists or cannot be written; before the download.
    :raises PixVerseInvalidRequestError: where the video is not done, or can never be.
    :raises PixVerseDownloadError: where it could not be had whole; a retry helps.
    """

    template_fields: Sequence[str] = ("video_id", "destination", "pixverse_conn_id")
    ui_color = "#e8ffe8"

    def __init__(
        self,
        *,
        video_id: Id | XComArg,
        destination: str | XComArg,
        overwrite: bool = False,
        pixverse_conn_id: str = PixVerseHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # Templates and XComArgs until they are rendered, which is before anything looks at them.
        self.video_id = cast("Id", video_id)
        self.destination = destination
        self.overwrite = overwrite
        self.pixverse_conn_id = pixverse_conn_id

    def execute(self, context: Context) -> str:
        """Check the destination, read the URL again, and land the video."""
        from pixverse_provider.api.download import MediaDownload
        from pixverse_provider.storage import Destination

        video_id = required_id(self.video_id, "video_id")
        place = str(self.destination).strip()
        if place in ("", "None"):
            raise PixVerseDestinationError(
                f"destination is {self.destination!r}: give a path or a URI such as s3://bucket/key.mp4."
            )
        destination = Destination(place, default_name=f"{video_id}.mp4", overwrite=self.overwrite)
        with PixVerseHook(self.pixverse_conn_id) as hook:
            video = self._finished(hook, video_id)
            if not self.overwrite and video.size and destination.existing_size() == video.size:
                self._tell_outlets(context, destination.uri, video)
                self.log.info(
                    "PixVerse video %s has landed before, at %s (%s bytes).",
                    video_id,
                    destination,
                    video.size,
                )
                return destination.uri
            destination.check_writable()
            download = MediaDownload(
                video_id,
                lambda: self._finished(hook, video_id).url,
                allow_http=hook.api_is_on_loopback(),
                expected_size=video.size,
            )
            with destination.writing() as part:
                length = download.into(part)
        self._tell_outlets(context, destination.uri, video)
        self.log.info("Landed PixVerse video %s at %s (%s bytes).", video_id, destination, length)
        return destination.uri

    def _tell_outlets(self, context: Context, uri: str, video: Video) -> None:
        """Tell what landed to every asset that the task updates; no signed URL, since events are kept."""
        for outlet in self.outlets:
            if isinstance(outlet, Asset):
                context["outlet_events"][outlet].extra |= {
                    "uri": uri,
                    "video_id": str(video.id),
                    "size": video.size,
                }

    def _finished(self, hook: PixVerseHook, video_id: int) -> Video:
        """Read the video; it must be done and have a URL."""
        video = hook.get_video(video_id)
        outcome = outcome_of(video.status)
        if outcome is None:
            raise PixVerseInvalidRequestError(
                f"PixVerse video {video_id} is not done yet (status {video.status}): wait for it first, with "
                "PixVerseVideoSensor or with wait_for_completion=True where it is made.",
                video_id=video_id,
            )
        if outcome is not Outcome.SUCCESS:
            reason = WaitResult(outcome, video_id, waited=0.0, video=video).failure()
            raise PixVerseInvalidRequestError(f"There is nothing to download: {reason}", video_id=video_id)
        if not video.url:
            raise PixVerseTransientError(
                f"PixVerse video {video_id} is done but has no URL yet; a retry reads it again.",
                video_id=video_id,
            )
        return video
