"""Retries: what a family of batches has not got yet, once, and within the first one's budget."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from threading import Thread
from uuid import uuid4

import pytest
from stage import failed, failure, succeeded, unknown

from darkroom.domain.attempt import Succeeded
from darkroom.domain.choice import Choice
from darkroom.domain.failure import FailureClass
from darkroom.domain.retry import GiveUp, History
from darkroom.domain.review import Judgement
from darkroom.store import batches, endings, insights, jobs, leases, retries, reviews
from darkroom.store.evidence import Late, settle_late
from darkroom.store.intake import IngestLost
from darkroom.store.retries import UNCERTAIN, family_root, retry
from darkroom.store.session import transaction

_WAITS = "SELECT count(*) FROM pg_locks WHERE NOT granted"


def _ended(stage, *outcomes, cap=None):
    """A completed batch whose jobs ended like this; the batch and its reservations."""
    batch_id = stage.batch(len(outcomes), cap=cap)
    reservations = [stage.begin(message) for message in stage.dispatch(batch_id)]
    for reservation, outcome in zip(reservations, outcomes, strict=True):
        assert stage.settle(reservation, outcome, GiveUp(), History(failures=1)) is None
    stage.call(endings.finalize)
    stage.call(endings.complete)
    return batch_id, reservations


def test_what_failed_is_tried_again_and_what_may_be_paid_for_is_not(stage, fresh_id):
    root, _ = _ended(stage, succeeded(), failed(), unknown())
    assert stage.call(retry, root, fresh_id, None) == 1
    made = stage.batch_row(fresh_id)
    assert (made.retry_of, made.status, made.total, made.queued) == (root, "in_progress", 1, 1)
    copied = stage.one("SELECT * FROM jobs WHERE batch_id = :id", id=fresh_id)
    first = stage.one("SELECT * FROM jobs WHERE superseded_by = :id", id=fresh_id)
    same = ("line", "custom_id", "priority", "request", "bound")
    assert [getattr(copied, name) for name in same] == [getattr(first, name) for name in same]
    assert (copied.begun, copied.failures, copied.token) == (0, 0, 0)
    stage.assert_books_balance()


def test_the_uncertain_are_tried_again_when_they_are_named(stage, fresh_id):
    root, _ = _ended(stage, failed(), unknown(), unknown(FailureClass.WORKER_LOST))
    assert stage.call(retry, root, fresh_id, Choice(UNCERTAIN)) == 2
    stage.assert_books_balance()


def test_images_that_were_rejected_are_made_anew_within_a_budget_of_their_own(stage, fresh_id):
    root, reservations = _ended(stage, succeeded(), succeeded(), failed(), cap=Decimal(90))
    good, bad, _ = (reservation.job_id for reservation in reservations)
    stage.call(reviews.decide, [good], Judgement.APPROVED)
    stage.call(reviews.decide, [bad], Judgement.REJECTED)
    assert stage.call(retry, root, fresh_id, Choice(rejected=True), Decimal(3)) == 1
    made = stage.batch_row(fresh_id)
    assert (made.total, made.queued, made.cap) == (1, 1, 3)
    assert [
        row.id for row in stage.rows("SELECT id FROM jobs WHERE superseded_by IS NOT NULL")
    ] == [bad]
    view = stage.call(insights.batch, "default", root)
    assert (view.counts.total, view.counts.succeeded, view.counts.queued) == (3, 1, 1)
    assert (view.approved, view.rejected) == (1, 0)
    stage.assert_books_balance()
    assert stage.call(retry, root, uuid4(), Choice(rejected=True)) == 0


def test_without_the_word_no_image_is_made_anew(stage, fresh_id):
    root, [first] = _ended(stage, succeeded())
    stage.call(reviews.decide, [first.job_id], Judgement.REJECTED)
    assert stage.call(retry, root, fresh_id, None) == 0


def test_a_retry_of_a_retry_belongs_to_the_first(stage):
    root, _ = _ended(stage, failed(), failed())
    second, third = uuid4(), uuid4()
    assert stage.call(retry, root, second, None) == 2
    assert stage.call(retry, root, third, None) == 0
    for message in stage.dispatch(second):
        stage.settle(stage.begin(message), failed())
    stage.call(endings.finalize)
    stage.call(endings.complete)
    assert stage.call(family_root, second) == root
    assert stage.call(retry, root, third, None) == 2
    assert stage.batch_row(third).retry_of == root
    counts = stage.call(insights.batch, "default", root).counts
    assert (counts.total, counts.failed, counts.queued) == (2, 0, 2)
    stage.assert_books_balance()


def test_a_batch_that_is_not_over_is_not_retried(stage, fresh_id):
    batch_id = stage.batch(2)
    [message] = stage.dispatch(batch_id, 1)
    stage.settle(stage.begin(message), failed())
    assert stage.call(retry, batch_id, fresh_id, None) == 0
    assert not stage.rows("SELECT 1 FROM batches WHERE id = :id", id=fresh_id)


def test_what_expired_is_retried_and_what_was_cancelled_is_not(stage, fresh_id):
    batch_id = stage.batch(2)
    stage.call(jobs.expire, batch_id, 1)
    stage.call(jobs.cancel, batch_id, 1)
    stage.call(endings.finalize)
    stage.call(endings.complete)
    assert stage.call(retry, batch_id, fresh_id, None) == 1
    stage.assert_books_balance()


def test_a_family_never_has_more_than_the_first_ones_budget(stage):
    """A retry that still runs may spend all that it was given, so the next one gets what it leaves."""
    root, _ = _ended(stage, succeeded("4"), failed(), unknown(), cap="10")
    first, second = uuid4(), uuid4()
    assert stage.call(retry, root, first, Choice((FailureClass.SERVER_ERROR,))) == 1
    assert stage.batch_row(first).cap == Decimal(5)
    assert stage.call(retry, root, second, Choice(UNCERTAIN)) == 1
    assert stage.batch_row(second).cap == 0


def test_a_familys_budget_is_told_as_it_was_given_also_when_it_is_over(stage, fresh_id):
    root, reservations = _ended(stage, succeeded("4"), failed(), cap="10")

    def told():
        return stage.call(insights.batch, "default", root).cost.cap

    stage.call(retry, root, fresh_id, None)
    assert told() == 10
    _over(stage, fresh_id, "0.5")
    assert told() == 10
    stage.call(reviews.decide, [reservations[0].job_id], Judgement.REJECTED)
    reroll = uuid4()
    stage.call(retry, root, reroll, Choice(rejected=True), Decimal(6))
    _over(stage, reroll, "1")
    assert told() == Decimal("10.5"), "six dollars of its own, beside what was spent"


def _over(stage, batch_id, cost):
    """The batch's one call has brought its image for this much, and it is over."""
    [message] = stage.dispatch(batch_id)
    stage.settle(stage.begin(message), succeeded(cost))
    stage.call(endings.finalize)
    stage.call(endings.complete)


