"""What phones, cameras and shells record goes through every kind of job as players show it."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import av
import numpy as np
import pytest
import requests
from PIL import Image

from pixverse_provider.emulator.render.drawing import MOUTH_X, MOUTH_Y
from pixverse_provider.emulator.render.new_clips import TextToVideoRecipe
from pixverse_provider.emulator.render.pool import FULL
from pixverse_provider.emulator.render.reading import read_audio
from pixverse_provider.emulator.render.video import SAMPLE_RATE
from tests.unit.emulator.caller import LIP_SYNC, Caller
from tests.unit.emulator.recordings import (
    ID3V1,
    PORTRAIT,
    RED,
    TURNS,
    Turn,
    adts,
    cover,
    id3,
    mp3,
    quarters,
    shows_quarters,
    title,
    write_header_length,
    write_phone_video,
    write_recording,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from pixverse_provider.emulator.client import EmulatorControl

CLIP: Final = {"prompt": "hello", "model": "v5", "duration": 5, "quality": "360p"}


class Made:
    """A finished job and its pictures."""

    def __init__(self, api: Caller, tmp_path: Path, path: str, body: dict[str, Any]) -> None:
        envelope = api.submit(path, body)
        assert envelope["ErrCode"] == 0, envelope
        self.credits = envelope["Resp"].get("credits", envelope["Resp"].get("credit"))
        self.result = api.result(envelope["Resp"]["video_id"])
        assert self.result["status"] == 1
        self.file = tmp_path / "result.mp4"
        self.file.write_bytes(requests.get(self.result["url"], timeout=60).content)
        with av.open(str(self.file)) as container:
            self.pictures = [
                frame.to_ndarray(format="rgb24").astype(np.uint8) for frame in container.decode(video=0)
            ]
            self.sample_aspect_ratio = float(container.streams.video[0].sample_aspect_ratio or 1)
            self.seconds = (container.duration or 0) / av.time_base

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.pictures[0].shape[:2]
        assert (width, height) == (self.result["outputWidth"], self.result["outputHeight"])
        return width, height


def presenter(tmp_path: Path) -> list[NDArray[np.uint8]]:
    """Return two seconds of somebody upright before a phone that is held upright."""
    path = tmp_path / "presenter.mp4"
    recipe = TextToVideoRecipe(prompt="", seconds=2, quality=360, aspect_ratio="9:16", seed=0)
    recipe.render(path, FULL)
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").astype(np.uint8) for frame in container.decode(video=0)]


def mouth(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the part of the face in which the mouth opens."""
    height, width = picture.shape[:2]
    unit = min(width, height)
    row, column, reach = int(height * MOUTH_Y), int(width * MOUTH_X), int(0.06 * unit)
    return picture[row - reach // 2 : row + reach, column - reach : column + reach]


def test_a_lip_sync_of_a_portrait_phone_video_is_upright_with_the_mouth_in_the_face(
    api: Caller, pixverse_emulator: EmulatorControl, tmp_path: Path, script: Path
) -> None:
    pixverse_emulator.settings(render="full")
    upright = presenter(tmp_path)
    stored = write_phone_video(tmp_path / "IMG_0001.MOV", upright, fps=12, container="mov")
    with av.open(str(stored)) as container:
        assert container.streams.video[0].width > container.streams.video[0].height, "it is stored sideways"
    body = {"video_media_id": api.upload(stored), "audio_media_id": api.upload(script)}
    made = Made(api, tmp_path, LIP_SYNC, body)
    assert made.size == (360, 640)
    dark = []
    for picture, source in zip(made.pictures, upright, strict=False):
        assert np.abs(picture[:250].astype(int) - source[:250]).mean() < 6, (
            "hair and eyes are where they were"
        )
        dark.append(float((mouth(picture).mean(axis=2) < 90).mean()))
    assert max(dark) > 0.1 > 0.03 > min(dark)
    assert not any((mouth(source).mean(axis=2) < 90).mean() > 0.02 for source in upright)


EDITS: Final[dict[str, dict[str, Any]]] = {
    LIP_SYNC: {"lip_sync_tts_speaker_id": "7", "lip_sync_tts_content": "hello"},
    "/video/restyle/generate": {"restyle_prompt": "clay"},
    "/video/extend/generate": CLIP,
    "/video/sound_effect/generate": {"sound_effect_content": "rain"},
    "/video/modify/generate": {"prompt": "make it rain", "quality": "360p"},
    "/video/mimic/generate": {"quality": "360p", "img_id": ...},
    "/video/swap/generate": {"quality": "360p", "img_id": ..., "mask_id": ..., "keyframe_id": 1},
}
UNCHANGED: Final = (LIP_SYNC, "/video/extend/generate", "/video/sound_effect/generate")
"""Edits after which the corners of the first picture have their colours."""


@pytest.mark.parametrize("turn", [PORTRAIT, TURNS[2], TURNS[3], TURNS[4]], ids=lambda turn: turn.name)
@pytest.mark.parametrize("path", EDITS)
def test_every_edit_of_a_phone_video_is_upright(api: Caller, tmp_path: Path, path: str, turn: Turn) -> None:
    video = api.upload(write_phone_video(tmp_path / "a.mp4", [quarters(72, 128)] * 10, turn))
    body = {**EDITS[path], "video_media_id": video}
    if "mask_id" in body:
        found = api.submit("/video/mask/selection", {"video_media_id": video, "keyframe_id": 1})["Resp"]
        body["mask_id"] = found["mask_info"][0]["mask_id"]
    if "img_id" in body:
        Image.new("RGB", (40, 40), RED).save(tmp_path / "a.png")
        body["img_id"] = api.upload_image(tmp_path / "a.png")
    made = Made(api, tmp_path, path, body)
    width, height = made.size
    assert width / height == pytest.approx(72 / 128, rel=0.02)
    if path in UNCHANGED:
        assert shows_quarters(made.pictures[0])
    if path == "/video/swap/generate":
        corners = [made.pictures[0][y, x].astype(int) for y, x in ((4, 4), (4, width - 5), (-5, 4))]
        assert all(
            np.abs(seen - colour).max() < 60
            for seen, colour in zip(corners, ((220, 20, 20), (20, 200, 20), (20, 20, 220)), strict=True)
        )


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn.name)
def test_the_pictures_of_a_mask_selection_are_upright(api: Caller, tmp_path: Path, turn: Turn) -> None:
    video = api.upload(write_phone_video(tmp_path / "a.mp4", [quarters(72, 128)] * 10, turn))
    found = api.submit("/video/mask/selection", {"video_media_id": video, "keyframe_id": 10})["Resp"]
    shown = Image.open(BytesIO(requests.get(found["keyframe_url"], timeout=60).content)).convert("RGB")
    assert shown.size == (72, 128)
    assert shows_quarters(np.asarray(shown))
    for mask in found["mask_info"]:
        assert Image.open(BytesIO(requests.get(mask["mask_url"], timeout=60).content)).size == (72, 128)


