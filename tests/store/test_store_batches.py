"""A batch from its submission to its end."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event
from stage import AGAIN, LATER, failed, succeeded

from darkroom.domain.batch import BudgetOf, PausedReason
from darkroom.store import batches, endings, jobs, pausing, queues
from darkroom.store.batches import Shelf
from darkroom.store.reservations import BeginRefused, Refusal
from darkroom.store.retries import retry
from darkroom.store.session import transaction

PAST = datetime(2020, 1, 1, tzinfo=UTC)


def _finish(stage) -> list:
    stage.call(endings.finalize)
    return stage.call(endings.complete)


def test_a_batch_is_read_dispatched_and_completed(stage):
    batch_id = stage.batch(2)
    assert stage.batch_row(batch_id).status == "in_progress"
    assert [open_.id for open_ in stage.call(queues.dispatchable, "default", None)] == [batch_id]
    for message in stage.dispatch(batch_id):
        stage.settle(stage.begin(message), succeeded())
    assert stage.call(queues.dispatchable, "default", None) == []
    assert _finish(stage) == [batch_id]
    row = stage.batch_row(batch_id)
    assert (row.status, row.succeeded, row.images) == ("completed", 2, 2)
    assert row.finalizing_at is not None
    assert row.ended_at >= row.finalizing_at
    assert _finish(stage) == []
    stage.assert_books_balance()


def test_a_batch_with_open_jobs_is_not_finalized(stage):
    batch_id = stage.batch(3)
    [first, second] = stage.dispatch(batch_id, 2)
    stage.settle(stage.begin(first), failed(), LATER)
    stage.begin(second)
    assert _finish(stage) == []
    assert stage.batch_row(batch_id).status == "in_progress"


def test_a_cancelled_batch_waits_for_its_call_in_flight(stage):
    batch_id = stage.batch(3)
    [first, second] = stage.dispatch(batch_id, 2)
    reservation = stage.begin(first)
    assert stage.call(batches.cancel, batch_id)
    assert not stage.call(batches.cancel, batch_id)
    assert stage.call(queues.dispatchable, "default", None) == []
    with pytest.raises(BeginRefused) as refused:
        stage.begin(second)
    assert refused.value.refusal is Refusal.BATCH_CLOSED
    assert stage.call(endings.to_sweep) == [(batch_id, False)]
    assert stage.call(jobs.cancel, batch_id, 100) == 2
    assert stage.call(endings.to_sweep) == []
    assert _finish(stage) == []
    stage.settle(reservation, succeeded())
    assert _finish(stage) == [batch_id]
    row = stage.batch_row(batch_id)
    assert (row.status, row.succeeded, row.cancelled) == ("cancelled", 1, 2)
    stage.assert_books_balance()


@pytest.mark.parametrize("added", [0, 2])
def test_a_batch_that_is_cancelled_while_it_is_read_ends_by_itself(stage, added):
    """Whether or not its reader lives to notice: a dead one never gives its lease back."""
    batch_id = stage.submit()
    assert stage.call(batches.claim_validating, None).id == batch_id
    stage.sql(
        "INSERT INTO jobs (batch_id, line, custom_id, request, bound)"
        " SELECT :id, n, n, '{}', 1 FROM generate_series(1, :added) n",
        id=batch_id,
        added=added,
    )
    stage.sql("UPDATE batches SET total = :added WHERE id = :id", id=batch_id, added=added)
    assert stage.call(batches.cancel, batch_id)
    for swept, expired in stage.call(endings.to_sweep):
        assert not expired
        stage.call(jobs.cancel, swept, 100)
    assert _finish(stage) == [batch_id]
    assert stage.batch_row(batch_id).cancelled == added
    stage.assert_books_balance()


def test_a_batch_past_its_deadline_expires(stage):
    batch_id = stage.batch(3, deadline_at=datetime.now(UTC) + timedelta(hours=1))
    [first, _] = stage.dispatch(batch_id, 2)
    reservation = stage.begin(first)
    assert stage.call(endings.to_sweep) == []
    stage.sql("UPDATE batches SET deadline_at = now() - interval '1 s'")
    assert stage.call(endings.to_sweep) == [(batch_id, True)]
    assert stage.call(jobs.expire, batch_id, 1) == 1
    assert stage.call(jobs.expire, batch_id, 100) == 1
    stage.settle(reservation, succeeded())
    assert _finish(stage) == [batch_id]
    row = stage.batch_row(batch_id)
    assert (row.status, row.expired, row.succeeded) == ("expired", 2, 1)
    stage.assert_books_balance()


def test_the_first_reason_to_pause_stays(stage):
    batch_id = stage.batch(2)
    assert stage.call(batches.pause, batch_id, PausedReason.REQUESTED, None)
    assert not stage.call(batches.pause, batch_id, PausedReason.HELD, None)
    assert stage.call(batches.pause_key, "default", "no key") == 0
    assert stage.call(batches.release_key, "default") == 0
    assert stage.batch_row(batch_id).paused_reason == "requested"
    assert stage.call(queues.dispatchable, "default", None) == []
    assert stage.call(batches.resume, batch_id, Decimal(7))
    row = stage.batch_row(batch_id)
    assert (row.paused_reason, row.cap) == (None, 7)


def test_a_paused_batch_begins_nothing(stage):
    batch_id = stage.batch()
    [message] = stage.dispatch(batch_id)
    stage.call(batches.pause, batch_id, PausedReason.REQUESTED, None)
    assert not stage.ticket(message).batch_open
    with pytest.raises(BeginRefused) as refused:
        stage.begin(message)
    assert refused.value.refusal is Refusal.BATCH_CLOSED
    assert stage.state(message.job_id) == "dispatched"
    stage.assert_books_balance()


def test_a_key_that_pauses_all_releases_only_what_it_paused(stage):
    mine, other = stage.batch(), stage.batch()
    stage.call(batches.pause, mine, PausedReason.REQUESTED, None)
    assert stage.call(batches.pause_key, "default", "refused") == 1
    assert stage.batch_row(other).paused_detail == "refused"
    assert stage.call(batches.release_key, "default") == 1
    assert stage.batch_row(mine).paused_reason == "requested"
    assert stage.batch_row(other).paused_reason is None


def test_a_budget_pauses_only_what_no_call_in_flight_can_free(stage):
    batch_id = stage.batch(3, cap="2")
    messages = stage.dispatch(batch_id)
    reservations = [stage.begin(message) for message in messages[:2]]
    with pytest.raises(BeginRefused) as refused:
        stage.begin(messages[2])
    assert (refused.value.refusal, refused.value.bound) == (Refusal.OVER_BUDGET, Decimal(1))
    one = Decimal(1)
    assert not stage.call(pausing.pause_for_budget, batch_id, one, BudgetOf.BATCH, "full")
    for reservation in reservations:
        stage.settle(reservation, succeeded("0.75"))
    assert stage.call(pausing.pause_for_budget, batch_id, one, BudgetOf.BATCH, "full")
    assert not stage.call(pausing.pause_for_budget, batch_id, one, BudgetOf.BATCH, "again")
    assert stage.batch_row(batch_id).paused_detail == "full"
    assert stage.call(batches.resume, batch_id, Decimal("2.5"))
    assert stage.begin(messages[2]).reserved == 1
    stage.assert_books_balance()


def test_a_bill_above_its_bound_is_recorded_and_nothing_more_is_begun(stage):
    batch_id = stage.batch(2, cap="2")
    [first, second] = stage.dispatch(batch_id)
    assert stage.settle(stage.begin(first), succeeded("5.5")) is None
    assert stage.batch_row(batch_id).spent == Decimal("5.5")
    with pytest.raises(BeginRefused):
        stage.begin(second)
    stage.assert_books_balance()


def test_the_same_list_attaches_to_its_latest_batch_worth_going_on_with(stage):
    named = {"fingerprint": "f1"}
    cancelled = stage.batch(1, **named)
    stage.call(batches.cancel, cancelled)
    assert stage.call(batches.attach, "default", "f1", "focus-1") is None
    batch_id = stage.batch(1, **named)
    stage.call(batches.pause, batch_id, PausedReason.HELD, None)
    assert stage.call(batches.attach, "default", "other", None) is None
    assert stage.call(batches.attach, "elsewhere", "f1", None) is None
    assert stage.call(batches.attach, "default", "f1", "focus-1") == batch_id
    row = stage.batch_row(batch_id)
    assert (row.paused_reason, row.focus) == (None, "focus-1")
    assert [b.id for b in stage.call(queues.dispatchable, "default", "focus-1")] == [batch_id]
    assert stage.call(queues.dispatchable, "default", "focus-2") == []


def test_attaching_lets_the_retries_go_on_too(stage, fresh_id):
    batch_id = stage.batch(1, fingerprint="f1")
    [message] = stage.dispatch(batch_id)
    stage.settle(stage.begin(message), failed())
    _finish(stage)
    assert stage.call(retry, batch_id, fresh_id, None) == 1
    stage.call(batches.pause, fresh_id, PausedReason.HELD, None)
    assert stage.call(batches.attach, "default", "f1", None) == batch_id
    assert stage.batch_row(fresh_id).paused_reason is None


def test_one_file_is_claimed_by_one_reader_until_its_lease_is_over(stage):
    first, second = stage.submit(), stage.submit(focus="mine")
    assert stage.call(batches.claim_validating, "mine").id == second
    assert stage.call(batches.claim_validating, None).id == first
    assert stage.call(batches.claim_validating, None) is None
    stage.sql(
        "UPDATE batches SET ingest_lease_expires_at = now() - interval '1 s' WHERE id = :i", i=first
    )
    assert stage.call(batches.claim_validating, None).id == first


def test_busy_counts_what_all_workers_have_in_hand(stage):
    batch_id, other = stage.batch(3), stage.batch(1)
    [first, _] = stage.dispatch(batch_id, 2)
    stage.begin(first)
    stage.dispatch(other)
    stage.call(batches.cancel, other)
    assert stage.call(queues.busy) == {"default": queues.Busy(dispatched=2, running=1)}


EMPTY = "queued = 0, succeeded = 1"


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ("name = 'any'", lambda connection: batches.pause_key(connection, "default", "all")),
        (
            "paused_reason = 'provider_key'",
            lambda connection: batches.release_key(connection, "default"),
        ),
        (EMPTY, endings.finalize),
        (f"{EMPTY}, status = 'finalizing'", endings.complete),
    ],
)
def test_who_changes_several_batches_locks_them_by_id(stage, before, change):
    """Two that lock the same rows in different orders would wait for each other in a ring."""
    stage.batch(1), stage.batch(1)
    stage.sql(f"UPDATE batches SET {before}")
    seen: list[str] = []
    event.listen(
        stage.engine, "before_cursor_execute", lambda *call: seen.append(call[2]), retval=False
    )
    stage.call(change)
    lock, update, *_ = seen
    assert lock.endswith("ORDER BY batches.id FOR NO KEY UPDATE")
    assert update.startswith("UPDATE")


def test_files_are_read_by_priority_and_then_by_age(stage):
    first, urgent, second = stage.submit(), stage.submit(priority=5), stage.submit()
    alone = stage.submit(lone=True)
    claimed = [stage.call(batches.claim_validating, None).id for _ in range(4)]
    assert claimed == [alone, urgent, first, second]


def test_a_small_file_waits_behind_no_large_one_and_a_lone_request_behind_no_file(stage):
    large, small, alone = stage.submit(), stage.submit(), stage.submit(lone=True)
    stage.sql(
        "UPDATE files SET bytes = :bytes WHERE id IN "
        "(SELECT input_file_id FROM batches WHERE id = :id)",
        bytes=batches.SMALL_BYTES + 1,
        id=large,
    )

    def claimed(shelf: Shelf):
        found = stage.call(batches.claim_validating, None, shelf)
        return found and found.id

    assert claimed(Shelf.LONE) == alone
    assert claimed(Shelf.LONE) is None
    assert claimed(Shelf.SMALL) == small
    assert claimed(Shelf.SMALL) is None
    assert claimed(Shelf.ALL) == large


def test_sweeps_go_through_the_batches_by_id(stage):
    made = [stage.batch() for _ in range(5)]
    for batch_id in made:
        stage.call(batches.cancel, batch_id)
    assert [batch_id for batch_id, _ in stage.call(endings.to_sweep)] == sorted(made)


def test_nothing_that_is_ended_opens_again(stage):
    batch_id = stage.batch()
    [message] = stage.dispatch(batch_id)
    stage.settle(stage.begin(message), failed(), AGAIN)
    stage.call(batches.cancel, batch_id)
    stage.call(jobs.cancel, batch_id, 10)
    assert _finish(stage) == [batch_id]
    assert not stage.call(batches.resume, batch_id)
    assert not stage.call(batches.pause, batch_id, PausedReason.REQUESTED, None)
    assert not stage.call(batches.cancel, batch_id)
    with transaction(stage.engine) as connection:
        assert batches.pause_key(connection, "default", "all") == 0
    assert stage.batch_row(batch_id).status == "cancelled"
