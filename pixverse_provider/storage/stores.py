"""What differs between stores that a video lands in: what they say of a file, and how it gets its name."""

from __future__ import annotations

import contextlib
import errno
from typing import Any

from pixverse_provider.storage.errors import is_forbidden

__all__ = [
    "OBJECT_STORES",
    "WITH_BUCKETS",
    "check_bucket",
    "look",
    "put",
    "recorded_video_id",
    "rename",
]

_S3, _GCS = ("s3", "s3a"), ("gs", "gcs")
_AZURE = ("abfs", "abfss", "adl", "az", "wasb", "wasbs")
# An object of these appears when its upload is complete, so it is never half there.
WITH_BUCKETS = (*_S3, *_GCS, *_AZURE, "oss")
OBJECT_STORES = (*WITH_BUCKETS, "memory")
_CONTENT_TYPE = "video/mp4"
_RECORD = "pixverse-video-id"


def look(fs: Any, path: str) -> dict[str, Any] | None:
    """Return what a store says of a path, or None where nothing is there.

    None as well for those who may only write, whom it does not tell. Whatever else it fails with is raised:
    ``exists`` and ``isdir`` of many file systems take a lost connection for an absent file.
    """
    # A listing that an earlier task of this process has made may be old.
    fs.invalidate_cache()
    try:
        found: dict[str, Any] = fs.info(path)
    except Exception as err:
        if _is_absent(err) or is_forbidden(err):
            return None
        raise
    return found


def check_bucket(fs: Any, bucket: str) -> None:
    """Raise where the bucket is not there; a user who may only write objects cannot be told.

    :raises FileNotFoundError: names it.
    """
    try:
        if not fs.exists(bucket):
            fs.ls(bucket)
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no bucket {bucket!r}") from None
    except Exception as err:
        if not is_forbidden(err):
            raise


def recorded_video_id(protocol: str, fs: Any, path: str) -> str | None:
    """Return the id of the video that the store has kept with a file, or None where there is none."""
    if protocol in _S3:
        record = fs.metadata(path)
    elif protocol in _GCS:
        record = fs.info(path).get("metadata") or {}
    else:
        return None
    video_id: str | None = record.get(_RECORD)
    return video_id


def put(fs: Any, protocol: str, file: str, path: str, video_id: int, *, replace: bool) -> None:
    """Put a file into an object store, with its content type and a record of what it is, where it keeps them.

    :param file: path on this machine.
    :param replace: whether an object that is there may be replaced; where the store can, it decides itself,
        so that nobody's object is lost that came in the meantime, or that this user may not see.
    :raises FileExistsError: where one is there and may not be.
    """
    options = _put_options(protocol, video_id)
    if replace or protocol not in (*_S3, *_GCS, *_AZURE):
        fs.put_file(file, path, **options)
        return
    try:
        fs.put_file(file, path, mode="create", **options)
    except OSError as err:
        # Some that speak S3 do not know the condition.
        if err.errno != errno.ENOSYS:
            raise
        fs.put_file(file, path, **options)


def _put_options(protocol: str, video_id: int) -> dict[str, Any]:
    record = {_RECORD: str(video_id)}
    if protocol in _S3:
        return {"ContentType": _CONTENT_TYPE, "Metadata": record}
    if protocol in _GCS:
        return {"content_type": _CONTENT_TYPE, "metadata": record}
    if protocol in _AZURE:
        # adlfs hands it on to Azure's library from 2026.2.0 on, and drops it before.
        with contextlib.suppress(ImportError):
            from azure.storage.blob import ContentSettings  # type: ignore[import-not-found,unused-ignore]

            return {"content_settings": ContentSettings(content_type=_CONTENT_TYPE)}
    return {}


def rename(fs: Any, old: str, new: str, *, replace: bool) -> None:
    """Rename a file in a store that is no object store.

    :param replace: whether a file that is there may be replaced.
    :raises FileExistsError: where one is there and may not be.
    """
    move = _sftp_move if _is_sshfs(fs) else _move
    try:
        move(fs, old, new, replace)
    except Exception:
        # Both, since an answer that is lost may be that of a rename that was done.
        if look(fs, old) is None or look(fs, new) is None:
            raise
        if not replace:
            raise FileExistsError(new) from None
        # Not every one renames over a file.
        fs.rm_file(new)
        move(fs, old, new, replace)


def _move(fs: Any, old: str, new: str, _replace: bool) -> None:
    fs.mv(old, new)


def _sftp_move(fs: Any, old: str, new: str, replace: bool) -> None:
    """Rename as SFTP itself does.

    Where a server lacks OpenSSH's extension, ``fs.mv`` has a shell of the server copy the file, which can end
    half-way, and which few servers have.
    """
    from asyncssh import SFTPOpUnsupported
    from fsspec.asyn import sync  # type: ignore[import-untyped]

    async def moved() -> None:
        async with fs.client.start_sftp_client() as sftp:
            if replace:
                try:
                    await sftp.posix_rename(old, new)
                except SFTPOpUnsupported:
                    pass
                else:
                    return
            # This one never takes the name of a file that is there.
            await sftp.rename(old, new)

    sync(fs.loop, moved)


def _is_sshfs(fs: Any) -> bool:
    return any(base.__module__.partition(".")[0] == "sshfs" for base in type(fs).__mro__)


def _is_absent(error: Exception) -> bool:
    # That of SMB is an OSError of its own.
    return isinstance(error, FileNotFoundError | NotADirectoryError) or (
        isinstance(error, OSError) and error.errno in (errno.ENOENT, errno.ENOTDIR)
    )
