"""Destinations: places to save a video to, on this machine or in a store of Airflow."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from airflow.providers.common.compat.sdk import ObjectStoragePath

from pixverse_provider.exceptions import PixVerseDestinationError, PixVerseError, storable_text
from pixverse_provider.storage.errors import told
from pixverse_provider.storage.places import read_place, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixverse_provider.storage.places import Place

__all__ = ["Destination"]

_S3, _GCS = ("s3", "s3a"), ("gs", "gcs")
_AZURE = ("abfs", "abfss", "adl", "az", "wasb", "wasbs")
# An object of these appears when its upload is complete, so it is never half there.
_WITH_BUCKETS = (*_S3, *_GCS, *_AZURE, "oss")
_OBJECT_STORES = (*_WITH_BUCKETS, "memory")
_CONTENT_TYPE = "video/mp4"
# The stores that read a content type off a name read it off that of the file they are given.
_SUFFIX = ".mp4"
_RECORD = "pixverse-video-id"
_PART_PREFIX, _PART_SUFFIX = ".pixverse-", ".part"
# A part that nobody has written to for so long was left by a process that was killed.
_STALE_SECONDS = 3600.0
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
        with self._naming_the_video():
            found = _read(place)
            with told(found, "cannot be reached", PixVerseDestinationError):
                self.in_folder = found.is_folder_name or _is_folder(found)
        self._place = found.child(f"{video_id}.mp4") if self.in_folder else found

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
        if self._protocol in _OBJECT_STORES:
            return path.strip("/").partition("/")[0]
        return path.rpartition("/")[0]

    def existing_size(self) -> int | None:
        """Return the length of the file that is there in bytes, or None where there is none.

        :raises PixVerseError: where the store cannot be asked, or where there is no ordinary file.
        """
        with self._told("cannot be reached"):
            if self._place.local is not None:
                try:
                    found = self._local.stat()
                except (FileNotFoundError, NotADirectoryError):
                    return None
                if not stat.S_ISREG(found.st_mode):
                    raise FileExistsError("something that is no regular file is there")
                return found.st_size
            fs, path = self._place.fs, self._place.path
            fs.invalidate_cache()
            try:
                return int(fs.size(path) or 0) if fs.exists(path) else None
            except PermissionError:
                # What S3 says of an object that is not there to those who may only write.
                return None

    def check_writable(self) -> None:
        """Make sure, before anything is fetched, that a new file can be written; folders are made.

        In an object store, that its bucket is there; in every other place, by writing an empty file.

        :raises PixVerseDestinationError: names the place and the remedy.
        """
        with self._told("cannot be written", remedy="Choose another place."):
            if self._place.local is not None:
                self._local.parent.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=self._local.parent):
                    pass
            elif self._protocol in _WITH_BUCKETS:
                _check_bucket(self._place.fs, self.folder)
            elif self._protocol not in _OBJECT_STORES:
                fs = self._place.fs
                if self.folder.strip("/"):
                    fs.makedirs(self.folder, exist_ok=True)
                fs.pipe_file(self._stored_part, b"")
                fs.rm_file(self._stored_part)

    def has_landed(self) -> bool:
        """Tell whether the store itself knows that the file which is there is this video.

        False where it keeps no such record, which says nothing.
        """
        with self._told("cannot be reached"):
            if self._protocol in _S3:
                record = self._place.fs.metadata(self._place.path)
            elif self._protocol in _GCS:
                record = self._place.fs.info(self._place.path).get("metadata") or {}
            else:
                return False
            return bool(record.get(_RECORD) == str(self._video_id))

    def holds(self, video: IO[bytes]) -> bool:
        """Tell whether the file that is there has the same bytes."""
        video.seek(0)
        with self._told("cannot be read"), self._reading() as there:
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
        with self._disk("cannot be compared"), tempfile.TemporaryFile() as part:
            yield part

    @contextmanager
    def writing(self) -> Iterator[IO[bytes]]:
        """Lend a local file to write to; it becomes the destination if the block ends well, and only then.

        :raises PixVerseError: where it cannot be written, there or on its way; names the place and the video.
        """
        with self._told("cannot be written"):
            file = self._part_file()
        path = Path(file.name)
        try:
            with file as part:
                with self._disk("cannot be written"):
                    yield part
                    part.flush()
                    os.fsync(part.fileno())
                with self._told("cannot be written"):
                    self._publish(part, path)
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

    @property
    def _stored_part(self) -> str:
        """Where a file in a store is until it is whole: a retry writes over what a killed one has left."""
        folder, slash, name = self._place.path.rpartition("/")
        return f"{folder}{slash}{_PART_PREFIX}{self._video_id}-{name[-100:]}{_PART_SUFFIX}"

    @contextmanager
    def _told(self, failed: str, *, remedy: str = "") -> Iterator[None]:
        with self._naming_the_video(), told(self._place, failed, PixVerseDestinationError, remedy=remedy):
            yield

    @contextmanager
    def _disk(self, failed: str) -> Iterator[None]:
        """Raise what this machine's disk fails with as one of the family; whatever else goes wrong stays."""
        try:
            yield
        except OSError:
            with self._told(failed):
                raise

    @contextmanager
    def _naming_the_video(self) -> Iterator[None]:
        try:
            yield
        except PixVerseError as err:
            if err.video_id is not None:
                raise
            raise type(err)(f"{err} {self._kept}", video_id=self._video_id) from err.__cause__

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
            return cast(
                "IO[bytes]",
                tempfile.NamedTemporaryFile(prefix=_PART_PREFIX, suffix=_SUFFIX, delete=False),
            )
        folder = self._local.parent
        _sweep(folder)
        path = folder / f"{_PART_PREFIX}{secrets.token_hex(8)}{_PART_SUFFIX}"
        # Of the mode that any new file gets here: the system applies the umask.
        return path.open("x+b")

    def _publish(self, part: IO[bytes], part_path: Path) -> None:
        if not self._overwrite and self.existing_size() is not None:
            raise self._came_meanwhile()
        if self._place.local is not None:
            try:
                self._publish_locally(part, part_path, self._local)
            except FileExistsError:
                raise self._came_meanwhile() from None
            return
        fs, path = self._place.fs, self._place.path
        if self._protocol in _OBJECT_STORES:
            fs.put_file(str(part_path), path, **self._put_options())
        else:
            self._publish_by_rename(fs, part_path, path)
        fs.invalidate_cache()

    def _came_meanwhile(self) -> PixVerseDestinationError:
        return PixVerseDestinationError(
            f"{self._place} has come into being during the download: choose another name, or pass "
            f"overwrite=True. {self._kept}",
            video_id=self._video_id,
        )

    def _put_options(self) -> dict[str, Any]:
        if self._protocol in _S3:
            return {"ContentType": _CONTENT_TYPE, "Metadata": {_RECORD: str(self._video_id)}}
        if self._protocol in _GCS:
            return {"content_type": _CONTENT_TYPE, "metadata": {_RECORD: str(self._video_id)}}
        if self._protocol in _AZURE:
            return {"overwrite": True, "content_settings": {"content_type": _CONTENT_TYPE}}
        return {}

    def _publish_by_rename(self, fs: Any, part_path: Path, path: str) -> None:
        """Put the file beside its place, and rename it: such a store shows what is written as it comes."""
        part = self._stored_part
        try:
            fs.put_file(str(part_path), part)
            try:
                fs.mv(part, path)
            except Exception:
                # Not every one renames over a file.
                if not (self._overwrite and fs.exists(part) and fs.exists(path)):
                    raise
                fs.rm_file(path)
                fs.mv(part, path)
        except BaseException:
            # The store may be what fails.
            with contextlib.suppress(Exception):
                fs.rm_file(part)
            raise

    def _publish_locally(self, part: IO[bytes], part_path: Path, target: Path) -> None:
        if self._overwrite:
            # A file that was there keeps its mode, where the file system has modes.
            with contextlib.suppress(OSError):
                os.fchmod(part.fileno(), stat.S_IMODE(target.stat().st_mode) & 0o777)
            part_path.replace(target)
            return
        try:
            os.link(part_path, target)
        except FileExistsError:
            raise
        except OSError:
            # A file system without hard links; what is lost is only the last word on a race for the name.
            if target.exists():
                raise FileExistsError(target) from None
            part_path.replace(target)


