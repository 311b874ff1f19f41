"""A status API for triggers, in a process of its own: every job ends when its time is over.

``GET /openapi/v2/video/result/{id}`` answers as PixVerse does, ``GET /ready/{id}`` answers 404 until the job
is done and 200 then. ``POST /begin`` takes :class:`Jobs`, and ``GET /seen`` returns :class:`Seen`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Jobs", "Seen", "TriggererServer", "triggerer_server"]

LATENCY = 0.2
"""Seconds until an answer."""


@dataclass(frozen=True)
class Jobs:
    """What happens to the jobs, which are numbered from 1.

    :param submitted_at: epoch seconds.
    :param takes: seconds that a job takes on average; it is 3 % more or less, so that looks and ends do not
        keep step.
    """

    submitted_at: float
    takes: float

    def ends_at(self, job: int) -> float:
        """Return the epoch seconds at which this job is done."""
        return self.submitted_at + self.takes * (0.97 + 0.06 * (job * 7919 % 1000) / 1000)


@dataclass(frozen=True)
class Seen:
    """What the server was asked.

    :param requests: how many there were.
    :param jobs: how many jobs were asked for.
    :param first_at: epoch seconds of the first request.
    :param last_job_at: epoch seconds at which the last of the jobs was asked for the first time.
    """

    requests: int
    jobs: int
    first_at: float
    last_job_at: float


class _Service:
    def __init__(self) -> None:
        self.begin(Jobs(0.0, 0.0))

    def begin(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._requests = 0
        self._first: dict[int, float] = {}

    def answer(self, path: str) -> bytes:
        place, _, number = path.rpartition("/")
        job, now = int(number), time.time()
        self._requests += 1
        self._first.setdefault(job, now)
        done = now >= self._jobs.ends_at(job)
        if place == "/ready":
            return _http(200 if done else 404, {})
        video = {"id": job, "status": 1 if done else 5, "url": "", "outputWidth": 1280, "outputHeight": 720}
        return _http(200, {"ErrCode": 0, "ErrMsg": "success", "Resp": video})

    def seen(self) -> Seen:
        first = self._first.values()
        return Seen(self._requests, len(first), min(first, default=0.0), max(first, default=0.0))


class _Connection(asyncio.Protocol):
    def __init__(self, service: _Service) -> None:
        self._service = service
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, complete, body = self._buffer.partition(b"\r\n\r\n")
        if not complete:
            return
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        if method == "POST":
            if not body.endswith(b"}"):
                return
            self._service.begin(Jobs(**json.loads(body)))
            self._transport.write(_http(200, {}))
        elif path == "/seen":
            self._transport.write(_http(200, asdict(self._service.seen())))
        else:
            answer = self._service.answer(path)
            asyncio.get_running_loop().call_later(LATENCY, self._transport.write, answer)
        self._buffer = b""


class TriggererServer:
    """The server as it is seen from another process."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def begin(self, jobs: Jobs) -> None:
        """Forget what was seen, and let these jobs begin."""
        self._call("/begin", json.dumps(asdict(jobs)).encode())

    def seen(self) -> Seen:
        """Return what the server was asked since then."""
        return Seen(**self._call("/seen"))

    def _call(self, path: str, body: bytes | None = None) -> Any:
        with self._opener.open(self.url + path, body, timeout=30) as answer:
            return json.load(answer)


@contextlib.contextmanager
def triggerer_server() -> Iterator[TriggererServer]:
    """Run a server on a free port of loopback until the block is over."""
    command = [sys.executable, "-m", "benchmarks.triggerer_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        orders, answers = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
        try:
            yield TriggererServer(f"http://127.0.0.1:{int(answers.readline())}")
        finally:
            # It ends with its standard input, so also where this process is killed.
            orders.close()
            process.wait(timeout=10)


def _http(status: int, content: dict[str, Any]) -> bytes:
    body = json.dumps(content).encode()
    head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _serve() -> None:
    service = _Service()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(service), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    over = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), over.set)
    await over.wait()
    # What is under way has nobody left who wants it.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(_serve())
