"""The log in the documents is that of a real run: one failure, one timeout, one retry for each."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG

from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from tests.support.dags import KEEPS_RECORDS, run_dag
from tests.support.logs import reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixverse_provider.emulator.client import EmulatorControl
    from tests.support.logs import Line, Lines
    from tests.unit.pixverse_in_time import Clock

pytestmark = [
    pytest.mark.usefixtures("airflow_db", "at_once"),
    pytest.mark.skipif(
        not KEEPS_RECORDS,
        reason="without the task state store of Airflow 3.3 the lines about an earlier attempt are others",
    ),
]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "logs.md"
REWRITE = "REWRITE_DOCS"
"""Environment variable: anything in it writes the page anew."""

_BLOCK = re.compile(r"(?<=<!-- log of a run -->\n```text\n).*?(?=```\n)", re.DOTALL)
# What differs from run to run, and what is shown in its place.
_TRACE_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_JOB_ID = re.compile(r"\b\d{12,}\b")
_TRACE_IDS = ("5f0b9a52-3c8e-5d0a-9b6f-2f6f3f1c7a10", "c2a4d7de-91f5-5b7e-8a43-6d1e0f9b2c34")
_JOB_IDS = (343252978602905, 343252978602990)


@pytest.fixture
def slow_emulator(
    emulator: EmulatorControl, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> EmulatorControl:
    """An emulator whose jobs take their time by the clock of the test; polls come at even times."""
    monkeypatch.setattr("pixverse_provider.jobs.watch._SPREAD", 0.0)
    emulator.stop_clock()
    sleep = clock.sleep

    def sleep_on_both_sides(seconds: float) -> None:
        sleep(seconds)
        emulator.advance(seconds)

    monkeypatch.setattr(clock, "sleep", sleep_on_both_sides)
    return emulator


def test_it_is_what_a_run_with_a_failure_and_a_timeout_logs(
    slow_emulator: EmulatorControl, submit_video: Callable[..., int], clock: Clock
) -> None:
    emulator = slow_emulator
    emulator.settings(generation_seconds=0.0)
    video_id = submit_video()
    emulator.settings(generation_seconds=50.0)
    emulator.fault(on="submit", what="fail")

    def the_next_job_is_slow(_: Any) -> None:
        # So is the service: Airflow starts the next try five minutes later.
        clock.sleep(300.0)
        emulator.settings(generation_seconds=780.0)

    with DAG("films", schedule=None) as dag:
        PixVerseLipSyncOperator(
            task_id="lip_sync",
            source_video_id=video_id,
            lip_sync_tts_speaker_id="auto",
            lip_sync_tts_content="Good morning, and welcome to our new shop.",
            timeout=600.0,
            poll_interval=20.0,
            deferrable=False,
            retries=2,
            retry_delay=timedelta(0),
            on_retry_callback=the_next_job_is_slow,
        )

    with reading(clock.time) as lines:
        run = run_dag(dag)

    assert (run.state, run.tries("lip_sync")) == ("success", 3)
    log = as_people_read_it(lines)
    page = PAGE.read_text(encoding="utf-8")
    if os.environ.get(REWRITE):
        PAGE.write_text(_BLOCK.sub(lambda _: log, page), encoding="utf-8")
    else:
        assert _BLOCK.findall(page) == [log], f"{REWRITE}=1 writes {PAGE.name} anew"


def as_people_read_it(lines: Lines) -> str:
    """Return the log with times, a heading for each try, and the ids of the documents."""
    shown, number = ["Try 1"], 1
    for line in lines.of_provider():
        shown += as_shown(line)
        if line.error is not None:
            number += 1
            shown.append(f"\nTry {number}")
    text = "\n".join([*shown, ""])
    for pattern, samples in ((_TRACE_ID, _TRACE_IDS), (_JOB_ID, _JOB_IDS)):
        found = [*dict.fromkeys(pattern.findall(text))]
        for one, sample in zip(found, samples, strict=True):
            text = text.replace(one, str(sample))
    return text


def as_shown(line: Line) -> list[str]:
    time = datetime.fromtimestamp(line.time, UTC).strftime("%H:%M:%S")
    shown = [f"[{time}] {line.level} - {line.text}"]
    if line.error is not None:
        assert len(line.own_frames) <= 1
        shown += ["Traceback (most recent call last):", "  ... frames of Airflow", line.traceback[-1]]
    return shown
