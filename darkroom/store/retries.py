"""Retries: a new batch, linked to the first, made of what that family of batches has not got yet."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    case,
    func,
    insert,
    literal,
    select,
    update,
)

from darkroom.domain.batch import TERMINAL, BatchStatus
from darkroom.domain.failure import FailureClass, Reaction
from darkroom.domain.job import JobState
from darkroom.store.counters import shift
from darkroom.store.tables import batches, jobs

UNCERTAIN = tuple(klass for klass in FailureClass if klass.reaction is Reaction.POLICY)
"""The classes whose jobs may have been paid for: only sent again when they are named."""

_COPIED = ("line", "custom_id", "priority", "request", "bound")


def family_root(connection: Connection, batch_id: UUID) -> UUID:
    """The first batch of the family that this one belongs to."""
    query = select(func.coalesce(batches.c.retry_of, batches.c.id)).where(batches.c.id == batch_id)
    root: UUID = connection.execute(query).scalar_one()
    return root


def retry(
    connection: Connection, root: UUID, new_id: UUID, only: Sequence[FailureClass] | None
) -> int:
    """Makes a retry of everything in this family that failed or expired; counts its jobs, 0 makes none.

    `only` names the classes to try again; without it, those that may have been paid for are left out. What
    is left of the first batch's cap is the new one's; a retry that still runs may spend all of its own.
    """
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(root.hex, 0))))
    wanted = _wanted(_ended(connection, root), only)
    number = _locked(connection, wanted)
    if not number:
        return 0
    connection.execute(insert(batches).from_select(*_linked(root, new_id, number)))
    sources = [literal(new_id).label("batch_id"), *(jobs.c[name] for name in _COPIED)]
    connection.execute(
        insert(jobs).from_select(["batch_id", *_COPIED], select(*sources).where(*wanted))
    )
    _supersede(connection, wanted, new_id)
    return number


def _family(root: UUID) -> ColumnElement[bool]:
    return (batches.c.id == root) | (batches.c.retry_of == root)


def _ended(connection: Connection, root: UUID) -> Sequence[UUID]:
    """Those of a family that have ended; looked up once, for one may end between two statements."""
    query = select(batches.c.id).where(_family(root), batches.c.status.in_(TERMINAL))
    return connection.execute(query).scalars().all()


def _locked(connection: Connection, wanted: list[ColumnElement[bool]]) -> int:
    """How many jobs are wanted; from here on no late evidence gives one of them its image."""
    held = select(jobs.c.id).where(*wanted).order_by(jobs.c.id).with_for_update().subquery()
    return connection.execute(select(func.count()).select_from(held)).scalar_one()


def _wanted(
    family: Sequence[UUID], only: Sequence[FailureClass] | None
) -> list[ColumnElement[bool]]:
    klass = jobs.c.failure["class"].astext
    if only is None:
        which = klass.is_(None) | klass.not_in(UNCERTAIN) | (jobs.c.state == JobState.EXPIRED)
        states = [JobState.FAILED, JobState.EXPIRED]
    else:
        which = klass.in_(only)
        states = [JobState.FAILED]
    return [
        jobs.c.batch_id.in_(family),
        jobs.c.state.in_(states),
        jobs.c.superseded_by.is_(None),
        which,
    ]


def _linked(root: UUID, new_id: UUID, number: int) -> tuple[list[str], Select[Any]]:
    b = batches.c
    spent = b.spent + b.at_risk
    promised = case((b.status.in_(TERMINAL), spent), else_=func.greatest(b.cap, spent))
    used = select(func.sum(promised)).where(_family(root)).scalar_subquery()
    first = batches.alias("first").c
    values = {
        "id": literal(new_id),
        "project_id": first.project_id,
        "name": first.name,
        "provider": first.provider,
        "status": literal(BatchStatus.IN_PROGRESS.value),
        "in_progress_at": func.clock_timestamp(),
        "options": first.options,
        "retry_of": literal(root),
        "total": literal(number),
        "queued": literal(number),
        "cap": case((first.cap.is_not(None), func.greatest(first.cap - used, 0))),
        "focus": first.focus,
    }
    return list(values), select(*values.values()).where(first.id == root)


def _supersede(connection: Connection, wanted: list[ColumnElement[bool]], new_id: UUID) -> None:
    taken = (
        update(jobs)
        .where(*wanted)
        .values(superseded_by=new_id)
        .returning(jobs.c.batch_id, jobs.c.state)
        .cte("taken")
    )
    number = func.count().label("number")
    totals = (
        select(taken, number).group_by(taken.c.batch_id, taken.c.state).order_by(taken.c.batch_id)
    )
    for row in connection.execute(totals).all():
        shift(connection, row.batch_id, {JobState(row.state): -row.number}, superseded=row.number)
