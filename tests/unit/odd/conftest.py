"""What is odd may name a file, which must not land in the tree."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        # So deep that ".." does not lead out of it.
        folder = Path(name, "a", "b", "c")
        folder.mkdir(parents=True)
        monkeypatch.chdir(folder)
        yield folder
        monkeypatch.undo()
