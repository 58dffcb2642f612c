"""The facts as files: what an operator changes, what a kind of provider changes, and what is refused."""

from datetime import date
from decimal import Decimal

import pytest

from darkroom.domain.batchfile import Draft, Intake, survey
from darkroom.domain.estimate import Estimate
from darkroom.domain.facts import FactsInvalid, packaged_toml, read_profiles
from darkroom.domain.models import FORMATS
from darkroom.domain.request import Priced, resolve
from darkroom.pictures import PictureFormat

TODAY = date(2026, 11, 22)
OWN = {
    "sizes": "presets",
    "qualities": ["low"],
    "formats": ["png"],
    "backgrounds": ["auto"],
    "price": {"text_in": "1", "image_in": "1", "output": "2"},
    "tokens": {"margin": "1", "factors": {"low": 16}},
}


def profiles(**changes):
    return read_profiles(packaged_toml(), TODAY, changes)


def drafted(models, row):
    return Intake(survey([(2, row)]), models).draft(2, row)


def test_a_relay_takes_thinking_and_no_transparency_and_says_so_by_name():
    relay, official = profiles()["new-api"], profiles()["official"]
    drawn = drafted(relay.models, {"prompt": "a cat", "thinking": "high"})
    assert isinstance(drawn, Draft)
    assert drawn.priced.request.body()["thinking"] == "high"
    problems = {
        p.column: p.message
        for p in drafted(
            relay.models, {"prompt": "a", "thinking": "much", "background": "transparent"}
        )
    }
    assert "choose off, low, medium, high" in problems["thinking"]
    assert "choose auto, opaque" in problems["background"]
    (refused,) = drafted(official.models, {"prompt": "a cat", "thinking": "high"})
    assert (refused.column, refused.code) == ("thinking", "parameter_refused")
    assert relay.least_timeout == 360


def test_a_parameter_of_one_model_is_not_one_of_another():
    row = {"prompt": "a cat", "model": "gpt-image-2.6-flare", "thinking": "high"}
    (refused,) = drafted(profiles()["new-api"].models, row)
    assert refused.message == "is not a parameter of gpt-image-2.6-flare; drop it"


def test_an_openai_line_may_carry_what_the_provider_takes():
    line = {
        "custom_id": "a",
        "method": "POST",
        "url": "/v1/images/generations",
        "body": {"model": "gpt-image-2", "prompt": "a cat", "thinking": "low"},
    }
    assert isinstance(drafted(profiles()["new-api"].models, line), Draft)
    assert not isinstance(drafted(profiles()["official"].models, line), Draft)


def test_an_operator_changes_a_price_adds_a_model_and_a_kind_of_provider():
    changed = profiles(
        models={"gpt-image-2": {"price": {"output": 60}}, "own": OWN},
        profiles={"mine": {"least_timeout": 100, "models": {"own": {"extra": {"mood": ["calm"]}}}}},
    )
    asked = {"prompt": "a", "size": "1024x1024", "quality": "low"}
    dear = resolve(asked, changed["official"].models)
    cheap = resolve(asked, profiles()["official"].models)
    assert isinstance(dear, Priced)
    assert isinstance(cheap, Priced)
    assert dear.expected - cheap.expected == 196 * Decimal(30) / 1_000_000
    assert "own" in changed["new-api"].models.known
    row = {"prompt": "a", "model": "own", "mood": "calm"}
    assert isinstance(drafted(changed["mine"].models, row), Draft)


def test_an_operator_retires_a_model_by_name():
    ended = {"gpt-image-2": {"shutdown": "2026-11-01", "replacement": "own"}, "own": OWN}
    models = profiles(models=ended)["official"].models
    (problem,) = resolve({"prompt": "a", "model": "gpt-image-2-2026-04-21"}, models)
    assert (problem.code, problem.message) == (
        "model_retired",
        "was shut down on 2026-11-01; use own",
    )
    assert "gpt-image-2" in models.priced


@pytest.mark.parametrize("price", [1e9, 1001, -1, "-0.01", float("nan"), "NaN", float("inf")])
def test_a_price_that_nobody_asks_for_is_refused(price):
    """Budgets would hold back everything, or nothing."""
    with pytest.raises(
        FactsInvalid, match=r"key price\.output, value .*: it is no price of a million"
    ):
        profiles(models={"gpt-image-2": {"price": {"output": price}}})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"models": {"gpt-image-2": {"price": {"output": "cheap"}}}},
            'table [models."gpt-image-2"], key price.output, value cheap',
        ),
        ({"models": {"own": {"sizes": "presets"}}}, "table [models.own], key qualities"),
        (
            {"models": {"own": OWN | {"qualities": ["low", "max"]}}},
            "tokens say nothing of max; add them to factors or table",
        ),
        (
            {"models": {"own": OWN | {"sizes": "huge"}}},
            "key sizes, value huge: there is no such class; write custom or presets",
        ),
        (
            {"models": {"own": OWN | {"tokens": {"margin": 1, "table": {"low": [1, 2]}}}}},
            "give 3 numbers, one for each of 1024x1024, 1536x1024, 1024x1536",
        ),
        (
            {"models": {"own": OWN | {"tokens": {"margin": "0.5", "factors": {"low": 16}}}}},
            "key tokens.margin, value 0.5",
        ),
        (
            {"models": {"own": OWN | {"formats": ["png", "svg"]}}},
            "formats has svg, which cannot be verified when it comes",
        ),
        ({"models": {"own": OWN | {"shutdown": "2027-01-01"}}}, "go together"),
        (
            {"profiles": {"mine": {"timeout": 3}}},
            "table [profiles.mine], key timeout, value 3: unknown key; the nearest is least_timeout",
        ),
        (
            {"profiles": {"mine": {"models": {"gpt-image-2": {"qualities": "low"}}}}},
            'table [profiles.mine.models."gpt-image-2"], key qualities, value low: it must be a list',
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_cannot_be_used_is_named(changes, words):
    with pytest.raises(FactsInvalid) as refused:
        profiles(**changes)
    assert words in str(refused.value)


def test_a_format_that_an_operator_adds_is_estimated():
    own = {"own": OWN | {"formats": ["png", "gif"], "backgrounds": ["transparent"]}}
    row = {"prompt": "a", "model": "own", "size": "1024x1024", "output_format": "gif"}
    models = profiles(models=own)["official"].models
    moving, still = Estimate(), Estimate()
    moving.add(resolve(row, models))
    still.add(resolve({**row, "output_format": "png"}, models))
    assert moving.bytes == still.bytes
    (problem,) = resolve({**row, "background": "transparent"}, models)
    assert problem.message.startswith("gif has no transparency")


def test_a_provider_whose_edits_take_no_moderation_is_sent_none():
    off = {
        "models": {"gpt-image-2": {"references": {"moderation": False, "mask_bytes": 4_000_000}}}
    }
    models = profiles(profiles={"mine": off})["mine"].models
    edit = {"prompt": "a", "image": "a.png", "moderation": "low"}
    (problem,) = resolve(edit, models)
    assert (problem.code, problem.column) == ("parameter_refused", "moderation")
    assert resolve({**edit, "moderation": ""}, models).edit.mask_bytes == 4_000_000
    assert isinstance(resolve({"prompt": "a", "moderation": "low"}, models), Priced)
    assert isinstance(resolve(edit, profiles()["official"].models), Priced)


def test_the_formats_are_those_that_pictures_verifies():
    assert {*FORMATS} == {*PictureFormat}
