"""Every move of a job, and every reason why one does not happen."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from stage import AGAIN, LATER, NOW, Stage, draft, failed, not_sent, succeeded, unknown

from darkroom.domain.failure import FailureClass
from darkroom.domain.job import JobState, Missed, MissedReason
from darkroom.domain.retry import GiveUp, History
from darkroom.store import evidence, jobs, leases
from darkroom.store.evidence import Late


def _dispatched(stage, **options):
    batch_id = stage.batch(1, **options)
    [message] = stage.dispatch(batch_id)
    return batch_id, message


def test_dispatch_gives_a_new_token_each_time(stage):
    batch_id = stage.batch([draft(1, prompt="x" * 100)])
    [message] = stage.dispatch(batch_id)
    assert (message.token, message.custom_id, message.prompt_head) == (1, "sku-1", "x" * 60)
    assert stage.call(jobs.give_back, [(message.job_id, 1)], NOW) == 1
    assert stage.dispatch(batch_id)[0].token == 2
    stage.assert_books_balance()


def test_dispatch_takes_no_more_than_its_limit_and_nothing_that_is_not_due(stage):
    batch_id = stage.batch(5)
    first = stage.dispatch(batch_id, 2)
    assert len(first) == 2
    stage.call(jobs.give_back, [(m.job_id, m.token) for m in first], timedelta(hours=1))
    assert {m.job_id for m in stage.dispatch(batch_id)}.isdisjoint(m.job_id for m in first)
    assert stage.dispatch(batch_id) == []
    stage.assert_books_balance()


def test_a_ticket_shows_the_job_behind_it(stage):
    batch_id, message = _dispatched(stage)
    ticket = stage.ticket(message)
    assert (ticket.batch_id, ticket.batch_open, ticket.history) == (batch_id, True, History())
    assert ticket.request["prompt"] == "a cat"


@pytest.mark.parametrize("act", [Stage.ticket, Stage.begin])
def test_a_ticket_that_is_no_good_says_why(stage, act):
    _, message = _dispatched(stage)
    job_id, token = message.job_id, message.token
    gone = act(stage, replace(message, job_id=job_id + 999))
    assert (gone.reason, gone.state) == (MissedReason.GONE, None)
    other = act(stage, replace(message, token=token + 1))
    assert (other.reason, other.state) == (MissedReason.OTHER_TOKEN, JobState.DISPATCHED)
    stage.call(jobs.give_back, [(job_id, token)], NOW)
    missed = act(stage, message)
    assert (missed.reason, missed.state) == (MissedReason.OTHER_STATE, JobState.QUEUED)
    stage.assert_books_balance()


def test_a_ticket_that_ran_out_begins_nothing(stage):
    _, message = _dispatched(stage)
    stage.ticket_runs_out(message.job_id)
    missed = stage.begin(message)
    assert missed == Missed("begin", MissedReason.TICKET_RAN_OUT, JobState.DISPATCHED)
    stage.assert_books_balance()


def test_only_the_holder_of_a_ticket_gives_it_back(stage):
    _, message = _dispatched(stage)
    assert stage.call(jobs.give_back, [(message.job_id, message.token + 1)], NOW) == 0
    assert stage.call(jobs.give_back, [], NOW) == 0
    running = stage.running()
    assert stage.call(jobs.give_back, [(running.job_id, running.token)], NOW) == 0
    stage.assert_books_balance()


def test_a_lapse_fences_off_the_old_ticket_and_counts_nothing(stage):
    batch_id, message = _dispatched(stage)
    assert stage.call(jobs.lapse, 10) == 0
    stage.ticket_runs_out(message.job_id)
    assert stage.call(jobs.lapse, 10) == 1
    row = stage.one("SELECT * FROM jobs")
    assert (row.state, row.begun, row.failures, row.token) == ("queued", 0, 0, message.token + 1)
    assert stage.dispatch(batch_id)[0].token == message.token + 2
    assert stage.begin(message).reason is MissedReason.OTHER_TOKEN
    stage.assert_books_balance()


def test_a_lapse_takes_no_more_than_its_limit_and_serves_several_batches(stage):
    for batch_id in (stage.batch(2), stage.batch(2)):
        stage.dispatch(batch_id)
    stage.sql("UPDATE jobs SET ticket_expires_at = now() - interval '1 s'")
    assert [stage.call(jobs.lapse, 3), stage.call(jobs.lapse, 3)] == [3, 1]
    stage.assert_books_balance()


def test_begin_makes_one_attempt_with_one_lease_and_its_worst_case(stage):
    batch_id, message = _dispatched(stage, cap="1")
    reservation = stage.begin(message)
    assert (reservation.number, reservation.token, reservation.reserved) == (1, message.token, 1)
    attempt = stage.one("SELECT *, lease_expires_at - now() AS left FROM attempts")
    assert (attempt.state, attempt.worker, attempt.provider) == ("running", "worker-1", "default")
    assert timedelta(seconds=25) < attempt.left <= timedelta(seconds=30)
    assert stage.begin(message).reason is MissedReason.OTHER_STATE
    assert stage.batch_row(batch_id).reserved == 1
    assert stage.call(leases.running, reservation.attempt_id) == reservation
    assert stage.call(leases.in_flight, "default") == [reservation.attempt_id]
    assert stage.call(leases.in_flight, "another") == []
    stage.assert_books_balance()


OUTCOMES = [
    pytest.param(succeeded("0.25", 2), GiveUp(), ("succeeded", "succeeded", "0.25", "0"), id="images"),
    pytest.param(failed(cost="0.1"), LATER, ("queued", "failed", "0.1", "0"), id="retried"),
    pytest.param(failed(), GiveUp(), ("failed", "failed", "0", "0"), id="given up"),
    pytest.param(not_sent(), LATER, ("queued", "not_sent", "0", "0"), id="not sent"),
    pytest.param(not_sent(), GiveUp(), ("failed", "not_sent", "0", "0"), id="not sent, given up"),
    pytest.param(unknown(), LATER, ("queued", "unknown", "0", "1"), id="unknown, asked again"),
    pytest.param(unknown(), GiveUp(), ("failed", "unknown", "0", "1"), id="unknown, given up"),
]  # fmt: skip


@pytest.mark.parametrize(("outcome", "decision", "expected"), OUTCOMES)
def test_a_settle_moves_job_attempt_and_money_at_once(stage, outcome, decision, expected):
    job, attempt, spent, at_risk = expected
    reservation = stage.running()
    history = History(failures=3, unknowns=2)
    assert stage.settle(reservation, outcome, decision, history) is None
    row = stage.one("SELECT *, due_at > now() + interval '50 min' AS later FROM jobs")
    assert (row.state, row.failures, row.unknowns) == (job, 3, 2)
    assert row.later == (job == "queued")
    assert (row.ended_at is None) == (job == "queued")
    assert (row.failure is None) == (attempt == "succeeded")
    assert stage.attempt_state(reservation.attempt_id) == attempt
    money = stage.batch_row(reservation.batch_id)
    assert (money.spent, money.at_risk, money.reserved) == (Decimal(spent), Decimal(at_risk), 0)
    stage.assert_books_balance()
    again = stage.settle(reservation, succeeded())
    assert again.reason is MissedReason.OTHER_STATE
    stage.assert_books_balance()


def test_a_settle_under_an_old_lease_is_a_miss(stage):
    first = stage.running()
    stage.settle(first, failed(), AGAIN)
    second = stage.begin(stage.dispatch(first.batch_id)[0])
    assert second.number == 2
    missed = stage.settle(first, succeeded())
    assert missed == Missed("succeed", MissedReason.OTHER_TOKEN, JobState.RUNNING)
    stage.sql("DELETE FROM attempts; DELETE FROM jobs")
    assert stage.settle(second, succeeded()).reason is MissedReason.GONE


def test_the_reaper_leaves_a_renewed_lease_alone_and_says_so(stage):
    reservation = stage.running()
    stage.lease_runs_out(reservation.attempt_id)
    [lost] = stage.call(leases.lost, 10)
    assert (lost.reservation, lost.request["prompt"]) == (reservation, "a cat")
    assert stage.call(leases.renew, [reservation.attempt_id]) == 1
    assert stage.call(leases.lost, 10) == []
    missed = stage.settle(lost.reservation, unknown(), AGAIN, if_lost=True)
    assert missed == Missed("retry", MissedReason.LEASE_RENEWED, JobState.RUNNING)
    stage.lease_runs_out(reservation.attempt_id)
    assert stage.settle(lost.reservation, unknown(), AGAIN, if_lost=True) is None
    assert stage.call(leases.renew, [reservation.attempt_id]) == 0
    stage.assert_books_balance()


def test_a_sweep_takes_what_no_attempt_holds(stage):
    for sweep, state in ((jobs.cancel, "cancelled"), (jobs.expire, "expired")):
        batch_id = stage.batch(6)
        [first, *_] = stage.dispatch(batch_id, 3)
        stage.begin(first)
        assert [stage.call(sweep, batch_id, 4) for _ in range(3)] == [4, 1, 0]
        row = stage.batch_row(batch_id)
        assert (row.running, getattr(row, state), row.queued, row.dispatched) == (1, 5, 0, 0)
    stage.assert_books_balance()


@pytest.mark.parametrize("before", ["queued", "dispatched", "failed", "cancelled", "expired"])
def test_late_evidence_of_an_image_moves_any_job_that_has_none(stage, before):
    decision = GiveUp() if before == "failed" else AGAIN
    lost = stage.unknown(decision)
    if before == "dispatched":
        stage.dispatch(lost.batch_id)
    if before == "cancelled":
        stage.call(jobs.cancel, lost.batch_id, 1)
    if before == "expired":
        stage.call(jobs.expire, lost.batch_id, 1)
    assert stage.state(lost.job_id) == before
    late = stage.call(evidence.settle_late, lost.attempt_id, succeeded("0.5", 2))
    assert late is Late.ADOPTED
    row = stage.one("SELECT * FROM jobs")
    assert (row.state, row.failure, row.ticket_expires_at) == ("succeeded", None, None)
    assert {i.disposition for i in stage.rows("SELECT * FROM images")} == {"published"}
    stage.assert_books_balance()
    assert stage.call(evidence.settle_late, lost.attempt_id, succeeded()) is Late.STALE
    stage.assert_books_balance()


@pytest.mark.parametrize("meanwhile", ["running", "succeeded"])
def test_an_image_that_comes_too_late_is_kept_as_surplus(stage, meanwhile):
    lost = stage.unknown()
    second = stage.begin(stage.dispatch(lost.batch_id)[0])
    if meanwhile == "succeeded":
        stage.settle(second, succeeded())
    assert stage.call(evidence.settle_late, lost.attempt_id, succeeded("0.5")) is Late.SURPLUS
    assert stage.state(lost.job_id) == meanwhile
    kept = stage.one("SELECT * FROM images WHERE attempt_id = :id", id=lost.attempt_id)
    assert kept.disposition == "surplus"
    stage.assert_books_balance()


@pytest.mark.parametrize(
    ("late", "state", "spent"),
    [
        (failed(FailureClass.MODERATION, cost="0.125"), "failed", Decimal("0.125")),
        (not_sent(), "not_sent", Decimal(0)),
    ],
)
def test_late_evidence_without_an_image_settles_the_cost_only(stage, late, state, spent):
    lost = stage.unknown(GiveUp())
    assert stage.call(evidence.settle_late, lost.attempt_id, late) is Late.COSTED
    assert stage.state(lost.job_id) == "failed"
    assert stage.attempt_state(lost.attempt_id) == state
    row = stage.batch_row(lost.batch_id)
    assert (row.spent, row.at_risk, row.unknown) == (spent, 0, 0)
    stage.assert_books_balance()


def _shown(stage) -> str:
    return stage.one("SELECT failure ->> 'class' AS klass FROM jobs").klass


@pytest.mark.parametrize("decision", [GiveUp(), LATER])
@pytest.mark.parametrize(
    ("late", "klass"),
    [(failed(FailureClass.MODERATION), "moderation"), (not_sent(), "lease_short")],
)
def test_a_job_shows_what_late_evidence_says_of_its_last_attempt(stage, decision, late, klass):
    lost = stage.unknown(decision)
    assert _shown(stage) == "unknown_outcome"
    stage.call(evidence.settle_late, lost.attempt_id, late)
    assert _shown(stage) == klass


def test_late_evidence_of_an_earlier_attempt_does_not_explain_the_last(stage):
    lost = stage.unknown()
    [message] = stage.dispatch(lost.batch_id)
    stage.settle(stage.begin(message), failed(FailureClass.INVALID_REQUEST))
    stage.call(evidence.settle_late, lost.attempt_id, failed(FailureClass.MODERATION))
    assert _shown(stage) == "invalid_request"


@pytest.mark.parametrize("outcome", [succeeded(), failed(), not_sent()])
def test_evidence_replaces_nothing_but_the_unknown(stage, outcome):
    reservation = stage.running()
    assert stage.call(evidence.settle_late, reservation.attempt_id, succeeded()) is Late.STALE
    stage.settle(reservation, outcome, AGAIN)
    assert stage.call(evidence.settle_late, reservation.attempt_id, succeeded()) is Late.STALE
    assert stage.call(evidence.settle_late, uuid4(), succeeded()) is Late.STALE
    stage.assert_books_balance()
