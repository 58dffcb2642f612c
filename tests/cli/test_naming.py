"""Every custom_id gets a file name of its own that is safe everywhere."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.domain.naming import LONGEST_STEM, Names, stem

NASTY = st.sampled_from(
    [*"aA%~2-./\\éßſ猫ﬁİ\x00\x7f\n\u202e😀: ", "con", "nul.", "e\u0301", "~2", "-1"]
)
CUSTOM_IDS = st.lists(NASTY, min_size=1, max_size=20).map("".join) | st.text(
    min_size=1, max_size=250
)
FORBIDDEN = set('<>:"/\\|?*') | {chr(code) for code in range(32)} | {"\x7f"}
DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{port}{n}" for port in ("com", "lpt") for n in range(10)
}


def folded(name):
    """As a file system that knows no case and one normal form compares."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


@given(CUSTOM_IDS)
def test_a_stem_is_safe_on_every_system(custom_id):
    name = stem(custom_id)
    assert name
    assert FORBIDDEN.isdisjoint(name)
    assert name[0] not in ". "
    assert name[-1] not in ". "
    assert name.split(".")[0].rstrip().lower() not in DEVICES
    assert len(name.encode()) <= LONGEST_STEM


@given(CUSTOM_IDS, CUSTOM_IDS)
def test_different_custom_ids_have_different_stems(one, other):
    assert (stem(one) == stem(other)) == (one == other)


@given(st.lists(st.tuples(CUSTOM_IDS, st.integers(1, 10)), unique_by=lambda pair: pair[0]))
def test_no_two_images_of_a_batch_share_a_file(rows):
    names = Names()
    given_out = [name for custom_id, images in rows for name in names.claim(custom_id, images)]
    assert len({folded(name) for name in given_out}) == sum(images for _, images in rows)
    assert all(len(f"{name}.webp.part".encode()) <= 255 for name in given_out)


@given(st.lists(CUSTOM_IDS, unique=True))
def test_the_same_batch_gets_the_same_names(custom_ids):
    first, second = Names(), Names()
    assert [first.claim(one, 1) for one in custom_ids] == [
        second.claim(one, 1) for one in custom_ids
    ]


@pytest.mark.parametrize(
    ("custom_id", "name"),
    [
        ("SKU-0042", "SKU-0042"),
        ("shoes, red (2)", "shoes, red (2)"),
        ("猫の写真", "猫の写真"),
        ("../../x", "%2E.%2F..%2Fx"),
        ("..", "%2E%2E"),
        (".hidden", "%2Ehidden"),
        ("trailing ", "trailing%20"),
        ("CON", "%43ON"),
        ("com1.png", "%63om1.png"),
        ("50%", "50%25"),
        ("a\nb", "a%0Ab"),
        ("a:b", "a%3Ab"),
    ],
)
def test_readable_names_stay_readable(custom_id, name):
    assert stem(custom_id) == name


def test_long_names_are_cut_and_stay_apart():
    one, other = stem("x" * 400 + "a"), stem("x" * 400 + "b")
    assert one != other
    assert one[:150] == other[:150]


def test_an_index_does_not_run_into_another_custom_id():
    names = Names()
    assert names.claim("shoe", 2) == ("shoe-1", "shoe-2")
    assert names.claim("shoe-1", 1) == ("shoe-1~2",)
