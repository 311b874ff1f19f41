from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.emulator.caller import Caller

if TYPE_CHECKING:
    from pixverse_provider.emulator.client import EmulatorControl

_MEDIA = Path(__file__).parents[3] / "dags_examples" / "media"


@pytest.fixture
def api(pixverse_emulator: EmulatorControl) -> Caller:
    return Caller(pixverse_emulator)


@pytest.fixture
def presenter() -> Path:
    """Six seconds of video without sound."""
    return _MEDIA / "presenter.mp4"


@pytest.fixture
def script() -> Path:
    """Between four and five seconds of speech."""
    return _MEDIA / "script.wav"
