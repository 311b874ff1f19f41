"""What people read in the logs of a run: the lines of the provider, and how Airflow logs a failure."""

from __future__ import annotations

import contextlib
import logging
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OURS = "pixverse_provider"
_EMULATOR = f"{_OURS}.emulator"


@dataclass(frozen=True)
class Line:
    """One line.

    :param level: as in ``INFO``.
    :param logger: its name.
    :param error: that Airflow logs with it, with its traceback.
    :param time: by the clock of the test.
    """

    level: str
    logger: str
    text: str
    error: BaseException | None = None
    time: float = 0.0

    @property
    def is_of_provider(self) -> bool:
        return _OURS in self.logger and not self.logger.startswith(_EMULATOR)

    @property
    def traceback(self) -> list[str]:
        """The lines that Airflow shows below it."""
        return [] if self.error is None else "".join(traceback.format_exception(self.error)).splitlines()

    @property
    def own_frames(self) -> list[str]:
        return [line for line in self.traceback if line.startswith("  File") and f"/{_OURS}/" in line]


class Lines(list[Line]):
    """All lines of a run, in their order."""

    def of_provider(self) -> list[Line]:
        """Return those of the provider, and the failures."""
        return [line for line in self if line.is_of_provider or line.error is not None]

    def texts(self, level: str | None = None) -> list[str]:
        return [line.text for line in self.of_provider() if level in (None, line.level)]

    def failures(self) -> list[Line]:
        return [line for line in self if line.error is not None]


@contextlib.contextmanager
def reading(clock: Callable[[], float] = lambda: 0.0) -> Iterator[Lines]:
    """Read what is logged meanwhile, by ``logging`` and by structlog, at level INFO and above."""
    lines = Lines()

    def note(level: str, logger: str, text: str, *, with_error: bool) -> None:
        if level != "DEBUG":
            lines.append(Line(level, logger, text, sys.exc_info()[1] if with_error else None, clock()))

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            note(record.levelname, record.name, record.getMessage(), with_error=bool(record.exc_info))

    def read(logger: Any, method: str, event: Any) -> Any:
        text, args = str(event.get("event")), event.get("positional_args", ())
        level = {"exception": "ERROR", "warn": "WARNING"}.get(method, method.upper())
        name = str(event.get("logger") or getattr(logger, "name", None) or "")
        note(level, name, text % args if args else text, with_error=bool(event.get("exc_info")))
        return event

    handler, root = Handler(), logging.getLogger(_OURS)
    processors = structlog.get_config()["processors"]
    before, level = [*processors], root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    # In place: loggers that are bound already hold this list.
    processors.insert(0, read)
    try:
        yield lines
    finally:
        processors[:] = before
        root.removeHandler(handler)
        root.setLevel(level)
