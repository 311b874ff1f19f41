"""What an answer of PixVerse means, and which exception tells it."""

from __future__ import annotations

import gzip
import json
import traceback
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider import exceptions
from pixverse_provider.api.calls import (
    balance_call,
    image_call,
    image_from_url_call,
    video_call,
    voices_call,
)
from pixverse_provider.api.errors import ERROR_CODES, describe_error_code
from pixverse_provider.api.generations import LipSyncRequest
from pixverse_provider.api.protocol import (
    Answer,
    Call,
    network_error,
    new_trace_id,
    read_answer,
    request_headers,
    retry_after_seconds,
)
from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseAuthenticationError,
    PixVerseCapacityError,
    PixVerseError,
    PixVerseInsufficientCreditsError,
    PixVerseInvalidRequestError,
    PixVerseModerationError,
    PixVerseNotFoundError,
    PixVersePermanentError,
    PixVersePlanError,
    PixVerseRateLimitError,
    PixVerseTransientError,
)
from tests.unit.openapi import Example, documented_answers, documented_error_codes

KEY = "sk-1234567890abcdef"
TRACE = "6f0e2b1a-63a4-4d0e-8a52-1f4b8f1c9d77"
NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
READ = video_call(343252978602905)
PAID = LipSyncRequest(source_video_id=1, audio_media_id=2).call()

# Which decision of a user each code of the documented examples calls for.
DECISIONS: dict[int, type[PixVerseError]] = {
    400011: PixVerseInvalidRequestError,
    400012: PixVerseAuthenticationError,
    400013: PixVerseInvalidRequestError,
    400017: PixVerseInvalidRequestError,
    400018: PixVerseInvalidRequestError,
    400019: PixVerseInvalidRequestError,
    400032: PixVerseInvalidRequestError,
    500008: PixVerseNotFoundError,
    500020: PixVersePlanError,
    500030: PixVerseInvalidRequestError,
    500031: PixVerseTransientError,
    500032: PixVerseInvalidRequestError,
    500033: PixVerseInvalidRequestError,
    500041: PixVerseTransientError,
    500042: PixVerseInvalidRequestError,
    500044: PixVerseCapacityError,
    500052: PixVerseModerationError,
    500054: PixVerseModerationError,
    500060: PixVersePlanError,
    500063: PixVerseModerationError,
    500064: PixVerseInvalidRequestError,
    500069: PixVerseCapacityError,
    500070: PixVersePlanError,
    500071: PixVerseInvalidRequestError,
    500090: PixVerseInsufficientCreditsError,
    500100: PixVerseTransientError,
    701002: PixVerseInvalidRequestError,
    701003: PixVerseInvalidRequestError,
}


