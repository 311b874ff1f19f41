"""How a wait ended: what a status means, what a user is told, and the event that carries it."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider import exceptions
from pixverse_provider.api.results import ImageResult, JobResult, Video
from pixverse_provider.exceptions import (
    PixVerseAuthenticationError,
    PixVerseConfigurationError,
    PixVerseError,
    PixVerseGenerationFailedError,
    PixVerseModerationError,
    PixVerseNotFoundError,
    PixVersePermanentError,
    PixVerseTransientError,
    PixVerseTriggerEventError,
    PixVerseVideoDeletedError,
    PixVerseWaitTimeoutError,
    error_from_dict,
)
from pixverse_provider.jobs.outcome import (
    NextSteps,
    Outcome,
    WaitResult,
    make_event,
    outcome_of,
    read_event,
)

VIDEO_ID = 2**64 - 1
URL = "https://media.pixverse.ai/a.mp4?Signature=s3cr3t"
FAMILY = [getattr(exceptions, name) for name in exceptions.__all__ if name.startswith("PixVerse")]


class TestStatuses:
    @pytest.mark.parametrize("result_class", [Video, ImageResult])
    @pytest.mark.parametrize(
        ("status", "outcome"),
        [
            (1, Outcome.SUCCESS),
            (6, Outcome.DELETED),
            (7, Outcome.MODERATED),
            (8, Outcome.FAILED),
            *[(status, None) for status in (0, 2, 3, 4, 5, 9, 10, 17, 99, -1)],
        ],
    )
    def test_four_of_them_end_a_job_and_every_other_one_counts_as_running(
        self, result_class: type[JobResult], status: int, outcome: Outcome | None
    ) -> None:
        assert outcome_of(result_class(VIDEO_ID, status, url=URL)) is outcome

    @pytest.mark.parametrize("result_class", [Video, ImageResult])
    def test_a_success_without_a_url_is_not_done_yet(self, result_class: type[JobResult]) -> None:
        assert outcome_of(result_class(VIDEO_ID, 1)) is None

    @pytest.mark.parametrize("status", [6, 7, 8])
    def test_the_other_ends_need_no_url(self, status: int) -> None:
        assert outcome_of(Video(VIDEO_ID, status)) is not None


class TestWhatAUserIsTold:
    @pytest.mark.parametrize(
        ("outcome", "error_class", "at_once"),
        [
            (Outcome.FAILED, PixVerseGenerationFailedError, False),
            (Outcome.DELETED, PixVerseVideoDeletedError, False),
            (Outcome.MODERATED, PixVerseModerationError, True),
            (Outcome.TIMEOUT, PixVerseWaitTimeoutError, False),
            (Outcome.GIVEN_UP, PixVerseWaitTimeoutError, False),
        ],
    )
    def test_an_ending_is_an_error_that_names_the_video_and_says_whether_a_retry_helps(
        self, outcome: Outcome, error_class: type[PixVerseError], *, at_once: bool
    ) -> None:
        error = WaitResult(outcome, VIDEO_ID, 12.0).failure()
        assert type(error) is error_class
        assert error.video_id == VIDEO_ID
        assert str(VIDEO_ID) in str(error)
        assert isinstance(error, AirflowFailException) is at_once

    STEPS = NextSteps("A retry waits on.", "A retry pays.")

    @pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.DELETED, Outcome.GIVEN_UP])
    def test_where_a_job_is_over_it_says_what_comes_next(self, outcome: Outcome) -> None:
        text = str(WaitResult(outcome, 7, 12.0).failure(self.STEPS))
        assert "A retry pays." in text
        assert "waits on" not in text

    def test_where_a_job_goes_on_it_says_what_a_user_can_do(self) -> None:
        timeout = str(WaitResult(Outcome.TIMEOUT, 7, 12.0).failure(self.STEPS))
        assert timeout == (
            "PixVerse video 7 was not done after 12 s. The job goes on at PixVerse and is paid. A retry "
            "waits on."
        )
        refused = WaitResult(Outcome.ERROR, 7, 1.0, error=PixVersePermanentError("HTTP 404."))
        assert str(refused.failure(self.STEPS)) == (
            "HTTP 404. PixVerse video 7 goes on and is paid. A retry waits on."
        )

    def test_what_was_moderated_is_refused_again_so_no_retry_is_advised(self) -> None:
        assert str(WaitResult(Outcome.MODERATED, 7, 12.0).failure(self.STEPS)) == (
            "PixVerse video 7 did not pass the content moderation of PixVerse (status 7) and is refunded "
            "there. Change the prompt, text or media: the same content is refused again."
        )

    def test_where_nothing_comes_next_the_message_ends_with_what_happened(self) -> None:
        assert str(WaitResult(Outcome.DELETED, 7, 12.0).failure()) == (
            "PixVerse video 7 was deleted (status 6)."
        )

    def test_where_no_poll_has_worked_a_deadline_does_not_say_that_the_job_goes_on(self) -> None:
        error = PixVerseTransientError("HTTP 502.")
        assert str(WaitResult(Outcome.TIMEOUT, 7, 12.0, error=error).failure(self.STEPS)) == (
            "PixVerse video 7 was not done after 12 s. No poll of it worked, so it may be done by now; it is "
            "paid. A retry waits on. The last poll failed: HTTP 502."
        )
        assert str(WaitResult(Outcome.TIMEOUT, 7, 12.0, Video(7, 5), error=error).failure()) == (
            "PixVerse video 7 was not done after 12 s. The job goes on at PixVerse and is paid. The last "
            "poll failed: HTTP 502."
        )

    def test_an_image_is_named_as_one(self) -> None:
        error = WaitResult(Outcome.TIMEOUT, 7, 12.0, media_type="image").failure()
        assert str(error).startswith("PixVerse image 7 was not done after 12 s")

    def test_the_last_error_and_unknown_statuses_are_named_at_a_deadline(self) -> None:
        result = WaitResult(
            Outcome.TIMEOUT,
            7,
            12.0,
            Video(7, 9),
            error=PixVerseTransientError("HTTP 502"),
            unknown_statuses=(9, 10),
        )
        assert "does not document: 9, 10." in str(result.failure())
        assert "The last poll failed: HTTP 502" in str(result.failure())

    def test_a_job_that_is_done_but_has_no_url_is_named_as_such_at_a_deadline(self) -> None:
        result = WaitResult(Outcome.TIMEOUT, 7, 12.0, Video(7, 1))
        assert "PixVerse says that it is done, but has given no URL for it." in str(result.failure())
        assert "no URL" not in str(WaitResult(Outcome.TIMEOUT, 7, 12.0, Video(7, 5)).failure())

    @pytest.mark.parametrize(
        "error",
        [
            PixVerseAuthenticationError("wrong key", err_code=400012),
            PixVerseConfigurationError("no connection"),
            PixVersePermanentError("HTTP 404"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_an_error_that_ended_the_wait_keeps_its_class_and_names_the_video(
        self, error: PixVerseError
    ) -> None:
        failure = WaitResult(Outcome.ERROR, VIDEO_ID, 1.0, error=error).failure()
        assert type(failure) is type(error)
        assert failure.err_code == error.err_code
        assert failure.video_id == VIDEO_ID
        assert str(error) in str(failure)
        assert str(VIDEO_ID) in str(failure)
        assert isinstance(failure, AirflowFailException)

    def test_a_video_that_pixverse_does_not_know_is_not_said_to_go_on(self) -> None:
        error = PixVerseNotFoundError("PixVerse knows no video 7.", err_code=500008)
        failure = WaitResult(Outcome.ERROR, 7, 1.0, error=error).failure(self.STEPS)
        assert type(failure) is PixVerseNotFoundError
        assert str(failure) == (
            "PixVerse knows no video 7. PixVerse video 7 was paid and cannot be read any more. A retry pays."
        )

    def test_a_success_is_no_error(self) -> None:
        assert WaitResult(Outcome.SUCCESS, 7, 12.0, Video(7, 1)).failure() is None


RESULTS = st.builds(
    WaitResult,
    outcome=st.sampled_from(Outcome),
    job_id=st.integers(1, 2**64 - 1),
    waited=st.floats(0, 1e6),
    result=st.none()
    | st.builds(Video, st.integers(1, 2**64 - 1), st.integers(0, 20), prompt=st.text())
    | st.builds(ImageResult, st.integers(1, 2**64 - 1), st.integers(0, 20)),
    error=st.none(),
    unknown_statuses=st.lists(st.integers(-5, 50)).map(tuple),
    media_type=st.sampled_from(["video", "image"]),
)


class TestEvents:
    @given(
        results=st.lists(RESULTS, min_size=1, max_size=4),
        job=st.none() | st.just({"trace_id": "t", "clear_marker": None}),
        deadline=st.none() | st.floats(1, 4e9),
    )
    def test_an_event_comes_back_from_the_database_as_it_went(
        self, results: list[WaitResult], job: dict[str, Any] | None, deadline: float | None
    ) -> None:
        event = json.loads(json.dumps(make_event(results, job, deadline)))
        assert read_event(event) == (results, job, deadline)

    def test_one_of_the_first_version_that_does_not_say_what_was_made_is_of_a_video(self) -> None:
        event = make_event([WaitResult(Outcome.SUCCESS, 7, 1.0)], None)
        del event["results"][0]["media_type"]
        (result,), _, _ = read_event(event)
        assert result.media_type == "video"

    def test_the_error_comes_back_as_well(self) -> None:
        error = PixVerseAuthenticationError("wrong key", err_code=400012, http_status=200, trace_id="t")
        result = WaitResult(Outcome.ERROR, VIDEO_ID, 1.0, error=error)
        (back,), _, _ = read_event(json.loads(json.dumps(make_event([result], None))))
        assert back.error is not None
        assert type(back.error) is PixVerseAuthenticationError
        assert back.error.to_dict() == error.to_dict()

    def test_no_signed_url_is_kept_in_the_database(self) -> None:
        event = make_event([WaitResult(Outcome.SUCCESS, VIDEO_ID, 1.0, Video(VIDEO_ID, 1, url=URL))], None)
        assert "Signature" not in json.dumps(event)

    def test_an_id_is_kept_as_digits(self) -> None:
        event = make_event([WaitResult(Outcome.SUCCESS, VIDEO_ID, 1.0)], None)
        assert event["results"][0]["job_id"] == str(VIDEO_ID)

    GOOD = make_event([WaitResult(Outcome.SUCCESS, 7, 1.0, Video(7, 1))], None)

    @pytest.mark.parametrize(
        "event",
        [
            None,
            "done",
            5,
            [],
            {},
            {"status": "success"},
            {"results": None, "job": None},
            {"results": [], "job": None},
            {"results": "x", "job": None},
            {"results": [None], "job": None},
            {"results": [{}], "job": None},
            {"results": GOOD["results"]},
            {"results": GOOD["results"], "job": 5},
            {"results": GOOD["results"], "job": "text"},
            {"results": GOOD["results"], "job": None, "deadline": "soon"},
            {"results": GOOD["results"], "job": None, "deadline": [1]},
            {"results": [GOOD["results"][0] | {"outcome": "splendid"}], "job": None},
            {"results": [GOOD["results"][0] | {"job_id": "x"}], "job": None},
            {"results": [GOOD["results"][0] | {"job_id": None}], "job": None},
            {"results": [GOOD["results"][0] | {"waited": "long"}], "job": None},
            {"results": [GOOD["results"][0] | {"result": {"status": 1}}], "job": None},
            {"results": [GOOD["results"][0] | {"result": "x"}], "job": None},
            {"results": [GOOD["results"][0] | {"error": "x"}], "job": None},
            {"results": [GOOD["results"][0] | {"unknown_statuses": None}], "job": None},
        ],
        ids=repr,
    )
    def test_rubbish_is_told_from_an_event_and_a_retry_helps(self, event: Any) -> None:
        with pytest.raises(PixVerseTriggerEventError, match="a retry waits for them again") as caught:
            read_event(event)
        assert not isinstance(caught.value, AirflowFailException)


class TestErrorsThatTravel:
    @pytest.mark.parametrize("error_class", FAMILY)
    @pytest.mark.parametrize("video_id", [None, VIDEO_ID])
    def test_every_error_survives_json(self, error_class: type[PixVerseError], video_id: int | None) -> None:
        error = error_class(
            "what happened", err_code=500044, http_status=200, trace_id="t", video_id=video_id
        )
        back = error_from_dict(json.loads(json.dumps(error.to_dict())))
        assert type(back) is error_class
        assert str(back) == "what happened"
        assert (back.err_code, back.http_status, back.trace_id, back.video_id) == (500044, 200, "t", video_id)

    @pytest.mark.parametrize("error_class", FAMILY)
    def test_every_error_survives_a_pickle(self, error_class: type[PixVerseError]) -> None:
        error = error_class("what happened", err_code=500044, retry_after=3.0, video_id=VIDEO_ID)
        back = pickle.loads(pickle.dumps(error))  # noqa: S301 - of our own making
        assert type(back) is error_class
        assert (str(back), back.err_code, back.retry_after, back.video_id, back.answer_lost) == (
            "what happened",
            500044,
            3.0,
            VIDEO_ID,
            False,
        )

    def test_an_error_about_an_id_that_is_none_is_still_that_error(self) -> None:
        error = {"type": "PixVerseTransientError", "message": "what happened", "video_id": "x"}
        event = {"results": [TestEvents.GOOD["results"][0] | {"error": error}], "job": None}
        (result,), _, _ = read_event(event)
        assert type(result.error) is PixVerseTransientError
        assert result.error.video_id is None

    @pytest.mark.parametrize("name", ["PixVerseErrorOfTomorrow", "ValueError", "", None, "dict"])
    def test_an_error_of_another_version_is_still_an_error_of_the_family(self, name: Any) -> None:
        assert type(error_from_dict({"type": name, "message": "what happened"})) is PixVerseError
