"""The app below ``/pixverse``: its routes, who may use them, and what every answer carries.

Plugin apps inherit no authentication of Airflow. One dependency on the whole app lets nobody in without a
session; it covers neither mounts nor ``add_route``, so there are none.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import Depends, FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from pixverse_provider.exceptions import PixVerseError
from pixverse_provider.links import PLUGIN_PREFIX
from pixverse_provider.plugin import versions
from pixverse_provider.plugin.asking import Said, job_of
from pixverse_provider.plugin.list_pages import DAY_CHOICES, Filters, run_digest, show_home, show_run
from pixverse_provider.plugin.queries import TaskPage, read_run, read_task
from pixverse_provider.plugin.rendering import ASSETS, asset, assets_version, content_policy, render
from pixverse_provider.plugin.streaming import send_from_host, send_landed
from pixverse_provider.plugin.task_page import show_task, task_digest
from pixverse_provider.storage.landed import LandedFile

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["build_app"]

log = logging.getLogger(__name__)

T = TypeVar("T")

_USER = "pixverse.user"
_NO_CONTROLS = r"^[^\x00-\x1f\x7f]+$"
Id = Annotated[str, Path(min_length=1, max_length=250, pattern=_NO_CONTROLS)]
# Of a task that is not mapped it is not in the path.
Index = Annotated[int, Field(ge=-1, lt=2**31)]
Number = Annotated[int, Path(ge=0, lt=1000)]
Word = Annotated[str, Query(max_length=250, pattern=r"^[^\x00-\x1f\x7f]*$")]
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]

_KEEP_FOR_EVER = "private, max-age=31536000, immutable"
_HEADINGS = {
    401: "Not logged in",
    403: "Not allowed",
    404: "Not found",
    422: "Not an address of a page",
}
_SENTENCES = {
    403: "Airflow does not let you read this: ask for access to the XComs and task instances of the DAG.",
    404: "There is no such page, DAG run, task or video; a run may have been deleted.",
    422: "An id in this address is too long, or is none.",
}


def signed_in(request: Request, user: Annotated[Any, Depends(versions.get_user)]) -> Any:
    """Let nobody in without a session of Airflow's."""
    request.scope[_USER] = user
    return user


User = Annotated[Any, Depends(signed_in)]
OF_THE_DAG = [Depends(permission) for permission in versions.DAG_PERMISSIONS]