def test_without_a_budget_a_retry_has_none(stage, fresh_id):
    root, _ = _ended(stage, failed())
    stage.call(retry, root, fresh_id, None)
    assert stage.batch_row(fresh_id).cap is None


@pytest.mark.parametrize("at", ["before the count", "before the copy"])
def test_an_image_that_turns_up_meanwhile_is_not_bought_again(stage, fresh_id, at):
    """Evidence and retry take turns at the job: it is adopted and not copied, or adopted by the copy."""
    root, [lost, _] = _ended(stage, unknown(), unknown())
    late: list[Late] = []

    def turns_up() -> None:
        with transaction(stage.engine) as connection:
            late.append(settle_late(connection, lost.attempt_id, succeeded()))

    with transaction(stage.engine) as connection:
        if at == "before the count":
            turns_up()
        number = retry(connection, root, fresh_id, Choice(UNCERTAIN))
        evidence = Thread(target=turns_up)
        if at == "before the copy":
            evidence.start()
            while not stage.one(_WAITS).count:
                pass
    if at == "before the copy":
        evidence.join()
    assert (number, late) == (1 if at == "before the count" else 2, [Late.ADOPTED])
    made = stage.batch_row(fresh_id)
    assert (made.total, made.queued, made.succeeded) == (number, 1, number - 1)
    stage.assert_books_balance()