def _read(place: object) -> Place:
    """Return the place that a user named, which is none of the web."""
    if not isinstance(place, ObjectStoragePath):
        text = text_of(place, "destination", PixVerseDestinationError)
        if text.lower().startswith(("http://", "https://")):
            raise PixVerseDestinationError(
                f"destination {text!r} is a web address: give a path, or a URI such as s3://bucket/key.mp4."
            )
        if storable_text(text) != text:
            # Later tasks get it as an XCom, which cannot hold one.
            raise PixVerseDestinationError(
                f"destination {text!r} holds a NUL character or an unpaired surrogate: choose another name."
            )
    return read_place(place, "destination", PixVerseDestinationError)


def _is_folder(place: Place) -> bool:
    return place.local.is_dir() if place.local is not None else bool(place.fs.isdir(place.path))


def _check_bucket(fs: Any, bucket: str) -> None:
    """Raise where the bucket is not there; a user who may only write objects cannot be told."""
    if fs.exists(bucket):
        return
    try:
        fs.ls(bucket)
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no bucket {bucket!r}") from None
    except PermissionError:
        return


def _exactly(stream: IO[bytes], length: int) -> bytes:
    """Return so many bytes, fewer at the end of the file; a store may give them in pieces."""
    found = bytearray()
    while len(found) < length and (piece := stream.read(length - len(found))):
        found += piece
    return bytes(found)


def _sweep(folder: Path) -> None:
    """Remove the parts of processes that were killed."""
    oldest = time.time() - _STALE_SECONDS
    for part in folder.glob(f"{_PART_PREFIX}*{_PART_SUFFIX}"):
        # Another worker may be at it as well.
        with contextlib.suppress(OSError):
            if part.lstat().st_mtime < oldest:
                part.unlink()
