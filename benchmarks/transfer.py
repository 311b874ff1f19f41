"""Uploads and downloads of a gigabyte on loopback, beside ``curl`` and plain ``requests``."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from benchmarks.report import Section, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.report import Figure

_SIZE = 1_000_000_000
_QUICK_SIZE = 50_000_000
# How the file begins, since an upload looks at that.
_MP4 = b"\x00\x00\x00\x20ftypisom"
_UPLOADED = {"ErrCode": 0, "ErrMsg": "success", "Resp": {"media_id": 1, "media_type": "video", "url": ""}}


@dataclass(frozen=True)
class _Way:
    """One way to move the file.

    :param direction: up or down.
    :param name: as the table shows it.
    :param on_disk: whether the bytes are on the disk, and not only in its cache, when it is done.
    """

    direction: str
    name: str
    on_disk: bool = False


_OURS_UP = _Way("up", "ours")
_CURL_UP = _Way("up", "curl")
_OURS_DOWN = _Way("down", "ours", on_disk=True)
_CURL_DOWN = _Way("down", "curl")
_CURL_DOWN_SYNCED = _Way("down", "curl, then fsync", on_disk=True)
_WAYS = (
    _OURS_UP,
    _CURL_UP,
    _Way("up", "requests, files="),
    _OURS_DOWN,
    _CURL_DOWN_SYNCED,
    _CURL_DOWN,
    _Way("down", "requests, 64 KB chunks"),
)


@dataclass(frozen=True)
class _Moved:
    """What a transfer has cost: seconds, CPU seconds, and MB that the process has grown by."""

    seconds: float
    cpu: float
    growth: float | None


def run(*, quick: bool) -> Section:
    """Move one file each way with each tool, in turns, and take the best of each."""
    size, rounds = (_QUICK_SIZE, 1) if quick else (_SIZE, 3)
    found: dict[_Way, list[_Moved]] = {way: [] for way in _WAYS}
    with tempfile.TemporaryDirectory(prefix="pixverse-bench-") as name, _file_server(name, size) as url:
        folder = Path(name)
        if shutil.disk_usage(folder).free < 3 * size:
            raise SystemExit(f"{folder} has too little room: the transfers need {3 * size / 1e9:.0f} GB.")
        for _ in range(rounds):
            for way in _WAYS:
                found[way].append(_move(way, url, folder, size))
    best = {way: min(moved, key=lambda one: one.seconds) for way, moved in found.items()}
    growth = {way: max(one.growth or 0.0 for one in moved) for way, moved in found.items()}
    rows: list[dict[str, Figure]] = [
        {
            "direction": way.direction,
            "by": way.name,
            "on disk": "yes" if way.on_disk else "no",
            "MB/s": size / 1e6 / moved.seconds,
            "% of curl": 100 * best[_curl_for(way)].seconds / moved.seconds,
            "CPU s": moved.cpu,
            "RSS growth MB": None if moved.growth is None else growth[way],
        }
        for way, moved in best.items()
    ]
    return Section(
        "transfer",
        f"{size / 1e9:g} GB up and down on loopback",
        rows,
        [
            Target("upload, % of curl", _share(best, _OURS_UP, _CURL_UP), 70.0, at_least=True),
            Target(
                "download, % of curl and fsync",
                _share(best, _OURS_DOWN, _CURL_DOWN_SYNCED),
                70.0,
                at_least=True,
            ),
            Target("RSS growth of an upload, MB", growth[_OURS_UP], 32.0),
            Target("RSS growth of a download, MB", growth[_OURS_DOWN], 32.0),
        ],
        [
            f"Best of {rounds}, in turns, each in a process of its own; of the growth, the largest.",
            "Ours and `fsync`: a video counts as landed only when it is on the disk, so that is in its time.",
            "The upload takes more than the 100 MB that are PixVerse's own limit.",
        ],
    )


def _curl_for(way: _Way) -> _Way:
    if way.direction == "up":
        return _CURL_UP
    return _CURL_DOWN_SYNCED if way.on_disk else _CURL_DOWN


def _share(best: dict[_Way, _Moved], ours: _Way, theirs: _Way) -> float:
    return 100 * best[theirs].seconds / best[ours].seconds


def _move(way: _Way, url: str, folder: Path, size: int) -> _Moved:
    """Run one transfer in a process of its own, and check that all has arrived."""
    target = folder / "landed.mp4"
    target.unlink(missing_ok=True)
    os.sync()
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.transfer", way.direction, way.name, url, str(folder), str(size)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    if way.direction == "down" and target.stat().st_size != size:
        raise SystemExit(f"{way.name} saved {target.stat().st_size} of {size} bytes.")
    return _Moved(**json.loads(run.stdout.splitlines()[-1]))


def _measured(transfer: Callable[[], None]) -> _Moved:
    """Run a transfer of this process."""
    before = _high_water()
    cpu, began = time.process_time(), time.perf_counter()
    transfer()
    seconds, spent = time.perf_counter() - began, time.process_time() - cpu
    return _Moved(seconds, spent, (_high_water() - before) / 1e6)


def _high_water() -> int:
    """Return the most memory that this process has held so far, in bytes.

    (`ru_maxrss` would count what its parent held when it was forked.)
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _ours_up(url: str, source: Path, size: int) -> None:
    from pixverse_provider.api.client import PixVerseClient
    from pixverse_provider.api.media import MEDIA
    from pixverse_provider.api.settings import ClientSettings
    from pixverse_provider.storage.sources import SourceFile

    settings = ClientSettings(api_key="a-key-for-nothing", base_url=url + "/openapi/v2")
    of_any_size = replace(MEDIA, warn_above=size, refuse_above=size)
    with PixVerseClient(settings) as client:
        client.upload_media(SourceFile.check(source, of_any_size))


