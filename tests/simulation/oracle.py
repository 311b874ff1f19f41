"""What must be true in every schedule, and what PixVerse and Airflow leave nobody a way to avoid.

I1 a second job is paid only for a reason of :meth:`Oracle._excuse`;
I2 a paid job is in the store, or a log line names it;
I3 nothing is handed over twice as new;
I4 every attempt ends, by its deadline;
I5 nothing ends the task for good, once a job is paid, but what is about the job;
I6 a trigger submits nothing, a price limit holds, no two jobs share a trace id;
I7 only the provider's own exceptions leave the operator, and the store's before a payment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred

from pixverse_provider.exceptions import (
    PixVerseError,
    PixVerseGenerationFailedError,
    PixVerseInsufficientCreditsError,
    PixVerseModerationError,
    PixVerseUnresolvedSubmitError,
)
from pixverse_provider.jobs.watch import (
    FIRST_POLL_OF_A_TRIGGER,
    GIVE_UP_AGE,
    REFUSALS_THAT_COUNT,
)
from tests.simulation.pixverse import PRICE

if TYPE_CHECKING:
    from tests.simulation.airflow import Task
    from tests.simulation.pixverse import Job
    from tests.simulation.processes import Process
    from tests.simulation.triggers import TriggerRun
    from tests.simulation.world import World

__all__ = ["SLACK", "Oracle"]

SLACK = 420.0
"""Seconds after the deadline by which an attempt has ended.

