"""Videos over the pages: from PixVerse by a fresh address, or where they have landed; from nowhere else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.plugin.conftest import MAPPED_DAG, VIDEO_DAG

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.plugin.conftest import Visitor, World


@pytest.fixture
def gone_at_pixverse(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """PixVerse knows the video no more."""
    from pixverse_provider.plugin import app
    from pixverse_provider.plugin.asking import Said

    async def unknown(*_: Any) -> Said:
        return Said(problem="PixVerse knows no such video.", may_help_later=False)

    monkeypatch.setattr(app, "job_of", unknown)


def test_a_player_is_sent_to_an_address_that_is_asked_for_at_that_moment(world: World, ann: Visitor) -> None:
    answer = ann.get(f"{world.page()}/video/0")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(world.emulator.url)
    assert answer.headers["cache-control"] == "no-store"


def test_the_page_lets_the_browser_load_from_that_one_host_and_does_not_hold_the_signed_address(
    world: World, ann: Visitor
) -> None:
    answer = ann.get(world.page(), headers={"accept": "text/html"})
    assert f"media-src 'self' {world.emulator.url};" in answer.headers["content-security-policy"]
    location = ann.get(f"{world.page()}/video/0").headers["location"]
    assert location not in answer.text
    assert world.emulator.url not in answer.text


def test_a_download_is_sent_by_airflow_itself_under_the_id_of_the_job(world: World, ann: Visitor) -> None:
    answer = ann.get(f"{world.page()}/file/0")
    assert answer.status_code == 200
    assert answer.content == world.landed.read_bytes()
    assert answer.headers["content-disposition"] == f'attachment; filename="{world.video_id}.mp4"'
    assert answer.headers["content-encoding"] == "identity"
    assert answer.headers["content-type"] == "video/mp4"


def test_a_video_that_has_not_landed_is_passed_on_from_the_media_host_with_its_ranges(
    world: World, ann: Visitor
) -> None:
    address = f"{world.page(dag_id=MAPPED_DAG, map_index=0)}/file/0"
    whole = ann.get(address)
    assert whole.content[4:8] == b"ftyp"
    part = ann.get(address, headers={"range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")
    assert part.headers["content-range"] == f"bytes 4-7/{len(whole.content)}"
    assert world.emulator.incidents() == []


@pytest.mark.usefixtures("gone_at_pixverse")
@pytest.mark.parametrize(
    ("wanted", "status", "first", "last"),
    [
        (None, 200, 0, None),
        ("bytes=0-", 206, 0, None),
        ("bytes=100-199", 206, 100, 199),
        ("bytes=100-99999999999", 206, 100, None),
        ("bytes=-50", 206, -50, None),
        ("bytes=5-4", 416, 0, 0),
        ("bytes=99999999999-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=-", 200, 0, None),
        ("bytes=0-1,5-6", 200, 0, None),
        ("pieces=1-2", 200, 0, None),
        ("bytes=99999999999999999999999-", 200, 0, None),
    ],
)
def test_a_landed_video_is_sent_in_the_range_that_is_asked_for(
    world: World, ann: Visitor, wanted: str | None, status: int, first: int, last: int | None
) -> None:
    content = world.landed.read_bytes()
    answer = ann.get(f"{world.page()}/video/0", headers={"range": wanted} if wanted else {})
    assert answer.status_code == status
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(content)}"
        return
    assert answer.content == (content[first:] if last is None else content[first : last + 1])
    assert int(answer.headers["content-length"]) == len(answer.content)
    if status == 206:
        begin = first if first >= 0 else len(content) + first
        end = len(content) - 1 if last is None else last
        assert answer.headers["content-range"] == f"bytes {begin}-{end}/{len(content)}"


@pytest.mark.usefixtures("gone_at_pixverse")
def test_the_page_of_the_download_shows_its_own_video(world: World, ann: Visitor) -> None:
    assert ann.get(f"{world.page('land')}/video/0").content == world.landed.read_bytes()


# ----- what an XCom says is not where a file is read


@pytest.fixture
def other_video(world: World, tmp_path: Path) -> Path:
    """A real video that this task has nothing to do with."""
    file = tmp_path / "of somebody else.mp4"
    file.write_bytes(world.landed.read_bytes())
    return file


@pytest.mark.usefixtures("gone_at_pixverse")
@pytest.mark.parametrize(
    "place",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "{other}",
        "file://{other}",
        "{landed}/../../../etc/passwd",
        "{folder}/../{other_name}",
        "s3://other-bucket/video.mp4",
        "https://example.com/video.mp4",
        "{landed}::/etc/passwd",
        "",
        " ",
        "\x00",
        "{folder}",
    ],
)
@pytest.mark.parametrize("task", ["make", "land"])
@pytest.mark.parametrize("key", ["landed", "return_value"])
def test_an_xcom_that_somebody_has_set_to_another_place_shows_nothing(
    world: World, ann: Visitor, set_xcom: Any, other_video: Path, place: str, task: str, key: str
) -> None:
    said = place.format(
        other=other_video, landed=world.landed, folder=world.landed.parent, other_name=other_video.name
    )
    value: Any = [{"video_id": world.video_id, "uri": said, "size": 1}] if key == "landed" else said
    if key == "return_value":
        set_xcom("land", "landed", None)
    set_xcom("land", key, value)

    for route in ("video", "file"):
        assert ann.get(f"{world.page(task)}/{route}/0").status_code == 404
    assert "root:" not in ann.see(world.page(task))


@pytest.mark.usefixtures("gone_at_pixverse")
@pytest.mark.parametrize("content", [b"root:x:0:0:root", b"", b"the free text that begins so", b"\x00" * 100])
def test_a_landed_file_that_is_no_video_any_more_is_not_sent(
    world: World, ann: Visitor, content: bytes
) -> None:
    before = world.landed.read_bytes()
    try:
        world.landed.write_bytes(content)
        assert ann.get(f"{world.page()}/video/0").status_code == 404
    finally:
        world.landed.write_bytes(before)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        17,
        ["list"],
        {"video_id": "<script>alert(1)</script>"},
        {"video_id": "../../etc/passwd"},
        {"video_id": 2**64},
        {"video_id": 1.5, "credits": "many"},
        {"video_id": "7", "credits": 1e308, "size": -5, "message": ["x"], "request": "x", "seed": True},
        {"video_id": "7", "credits": float(2**53), "submitted_at": "never", "prompt": "x" * 100_000},
        {"video_id": "7", "prompt": "<img src=x onerror=alert(1)>", "operation": 5, "outcome": "../x"},
    ],
    ids=repr,
)
def test_a_page_stands_whatever_somebody_writes_into_the_xcom(
    world: World, ann: Visitor, set_xcom: Any, value: Any
) -> None:
    set_xcom("make", "video", value)
    for address in (world.page(), world.run_page(VIDEO_DAG), "/pixverse/", f"{world.page()}/status"):
        answer = ann.get(address)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text


def test_no_key_and_no_signed_address_is_in_any_answer_or_log(
    world: World, ann: Visitor, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    location = ann.get(f"{world.page()}/video/0").headers["location"]
    secret = location.rpartition("?")[2] if "?" in location else location.rpartition("/")[2]
    pages = [ann.see(address) for address in (world.page(), world.run_page(VIDEO_DAG), "/pixverse/")]
    ann.get(f"{world.page(dag_id=MAPPED_DAG, map_index=0)}/file/0")
    printed = capfd.readouterr()
    for text in (*pages, caplog.text, printed.out, printed.err):
        assert secret not in text
        assert world.emulator.api_key not in text


def test_a_pixverse_that_does_not_answer_holds_no_page_for_long_and_is_asked_once(
    world: World, ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    from pixverse_provider.plugin import asking

    asked = []

    class Silent:
        def __init__(self, conn_id: str) -> None:
            asked.append(conn_id)

        async def __aenter__(self) -> Any:
            await asyncio.sleep(3600)

        async def __aexit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(asking, "shared_poller", Silent)
    monkeypatch.setattr(asking, "LONGEST_WAIT", 0.05)

    async def look(viewers: int) -> list[asking.Said]:
        return await asyncio.gather(*(asking.job_of("c", "video", "7") for _ in range(viewers)))

    said = asyncio.run(look(50))
    assert [each.problem for each in said] == ["PixVerse has not answered within 0 s."] * 50
    assert asked == ["c"]
    assert "PixVerse has not answered" in ann.see(world.page())


def test_what_pixverse_has_said_is_good_for_all_who_look_within_some_seconds(
    world: World, ann: Visitor
) -> None:
    with ann:
        ann.see(world.page())
        before = len(world.emulator.requests("result"))
        for _ in range(5):
            ann.see(world.page())
            ann.get(f"{world.page()}/video/0")
        assert len(world.emulator.requests("result")) == before


def test_memory_does_not_grow_with_the_size_of_a_video(world: World, ann: Visitor, tmp_path: Path) -> None:
    import tracemalloc

    from pixverse_provider.plugin.streaming import send_landed
    from pixverse_provider.storage.landed import LandedFile

    file = tmp_path / "large.mp4"
    with file.open("wb") as stream:
        stream.write(world.landed.read_bytes())
        os.truncate(stream.fileno(), 200_000_000)
    answer: Any = send_landed(LandedFile.check(str(file)), None, None)

    async def read() -> int:
        return sum([len(piece) async for piece in answer.body_iterator])

    import asyncio

    tracemalloc.start()
    assert asyncio.run(read()) == 200_000_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000
