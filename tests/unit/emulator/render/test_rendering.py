"""What is rendered is what a player, and a user, expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
import requests

from pixverse_provider.emulator.render.drawing import MOUTH_X, MOUTH_Y
from pixverse_provider.emulator.render.edited_clips import LipSyncRecipe
from pixverse_provider.emulator.render.new_clips import TextToVideoRecipe
from pixverse_provider.emulator.render.pool import FULL, SMALL, File, describe
from pixverse_provider.emulator.render.presenter import mouth_shapes
from pixverse_provider.emulator.render.reading import loop_frames, read_audio
from pixverse_provider.emulator.render.sound import VOICES, find_voice, speak
from pixverse_provider.emulator.render.video import SAMPLE_RATE
from tests.unit.emulator.caller import LIP_SYNC
from tests.unit.emulator.samples import tone, write_audio, write_video

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pixverse_provider.emulator.client import EmulatorControl
    from pixverse_provider.emulator.render.pool import Recipe
    from pixverse_provider.emulator.render.video import Samples
    from tests.unit.emulator.caller import Caller

VOICE = find_voice("7")


def render(recipe: Recipe, tmp_path: Path, profile: object = SMALL) -> Path:
    path = tmp_path / "clip.mp4"
    recipe.render(path, FULL if profile is FULL else SMALL)
    return path


def file(path: Path) -> File:
    return File(path, digest="")


def boat(**changes: object) -> TextToVideoRecipe:
    fields = {"prompt": "a boat", "seconds": 5, "quality": 540, "aspect_ratio": "16:9", "seed": 3, **changes}
    return TextToVideoRecipe(**fields)  # type: ignore[arg-type]


def loudness(audio: Samples, parts: int = 60) -> NDArray[np.float64]:
    cut = audio[: len(audio) // parts * parts].reshape(parts, -1).astype(np.float64)
    return np.asarray(np.sqrt(np.mean(np.square(cut), axis=1)))


def mouth_darkness(path: Path) -> NDArray[np.float64]:
    """Return for each picture how much of the region of the mouth is dark, as an open mouth is."""
    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            pixels = frame.to_ndarray(format="gray")
            height, width = pixels.shape
            unit = min(width, height)
            row, column = int(height * MOUTH_Y + 0.015 * unit), int(width * MOUTH_X)
            reach = int(0.03 * unit)
            region = pixels[row - reach // 2 : row + reach, column - reach : column + reach]
            found.append(float((region < 90).mean()))
    return np.array(found)


def test_a_clip_is_a_file_that_every_browser_plays(tmp_path: Path) -> None:
    path = render(boat(music=True), tmp_path)
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (audio.codec_context.name, audio.codec_context.sample_rate) == ("aac", SAMPLE_RATE)
        assert sum(1 for _ in container.decode(video)) == 60
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "the index comes first"


@pytest.mark.parametrize(
    ("quality", "aspect_ratio", "size"),
    [
        (540, "16:9", (960, 540)),
        (540, "9:16", (540, 960)),
        (360, "1:1", (360, 360)),
        (360, "21:9", (840, 360)),
    ],
)
def test_a_clip_has_the_size_and_length_that_was_asked_for(
    tmp_path: Path, quality: int, aspect_ratio: str, size: tuple[int, int]
) -> None:
    clip = describe(render(boat(quality=quality, aspect_ratio=aspect_ratio, seconds=1), tmp_path, FULL))
    assert (clip.width, clip.height) == size
    assert clip.seconds == pytest.approx(1.0, abs=0.02)
    assert not clip.has_audio


def test_a_large_clip_is_scaled_and_the_result_says_so(api: Caller) -> None:
    result = api.result(api.boat(quality="1080p"))
    assert (result["outputWidth"], result["outputHeight"], result["resolution_ratio"]) == (256, 144, 1080)


def test_a_clip_moves_and_shows_its_prompt(tmp_path: Path) -> None:
    with_prompt = list(_pictures(render(boat(seconds=1), tmp_path)))
    assert np.abs(with_prompt[0].astype(int) - with_prompt[-1]).mean() > 1
    other = list(_pictures(render(boat(seconds=1, prompt="a train " * 300), tmp_path)))
    caption = slice(int(0.75 * other[0].shape[0]), None)
    assert np.abs(with_prompt[0][caption].astype(int) - other[0][caption]).mean() > 5


def test_the_prompt_may_be_of_any_script(tmp_path: Path) -> None:
    for prompt in ("纸船在平静的河上" * 20, "x" * 2048, "🚣", "\u202e\n\x07 "):
        assert describe(render(boat(seconds=1, prompt=prompt), tmp_path)).seconds == pytest.approx(
            1, abs=0.02
        )


def test_a_lip_sync_carries_its_audio_and_is_as_long(tmp_path: Path, presenter: Path, script: Path) -> None:
    recipe = LipSyncRecipe(video=file(presenter), audio=file(script))
    path = render(recipe, tmp_path)
    given, carried = read_audio(script), read_audio(path)
    assert len(carried) == pytest.approx(len(given), abs=2 * 1024)
    length = min(len(given), len(carried))
    assert np.corrcoef(given[:length], carried[:length])[0, 1] > 0.98
    assert describe(path).seconds == pytest.approx(len(given) / SAMPLE_RATE, abs=0.1)


def test_the_mouth_moves_with_the_loudness(tmp_path: Path, presenter: Path, script: Path) -> None:
    path = render(LipSyncRecipe(video=file(presenter), audio=file(script)), tmp_path, FULL)
    dark = mouth_darkness(path)
    loud = np.interp(np.linspace(0, 1, len(dark)), np.linspace(0, 1, 60), loudness(read_audio(script)))
    assert np.corrcoef(dark, loud)[0, 1] > 0.6
    assert mouth_darkness(presenter).max() < 0.05 < dark.max()


def test_a_mouth_is_closed_in_a_pause(tmp_path: Path, presenter: Path) -> None:
    audio = write_audio(tmp_path / "a.wav", "pcm_s16le", seconds=3.0)
    dark = mouth_darkness(render(LipSyncRecipe(video=file(presenter), audio=file(audio)), tmp_path, FULL))
    half = len(dark) // 6
    assert dark[2 : half - 2].min() > 0.15
    assert dark[half + 3 : 2 * half - 2].max() < 0.05


def test_a_short_source_starts_again_and_a_long_one_is_cut(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", seconds=1.0, fps=10)
    brightness = []
    for pixels, _ in zip(loop_frames(video, size=(64, 36), fps=10), range(25), strict=False):
        brightness.append(float(pixels.mean()))
    assert brightness[:10] == pytest.approx(brightness[10:20], abs=1)
    assert brightness[0] < 10 < 240 < brightness[9]
    audio = write_audio(tmp_path / "a.wav", "pcm_s16le", seconds=0.5)
    cut = render(LipSyncRecipe(video=file(video), audio=file(audio)), tmp_path)
    assert describe(cut).seconds == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("fps", [5, 24, 60])
def test_a_source_of_another_frame_rate_keeps_its_pace(tmp_path: Path, fps: int) -> None:
    video = write_video(tmp_path / "v.mp4", seconds=2.0, fps=fps)
    frames = zip(loop_frames(video, size=(64, 36), fps=12), range(24), strict=False)
    brightness = [float(pixels.mean()) for pixels, _ in frames]
    assert brightness[11] == pytest.approx(255 / 2, abs=30)
    assert brightness == sorted(brightness)


def test_speech_follows_its_text_and_its_voice() -> None:
    assert VOICE is not None
    sentence = "Good morning, and welcome to the show."
    spoken = speak(sentence, VOICE)
    assert len(spoken) / SAMPLE_RATE == pytest.approx(len(sentence) / 15, rel=0.35)
    assert len(speak(sentence * 3, VOICE)) == pytest.approx(3 * len(spoken), rel=0.1)
    assert np.abs(spoken).max() == pytest.approx(0.8, abs=0.05)
    assert np.array_equal(spoken, speak(sentence, VOICE)), "the same words sound the same"
    pitches = {_pitch(speak("aaaaaaaaaaaaaaa", voice)) // 5 for voice in VOICES}
    assert len(pitches) > 8


def test_speech_pauses_where_the_text_does() -> None:
    assert VOICE is not None
    parts = loudness(speak("aaaaaaaaaa......aaaaaaaaaa", VOICE), 30)
    assert parts[13:17].max() < 0.05 * parts.max()


def test_any_text_can_be_spoken() -> None:
    assert VOICE is not None
    for text in ("你好世界", "12 345", "…—", "🚣"):
        assert len(speak(text, VOICE)) >= SAMPLE_RATE // 2 - 2


def test_silence_moves_no_mouth() -> None:
    still = mouth_shapes(np.zeros(SAMPLE_RATE, dtype=np.float32), 12, 12)
    assert [shape.open for shape in still] == [0.0] * 12
    moving = mouth_shapes(tone(2.0), 12, 24)
    assert moving[2].open > 0.8 > 0.1 > moving[9].open


def test_inline_speech_and_music_give_a_clip_its_sound(tmp_path: Path) -> None:
    spoken = render(boat(voice=VOICE, speech="hello " * 40), tmp_path)
    assert describe(spoken).has_audio
    assert len(read_audio(spoken)) == pytest.approx(5 * SAMPLE_RATE, abs=2048)


def test_equal_requests_share_a_file_and_other_ones_do_not(
    api: Caller, presenter: Path, script: Path
) -> None:
    video, audio = api.upload(presenter), api.upload(script)
    again = api.upload(presenter)
    etags = []
    for source in (video, again):
        resp = api.submit(LIP_SYNC, {"video_media_id": source, "audio_media_id": audio})["Resp"]
        etags.append(requests.head(api.result(resp["video_id"])["url"], timeout=60).headers["ETag"])
    assert etags[0] == etags[1]
    assert api.result(api.boat())["size"] != api.result(api.boat(prompt="a train"))["size"]


def test_a_placeholder_serves_every_job(api: Caller, pixverse_emulator: EmulatorControl) -> None:
    pixverse_emulator.settings(render="placeholder")
    assert api.result(api.boat())["size"] == api.result(api.boat(prompt="a train", duration=8))["size"]


def _pictures(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").astype(np.uint8) for frame in container.decode(video=0)]


def _pitch(audio: Samples) -> int:
    middle = audio[len(audio) // 4 : 3 * len(audio) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) ** 2
    # The distance of the harmonics: the period with which the sound is like itself.
    likeness = np.fft.irfft(spectrum)
    shortest, longest = SAMPLE_RATE // 300, SAMPLE_RATE // 70
    return int(SAMPLE_RATE / (shortest + int(np.argmax(likeness[shortest:longest]))))
