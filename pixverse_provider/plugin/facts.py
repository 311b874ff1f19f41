"""What the pages say of a job, from what its task instance has left: XCom, record and tries. Pure.

An XCom may hold anything: whoever may edit it writes what they like. So every field is read by its type and
within bounds, and what cannot be read is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from pixverse_provider.api.ids import optional_id
from pixverse_provider.exceptions import PixVerseInvalidRequestError
from pixverse_provider.jobs.outcome import Outcome
from pixverse_provider.jobs.record import JobRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pixverse_provider.plugin.versions import TaskRow, TryRow

__all__ = ["STATES", "Attempt", "Job", "TaskVideo", "attempts_of", "credit_text", "jobs_of", "read_id"]

STATES = ("success", "failed", "moderated", "deleted", "given up", "running", "waiting", "no job")
"""What a job can be on a page; the words of the filter."""

_LONGEST_TEXT = 10_000
_LARGEST_NUMBER = 2.0**53
_WORKING = frozenset(
    ("running", "deferred", "restarting", "up_for_reschedule", "up_for_retry", "queued", "scheduled")
)
_ENDINGS = {
    Outcome.SUCCESS: "success",
    Outcome.FAILED: "failed",
    Outcome.MODERATED: "moderated",
    Outcome.DELETED: "deleted",
    Outcome.GIVEN_UP: "given up",
}


@dataclass(frozen=True)
class Job:
    """One PixVerse job.

    :param job_id: digits; None while no answer to its submit has arrived.
    :param outcome: as its task has noted it; None where it has not.
    :param charged: credits; None where nothing is known of them.
    :param found_again: whether its id came from a repeated submit, or a clear has picked it up.
    """

    job_id: str | None
    media_type: Literal["video", "image"] = "video"
    trace_id: str = ""
    outcome: str | None = None
    message: str = ""
    charged: float | None = None
    refunded: float | None = None
    try_number: int | None = None
    submitted: datetime | None = None
    ended: datetime | None = None
    found_again: bool = False

    @property
    def spent(self) -> float:
        """Credits that it has cost, as far as they are known."""
        return (self.charged or 0.0) - (self.refunded or 0.0)

    @classmethod
    def of_xcom(cls, value: Any, key: str) -> Self | None:
        """Read the XCom ``video`` or ``image``; None where it holds no job."""
        if not isinstance(value, dict):
            return None
        media_type: Literal["video", "image"] = "image" if key == "image" else "video"
        job_id = read_id(value.get(f"{media_type}_id"))
        if job_id is None:
            return None
        outcome = _text(value, "outcome")
        # The first version pushed it at a success only.
        return cls(
            job_id,
            media_type,
            _text(value, "trace_id"),
            outcome or ("success" if value.get("status") == 1 else None),
            _text(value, "message"),
            _number(value, "credits"),
            _number(value, "credits_refunded"),
            _whole(value, "try_number"),
            _time(value.get("submitted_at") or value.get("create_time")),
            _time(value.get("ended_at") or value.get("modify_time")),
        )

    @classmethod
    def of_entry(cls, entry: Any, media_type: Literal["video", "image"]) -> Self | None:
        """Read a job of the history of a record."""
        if not isinstance(entry, dict):
            return None
        return cls(
            read_id(entry.get("job_id")),
            media_type,
            _text(entry, "trace_id"),
            _text(entry, "outcome") or None,
            _text(entry, "message"),
            _number(entry, "credits"),
            _number(entry, "credits_refunded"),
            _whole(entry, "try_number"),
            _time(entry.get("submitted_at")),
            _time(entry.get("ended_at")),
        )


def jobs_of(record: Any, media_type: Literal["video", "image"] = "video") -> tuple[Job, ...]:
    """Return the jobs of a record, the latest first; none where it cannot be read."""
    try:
        read = JobRecord.from_json(record)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return ()
    jobs = [job for entry in read.history() if (job := Job.of_entry(entry, media_type)) is not None]
    if jobs and (read.replayed or read.picked_up) and jobs[0].job_id == str(read.job_id):
        jobs[0] = replace(jobs[0], found_again=True)
    return tuple(jobs)


@dataclass(frozen=True)
class TaskVideo:
    """A task instance and its jobs.

    :param jobs: the latest first.
    :param value: its XCom ``video`` or ``image``, if any.
    :param has_record: whether its task state store holds a record.
    :param seen: when it was last heard of.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    label: str = ""
    task_state: str | None = None
    operator: str = ""
    try_number: int = 0
    start: datetime | None = None
    end: datetime | None = None
    jobs: tuple[Job, ...] = ()
    value: dict[str, Any] = field(default_factory=dict, repr=False)
    has_record: bool = False
    seen: datetime | None = None

    @classmethod
    def of(
        cls,
        dag_id: str,
        run_id: str,
        row: TaskRow,
        *,
        xcom: tuple[str, Any] | None = None,
        record: Any = None,
        seen: datetime | None = None,
    ) -> Self:
        """Put together what is known of a task instance.

        :param xcom: its key and value.
        """
        key, value = xcom or ("video", None)
        of_xcom = Job.of_xcom(value, key)
        jobs = jobs_of(record, "image" if key == "image" else "video")
        if of_xcom is not None:
            jobs = _merged(of_xcom, jobs)
        return cls(
            dag_id,
            run_id,
            row.task_id,
            row.map_index,
            row.label or (f"{row.map_index}" if row.map_index >= 0 else ""),
            row.state,
            row.operator or "",
            row.try_number,
            row.start,
            row.end,
            jobs,
            value if isinstance(value, dict) else {},
            has_record=record is not None,
            seen=seen,
        )

    @property
    def job(self) -> Job | None:
        """Its latest job."""
        return self.jobs[0] if self.jobs else None

    @property
    def state(self) -> str:
        """One of :data:`STATES`."""
        job = self.job
        outcome = None if job is None else job.outcome
        if outcome in _ENDINGS:
            return _ENDINGS[Outcome(outcome)]
        if self.task_state in _WORKING:
            return "waiting" if job is None or job.job_id is None else "running"
        if job is not None and job.job_id is not None:
            # Handed over at once, or the task ended before the job did.
            return "running" if self.task_state != "failed" else "failed"
        return (
            "no job" if self.task_state in ("success", "failed", "skipped", "upstream_failed") else "waiting"
        )

    @property
    def is_live(self) -> bool:
        """Whether it may change by itself."""
        return self.task_state in _WORKING or self.task_state is None

    @property
    def has_video(self) -> bool:
        """Whether there should be something to play."""
        return self.state == "success" and self.job is not None and self.job.job_id is not None

    @property
    def spent(self) -> float:
        """Credits that all its jobs have cost."""
        return sum(job.spent for job in self.jobs)

    @property
    def refunded(self) -> float:
        """Credits that PixVerse refunds for its jobs."""
        return sum(job.refunded or 0.0 for job in self.jobs)

    @property
    def message(self) -> str:
        """How its latest job ended, in a sentence; empty for a success."""
        return "" if self.job is None else self.job.message

    @property
    def day(self) -> datetime | None:
        """When it was made."""
        return (self.job.submitted if self.job else None) or self.start or self.seen

    @property
    def what(self) -> str:
        """What was asked for, in a few words."""
        request = self.request
        for source in (self.value, request):
            for name in ("prompt", "lip_sync_tts_content", "sound_effect_content", "restyle_prompt"):
                text = _text(source, name)
                if text:
                    return text
        return ""

    @property
    def request(self) -> dict[str, Any]:
        """The request as it was sent; empty where the XCom does not hold it."""
        request = self.value.get("request")
        return request if isinstance(request, dict) else {}

    @property
    def kind(self) -> str:
        """The operator's name in words: ``Lip sync``."""
        name = _text(self.value, "operation") or self.operator
        name = name.removeprefix("PixVerse").removesuffix("Operator")
        words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
        return words.strip().capitalize()

    @property
    def name(self) -> str:
        """What it is called: by its label, where that says more than a number."""
        if self.map_index < 0:
            return self.task_id
        return self.label if self.label != str(self.map_index) else f"{self.task_id} [{self.map_index}]"

    def number(self, name: str) -> float | None:
        """Return a number of the XCom; None where it holds none, or 0, which PixVerse writes for it."""
        return _number(self.value, name) or None