def read(
    call: Call[Any],
    body: Any,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(call, Answer(status, headers or {}, data), trace_id=TRACE, api_key=KEY, now=NOW)


def failure(call: Call[Any], body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Any:
    with pytest.raises(PixVerseError) as caught:
        read(call, body, status, headers)
    return caught.value


def refusal(code: Any, message: str = "no") -> dict[str, Any]:
    return {"ErrCode": code, "ErrMsg": message, "Resp": None}


def _documented_refusals() -> list[Example]:
    return [example for example in documented_answers() if example.code != 0]


class TestRefusals:
    @pytest.mark.parametrize("example", _documented_refusals(), ids=str)
    @pytest.mark.parametrize("call", [READ, PAID], ids=["read", "paid"])
    def test_every_documented_refusal_becomes_the_decision_that_a_user_has_to_make(
        self, example: Example, call: Call[Any]
    ) -> None:
        error = failure(call, example.body, example.status)

        if example.code == 99999:  # nobody knows what it stands for, so its class depends on what is at stake
            assert type(error) is (PixVersePermanentError if call is PAID else PixVerseTransientError)
        else:
            assert type(error) is DECISIONS[example.code]
        assert (error.err_code, error.http_status, error.trace_id) == (example.code, example.status, TRACE)
        assert str(example.code) in str(error)
        assert TRACE in str(error)

    @pytest.mark.parametrize("entry", documented_error_codes(), ids=lambda entry: str(entry["code"]))
    def test_every_listed_code_is_known_and_treated_as_its_retry_class_says(
        self, entry: dict[str, Any]
    ) -> None:
        code, retry = entry["code"], entry["retry"]
        if code == 0:
            return
        assert code in ERROR_CODES
        on_read = describe_error_code(code, paid=False).error_class
        on_submit = describe_error_code(code, paid=True).error_class
        expected_parents = {
            "never": (PixVersePermanentError, PixVersePermanentError),
            "yes": (PixVerseCapacityError, PixVerseCapacityError),
            "bounded": (PixVerseTransientError, PixVerseTransientError),
            "reads-only": (PixVerseTransientError, PixVersePermanentError),
        }[retry]
        assert issubclass(on_read, expected_parents[0])
        assert issubclass(on_submit, expected_parents[1])

    def test_every_code_tells_what_happened_and_what_to_do(self) -> None:
        for code in ERROR_CODES:
            error = failure(READ, refusal(code))
            known = ERROR_CODES[code]
            assert known.meaning in str(error)
            assert known.remedy[1:] in str(error)

    def test_the_lower_case_envelope_means_the_same(self) -> None:
        error = failure(READ, {"err_code": 500052, "err_msg": "图片审核失败", "resp": None}, status=500)
        assert type(error) is PixVerseModerationError
        assert "图片审核失败" in str(error)
        assert error.http_status == 500

    def test_a_success_in_the_lower_case_envelope_is_a_success(self) -> None:
        body = {"err_code": 0, "err_msg": "success", "resp": {"video_id": 7}}
        assert read(PAID, body).video_id == 7

    @pytest.mark.parametrize("code", ["500044", " 500044 "])
    def test_a_code_in_quotes_means_the_same(self, code: str) -> None:
        assert type(failure(PAID, refusal(code))) is PixVerseCapacityError

    def test_a_zero_in_quotes_is_a_success(self) -> None:
        assert read(PAID, {"ErrCode": "0", "ErrMsg": "", "Resp": {"video_id": 7}}).video_id == 7

    @pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500, 502])
    def test_the_code_decides_whatever_the_http_status_says(self, status: int) -> None:
        assert type(failure(PAID, refusal(500090), status)) is PixVerseInsufficientCreditsError

    def test_a_code_that_nobody_has_described_is_worth_another_read(self) -> None:
        error = failure(READ, refusal(123456))
        assert type(error) is PixVerseTransientError
        assert "123456" in str(error)

    def test_a_code_that_nobody_has_described_ends_a_submit(self) -> None:
        error = failure(PAID, refusal(123456))
        assert type(error) is PixVersePermanentError
        assert "123456" in str(error)

    def test_a_refusal_of_a_read_names_the_video(self) -> None:
        error = failure(READ, refusal(500008))
        assert error.video_id == 343252978602905
        assert "343252978602905" in str(error)

    def test_the_message_says_what_was_refused_why_and_what_to_do(self) -> None:
        body = {"ErrCode": 500008, "ErrMsg": "", "Resp": None}
        assert str(failure(READ, body)) == (
            "PixVerse refused to read video 343252978602905: requested data not found (ErrCode 500008). "
            f"Check the id, and that it belongs to this API key. Trace id {TRACE}."
        )
        assert '(ErrCode 500008: "gone"). Check' in str(failure(READ, body | {"ErrMsg": "gone"}))

    @pytest.mark.parametrize("code", [99999, 123456])
    @pytest.mark.parametrize(
        ("status", "headers", "retry_after", "asks"),
        [
            (503, {}, None, ""),
            (429, {}, None, ""),
            (200, {"Retry-After": "12"}, 12.0, " and asks to wait 12 s"),
            (500, {"Retry-After": "Mon, 05 Jan 2026 09:00:30 GMT"}, 30.0, " and asks to wait 30 s"),
        ],
    )
    def test_where_a_code_says_too_little_what_http_asks_for_counts(
        self, code: int, status: int, headers: dict[str, str], retry_after: float | None, asks: str
    ) -> None:
        error = failure(READ, refusal(code), status, headers)
        meaning = describe_error_code(code, paid=False).meaning
        assert type(error) is PixVerseRateLimitError
        assert str(error) == (
            f"PixVerse asks to read video 343252978602905 later: {meaning} "
            f'(ErrCode {code}: "no") with HTTP {status}{asks}. Trace id {TRACE}.'
        )
        assert (error.err_code, error.http_status, error.video_id) == (code, status, READ.video_id)
        assert (error.trace_id, error.retry_after) == (TRACE, retry_after)

    @pytest.mark.parametrize(
        ("code", "status", "proof"), [(500044, 500, True), (123456, 400, True), (123456, 500, False)]
    )
    def test_a_refusal_proves_that_there_is_no_job_unless_the_service_failed_for_an_unknown_reason(
        self, code: int, status: int, *, proof: bool
    ) -> None:
        assert failure(PAID, refusal(code), status).proves_no_job is proof

    def test_a_long_text_of_the_service_is_cut(self) -> None:
        assert len(str(failure(READ, refusal(400017, "x" * 10_000)))) < 600

    def test_a_refusal_keeps_the_pause_that_the_service_asks_for(self) -> None:
        assert failure(READ, refusal(500069), headers={"Retry-After": "17"}).retry_after == 17.0


