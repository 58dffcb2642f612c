"""A shop with a table, a recipe and a catalog in a real world: nights are begun as the API begins them."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from world import World

from darkroom.blobs import open_store
from darkroom.catalogs import night
from darkroom.catalogs.night import Night, Studio, Wish
from darkroom.catalogs.plan import Planned, plan
from darkroom.catalogs.reading import Plan
from darkroom.catalogs.recipe import read_recipe
from darkroom.domain.catalog import Difference, Item, VersionState
from darkroom.domain.facts import packaged_toml, parse_models
from darkroom.domain.review import Judgement
from darkroom.store import catalogs, reviews
from darkroom.store.catalogs import Version
from darkroom.store.session import transaction
from worker.app import new_id

RECIPE = """
name = "shop"
table = "products.csv"
template = "{{ Title }}, product photo"
[parameters]
quality = "low"
size = "1024x1024"
"""
NAME = "shop"
_TODAY = date(2026, 11, 22)


def written(folder: Path, products: dict[str, str], recipe: str = RECIPE) -> Path:
    """The plan of a table of titles by SKU."""
    with (folder / "products.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("sku", "Title", "Price"))
        rows.writerows((sku, title, "9.99") for sku, title in products.items())
    path = folder / "plan.jsonl"
    found = list(plan(read_recipe(recipe), folder / "products.csv"))
    assert all(isinstance(one, Planned) for one in found), found
    path.write_bytes(b"".join(one.json() for one in found))
    return path


@dataclass(slots=True)
class Shop:
    """One catalog; `products` are titles by SKU."""

    world: World
    products: dict[str, str] = field(default_factory=dict)
    recipe: str = RECIPE

    @property
    def _studio(self) -> Studio:
        return Studio(self.world.engine, open_store(self.world.storage_url), new_id)

    def _plan(self) -> Plan:
        path = written(self.world.folder, self.products, self.recipe)
        return Plan(path, "default", parse_models(packaged_toml(), _TODAY))

    def diff(self, **wish: object) -> Difference:
        return night.difference(self._studio, "default", NAME, self._plan(), Wish(**wish))

    def begin(self, **wish: object) -> Night:
        return night.begin(self._studio, "default", NAME, self._plan(), Wish(**wish))

    def night(self, **wish: object) -> Version:
        """A whole night."""
        return self.over(self.begin(**wish).number)

    def over(self, number: int) -> Version:
        """Waits until a night is concluded."""
        self.until(lambda: self.version(number).state is not VersionState.MAKING)
        return self.version(number)

    def until(self, holds: Callable[[], bool]) -> None:
        """Waits, woken by hints, until something holds."""
        with self.world.listening() as listener:
            for _ in range(240):
                if holds():
                    return
                listener.wait(0.25)
        raise AssertionError("it never held")

    def judge(self, number: int, verdict: Judgement, *custom_ids: str) -> None:
        """Says this of images of a night."""
        with transaction(self.world.engine) as connection:
            family = reviews.family_of(connection, self.version(number).batch_id)
            found = reviews.named(connection, family, custom_ids)
            reviews.decide(connection, [one.job_id for one in found.values()], verdict)

    def version(self, number: int) -> Version:
        with transaction(self.world.engine) as connection:
            catalog = catalogs.find(connection, "default", NAME)
            assert catalog
            found = catalogs.version(connection, catalog.id, number)
        assert found
        return found

    @property
    def current(self) -> int | None:
        with transaction(self.world.engine) as connection:
            catalog = catalogs.find(connection, "default", NAME)
        return catalog and catalog.current

    def items(self, number: int) -> dict[str, Item]:
        with transaction(self.world.engine) as connection:
            catalog = catalogs.find(connection, "default", NAME)
            assert catalog
            return {one.sku: one for one in catalogs.items(connection, catalog.id, number)}

    def states(self, number: int) -> dict[str, str]:
        return {sku: item.state.value for sku, item in self.items(number).items()}

    def calls(self) -> int:
        return len(self.world.sandbox.calls())


@pytest.fixture
def world(world: World) -> World:
    """Its storage is laid out, as by a worker or the API that came before."""
    store = open_store(world.storage_url)
    store.lay_out(store.identity() or "of-the-test")
    return world


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop(world)
