"""How the batches we keep end: what must no longer be begun, and what has nothing left to do."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, case, func, or_, select, update

from darkroom.domain.batch import BatchStatus
from darkroom.store import outbox
from darkroom.store.batches import locked
from darkroom.store.tables import batches

_EMPTY = (batches.c.queued + batches.c.dispatched + batches.c.running) == 0


def to_sweep(connection: Connection) -> list[tuple[UUID, bool]]:
    """Batches with jobs that must no longer be begun, by id: `(id, expired)`, cancelled or too late."""
    return [(row.id, row.expired) for row in connection.execute(_to_sweep())]


@cache
def _to_sweep() -> Select[Any]:
    b = batches.c
    too_late = (b.status == BatchStatus.IN_PROGRESS) & (b.deadline_at <= func.clock_timestamp())
    return (
        select(b.id, (b.status == BatchStatus.IN_PROGRESS).label("expired"))
        .where(b.queued + b.dispatched > 0, or_(b.status == BatchStatus.CANCELLING, too_late))
        .order_by(b.id)
    )


def finalize(connection: Connection) -> int:
    """Begins to finalize every batch in progress whose last job has ended; counts them."""
    ids = connection.execute(_emptied()).scalars().all()
    if ids:
        connection.execute(
            update(batches)
            .where(batches.c.id.in_(ids))
            .values(
                status=BatchStatus.FINALIZING,
                finalizing_at=func.clock_timestamp(),
                paused_reason=None,
                paused_detail=None,
            )
        )
    return len(ids)


@cache
def _emptied() -> Select[Any]:
    return locked(batches.c.status == BatchStatus.IN_PROGRESS, _EMPTY)


def complete(connection: Connection) -> list[UUID]:
    """Ends every batch that has nothing left to do, and names them.

    Whoever still reads the file of a cancelled one finds that out at its next chunk.
    """
    ids = list(connection.execute(_done()).scalars())
    if ids:
        b = batches.c
        target = case(
            (b.status == BatchStatus.CANCELLING, BatchStatus.CANCELLED),
            (b.expired > 0, BatchStatus.EXPIRED),
            else_=BatchStatus.COMPLETED,
        )
        ended = update(batches).where(b.id.in_(ids))
        connection.execute(ended.values(status=target, ended_at=func.clock_timestamp()))
        outbox.ended(connection, ids)
    return ids


@cache
def _done() -> Select[Any]:
    cancelled = (batches.c.status == BatchStatus.CANCELLING) & _EMPTY
    return locked(or_(batches.c.status == BatchStatus.FINALIZING, cancelled))
