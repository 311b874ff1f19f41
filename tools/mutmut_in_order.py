"""mutmut as the project needs it: ``python -m tools.mutmut_in_order run|results|show ...``.

mutmut hands pytest the names of the tests in the order of a set, and counts tests that could not be run as a
mutant that hangs. Sorted, a thousand names are collected in half a second instead of eight.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING
from unittest.mock import patch

from mutmut.__main__ import cli
from mutmut.runners.harness import PytestRunner
from mutmut.stats import status_by_exit_code

if TYPE_CHECKING:
    from collections.abc import Iterable

_COULD_NOT_RUN = 255


def main() -> None:
    """Run mutmut's own command line."""
    arguments_of = PytestRunner._pytest_args_regular_run
    warm_up = PytestRunner.warm_up

    def in_order(self: PytestRunner, tests: Iterable[str]) -> list[str]:
        return arguments_of(self, sorted(tests))

    def and_freeze(self: PytestRunner) -> None:
        warm_up(self)
        # pytest collects garbage ten times in each run: not over all that Airflow has loaded.
        gc.freeze()

    status_by_exit_code[_COULD_NOT_RUN] = "suspicious"
    with (
        patch.object(PytestRunner, "_pytest_args_regular_run", in_order),
        patch.object(PytestRunner, "warm_up", and_freeze),
    ):
        cli()


if __name__ == "__main__":
    main()
