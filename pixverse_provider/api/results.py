"""What PixVerse answers, as frozen values: jobs, videos, uploads, voices and the balance.

Every ``from_resp`` takes the ``Resp`` of an envelope. It is strict about what decides (id, status and URL of
a job) and tolerant of the rest: a field that it does not know is ignored, since the service adds some over
time, one that is missing keeps its default, and one that cannot be used becomes None. Where something that
decides is missing or misshapen, it raises ``ValueError``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal, Self

from pixverse_provider.api.ids import Id, xcom_id
from pixverse_provider.api.values import (
    balance_in,
    charge_in,
    id_in,
    integer_in,
    items_of,
    keyframe_in,
    name_in,
    object_of,
    status_in,
    switch_in,
    text_in,
    url_in,
    wide_id_in,
)

__all__ = [
    "Balance",
    "Image",
    "ImageResult",
    "JobResult",
    "Mask",
    "MaskSelection",
    "Media",
    "MediaType",
    "RestyleEffect",
    "Submission",
    "Video",
    "VideoStatus",
    "Voice",
    "result_from_dict",
]

MediaType = Literal["video", "image"]
"""What a job makes; each is read at a path of its own."""


class VideoStatus(IntEnum):
    """Status of a job; every other number counts as still running (PixVerse documents no others)."""

    SUCCESS = 1
    GENERATING = 5
    DELETED = 6
    MODERATION_FAILED = 7
    GENERATION_FAILED = 8

    @classmethod
    def known(cls, value: int) -> VideoStatus | None:
        """Return the status of this number, or None where PixVerse documents no such number."""
        return cls(value) if value in cls._value2member_map_ else None


@dataclass(frozen=True)
class Submission:
    """An accepted job.

    :param video_id: the job; of an image job, the ``image_id``.
    :param credits: charged, where the deployment says so.
    :param replayed: whether the same submit had been sent before and its answer was lost.
    """

    video_id: int
    credits: float | None = None
    replayed: bool = False

    @classmethod
    def from_resp(cls, resp: dict[str, Any]) -> Self:
        """Read the ``Resp`` of a generate call."""
        return cls(id_in(object_of(resp), "video_id"), charge_in(resp))

    @classmethod
    def from_image_resp(cls, resp: dict[str, Any]) -> Self:
        """Read the ``Resp`` of a generate call that makes an image."""
        return cls(id_in(object_of(resp), "image_id"), charge_in(resp))


def _common(data: dict[str, Any]) -> dict[str, Any]:
    """Read what every result of a job has, in an answer and in a kept dictionary."""
    return {
        "prompt": text_in(data, "prompt"),
        "seed": integer_in(data, "seed"),
        "create_time": text_in(data, "create_time"),
        "modify_time": text_in(data, "modify_time"),
        "credits": charge_in(data),
    }


@dataclass(frozen=True)
class Video:
    """State and result of one video job.

    ``url`` is signed and of unknown lifetime: use it at once, and keep it out of XComs, events and logs
    (it is left out of ``repr`` and of :meth:`to_dict`).

    :param id: from 1 to 2^64-1.
    :param status: see :class:`VideoStatus`; other numbers count as running.
    :param url: empty until the video is done.
    :param prompt: up to 10,000 characters; as each field below, None where PixVerse sent nothing usable.
    :param seed: from 0 to 2^63-1, as all numbers below; 0 where it does not apply or is not said.
    :param resolution_ratio: the quality as a number, such as 540; width and height are in pixels.
    :param size: in bytes.
    :param create_time: RFC 3339 with zone, as ``modify_time``.
    :param credits: charged, from 0 to 2^53-1; None where it is not said, as ``has_audio``.
    """

    id: int
    status: int
    url: str = ""
    prompt: str | None = ""
    seed: int | None = 0
    resolution_ratio: int | None = 0
    output_width: int | None = 0
    output_height: int | None = 0
    size: int | None = 0
    create_time: str | None = ""
    modify_time: str | None = ""
    has_audio: bool | None = None
    credits: float | None = None

    @classmethod
    def from_resp(cls, resp: dict[str, Any]) -> Self:
        """Read the ``Resp`` of ``/video/result/{video_id}``."""
        resp = object_of(resp)
        return cls(
            id=id_in(resp, "id"),
            status=status_in(resp),
            url=url_in(resp, "url"),
            resolution_ratio=integer_in(resp, "resolution_ratio"),
            output_width=integer_in(resp, "outputWidth"),
            output_height=integer_in(resp, "outputHeight"),
            size=integer_in(resp, "size"),
            has_audio=switch_in(resp, "has_audio"),
            **_common(resp),
        )

    def __repr__(self) -> str:
        """Name the job and its state, never the signed URL."""
        return f"Video(id={self.id}, status={self.status})"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON primitives that may go into an XCom or an event: everything but the signed URL."""
        return {
            "video_id": xcom_id(self.id),
            "status": self.status,
            "prompt": self.prompt,
            "seed": self.seed,
            "resolution_ratio": self.resolution_ratio,
            "output_width": self.output_width,
            "output_height": self.output_height,
            "size": self.size,
            "create_time": self.create_time,
            "modify_time": self.modify_time,
            "has_audio": self.has_audio,
            "credits": self.credits,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what :meth:`to_dict` wrote, in this version or another, as tolerant as :meth:`from_resp`.

        :raises ValueError: without an id or a status.
        """
        data = object_of(data, "a kept result")
        return cls(
            id=id_in(data, "video_id"),
            status=status_in(data),
            resolution_ratio=integer_in(data, "resolution_ratio"),
            output_width=integer_in(data, "output_width"),
            output_height=integer_in(data, "output_height"),
            size=integer_in(data, "size"),
            has_audio=switch_in(data, "has_audio"),
            **_common(data),
        )


@dataclass(frozen=True)
class ImageResult:
    """State and result of one image job; ``url`` is as private as that of a :class:`Video`.

    :param template_id: an int, or digits where it is above 2^53-1.

    The other fields are those of a :class:`Video`.
    """

    id: int
    status: int
    url: str = ""
    prompt: str | None = ""
    seed: int | None = 0
    template_id: Id | None = None
    output_width: int | None = 0
    output_height: int | None = 0
    create_time: str | None = ""
    modify_time: str | None = ""
    credits: float | None = None

    @classmethod
    def from_resp(cls, resp: dict[str, Any]) -> Self:
        """Read the ``Resp`` of ``/image/result/{image_id}``."""
        resp = object_of(resp)
        return cls(
            id=id_in(resp, "image_id"),
            status=status_in(resp),
            url=url_in(resp, "url"),
            template_id=wide_id_in(resp, "template_id"),
            output_width=integer_in(resp, "outputWidth"),
            output_height=integer_in(resp, "outputHeight"),
            **_common(resp),
        )

    def __repr__(self) -> str:
        """Name the job and its state, never the signed URL."""
        return f"ImageResult(id={self.id}, status={self.status})"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON primitives that may go into an XCom or an event: everything but the signed URL."""
        return {
            "image_id": xcom_id(self.id),
            "status": self.status,
            "prompt": self.prompt,
            "seed": self.seed,
            "template_id": self.template_id,
            "output_width": self.output_width,
            "output_height": self.output_height,
            "create_time": self.create_time,
            "modify_time": self.modify_time,
            "credits": self.credits,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what :meth:`to_dict` wrote, in this version or another, as tolerant as :meth:`from_resp`.

        :raises ValueError: without an id or a status.
        """
        data = object_of(data, "a kept result")
        return cls(
            id=id_in(data, "image_id"),
            status=status_in(data),
            template_id=wide_id_in(data, "template_id"),
            output_width=integer_in(data, "output_width"),
            output_height=integer_in(data, "output_height"),
            **_common(data),
        )


JobResult = Video | ImageResult


def result_from_dict(data: dict[str, Any]) -> JobResult:
    """Rebuild what ``to_dict`` of either result wrote.

    :raises ValueError: for what is none, or has no id or status.
    """
    data = object_of(data, "a kept result")
    return ImageResult.from_dict(data) if "image_id" in data else Video.from_dict(data)


@dataclass(frozen=True)
class Image:
    """An uploaded image."""

    img_id: int

    @classmethod
    def from_resp(cls, resp: dict[str, Any]) -> Self:
        """Read the ``Resp`` of ``/image/upload`` (one client of PixVerse's own also names it ``ImgID``)."""
        return cls(id_in(object_of(resp), "img_id", "ImgID"))


@dataclass(frozen=True)
class Media:
    """An uploaded video or audio.

    :param media_type: what PixVerse takes it for, ``video`` or ``audio``; empty where it is not said.
    """

    media_id: int
    media_type: str

    @classmethod
    def from_resp(cls, resp: dict[str, Any]) -> Self:
        """Read the ``Resp`` of ``/media/upload``."""
        resp = object_of(resp)
        return cls(id_in(resp, "media_id"), text_in(resp, "media_type") or "")


@dataclass(frozen=True)
class Voice:
    """A voice for text to speech; ``speaker_id`` is what a lip sync takes."""

    speaker_id: str
    name: str

    @classmethod
    def list_from_resp(cls, resp: dict[str, Any]) -> list[Self]:
        """Read the ``Resp`` of ``/video/lip_sync/tts_list``."""
        return [
            cls(name_in(item, "speaker_id"), text_in(item, "name") or "")
            for item in items_of(object_of(resp).get("data"), "data")
        ]


@dataclass(frozen=True)
class RestyleEffect:
    """A preset of the restyle; ``restyle_id`` is what a restyle takes."""

    restyle_id: int
    restyle_name: str = ""
    restyle_prompt: str = ""
    cover_url: str = field(default="", repr=False)

    @classmethod
    def list_from_resp(cls, resp: list[dict[str, Any]]) -> list[Self]:
        """Read the ``Resp`` of ``/video/restyle/list``."""
        return [
            cls(
                id_in(item, "restyle_id"),
                text_in(item, "restyle_name") or "",
                text_in(item, "restyle_prompt") or "",
                url_in(item, "cover_url"),
            )
            for item in items_of(resp)
        ]


@dataclass(frozen=True)
class Mask:
    """One region of a key frame; ``mask_id`` is what a swap takes.

    :param mask_name: ``person``, ``object`` or ``background``.
    """

    mask_id: str
    mask_name: str
    mask_url: str = field(default="", repr=False)


@dataclass(frozen=True)
class MaskSelection:
    """The masks that were found in a key frame of a video, and what finding them has cost."""

    keyframe_id: int
    keyframe_url: str = field(repr=False)
    masks: tuple[Mask, ...]
    credits: float | None = None

    @classmethod
    def from_resp(cls, resp: dict[str, Any]) -> Self:
        """Read the ``Resp`` of ``/video/mask/selection``."""
        resp = object_of(resp)
        masks = tuple(
            Mask(name_in(item, "mask_id"), text_in(item, "mask_name") or "", url_in(item, "mask_url"))
            for item in items_of(resp.get("mask_info"), "mask_info")
        )
        return cls(keyframe_in(resp), url_in(resp, "keyframe_url"), masks, charge_in(resp))


@dataclass(frozen=True)
class Balance:
    """Credits of the account.

    :param account_id: an int, or digits where it is above 2^53-1; None where PixVerse sent something else.
    :param credit_monthly: left of the plan.
    :param credit_package: left of those bought in packs.
    """

    account_id: Id | None
    credit_monthly: int
    credit_package: int

    @property
    def total(self) -> int:
        """Credits that can be spent: those of the plan and those bought in packs."""
        return self.credit_monthly + self.credit_package

    @classmethod
    def from_resp(cls, resp: dict[str, Any]) -> Self:
        """Read the ``Resp`` of ``/account/balance``."""
        resp = object_of(resp)
        return cls(
            wide_id_in(resp, "account_id"),
            balance_in(resp, "credit_monthly"),
            balance_in(resp, "credit_package"),
        )
