"""Identifiers go out and come back, and nothing else is taken for one."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.domain import ids

PREFIXES = st.sampled_from([ids.BATCH, ids.FILE, ids.ATTEMPT, ids.IMAGE])
MOMENTS = st.integers(0, (1 << 48) - 1)


@given(PREFIXES, st.uuids())
def test_a_key_comes_back(prefix, key):
    assert ids.uuid_of(prefix, ids.shown(prefix, key)) == key


@given(st.integers(0, 10**18 - 1))
def test_a_number_comes_back(number):
    assert ids.number_of(ids.JOB, ids.shown(ids.JOB, number)) == number


@given(PREFIXES, st.text(max_size=45))
def test_what_is_taken_for_a_key_is_its_one_public_form(prefix, text):
    key = ids.uuid_of(prefix, prefix + text)
    assert key is None or ids.shown(prefix, key) == prefix + text


@pytest.mark.parametrize(
    "text",
    ["", "batch_", "file-" + "0" * 32, "batch_" + "0" * 31, "batch_" + "0" * 33, "batch_" + "F" * 32,
     "batch_" + "0" * 32 + "\n", "Batch_" + "0" * 32, "batch_" + "٠" * 32, "batch_00000000-0000-0000-0000-000000000000"],
)  # fmt: skip
def test_what_is_no_key(text):
    assert ids.uuid_of(ids.BATCH, text) is None


@pytest.mark.parametrize(
    "text", ["", "job_", "12", "job_١", "job_1.0", "job_+1", "job_12\n", "job_" + "9" * 19]
)
def test_what_is_no_number(text):
    assert ids.number_of(ids.JOB, text) is None


@given(MOMENTS, MOMENTS, st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_keys_sort_by_the_moment_they_were_made(first, second, some, other):
    one, two = ids.uuid7(first, some), ids.uuid7(second, other)
    assert (one.version, one.variant) == (7, "specified in RFC 4122")
    assert one.int >> 80 == first
    if first != second:
        assert (one < two) == (first < second)


@given(st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_the_randomness_is_kept(some, other):
    def bits(data: bytes) -> int:
        return int.from_bytes(data, "big") & ((1 << 74) - 1)

    same = ids.uuid7(0, some) == ids.uuid7(0, other)
    assert same == (bits(some) == bits(other))
    assert isinstance(ids.uuid7(0, some), UUID)
