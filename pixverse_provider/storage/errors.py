"""What both sides of a transfer share: which places are local, and what an error of a store means."""

from __future__ import annotations

from pixverse_provider.exceptions import PixVerseError, PixVerseTransientError

__all__ = ["LOCAL_PROTOCOLS", "STORE_ERRORS", "reason_of", "store_error"]

LOCAL_PROTOCOLS = ("", "file", "local")
# A store whose package or provider is not installed is an ImportError or a ValueError.
STORE_ERRORS = (ImportError, OSError, ValueError)


def store_error(permanent: type[PixVerseError], place: str, message: str, error: Exception) -> PixVerseError:
    """Return what an error of a store means: an object store out of reach for a moment may come back."""
    lasting = isinstance(error, ImportError | ValueError | FileNotFoundError | PermissionError)
    if lasting or "://" not in place or place.startswith(("file://", "local://")):
        return permanent(message)
    return PixVerseTransientError(f"{message} A retry tries again.")


def reason_of(error: Exception) -> str:
    """Return what the operating system or the store says of an error."""
    return getattr(error, "strerror", None) or str(error)