def test_evidence_between_the_count_and_the_copy_does_not_break_the_count(stage, fresh_id):
    """The evidence holds the job when the retry comes by; the retry waits, and counts what is left."""
    root, [lost, _] = _ended(stage, unknown(), unknown())
    numbers: list[int] = []

    def again() -> None:
        with transaction(stage.engine) as connection:
            numbers.append(retry(connection, root, fresh_id, Choice(UNCERTAIN)))

    retrying = Thread(target=again)
    with transaction(stage.engine) as connection:
        assert settle_late(connection, lost.attempt_id, succeeded()) is Late.ADOPTED
        retrying.start()
        while not stage.one(_WAITS).count:
            pass
    retrying.join()
    assert numbers == [1]
    assert stage.batch_row(fresh_id).queued == 1
    stage.assert_books_balance()


@pytest.fixture
def in_chunks_of_two(monkeypatch):
    monkeypatch.setattr(retries, "CHUNK", 2)


def _claimed(stage):
    return stage.call(batches.claim_validating, None)


def test_a_large_retry_takes_its_jobs_over_in_chunks(stage, fresh_id, in_chunks_of_two):
    """In every moment each custom_id is counted once, and no job is begun before the last has come."""
    root, _ = _ended(stage, *(failed() for _ in range(5)), unknown(), cap="20")
    assert stage.call(retry, root, fresh_id, None) == 2
    for left in (2, 1):
        view = stage.call(insights.batch, "default", root)
        assert (view.status, view.eta_seconds) == ("validating", None)
        assert sum((view.counts.queued, view.counts.failed)) == 6
        assert stage.call(retry, root, uuid4(), None) == 0
        stage.assert_books_balance()
        claim = _claimed(stage)
        assert claim.retry_of == root
        assert stage.call(retries.take_over, claim, 2) == left
        stage.sql("UPDATE batches SET ingest_lease_expires_at = NULL")
    made = stage.batch_row(fresh_id)
    assert (made.status, made.total, made.queued) == ("in_progress", 5, 5)
    assert len(stage.dispatch(fresh_id)) == 5
    stage.assert_books_balance()


def test_one_who_comes_back_late_takes_nothing_over(stage, fresh_id, in_chunks_of_two):
    root, _ = _ended(stage, *(failed() for _ in range(5)))
    stage.call(retry, root, fresh_id, None)
    late = _claimed(stage)
    stage.sql("UPDATE batches SET ingest_lease_expires_at = now() - interval '1 s'")
    assert _claimed(stage).reading > late.reading
    with pytest.raises(IngestLost):
        stage.call(retries.take_over, late, 2)
    assert stage.batch_row(fresh_id).total == 2
    stage.assert_books_balance()


def test_a_retry_that_is_cancelled_on_the_way_leaves_the_rest_as_it_failed(
    stage, fresh_id, in_chunks_of_two
):
    root, _ = _ended(stage, *(failed() for _ in range(5)))
    stage.call(retry, root, fresh_id, None)
    claim = _claimed(stage)
    assert stage.call(batches.cancel, fresh_id)
    with pytest.raises(IngestLost):
        stage.call(retries.take_over, claim, 2)
    stage.call(jobs.cancel, fresh_id, 100)
    stage.call(endings.complete)
    counts = stage.call(insights.batch, "default", root).counts
    assert (counts.failed, counts.cancelled, counts.open) == (3, 2, 0)
    stage.assert_books_balance()


