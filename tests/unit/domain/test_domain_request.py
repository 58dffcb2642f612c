"""What is taken and what is refused, model by model, typed in by hand from the provider's guide."""

from datetime import date
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.domain.facts import packaged_toml, parse_models
from darkroom.domain.request import ImageRequest, Priced, resolve

NEW = "gpt-image-2"
SUNBURST, FLARE = "gpt-image-2.5-sunburst", "gpt-image-2.5-flare"
LATEST = "gpt-image-2.6-sunburst"
OLD, MINI = "gpt-image-1.5", "gpt-image-1-mini"

TAKEN = [
    {},
    {"model": NEW}, {"model": "gpt-image-2-2026-04-21"}, {"model": SUNBURST}, {"model": FLARE},
    {"model": "gpt-image-2.5-sunburst-2026-09-08"}, {"model": LATEST}, {"model": "gpt-image-2.6-flare"},
    {"model": OLD}, {"model": "gpt-image-1.5-2025-12-16"}, {"model": "chatgpt-image-latest"}, {"model": MINI},
    {"model": f" {NEW} "},
    {"n": 1}, {"n": 10}, {"n": "7"}, {"n": " 3 "}, {"n": "03"}, {"n": None}, {"n": ""},
    {"size": "auto"}, {"size": "1024x1024"}, {"size": " 1536x1024 "}, {"size": "1024x1536"},
    {"size": "2048x2048"}, {"size": "2048x1152"}, {"size": "3840x2160"}, {"size": "2160x3840"},
    {"size": "2880x2880"}, {"size": "1280x720"}, {"size": "896x896"}, {"size": "3840x1280"},
    {"size": "2560x1440", "model": LATEST}, {"size": "1536x1024", "model": OLD}, {"size": "auto", "model": MINI},
    {"quality": "low"}, {"quality": "medium"}, {"quality": "high"}, {"quality": "auto"}, {"quality": "  "},
    {"quality": "xhigh", "model": SUNBURST}, {"quality": "max", "model": FLARE}, {"quality": "max", "model": LATEST},
    {"complexity": "low", "model": LATEST}, {"complexity": "high", "model": "gpt-image-2.6-flare"},
    {"output_format": "png"}, {"output_format": "jpeg"}, {"output_format": "webp"},
    {"output_compression": 0, "output_format": "jpeg"}, {"output_compression": "100", "output_format": "webp"},
    {"background": "opaque"}, {"background": "auto"}, {"background": "transparent", "model": SUNBURST},
    {"background": "transparent", "model": LATEST, "output_format": "webp"},
    {"background": "transparent", "model": OLD}, {"background": "transparent"}, {"moderation": "auto"}, {"moderation": "low"},
    {"safety_identifier": "x" * 64}, {"prompt": "猫" * 32_000}, {"prompt": "  a cat  "},
]  # fmt: skip

REFUSED = [
    ({"prompt": ""}, "prompt", "prompt_missing"), ({"prompt": " \n "}, "prompt", "prompt_missing"),
    ({"prompt": None}, "prompt", "prompt_missing"), ({"prompt": 7}, "prompt", "prompt_not_text"),
    ({"prompt": {"a": 1}}, "prompt", "prompt_not_text"), ({"prompt": "x" * 32_001}, "prompt", "prompt_too_long"),
    ({"prompt": "a\0"}, "prompt", "prompt_not_text"), ({"prompt": "\udc00"}, "prompt", "prompt_not_text"),
    ({"model": "gpt-image-1"}, "model", "model_retired"), ({"model": "dall-e-3"}, "model", "model_retired"),
    ({"model": "dall-e-2"}, "model", "model_retired"), ({"model": "gpt-image-9"}, "model", "model_unknown"),
    ({"model": "GPT-image-2"}, "model", "model_unknown"), ({"model": ["gpt-image-2"]}, "model", "model_unknown"),
    ({"n": 0}, "n", "value_not_allowed"), ({"n": 11}, "n", "value_not_allowed"), ({"n": -1}, "n", "value_not_allowed"),
    ({"n": "1.0"}, "n", "value_not_allowed"), ({"n": 1.5}, "n", "value_not_allowed"), ({"n": True}, "n", "value_not_allowed"),
    ({"n": "٣"}, "n", "value_not_allowed"), ({"n": "²"}, "n", "value_not_allowed"), ({"n": "1e1"}, "n", "value_not_allowed"),
    ({"n": "00000000199"}, "n", "value_not_allowed"), ({"n": "9" * 5000}, "n", "value_not_allowed"),
    ({"size": "512x512"}, "size", "size_not_allowed"), ({"size": "768x768"}, "size", "size_not_allowed"),
    ({"size": "3840x3840"}, "size", "size_not_allowed"), ({"size": "1080x1920"}, "size", "size_not_allowed"),
    ({"size": "3840x1264"}, "size", "size_not_allowed"), ({"size": "3856x2160"}, "size", "size_not_allowed"),
    ({"size": "1024"}, "size", "size_not_allowed"), ({"size": 1024}, "size", "size_not_allowed"),
    ({"size": "2048x2048", "model": OLD}, "size", "size_not_allowed"),
    ({"size": "2048x1152", "model": MINI}, "size", "size_not_allowed"),
    ({"quality": "hd"}, "quality", "value_not_allowed"), ({"quality": "standard"}, "quality", "value_not_allowed"),
    ({"quality": "xhigh"}, "quality", "value_not_allowed"), ({"quality": "max"}, "quality", "value_not_allowed"),
    ({"quality": "xhigh", "model": OLD}, "quality", "value_not_allowed"), ({"quality": "Low"}, "quality", "value_not_allowed"),
    ({"complexity": "low"}, "complexity", "value_not_allowed"),
    ({"complexity": "low", "model": SUNBURST}, "complexity", "value_not_allowed"),
    ({"complexity": "max", "model": LATEST}, "complexity", "value_not_allowed"),
    ({"output_format": "gif"}, "output_format", "value_not_allowed"), ({"output_format": "jpg"}, "output_format", "value_not_allowed"),
    ({"output_format": "svg", "model": LATEST}, "output_format", "value_not_allowed"),
    ({"output_compression": 50}, "output_compression", "combination_not_allowed"),
    ({"output_compression": 50, "output_format": "png"}, "output_compression", "combination_not_allowed"),
    ({"output_compression": 101, "output_format": "jpeg"}, "output_compression", "value_not_allowed"),
    ({"output_compression": "0000000001000", "output_format": "jpeg"}, "output_compression", "value_not_allowed"),
    ({"background": "clear"}, "background", "value_not_allowed"),
    ({"background": "transparent", "model": SUNBURST, "output_format": "jpeg"}, "background", "combination_not_allowed"),
    ({"background": " transparent ", "model": SUNBURST, "output_format": " jpeg "}, "background", "combination_not_allowed"),
    ({"background": "red"}, "background", "value_not_allowed"), ({"moderation": "off"}, "moderation", "value_not_allowed"),
    ({"safety_identifier": "x" * 65}, "safety_identifier", "value_too_long"),
    ({"safety_identifier": "a\0b"}, "safety_identifier", "value_not_text"),
    ({"safety_identifier": "\ud800"}, "safety_identifier", "value_not_text"),
]  # fmt: skip


