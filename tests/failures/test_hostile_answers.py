"""Odd answers of the API end no triggerer, whatever they hold: only the wait that asked may notice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pixverse_provider.emulator.client import EmulatorControl
    from tests.failures.paid_runs import PaidRuns
    from tools.airflow_stack import AirflowStack

HUGE = 2**64
NEVER_IN_JSON = "\\ud800 and \\u0000"


def result(video_id: int, status: Any = 5, **fields: Any) -> str:
    """Return an answer about a job; what cannot be written as JSON stands in it as a marked text."""
    resp = {"id": video_id, "status": status, "url": ""} | fields
    text = json.dumps({"ErrCode": 0, "ErrMsg": "success", "Resp": resp})
    return text.replace('"<nan>"', "NaN").replace('"<1e999>"', "1e999").replace("<odd>", NEVER_IN_JSON)


def refusal(code: int, message: str) -> str:
    text = json.dumps({"ErrCode": code, "ErrMsg": message, "Resp": None})
    return text.replace("<odd>", NEVER_IN_JSON)


def hostile(video_id: int) -> dict[str, dict[str, Any]]:
    """Return the answers, each as the details of a fault."""
    return {
        "a surrogate and a NUL in a message": {"body": refusal(500100, "<odd>")},
        "a surrogate and a NUL in a result": {"body": result(video_id, prompt="<odd>", create_time="<odd>")},
        "an integer of 2^64": {"body": result(video_id, seed=HUGE, size=HUGE, credits=HUGE)},
        "an integer of 5,000 digits": {"body": result(video_id).replace(": 5,", f": {'9' * 5000},")},
        "no number": {"body": result(video_id, seed="<nan>", credits="<1e999>", outputWidth="<nan>")},
        "another job": {"body": result(7, 1, url="https://media.pixverse.ai/x.mp4")},
        "a status of 2^70": {"body": result(video_id, 2**70)},
        "deep nesting": {"body": '{"ErrCode": 0, "Resp": ' + "[" * 100_000},
        "a gigabyte of gzip": {"body": " " * 50_000_000, "gzip": True},
        "Retry-After beyond every calendar": {
            "status": 429,
            "headers": {"Retry-After": "Thu, 01 Jan 99999999999999999999 00:00:00 GMT"},
        },
        "Retry-After of 400 digits": {"status": 429, "headers": {"Retry-After": "9" * 400}},
        "a list instead of an envelope": {"body": "[1, 2, 3]"},
        "nothing where a result should be": {"body": '{"ErrCode": 0, "Resp": null}'},
        "a gateway that knows nothing": {"status": 404, "body": "<html>"},
        "the key in every field": {},
    }


def test_a_triggerer_lives_through_every_odd_answer_and_serves_the_other_waits(
    runs: PaidRuns, airflow: AirflowStack, emulator: EmulatorControl
) -> None:
    names = list(hostile(1))
    # On a slow machine the first jobs would be done before the last are there.
    emulator.stop_clock()
    waiting = [runs.start() for _ in names]
    innocent = [runs.start("innocent") for _ in range(3)]
    for run in waiting:
        run.wait_until(lambda run: bool(run.jobs()), timeout=120)
    pid = airflow.process("triggerer").pid
    for name, run in zip(names, waiting, strict=True):
        video_id = run.jobs()[0]["video_id"]
        details = hostile(video_id)[name]
        if name == "the key in every field":
            key = emulator.api_key
            details = {"body": result(video_id, prompt=key, create_time=key, resolution_ratio=key)}
        emulator.fault("result", "answer", times=2, video_id=video_id, **details)
    emulator.run_clock()

    states = {name: run.state() for name, run in zip(names, waiting, strict=True)}

    assert states == dict.fromkeys(names, "success")
    assert {name: run.paid() for name, run in zip(names, waiting, strict=True)} == dict.fromkeys(names, 1)
    assert [run.state() for run in innocent] == ["success"] * 3
    assert airflow.process("triggerer").pid == pid
    assert "process has died" not in airflow.log_file("triggerer").read_text()
    assert sum(fault["used"] for fault in emulator.faults() if fault["what"] == "answer") == 2 * len(names)
