import base64
import hashlib
import socket

import openai
import pytest


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("1024x1024", (1024, 1024)),
        ("1536x1024", (1536, 1024)),
        ("1024x1536", (1024, 1536)),
        ("2048x1152", (2048, 1152)),
        ("640x1024", (640, 1024)),
        ("auto", (1024, 1024)),
    ],
)
def test_the_image_has_the_size_that_the_answer_states(generate, opened, size, expected):
    answer = generate(size=size)
    assert opened(answer.data[0]).size == expected
    assert answer.size == f"{expected[0]}x{expected[1]}"


@pytest.mark.parametrize(
    ("parameters", "image_format"),
    [
        ({}, "PNG"),
        ({"output_format": "png"}, "PNG"),
        ({"output_format": "jpeg", "output_compression": 60}, "JPEG"),
        ({"output_format": "webp"}, "WEBP"),
    ],
)
def test_the_image_has_the_format_that_was_asked_for(generate, opened, parameters, image_format):
    answer = generate(**parameters)
    assert opened(answer.data[0]).format == image_format
    assert answer.output_format == image_format.lower()


def test_compression_makes_a_smaller_file(generate):
    small, large = (generate(output_format="jpeg", output_compression=level) for level in (10, 95))
    assert len(small.data[0].b64_json) < len(large.data[0].b64_json)


def test_a_transparent_image_has_transparent_corners(generate, opened):
    answer = generate(model="gpt-image-2.5-flare", background="transparent")
    picture = opened(answer.data[0])
    assert picture.mode == "RGBA"
    assert picture.getpixel((0, 0))[3] == 0
    assert answer.background == "transparent"


def test_no_two_images_are_alike(generate):
    images = [image.b64_json for _ in range(2) for image in generate(n=3).data]
    assert len(set(images)) == 6


PANEL = (200, 200, 824, 780)
"""Inside the panel and above its footer, whatever the background is."""


def test_the_prompt_is_drawn(generate, opened):
    """Ink on the panel: a long prompt leaves more of it than a dot."""
    ink = [
        sum(opened(generate(prompt).data[0]).crop(PANEL).convert("L").histogram()[:60])
        for prompt in (".", "日本語のプロンプト " * 20)
    ]
    assert ink[1] > 20 * ink[0]


@pytest.mark.parametrize(
    "prompt",
    [
        "🦊🚀👩‍👩‍👧",
        "مرحبا بالعالم",
        "a\tb\x00c\r\n\n\nd",
        "x" * 32_000,
        "字" * 5000,
        " ",
        "\u202e\ufeff",
    ],
)
def test_any_prompt_can_be_drawn(generate, opened, prompt):
    assert opened(generate(prompt).data[0]).size == (1024, 1024)


def test_auto_values_are_resolved_in_the_answer(generate):
    answer = generate(size="auto", quality="auto", background="auto")
    assert (answer.size, answer.quality, answer.background) == ("1024x1024", "medium", "opaque")


def test_the_answer_has_exactly_the_fields_of_the_real_one(generate):
    answer = generate(safety_identifier="u-1").model_dump(exclude_unset=True)
    assert set(answer) == {
        *("created", "data", "background", "output_format", "quality", "size", "usage"),
        "safety_identifier",
    }
    assert set(answer["data"][0]) == {"b64_json"}
    assert set(answer["usage"]) == {
        *("input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details"),
        "total_tokens",
    }


def test_every_answer_has_a_request_id_and_a_processing_time(sandbox, generate):
    assert generate()._request_id == sandbox.last_call()["request_id"]
    raw = sandbox.openai.images.with_raw_response.generate(prompt="a", model="gpt-image-2")
    assert raw.headers["x-request-id"].startswith("req_")
    assert int(raw.headers["openai-processing-ms"]) >= 0


BAD_REQUESTS = [
    ({"thinking": "low"}, "unknown_parameter", "thinking"),
    ({"response_format": "url"}, "unknown_parameter", "response_format"),
    ({"input_fidelity": "low"}, "unknown_parameter", "input_fidelity"),
    ({"prompt": None}, "missing_required_parameter", "prompt"),
    ({"prompt": ""}, "empty_string", "prompt"),
    ({"prompt": "x" * 32_001}, "string_above_max_length", "prompt"),
    ({"prompt": ["a"]}, "invalid_type", "prompt"),
    ({"n": 0}, "integer_below_min_value", "n"),
    ({"n": 11}, "integer_above_max_value", "n"),
    ({"n": "two"}, "invalid_type", "n"),
    ({"n": True}, "invalid_type", "n"),
    ({"size": "256x256"}, "invalid_value", "size"),
    ({"size": "768x768"}, "invalid_value", "size"),
    ({"size": "1000x1000"}, "invalid_value", "size"),
    ({"size": "3840x3840"}, "invalid_value", "size"),
    ({"size": "4096x2048"}, "invalid_value", "size"),
    ({"size": "3840x1024"}, "invalid_value", "size"),
    ({"size": "big"}, "invalid_value", "size"),
    ({"model": "gpt-image-1.5", "size": "2048x2048"}, "invalid_value", "size"),
    ({"quality": "ultra"}, "invalid_value", "quality"),
    ({"quality": "max"}, "invalid_value", "quality"),
    ({"output_format": "bmp"}, "invalid_value", "output_format"),
    ({"output_compression": 50}, "invalid_value", "output_compression"),
    ({"output_format": "jpeg", "output_compression": 101}, "integer_above_max_value", "output_compression"),
    ({"background": "transparent"}, "invalid_value", "background"),
    ({"model": "gpt-image-2.5-flare", "background": "transparent", "output_format": "jpeg"}, "invalid_value", "background"),
    ({"moderation": "none"}, "invalid_value", "moderation"),
    ({"complexity": "low"}, "invalid_value", "complexity"),
    ({"stream": True}, "invalid_value", "stream"),
    ({"safety_identifier": "x" * 65}, "string_above_max_length", "safety_identifier"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "code", "param"), BAD_REQUESTS)
