"""The API below ``/openapi/v2``, and its free answers: results, voices, presets, the balance."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from pixverse_provider.emulator.account.clock import rfc3339
from pixverse_provider.emulator.http.pipeline import Exchange, Handler, Pipeline, whole_number, with_faults
from pixverse_provider.emulator.http.submit import MASKS_PATH, select_masks, submit_handler
from pixverse_provider.emulator.http.uploads import upload_image, upload_media
from pixverse_provider.emulator.protocol import LARGEST_ID, NOT_FOUND, WRONG_TYPE, ApiError, success
from pixverse_provider.emulator.render.drawing import Backdrop, caption
from pixverse_provider.emulator.render.sound import VOICES
from pixverse_provider.emulator.rules import GENERATIONS
from pixverse_provider.emulator.rules.catalogue import RESTYLES, Restyle

if TYPE_CHECKING:
    from PIL import Image

    from pixverse_provider.emulator.account.account import Account
    from pixverse_provider.emulator.account.jobs import Job
    from pixverse_provider.emulator.http.fault_injection import Connections

BASE_PATH: Final = "/openapi/v2"
ACCOUNT_ID: Final = 900_001

Shown = Callable[["Job", Exchange], dict[str, Any]]
_COVER_SIZE = (320, 180)


def api_router(account: Account, connections: Connections) -> APIRouter:
    """Return all routes of the API."""
    router = APIRouter()
    pipeline = Pipeline(account, connections)
    for generation in GENERATIONS:
        router.add_route(
            generation.path, pipeline.endpoint("submit", submit_handler(generation)), methods=["POST"]
        )
    router.add_route("/media/upload", pipeline.endpoint("upload", upload_media), methods=["POST"])
    router.add_route("/image/upload", pipeline.endpoint("upload", upload_image), methods=["POST"])
    router.add_route(MASKS_PATH, pipeline.endpoint("masks", select_masks), methods=["POST"])
    for path, handler in {
        "/video/result/{video_id}": _result_handler("video_id", _video),
        "/image/result/{image_id}": _result_handler("image_id", _image),
    }.items():
        router.add_route(path, pipeline.endpoint("result", handler), methods=["GET"])
    router.add_route("/video/restyle/list", pipeline.endpoint("restyles", _restyles), methods=["GET"])
    router.add_route("/video/lip_sync/tts_list", pipeline.endpoint("voices", _voices), methods=["GET"])
    router.add_route("/account/balance", pipeline.endpoint("balance", _balance), methods=["GET"])
    router.add_route(
        "/{rest:path}", pipeline.endpoint("unknown", _unknown), methods=["GET", "POST", "PUT", "DELETE"]
    )
    return router


def _result_handler(id_field: Literal["video_id", "image_id"], shown: Shown) -> Handler:
    """Return the handler that tells the state of a job.

    :param id_field: the part of the path with the id; a job of the other kind is not found.
    :param shown: makes the ``Resp`` of a job.
    """

    async def handle(exchange: Exchange) -> Response:
        job_id = whole_number(exchange.request.path_params[id_field]) or 0
        jobs = exchange.account.jobs
        job = jobs.find(job_id)
        text = job.order.text if job is not None else ""

        async def serve(exchange: Exchange) -> Response:
            if not 0 < job_id <= LARGEST_ID:
                raise ApiError(WRONG_TYPE, f"{id_field} must be an unsigned 64-bit number")
            exchange.raise_ordered_refusal(video_id=job_id, text=text)
            await jobs.wait_for_files(job_id)
            found = jobs.find(job_id)
            if found is None or found.makes_image != (id_field == "image_id"):
                raise ApiError(NOT_FOUND)
            resp = shown(found, exchange)
            found.polls += 1
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
    if exchange.account.settings.credits_in_answers:
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
    account, clip = exchange.account, job.clip
    resp: dict[str, Any] = {
        "status": job.shown_status,
        "url": account.media_url(exchange.base_url, job.file_name) if clip else "",
        "prompt": job.order.prompt,
        "seed": job.order.seed,
        "outputWidth": clip.width if clip else 0,
        "outputHeight": clip.height if clip else 0,
        "create_time": rfc3339(job.created),
        "modify_time": rfc3339(job.ended if job.ended is not None else job.created),
    }
    if account.settings.credits_in_answers:
        resp["credits"] = job.charged - job.refunded
    return resp


@with_faults
async def _voices(exchange: Exchange) -> Response:
    """Answer with all voices whatever the page size, as the printed example does; page 2 is empty."""
    page = exchange.page_value("page_num", 1)
    exchange.page_value("page_size", len(VOICES))
    exchange.raise_ordered_refusal()
    shown = VOICES if page <= 1 else ()
    data = [{"speaker_id": voice.speaker_id, "name": voice.name} for voice in shown]
    return JSONResponse(success({"total": len(VOICES), "data": data}))


@with_faults
async def _balance(exchange: Exchange) -> Response:
    exchange.raise_ordered_refusal()
    balance = exchange.account.ledger.balance()
    return JSONResponse(
        success(
            {
                "account_id": ACCOUNT_ID,
                "credit_monthly": balance["credit_monthly"],
                "credit_package": balance["credit_package"],
            }
        )
    )


async def _unknown(exchange: Exchange) -> Response:
    await exchange.drain()
    return Response("404 page not found", status_code=404, media_type="text/plain")


@with_faults
async def _restyles(exchange: Exchange) -> Response:
    """Answer with a page of presets, all of them unless asked for fewer."""
    page = max(1, exchange.page_value("page_num", 1))
    size = exchange.page_value("page_size", 0) or len(RESTYLES)
    exchange.raise_ordered_refusal()
    shown = RESTYLES[(page - 1) * size : page * size]
    return JSONResponse(success([_described(exchange, restyle) for restyle in shown]))


def _described(exchange: Exchange, restyle: Restyle) -> dict[str, Any]:
    account = exchange.account
    if account.stored_file(restyle.cover_name) is None:
        account.add_picture(restyle.cover_name, _cover(restyle))
    return {
        "restyle_id": restyle.restyle_id,
        "restyle_name": restyle.name,
        "restyle_prompt": restyle.prompt,
        "cover_url": account.media_url(exchange.base_url, restyle.cover_name),
    }


def _cover(restyle: Restyle) -> Image.Image:
    ground = Backdrop(*_COVER_SIZE, hue=restyle.restyle_id % 97 / 97, period=1).at(0).convert("RGBA")
    ground.alpha_composite(caption(*_COVER_SIZE, restyle.name))
    return ground.convert("RGB")
