"""What a page says of a task, from what the task has left."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from pixverse_provider.jobs.outcome import Outcome
from pixverse_provider.jobs.record import JobRecord
from pixverse_provider.plugin.chart import MOST_DAGS, OTHERS, chart, spending_of
from pixverse_provider.plugin.facts import Job, TaskVideo, attempts_of, credit_text
from pixverse_provider.plugin.versions import TaskRow, TryRow

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
AT = NOON.timestamp()


def minute(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def row(
    state: str | None = "success", try_number: int = 1, start: float = 0, label: str | None = None
) -> TaskRow:
    return TaskRow("make", -1, state, "PixVerseLipSyncOperator", try_number, minute(start), None, label)


def record(job_id: int | None = 7, **fields: Any) -> JobRecord:
    return JobRecord(
        **{
            "trace_id": "t",
            "clear_marker": 2,
            "sequence": 0,
            "submitted_at": AT,
            "accepted_at": AT,
            "job_id": job_id,
            "credits": 20.0,
            "try_number": 1,
            **fields,
        }
    )


def seen(
    state: str | None = "success", job: JobRecord | None = None, xcom: Any = None, **of_row: Any
) -> TaskVideo:
    return TaskVideo.of(
        "d",
        "r",
        row(state, **of_row),
        xcom=None if xcom is None else ("video", xcom),
        record=None if job is None else job.to_json(),
    )


@pytest.mark.parametrize(
    ("task_state", "job", "said"),
    [
        ("running", None, "waiting"),
        (None, None, "waiting"),
        ("queued", None, "waiting"),
        ("failed", None, "no job"),
        ("upstream_failed", None, "no job"),
        ("success", None, "no job"),
        ("deferred", record(), "running"),
        ("up_for_retry", record(), "running"),
        ("running", record(None, answer_lost=True), "waiting"),
        ("success", record(), "running"),
        ("failed", record(), "failed"),
        ("success", record().ended(Outcome.SUCCESS, AT), "success"),
        ("failed", record().ended(Outcome.FAILED, AT), "failed"),
        ("failed", record().ended(Outcome.MODERATED, AT), "moderated"),
        ("failed", record().ended(Outcome.DELETED, AT), "deleted"),
        ("up_for_retry", record().ended(Outcome.GIVEN_UP, AT), "given up"),
    ],
)
def test_the_state_is_that_of_the_job_and_else_that_of_the_task(
    task_state: str | None, job: JobRecord | None, said: str
) -> None:
    assert seen(task_state, job).state == said


def test_an_id_above_what_javascript_can_hold_stays_whole() -> None:
    job = seen("success", record(2**64 - 1)).job
    assert job is not None
    assert job.job_id == "18446744073709551615"


def test_a_refund_is_taken_off_what_all_jobs_of_a_task_have_cost() -> None:
    first = record(5).ended(Outcome.FAILED, AT + 60, message="It failed.")
    second = record(7, try_number=2, earlier=first.history(), credits=30.0).ended(Outcome.SUCCESS, AT + 90)
    video = seen("success", second, try_number=2)
    assert [(job.job_id, job.spent) for job in video.jobs] == [("7", 30.0), ("5", 0.0)]
    assert (video.spent, video.refunded) == (30.0, 20.0)


def test_a_row_for_each_try_says_what_was_paid_and_what_was_found_again() -> None:
    first = record(5).ended(Outcome.FAILED, AT + 60, message="It failed.")
    second = record(7, try_number=2, submitted_at=AT + 120, accepted_at=AT + 120, earlier=first.history())
    video = seen("success", second.ended(Outcome.SUCCESS, AT + 400), try_number=3, start=5)
    tries = [TryRow(1, "failed", minute(0), minute(1)), TryRow(2, "failed", minute(2), minute(3))]

    rows = [(row.number, row.job and row.job.job_id, row.how) for row in attempts_of(video, tries)]

    assert rows == [(3, "7", "found again"), (2, "7", "paid"), (1, "5", "paid")]


def test_a_try_that_made_no_job_has_none() -> None:
    first = record(5).ended(Outcome.FAILED, AT + 60)
    tries = [TryRow(1, "failed", minute(0), minute(1))]
    video = seen("failed", first, try_number=2, start=10)
    assert [(row.number, row.how) for row in attempts_of(video, tries)] == [(2, ""), (1, "paid")]


def test_two_jobs_of_one_try_have_a_row_each() -> None:
    first = record(5, replayed=True).ended(Outcome.GIVEN_UP, AT + 60)
    video = seen("success", record(7, earlier=first.history()).ended(Outcome.SUCCESS, AT + 90))
    assert [row.job and row.job.job_id for row in attempts_of(video, [])] == ["7", "5"]


def test_the_record_is_the_younger_where_the_xcom_is_about_another_job() -> None:
    video = seen("running", record(9), xcom={"video_id": 7, "outcome": "failed", "credits": 45})
    assert [job.job_id for job in video.jobs] == ["9"]
    assert video.state == "running"


def test_the_xcom_is_all_there_is_below_airflow_3_3() -> None:
    video = seen("success", xcom={"video_id": "7", "status": 1, "trace_id": "t", "credits": 45})
    assert (video.state, video.spent, video.has_record) == ("success", 45, False)
    assert len(attempts_of(video, [])) == 1


def test_a_tile_is_called_by_its_label_or_by_task_and_index() -> None:
    assert seen().name == "make"
    mapped = TaskRow("make", 3, "success", "", 1, None, None, "3")
    assert TaskVideo.of("d", "r", mapped).name == "make [3]"
    named = TaskRow("make", 3, "success", "", 1, None, None, "a paper boat")
    assert TaskVideo.of("d", "r", named).name == "a paper boat"


@pytest.mark.parametrize(
    "kept", [None, 5, "x", [], {}, {"trace_id": "t"}, {"trace_id": "t", "submitted_at": "?"}]
)
def test_a_record_that_cannot_be_read_is_none(kept: Any) -> None:
    assert TaskVideo.of("d", "r", row(), record=kept).jobs == ()


def of_day(dag_id: str, days_ago: int, charged: float, refunded: float = 0) -> TaskVideo:
    job = Job("7", charged=charged, refunded=refunded, submitted=NOON - timedelta(days=days_ago))
    return TaskVideo(dag_id, "r", "make", jobs=(job,))


def test_credits_are_summed_by_day_and_dag_and_a_refund_counts_on_the_day_of_the_submit() -> None:
    spending = spending_of(
        [of_day("a", 0, 20), of_day("a", 0, 45, 45), of_day("b", 1, 30), of_day("a", 9, 99)],
        7,
        date(2026, 11, 27),
    )
    assert spending.dags == ["b", "a"]
    assert spending.values[-2:] == [[30, 0], [0, 20]]
    assert spending.total == 50


def test_many_dags_share_one_colour_at_the_end() -> None:
    spending = spending_of([of_day(f"d{n}", 0, 100 - n) for n in range(20)], 7, date(2026, 11, 27))
    assert len(spending.dags) == MOST_DAGS + 1
    assert spending.dags[-1] == OTHERS
    assert spending.total == sum(100 - n for n in range(20))


def test_a_chart_holds_no_markup_that_a_dag_brings() -> None:
    text = str(chart(spending_of([of_day("<script>", 0, 5)], 7, date(2026, 11, 27))))
    assert "<script>" not in text
    assert "&lt;script&gt;: 5 credits" in text


def test_a_chart_of_nothing_is_empty_and_stands() -> None:
    assert "<rect" not in chart(spending_of([], 30, date(2026, 11, 27)))


@pytest.mark.parametrize(("amount", "text"), [(None, "–"), (0.0, "0"), (1234.0, "1,234"), (2.5, "2.50")])  # noqa: RUF001
def test_credits_are_written_as_people_write_them(amount: float | None, text: str) -> None:
    assert credit_text(amount) == text
