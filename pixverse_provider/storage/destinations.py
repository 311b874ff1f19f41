"""Destinations: places to save a video to, wherever ``ObjectStoragePath`` reaches."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from pixverse_provider.exceptions import PixVerseDestinationError
from pixverse_provider.storage.errors import store_error, told
from pixverse_provider.storage.places import read_place

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
        if uri.startswith(("http://", "https://")):
            raise PixVerseDestinationError(
                f"destination {uri!r} is a web address: give a path or a URI such as s3://bucket/key.mp4."
            )
        place = read_place(uri, "destination", PixVerseDestinationError)
        with told(place, "cannot be reached", PixVerseDestinationError):
            if place.local is not None:
                self.in_folder = place.is_folder_name or place.local.is_dir()
            else:
                self.in_folder = place.is_folder_name or place.fs.isdir(place.path)
        self.place = place.child(default_name) if self.in_folder else place
        self._overwrite = overwrite

    def __str__(self) -> str:
        return self.place.text

    @property
    def uri(self) -> str:
        """The place as a URI or a path, as later tasks can read it."""
        return str(self)

    def existing_size(self) -> int | None:
        """Return the length of the file that is there, or None where there is none.

        :raises PixVerseError: where the store cannot be asked.
        """
        with told(self.place, "cannot be reached", PixVerseDestinationError):
            if self._local is not None:
                return self._local.stat().st_size if self._local.is_file() else None
            fs, path = self.place.fs, self.place.path
            return int(fs.size(path)) if fs.isfile(path) else None

    def check_writable(self) -> None:
        """Make sure, before anything is fetched, that the file may and can be written.

        :raises PixVerseDestinationError: names the place and the remedy.
        """
        with told(self.place, "cannot be written", PixVerseDestinationError, remedy="Choose another place."):
            exists = self._local.exists() if self._local else self.place.fs.exists(self.place.path)
            if self._local is not None and (self._overwrite or not exists):
                self._local.parent.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=self._local.parent):
                    pass
        if exists and not self._overwrite:
            raise PixVerseDestinationError(
                f"{self.place} exists already: choose another name, or pass overwrite=True."
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
        return self.place.local

    def _part_file(self) -> IO[bytes]:
        folder = None if self._local is None else self._local.parent
        with told(self.place, "cannot be written", PixVerseDestinationError):
            part_file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - it outlives its closing, to be moved
                dir=folder, prefix=".pixverse-", suffix=".part", delete=False
            )
        return cast("IO[bytes]", part_file)

    def _publish(self, part: Path) -> None:
        try:
            if self._local is None:
                # An object appears when its upload is complete, so it is never half there.
                self.place.fs.put_file(str(part), self.place.path)
            else:
                self._publish_locally(part, self._local)
        except FileExistsError:
            raise PixVerseDestinationError(
                f"{self.place} has come into being during the download: choose another "
                "name, or pass overwrite=True."
            ) from None
        except Exception as err:
            raise store_error(self.place, "cannot be written", err, PixVerseDestinationError) from err

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
