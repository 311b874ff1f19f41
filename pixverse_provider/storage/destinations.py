"""Destinations: places to save a video to, wherever ``ObjectStoragePath`` reaches."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from airflow.providers.common.compat.sdk import ObjectStoragePath

from pixverse_provider.exceptions import PixVerseDestinationError
from pixverse_provider.storage.errors import LOCAL_PROTOCOLS, STORE_ERRORS, reason_of, store_error

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Destination"]


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
        except STORE_ERRORS as err:
            raise store_error(
                PixVerseDestinationError,
                uri,
                f"destination {uri!r} cannot be reached: {reason_of(err)}.",
                err,
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
        except STORE_ERRORS as err:
            raise store_error(
                PixVerseDestinationError,
                self.uri,
                f"destination {self.uri!r} cannot be reached: {reason_of(err)}.",
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
        except STORE_ERRORS as err:
            raise store_error(
                PixVerseDestinationError,
                self.uri,
                f"destination {self.uri!r} cannot be written: {reason_of(err)}. Choose another place.",
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
        return Path(self.path.path) if self.path.protocol in LOCAL_PROTOCOLS else None

    def _part_file(self) -> IO[bytes]:
        folder = None if self._local is None else self._local.parent
        try:
            part_file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - it outlives its closing, to be moved
                dir=folder, prefix=".pixverse-", suffix=".part", delete=False
            )
        except OSError as err:
            raise PixVerseDestinationError(
                f"destination {self.uri!r} cannot be written: {reason_of(err)}."
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
            raise store_error(
                PixVerseDestinationError,
                self.uri,
                f"destination {self.uri!r} cannot be written: {reason_of(err)}.",
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