def test_a_result_has_square_pixels_and_the_proportions_of_its_source(api: Caller, tmp_path: Path) -> None:
    path = write_recording(tmp_path / "pal.mp4", [quarters(180, 144)] * 10, stretch=Fraction(64, 45))
    made = Made(api, tmp_path, LIP_SYNC, {**EDITS[LIP_SYNC], "video_media_id": api.upload(path)})
    assert made.size == (256, 144)
    assert made.sample_aspect_ratio == 1
    assert shows_quarters(made.pictures[0])


def test_size_and_quality_are_those_that_are_seen(api: Caller, tmp_path: Path) -> None:
    def upload(stored: tuple[int, int], stretch: Fraction, turn: Turn = TURNS[0]) -> dict[str, Any]:
        path = write_phone_video(tmp_path / "a.mp4", [quarters(*stored)] * 2, turn, stretch=stretch)
        answer: dict[str, Any] = api.post("/media/upload", files={"file": path.read_bytes()}).json()
        return answer

    assert upload((1440, 1080), Fraction(4, 3))["ErrCode"] == 0
    assert upload((1080, 1920), Fraction(1), PORTRAIT)["ErrCode"] == 0
    refused = upload((1920, 1080), Fraction(4, 3))
    assert (refused["ErrCode"], refused["ErrMsg"]) == (400017, "video over 1920 px on a side")
    # 540 pixels high as it is stored, 720 as it is seen.
    wide = upload((720, 540), Fraction(3, 4))["Resp"]["media_id"]
    body = {"video_media_id": wide, "restyle_prompt": "clay"}
    assert (
        api.result(api.submit("/video/restyle/generate", body)["Resp"]["video_id"])["resolution_ratio"] == 720
    )


@pytest.mark.parametrize("announced", [0.3, 7.0, 7200.0])
def test_what_is_paid_for_is_what_is_there_not_what_the_header_says(
    api: Caller, tmp_path: Path, announced: float
) -> None:
    path = write_recording(tmp_path / "a.webm", [quarters(64, 36)] * 30, "libvpx-vp9")
    video = api.upload(write_header_length(path, announced))
    body = {"video_media_id": video, "restyle_prompt": "clay"}
    made = Made(api, tmp_path, "/video/restyle/generate", body)
    assert made.seconds == pytest.approx(3.0, abs=0.1)
    assert made.credits == 3 * 10


