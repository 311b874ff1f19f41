"""The API below ``/openapi/v2``, put together, and how jobs, voices and the balance are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from pixverse_provider.emulator import mask_api
from pixverse_provider.emulator.clock import rfc3339
from pixverse_provider.emulator.envelope import NOT_FOUND, WRONG_TYPE, ApiError, success
from pixverse_provider.emulator.exchange import Desk, Exchange, Handler, whole_number
from pixverse_provider.emulator.generations import GENERATIONS
from pixverse_provider.emulator.ids import LARGEST_ID
from pixverse_provider.emulator.restyle_api import list_restyles
from pixverse_provider.emulator.submit import submit_handler
from pixverse_provider.emulator.upload_api import upload_image, upload_media
from pixverse_provider.emulator.voices import VOICES

if TYPE_CHECKING:
    from pixverse_provider.emulator.connections import Connections
    from pixverse_provider.emulator.jobs import Job
    from pixverse_provider.emulator.state import Emulator

BASE_PATH: Final = "/openapi/v2"
ACCOUNT_ID: Final = 900_001

Shown = Callable[["Job", Exchange], dict[str, Any]]


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
    router.add_route(mask_api.PATH, desk.endpoint("masks", mask_api.select_masks), methods=["POST"])
    for path, handler in {
        "/video/result/{video_id}": _result_handler("video_id", _video),
        "/image/result/{image_id}": _result_handler("image_id", _image),
    }.items():
        router.add_route(path, desk.endpoint("result", handler), methods=["GET"])
    router.add_route("/video/restyle/list", desk.endpoint("restyles", list_restyles), methods=["GET"])
    router.add_route("/video/lip_sync/tts_list", desk.endpoint("voices", _voices), methods=["GET"])
    router.add_route("/account/balance", desk.endpoint("balance", _balance), methods=["GET"])
    router.add_route(
        "/{rest:path}", desk.endpoint("unknown", _unknown), methods=["GET", "POST", "PUT", "DELETE"]
    )
    return router


def _result_handler(id_field: Literal["video_id", "image_id"], shown: Shown) -> Handler:
    """Return the handler that tells how a job goes.

    :param id_field: the part of the path with the id; a job of the other kind is not found.
    :param shown: makes the ``Resp`` of a job.
    """

    async def handle(exchange: Exchange) -> Response:
        job_id = whole_number(exchange.request.path_params[id_field]) or 0
        jobs = exchange.emulator.jobs
        job = jobs.find(job_id)
        text = job.order.text if job is not None else ""

        async def serve(exchange: Exchange) -> Response:
            if not 0 < job_id <= LARGEST_ID:
                raise ApiError(WRONG_TYPE, f"{id_field} must be an unsigned 64-bit number")
            refusal = exchange.refusal(video_id=job_id, text=text)
            if refusal is not None:
                raise refusal
            await jobs.wait_for_files(job_id)
            found = jobs.find(job_id)
            if found is None or found.makes_image != (id_field == "image_id"):
                raise ApiError(NOT_FOUND)
            resp = shown(found, exchange)
            found.looks += 1
            return JSONResponse(success(resp))

        return await exchange.served(serve, video_id=job_id, text=text)

    return handle


def _video(job: Job, exchange: Exchange) -> dict[str, Any]:
    clip, order = job.clip, job.order
    resp: dict[str, Any] = {
        "id": job.video_id,
        **_common(job, exchange),
        "negative_prompt": order.negative_prompt,
        "style": order.style,
        "resolution_ratio": order.resolution_ratio if clip else 0,
        "size": clip.size if clip else 0,
    }
    if exchange.emulator.settings.credits_in_answers:
        resp["has_audio"] = clip.has_audio if clip else False
    return resp


def _image(job: Job, exchange: Exchange) -> dict[str, Any]:
    return {
        "image_id": job.video_id,
        **_common(job, exchange),
        "prompt_translate": "",
        "template_id": job.order.template_id,
        "customer_paths": None,
    }


def _common(job: Job, exchange: Exchange) -> dict[str, Any]:
    emulator, clip = exchange.emulator, job.clip
    resp: dict[str, Any] = {
        "status": job.shown_status,
        "url": emulator.media_url(exchange.base_url, job.file_name) if clip else "",
        "prompt": job.order.prompt,
        "seed": job.order.seed,
        "outputWidth": clip.width if clip else 0,
        "outputHeight": clip.height if clip else 0,
        "create_time": rfc3339(job.created),
        "modify_time": rfc3339(job.ended if job.ended is not None else job.created),
    }
    if emulator.settings.credits_in_answers:
        resp["credits"] = job.charged - job.refunded
    return resp


async def _voices(exchange: Exchange) -> Response:
    """Answer with all voices whatever the page size, as the printed example does; page 2 is empty."""

    async def serve(exchange: Exchange) -> Response:
        page = exchange.page_value("page_num", 1)
        exchange.page_value("page_size", len(VOICES))
        refusal = exchange.refusal()
        if refusal is not None:
            raise refusal
        shown = VOICES if page <= 1 else ()
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
