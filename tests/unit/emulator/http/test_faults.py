"""Every fault on order does what it says, as often as it was ordered, and nothing else."""

from __future__ import annotations

import base64
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

from pixverse_provider.emulator.client import ControlError
from pixverse_provider.emulator.faults import API_ENDPOINTS, KINDS
from tests.unit.emulator.caller import BOAT, LIP_SYNC, TEXT_TO_VIDEO

if TYPE_CHECKING:
    from pathlib import Path

    from pixverse_provider.emulator.client import EmulatorControl
    from tests.unit.emulator.caller import Caller


def test_a_drop_before_accepting_makes_no_job(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    pixverse_emulator.fault("submit", "drop_before_accept")
    with pytest.raises(requests.ConnectionError):
        api.submit(TEXT_TO_VIDEO, BOAT, trace_id="t")
    assert pixverse_emulator.ledger()["jobs"] == 0
    assert api.submit(TEXT_TO_VIDEO, BOAT, trace_id="t")["ErrCode"] == 0
    assert pixverse_emulator.ledger()["submits"]["t"]["repeats"] == 0


def test_a_drop_after_accepting_makes_a_job_that_a_repeat_finds(
    api: Caller, pixverse_emulator: EmulatorControl
) -> None:
    pixverse_emulator.fault("submit", "accept_then_drop", times=2)
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            api.submit(TEXT_TO_VIDEO, BOAT, trace_id="t")
    (job,) = pixverse_emulator.jobs()
    assert api.boat(trace_id="t") == job["video_id"]
    submit = pixverse_emulator.ledger()["submits"]["t"]
    assert (submit["count"], submit["repeats"], submit["jobs"], submit["charged"]) == (3, 2, 1, 45)
    assert [record["http_status"] for record in pixverse_emulator.requests("submit")] == [None, None, 200]


def test_a_hang_after_accepting(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    pixverse_emulator.fault("submit", "accept_then_hang", seconds=60)
    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{pixverse_emulator.api_url}{TEXT_TO_VIDEO}", json=BOAT, headers=api.headers("t"), timeout=0.2
        )
    deadline = time.monotonic() + 60
    while pixverse_emulator.ledger()["jobs"] == 0:
        assert time.monotonic() < deadline, "it is not accepted"
    assert pixverse_emulator.ledger()["jobs"] == 1
    api.boat(trace_id="t")
    assert pixverse_emulator.ledger()["jobs"] == 1


def test_a_hang_ends_with_the_right_answer(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    pixverse_emulator.fault("balance", "accept_then_hang", seconds=0.2)
    begin = time.monotonic()
    assert api.get("/account/balance").json()["ErrCode"] == 0
    assert time.monotonic() - begin >= 0.2


def test_a_bad_gateway_after_accepting(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    pixverse_emulator.fault("submit", "accept_then_502")
    answer = api.post(TEXT_TO_VIDEO, json=BOAT)
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (502, "text/html")
    assert pixverse_emulator.ledger()["charged"] == 45


def test_too_many_requests(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    pixverse_emulator.fault("result", "too_many_requests", retry_after=7)
    pixverse_emulator.fault("result", "too_many_requests", retry_after=120, as_date=True)
    pixverse_emulator.fault("result", "too_many_requests")
    begin = time.time()
    answers = [api.get("/video/result/1") for _ in range(4)]
    end = time.time()
    assert [answer.status_code for answer in answers] == [429, 429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
    until = parsedate_to_datetime(answers[1].headers["Retry-After"]).timestamp()
    assert begin + 119 <= until <= end + 120, "120 s after the answer, in whole seconds"
    assert "Retry-After" not in answers[2].headers


@pytest.mark.parametrize("endpoint", API_ENDPOINTS)
def test_a_bare_status_at_every_endpoint(
    api: Caller, pixverse_emulator: EmulatorControl, script: Path, endpoint: str
) -> None:
    pixverse_emulator.fault(endpoint, "http_status", status=503, body="empty")
    answer = {
        "submit": lambda: api.post(TEXT_TO_VIDEO, json=BOAT),
        "result": lambda: api.get("/video/result/1"),
        "upload": lambda: api.post("/media/upload", files={"file": script.read_bytes()}),
        "balance": lambda: api.get("/account/balance"),
        "voices": lambda: api.get("/video/lip_sync/tts_list"),
        "masks": lambda: api.post("/video/mask/selection", json={"source_video_id": 1}),
        "restyles": lambda: api.get("/video/restyle/list"),
    }[endpoint]()
    assert (answer.status_code, answer.content) == (503, b"")
    assert pixverse_emulator.ledger()["jobs"] == 0


def test_a_status_with_a_page_or_a_text_before_or_after_accepting(
    api: Caller, pixverse_emulator: EmulatorControl
) -> None:
    pixverse_emulator.fault("submit", "http_status", status=500)
    pixverse_emulator.fault("submit", "http_status", status=401, body="text", accept=True)
    first, second = (api.post(TEXT_TO_VIDEO, json=BOAT) for _ in range(2))
    assert (first.status_code, first.text[:6]) == (500, "<html>")
    assert (second.status_code, second.text) == (401, "upstream error")
    assert pixverse_emulator.ledger()["jobs"] == 1


def test_a_page_with_status_200_and_half_an_envelope(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    pixverse_emulator.fault("any", "html")
    pixverse_emulator.fault("any", "truncated_json")
    page, half = api.get("/account/balance"), api.post(TEXT_TO_VIDEO, json=BOAT)
    assert (page.status_code, page.text[:6]) == (200, "<html>")
    assert (half.status_code, half.text[:13]) == (200, '{"ErrCode":0,')
    with pytest.raises(requests.JSONDecodeError):
        half.json()
    assert pixverse_emulator.ledger()["jobs"] == 1


class TestAnyAnswer:
    def test_a_body_comes_as_it_was_ordered_and_nothing_is_accepted(
        self, api: Caller, pixverse_emulator: EmulatorControl
    ) -> None:
        body = r'{"ErrCode": 0, "ErrMsg": "\ud800 Grüße", "Resp": NaN}'
        pixverse_emulator.fault("submit", "answer", body=body)
        answer = api.post(TEXT_TO_VIDEO, json=BOAT)
        assert (answer.status_code, answer.content) == (200, body.encode())
        assert answer.headers["Content-Type"] == "application/json"
        assert pixverse_emulator.ledger()["jobs"] == 0

    def test_a_request_can_be_accepted_first(self, api: Caller, pixverse_emulator: EmulatorControl) -> None:
        pixverse_emulator.fault("submit", "answer", body="{", accept=True)
        assert api.post(TEXT_TO_VIDEO, json=BOAT).text == "{"
        assert pixverse_emulator.ledger()["jobs"] == 1

    def test_a_status_comes_with_headers_of_any_shape(
        self, api: Caller, pixverse_emulator: EmulatorControl
    ) -> None:
        headers = {"Retry-After": "9" * 400, "content-type": "text/plain", "X-Empty": ""}
        pixverse_emulator.fault("any", "answer", status=429, headers=headers)
        answer = api.get("/account/balance")
        assert (answer.status_code, answer.content) == (429, b"")
        assert {name: answer.headers[name] for name in headers} == headers

    def test_bytes_that_are_no_text_come_as_they_are(
        self, api: Caller, pixverse_emulator: EmulatorControl
    ) -> None:
        encoded = base64.b64encode(bytes(range(256))).decode()
        pixverse_emulator.fault("balance", "answer", body_base64=encoded)
        assert api.get("/account/balance").content == bytes(range(256))

    def test_a_body_can_be_compressed(self, api: Caller, pixverse_emulator: EmulatorControl) -> None:
        pixverse_emulator.fault("balance", "answer", body="0" * 100_000, gzip=True)
        answer = api.get("/account/balance")
        assert answer.headers["Content-Encoding"] == "gzip"
        assert int(answer.headers["Content-Length"]) < 1000
        assert answer.text == "0" * 100_000


@pytest.mark.parametrize("code", [500044, 500069, 500090, 500100, 99999, 500063, 400012, 123456])
@pytest.mark.parametrize(("http_status", "lower_case"), [(200, False), (500, True), (400, False)])
def test_any_error_code_in_any_envelope(
    api: Caller, pixverse_emulator: EmulatorControl, code: int, http_status: int, *, lower_case: bool
) -> None:
    pixverse_emulator.fault(
        "submit", "error", err_code=code, message="as ordered", http_status=http_status, lower_case=lower_case
    )
    answer = api.post(TEXT_TO_VIDEO, json=BOAT)
    assert answer.status_code == http_status
    names = ("err_code", "err_msg", "resp") if lower_case else ("ErrCode", "ErrMsg", "Resp")
    assert answer.json() == dict(zip(names, (code, "as ordered", None), strict=True))
    assert pixverse_emulator.ledger()["jobs"] == 0
    assert pixverse_emulator.requests("submit")[0]["err_code"] == code


def test_an_ordered_refusal_is_the_first_answer_of_its_trace_id(
    api: Caller, pixverse_emulator: EmulatorControl
) -> None:
    pixverse_emulator.fault("submit", "error", err_code=500069, http_status=500)
    answers = [api.post(TEXT_TO_VIDEO, json=BOAT, trace_id="t") for _ in range(2)]
    assert [(answer.status_code, answer.json()["ErrCode"]) for answer in answers] == [(500, 500069)] * 2
    assert api.submit(TEXT_TO_VIDEO, BOAT, trace_id="u")["ErrCode"] == 0


@pytest.mark.parametrize(
    ("what", "code"), [("slots_full", 500044), ("no_credits", 500090), ("refuse", 500063)]
)
def test_refusals_by_name(api: Caller, pixverse_emulator: EmulatorControl, what: str, code: int) -> None:
    pixverse_emulator.fault("submit", what, times=2)
    codes = [api.submit(TEXT_TO_VIDEO, BOAT)["ErrCode"] for _ in range(3)]
    assert codes == [code, code, 0]


def test_a_request_that_is_wrong_anyway_does_not_use_up_a_refusal(
    api: Caller, pixverse_emulator: EmulatorControl
) -> None:
    pixverse_emulator.fault("submit", "slots_full")
    assert api.submit(TEXT_TO_VIDEO, {})["ErrCode"] == 400011
    assert api.submit(TEXT_TO_VIDEO, BOAT)["ErrCode"] == 500044


@pytest.mark.parametrize(
    ("what", "status", "refunded"), [("fail", 8, 45), ("moderate", 7, 45), ("delete", 6, 0), ("never", 5, 0)]
)
def test_how_a_job_goes(
    api: Caller, pixverse_emulator: EmulatorControl, what: str, status: int, refunded: int
) -> None:
    pixverse_emulator.fault("submit", what)
    assert api.status(api.boat()) == status
    assert api.status(api.boat()) == 1
    assert pixverse_emulator.ledger()["refunded"] == refunded


def test_other_statuses_for_a_while_and_for_ever(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    pixverse_emulator.fault("submit", "status", statuses=[2, 3])
    pixverse_emulator.fault("submit", "status", statuses=[17], forever=True)
    passing, endless = api.boat(), api.boat()
    assert [api.status(passing) for _ in range(3)] == [2, 3, 1]
    assert [api.status(endless) for _ in range(3)] == [17, 17, 17]


@pytest.mark.parametrize(
    ("word", "status"), [("[fail]", 8), ("[moderate]", 7), ("[delete]", 6), ("[never]", 5)]
)
def test_magic_words_in_a_spoken_text(
    api: Caller, pixverse_emulator: EmulatorControl, presenter: Path, word: str, status: int
) -> None:
    pixverse_emulator.settings(render="placeholder")
    body = {"video_media_id": api.upload(presenter), "lip_sync_tts_speaker_id": "auto"}
    resp = api.submit(LIP_SYNC, {**body, "lip_sync_tts_content": f"Good morning {word}"})["Resp"]
    assert api.status(resp["video_id"]) == status


def test_the_word_refuse_is_refused_at_once(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    assert api.submit(TEXT_TO_VIDEO, {**BOAT, "prompt": "[refuse]"})["ErrCode"] == 500063
    assert pixverse_emulator.ledger()["charged"] == 0


def test_a_stalled_replay_is_another_video_that_costs_nothing_and_never_ends(
    api: Caller, pixverse_emulator: EmulatorControl
) -> None:
    pixverse_emulator.fault("submit", "stalled_replay", times=None)
    first = api.boat(trace_id="t")
    stalled = api.boat(trace_id="t")
    assert stalled != first
    pixverse_emulator.advance(3 * 3600)
    assert (api.status(first), api.status(stalled)) == (1, 5)
    ledger = pixverse_emulator.ledger()
    assert (ledger["jobs"], ledger["charged"], ledger["refunded"], ledger["running"]) == (1, 45, 0, 0)
    assert ledger["submits"]["t"]["repeats"] == 1


def test_no_job_stalls_where_the_submit_was_refused(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    pixverse_emulator.fault("submit", "slots_full")
    pixverse_emulator.fault("submit", "stalled_replay")
    codes = [api.submit(TEXT_TO_VIDEO, BOAT, trace_id="t")["ErrCode"] for _ in range(2)]
    assert codes == [500044, 500044]


def test_a_fault_matches_a_text_or_a_video(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    pixverse_emulator.fault("submit", "fail", text="train", times=None)
    boat, train = api.boat(), api.boat(prompt="a train")
    assert (api.status(boat), api.status(train)) == (1, 8)
    pixverse_emulator.fault("result", "http_status", status=500, video_id=boat, times=None)
    assert api.get(f"/video/result/{boat}").status_code == 500
    assert api.status(train) == 8
    pixverse_emulator.clear_faults()
    assert api.status(boat) == 1


def test_a_wrong_key_does_not_use_up_a_fault(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    pixverse_emulator.fault("balance", "html")
    assert api.get("/account/balance", headers={"Ai-Trace-Id": "1"}).json()["ErrCode"] == 400012
    (fault,) = pixverse_emulator.faults()
    assert fault["used"] == 0


def test_a_redirect_leads_to_another_host_name_that_tells_on_a_key(
    api: Caller, pixverse_emulator: EmulatorControl
) -> None:
    pixverse_emulator.fault("balance", "redirect", times=2)
    answer = api.get("/account/balance", allow_redirects=False)
    assert answer.status_code == 307
    assert answer.headers["Location"].startswith("http://localhost:")
    requests.get(answer.headers["Location"], timeout=60)
    assert pixverse_emulator.incidents() == []
    api.get("/account/balance", allow_redirects=True)
    assert [incident["what"] for incident in pixverse_emulator.incidents()] == ["key_followed_redirect"]


def test_a_redirect_to_a_given_place(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    pixverse_emulator.fault("submit", "redirect", status=302, location="http://192.0.2.1/x")
    answer = api.post(TEXT_TO_VIDEO, json=BOAT, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "http://192.0.2.1/x")
    assert pixverse_emulator.ledger()["jobs"] == 0


@pytest.mark.parametrize("status", [200, 204, 205, 304, 404, 499, 599])
def test_every_status_that_is_taken_arrives(
    api: Caller, pixverse_emulator: EmulatorControl, status: int
) -> None:
    pixverse_emulator.fault("balance", "http_status", status=status, body="empty")
    pixverse_emulator.fault("balance", "answer", status=status)
    answers = [api.get("/account/balance") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 200]


@pytest.mark.parametrize("status", [300, 304, 308, 399])
def test_every_redirect_that_is_taken_arrives(
    api: Caller, pixverse_emulator: EmulatorControl, status: int
) -> None:
    pixverse_emulator.fault("balance", "redirect", status=status)
    assert api.get("/account/balance", allow_redirects=False).status_code == status


def test_the_longest_time_is_waited_and_the_longest_date_written(
    api: Caller, pixverse_emulator: EmulatorControl
) -> None:
    longest = 315_576_000
    pixverse_emulator.fault("balance", "too_many_requests", retry_after=longest, as_date=True)
    pixverse_emulator.fault("balance", "slow", seconds=longest)
    until = parsedate_to_datetime(api.get("/account/balance").headers["Retry-After"]).timestamp()
    assert until == pytest.approx(time.time() + longest, abs=60)
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{pixverse_emulator.api_url}/account/balance", headers=api.headers(), timeout=0.2)


class TestMedia:
    @pytest.fixture
    def video(self, api: Caller) -> dict[str, Any]:
        return api.result(api.boat())

    def test_a_cut_body_is_shorter_than_it_said(
        self, pixverse_emulator: EmulatorControl, video: dict[str, Any]
    ) -> None:
        pixverse_emulator.fault("media", "truncated", share=0.25, video_id=video["id"])
        with requests.get(video["url"], stream=True, timeout=60) as answer:
            assert int(answer.headers["Content-Length"]) == video["size"]
            with pytest.raises(requests.exceptions.ChunkedEncodingError, match=str(video["size"] // 4)):
                answer.content  # noqa: B018 - reading it is the test
        assert len(requests.get(video["url"], timeout=60).content) == video["size"]

    def test_a_body_of_the_wrong_length_looks_complete(
        self, pixverse_emulator: EmulatorControl, video: dict[str, Any]
    ) -> None:
        pixverse_emulator.fault("media", "wrong_length")
        answer = requests.get(video["url"], timeout=60)
        assert len(answer.content) == int(answer.headers["Content-Length"]) == video["size"] // 2

    @pytest.mark.parametrize("what", ["html", "accept_then_502"])
    def test_a_fault_on_any_endpoint_of_the_api_spares_the_file(
        self, pixverse_emulator: EmulatorControl, video: dict[str, Any], what: str
    ) -> None:
        pixverse_emulator.fault("any", what)
        assert len(requests.get(video["url"], timeout=60).content) == video["size"]
        assert pixverse_emulator.faults()[0]["used"] == 0

    def test_an_expired_url(self, pixverse_emulator: EmulatorControl, video: dict[str, Any]) -> None:
        pixverse_emulator.fault("media", "expired")
        answer = requests.get(video["url"], timeout=60)
        assert (answer.status_code, "ExpiredToken" in answer.text) == (403, True)

    def test_a_slow_body(self, pixverse_emulator: EmulatorControl, video: dict[str, Any]) -> None:
        pixverse_emulator.fault("media", "slow", seconds=0.3)
        begin = time.monotonic()
        assert len(requests.get(video["url"], timeout=60).content) == video["size"]
        assert time.monotonic() - begin >= 0.3

    def test_a_status_and_a_cut_connection(
        self, pixverse_emulator: EmulatorControl, video: dict[str, Any]
    ) -> None:
        pixverse_emulator.fault("media", "http_status", status=503)
        pixverse_emulator.fault("media", "drop_before_accept")
        assert requests.get(video["url"], timeout=60).status_code == 503
        with pytest.raises(requests.ConnectionError):
            requests.get(video["url"], timeout=60)

    def test_a_fault_of_one_video_spares_the_other(
        self, api: Caller, pixverse_emulator: EmulatorControl, video: dict[str, Any]
    ) -> None:
        pixverse_emulator.fault("media", "expired", video_id=video["id"], times=None)
        other = api.result(api.boat())
        assert requests.get(other["url"], timeout=60).status_code == 200
        assert requests.get(video["url"], timeout=60).status_code == 403


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        ({"on": "submit", "what": "explode"}, "there is no fault 'explode'"),
        ({"on": "balance", "what": "fail"}, "fail can be on submit, not on 'balance'"),
        ({"on": "everything", "what": "html"}, "html can be on submit"),
        ({"on": "submit", "what": "slow", "second": 1}, "slow has no second"),
        (
            {"on": "submit", "what": "slow", "seconds": "1"},
            "seconds takes a number from 0 to 315576000, not '1'",
        ),
        ({"on": "submit", "what": "html", "accept": 1}, "accept takes true or false, not 1"),
        ({"on": "submit", "what": "html", "times": 0}, "times takes a whole number from 1, or null, not 0"),
        ({"on": "submit", "what": "html", "text": 5}, "text takes a text, or null, not 5"),
        ({"on": "submit", "what": "status", "statuses": []}, "statuses takes a list"),
        ({"on": "submit", "what": "http_status", "body": "pdf"}, "body takes html, text or empty, not 'pdf'"),
        (
            {"on": "media", "what": "truncated", "share": 1.0},
            "share takes a number from 0 to below 1, not 1.0",
        ),
        ({"on": "media", "what": "answer"}, "answer can be on submit"),
        (
            {"on": "any", "what": "answer", "status": 199},
            "status takes a whole number from 200 to 599, not 199",
        ),
        ({"on": "any", "what": "answer", "status": 204, "body": "x"}, "status 204 has no body"),
        ({"on": "any", "what": "answer", "headers": ["a"]}, "headers takes an object"),
        ({"on": "any", "what": "answer", "headers": {"A": 1}}, "headers takes names and values of HTTP"),
        ({"on": "any", "what": "answer", "headers": {"A": "b\r\nC: d"}}, "headers takes names and values"),
        ({"on": "any", "what": "answer", "headers": {"A": " b"}}, "headers takes names and values of HTTP"),
        ({"on": "any", "what": "answer", "headers": {"A b": "c"}}, "headers takes names and values of HTTP"),
        ({"on": "any", "what": "answer", "headers": {"content-length": "5"}}, "leave content-length to the"),
        ({"on": "any", "what": "answer", "body": {"ErrCode": 0}}, "body takes a text"),
        (
            {"on": "any", "what": "answer", "body": "\ud800"},
            "send text that UTF-8 can carry; other bytes as a body_base64",
        ),
        ({"on": "any", "what": "error", "message": "\ud800"}, "send text that UTF-8 can carry"),
        ({"on": "any", "what": "answer", "body": "a", "body_base64": "YQ=="}, "not both"),
        ({"on": "any", "what": "answer", "body_base64": "a b"}, "body_base64 must be base64"),
        ({"on": "any", "what": "answer", "gzip": "yes"}, "gzip takes true or false"),
        ({"on": "any", "what": "answer", "status": 204, "gzip": True}, "status 204 has no body"),
        *(
            ({"on": "submit", "what": "http_status", "status": status}, f"from 200 to 599, not {status}")
            for status in (-1, 0, 42, 100, 199, 600, 1000, True, 503.0)
        ),
        ({"on": "submit", "what": "http_status", "status": 204}, "status 204 has no body"),
        ({"on": "submit", "what": "error", "http_status": 42}, "http_status takes a whole number from 200"),
        ({"on": "submit", "what": "error", "http_status": 304}, "status 304 has no body"),
        ({"on": "submit", "what": "error", "err_code": 0}, "err_code takes a whole number from 1 to"),
        ({"on": "submit", "what": "redirect", "status": 200}, "status takes a whole number from 300 to 399"),
        ({"on": "submit", "what": "redirect", "location": "/a\r\nB: c"}, "location takes a value of HTTP"),
        ({"on": "submit", "what": "redirect", "location": "/\u0142"}, "location takes a value of HTTP"),
        *(
            ({"on": "submit", "what": what, "seconds": seconds}, "seconds takes a number from 0 to 315576000")
            for what in ("slow", "accept_then_hang")
            for seconds in (-1, float("inf"), float("nan"), 1e300, 10**400, True)
        ),
        *(
            ({"on": "media", "what": "truncated", "share": share}, "share takes a number from 0 to below 1")
            for share in (-0.1, float("nan"), 10**400)
        ),
        ({"on": "any", "what": "too_many_requests", "retry_after": -2}, "whole number from -1 to 315576000"),
        ({"on": "any", "what": "too_many_requests", "retry_after": 10**12, "as_date": True}, "from -1 to"),
        ({"on": "any", "what": "html", "times": float("inf")}, "times takes a whole number from 1, or null"),
        ({"on": "result", "what": "html", "video_id": -1}, "video_id takes a whole number from 1, or null"),
    ],
)
def test_a_fault_that_does_not_exist_is_refused(
    pixverse_emulator: EmulatorControl, order: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ControlError, match=complaint):
        pixverse_emulator.fault(**order)


def test_every_fault_is_documented() -> None:
    from pathlib import Path

    from pixverse_provider.emulator import faults

    source = Path(faults.__file__).read_text()
    described = source[source.index('"""Every fault there is.') :]
    described = described[: described.index('\n"""\n')]
    assert [what for what in KINDS if f"``{what}``" not in described] == []