def build_app() -> FastAPI:
    """Return the app, to be mounted below ``/pixverse``."""
    app = FastAPI(
        title="PixVerse videos",
        dependencies=[Depends(signed_in)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _not_an_address)
    app.add_middleware(OwnHeaders)
    app.add_middleware(BehindAnyProxy)
    _add_lists(app)
    _add_task_pages(app)

    @app.get("/assets/{version}/{name}")
    def assets(version: Id, name: Id) -> Response:
        if name not in ASSETS:
            raise HTTPException(404)
        # A page of another version may be open while the server is upgraded.
        cache = _KEEP_FOR_EVER if version == assets_version() else "no-cache"
        return Response(asset(name), media_type=ASSETS[name], headers={"Cache-Control": cache})

    return app


def _add_lists(app: FastAPI) -> None:
    @app.get("/")
    async def home(
        request: Request,
        user: User,
        days: Annotated[int, Query(ge=1, le=366)] = DAY_CHOICES[1],
        dag: Word = "",
        state: Word = "",
        text: Word = "",
        page: PageNumber = 1,
    ) -> Response:
        if not await run_in_threadpool(versions.may_read_xcoms, user):
            raise HTTPException(403)
        return await show_home(request, user, Filters(state, "", dag, text, page, days))

    @app.get("/dags/{dag_id}/runs/{run_id}", dependencies=OF_THE_DAG)
    async def run(
        request: Request,
        dag_id: Id,
        run_id: Id,
        state: Word = "",
        task: Word = "",
        text: Word = "",
        page: PageNumber = 1,
    ) -> Response:
        found = _found(await run_in_threadpool(read_run, dag_id, run_id))
        return await show_run(request, found, Filters(state, task, "", text, page), None)

    @app.get("/dags/{dag_id}/runs/{run_id}/status", dependencies=OF_THE_DAG)
    def run_status(dag_id: Id, run_id: Id) -> Response:
        return JSONResponse({"digest": run_digest(_found(read_run(dag_id, run_id)))})


def _add_task_pages(app: FastAPI) -> None:
    task = "/dags/{dag_id}/runs/{run_id}/tasks/{task_id}"
    mapped = task + "/mapped/{map_index}"

    @app.get(task, dependencies=OF_THE_DAG)
    async def task_page(
        request: Request,
        dag_id: Id,
        run_id: Id,
        task_id: Id,
        state: Word = "",
        text: Word = "",
        page: PageNumber = 1,
    ) -> Response:
        found = await run_in_threadpool(read_task, dag_id, run_id, task_id, -1)
        if found is not None:
            return await show_task(request, found)
        indexes = _found(await run_in_threadpool(read_run, dag_id, run_id, task_id))
        return await show_run(request, indexes, Filters(state, "", "", text, page), task_id)

    @app.get(f"{task}/status", dependencies=OF_THE_DAG)
    def task_status(dag_id: Id, run_id: Id, task_id: Id) -> Response:
        found = read_task(dag_id, run_id, task_id, -1)
        digest = (
            run_digest(_found(read_run(dag_id, run_id, task_id))) if found is None else task_digest(found)
        )
        return JSONResponse({"digest": digest})

    @app.get(mapped, dependencies=OF_THE_DAG)
    async def mapped_page(
        request: Request, dag_id: Id, run_id: Id, task_id: Id, map_index: Index
    ) -> Response:
        found = await run_in_threadpool(read_task, dag_id, run_id, task_id, map_index)
        return await show_task(request, _found(found))

    @app.get(f"{mapped}/status", dependencies=OF_THE_DAG)
    def mapped_status(dag_id: Id, run_id: Id, task_id: Id, map_index: Index) -> Response:
        return JSONResponse({"digest": task_digest(_found(read_task(dag_id, run_id, task_id, map_index)))})

    for path in (task, mapped):
        # Two addresses, one function: a task that is not mapped has index -1.

        @app.get(f"{path}/video/{{number}}", dependencies=OF_THE_DAG)
        async def video(
            request: Request,
            dag_id: Id,
            run_id: Id,
            task_id: Id,
            number: Number,
            map_index: Index = -1,
            through: bool = False,
        ) -> Response:
            found = _found(await run_in_threadpool(read_task, dag_id, run_id, task_id, map_index))
            return await _send_video(request, found, number, save=False, through=through)

        @app.get(f"{path}/file/{{number}}", dependencies=OF_THE_DAG)
        async def file(
            request: Request, dag_id: Id, run_id: Id, task_id: Id, number: Number, map_index: Index = -1
        ) -> Response:
            found = _found(await run_in_threadpool(read_task, dag_id, run_id, task_id, map_index))
            return await _send_video(request, found, number, save=True, through=True)


def _found(found: T | None) -> T:
    if found is None:
        raise HTTPException(404)
    return found


async def _send_video(
    request: Request, page: TaskPage, number: int, *, save: bool, through: bool
) -> Response:
    """Send a video: by a redirect to a fresh URL, or in pieces over this server."""
    if number >= len(page.clips):
        raise HTTPException(404)
    clip = page.clips[number]
    wanted = request.headers.get("range")
    name = f"{clip.job_id or 'video'}.{'png' if clip.media_type == 'image' else 'mp4'}" if save else None
    if through and clip.place is not None:
        landed = await _landed(clip.place, wanted, name)
        if landed is not None:
            return landed
    said = Said()
    if clip.job_id is not None and page.conn_id is not None:
        said = await job_of(page.conn_id, clip.media_type, clip.job_id)
    if said.url and not through:
        return RedirectResponse(said.url, 302, {"Cache-Control": "no-store"})
    if said.url:
        sent = await send_from_host(said.url, wanted, name, plain_http=said.plain_http)
        if sent is not None:
            return sent
    if clip.place is not None and not through:
        landed = await _landed(clip.place, wanted, name)
        if landed is not None:
            return landed
    raise HTTPException(
        404, "PixVerse gives no video for this job now, and none has landed that may be shown."
    )


async def _landed(place: str, wanted: str | None, name: str | None) -> Response | None:
    try:
        file = await run_in_threadpool(LandedFile.check, place)
        return await run_in_threadpool(send_landed, file, wanted, name)
    except PixVerseError as err:
        log.info("A landed video cannot be shown: %s", err)
        return None


# ----- what is refused


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _refused(request: Request, err: Exception) -> Response:
    status = err.status_code if isinstance(err, HTTPException) else 500
    if status in (401, 403) and _USER not in request.scope:
        # No session, or one that has ended or is forged; not a person who may not see this.
        if _wants_page(request):
            path = quote(request.scope["path"], safe="/:@!$&'()*+,;=~-._")
            query = request.scope["query_string"].decode("latin-1")
            return RedirectResponse(versions.login_path(f"{path}?{query}" if query else path), 303)
        return JSONResponse({"detail": "Not logged in to Airflow."}, 401)
    detail = err.detail if isinstance(err, HTTPException) else ""
    return _problem(request, status, _SENTENCES.get(status, detail), detail)


def _not_an_address(request: Request, err: Exception) -> Response:
    return _problem(request, 422, _SENTENCES[422], _SENTENCES[422])


def _problem(request: Request, status: int, sentence: str, detail: str) -> Response:
    heading = _HEADINGS.get(status, f"Error {status}")
    if _wants_page(request):
        return render(
            request,
            "problem.html",
            status=status,
            heading=heading,
            sentence=sentence,
            crumbs=[("PixVerse", None, "")],
        )
    return JSONResponse({"detail": detail or heading}, status)


# ----- what every answer carries


class OwnHeaders:
    """Adds the headers that a browser guards a page with."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add to its answer."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", content_policy())
                headers.setdefault("Cache-Control", "private, no-store")
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
            await send(message)

        await self._app(scope, receive, send_guarded)


class BehindAnyProxy:
    """Finds the pages also where a proxy has taken Airflow's own sub-path off the address."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the sub-path back, as the routes of a mounted app expect it."""
        if scope["type"] == "http":
            root, path = scope.get("root_path", ""), scope["path"]
            if not path.startswith(f"{root}/") and path.startswith(f"/{PLUGIN_PREFIX}/"):
                scope = {**scope, "path": root.removesuffix(f"/{PLUGIN_PREFIX}") + path}
        await self._app(scope, receive, send)
