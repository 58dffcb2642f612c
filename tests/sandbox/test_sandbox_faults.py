import io
import json
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from PIL import Image

# What is marked, the SDK's exception, status, code, images billed.
ERRORS = [
    ("rate_limit", openai.RateLimitError, 429, "rate_limit_exceeded", 0),
    ("stray_429", openai.RateLimitError, 429, "rate_limit_exceeded", 0),
    ("slow_down", openai.RateLimitError, 429, "slow_down", 0),
    ("quota", openai.RateLimitError, 429, "insufficient_quota", 0),
    ("billing_limit", openai.BadRequestError, 400, "billing_hard_limit_reached", 0),
    ("invalid_key", openai.AuthenticationError, 401, "invalid_api_key", 0),
    ("moderation", openai.BadRequestError, 400, "moderation_blocked", 0),
    ("invalid_value", openai.BadRequestError, 400, "invalid_value", 0),
    ("server_error", openai.InternalServerError, 500, "server_error", 0),
    ("image_failed", openai.InternalServerError, 500, "image_generation_failed", 0),
    ("overloaded", openai.InternalServerError, 503, "server_is_overloaded", 0),
    ("bad_gateway", openai.InternalServerError, 502, None, 1),
    ("cloudflare_524", openai.InternalServerError, 524, None, 1),
]


@pytest.mark.parametrize("row", ERRORS, ids=lambda row: row[0])
def test_error_answers(sandbox, generate, row):
    fault, kind, status, code, billed = row
    with pytest.raises(kind) as caught:
        generate(f"a fox [[fault:{fault}]]")
    assert (caught.value.status_code, caught.value.code) == (status, code)
    call = sandbox.last_call()
    assert caught.value.request_id == call["request_id"]
    assert (call["status"], call["images_billed"], call["fault"]) == (status, billed, fault)


@pytest.mark.parametrize("fault", ["bad_gateway", "cloudflare_524"])
def test_gateways_answer_in_html(generate, fault):
    with pytest.raises(openai.InternalServerError) as caught:
        generate(f"[[fault:{fault}]]")
    assert caught.value.response.headers["content-type"].startswith("text/html")
    assert "<html>" in caught.value.body


def test_moderation_says_what_it_found(generate):
    with pytest.raises(openai.BadRequestError) as caught:
        generate("[[fault:moderation]]")
    details = caught.value.body["moderation_details"]
    assert details == {"moderation_stage": "input", "categories": ["sexual"]}
    assert caught.value.type == "image_generation_user_error"
    assert caught.value.request_id in caught.value.message


@pytest.mark.parametrize(
    ("marker", "seconds", "milliseconds", "hint"),
    [
        ("rate_limit", "1", "1000", "try again in 1s"),
        ("rate_limit=300", "300", "300000", "try again in 5m0s"),
        ("rate_limit=0.467", "1", "467", "try again in 467ms"),
    ],
)
def test_a_rate_limit_hints_when_to_come_back(generate, marker, seconds, milliseconds, hint):
    with pytest.raises(openai.RateLimitError) as caught:
        generate(f"[[fault:{marker}]]")
    headers = caught.value.response.headers
    assert (headers["retry-after"], headers["retry-after-ms"]) == (seconds, milliseconds)
    assert hint in caught.value.message


@pytest.mark.parametrize("fault", ["cut_before", "cut_middle"])
def test_a_cut_connection_is_a_connection_error_and_billed(sandbox, generate, fault):
    with pytest.raises(openai.APIConnectionError) as caught:
        generate(f"[[fault:{fault}]]")
    assert not isinstance(caught.value, openai.APITimeoutError)
    assert type(caught.value.__cause__).__name__ == "RemoteProtocolError"
    call = sandbox.last_call()
    assert (call["status"], call["images_billed"], call["output_tokens"]) == ("cut", 1, 196)


def test_a_hanging_call_times_out_and_is_billed(sandbox):
    with sandbox.client(timeout=0.3) as client, pytest.raises(openai.APITimeoutError):
        client.images.generate(prompt="[[fault:hang]]", model="gpt-image-2", quality="low")
    assert sandbox.wait(in_flight=0, ended=1)["images_billed"] == 1
    assert sandbox.last_call()["status"] == "hang"


def test_trickling_bytes_outlive_a_read_timeout(sandbox):
    with sandbox.client(timeout=0.5) as client:
        answer = client.images.generate(
            prompt="[[fault:trickle=1]]", model="gpt-image-2", quality="low"
        )
    assert answer.data[0].b64_json
    assert sandbox.last_call()["status"] == 200


def test_html_with_200_is_a_string_to_the_sdk(sandbox, generate):
    assert isinstance(generate("[[fault:html_200]]"), str)
    assert sandbox.last_call()["images_billed"] == 1


