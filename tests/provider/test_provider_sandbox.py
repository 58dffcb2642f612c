"""Calls to the simulated provider, end to end: what was paid for, and what we make of it."""

import time

import pytest

from darkroom.domain.failure import Failure, FailureClass
from darkroom.domain.limit import Dimension
from darkroom.provider import CallFailed, Images, hear, read


def test_an_image_with_its_bill(sandbox, connect, call):
    url, calls = sandbox
    answer = call(connect(url))
    reading = read(answer, 1)
    assert isinstance(reading, Images)
    (image,) = reading.images
    assert image.startswith(b"\x89PNG\r\n")
    (made,) = calls()
    assert reading.request_id == made["request_id"]
    assert reading.usage.output_tokens == made["output_tokens"] == 196
    assert reading.effective["size"] == "1024x1024"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("rate_limit=0.467", (FailureClass.RATE_LIMITED, "rate_limit_exceeded")),
        ("slow_down", (FailureClass.RATE_LIMITED, "slow_down")),
        ("quota", (FailureClass.KEY, "insufficient_quota")),
        ("billing_limit", (FailureClass.KEY, "billing_hard_limit_reached")),
        ("invalid_key", (FailureClass.KEY, "invalid_api_key")),
        ("moderation", (FailureClass.MODERATION, "moderation_blocked")),
        ("invalid_value", (FailureClass.INVALID_REQUEST, "invalid_value")),
        ("overloaded", (FailureClass.OVERLOADED, "server_is_overloaded")),
        ("redirect_307", (FailureClass.KEY, "redirected")),
        ("server_error", (FailureClass.SERVER_ERROR, "server_error")),
        ("image_failed", (FailureClass.SERVER_ERROR, "image_generation_failed")),
        ("error_200", (FailureClass.UNKNOWN_OUTCOME, "error_in_success")),
        ("bad_gateway", (FailureClass.UNKNOWN_OUTCOME, "gateway_gave_up")),
        *(
            (gateway, (FailureClass.UNKNOWN_OUTCOME, "gateway_gave_up"))
            for gateway in (
                "gateway_timeout",
                *(f"cloudflare_{status}" for status in range(520, 524)),
            )
        ),
        ("input_images_limit", (FailureClass.RATE_LIMITED, "rate_limit_exceeded")),
        ("rate_limit_in_words", (FailureClass.RATE_LIMITED, "rate_limit_exceeded")),
        ("slow_down_503", (FailureClass.RATE_LIMITED, "slow_down")),
        ("relay_no_channel", (FailureClass.OVERLOADED, "model_not_found")),
        ("relay_4k", (FailureClass.SERVER_ERROR, "server_error")),
        ("cloudflare_524", (FailureClass.UNKNOWN_OUTCOME, "gateway_gave_up")),
        ("html_200", (FailureClass.UNKNOWN_OUTCOME, "not_json")),
        ("truncated_json", (FailureClass.UNKNOWN_OUTCOME, "not_json")),
        ("empty_data", (FailureClass.UNKNOWN_OUTCOME, "no_images")),
        ("bad_base64", (FailureClass.UNKNOWN_OUTCOME, "bad_base64")),
        ("url_only", (FailureClass.WITHHELD, "url_only")),
        ("billing_limit_403", (FailureClass.KEY, "quota_exhausted")),
        ("no_credit", (FailureClass.KEY, "credit_balance_exhausted")),
        ("organization_limit", (FailureClass.KEY, "organization_spend_limit_exceeded")),
        ("project_limit", (FailureClass.KEY, "project_spend_limit_exceeded")),
        ("usage_limit", (FailureClass.KEY, "organization_usage_limit_exceeded")),
        ("unverified", (FailureClass.KEY, "no_access")),
        ("region", (FailureClass.KEY, "unsupported_country_region_territory")),
        ("no_model", (FailureClass.KEY, "model_not_found")),
        ("no_model_403", (FailureClass.KEY, "model_not_found")),
        ("ip_refused", (FailureClass.KEY, "key_refused")),
        ("unknown_parameter", (FailureClass.INVALID_REQUEST, "unknown_parameter")),
        ("input_fidelity", (FailureClass.INVALID_REQUEST, "invalid_input_fidelity_model")),
        ("transparent", (FailureClass.INVALID_REQUEST, "invalid_value")),
        ("conflict", (FailureClass.OVERLOADED, "conflict")),
        ("too_large", (FailureClass.INVALID_REQUEST, "request_too_large")),
        ("policy_403", (FailureClass.MODERATION, "content_policy_violation")),
        ("moderation_451", (FailureClass.MODERATION, "moderation_blocked")),
        ("sensitive_words", (FailureClass.MODERATION, "sensitive_words_detected")),
        ("relay_quota", (FailureClass.KEY, "insufficient_user_quota")),
        ("relay_precharge", (FailureClass.KEY, "pre_consume_token_quota_failed")),
        ("relay_token", (FailureClass.KEY, "key_refused")),
        ("relay_denied", (FailureClass.KEY, "access_denied")),
        ("relay_channel", (FailureClass.OVERLOADED, "get_channel_failed")),
        ("relay_no_key", (FailureClass.OVERLOADED, "channel:no_available_key")),
        ("relay_no_auth", (FailureClass.OVERLOADED, "overloaded")),
        ("relay_busy", (FailureClass.RATE_LIMITED, "bad_response_status_code")),
        ("relay_crowd", (FailureClass.RATE_LIMITED, "token_concurrency_limit_reached")),
        ("relay_concurrency", (FailureClass.RATE_LIMITED, "rate_limit_exceeded")),
        ("relay_request", (FailureClass.UNKNOWN_OUTCOME, "do_request_failed")),
        ("relay_response", (FailureClass.UNKNOWN_OUTCOME, "bad_response")),
        ("relay_body", (FailureClass.UNKNOWN_OUTCOME, "bad_response_body")),
        ("relay_empty", (FailureClass.UNKNOWN_OUTCOME, "empty_response")),
        ("relay_500", (FailureClass.UNKNOWN_OUTCOME, "bad_response_status_code")),
        ("relay_524", (FailureClass.UNKNOWN_OUTCOME, "bad_response_status_code")),
    ],
)
def test_every_refusal_by_its_class_after_one_call(sandbox, connect, call, fault, expected):
    url, calls = sandbox
    reading = read(call(connect(url), prompt=f"a fox [[fault:{fault}]]"), 1)
    assert isinstance(reading, Failure)
    assert (reading.klass, reading.code) == expected
    assert len(calls()) == 1


