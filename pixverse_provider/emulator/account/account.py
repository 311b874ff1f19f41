"""The emulated account and everything it owns, put together."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any, Final

from pixverse_provider.emulator.account.clock import Clock
from pixverse_provider.emulator.account.jobs import Jobs
from pixverse_provider.emulator.account.ledger import Ledger, LedgerRecord
from pixverse_provider.emulator.account.uploads import Findings, StoredFile, Upload, UrlSigner
from pixverse_provider.emulator.faults import FaultPlan
from pixverse_provider.emulator.protocol import (
    CONTENT_DELETED,
    DELETED,
    INVALID_IMAGE_ID,
    INVALID_PARAMETER,
    NOT_FOUND,
    ApiError,
)
from pixverse_provider.emulator.render.new_clips import PLACEHOLDERS
from pixverse_provider.emulator.render.pool import RenderPool
from pixverse_provider.emulator.rules.request import Mask, Source

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from pixverse_provider.emulator.account.settings import Settings
    from pixverse_provider.emulator.render.pool import Ending

_VIDEO: Final = (343_252_978_602_905, 627_410_861_853_514_293)
_MEDIA: Final = (425_662_507_205_761, 614_250_733_081_886_721)
_HUGE: Final = 18_014_398_509_481_984_001
_QUALITIES = (360, 540, 720, 1080)
_TYPES: dict[Ending, str] = {"mp4": "video/mp4", "png": "image/png"}
_ENDINGS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/aac": "aac",
    "audio/mp4": "m4a",
}


class IdSource:
    """Hands out ids that never repeat, not even after a reset.

    Every second video and media id is above 2^53 and odd, so none of those survives a trip through a float.
    With ``huge`` every id is above 2^63, which a signed 64-bit column cannot hold.
    """

    def __init__(self, *, huge: bool = False) -> None:
        self.huge = huge
        # Started from the time of day, so that an id of an earlier run of the emulator is not taken for one
        # of this.
        self._serial = int(time.time() * 100) % 10**9

    def video(self) -> int:
        """Return a new ``video_id``."""
        return self._next(_VIDEO)

    def media(self) -> int:
        """Return a new ``media_id``."""
        return self._next(_MEDIA)

    def image(self) -> int:
        """Return a new ``img_id``; those of the API are short."""
        self._serial += 1
        return _HUGE + 2 * self._serial if self.huge else 164_913_710 + self._serial

    def _next(self, bases: tuple[int, int]) -> int:
        self._serial += 1
        base = _HUGE if self.huge else bases[self._serial % 2]
        return base + 2 * self._serial


class Account:
    """One account of the emulated service. Only the event loop of the server touches it.

    :param settings: what :meth:`reset` returns to.
    :param directory: where files are kept. It is neither made nor removed here.
    """

    def __init__(self, settings: Settings, directory: Path) -> None:
        self._initial = settings
        self.settings = settings
        self.upload_directory = directory / "uploads"
        self.upload_directory.mkdir(parents=True, exist_ok=True)
        self.pool = RenderPool(directory / "renders", PLACEHOLDERS)
        self.signer = UrlSigner()
        self.ids = IdSource(huge=settings.huge_ids)
        self._start_over()

    def reset(self) -> None:
        """Forget jobs, uploads, faults and the ledger; return to the first settings and the wall clock.

        Ids go on, so that one of before is not found. Rendered files are kept and used again.
        """
        uploads = [upload.path for upload in self.uploads.values()]
        for path in (*uploads, *(picture.path for picture in self.pictures.values())):
            path.unlink(missing_ok=True)
        self.pool.drop_waiting()
        self.settings = self._initial
        self._start_over()

    def configure(self, changes: dict[str, Any]) -> None:
        """Change settings.

        :raises InvalidSettingError: for an unknown name or a value that does not fit.
        """
        self.settings = self.settings.changed(changes)
        self.ids.huge = self.settings.huge_ids
        if "credits" in changes:
            self.ledger.set_credits(self.settings.credits)

    def report(self) -> LedgerRecord:
        """Return the ledger."""
        jobs = self.jobs.newest_first()
        return self.ledger.report(
            jobs=sum(not job.stalled_replay for job in jobs), running=self.jobs.running()
        )

    def add_upload(self, findings: Findings, path: Path, name: str) -> Upload:
        """Keep an uploaded file under a new id."""
        upload = Upload(
            upload_id=self.ids.image() if findings.media_type == "image" else self.ids.media(),
            media_type=findings.media_type,
            content_type=findings.content_type,
            path=path,
            name=name,
            size=findings.size,
            digest=findings.digest,
            created=self.clock.now(),
            file_name=f"{path.name}.{_ENDINGS[findings.content_type]}",
            width=findings.width,
            height=findings.height,
            seconds=findings.seconds,
        )
        self.uploads[upload.upload_id] = upload
        return upload

    def add_picture(self, file_name: str, picture: Image.Image) -> None:
        """Keep a picture that belongs to an answer, for the media host."""
        path = self.upload_directory / file_name
        picture.save(path, "PNG")
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        self.pictures[file_name] = StoredFile(path, len(content), digest, "image/png")

    def stored_file(self, file_name: str) -> tuple[StoredFile, int | None] | None:
        """Return a file that the media host has, and the job it is the result of."""
        for job in self.jobs.newest_first():
            if job.file_name == file_name:
                clip = job.clip
                if clip is None:
                    return None
                return StoredFile(clip.path, clip.size, clip.digest, _TYPES[job.ending]), job.video_id
        for upload in self.uploads.values():
            if upload.file_name == file_name:
                return StoredFile(upload.path, upload.size, upload.digest, upload.content_type), None
        picture = self.pictures.get(file_name)
        return (picture, None) if picture is not None else None

    def media_url(self, base: str, file_name: str) -> str:
        """Return a URL that is good for as long as the settings say."""
        return self.signer.sign(base, file_name, self.clock.now() + self.settings.media_lifetime)

    def finished_video(self, name: str, video_id: int, *, unknown: int = INVALID_PARAMETER) -> Source:
        """Return a finished video, for a request that refers to it.

        :raises ApiError: ``unknown`` when there is none, 400017 when it is not finished, 500064 when it was
            deleted.
        """
        job = self.jobs.find(video_id)
        if job is None or job.makes_image:
            raise ApiError(unknown, f"{name} not known")
        if job.status == DELETED:
            raise ApiError(CONTENT_DELETED)
        clip = job.clip
        if clip is None:
            raise ApiError(INVALID_PARAMETER, f"{name} is not a finished video")
        return Source(
            path=clip.path,
            digest=clip.digest,
            seconds=clip.seconds,
            width=clip.width,
            height=clip.height,
            size=clip.size,
            resolution_ratio=job.order.resolution_ratio,
            name=f"video {video_id}",
        )

    def uploaded(
        self, name: str, media_id: int, media_type: str, *, unknown: int = INVALID_PARAMETER
    ) -> Source:
        """Return an uploaded media, for a request that refers to it.

        :raises ApiError: ``unknown`` when there is none, 400017 when it is of another kind.
        """
        upload = self.uploads.get(media_id)
        if upload is None or upload.media_type == "image":
            raise ApiError(unknown, f"{name} not known")
        if upload.media_type != media_type:
            raise ApiError(
                INVALID_PARAMETER, f"{name} is not {'a video' if media_type == 'video' else 'audio'}"
            )
        return _source(upload)

    def image(self, name: str, img_id: int) -> Source:
        """Return an uploaded image, for a request that refers to it; 400032 when there is none."""
        upload = self.uploads.get(img_id)
        if upload is None or upload.media_type != "image":
            raise ApiError(INVALID_IMAGE_ID, f"{name} not known")
        return _source(upload)

    def mask(self, name: str, mask_id: str) -> Mask:
        """Return what an earlier mask selection found; 500008 when there is none."""
        mask = self.masks.get(mask_id)
        if mask is None:
            raise ApiError(NOT_FOUND, f"{name} not known")
        return mask

    def _start_over(self) -> None:
        self.clock = Clock()
        self.faults = FaultPlan()
        self.uploads: dict[int, Upload] = {}
        self.masks: dict[str, Mask] = {}
        self.pictures: dict[str, StoredFile] = {}
        self.ledger = Ledger(self.settings.credits)
        self.jobs = Jobs(self.clock, self.ledger)
        self.ids.huge = self.settings.huge_ids


def _source(upload: Upload) -> Source:
    shorter = min(upload.width, upload.height)
    return Source(
        path=upload.path,
        digest=upload.digest,
        seconds=upload.seconds,
        width=upload.width,
        height=upload.height,
        size=upload.size,
        resolution_ratio=min(_QUALITIES, key=lambda quality: abs(quality - shorter)),
        name=upload.name,
    )
