"""What was spent between two moments, by day, batch, key or project; sums over one index, bounded by date."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum, auto
from typing import Any, assert_never

from sqlalchemy import ColumnElement, Connection, Date, cast, func, select

from darkroom.domain.attempt import AttemptState
from darkroom.store.tables import api_keys, attempts, batches


class Grouping(StrEnum):
    """What the sums are kept apart by."""

    DAY = auto()
    """Of UTC, by when an attempt ended."""
    PROJECT = auto()
    BATCH = auto()
    KEY = auto()
    """The API key that the batch was submitted with."""


@dataclass(frozen=True, slots=True)
class Usage:
    """One sum, in US dollars; `key` is a day, a project's id, or a UUID, None where it is unknown."""

    key: Any
    name: str | None
    attempts: int
    spent: Decimal
    at_risk: Decimal


def usage(
    connection: Connection,
    project_id: str | None,
    since: datetime,
    until: datetime,
    *,
    grouping: Grouping,
    limit: int,
    after: int = 0,
) -> list[Usage]:
    """The sums of a project, or of all, over attempts that ended in this time; `after` is how many were seen.

    Days come in order, everything else the dearest first.
    """
    a = attempts.c
    key, name = _columns(grouping)
    spent = func.sum(a.cost).label("spent")
    unsettled = (a.state == AttemptState.UNKNOWN) & a.verdict.is_(None)
    at_risk = func.coalesce(func.sum(a.reserved).filter(unsettled), 0)
    order = [key] if grouping is Grouping.DAY else [spent.desc(), key]
    rows = connection.execute(
        select(key.label("key"), name.label("name"), func.count().label("attempts"), spent, at_risk)
        .join_from(attempts, batches, a.batch_id == batches.c.id)
        .outerjoin(api_keys, batches.c.api_key_id == api_keys.c.id)
        .where(a.ended_at >= since, a.ended_at < until, *_of(project_id, until))
        .group_by(key)
        .order_by(*order)
        .limit(limit)
        .offset(after)
    )
    return [Usage(*row) for row in rows]


def _of(project_id: str | None, until: datetime) -> list[ColumnElement[bool]]:
    """The batches that may have such attempts."""
    born = batches.c.created_at < until
    return [born] if project_id is None else [born, batches.c.project_id == project_id]


def _columns(grouping: Grouping) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    match grouping:
        case Grouping.DAY:
            return cast(attempts.c.ended_at, Date), func.min(None)
        case Grouping.PROJECT:
            return batches.c.project_id, func.min(None)
        case Grouping.BATCH:
            return batches.c.id, func.min(batches.c.name)
        case Grouping.KEY:
            return batches.c.api_key_id, func.min(api_keys.c.name)
        case _:
            assert_never(grouping)
