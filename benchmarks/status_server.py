"""A status API on loopback that costs little, in a process of its own: every job ends when its time is over.

``GET /openapi/v2/video/result/{id}`` answers as PixVerse does; ``GET /ready/{id}`` answers 404 until the job
is done and 200 then, which is the one thing that ``HttpSensorTrigger`` understands. Every answer takes the
same time. ``POST /begin`` says what is to happen, and ``GET /stats`` what has.
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
from collections import Counter
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["WARM_UP_JOB", "Script", "Stats", "StatusServer", "status_server"]

WARM_UP_JOB = 10**9
"""A job that has always been done."""


@dataclass(frozen=True)
class Script:
    """What happens to the jobs, which are numbered from 1.

    :param begins_at: epoch seconds at which the first job is submitted.
    :param jobs: how many there are.
    :param takes: seconds that a job takes on average; it is 3 % more or less, so that polls and ends do not
        keep step.
    :param spread: seconds over which the submits are spread.
    :param latency: seconds until an answer.
    :param always_429: refuse everything with HTTP 429.
    """

    begins_at: float
    jobs: int
    takes: float
    spread: float
    latency: float = 0.2
    always_429: bool = False

    def submitted_at(self, job: int) -> float:
        """Return the epoch seconds at which this job was submitted."""
        return self.begins_at + self.spread * (job - 1) / self.jobs

    def ends_at(self, job: int) -> float:
        """Return the epoch seconds at which this job is done."""
        if job == WARM_UP_JOB:
            return 0.0
        return self.submitted_at(job) + self.takes * (0.97 + 0.06 * (job * 7919 % 1000) / 1000)


@dataclass(frozen=True)
class Stats:
    """What the server has seen since the last ``begin``.

    :param requests: how many.
    :param most_for_one_job: the number for the job that was asked for most often.
    :param most_in_a_second: within any one second.
    :param jobs_asked_for: for how many jobs there was at least one.
    :param first_at: epoch seconds of the first request.
    :param all_asked_for_at: epoch seconds at which the last of the jobs was asked for the first time.
    """

    requests: int
    most_for_one_job: int
    most_in_a_second: int
    jobs_asked_for: int
    first_at: float
    all_asked_for_at: float


class _Service:
    def __init__(self) -> None:
        self.begin(Script(0.0, 1, 1.0, 0.0))

    def begin(self, script: Script) -> None:
        self.script = script
        self._moments: list[float] = []
        self._per_job: Counter[int] = Counter()
        self._first: dict[int, float] = {}

    def answer(self, path: str) -> bytes:
        """Note the request and return the whole answer."""
        now = time.time()
        place, _, number = path.rpartition("/")
        job = int(number)
        self._moments.append(now)
        self._per_job[job] += 1
        self._first.setdefault(job, now)
        if self.script.always_429:
            return _http(429, b"slow down")
        done = now >= self.script.ends_at(job)
        if place == "/ready":
            return _http(200 if done else 404, b"{}")
        resp = {
            "id": job,
            "status": 1 if done else 5,
            "prompt": "",
            "url": "https://media.invalid/video.mp4" if done else "",
            "outputWidth": 1280,
            "outputHeight": 720,
        }
        return _http(200, json.dumps({"ErrCode": 0, "ErrMsg": "success", "Resp": resp}).encode())

    def stats(self) -> Stats:
        most, start = 0, 0
        for end, moment in enumerate(self._moments):
            while moment - self._moments[start] >= 1.0:
                start += 1
            most = max(most, end - start + 1)
        return Stats(
            requests=len(self._moments),
            most_for_one_job=max(self._per_job.values(), default=0),
            most_in_a_second=most,
            jobs_asked_for=len(self._first),
            first_at=min(self._first.values(), default=0.0),
            all_asked_for_at=max(self._first.values(), default=0.0),
        )


def _http(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Connection(asyncio.Protocol):
    def __init__(self, service: _Service) -> None:
        self._service = service
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        if method == "POST":
            length = next(
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-l")
            )
            if len(body) < length:
                return
            self._service.begin(Script(**json.loads(body)))
            answer = _http(200, b"{}")
        elif path == "/stats":
            answer = _http(200, json.dumps(asdict(self._service.stats())).encode())
        else:
            self._buffer = b""
            answer = self._service.answer(path)
            loop = asyncio.get_running_loop()
            loop.call_later(self._service.script.latency, self._transport.write, answer)
            return
        self._buffer = b""
        self._transport.write(answer)


class StatusServer:
    """The server as it is seen from another process."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def begin(self, script: Script) -> None:
        """Forget everything, and let these jobs begin."""
        self._call("/begin", json.dumps(asdict(script)).encode())

    def stats(self) -> Stats:
        """Return what it has seen."""
        return Stats(**self._call("/stats"))

    def _call(self, path: str, body: bytes | None = None) -> Any:
        with self._opener.open(self.url + path, body, timeout=30) as answer:
            return json.load(answer)


@contextlib.contextmanager
def status_server() -> Iterator[StatusServer]:
    """Run a server on a free port of loopback until the block is over."""
    command = [sys.executable, "-m", "benchmarks.status_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        stdin, stdout = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
        try:
            yield StatusServer(f"http://127.0.0.1:{int(stdout.readline())}")
        finally:
            # It ends with its standard input, so also where this process is killed.
            stdin.close()
            process.wait(timeout=10)


async def _serve() -> None:
    service = _Service()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(service), "127.0.0.1", 0, backlog=8192)
    print(server.sockets[0].getsockname()[1], flush=True)
    over = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), over.set)
    await over.wait()
    # What is under way has nobody left who wants it.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(_serve())
