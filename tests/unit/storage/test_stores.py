"""The stores of the tests themselves, through Airflow's own file systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncssh
import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.stores import GcsStore, S3Store, SftpStore


@pytest.mark.parametrize("name", ["s3_store", "sftp_store", "gcs_store"])
class TestStores:
    def test_what_is_put_there_is_read_through_airflow(
        self, request: pytest.FixtureRequest, name: str
    ) -> None:
        store: S3Store | SftpStore | GcsStore = request.getfixturevalue(name)
        path = ObjectStoragePath(store.put("folder/clip.mp4", b"video"))
        with path.open("rb") as stream:
            assert stream.read() == b"video"
        assert path.fs.info(path.path)["size"] == len(b"video")

    def test_what_airflow_writes_is_seen_there(
        self, request: pytest.FixtureRequest, name: str, tmp_path: Path
    ) -> None:
        store: S3Store | SftpStore | GcsStore = request.getfixturevalue(name)
        file = tmp_path / "clip.mp4"
        file.write_bytes(b"video")
        path = ObjectStoragePath(store.uri("folder/clip.mp4"))
        path.fs.put_file(str(file), path.path)
        assert store.names() == ["folder/clip.mp4"]
        assert store.get("folder/clip.mp4") == b"video"


def test_a_connection_to_sftp_can_be_cut(sftp_store: SftpStore) -> None:
    path = ObjectStoragePath(sftp_store.put("clip.mp4", bytes(10_000_000)))
    sftp_store.cut_after(1_000_000)
    with (
        pytest.raises((OSError, asyncssh.Error), match=r"reset by peer|[Bb]roken pipe|lost|closed"),
        path.open("rb") as stream,
    ):
        stream.read()