class TestAnswersWithoutAnEnvelope:
    BODIES = pytest.mark.parametrize(
        "body",
        [
            b"<html><h1>Bad Gateway</h1></html>",
            b'{"ErrCode": 0, "ErrMsg": "succ',
            b"",
            b"[]",
            b'[{"ErrCode": 0}]',
            b"null",
            b"0",
            b'"text"',
            b"{}",
            b'{"ErrMsg": "no code"}',
            b'{"ErrCode": null}',
            b'{"ErrCode": true}',
            b'{"ErrCode": 1.5}',
            b'{"ErrCode": "oops"}',
            b'{"ErrCode": [0]}',
            b"\xff\xfe\x00garbage",
            b"[" * 100_000,
            b'{"ErrCode": "' + b"9" * 5000 + b'"}',
        ],
        # Without a backslash: pytest escapes it once more each time that it collects in one process.
        ids=lambda body: repr(body[:30]).replace("\\", "/"),
    )

    @BODIES
    @pytest.mark.parametrize("status", [200, 201, 500, 502, 503, 504])
    def test_a_read_may_be_repeated(self, body: bytes, status: int) -> None:
        error = failure(READ, body, status)
        assert type(error) is PixVerseTransientError
        assert error.http_status == status

    @BODIES
    @pytest.mark.parametrize("status", [200, 201, 500, 502, 503, 504])
    def test_a_paid_job_may_exist(self, body: bytes, status: int) -> None:
        error = failure(PAID, body, status)
        assert type(error) is PixVerseAmbiguousSubmitError
        assert TRACE in str(error)
        assert not isinstance(error, AirflowFailException)

    @pytest.mark.parametrize(
        ("status", "retry_after", "error_class"),
        [
            (300, None, PixVersePermanentError),
            (400, None, PixVersePermanentError),
            (400, "Mon, 05 Jan 2026 09:00:30 GMT", PixVerseRateLimitError),
            (401, None, PixVerseAuthenticationError),
            (404, "30", PixVerseRateLimitError),
            (429, None, PixVerseRateLimitError),
            (429, "Mon, 05 Jan 2026 09:00:30 GMT", PixVerseRateLimitError),
            (499, "30", PixVerseRateLimitError),
            (500, "30", PixVerseTransientError),
            (503, "Mon, 05 Jan 2026 09:00:30 GMT", PixVerseTransientError),
        ],
    )
    def test_an_error_keeps_the_status_the_ids_and_the_pause_that_it_came_with(
        self, status: int, retry_after: str | None, error_class: type[PixVerseError]
    ) -> None:
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        error = failure(READ, b"<html>", status, headers)
        assert type(error) is error_class
        assert (error.http_status, error.trace_id, error.video_id) == (status, TRACE, READ.video_id)
        assert error.retry_after == (None if retry_after is None else 30.0)

    def test_a_lost_answer_keeps_the_pause_that_is_a_date(self) -> None:
        headers = {"Retry-After": "Mon, 05 Jan 2026 09:00:30 GMT"}
        assert failure(PAID, b"<html>", 503, headers).retry_after == 30.0

    def test_a_lost_answer_keeps_the_status_and_the_pause_that_it_came_with(self) -> None:
        error = failure(PAID, b"<html>", 503, {"Retry-After": "30"})
        assert (error.http_status, error.retry_after, error.trace_id) == (503, 30.0, TRACE)
        assert str(error) == (
            "The answer to the request to submit the lip sync was lost (HTTP 503 without a PixVerse answer), "
            "so a paid job may exist. "
            f"Repeating the request under the same trace id {TRACE} starts no second job."
        )

    @pytest.mark.parametrize("call", [READ, PAID], ids=["read", "paid"])
    @pytest.mark.parametrize("status", [401, 403])
    def test_a_wrong_key_is_told_from_the_status_alone(self, call: Call[Any], status: int) -> None:
        error = failure(call, b"", status)
        assert type(error) is PixVerseAuthenticationError
        assert "password of the Airflow connection" in str(error)

    @pytest.mark.parametrize("call", [READ, PAID], ids=["read", "paid"])
    def test_too_many_requests_is_no_paid_job_and_keeps_the_pause(self, call: Call[Any]) -> None:
        error = failure(call, b"slow down", 429, {"retry-after": "12"})
        assert type(error) is PixVerseRateLimitError
        assert error.retry_after == 12.0
        assert "12 s" in str(error)

    def test_too_many_requests_may_come_without_a_pause(self) -> None:
        error = failure(READ, b"", 429)
        assert type(error) is PixVerseRateLimitError
        assert error.retry_after is None

    @pytest.mark.parametrize("call", [READ, PAID], ids=["read", "paid"])
    @pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 405, 413])
    def test_a_redirect_or_a_foreign_server_points_at_the_base_url(
        self, call: Call[Any], status: int
    ) -> None:
        error = failure(call, b"<html>moved</html>", status, {"Location": "https://elsewhere.example/"})
        assert isinstance(error, PixVersePermanentError)
        assert "Base URL" in str(error)
        assert "elsewhere" not in str(error)

    def test_a_busy_server_keeps_the_pause_it_asks_for(self) -> None:
        assert failure(READ, b"", 503, {"Retry-After": "30"}).retry_after == 30.0


