"""The calls of the API that are not generations: results, uploads by URL, voices, presets and the balance."""

from __future__ import annotations

from pixverse_provider.api.protocol import Call
from pixverse_provider.api.results import (
    Balance,
    Image,
    ImageResult,
    JobResult,
    Media,
    MediaType,
    RestyleEffect,
    Video,
    Voice,
)

__all__ = [
    "IMAGE_UPLOAD_PATH",
    "MEDIA_UPLOAD_PATH",
    "RESTYLE_PAGE_SIZE",
    "balance_call",
    "image_call",
    "image_from_url_call",
    "media_from_url_call",
    "restyle_effects_call",
    "result_call",
    "video_call",
    "voices_call",
]

IMAGE_UPLOAD_PATH = "/image/upload"
MEDIA_UPLOAD_PATH = "/media/upload"
# The documented list has 15 voices; the parameters are marked as required, and paging seems to be ignored.
_VOICES_PAGE_SIZE = 100
RESTYLE_PAGE_SIZE = 100


def video_call(video_id: int) -> Call[Video]:
    """Status and result of a video job; free."""
    return Call(
        f"read video {video_id}",
        "GET",
        f"/video/result/{video_id}",
        Video.from_resp,
        video_id=video_id,
    )


def image_call(image_id: int) -> Call[ImageResult]:
    """Status and result of an image job; free."""
    return Call(
        f"read image {image_id}",
        "GET",
        f"/image/result/{image_id}",
        ImageResult.from_resp,
        video_id=image_id,
    )


def result_call(media_type: MediaType, job_id: int) -> Call[JobResult]:
    """Status and result of a video or image job; free."""
    return video_call(job_id) if media_type == "video" else image_call(job_id)


def restyle_effects_call(page: int) -> Call[list[RestyleEffect]]:
    """One page of the restyle presets, counted from 1; free."""
    query = {"page_num": str(page), "page_size": str(RESTYLE_PAGE_SIZE)}
    return Call("list the restyle effects", "GET", "/video/restyle/list", RestyleEffect.list_from_resp, query)


def voices_call() -> Call[list[Voice]]:
    """Voices for text to speech; free."""
    query = {"page_num": "1", "page_size": str(_VOICES_PAGE_SIZE)}
    return Call("list the voices", "GET", "/video/lip_sync/tts_list", Voice.list_from_resp, query=query)


def balance_call() -> Call[Balance]:
    """Credits of the account; free, and the cheapest way to try a key."""
    return Call("read the balance", "GET", "/account/balance", Balance.from_resp)


def image_from_url_call(url: str) -> Call[Image]:
    """Let the service fetch an image; free."""
    return Call(
        "take the image from its URL", "POST", IMAGE_UPLOAD_PATH, Image.from_resp, form={"image_url": url}
    )


def media_from_url_call(url: str) -> Call[Media]:
    """Let the service fetch a video or audio; free."""
    return Call(
        "take the media from its URL", "POST", MEDIA_UPLOAD_PATH, Media.from_resp, form={"file_url": url}
    )
