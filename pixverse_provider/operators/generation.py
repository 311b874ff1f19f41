"""The base of every operator that makes a video: submit once, wait without a worker, find the job again."""

from __future__ import annotations

import math
import random
import time
from abc import abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import pendulum
from airflow.providers.common.compat.sdk import BaseOperator, conf

from pixverse_provider.api.ids import Id, xcom_id
from pixverse_provider.api.pacing import backoff_seconds
from pixverse_provider.durability import JobKeeper, JobRecord
from pixverse_provider.exceptions import (
    PixVerseAuthenticationError,
    PixVerseCapacityError,
    PixVerseError,
    PixVerseInsufficientCreditsError,
    PixVerseInvalidRequestError,
    PixVerseRateLimitError,
    PixVerseTriggerEventError,
)
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.operators.submission import JobSubmitter
from pixverse_provider.polling import (
    DEFAULT_WAIT_TIMEOUT,
    FIRST_LOOK_OF_A_TRIGGER,
    Outcome,
    VideoWatch,
    Wait,
    WaitResult,
    outcome_of,
    read_event,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from pixverse_provider.api.generations import GenerationRequest
    from pixverse_provider.api.results import JobResult, ResultKind

__all__ = ["PixVerseGenerationOperator"]

# A slot frees when a job of one to two minutes ends.
_FIRST_SLOT_PAUSE = 15.0
_LONGEST_SLOT_PAUSE = 60.0
# The trigger owns the deadline and names the job; Airflow's own timeout is only a net below it.
_BACKSTOP = timedelta(hours=1)


class PixVerseGenerationOperator(BaseOperator):
    """Submit one PixVerse job and wait for its video; **every new job costs credits**.

    The job is submitted once: a retry of the task, whatever ended the attempt before, finds the job again and
    waits for it. From Airflow 3.3 on its record is kept in the task state store; on 3.1 and 3.2 the trace id,
    which is derived from the task and its input, is what PixVerse recognises the repeated submit by. A clear
    of the task means "make it again" and pays again.

    Returns the ``video_id``, as an int (as a string of digits above 2^63-1, which SQLite cannot keep); an
    image has an ``image_id`` instead. The whole result goes to the XCom ``video`` (``image``), without the
    signed URL: download with ``PixVerseDownloadVideoOperator``.

    :param pixverse_conn_id: Airflow connection of type ``pixverse`` (templated).
    :param wait_for_completion: False returns the id as soon as the job is submitted.
    :param deferrable: wait in the triggerer and hold no worker; the default is ``[operators]
        default_deferrable``.
    :param poll_interval: seconds between two looks at the job, at least 1. By default looks come closest,
        about 3 s apart, at the age at which most jobs are done, and rarer before and after it.
    :param timeout: seconds to wait for the video at the longest, and before that for a free slot. An
        ``execution_timeout`` that is shorter counts instead. The job goes on after it, and a retry waits for
        it.
    :param durable: False gives each attempt a job of its own, which is **paid anew**.
    :param reuse_on_clear: True lets a cleared task with unchanged input return the video it has already paid
        for.
    :param max_credits: refuse, before anything is spent, a job whose price is known to be higher.
    :param on_ambiguous_submit: what to do where the answer to a submit was lost: ``"replay"`` repeats it
        under the same trace id, which starts no second job; ``"fail"`` fails the task at once for a person to
        decide.
    :raises PixVerseInvalidRequestError: for a wrong argument, before any call.
    :raises PixVerseModerationError: where the content is refused.
    :raises PixVerseGenerationFailedError: where PixVerse failed; a retry submits a new job.
    :raises PixVerseWaitTimeoutError: where the video was not done in time.
    """

    template_fields: Sequence[str] = ("pixverse_conn_id",)
    ui_color = "#e8e3ff"

    def __init__(
        self,
        *,
        pixverse_conn_id: str = PixVerseHook.default_conn_name,
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | timedelta | None = None,
        timeout: float | timedelta = DEFAULT_WAIT_TIMEOUT,
        durable: bool = True,
        reuse_on_clear: bool = False,
        max_credits: float | None = None,
        on_ambiguous_submit: Literal["replay", "fail"] = "replay",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if on_ambiguous_submit not in ("replay", "fail"):
            raise PixVerseInvalidRequestError(
                f"on_ambiguous_submit must be 'replay' or 'fail', not {on_ambiguous_submit!r}."
            )
        if reuse_on_clear and not durable:
            raise PixVerseInvalidRequestError(
                "reuse_on_clear=True needs durable=True: without a record there is nothing to reuse."
            )
        self.pixverse_conn_id = pixverse_conn_id
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = (
            None if poll_interval is None else _seconds("poll_interval", poll_interval, at_least=1.0)
        )
        self.timeout = _seconds("timeout", timeout, at_least=1.0)
        self.durable = durable
        self.reuse_on_clear = reuse_on_clear
        self.max_credits = None if max_credits is None else _number("max_credits", max_credits, at_least=0.0)
        self.on_ambiguous_submit = on_ambiguous_submit
        self._job: JobRecord | None = None
        self._kind: ResultKind = "video"

    @abstractmethod
    def build_request(self) -> GenerationRequest:
        """Return the request made of the rendered arguments; it checks itself."""

    def execute(self, context: Context) -> Id:
        """Find or submit the job, then wait for it."""
        return self._run(context, waiting_since=time.time())

    def execute_after_pause(
        self,
        context: Context,
        event: Any = None,
        waiting_since: float | None = None,
        pauses: int = 0,
        pending: dict[str, Any] | None = None,
    ) -> Id:
        """Try again to submit, after a deferred wait for a free slot."""
        since = time.time() if waiting_since is None else waiting_since
        job = None if pending is None else JobRecord.from_json(pending)
        return self._run(context, waiting_since=since, pauses=pauses, pending=job)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Id:
        """Take the event of the trigger; the same ending as that of a wait in the worker."""
        results, data = read_event(event)
        result, job = results[0], _job_of_event(data)
        return self._end_wait(context, job, result)

    def on_kill(self) -> None:
        """Say that the job goes on: PixVerse has no call to cancel one."""
        if self._job is not None and self._job.video_id is not None:
            self.log.warning(
                "The task was killed, but PixVerse %s %s goes on and is paid: PixVerse cannot cancel a "
                "job. %s",
                self._kind,
                self._job.video_id,
                self._on_retry.strip(),
            )

    def _run(
        self,
        context: Context,
        *,
        waiting_since: float,
        pauses: int = 0,
        pending: JobRecord | None = None,
    ) -> Id:
        request = self.build_request()
        self._kind = request.result
        if not pauses:
            for warning in request.warnings:
                self.log.warning(warning)
        keeper = JobKeeper(
            context,
            self.pixverse_conn_id,
            request,
            durable=self.durable,
            reuse_on_clear=self.reuse_on_clear,
            retries=self.retries or 0,
        )
        with PixVerseHook(self.pixverse_conn_id) as hook:
            submitter = JobSubmitter(
                hook,
                keeper,
                request,
                replay=self.on_ambiguous_submit == "replay",
                check_price=lambda: self._check_price(request),
            )
            submitter.pending = pending
            job, video = self._find_job(submitter, waiting_since, pauses)
            self._job = job
            if not self.wait_for_completion:
                return xcom_id(job.paid_id)
            ended = None if video is None else outcome_of(video.status)
            if ended is not None:
                waited = time.time() - job.submitted_at
                return self._finish(
                    context, job, WaitResult(ended, job.paid_id, waited, video, kind=self._kind)
                )
            if self.deferrable:
                self._defer_wait(job)
            result = self._wait_here(hook, job)
        return self._end_wait(context, job, result)

    def _find_job(
        self,
        submitter: JobSubmitter,
        waiting_since: float,
        pauses: int,
    ) -> tuple[JobRecord, JobResult | None]:
        """Find or submit the job; where all slots are taken, pause (deferred, if it may) and try again."""
        while True:
            try:
                return submitter.find_or_submit()
            except (PixVerseCapacityError, PixVerseRateLimitError) as err:
                pauses += 1
                pause = backoff_seconds(
                    pauses,
                    jitter=random.random(),  # noqa: S311 - spreads load, guards nothing
                    first=_FIRST_SLOT_PAUSE,
                    longest=_LONGEST_SLOT_PAUSE,
                    retry_after=err.retry_after,
                )
                if time.time() + pause > waiting_since + self._wait_budget:
                    waited = time.time() - waiting_since
                    raise type(err)(
                        f"Nothing could be submitted for {waited:.0f} s, which is as long as this task "
                        f"waits: {err}",
                        err_code=err.err_code,
                        http_status=err.http_status,
                        trace_id=err.trace_id,
                        retry_after=err.retry_after,
                    ) from err
                self.log.info("Trying to submit again in %.0f s: %s", pause, err)
                if self.deferrable:
                    self._defer_pause(pause, waiting_since, pauses, submitter.pending)
                time.sleep(pause)

    def _wait_here(self, hook: PixVerseHook, job: JobRecord) -> WaitResult:
        """Wait in this worker."""
        now = time.time()
        watch = VideoWatch(
            job.paid_id,
            started_at=now,
            deadline=self._deadline(job, now),
            poll_interval=self.poll_interval,
            not_before=now + (self.poll_interval or FIRST_LOOK_OF_A_TRIGGER),
            submitted_at=job.submitted_at,
            kind=self._kind,
        )
        pause = watch.first_look(now)
        while True:
            time.sleep(pause)
            try:
                step = watch.saw(self._look(hook, watch.video_id), time.time())
            except PixVerseError as err:
                step = watch.met(err, time.time())
            if not isinstance(step, Wait):
                return step
            if step.notice:
                self.log.warning(step.notice)
            pause = step.seconds

    def _look(self, hook: PixVerseHook, video_id: int) -> JobResult:
        """Look once; a key that is not accepted any more may have been changed in the connection."""
        try:
            return hook.look_at(self._kind, video_id)
        except PixVerseAuthenticationError:
            hook.close()
            return hook.look_at(self._kind, video_id)

    def _defer_wait(self, job: JobRecord) -> None:
        from pixverse_provider.triggers.video import PixVerseVideoTrigger

        now = time.time()
        deadline = max(self._deadline(job, now), now + FIRST_LOOK_OF_A_TRIGGER)
        self.log.info(
            "Waiting for PixVerse %s %s in the triggerer; no worker is held.", self._kind, job.video_id
        )
        self.defer(
            trigger=PixVerseVideoTrigger(
                pixverse_conn_id=self.pixverse_conn_id,
                video_ids=[str(job.video_id)],
                poll_interval=self.poll_interval,
                started_at=now,
                not_before=now + FIRST_LOOK_OF_A_TRIGGER,
                deadline=deadline,
                submitted_at=job.submitted_at,
                job=job.to_json(),
                result=self._kind,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=deadline - now) + _BACKSTOP,
        )

    def _defer_pause(
        self, pause: float, waiting_since: float, pauses: int, pending: JobRecord | None
    ) -> None:
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        moment = pendulum.now("UTC").add(seconds=max(pause, FIRST_LOOK_OF_A_TRIGGER))
        self.defer(
            trigger=DateTimeTrigger(moment=moment),
            method_name="execute_after_pause",
            kwargs={
                "waiting_since": waiting_since,
                "pauses": pauses,
                "pending": None if pending is None else pending.to_json(),
            },
        )

    def _end_wait(self, context: Context, job: JobRecord, result: WaitResult) -> Id:
        """End a wait, in the worker or deferred; after one for a dud, another job is due."""
        if result.outcome is Outcome.TIMEOUT and job.is_dud(time.time()):
            return self._run(context, waiting_since=time.time(), pending=job)
        return self._finish(context, job, result)

    def _finish(self, context: Context, job: JobRecord, result: WaitResult) -> Id:
        """Return the id of a finished video, or raise what its ending means."""
        error = result.failure(on_retry=self._on_retry, on_remake=" A retry submits a new job.")
        if error is not None:
            error.trace_id = error.trace_id or job.trace_id
            raise error
        video = {} if result.video is None else result.video.to_dict()
        credits_charged = job.credits if job.credits is not None else video.get("credits")
        context["ti"].xcom_push(
            key=result.kind, value=video | {"trace_id": job.trace_id, "credits": credits_charged}
        )
        self.log.info("PixVerse %s %s is done.", result.kind, result.video_id)
        return xcom_id(result.video_id)

    def _check_price(self, request: GenerationRequest) -> None:
        if self.max_credits is None:
            return
        price = request.estimated_credits()
        if price is None:
            self.log.warning(
                "max_credits is not checked: the published prices do not tell beforehand what this %s costs.",
                request.kind,
            )
        elif price > self.max_credits:
            raise PixVerseInsufficientCreditsError(
                f"The {request.kind} would cost {price} credits and max_credits is {self.max_credits:g}: "
                "nothing was submitted. Raise max_credits, or ask for less."
            )

    def _deadline(self, job: JobRecord, now: float) -> float:
        """Return when to stop waiting, in epoch seconds; for a replayed job, when it would be a dud."""
        deadline = now + self._wait_budget
        return deadline if job.dud_at is None else min(deadline, max(now, job.dud_at))

    @property
    def _wait_budget(self) -> float:
        # Airflow does not enforce execution_timeout while a task is deferred.
        if self.execution_timeout is None:
            return self.timeout
        return min(self.timeout, self.execution_timeout.total_seconds())

    @property
    def _on_retry(self) -> str:
        if self.durable:
            return " A retry waits for the same job and pays nothing again."
        return " A retry submits a new job, which is paid again (durable=False)."


def _job_of_event(data: dict[str, Any] | None) -> JobRecord:
    try:
        return JobRecord.from_json(data or {})
    except (KeyError, TypeError, ValueError) as err:
        raise PixVerseTriggerEventError(
            f"The event of the trigger holds no job record that this version understands ({err!r}). The "
            "video goes on; a retry finds it again."
        ) from err


def _seconds(name: str, value: float | timedelta, *, at_least: float) -> float:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    return _number(name, value, at_least=at_least)


def _number(name: str, value: object, *, at_least: float) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or value < at_least:  # type: ignore[operator]
        raise PixVerseInvalidRequestError(f"{name} must be a number of at least {at_least:g}, not {value!r}.")
    return float(value)  # type: ignore[arg-type]
