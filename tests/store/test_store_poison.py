"""Poison: a job that loses worker after worker is given up in its own words, whatever the policy."""

import pytest
from stage import AGAIN, unknown

from darkroom.domain.attempt import NotSent
from darkroom.domain.failure import Failure, FailureClass
from darkroom.domain.retry import (
    GiveUp,
    History,
    OnUnknown,
    RetryPolicy,
    TryAgain,
    count,
    decide,
    named,
)
from darkroom.store import evidence, jobs, leases

PATIENT = RetryPolicy(unknowns=100)
LOST = Failure(FailureClass.WORKER_LOST, "worker_lost", "gone")
SHORT = Failure(FailureClass.LEASE_SHORT, "lease_short", "stood still")


@pytest.mark.parametrize(
    "failures", [(LOST, LOST, LOST), (SHORT, SHORT, SHORT), (LOST, SHORT, LOST)]
)
def test_the_third_worker_that_is_lost_is_the_last(failures):
    history, verdicts = History(), []
    for failure in failures:
        history = count(history, failure)
        verdicts.append((decide(PATIENT, failure, history, 0.5), named(PATIENT, failure, history)))
    *before, (last, poison) = verdicts
    assert all(isinstance(verdict, TryAgain) and name.code != "poison" for verdict, name in before)
    assert last == GiveUp()
    assert (poison.klass, poison.code) == (FailureClass.POISON, "poison")
    assert "lost, or stood still, 3 times" in poison.message


def test_a_cut_connection_loses_no_worker():
    cut = Failure(FailureClass.UNKNOWN_OUTCOME, "cut", "cut")
    assert count(History(losses=2), cut).losses == 2
    assert named(PATIENT, cut, History(losses=3)) is cut


def test_under_fail_the_first_is_the_last():
    history = count(History(), LOST)
    assert decide(RetryPolicy(on_unknown=OnUnknown.FAIL), LOST, history, 0.5) == GiveUp()
    assert named(RetryPolicy(), LOST, history) is LOST


def test_what_turns_out_never_to_have_left_is_not_held_against_its_job_but_its_worker_is(stage):
    """Without that count a worker that stands still over a job would be tried for ever, for nothing."""
    batch_id = stage.batch(1)
    history = History()
    for losses in (1, 2, 3):
        [message] = stage.dispatch(batch_id)
        made = stage.begin(message)
        stage.lease_runs_out(made.attempt_id)
        [lost] = stage.call(leases.lost, 9)
        assert lost.history == history
        told = count(lost.history, LOST)
        assert stage.settle(made, unknown(FailureClass.WORKER_LOST), AGAIN, told) is None
        stage.call(evidence.settle_late, made.attempt_id, NotSent(SHORT))
        row = stage.one("SELECT unknowns, losses, failure FROM jobs WHERE id = :id", id=made.job_id)
        assert (row.unknowns, row.losses) == (0, losses)
        history = History(losses=losses)
    assert decide(RetryPolicy(), LOST, told, 0.5) == GiveUp()
    stage.assert_books_balance()


def test_a_ticket_that_lapses_counts_nothing(stage):
    batch_id = stage.batch(1)
    for _ in range(5):
        [message] = stage.dispatch(batch_id)
        stage.ticket_runs_out(message.job_id)
        assert stage.call(jobs.lapse, 9) == 1
    [message] = stage.dispatch(batch_id)
    assert stage.ticket(message).history == History()


def test_whoever_is_about_to_judge_a_lost_attempts_receipt_says_so_first(stage):
    """If it kills him, the next one knows; meanwhile nobody else begins."""
    made = stage.running()
    assert stage.call(leases.look, made.attempt_id) is None, "its worker holds the lease"
    stage.lease_runs_out(made.attempt_id)
    assert stage.call(leases.look, made.attempt_id) == 1
    assert stage.call(leases.look, made.attempt_id) is None
    stage.sql("UPDATE attempts SET looked_at = now() - interval '31 s'")
    assert stage.call(leases.look, made.attempt_id) == 2
    stage.call(leases.look_away, made.attempt_id)
    assert stage.call(leases.look, made.attempt_id) == 2
    stage.settle(made, unknown(), AGAIN)
    assert stage.call(leases.look, made.attempt_id) is None
