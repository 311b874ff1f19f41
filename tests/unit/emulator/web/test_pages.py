"""The pages for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from pathlib import Path

    from pixverse_provider.emulator.client import EmulatorControl
    from tests.unit.emulator.caller import Caller


def page(emulator: EmulatorControl, path: str = "/") -> str:
    answer = requests.get(f"{emulator.url}{path}", timeout=60)
    assert answer.status_code == 200
    return answer.text


def test_without_jobs_the_page_says_where_to_point_a_connection(pixverse_emulator: EmulatorControl) -> None:
    assert f"{pixverse_emulator.url}/openapi/v2" in page(pixverse_emulator)


def test_a_finished_job_has_a_player_that_plays(pixverse_emulator: EmulatorControl, api: Caller) -> None:
    video_id = api.boat(trace_id="my-trace")
    api.status(video_id)
    html = page(pixverse_emulator)
    found = re.search(r"<video controls[^>]* src='([^']+)'", html)
    assert found is not None
    assert requests.get(found[1].replace("&amp;", "&"), timeout=60).status_code == 200
    for shown in (str(video_id), "my-trace", "a paper boat", "45 credits", "9,955"):
        assert shown in html


def test_what_users_write_is_shown_as_text(
    pixverse_emulator: EmulatorControl, api: Caller, script: Path
) -> None:
    attack = "<script>alert(1)</script>' onload='x"
    video_id = api.boat(prompt=attack, trace_id="<b>'t")
    api.post("/media/upload", files={"file": ("<i>.wav", script.read_bytes())})
    for html in (page(pixverse_emulator), page(pixverse_emulator, f"/jobs/{video_id}")):
        assert "<script>alert" not in html
        assert "onload='x" not in html
        assert "<b>" not in html.replace("<div><b>", "")
    assert "<i>" not in page(pixverse_emulator)


def test_a_failed_job_shows_its_refund(pixverse_emulator: EmulatorControl, api: Caller) -> None:
    video_id = api.boat(prompt="[fail]")
    html = page(pixverse_emulator, f"/jobs/{video_id}")
    assert "45 refunded" in html
    assert "<video" not in html


def test_an_incident_is_shown(pixverse_emulator: EmulatorControl, api: Caller) -> None:
    requests.get(f"{pixverse_emulator.url}/media/x", headers={"API-KEY": "k"}, timeout=60)
    api.boat()
    assert "key_to_media" in page(pixverse_emulator)


def test_nothing_is_loaded_from_elsewhere(pixverse_emulator: EmulatorControl) -> None:
    answer = requests.get(pixverse_emulator.url, timeout=60)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    others = [url for url in re.findall(r"https?://[^\s'\"<]+", answer.text) if "127.0.0.1" not in url]
    assert others == []


def test_a_job_that_does_not_exist_is_not_found(pixverse_emulator: EmulatorControl) -> None:
    answer = requests.get(f"{pixverse_emulator.url}/jobs/1", timeout=60)
    assert (answer.status_code, "There is no job 1." in answer.text) == (404, True)