class TestSuccessesThatHoldNothingOfUse:
    RESPS = pytest.mark.parametrize(
        "resp",
        [
            None,
            {},
            [],
            "text",
            5,
            {"video_id": None, "id": None, "status": None},
            {"video_id": 1.5, "id": 1.5, "status": 1},
            {"video_id": True, "id": True, "status": 1},
            {"video_id": 0, "id": 0, "status": 1},
            {"video_id": -3, "id": -3, "status": 1},
            {"video_id": 2**64, "id": 2**64, "status": 1},
            {"video_id": "abc", "id": "abc", "status": 1},
        ],
        ids=repr,
    )

    @RESPS
    def test_a_read_may_be_repeated(self, resp: Any) -> None:
        assert type(failure(READ, {"ErrCode": 0, "ErrMsg": "", "Resp": resp})) is PixVerseTransientError

    @RESPS
    def test_a_paid_job_may_exist(self, resp: Any) -> None:
        assert type(failure(PAID, {"ErrCode": 0, "ErrMsg": "", "Resp": resp})) is PixVerseAmbiguousSubmitError

    JSON = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
        max_leaves=8,
    )
    FIELDS_OF_JOBS = (
        "id",
        "status",
        "video_id",
        "img_id",
        "media_id",
        "media_type",
        "url",
        "size",
        "credits",
    )
    OTHER_FIELDS = ("data", "speaker_id", "name", "account_id", "credit_monthly", "credit_package")

    @given(
        code=JSON | st.just(0),
        resp=JSON | st.dictionaries(st.sampled_from(FIELDS_OF_JOBS + OTHER_FIELDS), JSON | st.integers(1, 9)),
        status=st.integers(200, 599),
        call=st.sampled_from([READ, PAID, balance_call(), voices_call(), image_from_url_call("https://a/b")]),
    )
    def test_no_answer_whatever_raises_anything_but_an_error_of_the_provider(
        self, code: Any, resp: Any, status: int, call: Call[Any]
    ) -> None:
        try:
            read(call, {"ErrCode": code, "ErrMsg": "text", "Resp": resp}, status)
        except PixVerseError as error:
            assert error.trace_id == TRACE  # noqa: PT017 - a success is as good

    @given(body=st.binary(max_size=60), status=st.integers(200, 599))
    def test_no_rubbish_whatever_is_taken_for_a_success(self, body: bytes, status: int) -> None:
        assert failure(PAID, body, status).trace_id == TRACE


