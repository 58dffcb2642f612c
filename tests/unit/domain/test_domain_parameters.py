"""Every refusal says why and what to write instead, and what it says to write is taken.

The truth of this table is the provider's documentation and what was observed, typed in by hand:
https://developers.openai.com/api/docs/guides/image-generation
"""

from collections.abc import Mapping
from datetime import date, timedelta

import pytest

from darkroom.domain.batchfile import Draft, Intake, survey
from darkroom.domain.facts import packaged_toml, parse_models
from darkroom.domain.request import Priced, resolve

TWO, FLARE, SIX, OLD = (
    "gpt-image-2",
    "gpt-image-2.5-flare",
    "gpt-image-2.6-sunburst",
    "gpt-image-1.5",
)

ACCEPTED = [
    {"size": "1024x1024"}, {"size": "1536x1024"}, {"size": "1024x1536"}, {"size": "auto"},
    {"size": "2048x2048"}, {"size": "2048x1152"}, {"size": "3840x2160"}, {"size": "2160x3840"},
    {"size": "2880x2880"}, {"size": "1280x720"}, {"size": "896x896"}, {"size": "3840x1280"},
    {"size": "1088x1920", "model": SIX}, {"size": "1536x1024", "model": OLD},
    {"quality": "low"}, {"quality": "medium"}, {"quality": "high"}, {"quality": "auto"},
    {"quality": "xhigh", "model": FLARE}, {"quality": "max", "model": FLARE}, {"quality": "max", "model": SIX},
    {"n": 1}, {"n": 10}, {"output_format": "png"}, {"output_format": "jpeg"}, {"output_format": "webp"},
    {"output_compression": 100}, {"output_format": "png", "output_compression": "100"},
    {"output_format": "jpeg", "output_compression": 0}, {"output_format": "webp", "output_compression": 100},
    {"background": "opaque"}, {"background": "auto"}, {"background": "transparent", "model": FLARE},
    {"background": "transparent", "model": SIX, "output_format": "webp"},
    {"moderation": "auto"}, {"moderation": "low"}, {"complexity": "high", "model": SIX},
    {"safety_identifier": "shop-7"}, {"model": "gpt-image-2-2026-04-21"},
    {"model": "gpt-image-2.5-sunburst-2026-09-08"}, {"model": "gpt-image-2.6-flare"},
]  # fmt: skip

