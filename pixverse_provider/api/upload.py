"""A file as the body of a request: exactly as many bytes of it as were announced, or none of its end."""

from __future__ import annotations

import contextlib
from typing import IO, TYPE_CHECKING, Any, Protocol

from requests_toolbelt import MultipartEncoder

from pixverse_provider.api.gate import text_for_message
from pixverse_provider.api.ids import shown
from pixverse_provider.api.media import safe_file_name
from pixverse_provider.api.progress import Progress
from pixverse_provider.exceptions import PixVerseError, PixVerseSourceError, PixVerseTransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["SourceFailedError", "UploadSource", "check_upload_source", "multipart_body", "opened"]


class UploadSource(Protocol):
    """A file that can be opened again for each attempt."""

    @property
    def file_name(self) -> str:
        """Name to send, without folders."""

    @property
    def content_type(self) -> str:
        """Media type to send."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def open(self) -> IO[bytes]:
        """Open for reading from the start."""


def check_upload_source(source: UploadSource) -> None:
    """Check that what somebody made has the shape of an :class:`UploadSource`.

    :raises PixVerseSourceError: names what is wrong.
    """
    for name in ("file_name", "content_type"):
        value: object = getattr(source, name, None)
        if not isinstance(value, str) or not value:
            raise PixVerseSourceError(f"source has {name} {shown(value)}: give a text.")
    if not source.content_type.isascii() or not source.content_type.isprintable():
        raise PixVerseSourceError(
            f"source has content_type {shown(source.content_type)}: give a media type such as video/mp4."
        )
    size: object = getattr(source, "size", None)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise PixVerseSourceError(
            f"source {source.file_name!r} has size {shown(size)}: give its length in bytes, as an int."
        )


class SourceFailedError(Exception):
    """What went wrong is the file, not the network, so that sending it again at once is of no use.

    :param error: what to raise for it.
    """

    def __init__(self, error: PixVerseError) -> None:
        super().__init__(str(error))
        self.error = error


@contextlib.contextmanager
def opened(source: UploadSource) -> Iterator[IO[bytes]]:
    """Lend a file, open for reading.

    :raises SourceFailedError: where it cannot be opened.
    """
    try:
        stream = source.open()
    except Exception as err:
        raise _failed(source, err) from err
    try:
        yield stream
    finally:
        # It has been sent, or something has failed: neither depends on how it is closed.
        with contextlib.suppress(Exception):
            stream.close()


def multipart_body(
    part: str, source: UploadSource, stream: IO[bytes], tell: Callable[[str], object]
) -> MultipartEncoder:
    """Return the body of an upload; reading it raises :class:`SourceFailedError` where the file fails.

    :param part: name of the only part.
    :param tell: takes a line about how far a long upload is.
    """
    progress = Progress(f"Uploading {safe_file_name(source.file_name)}", source.size, tell)
    content = _Exactly(stream, source, progress)
    return MultipartEncoder(fields={part: (safe_file_name(source.file_name), content, source.content_type)})


class _Exactly:
    """A stream of which as many bytes are read as were announced, and never one more.

    A byte too many would be read as the start of another request, and the encoder waits for ever for one
    that does not come. Nothing is read before it is sent. The last bytes are only handed out when nothing
    follows them, so that no file of another length is ever whole for PixVerse.

    :ivar len: bytes that are left, as the encoder asks for it.
    """

    def __init__(self, stream: IO[bytes], source: UploadSource, progress: Progress) -> None:
        self._stream = stream
        self._source = source
        self._progress = progress
        self.len = source.size

    def read(self, size: int = -1) -> bytes:
        data = self._read(self.len if size < 0 else min(size, self.len))
        self.len -= len(data)
        if self.len < 0 or (self.len == 0 and self._read(1)):
            raise self._changed(f"it is longer than {self._source.size:,} bytes")
        self._progress.reached(self._source.size - self.len)
        return data

    def _read(self, size: int) -> bytes:
        try:
            data = self._stream.read(size)
            # What is no bytes, as of a stream that was opened as text, has no place in a request.
            memoryview(data)
        except Exception as err:
            raise _failed(self._source, err) from err
        if not data and self.len:
            sent = self._source.size - self.len
            raise self._changed(f"it had {self._source.size:,} bytes, and ends after {sent:,}")
        return data

    def _changed(self, how: str) -> SourceFailedError:
        return SourceFailedError(
            PixVerseTransientError(
                f"{_named(self._source)} changed while it was sent: {how}. A retry sends what is there then."
            )
        )


def _failed(source: UploadSource, error: Exception) -> SourceFailedError:
    if isinstance(error, PixVerseError):
        return SourceFailedError(error)
    reason = text_for_message(str(error)) or type(error).__name__
    return SourceFailedError(PixVerseTransientError(f"{_named(source)} could not be read: {reason}."))


def _named(source: Any) -> str:
    """Return how messages name a file: by its place, where it has one."""
    return str(getattr(source, "place", f"source {source.file_name!r}"))
