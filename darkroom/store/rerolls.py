"""Rerolls: what did not pass its checks is made anew, so often and for so much as its batch allows."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB

from darkroom.domain.batch import TERMINAL, BatchStatus
from darkroom.domain.checking import Checks
from darkroom.domain.choice import Choice
from darkroom.store import checklists, retries
from darkroom.store.checklists import REROLL
from darkroom.store.tables import batches


def alone(connection: Connection, family: UUID) -> None:
    """Whoever decides about a family of batches does so alone, until this transaction ends."""
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(family.hex, 0))))


def reroll(connection: Connection, family: UUID, checks: Checks, new_id: UUID) -> int:
    """Begins a retry of what was rejected, if the family is over and may still have one; counts its jobs.

    It ends when the first batch was to end. What a person rejected by then is made anew as well.
    """
    if not checks.reroll or checks.budget is None or not _may(connection, family):
        return 0
    rounds, used = _before(connection, family)
    left = checks.budget - used
    if rounds >= checks.reroll or left <= 0:
        return 0
    number = retries.retry(connection, family, new_id, Choice(rejected=True), left)
    first = batches.alias("first")
    marked = batches.c.options.op("||")(literal({REROLL: True}, JSONB))
    deadline = select(first.c.deadline_at).where(first.c.id == family).scalar_subquery()
    its = update(batches).where(batches.c.id == new_id)
    connection.execute(its.values(options=marked, deadline_at=deadline))
    return number


def _may(connection: Connection, family: UUID) -> bool:
    """Whether nothing of it goes on or is to be looked at, and nobody and no deadline has ended it."""
    b = batches.c
    going_on = b.status.not_in(TERMINAL)
    late = b.deadline_at <= func.clock_timestamp()
    ended = and_(b.id == family, or_(b.status != BatchStatus.COMPLETED, func.coalesce(late, False)))
    query = select(b.id).where(_mine(family), or_(going_on, ended))
    open_checks = select(checklists.is_open(literal(family)))
    return not connection.execute(query).first() and not connection.execute(open_checks).scalar()


def _before(connection: Connection, family: UUID) -> tuple[int, Decimal]:
    """How often that was done before, and what it has cost or may have."""
    b = batches.c
    used = func.coalesce(func.sum(b.spent + b.at_risk), 0)
    query = select(func.count(), used).where(b.retry_of == family, b.options.has_key(REROLL))
    rounds, cost = connection.execute(query).one()
    return rounds, Decimal(cost)


def _mine(family: UUID) -> ColumnElement[bool]:
    return or_(batches.c.id == family, batches.c.retry_of == family)
