"""What chance decides in a schedule: drawn from a seed, or given, so that a schedule can be made shorter."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Choices", "Value"]

Value = str | int | float | bool
V = TypeVar("V", str, int, float, bool)


class Choices:
    """Every decision of a schedule, in the order in which they come up.

    Each has a usual value, at which nothing goes wrong, and others with their probabilities. What was not
    usual is noted in :attr:`taken`, and brings the same schedule back when it is given.

    :param seed: of the draws; None takes only what is given.
    :param given: values by decision, such as ``{"store set 3": "fails"}``; everything else is as usual.
    """

    def __init__(self, seed: int | None = None, given: Mapping[str, Value] | None = None) -> None:
        self._random = None if seed is None else random.Random(seed)  # noqa: S311 - guards nothing
        self._given = given or {}
        self._counts: dict[str, int] = {}
        self.taken: dict[str, Value] = {}
        self.calm = False
        """From then on everything is as usual."""
        self.storm = 1.0
        """Multiplies the probability of whatever may go wrong."""

    def pick(self, decision: str, usual: V, others: Mapping[V, float]) -> V:
        """Return the usual value, or one of the others."""
        if self.calm:
            return usual
        number = self._counts[decision] = self._counts.get(decision, 0) + 1
        name = f"{decision} {number}"
        if self._random is None:
            value = self._given.get(name, usual)
            # A shorter schedule may come to the same decision in another state of things.
            if value not in others:
                return usual
        else:
            value = self._draw(usual, others, 1.0)
        if value != usual:
            self.taken[name] = value
        return value  # type: ignore[return-value]

    def trouble(self, decision: str, usual: V, others: Mapping[V, float]) -> V:
        """Do the same for what goes wrong, of which there is more in a storm."""
        if self._random is None or self.calm:
            return self.pick(decision, usual, others)
        number = self._counts[decision] = self._counts.get(decision, 0) + 1
        value = self._draw(usual, others, self.storm)
        if value != usual:
            self.taken[f"{decision} {number}"] = value
        return value

    def _draw(self, usual: V, others: Mapping[V, float], factor: float) -> V:
        assert self._random is not None
        point = self._random.random()
        for value, probability in others.items():
            point -= probability * factor
            if point < 0:
                return value
        return usual
