"""The page of one task instance: what it shows, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pixverse_provider.api.results import Video, VideoStatus
from pixverse_provider.plugin.asking import Said, job_of, origin_of
from pixverse_provider.plugin.facts import attempts_of
from pixverse_provider.plugin.rendering import Addresses, digest_of, render, shown_json, size_text

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from pixverse_provider.plugin.queries import Clip, TaskPage

__all__ = ["show_task", "task_digest"]

_STATUS_NAMES = {
    VideoStatus.SUCCESS: "done",
    VideoStatus.GENERATING: "generating",
    VideoStatus.DELETED: "deleted",
    VideoStatus.MODERATION_FAILED: "refused by the moderation",
    VideoStatus.GENERATION_FAILED: "failed",
}
# Arguments of every operator, which PixVerse is not told.
_NOT_OF_A_REQUEST = ("pixverse_conn_id", "max_credits")
# So many of a list are asked for: enough to know where the media are.
_ASKED_OF_A_LIST = 1
_NO_FIELDS = (
    "Airflow keeps the rendered fields of the latest runs only, and of this one no more. So which connection "
    "it used is not known, and PixVerse is not asked: what has landed can still be played, where the text of "
    "the DAG says where that is."
)
_NO_HISTORY = (
    "Earlier jobs are not known here: the history of jobs is kept in the task state store, which Airflow has "
    "from 3.3 on, and which durable=False, a clean-up or a clear (3.4) leaves empty."
)


def task_digest(page: TaskPage) -> str:
    """Return what changes with anything that the page shows and that comes from the database."""
    video = page.video
    return digest_of(video.task_state, video.try_number, video.state, video.jobs, page.clips, video.label)


async def show_task(request: Request, page: TaskPage) -> Response:
    """Return the page."""
    video, addresses = page.video, Addresses.of(request)
    said = [
        await _asked(page, clip) if number < _ASKED_OF_A_LIST else Said()
        for number, clip in enumerate(page.clips)
    ]
    origins = {origin_of(each.url) for each in said}
    own = addresses.page(video)
    clips = [_clip(page, clip, each, own) for clip, each in zip(page.clips, said, strict=True)]
    dag_run = addresses.airflow_run(video.dag_id, video.run_id)
    crumbs = [
        ("PixVerse", f"{addresses.base}/", "All videos"),
        (video.dag_id, f"{addresses.airflow}/dags/{video.dag_id}", "The DAG in Airflow"),
        (video.run_id, addresses.run(video), "All videos of the DAG run"),
        (video.task_id, addresses.mapped(video) if video.map_index >= 0 else None, "Task"),
    ]
    if video.map_index >= 0:
        crumbs.append((video.name, None, f"Map index {video.map_index}"))
    shown_request = video.request or _fields_of_request(page)
    return render(
        request,
        "task.html",
        origins=origins,
        page=page,
        video=video,
        clips=clips,
        screen_digest=digest_of(page.clips, video.state),
        nothing=_nothing(page),
        facts=_facts(page, said[0] if said else Said()),
        notes=[_NO_FIELDS] if page.fields is None and page.clips else [],
        request_json=shown_json(shown_request) if shown_request else "",
        tries=attempts_of(video, page.earlier) if page.makes_jobs else [],
        no_history=_NO_HISTORY,
        crumbs=crumbs,
        airflow_task=addresses.airflow_task(video.dag_id, video.run_id, video.task_id, video.map_index),
        airflow_run=dag_run,
        run_url=addresses.run(video),
        live=video.is_live,
        status_url=f"{own}/status",
        digest=task_digest(page),
    )


async def _asked(page: TaskPage, clip: Clip) -> Said:
    if clip.job_id is None or page.conn_id is None or (page.makes_jobs and page.video.state == "waiting"):
        return Said()
    return await job_of(page.conn_id, clip.media_type, clip.job_id)


def _clip(page: TaskPage, clip: Clip, said: Said, own: str) -> dict[str, Any]:
    """Return what the template needs of one video, and why it cannot be shown."""
    at_pixverse = bool(said.url) or (not said.problem and said.result is None and page.conn_id is not None)
    ended_badly = page.makes_jobs and page.video.state in ("failed", "moderated", "deleted", "given up")
    # While the task still runs the video may be done already.
    running = page.makes_jobs and page.video.state in ("running", "waiting") and not said.url
    shown = clip.place is not None or bool(said.url) or (at_pixverse and not ended_badly and not running)
    if clip.place is not None and not said.url:
        source = "Played from where it has landed."
    elif shown:
        source = "Played from PixVerse."
    else:
        source = ""
    return {
        "job_id": clip.job_id,
        "media_type": clip.media_type,
        "media": f"{own}/video/{clip.number}",
        "file": f"{own}/file/{clip.number}",
        "says": clip.says,
        "shown": shown,
        "source": source,
        "why": said.problem or _why_not(page, said),
    }


def _why_not(page: TaskPage, said: Said) -> str:
    state = page.video.state
    if page.makes_jobs and state == "running":
        return "PixVerse is generating it" if page.video.is_live else "The task has not waited for its end"
    if page.makes_jobs and state != "success":
        return {"moderated": "Refused by the moderation of PixVerse", "waiting": "Not submitted yet"}.get(
            state, f"The job was {state}" if state in ("deleted", "given up") else "The job failed"
        )
    if page.conn_id is None:
        return "Airflow no longer knows which connection it used"
    if said.result is not None:
        status = VideoStatus.known(said.result.status)
        name = _STATUS_NAMES[status] if status else f"status {said.result.status}"
        return f"PixVerse has no video to show: {name}"
    return "There is no video"


def _nothing(page: TaskPage) -> str:
    if not page.makes_jobs:
        return "Nothing has been named yet" if page.video.is_live else "There is no video"
    return {"waiting": "Not submitted yet"}.get(page.video.state, "No job was made")


def _facts(page: TaskPage, said: Said) -> list[tuple[str, Any, str]]:
    """Return name, value and kind of what is known; what is not known is left out."""
    video = page.video
    job = video.job
    facts: list[tuple[str, Any, str]] = []
    if page.makes_jobs:
        facts.append(("Operation", video.kind, ""))
        if job is not None:
            facts += [
                ("Job id", job.job_id or "no answer yet", "id" if job.job_id else ""),
                ("Trace id", job.trace_id, "id" if job.trace_id else ""),
                ("Credits", job, "credits"),
            ]
            if len(video.jobs) > 1:
                facts.append(("Credits of all jobs", f"{video.spent:g} for {len(video.jobs)} jobs", ""))
    else:
        facts.append(("Operator", video.operator, ""))
    facts += [
        ("Connection", page.conn_id or "not known any more", ""),
        ("Task state", video.task_state or "none", ""),
    ]
    result = said.result if isinstance(said.result, Video) else None
    if page.makes_jobs or len(page.clips) == 1:
        width = (result and result.output_width) or video.number("output_width")
        height = (result and result.output_height) or video.number("output_height")
        facts.append(("Size", size_text((result and result.size) or video.number("size")), ""))
        if page.clips and page.clips[0].media_type == "video" and _may_play(page):
            facts.append(("Length", _pixels(width, height), "length"))
        else:
            facts.append(("Picture", _pixels(width, height), ""))
        sound = result.has_audio if result is not None else video.value.get("has_audio")
        if not _may_play(page):
            sound = None
        facts.append(("Sound", {True: "yes", False: "no"}.get(sound) if isinstance(sound, bool) else "", ""))
        seed = video.number("seed")
        facts.append(("Seed", f"{seed:.0f}" if seed else "", ""))
    if job is not None:
        facts += [("Submitted", job.submitted, "time"), ("Ended", job.ended, "time")]
    if said.result is not None:
        status = VideoStatus.known(said.result.status)
        facts.append(
            ("At PixVerse now", _STATUS_NAMES[status] if status else f"status {said.result.status}", "")
        )
    elif said.problem:
        facts.append(("At PixVerse now", said.problem, ""))
    says = [clip.says for clip in page.clips if clip.says]
    if len(says) == 1:
        facts.append(("Landed at", says[0], "place"))
    elif page.makes_jobs and video.state == "success":
        facts.append(("Landed at", "no download of this run has landed it", ""))
    return [fact for fact in facts if fact[1] not in (None, "") or fact[2] == "length"]


def _may_play(page: TaskPage) -> bool:
    return not page.makes_jobs or page.video.state in ("success", "running")


def _pixels(width: float | None, height: float | None) -> str:
    return f"{width:.0f} × {height:.0f}" if width and height else ""  # noqa: RUF001 - as people write it


def _fields_of_request(page: TaskPage) -> dict[str, Any]:
    """Return the rendered arguments, where the XCom does not hold the request."""
    fields = page.fields or {}
    return {
        name: value
        for name, value in fields.items()
        if value not in (None, "") and name not in _NOT_OF_A_REQUEST
    }
