import struct
import tracemalloc
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from darkroom.pictures import (
    NotAPicture,
    Picture,
    PictureFormat,
    check_mask,
    check_reference,
    inspect,
    mask_of_box,
)

from .samples import PICTURES, canvas, encoded, pixels, png, png_chunk, png_header

NO_ALPHA = (
    "a PNG without an alpha channel; "
    "save it as RGBA, transparent where the picture is to be redrawn"
)
FIX = "; hand in a whole PNG, JPEG or WebP of at most 200 million pixels"
ACCEPTED = sorted(name for name in PICTURES if not name.startswith("gif"))
FIRST = Picture(PictureFormat.JPEG, 64, 48, has_alpha=False)


@pytest.mark.parametrize("name", ACCEPTED)
@pytest.mark.parametrize("wrap", [bytes, memoryview])
def test_a_whole_picture_is_a_reference(name: str, wrap):
    assert check_reference(wrap(PICTURES[name])) == inspect(PICTURES[name])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "RGB", "RGBA"])
def test_every_kind_of_png(mode: str):
    assert isinstance(check_reference(encoded(Image.new(mode, (7, 5)), "PNG")), Picture)


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


FILM = box(b"ftyp", b"mp42\0\0\0\0mp42isom") + box(b"mdat", bytes(range(256)) * 8)
VENDOR_TRAILERS = {
    "Samsung": b"\0\0\1\x0a\x0e\0\0\0Image_UTC_Data1700000000000SEFH\x6b\0\0\0\1\0\0\0SEFT",
    "motion photo": FILM,
    "depth map and film": PICTURES["jpeg"] + FILM,
    "padded preview": bytes(512) + PICTURES["jpeg"],
    "preview cut off": PICTURES["jpeg"][:-300],
    "a lone marker": b"\xff\xd8",
    "a line feed": b"\n",
}


@pytest.mark.parametrize("name", VENDOR_TRAILERS)
@pytest.mark.parametrize("photo", ["jpeg", "jpeg-progressive"])
def test_what_a_phone_puts_behind_its_photo_is_no_harm(name: str, photo: str):
    assert check_reference(PICTURES[photo] + VENDOR_TRAILERS[name]) == FIRST


def test_a_photo_of_several_pictures():
    photo = encoded(canvas(), "MPO", save_all=True, append_images=[canvas(32, 24)])
    assert photo.count(b"\xff\xd8\xff") == 2
    assert check_reference(photo) == FIRST
    assert check_reference(photo + FILM) == FIRST
    assert check_reference(photo[:-100]) == FIRST


def test_a_photo_with_its_small_view_inside():
    exif = Image.Exif()
    exif[0x0112] = 6
    small = b"Exif\0\0" + PICTURES["jpeg"]
    segment = b"\xff\xe1" + struct.pack(">H", len(small) + 2) + small
    photo = encoded(canvas(), "JPEG", exif=exif)
    assert check_reference(photo[:2] + segment + photo[2:] + FILM) == FIRST


@pytest.mark.parametrize("photo", ["jpeg", "jpeg-progressive"])
@given(st.floats(0, 1, exclude_max=True))
def test_a_photo_cut_anywhere_is_none(photo: str, position: float):
    data = PICTURES[photo]
    assert isinstance(check_reference(data[: int(len(data) * position)]), NotAPicture)


@pytest.mark.parametrize("name", ["png", "webp", "webp-alpha"])
def test_the_other_formats_end_where_they_say(name: str):
    assert check_reference(PICTURES[name] + b"\0") == NotAPicture(
        "1 foreign bytes follow the end of the picture" + FIX
    )


@given(
    st.sampled_from(ACCEPTED),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=20),
)
def test_damage_raises_nothing(name: str, changes: list[tuple[float, int]]):
    damaged = bytearray(PICTURES[name])
    for position, change in changes:
        damaged[int(len(damaged) * position)] ^= change
    assert isinstance(check_reference(bytes(damaged)), Picture | NotAPicture)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (PICTURES["gif"], "a GIF picture, which is not accepted"),
        (b"\0\0\0\x1cftypheic", "a HEIC file, which is not accepted"),
        (encoded(canvas(), "TIFF"), "a TIFF picture, which is not accepted"),
        (b"<!DOCTYPE html>", "an HTML page"),
        (PICTURES["jpeg"][:500], "cut off after 500 bytes"),
        (
            png(png_header(20_000, 10_001), pixels(1, 1)),
            "20000×10001 pixels, more than the 200 million allowed",
        ),
        (png(png_header(3, 2), png_chunk(b"IDAT", b"junk")), "cannot be decoded (OSError)"),
        (png(png_header(300, 200), pixels(3, 2)), "cannot be decoded (OSError)"),
    ],
)
def test_what_is_no_reference_is_named_with_the_fix(data: bytes, reason: str):
    assert check_reference(data) == NotAPicture(reason + FIX)