def _merged(of_xcom: Job, jobs: tuple[Job, ...]) -> tuple[Job, ...]:
    """Return the jobs of the record, with what only the XCom knows of the latest."""
    if not jobs:
        return (of_xcom,)
    if jobs[0].job_id not in (of_xcom.job_id, None):
        # The record is the younger: an XCom is of the try that pushed it.
        return jobs
    latest = jobs[0]
    known = {
        name: value
        for name, value in vars(of_xcom).items()
        if getattr(latest, name) in (None, "") and value not in (None, "")
    }
    return (replace(latest, media_type=of_xcom.media_type, **known), *jobs[1:])


# ----- a row for each try


@dataclass(frozen=True)
class Attempt:
    """One try of a task, and its job.

    :param job: None where it made none and found none.
    :param how: ``"paid"``, ``"found again"`` or empty.
    """

    number: int
    state: str | None
    start: datetime | None
    end: datetime | None
    job: Job | None = None
    how: str = ""


def attempts_of(video: TaskVideo, earlier: Sequence[TryRow]) -> list[Attempt]:
    """Return a row for each try, and one more for each further job of a try, the latest first."""
    tries: list[tuple[int, str | None, datetime | None, datetime | None]] = [
        (row.try_number, row.state, row.start, row.end) for row in earlier
    ]
    if video.try_number > 0 and (video.start or video.jobs):
        tries.append((video.try_number, video.task_state, video.start, video.end))
    numbers = {number for number, *_ in tries}
    # What Airflow no longer knows of, such as after its database was cleaned.
    tries += [
        (number, None, None, None)
        for number in sorted({job.try_number for job in video.jobs if job.try_number} - numbers)
    ]
    rows = []
    for number, state, start, end in sorted(tries, key=lambda row: row[0]):
        # An XCom that names no try is of the present one: Airflow clears those of the tries before it.
        own = [job for job in reversed(video.jobs) if (job.try_number or video.try_number) == number]
        rows += [Attempt(number, state, start, end, job, _how(job)) for job in own]
        if not own:
            before = _running_before(video.jobs, number, start)
            rows.append(Attempt(number, state, start, end, before, "found again" if before else ""))
    return rows[::-1]


