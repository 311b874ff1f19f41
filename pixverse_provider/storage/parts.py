"""Parts: files that are not whole yet, here and in stores that show what is written as it comes."""

from __future__ import annotations

import contextlib
import secrets
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PART_PREFIX", "PART_SUFFIX", "part_name", "sweep", "sweep_stored"]

PART_PREFIX, PART_SUFFIX = ".pixverse-", ".part"
# A part that nobody has written to for so long was left by a process that was killed.
_STALE = timedelta(hours=1)


def part_name() -> str:
    """Return a name that no other attempt has: a worker that is taken for dead may still write to its own.

    It is short, so that a store that takes the final name takes this one.
    """
    return f"{PART_PREFIX}{secrets.token_hex(8)}{PART_SUFFIX}"


def sweep(folder: Path, suffix: str = PART_SUFFIX) -> None:
    """Remove what killed processes have left in a folder of this machine."""
    oldest = time.time() - _STALE.total_seconds()
    for part in folder.glob(f"{PART_PREFIX}*{suffix}"):
        # Another worker may be at it as well.
        with contextlib.suppress(OSError):
            if part.lstat().st_mtime < oldest:
                part.unlink()


def sweep_stored(fs: Any, folder: str, written_now: str) -> None:
    """Remove what killed processes have left in a folder of a store, where it tells the age of files.

    :param written_now: a file that was just written there: its time is that of the clock of the store.
    """
    # Housekeeping, which no download may fail for.
    with contextlib.suppress(Exception):
        oldest = fs.modified(written_now) - _STALE
        for path in fs.ls(folder, detail=False):
            name = path.rpartition("/")[2]
            is_part = name.startswith(PART_PREFIX) and name.endswith(PART_SUFFIX)
            if is_part and fs.modified(path) < oldest:
                fs.rm_file(path)
