"""The control API below ``/emulator``: JSON, no key, for this machine only."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from pixverse_provider.emulator.clock import rfc3339
from pixverse_provider.emulator.faults import InvalidFaultError
from pixverse_provider.emulator.ids import LARGEST_ID
from pixverse_provider.emulator.jobs import DELETED, ENDED, FAILED, MODERATED, STATUS_NAMES
from pixverse_provider.emulator.receive import is_loopback
from pixverse_provider.emulator.settings import InvalidSettingError

if TYPE_CHECKING:
    from starlette.requests import Request

    from pixverse_provider.emulator.state import Emulator

_ENDS: Final = {STATUS_NAMES[status]: status for status in (DELETED, MODERATED, FAILED)}

Control = Callable[[Any], Awaitable[Any]]


class BadControlError(ValueError):
    """A control request that makes no sense."""


def only_this_machine(request: Request) -> bool:
    """Tell whether a request comes from this machine and was meant for it.

    The host name is looked at too: a page of the internet whose name resolves to 127.0.0.1 must not reach in.
    """
    client = request.client
    return client is not None and is_loopback(client.host) and is_loopback(request.url.hostname or "")


def control_router(emulator: Emulator) -> APIRouter:
    """Return all routes."""
    router = APIRouter()
    controls = _Controls(emulator)
    for path, read in {
        "/health": controls.health,
        "/ledger": controls.ledger,
        "/jobs": controls.jobs,
        "/requests": controls.requests,
        "/settings": controls.settings,
        "/faults": controls.faults,
        "/clock": controls.clock,
    }.items():
        router.add_route(path, _guarded(read), methods=["GET"])
    for path, change in {
        "/clock": controls.move_clock,
        "/settings": controls.change_settings,
        "/reset": controls.reset,
        "/faults": controls.order_fault,
        "/jobs": controls.end_job,
    }.items():
        router.add_route(path, _guarded(change), methods=["POST"])
    router.add_route("/faults", _guarded(controls.clear_faults), methods=["DELETE"])
    return router


def _guarded(control: Control) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        if not only_this_machine(request):
            return JSONResponse({"error": "the control API is for this machine only"}, status_code=403)
        try:
            return JSONResponse(await control(await _wish(request)))
        except (BadControlError, InvalidFaultError, InvalidSettingError, ValueError) as error:
            return JSONResponse({"error": str(error)}, status_code=422)

    return answer


async def _wish(request: Request) -> dict[str, Any]:
    if request.method != "POST":
        return {}
    # A browser asks first before it sends this type for a foreign page, and is not answered.
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BadControlError("send application/json")
    wish = json.loads(await request.body() or b"{}")
    if not isinstance(wish, dict):
        raise BadControlError("send a JSON object")
    return wish


class _Controls:
    """What each route does; each takes the JSON object of the request and returns JSON."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def health(self, _: dict[str, Any]) -> Any:
        return {"status": "ok"}

    async def ledger(self, _: dict[str, Any]) -> Any:
        await self._emulator.jobs.wait_for_files()
        return self._emulator.report()

    async def jobs(self, _: dict[str, Any]) -> Any:
        await self._emulator.jobs.wait_for_files()
        now = self._emulator.clock.now()
        return [job.record(now) for job in self._emulator.jobs.newest_first()]

    async def requests(self, _: dict[str, Any]) -> Any:
        return list(self._emulator.ledger.requests)

    async def settings(self, _: dict[str, Any]) -> Any:
        return self._emulator.settings.public()

    async def faults(self, _: dict[str, Any]) -> Any:
        return self._emulator.faults.records()

    async def clock(self, _: dict[str, Any]) -> Any:
        clock = self._emulator.clock
        return {"now": rfc3339(clock.now()), "manual": clock.manual}

    async def move_clock(self, wish: dict[str, Any]) -> Any:
        _only(wish, ("advance", "finish_all", "manual"))
        clock = self._emulator.clock
        manual = wish.get("manual")
        if manual is not None:
            clock.stop() if manual is True else clock.run()
        seconds = wish.get("advance", 0)
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            raise BadControlError("advance takes seconds")
        clock.advance(seconds)
        if wish.get("finish_all"):
            self._emulator.jobs.finish_all()
        await self._emulator.jobs.wait_for_files()
        self._emulator.jobs.running()
        return await self.clock({})

    async def change_settings(self, wish: dict[str, Any]) -> Any:
        self._emulator.configure(wish)
        return self._emulator.settings.public()

    async def reset(self, wish: dict[str, Any]) -> Any:
        _only(wish, ())
        self._emulator.reset()
        return {"status": "ok"}

    async def order_fault(self, wish: dict[str, Any]) -> Any:
        return self._emulator.faults.order(wish).record()

    async def clear_faults(self, _: dict[str, Any]) -> Any:
        self._emulator.faults.clear()
        return []

    async def end_job(self, wish: dict[str, Any]) -> Any:
        _only(wish, ("video_id", "end"))
        video_id, end = wish.get("video_id"), wish.get("end")
        if type(video_id) is not int or not 0 < video_id <= LARGEST_ID:
            raise BadControlError("video_id takes a number")
        status = _ENDS.get(str(end))
        if status is None:
            raise BadControlError(f"end must be one of {', '.join(_ENDS)}")
        await self._emulator.jobs.wait_for_files(video_id)
        job = self._emulator.jobs.find(video_id)
        if job is None:
            raise BadControlError(f"there is no job {video_id}")
        if job.status in ENDED and status != DELETED:
            raise BadControlError(f"job {video_id} has ended; it can only be deleted")
        self._emulator.jobs.end(job, status)
        return job.record(self._emulator.clock.now())


def _only(wish: dict[str, Any], known: tuple[str, ...]) -> None:
    unknown = [name for name in wish if name not in known]
    if unknown:
        raise BadControlError(f"unknown: {', '.join(unknown)}; known: {', '.join(known) or 'nothing'}")
