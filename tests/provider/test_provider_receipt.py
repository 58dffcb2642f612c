"""A receipt gives back the answer it was made of, and a damaged one never does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.provider import Answer

ANSWERS = st.builds(
    Answer,
    status=st.integers(100, 599),
    headers=st.dictionaries(st.text(max_size=20), st.text(max_size=50), max_size=5),
    body=st.binary(max_size=500),
    latency_ms=st.integers(0, 10**7),
)


def receipt(answer):
    return b"".join(answer.receipt())


@given(ANSWERS)
def test_round_trip(answer):
    assert Answer.from_receipt(receipt(answer)) == answer


def test_the_body_is_not_copied():
    answer = Answer(200, {}, bytes(1_000_000), 1)
    *_, body = answer.receipt()
    assert body is answer.body


@given(ANSWERS, st.integers(1, 600))
def test_a_truncated_receipt_is_refused(answer, missing):
    with pytest.raises(ValueError):
        Answer.from_receipt(receipt(answer)[:-missing])


@given(ANSWERS.filter(lambda answer: answer.body), st.data())
def test_a_changed_body_is_refused(answer, data):
    whole = bytearray(receipt(answer))
    position = data.draw(st.integers(len(whole) - len(answer.body), len(whole) - 1))
    whole[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ValueError):
        Answer.from_receipt(bytes(whole))


@given(st.binary(max_size=200))
def test_noise_is_refused(noise):
    with pytest.raises(ValueError):
        Answer.from_receipt(noise)


def test_an_answer_is_shown_without_its_body():
    assert "AAAA" not in repr(Answer(200, {}, b"AAAA", 1))
