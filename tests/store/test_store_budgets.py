"""The budgets of projects: reserved and settled with the batch's, on the day of the reservation, never passed."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal

import pytest
from stage import AGAIN, NOW, Stage, draft, failed, not_sent, succeeded, unknown

from darkroom.domain.attempt import Reservation
from darkroom.domain.batch import BudgetOf
from darkroom.domain.job import Missed
from darkroom.store import batches, budgets, evidence, jobs, pausing, queues
from darkroom.store.budgets import TOTAL, Allowance, Budget
from darkroom.store.pausing import Reached
from darkroom.store.reservations import BeginRefused, Refusal
from darkroom.store.session import StoreBusy, open_engine

DAY, PROJECT = BudgetOf.DAY, BudgetOf.PROJECT
THREADS = 16
CAP = Decimal(9)
TOMORROW = "UPDATE attempts SET day = day - 1; UPDATE budgets SET period = (period::date - 1)::text WHERE period <> 'total'"


def allow(stage, **limits) -> None:
    stage.call(budgets.allow, {"default": Allowance(**limits)})


def row(stage, period: str):
    return stage.one("SELECT * FROM budgets WHERE period = :period", period=period)


def refused(stage, message) -> BeginRefused:
    with pytest.raises(BeginRefused) as caught:
        stage.begin(message)
    return caught.value


@pytest.mark.parametrize("limits", [{"per_day": Decimal(2)}, {"total": Decimal(2)}])
def test_a_project_reserves_no_more_than_its_budget_over_all_its_batches(stage, limits):
    allow(stage, **limits)
    first, second = stage.dispatch(stage.batch(2)), stage.dispatch(stage.batch(2, cap="9"))
    made = stage.begin(first[0])
    stage.begin(second[0])
    answer = refused(stage, second[1])
    period = made.day.isoformat() if "per_day" in limits else TOTAL
    assert (answer.refusal, answer.budget) == (Refusal.OVER_BUDGET, Budget("default", period))
    stage.settle(made, succeeded("0.25"))
    assert refused(stage, second[1]).bound == 1
    allow(stage, **{name: limit + 1 for name, limit in limits.items()})
    assert isinstance(stage.begin(second[1]), Reservation)
    stage.assert_books_balance()


def test_the_first_of_a_day_must_fit_too(stage):
    allow(stage, per_day=Decimal("0.5"))
    [message] = stage.dispatch(stage.batch(1))
    assert refused(stage, message).refusal is Refusal.OVER_BUDGET
    stage.assert_books_balance()


def test_a_day_is_the_projects_own(stage):
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):  # these two never share a day
        allow(stage, time_zone=zone)
        stage.running()
    days = stage.rows("SELECT DISTINCT day FROM attempts ORDER BY day")
    assert (days[1].day - days[0].day).days in (1, 2)
    stage.assert_books_balance()


def test_a_new_day_has_its_own_room_and_yesterdays_calls_settle_on_yesterday(stage):
    allow(stage, per_day=Decimal(1))
    batch_id = stage.batch(2)
    first, second = stage.dispatch(batch_id)
    made = stage.begin(first)
    detail = "the day is full"
    assert not stage.call(pausing.pause_for_budget, batch_id, Decimal(1), DAY, detail)
    stage.settle(made, succeeded("0.25"))
    assert stage.call(pausing.pause_for_budget, batch_id, Decimal(1), DAY, detail)
    assert stage.call(pausing.release_budgets) == 0
    stage.sql(TOMORROW)
    assert stage.call(pausing.release_budgets) == 1
    assert stage.batch_row(batch_id).paused_reason is None
    today = stage.begin(second)
    assert row(stage, today.day.isoformat()).reserved == 1
    stage.assert_books_balance()


@pytest.mark.parametrize("limit", ["cap", "per_day", "total"])
def test_a_batch_that_was_refused_is_handed_out_as_far_as_there_is_room(stage, limit):
    """Whatever makes the room: a call that ends, or a higher cap."""

    def affordable() -> int | None:
        [found] = stage.call(queues.dispatchable, "default", None)
        return found.affordable

    few = Decimal("2.5")
    allow(stage, **({} if limit == "cap" else {limit: few}))
    batch_id = stage.batch(9, cap=str(few) if limit == "cap" else None)
    assert affordable() is None
    *fitting, over = stage.dispatch(batch_id, 3)
    made = [stage.begin(message) for message in fitting]
    assert not stage.call(pausing.pause_for_budget, batch_id, refused(stage, over).bound, DAY, "")
    stage.call(jobs.give_back, [(over.job_id, over.token)], NOW)
    assert affordable() == 0
    stage.settle(made[0], succeeded("0.25"))
    assert affordable() == 1
    [message] = stage.dispatch(batch_id, 1)
    assert affordable() == 0
    stage.begin(message)
    if limit == "cap":
        assert stage.call(batches.resume, batch_id, Decimal(9))
    else:
        allow(stage, **{limit: Decimal(9)})
    assert affordable() == 6
    stage.assert_books_balance()


def test_what_is_not_affordable_even_alone_is_tried_once_for_that_pauses_the_batch(stage):
    batch_id = stage.batch(3, cap="1.5")
    first, over = stage.dispatch(batch_id, 2)
    made = stage.begin(first)
    assert not stage.call(pausing.pause_for_budget, batch_id, refused(stage, over).bound, DAY, "")
    stage.call(jobs.give_back, [(over.job_id, over.token)], NOW)
    stage.settle(made, succeeded("1"))
    [found] = stage.call(queues.dispatchable, "default", None)
    assert found.affordable == 1
    [message] = stage.dispatch(batch_id, 1)
    bound = refused(stage, message).bound
    assert stage.call(pausing.pause_for_budget, batch_id, bound, BudgetOf.BATCH, "")


def test_what_becomes_known_late_is_charged_to_the_day_of_its_reservation(stage):
    lost = stage.unknown()
    stage.sql(TOMORROW)
    stage.running()
    stage.call(evidence.settle_late, lost.attempt_id, succeeded("0.25"))
    yesterday = stage.one("SELECT * FROM budgets ORDER BY period LIMIT 1")
    assert (yesterday.spent, yesterday.at_risk, yesterday.reserved) == (Decimal("0.25"), 0, 0)
    stage.assert_books_balance()


def test_a_raised_cap_resumes_and_a_persons_pause_stays(stage):
    allow(stage, total=Decimal("0.5"))
    waiting, told = stage.batch(1), stage.batch(1)
    for batch_id in (waiting, told):
        assert stage.call(pausing.pause_for_budget, batch_id, Decimal(1), PROJECT, "full")
    stage.call(batches.pause, told, batches.PausedReason.REQUESTED, None)
    allow(stage, total=Decimal(1))
    assert stage.call(pausing.release_budgets) == 1
    assert stage.batch_row(waiting).paused_reason is None
    assert stage.batch_row(told).paused_reason == "requested"


def test_a_bill_above_its_bound_is_recorded_and_the_next_reserves_as_much(stage):
    allow(stage, per_day=Decimal(4))
    batch_id = stage.batch(3, cap="4")
    first, second, third = stage.dispatch(batch_id)
    stage.settle(stage.begin(first), succeeded("1.5"))
    made = stage.begin(second)
    assert made.reserved == Decimal("1.5")
    assert row(stage, made.day.isoformat()).overrun == Decimal("0.5")
    stage.settle(made, succeeded("5"))
    assert refused(stage, third).refusal is Refusal.OVER_BUDGET
    assert stage.batch_row(batch_id).spent == Decimal("6.5")
    other = stage.dispatch(stage.batch([draft(1, prompt="a dog")]))[0]
    allow(stage)
    assert stage.begin(other).reserved == 5
    stage.assert_books_balance()


def test_half_and_four_fifths_are_told_once_each(stage):
    allow(stage, total=Decimal(2))
    messages = stage.dispatch(stage.batch(3, cap="4"))
    stage.settle(stage.begin(messages[0]), succeeded("1"))
    total = Reached("default", 50, Decimal(2), period=TOTAL)
    assert stage.call(pausing.reached) == [total]
    assert stage.call(pausing.reached) == []
    allow(stage)
    stage.settle(stage.begin(messages[1]), succeeded("1"))
    stage.settle(stage.begin(messages[2]), succeeded("1.5"))
    allow(stage, total=Decimal(4))
    found = stage.call(pausing.reached)
    assert [one.percent for one in found] == [80, 80]
    assert stage.call(pausing.reached) == []


def test_a_limit_that_is_named_no_more_is_lifted(stage):
    both = {"default": Allowance(total=Decimal("0.5")), "shop": Allowance(per_day=Decimal(3))}
    stage.call(budgets.allow, both)
    [message] = stage.dispatch(stage.batch(1))
    refused(stage, message)
    stage.call(budgets.allow, {"shop": both["shop"]})
    assert isinstance(stage.begin(message), Reservation)
    rows = stage.rows("SELECT id, budget, budget_per_day FROM projects ORDER BY id")
    assert [tuple(row) for row in rows] == [("default", None, None), ("shop", None, 3)]
    stage.call(budgets.allow, {})
    assert not stage.rows("SELECT id FROM projects WHERE budget_per_day IS NOT NULL")


@pytest.fixture
def crowd(engine, database_url):
    opened = open_engine(database_url, pool=THREADS)
    yield Stage(opened)
    opened.dispose()


ENDINGS = (
    *[lambda draw, bound: succeeded(str(bound * draw.randrange(1, 100) / 100))] * 3,
    lambda _draw, bound: failed(cost=str(bound / 2)),
    lambda _draw, _bound: failed(),
    lambda _draw, _bound: not_sent(),
    lambda _draw, _bound: unknown(),
    lambda _draw, _bound: None,
)
"""How a call ends; None: its worker is killed, and the reaper finds it."""


def _work(crowd, seed: int, messages) -> None:
    """One worker, whatever it meets; after each step the budgets must hold."""
    draw = random.Random(seed)
    for message in messages:
        try:
            made = _patiently(crowd.begin, message)
        except BeginRefused:
            continue
        assert not isinstance(made, Missed)
        outcome = draw.choice(ENDINGS)(draw, made.reserved)
        _hold(crowd)
        if outcome is None:
            _patiently(crowd.lease_runs_out, made.attempt_id)
            _patiently(crowd.settle, made, unknown(), AGAIN, if_lost=True)
        else:
            _patiently(crowd.settle, made, outcome, AGAIN)
        if draw.random() < 0.2:
            late = succeeded(str(made.reserved / 3))
            _patiently(crowd.call, evidence.settle_late, made.attempt_id, late)
        _hold(crowd)


def _patiently(step, *arguments, **options):
    """As a worker: whatever gave way to others is done again."""
    for _ in range(9):
        with suppress(StoreBusy):
            return step(*arguments, **options)
    return step(*arguments, **options)


def _hold(crowd) -> None:
    for one in crowd.rows("SELECT period, spent + reserved + at_risk AS used FROM budgets"):
        assert one.used <= (CAP * 2 if one.period == TOTAL else CAP), one


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_at_once_no_budget_is_ever_passed(crowd, seed):
    allow(crowd, per_day=CAP, total=CAP * 2)
    draw = random.Random(seed)
    drafts = [draft(line, str(Decimal(draw.randrange(1, 60)) / 40)) for line in range(1, 121)]
    sources = [crowd.batch(drafts[at::3], cap=cap) for at, cap in enumerate(("6", "7", None))]
    messages = [message for batch_id in sources for message in crowd.dispatch(batch_id)]
    draw.shuffle(messages)
    with ThreadPoolExecutor(THREADS) as pool:
        done = [
            pool.submit(_work, crowd, seed + at, messages[at::THREADS]) for at in range(THREADS)
        ]
        for future in done:
            future.result()
    assert sum(crowd.batch_row(batch_id).spent for batch_id in sources) > 1
    crowd.assert_books_balance()
