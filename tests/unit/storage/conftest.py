"""Places that the tests of sources and destinations share."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from airflow.sdk.io.store import attach
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

from tests.support.stores import _s3_server, fresh_file_systems, gcs_store, s3_store, sftp_store

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["_s3_server", "gcs_store", "s3_store", "sftp_store"]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine can reach, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp(dir=tempfile.gettempdir()))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def _object_store() -> Iterator[None]:
    """An object store in memory, under ``memory://``."""
    with fresh_file_systems():
        attach("memory", fs=MemoryFileSystem())
        yield
    MemoryFileSystem.store.clear()
