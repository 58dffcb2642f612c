"""Reviews and promotions: counted as they are said, promoted once, and never where they were rejected."""

from decimal import Decimal
from uuid import uuid4

import pytest
from factories import MODELS
from stage import failed, succeeded

from darkroom.domain.batchfile import Draft
from darkroom.domain.request import Resolver
from darkroom.domain.retry import GiveUp
from darkroom.domain.review import Judgement, Target, promoted
from darkroom.store import batches, endings, insights, intake, promotions, retries, reviews
from darkroom.store.reviews import BeingPromoted, Decided

APPROVED, REJECTED = Judgement
HIGH = Target("high")


@pytest.fixture
def drafts(stage):
    """An ended batch of so many drafts, and the ids of their jobs."""

    def made(number, *more):
        batch_id = stage.batch(number + len(more))
        for message, outcome in zip(
            stage.dispatch(batch_id), [*[succeeded()] * number, *more], strict=True
        ):
            stage.settle(stage.begin(message), outcome, GiveUp())
        stage.call(endings.finalize)
        stage.call(endings.complete)
        query = "SELECT id FROM jobs WHERE batch_id = :id ORDER BY line"
        return batch_id, [row.id for row in stage.rows(query, id=batch_id)]

    return made


def _filled(stage, root, target=HIGH, *, accept=True):
    """A promotion as a worker fills it; its id and what was promoted."""
    new_id = uuid4()
    options = {"name": None, "budget": Decimal(9), "api_key_id": None}
    assert stage.call(promotions.begin, root, new_id, target, **options)
    claim = stage.call(batches.claim_validating, None)
    assert (claim.id, claim.promoted_from) == (new_id, root)
    found = stage.call(promotions.approved, [root], target, limit=9, hold=True)
    resolver = Resolver(MODELS)
    finals = [promoted(one, target, resolver) for one in found]
    stage.call(intake.add_jobs, claim, finals)
    stage.call(promotions.note, new_id, target, [one.job_id for one in found])
    if accept:
        stage.call(intake.accept, claim, ())
    return new_id, found


def _standing(stage, batch_id):
    row = stage.batch_row(batch_id)
    return row.approved, row.rejected


def test_a_verdict_is_counted_once_and_moves_when_it_changes(stage, drafts):
    batch_id, ids = drafts(3, failed())
    assert stage.call(reviews.decide, ids, APPROVED) == Decided(3)
    assert stage.call(reviews.decide, ids, APPROVED) == Decided(0)
    assert stage.call(reviews.decide, ids[:1], REJECTED) == Decided(1)
    assert _standing(stage, batch_id) == (2, 1)
    view = stage.call(insights.batch, "default", batch_id)
    assert (view.approved, view.rejected) == (2, 1)
    page = stage.call(insights.jobs_page, batch_id, limit=9, verdict=APPROVED)
    assert [job.id for job in page] == ids[1:3]
    assert [job.verdict for job in stage.call(insights.jobs_page, batch_id, limit=9)] == [
        REJECTED,
        APPROVED,
        APPROVED,
        None,
    ]


def test_a_rule_is_about_what_nobody_has_judged(stage, drafts):
    batch_id, ids = drafts(3, failed())
    stage.call(reviews.decide, ids[1:2], REJECTED)
    found = stage.call(reviews.undecided, batch_id, "sku-*", after=-1, limit=9)
    assert [job_id for _, job_id, _ in found] == [ids[0], ids[2]]
    first = found[0]
    assert stage.call(reviews.undecided, batch_id, "sku-*", after=first[0], limit=9) == found[1:]
    assert stage.call(reviews.undecided, batch_id, first[2], after=-1, limit=9) == [first]
    assert stage.call(reviews.undecided, batch_id, "sku_%", after=-1, limit=9) == []


def test_what_a_retry_made_is_reviewed_with_the_family(stage, drafts):
    root, ids = drafts(1, failed())
    again = uuid4()
    stage.call(retries.retry, root, again, None)
    [message] = stage.dispatch(again)
    stage.settle(stage.begin(message), succeeded())
    family = stage.call(reviews.family_of, root)
    known = stage.call(reviews.named, family, {message.custom_id})
    assert known[message.custom_id].job_id == message.job_id
    stage.call(reviews.decide, [ids[0], message.job_id], APPROVED)
    assert (_standing(stage, root), _standing(stage, again)) == ((1, 0), (1, 0))
    assert stage.call(insights.batch, "default", root).approved == 2
    found = stage.call(promotions.approved, family, HIGH, limit=9)
    assert [one.job_id for one in found] == [ids[0], message.job_id]


def test_an_approved_draft_is_promoted_once_to_the_same(stage, drafts):
    root, ids = drafts(3)
    stage.call(reviews.decide, ids[:2], APPROVED)
    stage.call(reviews.decide, ids[2:], REJECTED)
    final, found = _filled(stage, root)
    assert [one.job_id for one in found] == ids[:2]
    row = stage.batch_row(final)
    assert (row.promoted_from, row.queued, row.cap) == (root, 2, Decimal(9))
    made = stage.rows("SELECT request FROM jobs WHERE batch_id = :id", id=final)
    assert {one.request["quality"] for one in made} == {"high"}
    assert stage.call(promotions.approved, [root], HIGH, limit=9) == []
    assert len(stage.call(promotions.approved, [root], Target("medium"), limit=9)) == 2
    stage.call(reviews.decide, ids[2:], APPROVED)
    assert [one.job_id for one in stage.call(promotions.approved, [root], HIGH, limit=9)] == ids[2:]
    stage.assert_books_balance()


def test_the_draft_goes_before_the_pictures_that_it_was_made_of(stage, drafts):
    root, ids = drafts(1)
    stage.call(reviews.decide, ids, APPROVED)
    [draft] = stage.call(promotions.approved, [root], HIGH, limit=9)
    resolver = Resolver(MODELS)
    final = promoted(draft, Target("high", reference=True), resolver)
    assert isinstance(final, Draft)
    assert final.edit.images == ("0" * 64,)
    odd = promoted(draft, Target("splendid"), resolver)
    assert [one.column for one in odd] == ["quality"]


def test_a_final_that_waits_is_called_off_when_its_draft_is_rejected(stage, drafts):
    root, ids = drafts(3)
    stage.call(reviews.decide, ids, APPROVED)
    final, _ = _filled(stage, root)
    [begun, *_] = stage.dispatch(final, 2)
    reservation = stage.begin(begun)
    assert stage.call(reviews.decide, ids, REJECTED) == Decided(3, recalled=2)
    row = stage.batch_row(final)
    assert (row.cancelled, row.queued, row.dispatched, row.running) == (2, 0, 0, 1)
    stage.settle(reservation, succeeded())
    stage.assert_books_balance()
    stage.call(reviews.decide, ids, APPROVED)
    again = stage.call(promotions.approved, [root], HIGH, limit=9)
    assert [one.job_id for one in again] == ids[1:], "what was called off may be made after all"


def test_nobody_rejects_what_is_being_promoted_right_now(stage, drafts):
    root, ids = drafts(1)
    stage.call(reviews.decide, ids, APPROVED)
    _filled(stage, root, accept=False)
    with pytest.raises(BeingPromoted):
        stage.call(reviews.decide, ids, REJECTED)
    assert _standing(stage, root) == (1, 0)
    options = {"name": None, "budget": None, "api_key_id": None}
    assert not stage.call(promotions.begin, root, uuid4(), HIGH, **options)
