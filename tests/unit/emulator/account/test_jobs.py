"""The life of a job: the clock, the credits, the slots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.emulator.caller import BOAT, LIP_SYNC, TEXT_TO_VIDEO

if TYPE_CHECKING:
    from pathlib import Path

    from pixverse_provider.emulator.client import EmulatorControl
    from tests.unit.emulator.caller import Caller


@pytest.fixture
def slow(pixverse_emulator: EmulatorControl) -> EmulatorControl:
    """An emulator whose jobs take a minute of a clock that stands still."""
    pixverse_emulator.settings(generation_seconds=60.0, render="placeholder")
    pixverse_emulator.stop_clock()
    return pixverse_emulator


def test_a_job_is_at_5_until_its_time_has_come(api: Caller, slow: EmulatorControl) -> None:
    video_id = api.boat()
    assert api.status(video_id) == 5
    slow.advance(59)
    assert api.status(video_id) == 5
    slow.advance(1)
    result = api.result(video_id)
    assert result["status"] == 1
    assert result["url"]
    assert result["modify_time"] > result["create_time"]


def test_without_waiting_a_job_is_done_at_the_first_poll(
    api: Caller, pixverse_emulator: EmulatorControl
) -> None:
    assert api.status(api.boat()) == 1
    assert pixverse_emulator.ledger()["max_running"] == 0


def test_all_jobs_can_be_finished(api: Caller, slow: EmulatorControl) -> None:
    boats = [api.boat(), api.boat(prompt="[fail]"), api.boat(prompt="[never]"), api.boat(prompt="[status 9]")]
    slow.finish_all()
    assert [api.status(boat) for boat in boats] == [1, 8, 5, 1]


def test_a_stopped_clock_runs_on_from_where_it_stood(slow: EmulatorControl, api: Caller) -> None:
    video_id = api.boat()
    slow.advance(30)
    slow.run_clock()
    assert api.status(video_id) == 5
    slow.advance(30)
    assert api.status(video_id) == 1


@pytest.mark.parametrize(("word", "status"), [("[fail]", 8), ("[moderate]", 7)])
def test_a_job_that_fails_or_is_moderated_is_refunded(
    api: Caller, slow: EmulatorControl, word: str, status: int
) -> None:
    video_id = api.boat(prompt=f"a boat {word}", trace_id="t")
    assert slow.ledger()["balance"]["total"] == 10_000 - 45
    slow.advance(60)
    assert api.result(video_id)["credits"] == 0
    assert api.status(video_id) == status
    ledger = slow.ledger()
    assert (ledger["charged"], ledger["refunded"], ledger["balance"]["total"]) == (45, 45, 10_000)
    assert [entry["what"] for entry in ledger["entries"]] == ["charge", "refund"]
    assert ledger["submits"]["t"]["refunded"] == 45


def test_a_deleted_job_is_not_refunded_and_its_file_is_gone(
    api: Caller, pixverse_emulator: EmulatorControl
) -> None:
    video_id = api.boat()
    assert api.status(video_id) == 1
    pixverse_emulator.end(video_id, "deleted")
    assert api.status(video_id) == 6
    assert pixverse_emulator.ledger()["refunded"] == 0
    envelope = api.submit(
        LIP_SYNC,
        {"source_video_id": video_id, "lip_sync_tts_speaker_id": "1", "lip_sync_tts_content": "hello"},
    )
    assert envelope["ErrCode"] == 500064


def test_a_running_job_can_be_ended(api: Caller, slow: EmulatorControl) -> None:
    video_id = api.boat()
    slow.end(video_id, "moderated")
    assert api.status(video_id) == 7
    assert slow.ledger()["refunded"] == 45


def test_too_many_jobs_at_once_are_refused_until_a_slot_is_free(api: Caller, slow: EmulatorControl) -> None:
    slow.settings(concurrency=2)
    api.boat()
    api.boat()
    assert api.submit(TEXT_TO_VIDEO, BOAT)["ErrCode"] == 500044
    slow.advance(60)
    api.boat()
    ledger = slow.ledger()
    assert (ledger["jobs"], ledger["running"], ledger["max_running"]) == (3, 1, 2)


def test_a_job_of_ten_minutes_leaves_its_slot_and_goes_on(api: Caller, slow: EmulatorControl) -> None:
    slow.settings(concurrency=1, generation_seconds=1000.0)
    old = api.boat()
    slow.advance(599)
    assert api.submit(TEXT_TO_VIDEO, BOAT)["ErrCode"] == 500044
    slow.advance(1)
    api.boat()
    assert api.status(old) == 5
    slow.advance(400)
    assert api.status(old) == 1


def test_a_job_of_two_hours_is_given_up_and_refunded(api: Caller, slow: EmulatorControl) -> None:
    never = api.boat(prompt="a boat [never]")
    queued = api.boat(prompt="a boat [status 9]")
    slow.settings(generation_seconds=10_000.0)
    endless = api.boat()
    slow.advance(7199)
    assert [api.status(boat) for boat in (never, endless)] == [5, 5]
    slow.advance(1)
    assert [api.status(boat) for boat in (never, endless, queued)] == [8, 8, 8]
    assert slow.ledger()["refunded"] == 3 * 45


def test_credits_run_out(api: Caller, slow: EmulatorControl) -> None:
    slow.settings(credits=100)
    api.boat()
    api.boat()
    assert api.submit(TEXT_TO_VIDEO, BOAT)["ErrCode"] == 500090
    balance = api.get("/account/balance").json()["Resp"]
    assert (balance["credit_monthly"], balance["credit_package"]) == (0, 10)


def test_full_slots_are_named_before_missing_credits(api: Caller, slow: EmulatorControl) -> None:
    slow.settings(concurrency=1)
    api.boat()
    slow.settings(credits=0)
    assert api.submit(TEXT_TO_VIDEO, BOAT)["ErrCode"] == 500044


def test_a_job_passes_through_other_statuses(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    video_id = api.boat(prompt="a boat [status 9 10 17]")
    assert [api.status(video_id) for _ in range(4)] == [9, 10, 17, 1]
    failing = api.boat(prompt="a boat [status 2] [fail]")
    assert [api.status(failing) for _ in range(2)] == [2, 8]
    assert pixverse_emulator.ledger()["refunded"] == 45


def test_an_unfinished_video_is_no_source(api: Caller, slow: EmulatorControl) -> None:
    speech = {"lip_sync_tts_speaker_id": "1", "lip_sync_tts_content": "hello"}
    video_id = api.boat()
    envelope = api.submit(LIP_SYNC, {"source_video_id": video_id, **speech})
    assert envelope == {"ErrCode": 400017, "ErrMsg": "source_video_id is not a finished video", "Resp": None}
    slow.advance(60)
    assert api.submit(LIP_SYNC, {"source_video_id": video_id, **speech})["ErrCode"] == 0


def test_the_file_name_of_an_upload_can_hold_a_magic_word(
    api: Caller, pixverse_emulator: EmulatorControl, presenter: Path, script: Path
) -> None:
    pixverse_emulator.settings(render="placeholder")
    failing = api.post("/media/upload", files={"file": ("[fail].wav", script.read_bytes())}).json()["Resp"]
    body = {"video_media_id": api.upload(presenter), "audio_media_id": failing["media_id"]}
    assert api.status(api.submit(LIP_SYNC, body)["Resp"]["video_id"]) == 8


def test_some_ids_do_not_survive_a_float(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    pixverse_emulator.settings(render="placeholder")
    ids = [api.boat() for _ in range(4)]
    assert len(set(ids)) == 4
    large = [video_id for video_id in ids if video_id > 2**53]
    assert len(large) == 2
    for video_id in large:
        assert int(float(video_id)) != video_id
        assert api.get(f"/video/result/{int(float(video_id))}").json()["ErrCode"] == 500008


def test_ids_above_2_to_the_63_on_order(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    pixverse_emulator.settings(huge_ids=True)
    video_id = api.boat()
    assert 2**63 < video_id < 2**64
    assert api.result(video_id)["id"] == video_id


@pytest.mark.parametrize(
    ("asked", "code"), [("1", 500008), ("0", 400013), ("x", 400013), (str(2**64), 400013)]
)
def test_a_result_that_does_not_exist(api: Caller, asked: str, code: int) -> None:
    assert api.get(f"/video/result/{asked}").json()["ErrCode"] == code


def test_an_id_of_before_a_reset_is_not_found(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    video_id = api.boat()
    pixverse_emulator.reset()
    assert api.get(f"/video/result/{video_id}").json()["ErrCode"] == 500008
    assert api.boat() != video_id
