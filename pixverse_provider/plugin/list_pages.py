"""The pages with many videos: of a DAG run, of a mapped task, and of the installation."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool

from pixverse_provider.plugin import versions
from pixverse_provider.plugin.asking import Said, balance_of, job_of, origin_of
from pixverse_provider.plugin.chart import OTHERS, chart, spending_of, today
from pixverse_provider.plugin.facts import STATES, TaskVideo, credit_text
from pixverse_provider.plugin.queries import MOST_JOBS, read_connections, read_recent
from pixverse_provider.plugin.rendering import Addresses, digest_of, render

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response

    from pixverse_provider.plugin.queries import Recent, RunPage

__all__ = ["DAY_CHOICES", "Filters", "run_digest", "show_home", "show_run"]

DAY_CHOICES = (7, 30, 90)
_PER_PAGE = 200
_PER_HOME_PAGE = 48
_MOST_CONNECTIONS = 10
_MOST_SAMPLES = 5
_ONE_JOB_ONLY = (
    "Below Airflow 3.3 only the latest job of each task is known, so the sums hold no earlier ones: the "
    "history of jobs is kept in the task state store."
)
_NO_BALANCE = "The balance is shown to those who may read the connection in Airflow."
_NO_CONNECTION = "No connection of type pixverse is in Airflow's database, and no recent task names one."


@dataclass(frozen=True)
class Filters:
    """What the query of the address asks for."""

    state: str = ""
    task: str = ""
    dag: str = ""
    text: str = ""
    page: int = 1
    days: int = 30

    @property
    def active(self) -> bool:
        """Whether anything is left out."""
        return bool(self.state or self.task or self.dag or self.text)

    def of(self, videos: Iterable[TaskVideo]) -> list[TaskVideo]:
        """Return those that it asks for."""
        wanted = self.text.strip().lower()
        return [
            video
            for video in videos
            if (not self.state or video.state == self.state)
            and (not self.task or video.task_id == self.task)
            and (not self.dag or video.dag_id == self.dag)
            and (not wanted or any(wanted in text.lower() for text in _texts(video)))
        ]


def run_digest(page: RunPage) -> str:
    """Return what changes with any of its videos."""
    return digest_of(
        page.run.state,
        [(video.task_id, video.map_index, video.state, video.label, video.spent) for video in page.videos],
    )


async def show_run(request: Request, page: RunPage, filters: Filters, task_id: str | None) -> Response:
    """Return the page of a DAG run, or of one of its mapped tasks."""
    addresses, run = Addresses.of(request), page.run
    chosen = filters.of(page.videos)
    videos, pages = _page_of(chosen, filters.page, _PER_PAGE)
    sample = next((video for video in page.videos if video.has_video), None)
    origin = ""
    if sample is not None and sample.job is not None and sample.job.job_id and page.conn_ids:
        said = await job_of(page.conn_ids[0], sample.job.media_type, sample.job.job_id)
        origin = origin_of(said.url)
    run_url = f"{addresses.base}/dags/{_quoted(run.dag_id)}/runs/{_quoted(run.run_id)}"
    airflow = (
        addresses.airflow_task(run.dag_id, run.run_id, task_id)
        if task_id
        else addresses.airflow_run(run.dag_id, run.run_id)
    )
    own = f"{run_url}/tasks/{_quoted(task_id)}" if task_id else run_url
    crumbs = [
        ("PixVerse", f"{addresses.base}/", "All videos"),
        (run.dag_id, f"{addresses.airflow}/dags/{_quoted(run.dag_id)}", "The DAG in Airflow"),
        (run.run_id, run_url if task_id else None, "All videos of the DAG run"),
    ]
    if task_id:
        crumbs.append((task_id, None, "Task"))
    known = any(video.has_record for video in page.videos)
    return render(
        request,
        "run.html",
        origins=[origin],
        run=run,
        task_id=task_id or "",
        heading=task_id or run.run_id,
        total=len(page.videos),
        counts=_counts(page.videos),
        spent=sum(video.spent for video in page.videos),
        refunded=sum(video.refunded for video in page.videos),
        filters=filters,
        states=STATES,
        tasks=sorted({video.task_id for video in page.videos}),
        videos=videos,
        pages=pages,
        notes=[] if known or not page.videos else [_ONE_JOB_ONLY],
        airflow_run=airflow,
        run_url=run_url,
        crumbs=crumbs,
        live=any(video.is_live for video in page.videos) or run.state in ("running", "queued"),
        status_url=f"{own}/status",
        digest=run_digest(page),
    )


async def show_home(request: Request, user: Any, filters: Filters) -> Response:
    """Return the page of the installation, of the DAGs that this user may read."""
    recent, conn_ids, samples = await run_in_threadpool(_read_home, user, filters.days)
    said = await asyncio.gather(*(balance_of(conn_id) for conn_id in conn_ids))
    asked = await asyncio.gather(*(job_of(*sample) for sample in samples))
    chosen = filters.of(recent.videos)
    videos, pages = _page_of(chosen, filters.page, _PER_HOME_PAGE)
    spending = spending_of(chosen, filters.days, today())
    rows = [
        (day.isoformat(), values, sum(values))
        for day, values in zip(spending.days, spending.values, strict=True)
        if any(values)
    ]
    legend = [
        (dag, 7 if dag == OTHERS else index, spending.of_dag(index))
        for index, dag in enumerate(spending.dags)
    ]
    notes = []
    if recent.cut:
        notes.append(f"There were more: the latest {MOST_JOBS:,} jobs of these days are shown and summed up.")
    if recent.videos and not any(video.has_record for video in recent.videos):
        notes.append(_ONE_JOB_ONLY)
    return render(
        request,
        "home.html",
        origins={origin_of(each.url) for each in asked},
        filters=filters,
        states=STATES,
        day_choices=DAY_CHOICES,
        dags=sorted({video.dag_id for video in recent.videos} | ({filters.dag} if filters.dag else set())),
        counts=_counts(filters_without_state(filters).of(recent.videos)),
        spent=spending.total,
        refunded=sum(video.refunded for video in chosen),
        chart=chart(spending),
        legend=legend,
        rows=rows,
        balances=[_balance(conn_id, each) for conn_id, each in zip(conn_ids, said, strict=True)],
        no_balance=_NO_BALANCE,
        videos=videos,
        pages=pages,
        notes=notes,
        crumbs=[("PixVerse", None, "All videos")],
    )


def filters_without_state(filters: Filters) -> Filters:
    """Return the filters that the numbers of each state follow: all the others."""
    return Filters(task=filters.task, dag=filters.dag, text=filters.text, days=filters.days)


def _read_home(user: Any, days: int) -> tuple[Recent, list[str], list[tuple[str, Any, str]]]:
    """Return the videos that a user may see, the connections that they may read, and a job of each."""
    dag_ids = versions.readable_dag_ids(user)
    recent = read_recent(dag_ids, days)
    # An auth manager may know of XComs by DAG too.
    allowed = {
        dag_id
        for dag_id in {video.dag_id for video in recent.videos}
        if versions.may_read_xcoms(user, dag_id)
    }
    recent = type(recent)([video for video in recent.videos if video.dag_id in allowed], recent.cut)
    samples: dict[str, tuple[str, Any, str]] = {}
    seen: set[tuple[str, str]] = set()
    with versions.create_session() as session:
        for video in recent.videos:
            job = video.job
            if (video.dag_id, video.task_id) in seen or job is None or job.job_id is None:
                continue
            seen.add((video.dag_id, video.task_id))
            if len(seen) > _MOST_CONNECTIONS * 2:
                break
            fields = versions.rendered_fields(
                session, video.dag_id, video.run_id, video.task_id, video.map_index
            )
            conn_id = (fields or {}).get("pixverse_conn_id")
            if isinstance(conn_id, str) and conn_id and (conn_id not in samples or video.has_video):
                samples.setdefault(conn_id, (conn_id, job.media_type, job.job_id))
                if video.has_video:
                    samples[conn_id] = (conn_id, job.media_type, job.job_id)
    conn_ids = sorted({*samples, *read_connections("pixverse")})[:_MOST_CONNECTIONS]
    readable = [conn_id for conn_id in conn_ids if versions.may_read_connection(user, conn_id)]
    return recent, readable, list(samples.values())[:_MOST_SAMPLES]


def _balance(conn_id: str, said: Said) -> tuple[str, str, str, str]:
    if said.balance is None:
        return conn_id, "", "", said.problem
    balance = said.balance
    detail = f"{balance.credit_monthly:,} of the plan, {balance.credit_package:,} bought"
    return conn_id, credit_text(balance.total), detail, ""


def _counts(videos: Iterable[TaskVideo]) -> list[tuple[str, int]]:
    counts = Counter(video.state for video in videos)
    return [(state, counts[state]) for state in STATES if counts[state]]


def _page_of(videos: list[TaskVideo], page: int, per_page: int) -> tuple[list[TaskVideo], int]:
    pages = max(1, -(-len(videos) // per_page))
    first = (min(page, pages) - 1) * per_page
    return videos[first : first + per_page], pages


def _texts(video: TaskVideo) -> Iterable[str]:
    yield from (video.label, video.task_id, video.run_id, video.dag_id, video.what, video.message)
    for job in video.jobs:
        yield job.job_id or ""
        yield job.trace_id


def _quoted(text: str) -> str:
    return quote(text, safe="")
