import re
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest


@pytest.mark.parametrize(
    ("limit", "n", "message", "kind"),
    [
        (
            {"images_per_minute": 5},
            5,
            r"on images per min \(IPM\): Limit 5, Used 5, Requested 5\. Please try again in \d",
            "images",
        ),
        (
            {"requests_per_minute": 1},
            1,
            r"on requests per min \(RPM\): Limit 1, Used 1, Requested 1\. Please try again in \d",
            "requests",
        ),
        (
            {"tokens_per_minute": 300},
            1,
            r"on tokens per min \(TPM\): Limit 300, Used 1\d\d, Requested 199\. Please try again in",
            "tokens",
        ),
    ],
)
def test_the_second_call_meets_the_limit(sandbox, limit, n, message, kind):
    sandbox.configure(**limit)
    asked = {"prompt": "a red fox", "model": "gpt-image-2", "quality": "low", "n": n}
    assert sandbox.openai.images.generate(**asked).data
    with pytest.raises(openai.RateLimitError) as caught:
        sandbox.openai.images.generate(**asked)
    assert (caught.value.code, caught.value.type) == ("rate_limit_exceeded", kind)
    assert re.search(f"gpt-image-2 in organization org-sandbox {message}", caught.value.message)
    totals = sandbox.get("totals")
    assert (totals["refused_429"], totals["images_billed"]) == (1, n)


def test_the_hint_is_the_time_until_the_next_image(sandbox, generate):
    sandbox.configure(images_per_minute=5)
    generate(n=5)
    with pytest.raises(openai.RateLimitError) as caught:
        generate()
    headers = caught.value.response.headers
    milliseconds = int(headers["retry-after-ms"])
    assert 8_000 < milliseconds <= 12_000
    assert int(headers["retry-after"]) == -(-milliseconds // 1000)
    said = float(re.search(r"try again in ([\d.]+)s", caught.value.message)[1])
    assert said == pytest.approx(milliseconds / 1000, abs=0.01)


def test_input_images_have_a_limit_of_their_own(sandbox, generate, picture_bytes):
    sandbox.configure(input_images_per_minute=1)
    image = ("a.png", picture_bytes((16, 16)))
    assert generate().data
    assert sandbox.openai.images.edit(image=image, prompt="a", model="gpt-image-2").data
    with pytest.raises(openai.RateLimitError) as caught:
        sandbox.openai.images.edit(image=image, prompt="a", model="gpt-image-2")
    assert "input-images per min: Limit 1, Used 1, Requested 1" in caught.value.message
    assert generate().data


def test_a_request_above_the_limit_is_refused_whole(sandbox, generate):
    sandbox.configure(images_per_minute=5)
    with pytest.raises(openai.RateLimitError, match="Limit 5, Used 0, Requested 10"):
        generate(n=10)
    assert len(generate(n=5).data) == 5


def test_failed_and_refused_requests_count(sandbox, generate):
    sandbox.configure(requests_per_minute=3, images_per_minute=1)
    with pytest.raises(openai.BadRequestError):
        generate(quality="ultra")
    assert generate().data
    with pytest.raises(openai.RateLimitError, match="IPM"):
        generate()
    with pytest.raises(openai.RateLimitError, match="RPM"):
        generate()


def test_limits_are_for_each_key_and_family(sandbox, generate):
    sandbox.configure(images_per_minute=1)
    assert generate().data
    assert generate(model="gpt-image-2.5-flare").data
    with sandbox.client(api_key="sk-other") as other:
        assert other.images.generate(prompt="a", model="gpt-image-2").data
    with pytest.raises(openai.RateLimitError):
        generate(model="gpt-image-2-2026-04-21")


def test_a_short_window_allows_a_small_burst_only(sandbox, generate):
    sandbox.configure(images_per_minute=60, window_seconds=2)
    assert generate(n=2).data
    with pytest.raises(openai.RateLimitError) as caught:
        generate(n=2)
    assert int(caught.value.response.headers["retry-after-ms"]) <= 2000


def test_the_limit_gives_way_in_time(sandbox, generate):
    sandbox.configure(images_per_minute=600, window_seconds=0.1, latency=0.2)
    assert all(generate().data for _ in range(3))


def test_the_headers_count_down(sandbox):
    sandbox.configure(requests_per_minute=100, tokens_per_minute=10_000)
    raw = sandbox.openai.images.with_raw_response.generate(
        prompt="abcd", model="gpt-image-2", quality="low", size="1024x1024"
    )
    limits = {name: value for name, value in raw.headers.items() if name.startswith("x-ratelimit")}
    assert limits["x-ratelimit-limit-requests"] == "100"
    assert limits["x-ratelimit-remaining-requests"] == "99"
    assert limits["x-ratelimit-limit-tokens"] == "10000"
    assert 9803 <= int(limits["x-ratelimit-remaining-tokens"]) <= 9900
    assert re.fullmatch(r"\d+ms|[\d.]+s", limits["x-ratelimit-reset-requests"])


def test_no_limits_no_headers(sandbox):
    raw = sandbox.openai.images.with_raw_response.generate(prompt="a", model="gpt-image-2")
    assert not [name for name in raw.headers if name.startswith("x-ratelimit")]


def test_calls_in_flight_are_limited(sandbox, generate):
    sandbox.configure(max_in_flight=2)
    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(generate, f"{number} [[hold:gate]]") for number in range(2)]
        sandbox.wait(held=2)
        with pytest.raises(openai.RateLimitError) as caught:
            generate()
        assert caught.value.response.headers["retry-after"] == "1"
        sandbox.post("release", name="gate")
        assert all(answer.result().data for answer in held)
    assert generate().data
