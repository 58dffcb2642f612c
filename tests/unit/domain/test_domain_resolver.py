"""What a resolver remembers of earlier rows never changes what a later one is told."""

import json
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from darkroom.domain.facts import packaged_toml, parse_models
from darkroom.domain.request import Priced, Resolver, resolve
from darkroom.domain.size import size_error

MODELS = parse_models(packaged_toml(), date(2026, 11, 22))
CELLS = st.fixed_dictionaries(
    {"prompt": st.sampled_from(["a cat", "猫" * 9, "", None, 7, "a\0b"])},
    optional={
        "model": st.sampled_from(["gpt-image-2", "gpt-image-1.5", "dall-e-3", "no-such"]),
        "image": st.sampled_from(["a.png", "a.png||b.png", ""]),
        "input_fidelity": st.just("high"),
        "n": st.sampled_from([1, True, "1", 1.0, "10", 11, [1]]),
        "size": st.sampled_from(["1024x1024", " 1024x1024 ", "1080x1920", "auto", ""]),
        "quality": st.sampled_from(["low", "max", None]),
        "output_format": st.sampled_from(["jpeg", "webp", "png"]),
        "output_compression": st.sampled_from([0, "80", False, 101]),
    },
)


@given(st.lists(CELLS, max_size=12))
def test_row_after_row_is_told_what_it_would_be_told_alone(rows):
    resolver = Resolver(MODELS)
    for row in rows:
        prompt, others = row["prompt"], {k: v for k, v in row.items() if k != "prompt"}
        assert resolver.resolve(prompt, others) == resolve(row, MODELS)


def test_what_a_broken_edit_may_say_is_not_lent_to_a_row_without_pictures():
    resolver = Resolver(MODELS)
    said = {"model": "gpt-image-1.5", "input_fidelity": "high"}
    (broken,) = resolver.resolve("a cat", {**said, "image": "a.png||b.png"})
    (refused,) = resolver.resolve("a cat", said)
    assert (broken.column, refused.column) == ("image", "input_fidelity")


@given(st.lists(CELLS, max_size=4))
def test_the_body_is_written_as_json_writes_it(rows):
    for row in rows:
        found = resolve(row, MODELS)
        if isinstance(found, Priced):
            assert json.loads(found.body_json()) == found.request.body()


def test_ever_new_parameters_do_not_fill_the_memory():
    resolver = Resolver(MODELS)
    for number in range(2_000):
        found = resolver.resolve("a cat", {"safety_identifier": str(number)})
        assert isinstance(found, Priced)
        assert found.request.safety_identifier == str(number)
    assert len(resolver._known) <= 256


def test_the_nearest_of_a_wrong_size_is_looked_for_once_for_all_rows():
    size_error.cache_clear()
    resolver = Resolver(MODELS)
    for number in range(50):
        (problem,) = resolver.resolve(f"cat {number}", {"size": "1080x1920"})
        assert problem.message.endswith("1088x1920")
    assert size_error.cache_info().misses == 1
