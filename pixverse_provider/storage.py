"""Files of the user, wherever ``ObjectStoragePath`` reaches: sources to upload, places to save to."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from airflow.providers.common.compat.sdk import ObjectStoragePath

from pixverse_provider.api.ids import shown
from pixverse_provider.api.media import SNIFFED_BYTES, UploadKind, check_size, content_type_of
from pixverse_provider.exceptions import (
    PixVerseDestinationError,
    PixVerseError,
    PixVerseSourceError,
    PixVerseTransientError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Destination", "SourceFile", "source_text"]

_LOCAL_PROTOCOLS = ("", "file", "local")
# A store whose package or provider is not installed is an ImportError or a ValueError.
_STORE_ERRORS = (ImportError, OSError, ValueError)


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
        except _STORE_ERRORS as err:
            raise _problem(
                PixVerseSourceError, source, f"source {source!r} cannot be read: {_reason(err)}.", err
            ) from err
        return cls(path, content_type_of(kind, source, head), size, warning)

    @property
    def file_name(self) -> str:
        """Name without folders."""
        return self.path.name

    def open(self) -> IO[bytes]:
        """Open for reading from the start."""
        return cast("IO[bytes]", self.path.open("rb"))


def _problem(permanent: type[PixVerseError], place: str, message: str, error: Exception) -> PixVerseError:
    """Return what an error of a store means: an object store out of reach for a moment may come back."""
    lasting = isinstance(error, ImportError | ValueError | FileNotFoundError | PermissionError)
    if lasting or "://" not in place or place.startswith(("file://", "local://")):
        return permanent(message)
    return PixVerseTransientError(f"{message} A retry tries again.")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _not_a_file(path: ObjectStoragePath, source: str) -> str:
    if path.is_dir():
        return f"source {source!r} is a folder: name a file in it."
    where = "" if path.protocol not in _LOCAL_PROTOCOLS else " on the worker that runs the task"
    return f"source {source!r} does not exist{where}: check the path."


class Destination:
    """A place to save a video to; under its final name there is nothing, or the whole file.

    :param uri: local path, or URI such as ``s3://conn_id@bucket/key``; a folder (one that exists, or a name
        that ends in ``/``) takes the file under its default name.
    :param default_name: file name within a folder.
    :param overwrite: whether a file that is there may be replaced.
    :ivar in_folder: whether the place that was given is a folder.
    """

    def __init__(self, uri: str, *, default_name: str, overwrite: bool) -> None:
        if not uri.strip():
            raise PixVerseDestinationError(
                "destination is empty: give a path or a URI such as s3://bucket/key.mp4."
            )
        if uri.startswith(("http://", "https://")):
            raise PixVerseDestinationError(
                f"destination {uri!r} is a web address: give a path or a URI such as s3://bucket/key.mp4."
            )
        try:
            path = ObjectStoragePath(uri)
            self.in_folder = uri.endswith("/") or path.is_dir()
            if self.in_folder:
                path = path / default_name
        except _STORE_ERRORS as err:
            raise _problem(
                PixVerseDestinationError, uri, f"destination {uri!r} cannot be reached: {_reason(err)}.", err
            ) from err
        self.path = path
        self._overwrite = overwrite

    def __str__(self) -> str:
        return self._local.as_posix() if self._local else str(self.path)

    @property
    def uri(self) -> str:
        """The place as a URI or a path, as later tasks can read it."""
        return str(self)

    def existing_size(self) -> int | None:
        """Return the length of the file that is there, or None where there is none.

        :raises PixVerseError: where the store cannot be asked.
        """
        try:
            return self.path.stat().st_size if self.path.is_file() else None
        except _STORE_ERRORS as err:
            raise _problem(
                PixVerseDestinationError,
                self.uri,
                f"destination {self.uri!r} cannot be reached: {_reason(err)}.",
                err,
            ) from err

    def check_writable(self) -> None:
        """Make sure, before anything is fetched, that the file may and can be written.

        :raises PixVerseDestinationError: names the place and the remedy.
        """
        try:
            exists = self.path.exists()
            if self._local is None:
                self.path.fs  # noqa: B018 - raises where Airflow has no such store
            elif self._overwrite or not exists:
                self._local.parent.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=self._local.parent):
                    pass
        except _STORE_ERRORS as err:
            raise _problem(
                PixVerseDestinationError,
                self.uri,
                f"destination {self.uri!r} cannot be written: {_reason(err)}. Choose another place.",
                err,
            ) from err
        if exists and not self._overwrite:
            raise PixVerseDestinationError(
                f"destination {self.uri!r} exists already: choose another name, or pass overwrite=True."
            )

    @contextmanager
    def writing(self) -> Iterator[IO[bytes]]:
        """Lend a local file to write to; it becomes the destination if the block ends well, and only then."""
        with self._part_file() as part:
            part_path = Path(part.name)
            try:
                yield part
                part.flush()
                os.fsync(part.fileno())
                self._publish(part_path)
            finally:
                part_path.unlink(missing_ok=True)

    @property
    def _local(self) -> Path | None:
        return Path(self.path.path) if self.path.protocol in _LOCAL_PROTOCOLS else None

    def _part_file(self) -> IO[bytes]:
        folder = None if self._local is None else self._local.parent
        try:
            part_file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - it outlives its closing, to be moved
                dir=folder, prefix=".pixverse-", suffix=".part", delete=False
            )
        except OSError as err:
            raise PixVerseDestinationError(
                f"destination {self.uri!r} cannot be written: {_reason(err)}."
            ) from err
        return cast("IO[bytes]", part_file)

    def _publish(self, part: Path) -> None:
        try:
            if self._local is None:
                # An object appears when its upload is complete, so it is never half there.
                self.path.fs.put_file(str(part), self.path.path)
            else:
                self._publish_locally(part, self._local)
        except FileExistsError:
            raise PixVerseDestinationError(
                f"destination {self.uri!r} has come into being during the download: choose another "
                "name, or pass overwrite=True."
            ) from None
        except OSError as err:
            raise _problem(
                PixVerseDestinationError,
                self.uri,
                f"destination {self.uri!r} cannot be written: {_reason(err)}.",
                err,
            ) from err

    def _publish_locally(self, part: Path, target: Path) -> None:
        # A temporary file is readable by its owner only; a video should be as readable as any new file.
        umask = os.umask(0)
        os.umask(umask)
        part.chmod(0o666 & ~umask)
        if self._overwrite:
            part.replace(target)
            return
        try:
            os.link(part, target)
        except FileExistsError:
            raise
        except OSError:
            # A file system without hard links; what is lost is only the last word on a race for the name.
            if target.exists():
                raise FileExistsError(target) from None
            part.replace(target)
