"""Destinations: places to save a video to, on this machine or in a store of Airflow."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from airflow.providers.common.compat.sdk import ObjectStoragePath

from pixverse_provider.api.ids import shown
from pixverse_provider.exceptions import PixVerseDestinationError, PixVerseError, storable_text
from pixverse_provider.storage.errors import is_forbidden, store_error
from pixverse_provider.storage.parts import PART_PREFIX, part_name, sweep, sweep_stored
from pixverse_provider.storage.places import Place, read_place, text_of
from pixverse_provider.storage.stores import (
    OBJECT_STORES,
    WITH_BUCKETS,
    check_bucket,
    look,
    put,
    recorded_video_id,
    rename,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Destination"]

# The stores that read a content type off a name read it off that of the file they are given.
_SUFFIX = ".mp4"
_BLOCK_BYTES = 1 << 18


class Destination:
    """A place to save a video to; under its final name there is nothing, or the whole file.

    :param place: local path, or URI such as ``s3://conn_id@bucket/key``; a folder (one that exists, or a name
        that ends in ``/``) takes the file as ``<video_id>.mp4``.
    :param video_id: the video that is to land, for the name and for messages.
    :param overwrite: whether a file that is there may be replaced.
    :ivar in_folder: whether the place that was given is a folder.
    """

    def __init__(self, place: object, *, video_id: int, overwrite: bool) -> None:
        self._video_id = video_id
        self._overwrite = overwrite
        with self._told("cannot be reached"):
            self._place = _read(place)
            self.in_folder = self._place.is_folder_name or self._is_folder()
        if self.in_folder:
            self._place = self._place.child(f"{video_id}.mp4")

    def __str__(self) -> str:
        return self._place.log_name

    @property
    def uri(self) -> str:
        """The place as a URI or a path, as later tasks can read it."""
        return self._place.text

    @property
    def folder(self) -> str:
        """The folder or, in an object store, the bucket that must be there: one check does for all in it."""
        if self._place.local is not None:
            with self._told("cannot be reached"):
                return str(self._local.parent)
        path = self._place.path
        if self._protocol in OBJECT_STORES:
            return path.strip("/").partition("/")[0]
        return path.rpartition("/")[0]

    def existing_size(self) -> int | None:
        """Return the length of the file that is there in bytes, or None where there is none.

        :raises PixVerseDestinationError: where something is there that is no ordinary file.
        :raises PixVerseError: where the store cannot be asked.
        """
        with self._told("cannot be reached"):
            if self._place.local is not None:
                try:
                    found = self._local.stat()
                except (FileNotFoundError, NotADirectoryError):
                    return None
                is_file, size = stat.S_ISREG(found.st_mode), found.st_size
            else:
                info = look(self._place.fs, self._place.path)
                kind = None if info is None else info.get("type", "file")
                # A folder of an object store is but the beginning of longer names.
                if info is None or (kind == "directory" and self._protocol in OBJECT_STORES):
                    return None
                is_file, size = kind in ("file", "link"), int(info.get("size") or 0)
            if is_file:
                return size
            raise PixVerseDestinationError(
                f"{self._place} cannot be written: something that is no regular file is there, such as a "
                "folder or a pipe. Choose another name."
            )

    def check_writable(self) -> None:
        """Make sure, before anything is fetched, that the file can be written; folders are made.

        In an object store, that its bucket is there; in every other place, by writing an empty file, which is
        renamed where the file will be.

        :raises PixVerseDestinationError: names the place and the remedy.
        """
        self.existing_size()
        with self._told("cannot be written", remedy="Choose another place."):
            if self._place.local is not None:
                self._local.parent.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=self._local.parent):
                    pass
            elif self._protocol in WITH_BUCKETS:
                check_bucket(self._place.fs, self.folder)
            elif self._protocol not in OBJECT_STORES:
                self._check_stored_folder(self._place.fs, self.folder)

    def has_landed(self) -> bool:
        """Tell whether the store itself knows that the file which is there is this video.

        False where it keeps no such record, which says nothing.
        """
        with self._told("cannot be reached"):
            try:
                recorded = self._protocol and recorded_video_id(
                    self._protocol, self._place.fs, self._place.path
                )
            except Exception as err:
                if is_forbidden(err):
                    return False
                raise
        return recorded == str(self._video_id)

    def holds(self, video: IO[bytes]) -> bool:
        """Tell whether the file that is there has the same bytes."""
        video.seek(0)
        with self._told("is there already and cannot be read"), self._reading() as there:
            while block := video.read(_BLOCK_BYTES):
                if _exactly(there, len(block)) != block:
                    return False
            return not there.read(1)

    def refuse(self) -> PixVerseDestinationError:
        """Return the error where another file is there and must not be replaced."""
        return PixVerseDestinationError(
            f"{self._place} exists already, and it is not PixVerse video {self._video_id}: choose another "
            f"name, or pass overwrite=True. {self._kept}",
            video_id=self._video_id,
        )

    @contextmanager
    def scratch(self) -> Iterator[IO[bytes]]:
        """Lend a temporary file, for a video that is only compared with the one that is there."""
        with self._writing_here(in_temporary_folder=True), tempfile.TemporaryFile() as part:
            yield part

    @contextmanager
    def writing(self) -> Iterator[IO[bytes]]:
        """Lend a local file to write to; it becomes the destination if the block ends well, and only then.

        :raises PixVerseError: where it cannot be written, there or on its way; names the place and the video.
        """
        with self._writing_here(in_temporary_folder=self._place.local is None):
            file = self._part_file()
        path = Path(file.name)
        try:
            # What is still in its buffer is written when it is closed.
            with self._writing_here(in_temporary_folder=self._place.local is None), file as part:
                yield part
                part.flush()
                os.fsync(part.fileno())
            with self._told("cannot be written"):
                self._publish(path)
        finally:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    @property
    def _kept(self) -> str:
        return f"PixVerse video {self._video_id} is paid and not lost: landing it costs nothing."

    @property
    def _local(self) -> Path:
        """The file that is written: where the place is a symbolic link, what it leads to."""
        return cast("Path", self._place.local).resolve()

    @property
    def _protocol(self) -> str:
        return "" if self._place.stored is None else self._place.stored.protocol

    @contextmanager
    def _told(
        self, failed: str, *, of: Place | None = None, only: type[Exception] = Exception, remedy: str = ""
    ) -> Iterator[None]:
        """Raise what goes wrong in the block as one of the family, which names a place and the video.

        :param failed: completes "destination 's3://bucket/key' …", as in ``"cannot be read"``.
        :param of: place that it is about, if that is not the destination.
        :param only: class of what is told; anything else is not about the place, and stays as it is.
        :param remedy: a sentence for an error that lasts.
        """
        try:
            yield
        except PixVerseError as err:
            if err.video_id is not None:
                raise
            raise self._of_video(err) from err.__cause__
        except only as err:
            error = store_error(of or self._place, failed, err, PixVerseDestinationError, remedy=remedy)
            raise self._of_video(error) from err

    @contextmanager
    def _writing_here(self, *, in_temporary_folder: bool) -> Iterator[None]:
        """Tell what this machine's disk fails with; what else a download fails with stays."""
        place, remedy = self._place, "Make room there, or choose another place."
        if in_temporary_folder:
            with self._told("cannot be written"):
                folder = tempfile.gettempdir()
            place = Place("the temporary folder", folder, local=Path(folder))
            remedy = "Make room there, or set TMPDIR to another folder."
        with self._told("cannot be written", of=place, only=OSError, remedy=remedy):
            yield

    def _of_video(self, error: PixVerseError) -> PixVerseError:
        return type(error)(f"{error} {self._kept}", video_id=self._video_id)

    def _is_folder(self) -> bool:
        if self._place.local is not None:
            return self._place.local.is_dir()
        found = look(self._place.fs, self._place.path)
        return found is not None and found.get("type") == "directory"

    @contextmanager
    def _reading(self) -> Iterator[IO[bytes]]:
        if self._place.local is not None:
            with self._local.open("rb") as stream:
                yield stream
        else:
            with self._place.fs.open(self._place.path, "rb") as stream:
                yield stream

    def _part_file(self) -> IO[bytes]:
        if self._place.local is None:
            sweep(Path(tempfile.gettempdir()), _SUFFIX)
            return cast(
                "IO[bytes]", tempfile.NamedTemporaryFile(prefix=PART_PREFIX, suffix=_SUFFIX, delete=False)
            )
        folder = self._local.parent
        sweep(folder)
        # Of the mode that any new file gets here: the system applies the umask.
        return (folder / part_name()).open("x+b")

    def _publish(self, part: Path) -> None:
        """Give the whole file its name, unless another one has it and must not be replaced."""
        if self.existing_size() is None or self._overwrite:
            try:
                self._put(part)
            except FileExistsError:
                if self._overwrite:
                    raise
            else:
                return
        # It may be this video: of a worker that was taken for dead, or of a write whose answer was lost.
        with part.open("rb") as video:
            if not (self.has_landed() or self.holds(video)):
                raise PixVerseDestinationError(
                    f"{self._place} has come into being during the download, and it is not PixVerse video "
                    f"{self._video_id}: choose another name, or pass overwrite=True. {self._kept}",
                    video_id=self._video_id,
                )

    def _put(self, part: Path) -> None:
        if self._place.local is not None:
            self._put_locally(part, self._local)
            return
        fs, path = self._place.fs, self._place.path
        if self._protocol in OBJECT_STORES:
            put(fs, self._protocol, str(part), path, self._video_id, replace=self._overwrite)
        else:
            # Such a store shows what is written as it comes.
            stored_part = self._beside(part_name())
            with _removed_on_failure(fs, stored_part):
                fs.put_file(str(part), stored_part)
                rename(fs, stored_part, path, replace=self._overwrite)
        fs.invalidate_cache()

    def _put_locally(self, part: Path, target: Path) -> None:
        if self._overwrite:
            # A file that was there keeps its mode, where the file system has modes.
            with contextlib.suppress(OSError):
                part.chmod(stat.S_IMODE(target.stat().st_mode) & 0o777)
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

    def _check_stored_folder(self, fs: Any, folder: str) -> None:
        if folder.strip("/"):
            fs.makedirs(folder, exist_ok=True)
        written, renamed = self._beside(part_name()), self._beside(part_name())
        with _removed_on_failure(fs, written):
            fs.pipe_file(written, b"")
            rename(fs, written, renamed, replace=self._overwrite)
        sweep_stored(fs, folder or "/", renamed)
        fs.rm_file(renamed)

    def _beside(self, name: str) -> str:
        folder, slash, _ = self._place.path.rpartition("/")
        return f"{folder}{slash}{name}"


@contextmanager
def _removed_on_failure(fs: Any, path: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # The store may be what fails.
        with contextlib.suppress(Exception):
            fs.rm_file(path)
        raise


def _read(value: object) -> Place:
    """Return the place that a user named, which is none of the web."""
    if not isinstance(value, ObjectStoragePath):
        text = text_of(value, "destination", PixVerseDestinationError)
        if text.lower().startswith(("http://", "https://")):
            raise PixVerseDestinationError(
                f"destination {shown(text)} is a web address: give a path, or a URI such as s3://bucket/key.mp4."
            )
    place = read_place(value, "destination", PixVerseDestinationError)
    if storable_text(place.text) != place.text:
        # Later tasks get it as an XCom, which cannot hold one; percent-encoding may stand for one.
        raise PixVerseDestinationError(
            f"{place} holds a NUL character or bytes that are no UTF-8: choose another name."
        )
    return place


def _exactly(stream: IO[bytes], length: int) -> bytes:
    """Return so many bytes, fewer at the end of the file; a store may give them in pieces."""
    found = bytearray()
    while len(found) < length and (piece := stream.read(length - len(found))):
        found += piece
    return bytes(found)
