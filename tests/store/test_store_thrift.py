"""No night of paid rubbish: what calls came to is remembered with the batch, and too many in vain pause it."""

from uuid import UUID

import pytest
from stage import AGAIN, Stage, claim, failed, not_sent, succeeded, unknown

from darkroom.domain.failure import FailureClass
from darkroom.domain.retry import GiveUp, History
from darkroom.domain.thrift import REMEMBERED, Thrift
from darkroom.store import batches, endings, ledger, queues, reservations
from darkroom.store.ledger import Settlement

GOOD, LOST, PAID = succeeded(), unknown(), failed(cost="0.5")
FREE = failed(FailureClass.MODERATION)


def ended(stage: Stage, batch_id: UUID, *outcomes) -> None:
    """So many calls, one after the other."""
    for message, outcome in zip(stage.dispatch(batch_id, len(outcomes)), outcomes, strict=True):
        stage.settle(stage.begin(message), outcome, GiveUp())


def reason(stage: Stage, batch_id: UUID) -> str | None:
    return stage.batch_row(batch_id).paused_reason


@pytest.mark.parametrize("vain", [LOST, PAID])
def test_ten_of_twenty_in_vain_pause_the_batch_and_resume_counts_anew(stage, vain):
    batch_id = stage.batch(60)
    ended(stage, batch_id, *[vain] * 9, *[GOOD] * 11, vain)
    assert reason(stage, batch_id) is None, "the first of them is forgotten by now"
    ended(stage, batch_id, vain)
    assert reason(stage, batch_id) is None
    ended(stage, batch_id, *[vain] * 8)
    row = stage.batch_row(batch_id)
    assert (row.paused_reason, row.answered) == ("no_images", 30)
    assert "10 of its last 20 calls" in row.paused_detail
    assert stage.call(queues.dispatchable, "default", None) == []
    assert stage.call(batches.resume, batch_id)
    row = stage.batch_row(batch_id)
    assert (row.paused_reason, row.recent, row.answered) == (None, 0, 0)
    ended(stage, batch_id, *[vain] * 9)
    assert reason(stage, batch_id) is None
    stage.assert_books_balance()


DEAD = unknown(FailureClass.WORKER_LOST)


@pytest.mark.parametrize("outcome", [FREE, not_sent(), failed(), DEAD, GOOD, succeeded(images=2)])
def test_what_costs_nothing_says_nothing_or_brings_an_image_is_not_in_vain(stage, outcome):
    batch_id = stage.batch(30)
    ended(stage, batch_id, *[outcome] * 25)
    row = stage.batch_row(batch_id)
    assert (row.paused_reason, row.recent) == (None, 0)
    stage.assert_books_balance()


def test_the_last_call_of_a_batch_pauses_nothing(stage):
    batch_id = stage.batch(10)
    ended(stage, batch_id, *[LOST] * 10)
    assert reason(stage, batch_id) is None
    assert stage.call(endings.finalize) == 1


def test_a_reason_that_stands_is_kept(stage):
    batch_id = stage.batch(12)
    messages = stage.dispatch(batch_id)
    begun = [stage.begin(message) for message in messages[:11]]
    stage.call(batches.pause, batch_id, batches.PausedReason.REQUESTED, None)
    for made in begun:
        stage.settle(made, LOST, AGAIN, History(unknowns=1))
    assert reason(stage, batch_id) == "requested"


def test_a_group_counts_every_call_of_it_by_batch(stage):
    """More calls than are remembered, and of two batches, in one transaction."""
    first, second = stage.batch(80), stage.batch(30)
    made = []
    for batch_id, number in ((first, 70), (second, 9)):
        claims = [claim(message) for message in stage.dispatch(batch_id, number)]
        made += stage.call(reservations.begin, claims)
    group = [Settlement(one, LOST, GiveUp(), History()) for one in made]
    assert stage.call(ledger.settle, group, Thrift(in_vain=60, of=60)) == [None] * 79
    rows = stage.batch_row(first), stage.batch_row(second)
    assert [row.paused_reason for row in rows] == ["no_images", None]
    assert [row.recent for row in rows] == [(1 << REMEMBERED) - 1, (1 << 9) - 1]
    stage.assert_books_balance()


def test_a_number_above_the_window_never_pauses(stage):
    [message, *_] = stage.dispatch(stage.batch(2))
    one = Settlement(stage.begin(message), LOST, GiveUp(), History())
    stage.call(ledger.settle, [one], Thrift(in_vain=2, of=1))
    assert reason(stage, one.reservation.batch_id) is None
