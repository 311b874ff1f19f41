"""Videos are read as players play them."""

from __future__ import annotations

import struct
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from PIL import Image

from pixverse_provider.emulator.render import reading
from pixverse_provider.emulator.render.reading import (
    examine,
    first_frames,
    loop_frames,
    own_sound,
    probe,
    read_audio,
    take_keyframe,
)
from pixverse_provider.emulator.render.video import SAMPLE_RATE
from tests.unit.emulator.recordings import (
    RED,
    TURNS,
    Turn,
    box,
    quarters,
    shows_quarters,
    write_header_length,
    write_joined,
    write_phone_video,
    write_recording,
)
from tests.unit.emulator.samples import write_audio

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pixverse_provider.emulator.render.video import Samples

LANDSCAPE, UPRIGHT = (64, 36), (36, 64)


def fade(count: int, size: tuple[int, int] = LANDSCAPE) -> list[NDArray[np.uint8]]:
    """Return pictures from black to white."""
    return [
        np.full((size[1], size[0], 3), n * 255 // max(1, count - 1), dtype=np.uint8) for n in range(count)
    ]


def hum(seconds: float) -> Samples:
    """Return a loud tone at 48 kHz."""
    return (0.5 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * 48_000)) / 48_000)).astype(np.float32)


def shown(path: Path, *, size: tuple[int, int] | None = None, fps: float = 10, count: int = 1) -> list[Any]:
    return list(
        first_frames(path, size=size or examine(path, most=60).size or LANDSCAPE, fps=fps, count=count)
    )


def brightness(pictures: list[Any]) -> list[int]:
    return [round(float(picture.mean())) for picture in pictures]


def loud_from(sound: Samples) -> float:
    """Return the second at which something is heard first."""
    return int(np.argmax(np.abs(sound) > 0.1)) / SAMPLE_RATE


def loud_until(sound: Samples) -> float:
    return (len(sound) - int(np.argmax(np.abs(sound[::-1]) > 0.1))) / SAMPLE_RATE


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn.name)
@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
def test_a_video_is_upright_however_the_phone_was_held(tmp_path: Path, turn: Turn, name: str) -> None:
    path = write_phone_video(tmp_path / name, [quarters(48, 64)] * 3, turn)
    assert examine(path, most=60).size == probe(path, most=25).size == (48, 64)
    assert all(shows_quarters(picture) for picture in shown(path, count=3))
    assert shows_quarters(shown(path, size=(96, 128))[0])
    assert shows_quarters(next(loop_frames(path, size=(48, 64), fps=10)))
    keyframe = take_keyframe(path, 2).picture
    assert keyframe is not None
    assert keyframe.size == (48, 64)
    assert shows_quarters(np.asarray(keyframe))


@pytest.mark.parametrize("turn", TURNS[:4], ids=lambda turn: turn.name)
def test_a_webm_is_upright_too(tmp_path: Path, turn: Turn) -> None:
    a, b, c, d = (part << 16 for part in turn.matrix)
    stored = [turn.stored(quarters(48, 64))] * 2
    path = write_recording(
        tmp_path / "a.webm", stored, "libvpx-vp9", matrix=[a, b, 0, c, d, 0, 0, 0, 1 << 30]
    )
    assert examine(path, most=60).size == (48, 64)
    assert shows_quarters(shown(path)[0])


@pytest.mark.parametrize("turn", TURNS[:4], ids=lambda turn: turn.name)
def test_a_camera_that_writes_jpegs_into_a_mov_turns_each_by_its_exif(tmp_path: Path, turn: Turn) -> None:
    path = tmp_path / "a.mov"
    exif = Image.Exif()
    exif[0x0112] = turn.exif
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("mjpeg", rate=10)
        stored = Image.fromarray(np.ascontiguousarray(turn.stored(quarters(48, 64))))
        stream.width, stream.height = stored.size
        stream.pix_fmt = "yuvj420p"
        for index in range(5):
            stored.save(tmp_path / "a.jpg", quality=95, exif=exif)
            packet = av.Packet((tmp_path / "a.jpg").read_bytes())
            packet.stream, packet.pts, packet.dts, packet.duration = stream, index, index, 1
            packet.time_base = Fraction(1, 10)
            output.mux(packet)
    assert examine(path, most=60).size == (48, 64)
    assert shows_quarters(shown(path)[0])


