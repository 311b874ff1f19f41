"""What a user is told to do about a job that goes on, or is over, after this attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pixverse_provider.jobs.advice import Advice
from pixverse_provider.jobs.watch import GIVE_UP_AGE
from tests.unit.jobs.making import NOW, record

if TYPE_CHECKING:
    from pixverse_provider.jobs.outcome import NextSteps

LAND_IT = "Or land it with PixVerseVideoSensor and PixVerseDownloadVideoOperator (video_id=7)."
PAYS_AGAIN = "a clear of the task submits a new job, which is paid again"


def said(*, job: Any = None, media_type: Any = "video", now: float = NOW, **change: bool) -> NextSteps:
    """Return what is said, by default at the last try on Airflow 3.3, where nothing was picked up yet."""
    flags = {
        "last_try": True,
        "durable": True,
        "reuse_on_clear": False,
        "keeps_records": True,
        "clear_drops_records": False,
    }
    return Advice(**(flags | change)).next_steps(job or record(job_id=7), media_type, now)


class TestBeforeTheLastTry:
    def test_a_retry_waits_for_the_same_job_and_makes_one_that_is_over_anew(self) -> None:
        steps = said(last_try=False)
        assert steps.goes_on == "A retry waits for the same job and pays nothing again."
        assert steps.is_over == "A retry submits a new job."

    def test_without_durability_it_is_paid_again(self) -> None:
        steps = said(last_try=False, durable=False, keeps_records=False)
        assert steps.goes_on == steps.is_over
        assert steps.goes_on == "A retry submits a new job, which is paid again (durable=False)."

    @pytest.mark.parametrize("name", ["reuse_on_clear", "keeps_records", "clear_drops_records"])
    @pytest.mark.parametrize("value", [False, True])
    def test_what_a_clear_would_do_does_not_matter(self, name: str, *, value: bool) -> None:
        assert said(last_try=False, **{name: value}) == said(last_try=False)


class TestAtTheLastTry:
    @pytest.mark.parametrize(
        ("airflow", "change", "clear"),
        [
            ("3.1 and 3.2", {"keeps_records": False}, PAYS_AGAIN),
            ("3.3", {}, "the first clear of the task picks this job up and pays nothing"),
            (
                "3.4",
                {"clear_drops_records": True},
                (
                    "the first clear of the task that keeps its task state picks this job up and pays "
                    "nothing; one that does not pays again"
                ),
            ),
        ],
    )
    def test_what_a_clear_does_depends_on_the_version_of_airflow(
        self, airflow: str, change: dict[str, bool], clear: str
    ) -> None:
        assert said(**change).goes_on == f"No retry is left: {clear}. {LAND_IT}"

    @pytest.mark.parametrize("change", [{}, {"clear_drops_records": True}], ids=["3.3", "3.4"])
    def test_a_job_that_was_picked_up_is_not_picked_up_again(self, change: dict[str, bool]) -> None:
        steps = said(job=record(job_id=7, picked_up=True), **change)
        assert steps.goes_on == f"No retry is left: {PAYS_AGAIN}. {LAND_IT}"

    @pytest.mark.parametrize("change", [{}, {"keeps_records": False}, {"clear_drops_records": True}])
    @pytest.mark.parametrize("picked_up", [False, True])
    def test_reuse_on_clear_lands_it_in_every_version(
        self, change: dict[str, bool], *, picked_up: bool
    ) -> None:
        steps = said(job=record(job_id=7, picked_up=picked_up), reuse_on_clear=True, **change)
        assert steps.goes_on == (
            f"No retry is left: a clear of the task waits for the same job and pays nothing. {LAND_IT}"
        )

    def test_without_durability_a_clear_is_paid_again(self) -> None:
        steps = said(durable=False, keeps_records=False)
        assert steps.goes_on == f"No retry is left: {PAYS_AGAIN} (durable=False). {LAND_IT}"

    def test_an_image_is_read_with_the_hook_since_no_sensor_waits_for_one(self) -> None:
        assert said(media_type="image").goes_on.endswith("Or read it with PixVerseHook.get_image(7).")

    def test_where_the_job_is_over_only_a_clear_submits_another(self) -> None:
        assert said().is_over == "No retry is left: clear the task to submit a new job."


class TestOfAJobThatIsAlmostTwoHoursOld:
    """A retry or a clear comes some minutes later, and replaces it if it still runs."""

    LATER = NOW + GIVE_UP_AGE - 60

    def test_a_retry_may_replace_it(self) -> None:
        said_of_it = said(last_try=False, now=self.LATER).goes_on
        assert said_of_it.startswith("A retry polls it once more, and submits a new job if it still runs")

    def test_a_clear_may_replace_it(self) -> None:
        assert "picks this job up if it is done, and else submits a new one" in said(now=self.LATER).goes_on

    def test_without_a_record_a_retry_does_not_know_its_age(self) -> None:
        young = said(last_try=False, keeps_records=False)
        assert said(last_try=False, keeps_records=False, now=self.LATER) == young

    def test_ten_minutes_earlier_nothing_is_said_of_it(self) -> None:
        assert said(now=NOW + GIVE_UP_AGE - 601) == said()


class TestAnErrorThatIsNotRetried:
    """Airflow makes no retry of it, however many are left."""

    def final(self, **change: Any) -> NextSteps:
        flags = {
            "last_try": False,
            "durable": True,
            "reuse_on_clear": False,
            "keeps_records": True,
            "clear_drops_records": False,
        }
        return Advice(**(flags | change)).next_steps(record(job_id=7), "video", NOW, final=True)

    def test_promises_no_retry(self) -> None:
        assert self.final().goes_on == (
            f"No retry is made: the first clear of the task picks this job up and pays nothing. {LAND_IT}"
        )
        assert self.final().is_over == "No retry is made: clear the task to submit a new job."

    def test_on_the_last_try_none_is_left(self) -> None:
        assert self.final(last_try=True) == said()


class TestAJobThatWasHandedOver:
    def test_is_paid_again_by_a_clear(self) -> None:
        steps = said(job=record(job_id=7, handed_over=True))
        assert steps.goes_on == f"No retry is left: {PAYS_AGAIN}. {LAND_IT}"


class TestALostAnswer:
    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"last_try": False}, "A retry repeats it under the same trace id."),
            (
                {"durable": False},
                "A retry or a clear submits a new job, which is paid again (durable=False).",
            ),
            ({}, "No retry is left: a clear of the task repeats it once under the same trace id."),
            (
                {"clear_drops_records": True},
                (
                    "No retry is left: a clear of the task that keeps its task state repeats it once under "
                    "the same trace id."
                ),
            ),
            (
                {"clear_drops_records": True, "reuse_on_clear": True},
                "No retry is left: a clear of the task repeats it once under the same trace id.",
            ),
            (
                {"keeps_records": False},
                (
                    "No retry is left: look for the job at platform.pixverse.ai before you clear the task, "
                    "which submits a new one, paid again."
                ),
            ),
        ],
        ids=["a retry follows", "not durable", "3.3", "3.4", "3.4 with reuse_on_clear", "3.1 and 3.2"],
    )
    def test_says_what_comes_next(self, change: dict[str, bool], says: str) -> None:
        flags = {
            "last_try": True,
            "durable": True,
            "reuse_on_clear": False,
            "keeps_records": True,
            "clear_drops_records": False,
        }
        assert Advice(**(flags | change)).after_a_lost_answer() == says
