"""A file as the body of a request: exactly as many bytes of it as were announced, or none of its end."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol

from requests_toolbelt import MultipartEncoder

from pixverse_provider.api.gate import text_for_message
from pixverse_provider.api.ids import shown
from pixverse_provider.api.media import safe_file_name
from pixverse_provider.api.progress import Progress
from pixverse_provider.exceptions import PixVerseError, PixVerseSourceError, PixVerseTransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "CheckedSource",
    "SourceFailedError",
    "UploadSource",
    "changed_while_sent",
    "check_upload_source",
    "multipart_body",
    "opened",
]


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


@dataclass(frozen=True)
class CheckedSource:
    """What a source has said of itself, each asked once.

    :param place: how messages name it.
    :param open: opens it for reading from the start.
    """

    file_name: str
    content_type: str
    size: int
    place: str
    open: Callable[[], IO[bytes]]


def check_upload_source(source: UploadSource) -> CheckedSource:
    """Check that what somebody made has the shape of an :class:`UploadSource`.

    :raises PixVerseSourceError: names what is wrong.
    :raises PixVerseTransientError: where it fails to tell.
    """
    file_name, content_type = _told(source, "file_name"), _told(source, "content_type")
    for name, value in (("file_name", file_name), ("content_type", content_type)):
        if not isinstance(value, str) or not value:
            raise PixVerseSourceError(f"source has {name} {shown(value)}: give a text.")
    if not content_type.isascii() or not content_type.isprintable():
        raise PixVerseSourceError(
            f"source has content_type {shown(content_type)}: give a media type such as video/mp4."
        )
    size = _told(source, "size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise PixVerseSourceError(
            f"source {shown(file_name)} has size {shown(size)}: give its length in bytes, as an int."
        )
    open_it = _told(source, "open")
    if not callable(open_it):
        raise PixVerseSourceError(f"source {shown(file_name)} cannot be opened: give it a method open().")
    place = str(_told(source, "place") or f"source {shown(file_name)}")
    return CheckedSource(file_name, content_type, size, place, open_it)


def _told(source: object, name: str) -> Any:
    """Return what a source says of itself; None where it says nothing."""
    try:
        return getattr(source, name, None)
    except PixVerseError:
        raise
    except Exception as err:
        raise PixVerseTransientError(f"source could not tell its {name}: {_reason(err)}.") from err


def changed_while_sent(place: object, how: str = "") -> PixVerseTransientError:
    """Return the error of a file that is no longer what was checked.

    :param place: how messages name it.
    :param how: what is other than before, in a sentence without its full stop.
    """
    return PixVerseTransientError(
        f"{place} changed while it was sent{how and ': '}{how}. A retry sends what is there then."
    )


class SourceFailedError(Exception):
    """What went wrong is the file, not the network, so that sending it again at once is of no use.

    :param error: what to raise for it.
    """

    def __init__(self, error: PixVerseError) -> None:
        super().__init__(str(error))
        self.error = error


@contextlib.contextmanager
def opened(source: CheckedSource) -> Iterator[IO[bytes]]:
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
    part: str, source: CheckedSource, stream: IO[bytes], tell: Callable[[str], object]
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

    def __init__(self, stream: IO[bytes], source: CheckedSource, progress: Progress) -> None:
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
        return SourceFailedError(changed_while_sent(self._source.place, how))


def _failed(source: CheckedSource, error: Exception) -> SourceFailedError:
    if isinstance(error, PixVerseError):
        return SourceFailedError(error)
    return SourceFailedError(PixVerseTransientError(f"{source.place} could not be read: {_reason(error)}."))


def _reason(error: Exception) -> str:
    return text_for_message(str(error)) or type(error).__name__
