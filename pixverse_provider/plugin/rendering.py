"""Templates, the words for times and sizes, and the addresses of the pages."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from pixverse_provider.links import PLUGIN_PREFIX, page_path
from pixverse_provider.plugin.facts import TaskVideo, credit_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

__all__ = ["ASSETS", "Addresses", "asset", "content_policy", "digest_of", "render", "shown_json", "size_text"]

_HERE = Path(__file__).parent
ASSETS = {
    "pixverse.css": "text/css; charset=utf-8",
    "pixverse.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
"""The files beside the pages, with their types."""

_MOST_ORIGINS = 5
_LONGEST_JSON = 100_000


@cache
def asset(name: str) -> bytes:
    """Return a file beside the pages."""
    return (_HERE / "static" / name).read_bytes()


@cache
def assets_version() -> str:
    """Return what changes with any of these files, so that a browser may keep them for ever."""
    digest = hashlib.sha256()
    for name in ASSETS:
        digest.update(asset(name))
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Addresses:
    """Where the pages are for this request, as paths from the root of its host.

    :param base: of our pages, without a slash at its end; whatever proxy is before it.
    """

    base: str

    @classmethod
    def of(cls, request: Request) -> Addresses:
        """Read it from a request."""
        return cls(request.scope.get("root_path", "").rstrip("/"))

    @property
    def airflow(self) -> str:
        """Of Airflow itself, without a slash at its end."""
        return self.base.removesuffix(f"/{PLUGIN_PREFIX}")

    def page(self, video: TaskVideo) -> str:
        """Of the page of a task instance."""
        return self.airflow + "/" + page_path(video.dag_id, video.run_id, video.task_id, video.map_index)

    def run(self, video: TaskVideo) -> str:
        """Of the page of its DAG run."""
        return f"{self.base}/dags/{_quoted(video.dag_id)}/runs/{_quoted(video.run_id)}"

    def mapped(self, video: TaskVideo) -> str:
        """Of the page of all indexes of its task."""
        return self.airflow + "/" + page_path(video.dag_id, video.run_id, video.task_id)

    def airflow_run(self, dag_id: str, run_id: str) -> str:
        """Of a DAG run in Airflow."""
        return f"{self.airflow}/dags/{_quoted(dag_id)}/runs/{_quoted(run_id)}"

    def airflow_task(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> str:
        """Of a task instance in Airflow."""
        mapped = f"/mapped/{map_index}" if map_index >= 0 else ""
        return f"{self.airflow_run(dag_id, run_id)}/tasks/{_quoted(task_id)}{mapped}"


def render(
    request: Request, template: str, *, status: int = 200, origins: Iterable[str] = (), **values: Any
) -> HTMLResponse:
    """Return a page.

    :param origins: from where it may load media besides ours.
    """
    addresses = Addresses.of(request)
    version = assets_version()
    values = {"live": False, "small": "small" in request.query_params, "crumbs": [], **values}
    html = (
        _environment()
        .get_template(template)
        .render(
            base=addresses.base,
            airflow=addresses.airflow,
            asset=lambda name: f"{addresses.base}/assets/{version}/{name}",
            page_of=addresses.page,
            run_of=addresses.run,
            filter_url=lambda **changes: _filter_url(request, changes),
            **values,
        )
    )
    return HTMLResponse(html, status, {"Content-Security-Policy": content_policy(origins)})


def content_policy(origins: Iterable[str] = ()) -> str:
    """Return what a page may load: nothing but ours, and media from these origins."""
    media = " ".join(["'self'", *sorted({origin for origin in origins if origin})[:_MOST_ORIGINS]])
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; "
        f"img-src {media}; media-src {media}; base-uri 'none'; frame-ancestors 'self'"
    )


def digest_of(*parts: Any) -> str:
    """Return a short text that changes with what is shown."""
    return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()[:16]


def shown_json(value: Any) -> str:
    """Return JSON as people read it; whole numbers stay as they are."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_JSON else f"{text[:_LONGEST_JSON]}\n…"


def size_text(size: float | None) -> str:
    """Return a length in bytes as people write it."""
    if not size:
        return ""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    return ""


def _filter_url(request: Request, changes: dict[str, Any]) -> str:
    query = {name: value for name, value in request.query_params.items() if name not in changes and value}
    query |= {name: str(value) for name, value in changes.items() if value is not None}
    return f"?{urlencode(query)}"


def _quoted(text: str) -> str:
    return quote(text, safe="")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "anchor": lambda video: f"v-{digest_of(video.task_id, video.dag_id, video.run_id, video.map_index)}",
        "credits": credit_text,
        "digest": _digest_of_tile,
        "since": _since,
        "when": lambda moment: moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
    }
    return environment


def _digest_of_tile(video: TaskVideo) -> str:
    return digest_of(video.state, video.label, video.message, video.spent, video.job and video.job.job_id)


def _since(moment: datetime) -> str:
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"
