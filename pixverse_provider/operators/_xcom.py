"""The XCom that tells of the job of a task: what it is, how it has ended, and what it has cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pixverse_provider.api.ids import xcom_id
from pixverse_provider.exceptions import storable_text
from pixverse_provider.jobs.identity import fingerprint_of
from pixverse_provider.jobs.outcome import Outcome

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from pixverse_provider.api.generations import GenerationRequest
    from pixverse_provider.api.results import JobResult, MediaType
    from pixverse_provider.jobs.record import JobRecord
    from pixverse_provider.operators.generation import PixVerseGenerationOperator

__all__ = ["job_value", "push_job"]

_LONGEST_TEXT = 2000
_LARGEST_NUMBER = 2**53 - 1
_FROM_THE_RECORD = (
    "outcome",
    "message",
    "trace_id",
    "credits",
    "credits_refunded",
    "submitted_at",
    "ended_at",
    "try_number",
)


def push_job(
    task: PixVerseGenerationOperator,
    context: Context,
    job: JobRecord,
    media_type: MediaType,
    *,
    result: JobResult | None = None,
    request: GenerationRequest | None = None,
) -> None:
    """Push what is known of a job, under its media type; a failure is logged, since the job is paid.

    :param job: with its end, where it has one.
    :param result: what the last poll has brought.
    :param request: as it was sent; None where another process has sent it.
    """
    if not task.do_xcom_push:
        return
    try:
        request = request or _sent(task, context, job)
        value = job_value(job, media_type, result=result, request=request)
        context["ti"].xcom_push(key=media_type, value=value | {"operation": type(task).__name__})
    except Exception:  # the job is paid, so no XCom may fail the task
        task.log.exception(
            "PixVerse %s %s is paid, but its XCom %r could not be pushed; the task goes on without it.",
            media_type,
            job.job_id,
            media_type,
        )


def job_value(
    job: JobRecord,
    media_type: MediaType,
    *,
    result: JobResult | None = None,
    request: GenerationRequest | None = None,
) -> dict[str, Any]:
    """Return plain JSON, without a signed URL."""
    value = {} if result is None else result.to_dict()
    record = job.to_json()
    value |= {name: record[name] for name in _FROM_THE_RECORD}
    value |= {
        f"{media_type}_id": xcom_id(job.paid_id if result is None else result.id),
        "media_type": media_type,
        "outcome": job.outcome or "running",
        "request": None if request is None else {k: _shown(k, v) for k, v in request.payload().items()},
    }
    if job.outcome in (Outcome.TIMEOUT, Outcome.ERROR):
        # The job goes on; what has ended is the wait.
        value["ended_at"] = None
    return value


def _sent(task: PixVerseGenerationOperator, context: Context, job: JobRecord) -> GenerationRequest | None:
    """Return the request of a job that another process has sent; None where it cannot be made anew."""
    try:
        request = task.build_request()
        store, _ = task._store(context, fingerprint_of(request))
        is_same = not task.durable or store.has_this_input(job)
    except Exception:  # the templates may render to anything by now, and the job is paid
        task.log.debug("The request of the job cannot be made anew.", exc_info=True)
        return None
    return request if is_same else None


def _shown(name: str, value: Any) -> Any:
    """Return a value of a request as a page may show it."""
    if isinstance(value, dict):
        return {key: _shown(key, each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(name, each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LARGEST_NUMBER:
        return str(value)
    if not isinstance(value, str):
        return value
    if name.endswith(("_url", "_urls")):
        # It may be signed.
        value = value.partition("?")[0].partition("#")[0]
    return storable_text(value[:_LONGEST_TEXT])
