"""What a retry and a clear do with the job of a task, in words: for the messages of a wait that has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pixverse_provider.jobs.outcome import NextSteps

if TYPE_CHECKING:
    from pixverse_provider.api.results import MediaType
    from pixverse_provider.jobs.record import JobRecord

__all__ = ["Advice", "clear_drops_records"]

_SECONDS_UNTIL_A_RETRY = 600.0
_REFUNDED = "PixVerse gives up and refunds a job that is two hours old"


def clear_drops_records() -> bool:
    """Tell whether a clear of a task drops its state unless told otherwise, as from Airflow 3.4 on."""
    from airflow import __version__
    from packaging.version import Version

    return Version(__version__).release >= (3, 4)


@dataclass(frozen=True)
class Advice:
    """What happens to a job after this attempt.

    :param last_try: whether no retry follows.
    :param durable: whether an attempt finds the job of an earlier one.
    :param reuse_on_clear: whether a clear does, too.
    :param keeps_records: whether the job has a record in the task state store.
    :param clear_drops_records: whether Airflow drops it on a clear, unless it is told to keep it (3.4).
    """

    last_try: bool
    durable: bool
    reuse_on_clear: bool
    keeps_records: bool
    clear_drops_records: bool

    def next_steps(
        self, job: JobRecord, media_type: MediaType, now: float, *, final: bool = False
    ) -> NextSteps:
        """Return what to say of a job that goes on, and of one that is over.

        :param now: epoch seconds.
        :param final: whether no retry is made, although some are left.
        """
        # A retry or a clear takes some minutes; from then on a job that still runs is replaced.
        old = job.is_given_up(now + _SECONDS_UNTIL_A_RETRY)
        if not (self.last_try or final):
            if not self.durable:
                again = "A retry submits a new job, which is paid again (durable=False)."
                return NextSteps(again, again)
            retry = "A retry waits for the same job and pays nothing again."
            if old and self.keeps_records:
                retry = f"A retry polls it once more, and submits a new job if it still runs: {_REFUNDED}."
            return NextSteps(retry, "A retry submits a new job.")
        landing = (
            f"land it with PixVerseVideoSensor and PixVerseDownloadVideoOperator (video_id={job.job_id})"
            if media_type == "video"
            else f"read it with PixVerseHook.get_image({job.job_id})"
        )
        none = "No retry is made" if final and not self.last_try else "No retry is left"
        return NextSteps(
            f"{none}: {self._clear(job, old=old)}. Or {landing}.",
            f"{none}: clear the task to submit a new job.",
        )

    def after_a_lost_answer(self) -> str:
        """Return what to say of a submit whose answer was lost."""
        if not self.durable:
            return "A retry or a clear submits a new job, which is paid again (durable=False)."
        if not self.last_try:
            return "A retry repeats it under the same trace id."
        if self.reuse_on_clear or self.keeps_records:
            kept = (
                " that keeps its task state" if self.clear_drops_records and not self.reuse_on_clear else ""
            )
            return f"No retry is left: a clear of the task{kept} repeats it once under the same trace id."
        return (
            "No retry is left: look for the job at platform.pixverse.ai before you clear the task, which "
            "submits a new one, paid again."
        )

    def after_no_slot(self, limit: str) -> str:
        """Return what to say where PixVerse took no job in time.

        :param limit: name of the argument that ended the attempt.
        """
        again = "No retry is left: clear the task to try again" if self.last_try else "A retry tries again"
        return f"{again}; raise {limit}, or use a pool."

    def _clear(self, job: JobRecord, *, old: bool) -> str:
        paid_again = "a clear of the task submits a new job, which is paid again"
        if not self.durable:
            return f"{paid_again} (durable=False)"
        if self.reuse_on_clear and old:
            return (
                f"a clear of the task returns this job if it is done, and else submits a new one: {_REFUNDED}"
            )
        if self.reuse_on_clear:
            return "a clear of the task waits for the same job and pays nothing"
        if not self.keeps_records or job.picked_up or job.handed_over:
            return paid_again
        picked_up = "picks this job up and pays nothing"
        if old:
            picked_up = f"picks this job up if it is done, and else submits a new one: {_REFUNDED}"
        if self.clear_drops_records:
            return (
                f"the first clear of the task that keeps its task state {picked_up}; one that does not pays "
                "again"
            )
        return f"the first clear of the task {picked_up}"