@pytest.mark.parametrize(
    ("stretch", "stored", "size"),
    [
        (Fraction(16, 11), (352, 288), (512, 288)),
        (Fraction(4, 3), (1440, 1080), (1920, 1080)),
        (Fraction(8, 9), (72, 48), (72, 54)),
        (Fraction(1, 1), (64, 36), (64, 36)),
    ],
)
def test_pixels_that_are_wider_than_high_are_made_square(
    tmp_path: Path, stretch: Fraction, stored: tuple[int, int], size: tuple[int, int]
) -> None:
    path = write_recording(tmp_path / "a.mp4", [quarters(*stored)] * 2, stretch=stretch)
    assert examine(path, most=60).size == size
    assert shown(path)[0].shape[:2] == (size[1], size[0])
    keyframe = take_keyframe(path, 1).picture
    assert keyframe is not None
    assert keyframe.width / keyframe.height == pytest.approx(size[0] / size[1], rel=0.01)


def test_a_container_alone_may_say_how_wide_a_pixel_is(tmp_path: Path) -> None:
    path = write_recording(
        tmp_path / "a.mov",
        [quarters(96, 64)] * 2,
        "prores_ks",
        pixels="yuv422p10le",
        stretch=Fraction(4, 3),
    )
    assert b"pasp" in path.read_bytes()
    assert examine(path, most=60).size == (128, 64)


def test_wide_pixels_of_a_video_that_is_turned_are_high_ones(tmp_path: Path) -> None:
    path = write_phone_video(tmp_path / "a.mp4", [quarters(48, 64)] * 2, stretch=Fraction(2, 1))
    assert examine(path, most=60).size == (48, 128)
    assert shows_quarters(shown(path)[0])


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "size"),
    [
        ("a.mp4", "libx264", "yuv420p", (64, 36)),
        ("a.mp4", "libx264", "yuv420p10le", (64, 36)),
        ("a.mp4", "libx264", "yuv444p", (65, 37)),
        ("a.mp4", "libx264", "yuvj420p", (64, 36)),
        ("a.mov", "libx265", "yuv420p10le", (64, 36)),
        ("a.mp4", "libsvtav1", "yuv420p10le", (96, 66)),
        ("a.webm", "libvpx", "yuv420p", (65, 37)),
        ("a.webm", "libvpx-vp9", "yuv420p", (65, 37)),
        ("a.webm", "libvpx-vp9", "yuva420p", (64, 36)),
        ("a.mov", "prores_ks", "yuv422p10le", (64, 36)),
        ("a.mov", "mjpeg", "yuvj422p", (65, 37)),
    ],
)
def test_every_codec_that_can_be_decoded(
    tmp_path: Path, name: str, codec: str, pixels: str, size: tuple[int, int]
) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {codec}")
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    path = write_recording(
        tmp_path / name, [quarters(*size)] * 10, codec, pixels=pixels, codec_options=options
    )
    found = examine(path, most=60)
    assert found.size == size
    assert found.seconds == pytest.approx(1.0, abs=0.01)
    assert shows_quarters(shown(path)[0])


