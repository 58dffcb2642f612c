import pytest

# Published prices, as output tokens: size, then quality and tokens.
GPT_IMAGE_2 = {
    "1024x1024": {"low": 196, "medium": 1756, "high": 7024},
    "1536x1024": {"low": 158, "medium": 1372, "high": 5488},
    "1024x1536": {"low": 158, "medium": 1372, "high": 5488},
    "2048x1152": {"low": 157, "medium": 1413, "high": 5650},
    "2048x2048": {"low": 397, "medium": 3568, "high": 14272},
    "2560x1440": {"low": 205, "medium": 1843, "high": 7370},
    "2880x2880": {"low": 659, "medium": 5930, "high": 23719},
    "3840x2160": {"low": 371, "medium": 3336, "high": 13342},
    "1536x768": {"low": 102},
}
GPT_IMAGE_2_5 = {
    "1024x1024": {"low": 196, "medium": 439, "high": 1756, "xhigh": 3122, "max": 7024},
    "1024x1536": {"low": 158, "medium": 343, "high": 1372, "xhigh": 2459, "max": 5488},
    "2048x1152": {"low": 157, "medium": 367, "high": 1413, "xhigh": 2511, "max": 5650},
    "2048x2048": {"low": 397, "medium": 892, "high": 3568, "xhigh": 6343, "max": 14272},
    "2560x1440": {"low": 205, "medium": 478, "high": 1843, "xhigh": 3276, "max": 7370},
    "2880x2880": {"low": 659, "medium": 1483, "high": 5930, "xhigh": 10542, "max": 23719},
    "3840x2160": {"low": 371, "medium": 865, "high": 3336, "xhigh": 5930, "max": 13342},
}
OLDER = {
    "1024x1024": {"low": 272, "medium": 1056, "high": 4160},
    "1024x1536": {"low": 408, "medium": 1584, "high": 6240},
    "1536x1024": {"low": 400, "medium": 1568, "high": 6208},
}
GPT_IMAGE_2_6 = {"1536x1024": {"low": 664}, "3840x2160": {"high": 3336}}
TABLES = {
    "gpt-image-2": GPT_IMAGE_2,
    "gpt-image-2.5-sunburst": GPT_IMAGE_2_5,
    "gpt-image-2.6-flare": GPT_IMAGE_2_6,
    "gpt-image-1.5": OLDER,
}
ROWS = [(model, size, row) for model, table in TABLES.items() for size, row in table.items()]


@pytest.mark.parametrize(("model", "size", "row"), ROWS)
def test_output_tokens_are_the_published_ones(sandbox, model, size, row):
    # Canned, since only the usage is of interest here.
    sandbox.configure(canned_bytes=0)
    asked = {"prompt": "a", "model": model, "size": size, "output_format": "jpeg"}
    for quality, tokens in row.items():
        usage = sandbox.openai.images.generate(**asked, quality=quality).usage
        assert usage.output_tokens == usage.output_tokens_details.image_tokens == tokens


@pytest.mark.parametrize(
    ("prompt", "tokens"), [("abcd", 1), ("abcde", 2), ("赤い狐", 3), ("赤 fox!", 3)]
)
def test_text_tokens_follow_the_script(generate, prompt, tokens):
    usage = generate(prompt).usage
    assert usage.input_tokens_details.text_tokens == usage.input_tokens == tokens
    assert usage.total_tokens == tokens + 196


def test_n_images_use_n_times_the_output(generate):
    assert generate(n=4).usage.output_tokens == 4 * 196


def test_the_bill_adds_up(sandbox, generate):
    generate("abcd")
    generate("abcd", n=2)
    totals = sandbox.get("totals")
    # 2 × 1 text token at 5 USD and 3 × 196 image tokens at 30 USD for a million.
    assert totals["cost"] == "0.017650"
    assert (totals["calls"], totals["images_billed"], totals["prompts"]) == (2, 3, 1)
    assert (totals["max_calls_per_prompt"], totals["max_billed_per_prompt"]) == (2, 3)