def _too_few(images: int) -> Succeeded:
    return replace(succeeded(images=images), shortfall=failure(FailureClass.INCOMPLETE))


def _wants(stage, message, number: int) -> None:
    stage.sql(
        "UPDATE jobs SET request = jsonb_set(request, '{n}', to_jsonb(CAST(:n AS int))) WHERE id = :id",
        n=number,
        id=message.job_id,
    )


def test_a_retry_asks_only_for_what_is_missing_and_shows_what_there_was(stage, fresh_id):
    root = stage.batch()
    [message] = stage.dispatch(root)
    _wants(stage, message, 4)
    assert stage.settle(stage.begin(message), _too_few(3), GiveUp()) is None
    stage.call(endings.finalize)
    stage.call(endings.complete)
    assert stage.call(retry, root, fresh_id, None) == 1
    [again] = stage.dispatch(fresh_id)
    assert stage.ticket(again).request["n"] == 1
    stage.assert_books_balance()
    stage.settle(stage.begin(again), succeeded())
    [shown] = stage.call(insights.jobs_page, root, limit=10)
    assert (shown.batch_id, shown.state, len(shown.images)) == (fresh_id, "succeeded", 4)
    assert (stage.batch_row(root).images, stage.batch_row(fresh_id).images) == (0, 4)
    stage.assert_books_balance()


def test_what_an_earlier_call_brought_after_all_is_looked_for_before_the_retry_pays(
    stage, fresh_id
):
    root, [lost] = _ended(stage, unknown())
    stage.sql("UPDATE attempts SET looks = 3")
    stage.call(retry, root, fresh_id, Choice(UNCERTAIN))
    [message] = stage.dispatch(fresh_id)
    ticket = stage.ticket(message)
    assert ticket.is_doubtful
    lease = stage.call(leases.look_again, ticket, 3)
    assert (lease.reservation, lease.waiting) == (lost, message.job_id)
    assert stage.call(settle_late, lost.attempt_id, succeeded("0.3")) is Late.ADOPTED
    [shown] = stage.call(insights.jobs_page, root, limit=10)
    assert (shown.id, shown.state, len(shown.images)) == (message.job_id, "succeeded", 1)
    assert (stage.batch_row(root).spent, stage.batch_row(fresh_id).spent) == (Decimal("0.3"), 0)
    stage.assert_books_balance()


def test_who_looked_in_vain_lets_the_job_of_a_retry_go_on(stage, fresh_id):
    root, [lost] = _ended(stage, unknown())
    stage.call(retry, root, fresh_id, Choice(UNCERTAIN))
    [message] = stage.dispatch(fresh_id)
    ticket = stage.ticket(message)
    assert stage.call(leases.look_again, ticket, 3) is not None
    stage.call(jobs.give_back, [(message.job_id, message.token)], timedelta(hours=1))
    assert stage.dispatch(fresh_id) == []
    stage.call(leases.looked, lost.attempt_id, message.job_id, 3)
    [again] = stage.dispatch(fresh_id)
    assert stage.call(leases.look_again, stage.ticket(again), 3) is None


def test_evidence_for_a_retry_that_is_still_being_filled_is_counted(
    stage, fresh_id, in_chunks_of_two
):
    root, [lost, *_] = _ended(stage, *[unknown() for _ in range(3)])
    assert stage.call(retry, root, fresh_id, Choice(UNCERTAIN)) == 2
    assert stage.call(settle_late, lost.attempt_id, succeeded()) is Late.ADOPTED
    claim = stage.call(batches.claim_validating, None)
    assert stage.call(retries.take_over, claim, 2) == 1
    made = stage.batch_row(fresh_id)
    assert (made.status, made.queued, made.succeeded) == ("in_progress", 2, 1)
    stage.assert_books_balance()
