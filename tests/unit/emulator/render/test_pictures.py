"""Images are opened as browsers show them."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from PIL import Image

from pixverse_provider.emulator.account.uploads import inspect_image
from pixverse_provider.emulator.protocol import ApiError
from pixverse_provider.emulator.render.pictures import open_picture
from tests.unit.emulator.recordings import TURNS, Turn, box, quarters, shows_quarters, write_recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

UPRIGHT: Final = quarters(48, 64)
FORMATS: Final[dict[str, dict[str, Any]]] = {
    "jpeg": {"quality": 95},
    "png": {},
    "webp": {"lossless": True},
    "mpo": {"quality": 95},
}


def stored(turn: Turn) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(turn.stored(UPRIGHT)))


def exif(orientation: int) -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = orientation
    return made


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn.name)
@pytest.mark.parametrize("name", FORMATS)
def test_an_image_is_upright_however_the_camera_was_held(tmp_path: Path, turn: Turn, name: str) -> None:
    path = tmp_path / "upload"
    more: dict[str, Any] = {"save_all": True, "append_images": [stored(turn)]} if name == "mpo" else {}
    stored(turn).save(path, name, exif=exif(turn.exif), **FORMATS[name], **more)
    found = inspect_image(path)
    assert (found.width, found.height) == (48, 64)
    assert found.content_type == f"image/{'jpeg' if name == 'mpo' else name}"
    picture = open_picture(path)
    assert picture.size == (48, 64)
    assert shows_quarters(np.asarray(picture))


def test_a_large_image_is_upright_and_small(tmp_path: Path) -> None:
    turn = TURNS[1]
    large = Image.fromarray(np.ascontiguousarray(turn.stored(quarters(3000, 4000))))
    large.save(tmp_path / "a.jpg", exif=exif(turn.exif))
    picture = open_picture(tmp_path / "a.jpg")
    assert picture.size == (1200, 1600)
    assert shows_quarters(np.asarray(picture))
    found = inspect_image(tmp_path / "a.jpg")
    assert (found.width, found.height) == (3000, 4000)


def of_mode(mode: str) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        Image.fromarray(UPRIGHT).convert(mode).save(path, "JPEG" if mode == "CMYK" else "PNG")

    return save


def with_a_colour_left_out(path: Path) -> None:
    palette = Image.fromarray(UPRIGHT).quantize(16)
    palette.save(path, "PNG", transparency=255)


def animated(name: str) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        others = [Image.new("RGB", (48, 64))] * 3
        Image.fromarray(UPRIGHT).save(path, name, save_all=True, append_images=others, **FORMATS[name])

    return save


def sixteen_bits(kind: int) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        wide = UPRIGHT.astype(np.uint16) * 257
        if kind == 6:
            wide = np.dstack([wide, np.full(wide.shape[:2], 65535, np.uint16)])
        path.write_bytes(png(wide, kind))

    return save


def png(samples: NDArray[np.uint16], kind: int) -> bytes:
    """Return a PNG of 16 bits, which Pillow does not write in colour."""
    height, width = samples.shape[:2]
    rows = b"".join(b"\x00" + row.astype(">u2").tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (box(name, data + struct.pack(">I", zlib.crc32(name + data))) for name, data in parts)
    # The length counts the content alone.
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", int.from_bytes(piece[:4], "big") - 12) + piece[4:] for piece in chunks
    )


@pytest.mark.parametrize(
    "save",
    [
        of_mode("CMYK"),
        of_mode("P"),
        of_mode("RGBA"),
        with_a_colour_left_out,
        animated("webp"),
        animated("png"),
        sixteen_bits(2),
        sixteen_bits(6),
    ],
    ids=["CMYK", "palette", "RGBA", "transparent colour", "WebP", "APNG", "16 bits", "16 bits and alpha"],
)
def test_every_kind_of_colour_and_the_first_frame_of_an_animation(
    tmp_path: Path, save: Callable[[Path], None]
) -> None:
    save(tmp_path / "upload")
    inspect_image(tmp_path / "upload")
    assert shows_quarters(np.asarray(open_picture(tmp_path / "upload")))


@pytest.mark.parametrize("alpha", [False, True])
def test_a_grey_image_of_sixteen_bits_keeps_its_shades(tmp_path: Path, alpha: bool) -> None:
    shades = np.linspace(0, 65535, 64, dtype=np.uint16)[:, np.newaxis].repeat(48, axis=1)
    samples = np.dstack([shades, np.full_like(shades, 65535)]) if alpha else shades
    (tmp_path / "upload").write_bytes(png(samples, 4 if alpha else 0))
    inspect_image(tmp_path / "upload")
    seen = np.asarray(open_picture(tmp_path / "upload"))[:, 20, 0]
    assert np.abs(seen.astype(int) - shades[:, 0] // 256).max() <= 2


def test_the_video_behind_the_photograph_of_a_phone_does_not_matter(tmp_path: Path) -> None:
    Image.fromarray(UPRIGHT).save(tmp_path / "a.jpg", quality=95)
    video = write_recording(tmp_path / "a.mp4", [UPRIGHT] * 2).read_bytes()
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes() + video)
    assert inspect_image(tmp_path / "a.jpg").content_type == "image/jpeg"
    assert shows_quarters(np.asarray(open_picture(tmp_path / "a.jpg")))


def test_what_shines_through_is_grey(tmp_path: Path) -> None:
    Image.new("RGBA", (20, 20), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert open_picture(tmp_path / "a.png").getpixel((5, 5)) == (128, 128, 128)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nothing",
        b"Exif\x00\x00",
        b"Exif\x00\x00XX*\x00\x08\x00\x00\x00",
        b"Exif\x00\x00MM\x00*\xff\xff\xff\xff",
        b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06",
        b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x02\x00\x00\x00\x04six\x00",
        b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x05\x00\x00\x00\x01\x00\x00\x00\x00",
        b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x63\x00\x00",
    ],
)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data", "ignore:Truncated File Read")
def test_an_exif_that_cannot_be_read_turns_nothing(tmp_path: Path, data: bytes) -> None:
    Image.fromarray(UPRIGHT).save(tmp_path / "upload", "JPEG", quality=95, exif=data)
    found = inspect_image(tmp_path / "upload")
    assert (found.width, found.height) == (48, 64)
    assert shows_quarters(np.asarray(open_picture(tmp_path / "upload")))


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("name", ["jpeg", "png", "webp"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_damaged_image_is_shown_or_refused(tmp_path: Path, name: str, seed: int) -> None:
    path = tmp_path / "upload"
    Image.fromarray(UPRIGHT).save(path, name, exif=exif(6), **FORMATS[name])
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(8, len(content), 6):
        content[place] = rng.integers(0, 256)
    path.write_bytes(content)
    try:
        inspect_image(path)
    except ApiError:
        return
    assert max(open_picture(path).size) <= 1600