def test_bad_input_is_refused_in_the_real_form(sandbox, fields, code, param):
    body = {"prompt": "a red fox", "model": "gpt-image-2", **fields}
    with pytest.raises(openai.BadRequestError) as caught:
        sandbox.openai.post("/images/generations", cast_to=object, body=body)
    assert set(caught.value.body) == {"message", "type", "param", "code"}
    assert (caught.value.code, caught.value.param) == (code, param)
    assert sandbox.last_call()["status"] == 400
    assert sandbox.last_call()["images_billed"] == 0


@pytest.mark.parametrize("size", ["1024x640", "2880x2880", "3840x2160", "3072x1024"])
def test_sizes_at_the_border_are_made(generate, opened, size):
    answer = generate(size=size, output_format="jpeg", output_compression=1)
    assert opened(answer.data[0]).size == tuple(map(int, size.split("x")))


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"x"', b"\xff\xfe", b'{"prompt": "\\ud800"}'])
def test_a_body_that_is_no_json_object_is_refused(sandbox, body):
    answer = sandbox.http.post(
        "/v1/images/generations",
        content=body,
        headers={"authorization": "Bearer k", "content-type": "application/json"},
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("text/plain", b"{}"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--x"),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
        ),
    ],
)
def test_an_edit_that_is_no_form_is_refused(sandbox, media_type, body):
    answer = sandbox.http.post(
        "/v1/images/edits",
        content=body,
        headers={"authorization": "Bearer k", "content-type": media_type},
    )
    assert answer.status_code == sandbox.last_call()["status"] == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_caller_that_leaves_in_mid_request_is_noted(sandbox):
    with socket.create_connection(
        (sandbox.http.base_url.host, sandbox.http.base_url.port)
    ) as caller:
        caller.sendall(
            b"POST /v1/images/generations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\n"
            b"content-type: application/json\r\ncontent-length: 100\r\n\r\n{"
        )
        sandbox.wait(in_flight=1)
    sandbox.wait(ended=1)
    assert (sandbox.last_call()["status"], sandbox.last_call()["images_billed"]) == ("gone", 0)


@pytest.mark.parametrize("model", ["gpt-image-9", "dall-e-2", "gpt-image-1"])
def test_unknown_and_retired_models_are_not_found(generate, model):
    with pytest.raises(openai.NotFoundError) as caught:
        generate(model=model)
    assert caught.value.code == "model_not_found"


def test_models_say_when_they_are_shut_down(sandbox):
    models = {model.id: model.shutdown_date for model in sandbox.openai.models.list()}
    assert models["gpt-image-1.5"] == models["gpt-image-1-mini"] == "2026-12-01"
    assert models["gpt-image-2"] is models["gpt-image-2.6-flare"] is None
    assert "dall-e-3" not in models
    assert sandbox.openai.models.retrieve("chatgpt-image-latest").shutdown_date == "2026-12-01"
    with pytest.raises(openai.NotFoundError):
        sandbox.openai.models.retrieve("dall-e-3")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/images/generations", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/images/edits", 405),
    ],
)
def test_wrong_addresses_are_refused_in_the_real_form(sandbox, method, path, status):
    answer = sandbox.http.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_a_call_without_a_key_is_refused(sandbox):
    answer = sandbox.http.post("/v1/images/generations", json={"prompt": "a"})
    assert answer.status_code == 401
    assert "API key" in answer.json()["error"]["message"]
    assert sandbox.last_call()["status"] == 401


def test_the_ledger_knows_what_was_asked_and_never_the_key(sandbox):
    with sandbox.client(api_key="sk-very-secret") as client:
        client.images.generate(
            prompt="a red fox",
            model="gpt-image-2",
            size="1536x1024",
            quality="high",
            n=2,
            extra_headers={"X-Client-Request-Id": "mine-1"},
        )
    call = sandbox.last_call()
    assert call["endpoint"] == "/v1/images/generations"
    assert call["api_key"] == hashlib.sha256(b"sk-very-secret").hexdigest()[:12]
    assert call["client_request_id"] == "mine-1"
    assert call["prompt_sha256"] == hashlib.sha256(b"a red fox").hexdigest()
    assert [
        call[name] for name in ("seq", "prompt", "model", "size", "quality", "n", "status")
    ] == [
        *(1, "a red fox", "gpt-image-2", "1536x1024", "high", 2, 200),
    ]
    assert (call["images_billed"], call["output_tokens"], call["in_flight"]) == (2, 2 * 5488, 1)
    # 3 text tokens at 5 USD and 2 × 5,488 image tokens at 30 USD for a million.
    assert call["cost"] == "0.329295"
    assert call["started_at"] < call["ended_at"]
    assert "sk-very-secret" not in str(sandbox.get("ledger"))


def test_canned_images_are_valid_and_as_large_as_asked(sandbox, generate, opened):
    sandbox.configure(canned_bytes=1_500_000)
    first, second = generate(size="1536x1024").data[0], generate(size="1536x1024").data[0]
    assert first.b64_json == second.b64_json
    assert len(base64.b64decode(first.b64_json)) == 1_500_000
    assert opened(first).size == (1536, 1024)