class TestWhatAMessageSaysOfAnAnswer:
    """The decision is the same for a read and a submit; the message tells the one on call what came."""

    IDS: ClassVar = {"http_status": 200, "trace_id": TRACE, "video_id": READ.video_id, "retry_after": 30.0}
    NO_OBJECT: ClassVar = {"ErrCode": 0, "ErrMsg": "", "Resp": []}

    @pytest.mark.parametrize(
        ("body", "headers", "reason"),
        [
            (b"<html>", {}, "HTTP 200 without a PixVerse answer"),
            (b"[]", {}, "HTTP 200 without a PixVerse answer"),
            (b"[" * 65 + b"]" * 65, {}, "HTTP 200 with an answer nested deeper than 64 levels"),
            (b"{}", {"Content-Encoding": "gzip"}, "HTTP 200 with an answer that cannot be decompressed"),
            (b"{}", {"Content-Encoding": "br"}, "HTTP 200 with an answer in an unknown encoding"),
            (NO_OBJECT, {}, "a success with no object as Resp"),
        ],
    )
    def test_the_reason_is_named_and_so_is_what_it_came_with(
        self, body: Any, headers: dict[str, str], reason: str
    ) -> None:
        headers = headers | {"Retry-After": "30"}
        error = failure(READ, body, 200, headers)
        assert f": {reason}. Trace id {TRACE}." in str(error)
        assert {name: getattr(error, name) for name in self.IDS} == self.IDS
        lost = failure(PAID, body, 200, headers)
        assert f"was lost ({reason})" in str(lost)
        assert (lost.http_status, lost.trace_id, lost.retry_after) == (200, TRACE, 30.0)

    @pytest.mark.parametrize("name", ["Content-Encoding", "content-encoding"])
    def test_a_compressed_one_is_read(self, name: str) -> None:
        body = gzip.compress(json.dumps({"ErrCode": 0, "ErrMsg": "", "Resp": {"video_id": 7}}).encode())
        assert read(PAID, body, headers={name: "gzip"}).video_id == 7

    def test_why_it_could_not_be_read_is_the_cause_and_a_success_of_another_shape_has_none(self) -> None:
        assert isinstance(failure(READ, b"{}", headers={"Content-Encoding": "gzip"}).__cause__, ValueError)
        error = failure(READ, self.NO_OBJECT)
        # Its cause may quote the answer.
        assert (error.__cause__, error.__suppress_context__) == (None, True)

    def test_a_parser_that_stumbles_is_a_success_of_another_shape(self) -> None:
        for stumble in (ZeroDivisionError, AttributeError, KeyError, RecursionError, TypeError, ValueError):

            def parse(_: object, stumble: type[Exception] = stumble) -> Any:
                raise stumble("quoted")

            error = failure(replace(READ, parse=parse), {"ErrCode": 0, "ErrMsg": "", "Resp": {}})
            assert type(error) is PixVerseTransientError
            assert ": a success of another shape. Trace id" in str(error)
            assert "quoted" not in str(error)

    @pytest.mark.parametrize(
        ("call", "field"), [(video_call(7), "id"), (image_call(7), "image_id")], ids=["video", "image"]
    )
    def test_one_about_another_job_is_none_about_this_one(self, call: Call[Any], field: str) -> None:
        resp = {"status": 5, "url": "", field: 8}
        body = {"ErrCode": 0, "ErrMsg": "", "Resp": resp}
        error = failure(call, body, headers={"Retry-After": "30"})
        assert type(error) is PixVerseTransientError
        assert ": the answer is about job 8, not job 7. Trace id" in str(error)
        assert (error.http_status, error.trace_id, error.video_id) == (200, TRACE, 7)
        assert error.retry_after == 30.0
        assert read(call, body | {"Resp": resp | {field: 7}}).id == 7

    @pytest.mark.parametrize(
        ("body", "status"), [(b"<html>", 404), (json.dumps(refusal(400012)).encode(), 200)]
    )
    def test_the_connection_that_it_came_by_is_named(self, body: bytes, status: int) -> None:
        with pytest.raises(PixVerseError, match="connection 'studio'"):
            read_answer(
                READ,
                Answer(status, {}, body),
                trace_id=TRACE,
                api_key=KEY,
                now=NOW,
                connection="connection 'studio'",
            )


