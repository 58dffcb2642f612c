"""What makes two items one: everything the provider sees, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from darkroom.domain.catalog import fingerprint

WORDS = st.text("abc -0", min_size=1, max_size=6)
BODIES = st.dictionaries(WORDS, WORDS, max_size=4)


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
