"""The workers we know of: how many calls each can have in flight, and when it was last heard of."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, delete, func, select, update
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


def slots(connection: Connection) -> int:
    """How many calls all living workers together can have in flight."""
    total = func.coalesce(func.sum(workers.c.slots), 0)
    return int(connection.execute(select(total).where(alive())).scalar_one())


def places(connection: Connection) -> int:
    """How many calls there can be: one for each slot, and those of workers that offer none any more.

    A worker that is told to stop still has calls; they take no place on its successor.
    """
    total = select(func.coalesce(func.sum(workers.c.slots), 0)).where(alive())
    offering = select(workers.c.name).where(alive(), workers.c.slots > 0)
    last = select(func.count()).where(
        attempts.c.state == AttemptState.RUNNING, attempts.c.worker.not_in(offering)
    )
    both = total.scalar_subquery() + last.scalar_subquery()
    return int(connection.execute(select(both)).scalar_one())


def alive() -> ColumnElement[bool]:
    """Whether a worker was heard of just now."""
    return workers.c.seen_at > func.clock_timestamp() - SILENT_AFTER
