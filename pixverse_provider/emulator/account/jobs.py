"""Jobs: when they end and how."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypedDict

from pixverse_provider.emulator.account.clock import Clock, rfc3339
from pixverse_provider.emulator.faults import Outcome
from pixverse_provider.emulator.protocol import DONE, FAILED, GENERATING, MODERATED, STATUS_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from pixverse_provider.emulator.account.ledger import Ledger
    from pixverse_provider.emulator.render.pool import Clip, Ending
    from pixverse_provider.emulator.rules.request import Order

COUNTS_FOR: Final = 600.0
"""Seconds after which a job no longer counts against concurrency."""
GIVEN_UP_AFTER: Final = 7200.0
"""Seconds after which a job is given up and refunded."""

_RENDER_TIMEOUT: Final = 30.0


class JobRecord(TypedDict):
    """A job as the control API shows it."""

    video_id: int
    kind: str
    status: int
    trace_id: str
    request: dict[str, Any]
    text: str
    created: str
    age: float
    ended: str | None
    charged: int
    refunded: int
    polls: int
    stalled_replay: bool
    width: int
    height: int
    size: int
    seconds: float


@dataclass(kw_only=True)
class Job:
    """One job.

    :param due: when it ends.
    :param render: its file, on the way; None where it never gets one.
    :param video_id: its id, also of a job that makes an image.
    :param stalled_replay: it came of a repeated trace id; stays at 5, costs nothing and counts nowhere.
    :param ending: of its file.
    """

    video_id: int
    kind: str
    trace_id: str
    request: Mapping[str, Any]
    order: Order
    outcome: Outcome
    created: float
    due: float
    render: Future[Clip] | None
    stalled_replay: bool = False
    status: int = GENERATING
    ended: float | None = None
    charged: int = 0
    refunded: int = 0
    polls: int = 0
    ending: Ending = "mp4"
    _file_stem: str = field(default_factory=lambda: str(uuid.uuid4()), repr=False)

    @property
    def file_name(self) -> str:
        """Its file at the media host."""
        return f"{self._file_stem}.{self.ending}"

    @property
    def makes_image(self) -> bool:
        """Whether its result is an image; its id is not known among videos."""
        return self.ending == "png"

    @property
    def clip(self) -> Clip | None:
        """The result of a finished job."""
        if self.status != DONE or self.render is None or not self.render.done():
            return None
        return self.render.result()

    @property
    def shown_status(self) -> int:
        """The status that the API shows: the last one, one of those that are shown first, or 5."""
        first_statuses = self.outcome.first_statuses
        if self.status != GENERATING or not first_statuses:
            return self.status
        if self.polls < len(first_statuses):
            return first_statuses[self.polls]
        return first_statuses[-1] if self.outcome.ends is None else self.status

    def record(self, now: float) -> JobRecord:
        """Return everything about the job."""
        clip = self.clip
        return {
            "video_id": self.video_id,
            "kind": self.kind,
            "status": self.shown_status,
            "trace_id": self.trace_id,
            "request": dict(self.request),
            "text": self.order.text,
            "created": rfc3339(self.created),
            "age": round(max(0.0, now - self.created), 3),
            "ended": rfc3339(self.ended) if self.ended is not None else None,
            "charged": self.charged,
            "refunded": self.refunded,
            "polls": self.polls,
            "stalled_replay": self.stalled_replay,
            "width": clip.width if clip else 0,
            "height": clip.height if clip else 0,
            "size": clip.size if clip else 0,
            "seconds": clip.seconds if clip else 0.0,
        }


class Jobs:
    """All jobs of the account. Only the event loop touches it."""

    def __init__(self, clock: Clock, ledger: Ledger) -> None:
        self._clock = clock
        self._ledger = ledger
        self._jobs: dict[int, Job] = {}
        self._running: dict[int, Job] = {}

    def add(self, job: Job) -> None:
        """Add a new job and charge it."""
        self._jobs[job.video_id] = job
        if job.stalled_replay:
            return
        self._running[job.video_id] = job
        job.charged = job.order.credits
        self._ledger.charge(
            job.charged, video_id=job.video_id, trace_id=job.trace_id, now=job.created, reason=job.kind
        )
        self._end_what_is_due()
        self._ledger.max_running = max(self._ledger.max_running, self._at_work(self._clock.now()))

    def find(self, video_id: int) -> Job | None:
        """Return a job, at its present status."""
        self._end_what_is_due()
        return self._jobs.get(video_id)

    def newest_first(self) -> list[Job]:
        """Return all jobs, at their present status."""
        self._end_what_is_due()
        return list(reversed(self._jobs.values()))

    def counting(self) -> int:
        """Return how many jobs count against concurrency."""
        self._end_what_is_due()
        now = self._clock.now()
        return sum(
            self._is_at_work(job, now) and now - job.created < COUNTS_FOR for job in self._running.values()
        )

    def running(self) -> int:
        """Return how many jobs are at work."""
        self._end_what_is_due()
        return self._at_work(self._clock.now())

    def finish_all(self) -> None:
        """Let every job that ends at all end now."""
        for job in self._running.values():
            job.due = min(job.due, self._clock.now())
            job.polls = max(job.polls, len(job.outcome.first_statuses))

    def end(self, job: Job, status: int) -> None:
        """Put a job to an end status now, even one that was done before."""
        if job.status == GENERATING:
            job.due = self._clock.now()
            job.outcome = Outcome(ends=status)
            self._end_what_is_due()
        else:
            self._close(job, status, self._clock.now())

    async def wait_for_files(self, video_id: int | None = None) -> None:
        """Wait until the jobs that are due, or that one, have their file, within reason."""
        now = self._clock.now()
        chosen = self._running.values() if video_id is None else filter(None, [self._running.get(video_id)])
        due = [
            asyncio.wrap_future(job.render)
            for job in chosen
            if job.render is not None and job.due <= now and not job.render.done()
        ]
        if due:
            await asyncio.wait(due, timeout=_RENDER_TIMEOUT)

    def _end_what_is_due(self) -> None:
        now = self._clock.now()
        for job in list(self._running.values()):
            ends = job.outcome.ends
            given_up = job.created + GIVEN_UP_AFTER
            if self._is_at_work(job, min(now, given_up)):
                if now >= given_up:
                    self._close(job, FAILED, given_up)
            elif ends != DONE or job.render is None:
                self._close(job, ends or FAILED, job.due)
            elif job.render.done():
                self._close(job, self._status_of(job, job.render), job.due)

    def _status_of(self, job: Job, render: Future[Clip]) -> int:
        error = None if render.cancelled() else render.exception()
        if error is not None:
            detail = f"{job.video_id}: {type(error).__name__}: {error}"
            self._ledger.incident("render_failed", detail, self._clock.now())
        return FAILED if error is not None or render.cancelled() else DONE

    def _close(self, job: Job, status: int, ended: float) -> None:
        self._running.pop(job.video_id, None)
        job.status = status
        job.ended = ended
        if status in (MODERATED, FAILED) and job.charged > job.refunded:
            job.refunded = job.charged
            self._ledger.refund(
                job.refunded,
                video_id=job.video_id,
                trace_id=job.trace_id,
                now=ended,
                reason=STATUS_NAMES[status],
            )

    def _at_work(self, now: float) -> int:
        return sum(self._is_at_work(job, now) for job in self._running.values())

    @staticmethod
    def _is_at_work(job: Job, now: float) -> bool:
        # By the clock alone: a slow renderer must not fill the slots of the account.
        if now < job.due or job.outcome.ends is None:
            return True
        return job.polls < len(job.outcome.first_statuses)
