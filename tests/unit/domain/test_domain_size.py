"""Which sizes are made, against the definition itself, and the nearest that is."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from darkroom.domain.models import SizeRule, parse_size
from darkroom.domain.size import nearest, size_error

RULE = SizeRule(("1024x1024", "1536x1024", "1024x1536"), 16, 3840, 3, 655_360, 8_294_400)
PRESETS = SizeRule(("1024x1024", "1536x1024", "1024x1536"))
NEAR = st.integers(0, 4000) | st.integers(0, 300).map(lambda tiles: tiles * 16)


def _is_made(width: int, height: int) -> bool:
    """https://developers.openai.com/api/docs/guides/image-generation"""
    if width <= 0 or height <= 0 or width % 16 or height % 16:
        return False
    return (
        max(width, height) <= 3840
        and max(width, height) <= 3 * min(width, height)
        and 655_360 <= width * height <= 8_294_400
    )


@given(NEAR, NEAR)
@example(2880, 2880)
@example(3840, 3840)
@example(3840, 2160)
@example(768, 768)
@example(896, 896)
@example(1280, 720)
@example(3840, 1280)
@example(3840, 1264)
def test_a_size_is_accepted_exactly_if_it_is_made(width, height):
    assert (size_error(RULE, f"{width}x{height}") is None) == _is_made(width, height)


@given(st.integers(0, 10**12) | NEAR, st.integers(0, 10**12) | NEAR)
def test_the_nearest_is_always_made_and_lies_the_same_way(width, height):
    found = parse_size(nearest(RULE, width, height))
    assert _is_made(*found)
    assert (found[0] - found[1]) * (width - height) >= 0


MADE = [
    (width, height)
    for width in range(16, 3841, 16)
    for height in range(16, 3841, 16)
    if _is_made(width, height)
]


@settings(max_examples=60)
@given(NEAR, NEAR)
@example(1080, 1920)
@example(3840, 1080)
@example(500, 500)
@example(3840, 3840)
@example(5000, 2000)
def test_the_nearest_is_the_one_that_a_search_of_all_sizes_finds(width, height):
    def distance(size):
        return (size[0] - width) ** 2 + (size[1] - height) ** 2

    found = parse_size(nearest(RULE, width, height))
    assert distance(found) == min(map(distance, MADE))


@given(st.integers(40, 240), st.integers(40, 240))
def test_what_is_made_is_nearest_to_itself(tiles, others):
    width, height = tiles * 16, others * 16
    if _is_made(width, height):
        assert nearest(RULE, width, height) == f"{width}x{height}"


@given(NEAR, NEAR)
def test_a_refusal_names_a_size_that_is_made(width, height):
    error = size_error(RULE, f"{width}x{height}")
    if error and "nearest" in error:
        assert size_error(RULE, error.rsplit(" ", 1)[1]) is None


@pytest.mark.parametrize(
    "size",
    ["", "x", "1024", "1024x", "x1024", "1024X1024", "1024×1024", "1024 x 1024", "1024x1024x1", "-16x16",
     "1e3x1e3", "١٠٢٤x١٠٢٤", "01024x1024", "1024x01024", "0x1024", "square", "9" * 5000 + "x1024",
     "1" + "0" * 400 + "x1" + "0" * 400],
)  # fmt: skip
def test_what_is_no_size_is_told_how_to_write_one(size):
    assert "write WIDTHxHEIGHT" in size_error(RULE, size)


@pytest.mark.parametrize("size", ["auto", "1024x1024", "1536x1024", "1024x1536"])
def test_presets_and_auto_are_taken_by_all(size):
    assert size_error(RULE, size) is None
    assert size_error(PRESETS, size) is None


def test_a_model_of_presets_takes_nothing_else():
    error = size_error(PRESETS, "2048x1152")
    assert "choose 1024x1024, 1536x1024, 1024x1536 or auto; the nearest is 1536x1024" in error