def padded(size: int) -> bytes:
    """A photo with this many bytes, most of them a vendor's."""
    return PICTURES["jpeg"].ljust(size, b"\0")


def test_the_limit_of_bytes():
    assert check_reference(padded(49_999_999)) == FIRST
    assert check_reference(padded(50_000_000)) == NotAPicture(
        "50,000,000 bytes, 50 MB or more; save it smaller or as JPEG"
    )


def masked(width: int, height: int, mode: str = "RGBA") -> bytes:
    return encoded(Image.new(mode, (width, height)), "PNG")


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_mask_that_fits(mode: str):
    assert check_mask(masked(64, 48, mode), FIRST) is None


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (masked(64, 47), "64×47 pixels; make it 64×48, the size of the first reference"),
        (masked(48, 64), "48×64 pixels; make it 64×48, the size of the first reference"),
        *(
            (
                data,
                NO_ALPHA,
            )
            for data in (
                masked(64, 48, "L"),
                masked(64, 48, "RGB"),
                encoded(Image.new("P", (64, 48)), "PNG", transparency=0),
                encoded(Image.new("RGB", (64, 48)), "PNG", transparency=(0, 0, 0)),
            )
        ),
        (PICTURES["jpeg"], "a JPEG; a mask is a PNG with an alpha channel"),
        (PICTURES["webp-alpha"], "a WEBP; a mask is a PNG with an alpha channel"),
        (PICTURES["gif"], "a GIF picture, which is not accepted" + FIX),
        (PICTURES["png-alpha"][:99], "cut off after 99 bytes" + FIX),
        (b"", "empty" + FIX),
    ],
)
def test_a_mask_that_does_not(mask: bytes, reason: str):
    assert check_mask(mask, FIRST) == NotAPicture(reason)


sizes = st.integers(1, 40)


@given(st.data(), sizes, sizes)
def test_the_box_alone_is_transparent(data: st.DataObject, width: int, height: int):
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x1, y1 = data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height))
    mask = mask_of_box(width, height, (x0, y0, x1, y1))
    assert check_mask(mask, Picture(PictureFormat.PNG, width, height, has_alpha=False)) is None
    with Image.open(BytesIO(mask)) as image:
        alpha = image.getchannel("A")
    for x in range(width):
        for y in range(height):
            inside = x0 <= x < x1 and y0 <= y < y1
            assert alpha.getpixel((x, y)) == (0 if inside else 255)


@pytest.mark.parametrize(
    "box",
    [
        *((-1, 0, 5, 5), (0, -1, 5, 5), (0, 0, 65, 5), (0, 0, 5, 49), (64, 0, 64, 5)),
        *((5, 0, 5, 5), (0, 5, 5, 5), (6, 0, 5, 5), (0, 6, 5, 5), (0, 0, 0, 0)),
    ],
)
def test_a_box_outside_of_the_picture(box: tuple[int, int, int, int]):
    with pytest.raises(ValueError, match="not within the picture of 64×48 pixels") as caught:
        mask_of_box(64, 48, box)
    assert "give x0,y0,x1,y1 with 0 ≤ x0 < x1 ≤ 64 and 0 ≤ y0 < y1 ≤ 48" in str(caught.value)


def test_a_large_photo_of_a_phone_is_a_reference_and_not_decoded():
    photo = bytearray(PICTURES["jpeg"])
    struct.pack_into(">HH", photo, photo.index(b"\xff\xc0") + 5, 6048, 8064)
    assert check_reference(photo) == Picture(PictureFormat.JPEG, 8064, 6048, has_alpha=False)
    assert isinstance(inspect(photo), NotAPicture)


def test_a_mask_for_it_is_drawn_in_little_memory():
    tracemalloc.start()
    try:
        mask = mask_of_box(8064, 6048, (10, 10, 8000, 6000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert check_mask(mask, Picture(PictureFormat.JPEG, 8064, 6048, has_alpha=False)) is None
    assert peak < 5_000_000


def test_a_bomb_in_the_text_of_a_picture_is_refused():
    text = png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000_000)))
    assert isinstance(check_reference(png(png_header(3, 2), text, pixels(3, 2))), NotAPicture)
