"""The pages of catalogs: what is published, what waits for a person, and who may turn a version."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from factories import Factory
from showing import begin_night
from sqlalchemy import text

from darkroom.domain.catalog import Item, ItemState, Picture
from darkroom.domain.failure import FailureClass
from darkroom.domain.schedule import Missed
from darkroom.store import catalogs, nights, schedules
from darkroom.store.catalogs import NewVersion
from darkroom.store.schedules import Terms

PICTURE = b"a picture whose bytes nobody looks at"
NAME = "Winter 50 %"
PATH = "/catalogs/Winter%2050%20%25"


def _begun(make: Factory, *ends: bytes | FailureClass) -> list[str]:
    """A night of one call for each end, concluded; the SKUs of its items."""
    batch_id = make.completed(*ends)
    skus = [f"sku <{n}>" for n, _ in enumerate(ends)]
    with make.transaction() as connection:
        pictures = connection.execute(
            text("SELECT attempt_id FROM images WHERE batch_id = :b"), {"b": batch_id}
        ).scalars()
        images = [Picture(one, 0, f"print {one}") for one in pictures]
        shown = [
            Item(sku, "main", "print", ItemState.MADE, image)
            for sku, image in zip(skus, images, strict=False)
        ]
        lost = [Item(sku, "main", "print", ItemState.MISSING) for sku in skus[len(images) :]]
        catalog = catalogs.hold(connection, make.project_id, NAME, uuid4())
        new = NewVersion(batch_id, Decimal("0.9"), Decimal("0.25"))
        begin_night(connection, catalog, new, [*shown, *lost])
        nights.conclude(connection)
    return skus


@pytest.fixture
def candidate(make):
    """A catalog whose only night brought less than its threshold."""
    return _begun(make, PICTURE, FailureClass.MODERATION)


def test_a_catalog_that_waits_for_a_person_says_so(browser, candidate):
    listed = browser.get("/catalogs").text
    assert "Winter 50 %" in listed
    assert "Candidate" in listed
    assert "Nothing is published yet" in listed
    page = browser.get(PATH).text
    assert "Less than 90 %" in page
    assert "$0.25" in page


def test_a_candidate_is_published_by_whoever_may(browser, reader, candidate):
    publish = f"{PATH}/versions/1/publish"
    assert "<button>Publish" not in reader.get(PATH).text
    assert reader.post(publish).status_code == 403
    assert browser.post(publish).headers["location"] == PATH
    assert "Current" in browser.get(PATH).text
    assert "Nothing is published yet" not in browser.get("/catalogs").text


def test_the_last_night_is_told_with_a_button_for_what_failed(browser, reader, make, candidate):
    page = browser.get(PATH).text
    assert "Last night" in page
    assert "Refused by the safety system" in page
    assert "darkroom catalog publish 1" in page
    assert "<button>Retry" in page
    assert "<button>Retry" not in reader.get(PATH).text
    assert "Nights of this catalog begin when somebody begins them." in page


def test_a_schedule_says_when_the_next_night_is_and_what_became_of_the_last(browser, make):
    _begun(make, PICTURE)
    with make.transaction() as connection:
        catalog = catalogs.find(connection, make.project_id, NAME)
        plan_id = connection.execute(text("SELECT id FROM files LIMIT 1")).scalar_one()
        terms = Terms(
            "0 22 * * *",
            "Europe/Berlin",
            "06:00",
            Missed.SKIP,
            Decimal(80),
            Decimal(1),
            None,
            plan_id,
        )
        schedules.put(connection, catalog.id, terms, datetime(2027, 1, 2, 21, tzinfo=UTC))
    page = browser.get(PATH).text
    for said in (
        "2027-01-02 21:00 UTC",
        "0 22 * * *",
        "Europe/Berlin, until 06:00",
        "$80",
        "is left out",
    ):
        assert said in page
    assert "Nothing is left to do" in page


def test_a_version_shows_its_images_and_what_it_lacks(browser, candidate):
    page = browser.get(f"{PATH}/versions/1").text
    assert "sku &lt;0&gt;" in page
    assert page.count("/thumbnail") == 1
    assert "missing" in page


def test_the_rest_of_a_version_follows_by_its_own_address(browser, make, candidate):
    behind = browser.get(f"{PATH}/versions/1", params={"sku": candidate[0], "variant": "main"})
    assert "sku &lt;1&gt;" in behind.text
    assert "sku &lt;0&gt;" not in behind.text


@pytest.mark.parametrize("path", ["", "/versions/1", "/versions/2"])
def test_nobody_sees_the_catalogs_of_another_project(enter, candidate, path):
    other = enter("somebody-else")
    assert other.get(PATH + path).status_code == 404
    assert NAME not in other.get("/catalogs").text