class TestTheKey:
    def test_a_key_that_the_service_repeats_in_its_text_is_not_shown(self) -> None:
        error = failure(READ, refusal(400012, f"key {KEY} is not valid"))
        assert KEY not in str(error)
        assert KEY not in repr(error)
        assert "key *** is not valid" in str(error)

    def test_a_key_at_the_end_of_what_is_shown_is_not_shown_in_part(self) -> None:
        text = str(failure(READ, refusal(400012, "x" * 190 + KEY)))
        assert KEY[:8] not in text

    @pytest.mark.parametrize(
        "resp", [{"id": KEY, "status": 5}, {"id": 5, "status": KEY}], ids=["id", "status"]
    )
    def test_a_key_that_the_service_repeats_in_a_result_is_not_shown(self, resp: dict[str, Any]) -> None:
        error = failure(READ, {"ErrCode": 0, "ErrMsg": "", "Resp": resp})
        assert KEY not in "".join(traceback.format_exception(error))

    def test_it_goes_into_its_own_header_without_a_prefix(self) -> None:
        assert request_headers(KEY, TRACE) == {
            "API-KEY": KEY,
            "Ai-Trace-Id": TRACE,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("0", 0.0),
            ("120", 120.0),
            (" 7 ", 7.0),
            ("Mon, 05 Jan 2026 09:00:30 GMT", 30.0),
            ("Mon, 05 Jan 2026 10:00:30 +0100", 30.0),
            ("Mon, 05 Jan 2026 08:00:00 GMT", 0.0),
            ("Mon, 05 Jan 2026 09:00:30", None),
            ("Mon, 05 Jan 2026 09:00:30 -0000", None),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
            ("١٢", None),
            ("Mon, 99 Foo 2026 99:99:99 GMT", None),
        ],
    )
    def test_seconds_and_dates_are_read_and_the_rest_is_left_aside(
        self, value: str, seconds: float | None
    ) -> None:
        assert retry_after_seconds({"Retry-After": value}, NOW) == seconds

    def test_an_answer_without_it_asks_for_nothing(self) -> None:
        assert retry_after_seconds({"Content-Type": "text/html"}, NOW) is None

    @given(st.text() | st.from_regex(r"\w{3}, \d{1,6} (Jan|Feb) \d{1,9} \d\d:\d\d:\d\d (GMT|[+-]\d{4,7})"))
    def test_no_value_whatever_is_an_error_or_a_negative_pause(self, value: str) -> None:
        seconds = retry_after_seconds({"Retry-After": value}, NOW)
        assert seconds is None or seconds >= 0


