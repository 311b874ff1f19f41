"""Land a finished video in your own storage, whole or not at all."""

from __future__ import annotations

import time
from typing import IO, TYPE_CHECKING, Any, ClassVar, cast

from airflow.providers.common.compat.sdk import AirflowFailException, Asset

from pixverse_provider.api.fields import check_switches
from pixverse_provider.api.ids import Id, one_or_many_ids, shown
from pixverse_provider.api.progress import Progress
from pixverse_provider.api.results import VideoStatus
from pixverse_provider.exceptions import (
    PixVerseAuthenticationError,
    PixVerseConfigurationError,
    PixVerseDestinationError,
    PixVerseError,
    PixVerseInvalidRequestError,
    PixVerseTransientError,
)
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.jobs.outcome import Outcome
from pixverse_provider.jobs.watch import JobWatch, Wait, poll_once
from pixverse_provider.links import PixVerseVideoLink
from pixverse_provider.tasks import PixVerseTask, fails_plainly

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context, ObjectStoragePath, XComArg

    from pixverse_provider.api.results import Video
    from pixverse_provider.rendering import Unrendered
    from pixverse_provider.storage.destinations import Destination

__all__ = ["PixVerseDownloadVideoOperator"]

# Errors that the next video of a list would have as well, and so many transient ones in a row that it most
# likely would, too.
_CONCERNS_ALL = (PixVerseAuthenticationError, PixVerseConfigurationError)
_HOPELESS = 3
# Seconds between two polls of a video that is done but has no URL, or could not be read, and of all of them.
_POLL_INTERVAL = 2.0
_LONGEST_READ = 60.0


