"""What makes two items one: everything the provider sees, and nothing else."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from darkroom.domain.catalog import (
    Item,
    ItemState,
    Picture,
    Reuse,
    Standing,
    Wanted,
    compare,
    fingerprint,
)

WORDS = st.text("abc -0", min_size=1, max_size=6)
BODIES = st.dictionaries(WORDS, WORDS, max_size=4)
SKUS = st.dictionaries(st.sampled_from("abcdefg"), st.sampled_from("xyz"), max_size=7)


def identity(body, provider="p", endpoint="/e", variant="main"):
    return fingerprint(provider, endpoint, variant, body)


@given(BODIES, st.randoms(use_true_random=False))
def test_the_order_of_parameters_is_no_part_of_a_fingerprint(body, random):
    names = list(body)
    random.shuffle(names)
    assert identity(body) == identity({name: body[name] for name in names})


@given(BODIES, BODIES)
def test_different_requests_differ(one, other):
    assert (identity(one) == identity(other)) == (one == other)


def test_provider_endpoint_and_variant_are_part_of_it():
    body = {"prompt": "a mug"}
    others = {
        identity(body, provider="q"),
        identity(body, endpoint="/f"),
        identity(body, variant="side"),
    }
    assert len({identity(body), *others}) == 4


def picture(text):
    return Picture(UUID(int=ord(text)), 0, text)


def shown(products):
    return [Item(sku, "main", fp, ItemState.MADE, picture(fp)) for sku, fp in products.items()]


def wanted(products):
    return [Wanted(sku, "main", fp, f"{sku}/main", 1) for sku, fp in products.items()]


@given(SKUS, SKUS, st.randoms(use_true_random=False))
def test_a_night_buys_each_missing_fingerprint_once_in_any_order(before, tonight, random):
    rows = wanted(tonight)
    random.shuffle(rows)
    found = compare(rows, shown(before), {})
    assert found == compare(wanted(tonight), shown(before), {})
    lacking = set(tonight.values()) - set(before.values())
    assert sorted(one.fingerprint for one in found.calls) == sorted(lacking)
    assert {one.sku for one in found.removed} == before.keys() - tonight.keys()
    assert len(list(found.items())) == len(before.keys() | tonight.keys())
    assert found.count(Standing.UNCHANGED) == sum(before.get(s) == f for s, f in tonight.items())


@given(SKUS, SKUS)
def test_what_was_bought_is_not_bought_again(before, tonight):
    bought = {fp: picture(fp) for fp in "xyz"}
    assert compare(wanted(tonight), shown(before), bought).calls == ()
    assert compare(wanted(tonight), shown(before), {}, Reuse.ONLY).calls == ()
    anew = compare(wanted(tonight), shown(before), bought, Reuse.REFRESH).calls
    assert {one.fingerprint for one in anew} == set(tonight.values())


@given(SKUS, SKUS)
def test_a_selection_touches_nothing_else(before, tonight):
    found = compare(wanted(tonight), shown(before), {}, only={"a"})
    assert {step.wanted.sku for step in found.steps} <= {"a"}
    assert found.removed == ()
    kept = {one.sku: one.picture for one in found.others}
    assert kept == {
        sku: picture(fp) for sku, fp in before.items() if sku not in {"a"} & tonight.keys()
    }
