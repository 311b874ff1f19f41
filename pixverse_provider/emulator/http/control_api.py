"""The control API below ``/emulator``, which ``client.py`` calls: JSON, no key."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from pixverse_provider.emulator.account.clock import rfc3339
from pixverse_provider.emulator.account.settings import InvalidSettingError
from pixverse_provider.emulator.faults import InvalidFaultError
from pixverse_provider.emulator.protocol import DELETED, ENDED, FAILED, LARGEST_ID, MODERATED, STATUS_NAMES

if TYPE_CHECKING:
    from starlette.requests import Request

    from pixverse_provider.emulator.account.account import Account

_ENDS: Final = {STATUS_NAMES[status]: status for status in (DELETED, MODERATED, FAILED)}

Control = Callable[[Any], Awaitable[Any]]


class BadControlError(ValueError):
    """A control request that makes no sense."""


def control_router(account: Account) -> APIRouter:
    """Return all routes."""
    router = APIRouter()
    controls = _Controls(account)
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
        try:
            return JSONResponse(await control(await _body(request)))
        except (BadControlError, InvalidFaultError, InvalidSettingError, ValueError) as error:
            return JSONResponse({"error": str(error)}, status_code=422)

    return answer


async def _body(request: Request) -> dict[str, Any]:
    if request.method != "POST":
        return {}
    # A browser asks first before it sends this type for a foreign page, and is not answered.
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BadControlError("send application/json")
    body = json.loads(await request.body() or b"{}")
    if not isinstance(body, dict):
        raise BadControlError("send a JSON object")
    # What has been ordered is shown again, which an unpaired surrogate cannot be.
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise BadControlError("send text that UTF-8 can carry; other bytes as a body_base64") from error
    return body


class _Controls:
    """What each route does; each takes the JSON object of the request and returns JSON."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def health(self, _: dict[str, Any]) -> Any:
        return {"status": "ok"}

    async def ledger(self, _: dict[str, Any]) -> Any:
        await self._account.jobs.wait_for_files()
        return self._account.report()

    async def jobs(self, _: dict[str, Any]) -> Any:
        await self._account.jobs.wait_for_files()
        now = self._account.clock.now()
        return [job.record(now) for job in self._account.jobs.newest_first()]

    async def requests(self, _: dict[str, Any]) -> Any:
        return list(self._account.ledger.requests)

    async def settings(self, _: dict[str, Any]) -> Any:
        return self._account.settings.public()

    async def faults(self, _: dict[str, Any]) -> Any:
        return self._account.faults.records()

    async def clock(self, _: dict[str, Any]) -> Any:
        clock = self._account.clock
        return {"now": rfc3339(clock.now()), "manual": clock.manual}

    async def move_clock(self, body: dict[str, Any]) -> Any:
        _only(body, ("advance", "finish_all", "manual"))
        clock = self._account.clock
        manual, finish_all = (_switch(body, name) for name in ("manual", "finish_all"))
        seconds = body.get("advance", 0)
        if type(seconds) not in (int, float):
            raise BadControlError(f"advance takes seconds, not {seconds!r}")
        # First, since it may be refused.
        clock.advance(seconds)
        if manual is not None:
            clock.stop() if manual else clock.run()
        if finish_all:
            self._account.jobs.finish_all()
        await self._account.jobs.wait_for_files()
        self._account.jobs.running()
        return await self.clock({})

    async def change_settings(self, body: dict[str, Any]) -> Any:
        self._account.configure(body)
        return self._account.settings.public()

    async def reset(self, body: dict[str, Any]) -> Any:
        _only(body, ())
        self._account.reset()
        return {"status": "ok"}

    async def order_fault(self, body: dict[str, Any]) -> Any:
        return self._account.faults.add(body).record()

    async def clear_faults(self, _: dict[str, Any]) -> Any:
        self._account.faults.clear()
        return []

    async def end_job(self, body: dict[str, Any]) -> Any:
        _only(body, ("video_id", "end"))
        video_id, end = body.get("video_id"), body.get("end")
        if type(video_id) is not int or not 0 < video_id <= LARGEST_ID:
            raise BadControlError(f"video_id takes a whole number from 1 to {LARGEST_ID}, not {video_id!r}")
        status = _ENDS.get(str(end))
        if status is None:
            raise BadControlError(f"end takes one of {', '.join(_ENDS)}, not {end!r}")
        await self._account.jobs.wait_for_files(video_id)
        job = self._account.jobs.find(video_id)
        if job is None:
            raise BadControlError(f"there is no job {video_id}")
        if job.status in ENDED and status != DELETED:
            raise BadControlError(f"job {video_id} has ended; it can only be deleted")
        self._account.jobs.end(job, status)
        return job.record(self._account.clock.now())


def _switch(body: dict[str, Any], name: str) -> bool | None:
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise BadControlError(f"{name} takes true or false, not {value!r}")


def _only(body: dict[str, Any], known: tuple[str, ...]) -> None:
    unknown = [name for name in body if name not in known]
    if unknown:
        raise BadControlError(f"unknown: {', '.join(unknown)}; known: {', '.join(known) or 'nothing'}")