# What is asked, where it is wrong, words of the reason, and the nearest that is right.
REFUSED = [
    ({"size": "1080x1920"}, "size", "divisible by 16", "1088x1920"),
    ({"size": "1920x1080"}, "size", "divisible by 16", "1920x1088"),
    ({"size": "3840x1080"}, "size", "ratio is above 3:1", "3792x1264"),
    ({"size": "1024x3840"}, "size", "ratio is above 3:1", None),
    ({"size": "4096x2160"}, "size", "longer edge is above 3840", "3840x2160"),
    ({"size": "3840x3840"}, "size", "more than 8,294,400", "2880x2880"),
    ({"size": "3840x2176"}, "size", "more than 8,294,400", "3840x2160"),
    ({"size": "768x768"}, "size", "fewer than 655,360", "816x816"),
    ({"size": "512x512"}, "size", "fewer than 655,360", "816x816"),
    ({"size": "256x256"}, "size", "fewer than 655,360", None),
    ({"size": "2048x2048", "model": OLD}, "size", "not made by this model", "1024x1024"),
    ({"size": "2048x2048", "model": "gpt-image-1-mini"}, "size", "not made by this model", "1024x1024"),
    ({"size": "2048x1152", "model": "gpt-image-1-mini"}, "size", "not made by this model", "1536x1024"),
    ({"size": "1792x1024", "model": OLD}, "size", "not made by this model", "1536x1024"),
    ({"size": "1024x1792", "model": "gpt-image-1-mini"}, "size", "not made by this model", "1024x1536"),
    ({"size": "square"}, "size", "write WIDTHxHEIGHT", "1024x1024"),
    ({"size": "portrait", "model": OLD}, "size", "write WIDTHxHEIGHT", "1024x1536"),
    ({"size": "1024X1024"}, "size", "write WIDTHxHEIGHT", "1024x1024"),
    ({"size": "1024*1024"}, "size", "write WIDTHxHEIGHT", "1024x1024"),
    ({"size": "1024 x 1024"}, "size", "write WIDTHxHEIGHT", "1024x1024"),
    ({"size": "1080×1920px"}, "size", "write WIDTHxHEIGHT", "1088x1920"),
    ({"size": "AUTO"}, "size", "write WIDTHxHEIGHT", "auto"),
    ({"size": "16:9"}, "size", "write WIDTHxHEIGHT", "1280x720"),
    ({"size": "1:1"}, "size", "write WIDTHxHEIGHT", "1024x1024"),
    ({"size": "2/3"}, "size", "write WIDTHxHEIGHT", "1024x1536"),
    ({"size": "9:16", "model": OLD}, "size", "write WIDTHxHEIGHT", "1024x1536"),
    ({"size": "large"}, "size", "write WIDTHxHEIGHT such as 1024x1024, or auto", None),
    ({"quality": "hd"}, "quality", "choose low, medium, high, auto", "high"),
    ({"quality": "standard"}, "quality", "not taken", "medium"),
    ({"quality": "xhigh"}, "quality", "not taken by gpt-image-2", "high"),
    ({"quality": "max", "model": OLD}, "quality", "not taken by gpt-image-1.5", "high"),
    ({"quality": "Low"}, "quality", "not taken", "low"),
    ({"quality": "meduim"}, "quality", "not taken", "medium"),
    ({"n": 11}, "n", "from 1 to 10", "10"), ({"n": 0}, "n", "from 1 to 10", "1"),
    ({"n": "2.0"}, "n", "whole number", "2"), ({"n": "many"}, "n", "whole number", None),
    ({"output_format": "jpg"}, "output_format", "not taken", "jpeg"),
    ({"output_format": "PNG"}, "output_format", "not taken", "png"),
    ({"output_format": "tiff"}, "output_format", "choose png, jpeg, webp", None),
    ({"output_compression": 50}, "output_compression", "jpeg and webp only, not with png", None),
    ({"output_compression": 101, "output_format": "jpeg"}, "output_compression", "from 0 to 100", "100"),
    ({"output_compression": -1, "output_format": "webp"}, "output_compression", "from 0 to 100", "0"),
    ({"background": "transparent", "model": FLARE, "output_format": "jpeg"}, "background", "no transparency", None),
    ({"background": "white", "model": FLARE}, "background", "not taken", "opaque"),
    ({"moderation": "off"}, "moderation", "choose auto, low", "low"),
    ({"complexity": "high"}, "complexity", "not a parameter of gpt-image-2; drop it", None),
    ({"complexity": "max", "model": SIX}, "complexity", "choose low, medium, high", "high"),
    ({"model": "dall-e-3"}, "model", "shut down on 2026-05-12; use gpt-image-2", None),
    ({"model": "dall-e-2"}, "model", "shut down on 2026-05-12; use gpt-image-2", None),
    ({"model": "gpt-image-1"}, "model", "shut down on 2026-10-23; use gpt-image-2", None),
    ({"model": "gpt-image2"}, "model", "not a model we know", "gpt-image-2"),
    ({"model": "GPT-Image-2"}, "model", "not a model we know", "gpt-image-2"),
    ({"model": "gpt-image-2.6-sunburst-2026-11-04"}, "model", "not a model we know", "gpt-image-2.6-sunburst"),
    ({"model": "gpt-image-2-2026-11-04"}, "model", "not a model we know", "gpt-image-2"),
    ({"model": "gpt-image-2.5-flair-2026-09-08"}, "model", "not a model we know", "gpt-image-2.5-flare"),
    ({"safety_identifier": "x" * 65}, "safety_identifier", "longer than 64", None),
    ({"prompt": ""}, "prompt", "no prompt", None),
    ({"prompt": "x" * 32_001}, "prompt", "the API takes 32,000", None),
]  # fmt: skip

