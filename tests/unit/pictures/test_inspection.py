import struct
import threading
import time
import tracemalloc
import zlib
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from darkroom.pictures import (
    EXTENSIONS,
    NotAPicture,
    Picture,
    PictureFormat,
    extension,
    inspect,
    media_type,
)

from .samples import PICTURES, canvas, encoded, pixels, png, png_chunk, png_header

names = st.sampled_from(sorted(PICTURES))
positions = st.floats(0, 1, exclude_max=True)


def at(data: bytes, position: float) -> int:
    return int(len(data) * position)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(
    "wrap", [bytes, memoryview, lambda data: memoryview(b"__" + data + b"__")[2:-2]]
)
def test_a_whole_picture_is_recognised(name: str, wrap):
    kind, _, variant = name.partition("-")
    alpha = variant in ("alpha", "lossless")
    assert inspect(wrap(PICTURES[name])) == Picture(PictureFormat(kind), 64, 48, has_alpha=alpha)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16"])
def test_every_kind_of_png(mode: str):
    assert isinstance(inspect(encoded(Image.new(mode, (7, 5)), "PNG")), Picture)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_every_kind_of_jpeg(mode: str):
    assert isinstance(inspect(encoded(Image.new(mode, (7, 5)), "JPEG")), Picture)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_colour_counts_as_alpha(kind: str):
    picture = inspect(encoded(Image.new("P", (7, 5)), kind, transparency=0))
    assert isinstance(picture, Picture)
    assert picture.has_alpha


def test_the_smallest_and_the_largest_allowed():
    assert inspect(png(png_header(1, 1), pixels(1, 1))) == Picture(
        PictureFormat.PNG, 1, 1, has_alpha=False
    )
    assert isinstance(inspect(encoded(Image.new("1", (8000, 5000)), "PNG")), Picture)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_cut_at_any_byte_is_none(name: str):
    data = PICTURES[name]
    lengths = {*range(64), *range(64, len(data), 211), *range(len(data) - 64, len(data))}
    for length in lengths:
        assert isinstance(inspect(data[:length]), NotAPicture), length


@given(names, positions)
def test_a_picture_cut_anywhere_is_none(name: str, position: float):
    data = PICTURES[name]
    assert isinstance(inspect(data[: at(data, position)]), NotAPicture)


def test_a_cut_is_called_a_cut():
    for data in PICTURES.values():
        assert inspect(data[:-1]) == NotAPicture(f"cut off after {len(data) - 1:,} bytes")
    assert inspect(b"\x89PN") == NotAPicture("cut off after 3 bytes")


@settings(max_examples=300)
@given(st.sampled_from(["png", "png-alpha", "png-palette"]), positions, st.integers(1, 255))
def test_a_png_with_any_byte_changed_is_none(name: str, position: float, change: int):
    damaged = bytearray(PICTURES[name])
    damaged[at(damaged, position)] ^= change
    assert isinstance(inspect(bytes(damaged)), NotAPicture)


def test_a_damaged_chunk_is_placed():
    data = bytearray(PICTURES["png"])
    data[100] ^= 1
    assert "checksum" in inspect(bytes(data)).reason


@given(names, st.lists(st.tuples(positions, st.integers(1, 255)), min_size=1, max_size=20))
def test_damage_raises_nothing(name: str, changes: list[tuple[float, int]]):
    damaged = bytearray(PICTURES[name])
    for position, change in changes:
        damaged[at(damaged, position)] ^= change
    assert isinstance(inspect(bytes(damaged)), Picture | NotAPicture)


@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF\x20\0\0\0WEBP"]),
    st.binary(),
)
def test_noise_is_no_picture(signature: bytes, noise: bytes):
    assert isinstance(inspect(signature + noise), NotAPicture)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(
    "tail", [b"\0", b"<script>alert(1)</script>", b"PK\x03\x04 an archive", PICTURES["png"]]
)
def test_what_follows_the_end_is_refused(name: str, tail: bytes):
    verdict = inspect(PICTURES[name] + tail)
    assert isinstance(verdict, NotAPicture)
    assert verdict.reason == f"{len(tail):,} foreign bytes follow the end of the picture"


