"""Places of files: a path on this machine, or a file in a store that Airflow has a file system for.

``fsspec``, which is below Airflow's file systems, knows many more schemes, and chains of them
(``filecache::http://…``), by which a path could make a worker ask any host for anything. None of them is
reached from here.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote_to_bytes

from airflow.providers.common.compat.sdk import ObjectStoragePath

from pixverse_provider.api.gate import shortened
from pixverse_provider.api.ids import shown
from pixverse_provider.exceptions import storable_text
from pixverse_provider.storage.errors import told

if TYPE_CHECKING:
    from pixverse_provider.exceptions import PixVerseError

__all__ = ["Place", "read_place", "text_of"]

_CHAIN = "::"
# What fsspec makes of a chain.
_CHAIN_OPTIONS = {"fo", "target_protocol"}
_LOCAL_SCHEMES = ("file", "local")
# Schemes of file systems that are one connection for as long as they live.
_KEPT_CONNECTIONS = ("ftp", "hdfs", "sftp", "smb", "ssh")
_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<conn_id>[^/]*)@)?(?P<rest>.*)", re.DOTALL)
_FILE_URI = re.compile(r"file:(?://(?P<host>[^/]*))?(?P<path>/.*)?", re.DOTALL | re.IGNORECASE)
_UNFIT_FOR_URI = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_LONGEST_SHOWN = 500


@dataclass(frozen=True)
class Place:
    """A place that a user named: on this machine, or in a store; nothing has been asked of either.

    :param name: of the argument, such as ``"source[1]"``.
    :param text: path or URI; a path may hold surrogates, for bytes that are no UTF-8.
    :param local: path on this machine; None in a store.
    :param stored: path in a store; None on this machine.
    """

    name: str
    text: str
    local: Path | None = None
    stored: ObjectStoragePath | None = None

    def __str__(self) -> str:
        return f"{self.name} {shortened(repr(self.text), _LONGEST_SHOWN)}"

    @property
    def log_name(self) -> str:
        """Path or URI in characters that every log takes."""
        return storable_text(self.text)

    @property
    def file_name(self) -> str:
        """Last part of the path, without folders; a path may hold surrogates."""
        return self.local.name if self.local is not None else self.text.rstrip("/").rpartition("/")[2]

    @property
    def is_folder_name(self) -> bool:
        """Whether the place was written as a folder, with a slash at its end."""
        return self.text.endswith("/")

    def child(self, file_name: str) -> Place:
        """Return the place of a file in this folder."""
        text = f"{self.text.rstrip('/')}/{file_name}"
        if self.local is not None:
            return Place(self.name, text, local=self.local / file_name)
        return Place(self.name, text, stored=cast("ObjectStoragePath", self.stored) / file_name)

    @property
    def fs(self) -> Any:
        """File system of the store, an ``fsspec.AbstractFileSystem``, by Airflow and its connection.

        Whatever the provider of the store raises comes out of here: ask for it within
        :func:`~pixverse_provider.storage.errors.told`.
        """
        stored = cast("ObjectStoragePath", self.stored)
        try:
            return stored.fs
        except TypeError as err:
            if "@" in self.text:
                raise
            # As that for SFTP: it lacks what a connection would tell.
            raise ValueError(
                f"the connection is missing in it; write {stored.protocol}://conn_id@/path, with the id of "
                "an Airflow connection"
            ) from err

    def reconnect(self) -> None:
        """Let the next use of a store connect anew: Airflow and fsspec keep a file system, dead or alive.

        One over HTTP connects for each request, and one that a DAG's author has attached is not ours to make.
        """
        from airflow.sdk.io import attach, has_fs

        stored = self.stored
        if stored is None or stored.protocol not in _KEPT_CONNECTIONS or not has_fs(stored.protocol):
            return
        conn_id = getattr(stored, "conn_id", None) or stored.storage_options.get("conn_id")
        if not conn_id:
            return
        store = attach(protocol=stored.protocol, conn_id=conn_id)
        file_system = vars(store).pop("fs", None)
        if file_system is not None:
            type(file_system).clear_instance_cache()

    @property
    def path(self) -> str:
        """Path within :attr:`fs`."""
        return cast("ObjectStoragePath", self.stored).path


def read_place(value: object, name: str, error: type[PixVerseError]) -> Place:
    """Return the place that a user named, without asking whether anything is there.

    :param value: local path (``str`` or ``os.PathLike``), ``file`` URI as RFC 8089 says, URI of a store that
        Airflow has a file system for, or an ``ObjectStoragePath``.
    :param name: of the argument, for messages.
    :param error: what to raise where it is none.
    """
    if isinstance(value, ObjectStoragePath):
        return _of_object(value, name, error)
    text = text_of(value, name, error)
    if not isinstance(value, PurePath):
        file_uri = _FILE_URI.fullmatch(text)
        if file_uri is not None:
            return _of_file_uri(text, file_uri, name, error)
        if _CHAIN in text and not text.startswith(("/", "./", "../")):
            raise error(
                f"{Place(name, text)} is a chain of file systems (::), which a worker does not follow: name "
                "the file itself."
            )
        uri = _URI.fullmatch(text)
        if uri is not None and uri["scheme"].lower() == "local":
            return _local(uri["rest"], name, error)
        if uri is not None:
            return _of_uri(text, uri, name, error)
    return _local(text, name, error)


def text_of(value: object, name: str, error: type[PixVerseError]) -> str:
    """Return the path, URI or address that a user named as text, with surrogates for bytes that are no UTF-8.

    :param name: of the argument, for messages.
    :param error: what to raise where it names none.
    """
    text = ""
    if isinstance(value, str):
        text = value.strip()
    elif isinstance(value, os.PathLike):
        try:
            text = os.fsdecode(value)
        except Exception as err:
            raise error(f"{name} is {shown(value)}, of which there is no path: {err}.") from err
    if text == "None" and isinstance(value, str):
        raise error(
            f"{name} is the text 'None': its template found no value. Check that the task it refers to has "
            "run and returned a path or an address."
        )
    if not text:
        raise error(f"{name} is {shown(value)}: give a path, or a URI such as s3://bucket/key.")
    return text


def _of_object(path: ObjectStoragePath, name: str, error: type[PixVerseError]) -> Place:
    text = str(path)
    place = Place(name, text, stored=path)
    options = dict(path.storage_options)
    if _CHAIN in text or not _CHAIN_OPTIONS.isdisjoint(options):
        raise error(
            f"{place} is a chain of file systems, which a worker does not follow: name the file itself."
        )
    if path.protocol in ("", *_LOCAL_SCHEMES):
        return _local(path.path, name, error)
    conn_id = getattr(path, "conn_id", None) or options.get("conn_id")
    _check_scheme(place, path.protocol, conn_id, error)
    return place


def _of_file_uri(text: str, uri: re.Match[str], name: str, error: type[PixVerseError]) -> Place:
    """Return the path of a ``file`` URI, which has no query, so that a "?" is part of the name."""
    place = Place(name, text)
    # Airflow writes a connection there, which a local file system has no use for.
    host = (uri["host"] or "").rpartition("@")[2]
    if host.lower() not in ("", "localhost"):
        raise error(
            f"{place} is a file on the host {host!r}, and a worker has only its own: write file:///path, or "
            "name a store, such as sftp://conn_id@/path."
        )
    if not uri["path"]:
        raise error(f"{place} names no file: write file:///path, with the whole path from the root on.")
    try:
        path = os.fsdecode(unquote_to_bytes(os.fsencode(uri["path"])))
    except UnicodeError:
        raise error(f"{place} holds an unpaired surrogate, which no path has.") from None
    return _local(path, name, error)


def _of_uri(text: str, uri: re.Match[str], name: str, error: type[PixVerseError]) -> Place:
    place = Place(name, text)
    if _UNFIT_FOR_URI.search(text):
        raise error(f"{place} holds a control character or an unpaired surrogate, which no URI has.")
    _check_scheme(place, uri["scheme"].lower(), uri["conn_id"] or None, error)
    if not uri["rest"]:
        raise error(f"{place} names no file: write {uri['scheme'].lower()}://conn_id@bucket/key.")
    with told(place, "cannot be reached", error):
        return Place(name, text, stored=ObjectStoragePath(text))


def _local(text: str, name: str, error: type[PixVerseError]) -> Place:
    place = Place(name, text, local=Path(text))
    if "\0" in text:
        raise error(f"{place} holds a NUL character, which no path has.")
    try:
        os.fsencode(text)
    except UnicodeError:
        raise error(f"{place} holds a character that no path of this machine has.") from None
    return place


def _check_scheme(place: Place, scheme: str, conn_id: str | None, error: type[PixVerseError]) -> None:
    """Refuse a scheme that Airflow has no file system for, though ``fsspec`` may well have one."""
    from airflow.sdk.io import attach, has_fs

    with told(place, "cannot be reached", error):
        known = has_fs(scheme)
    if known:
        return
    try:
        # One that the DAG's author has attached; this attaches none.
        attach(alias=f"{scheme}-{conn_id}" if conn_id else scheme).fs  # noqa: B018
    except ValueError:
        raise error(
            f"{place} cannot be reached: Airflow has no file system for {scheme}://. Install the provider "
            "that brings it, such as apache-airflow-providers-amazon[s3fs] for s3://."
        ) from None
