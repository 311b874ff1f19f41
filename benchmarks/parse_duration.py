"""How long Airflow's own DAG processor says that it takes for a file, from its fork to its result."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from tools.airflow_stack import AirflowStack

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["parse_durations"]

_READ = text("select dag_id, last_parsed_time, last_parse_duration from dag")
_SAMPLE_SECONDS = 0.2
_TIMEOUT = 300.0


def parse_durations(home: Path, dags: Path, rounds: int) -> dict[str, float]:
    """Return, by DAG, the median of what the UI shows as the duration of the last parse, in milliseconds.

    One file at a time, so that no other is in its way; the first parse of each is left out.

    :param home: AIRFLOW_HOME, made for it.
    :param dags: folder of the files.
    """
    stack = AirflowStack(
        home,
        dags=dags,
        settings={
            "dag_processor": {
                "min_file_process_interval": "1",
                "parsing_processes": "1",
                "disable_bundle_versioning": "True",
            }
        },
    )
    stack.prepare()
    database = create_engine(stack.database)
    found: dict[str, dict[str, float]] = {}
    deadline = time.monotonic() + _TIMEOUT
    try:
        stack.start_component("dag-processor")
        expected = len(list(dags.glob("*.py")))
        while len(found) < expected or min(map(len, found.values())) <= rounds:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the DAG processor has not parsed {expected} files {rounds} times")
            time.sleep(_SAMPLE_SECONDS)
            try:
                with database.connect() as connection:
                    rows = connection.execute(_READ).all()
            except OperationalError:
                # SQLite, while it is written to.
                continue
            for dag_id, parsed_at, duration in rows:
                if duration is not None:
                    found.setdefault(dag_id, {})[str(parsed_at)] = duration * 1000
    finally:
        stack.stop()
        database.dispose()
    return {dag_id: statistics.median(list(seen.values())[1:]) for dag_id, seen in found.items()}
