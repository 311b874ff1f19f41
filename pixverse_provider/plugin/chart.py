"""Credits per day and per DAG: the sums, and a chart of them as SVG that needs no script and no style."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from pixverse_provider.plugin.facts import credit_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pixverse_provider.plugin.facts import TaskVideo

__all__ = ["Spending", "chart", "spending_of"]

MOST_DAGS = 7
OTHERS = "others"
_HEIGHT = 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 6, 10, 24
# Class of the chart, its width, and how many days are named. The page shows one of the two.
_SIZES = (("wide", 960, 8), ("narrow", 420, 4))


@dataclass(frozen=True)
class Spending:
    """Credits of some days.

    :param dags: those that spent most first, at the end the others as one.
    :param values: for each day, those of each of the DAGs.
    """

    days: list[date]
    dags: list[str]
    values: list[list[float]]

    @property
    def total(self) -> float:
        """All of them."""
        return sum(map(sum, self.values))

    def of_dag(self, index: int) -> float:
        """Those of one DAG."""
        return sum(row[index] for row in self.values)


def spending_of(videos: Iterable[TaskVideo], days: int, today: date) -> Spending:
    """Return what these jobs have cost, by the day (UTC) of their submit; a refund counts on that day too.

    :param days: so many days, with today as the last.
    """
    first = today - timedelta(days=days - 1)
    sums: dict[tuple[date, str], float] = defaultdict(float)
    by_dag: dict[str, float] = defaultdict(float)
    for video in videos:
        for job in video.jobs:
            moment = job.submitted or video.day
            day = moment.astimezone(UTC).date() if moment is not None else None
            if day is None or not first <= day <= today or not job.spent:
                continue
            sums[day, video.dag_id] += job.spent
            by_dag[video.dag_id] += job.spent
    dags = sorted(by_dag, key=lambda dag: (-by_dag[dag], dag))
    named = dags if len(dags) <= MOST_DAGS + 1 else dags[:MOST_DAGS]
    rest = dags[len(named) :]
    all_days = [first + timedelta(days=number) for number in range(days)]
    values = []
    for day in all_days:
        row = [sums[day, dag] for dag in named]
        values.append([*row, sum(sums[day, dag] for dag in rest)] if rest else row)
    return Spending(all_days, [*named, OTHERS] if rest else named, values)


def chart(spending: Spending) -> Markup:
    """Return the stacked bars, for a wide page and for a narrow one.

    Each bar has its own words, for whoever points at it or has it read out.
    """
    # Made of numbers, and of texts that are escaped below.
    return Markup("").join(_bars(spending, *size) for size in _SIZES)


def _bars(spending: Spending, name: str, width: int, labels: int) -> Markup:
    top = _nice(max((sum(row) for row in spending.values), default=0))
    inner_width, inner_height = width - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    base = _HEIGHT - _BOTTOM
    parts = []
    for step in range(5):
        value = top * step / 4
        y = base - inner_height * step / 4
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{credit_text(value)}</text>')
    slot = inner_width / max(1, len(spending.days))
    bar = max(1.0, min(36.0, slot * 0.72))
    every = math.ceil(len(spending.days) / labels)
    for number, (day, row) in enumerate(zip(spending.days, spending.values, strict=True)):
        middle = _LEFT + slot * (number + 0.5)
        if number % every == 0:
            parts.append(
                f'<text x="{middle:.1f}" y="{_HEIGHT - 7}" text-anchor="middle">'
                f"{day.strftime('%d %b')}</text>"
            )
        y = float(base)
        for index, value in enumerate(row):
            if value <= 0:
                continue
            height = inner_height * value / top
            y -= height
            words = escape(f"{day.isoformat()}, {spending.dags[index]}: {credit_text(value)} credits")
            parts.append(
                f'<rect class="c{index}" x="{middle - bar / 2:.1f}" y="{y:.1f}" width="{bar:.1f}" '
                f'height="{max(height, 0.5):.1f}"><title>{words}</title></rect>'
            )
    label = escape(
        f"Credits per day from {spending.days[0]} to {spending.days[-1]}: "
        f"{credit_text(spending.total)} in all"
    )
    return Markup(  # noqa: S704
        f'<svg class="chart {name}" viewBox="0 0 {width} {_HEIGHT}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def _nice(most: float) -> float:
    """Return the next number that is pleasant at the top of a scale of four steps."""
    if most <= 4:
        return 4.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(power * factor for factor in (1, 2, 4, 6, 8, 10) if power * factor >= most)


def today() -> date:
    """Return the present day (UTC)."""
    return datetime.now(UTC).date()
