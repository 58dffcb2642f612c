"""Promotions: filled by a worker chunk by chunk, drawn once, and a crash in between repeats nothing."""

from decimal import Decimal

import pytest
from factories import Factory

from darkroom.blobs import open_store
from darkroom.domain.review import Judgement, Target
from darkroom.store import batches, insights, promotions, reviews
from darkroom.store.session import transaction
from worker import promotion
from worker.app import new_id
from worker.ingest import ingest


@pytest.fixture
def make(world):
    return Factory(world.engine, open_store(world.storage_url), "default")


def _approved(make, number):
    batch_id = make.completed(*[None] * number)
    with make.transaction() as connection:
        page = insights.jobs_page(connection, batch_id, limit=100)
        reviews.decide(connection, [job.id for job in page], Judgement.APPROVED)
    return batch_id


def _begun(make, root, target):
    final = new_id()
    with make.transaction() as connection:
        assert promotions.begin(
            connection, root, final, target, name=None, budget=Decimal(5), api_key_id=None
        )
    return final


def _finals(world, final):
    return [(job.custom_id, dict(job.request)) for job in world.jobs(final)]


def test_a_promotion_is_filled_with_the_drafts_as_references(world, tools, make):
    root = _approved(make, 3)
    with transaction(world.engine) as connection:
        drafts = insights.jobs_page(connection, root, limit=9)
    final = _begun(make, root, Target("high", reference=True))
    assert ingest(tools) == 3
    found = _finals(world, final)
    assert [name for name, _ in found] == ["row-1", "row-2", "row-3"]
    assert [request["images"] for _, request in found] == [[job.images[0].sha256] for job in drafts]
    assert {request["quality"] for _, request in found} == {"high"}
    assert world.batch(final).counts.queued == 3


def test_whoever_goes_on_after_a_crash_promotes_nothing_twice(world, tools, make, monkeypatch):
    root = _approved(make, 5)
    final = _begun(make, root, Target("medium"))
    monkeypatch.setattr(promotion.promotions, "CHUNK", 2)
    with transaction(world.engine) as connection:
        claim = batches.claim_validating(connection, None)
    dying = promotion.Filling(tools, claim)
    assert dying._chunk() == 2
    make_free = "UPDATE batches SET ingest_lease_expires_at = now() - interval '1 s'"
    with transaction(world.engine) as connection:
        connection.exec_driver_sql(make_free)
    assert ingest(tools) == 5
    assert len(_finals(world, final)) == world.batch(final).counts.total == 5
    with pytest.raises(promotion.intake.IngestLost):
        dying._chunk()
    assert world.batch(final).counts.queued == 5


def test_a_promotion_that_finds_nothing_is_refused(world, tools, make):
    root = _approved(make, 1)
    final = _begun(make, root, Target("high"))
    with make.transaction() as connection:
        [job] = insights.jobs_page(connection, root, limit=1)
        reviews.decide(connection, [job.id], Judgement.REJECTED)
    assert ingest(tools) == 0
    view = world.batch(final)
    assert (view.status, view.problems[0]["code"]) == ("failed", "nothing_to_promote")
