"""What an error of a file system means, of this machine or a store: one of the family, in one sentence."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from pixverse_provider.api.gate import text_for_message
from pixverse_provider.exceptions import PixVerseError, PixVerseTransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixverse_provider.storage.places import Place

__all__ = ["is_forbidden", "reason_of", "store_error", "told"]

# What a retry would only repeat. A store whose package is not installed is an ImportError, one whose
# connection lacks something mostly a TypeError or a ValueError.
_LASTING = (
    AttributeError,
    FileExistsError,
    FileNotFoundError,
    ImportError,
    IsADirectoryError,
    NotADirectoryError,
    NotImplementedError,
    PermissionError,
    TypeError,
    ValueError,
)


@contextmanager
def told(place: Place, failed: str, permanent: type[PixVerseError], *, remedy: str = "") -> Iterator[None]:
    """Raise whatever goes wrong in the block as one of the family, the cause chained.

    Stores raise errors of their own libraries, so that there is no list of them.

    :param place: that is worked with.
    :param failed: completes "source 's3://bucket/key' …", as in ``"cannot be read"``.
    :param permanent: class of an error that a retry would only repeat.
    :param remedy: a sentence for such an error.
    """
    try:
        yield
    except PixVerseError:
        raise
    except Exception as err:
        raise store_error(place, failed, err, permanent, remedy=remedy) from err


def store_error(
    place: Place, failed: str, error: Exception, permanent: type[PixVerseError], *, remedy: str = ""
) -> PixVerseError:
    """Return what an error of a file system means: a store out of reach for a moment may come back.

    :param failed: as for :func:`told`.
    :param permanent: class of an error that a retry would only repeat; any of this machine's is one.
    :param remedy: a sentence for an error that lasts.
    """
    reason = reason_of(error)
    message = f"{place} {failed}: {reason}" + ("" if reason.endswith((".", "!", "?")) else ".")
    if place.local is not None or isinstance(error, _LASTING) or is_forbidden(error):
        return permanent(f"{message} {remedy}".rstrip())
    place.reconnect()
    if isinstance(error, AirflowNotFoundException):
        # Airflow says the same while its secrets backend is out of reach.
        return PixVerseTransientError(f"{message} Add the connection; a retry reads it again.")
    return PixVerseTransientError(f"{message} A retry tries again.")


def is_forbidden(error: BaseException) -> bool:
    """Tell whether a store has refused what was asked of it, whatever its library makes of that."""
    if isinstance(error, PermissionError):
        return True
    if isinstance(error, OSError):
        # SMB's own error, and what gcsfs makes of HTTP 403.
        return error.errno in (errno.EACCES, errno.EPERM) or str(error).startswith("Forbidden")
    # Azure's errors of HTTP, and those of SFTP.
    return getattr(error, "status_code", None) == 403 or type(error).__name__ == "SFTPPermissionDenied"


def reason_of(error: BaseException) -> str:
    """Return what the operating system or the store says of an error, short and on one line."""
    strerror = getattr(error, "strerror", None)
    said = strerror if isinstance(strerror, str) and strerror else str(error)
    return text_for_message(said) or type(error).__name__
