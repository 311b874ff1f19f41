"""The calls of the API that are not generations: results, uploads by URL, voices and the balance."""

from __future__ import annotations

from pixverse_provider.api.protocol import Call
from pixverse_provider.api.results import Balance, Image, Media, Video, Voice

__all__ = [
    "IMAGE_UPLOAD_PATH",
    "MEDIA_UPLOAD_PATH",
    "balance_call",
    "image_from_url_call",
    "media_from_url_call",
    "video_call",
    "voices_call",
]

IMAGE_UPLOAD_PATH = "/image/upload"
MEDIA_UPLOAD_PATH = "/media/upload"
# The documented list has 15 voices; the parameters are marked as required, and paging seems to be ignored.
_VOICES_PAGE_SIZE = 100


def video_call(video_id: int) -> Call[Video]:
    """Status and result of a video job; free."""
    return Call(
        f"read video {video_id}",
        "GET",
        f"/video/result/{video_id}",
        Video.from_resp,
        video_id=video_id,
    )


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
