"""What pauses a batch without a person's word: its budgets, which also let it go on."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Label,
    Select,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from darkroom.domain.batch import TERMINAL, BatchStatus, BudgetOf, PausedReason
from darkroom.store import budgets as project_budgets
from darkroom.store.budgets import TOTAL
from darkroom.store.columns import Money
from darkroom.store.tables import batches, budgets, projects

MARKS = (80, 50)
"""Percents of a budget that are announced when they are spent or at risk."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A mark of a budget that was passed: a batch's, or a project's of a day or in all."""

    project_id: str
    percent: int
    cap: Decimal
    batch_id: UUID | None = None
    period: str | None = None


def pause_for_budget(
    connection: Connection, batch_id: UUID, bound: Decimal, whose: BudgetOf, detail: str
) -> bool:
    """Pauses a batch that has no room for a call of this worst case, unless a call in flight may free some.

    Then what it needs is written down, and no more is handed out of it than fits.
    """
    worst = literal(bound, Money)
    changes = {
        "paused_reason": PausedReason.BUDGET,
        "paused_detail": detail,
        "paused_budget": whose,
        "needed": bound,
    }
    b = batches.c
    going_on = (b.id == batch_id, b.status == BatchStatus.IN_PROGRESS, b.paused_reason.is_(None))
    pausing = update(batches).where(*going_on, ~_has_room(worst)).values(changes)
    if connection.execute(pausing).rowcount:
        return True
    unknown = b.needed.is_distinct_from(worst)
    connection.execute(update(batches).where(*going_on, unknown).values(needed=worst))
    return False


def affordable() -> Label[int | None]:
    """How many more calls of a batch may be handed out, as large as the last that was refused or begun.

    None where no budget has refused any. Where not even one would fit once none is in flight, one may: its
    refusal pauses the batch.
    """
    b = batches.c
    own = b.cap - (b.spent + b.reserved + b.at_risk)
    left = func.least(own, project_budgets.left(b.project_id))
    fitting = cast(func.floor(left / b.needed), Integer)
    number = case(
        (func.coalesce(b.needed, 0) == 0, null()), (~_has_room(b.needed), 1), else_=fitting
    )
    return (number - b.dispatched).label("affordable")


def is_short(connection: Connection, batch_id: UUID) -> bool:
    """Whether the call that a budget refused last would be refused once more, with none in flight."""
    b = batches.c
    short = select(b.id).where(b.id == batch_id, b.needed.is_not(None), ~_has_room(b.needed))
    return connection.execute(short).one_or_none() is not None


def release_budgets(connection: Connection) -> int:
    """Lets every batch go on whose next call has room again: a new day, or a higher cap; counts them.

    Locked by id, as every transaction locks batches.
    """
    ids = connection.execute(_with_room_again()).scalars().all()
    if ids:
        freed = update(batches).where(batches.c.id.in_(ids))
        connection.execute(freed.values(paused_reason=None, paused_detail=None))
    return len(ids)


@cache
def _with_room_again() -> Select[Any]:
    b = batches.c
    waiting = (b.status == BatchStatus.IN_PROGRESS, b.paused_reason == PausedReason.BUDGET)
    ready = select(b.id).where(*waiting, _has_room(b.needed)).order_by(b.id)
    return ready.with_for_update(key_share=True)


def _has_room(bound: ColumnElement[Decimal]) -> ColumnElement[bool]:
    b = batches.c
    own = or_(b.cap.is_(None), b.spent + b.at_risk + bound <= b.cap)
    return own & project_budgets.has_room(b.project_id, bound)


def reached(connection: Connection) -> list[Reached]:
    """The marks that budgets have passed since they were last asked about: each is told once."""
    own = connection.execute(_mark_batches()).all()
    shared = connection.execute(_mark_budgets()).all()
    return [
        *(Reached(row.project_id, row.announced, row.cap, batch_id=row.id) for row in own),
        *(Reached(row.project_id, row.announced, row.cap, period=row.period) for row in shared),
    ]


@cache
def _mark_batches() -> ReturningUpdate[Any]:
    b = batches.c
    mark = _mark(b.spent + b.at_risk, b.cap)
    open_now = b.status.in_([status for status in BatchStatus if status not in TERMINAL])
    due = select(b.id).where(open_now, b.announced < mark).order_by(b.id)
    locked = due.with_for_update(key_share=True).cte("due")
    passed = update(batches).where(b.id == locked.c.id).values(announced=mark)
    return passed.returning(b.id, b.project_id, b.announced, b.cap)


@cache
def _mark_budgets() -> ReturningUpdate[Any]:
    g, p = budgets.c, projects.c
    cap = case((g.period == TOTAL, p.budget), else_=p.budget_per_day)
    mark = _mark(g.spent + g.at_risk, cap)
    due = (
        select(g.project_id, g.period, mark.label("mark"), cap.label("cap"))
        .join_from(budgets, projects, p.id == g.project_id)
        .where(g.announced < mark)
        .order_by(g.project_id, g.period)
    )
    locked = due.with_for_update(of=budgets, key_share=True).cte("due")
    which = (g.project_id == locked.c.project_id) & (g.period == locked.c.period)
    passed = update(budgets).where(which).values(announced=locked.c.mark)
    return passed.returning(g.project_id, g.period, g.announced, locked.c.cap)


def _mark(used: ColumnElement[Decimal], cap: ColumnElement[Decimal]) -> ColumnElement[int]:
    return cast(case(*((used * 100 >= cap * mark, mark) for mark in MARKS), else_=0), Integer)
