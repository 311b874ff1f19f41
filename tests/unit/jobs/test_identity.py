"""Which job belongs to a task: its identity, the fingerprint of its input, and the trace id made of them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.generations import LipSyncRequest
from pixverse_provider.jobs.identity import Attempt, TaskIdentity, fingerprint_of, submit_trace_id
from tests.unit.jobs.making import REQUEST, RUN, context_of

# Short texts over few letters often meet; the letters are those that a careless join would trip over.
TRICKY = st.text(alphabet="a1\",'[]\\ \n/:-\u00e4\uff61\u2044\u0430\u0301\U0001f600", max_size=4)
LOOPS = st.none() | st.tuples(st.integers(0, 3), st.none() | TRICKY)
IDENTITIES = st.builds(TaskIdentity, TRICKY, TRICKY, TRICKY, TRICKY, st.integers(-1, 12), LOOPS)
KEYS = st.tuples(IDENTITIES, st.none() | st.integers(0, 12), TRICKY, st.integers(0, 12))

PINNED_FINGERPRINT = "61625a385c44b79c388da7c54b9eefd06df4d4d0ca673a16c839da38ec5f4558"
PINNED_FINGERPRINT_IN_JAPANESE = "47b86c95f20a88684818b8370c2fd908c0b2d6bcf419095f104b518d33a2157e"
PINNED_TRACE_ID = "2e57821b-e9ae-5b56-8616-0be7f196ed9c"
PINNED_TRACE_ID_IN_JAPANESE = "4d2135d4-3b92-56fa-9c32-bb145686663d"


class TestTraceIds:
    @given(KEYS, KEYS)
    def test_no_two_jobs_share_one_and_one_job_has_always_the_same(self, one: Any, other: Any) -> None:
        assert (submit_trace_id(*one) == submit_trace_id(*other)) is (one == other)
        assert uuid.UUID(submit_trace_id(*one)).version == 5

    @given(text=st.text(alphabet="a1\",'[]\\ :-", max_size=12), data=st.data())
    def test_it_matters_where_one_name_ends_and_the_next_begins(self, text: str, data: st.DataObject) -> None:
        cuts = st.lists(st.integers(0, len(text)), min_size=3, max_size=3).map(sorted)
        one, other = (cut_up(text, data.draw(cuts)) for _ in range(2))
        assert (submit_trace_id(one, 0, "f", 0) == submit_trace_id(other, 0, "f", 0)) is (one == other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (("c", "a", "b", "t", -1), ("c", "a,b", "", "t", -1)),
            (("c", 'a", "b', "r", "t", -1), ("c", "a", "b", "t", -1)),
            (("c", "d", "r", "t", 1), ("c", "d", "r", "t1", -1)),
            (("c", "d", "r", "t", 11), ("c", "d", "r", "t", 1)),
            (("c", "a\u0301", "r", "t", -1), ("c", "\u00e1", "r", "t", -1)),
            (("c", "\\u00e1", "r", "t", -1), ("c", "\u00e1", "r", "t", -1)),
            (("c", "\u0430", "r", "t", -1), ("c", "a", "r", "t", -1)),
            (("c", "\U0001f600", "r", "t", -1), ("c", "\\ud83d\\ude00", "r", "t", -1)),
        ],
    )
    def test_names_that_look_alike_are_told_apart(self, one: Any, other: Any) -> None:
        assert submit_trace_id(TaskIdentity(*one), 0, "f", 0) != submit_trace_id(
            TaskIdentity(*other), 0, "f", 0
        )

    def test_no_clear_marker_is_not_the_first_clear_marker(self) -> None:
        identity = TaskIdentity("c", "d", "r", "t", -1)
        assert submit_trace_id(identity, None, "f", 0) != submit_trace_id(identity, 0, "f", 0)

    def test_the_derivation_never_changes_since_every_waiting_task_would_pay_again(self) -> None:
        identity = TaskIdentity("pixverse_default", "films", RUN, "lip_sync", -1)
        assert fingerprint_of(REQUEST) == PINNED_FINGERPRINT
        assert submit_trace_id(identity, 2, PINNED_FINGERPRINT, 0) == PINNED_TRACE_ID
        in_japanese = TaskIdentity("pixverse_default", "\u6620\u753b", RUN, "lip_sync", -1)
        assert submit_trace_id(in_japanese, 2, PINNED_FINGERPRINT, 0) == PINNED_TRACE_ID_IN_JAPANESE
        speech = LipSyncRequest(
            source_video_id=1, lip_sync_tts_speaker_id="auto", lip_sync_tts_content="\u3042\U0001f600"
        )
        assert fingerprint_of(speech) == PINNED_FINGERPRINT_IN_JAPANESE


def cut_up(text: str, cuts: list[int]) -> TaskIdentity:
    first, second, third = cuts
    return TaskIdentity(text[:first], text[first:second], text[second:third], text[third:], -1)


class TestWhatATaskIs:
    def test_it_is_read_from_the_context(self) -> None:
        identity = TaskIdentity.of(context_of(None, map_index=3), "pixverse_eu")
        assert identity == TaskIdentity("pixverse_eu", "films", RUN, "lip_sync", 3)

    def test_a_task_that_is_not_mapped_is_the_same_whichever_way_airflow_says_so(self) -> None:
        assert {
            TaskIdentity.of(context_of(None, map_index=index), "c").map_index for index in (-1, None)
        } == {-1}

    def test_each_iteration_of_a_loop_is_another_task_and_so_is_the_same_in_another_region(self) -> None:
        contexts = [
            context_of(None),
            *(context_of(None, loop_index=index, region_id=7) for index in (0, 1)),
            context_of(None, loop_index=0, region_id=8),
        ]
        ids = {submit_trace_id(TaskIdentity.of(context, "c"), 0, "f", 0) for context in contexts}
        assert len(ids) == 4

    def test_outside_a_loop_a_region_changes_nothing_since_mapped_tasks_have_one_too(self) -> None:
        assert TaskIdentity.of(context_of(None, region_id=7), "c") == TaskIdentity.of(context_of(None), "c")

    def test_a_loop_without_a_region_is_a_loop(self) -> None:
        context = context_of(None, loop_index=0)
        assert TaskIdentity.of(context, "c").loop == (0, None)
        del context["ti"].region_id
        assert TaskIdentity.of(context, "c").loop == (0, None)


class TestAttempts:
    @pytest.mark.parametrize(
        ("try_number", "max_tries", "retries", "since_clear", "is_last"),
        [
            (1, 2, 2, 1, False),
            (2, 2, 2, 2, False),
            (3, 2, 2, 3, True),
            (1, 0, 0, 1, True),
            # A clear after the first try, and after all three: Airflow adds the retries to the last try.
            (2, 3, 2, 1, False),
            (4, 5, 2, 1, False),
            (5, 5, 2, 2, False),
            (6, 5, 2, 3, True),
            (2, 1, 0, 1, True),
            # The retries of the DAG have been raised since the task was created.
            (1, 2, 5, 1, False),
            (2, 2, 5, 2, False),
        ],
    )
    def test_they_are_counted_from_the_last_clear_on(
        self, try_number: int, max_tries: int, retries: int, since_clear: int, *, is_last: bool
    ) -> None:
        context = context_of(None, try_number=try_number, max_tries=max_tries)
        attempt = Attempt.of(context, retries=retries, reuse_on_clear=False)
        assert (attempt.since_clear, attempt.is_last) == (since_clear, is_last)

    def test_where_a_clear_keeps_the_job_the_tries_before_it_count_too(self) -> None:
        context = context_of(None, try_number=5, max_tries=5)
        assert Attempt.of(context, retries=2, reuse_on_clear=True).since_clear == 5


class TestFingerprints:
    def test_the_same_input_has_the_same_one_however_it_was_written(self) -> None:
        as_text: dict[str, Any] = {
            "source_video_id": "343252978602905",
            "video_media_id": 0,
            "audio_media_id": " 425662507205762",
        }
        assert fingerprint_of(LipSyncRequest(**as_text)) == fingerprint_of(REQUEST)

    @pytest.mark.parametrize(
        "other",
        [
            LipSyncRequest(source_video_id=343252978602906, audio_media_id=425662507205762),
            LipSyncRequest(video_media_id=343252978602905, audio_media_id=425662507205762),
            LipSyncRequest(
                source_video_id=343252978602905, lip_sync_tts_speaker_id="7", lip_sync_tts_content="Hi"
            ),
        ],
    )
    def test_another_input_has_another(self, other: LipSyncRequest) -> None:
        assert fingerprint_of(other) != fingerprint_of(REQUEST)
