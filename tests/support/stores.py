"""Real stores on this machine, for tests of sources and destinations: S3, SFTP and Google Cloud Storage."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import socket
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import asyncssh
import boto3  # type: ignore[import-untyped]
import pytest
import requests
from airflow.sdk.io import store as airflow_stores
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GcsStore", "S3Store", "SftpStore", "gcs_store", "s3_store", "sftp_store"]

# They would log every request, and the first one also after the streams of a test are closed.
for _name in ("asyncssh", "gcp_storage_emulator", "werkzeug"):
    logging.getLogger(_name).setLevel(logging.ERROR)

BUCKET = "videos"
CONN_ID = "store"
_LOOPBACK = "127.0.0.1"


class S3Store:
    """An S3 server with one bucket, behind the Airflow connection ``store``.

    :ivar url: of the server.
    :ivar client: of boto3, to look from outside at what is there.
    """

    bucket = BUCKET

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = boto3.client(
            "s3",
            endpoint_url=url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name="us-east-1",
        )

    def uri(self, key: str) -> str:
        """Return the address of an object, as a DAG names it."""
        return f"s3://{CONN_ID}@{self.bucket}/{key}"

    def put(self, key: str, content: bytes) -> str:
        """Put an object there, and return its address."""
        self.client.put_object(Bucket=self.bucket, Key=key, Body=content)
        return self.uri(key)

    def get(self, key: str) -> bytes:
        """Return what an object holds."""
        return cast("bytes", self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def delete(self, key: str) -> None:
        """Delete an object."""
        self.client.delete_object(Bucket=self.bucket, Key=key)

    def content_type(self, key: str) -> str:
        """Return the content type that an object is served with."""
        return cast("str", self.client.head_object(Bucket=self.bucket, Key=key)["ContentType"])

    def names(self) -> list[str]:
        """Return the keys of all objects."""
        listed = self.client.list_objects_v2(Bucket=self.bucket)
        return [item["Key"] for item in listed.get("Contents", [])]


class SftpStore:
    """An SFTP server on a folder, behind the Airflow connection ``store``.

    :ivar root: folder that is served as ``/``.
    :ivar port: of the server.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = 0
        self._bytes_left: int | None = None
        self._connections: list[asyncssh.SSHServerConnection] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def uri(self, path: str) -> str:
        """Return the address of a file, as a DAG names it."""
        return f"sftp://{CONN_ID}@/{path.lstrip('/')}"

    def put(self, path: str, content: bytes) -> str:
        """Put a file there, and return its address."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return self.uri(path)

    def get(self, path: str) -> bytes:
        """Return what a file holds."""
        return (self.root / path.lstrip("/")).read_bytes()

    def delete(self, path: str) -> None:
        """Delete a file."""
        (self.root / path.lstrip("/")).unlink()

    def names(self) -> list[str]:
        """Return the paths of all files."""
        return sorted(str(file.relative_to(self.root)) for file in self.root.rglob("*") if not file.is_dir())

    def cut_after(self, content_bytes: int) -> None:
        """Cut every connection once so many more bytes of files were read or written; later ones last."""
        self._bytes_left = content_bytes

    def start(self) -> None:
        """Serve until :meth:`stop`."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(timeout=30)

    def stop(self) -> None:
        """Close all connections and the server."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=30)
        self._loop.close()

    def passes(self, content_bytes: int) -> bool:
        """Tell whether so many bytes may still pass, and cut every connection where they may not."""
        if self._bytes_left is None:
            return True
        self._bytes_left -= content_bytes
        if self._bytes_left > 0:
            return True
        self._bytes_left = None
        for connection in self._connections:
            connection.abort()
        return False

    async def _serve(self) -> None:
        store = self

        class Users(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                store._connections.append(conn)

            def begin_auth(self, username: str) -> bool:
                return True

            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                return (username, password) == ("user", "secret")

        class Files(asyncssh.SFTPServer):
            def __init__(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
                super().__init__(chan, chroot=os.fsencode(store.root))

            def read(self, file_obj: object, offset: int, size: int) -> bytes:
                data = cast("bytes", super().read(file_obj, offset, size))
                if not store.passes(len(data)):
                    raise asyncssh.SFTPConnectionLost("cut")
                return data

            def write(self, file_obj: object, offset: int, data: bytes) -> int:
                if not store.passes(len(data)):
                    raise asyncssh.SFTPConnectionLost("cut")
                return cast("int", super().write(file_obj, offset, data))

        self._server = await asyncssh.create_server(
            Users,
            _LOOPBACK,
            0,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            sftp_factory=Files,
        )
        self.port = self._server.get_port()

    async def _close(self) -> None:
        for connection in self._connections:
            connection.abort()
        self._server.close()
        await self._server.wait_closed()


class GcsStore:
    """A server of Google Cloud Storage with one bucket, attached to Airflow as ``gs://``.

    Airflow's own file system for it comes with the Google provider and its hundred packages; what is read
    and written through is the same ``gcsfs``.

    :ivar url: of the server.
    """

    bucket = BUCKET

    def __init__(self, url: str) -> None:
        self.url = url

    def uri(self, key: str) -> str:
        """Return the address of an object, as a DAG names it."""
        return f"gs://{self.bucket}/{key}"

    def put(self, key: str, content: bytes) -> str:
        """Put an object there, and return its address."""
        requests.post(
            f"{self.url}/upload/storage/v1/b/{self.bucket}/o",
            params={"uploadType": "media", "name": key},
            data=content,
            timeout=30,
        ).raise_for_status()
        return self.uri(key)

    def get(self, key: str) -> bytes:
        """Return what an object holds."""
        answer = requests.get(f"{self.url}/{self.bucket}/{key}", timeout=30)
        answer.raise_for_status()
        return answer.content

    def delete(self, key: str) -> None:
        """Delete an object."""
        place = f"{self.url}/storage/v1/b/{self.bucket}/o/{key}"
        requests.delete(place, timeout=30).raise_for_status()

    def content_type(self, key: str) -> str:
        """Return the content type that an object is kept with."""
        return next(cast("str", item["contentType"]) for item in self._items() if item["name"] == key)

    def names(self) -> list[str]:
        """Return the names of all objects."""
        return sorted(item["name"] for item in self._items())

    def _items(self) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.url}/storage/v1/b/{self.bucket}/o", timeout=30)
        answer.raise_for_status()
        return cast("list[dict[str, Any]]", answer.json().get("items", []))


@pytest.fixture(scope="session")
def _s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(_LOOPBACK, 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_store(_s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    """An empty S3 server."""
    requests.post(f"{_s3_server}/moto-api/reset", timeout=30).raise_for_status()
    store = S3Store(_s3_server)
    store.client.create_bucket(Bucket=store.bucket)
    connection = {
        "conn_type": "aws",
        "login": "test",
        "password": "test",
        "extra": {"endpoint_url": _s3_server, "region_name": "us-east-1"},
    }
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", json.dumps(connection))
    with fresh_file_systems():
        yield store


@pytest.fixture
def sftp_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[SftpStore]:
    """An empty SFTP server."""
    root = Path(tempfile.mkdtemp(prefix="pixverse-sftp-"))
    store = SftpStore(root)
    store.start()
    connection = {
        "conn_type": "sftp",
        "host": _LOOPBACK,
        "port": store.port,
        "login": "user",
        "password": "secret",
        "extra": {"no_host_key_check": True},
    }
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", json.dumps(connection))
    with fresh_file_systems():
        yield store
    store.stop()
    shutil.rmtree(root)


@pytest.fixture
def gcs_store() -> Iterator[GcsStore]:
    """An empty server of Google Cloud Storage."""
    from gcp_storage_emulator.server import create_server  # type: ignore[import-untyped]
    from gcsfs.core import GCSFileSystem  # type: ignore[import-untyped]

    with socket.socket() as free:
        free.bind((_LOOPBACK, 0))
        port = free.getsockname()[1]
    server = create_server(_LOOPBACK, port, in_memory=True, default_bucket=BUCKET)
    server.start()
    store = GcsStore(f"http://{_LOOPBACK}:{port}")
    with fresh_file_systems():
        airflow_stores.attach(
            "gs",
            fs=GCSFileSystem(endpoint_url=store.url, token="anon", project="test", skip_instance_cache=True),
        )
        yield store
    server.stop()


@contextmanager
def fresh_file_systems() -> Iterator[None]:
    """Let Airflow make its file systems anew, and forget those that are made within the block."""
    before = dict(airflow_stores._STORE_CACHE)
    airflow_stores._STORE_CACHE.clear()
    try:
        yield
    finally:
        airflow_stores._STORE_CACHE.clear()
        airflow_stores._STORE_CACHE.update(before)