def test_an_error_with_200_has_no_data(sandbox, generate):
    answer = generate("[[fault:error_200]]")
    assert answer.data is None
    assert answer.error["code"] == "image_generation_failed"
    assert sandbox.last_call()["images_billed"] == 0


def test_truncated_json_is_a_decode_error(sandbox, generate):
    with pytest.raises(json.JSONDecodeError):
        generate("[[fault:truncated_json]]")
    assert (sandbox.last_call()["status"], sandbox.last_call()["images_billed"]) == (200, 1)


def test_empty_data(sandbox, generate):
    assert generate("[[fault:empty_data]]").data == []
    assert sandbox.last_call()["images_billed"] == 1


def test_url_only(generate):
    image = generate("[[fault:url_only]]").data[0]
    assert image.b64_json is None
    assert image.url.startswith("https://")


def test_bad_base64(generate):
    with pytest.raises(ValueError):
        b64decode(generate("[[fault:bad_base64]]").data[0].b64_json, validate=True)


def test_not_an_image(generate):
    data = b64decode(generate("[[fault:not_an_image]]").data[0].b64_json, validate=True)
    with pytest.raises(Image.UnidentifiedImageError):
        Image.open(io.BytesIO(data))


@pytest.mark.parametrize("size", ["1024x1024", "2048x1152"])
def test_another_size_than_asked(generate, opened, size):
    answer = generate("[[fault:wrong_size]]", size=size)
    assert answer.size == size
    assert "{}x{}".format(*opened(answer.data[0]).size) != size


@pytest.mark.parametrize("asked", ["png", "webp"])
def test_another_format_than_asked(generate, opened, asked):
    answer = generate("[[fault:wrong_format]]", output_format=asked)
    assert answer.output_format == asked
    assert opened(answer.data[0]).format.lower() != asked


def test_one_of_n_images_is_missing_and_not_billed(sandbox, generate):
    answer = generate("[[fault:missing_one]]", n=3)
    assert len(answer.data) == 2
    assert answer.usage.output_tokens == 2 * 196
    assert sandbox.last_call()["images_billed"] == 2


def test_a_redirect_is_followed_to_a_good_answer(sandbox, generate):
    assert generate("[[fault:redirect_307]]").data[0].b64_json
    assert [call["status"] for call in sandbox.calls()] == [307, 200]
    assert sandbox.get("totals")["images_billed"] == 1


def test_a_fault_for_the_first_calls_of_a_prompt_only(sandbox, generate):
    prompt = "a [[fault:server_error*2]] [[fault:rate_limit*1]]"
    for kind in (openai.InternalServerError, openai.InternalServerError, openai.RateLimitError):
        with pytest.raises(kind):
            generate(prompt)
    assert generate(prompt).data
    with pytest.raises(openai.InternalServerError):
        generate(prompt + " of another prompt")
    assert sandbox.get("totals")["by_fault"] == {"server_error": 3, "rate_limit": 1}


def test_a_fault_by_script(sandbox, generate):
    sandbox.configure(faults=[{"fault": "server_error", "calls": [2, 3]}])
    assert generate().data
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            generate()
    assert generate().data


def _luck(sandbox, generate, seed):
    sandbox.configure(
        seed=seed, faults=[{"fault": "error_200", "probability": 0.5}], canned_bytes=0
    )
    return [generate().data is None for _ in range(20)]


def test_a_fault_by_chance_repeats_with_its_seed(sandbox, generate):
    first, again, other = (_luck(sandbox, generate, seed) for seed in (1, 1, 2))
    assert first == again != other
    assert 3 < sum(first) < 17


@pytest.mark.parametrize("marker", ["[[fault:nonsense]]", "[[latency:soon]]", "[[fault:hang=..]]"])
def test_a_marker_that_means_nothing_is_refused(generate, marker):
    with pytest.raises(openai.BadRequestError) as caught:
        generate(marker)
    assert caught.value.code == "sandbox_marker"


@pytest.mark.parametrize(
    ("settings", "prompt", "least"),
    [
        ({"latency": 0.4}, "a", 400),
        ({"latency": [0.3, 0.5]}, "a", 300),
        ({"latency": {"low": 0.4, "high": 9}}, "a", 400),
        ({"latency": 9}, "a [[latency:0.3]]", 300),
        ({}, "a [[fault:extra_latency=0.3]]", 300),
    ],
)
def test_latency(sandbox, settings, prompt, least):
    sandbox.configure(**settings)
    raw = sandbox.openai.images.with_raw_response.generate(
        prompt=prompt, model="gpt-image-2", quality="low"
    )
    assert least <= int(raw.headers["openai-processing-ms"]) < least + 1500


def test_the_sandbox_goes_on_while_calls_take_their_time(sandbox, generate):
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(generate, "a [[latency:0.5]]") for _ in range(8)]
        sandbox.wait(in_flight=8)
        assert all(answer.result().data for answer in answers)
    assert sandbox.get("totals")["peak_in_flight"] == 8
