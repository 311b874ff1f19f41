"""The base of every operator that makes a video: submit once, wait without a worker, find the job again."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator, conf

from pixverse_provider.api.fields import check_switches, read_seconds
from pixverse_provider.api.ids import Id, xcom_id
from pixverse_provider.api.pacing import backoff_seconds, wait_as_asked
from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseCapacityError,
    PixVerseConfigurationError,
    PixVerseError,
    PixVerseInvalidRequestError,
    PixVerseTransientError,
)
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.jobs.advice import Advice, clear_drops_records
from pixverse_provider.jobs.identity import Attempt, TaskIdentity, fingerprint_of
from pixverse_provider.jobs.outcome import Outcome, WaitResult, read_event
from pixverse_provider.jobs.record import AttemptState, JobRecord, JobStore, job_of_event
from pixverse_provider.jobs.submission import Found, JobSubmission
from pixverse_provider.jobs.watch import (
    DEFAULT_WAIT_TIMEOUT,
    FIRST_POLL_OF_A_TRIGGER,
    JobWatch,
    Wait,
    poll_once,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from pixverse_provider.api.generations import GenerationRequest
    from pixverse_provider.api.results import MediaType
    from pixverse_provider.operators._arguments import LimitArg

__all__ = ["PixVerseGenerationOperator"]

# A slot frees when a job of one to two minutes ends.
_SLOT_PAUSES = wait_as_asked(first=15.0, longest=60.0)
# An internal error of the service (500100) is repeated so often within one attempt.
_REPEATS_AFTER_AN_INTERNAL_ERROR = 3
# What is over at PixVerse; a deadline, a connection or a kill hands nothing over.
_ENDINGS_OF_A_JOB = (Outcome.SUCCESS, Outcome.FAILED, Outcome.MODERATED, Outcome.DELETED)
# The trigger owns the deadline and names the job; Airflow's own timeout is only a net below it.
_BACKSTOP = timedelta(hours=1)


class PixVerseGenerationOperator(BaseOperator):
    """Submit one PixVerse job and wait for its video; **every new job costs credits**.

    The job is submitted once: a retry of the task, whatever ended the attempt before, finds the job again and
    waits for it. From Airflow 3.3 on its record is kept in the task state store; on 3.1 and 3.2 the trace id,
    which is derived from the task and its input, is what PixVerse recognises the repeated submit by. A clear
    of the task means "make it again" and pays again; what was paid and never handed over is picked up first.

    Returns the ``video_id``, as an int (as a string of digits above 2^53-1, which the JavaScript of the
    Airflow UI would round); an image has an ``image_id`` instead. The whole result goes to the XCom ``video``
    (``image``), without the signed URL: download with ``PixVerseDownloadVideoOperator``. With
    ``do_xcom_push=False`` neither is pushed.

    :param pixverse_conn_id: Airflow connection of type ``pixverse`` (templated).
    :param wait_for_completion: False returns the id as soon as the job is submitted.
    :param deferrable: wait in the triggerer and hold no worker; the default is ``[operators]
        default_deferrable``.
    :param poll_interval: seconds (or a ``timedelta``) between two polls of the job, at least 1. By default
        polls come closest, about 3 s apart, at the age at which most jobs are done, and rarer before and
        after it.
    :param timeout: seconds (or a ``timedelta``) that one attempt lasts at the longest, the wait for a free
        slot included. An ``execution_timeout`` that is shorter counts instead. The job goes on after it, and
        a retry waits for it. A job that still runs two hours after its submit is given up, as PixVerse itself
        does.
    :param durable: False gives each attempt a job of its own, which is **paid anew**.
    :param reuse_on_clear: True lets a cleared task with unchanged input return the video it has already paid
        for.
    :param max_credits: refuse, before anything is spent, a job whose price is known to be higher; a number of
        at least 0, or its text (templated).
    :param on_ambiguous_submit: what to do where the answer to a submit was lost: ``"replay"`` repeats it
        under the same trace id, which starts no second job; ``"fail"`` fails the task at once for a person to
        decide.
    :raises PixVerseInvalidRequestError: for a wrong argument, before any call.
    :raises PixVerseModerationError: where the content is refused.
    :raises PixVerseGenerationFailedError: where PixVerse failed; a retry submits a new job.
    :raises PixVerseWaitTimeoutError: where the video was not done in time.
    """

    request_class: ClassVar[type[GenerationRequest]]
    """What is submitted; its fields are the arguments of the operator, under the same names."""
    template_fields: Sequence[str] = ("pixverse_conn_id", "max_credits")
    ui_color = "#e8e3ff"
    _media_type: MediaType = "video"
    # What a kill would leave behind.
    _waits_for: tuple[JobRecord, Advice] | None = None

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
        max_credits: LimitArg | None = None,
        on_ambiguous_submit: Literal["replay", "fail"] = "replay",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_switches(
            wait_for_completion=wait_for_completion,
            deferrable=deferrable,
            durable=durable,
            reuse_on_clear=reuse_on_clear,
        )
        if on_ambiguous_submit not in ("replay", "fail"):
            raise PixVerseInvalidRequestError(
                f"on_ambiguous_submit must be 'replay' or 'fail', not {on_ambiguous_submit!r}: it is no "
                "template field, so give one of the two."
            )
        if reuse_on_clear and not durable:
            raise PixVerseInvalidRequestError(
                "reuse_on_clear=True needs durable=True: without a record there is nothing to reuse."
            )
        self.pixverse_conn_id = pixverse_conn_id
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = (
            None if poll_interval is None else read_seconds(poll_interval, "poll_interval", at_least=1.0)
        )
        self.timeout = read_seconds(timeout, "timeout", at_least=1.0)
        self.durable = durable
        self.reuse_on_clear = reuse_on_clear
        self.max_credits = max_credits
        self.on_ambiguous_submit = on_ambiguous_submit

    def build_request(self) -> GenerationRequest:
        """Return the request made of the rendered arguments; it checks itself."""
        return self.request_class.of(self)

    def execute(self, context: Context) -> Id:
        """Find or submit the job, then wait for it."""
        return self._run(context, AttemptState(time.time() + self._wait_budget))

    def execute_after_pause(
        self,
        context: Context,
        event: Any = None,
        waiting_since: float | None = None,
        pauses: int = 0,
        pending: dict[str, Any] | None = None,
    ) -> Id:
        """Submit again, after a deferred pause.

        :param event: of :class:`~pixverse_provider.triggers.pause.PixVersePauseTrigger`.
        :param waiting_since: with ``pauses`` and ``pending``, of a call that the first version deferred.
        """
        budget = self._wait_budget
        return self._run(context, AttemptState.read(event, waiting_since, pauses, pending, budget=budget))

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Id:
        """Take the event of the trigger; the same ending as that of a wait in the worker."""
        results, data, deadline = read_event(event)
        # The first version does not say it; a stalled replay is then replaced in the next attempt.
        return self._end_wait(context, job_of_event(data), results[0], deadline=deadline or time.time())

    def on_kill(self) -> None:
        """Say that the job goes on: PixVerse has no call to cancel one."""
        if self._waits_for is not None:
            job, advice = self._waits_for
            self.log.warning(
                "The task was killed, but PixVerse %s %s goes on and is paid: PixVerse cannot cancel a "
                "job. %s",
                self._media_type,
                job.job_id,
                advice.next_steps(job, self._media_type, time.time()).goes_on,
            )

    def _check_given(self) -> None:
        """Fail where a source is not given at all: a mistake that no template can fix."""
        for sources in self.request_class.one_of:
            sources.check_given(self, type(self).__name__)

    def _run(self, context: Context, state: AttemptState) -> Id:
        """Find or submit the job, then wait for it until the deadline of the attempt."""
        request = self.build_request()
        self._media_type = request.media_type
        deadline = state.deadline
        if state.job is None and not state.pauses:
            for warning in request.warnings:
                self.log.warning(warning)
        store, advice = self._store(context, fingerprint_of(request))
        # Whatever it polls is a job that is paid.
        with PixVerseHook(self.pixverse_conn_id, polls_paid_job=True) as hook:
            try:
                found = self._find_or_submit(hook, store, request, state, advice)
            except PixVerseAmbiguousSubmitError as err:
                if not isinstance(err, AirflowFailException):
                    err.args = (f"{err} {advice.after_a_lost_answer()}",)
                raise
            job = found.job
            self._waits_for = job, advice
            if not self.wait_for_completion:
                store.save(replace(job, handed_over=True))
                return xcom_id(job.paid_id)
            now = time.time()
            watch = self._watch(job, now, deadline)
            step: Wait | WaitResult | None = None
            if found.result is not None:
                step = watch.on_result(found.result, now)
            elif not found.polled:
                # One that is done at once needs no wait. An error is for the wait, which polls again.
                try:
                    step = watch.on_result(hook.poll(self._media_type, job.paid_id), now)
                except PixVerseError as err:
                    self.log.info("The first poll of %s failed, so it counts as running: %s", watch.name, err)
            if not isinstance(step, WaitResult):
                if step is not None and step.notice:
                    self.log.warning(step.notice)
                if self.deferrable and self._can_defer(hook, watch):
                    self._defer_wait(job, deadline)
                step = self._wait_here(hook, watch, now)
        return self._end_wait(context, job, step, deadline=deadline)

    def _store(self, context: Context, fingerprint: str = "") -> tuple[JobStore, Advice]:
        """Return the store of this task, and what to advise at the end of this attempt.

        :param fingerprint: of the request; not needed to write to the store only.
        """
        attempt = Attempt.of(context, retries=self.retries or 0, reuse_on_clear=self.reuse_on_clear)
        store = JobStore(
            context.get("task_state_store"),
            TaskIdentity.of(context, self.pixverse_conn_id),
            attempt,
            fingerprint,
            durable=self.durable,
            reuse_on_clear=self.reuse_on_clear,
        )
        return store, Advice(
            last_try=attempt.is_last,
            durable=self.durable,
            reuse_on_clear=self.reuse_on_clear,
            keeps_records=store.keeps_records,
            clear_drops_records=clear_drops_records(),
        )

    def _find_or_submit(
        self,
        hook: PixVerseHook,
        store: JobStore,
        request: GenerationRequest,
        state: AttemptState,
        advice: Advice,
    ) -> Found:
        """Submit until PixVerse accepts, within the deadline; a wait for a slot spends no retry."""
        resumed_late = state.pauses > 0 and time.time() > state.deadline
        # Nobody would wait for a new job; one that may be paid is looked for all the same.
        if resumed_late and (state.job is None or not state.job.answer_lost):
            times = "once" if state.pauses == 1 else f"{state.pauses} times"
            raise PixVerseCapacityError(
                self._nothing_taken(store, state.job, f"PixVerse has refused it {times}.", advice)
            )
        while True:
            answer = JobSubmission(
                hook,
                store,
                request,
                replay=self.on_ambiguous_submit == "replay",
                max_credits=self.max_credits,
                before_paying=hook.check_deferral if self.deferrable and self.wait_for_completion else None,
                pending=state.job,
            ).find_or_submit()
            if isinstance(answer, Found):
                return answer
            error = answer.error
            errors = state.internal_errors if answer.lasting else state.internal_errors + 1
            state = AttemptState(state.deadline, state.pauses + 1, errors, answer.job)
            if errors > _REPEATS_AFTER_AN_INTERNAL_ERROR:
                raise error
            pause = backoff_seconds(_SLOT_PAUSES, state.pauses, error)
            if time.time() + pause > state.deadline:
                raise self._not_submitted(store, error, answer.job, advice)
            self.log.info("Submitting again in %.0f s: %s", pause, error)
            if self.deferrable:
                self._defer_pause(pause, state)
            time.sleep(pause)

    def _not_submitted(
        self, store: JobStore, error: PixVerseTransientError, job: JobRecord, advice: Advice
    ) -> PixVerseTransientError:
        """Return the error of a submit that was refused until the deadline."""
        message = self._nothing_taken(store, job, str(error), advice)
        if job.answer_lost:
            message = (
                f"Whether the submit under trace id {job.trace_id} has made a job, which is then paid, could "
                f"not be found out within {self._limit}: {error} {advice.after_a_lost_answer()}"
            )
        return type(error)(
            message,
            err_code=error.err_code,
            http_status=error.http_status,
            trace_id=error.trace_id,
            retry_after=error.retry_after,
        )

    def _nothing_taken(self, store: JobStore, job: JobRecord | None, reason: str, advice: Advice) -> str:
        """Say that this attempt got no job, where no answer to its submit was lost."""
        # Without a record, nobody knows whether an answer to an earlier attempt was lost.
        unknown = job is None or store.may_be_repeated(replace(job, sequence=0))
        charged = "" if unknown else ", and nothing was charged for one"
        remedy = advice.after_no_slot(self._limit_name)
        return f"No job was taken within {self._limit}{charged}: {reason} {remedy}"

    def _watch(self, job: JobRecord, now: float, deadline: float) -> JobWatch:
        return JobWatch(
            job.paid_id,
            started_at=now,
            deadline=deadline,
            poll_interval=self.poll_interval,
            not_before=now + (self.poll_interval or FIRST_POLL_OF_A_TRIGGER),
            submitted_at=job.submitted_at,
            give_up_at=job.give_up_at,
            media_type=self._media_type,
        )

    def _wait_here(self, hook: PixVerseHook, watch: JobWatch, now: float) -> WaitResult:
        """Wait in this worker."""
        pause = watch.first_poll(now)
        while True:
            time.sleep(pause)
            step = poll_once(hook, watch)
            if not isinstance(step, Wait):
                return step
            if step.notice:
                self.log.warning(step.notice)
            pause = step.seconds

    def _can_defer(self, hook: PixVerseHook, watch: JobWatch) -> bool:
        """Tell whether the triggerer can wait for a job that is paid, however it came to be so."""
        try:
            hook.check_deferral()
        except PixVerseConfigurationError as err:
            self.log.warning("%s is paid, so it is waited for in this worker: %s", watch.name, err)
            return False
        return True

    def _defer_wait(self, job: JobRecord, deadline: float) -> None:
        from pixverse_provider.triggers.video import PixVerseVideoTrigger

        now = time.time()
        deadline = max(deadline, now + FIRST_POLL_OF_A_TRIGGER)
        self.log.info(
            "Waiting for PixVerse %s %s in the triggerer; no worker is held.", self._media_type, job.job_id
        )
        self.defer(
            trigger=PixVerseVideoTrigger(
                pixverse_conn_id=self.pixverse_conn_id,
                video_ids=[str(job.job_id)],
                poll_interval=self.poll_interval,
                started_at=now,
                not_before=now + FIRST_POLL_OF_A_TRIGGER,
                deadline=deadline,
                submitted_at=job.submitted_at,
                job=job.to_json(),
                media_type=self._media_type,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=deadline - now) + _BACKSTOP,
        )

    def _defer_pause(self, pause: float, state: AttemptState) -> None:
        from pixverse_provider.triggers.pause import PixVersePauseTrigger

        seconds = max(pause, FIRST_POLL_OF_A_TRIGGER)
        self.defer(
            trigger=PixVersePauseTrigger(until=time.time() + seconds, state=state.to_json()),
            method_name="execute_after_pause",
            timeout=timedelta(seconds=seconds) + _BACKSTOP,
        )

    def _end_wait(self, context: Context, job: JobRecord, result: WaitResult, *, deadline: float) -> Id:
        """Return the id of a finished job, or raise what its ending means; in the worker or deferred.

        A stalled replay is replaced within the attempt, as long as that has time left.
        """
        if result.outcome is Outcome.GIVEN_UP and job.replayed and time.time() < deadline:
            return self._run(context, AttemptState(deadline, job=job))
        now = time.time()
        store, advice = self._store(context)
        final = isinstance(result.error, AirflowFailException)
        error = result.failure(advice.next_steps(job, result.media_type, now, final=final))
        job_has_ended = result.outcome in _ENDINGS_OF_A_JOB
        if job_has_ended or result.outcome is Outcome.GIVEN_UP:
            # Before the id is returned or the failure raised: from then on a clear means "make it again".
            store.save(
                job.ended(
                    result.outcome,
                    now,
                    message="" if error is None else str(error),
                    handed_over=job_has_ended,
                )
            )
        if error is not None:
            error.trace_id = error.trace_id or job.trace_id
            raise error
        self._push_result(context, job, result)
        self.log.info("PixVerse %s %s is done.", result.media_type, result.job_id)
        return xcom_id(result.job_id)

    def _push_result(self, context: Context, job: JobRecord, result: WaitResult) -> None:
        """Push the whole result, without its signed URL."""
        if not self.do_xcom_push:
            return
        value = {} if result.result is None else result.result.to_dict()
        credits_charged = job.credits if job.credits is not None else value.get("credits")
        value |= {"trace_id": job.trace_id, "credits": credits_charged}
        try:
            context["ti"].xcom_push(key=result.media_type, value=value)
        except Exception:  # the job is done and paid, so no XCom may fail the task
            self.log.exception(
                "PixVerse %s %s is done, but its XCom %r could not be pushed.",
                result.media_type,
                result.job_id,
                result.media_type,
            )

    @property
    def _wait_budget(self) -> float:
        # Airflow does not enforce execution_timeout while a task is deferred.
        if self.execution_timeout is None:
            return self.timeout
        return min(self.timeout, self.execution_timeout.total_seconds())

    @property
    def _limit_name(self) -> str:
        return "timeout" if self._wait_budget == self.timeout else "execution_timeout"

    @property
    def _limit(self) -> str:
        return f"{self._limit_name}={self._wait_budget:g} s"
