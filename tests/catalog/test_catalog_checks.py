"""What arrives is looked at: nothing that does not pass becomes what a catalog shows, and it is made anew."""

from decimal import Decimal

import pytest
from sqlalchemy import select

from darkroom.domain.catalog import VersionState
from darkroom.domain.checking import Check, Checks
from darkroom.domain.review import Judgement
from darkroom.store import catalogs, insights, shelves
from darkroom.store.session import transaction
from darkroom.store.tables import looks

PACE = {"DARKROOM_IMAGES_PER_MINUTE": "60000", "DARKROOM_REQUESTS_PER_MINUTE": "60000"}
REJECTING = Checks(rejects=True)


@pytest.fixture
def working(shop):
    """A shop of four products whose first night is over."""
    shop.world.start_worker(**PACE)
    shop.products = {f"sku-{n}": f"Mug number {n}" for n in range(4)}
    assert shop.night(checks=REJECTING).state is VersionState.PUBLISHED
    assert view(shop, 1).checked == insights.Checked(4, 0)
    return shop


def view(shop, number):
    return shop.world.batch(shop.version(number).batch_id)


def said(shop):
    with transaction(shop.world.engine) as connection:
        rows = connection.execute(select(looks.c.sku, looks.c.findings))
        return {row.sku: row.findings[0]["check"] for row in rows if row.findings}


def test_what_does_not_pass_is_not_shown(working):
    before = working.items(1)
    working.products["sku-1"] = "[[fault:blank]] A mug"
    working.products["sku-2"] = "[[fault:lookalike]] A mug"
    working.products["sku-3"] = "[[fault:lookalike]] Another mug"
    version = working.night(checks=REJECTING, threshold=Decimal("0.3"))
    assert version.state is VersionState.PUBLISHED
    states = working.states(2)
    [good] = [sku for sku in ("sku-2", "sku-3") if states.pop(sku) == "made"]
    assert states["sku-1"] == "stale"
    assert working.items(2)["sku-1"].picture == before["sku-1"].picture
    with transaction(working.world.engine) as connection:
        catalog = catalogs.find(connection, "default", "shop")
        shelf = {one.sku: one for one in shelves.page(connection, catalog.id, 2, 9)}
    assert [str(one) for one in shelf["sku-1"].flaws] == [
        "blank: one even surface: 0 of 255 grey values apart"
    ]
    bad = {"sku-2": "sku-3", "sku-3": "sku-2"}[good]
    assert said(working) == {"sku-1": Check.BLANK, bad: Check.DUPLICATE}
    found = view(working, 2)
    assert (found.checked, found.rejected) == (insights.Checked(3, 2), 2)
    # a night later the one that is shown still counts
    working.products = {**working.products, "sku-9": "[[fault:lookalike]] A third mug"}
    working.products.pop("sku-1")
    working.night(checks=REJECTING, only=frozenset({"sku-9"}))
    assert said(working)["sku-9"] == Check.DUPLICATE
    working.judge(3, Judgement.APPROVED, "sku-9/main")  # a person knows better
    assert working.night(checks=REJECTING, only=frozenset({"sku-9"})).batch_id is None
    assert working.states(4)["sku-9"] == "reused"


def test_what_does_not_pass_is_made_anew_within_bounds(working):
    checks = Checks(rejects=True, reroll=2, budget=Decimal(1))
    working.products["sku-1"] = "[[fault:blank*1]] A mug"
    working.products["sku-2"] = "[[fault:blank]] A mug"
    version = working.night(checks=checks)
    assert version.state is VersionState.CANDIDATE
    assert working.states(2)["sku-1"] == "made"
    assert working.states(2)["sku-2"] == "stale"
    assert working.calls() == 4 + 2 + 2 + 1
    found = view(working, 2)
    assert (found.ended, found.checked, found.rejected) == (True, insights.Checked(5, 4), 1)


def test_what_making_anew_may_cost_is_never_passed(working):
    checks = Checks(rejects=True, reroll=5, budget=Decimal("0.000001"))
    working.products["sku-1"] = "[[fault:blank]] A mug"
    assert working.night(checks=checks).state is VersionState.CANDIDATE
    assert working.calls() == 5
    assert view(working, 2).ended


def test_a_list_of_prompts_is_only_told(shop):
    shop.world.start_worker(**PACE)
    rows = ["[[fault:blank]] A mug", "[[fault:wrong_size]] A bowl", "A jug"]
    batch_id = shop.world.submit(rows, checks=Checks().as_json())
    found = shop.world.until(batch_id)
    assert (found.checked, found.rejected) == (insights.Checked(3, 2), 0)
    told = [
        [str(one) for seen in job.findings.values() for one in seen]
        for job in shop.world.jobs(batch_id)
    ]
    assert told == [
        ["blank: one even surface: 0 of 255 grey values apart"],
        ["size: asked for 1024x1024, got 1536x1024"],
        [],
    ]
    with transaction(shop.world.engine) as connection:
        report = insights.report(connection, "default", batch_id)
    assert [(one.check, one.images, one.custom_id) for one in report.flagged] == [
        (Check.BLANK, 1, "0001"), (Check.SIZE, 1, "0002"),
    ]  # fmt: skip
