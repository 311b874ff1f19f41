"""Who may call, and what a trace id does."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.unit.emulator.caller import BOAT, LIP_SYNC, TEXT_TO_VIDEO

if TYPE_CHECKING:
    from pixverse_provider.emulator.client import EmulatorControl
    from tests.unit.emulator.caller import Caller


def test_a_missing_or_wrong_key_is_an_invalid_account(api: Caller) -> None:
    for key in ({}, {"API-KEY": "another"}):
        answer = api.get("/account/balance", headers={"Ai-Trace-Id": "1", **key})
        assert (answer.status_code, answer.json()["ErrCode"]) == (200, 400012)


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_can_be_answered_bare(
    api: Caller, pixverse_emulator: EmulatorControl, status: int
) -> None:
    pixverse_emulator.settings(wrong_key_status=status)
    answer = api.get("/account/balance", headers={"API-KEY": "another", "Ai-Trace-Id": "1"})
    assert (answer.status_code, answer.content) == (status, b"")


def test_the_key_is_checked_before_the_trace_id_and_that_before_the_request(
    api: Caller, pixverse_emulator: EmulatorControl
) -> None:
    assert api.post(TEXT_TO_VIDEO, json={}, headers={}).json()["ErrCode"] == 400012
    key = {"API-KEY": pixverse_emulator.api_key}
    assert api.post(TEXT_TO_VIDEO, json={"prompt": 1}, headers=key).json()["ErrCode"] == 400011


def test_a_refused_upload_still_gets_its_answer(api: Caller) -> None:
    answer = api.post("/media/upload", files={"file": b"x" * 8_000_000}, headers={"API-KEY": "another"})
    assert answer.json()["ErrCode"] == 400012


def test_a_repeated_trace_id_gets_the_first_answer_and_starts_no_second_job(
    api: Caller, pixverse_emulator: EmulatorControl
) -> None:
    trace_id = str(uuid.uuid4())
    first = api.submit(TEXT_TO_VIDEO, BOAT, trace_id=trace_id)
    assert api.submit(TEXT_TO_VIDEO, BOAT, trace_id=trace_id) == first
    ledger = pixverse_emulator.ledger()
    assert (ledger["jobs"], ledger["charged"]) == (1, 45)
    submit = ledger["submits"][trace_id]
    assert (submit["count"], submit["repeats"], submit["jobs"], submit["charged"]) == (2, 1, 1, 45)
    assert submit["first_answer"] == first
    assert not submit["body_changed"]
    assert ledger["incidents"] == []


def test_a_repeated_trace_id_with_another_request_is_noted(
    api: Caller, pixverse_emulator: EmulatorControl
) -> None:
    first = api.submit(TEXT_TO_VIDEO, BOAT, trace_id="t")
    assert api.submit(TEXT_TO_VIDEO, {**BOAT, "prompt": "a train"}, trace_id="t") == first
    assert pixverse_emulator.ledger()["submits"]["t"]["body_changed"]


def test_a_refusal_is_repeated_too_unless_switched_off(
    api: Caller, pixverse_emulator: EmulatorControl
) -> None:
    pixverse_emulator.settings(credits=10)
    assert api.submit(TEXT_TO_VIDEO, BOAT, trace_id="t")["ErrCode"] == 500090
    pixverse_emulator.settings(credits=1000)
    assert api.submit(TEXT_TO_VIDEO, BOAT, trace_id="t")["ErrCode"] == 500090

    pixverse_emulator.settings(credits=10, repeat_refusals=False)
    assert api.submit(TEXT_TO_VIDEO, BOAT, trace_id="u")["ErrCode"] == 500090
    pixverse_emulator.settings(credits=1000)
    assert api.submit(TEXT_TO_VIDEO, BOAT, trace_id="u")["ErrCode"] == 0


def test_a_trace_id_used_again_for_a_read_is_an_incident(
    api: Caller, pixverse_emulator: EmulatorControl
) -> None:
    video_id = api.boat(trace_id="t")
    for _ in range(2):
        assert api.get(f"/video/result/{video_id}", headers=api.headers("t")).json()["ErrCode"] == 0
    assert len(pixverse_emulator.incidents("trace_id_reused")) == 2


def test_requests_are_logged_without_the_key(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    api.get("/account/balance", headers=api.headers("abc"))
    (record,) = pixverse_emulator.requests("balance")
    assert (record["method"], record["path"]) == ("GET", "/openapi/v2/account/balance")
    assert (record["trace_id"], record["http_status"], record["err_code"]) == ("abc", 200, 0)
    assert pixverse_emulator.api_key not in repr([pixverse_emulator.requests(), pixverse_emulator.ledger()])


def test_an_unknown_path_is_not_found(api: Caller) -> None:
    assert api.post("/video/lipsync/generate", json={}).status_code == 404


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"prompt": NaN}x', b"\xff\xfe", b"[" * 100_000], ids=range(6)
)
def test_a_body_that_is_no_json_object_has_the_wrong_type(api: Caller, body: bytes) -> None:
    headers = {**api.headers(), "Content-Type": "application/json"}
    for path in (TEXT_TO_VIDEO, LIP_SYNC):
        headers["Ai-Trace-Id"] = path
        assert api.post(path, data=body, headers=headers).json()["ErrCode"] == 400013


def test_a_form_is_no_json(api: Caller) -> None:
    assert api.post(TEXT_TO_VIDEO, data=BOAT).json()["ErrCode"] == 400013
