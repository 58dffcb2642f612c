"""What an image costs, against the published table, typed in by hand from the provider's guide."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.domain.models import AUTO
from darkroom.domain.pricing import Usage, text_tokens_bound, text_tokens_guess, tiled_tokens

SIZES = ("1024x1024", "1536x1024", "2048x1152", "2048x2048", "2560x1440", "2880x2880", "3840x2160")
TOKENS = {
    ("gpt-image-2", "low"): (196, 158, 157, 397, 205, 659, 371),
    ("gpt-image-2", "medium"): (1756, 1372, 1413, 3568, 1843, 5930, 3336),
    ("gpt-image-2", "high"): (7024, 5488, 5650, 14272, 7370, 23719, 13342),
    ("gpt-image-2.5-sunburst", "low"): (196, 158, 157, 397, 205, 659, 371),
    ("gpt-image-2.5-sunburst", "medium"): (439, 343, 367, 892, 478, 1483, 865),
    ("gpt-image-2.5-sunburst", "high"): (1756, 1372, 1413, 3568, 1843, 5930, 3336),
    ("gpt-image-2.5-sunburst", "xhigh"): (3122, 2459, 2511, 6343, 3276, 10542, 5930),
    ("gpt-image-2.5-sunburst", "max"): (7024, 5488, 5650, 14272, 7370, 23719, 13342),
}
DOLLARS = {
    ("gpt-image-2", "low"): ".0059 .0047 .0047 .0119 .0062 .0198 .0111",
    ("gpt-image-2", "medium"): ".0527 .0412 .0424 .1070 .0553 .1779 .1001",
    ("gpt-image-2", "high"): ".2107 .1646 .1695 .4282 .2211 .7116 .4003",
    ("gpt-image-2.5-sunburst", "medium"): ".0132 .0103 .0110 .0268 .0143 .0445 .0260",
    ("gpt-image-2.5-sunburst", "high"): ".0527 .0412 .0424 .1070 .0553 .1779 .1001",
    ("gpt-image-2.5-sunburst", "xhigh"): ".0937 .0738 .0753 .1903 .0983 .3163 .1779",
    ("gpt-image-2.5-sunburst", "max"): ".2107 .1646 .1695 .4282 .2211 .7116 .4003",
}
ROWS = [(*row, size, tokens) for row, cells in TOKENS.items() for size, tokens in zip(SIZES, cells, strict=True)]  # fmt: skip
PRICES = [(*row, size, usd) for row, cells in DOLLARS.items() for size, usd in zip(SIZES, cells.split(), strict=True)]  # fmt: skip
OBSERVED = [("low", 1536, 768, 102), ("low", 1536, 1024, 158), ("low", 2048, 1152, 157)]
OLD = [
    ("gpt-image-1.5", "low", (272, 408, 400), (".009", ".013", ".013")),
    ("gpt-image-1.5", "medium", (1056, 1584, 1568), (".034", ".050", ".050")),
    ("gpt-image-1.5", "high", (4160, 6240, 6208), (".133", ".200", ".200")),
    ("gpt-image-1-mini", "low", None, (".005", ".006", ".006")),
    ("gpt-image-1-mini", "medium", None, (".011", ".015", ".015")),
    ("gpt-image-1-mini", "high", None, (".036", ".052", ".052")),
]
EDGES = st.integers(1, 240).map(lambda tiles: tiles * 16)
FREE = Usage()


def _turned(size: str) -> str:
    return "x".join(reversed(size.split("x")))


@pytest.mark.parametrize(("model", "quality", "size", "tokens"), ROWS)
def test_tokens_are_those_of_the_published_table(models, model, quality, size, tokens):
    width, height = map(int, size.split("x"))
    assert models.known[model].output_tokens(quality, width, height) == tokens
    assert models.known[model].output_tokens(quality, height, width) == tokens


@pytest.mark.parametrize(("model", "quality", "size", "dollars"), PRICES)
def test_prices_are_those_of_the_published_table(models, model, quality, size, dollars):
    for way in (size, _turned(size)):
        price = models.known[model].expected(0, quality, way, 1)
        assert price.quantize(Decimal("0.0001"), ROUND_HALF_UP) == Decimal(dollars)


@pytest.mark.parametrize(("quality", "width", "height", "tokens"), OBSERVED)
def test_tokens_are_those_that_were_observed(models, quality, width, height, tokens):
    assert models.known["gpt-image-2"].output_tokens(quality, width, height) == tokens


@pytest.mark.parametrize(("model", "quality", "tokens", "dollars"), OLD)
def test_the_older_models_cost_what_their_pages_say(models, model, quality, tokens, dollars):
    known = models.known[model]
    for at, size in enumerate(("1024x1024", "1024x1536", "1536x1024")):
        if tokens:
            assert known.output_tokens(quality, *map(int, size.split("x"))) == tokens[at]
        price = known.expected(0, quality, size, 1)
        assert abs(price - Decimal(dollars[at])) <= Decimal("0.0015")


def test_both_of_2_5_cost_the_same_and_2_6_is_bounded_above_what_was_seen(models):
    assert (
        models.known["gpt-image-2.5-flare"].tokens == models.known["gpt-image-2.5-sunburst"].tokens
    )
    per_token = Decimal(30) / 1_000_000
    for quality, size, seen in (
        ("low", "1536x1024", 664),
        ("high", "1536x1024", 1353),
        ("high", "3840x2160", 3337),
    ):
        for name in ("gpt-image-2.6-sunburst", "gpt-image-2.6-flare"):
            assert models.known[name].quote(quality, size, 1).bound("") >= seen * per_token
    assert models.known["gpt-image-2.6-flare"].quote(AUTO, AUTO, 1).bound("") >= 5800 * per_token


@pytest.mark.parametrize("name", ["gpt-image-2.6-sunburst", "gpt-image-2.6-flare"])
@pytest.mark.parametrize(
    ("quality", "size", "seen"),
    [
        *(("low", "1536x1024", 664), ("high", "1536x1024", 1353), ("high", "3840x2160", 3337)),
        ("medium", "1536x1024", 3 * 343),
    ],
)
def test_what_was_seen_of_2_6_lies_within_what_is_told(models, name, quality, size, seen):
    quote = models.known[name].quote(quality, size, 1)
    assert quote.low(0) <= Decimal(seen) * 30 / 1_000_000 <= quote.high(0)


def test_a_real_batch_is_guessed_as_it_was_billed(models):
    """One reference and prompts of 10.9 thousand characters: about 3,500 input tokens, 2,537 of them text."""
    text = text_tokens_guess("x" * 10_860)
    assert abs(text - 2_537) <= 25
    references = models.known["gpt-image-2.5-sunburst"].references
    assert abs(text + references.usual - 3_500) <= 50


@given(st.sampled_from((16, 24, 48, 64, 96)), EDGES, EDGES)
def test_a_turned_image_costs_the_same_and_quality_is_never_cheaper(factor, width, height):
    assert tiled_tokens(factor, width, height) == tiled_tokens(factor, height, width)
    assert tiled_tokens(factor, width, height) <= tiled_tokens(factor + 16, width, height)


@given(st.text(st.characters()))
def test_no_prompt_has_more_tokens_than_its_bound(prompt):
    assert text_tokens_guess(prompt) <= text_tokens_bound(prompt)
    assert text_tokens_bound(prompt) >= len(prompt)


@given(data=st.data(), prompt=st.text(st.characters()), images=st.integers(1, 10))
def test_no_call_can_cost_more_than_its_bound(models, data, prompt, images):
    """Whatever `auto` turns out to be, and with a token for every byte of the prompt."""
    model = models.known[data.draw(st.sampled_from(sorted(models.known)))]
    quality = data.draw(st.sampled_from((*model.qualities, AUTO)))
    size = data.draw(st.sampled_from((*model.sizes.presets, AUTO)))
    bound = model.quote(quality, size, images).bound(prompt)
    assert bound >= model.expected(text_tokens_guess(prompt), quality, size, images)
    text = len(prompt.encode("utf-8", "surrogatepass"))
    for drawn_as in model.qualities if quality == AUTO else (quality,):
        for drawn in model.sizes.presets if size == AUTO else (size,):
            tokens = model.output_tokens(drawn_as, *map(int, drawn.split("x")))
            assert bound >= model.price.cost(Usage(text, 0, tokens * images))


@given(*[st.integers(0, 10**9)] * 3)
def test_a_bill_is_exact(models, text, image, output):
    price = models.known["gpt-image-2"].price
    assert price.cost(FREE) == 0
    assert price.cost(Usage(text, image, output)) * 1_000_000 == 5 * text + 8 * image + 30 * output


def test_text_that_comes_with_an_image_has_its_own_price_where_there_is_one(models):
    answered = Usage(10, 0, 1_020, 20)
    old, new = models.known["gpt-image-1.5"].price, models.known["gpt-image-2"].price
    assert old.cost(answered) * 1_000_000 == 5 * 10 + 32 * 1_000 + 10 * 20
    assert new.cost(answered) * 1_000_000 == 5 * 10 + 30 * 1_020
    assert answered.as_json()["output_text_tokens"] == 20


def test_references_leave_the_price_open_between_their_least_and_their_most(models):
    model = models.known["gpt-image-2"]
    plain, edit = (model.quote("low", "1024x1024", 1, references) for references in (0, 2))
    assert plain.low(0) == plain.high(0) == plain.drawn
    assert edit.low(0) - plain.low(0) == model.reading(2 * model.references.least)
    assert edit.high(0) - plain.high(0) == model.reading(2 * model.references.most)
    assert edit.low(0) < edit.expected(0) < edit.high(0) <= edit.bound("")


def test_a_model_without_a_formula_leaves_it_open_up_to_its_margin(models):
    quote = models.known["gpt-image-2.6-flare"].quote("low", "1024x1024", 1)
    assert quote.low(0) < quote.high(0) == quote.most