class PixVerseDownloadVideoOperator(PixVerseTask):
    """Download a finished video, or each of a list, and return the URI of the file, or the list; free.

    The result URL of PixVerse is signed and expires, so it is read again right before the download and kept
    nowhere. The video is streamed; a connection that is cut is resumed; it is checked by its length and its
    first bytes. Under the final name there is never half a file, in any store. The API key is not sent to the
    media host.

    Assets in ``outlets`` get ``uri``, ``video_id`` and ``size`` in the extra of their event, or for a list
    one such entry for each under ``videos``, so that a landed video can start another DAG. A retry after the
    file has landed finds it: by the store's own record in S3 and Google Cloud Storage, elsewhere by comparing
    its bytes.

    A list lands one after the other in one task process, which is far less work for Airflow than a mapped
    task for each. One that cannot land holds up no other, unless the cause concerns all of them. The task
    then fails, and a retry fetches only what is missing (all of it with ``overwrite=True``). An empty list is
    a success, so Airflow tells the outlets of it too, with no video in the extra.

    :param video_id: a finished video, as an int or digits, or a list of them; a template may render to a JSON
        list (templated).
    :param destination: local path, or URI of any store that Airflow reaches, such as
        ``s3://conn_id@bucket/key``; a folder (one that exists, or a name that ends in ``/``) takes
        ``<video_id>.mp4``; a list needs a folder (templated).
    :param overwrite: whether a file that is there may be replaced, as a bool.
    :param pixverse_conn_id: Airflow connection of type ``pixverse`` (templated).
    :raises PixVerseDestinationError: where the destination exists or cannot be written; before the download.
    :raises PixVerseInvalidRequestError: where the video is not done, or can never be.
    :raises PixVerseNotFoundError: where PixVerse knows no such video under this key.
    :raises PixVerseDownloadError: where it could not be had whole; a retry helps.
    """

    template_fields: Sequence[str] = ("video_id", "destination", "pixverse_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"video_id": "json"}
    operator_extra_links = (PixVerseVideoLink(),)
    ui_color = "#e8ffe8"

    def __init__(
        self,
        *,
        video_id: Id | Sequence[Id | XComArg] | XComArg,
        destination: str | os.PathLike[str] | ObjectStoragePath | XComArg | Unrendered,
        overwrite: bool = False,
        pixverse_conn_id: str = PixVerseHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_switches(overwrite=overwrite)
        self.video_id = video_id
        self.destination = destination
        self.overwrite = overwrite
        self.pixverse_conn_id = pixverse_conn_id

    @fails_plainly
    def execute(self, context: Context) -> str | list[str]:
        """Check the destination, read the URL again, and land the video; so with each of a list."""
        self.has_page = False
        self._check_rendered()
        landed: list[dict[str, Any]] = []
        try:
            return self._land_each(context, landed)
        finally:
            self._push_landed(context, landed)

    def _land_each(self, context: Context, landed: list[dict[str, Any]]) -> str | list[str]:
        """Land each video and note it; return where they are."""
        video_ids, many = one_or_many_ids(self.video_id, "video_id")
        if video_ids:
            PixVerseVideoLink().push(self, context)
        else:
            self.log.info("video_id is an empty list: nothing is downloaded.")
        places = [(video_id, self._place(video_id, many=many)) for video_id in video_ids]
        self._check_writable([place for _, place in places])
        errors: list[PixVerseError] = []
        in_a_row = 0
        with PixVerseHook(self.pixverse_conn_id) as hook:
            for video_id, destination in places:
                try:
                    size = self._land(hook, video_id, destination)
                except PixVerseError as err:
                    transient = not isinstance(err, AirflowFailException)
                    in_a_row = in_a_row + 1 if transient else 0
                    if not many or isinstance(err, _CONCERNS_ALL) or in_a_row == _HOPELESS:
                        raise
                    self.log.error("Going on with the next: %s", err)  # noqa: TRY400 - it says all there is
                    errors.append(err)
                else:
                    in_a_row = 0
                    landed.append({"uri": destination.uri, "video_id": str(video_id), "size": size})
        if errors:
            self.log.info("Landed %s of %s videos.", len(landed), len(video_ids))
            # A retry helps as long as it helps one of them.
            raise next((err for err in errors if not isinstance(err, AirflowFailException)), errors[0])
        self._tell_outlets(context, {"videos": landed} if many else landed[0])
        uris: list[str] = [file["uri"] for file in landed]
        return uris if many else uris[0]

    def _push_landed(self, context: Context, landed: list[dict[str, Any]]) -> None:
        """Tell the page of each video where it is, also where others of a list did not land."""
        if not (landed and self.do_xcom_push):
            return
        try:
            context["ti"].xcom_push(key="landed", value=landed)
        except Exception as err:  # noqa: BLE001 - the videos are there, so no XCom may fail the task
            self.log.warning("The XCom 'landed' could not be pushed: %s", err)

    def _place(self, video_id: int, *, many: bool) -> Destination:
        from pixverse_provider.storage.destinations import Destination

        destination = Destination(self.destination, video_id=video_id, overwrite=self.overwrite)
        if many and not destination.in_folder:
            raise PixVerseDestinationError(
                f"destination is {shown(self.destination)}, which is no folder, and video_id is a list: let "
                "destination end in '/'.",
                video_id=video_id,
            )
        return destination

    def _check_writable(self, places: list[Destination]) -> None:
        """Make sure that each can be written before the first is fetched; what is there is left for later."""
        checked: set[str] = set()
        for place in places:
            there = place.existing_size()
            if place.folder not in checked and (self.overwrite or there is None):
                place.check_writable()
                checked.add(place.folder)

    def _land(self, hook: PixVerseHook, video_id: int, destination: Destination) -> int:
        """Land one video, unless it is there already; return its length in bytes."""
        there = None if self.overwrite else destination.existing_size()
        if there is None:
            video = self._finished(hook, video_id)
            with destination.writing() as part:
                length = self._fetch(hook, video, part)
            self.log.info("Landed PixVerse video %s at %s (%s bytes).", video_id, destination, length)
            return length
        # PixVerse need not have it any more.
        if not destination.has_landed():
            self._compare(hook, self._finished(hook, video_id), destination, there)
        self.log.info("PixVerse video %s has landed before, at %s (%s bytes).", video_id, destination, there)
        return there

    def _compare(self, hook: PixVerseHook, video: Video, destination: Destination, there: int) -> None:
        """Make sure that the file which is there has the bytes of this video."""
        if video.size and there != video.size:
            raise destination.refuse()
        self.log.info(
            "%s is there already: PixVerse video %s is fetched to compare them.", destination, video.id
        )
        with destination.scratch() as part:
            self._fetch(hook, video, part)
            if not destination.holds(part):
                raise destination.refuse()

    def _fetch(self, hook: PixVerseHook, video: Video, part: IO[bytes]) -> int:
        """Write the whole video to a file; return its length in bytes."""
        from pixverse_provider.api.download import MediaDownload

        progress = Progress(f"Downloading PixVerse video {video.id}", video.size, self.log.info)
        download = MediaDownload(
            video.id,
            lambda: self._finished(hook, video.id).url,
            http_host=hook.plain_http_host(),
            expected_size=video.size,
            on_progress=progress.reached,
        )
        return download.into(part)

    def _tell_outlets(self, context: Context, landed: dict[str, Any]) -> None:
        """Tell what landed to every asset that the task updates; no signed URL, since events are kept."""
        for outlet in self.outlets:
            if isinstance(outlet, Asset):
                context["outlet_events"][outlet].extra |= landed

    def _finished(self, hook: PixVerseHook, video_id: int) -> Video:
        """Read the video, which must be done; wait a little where it has no URL yet."""
        now = time.time()
        watch = JobWatch(video_id, started_at=now, deadline=now + _LONGEST_READ, poll_interval=_POLL_INTERVAL)
        while True:
            step = poll_once(hook, watch)
            video = watch.last_result
            if isinstance(step, Wait):
                if video is not None and video.status != VideoStatus.SUCCESS:
                    raise PixVerseInvalidRequestError(
                        f"PixVerse video {video_id} is not done yet (status {video.status}): wait for it "
                        "first, with PixVerseVideoSensor or with wait_for_completion=True where it is made.",
                        video_id=video_id,
                    )
                step.tell(self.log)
                time.sleep(step.seconds)
                continue
            if step.outcome is Outcome.SUCCESS:
                return cast("Video", video)
            if step.error is not None:
                raise step.error
            if step.outcome is Outcome.TIMEOUT:
                raise PixVerseTransientError(
                    f"PixVerse video {video_id} is done but has no URL yet; a retry reads it again.",
                    video_id=video_id,
                )
            raise PixVerseInvalidRequestError(
                f"There is nothing to download: {step.failure()}", video_id=video_id
            )
