"""Projects, as they are shown: what each may spend, and what it has."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from darkroom.domain.batch import Cost
from darkroom.store.budgets import TOTAL, today
from darkroom.store.tables import budgets, projects


@dataclass(frozen=True, slots=True)
class ProjectView:
    """A project with its budgets: of its present day, and of all days."""

    id: str
    time_zone: str
    today: Cost
    total: Cost


def projects_page(
    connection: Connection, *, limit: int, after: str | None = None, only: str | None = None
) -> list[ProjectView]:
    """Every project by name, or this one alone; `after` is the last one seen."""
    day, total = budgets.alias("day"), budgets.alias("total")
    this_day = func.to_char(today(), "YYYY-MM-DD")
    joined = projects.outerjoin(
        day, and_(day.c.project_id == projects.c.id, day.c.period == this_day)
    ).outerjoin(total, and_(total.c.project_id == projects.c.id, total.c.period == TOTAL))
    amounts = [
        table.c[name].label(f"{table.name}_{name}") for table in (day, total) for name in _AMOUNTS
    ]
    query = select(projects, *amounts).select_from(joined).order_by(projects.c.id).limit(limit)
    if after is not None:
        query = query.where(projects.c.id > after)
    if only is not None:
        query = query.where(projects.c.id == only)
    return [_view(row) for row in connection.execute(query)]


_AMOUNTS = ("spent", "reserved", "at_risk")


def _view(row: Row[Any]) -> ProjectView:
    told = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    return ProjectView(
        id=row.id,
        time_zone=row.time_zone,
        today=_cost(told, "day", row.budget_per_day),
        total=_cost(told, "total", row.budget),
    )


def _cost(told: Mapping[Any, Any], period: str, cap: Decimal | None) -> Cost:
    spent, reserved, at_risk = (told[f"{period}_{name}"] or Decimal(0) for name in _AMOUNTS)
    return Cost(spent, reserved, at_risk, cap)