class TestNetworkErrors:
    def test_a_read_may_be_repeated_and_only_the_kind_of_error_is_shown(self) -> None:
        error = network_error(READ, OSError(f"https://host/?key={KEY}"), trace_id=TRACE, sent=True)
        assert type(error) is PixVerseTransientError
        assert "OSError" in str(error)
        assert KEY not in str(error)

    def test_a_paid_request_that_was_sent_may_have_made_a_job(self) -> None:
        error = network_error(PAID, TimeoutError(), trace_id=TRACE, sent=True)
        assert type(error) is PixVerseAmbiguousSubmitError
        assert str(error) == (
            "The answer to the request to submit the lip sync was lost (TimeoutError), so a paid job may "
            f"exist. Repeating the request under the same trace id {TRACE} starts no second job."
        )
        assert (error.trace_id, error.http_status) == (TRACE, None)

    @pytest.mark.parametrize(
        ("base_url", "place"),
        [("", ""), ("https://app-api.pixverse.ai", " at https://app-api.pixverse.ai")],
    )
    def test_where_pixverse_was_looked_for_is_said(self, base_url: str, place: str) -> None:
        error = network_error(READ, ConnectionError(), trace_id=TRACE, sent=True, base_url=base_url)
        assert str(error) == (
            f"PixVerse could not be reached{place} to read video 343252978602905 (ConnectionError). Trace id "
            f"{TRACE}."
        )
        assert (error.trace_id, error.video_id) == (TRACE, 343252978602905)

    def test_a_paid_request_that_was_not_sent_made_none(self) -> None:
        error = network_error(PAID, ConnectionError(), trace_id=TRACE, sent=False)
        assert type(error) is PixVerseTransientError


class TestTraceIds:
    def test_each_is_a_fresh_uuid(self) -> None:
        ids = {new_trace_id() for _ in range(100)}
        assert len(ids) == 100
        assert {uuid.UUID(text).version for text in ids} == {4}


class TestExceptions:
    FAMILY = tuple(getattr(exceptions, name) for name in exceptions.__all__ if name.startswith("PixVerse"))

    @pytest.mark.parametrize("error_class", FAMILY)
    def test_each_is_of_the_family_and_says_what_it_means(self, error_class: type[PixVerseError]) -> None:
        assert issubclass(error_class, AirflowException)
        assert issubclass(error_class, PixVerseError)
        assert error_class.__doc__

    @pytest.mark.parametrize(
        "error_class",
        [
            PixVerseAuthenticationError,
            PixVerseInvalidRequestError,
            PixVerseInsufficientCreditsError,
            PixVerseModerationError,
            PixVersePlanError,
            exceptions.PixVerseConfigurationError,
            exceptions.PixVerseUnresolvedSubmitError,
        ],
    )
    def test_what_a_retry_cannot_help_burns_none(self, error_class: type[PixVerseError]) -> None:
        assert issubclass(error_class, AirflowFailException)

    @pytest.mark.parametrize(
        "error_class",
        [
            PixVerseTransientError,
            PixVerseRateLimitError,
            PixVerseCapacityError,
            PixVerseAmbiguousSubmitError,
            exceptions.PixVerseGenerationFailedError,
            exceptions.PixVerseWaitTimeoutError,
            exceptions.PixVerseDownloadError,
            exceptions.PixVerseTriggerEventError,
        ],
    )
    def test_what_a_retry_can_help_is_retried(self, error_class: type[PixVerseError]) -> None:
        assert not issubclass(error_class, AirflowFailException)