def test_an_extend_goes_on_from_the_last_picture_though_the_sound_is_longer(
    api: Caller, tmp_path: Path
) -> None:
    pictures = [np.full((36, 64, 3), level, dtype=np.uint8) for level in (*[0] * 9, 255)]
    sound = np.full(48_000 * 3 // 2, 0.2, dtype=np.float32)
    video = api.upload(write_recording(tmp_path / "a.mp4", pictures, sound=sound))
    made = Made(api, tmp_path, "/video/extend/generate", {**CLIP, "video_media_id": video})
    assert made.pictures[0].mean() < 10
    assert made.pictures[-1][:20].mean() > 240


def test_the_sound_of_an_edit_stays_with_its_pictures(api: Caller, tmp_path: Path) -> None:
    pictures = [np.full((36, 64, 3), 255 * (n >= 10), dtype=np.uint8) for n in range(20)]
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)).astype(np.float32)
    # A flash and a tone after a second, by a clock that stands at an hour.
    times = [3600 + n / 10 for n in range(20)]
    path = write_recording(tmp_path / "a.mp4", pictures, times=times, sound=tone, sound_starts=3601.0)
    made = Made(
        api,
        tmp_path,
        "/video/sound_effect/generate",
        {"video_media_id": api.upload(path), "sound_effect_content": "x", "original_sound_switch": True},
    )
    bright = next(index for index, picture in enumerate(made.pictures) if picture.mean() > 128)
    assert bright / 12 == pytest.approx(1.0, abs=0.1)
    sound = read_audio(made.file)
    spectrum = [
        np.abs(np.fft.rfft(sound[start : start + SAMPLE_RATE // 2]))[215:226].max()
        for start in (SAMPLE_RATE // 4, 5 * SAMPLE_RATE // 4)
    ]
    assert spectrum[1] > 5 * spectrum[0]


def exif(orientation: int) -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = orientation
    return made


@pytest.mark.parametrize("name", ["JPEG", "MPO", "PNG", "WEBP"])
def test_a_photograph_is_upright_in_every_job_that_takes_one(api: Caller, tmp_path: Path, name: str) -> None:
    stored = Image.fromarray(np.ascontiguousarray(PORTRAIT.stored(quarters(72, 128))))
    more: dict[str, Any] = {"save_all": True, "append_images": [stored]} if name == "MPO" else {}
    stored.save(tmp_path / "photo.jpg", name, exif=exif(PORTRAIT.exif), **more)
    photo = api.upload_image(tmp_path / "photo.jpg")
    made = Made(api, tmp_path, "/video/img/generate", {**CLIP, "img_id": photo})
    assert made.size == (144, 256)
    assert shows_quarters(made.pictures[0])
    body = {**CLIP, "first_frame_img": photo, "last_frame_img": photo}
    assert shows_quarters(Made(api, tmp_path, "/video/transition/generate", body).pictures[-1][:240])
    body = {
        **CLIP,
        "aspect_ratio": "9:16",
        "image_references": [{"type": "background", "img_id": photo, "ref_name": "photo"}],
    }
    fusion = Made(api, tmp_path, "/video/fusion/generate", body).pictures[0]
    assert np.abs(fusion[3, 3].astype(int) - (220, 20, 20)).max() < 60
    assert np.abs(fusion[3, -4].astype(int) - (20, 200, 20)).max() < 60


# With what each costs: joined, the two are a little longer than two seconds.
SOUNDS: Final[dict[str, tuple[Callable[[Path], bytes], int]]] = {
    "joined mp3": (lambda folder: 2 * (id3(title()) + mp3(folder) + ID3V1), 12),
    "mp3 with a broken cover": (lambda folder: id3(cover(b"\x89PNG", b"image/png")) + mp3(folder, 2.0), 8),
    "joined aac": (lambda folder: 2 * (id3(title()) + adts(folder)), 12),
}


@pytest.mark.parametrize("what", SOUNDS)
def test_a_lip_sync_speaks_all_of_a_joined_or_tagged_sound(api: Caller, tmp_path: Path, what: str) -> None:
    make, price = SOUNDS[what]
    (tmp_path / "sound").write_bytes(make(tmp_path))
    video = api.upload(write_recording(tmp_path / "a.mp4", [quarters(64, 36)] * 5))
    body = {"video_media_id": video, "audio_media_id": api.upload(tmp_path / "sound")}
    made = Made(api, tmp_path, LIP_SYNC, body)
    assert made.seconds == pytest.approx(2.05, abs=0.1)
    assert made.credits == price
    sound = read_audio(made.file)
    loud = [float(np.abs(sound[int(at * SAMPLE_RATE) :][:4000]).max()) for at in (0.3, 1.3)]
    assert min(loud) > 0.2


@pytest.mark.parametrize("size", [(2, 2), (1, 1), (65, 37), (1919, 3), (3, 1919)])
@pytest.mark.parametrize("path", [LIP_SYNC, "/video/restyle/generate", "/video/extend/generate"])
def test_no_size_of_a_video_is_too_odd(api: Caller, tmp_path: Path, path: str, size: tuple[int, int]) -> None:
    pictures = [np.zeros((size[1], size[0], 3), dtype=np.uint8)] * 5
    video = api.upload(write_recording(tmp_path / "a.webm", pictures, "libvpx"))
    made = Made(api, tmp_path, path, {**EDITS[path], "video_media_id": video})
    assert all(side % 2 == 0 for side in made.size)
