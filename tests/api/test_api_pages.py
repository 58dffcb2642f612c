"""Every list is walked alike: `next` of one page is `after` of the next, until it is null."""

from decimal import Decimal
from uuid import uuid4

import pytest
from desk import assert_problem
from showing import begin_night

from darkroom.domain.catalog import Item, ItemState
from darkroom.domain.problem import Problem
from darkroom.store import catalogs, nights
from darkroom.store.catalogs import NewVersion


class Shelf:
    """A project with three of everything."""

    def __init__(self, project) -> None:
        self.make, self.client = project.make, project.clients["admin"]
        url, heard = "https://shop.example/hooks", ["batch.completed"]
        self.hook = self._made("/webhooks", url=url, events=heard)
        batch_id = self.make.completed(None, None, None)
        wrong = [Problem("size_not_allowed", "no", line=line) for line in (1, 2, 3)]
        ids = {"batch": batch_id, "refused": self.make.refused(wrong)}
        self.make.completed(None)
        for _ in range(2):
            self._made("/webhooks", url=url)
            self._made("/keys", name="one more")
        self._nights(project.id, batch_id)
        self.ids = {name: f"batch_{one.hex}" for name, one in ids.items()}
        self.ids |= {"hook": self.hook["id"]}

    def _made(self, path, **body):
        return self.client.post(f"/api/v1{path}", json=body).json()

    def _nights(self, project_id, batch_id):
        items = [Item(sku, "a/b", "print", ItemState.MISSING, None) for sku in ("a", "b %", "c/ä")]
        with self.make.transaction() as connection:
            catalog = catalogs.hold(connection, project_id, "shop", uuid4())
            for _ in range(3):
                new = NewVersion(batch_id, Decimal(0), Decimal("0.25"))
                begin_night(connection, catalog, new, items)
                nights.conclude(connection)


@pytest.fixture(scope="module")
def shelf(module_project):
    return Shelf(module_project())


LISTS = {
    "/batches": 3,
    "/batches/{refused}/problems": 3,
    "/batches/{batch}/jobs": 3,
    "/keys": 5,
    "/webhooks": 3,
    "/webhooks/{hook}/deliveries": 2,
    "/catalogs/shop/versions": 3,
    "/catalogs/shop/versions/1/items": 3,
    "/usage": 2,
}
ASKED = {"/usage": {"group_by": "batch"}}


@pytest.mark.parametrize("path", LISTS)
def test_page_by_page_is_the_whole(shelf, path):
    url = f"/api/v1{path}".format(**shelf.ids)
    asked = ASKED.get(path, {})
    whole = shelf.client.get(url, params=asked).json()
    assert (len(whole["data"]), whole["has_more"], whole["next"]) == (LISTS[path], False, None)
    seen, query = [], {**asked, "limit": 1}
    while "after" not in query or query["after"]:
        page = shelf.client.get(url, params=query).json()
        assert page["has_more"] == (page["next"] is not None)
        assert len(page["data"]) == 1
        seen += page["data"]
        query["after"] = page["next"]
    assert seen == whole["data"]


@pytest.mark.parametrize("path", [*LISTS, "/providers", "/schedules"])
@pytest.mark.parametrize("after", ["x\0", "%", "-1"])
def test_a_place_that_is_none_is_refused(shelf, path, after):
    url = f"/api/v1{path}".format(**shelf.ids)
    problem = assert_problem(shelf.client.get(url, params={"after": after}), 422)
    assert problem["errors"][0]["column"] == "after"