def _how(job: Job) -> str:
    if job.try_number is None:
        return ""
    return "found again" if job.found_again else "paid"


def _running_before(jobs: Iterable[Job], number: int, start: datetime | None) -> Job | None:
    """Return the job that a try without one of its own has found: it had not ended when the try began."""
    for job in jobs:
        if job.job_id is None or job.try_number is None or job.try_number > number:
            continue
        return job if job.ended is None or start is None or job.ended >= start else None
    return None


# ----- reading


def read_id(value: Any) -> str | None:
    """Return an id as digits, or None for what is none."""
    try:
        number = optional_id(value, "id")
    except PixVerseInvalidRequestError:
        return None
    return None if number is None else str(number)


def credit_text(amount: float | None) -> str:
    """Return credits as people write them; a dash where they are not known."""
    if amount is None:
        return "–"  # noqa: RUF001 - a dash, as in tables
    return f"{amount:,.0f}" if amount == int(amount) else f"{amount:,.2f}"


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    return value[:_LONGEST_TEXT] if isinstance(value, str) else ""


def _number(data: dict[str, Any], name: str) -> float | None:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and 0 <= number <= _LARGEST_NUMBER else None


def _whole(data: dict[str, Any], name: str) -> int | None:
    number = _number(data, name)
    return int(number) if number is not None and number == int(number) else None


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None
