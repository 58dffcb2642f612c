"""The workers we know of: how many calls each can have in flight, and when it was last heard of."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from darkroom.domain.attempt import AttemptState
from darkroom.store.tables import attempts, workers

SILENT_AFTER = timedelta(seconds=20)
_FORGOTTEN_AFTER = timedelta(days=1)


def beat(
    connection: Connection,
    name: str,
    slots: int,
    providers: Sequence[str] = (),
    focus: str | None = None,
) -> None:
    """Says that this worker lives, whom it calls, and with how many slots."""
    known = {"slots": slots, "providers": list(providers), "focus": focus}
    connection.execute(
        insert(workers)
        .values(name=name, **known)
        .on_conflict_do_update(
            index_elements=[workers.c.name], set_={**known, "seen_at": func.clock_timestamp()}
        )
    )


def rest(connection: Connection, name: str) -> None:
    """Says that this worker takes nothing new."""
    connection.execute(update(workers).where(workers.c.name == name).values(slots=0))


def leave(connection: Connection, name: str) -> None:
    """Forgets a worker that stopped, and any that has been silent for a day."""
    silent = workers.c.seen_at <= func.clock_timestamp() - _FORGOTTEN_AFTER
    connection.execute(delete(workers).where((workers.c.name == name) | silent))


def crowd(connection: Connection, name: str) -> int:
    """How many living workers do what this one does, itself included: those that call whom it calls."""
    one, other = workers.alias(), workers.alias()
    alike = (other.c.providers == one.c.providers) & other.c.focus.is_not_distinct_from(one.c.focus)
    there = alive(other) & (other.c.slots > 0) & (other.c.name != one.c.name) & alike
    others = select(func.count()).select_from(one.join(other, there)).where(one.c.name == name)
    return 1 + int(connection.execute(others).scalar_one())


def slots(connection: Connection) -> int:
    """How many calls all living workers together can have in flight."""
    total = func.coalesce(func.sum(workers.c.slots), 0)
    return int(connection.execute(select(total).where(alive())).scalar_one())


def places(connection: Connection) -> int:
    """How many calls there can be: one for each slot, and those of workers that offer none any more.

    A worker that is told to stop still has calls; they take no place on its successor.
    """
    return int(connection.execute(_places()).scalar_one())


@cache
def _places() -> Select[Any]:
    total = select(func.coalesce(func.sum(workers.c.slots), 0)).where(alive())
    offering = select(workers.c.name).where(alive(), workers.c.slots > 0)
    last = select(func.count()).where(
        attempts.c.state == AttemptState.RUNNING, attempts.c.worker.not_in(offering)
    )
    return select(total.scalar_subquery() + last.scalar_subquery())


def alive(one: FromClause = workers) -> ColumnElement[bool]:
    """Whether a worker was heard of just now."""
    return one.c.seen_at > func.clock_timestamp() - SILENT_AFTER
