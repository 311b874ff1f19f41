"""Upload the material of a video: free, and streamed from wherever Airflow reaches."""

from __future__ import annotations

import contextlib
import json
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, cast
from urllib.parse import urlsplit

from pixverse_provider.api.ids import Id, list_of, shown, xcom_id
from pixverse_provider.api.media import IMAGE, MEDIA, UploadKind
from pixverse_provider.api.settings import is_loopback
from pixverse_provider.exceptions import PixVerseSourceError
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.tasks import PixVerseTask, fails_plainly

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context, ObjectStoragePath, XComArg

    from pixverse_provider.api.client import UploadSource
    from pixverse_provider.rendering import Unrendered
    from pixverse_provider.storage.sources import SourceFile

    Place = str | os.PathLike[str] | os.PathLike[bytes] | ObjectStoragePath | XComArg | Unrendered

__all__ = ["PixVerseUploadImageOperator", "PixVerseUploadMediaOperator"]


class _PixVerseUploadOperator(PixVerseTask):
    """What both uploads share: checking the source, and handing on what is a URL."""

    template_fields: Sequence[str] = ("source", "pixverse_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"source": "json"}
    ui_color = "#e8f4ff"
    _kind: ClassVar[UploadKind]

    def __init__(
        self,
        *,
        source: Place | Sequence[Place],
        pixverse_conn_id: str = PixVerseHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.pixverse_conn_id = pixverse_conn_id

    def _keep_rendered(self) -> None:
        """Change a file name that is no UTF-8, which Airflow cannot keep as it stands."""
        from pixverse_provider.storage.sources import keepable

        self.source = cast("Place", keepable(self.source))

    @fails_plainly
    def execute(self, context: Context) -> Id | list[Id]:
        """Check every source, then upload them, and return the id, or the ids in the order of the list."""
        self._check_rendered()
        # Bytes are items to Python, and no list to anybody who writes a DAG.
        source: object = self.source
        given = None if isinstance(source, bytes) else list_of(_read_list(source), "source")
        if given is None:
            checked = self._checked(source, "source")
            with PixVerseHook(self.pixverse_conn_id) as hook:
                return self._upload(hook, checked)
        # All are checked before the first is sent.
        sources = [self._checked(each, f"source[{index}]") for index, each in enumerate(given)]
        if not sources:
            self.log.info("source is an empty list: nothing is uploaded.")
            return []
        with PixVerseHook(self.pixverse_conn_id) as hook:
            return [self._upload(hook, each) for each in sources]

    def _checked(self, source: object, field: str) -> str | SourceFile:
        """Return the address that PixVerse is to fetch, or the file that is to be sent.

        :raises PixVerseSourceError: where it can be neither.
        """
        from pixverse_provider.storage.sources import SourceFile, web_address

        address = web_address(source, field)
        if address is None:
            return SourceFile.check(source, self._kind, field)
        parts = urlsplit(address)
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise PixVerseSourceError(
                f"{field} is a plain http:// address on {shown(parts.hostname)}: use https://, which "
                "PixVerse fetches itself."
            )
        return address

    def _upload(self, hook: PixVerseHook, source: str | SourceFile) -> Id:
        if isinstance(source, str):
            # The address may be signed, so only its host is shown.
            self.log.info("PixVerse fetches %s from %s itself.", self._kind.name, urlsplit(source).hostname)
            return xcom_id(self._upload_from_url(hook, source))
        if source.warning:
            self.log.warning(source.warning)
        self.log.info("Uploading %s (%s, %s bytes).", source.place.log_name, source.content_type, source.size)
        return xcom_id(self._upload_file(hook, source))

    @abstractmethod
    def _upload_file(self, hook: PixVerseHook, file: UploadSource) -> int:
        """Upload a file and return its id."""

    @abstractmethod
    def _upload_from_url(self, hook: PixVerseHook, url: str) -> int:
        """Hand on a URL and return the id."""


def _read_list(source: object) -> object:
    """Return the list that a template makes JSON text of, and anything else as it is."""
    if isinstance(source, str) and source.strip().startswith("["):
        with contextlib.suppress(RecursionError, ValueError):
            return json.loads(source)
    return source


class PixVerseUploadMediaOperator(_PixVerseUploadOperator):
    """Upload a video or audio and return its ``media_id``, or those of a list; free.

    The file is streamed, so memory stays flat at any size. mp4, mov and webm are taken as video, mp3, wav,
    m4a and aac as audio, up to 100 MB (some pages of PixVerse say 50 MB and 30 s). A retry uploads again and
    costs nothing.

    :param source: local path, or URI of any store that Airflow reaches, such as ``s3://conn_id@bucket/key``
        or ``gs://…``, as a text, a ``Path`` or an ``ObjectStoragePath``; an ``https://`` address is handed to
        PixVerse, which fetches it itself; or a list of these, of which an empty one is a success (templated).
    :param pixverse_conn_id: Airflow connection of type ``pixverse`` (templated).
    :raises PixVerseSourceError: where the file is missing, empty, of another type, or too large; before any
        call, unless it is too large for a gateway on the way.
    :raises PixVerseTransientError: where the file changed while it was sent, or its store is out of reach.
    """

    _kind = MEDIA

    def _upload_file(self, hook: PixVerseHook, file: UploadSource) -> int:
        media = hook.upload_media(file)
        self.log.info("Uploaded as PixVerse %s media %s.", media.media_type, media.media_id)
        return media.media_id

    def _upload_from_url(self, hook: PixVerseHook, url: str) -> int:
        media = hook.upload_media_from_url(url)
        self.log.info("Taken as PixVerse %s media %s.", media.media_type, media.media_id)
        return media.media_id


class PixVerseUploadImageOperator(_PixVerseUploadOperator):
    """Upload an image and return its ``img_id``, or those of a list; free.

    png, jpg, jpeg and webp are taken, under 20 MB. A retry uploads again and costs nothing.

    :param source: local path, or URI of any store that Airflow reaches, such as ``s3://conn_id@bucket/key``
        or ``gs://…``, as a text, a ``Path`` or an ``ObjectStoragePath``; an ``https://`` address is handed to
        PixVerse, which fetches it itself; or a list of these, of which an empty one is a success (templated).
    :param pixverse_conn_id: Airflow connection of type ``pixverse`` (templated).
    :raises PixVerseSourceError: where the file is missing, empty, of another type, or too large; before any
        call, unless it is too large for a gateway on the way.
    :raises PixVerseTransientError: where the file changed while it was sent, or its store is out of reach.
    """

    _kind = IMAGE

    def _upload_file(self, hook: PixVerseHook, file: UploadSource) -> int:
        image = hook.upload_image(file)
        self.log.info("Uploaded as PixVerse image %s.", image.img_id)
        return image.img_id

    def _upload_from_url(self, hook: PixVerseHook, url: str) -> int:
        image = hook.upload_image_from_url(url)
        self.log.info("Taken as PixVerse image %s.", image.img_id)
        return image.img_id
