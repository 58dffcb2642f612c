"""Many attempts begun or ended in one transaction: each for itself, the money for all of them at once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from sqlalchemy import event
from stage import AGAIN, LATER, claim, failed, not_sent, succeeded, unknown

from darkroom.domain.attempt import Reservation
from darkroom.domain.job import JobState, Missed, MissedReason
from darkroom.domain.retry import GiveUp, History
from darkroom.store import jobs, leases, ledger, reservations
from darkroom.store.ledger import Settlement
from darkroom.store.reservations import BeginRefused, Refusal
from darkroom.store.session import transaction


def _begun(stage, messages) -> list[Reservation | Missed]:
    return stage.call(reservations.begin, [claim(message) for message in messages])


def _settlement(reservation, outcome=None, decision=None, **options) -> Settlement:
    outcome = outcome or succeeded()
    return Settlement(reservation, outcome, decision or GiveUp(), History(), **options)


def test_a_group_of_several_batches_is_begun_and_each_batch_is_charged_its_own(stage):
    first, second = stage.batch(3, cap="3"), stage.batch(2)
    messages = [*stage.dispatch(first), *stage.dispatch(second)]
    begun = _begun(stage, messages[::-1])
    assert [one.job_id for one in begun] == [message.job_id for message in messages[::-1]]
    assert [stage.batch_row(b).reserved for b in (first, second)] == [3, 2]
    assert {one.attempt_id for one in begun} == set(stage.call(leases.in_flight, "default"))
    stage.assert_books_balance()


def test_a_ticket_that_is_no_good_stops_no_other(stage):
    messages = stage.dispatch(stage.batch(4))
    stage.ticket_runs_out(messages[0].job_id)
    stage.call(jobs.give_back, [(messages[1].job_id, messages[1].token)], LATER.after)
    answers = _begun(stage, [*messages, messages[2]])
    assert [getattr(one, "reason", None) for one in answers] == [
        MissedReason.TICKET_RAN_OUT,
        MissedReason.OTHER_STATE,
        None,
        None,
        MissedReason.OTHER_STATE,
    ]
    assert answers[4].state is JobState.RUNNING
    stage.assert_books_balance()


def test_a_group_that_does_not_fit_under_the_cap_begins_nothing(stage):
    batch_id, other = stage.batch(3, cap="2"), stage.batch(1)
    messages = [*stage.dispatch(batch_id), *stage.dispatch(other)]
    with pytest.raises(BeginRefused) as refused:
        _begun(stage, messages)
    assert (refused.value.refusal, refused.value.bound) == (Refusal.OVER_BUDGET, Decimal(3))
    assert {stage.state(message.job_id) for message in messages} == {"dispatched"}
    assert len(_begun(stage, messages[1:])) == 3
    stage.assert_books_balance()


def test_groups_from_all_sides_never_pass_the_cap(stage):
    """Whoever does not fit as a group tries alone, as a teller does."""
    batch_id = stage.batch(60, cap="25")
    messages = stage.dispatch(batch_id)

    def begin(some) -> int:
        try:
            return len(_begun(stage, some))
        except BeginRefused:
            return sum(begin([one]) for one in some) if len(some) > 1 else 0

    with ThreadPoolExecutor(4) as pool:
        begun = sum(pool.map(begin, [messages[at : at + 7] for at in range(0, 60, 7)]))
    assert begun == stage.batch_row(batch_id).reserved == 25
    stage.assert_books_balance()


def test_every_ending_of_a_group_is_written_down_as_if_it_were_alone(stage):
    batch_id = stage.batch(6)
    begun = _begun(stage, stage.dispatch(batch_id))
    endings = [
        (succeeded("0.25", 2), GiveUp()),
        (succeeded("0.5"), GiveUp()),
        (failed(cost="0.1"), LATER),
        (failed(), GiveUp()),
        (not_sent(), AGAIN),
        (unknown(), GiveUp()),
    ]
    group = [_settlement(one, *ending) for one, ending in zip(begun, endings, strict=True)]
    assert stage.call(ledger.settle, group) == [None] * 6
    states = Counter(row.state for row in stage.rows("SELECT state FROM jobs"))
    assert states == {"succeeded": 2, "failed": 2, "queued": 2}
    row = stage.batch_row(batch_id)
    assert (row.spent, row.at_risk, row.reserved, row.images) == (Decimal("0.85"), 1, 0, 3)
    late = stage.rows("SELECT id FROM jobs WHERE due_at > now() + interval '50 min'")
    assert [one.id for one in late] == [begun[2].job_id]
    stage.assert_books_balance()


def test_of_two_endings_of_one_attempt_the_first_counts(stage):
    [one, other] = _begun(stage, stage.dispatch(stage.batch(2)))
    group = [
        _settlement(one),
        _settlement(one, unknown(), AGAIN),
        _settlement(one),
        _settlement(other),
    ]
    first, second, third, fourth = stage.call(ledger.settle, group)
    assert (first, fourth) == (None, None)
    assert second.state is third.state is JobState.SUCCEEDED
    stage.assert_books_balance()


def test_an_ending_that_comes_too_late_stops_no_other(stage):
    [one, other] = _begun(stage, stage.dispatch(stage.batch(2)))
    stage.settle(one, unknown(), AGAIN)
    missed, settled = stage.call(ledger.settle, [_settlement(one), _settlement(other)])
    assert (missed.reason, missed.state) == (MissedReason.OTHER_STATE, JobState.QUEUED)
    assert settled is None
    stage.assert_books_balance()


def test_the_reaper_leaves_alone_what_is_renewed_as_it_comes(stage):
    """The heartbeat holds the lease's row; the reaper waits for it, and then sees that the worker lives."""
    renewed, lost = _begun(stage, stage.dispatch(stage.batch(2)))
    for one in (renewed, lost):
        stage.lease_runs_out(one.attempt_id)
    group = [_settlement(one, unknown(), AGAIN, if_lost=True) for one in (renewed, lost)]
    with ThreadPoolExecutor(1) as reaper, transaction(stage.engine) as heartbeat:
        assert leases.renew(heartbeat, [renewed.attempt_id]) == 1
        reaping = reaper.submit(stage.call, ledger.settle, group)
        while not stage.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
            """Until it waits."""
        heartbeat.commit()
        missed, settled = reaping.result()
    assert (missed.reason, settled) == (MissedReason.LEASE_RENEWED, None)
    assert [stage.attempt_state(one.attempt_id) for one in (renewed, lost)] == [
        "running",
        "unknown",
    ]
    stage.assert_books_balance()


