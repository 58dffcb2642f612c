"""What a success is worth."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.domain.failure import Failure, FailureClass
from darkroom.domain.pricing import Usage
from darkroom.domain.request import unstorable
from darkroom.provider import Answer, Images, read

PIXELS = bytes(range(256)) * 9


def entry(data=PIXELS):
    return {"b64_json": base64.b64encode(data).decode()}


def success(status=200, **document):
    headers = {"content-type": "application/json", "x-request-id": "req_1"}
    return Answer(status, headers, json.dumps(document).encode(), 1)


def test_a_whole_success():
    usage = {
        "input_tokens": 50,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
        "output_tokens": 196,
        "total_tokens": 246,
    }
    document = {
        "created": 1,
        "background": "opaque",
        "output_format": "png",
        "quality": "low",
        "size": "1024x1024",
        "data": [entry(), entry(b"two")],
        "usage": usage,
    }
    echoed = {key: document[key] for key in ("background", "output_format", "quality", "size")}
    assert read(success(**document), 2) == Images(
        (PIXELS, b"two"), Usage(10, 40, 196), "req_1", echoed
    )


@pytest.mark.parametrize("status", [200, 201, 202])
def test_every_status_of_success_is_one(status):
    assert isinstance(read(success(status, data=[entry()]), 1), Images)


def test_of_many_images_the_whole_ones_are_kept():
    damaged = {"b64_json": "%%%"}
    reading = read(success(data=[damaged, entry(b"two"), {"url": "https://x.test/3.png"}]), 3)
    assert reading.images == (b"two",)


def test_fewer_and_more_than_asked_are_images_too():
    assert len(read(success(data=[entry()]), 2).images) == 1
    assert len(read(success(data=[entry(), entry()]), 1).images) == 2


WHOLE = json.dumps({"data": [entry()]}).encode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"<!DOCTYPE html><html>Just a moment...</html>", "not_json"),
        (WHOLE[: len(WHOLE) // 2], "not_json"),
        (WHOLE[:-1], "not_json"),
        (WHOLE + b"x", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"\xff\xfe\x00", "not_json"),
        (b"[]", "not_json"),
        (b"null", "not_json"),
        (b'"data"', "not_json"),
        (b"{}", "no_images"),
        (b'{"data": []}', "no_images"),
        (b'{"data": null}', "no_images"),
        (b'{"data": {"b64_json": "AAEC"}}', "no_images"),
        (b'{"data": [null]}', "no_images"),
        (b'{"data": ["AAEC"]}', "no_images"),
        (b'{"data": [{"b64_json": ""}]}', "no_images"),
        (b'{"data": [{"b64_json": null}]}', "no_images"),
        (b'{"data": [{"b64_json": 7}]}', "bad_base64"),
        (b'{"data": [{"b64_json": "%%% not base64 %%%"}]}', "bad_base64"),
        (b'{"data": [{"b64_json": "AAE"}]}', "bad_base64"),
        (b'{"data": [{"b64_json": "AA EC"}]}', "bad_base64"),
        (b'{"data": [{"b64_json": "\\u00e9\\u00e9\\u00e9\\u00e9"}]}', "bad_base64"),
        (b'{"error": {"message": "Image generation failed"}}', "error_in_success"),
        (b'{"error": "no", "data": []}', "error_in_success"),
    ],
)
def test_a_success_without_an_image_is_an_unknown_outcome(body, code):
    failure = read(Answer(200, {}, body, 1), 1)
    assert isinstance(failure, Failure)
    assert (failure.klass, failure.code) == (FailureClass.UNKNOWN_OUTCOME, code)
    assert failure.http_status == 200


def test_a_link_that_is_not_followed_is_an_image_that_the_next_call_would_not_bring_either():
    failure = read(success(data=[{"b64_json": None, "url": "https://x.test/1.png"}]), 1)
    assert (failure.klass, failure.code) == (FailureClass.WITHHELD, "url_only")
    assert "answers_url = true" in failure.message


def test_an_error_in_a_success_is_told_but_never_the_prompt():
    told = {"message": "Image generation failed", "code": "image_generation_failed"}
    assert "Image generation failed" in read(success(error=told), 1).message
    hidden = {"message": "'a naked emperor' was blocked", "code": "moderation_blocked"}
    assert "emperor" not in read(success(error=hidden), 1).message


def test_every_other_status_is_classified():
    assert read(success(429, error={"code": "slow_down"}), 1).klass is FailureClass.RATE_LIMITED
    # Even with an image in it: what is refused is not billed, and not ours.
    assert read(success(500, data=[entry()]), 1).klass is FailureClass.SERVER_ERROR


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input_tokens": 10, "output_tokens": 196}, Usage(10, 0, 196)),
        ({"input_tokens": 0, "output_tokens": 0}, Usage(0, 0, 0)),
        ({"input_tokens": 1, "output_tokens": 196, "output_tokens_details": {"image_tokens": 176, "text_tokens": 20}}, Usage(1, 0, 196, 20)),
        ({"input_tokens": 1, "output_tokens": 196, "output_tokens_details": {"text_tokens": -1}}, Usage(1, 0, 196)),
        (
            {"input_tokens": 9, "input_tokens_details": {"text_tokens": 2, "image_tokens": 7}, "output_tokens": 1},
            Usage(2, 7, 1),
        ),
        ({"input_tokens": 9, "input_tokens_details": None, "output_tokens": 1}, Usage(9, 0, 1)),
        ({"input_tokens": 9, "input_tokens_details": {}, "output_tokens": 1}, Usage(9, 0, 1)),
        ({"input_tokens": 9, "input_tokens_details": {"image_tokens": 7}, "output_tokens": 1}, Usage(2, 7, 1)),
        ({"input_tokens": 9, "input_tokens_details": {"image_tokens": 10}, "output_tokens": 1}, None),
        ({"input_tokens": 10}, None),
        ({"output_tokens": 196}, None),
        ({"input_tokens": -1, "output_tokens": 196}, None),
        ({"input_tokens": 10, "output_tokens": 1.5}, None),
        ({"input_tokens": 10, "output_tokens": "196"}, None),
        ({"input_tokens": True, "output_tokens": 196}, None),
        ({"input_tokens": 10, "output_tokens": 10**30}, None),
        ({"input_tokens": 9, "input_tokens_details": {"text_tokens": None}, "output_tokens": 1}, None),
        ([], None),
        (None, None),
        ("free", None),
    ],
)  # fmt: skip
def test_usage(usage, expected):
    assert read(success(data=[entry()], usage=usage), 1).usage == expected


def test_what_is_echoed_is_short_and_printable_text():
    reading = read(
        success(
            data=[entry()], size="1" * 999, quality="\x00", output_format=7, background="opaque"
        ),
        1,
    )
    assert reading.effective == {"size": "1" * 64, "background": "opaque"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["data", "b64_json", "url", "usage", "input_tokens", "input_tokens_details", "error", "size"]), inner),
    max_leaves=12,
)  # fmt: skip


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_nothing_that_can_be_answered_upsets_it(body):
    reading = read(Answer(200, {}, body, 1), 1)
    if isinstance(reading, Failure):
        assert reading.klass is FailureClass.UNKNOWN_OUTCOME
        assert not unstorable(reading.message)
    else:
        assert all(reading.images)