Three HTTP attempts of a submit, their pauses, one that PixVerse asks for, and processes that are overtaken.
"""


LATEST_EVENT = 180.0
"""Seconds after its deadline by which a trigger has fired, whatever holds its last poll up."""


class Oracle:
    """Is told of everything that happens, and says what must not."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._processes = 0
        self._picked_up: dict[str, set[int]] = {}
        """In which eras a clear has picked up the job of a trace id."""
        self._first_written: dict[str, int] = {}
        """In which era the store took the first record of a trace id."""
        self._noted: set[str] = set()
        """Trace ids that an earlier attempt has noted; some are never sent."""
        self._dropped: dict[tuple[Any, ...], int] = {}
        """By task, the last process that had begun when its records were dropped."""
        self.trigger: TriggerRun | None = None
        """The trigger that runs now."""

    def next_number(self) -> int:
        """Number the task processes."""
        self._processes += 1
        return self._processes

    # Submits and jobs

    def on_post(self, process: Process, trace_id: str, text: str) -> None:
        """A request of a submit arrives, or is lost on its way."""
        world = self._world
        if self.trigger is not None:
            world.violated("I6: a trigger submits")
        limit = process.options.max_credits
        if 0 < limit < PRICE and trace_id not in world.pixverse.posted:
            world.violated(f"I6: a submit although the price is {PRICE} and max_credits {limit}")
        owner = (process.task.key, text)
        first = world.pixverse.posted.setdefault(trace_id, owner)
        if first != owner:
            world.violated(f"I6: the trace id of {first} is used for {owner}")
        record = process.task.record if process.options.keeps_records and not process.fenced else None
        if record is not None and record["trace_id"] == trace_id and record["job_id"] is not None:
            world.violated(f"I1: trace id {trace_id} is sent again, and its job {record['job_id']} is noted")

    def on_job(self, process: Process, new: Job) -> None:
        """PixVerse has made a job, and charges it."""
        world = self._world
        world.figures.jobs += 1
        new.dropped = process.number <= self._dropped.get(process.task.key, 0)
        for old in world.pixverse.jobs:
            same = old is not new and (old.task, old.text) == (new.task, new.text)
            if not same or old.left or not old.is_worth_something(world.now):
                continue
            excuse = self._excuse(process, new, old)
            if excuse is None:
                world.violated(f"I1: {new.id} is paid although {old.id} is paid and can be had")
                return
            world.say(f"{'':4}paid beside {old.id}: {excuse}")
            old.left = True
            named = world.is_logged(str(old.id)) or world.is_logged(old.trace_id)
            if old.noted and not old.dropped and not named:
                world.violated(f"I2: {old.id} is left for {new.id}, and no log line names it")

    def _excuse(self, process: Process, new: Job, old: Job) -> str | None:
        """Say why it is right, or cannot be helped, that a job is paid beside another; else None."""
        options = process.options
        if old.trace_id == new.trace_id:
            return "PixVerse has forgotten the trace id"
        if self._is_out_of_reach(old):
            return "its trace id brings a job that never ends, which was given up after two hours"
        if not options.durable:
            # Each attempt has a job of its own; within one, only what is over is replaced.
            return None if old.attempt is process.attempt else "durable=False"
        recorded = options.keeps_records and not old.dropped
        if not recorded and self._was_used(new):
            # Without a record an attempt begins with the first trace id again.
            return "there is no record, and PixVerse does not know the trace id, or not any more"
        if not recorded and old.trace_id in self._world.pixverse.refused_again:
            return (
                "there is no record, and the refusal of its trace id looked like that of an earlier attempt"
            )
        if process.era == old.era:
            return None
        if process.era < old.era:
            return "it is an old process's, from before the clear" if not recorded else None
        return self._excuse_after_clear(process, [old, *self._stalled(old)], recorded=recorded)

    def _stalled(self, job: Job) -> list[Job]:
        """Return what a repeated trace id has brought instead of its job."""
        return [
            other for other in self._world.pixverse.jobs if other.stalled and other.trace_id == job.trace_id
        ]

    def _is_out_of_reach(self, job: Job) -> bool:
        """Tell whether its trace id brings another, which was given up after two hours."""
        now = self._world.now
        return any(
            other.told_at is not None and now >= other.told_at + GIVE_UP_AGE for other in self._stalled(job)
        )

    def _was_used(self, new: Job) -> bool:
        pixverse = self._world.pixverse
        made = any(job.trace_id == new.trace_id for job in pixverse.jobs if job is not new)
        return made or new.trace_id in pixverse.refused or new.trace_id in self._noted

    def _excuse_after_clear(self, process: Process, known: list[Job], *, recorded: bool) -> str | None:
        """The same, where the task was cleared since the other job was submitted.

        :param known: the other job, and what a repeated trace id of it has brought.
        """
        options = process.options
        old = known[0]
        if options.on_ambiguous_submit == "fail" and process.attempt.begins_without_id:
            return "a person has decided that there is no job"
        if any(job.not_known for job in known):
            return "PixVerse does not know its id, and a clear then makes another"
        if options.reuse_on_clear:
            return None
        if any(era < process.era for job in known for era in job.delivered_in):
            return "it was handed over, and a clear means: make it again"
        if any(not other.accepted for job in known for other in job.handed_over_by):
            return "it was about to be handed over when the process died"
        if not recorded:
            return "there is no record to find it by"
        picked_up = any(era < process.era for era in self._picked_up.get(old.trace_id, ()))
        if picked_up and process.attempt.seen.get(old.id) != "done":
            return "an earlier clear has picked it up"
        return None

    def on_write(self, process: Process, record: dict[str, Any]) -> None:
        """The store has taken a record."""
        trace_id, job_id = record["trace_id"], record["job_id"]
        # Whatever the record itself says of it: only a clear that picks it up writes it once more.
        if process.era > self._first_written.setdefault(trace_id, process.era):
            self._picked_up.setdefault(trace_id, set()).add(process.era)
        for old in self._world.pixverse.jobs:
            # A record of another input takes the place of its own.
            old.dropped |= old.task == process.task.key and old.text != process.text
        job = None if job_id is None else self._world.pixverse.job(int(job_id))
        if job is not None:
            job.noted = True
            if record["handed_over"]:
                job.handed_over_by.append(process)

    def on_write_failed(self, record: dict[str, Any]) -> None:
        """The store has not taken a record."""
        job = None if record["job_id"] is None else self._world.pixverse.job(int(record["job_id"]))
        if job is not None:
            job.write_failed = True

    def on_drop(self, task: Task) -> None:
        """Airflow drops the records of a task."""
        record = task.record
        if record is not None:
            self._noted.add(record["trace_id"])
            self._noted.update(entry["trace_id"] for entry in record["earlier"])
        self._dropped[task.key] = self._processes
        for job in self._world.pixverse.jobs:
            if job.task == task.key:
                job.dropped = True

    # Ends

    def on_leave(self, process: Process, end: Any) -> None:
        """The operator has returned, raised or deferred; None where the process has died."""
        if end is None:
            return
        error = end if isinstance(end, BaseException) else None
        if error is not None:
            self._world.log.append(str(error))
            self._world.log.append(str(getattr(error, "trace_id", "")))
        self._check_accounts(process)
        self._check_time(process, end)
        if isinstance(end, TaskDeferred):
            self._check_deferral(process, end)
        elif error is not None:
            self._check_error(process, error)

    def _check_accounts(self, process: Process) -> None:
        rows = "".join(process.task.rows.values())
        for job in process.answered:
            if str(job.id) not in rows and not self._world.is_logged(str(job.id)):
                self._world.violated(f"I2: {job.id} is paid, and neither the store nor the log knows of it")
        for trace_id in process.lost:
            if trace_id not in rows and not self._world.is_logged(trace_id):
                self._world.violated(f"I2: a job of trace id {trace_id} may be paid, and nothing names it")

    def _check_time(self, process: Process, end: Any) -> None:
        attempt = process.attempt
        deadline = max(process.began_at, attempt.started_at + process.options.timeout)
        late = self._world.now - deadline - SLACK
        if late > 0:
            self._world.violated(f"I4: {process} ends {late + SLACK:.0f} s after its deadline ({end})")

    def _check_deferral(self, process: Process, deferral: TaskDeferred) -> None:
        world = self._world
        if deferral.timeout is None:
            world.violated("I4: a deferral without a timeout")
        deadline = process.attempt.started_at + process.options.timeout
        latest = max(deadline, world.now) + FIRST_POLL_OF_A_TRIGGER + 1
        _, kwargs = deferral.trigger.serialize()
        until = kwargs.get("deadline") or kwargs["until"]
        if until > latest:
            world.violated(f"I4: {process} defers until {until - deadline:.0f} s after its deadline")
        if "video_ids" not in kwargs:
            return
        job = world.pixverse.job(int(kwargs["video_ids"][0]))
        assert job is not None
        if process.options.reuse_on_clear or job.attempt is process.attempt:
            return
        picked_up = self._picked_up.get(job.trace_id, ())
        if any(job.era < era < process.era for era in picked_up):
            world.violated(f"I3: {job.id} was picked up by an earlier clear, and one more waits for it again")

    def _check_error(self, process: Process, error: BaseException) -> None:
        world = self._world
        if not isinstance(error, PixVerseError):
            made = [job for job in world.pixverse.jobs if job.trace_id in process.lost]
            paid = any(job.is_worth_something(world.now) for job in [*process.answered, *made])
            if type(error).__name__ != "StoreError" or paid:
                world.violated(f"I7: {error!r} leaves the operator")
            return
        if isinstance(error, AirflowFailException):
            owned = [
                job
                for job in world.pixverse.jobs
                if (job.task, job.text) == (process.task.key, process.text)
                and job.era == process.era
                and (process.options.durable or job.attempt is process.attempt)
                and not (job.delivered_in or job.left or self._is_out_of_reach(job))
                and job.is_worth_something(world.now)
            ]
            recorded = process.options.keeps_records and not all(job.dropped for job in owned)
            if owned and not self._may_end_it(process, error, recorded=recorded):
                world.violated(f"I5: {owned[0].id} is paid, and the task ends for good: {error!r}")

    def _may_end_it(self, process: Process, error: PixVerseError, *, recorded: bool) -> bool:
        """Tell whether an error may end a task for good although a job is paid."""
        if isinstance(error, PixVerseUnresolvedSubmitError):
            return process.options.on_ambiguous_submit == "fail"
        pixverse = self._world.pixverse
        if isinstance(error, PixVerseModerationError) and error.video_id is not None:
            job = pixverse.job(error.video_id)
            return job is not None and job.status(self._world.now) == 7
        if error.err_code is not None and error.err_code != 500008:
            # PixVerse refuses the key, or the submit that is repeated: a person must look.
            return True
        if process.attempt.refusals >= REFUSALS_THAT_COUNT:
            return True
        if recorded:
            return False
        if process.options.keeps_records:
            # Airflow has dropped the record with a clear that looks like a retry.
            return True
        # Without a record nobody knows that there is a job which the limit does not concern, and an attempt
        # takes only as many trace ids for used as there were attempts before it, however many were refused.
        refused = any(
            pixverse.posted[trace_id][0] == process.task.key
            for trace_id in pixverse.refused_again.union(pixverse.refused)
        )
        return refused or isinstance(error, PixVerseInsufficientCreditsError)

    def on_success(self, process: Process, value: Any) -> None:
        """Airflow has taken what the operator returned."""
        job = self._world.pixverse.job(int(value))
        if job is None:
            self._world.violated(f"I3: {value} is handed over, and no job has this id")
            return
        if process.options.wait_for_completion and process.attempt.seen.get(job.id) != "done":
            self._world.violated(f"I3: {value} is handed over and is not done")
        self._deliver(process, job)

    def on_failure(self, process: Process, error: BaseException) -> None:
        """Airflow has taken the failure of a task."""
        about_job = PixVerseGenerationFailedError | PixVerseModerationError
        if isinstance(error, about_job) and error.video_id is not None:
            job = self._world.pixverse.job(error.video_id)
            assert job is not None
            self._deliver(process, job)

    def _deliver(self, process: Process, job: Job) -> None:
        options = process.options
        before = [era for era in job.delivered_in if era < process.era]
        # Where the write failed, or the record was dropped, one clear brings the old outcome.
        unknown = job.write_failed or job.dropped
        if before and not options.reuse_on_clear and not unknown:
            self._world.violated(f"I3: {job.id} was handed over before the clear, and is again")
        job.delivered_in.add(process.era)

    def on_fire(self, trigger: TriggerRun, event: dict[str, Any]) -> None:
        """A trigger fires."""
        deadline = event.get("deadline")
        if deadline is None:
            return
        late = self._world.now - max(trigger.began_at, deadline)
        if late > LATEST_EVENT:
            self._world.violated(f"I4: {trigger} fires {late:.0f} s after its deadline")

    def on_trigger_failed(self, trigger: TriggerRun, error: Exception) -> None:
        """A trigger has raised instead of firing an event."""
        self._world.violated(f"I7: {trigger} raises {error!r}")
