"""What the pages read of Airflow's database: task instances, their jobs, and where videos have landed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from pixverse_provider.jobs.record import STORE_KEY
from pixverse_provider.plugin import versions
from pixverse_provider.plugin.facts import TaskVideo, read_id
from pixverse_provider.storage.landed import place_below, place_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy.orm import Session

__all__ = [
    "MOST_JOBS",
    "Clip",
    "Recent",
    "RunPage",
    "TaskPage",
    "read_connections",
    "read_recent",
    "read_run",
    "read_task",
]

JOB_KEYS = ("video", "image")
LANDED_KEY = "landed"
_RETURN_KEY = "return_value"
_DOWNLOAD = "PixVerseDownloadVideoOperator"
_SENSOR = "PixVerseVideoSensor"
_MOST_CLIPS = 500
_LONGEST_PLACE = 4096
# Of a text of a request, in a list.
_LONGEST_SAID = 300
# Each is a question to the database.
_MOST_SILENT = 20

MOST_JOBS = 5000
"""So many jobs of the installation are looked at, the latest ones."""

Key = tuple[str, str, str, int]


@dataclass(frozen=True)
class Clip:
    """One video to show on a page of a task.

    :param number: its place on the page, from 0.
    :param job_id: digits, where it is known.
    :param says: where a download says that it has landed.
    :param place: where that is, if it may be read; None else.
    """

    number: int
    job_id: str | None
    media_type: Literal["video", "image"] = "video"
    says: str | None = None
    place: str | None = None


@dataclass(frozen=True)
class TaskPage:
    """Everything of one task instance.

    :param conn_id: its connection, from its rendered fields; None where Airflow keeps none any more.
    :param fields: its rendered fields.
    :param ids: what a sensor or a download names, as digits.
    """

    video: TaskVideo
    run: versions.RunRow
    earlier: list[versions.TryRow]
    conn_id: str | None
    fields: dict[str, Any] | None
    clips: list[Clip]
    makes_jobs: bool


@dataclass(frozen=True)
class RunPage:
    """The videos of a DAG run, or of one mapped task of it."""

    run: versions.RunRow
    videos: list[TaskVideo]
    conn_ids: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Recent:
    """The videos of the installation.

    :param cut: whether there were more than are looked at.
    """

    videos: list[TaskVideo]
    cut: bool


def read_task(dag_id: str, run_id: str, task_id: str, map_index: int) -> TaskPage | None:
    """Return everything of a task instance, or None where there is none."""
    with versions.create_session() as session:
        run = versions.run_row(session, dag_id, run_id)
        rows = versions.task_rows(session, dag_id, run_id, task_id, map_index)
        if run is None or not rows:
            return None
        row = rows[0]
        where: dict[str, Any] = {"run_id": run_id, "task_id": task_id, "map_index": map_index}
        xcoms = list(versions.xcoms(session, JOB_KEYS, dag_ids=[dag_id], **where))
        records = list(versions.records(session, STORE_KEY, dag_ids=[dag_id], **where))
        video = TaskVideo.of(
            dag_id,
            run_id,
            row,
            xcom=(xcoms[0].key, xcoms[0].value) if xcoms else None,
            record=records[0].value if records else None,
        )
        fields = versions.rendered_fields(session, dag_id, run_id, task_id, map_index)
        own = _landed(session, dag_id, run_id, [row])
        operator = row.operator or ""
        if own or operator in (_DOWNLOAD, _SENSOR):
            named = _ids(fields)
            ids = named if operator == _SENSOR or not own else [landed.job_id for landed in own]
            landed = own
        else:
            ids = [job.job_id] if (job := video.job) is not None and job.job_id else []
            landed = _landed(session, dag_id, run_id, None) if ids else []
        clips = [_clip(session, number, job_id, video, landed) for number, job_id in enumerate(ids)]
        return TaskPage(
            video,
            run,
            versions.earlier_tries(session, dag_id, run_id, task_id, map_index),
            _connection(fields),
            fields,
            clips,
            makes_jobs=not own and operator not in (_DOWNLOAD, _SENSOR),
        )


def read_run(dag_id: str, run_id: str, task_id: str | None = None) -> RunPage | None:
    """Return the videos of a DAG run, or of one of its tasks; None where there is no such run or task."""
    with versions.create_session() as session:
        run = versions.run_row(session, dag_id, run_id)
        if run is None:
            return None
        rows = versions.task_rows(session, dag_id, run_id, task_id)
        if task_id is not None and not rows:
            return None
        xcoms: dict[Key, versions.StoredRow] = {}
        for stored in versions.xcoms(session, JOB_KEYS, dag_ids=[dag_id], run_id=run_id, task_id=task_id):
            xcoms.setdefault(_key(stored), stored)
        records: dict[Key, versions.StoredRow] = {}
        for stored in versions.records(session, STORE_KEY, dag_ids=[dag_id], run_id=run_id, task_id=task_id):
            records.setdefault(_key(stored), stored)
        ours = {key[2] for key in (*xcoms, *records)}
        videos = []
        for row in rows:
            if row.task_id not in ours and not _is_generation(row.operator):
                continue
            key = (dag_id, run_id, row.task_id, row.map_index)
            videos.append(_video(dag_id, run_id, row, xcoms.get(key), records.get(key)))
        sample = next((video for video in videos if video.has_video), None)
        conn_ids = []
        if sample is not None:
            fields = versions.rendered_fields(session, dag_id, run_id, sample.task_id, sample.map_index)
            conn_ids = [conn_id] if (conn_id := _connection(fields)) else []
        return RunPage(run, videos, conn_ids)


def read_recent(dag_ids: Collection[str], days: int, now: datetime | None = None) -> Recent:
    """Return the videos of these DAGs, the latest first.

    :param days: so far back.
    """
    since = (now or datetime.now(UTC)) - timedelta(days=days)
    with versions.create_session() as session:
        xcoms = _latest(versions.xcoms(session, JOB_KEYS, dag_ids=dag_ids, since=since, limit=MOST_JOBS))
        records = _latest(versions.records(session, STORE_KEY, dag_ids=dag_ids, since=since, limit=MOST_JOBS))
        keys = {*xcoms, *records}
        rows = versions.task_rows_of(session, keys)
    videos = [
        _video(key[0], key[1], rows[key], xcoms.get(key), records.get(key)) for key in keys if key in rows
    ]
    videos.sort(key=lambda video: (video.day or since, video.task_id, video.map_index), reverse=True)
    return Recent(videos, cut=max(len(xcoms), len(records)) >= MOST_JOBS)


def read_connections(conn_type: str) -> list[str]:
    """Return the connections of a type that the database holds."""
    with versions.create_session() as session:
        return versions.pixverse_connections(session, conn_type)


def _video(
    dag_id: str,
    run_id: str,
    row: versions.TaskRow,
    xcom: versions.StoredRow | None,
    record: versions.StoredRow | None,
) -> TaskVideo:
    return TaskVideo.of(
        dag_id,
        run_id,
        row,
        xcom=None if xcom is None else (xcom.key, xcom.value),
        record=None if record is None else record.value,
        seen=xcom.time if xcom is not None else None if record is None else record.time,
    )


def _latest(rows: Iterable[versions.StoredRow]) -> dict[Key, versions.StoredRow]:
    found: dict[Key, versions.StoredRow] = {}
    for row in rows:
        found.setdefault(_key(row), replace(row, value=_in_short(row.value)))
    return found


def _in_short(value: Any) -> Any:
    """Return what a list shows of an XCom: thousands of them are held at once."""
    if not isinstance(value, dict) or "request" not in value:
        return value
    request = value["request"] if isinstance(value["request"], dict) else {}
    texts = {name: text[:_LONGEST_SAID] for name, text in request.items() if isinstance(text, str)}
    return {**value, "request": texts}


def _key(row: versions.StoredRow) -> Key:
    return row.dag_id, row.run_id, row.task_id, row.map_index


def _is_generation(operator: str | None) -> bool:
    """Tell whether an operator of ours makes jobs; one that users derive from it is known by its XComs."""
    name = operator or ""
    return (
        name.startswith("PixVerse")
        and name.endswith("Operator")
        and name not in (_DOWNLOAD, "PixVerseBalanceOperator")
        and "Upload" not in name
    )


# ----- where videos have landed


@dataclass(frozen=True)
class _Landed:
    """What a download says of one video.

    :param task: which download.
    """

    task: tuple[str, int]
    job_id: str
    says: str


def _landed(session: Session, dag_id: str, run_id: str, rows: list[versions.TaskRow] | None) -> list[_Landed]:
    """Return what the downloads of a run say, or one of them."""
    where: dict[str, Any] = {"run_id": run_id}
    if rows is not None:
        where |= {"task_id": rows[0].task_id, "map_index": rows[0].map_index}
    found = []
    said: set[tuple[str, int]] = set()
    for stored in versions.xcoms(session, [LANDED_KEY], dag_ids=[dag_id], **where):
        if not isinstance(stored.value, list):
            continue
        said.add((stored.task_id, stored.map_index))
        for entry in stored.value[:_MOST_CLIPS]:
            job_id = read_id(entry.get("video_id")) if isinstance(entry, dict) else None
            uri = entry.get("uri") if isinstance(entry, dict) else None
            if job_id and isinstance(uri, str) and len(uri) <= _LONGEST_PLACE:
                found.append(_Landed((stored.task_id, stored.map_index), job_id, uri))
    # The first version left the place only, as what the download returned.
    downloads = rows if rows is not None else versions.task_rows(session, dag_id, run_id)
    silent = [
        row for row in downloads if row.operator == _DOWNLOAD and (row.task_id, row.map_index) not in said
    ]
    for row in silent[:_MOST_SILENT]:
        place: dict[str, Any] = {"run_id": run_id, "task_id": row.task_id, "map_index": row.map_index}
        for stored in versions.xcoms(session, [_RETURN_KEY], dag_ids=[dag_id], **place):
            fields = versions.rendered_fields(session, dag_id, run_id, row.task_id, row.map_index)
            uris = stored.value if isinstance(stored.value, list) else [stored.value]
            found += [
                _Landed((row.task_id, row.map_index), job_id, uri)
                for job_id, uri in zip(_ids(fields), uris, strict=False)
                if isinstance(uri, str) and len(uri) <= _LONGEST_PLACE
            ]
    return found


def _clip(session: Session, number: int, job_id: str, video: TaskVideo, landed: list[_Landed]) -> Clip:
    media_type = video.job.media_type if video.job is not None else "video"
    said = [entry for entry in landed if entry.job_id == job_id]
    for entry in said:
        place = _place(session, video.dag_id, video.run_id, entry)
        if place is not None:
            return Clip(number, job_id, media_type, entry.says, place)
    return Clip(number, job_id, media_type, said[0].says if said else None)


def _place(session: Session, dag_id: str, run_id: str, entry: _Landed) -> str | None:
    """Return where to read a landed file: what the download was told, never what an XCom alone says."""
    task_id, map_index = entry.task
    fields = versions.rendered_fields(session, dag_id, run_id, task_id, map_index)
    if fields is not None:
        destination = fields.get("destination")
        return place_of(destination, entry.job_id, entry.says) if isinstance(destination, str) else None
    # Airflow keeps the rendered fields of some thirty runs; the DAG itself is still there.
    template = versions.destination_template(session, dag_id, task_id)
    return None if template is None else place_below(template, entry.says)


def _ids(fields: dict[str, Any] | None) -> list[str]:
    value = (fields or {}).get("video_id")
    if isinstance(value, str) and value.strip().startswith("["):
        value = versions.decoded(value)
    values = value if isinstance(value, list) else [value]
    return [job_id for each in values[:_MOST_CLIPS] if (job_id := read_id(each))]


def _connection(fields: dict[str, Any] | None) -> str | None:
    conn_id = (fields or {}).get("pixverse_conn_id")
    return conn_id if isinstance(conn_id, str) and conn_id and len(conn_id) <= 250 else None