def test_a_heartbeat_does_not_wait_for_what_is_being_settled(stage):
    ending, going_on = _begun(stage, stage.dispatch(stage.batch(2)))
    with transaction(stage.engine) as settling:
        ledger.settle(settling, [_settlement(ending)])
        both = [ending.attempt_id, going_on.attempt_id]
        assert stage.call(leases.renew, both) == 1
    stage.assert_books_balance()


def _statements(stage, act, *arguments) -> int:
    with transaction(stage.engine) as connection:
        sent: list[str] = []
        event.listen(connection, "before_cursor_execute", lambda *call: sent.append(call[2]))
        act(connection, *arguments)
        return len(sent)


def test_a_group_costs_as_many_statements_as_one_alone(stage):
    messages = stage.dispatch(stage.batch(41))
    claims = [claim(message) for message in messages]
    alone = _statements(stage, reservations.begin, claims[:1])
    assert _statements(stage, reservations.begin, claims[1:]) == alone == 4
    begun = [Reservation(*row) for row in stage.rows(
        "SELECT id, job_id, batch_id, number, token, reserved, project_id, day FROM attempts ORDER BY job_id"
    )]  # fmt: skip
    endings = [_settlement(one) for one in begun]
    alone = _statements(stage, ledger.settle, endings[:1])
    assert _statements(stage, ledger.settle, endings[1:]) == alone == 6
    stage.assert_books_balance()
