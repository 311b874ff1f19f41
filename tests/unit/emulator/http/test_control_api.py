"""The control API and the client that drives it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import requests

from pixverse_provider.emulator.account.clock import Clock
from pixverse_provider.emulator.account.ledger import INCIDENTS, REQUEST_KINDS
from pixverse_provider.emulator.account.settings import InvalidSettingError, Settings
from pixverse_provider.emulator.client import ControlError, EmulatorControl

if TYPE_CHECKING:
    from tests.unit.emulator.caller import Caller


def test_the_client_knows_where_the_emulator_is(pixverse_emulator: EmulatorControl) -> None:
    assert pixverse_emulator.healthy()
    assert json.loads(pixverse_emulator.connection_json()) == {
        "conn_type": "pixverse",
        "host": f"{pixverse_emulator.url}/openapi/v2",
        "password": pixverse_emulator.api_key,
    }
    assert pixverse_emulator.api_key not in repr(pixverse_emulator)
    assert not EmulatorControl("http://127.0.0.1:9").healthy()


def test_the_client_ignores_the_proxy_of_the_environment(
    pixverse_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert EmulatorControl(pixverse_emulator.url).healthy()


def test_each_test_finds_an_emulator_as_new(pixverse_emulator: EmulatorControl, api: Caller) -> None:
    api.boat()
    pixverse_emulator.settings(concurrency=1, credits=7)
    pixverse_emulator.fault("any", "html")
    pixverse_emulator.stop_clock()
    pixverse_emulator.reset()
    assert pixverse_emulator.jobs() == []
    assert pixverse_emulator.faults() == []
    assert pixverse_emulator.requests() == []
    assert pixverse_emulator.settings()["concurrency"] == 5
    assert pixverse_emulator.ledger()["balance"]["total"] == 10_000


def test_a_job_shows_everything_about_itself(pixverse_emulator: EmulatorControl, api: Caller) -> None:
    video_id = api.boat(trace_id="t")
    api.status(video_id)
    job = pixverse_emulator.job(video_id)
    assert (job["kind"], job["status"], job["trace_id"], job["polls"]) == ("text_to_video", 1, "t", 1)
    assert (job["charged"], job["refunded"], job["request"]["duration"]) == (45, 0, 5)
    assert (job["width"], job["height"], round(job["seconds"])) == (256, 144, 5)
    with pytest.raises(KeyError):
        pixverse_emulator.job(1)


def test_what_is_misspelt_is_no_empty_list(pixverse_emulator: EmulatorControl) -> None:
    with pytest.raises(
        ControlError, match=r"no kind of request 'sumbit'; there are submit, result, .*, unknown"
    ):
        pixverse_emulator.requests("sumbit")
    with pytest.raises(ControlError, match=r"no incident 'foo'; there are key_to_media, .*, render_failed"):
        pixverse_emulator.incidents("foo")
    for kind in REQUEST_KINDS:
        assert pixverse_emulator.requests(kind) == []
    for what in INCIDENTS:
        assert pixverse_emulator.incidents(what) == []


def test_requests_to_nowhere_and_to_where_a_redirect_leads_are_kinds_too(
    pixverse_emulator: EmulatorControl, api: Caller
) -> None:
    pixverse_emulator.fault("balance", "redirect")
    api.get("/account/balance")
    api.get("/nowhere")
    kinds = ["balance", "elsewhere", "unknown"]
    assert [request["kind"] for request in pixverse_emulator.requests()] == kinds
    assert [len(pixverse_emulator.requests(kind)) for kind in kinds] == [1, 1, 1]


def test_jobs_come_with_the_newest_first(pixverse_emulator: EmulatorControl, api: Caller) -> None:
    ids = [api.boat() for _ in range(3)]
    assert [job["video_id"] for job in pixverse_emulator.jobs()] == ids[::-1]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"concurency": 1}, "no setting 'concurency'"),
        ({"concurrency": 0}, "concurrency takes a whole number from 1 to 1000000000000000, not 0"),
        ({"concurrency": "5"}, "concurrency takes a whole number from 1 to 1000000000000000, not '5'"),
        ({"concurrency": 1.0}, "concurrency takes a whole number from 1 to 1000000000000000, not 1.0"),
        ({"concurrency": None}, "concurrency takes a whole number from 1 to 1000000000000000, not None"),
        ({"credits": 10**400}, "credits takes a whole number from 0 to 1000000000000000, not 1000"),
        ({"credits": -1}, "credits takes a whole number from 0"),
        ({"max_media_bytes": True}, "max_media_bytes takes a whole number from 0"),
        ({"generation_seconds": -1}, "generation_seconds takes a number from 0 to 315576000, not -1"),
        ({"generation_seconds": 10**400}, "generation_seconds takes a number from 0 to 315576000, not 1000"),
        ({"generation_seconds": float("inf")}, "generation_seconds takes a number .*, not inf"),
        ({"media_lifetime": float("nan")}, "media_lifetime takes a number .*, not nan"),
        ({"max_media_seconds": 1e300}, r"max_media_seconds takes a number .*, not 1e\+300"),
        ({"render": "huge"}, "render takes full, small or placeholder, not 'huge'"),
        ({"wrong_key_status": 404}, "wrong_key_status takes 200, 401 or 403, not 404"),
        ({"api_key": "x"}, "no setting 'api_key'"),
        ({"huge_ids": 1}, "huge_ids takes true or false, not 1"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(
    pixverse_emulator: EmulatorControl, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ControlError, match=complaint):
        pixverse_emulator.settings(**changes)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"concurrency": "5"}, "concurrency takes a whole number from 1 to 1000000000000000, not '5'"),
        ({"api_key": b"secret"}, "api_key takes a text that is not empty"),
        ({"api_key": ""}, "api_key takes a text that is not empty"),
    ],
)
def test_a_setting_at_the_start_is_checked_as_one_later_and_no_key_is_shown(
    settings: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InvalidSettingError) as refused:
        Settings(**settings)
    assert str(refused.value) == complaint


def test_the_key_cannot_be_read(pixverse_emulator: EmulatorControl) -> None:
    for path in ("settings", "ledger", "requests", "health", "jobs", "clock", "faults"):
        answer = requests.get(f"{pixverse_emulator.url}/emulator/{path}", timeout=60)
        assert answer.status_code == 200
        assert pixverse_emulator.api_key not in answer.text


def test_time_does_not_run_backwards(pixverse_emulator: EmulatorControl) -> None:
    for seconds in (-1, float("inf"), float("-inf"), float("nan"), 1e300, 10**400):
        with pytest.raises(ControlError, match=re.escape(f"0 to 315576000 s, not by {seconds!r} s")):
            pixverse_emulator.advance(seconds)
    with pytest.raises(ControlError, match="advance takes seconds, not '1'"):
        pixverse_emulator._call("POST", "clock", {"advance": "1"})
    for switch in ("manual", "finish_all"):
        with pytest.raises(ControlError, match=f"{switch} takes true or false, not 'no'"):
            pixverse_emulator._call("POST", "clock", {switch: "no"})
    with pytest.raises(ControlError, match="unknown: hours"):
        pixverse_emulator._call("POST", "clock", {"hours": 1})


def test_a_clock_that_does_not_move_does_not_stop_either(pixverse_emulator: EmulatorControl) -> None:
    with pytest.raises(ControlError, match="only moves forward"):
        pixverse_emulator._call("POST", "clock", {"manual": True, "advance": -1})
    assert pixverse_emulator._call("GET", "clock")["manual"] is False


def test_every_date_up_to_the_end_of_the_clock_can_be_written(
    pixverse_emulator: EmulatorControl, api: Caller
) -> None:
    longest = 315_576_000
    pixverse_emulator.settings(media_lifetime=longest)

    def advance_without_end() -> None:
        for _ in range(1000):
            pixverse_emulator.advance(longest)

    with pytest.raises(ControlError, match="does not move beyond the year 8999"):
        advance_without_end()
    assert api.result(api.boat())["status"] == 1
    pixverse_emulator.settings(generation_seconds=longest)
    video_id = api.boat()
    assert api.status(video_id) == 5
    assert pixverse_emulator.job(video_id)["created"].startswith("89")


def test_a_job_is_not_ended_in_a_way_that_does_not_exist(
    pixverse_emulator: EmulatorControl, api: Caller
) -> None:
    video_id = api.boat()
    with pytest.raises(ControlError, match="it can only be deleted"):
        pixverse_emulator.end(video_id, "failed")
    with pytest.raises(ControlError, match="end takes one of deleted, moderated, failed, not 'lost'"):
        pixverse_emulator.end(video_id, "lost")
    with pytest.raises(ControlError, match="there is no job 1"):
        pixverse_emulator.end(1, "failed")


def test_a_page_of_the_internet_cannot_reach_in(pixverse_emulator: EmulatorControl) -> None:
    form = requests.post(f"{pixverse_emulator.url}/emulator/reset", data="{}", timeout=60)
    assert (form.status_code, form.json()) == (422, {"error": "send application/json"})


def test_a_stopped_clock_stands_still() -> None:
    clock = Clock()
    clock.stop()
    before = clock.now()
    assert clock.manual
    assert clock.now() == before
    clock.advance(5)
    assert clock.now() == before + 5
    clock.run()
    assert before + 5 <= clock.now() < before + 6
