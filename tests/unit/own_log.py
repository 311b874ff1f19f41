"""What a task or a trigger says in its own log: where that goes depends on the version of Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest


class OwnLog:
    """Stands in for ``self.log``; a line that does not fit its arguments fails the test."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def install(self, monkeypatch: pytest.MonkeyPatch, *classes: type) -> None:
        for of in classes:
            monkeypatch.setattr(of, "log", self)

    def info(self, text: Any, *args: Any) -> None:
        self._say("INFO", text, args)

    def warning(self, text: Any, *args: Any) -> None:
        self._say("WARNING", text, args)

    def error(self, text: Any, *args: Any) -> None:
        self._say("ERROR", text, args)

    exception = error

    def debug(self, *_: Any, **__: Any) -> None:
        """Most people do not see it."""

    def _say(self, level: str, text: Any, args: tuple[Any, ...]) -> None:
        assert isinstance(text, str)
        if "outside of the Task Runner" in text:
            return  # what Airflow says to a test
        self.lines.append((level, text % args if args else text))
