"""The API below ``/openapi/v2``, except for submits and uploads: results, voices, balance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from pixverse_provider.emulator.clock import rfc3339
from pixverse_provider.emulator.envelope import NOT_FOUND, WRONG_TYPE, ApiError, success
from pixverse_provider.emulator.exchange import Desk, Exchange
from pixverse_provider.emulator.generations import GENERATIONS
from pixverse_provider.emulator.ids import LARGEST_ID
from pixverse_provider.emulator.submit import submit_handler
from pixverse_provider.emulator.upload_api import upload_image, upload_media
from pixverse_provider.emulator.voices import VOICES

if TYPE_CHECKING:
    from pixverse_provider.emulator.connections import Connections
    from pixverse_provider.emulator.jobs import Job
    from pixverse_provider.emulator.state import Emulator

BASE_PATH: Final = "/openapi/v2"
ACCOUNT_ID: Final = 900_001


def api_router(emulator: Emulator, connections: Connections) -> APIRouter:
    """Return all routes of the API."""
    router = APIRouter()
    desk = Desk(emulator, connections)
    for generation in GENERATIONS:
        router.add_route(
            generation.path, desk.endpoint("submit", submit_handler(generation)), methods=["POST"]
        )
    router.add_route("/media/upload", desk.endpoint("upload", upload_media), methods=["POST"])
    router.add_route("/image/upload", desk.endpoint("upload", upload_image), methods=["POST"])
    router.add_route("/video/result/{video_id}", desk.endpoint("result", _video_result), methods=["GET"])
    router.add_route("/video/lip_sync/tts_list", desk.endpoint("voices", _voices), methods=["GET"])
    router.add_route("/account/balance", desk.endpoint("balance", _balance), methods=["GET"])
    router.add_route(
        "/{rest:path}", desk.endpoint("unknown", _unknown), methods=["GET", "POST", "PUT", "DELETE"]
    )
    return router


async def _video_result(exchange: Exchange) -> Response:
    digits = exchange.request.path_params["video_id"]
    video_id = int(digits) if digits.isascii() and digits.isdigit() else 0
    jobs = exchange.emulator.jobs
    job = jobs.find(video_id)
    text = job.order.text if job is not None else ""

    async def serve(exchange: Exchange) -> Response:
        if not 0 < video_id <= LARGEST_ID:
            raise ApiError(WRONG_TYPE, "video_id must be an unsigned 64-bit number")
        refusal = exchange.refusal(video_id=video_id, text=text)
        if refusal is not None:
            raise refusal
        await jobs.wait_for_files(video_id)
        found = jobs.find(video_id)
        if found is None:
            raise ApiError(NOT_FOUND)
        resp = _result(found, exchange)
        found.looks += 1
        return JSONResponse(success(resp))

    return await exchange.served(serve, video_id=video_id, text=text)


def _result(job: Job, exchange: Exchange) -> dict[str, Any]:
    emulator = exchange.emulator
    clip, order = job.clip, job.order
    base = str(exchange.request.base_url).rstrip("/")
    resp: dict[str, Any] = {
        "id": job.video_id,
        "status": job.shown_status,
        "url": emulator.media_url(base, job.file_name) if clip else "",
        "prompt": order.prompt,
        "negative_prompt": order.negative_prompt,
        "style": order.style,
        "seed": order.seed,
        "resolution_ratio": order.resolution_ratio if clip else 0,
        "outputWidth": clip.width if clip else 0,
        "outputHeight": clip.height if clip else 0,
        "size": clip.size if clip else 0,
        "create_time": rfc3339(job.created),
        "modify_time": rfc3339(job.ended if job.ended is not None else job.created),
    }
    if emulator.settings.credits_in_answers:
        resp["has_audio"] = clip.has_audio if clip else False
        resp["credits"] = job.charged - job.refunded
    return resp


async def _voices(exchange: Exchange) -> Response:
    """Answer with all voices whatever the page size, as the printed example does; page 2 is empty."""

    async def serve(exchange: Exchange) -> Response:
        query = exchange.request.query_params
        for name in ("page_num", "page_size"):
            if not query.get(name, "1").isdigit():
                raise ApiError(WRONG_TYPE, f"{name} must be a number")
        refusal = exchange.refusal()
        if refusal is not None:
            raise refusal
        shown = VOICES if int(query.get("page_num", "1")) <= 1 else ()
        data = [{"speaker_id": voice.speaker_id, "name": voice.name} for voice in shown]
        return JSONResponse(success({"total": len(VOICES), "data": data}))

    return await exchange.served(serve)


async def _balance(exchange: Exchange) -> Response:
    async def serve(exchange: Exchange) -> Response:
        refusal = exchange.refusal()
        if refusal is not None:
            raise refusal
        balance = exchange.emulator.ledger.balance()
        return JSONResponse(
            success(
                {
                    "account_id": ACCOUNT_ID,
                    "credit_monthly": balance["credit_monthly"],
                    "credit_package": balance["credit_package"],
                }
            )
        )

    return await exchange.served(serve)


async def _unknown(exchange: Exchange) -> Response:
    await exchange.drain()
    return Response("404 page not found", status_code=404, media_type="text/plain")