@pytest.mark.parametrize("given_parameters", TAKEN, ids=repr)
def test_is_taken(models, given_parameters):
    priced = resolve({"prompt": "a cat", **given_parameters}, models)
    assert isinstance(priced, Priced), priced
    assert 0 < priced.expected <= priced.bound


@pytest.mark.parametrize(
    ("given_parameters", "column", "code"), REFUSED, ids=lambda x: repr(x)[:60]
)
def test_is_refused(models, given_parameters, column, code):
    problems = resolve({"prompt": "a cat", **given_parameters}, models)
    assert [(p.column, p.code) for p in problems] == [(column, code)]
    assert problems[0].message


def test_everything_that_is_wrong_is_named_at_once(models):
    wrong = {"prompt": "", "n": 0, "size": "1x1", "quality": "hd", "output_format": "gif"}
    assert {p.column for p in resolve(wrong, models)} == set(wrong)
    unknown = resolve({"prompt": "", "model": "x"}, models)
    assert {p.column for p in unknown} == {"prompt", "model"}


@pytest.mark.parametrize("name", ["dall-e-3", "gpt-image-2.6-flair", "flux"])
def test_a_model_that_is_gone_or_unknown_hides_no_other_problem(models, name):
    row = {"prompt": "a", "model": name, "size": "1x1", "quality": "best", "image": "|".join("a" * 17), "input_fidelity": "low"}  # fmt: skip
    found = resolve(row, models)
    assert {p.column for p in found} == {"model", "size", "quality", "image", "input_fidelity"}


def test_what_is_sent_is_what_was_asked_in_plain_form(models):
    asked = {
        "prompt": "  a cat ",
        "n": " 02",
        "size": " 1024x1024 ",
        "output_format": "jpeg",
        "output_compression": "9",
    }
    body = resolve(asked, models).request.body()
    assert body == {
        "prompt": "a cat", "model": "gpt-image-2", "n": 2, "size": "1024x1024", "quality": "auto",
        "output_format": "jpeg", "output_compression": 9,
    }  # fmt: skip
    assert "background" not in ImageRequest("x", NEW).body()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"quality": "low", "size": "1024x1024"}, "0.00589"),
        ({"quality": "high", "size": "3840x2160", "n": 10}, "4.00261"),
        ({"size": "1024x1024"}, "0.21073"),
        ({}, "0.21073"),
        ({"model": MINI, "quality": "low", "size": "1024x1024"}, "0.005004"),
    ],
)
def test_a_price_is_that_of_the_dearest_reading(models, asked, expected):
    assert resolve({"prompt": "a cat", **asked}, models).expected == Decimal(expected)


def test_on_its_last_day_a_model_and_all_its_names_are_gone():
    from_then_on = parse_models(packaged_toml(), date(2026, 12, 1))
    for name in (OLD, "gpt-image-1.5-2025-12-16", "chatgpt-image-latest", MINI):
        [problem] = resolve({"prompt": "a cat", "model": name}, from_then_on)
        assert (problem.code, problem.value) == ("model_retired", name)
        assert "use gpt-image-2" in problem.message
    the_day_before = parse_models(packaged_toml(), date(2026, 11, 30))
    assert isinstance(resolve({"prompt": "a cat", "model": OLD}, the_day_before), Priced)


VALUES = (
    st.text(st.characters(), max_size=12)
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.none()
    | st.lists(st.integers(), max_size=2)
    | st.sampled_from(["low", "auto", "1024x1024", "jpeg", "png", "transparent", SUNBURST, " 5 "])
)
NAMES = st.sampled_from(["prompt", *ImageRequest.__slots__])


@given(asked=st.dictionaries(NAMES, VALUES))
def test_whatever_is_asked_is_priced_and_can_be_kept_or_is_explained(models, asked):
    found = resolve({"prompt": "a cat", **asked}, models)
    if isinstance(found, Priced):
        assert 0 < found.expected <= found.bound
        kept = orjson.dumps(found.request.body())
        assert b"\\u0000" not in kept
        assert 1 <= found.request.n <= 10
    else:
        assert found
        assert all(problem.message and str(problem) for problem in found)
