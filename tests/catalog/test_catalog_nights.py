"""Nights of a catalog: what changed is made, nothing is paid for twice, and what is published is whole."""

from decimal import Decimal

import pytest

from darkroom.domain.catalog import Reuse, Standing, VersionState
from darkroom.domain.choice import Choice
from darkroom.domain.review import Judgement
from darkroom.store import catalogs, hints, retries
from darkroom.store.hints import About
from darkroom.store.session import transaction
from worker.app import new_id

PACE = {"DARKROOM_IMAGES_PER_MINUTE": "60000", "DARKROOM_REQUESTS_PER_MINUTE": "60000"}


@pytest.fixture
def working(shop):
    """A shop of twelve products whose first night is over."""
    shop.world.start_worker(**PACE)
    shop.products = {f"sku-{n:02}": f"Mug number {n}" for n in range(12)}
    assert shop.night().state is VersionState.PUBLISHED
    assert shop.calls() == 12
    return shop


def test_the_difference_is_what_is_called(working):
    items = list(working.products.items())
    working.products = dict(reversed(items[2:]))  # two removed, all in another order
    working.products |= {"sku-05": "Mug five", "sku-06": "Mug six", "sku-99": "Mug ninety-nine"}
    found = working.diff()
    assert (found.calls, found.removed) == (3, 2)
    assert working.calls() == 12
    assert working.night().number == 2
    assert working.calls() == 15
    states = working.states(2)
    assert {states.pop(sku) for sku in ("sku-05", "sku-06", "sku-99")} == {"made"}
    assert {states.pop(sku) for sku in ("sku-00", "sku-01")} == {"removed"}
    assert set(states.values()) == {"kept"}
    assert working.items(2)["sku-00"].picture == working.items(1)["sku-00"].picture


def test_nothing_is_bought_twice(working):
    first = working.items(1)["sku-03"].picture
    working.products["sku-03"] = "Another mug"
    working.night()
    assert working.calls() == 13
    working.products["sku-03"] = "Mug number 3"  # as it was; and one more that looks the same
    working.products["sku-77"] = "Mug number 3"
    version = working.night()
    assert version.batch_id is None
    assert working.calls() == 13
    assert working.items(3)["sku-03"].picture == working.items(3)["sku-77"].picture == first
    assert working.states(3)["sku-77"] == "reused"


def test_items_that_look_the_same_share_one_call(working):
    working.products |= {"a": "A bowl", "b": "A bowl"}
    working.night()
    assert working.calls() == 13
    assert working.items(2)["a"].picture == working.items(2)["b"].picture


def test_a_part_is_made_anew_and_the_rest_stays(working):
    working.products["sku-01"] = "A changed mug"
    working.night(reuse=Reuse.REFRESH, only=frozenset({"sku-00"}))
    assert working.calls() == 13
    before, after = working.items(1), working.items(2)
    assert before["sku-00"].picture != after["sku-00"].picture
    assert before["sku-01"].picture == after["sku-01"].picture
    assert len(after) == 12
    assert [one.sku for one in working.diff().samples] == ["sku-01"]


def test_with_reuse_only_nothing_is_bought(working):
    working.products |= {"sku-01": "A changed mug", "sku-50": "A new mug"}
    version = working.night(reuse=Reuse.ONLY, threshold=Decimal("0.8"))  # eleven of thirteen
    assert version.state is VersionState.PUBLISHED
    assert working.calls() == 12
    states = working.states(2)
    assert (states["sku-01"], states["sku-50"]) == ("stale", "missing")


def test_takes_and_variants_are_counted_apart(working):
    working.recipe = working.recipe.replace("[parameters]", "takes = 2\n[parameters]")
    working.products = {"sku-00": "Mug number 0"}
    assert working.diff().calls == 2
    working.night()
    assert working.calls() == 14
    working.recipe = working.recipe.replace("takes = 2", "takes = 3")
    working.night()
    assert working.calls() == 15


def test_an_item_that_fails_keeps_its_image_and_a_poor_night_is_a_candidate(working):
    working.products["sku-01"] = "[[fault:moderation]] A mug"
    version = working.night()
    assert version.state is VersionState.CANDIDATE
    assert working.current == 1
    assert working.states(2)["sku-01"] == "stale"
    assert working.items(2)["sku-01"].picture == working.items(1)["sku-01"].picture
    assert [one.sku for one in working.diff().samples] == ["sku-01"]
    version = working.night(threshold=Decimal("0.9"))  # eleven of twelve items, though no call
    assert version.state is VersionState.PUBLISHED
    assert working.current == 3


def test_a_retry_completes_a_candidate(working):
    working.products["sku-01"] = "[[fault:moderation*1]] A mug"
    version = working.night()
    assert version.state is VersionState.CANDIDATE
    with transaction(working.world.engine) as connection:
        assert retries.retry(connection, version.batch_id, new_id(), Choice.of(["moderation"]))
    working.until(lambda: working.current == 2)
    assert working.states(2)["sku-01"] == "made"


def test_a_version_is_put_back(working):
    working.products["sku-01"] = "A changed mug"
    working.night()
    assert working.current == 2
    with transaction(working.world.engine) as connection:
        catalog = catalogs.find(connection, "default", "shop")
        catalogs.publish(connection, catalog.id, 1)
    assert working.current == 1
    assert working.diff().calls == 0
    assert working.night().batch_id is None
    assert working.states(3)["sku-01"] == "reused"


def test_nights_do_not_overlap(shop):
    shop.products = {"a": "A bowl"}
    first = shop.begin()
    shop.products["b"] = "A cup"
    second = shop.begin()
    assert (second.number, second.batch_id) == (first.number, first.batch_id)
    assert second.difference is None
    shop.world.start_worker(**PACE)
    shop.over(1)
    assert [one.sku for one in shop.diff().samples] == ["b"]


def test_what_was_rejected_serves_no_later_night(working):
    bad = working.items(1)["sku-03"].picture.attempt_id
    working.judge(1, Judgement.REJECTED, "sku-03/main")
    working.products["sku-77"] = "Mug number 3"  # looks the same
    assert working.diff().count(Standing.REJECTED) == 1
    assert working.diff(reuse=Reuse.ONLY).calls == 0
    working.night()
    assert working.calls() == 13
    after = working.items(2)
    assert after["sku-03"].picture == after["sku-77"].picture
    assert after["sku-03"].picture.attempt_id != bad
    assert working.diff().calls == 0


def test_what_is_made_anew_enters_the_night_that_was_over(working):
    bad = working.items(1)["sku-03"].picture.attempt_id
    working.judge(1, Judgement.REJECTED, "sku-03/main")
    with transaction(working.world.engine) as connection:
        root = working.version(1).batch_id
        assert retries.retry(connection, root, new_id(), Choice.of(["rejected"]), Decimal(1))
        hints.ring(connection, About.LISTS)
    working.until(lambda: working.items(1)["sku-03"].picture.attempt_id != bad)
    assert working.calls() == 13
    assert working.current == 1
    assert working.diff().calls == 0
