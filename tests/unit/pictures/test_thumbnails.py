import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from darkroom.pictures import NotAPicture, Picture, PictureFormat, inspect, thumbnail

from .samples import PICTURES, canvas, encoded, pixels, png, png_chunk, png_header


def shown(data: bytes, edge: int = 256) -> Image.Image:
    small = thumbnail(data, edge)
    assert isinstance(small, bytes)
    image = Image.open(BytesIO(small))
    image.load()
    assert image.format == "WEBP"
    return image


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_has_a_thumbnail(name: str):
    small = thumbnail(PICTURES[name], edge=32)
    assert isinstance(small, bytes)
    alpha = inspect(PICTURES[name]).has_alpha
    assert inspect(small) == Picture(PictureFormat.WEBP, 32, 24, has_alpha=alpha)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_thumbnail_shows_the_picture(kind: str):
    left_red = Image.new("RGB", (1200, 600), "blue")
    left_red.paste("red", (0, 0, 600, 600))
    image = shown(encoded(left_red, kind)).convert("RGB")
    assert image.size == (256, 128)
    assert image.getpixel((30, 64)) == pytest.approx((254, 0, 0), abs=12)
    assert image.getpixel((220, 64)) == pytest.approx((0, 0, 254), abs=12)


def test_a_small_picture_is_not_enlarged():
    assert shown(PICTURES["png"]).size == (64, 48)


def test_a_sideways_photograph_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert shown(encoded(canvas(64, 48), "JPEG", exif=exif)).size == (48, 64)


def test_transparency_stays():
    assert shown(encoded(Image.new("RGBA", (9, 9), (0, 0, 0, 0)), "PNG")).getpixel((4, 4))[3] == 0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P"])
def test_every_mode_of_png(mode: str):
    assert shown(encoded(canvas(64, 48, mode), "PNG"), edge=32).size == (32, 24)


HOSTILE = {
    "nothing": b"",
    "bomb": png(png_header(60_000, 60_000), pixels(1, 1)),
    "no deflate stream": png(png_header(3, 2), png_chunk(b"IDAT", b"junk")),
    "too few pixels": png(png_header(3000, 2000), pixels(3, 2)),
    "exploding text": png(
        png_header(3, 2),
        png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000_000))),
        pixels(3, 2),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_picture_has_none_and_raises_nothing(name: str):
    assert isinstance(thumbnail(HOSTILE[name]), NotAPicture)


@given(
    st.sampled_from(sorted(PICTURES)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=20),
)
def test_damage_raises_nothing(name: str, changes: list[tuple[float, int]]):
    damaged = bytearray(PICTURES[name])
    for position, change in changes:
        damaged[int(len(damaged) * position)] ^= change
    assert isinstance(thumbnail(bytes(damaged), edge=16), bytes | NotAPicture)
