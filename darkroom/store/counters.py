"""A batch's counters: moved in the transaction that moves its jobs, and never counted afterwards."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Update, bindparam, false, func, true, update

from darkroom.domain.job import JobState
from darkroom.store.tables import batches


def in_time() -> ColumnElement[bool]:
    """Whether a batch's deadline, if it has one, is still to come, and its window, if it has one, open."""
    b, now = batches.c, func.clock_timestamp()
    is_open = func.coalesce((b.opens_at <= now) & (b.closes_at > now), false())
    return func.coalesce(b.deadline_at > now, true()) & (b.hours.is_(None) | is_open)


def shift(
    connection: Connection,
    batch_id: UUID,
    states: Mapping[JobState, int],
    **others: int | Decimal,
) -> None:
    """Adds to the counters and amounts of a batch; last in a transaction, for its row is hot."""
    changes: dict[str, int | Decimal] = {state.value: by for state, by in states.items() if by}
    changes |= {name: by for name, by in others.items() if by}
    if changes:
        connection.execute(_shift(frozenset(changes)), {"batch_id": batch_id, **_by(changes)})


@cache
def _shift(names: frozenset[str]) -> Update:
    added = {name: batches.c[name].op("+")(bindparam(f"{name}_by")) for name in sorted(names)}
    return update(batches).where(batches.c.id == bindparam("batch_id")).values(added)


def _by(changes: Mapping[str, int | Decimal]) -> dict[str, int | Decimal]:
    return {f"{name}_by": by for name, by in changes.items()}


def shift_all(
    connection: Connection, shifts: Iterable[tuple[UUID, Mapping[str, int | Decimal]]]
) -> None:
    """Adds these to their batches' counters and amounts: once a batch, and by id, as batches are locked."""
    totals: defaultdict[UUID, defaultdict[str, int | Decimal]] = defaultdict(
        lambda: defaultdict(int)
    )
    for batch_id, changes in shifts:
        for name, by in changes.items():
            totals[batch_id][name] += by
    for batch_id in sorted(totals):
        shift(connection, batch_id, {}, **totals[batch_id])
