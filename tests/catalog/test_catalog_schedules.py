"""Nights that begin by themselves: at their time, once, of the table as it is, and never two at a time."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from celery import Celery
from sqlalchemy import func, update

from darkroom.blobs import open_store
from darkroom.domain.schedule import Missed, Schedule
from darkroom.settings import Settings
from darkroom.store import catalogs, files, schedules, webhooks
from darkroom.store.files import File
from darkroom.store.schedules import Terms
from darkroom.store.session import transaction
from darkroom.store.tables import catalog_schedules, events
from worker.app import build_tools
from worker.exhibit import exhibit
from worker.schedule import schedule


@pytest.fixture
def make_tools(world):
    """The tools of a worker of this world that is not running."""
    made = []

    def make(**settings):
        known = {"database_url": world.database_url, "redis_url": world.redis_url}
        known |= {"storage_url": world.storage_url, "openai_base_url": f"{world.sandbox.url}/v1"}
        made.append(build_tools(Settings(**known, openai_api_key="sk-test", **settings), Celery()))
        return made[-1]

    yield make
    for tools in made:
        tools.engine.dispose()


@pytest.fixture
def tools(make_tools):
    return make_tools(local_recipes=True)


@pytest.fixture
def nightly(shop):
    """A shop of two products with a schedule that was due a minute ago, of the recipe on its disk."""
    return Nightly(shop)


class Nightly:
    def __init__(self, shop):
        self.shop, self.engine, self.folder = shop, shop.world.engine, shop.world.folder
        shop.products = {"a": "A bowl", "b": "A cup"}

    def plan(self):
        """Writes the recipe and its table; hands the plan in."""
        (self.folder / "catalog.toml").write_text(self.shop.recipe)
        path = self.shop._plan().path
        blob, size = open_store(self.shop.world.storage_url).put_file(path)
        file = File(uuid4(), "default", "batch", "plan.jsonl", size, blob, datetime.now(UTC))
        with transaction(self.engine) as connection:
            files.add(connection, file)
        return file.id

    def due(self, *, since=timedelta(minutes=1), local=True, **terms):
        recipe = str(self.folder / "catalog.toml") if local else None
        usual = {"cron": "0 22 * * *", "timezone": "UTC", "deadline": None, "missed": Missed.RUN}
        usual |= {"budget": Decimal(5), "threshold": Decimal(1), "recipe": recipe}
        with transaction(self.engine) as connection:
            catalog = catalogs.hold(connection, "default", "shop", uuid4())
            made = Terms(**(usual | terms), plan_file_id=self.plan_id)
            schedules.put(connection, catalog.id, made, datetime.now(UTC) - since)

    @property
    def plan_id(self):
        return self.plan()

    def again(self):
        with transaction(self.engine) as connection:
            connection.execute(update(catalog_schedules).values(due_at=func.now()))

    @property
    def now(self):
        with transaction(self.engine) as connection:
            return schedules.page(connection, "default")[0]


def nightly_at(cron, zone="Europe/Berlin"):
    return Schedule.parse(cron, zone, None, Missed.RUN)


@pytest.mark.parametrize(
    ("noon", "times"),
    [
        ("2026-03-28T12:00Z", ["2026-03-29T01:00Z", "2026-03-30T00:30Z"]),
        ("2026-10-24T12:00Z", ["2026-10-25T00:30Z", "2026-10-26T01:30Z"]),
    ],
    ids=["the clocks jump over it", "the clocks show it twice"],
)
def test_in_the_nights_of_the_clocks_it_begins_once(noon, times):
    moment, found = datetime.fromisoformat(noon), []
    for _ in times:
        moment = nightly_at("30 2 * * *").after(moment)
        found.append(moment)
    assert found == [datetime.fromisoformat(one) for one in times]


def test_a_night_begins_at_its_time_of_the_table_as_it_is(nightly, tools):
    nightly.due()
    nightly.shop.products["c"] = "A jug"
    nightly.plan()  # the table on the disk is newer than the plan that was handed in
    assert schedule(tools) == 1
    assert schedule(tools) == 0
    night = nightly.now
    assert night.said == "version 1 began: 3 images, about $0.0177"
    assert (night.last_version, night.due_at.hour) == (1, 22)
    assert night.due_at > night.now
    assert set(nightly.shop.items(1)) == {"a", "b", "c"}


def test_elsewhere_it_goes_by_the_plan_that_was_handed_in(nightly, make_tools):
    nightly.due()
    nightly.shop.products["c"] = "A jug"
    nightly.plan()
    assert schedule(make_tools()) == 1
    assert set(nightly.shop.items(1)) == {"a", "b"}
    assert "; plan of " in nightly.now.said


def test_nights_of_a_schedule_do_not_overlap(nightly, tools):
    nightly.due()
    assert schedule(tools) == 1
    nightly.again()
    hear(nightly)
    assert schedule(tools) == 1
    assert nightly.now.said == "skipped: version 1 is still being made"
    assert nightly.now.last_version == 1
    with transaction(nightly.engine) as connection:
        assert connection.execute(events.select()).one().data["reason"] == nightly.now.said


def hear(nightly):
    with transaction(nightly.engine) as connection:
        told = {"url": "https://a.example", "secret": "s", "wanted": ["night.skipped"]}
        webhooks.add(connection, uuid4(), "default", **told)


@pytest.mark.parametrize(
    ("since", "terms", "said"),
    [
        (timedelta(hours=1), {"missed": Missed.SKIP}, "missed: nothing was running"),
        (timedelta(days=3), {"deadline": "06:00"}, "its deadline is over"),
        (timedelta(days=3), {}, "version 1 began"),
    ],
)
def test_what_was_missed_is_begun_or_left_out(nightly, tools, since, terms, said):
    nightly.due(since=since, **terms)
    assert schedule(tools) == 1
    assert said in nightly.now.said
    assert schedule(tools) == 0  # several that were missed are one


def test_a_table_that_cannot_be_used_costs_nothing_and_is_named(nightly, tools):
    nightly.due()
    (nightly.folder / "products.csv").write_text("sku,Title\n,A bowl\n")
    assert schedule(tools) == 1
    assert nightly.now.said.startswith("refused: line 2, column sku")
    assert nightly.now.due_at > nightly.now.now
    (nightly.folder / "products.csv").unlink()
    nightly.again()
    assert schedule(tools) == 1
    assert "products.csv: No such file" in nightly.now.said


def test_a_stack_of_one_run_begins_none(nightly, make_tools):
    nightly.due()
    assert schedule(make_tools(local_recipes=True, focus="another")) == 0


def test_a_worker_that_died_in_between_has_begun_nothing(nightly, tools):
    """Its claim runs out, and another begins the night: written down and settled in one transaction."""
    nightly.due()
    with transaction(nightly.engine) as connection:
        assert schedules.claim(connection)
    assert schedule(tools) == 0
    with transaction(nightly.engine) as connection:
        connection.execute(update(catalog_schedules).values(claimed_until=func.now()))
    assert schedule(tools) == 1
    assert nightly.now.last_version == 1


def test_what_a_schedule_published_is_in_its_directory(nightly, tools):
    nightly.shop.world.start_worker()
    nightly.due(local=False)
    assert schedule(tools) == 1
    nightly.shop.over(1)
    assert exhibit(tools) == 0
    with transaction(nightly.engine) as connection:
        recipe = str(nightly.folder / "catalog.toml")
        connection.execute(update(catalog_schedules).values(recipe=recipe))
    assert exhibit(tools) == 1
    assert exhibit(tools) == 0
    shown = nightly.folder / "published" / "current"
    assert (shown / "a" / "main.png").read_bytes()[:4] == b"\x89PNG"
    assert (shown / "manifest.csv").read_text().count(",made,") == 2
