"""Every kind of job from order to result: what its answer says, and what its file shows."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
import requests
from PIL import Image

from pixverse_provider.emulator.render.reading import read_audio
from tests.unit.emulator.http.test_contract import check
from tests.unit.emulator.samples import write_audio, write_video

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pixverse_provider.emulator.client import EmulatorControl
    from tests.unit.emulator.caller import Caller

RED, BLUE, GREEN = (220, 20, 20), (20, 20, 220), (20, 200, 20)
CLIP = {"prompt": "hello", "model": "v5", "duration": 5, "quality": "360p"}


@pytest.fixture
def pictures(api: Caller, tmp_path: Path) -> list[int]:
    """A red, a blue and a green image, 4 to 3."""
    ids = []
    for number, colour in enumerate((RED, BLUE, GREEN)):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (80, 60), colour).save(path)
        ids.append(api.upload_image(path))
    return ids


@pytest.fixture
def clip(api: Caller, tmp_path: Path) -> int:
    """Two seconds that go from black to white, silent, 16 to 9."""
    return api.upload(write_video(tmp_path / "clip.mp4", seconds=2.0, size=(128, 72), fps=12))


def talkie(tmp_path: Path) -> Path:
    """Two seconds with a tone in their first half second."""
    pictures = write_video(tmp_path / "silent.mp4", seconds=2.0, size=(128, 72), fps=12)
    sound = write_audio(tmp_path / "tone.wav", "pcm_s16le", seconds=1.0)
    path = tmp_path / "talkie.mp4"
    with av.open(str(pictures)) as video, av.open(str(sound)) as audio, av.open(str(path), "w") as output:
        shown = output.add_stream_from_template(video.streams.video[0])
        heard = output.add_stream("aac", rate=44_100)
        heard.codec_context.layout = "mono"
        for packet in video.demux(video=0):
            if packet.size:
                packet.stream = shown
                output.mux(packet)
        for frame in audio.decode(audio=0):
            output.mux(heard.encode(frame))
        output.mux(heard.encode(None))
    return path


class Made:
    """A finished job and its file."""

    def __init__(self, api: Caller, tmp_path: Path, path: str, body: dict[str, Any]) -> None:
        answer = api.post(path, json=body)
        envelope = check("post", path, answer)
        assert envelope["ErrCode"] == 0, envelope
        self.accepted: dict[str, Any] = envelope["Resp"]
        self.result = api.result(self.accepted["video_id"])
        assert self.result["status"] == 1
        self.file = tmp_path / f"{self.accepted['video_id']}.mp4"
        self.file.write_bytes(requests.get(self.result["url"], timeout=60).content)
        self.frames: list[NDArray[np.uint8]] = []
        with av.open(str(self.file)) as container:
            self.frames = [
                frame.to_ndarray(format="rgb24").astype(np.uint8) for frame in container.decode(video=0)
            ]
            self.seconds = (container.duration or 0) / av.time_base

    @property
    def size(self) -> tuple[int, int]:
        return self.result["outputWidth"], self.result["outputHeight"]

    def colour(self, index: int, x: float = 0.5, y: float = 0.3) -> tuple[int, ...]:
        """Return the mean colour around a place in one frame."""
        frame = self.frames[index]
        row, column = int(y * frame.shape[0]), int(x * frame.shape[1])
        around = frame[row - 2 : row + 3, column - 2 : column + 3].reshape(-1, 3)
        return tuple(int(part) for part in around.mean(axis=0))


def near(colour: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(one - two) < 40 for one, two in zip(colour, other, strict=True))


def test_an_image_to_video_has_the_shape_of_the_image_and_its_prompt_below(
    api: Caller, tmp_path: Path, pictures: list[int]
) -> None:
    made = Made(api, tmp_path, "/video/img/generate", {**CLIP, "img_id": pictures[0]})
    assert made.size == (256, 192)
    assert made.seconds == pytest.approx(5, abs=0.1)
    assert near(made.colour(0), RED)
    assert near(made.colour(-1), RED)
    assert not near(made.colour(0, y=0.9), RED)
    assert made.accepted["credits"] == made.result["credits"] == 45
    assert made.result["prompt"] == "hello"


def test_a_template_with_several_images_shows_them_all(
    api: Caller, tmp_path: Path, pictures: list[int]
) -> None:
    body = {**CLIP, "img_ids": pictures[:2], "template_id": 308621408717184}
    made = Made(api, tmp_path, "/video/img/generate", body)
    assert made.seconds == pytest.approx(8, abs=0.1)
    assert near(made.colour(0), RED)
    assert near(made.colour(-1), BLUE)


def test_a_transition_fades_from_the_first_frame_to_the_last(
    api: Caller, tmp_path: Path, pictures: list[int]
) -> None:
    body = {**CLIP, "first_frame_img": pictures[0], "last_frame_img": pictures[1]}
    made = Made(api, tmp_path, "/video/transition/generate", body)
    assert near(made.colour(0), RED)
    assert near(made.colour(len(made.frames) // 2), (120, 20, 120))
    assert near(made.colour(-1), BLUE)


def test_a_multi_transition_passes_through_every_frame(
    api: Caller, tmp_path: Path, pictures: list[int]
) -> None:
    keys = [{"img_id": img_id, "duration": 2} for img_id in pictures]
    body = {"model": "v5", "quality": "360p", "multi_transition": keys}
    made = Made(api, tmp_path, "/video/multi_transition/generate", body)
    assert made.seconds == pytest.approx(4, abs=0.1)
    seen = [made.colour(index) for index in (0, len(made.frames) // 2, -1)]
    assert all(near(one, other) for one, other in zip(seen, (RED, BLUE, GREEN), strict=True))


def test_a_fusion_shows_the_references_side_by_side(api: Caller, tmp_path: Path, pictures: list[int]) -> None:
    named = [
        {"type": "subject", "img_id": img_id, "ref_name": name}
        for img_id, name in zip(pictures, ("cat", "garden", "hat"), strict=True)
    ]
    body = {**CLIP, "aspect_ratio": "16:9", "image_references": named}
    made = Made(api, tmp_path, "/video/fusion/generate", body)
    seen = [made.colour(0, x=x, y=0.38) for x in (1 / 6, 1 / 2, 5 / 6)]
    assert all(near(one, other) for one, other in zip(seen, (RED, BLUE, GREEN), strict=True))


@pytest.mark.parametrize(
    ("path", "body", "spelling"),
    [
        ("/video/restyle/generate", {"restyle_id": 315446315336768}, "credits"),
        ("/video/modify/generate", {"prompt": "make it rain", "quality": "360p"}, "credit"),
        ("/video/mimic/generate", {"quality": "360p", "img_id": 0}, "credit"),
    ],
)
def test_an_edit_is_as_long_as_its_source_and_looks_another_way(
    api: Caller,
    tmp_path: Path,
    pictures: list[int],
    clip: int,
    path: str,
    body: dict[str, Any],
    spelling: str,
) -> None:
    if "img_id" in body:
        body = {**body, "img_id": pictures[0]}
    made = Made(api, tmp_path, path, {**body, "video_media_id": clip})
    assert made.seconds == pytest.approx(2, abs=0.1)
    red, green, blue = made.colour(len(made.frames) // 2)
    # The source has greys alone.
    assert max(red, green, blue) - min(red, green, blue) > 25
    assert set(made.accepted) == {"video_id", spelling}


def test_a_swap_puts_the_image_where_the_mask_is(
    api: Caller, pixverse_emulator: EmulatorControl, tmp_path: Path, pictures: list[int], clip: int
) -> None:
    answer = api.post("/video/mask/selection", json={"video_media_id": clip, "keyframe_id": 12})
    found = check("post", "/video/mask/selection", answer)["Resp"]
    assert (found["keyframe_id"], found["credits"]) == (12, 2)
    assert [mask["mask_name"] for mask in found["mask_info"]] == ["person", "object", "background"]
    for url in (found["keyframe_url"], *(mask["mask_url"] for mask in found["mask_info"])):
        shown = Image.open(BytesIO(requests.get(url, timeout=60).content))
        assert (shown.format, shown.size) == ("PNG", (128, 72))
    body = {
        "video_media_id": clip,
        "keyframe_id": 12,
        "img_id": pictures[0],
        "quality": "360p",
        "mask_id": found["mask_info"][0]["mask_id"],
    }
    made = Made(api, tmp_path, "/video/swap/generate", body)
    assert made.accepted["credit"] == 18
    assert near(made.colour(0, y=0.5), RED)
    assert near(made.colour(0, x=0.1, y=0.5), (0, 0, 0))
    assert near(made.colour(-1, x=0.1, y=0.5), (255, 255, 255))
    assert pixverse_emulator.ledger()["charged"] == 20


@pytest.mark.parametrize("codec", ["libx264", "libvpx-vp9"])
def test_masks_are_found_in_h264_alone_and_in_pictures_that_there_are(
    api: Caller, tmp_path: Path, codec: Any
) -> None:
    name = "a.mp4" if codec == "libx264" else "a.webm"
    media_id = api.upload(write_video(tmp_path / name, codec, seconds=1.0))
    for keyframe_id, accepted in ((None, True), (10, True), (11, False)):
        body = {"video_media_id": media_id, "keyframe_id": keyframe_id}
        envelope = api.submit("/video/mask/selection", body)
        assert envelope["ErrCode"] == (0 if accepted and codec == "libx264" else 400017)


def test_a_mask_selection_is_paid_once_for_each_trace_id(
    api: Caller, pixverse_emulator: EmulatorControl, clip: int
) -> None:
    answers = [
        api.submit("/video/mask/selection", {"video_media_id": clip}, trace_id="the-same") for _ in range(2)
    ]
    assert answers[0] == answers[1]
    ledger = pixverse_emulator.ledger()
    assert (ledger["charged"], ledger["jobs"], ledger["incidents"]) == (2, 0, [])
    pixverse_emulator.settings(credits=1)
    assert api.submit("/video/mask/selection", {"video_media_id": clip})["ErrCode"] == 500090


@pytest.mark.parametrize("keep", [True, False])
def test_a_sound_effect_is_heard_and_the_pictures_stay(api: Caller, tmp_path: Path, keep: bool) -> None:
    source = api.upload(talkie(tmp_path))
    body = {"video_media_id": source, "sound_effect_content": "rain", "original_sound_switch": keep}
    made = Made(api, tmp_path, "/video/sound_effect/generate", body)
    assert made.accepted["credits"] == 10
    assert made.result["has_audio"] is True
    sound = read_audio(made.file)
    spectrum = np.abs(np.fft.rfft(sound[: 44_100 // 2]))
    assert float(np.sqrt(np.mean(np.square(sound[44_100:])))) > 0.01
    # The tone of the source is at 220 Hz, two steps of the spectrum to a hertz.
    assert bool(spectrum[105:115].max() > 5 * spectrum[200:400].max()) is keep
    assert near(made.colour(-1), (255, 255, 255))


def test_an_extend_goes_on_after_the_source(api: Caller, tmp_path: Path) -> None:
    source = api.upload(talkie(tmp_path))
    made = Made(api, tmp_path, "/video/extend/generate", {**CLIP, "video_media_id": source})
    assert made.seconds == pytest.approx(7, abs=0.15)
    assert near(made.colour(0), (0, 0, 0))
    assert near(made.colour(-1), (255, 255, 255))
    assert not near(made.colour(-1, y=0.9), (255, 255, 255))
    assert made.result["has_audio"] is True


def test_a_generated_video_can_be_worked_on(api: Caller, tmp_path: Path) -> None:
    boat = api.boat(duration=5)
    first = Made(api, tmp_path, "/video/extend/generate", {**CLIP, "source_video_id": boat, "model": "v6"})
    made = Made(
        api,
        tmp_path,
        "/video/restyle/generate",
        {"source_video_id": first.accepted["video_id"], "restyle_prompt": "clay"},
    )
    assert made.result["prompt"] == "clay"


def test_an_image_template_makes_a_png_with_an_id_of_its_own(
    api: Caller, pixverse_emulator: EmulatorControl, pictures: list[int]
) -> None:
    path = "/image/template/generate"
    answer = api.post(path, json={"img_ids": pictures, "template_id": 384268229671680})
    accepted = check("post", path, answer)["Resp"]
    assert accepted["credit"] == 10
    image_id = accepted["image_id"]
    result = check("get", "/image/result/{image_id}", api.get(f"/image/result/{image_id}"))["Resp"]
    shown = Image.open(BytesIO(requests.get(result["url"], timeout=60).content))
    assert shown.format == "PNG"
    assert shown.size == (result["outputWidth"], result["outputHeight"])
    assert (result["image_id"], result["template_id"]) == (image_id, 384268229671680)
    assert api.get(f"/video/result/{image_id}").json()["ErrCode"] == 500008
    assert api.get(f"/image/result/{api.boat()}").json()["ErrCode"] == 500008
    body = {"source_video_id": image_id, "restyle_prompt": "clay"}
    assert api.submit("/video/restyle/generate", body)["ErrCode"] == 500008
    page = requests.get(f"{pixverse_emulator.url}/jobs/{image_id}", timeout=60).text
    assert "<img class=screen" in page
    assert "Image template" in page


def test_images_take_slots_are_refunded_and_obey_faults(
    api: Caller, pixverse_emulator: EmulatorControl, pictures: list[int]
) -> None:
    body = {"img_ids": pictures, "template_id": 384268229671680}
    pixverse_emulator.settings(concurrency=1, generation_seconds=60.0, render="placeholder")
    pixverse_emulator.fault("submit", "fail")
    image_id = api.submit("/image/template/generate", body)["Resp"]["image_id"]
    assert api.submit("/image/template/generate", body)["ErrCode"] == 500044
    pixverse_emulator.finish_all()
    assert api.get(f"/image/result/{image_id}").json()["Resp"]["status"] == 8
    assert pixverse_emulator.ledger()["refunded"] == 10
    second = api.submit("/image/template/generate", body)["Resp"]["image_id"]
    pixverse_emulator.finish_all()
    assert api.get(f"/image/result/{second}").json()["Resp"]["status"] == 1


def test_the_presets_of_restyle_have_covers_and_come_in_pages(api: Caller) -> None:
    path = "/video/restyle/list"
    presets = check("get", path, api.get(path, params={"page_num": 1, "page_size": 30}))["Resp"]
    assert presets[0]["restyle_id"] == 315446315336768
    cover = Image.open(BytesIO(requests.get(presets[0]["cover_url"], timeout=60).content))
    assert cover.format == "PNG"
    second = api.get(path, params={"page_num": 2, "page_size": 1}).json()["Resp"]
    assert [preset["restyle_id"] for preset in second] == [presets[1]["restyle_id"]]
    assert api.get(path, params={"page_num": "two"}).json()["ErrCode"] == 400013
    for digits in ("\u00b2", "9" * 5000):
        assert api.get(path, params={"page_num": digits}).json()["ErrCode"] == 400013
        assert api.get(f"/video/result/{digits}").json()["ErrCode"] == 400013


def test_a_deleted_or_unfinished_video_cannot_be_worked_on(
    api: Caller, pixverse_emulator: EmulatorControl
) -> None:
    body = {"restyle_prompt": "clay"}
    pixverse_emulator.settings(render="placeholder")
    gone = api.boat()
    assert api.status(gone) == 1
    pixverse_emulator.end(gone, "deleted")
    assert api.submit("/video/restyle/generate", {**body, "source_video_id": gone})["ErrCode"] == 500064
    pixverse_emulator.settings(generation_seconds=60.0)
    running = api.boat()
    assert api.submit("/video/restyle/generate", {**body, "source_video_id": running})["ErrCode"] == 400017


@pytest.mark.parametrize(
    "content",
    [
        b'{"prompt": "\\ud800", "model": "v5", "duration": 5, "quality": "360p", "aspect_ratio": "16:9"}',
        b'{"prompt": "a", "seed": NaN}',
        b'{"prompt": "a", "video_references": [{"x": 1e999}]}',
        b"[1]",
        b"\xff",
    ],
)
def test_a_body_that_is_no_text_or_no_number_is_of_the_wrong_type(api: Caller, content: bytes) -> None:
    headers = {**api.headers(), "Content-Type": "application/json"}
    answer = api.post("/video/text/generate", headers=headers, data=content)
    assert answer.json()["ErrCode"] == 400013
