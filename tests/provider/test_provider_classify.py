"""What each answer of a provider, a relay or a gateway means, from bodies that were seen in the wild."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.domain.failure import FailureClass
from darkroom.domain.request import unstorable
from darkroom.provider import Answer
from darkroom.provider.classify import classify
from darkroom.provider.complaint import complaint
from darkroom.provider.meanings import ROWS

RATE = FailureClass.RATE_LIMITED
BUSY = FailureClass.OVERLOADED
BROKEN = FailureClass.SERVER_ERROR
KEY = FailureClass.KEY
UNSAFE = FailureClass.MODERATION
INVALID = FailureClass.INVALID_REQUEST
UNKNOWN = FailureClass.UNKNOWN_OUTCOME

CASES = [
    # OpenAI.
    (400, '{"error": {"message": "Your request was rejected by the safety system. If you believe this is an error, contact us at help.openai.com and include the request ID req_1. safety_violations=[sexual].", "type": "image_generation_user_error", "param": null, "code": "moderation_blocked"}}', UNSAFE, "moderation_blocked"),
    (400, '{"error": {"message": "Billing hard limit has been reached", "type": "image_generation_user_error", "param": null, "code": "billing_hard_limit_reached"}}', KEY, "billing_hard_limit_reached"),
    (400, '{"error": {"message": "Billing hard limit has been reached", "type": "invalid_request_error", "param": null, "code": null}}', KEY, "quota_exhausted"),
    (400, '{"error": {"message": "Invalid size \'256x256\'. Requested resolution is below the current minimum pixel budget.", "type": "image_generation_user_error", "param": "size", "code": "invalid_value"}}', INVALID, "invalid_value"),
    (400, '{"error": {"message": "Transparent background is not supported for this model.", "type": "image_generation_user_error", "param": "background", "code": "invalid_value"}}', INVALID, "invalid_value"),
    (400, '{"error": {"message": "Transparent background is not supported for this model.", "type": "image_generation_user_error", "param": "background", "code": null}}', INVALID, "invalid_request"),
    (400, '{"error": {"message": "input_fidelity is not supported", "type": "image_generation_user_error", "param": "input_fidelity", "code": "invalid_input_fidelity_model"}}', INVALID, "invalid_input_fidelity_model"),
    (400, '{"error": {"message": "Unknown parameter: \'thinking\'.", "type": "invalid_request_error", "param": "thinking", "code": "unknown_parameter"}}', INVALID, "unknown_parameter"),
    (400, '{"error": {"message": "Invalid value: \'loose\'. Supported values are: \'auto\' and \'low\'.", "type": "invalid_request_error", "param": "moderation", "code": "invalid_value"}}', INVALID, "invalid_value"),
    (401, '{"error": {"message": "Incorrect API key provided: sk-abc***xyz.", "type": "invalid_request_error", "param": null, "code": "invalid_api_key"}}', KEY, "invalid_api_key"),
    (401, '{"error": {"message": "Your IP is not authorized.", "type": "invalid_request_error", "param": null, "code": null}}', KEY, "key_refused"),
    (403, '{"error": {"message": "Your organization must be verified to use the model `gpt-image-2`. Please go to: https://platform.openai.com/settings/organization/general and click on Verify Organization.", "type": "invalid_request_error", "param": null, "code": null}}', KEY, "no_access"),
    (403, '{"error": {"message": "Your organization must be verified to use the model `gpt-image-2`.", "type": "invalid_request_error", "param": null, "code": "unsupported_model"}}', KEY, "unsupported_model"),
    (403, '{"error": {"message": "Country, region, or territory not supported", "type": "request_forbidden", "param": null, "code": "unsupported_country_region_territory"}}', KEY, "unsupported_country_region_territory"),
    (403, '{"error": {"message": "Project `proj_1` does not have access to model `gpt-image-2`", "type": "invalid_request_error", "param": null, "code": "model_not_found"}}', KEY, "model_not_found"),
    (404, '{"error": {"message": "The model `gpt-image-9` does not exist or you do not have access to it.", "type": "invalid_request_error", "param": null, "code": "model_not_found"}}', KEY, "model_not_found"),
    (400, '{"error": {"message": "The model \'gpt-image-9\' does not exist.", "type": "invalid_request_error", "param": "model", "code": null}}', KEY, "no_access"),
    (404, '{"error": {"message": "Invalid URL (POST /images/generations)", "type": "invalid_request_error", "param": null, "code": null}}', KEY, "not_found"),
    (429, '{"error": {"message": "Rate limit reached for gpt-image-2 in organization org-1 on input-images per min: Limit 5, Used 5, Requested 1. Please try again in 12s.", "type": "input-images", "param": null, "code": "rate_limit_exceeded"}}', RATE, "rate_limit_exceeded"),
    (429, '{"error": {"message": "You\'ve exceeded the rate limit, please slow down and try again after 51.84 seconds.", "type": "invalid_request_error", "param": null, "code": null}}', RATE, "rate_limit_exceeded"),
    (429, '{"error": {"message": "Slow down and ramp up gradually.", "type": "rate_limit_error", "param": null, "code": "slow_down"}}', RATE, "slow_down"),
    (503, '{"error": {"message": "Slow down.", "type": "server_error", "param": null, "code": "slow_down"}}', RATE, "slow_down"),
    (429, '{"error": {"message": "Your credits are used up.", "type": "insufficient_quota", "param": null, "code": "credit_balance_exhausted"}}', KEY, "credit_balance_exhausted"),
    (429, '{"error": {"message": "Over the limit.", "type": "insufficient_quota", "param": null, "code": "organization_spend_limit_exceeded"}}', KEY, "organization_spend_limit_exceeded"),
    (429, '{"error": {"message": "Over the limit.", "type": "insufficient_quota", "param": null, "code": "project_spend_limit_exceeded"}}', KEY, "project_spend_limit_exceeded"),
    (429, '{"error": {"message": "Over the limit.", "type": "insufficient_quota", "param": null, "code": "organization_usage_limit_exceeded"}}', KEY, "organization_usage_limit_exceeded"),
    (429, '{"error": {"message": "You exceeded your current quota, please check your plan and billing details.", "type": "insufficient_quota", "param": null, "code": "insufficient_quota"}}', KEY, "insufficient_quota"),
    (429, '{"error": {"message": "", "type": "insufficient_quota", "param": null, "code": null}}', KEY, "quota_exhausted"),
    (429, '{"error": {"message": "You exceeded your current quota, please check your plan and billing details."}}', KEY, "quota_exhausted"),
    (500, '{"error": {"message": "The server had an error while processing your request.", "type": "server_error", "param": null, "code": "server_error"}}', BROKEN, "server_error"),
    (500, '{"error": {"message": "Image generation failed", "type": "image_generation_server_error", "param": null, "code": "image_generation_failed"}}', BROKEN, "image_generation_failed"),
    (400, '{"error": {"message": "It broke.", "type": "server_error", "param": null, "code": null}}', BROKEN, "server_error"),
    (503, '{"error": {"message": "The server does not have enough capacity to process your request.", "type": "service_unavailable_error", "param": null, "code": "server_is_overloaded"}}', BUSY, "server_is_overloaded"),
    (503, '{"error": {"message": "Try later.", "type": "service_unavailable_error", "param": null, "code": null}}', BUSY, "overloaded"),
    (409, '{"error": {"message": "Conflict", "type": "invalid_request_error", "param": null, "code": null}}', BUSY, "conflict"),
    # Words that quote a prompt, or name a page of the provider's, decide nothing.
    (429, '{"error": {"message": "Rate limit reached for gpt-image-2 in organization org-1 on images per min: Limit 5, Used 5, Requested 1. Please try again in 12s. Visit https://platform.openai.com/account/billing to raise it.", "type": "images", "param": null, "code": null}}', RATE, "rate_limit_exceeded"),
    (400, '{"error": {"message": "Invalid prompt: \'Billing address of a hotel, rate limit reached\'.", "type": "invalid_request_error", "param": "prompt", "code": null}}', INVALID, "invalid_request"),
    (400, '{"error": {"message": "Invalid \'n\': region not supported above 10.", "type": "invalid_request_error", "param": "n", "code": "integer_above_max_value"}}', INVALID, "integer_above_max_value"),
    (400, '{"error": {"message": "Invalid \'n\': region not supported above 10.", "type": "invalid_request_error", "param": "n", "code": "some_new_code"}}', INVALID, "some_new_code"),
    (400, '{"error": {"message": "The billing department as a painting is no valid prompt.", "type": "invalid_request_error", "param": null, "code": null}}', INVALID, "invalid_request"),
    (400, '{"error": {"message": "Your request was rejected by the safety system.", "type": "invalid_request_error", "param": "prompt", "code": null}}', UNSAFE, "moderation_blocked"),
    (400, '{"error": {"message": "The model `gpt-image-9` does not exist or you do not have access to it.", "type": "upstream_error", "param": "400", "code": "bad_response_status_code"}}', KEY, "bad_response_status_code"),
    # Relays.
    (403, '{"error": {"message": "用户额度不足, 剩余额度: ＄0.00", "type": "new_api_error", "param": "", "code": "insufficient_user_quota"}}', KEY, "insufficient_user_quota"),
    (403, '{"error": {"message": "预扣费额度失败", "type": "new_api_error", "param": "", "code": "pre_consume_token_quota_failed"}}', KEY, "pre_consume_token_quota_failed"),
    (403, '{"error": {"message": "该令牌额度已用尽", "type": "new_api_error"}}', KEY, "quota_exhausted"),
    (401, '{"error": {"message": "无效的令牌", "type": "new_api_error", "param": "", "code": ""}}', KEY, "key_refused"),
    (500, '{"error": {"message": "无效的令牌", "type": "one_api_error"}}', KEY, "key_refused"),
    (403, '{"error": {"message": "No access", "type": "new_api_error", "param": "", "code": "access_denied"}}', KEY, "access_denied"),
    (500, '{"error": {"message": "get channel failed", "type": "new_api_error", "param": "", "code": "get_channel_failed"}}', BUSY, "get_channel_failed"),
    (500, '{"error": {"message": "no key", "type": "new_api_error", "param": "", "code": "channel:no_available_key"}}', BUSY, "channel:no_available_key"),
    (503, '{"error": {"message": "No available channel for model gpt-image-2 under group default", "type": "new_api_error", "param": "", "code": "model_not_found"}}', BUSY, "model_not_found"),
    (503, '{"error": {"message": "当前分组 default 下对于模型 gpt-image-2 无可用渠道", "type": "one_api_error"}}', BUSY, "overloaded"),
    (500, '{"error": {"message": "do request failed", "type": "new_api_error", "param": "", "code": "do_request_failed"}}', UNKNOWN, "do_request_failed"),
    (500, '{"error": {"message": "bad response", "type": "new_api_error", "param": "", "code": "bad_response"}}', UNKNOWN, "bad_response"),
    (500, '{"error": {"message": "bad response body", "type": "new_api_error", "param": "", "code": "bad_response_body"}}', UNKNOWN, "bad_response_body"),
    (500, '{"error": {"message": "unexpected EOF", "type": "new_api_error", "param": "", "code": "read_response_body_failed"}}', UNKNOWN, "read_response_body_failed"),
    (500, '{"error": {"message": "InvokeModel failed", "type": "new_api_error", "param": "", "code": "aws_invoke_error"}}', UNKNOWN, "aws_invoke_error"),
    (500, '{"error": {"message": "response time exceeded", "type": "new_api_error", "param": "", "code": "channel:response_time_exceeded"}}', UNKNOWN, "channel:response_time_exceeded"),
    (503, '{"error": {"message": "what a fork says", "type": "new_api_error"}}', UNKNOWN, "relay_lost_upstream"),
    (400, '{"error": {"message": "what a fork says", "type": "new_api_error", "code": "a_new_code"}}', INVALID, "a_new_code"),
    (500, '{"error": {"message": "empty response", "type": "new_api_error", "param": "", "code": "empty_response"}}', UNKNOWN, "empty_response"),
    (400, '{"error": {"message": "sensitive words detected", "type": "new_api_error", "param": "", "code": "sensitive_words_detected"}}', UNSAFE, "sensitive_words_detected"),
    (500, '{"error": {"message": "sensitive words detected", "type": "new_api_error", "param": "", "code": "sensitive_words_detected"}}', UNSAFE, "sensitive_words_detected"),
    (429, '{"error": {"message": "too many", "type": "new_api_error", "param": "", "code": "token_concurrency_limit_reached"}}', RATE, "token_concurrency_limit_reached"),
    (429, '{"error": {"message": "当前分组上游负载已饱和，请稍后再试", "type": "upstream_error", "param": "429", "code": "bad_response_status_code"}}', RATE, "bad_response_status_code"),
    (500, '{"error": {"message": "当前分组上游负载已饱和，请稍后再试", "type": "one_api_error"}}', RATE, "rate_limit_exceeded"),
    (429, '{"error": {"message": "concurrency limit exceeded", "type": "rate_limit_error"}}', RATE, "rate_limit_exceeded"),
    (500, '{"error": {"message": "hold on", "type": "rate_limit_error"}}', RATE, "rate_limit_exceeded"),
    (503, '{"error": {"message": "auth_unavailable: no auth available", "type": "server_error"}}', BUSY, "overloaded"),
    (500, '{"error": {"message": "bad response status code 500", "type": "upstream_error", "param": "500", "code": "bad_response_status_code"}}', UNKNOWN, "bad_response_status_code"),
    (502, '{"error": {"message": "bad response status code 502", "type": "upstream_error", "param": "502", "code": "bad_response_status_code"}}', UNKNOWN, "bad_response_status_code"),
    (524, '{"error": {"message": "bad response status code 524", "type": "upstream_error", "param": "524", "code": "bad_response_status_code"}}', UNKNOWN, "bad_response_status_code"),
    (500, '{"error": {"message": "no body", "type": "upstream_error"}}', UNKNOWN, "relay_lost_upstream"),
    (504, '{"error": {"message": "Try later.", "type": "service_unavailable_error", "code": null}}', BUSY, "overloaded"),
    (500, '{"error": {"message": "upstream load is too high for 4K", "type": "invalid_request_error"}}', BROKEN, "server_error"),
    (451, '{"error": {"message": "blocked", "type": "upstream_error"}}', UNSAFE, "moderation_blocked"),
    (403, '{"error": {"message": "no", "type": "invalid_request_error", "code": "content_policy_violation"}}', UNSAFE, "content_policy_violation"),
    (403, '{"error": {"message": "This violates our content policy."}}', UNSAFE, "moderation_blocked"),
    (400, '{"error": {"message": "no", "type": "authentication_error"}}', KEY, "key_refused"),
    (400, '{"error": {"message": "no", "type": "content_policy_violation"}}', UNSAFE, "moderation_blocked"),
    (500, '{"error": {"message": "no", "type": "overloaded_error"}}', BUSY, "overloaded"),
    (402, '{"error": {"message": "Payment required"}}', KEY, "quota_exhausted"),
    (403, '{"error": {"message": "Forbidden"}}', KEY, "access_denied"),
    (400, '{"error": "Your request was rejected by the safety system."}', UNSAFE, "moderation_blocked"),
    (422, '{"detail": [{"loc": ["body", "size"], "msg": "field required"}]}', INVALID, "invalid_request"),
    (429, '{"code": 429, "message": "Too many requests", "data": null}', RATE, "rate_limit_exceeded"),
    # Gateways and proxies.
    (502, "<html><head><title>502 Bad Gateway</title></head></html>", UNKNOWN, "gateway_gave_up"),
    (504, "<html><head><title>504 Gateway Time-out</title></head></html>", UNKNOWN, "gateway_gave_up"),
    (504, '{"error": {"message": "timeout", "type": "server_error", "code": "server_error"}}', UNKNOWN, "server_error"),
    (520, "error code: 520", UNKNOWN, "gateway_gave_up"),
    (522, "error code: 522", UNKNOWN, "gateway_gave_up"),
    (524, "<!DOCTYPE html><title>api.example | 524: A timeout occurred</title>", UNKNOWN, "gateway_gave_up"),
    (500, "\n <html><body>Internal Server Error</body></html>", UNKNOWN, "gateway_page"),
    (503, "<html><title>503 Service Temporarily Unavailable</title></html>", UNKNOWN, "gateway_page"),
    (503, "upstream connect error or disconnect/reset before headers. reset reason: connection termination", UNKNOWN, "gateway_gave_up"),
    (408, '{"error": {"message": "Request timeout"}}', UNKNOWN, "request_timeout"),
    (413, "<html><title>413 Request Entity Too Large</title></html>", INVALID, "request_too_large"),
    (429, "<html><title>Too many requests</title></html>", RATE, "rate_limit_exceeded"),
    (407, "", FailureClass.UNREACHABLE, "proxy_refused"),
    (429, "", RATE, "rate_limit_exceeded"),
    (307, "", KEY, "redirected"),
    (302, "<a href='/login'>", KEY, "redirected"),
    (503, "", BUSY, "overloaded"),
    (500, "", BROKEN, "server_error"),
    (400, "\x00\x01", INVALID, "invalid_request"),
    (418, "[]", INVALID, "invalid_request"),
    (599, "null", UNKNOWN, "unusable_answer"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "klass", "code"), CASES)
def test_table(status, body, klass, code):
    failure = classify(Answer(status, {}, body.encode(), 1))
    assert (failure.klass, failure.code, failure.http_status) == (klass, code, status)
    assert failure.message


def test_json_that_calls_itself_html_is_read_all_the_same():
    html = {"content-type": "text/html; charset=utf-8"}
    said = Answer(503, html, error(code="server_is_overloaded"), 1)
    assert classify(said).klass is BUSY
    assert classify(Answer(500, html, b"Something went wrong", 1)).code == "gateway_page"


def test_every_row_of_the_table_decides_a_case():
    said = [complaint(Answer(status, {}, body.encode(), 1)) for status, body, _, _ in CASES]
    deciding = [next(row for row in ROWS if row.fits(one)) for one in said]
    assert [row for row in ROWS if not any(row is one for one in deciding)] == []


def test_codes_come_first_then_types_then_statuses_then_words():
    words = max(at for at, row in enumerate(ROWS) if row.says)
    sections = [0 if row.codes else 1 if row.types else 2 if row.statuses else 3 for row in ROWS]
    assert sections[: words + 1] == sorted(sections[: words + 1])
    assert not any(row.codes or row.says for row in ROWS[words + 1 :])


def test_a_rate_limit_that_names_the_page_to_pay_at_keeps_its_hint():
    said = "Rate limit reached on images per min. Please try again in 12s. Visit /account/billing."
    assert classify(Answer(429, {}, error(message=said), 1)).retry_after == 12.0


def error(**fields):
    return json.dumps({"error": fields}).encode()


def test_a_message_has_our_sentence_and_the_clipped_words_of_the_provider():
    failure = classify(Answer(400, {}, error(message="no " * 1_000, code="invalid_value"), 1))
    ours, _, theirs = failure.message.partition(": ")
    assert ours == "the provider does not accept these parameters (HTTP 400)"
    assert theirs.startswith("no no no")
    assert theirs.endswith("…")
    assert len(theirs) <= 200


@pytest.mark.parametrize(
    "secret",
    [
        "sk-abc123def456",
        "sk-proj-Ab_cd-1234",
        "sk-abcd****wxyz",
        "Bearer abcdef.ghijkl",
        "bearer   abcdef123",
        "0123456789abcdef0123456789abcdef01234567",
        "rk-limited-key",
    ],
)
def test_what_looks_like_a_key_is_masked(secret):
    padding = "x " * 95
    for message in (f"Incorrect key: {secret}.", f"{padding}{secret} is wrong", f"({secret})"):
        shown = classify(Answer(401, {}, error(message=message), 1)).message
        assert "***" in shown
        assert not any(part in shown for part in secret.split() if part.lower() != "bearer")


def test_words_that_only_look_a_little_like_a_key_stay():
    shown = classify(Answer(400, {}, error(message="the task-force asks for risk-free bears"), 1))
    assert shown.message.endswith("the task-force asks for risk-free bears")


def test_a_moderation_names_its_findings_and_never_repeats_the_prompt():
    body = error(
        code="moderation_blocked",
        message="Your prompt 'a naked emperor' was rejected by the safety system.",
        moderation_details={"moderation_stage": "output", "categories": ["sexual", "minors"]},
    )
    message = classify(Answer(400, {}, body, 1)).message
    assert message.endswith("(output, sexual, minors)")
    assert "emperor" not in message
    hidden = error(message="rejected by the safety system: emperor. safety_violations=[sexual].")
    assert classify(Answer(400, {}, hidden, 1)).message.endswith("(sexual)")


def test_a_refused_prompt_is_not_repeated():
    body = error(code="string_above_max_length", param="prompt", message="too long: 'emperor…'")
    assert "emperor" not in classify(Answer(400, {}, body, 1)).message


def test_only_what_may_come_back_has_a_hint():
    headers = {"retry-after": "7"}
    hints = {
        body: classify(Answer(status, headers, body, 1)).retry_after
        for status, body in (
            (429, error(code="rate_limit_exceeded")),
            (503, error(code="server_is_overloaded")),
            (500, error(code="server_error")),
            (429, error(code="insufficient_quota")),
            (400, error(code="invalid_value")),
            (502, b"<html>"),
        )
    }
    assert list(hints.values()) == [7.0, 7.0, 7.0, None, None, None]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["error", "code", "message", "type", "param", "data", "b64_json", "usage", "moderation_details", "categories"]), inner),
    max_leaves=8,
)  # fmt: skip


@given(
    st.integers(100, 599),
    st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "date"]), st.text()),
    st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
)
def test_nothing_that_can_be_answered_upsets_it(status, headers, body):
    failure = classify(Answer(status, headers, body, 1))
    assert not unstorable(failure.message + failure.code)
    assert len(failure.message) < 400
    assert len(failure.code) <= 64
    assert failure.retry_after is None or 0 <= failure.retry_after <= 86_400


@pytest.mark.parametrize(
    ("status", "error", "billed"),
    [
        (500, {"type": "server_error", "code": "server_error"}, True),
        (500, {"type": "image_generation_server_error", "code": "image_generation_failed"}, True),
        (503, {"type": "service_unavailable_error", "code": "server_is_overloaded"}, False),
        (
            400,
            {"code": "moderation_blocked", "moderation_details": {"moderation_stage": "output"}},
            True,
        ),
        (
            400,
            {"code": "moderation_blocked", "moderation_details": {"moderation_stage": "unknown"}},
            True,
        ),
        (
            400,
            {"code": "moderation_blocked", "moderation_details": {"moderation_stage": "input"}},
            False,
        ),
        (400, {"code": "moderation_blocked"}, False),
    ],
)
def test_what_was_drawn_before_it_failed_may_have_been_billed(status, error, billed):
    body = json.dumps({"error": {"message": "no", **error}}).encode()
    assert classify(Answer(status, {}, body, 1)).perhaps_billed == billed
