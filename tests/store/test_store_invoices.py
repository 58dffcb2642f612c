"""What people read on invoices: money moves once, in every budget, and evidence has the last word."""

from decimal import Decimal
from uuid import uuid4

import pytest
from stage import AGAIN, Stage, failed, not_sent, succeeded, unknown

from darkroom.domain.choice import Choice
from darkroom.domain.invoice import Verdict
from darkroom.domain.retry import GiveUp, History
from darkroom.store import endings, evidence, invoices, keys
from darkroom.store.evidence import Late
from darkroom.store.invoices import Settled, Word
from darkroom.store.retries import UNCERTAIN, members, retry

BILLED, UNBILLED = Verdict
KEY = uuid4()


@pytest.fixture
def stage(stage) -> Stage:
    stage.call(
        keys.add,
        key_id=KEY,
        project_id="default",
        name="accounts",
        secret="dk_accounts",
        scopes=["submit"],
    )
    return stage


def said(stage, batch_id, verdict, cost=None) -> Settled:
    """Says this of every call of the batch whose outcome nobody knows."""
    calls = stage.call(invoices.unknown_calls, [batch_id])
    price = None if cost is None else Decimal(cost)
    return stage.call(invoices.settle_unknown, [Word(one, verdict, price) for one in calls], KEY)


def money(stage, batch_id) -> tuple:
    row = stage.batch_row(batch_id)
    stage.assert_books_balance()
    return row.spent, row.at_risk, row.unknown


@pytest.mark.parametrize(
    ("verdict", "cost", "spent"),
    [(BILLED, None, "1"), (BILLED, "0.25", "0.25"), (BILLED, "1.5", "1.5"), (UNBILLED, None, "0")],
)
def test_a_word_moves_the_money_once_and_is_kept(stage, verdict, cost, spent):
    lost = stage.unknown(GiveUp())
    done = said(stage, lost.batch_id, verdict, cost)
    assert done == Settled(1, Decimal(spent), 1 - Decimal(spent))
    assert money(stage, lost.batch_id) == (Decimal(spent), 0, 0)
    other = UNBILLED if verdict is BILLED else BILLED
    assert said(stage, lost.batch_id, other, "9") == Settled()
    assert money(stage, lost.batch_id) == (Decimal(spent), 0, 0)
    [line] = stage.call(invoices.settlements_page, [lost.batch_id], limit=9)
    assert (line.api_key_id, line.key_name, line.attempt_id) == (KEY, "accounts", lost.attempt_id)
    assert (line.verdict, line.at_risk, line.cost) == (verdict, 1, Decimal(spent))
    assert stage.state(lost.job_id) == "failed"


def test_a_bill_above_its_bound_teaches_no_bound_for_it_may_be_a_slip_of_the_pen(stage):
    lost = stage.unknown(GiveUp())
    said(stage, lost.batch_id, BILLED, "100")
    assert stage.rows("SELECT * FROM bounds") == []
    assert stage.running().reserved == 1


@pytest.mark.parametrize(("verdict", "cost"), [(BILLED, None), (BILLED, "1.5"), (UNBILLED, None)])
@pytest.mark.parametrize(
    ("outcome", "late"),
    [
        (succeeded("0.75"), Late.ADOPTED),
        (failed(cost="0.125"), Late.COSTED),
        (not_sent(), Late.COSTED),
        (succeeded("2"), Late.ADOPTED),
    ],
)
def test_evidence_after_a_word_has_the_last_one_and_nothing_is_counted_twice(
    stage, verdict, cost, outcome, late
):
    lost = stage.unknown(GiveUp())
    said(stage, lost.batch_id, verdict, cost)
    assert stage.call(evidence.settle_late, lost.attempt_id, outcome) is late
    assert money(stage, lost.batch_id) == (getattr(outcome, "cost", 0), 0, 0)
    assert stage.call(evidence.settle_late, lost.attempt_id, outcome) is Late.STALE
    assert said(stage, lost.batch_id, BILLED) == Settled()
    [line] = stage.call(invoices.settlements_page, [lost.batch_id], limit=9)
    assert (line.verdict, line.state) == (verdict, stage.attempt_state(lost.attempt_id))


def test_a_word_after_evidence_changes_nothing(stage):
    lost = stage.unknown(GiveUp())
    calls = stage.call(invoices.unknown_calls, [lost.batch_id])
    stage.call(evidence.settle_late, lost.attempt_id, succeeded("0.75"))
    assert stage.call(invoices.settle_unknown, [Word(calls[0], BILLED)], None) == Settled()
    assert money(stage, lost.batch_id) == (Decimal("0.75"), 0, 0)


def test_a_whole_family_is_settled_and_a_job_goes_its_own_way(stage):
    first = stage.unknown(GiveUp())
    stage.call(endings.finalize)
    stage.call(endings.complete)
    new_id = uuid4()
    assert stage.call(retry, first.batch_id, new_id, Choice(UNCERTAIN)) == 1
    [message] = stage.dispatch(new_id)
    second = stage.begin(message)
    stage.settle(second, unknown(), AGAIN, History(unknowns=1))
    family = stage.call(members, new_id)
    assert set(family) == {first.batch_id, new_id}
    calls = stage.call(invoices.unknown_calls, family)
    assert [one.attempt_id for one in calls] == [first.attempt_id, second.attempt_id]
    words = [Word(calls[0], BILLED, Decimal("0.5")), Word(calls[1], UNBILLED)]
    assert stage.call(invoices.settle_unknown, words, None).number == 2
    assert money(stage, first.batch_id) == (Decimal("0.5"), 0, 0)
    assert money(stage, new_id) == (0, 0, 0)
    assert stage.state(second.job_id) == "queued"
