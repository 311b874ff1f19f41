"""Sources: files to upload, from this machine or a store, and addresses that PixVerse fetches itself."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import IO, Any, Self, cast

from airflow.providers.common.compat.sdk import ObjectStoragePath, get_hook_lineage_collector

from pixverse_provider.api.ids import plain_text
from pixverse_provider.api.media import (
    SNIFFED_BYTES,
    UploadKind,
    check_size,
    check_web_address,
    content_type_of,
)
from pixverse_provider.api.upload import changed_while_sent
from pixverse_provider.exceptions import PixVerseError, PixVerseSourceError, storable_text
from pixverse_provider.storage.errors import store_error, told
from pixverse_provider.storage.places import Place, read_place, text_of

__all__ = ["SourceFile", "keepable", "web_address"]

_LOG = logging.getLogger(__name__)

_WEB = re.compile("https?:", re.IGNORECASE)
# How much of a stored file is fetched at a time: for its first bytes, and to send it.
_LITTLE = 1 << 16
_BLOCK = 1 << 23
# What tells one content of a stored file from the next, by the names that file systems have for it. Not the
# time of the last access, which a read changes.
_VERSION_KEYS = (
    "ETag",
    "etag",
    "generation",
    "md5Hash",
    "LastModified",
    "last_modified",
    "mtime",
    "updated",
    "created",
)


def web_address(source: object, name: str = "source") -> str | None:
    """Return a source that is an address, which PixVerse is to fetch, or None for one that a worker reads.

    :param name: of the argument, for messages, which never show an address: it may be signed.
    :raises PixVerseSourceError: for an address that nobody can fetch.
    """
    if isinstance(source, PurePath) or not isinstance(source, str | os.PathLike | ObjectStoragePath):
        return None
    text = (
        str(source) if isinstance(source, ObjectStoragePath) else text_of(source, name, PixVerseSourceError)
    )
    if not _WEB.match(text):
        return None
    check_web_address(text, name)
    return text


def keepable(source: object) -> object:
    """Return a source, or a list of them, in characters that Airflow can keep among what was rendered.

    A path of bytes that are no UTF-8 becomes its ``file`` URI, which names the same file; anything else is
    returned as it is.
    """
    if isinstance(source, list | tuple):
        items = [keepable(item) for item in source]
        return source if all(new is old for new, old in zip(items, source, strict=True)) else items
    if isinstance(source, ObjectStoragePath):
        return source
    text = plain_text(source)
    if isinstance(source, PurePath):
        # Whoever uses one that cannot be read says so.
        with contextlib.suppress(Exception):
            text = os.fspath(source)
    if text is None or storable_text(text) == text:
        return source
    try:
        return storable_text(text) if "://" in text else Path(text).absolute().as_uri()
    except UnicodeError:
        return storable_text(text)


@dataclass(frozen=True)
class SourceFile:
    """A file to upload that has been checked: it is there, of a type PixVerse takes, and not too large.

    :param place: where it is.
    :param content_type: media type to send.
    :param size: bytes.
    :param warning: what to tell the user before the upload, if anything.
    """

    place: Place
    content_type: str
    size: int
    warning: str | None = None
    _version: tuple[object, ...] = field(default=(), repr=False)

    @classmethod
    def check(cls, source: object, kind: UploadKind, name: str = "source") -> SourceFile:
        """Check a file without reading more than its first bytes.

        :param source: local path, ``file`` URI, or URI such as ``s3://conn_id@bucket/key``; ``str``,
            ``os.PathLike`` or ``ObjectStoragePath``.
        :param name: of the argument, for messages.
        :raises PixVerseSourceError: names the file and the remedy.
        :raises PixVerseTransientError: where the store is out of reach.
        """
        place = read_place(source, name, PixVerseSourceError)
        with told(place, "cannot be read", PixVerseSourceError):
            size, version = _state(place)
            if size is None:
                size = _measured(place, kind.refuse_above + 1)
            warning = check_size(kind, str(place), size)
            with _opened(place, _LITTLE) as stream:
                head = stream.read(SNIFFED_BYTES)
        return cls(place, content_type_of(kind, str(place), place.file_name, head), size, warning, version)

    @property
    def file_name(self) -> str:
        """Name without folders; may hold surrogates, for bytes that are no UTF-8."""
        return self.place.file_name

    def open(self) -> IO[bytes]:
        """Open for reading from the start.

        A read raises ``PixVerseTransientError`` where the file is no longer the one that was checked, at its
        end at the latest.

        :raises PixVerseSourceError: where it cannot be opened.
        """
        with told(self.place, "cannot be read", PixVerseSourceError):
            stream = _opened(self.place, _BLOCK)
        return cast("IO[bytes]", _Watched(stream, self.place, self.size, self._version))


class _Watched:
    """A file of which every read that fails, and its end, is held against what was checked."""

    def __init__(self, stream: IO[bytes], place: Place, size: int, version: tuple[object, ...]) -> None:
        self._stream = stream
        self._place = place
        self._checked = size, version

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._stream.read(size)
            if data or size == 0 or not self._changed():
                return data
        except PixVerseError:
            raise
        except Exception as err:
            raise self._meaning(err) from err
        raise changed_while_sent(self._place)

    def close(self) -> None:
        self._stream.close()

    def _changed(self) -> bool:
        # Of the open file on this machine: one that was put in its place since then is not what is sent.
        if self._place.local is not None:
            return _local_state(os.fstat(self._stream.fileno())) != self._checked
        try:
            size, version = _stored_state(self._place)
        except PixVerseSourceError:
            # Deleted, say, which is another state than that in which it was checked.
            return True
        return (self._checked[0] if size is None else size, version) != self._checked

    def _meaning(self, error: Exception) -> PixVerseError:
        with contextlib.suppress(Exception):
            if self._changed():
                return changed_while_sent(self._place)
        return store_error(self._place, "cannot be read", error, PixVerseSourceError)


def _state(place: Place) -> tuple[int | None, tuple[object, ...]]:
    """Return the length of a file, or None where its store does not tell, and what identifies its content.

    :raises PixVerseSourceError: where there is no file.
    """
    if place.local is None:
        return _stored_state(place)
    try:
        found = place.local.stat()
    except FileNotFoundError:
        raise PixVerseSourceError(
            f"{place} does not exist on the worker that runs the task: check the path."
        ) from None
    if stat.S_ISDIR(found.st_mode):
        raise PixVerseSourceError(f"{place} is a folder: name a file in it.")
    if not stat.S_ISREG(found.st_mode):
        raise PixVerseSourceError(f"{place} is a device or a pipe: name a file.")
    return _local_state(found)


def _local_state(found: os.stat_result) -> tuple[int, tuple[object, ...]]:
    return found.st_size, (found.st_dev, found.st_ino, found.st_mtime_ns)


def _stored_state(place: Place) -> tuple[int | None, tuple[object, ...]]:
    fs = place.fs
    # A listing that an earlier task of this process has made may be old.
    fs.invalidate_cache()
    try:
        info: dict[str, Any] = fs.info(place.path)
    except FileNotFoundError:
        raise PixVerseSourceError(f"{place} does not exist: check the path.") from None
    if info.get("type") == "directory":
        raise PixVerseSourceError(f"{place} is a folder: name a file in it.")
    size = info.get("size")
    known = isinstance(size, int) and size >= 0
    return size if known else None, tuple(str(info.get(key)) for key in _VERSION_KEYS)


def _measured(place: Place, limit: int) -> int:
    """Return the length of a file whose store does not tell it, read once for that, or ``limit``."""
    length = 0
    with _opened(place, _BLOCK) as stream:
        while length < limit and (block := stream.read(_LITTLE)):
            length += len(block)
    return length


def _opened(place: Place, block_size: int) -> IO[bytes]:
    _tell_lineage(place)
    if place.local is None:
        # Not by ObjectStoragePath, which tells the lineage at each read, and fails where it cannot.
        return cast("IO[bytes]", place.fs.open(place.path, "rb", block_size=block_size))
    return place.local.open("rb")


def _tell_lineage(place: Place) -> None:
    """Tell Airflow what is read. It takes no name of more than 1500 characters; the file is read as well."""
    uri = str(place.stored) if place.local is None else place.local.absolute().as_uri()
    try:
        get_hook_lineage_collector().add_input_asset(context=cast("Any", place.stored or place), uri=uri)
    except Exception as err:  # noqa: BLE001 - whatever makes an asset of it, it is no reason to send nothing
        _LOG.warning("%s is read, and is not in the lineage: %s", storable_text(str(place)), err)
