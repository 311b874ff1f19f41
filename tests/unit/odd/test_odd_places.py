"""Sources and destinations that are no files, or are named oddly: they work, or are refused in a sentence."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath
from airflow.sdk.io.store import attach
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from tests.support.mp4 import mp4
from tests.support.stores import fresh_file_systems
from tests.unit.odd.rule import problem
from tests.unit.odd.service import PixVerse, pixverse
from tests.unit.odd.test_odd_arguments import to_its_end
from tests.unit.odd.values import PathLike

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = {"PixVerseUploadMediaOperator": "source", "PixVerseUploadImageOperator": "source"}
TASKS = SOURCES | {"PixVerseDownloadVideoOperator": "destination"}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder with one of everything that a file system holds."""
    with tempfile.TemporaryDirectory() as name, socket.socket(socket.AF_UNIX) as listening:
        folder = Path(name)
        (folder / "a.mp4").write_bytes(mp4(200))
        (folder / "empty.mp4").touch()
        (folder / "a folder.mp4").mkdir()
        os.mkfifo(folder / "fifo.mp4")
        listening.bind(str(folder / "socket.mp4"))
        for link, target in (
            ("link", "a.mp4"),
            ("lost", "nowhere"),
            ("loop", "loop.mp4"),
            ("null", "/dev/null"),
        ):
            (folder / f"{link}.mp4").symlink_to(target)
        (folder / os.fsdecode(b"caf\xe9.mp4")).write_bytes(mp4(200))
        yield folder


PATHS = [
    "{}",
    "{}/",
    "{}/a.mp4",
    "{}/a.mp4/",
    "{}/a.mp4/b.mp4",
    "{}/./a.mp4",
    "{}//a.mp4",
    "{}/empty.mp4",
    "{}/a folder.mp4",
    "{}/fifo.mp4",
    "{}/fifo.mp4/",
    "{}/socket.mp4",
    "{}/link.mp4",
    "{}/lost.mp4",
    "{}/loop.mp4",
    "{}/loop.mp4/a.mp4",
    "{}/null.mp4",
    "{}/caf\udce9.mp4",
    f"{{}}/{'x' * 300}.mp4",
    f"{{}}/{'a/' * 3000}a.mp4",
    f"{{}}/{'é' * 200}.mp4",
    "{}/a\0.mp4",
    "{}/a\ud800.mp4",
    "{}/a\nb.mp4",
    "{}/\x1b[31m.mp4",
    "{}/ .mp4",
    "{}/.mp4",
    "{}/a.mp4?x=1#y",
    "{}/%2e%2e/a.mp4",
    "file://{}/a.mp4",
    "file://{}/a%2Emp4",
    "file://{}/a%00.mp4",
    "file://{}/%ff.mp4",
    "file://{}/%zz.mp4",
    "file://localhost{}/a.mp4",
    "file://elsewhere{}/a.mp4",
    "file:{}/a.mp4",
    "FILE://{}/fifo.mp4",
    "local://{}/a.mp4",
    "local://{}/fifo.mp4",
    "memory://{}/a.mp4",
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/tty",
    "/dev/stdin",
    "/dev/fd/0",
    "/proc/self/mem",
    "/proc/self/environ",
    "/proc/self/fd",
    ".",
    "~/a.mp4",
    "$HOME/a.mp4",
    "-",
    "C:\\a.mp4",
    "\\\\host\\a.mp4",
]
# Where nothing is to be written.
OUTSIDE = ["/", "//", "..", "{}/../../../../../../a.mp4", "/etc/passwd", "/etc/shadow", "file:///"]
URIS = [
    "file://",
    "file:",
    "memory://",
    "memory:///",
    "://",
    "://a",
    "a://b.mp4",
    "s3:",
    "s3:/bucket/a.mp4",
    "ftp://host/a.mp4",
    "ssh://host/a.mp4",
    "data:video/mp4;base64,AAAA",
    "javascript:alert(1)",
    "filecache::http://10.0.0.5/x.mp4",
    "::",
    "a::b",
    "s3::",
    "zip://a::memory://b",
    "http://",
    "https://",
    "https:",
    "https:///a.mp4",
    "https://[",
    "https://[::1",
    "https://[::1]]/a.mp4",
    "https://host:port/a.mp4",
    "https://host:99999/a.mp4",
    "https://host:-1/a.mp4",
    "https://user:secret@host/a.mp4",
    "https://ho st/a.mp4",
    "https://host/a b.mp4",
    "https://host/a\0.mp4",
    "https://host/\ud800.mp4",
    "https://host/a\nAPI-KEY: x",
    "https://ü.example/ü.mp4",
    f"https://{'a' * 300}.example/a.mp4",
    f"https://host/{'a' * 100_000}.mp4",
    "http://host/a.mp4",
    "HTTPS://HOST/a.mp4",
    "https:host/a.mp4",
    "https:\\\\host\\a.mp4",
]


@pytest.fixture(autouse=True)
def _stores() -> Iterator[None]:
    with fresh_file_systems():
        attach("memory", fs=MemoryFileSystem())
        yield
    MemoryFileSystem.store.clear()


def ways_to_give(text: str) -> Iterator[tuple[str, Any]]:
    """Yield a place in every type that names one."""
    yield "text", text
    if "://" not in text:
        yield "path", Path(text)
        with contextlib.suppress(UnicodeError):
            yield "path-like of bytes", PathLike(os.fsencode(text))
    # That of a real store would ask it.
    if not text.startswith("s3"):
        with contextlib.suppress(Exception):
            yield "object", ObjectStoragePath(text)
    yield "path-like", PathLike(text)
    yield "list", [text]


def trouble(service: PixVerse, task: str, value: Any) -> str | None:
    arguments = {"video_id": 7} if TASKS[task] == "destination" else {}
    return problem(
        lambda: to_its_end(service, task, {TASKS[task]: value} | arguments), service, TASKS[task], "video 7"
    )


# An image is read as media are.
@pytest.mark.parametrize("task", ["PixVerseUploadMediaOperator", "PixVerseDownloadVideoOperator"])
def test_of_any_name(monkeypatch: pytest.MonkeyPatch, folder: Path, task: str) -> None:
    before = sorted(map(os.fsencode, folder.iterdir()))
    found = {}
    with pixverse(monkeypatch) as service:
        for text in PATHS + URIS + (OUTSIDE if task in SOURCES else []):
            for way, value in itertools.islice(ways_to_give(text.replace("{}", str(folder))), 4):
                found[f"{way} {text[:80]!r}"] = trouble(service, task, value)
    assert {name: said for name, said in found.items() if said} == {}
    if task in SOURCES:
        assert sorted(map(os.fsencode, folder.iterdir())) == before


_pieces = st.sampled_from(
    [*PATHS, *URIS, "{}", "/", "//", ":", "://", "::", "?", "#", "@", "[", "]", "%", "%2F", "%00", "..", "~"]
) | st.text(st.characters(exclude_categories=()), max_size=5)
# Without a file system of its own, so that nobody is asked.
_anywhere = st.lists(_pieces, max_size=4).map("".join).filter(lambda text: "s3" not in text.lower())


@given(st.sampled_from(sorted(SOURCES)), _anywhere, st.integers(0, 5))
def test_of_any_source(folder: Path, task: str, text: str, way: int) -> None:
    ways = list(ways_to_give(text.replace("{}", str(folder))))
    with pytest.MonkeyPatch.context() as monkeypatch, pixverse(monkeypatch) as service:
        assert trouble(service, task, ways[way % len(ways)][1]) is None