def test_a_redirect_is_not_followed_and_told_with_the_base_url_that_it_points_to(
    sandbox, connect, call
):
    url, calls = sandbox
    said = read(call(connect(url), prompt="[[fault:redirect_307]]"), 1).message
    assert said == (
        "the provider points to another address; set its base URL to that one (HTTP 307): /v1"
    )
    assert len(calls()) == 1


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [("rate_limit=0.467", 0.467), ("input_images_limit", 12.0), ("rate_limit_in_words", 51.84)],
)
def test_a_rate_limit_says_when_to_come_back(sandbox, connect, call, fault, seconds):
    url, _calls = sandbox
    assert read(call(connect(url), prompt=f"[[fault:{fault}]]"), 1).retry_after == seconds


def test_the_limit_of_input_images_is_learned_by_its_own_name(sandbox, connect, call):
    url, _calls = sandbox
    answer = call(connect(url), prompt="[[fault:input_images_limit]]")
    assert hear(answer, read(answer, 1)).limits[Dimension.INPUT_IMAGES] == 5


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("cut_before", "connection_cut"),
        ("cut_middle", "connection_cut"),
        ("hang", "deadline_passed"),
        ("trickle=30", "deadline_passed"),
    ],
)
def test_no_answer_is_an_unknown_outcome_after_one_call(sandbox, connect, call, fault, code):
    url, calls = sandbox
    begun = time.monotonic()
    with pytest.raises(CallFailed) as caught:
        call(connect(url), prompt=f"a fox [[fault:{fault}]]", deadline=1.0)
    assert time.monotonic() - begun < 1.5
    assert caught.value.failure.klass is FailureClass.UNKNOWN_OUTCOME
    assert (caught.value.failure.code, caught.value.sent) == (code, True)
    [known] = calls()
    head_came = fault.startswith(("cut_middle", "trickle"))
    assert caught.value.request_id == (known["request_id"] if head_came else None)
