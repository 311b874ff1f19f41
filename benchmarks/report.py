"""What a benchmark has measured, as a table for people and as JSON for machines."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pendulum

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["Figure", "Section", "Target", "as_text", "write_json"]

Figure = float | int | str | None
"""One cell of a table; None where it does not apply."""


@dataclass(frozen=True)
class Target:
    """A figure that was aimed at, and what came out.

    :param what: in words, with the unit.
    :param measured: what came out; None where nothing did.
    :param limit: what was aimed at.
    :param at_least: True where more is better.
    """

    what: str
    measured: float | None
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the figure is as good as it was meant to be."""
        if self.measured is None:
            return False
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


@dataclass(frozen=True)
class Section:
    """One table: a row for ours, and in the same run a row for each alternative.

    :param name: short, as it is typed on the command line.
    :param title: what was measured and under which conditions.
    :param rows: columns by name, the units in the names; all rows have the same columns.
    :param targets: what was aimed at.
    :param notes: what one has to know to read the table.
    """

    name: str
    title: str
    rows: Sequence[dict[str, Figure]]
    targets: Sequence[Target] = ()
    notes: Sequence[str] = field(default_factory=tuple)


def as_text(sections: Iterable[Section]) -> str:
    """Return all tables, then all targets, as Markdown."""
    sections = list(sections)
    parts = [_section_text(section) for section in sections]
    targets = [target for section in sections for target in section.targets]
    if targets:
        rows: list[dict[str, Figure]] = [
            {
                "target": target.what,
                "measured": target.measured,
                "limit": f"{'at least' if target.at_least else 'at most'} {_cell(target.limit)}",
                "met": "yes" if target.met else "NO",
            }
            for target in targets
        ]
        parts.append(f"## Targets\n\n{_grid(rows)}\n")
    return "\n".join(parts)


def write_json(file: Path, sections: Iterable[Section]) -> None:
    """Write everything that was measured, and on what."""
    packages = ("apache-airflow-core", "apache-airflow-providers-http", "aiohttp", "httpx", "requests")
    data: dict[str, Any] = {
        "at": pendulum.now("UTC").to_iso8601_string(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in packages if _installed(name)},
        "sections": [
            asdict(section)
            | {"targets": [asdict(target) | {"met": target.met} for target in section.targets]}
            for section in sections
        ],
    }
    file.write_text(json.dumps(data, indent=2) + "\n")


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _section_text(section: Section) -> str:
    notes = "".join(f"\n- {note}" for note in section.notes)
    return f"## {section.name}: {section.title}\n\n{_grid(section.rows)}\n{notes}\n"


def _grid(rows: Sequence[dict[str, Figure]]) -> str:
    if not rows:
        return "(nothing was measured)"
    columns = list(rows[0])
    lines = [columns, *([_cell(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def _cell(value: Figure) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"
