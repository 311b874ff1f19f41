"""Uploads are really opened, whatever they call themselves."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import requests
from PIL import Image

from tests.unit.emulator.caller import LIP_SYNC
from tests.unit.emulator.samples import write_audio, write_video

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pixverse_provider.emulator.client import EmulatorControl
    from tests.unit.emulator.caller import Caller
    from tests.unit.emulator.samples import AudioCodec, VideoCodec


def upload(api: Caller, content: bytes, name: str = "file", path: str = "/media/upload") -> dict[str, Any]:
    part = "image" if path == "/image/upload" else "file"
    envelope: dict[str, Any] = api.post(path, files={part: (name, content)}).json()
    return envelope


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.wav", "pcm_s16le"), ("a.mp3", "libmp3lame"), ("a.m4a", "aac"), ("a.aac", "aac")],
)
def test_every_documented_kind_of_audio(api: Caller, tmp_path: Path, name: str, codec: AudioCodec) -> None:
    container = "adts" if name == "a.aac" else "ipod" if name == "a.m4a" else None
    path = write_audio(tmp_path / name, codec, seconds=1.2, container=container)
    # The declared name and type are wrong on purpose.
    assert upload(api, path.read_bytes(), "picture.png")["Resp"]["media_type"] == "audio"


@pytest.mark.parametrize(
    ("name", "codec"), [("v.mp4", "libx264"), ("v.mov", "libx264"), ("v.webm", "libvpx-vp9")]
)
def test_every_documented_kind_of_video(api: Caller, tmp_path: Path, name: str, codec: VideoCodec) -> None:
    path = write_video(tmp_path / name, codec)
    assert upload(api, path.read_bytes(), "sound.mp3")["Resp"]["media_type"] == "video"


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_every_documented_kind_of_image(api: Caller, tmp_path: Path, image_format: str) -> None:
    path = tmp_path / "picture"
    Image.new("RGB", (40, 30), (200, 10, 10)).save(path, image_format)
    resp = upload(api, path.read_bytes(), path="/image/upload")["Resp"]
    assert requests.get(resp["img_url"], timeout=60).content == path.read_bytes()


def test_what_is_no_media_is_refused(api: Caller, tmp_path: Path, presenter: Path) -> None:
    for content in (b"not a video" * 500, presenter.read_bytes()[:20_000], b"\x00\x00\x00\x18ftypmp42"):
        assert upload(api, content, "clip.mp4")["ErrCode"] == 400017
    Image.new("RGB", (40, 30)).save(tmp_path / "picture.png")
    assert upload(api, (tmp_path / "picture.png").read_bytes(), "clip.mp4")["ErrCode"] == 400017
    assert upload(api, write_video(tmp_path / "v.avi", "mpeg4").read_bytes())["ErrCode"] == 400017


def test_what_is_no_image_is_refused(api: Caller, tmp_path: Path, presenter: Path) -> None:
    assert upload(api, b"nothing", "a.png", "/image/upload")["ErrCode"] == 500031
    assert upload(api, presenter.read_bytes(), "a.png", "/image/upload")["ErrCode"] == 500031
    Image.new("RGB", (40, 30)).save(tmp_path / "a.gif")
    assert upload(api, (tmp_path / "a.gif").read_bytes(), "a.png", "/image/upload")["ErrCode"] == 500032
    Image.new("1", (10_001, 2)).save(tmp_path / "wide.png")
    assert upload(api, (tmp_path / "wide.png").read_bytes(), "a.png", "/image/upload")["ErrCode"] == 500033


def test_limits_of_length_side_and_size(
    api: Caller, pixverse_emulator: EmulatorControl, tmp_path: Path
) -> None:
    pixverse_emulator.settings(max_media_seconds=2.0)
    assert upload(api, write_audio(tmp_path / "a.wav", "pcm_s16le", seconds=2.0).read_bytes())["ErrCode"] == 0
    long = write_audio(tmp_path / "b.wav", "pcm_s16le", seconds=2.2)
    assert upload(api, long.read_bytes())["ErrCode"] == 400017
    wide = write_video(tmp_path / "wide.mp4", size=(1922, 16), seconds=0.2)
    assert upload(api, wide.read_bytes())["ErrCode"] == 400017
    pixverse_emulator.settings(max_media_bytes=30_000)
    assert upload(api, long.read_bytes())["ErrMsg"].startswith("file over")
    assert upload(api, b"x" * 5_000_000)["ErrMsg"].startswith("file over")
    assert upload(api, b"x" * (20 * 1024 * 1024), path="/image/upload")["ErrCode"] == 500030


def test_exactly_one_of_file_and_url(api: Caller, script: Path) -> None:
    content = script.read_bytes()
    assert api.post("/media/upload", files={"video": content}).json()["ErrCode"] == 400017
    both = api.post("/media/upload", files={"file": content}, data={"file_url": "http://127.0.0.1/a"})
    assert both.json()["ErrCode"] == 400017
    assert api.post("/media/upload", files={"other": ""}).json()["ErrCode"] == 400017
    assert api.post("/media/upload", json={"file_url": "http://127.0.0.1/a"}).json()["ErrCode"] == 400017
    broken = {**api.headers(), "Content-Type": "multipart/form-data"}
    assert api.post("/media/upload", data=b"--x", headers=broken).json()["ErrCode"] == 400017


def test_the_field_media_type_is_ignored(api: Caller, script: Path) -> None:
    answer = api.post("/media/upload", files={"file": script.read_bytes()}, data={"media_type": "video"})
    assert answer.json()["Resp"]["media_type"] == "audio"


class _Shop(BaseHTTPRequestHandler):
    """Serves a picture as two content types, and a redirect that leaves the machine."""

    picture = b""

    def do_GET(self) -> None:
        if self.path == "/out":
            self.send_response(302)
            self.send_header("Location", "http://192.0.2.1/a.png")
            self.end_headers()
            return
        self.send_response(200 if self.path.startswith("/picture") else 404)
        self.send_header(
            "Content-Type", "image/png" if self.path == "/picture" else "application/octet-stream"
        )
        self.end_headers()
        self.wfile.write(self.picture)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[str]:
    Image.new("RGB", (40, 30)).save(tmp_path / "picture.png")
    _Shop.picture = (tmp_path / "picture.png").read_bytes()
    server = HTTPServer(("127.0.0.1", 0), _Shop)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_url_of_this_machine_is_fetched_from_either_kind_of_form(api: Caller, shop: str) -> None:
    url = {"image_url": f"{shop}/picture"}
    assert api.post("/image/upload", data=url).json()["ErrCode"] == 0
    empty_part = {"image": ("", b"")}
    assert api.post("/image/upload", data=url, files=empty_part).json()["ErrCode"] == 0
    assert api.post("/image/upload", data={"image_url": f"{shop}/picture-raw"}).json()["ErrCode"] == 500032
    assert api.post("/image/upload", data={"image_url": f"{shop}/missing"}).json()["ErrCode"] == 500042
    assert api.post("/media/upload", data={"file_url": f"{shop}/missing"}).json()["ErrCode"] == 400017


@pytest.mark.parametrize(
    "url", ["https://example.com/a.png", "http://192.0.2.1/a.png", "file:///etc/passwd", "nonsense"]
)
def test_nothing_is_fetched_from_elsewhere(api: Caller, pixverse_emulator: EmulatorControl, url: str) -> None:
    assert api.post("/image/upload", data={"image_url": url}).json()["ErrCode"] == 500042
    assert api.post("/media/upload", data={"file_url": url}).json()["ErrCode"] == 400017
    assert len(pixverse_emulator.incidents("outside_url")) == (2 if url.startswith("http") else 0)


def test_no_redirect_leads_elsewhere(api: Caller, pixverse_emulator: EmulatorControl, shop: str) -> None:
    assert api.post("/image/upload", data={"image_url": f"{shop}/out"}).json()["ErrCode"] == 500042
    assert pixverse_emulator.incidents("outside_url")[0]["detail"] == "image_url http://192.0.2.1"


def test_an_image_is_no_source_of_a_lip_sync(api: Caller, tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "picture.png")
    image = upload(api, (tmp_path / "picture.png").read_bytes(), path="/image/upload")["Resp"]["img_id"]
    envelope = api.submit(LIP_SYNC, {"video_media_id": image, "audio_media_id": image})
    assert (envelope["ErrCode"], envelope["ErrMsg"]) == (400017, "video_media_id not known")


def test_a_large_upload_is_not_held_in_memory(api: Caller, tmp_path: Path) -> None:
    import tracemalloc

    # The server runs in a thread of this process, so its memory is seen here; the client streams from disk.
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(40 * 1024 * 1024)
    boundary = "xxxx"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="v.mp4"\r\n\r\n'.encode()

    def body() -> Iterator[bytes]:
        yield head
        with path.open("rb") as file:
            while piece := file.read(65_536):
                yield piece
        yield f"\r\n--{boundary}--\r\n".encode()

    headers = {**api.headers(), "Content-Type": f"multipart/form-data; boundary={boundary}"}
    tracemalloc.start()
    try:
        answer = api.post("/media/upload", data=body(), headers=headers)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.json()["ErrCode"] == 400017
    assert peak < 10 * 1024 * 1024


@pytest.mark.parametrize(
    "url", ["http://[", "http://127.0.0.1:99999/", "http://a\u2100b/", "ftp://x", "http://:1"]
)
def test_what_is_no_url_is_refused(api: Caller, url: str) -> None:
    assert api.post("/image/upload", data={"image_url": url}).json()["ErrCode"] == 500042
    assert api.post("/media/upload", data={"file_url": url}).json()["ErrCode"] == 400017
