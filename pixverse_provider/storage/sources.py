"""Sources: files to upload, wherever ``ObjectStoragePath`` reaches."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import IO, cast

from airflow.providers.common.compat.sdk import ObjectStoragePath

from pixverse_provider.api.ids import shown
from pixverse_provider.api.media import SNIFFED_BYTES, UploadKind, check_size, content_type_of
from pixverse_provider.exceptions import PixVerseSourceError
from pixverse_provider.storage.errors import LOCAL_PROTOCOLS, STORE_ERRORS, reason_of, store_error

__all__ = ["SourceFile", "source_text"]


def source_text(source: object, field: str = "source") -> str:
    """Return the path, URI or address that a source names, in text.

    :param field: name of the argument, for the message.
    :raises PixVerseSourceError: where it is none.
    """
    text = str(source).strip() if isinstance(source, str | os.PathLike | ObjectStoragePath) else ""
    if text == "None":
        raise PixVerseSourceError(
            f"{field} is the text 'None': its template found no value. Check that the task it refers to has "
            "run and returned a path or an address."
        )
    if not text:
        raise PixVerseSourceError(
            f"{field} is {shown(source)}: give a path, a URI such as s3://bucket/key, or an https:// address."
        )
    return text


@dataclass(frozen=True)
class SourceFile:
    """A file to upload that has been checked: it is there, of a type PixVerse takes, and not too large.

    :param path: where it is.
    :param content_type: media type to send.
    :param size: bytes.
    :param warning: what to tell the user before the upload, if anything.
    """

    path: ObjectStoragePath
    content_type: str
    size: int
    warning: str | None = None

    @classmethod
    def check(cls, source: str, kind: UploadKind) -> SourceFile:
        """Check a file without reading more than its first bytes.

        :param source: local path, or URI such as ``s3://conn_id@bucket/key``.
        :raises PixVerseSourceError: names the file and the remedy.
        """
        try:
            path = ObjectStoragePath(source)
            size = 0 if not path.is_file() else path.stat().st_size
            if not path.is_file():
                raise PixVerseSourceError(_not_a_file(path, source))
            warning = check_size(kind, source, size)
            with path.open("rb") as stream:
                head = cast("bytes", stream.read(SNIFFED_BYTES))
        except STORE_ERRORS as err:
            raise store_error(
                PixVerseSourceError, source, f"source {source!r} cannot be read: {reason_of(err)}.", err
            ) from err
        return cls(path, content_type_of(kind, source, head), size, warning)

    @property
    def file_name(self) -> str:
        """Name without folders."""
        return self.path.name

    def open(self) -> IO[bytes]:
        """Open for reading from the start."""
        return cast("IO[bytes]", self.path.open("rb"))


def _not_a_file(path: ObjectStoragePath, source: str) -> str:
    if path.is_dir():
        return f"source {source!r} is a folder: name a file in it."
    where = "" if path.protocol not in LOCAL_PROTOCOLS else " on the worker that runs the task"
    return f"source {source!r} does not exist{where}: check the path."
