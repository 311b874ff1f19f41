"""Mutation testing where money is spent and where a wait is decided to end: ``make mutants``.

Runs mutmut over the modules that ``pyproject.toml`` names and prints, for each, how many mutants the pure
tests kill; then every mutant that survived. Fails where fewer than 95 % of those of ``jobs/`` are killed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter, defaultdict

MUTMUT = (sys.executable, "-m", "tools.mutmut_in_order")
JOBS = "pixverse_provider.jobs."
LEAST_KILLED = 0.95
# A mutant that hangs or ends the interpreter has been noticed.
KILLED = {"killed", "timeout", "segfault", "caught by type check"}


def module_of(mutant: str) -> str:
    """Return the module of a mutant such as ``package.module.x_function__mutmut_1``."""
    return mutant.rpartition(".")[0]


def results() -> dict[str, str]:
    """Return what became of each mutant."""
    output = subprocess.run(
        [*MUTMUT, "results", "--all", "true"], check=True, capture_output=True, text=True
    ).stdout
    found = {}
    for line in output.splitlines():
        name, separator, status = line.strip().partition(": ")
        if separator and "__mutmut_" in name:
            found[name] = status
    return found


def main() -> int:
    """Run, print the figures, and tell whether enough mutants are killed."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="such as pixverse_provider.jobs.*; all by default")
    parser.add_argument("--children", type=int, default=2, help="how many run at once")
    options = parser.parse_args()
    run = subprocess.run(
        [*MUTMUT, "run", *options.names, "--max-children", str(options.children)], check=False
    )
    if run.returncode:
        return run.returncode

    counts: dict[str, Counter[bool]] = defaultdict(Counter)
    survivors, late = [], []
    for mutant, status in results().items():
        if status == "not checked":
            continue
        killed = status in KILLED
        counts[module_of(mutant)][killed] += 1
        if not killed:
            survivors.append(f"{mutant}: {status}")
        elif status != "killed":
            late.append(f"{mutant}: {status}")
    of_jobs: Counter[bool] = Counter()
    print(f"\n{'module':<44}{'mutants':>8}{'killed':>8}{'share':>8}")
    for module, count in sorted(counts.items()):
        print(f"{module:<44}{count.total():>8}{count[True]:>8}{count[True] / count.total():>8.1%}")
        if module.startswith(JOBS):
            of_jobs += count
    print("\nCounted as killed, though no test has failed:", *late, sep="\n  ")
    print("\nSurvivors (show one with: python -m tools.mutmut_in_order show NAME):", *survivors, sep="\n  ")
    if not of_jobs:
        return 0
    share = of_jobs[True] / of_jobs.total()
    print(f"\njobs/: {of_jobs[True]} of {of_jobs.total()} mutants are killed ({share:.1%}).")
    return 0 if share >= LEAST_KILLED else 1


if __name__ == "__main__":
    sys.exit(main())