@pytest.mark.parametrize(
    "polyglot",
    [
        PICTURES["jpeg"] + b"PK\x03\x04 an archive\xff\xd9",
        b"GIF89a/*" + b"\0" * 8 + b"*/=1;alert(1)//;",
        b"<html>" + PICTURES["png"],
        b"%PDF-1.7" + PICTURES["jpeg"],
        b"RIFF" + PICTURES["webp"][4:8] + b"WAVE" + PICTURES["webp"][12:],
    ],
    ids=[
        "archive in JPEG",
        "script as GIF",
        "page before PNG",
        "document before JPEG",
        "sound as WebP",
    ],
)
def test_a_polyglot_is_no_picture(polyglot: bytes):
    assert isinstance(inspect(polyglot), NotAPicture)


def test_a_jpeg_may_carry_further_jpegs_behind_it():
    both = PICTURES["jpeg"] + PICTURES["jpeg-progressive"]
    assert inspect(both) == Picture(PictureFormat.JPEG, 64, 48, has_alpha=False)
    assert inspect(both[:-1]) == NotAPicture(f"cut off after {len(both) - 1:,} bytes")


def patched(data: bytes, offset: int, layout: str, *values: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(layout, changed, offset, *values)
    return bytes(changed)


def patched_jpeg(name: str, marker: int) -> bytes:
    frame = PICTURES[name].index(bytes((0xFF, marker)))
    return patched(PICTURES[name], frame + 5, ">HH", 60_000, 60_000)


BOMBS = {
    "png": png(png_header(60_000, 60_000), pixels(1, 1)),
    "png-just-over": png(png_header(8000, 5001), pixels(1, 1)),
    "jpeg": patched_jpeg("jpeg", 0xC0),
    "jpeg-progressive": patched_jpeg("jpeg-progressive", 0xC2),
    "webp": patched(PICTURES["webp"], 26, "<HH", 16_383, 16_383),
    "webp-extended": patched(PICTURES["webp-alpha"], 24, "<HBHB", 16_382, 0, 16_382, 0),
    "gif": patched(PICTURES["gif"], 6, "<HH", 60_000, 60_000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_by_its_header(name: str):
    tracemalloc.start()
    try:
        verdict = inspect(BOMBS[name])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(verdict, NotAPicture)
    assert "more than the 40 million allowed" in verdict.reason
    assert peak < 1_000_000


def test_many_scans_are_refused():
    data = PICTURES["jpeg-progressive"]
    last = data.rindex(b"\xff\xda")
    verdict = inspect(data[:last] + data[last:-2] * 200 + data[-2:])
    assert verdict == NotAPicture("a JPEG of more than 100 scans")


def test_many_chunks_are_refused():
    empty = png_chunk(b"IDAT", b"") * 100_000
    assert inspect(png(png_header(1, 1), empty)).reason == "a PNG of more than 100,000 chunks"


HEADER, BODY = png_header(3, 2), pixels(3, 2)


@pytest.mark.parametrize(
    ("chunks", "reason"),
    [
        ([], "without its header"),
        ([BODY, HEADER], "without its header"),
        ([HEADER], "without pixels"),
        ([HEADER, png_header(60_000, 60_000), BODY], "out of order"),
        ([HEADER, BODY, png_chunk(b"tEXt", b"a\0b"), BODY], "out of order"),
        ([HEADER, png_chunk(b"CgBI", b""), BODY], "out of order"),
        ([png_header(3, 2, colour=3), BODY], "out of order"),
        ([HEADER, BODY, png_chunk(b"PLTE", b"\0\0\0")], "out of order"),
        ([png_header(3, 2, depth=3), BODY], "does not exist"),
        ([png_header(3, 2, colour=5), BODY], "does not exist"),
        ([png_header(0, 2), BODY], "which is none"),
    ],
)
def test_a_png_put_together_wrongly_is_none(chunks: list[bytes], reason: str):
    assert reason in inspect(png(*chunks)).reason


def test_a_gif_frame_must_fit_its_screen():
    assert "larger than itself" in inspect(patched(PICTURES["gif"], 6, "<HH", 32, 32)).reason


def test_a_jpeg_whose_second_frame_header_lies():
    data = PICTURES["jpeg"]
    frame = data.index(b"\xff\xc0")
    header = data[frame : frame + 19]
    assert "exactly one picture" in inspect(data[:frame] + header + data[frame:]).reason


@pytest.mark.parametrize("name", ["webp", "webp-lossless"])
def test_a_webp_with_undecodable_pixels_is_none(name: str):
    data = PICTURES[name]
    broken = data[:30] + b"\xff" * (len(data) - 30)
    assert inspect(broken) == NotAPicture("cannot be decoded (OSError)")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><title>502 Bad Gateway</title>", "an HTML page"),
        (b"\n\n <HTML>", "an HTML page"),
        (b"\xef\xbb\xbf<html>", "an HTML page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing, which is not accepted"),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<svg/>", "an SVG drawing, which is not accepted"),
        (b"<?xml version='1.0'?><Error/>", "an XML document"),
        (b'{"error": {"code": "server_error"}}', "JSON"),
        (b"[1]", "JSON"),
        (b"upstream connect error", "plain text"),
        ("画像がありません".encode(), "plain text"),
        (("画" * 400).encode(), "plain text"),
        (b"iVBORw0KGgoAAAANSUhEUg", "a picture still in base64"),
        (b"/9j/4AAQSkZJRg", "a picture still in base64"),
        (b"data:image/png;base64,iVBOR", "a data: URL, not the bytes inside it"),
        (b"event: image_generation.completed\n", "a stream of events"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PK\x03\x04....", "a ZIP archive"),
        (b"\x1f\x8b\x08\0", "gzip-compressed data"),
        (b"\0\0\0\x1cftypavif", "a AVIF file, which is not accepted"),
        (encoded(canvas(), "BMP"), "a BMP picture, which is not accepted"),
        (encoded(canvas(), "TIFF"), "a TIFF picture, which is not accepted"),
        (bytes(16), "unknown bytes that begin with 00 00 00 00 00 00 00 00"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, reason: str):
    assert inspect(data) == NotAPicture(reason)


def test_a_png_is_not_decompressed():
    junk = png(png_header(3, 2), png_chunk(b"IDAT", b"no deflate stream"))
    assert isinstance(inspect(junk), Picture)


def test_a_large_png_is_inspected_quickly_and_without_a_copy():
    body = zlib.compress(canvas(700, 540, "RGBA").tobytes(), 0)
    blocks = [png_chunk(b"IDAT", body[n : n + 8192]) for n in range(0, len(body), 8192)]
    data = png(png_header(1024, 1024), *blocks)
    assert len(data) > 1_500_000

    def timed() -> float:
        begun = time.perf_counter()
        assert isinstance(inspect(data), Picture)
        return time.perf_counter() - begun

    assert min(timed() for _ in range(20)) < 0.004
    tracemalloc.start()
    try:
        inspect(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100_000


def test_threads_do_not_disturb_each_other_nor_pillow():
    limit, verdicts = Image.MAX_IMAGE_PIXELS, []
    threads = [
        threading.Thread(
            target=lambda: verdicts.extend((name, inspect(PICTURES[name])) for name in PICTURES)
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(verdicts) == 8 * len(PICTURES)
    assert all(isinstance(verdict, Picture) for _, verdict in verdicts)
    assert limit == Image.MAX_IMAGE_PIXELS


def test_every_format_has_its_names():
    assert [extension(kind) for kind in PictureFormat] == ["png", "jpg", "webp", "gif"]
    assert set(EXTENSIONS) == set(PictureFormat)
    for kind in PictureFormat:
        image = Image.open(BytesIO(PICTURES[kind]))
        assert media_type(kind) == Image.MIME[image.format]