def test_pictures_come_in_their_order_where_they_are_stored_in_another(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.mp4", fade(20), codec_options={"bf": "4", "b-adapt": "0"})
    seen = brightness(shown(path, count=20))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == pytest.approx((0, 255), abs=4)


@pytest.mark.parametrize("late", [0.5, 10.0, 36_000.0])
def test_a_video_that_begins_late_by_its_own_clock_begins_at_once(tmp_path: Path, late: float) -> None:
    times = [late + n / 10 for n in range(10)]
    for path, codec in ((tmp_path / "a.mp4", "libx264"), (tmp_path / "a.webm", "libvpx-vp9")):
        write_recording(path, fade(10), codec, times=times)
        assert examine(path, most=60).seconds == pytest.approx(1.0, abs=0.01)
        assert brightness(shown(path, count=10)) == pytest.approx([n * 255 // 9 for n in range(10)], abs=6)


def test_what_an_edit_list_cuts_off_is_neither_seen_nor_paid_for(tmp_path: Path) -> None:
    # Times before zero are stored, and an edit list says that they are not shown.
    times = [-0.5 + n / 10 for n in range(15)]
    path = write_recording(tmp_path / "a.mp4", fade(15), times=times)
    assert examine(path, most=60).seconds == pytest.approx(1.0, abs=0.01)
    assert shown(path)[0].mean() == pytest.approx(5 * 255 / 14, abs=6)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 15, "all are in the file"


def test_an_edit_list_may_cut_off_the_end(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.mp4", fade(20), codec_options={"bf": "3", "b-adapt": "0"})
    content = bytearray(path.read_bytes())
    # The length of the one edit, in thousandths.
    struct.pack_into(">I", content, content.index(b"elst") + 12, 1050)
    path.write_bytes(content)
    assert examine(path, most=60).seconds == 1.05
    assert brightness(shown(path, count=15))[10:] == pytest.approx([10 * 255 / 19] * 5, abs=6)


def test_sound_that_begins_after_the_pictures_stays_where_it_is(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.mp4", fade(20), sound=hum(1.0), sound_starts=0.75)
    sound = read_audio(path)
    assert loud_from(sound) == pytest.approx(0.75, abs=0.03)
    assert loud_until(sound) == pytest.approx(1.75, abs=0.05)
    assert examine(path, most=60).seconds == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("late", [0.0, 3600.0])
def test_pictures_that_begin_after_the_sound_stay_where_they_are(tmp_path: Path, late: float) -> None:
    times = [late + 0.5 + n / 10 for n in range(10)]
    path = write_recording(
        tmp_path / "a.mp4", fade(10), times=times, sound=hum(1.5), sound_starts=late, fps=10
    )
    assert examine(path, most=60).seconds == pytest.approx(1.5, abs=0.05)
    seen = brightness(shown(path, count=15))
    assert seen[:6] == pytest.approx([0] * 6, abs=6), "the first is seen until the second is due"
    assert seen[9] == pytest.approx(4 * 255 / 9, abs=30)
    assert loud_from(read_audio(path)) == pytest.approx(0.0, abs=0.05)


def test_each_picture_is_shown_for_its_time(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.2, 1.2, 1.3]
    path = write_recording(tmp_path / "a.mp4", fade(5), times=times)
    levels = [n * 255 / 4 for n in (0, 1, *[2] * 10, 3, 4)]
    assert brightness(shown(path, count=14)) == pytest.approx(levels, abs=6)


def test_after_the_last_picture_it_stands_still_and_a_loop_begins_again(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.mp4", fade(10), sound=hum(1.5))
    assert examine(path, most=60).seconds == pytest.approx(1.5, abs=0.05), "the sound goes on"
    assert brightness(shown(path, count=15))[9:] == pytest.approx([255] * 6, abs=6)
    looped = brightness(list(islice(loop_frames(path, size=LANDSCAPE, fps=10), 15)))
    assert looped[10:] == pytest.approx(looped[:5], abs=1)


def test_a_fragmented_mp4_is_read_to_its_end(tmp_path: Path) -> None:
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    path = write_recording(tmp_path / "a.mp4", fade(20), options=options, codec_options={"g": "5", "bf": "0"})
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 0, "the header says nothing"
    assert examine(path, most=60).seconds == pytest.approx(2.0, abs=0.01)
    assert brightness(shown(path, count=20))[-1] == pytest.approx(255, abs=4)


def test_a_browser_s_recording_says_no_length(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.webm", fade(20), "libvpx-vp9", options={"live": "1"}, sound=hum(2.0))
    with av.open(str(path)) as container:
        assert container.duration is None
    assert examine(path, most=60).seconds == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("announced", [0.0, 0.2, 3.0, 7200.0])
@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.webm", "libvpx-vp9")])
def test_the_length_is_measured_where_the_header_lies(
    tmp_path: Path, name: str, codec: str, announced: float
) -> None:
    path = write_recording(tmp_path / name, fade(20), codec)
    assert examine(write_header_length(path, announced), most=60).seconds == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize("first", ["cover", "real"])
def test_a_cover_is_not_taken_for_the_video(tmp_path: Path, first: str) -> None:
    still = [np.full((64, 64, 3), 200, dtype=np.uint8)]
    path = tmp_path / "a.mp4"
    write_recording(tmp_path / "cover.mov", still, "mjpeg", pixels="yuvj420p")
    write_recording(tmp_path / "real.mov", fade(10))
    with av.open(str(path), "w") as output:
        names = ("cover.mov", "real.mov") if first == "cover" else ("real.mov", "cover.mov")
        inputs = [av.open(str(tmp_path / name)) for name in names]
        streams = [output.add_stream_from_template(container.streams.video[0]) for container in inputs]
        for container, stream in zip(inputs, streams, strict=True):
            for packet in container.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    output.mux(packet)
            container.close()
    found = examine(path, most=60)
    assert found.size == LANDSCAPE
    assert found.seconds == pytest.approx(1.0, abs=0.01)
    assert brightness(shown(path, count=10))[-1] == pytest.approx(255, abs=4)


@pytest.mark.parametrize("kind", [b"\x00\x00\x00\x0d", b"\x00\x00\x00\x0e"])
@pytest.mark.parametrize("whole", [True, False])
def test_an_m4a_with_a_cover_is_audio(tmp_path: Path, kind: bytes, whole: bool) -> None:
    plain = write_audio(tmp_path / "a.m4a", "aac", seconds=1.0, container="ipod").read_bytes()
    name = "JPEG" if kind.endswith(b"\x0d") else "PNG"
    Image.new("RGB", (300, 300), RED).save(tmp_path / "cover", name)
    picture = (tmp_path / "cover").read_bytes()
    data = box(b"data", kind + bytes(4) + (picture if whole else picture[:30]))
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    meta = box(b"meta", bytes(4) + handler + box(b"ilst", box(b"covr", data)))
    # The index is at the end, so that nothing that it points at moves.
    place = plain.index(b"moov") - 4
    moov = plain[place + 8 : place + int.from_bytes(plain[place : place + 4], "big")]
    head = moov[: moov.index(b"trak") - 4]
    tracks = moov[len(head) : moov.index(b"udta") - 4] if b"udta" in moov else moov[len(head) :]
    # Before the track, so that the cover is the first of the streams.
    (tmp_path / "a.m4a").write_bytes(plain[:place] + box(b"moov", head + box(b"udta", meta) + tracks))
    with av.open(str(tmp_path / "a.m4a")) as container:
        assert len(container.streams.video) == 1, "FFmpeg takes the cover for a video"
    found = examine(tmp_path / "a.m4a", most=60)
    assert found.size is None
    assert found.seconds == pytest.approx(1.0, abs=0.05)


def test_a_video_without_sound_and_one_whose_sound_cannot_be_decoded_are_silent(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.mp4", fade(10))
    assert own_sound(path) is None
    path = write_recording(tmp_path / "b.mp4", fade(10), sound=hum(1.0))
    assert own_sound(path) is not None
    path.write_bytes(path.read_bytes().replace(b"mp4a", b"zzzz").replace(b"esds", b"free"))
    assert own_sound(path) is None
    assert examine(path, most=60).size == LANDSCAPE


def test_a_damaged_picture_does_not_end_the_video(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (20, 36, 64, 3), dtype=np.uint8)
    path = write_recording(tmp_path / "a.mp4", noise, codec_options={"g": "1"})
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    for place, size in places[5:8]:
        assert place is not None
        content[place : place + size] = bytes(size)
    path.write_bytes(content)
    assert examine(path, most=60).seconds == pytest.approx(2.0, abs=0.01)
    assert len(shown(path, count=20)) == 20


@pytest.mark.parametrize("bound", [None, 10_000])
def test_a_picture_that_grows_on_the_way_is_scaled_or_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: int | None
) -> None:
    small = [np.full((64, 64, 3), 200, dtype=np.uint8)] * 5
    large = [np.full((256, 256, 3), 100, dtype=np.uint8)] * 5
    later = [0.5 + n / 10 for n in range(5)]
    path = write_joined(
        tmp_path / "a.webm",
        write_recording(tmp_path / "small.webm", small, "libvpx-vp9"),
        write_recording(tmp_path / "large.webm", large, "libvpx-vp9", times=later),
    )
    if bound is not None:
        # Of how many pixels room is made for.
        monkeypatch.setattr(reading, "_MOST_PIXELS", bound)
    assert examine(path, most=60).size == (64, 64)
    seen = brightness(shown(path, count=10))
    assert seen == pytest.approx([200] * 5 + [200 if bound else 100] * 5, abs=6)


def test_a_script_that_names_another_file_is_not_followed(tmp_path: Path) -> None:
    write_recording(tmp_path / "other.mp4", fade(10))
    script = tmp_path / "upload"
    for text in ("ffconcat version 1.0\nfile other.mp4\n", "#EXTM3U\n#EXTINF:9,\nother.mp4\n"):
        script.write_text(text)
        with pytest.raises(av.FFmpegError):
            examine(script, most=60)
