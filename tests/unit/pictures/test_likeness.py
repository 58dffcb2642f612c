"""What pictures look like: even ones are blank, near ones resemble, hostile bytes are told apart."""

from io import BytesIO

import pytest
from PIL import Image, ImageDraw

from darkroom.domain.resemblance import NEAR, Resemblances
from darkroom.pictures import Glances, Likeness, NotAPicture, likeness


def _drawn(seed=0, mode="RGB", kind="PNG", size=(256, 192), **more):
    image = Image.new(mode, size, "white")
    pen = ImageDraw.Draw(image)
    for place in range(12):
        x, y = (place * 67 + seed * 41) % size[0], (place * 53 + seed * 89) % size[1]
        shade = (place * 83 + seed * 29) % 255
        pen.ellipse((x - 30, y - 30, x + 30, y + 30), fill=(shade,) * 3)
    target = BytesIO()
    image.save(target, kind, **more)
    return target.getvalue()


def _plain(colour, noise=0, mode="RGB"):
    image = Image.new(mode, (128, 128), colour)
    for place in range(noise):
        image.putpixel((place * 37 % 128, place * 59 % 128), (255, 0, 0))
    target = BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def _apart(one: Likeness, other: Likeness) -> int:
    return (one.bits ^ other.bits).bit_count()


@pytest.mark.parametrize(
    "data",
    [_plain("white"), _plain("black"), _plain("white", noise=5), _plain((0, 0, 0, 0), mode="RGBA")],
)
def test_an_even_surface_is_blank(data):
    assert likeness(data).blank


def test_a_picture_is_not_blank_and_other_pictures_are_far():
    pictures = [likeness(_drawn(seed)) for seed in range(4)]
    assert not any(one.blank for one in pictures)
    assert all(_apart(pictures[0], other) > 2 * NEAR for other in pictures[1:])


def test_the_same_in_another_size_or_format_is_near():
    first = likeness(_drawn())
    for other in (
        _drawn(kind="JPEG", quality=60),
        _drawn(kind="WEBP", quality=70),
        _drawn(mode="RGBA"),
    ):
        assert _apart(first, likeness(other)) <= NEAR


def test_hostile_bytes_are_no_picture():
    whole = _drawn()
    for data in (b"", b"<html>", whole[: len(whole) // 2]):
        assert isinstance(likeness(data), NotAPicture)


def test_whatever_differs_in_few_bits_is_found():
    seen, spots = Resemblances(), bytes(192)
    bits = 0x0123_4567_89AB_CDEF
    assert seen.meet("first", bits, spots) is None
    for number, flips in enumerate([(0,), (0, 20), (0, 20, 40), (15, 31, 47)]):
        changed = bits
        for flip in flips:
            changed ^= 1 << flip
        assert seen.meet(f"other-{number}", changed, spots) == "first"
    assert Resemblances().meet("alone", bits, spots) is None


def test_one_thing_in_two_colours_is_two():
    red, blue = (likeness(_thing(colour)) for colour in ("red", "blue"))
    assert (red.bits ^ blue.bits).bit_count() <= NEAR
    seen = Resemblances()
    assert seen.meet("red", red.bits, red.spots) is None
    assert seen.meet("blue", blue.bits, blue.spots) is None
    again = likeness(_thing("red", kind="JPEG", quality=60))
    assert seen.meet("another red", again.bits, again.spots) == "red"


def _thing(colour, kind="PNG", **more):
    image = Image.new("RGB", (256, 256), "white")
    ImageDraw.Draw(image).ellipse((60, 90, 200, 180), fill=colour)
    target = BytesIO()
    image.save(target, kind, **more)
    return target.getvalue()


def test_a_process_of_its_own_sees_the_same(tmp_path):
    whole, half = _drawn(), _drawn()[:500]
    for name, data in (("whole", whole), ("half", half)):
        (tmp_path / name).write_bytes(data)
    with Glances() as glances:
        assert glances.at(tmp_path / "whole") == likeness(whole)
        assert glances.at(tmp_path / "half") == likeness(half)
        with pytest.raises(OSError, match="gone"):
            glances.at(tmp_path / "gone")
        glances._child.kill()
        assert glances.at(tmp_path / "whole") == likeness(whole)
