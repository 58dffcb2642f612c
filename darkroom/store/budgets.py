"""The budgets of projects: what a day, and all days together, have spent, reserved and at risk."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from darkroom.domain.attempt import Reservation
from darkroom.store.records import records
from darkroom.store.tables import budgets, projects

TOTAL = "total"
"""The period of all days together."""


@dataclass(frozen=True, slots=True, order=True)
class Budget:
    """One of a project's budgets: of a day, written as 2026-11-22, or the total; locked in this order."""

    project_id: str
    period: str


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the operator lets a project spend in US dollars; None where there is no limit."""

    per_day: Decimal | None = None
    total: Decimal | None = None
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Charge:
    """What one attempt changes in the budgets that bear it."""

    reservation: Reservation
    spent: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)
    at_risk: Decimal = Decimal(0)
    overrun: Decimal = Decimal(0)

    @property
    def amounts(self) -> tuple[Decimal, ...]:
        """Spent, reserved, at risk, and by how much its bill was above its reservation."""
        return self.spent, self.reserved, self.at_risk, self.overrun


def today() -> ColumnElement[date]:
    """The day that it is for a project."""
    return cast(func.timezone(projects.c.time_zone, func.clock_timestamp()), Date)


def allow(connection: Connection, allowances: Mapping[str, Allowance]) -> None:
    """Writes down what projects may spend, and lifts the limits of those that are not named."""
    names = ("budget_per_day", "budget", "time_zone")
    for project_id, allowance in sorted(allowances.items()):
        values = dict(zip(names, astuple(allowance), strict=True))
        written = insert(projects).values(id=project_id, **values)
        changed = or_(*(projects.c[name].is_distinct_from(values[name]) for name in names))
        connection.execute(
            written.on_conflict_do_update(
                index_elements=[projects.c.id], set_=values, where=changed
            )
        )
    limited = or_(projects.c.budget_per_day.is_not(None), projects.c.budget.is_not(None))
    unnamed = update(projects).where(projects.c.id.not_in(allowances), limited)
    connection.execute(unnamed.values(budget_per_day=None, budget=None))


def bearing(reservation: Reservation) -> tuple[Budget, Budget]:
    """The budgets that bear what an attempt costs."""
    project_id = reservation.project_id
    return Budget(project_id, reservation.day.isoformat()), Budget(project_id, TOTAL)


def reserve(connection: Connection, begun: Sequence[Reservation]) -> Budget | None:
    """Reserves the worst case of these attempts; the first budget that has no room for it, None where all have.

    Where one has none, the transaction must roll back.
    """
    changes = _summed(Charge(made, reserved=made.reserved) for made in begun)
    if not changes:
        return None
    rows = connection.execute(_changing(guarded=True), {"changes": _rows(changes)})
    fitting = {Budget(row.project_id, row.period) for row in rows}
    return next((budget for budget in sorted(changes) if budget not in fitting), None)


def charge(connection: Connection, charges: Iterable[Charge]) -> None:
    """Moves what attempts were found to cost; nothing is refused, for it records what was."""
    if changes := _summed(charges):
        connection.execute(_changing(guarded=False), {"changes": _rows(changes)})


def _summed(charges: Iterable[Charge]) -> dict[Budget, list[Decimal]]:
    sums: defaultdict[Budget, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 4)
    for one in charges:
        for budget in bearing(one.reservation):
            added = zip(sums[budget], one.amounts, strict=True)
            sums[budget] = [so_far + amount for so_far, amount in added]
    return sums


def _rows(changes: Mapping[Budget, Sequence[Decimal]]) -> list[dict[str, str]]:
    return [
        {
            "project_id": budget.project_id,
            "period": budget.period,
            **dict(zip(_AMOUNTS, map(str, changes[budget]), strict=True)),
        }
        for budget in sorted(changes)
    ]


_AMOUNTS = ("spent", "reserved", "at_risk", "overrun")


@cache
def _changing(*, guarded: bool) -> ReturningInsert[Any]:
    """One statement for all of them, which meets their rows in the one order."""
    b = budgets.c
    columns = (b.project_id, b.period, *(b[name] for name in _AMOUNTS))
    given = records("changes", *columns)
    rows = select(given).order_by(given.c.project_id, given.c.period)
    if guarded:
        cap = _cap(given.c.project_id, given.c.period)
        rows = rows.where(or_(cap.is_(None), given.c.reserved <= cap))
    written = insert(budgets).from_select(list(columns), rows)
    # As text, for there is no FROM here that a subquery could be correlated with.
    cap = _cap(literal_column("budgets.project_id"), literal_column("budgets.period"))
    fits = or_(cap.is_(None), b.spent + b.reserved + b.at_risk + written.excluded.reserved <= cap)
    return written.on_conflict_do_update(
        index_elements=[b.project_id, b.period],
        set_={name: b[name] + written.excluded[name] for name in _AMOUNTS},
        where=fits if guarded else None,
    ).returning(b.project_id, b.period)


def _cap(project_id: ColumnElement[Any], period: ColumnElement[Any]) -> ColumnElement[Any]:
    limit = case((period == TOTAL, projects.c.budget), else_=projects.c.budget_per_day)
    known = select(limit).where(projects.c.id == project_id)
    return known.correlate_except(projects).scalar_subquery()


def has_room(project_id: ColumnElement[Any], bound: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a project's budgets have room for this much today, once no call is in flight any more."""
    p = projects.c
    day = func.to_char(today(), "YYYY-MM-DD")
    return (
        select(p.id)
        .where(
            p.id == project_id,
            or_(p.budget_per_day.is_(None), _used(day) + bound <= p.budget_per_day),
            or_(p.budget.is_(None), _used(TOTAL) + bound <= p.budget),
        )
        .exists()
    )


def left(project_id: ColumnElement[Any]) -> ColumnElement[Any]:
    """What a project's budgets have left beside what is in flight; NULL where it has none."""
    p = projects.c
    day = func.to_char(today(), "YYYY-MM-DD")
    free = func.least(p.budget_per_day - _taken(day), p.budget - _taken(TOTAL))
    return select(free).where(p.id == project_id).scalar_subquery()


def _taken(period: ColumnElement[Any] | str) -> ColumnElement[Any]:
    b = budgets.c
    reserved = select(b.reserved).where(b.project_id == projects.c.id, b.period == period)
    return _used(period) + func.coalesce(reserved.scalar_subquery(), 0)


def _used(period: ColumnElement[Any] | str) -> ColumnElement[Any]:
    b = budgets.c
    known = select(b.spent + b.at_risk).where(b.project_id == projects.c.id, b.period == period)
    return func.coalesce(known.scalar_subquery(), 0)
