"""What PixVerse answers, as frozen values: jobs, videos, uploads, voices and the balance.

Every ``from_resp`` takes the ``Resp`` of an envelope, ignores fields it does not know (the service adds some
over time), and raises ``KeyError``, ``OverflowError``, ``TypeError`` or ``ValueError`` where a field it needs
is missing or misshapen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal, Self

from pixverse_provider.api.ids import LARGEST_ID, Id, xcom_id

__all__ = [
    "Balance",
    "Image",
    "ImageResult",
    "JobResult",
    "Mask",
    "MaskSelection",
    "Media",
    "RestyleEffect",
    "ResultKind",
    "Submission",
    "Video",
    "VideoStatus",
    "Voice",
    "result_from_dict",
]

ResultKind = Literal["video", "image"]
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


def _as_id(value: Any) -> int:
    """Read an id of an answer: a JSON integer, or digits; a float would have lost its last digits."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"an id must be an integer, not {value!r}")
    number = int(value)
    if not 0 < number <= LARGEST_ID:
        raise ValueError(f"an id must lie between 1 and 2^64-1, not {number}")
    return number


def _as_status(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"a status must be an integer, not {value!r}")
    return value


def _charge(resp: dict[str, Any]) -> float | None:
    """Read what was charged, under either spelling of the documentation; None where it is not said."""
    for name in ("credits", "credit"):
        value = resp.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
    return None


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
        return cls(_as_id(resp["video_id"]), _charge(resp))

    @classmethod
    def from_image_resp(cls, resp: dict[str, Any]) -> Self:
        """Read the ``Resp`` of a generate call that makes an image."""
        return cls(_as_id(resp["image_id"]), _charge(resp))


@dataclass(frozen=True)
class Video:
    """State and result of one video job.

    ``url`` is signed and of unknown lifetime: use it at once, and keep it out of XComs, events and logs
    (it is left out of ``repr`` and of :meth:`to_dict`).
    """

    id: int
    status: int
    url: str = ""
    prompt: str = ""
    seed: int = 0
    resolution_ratio: int = 0
    output_width: int = 0
    output_height: int = 0
    size: int = 0
    create_time: str = ""
    modify_time: str = ""
    has_audio: bool | None = None
    credits: float | None = None

    @classmethod
    def from_resp(cls, resp: dict[str, Any]) -> Self:
        """Read the ``Resp`` of ``/video/result/{video_id}``."""
        video_id = _as_id(resp["id"])
        has_audio = resp.get("has_audio")
        return cls(
            id=video_id,
            status=_as_status(resp["status"]),
            url=str(resp.get("url") or ""),
            prompt=str(resp.get("prompt") or ""),
            seed=int(resp.get("seed") or 0),
            resolution_ratio=int(resp.get("resolution_ratio") or 0),
            output_width=int(resp.get("outputWidth") or 0),
            output_height=int(resp.get("outputHeight") or 0),
            size=int(resp.get("size") or 0),
            create_time=str(resp.get("create_time") or ""),
            modify_time=str(resp.get("modify_time") or ""),
            has_audio=has_audio if isinstance(has_audio, bool) else None,
            credits=_charge(resp),
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
        """Rebuild what :meth:`to_dict` wrote; keys of another version are ignored."""
        names = cls.__dataclass_fields__.keys() - {"id", "status", "url"}
        known = {name: data[name] for name in names if name in data}
        return cls(id=_as_id(data["video_id"]), status=int(data["status"]), **known)


@dataclass(frozen=True)
class ImageResult:
    """State and result of one image job; ``url`` is as private as that of a :class:`Video`."""

    id: int
    status: int
    url: str = ""
    prompt: str = ""
    seed: int = 0
    template_id: Id | None = None
    output_width: int = 0
    output_height: int = 0
    create_time: str = ""
    modify_time: str = ""
    credits: float | None = None

    @classmethod
    def from_resp(cls, resp: dict[str, Any]) -> Self:
        """Read the ``Resp`` of ``/image/result/{image_id}``."""
        image_id = _as_id(resp["image_id"])
        template = resp.get("template_id")
        return cls(
            id=image_id,
            status=_as_status(resp["status"]),
            url=str(resp.get("url") or ""),
            prompt=str(resp.get("prompt") or ""),
            seed=int(resp.get("seed") or 0),
            template_id=xcom_id(_as_id(template)) if template else None,
            output_width=int(resp.get("outputWidth") or 0),
            output_height=int(resp.get("outputHeight") or 0),
            create_time=str(resp.get("create_time") or ""),
            modify_time=str(resp.get("modify_time") or ""),
            credits=_charge(resp),
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
        """Rebuild what :meth:`to_dict` wrote; keys of another version are ignored."""
        names = cls.__dataclass_fields__.keys() - {"id", "status", "url"}
        known = {name: data[name] for name in names if name in data}
        return cls(id=_as_id(data["image_id"]), status=int(data["status"]), **known)


JobResult = Video | ImageResult


def result_from_dict(data: dict[str, Any]) -> JobResult:
    """Rebuild what ``to_dict`` of either result wrote."""
    return ImageResult.from_dict(data) if "image_id" in data else Video.from_dict(data)


@dataclass(frozen=True)
class Image:
    """An uploaded image."""

    img_id: int

    @classmethod
    def from_resp(cls, resp: dict[str, Any]) -> Self:
        """Read the ``Resp`` of ``/image/upload`` (one client of PixVerse's own also names it ``ImgID``)."""
        return cls(_as_id(resp["img_id"] if "img_id" in resp else resp["ImgID"]))


@dataclass(frozen=True)
class Media:
    """An uploaded video or audio."""

    media_id: int
    media_type: str

    @classmethod
    def from_resp(cls, resp: dict[str, Any]) -> Self:
        """Read the ``Resp`` of ``/media/upload``."""
        return cls(_as_id(resp["media_id"]), str(resp["media_type"]))


@dataclass(frozen=True)
class Voice:
    """A voice for text to speech; ``speaker_id`` is what a lip sync takes."""

    speaker_id: str
    name: str

    @classmethod
    def list_from_resp(cls, resp: dict[str, Any]) -> list[Self]:
        """Read the ``Resp`` of ``/video/lip_sync/tts_list``."""
        return [cls(str(item["speaker_id"]), str(item["name"])) for item in resp["data"]]


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
                _as_id(item["restyle_id"]),
                str(item.get("restyle_name") or ""),
                str(item.get("restyle_prompt") or ""),
                str(item.get("cover_url") or ""),
            )
            for item in resp or ()
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
        masks = tuple(
            Mask(str(item["mask_id"]), str(item.get("mask_name") or ""), str(item.get("mask_url") or ""))
            for item in resp.get("mask_info") or ()
        )
        return cls(int(resp["keyframe_id"]), str(resp.get("keyframe_url") or ""), masks, _charge(resp))


@dataclass(frozen=True)
class Balance:
    """Credits of the account."""

    account_id: Id
    credit_monthly: int
    credit_package: int

    @property
    def total(self) -> int:
        """Credits that can be spent: those of the plan and those bought in packs."""
        return self.credit_monthly + self.credit_package

    @classmethod
    def from_resp(cls, resp: dict[str, Any]) -> Self:
        """Read the ``Resp`` of ``/account/balance``."""
        return cls(resp["account_id"], int(resp["credit_monthly"]), int(resp["credit_package"]))