def _ours_down(url: str, target: Path, size: int) -> None:
    from pixverse_provider.api.download import MediaDownload
    from pixverse_provider.api.settings import http_host
    from pixverse_provider.storage.destinations import Destination

    destination = Destination(str(target), video_id=1, overwrite=True)
    with destination.writing() as file:
        MediaDownload(1, lambda: url + "/video.mp4", http_host=http_host(url), expected_size=size).into(file)


def _requests_up(url: str, source: Path, _size: int) -> None:
    import requests

    with source.open("rb") as file:
        requests.post(
            url + "/up", files={"file": ("a.mp4", file, "video/mp4")}, timeout=60
        ).raise_for_status()


def _requests_down(url: str, target: Path, _size: int) -> None:
    import requests

    with requests.get(url + "/video.mp4", stream=True, timeout=60) as response, target.open("wb") as file:
        for chunk in response.iter_content(1 << 16):
            file.write(chunk)


def _curl(*arguments: str, sync: Path | None = None) -> _Moved:
    began = time.perf_counter()
    subprocess.run(
        ["curl", "--silent", "--show-error", "--fail", *arguments], check=True, stdout=subprocess.DEVNULL
    )
    if sync is not None:
        with sync.open("rb") as file:
            os.fsync(file.fileno())
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return _Moved(seconds, used.ru_utime + used.ru_stime, None)


def _in_this_process(direction: str, name: str, url: str, folder: Path, size: int) -> _Moved:
    source, target = folder / "source.mp4", folder / "landed.mp4"
    if name == "curl" and direction == "up":
        return _curl("--form", f"file=@{source};type=video/mp4", url + "/up")
    if name.startswith("curl"):
        return _curl("--output", str(target), url + "/video.mp4", sync=target if "fsync" in name else None)
    transfers: dict[tuple[str, bool], tuple[Callable[[str, Path, int], None], Path]] = {
        ("up", True): (_ours_up, source),
        ("down", True): (_ours_down, target),
        ("up", False): (_requests_up, source),
        ("down", False): (_requests_down, target),
    }
    transfer, file = transfers[direction, name == "ours"]
    # A small one first: imports and buffers are not what grows with the size.
    if direction == "up":
        small = folder / "small.mp4"
        small.write_bytes(_MP4 + bytes(1000 - len(_MP4)))
        transfer(url, small, 1000)
    else:
        transfer(url + "/small", target, 1000)
    return _measured(lambda: transfer(url, file, size))


class _FileServer(threading.Thread):
    """Takes whatever is posted and sends the file to whoever asks, with as little work as can be."""

    def __init__(self, file: Path) -> None:
        super().__init__(daemon=True)
        self._file = file
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def run(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection, contextlib.suppress(ConnectionError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while self._one(connection):
                    pass

    def _one(self, connection: socket.socket) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(1 << 16)
            if not data:
                return False
            head += data
        head, _, body = head.partition(b"\r\n\r\n")
        if head.startswith(b"GET"):
            size = 1000 if b"GET /small" in head else self._file.stat().st_size
            connection.sendall(
                f"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: {size}\r\n\r\n".encode()
            )
            with self._file.open("rb") as file:
                connection.sendfile(file, 0, size)
            return True
        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if b"expect" in headers:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        left, buffer = int(headers[b"content-length"]) - len(body), bytearray(1 << 20)
        while left > 0:
            received = connection.recv_into(buffer)
            if not received:
                return False
            left -= received
        answer = json.dumps(_UPLOADED).encode()
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (len(answer), answer)
        )
        return True


@contextlib.contextmanager
def _file_server(folder: str, size: int) -> Iterator[str]:
    """Make the file, which is then in the cache of the disk, and serve it from a process of its own."""
    file = Path(folder) / "source.mp4"
    block = _MP4 + os.urandom(1_000_000 - len(_MP4))
    with file.open("wb") as stream:
        for _ in range(size // len(block)):
            stream.write(block)
    command = [sys.executable, "-m", "benchmarks.transfer", "serve", str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        stdin, stdout = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
        try:
            yield f"http://127.0.0.1:{int(stdout.readline())}"
        finally:
            stdin.close()
            process.wait(timeout=10)


def _main() -> None:
    if sys.argv[1] == "serve":
        server = _FileServer(Path(sys.argv[2]))
        server.start()
        print(server.port, flush=True)
        # It ends with its standard input.
        sys.stdin.read()
        return
    direction, name, url, folder, size = sys.argv[1:]
    moved: Any = _in_this_process(direction, name, url, Path(folder), int(size))
    print(json.dumps(vars(moved)))


if __name__ == "__main__":
    _main()