# What is shut down, when, and what takes its place.
ENDED = [
    ("dall-e-2", "2026-05-12", "gpt-image-2"), ("dall-e-3", "2026-05-12", "gpt-image-2"),
    ("gpt-image-1", "2026-10-23", "gpt-image-2"), ("gpt-image-1.5", "2026-12-01", "gpt-image-2.6-sunburst"),
    ("gpt-image-1.5-2025-12-16", "2026-12-01", "gpt-image-2.6-sunburst"),
    ("chatgpt-image-latest", "2026-12-01", "gpt-image-2.6-sunburst"),
    ("gpt-image-1-mini", "2026-12-01", "gpt-image-2.6-flare"),
]  # fmt: skip

DROPPED = [
    "input_fidelity",
    "response_format",
    "style",
    "stream",
    "partial_images",
    "seed",
    "thinking",
]


@pytest.mark.parametrize("asked", ACCEPTED, ids=repr)
def test_what_the_provider_takes_is_never_refused(models, asked):
    assert isinstance(resolve({"prompt": "a cat", **asked}, models), Priced)


def test_a_format_that_is_none_says_nothing_of_a_compression(models):
    asked = {"prompt": "a cat", "output_format": "jpg", "output_compression": 50}
    assert [one.column for one in resolve(asked, models)] == ["output_format"]


def test_a_compression_that_a_png_has_anyway_is_not_sent(models):
    """The API takes it, and nobody is asked whether each relay does."""
    asked = {"prompt": "a cat", "output_compression": 100}
    assert "output_compression" not in resolve(asked, models).request.body()
    kept = resolve({**asked, "output_format": "jpeg"}, models).request.body()
    assert kept["output_compression"] == 100


@pytest.mark.parametrize(("asked", "column", "reason", "nearest"), REFUSED, ids=repr)
def test_what_it_refuses_is_refused_with_the_reason_and_the_nearest(
    models, asked, column, reason, nearest
):
    [problem] = resolve({"prompt": "a cat", **asked}, models)
    assert problem.column == column
    assert reason in problem.message
    if nearest is not None:
        assert problem.message.endswith(f"the nearest is {nearest}")
        assert isinstance(resolve({"prompt": "a cat", **asked, column: nearest}, models), Priced)


@pytest.mark.parametrize(("name", "day", "replacement"), ENDED)
def test_a_model_is_taken_until_its_last_day_and_then_refused_with_what_replaces_it(
    name, day, replacement
):
    asked = {"prompt": "a cat", "model": name, "size": "1024x1024"}
    end = date.fromisoformat(day)
    models = parse_models(packaged_toml(), end)
    [problem] = resolve(asked, models)
    assert (problem.code, problem.value) == ("model_retired", name)
    assert problem.message == f"was shut down on {day}; use {replacement}"
    assert isinstance(resolve({**asked, "model": replacement}, models), Priced)
    before = parse_models(packaged_toml(), end - timedelta(days=1))
    if name in before.known:
        assert f"{name} will be shut down on {day}" in resolve(asked, before).terms.notice


def drafted(models, row: Mapping[str, object]) -> object:
    intake = Intake(survey([(2, row)]), models)
    return intake.draft(2, row)


@pytest.mark.parametrize("name", DROPPED)
def test_what_the_api_does_not_know_is_to_be_dropped(models, name):
    [problem] = drafted(models, {"prompt": "a cat", name: "high"})
    assert (problem.column, problem.line) == (name, 2)
    assert problem.message.startswith("drop it")


def test_everything_that_is_wrong_with_a_row_is_said_at_once(models):
    row = {
        "prompt": "", "model": TWO, "size": "1080x1920", "quality": "hd", "n": "11", "output_format": "gif",
        "moderation": "off", "background": "red", "seed": "7", "priority": "high",
    }  # fmt: skip
    assert {problem.column for problem in drafted(models, row)} == set(row) - {"model"}
    gone = {"prompt": "a cat", "model": "dall-e-3", "size": "1080x1920", "quality": "hd"}
    assert {problem.column for problem in drafted(models, gone)} == {"model", "size", "quality"}


def test_a_good_row_is_a_draft(models):
    assert isinstance(drafted(models, {"prompt": "a cat"}), Draft)
