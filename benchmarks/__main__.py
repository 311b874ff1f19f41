"""Run the benchmarks: ``python -m benchmarks [name ...] [--quick] [--output FILE]``."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import as_text, write_json

if TYPE_CHECKING:
    from benchmarks.report import Section

# Each is a module of this package with a function `run(quick: bool) -> Section`.
NAMES = ("parse", "transfer", "polling", "triggerer", "pages", "end_to_end")


def main() -> int:
    """Run what was asked for, print the tables, and write the JSON file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}; all by default")
    parser.add_argument(
        "--quick", action="store_true", help="small numbers, to see that everything runs; no figures to quote"
    )
    parser.add_argument("--output", type=Path, default=Path("benchmark-results.json"), metavar="FILE")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(NAMES)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    sections: list[Section] = []
    for name in arguments.names or NAMES:
        began = time.monotonic()
        print(f"{name} ...", file=sys.stderr, flush=True)
        section = importlib.import_module(f"benchmarks.{name}").run(quick=arguments.quick)
        sections.append(replace(section, targets=()) if arguments.quick else section)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        # What was measured is kept even if a later one fails.
        write_json(arguments.output, sections)
    print(as_text(sections))
    print(f"Written to {arguments.output}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
