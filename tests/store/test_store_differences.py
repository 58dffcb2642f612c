"""Tonight's table against a version: what a night buys, however the table is ordered and whatever was bought."""

from dataclasses import dataclass
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select
from stage import succeeded

from darkroom.domain.catalog import THRESHOLD, ItemState, Reuse, Standing, Wanted
from darkroom.store import catalogs, differences
from darkroom.store.catalogs import NewVersion
from darkroom.store.differences import Selection
from darkroom.store.session import sitting, transaction
from darkroom.store.tables import catalog_items, catalog_orders, jobs

SKUS = st.dictionaries(st.sampled_from("abcdefg"), st.sampled_from("xyz"), max_size=7)
QUICK = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def wanted(products):
    return [
        Wanted(sku, "main", fp, f"{sku}/main", n) for n, (sku, fp) in enumerate(products.items(), 1)
    ]


@dataclass
class Shelf:
    """Catalogs of a project that has bought the pictures x, y and z, as their own orders say if asked."""

    stage: object
    picture: object
    batch_id: object

    def catalog(self, connection, before):
        made = catalogs.hold(connection, "default", uuid4().hex, uuid4())
        number = catalogs.open_version(connection, made, NewVersion(None, THRESHOLD, 0))
        for sku, fp in before.items():
            connection.execute(
                insert(catalog_items).values(
                    catalog_id=made.id, version=number, sku=sku, variant="main", state="made",
                    fingerprint=fp, shown=fp, attempt_id=self.picture, index=0,
                )
            )  # fmt: skip
        catalogs.publish(connection, made.id, number)
        return catalogs.find(connection, "default", made.name)

    def buy(self):
        """From here on all three were bought through some catalog."""
        with transaction(self.stage.engine) as connection:
            names = connection.execute(select(jobs.c.custom_id)).scalars()
            for fp, custom_id in zip("xyz", names, strict=True):
                row = {"batch_id": self.batch_id, "custom_id": custom_id, "project_id": "default"}
                connection.execute(insert(catalog_orders).values(**row, fingerprint=fp))

    def compared(self, before, tonight, asked=Selection()):  # noqa: B008 - a value
        """The difference; and what the night shows as it begins, by SKU."""
        with sitting(self.stage.engine) as part:
            with part() as connection:
                differences.open_tables(connection)
                differences.add(connection, wanted(tonight))
            with part() as connection:
                known = self.catalog(connection, before)
                found = differences.compare(connection, "default", known, asked)
                new = NewVersion(None, THRESHOLD, found.expected)
                number = differences.begin(connection, known, new, all_of_it=asked.only is None)
                items = catalogs.items(connection, known.id, number)
                return found, {one.sku: one for one in items}


@pytest.fixture
def shelf(stage):
    batch_id = stage.batch(3)
    for message in stage.dispatch(batch_id):
        reservation = stage.begin(message)
        assert stage.settle(reservation, succeeded()) is None
    return Shelf(stage, reservation.attempt_id, batch_id)


@QUICK
@given(SKUS, SKUS, st.randoms(use_true_random=False))
def test_a_night_buys_each_missing_fingerprint_once_in_any_order(shelf, before, tonight, random):
    rows = list(tonight.items())
    random.shuffle(rows)
    found, items = shelf.compared(before, dict(rows))
    lacking = set(tonight.values()) - set(before.values())
    assert found.calls == len(lacking)
    assert found.removed == len(before.keys() - tonight.keys())
    assert found.count(Standing.UNCHANGED) == sum(before.get(s) == f for s, f in tonight.items())
    assert items.keys() == before.keys() | tonight.keys()
    assert {sku for sku, one in items.items() if one.state is ItemState.REMOVED} == (
        before.keys() - tonight.keys()
    )
    waiting = {one.fingerprint for one in items.values() if one.state is ItemState.WAITING}
    assert waiting == lacking


@QUICK
@given(SKUS, SKUS)
def test_a_selection_touches_nothing_else(shelf, before, tonight):
    found, items = shelf.compared(before, tonight, Selection(only={"a"}))
    assert found.removed == 0
    assert found.count(Standing.NEW) <= 1
    shown = {sku: one.picture.fingerprint for sku, one in items.items() if one.picture}
    rest = {sku: fp for sku, fp in before.items() if sku not in {"a"} & tonight.keys()}
    assert shown.items() >= rest.items()
    assert items.keys() == before.keys() | ({"a"} & tonight.keys())


def test_what_was_bought_is_not_bought_again(shelf):
    shelf.buy()
    before, tonight = {"a": "x", "b": "y"}, {"a": "y", "b": "z", "c": "z", "d": "x"}
    found, items = shelf.compared(before, tonight)
    assert (found.calls, found.count(ItemState.REUSED)) == (0, 4)
    assert {sku: one.picture.fingerprint for sku, one in items.items()} == tonight
    found, _ = shelf.compared(before, tonight, Selection(Reuse.REFRESH))
    assert (found.calls, [one.sku for one in found.samples]) == (3, ["a", "b", "d"])


def test_with_reuse_only_nothing_is_bought(shelf):
    found, items = shelf.compared({"a": "x"}, {"a": "y", "b": "z"}, Selection(Reuse.ONLY))
    assert found.calls == 0
    assert {sku: one.state for sku, one in items.items()} == {
        "a": ItemState.STALE,
        "b": ItemState.MISSING,
    }
    assert items["a"].picture.fingerprint == "x"
