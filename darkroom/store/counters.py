"""A batch's counters: moved in the transaction that moves its jobs, and never counted afterwards."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    bindparam,
    false,
    func,
    literal,
    true,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from darkroom.domain.job import JobState
from darkroom.domain.thrift import REMEMBERED
from darkroom.store.tables import batches

_REMEMBERED = (1 << REMEMBERED) - 1


def in_time() -> ColumnElement[bool]:
    """Whether a batch's deadline, if it has one, is still to come, and its window, if it has one, open."""
    b, now = batches.c, func.clock_timestamp()
    is_open = func.coalesce((b.opens_at <= now) & (b.closes_at > now), false())
    return func.coalesce(b.deadline_at > now, true()) & (b.hours.is_(None) | is_open)


@dataclass(frozen=True, slots=True)
class Ring:
    """What some calls came to, to be remembered with a batch's latest: a bit for each, the last the lowest."""

    calls: int = 0
    bits: int = 0

    def then(self, *, in_vain: bool) -> "Ring":
        """The same and one call more.

        >>> Ring().then(in_vain=True).then(in_vain=False)
        Ring(calls=2, bits=2)
        """
        return Ring(self.calls + 1, (self.bits << 1 | in_vain) & _REMEMBERED)


def shift(
    connection: Connection,
    batch_id: UUID,
    states: Mapping[JobState, int],
    **others: int | Decimal,
) -> None:
    """Adds to the counters and amounts of a batch; last in a transaction, for its row is hot."""
    changes = {state.value: by for state, by in states.items()}
    _add(connection, batch_id, {**changes, **others}, Ring())


def _add(
    connection: Connection, batch_id: UUID, changes: Mapping[str, int | Decimal], ring: Ring
) -> int | None:
    """What the latest calls of the batch came to, those of the ring included; None without a ring."""
    changes = {name: by for name, by in changes.items() if by}
    if not changes and not ring.calls:
        return None
    rung = {"calls": min(ring.calls, REMEMBERED), "bits": ring.bits} if ring.calls else {}
    statement = _shift(frozenset(changes), with_ring=bool(ring.calls))
    row = connection.execute(statement, {"batch_id": batch_id, **_by(changes), **rung})
    recent: int | None = row.scalar_one_or_none()
    return recent if ring.calls else None


@cache
def _shift(names: frozenset[str], *, with_ring: bool) -> ReturningUpdate[Any]:
    b = batches.c
    added = {name: b[name].op("+")(bindparam(f"{name}_by")) for name in sorted(names)}
    if with_ring:
        older = b.recent.op("<<")(bindparam("calls", type_=Integer))
        newest = older.op("|")(bindparam("bits", type_=BigInteger))
        added["recent"] = newest.op("&")(literal(_REMEMBERED, BigInteger))
    return update(batches).where(b.id == bindparam("batch_id")).values(added).returning(b.recent)


def _by(changes: Mapping[str, int | Decimal]) -> dict[str, int | Decimal]:
    return {f"{name}_by": by for name, by in changes.items()}


def shift_all(
    connection: Connection,
    shifts: Iterable[tuple[UUID, Mapping[str, int | Decimal]]],
    rings: Mapping[UUID, Ring] = MappingProxyType({}),
) -> dict[UUID, int]:
    """Adds these to their batches' counters and amounts: once a batch, and by id, as batches are locked.

    Of each batch with a ring: what its latest calls came to.
    """
    totals: defaultdict[UUID, defaultdict[str, int | Decimal]] = defaultdict(
        lambda: defaultdict(int)
    )
    for batch_id, changes in shifts:
        for name, by in changes.items():
            totals[batch_id][name] += by
    recent = {
        batch_id: _add(connection, batch_id, totals[batch_id], rings.get(batch_id, Ring()))
        for batch_id in sorted(totals)
    }
    return {batch_id: bits for batch_id, bits in recent.items() if bits is not None}
