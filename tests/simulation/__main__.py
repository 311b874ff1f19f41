"""``make simulate``: play schedules from many seeds, and print the first that breaks a promise."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import fields


def main() -> int:
    """Play schedules; return 1 where one breaks a promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="how many schedules")
    parser.add_argument("--start", type=int, default=0, help="seed of the first")
    parser.add_argument(
        "--keep-going", action="store_true", help="count violations and print the first of each kind"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pixverse-simulation-") as home:
        # Before anything imports Airflow.
        os.environ |= {"AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        return explore(arguments.start, arguments.seeds, keep_going=arguments.keep_going)


def explore(start: int, seeds: int, *, keep_going: bool) -> int:
    """Play the schedules of so many seeds."""
    from tests.simulation.explorer import play, report
    from tests.simulation.world import Figures, simulated

    clock = time.perf_counter
    began = clock()
    total = Figures()
    found: dict[str, int] = {}
    done = 0
    with simulated():
        for seed in range(start, start + seeds):
            played = play(seed)
            done += 1
            for figure in fields(Figures):
                name = figure.name
                setattr(total, name, getattr(total, name) + getattr(played.figures, name))
            if played.violation is None:
                continue
            kind = played.violation[:2]
            found[kind] = found.get(kind, 0) + 1
            if found[kind] == 1:
                sys.stdout.write(report(seed, played))
            if not keep_going:
                break
    seconds = clock() - began
    figures = ", ".join(f"{getattr(total, figure.name):,} {figure.name}" for figure in fields(Figures))
    sys.stdout.write(
        f"{done:,} schedules from seed {start}: {figures}; "
        f"{seconds:.0f} s, {1000 * seconds / done:.1f} ms each\n"
    )
    if found:
        sys.stdout.write(f"Violations: {found}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
