"""What people read on invoices: it settles the money of calls whose outcome nobody knows, once, and is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, case, func, insert, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from darkroom.domain.attempt import AttemptState
from darkroom.domain.invoice import Verdict
from darkroom.store import budgets
from darkroom.store.budgets import Charge
from darkroom.store.counters import shift_all
from darkroom.store.jobs import hold
from darkroom.store.leases import reservation_of
from darkroom.store.records import records
from darkroom.store.tables import api_keys, attempts, jobs, settlements


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose outcome nobody knows; `settled` if an invoice has been read for it."""

    attempt_id: UUID
    job_id: int
    custom_id: str
    request_id: str | None
    settled: bool


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says of one call; `cost` in US dollars, None where the invoice tells no single price."""

    call: Call
    verdict: Verdict
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What people's words have done: how many calls, what they cost, and what is free again."""

    number: int = 0
    spent: Decimal = Decimal(0)
    freed: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class SettlementView:
    """One word of a person, and how its call stands today."""

    id: int
    created_at: datetime
    api_key_id: UUID | None
    key_name: str | None
    batch_id: UUID
    attempt_id: UUID
    custom_id: str
    verdict: Verdict
    at_risk: Decimal
    cost: Decimal
    state: AttemptState
    """Not `unknown` any more where evidence came later: it has the last word."""


def unknown_calls(connection: Connection, batch_ids: Sequence[UUID]) -> list[Call]:
    """The calls of these batches whose outcome nobody knows, oldest first."""
    a = attempts.c
    rows = connection.execute(
        select(a.id, a.job_id, jobs.c.custom_id, a.request_id, a.verdict.is_not(None))
        .join_from(attempts, jobs, a.job_id == jobs.c.id)
        .where(a.batch_id.in_(batch_ids), a.state == AttemptState.UNKNOWN)
        .order_by(a.begun_at, a.id)
    )
    return [Call(*row) for row in rows]


def settle_unknown(connection: Connection, words: Sequence[Word], key_id: UUID | None) -> Settled:
    """Moves what these calls had at risk to spent or frees it, and writes down who said so.

    Without a cost of its own a call that was billed is settled at its reservation, so that no budget is
    passed by a guess. Only what is still unknown and unsettled is touched: the same word counts once.
    """
    hold(connection, {word.call.job_id for word in words})
    rows = connection.execute(_settling(), {"words": [_said(word) for word in words]}).all()
    if not rows:
        return Settled()
    connection.execute(insert(settlements), [_written(row, key_id) for row in rows])
    shift_all(connection, [(row.batch_id, _shifted(row)) for row in rows])
    budgets.charge(connection, map(_charge, rows))
    spent = sum((row.cost for row in rows), Decimal(0))
    return Settled(len(rows), spent, sum((row.reserved for row in rows), Decimal(0)) - spent)


def _said(word: Word) -> dict[str, str | None]:
    cost = None if word.cost is None else str(word.cost)
    return {"id": str(word.call.attempt_id), "verdict": word.verdict, "cost": cost}


@cache
def _settling() -> ReturningUpdate[Any]:
    a = attempts.c
    given = records("words", a.id, a.verdict, a.cost)
    billed = case((given.c.verdict == Verdict.BILLED, a.reserved), else_=0)
    still = a.state == AttemptState.UNKNOWN, a.verdict.is_(None)
    return (
        update(attempts)
        .where(a.id == given.c.id, *still)
        .values(verdict=given.c.verdict, cost=func.coalesce(given.c.cost, billed))
        .returning(attempts)
    )


def _written(row: Row[Any], key_id: UUID | None) -> dict[str, object]:
    return {
        "attempt_id": row.id,
        "batch_id": row.batch_id,
        "api_key_id": key_id,
        "verdict": row.verdict,
        "at_risk": row.reserved,
        "cost": row.cost,
    }


def _shifted(row: Row[Any]) -> dict[str, int | Decimal]:
    return {"at_risk": -row.reserved, "spent": row.cost, "unknown": -1}


def _charge(row: Row[Any]) -> Charge:
    return Charge(
        reservation_of(row),
        spent=row.cost,
        at_risk=-row.reserved,
        overrun=max(row.cost - row.reserved, Decimal(0)),
    )


def settlements_page(
    connection: Connection, batch_ids: Sequence[UUID], *, limit: int, after: int = 0
) -> list[SettlementView]:
    """What people have said of these batches' calls, in the order in which they said it."""
    s = settlements.c
    shown = (
        s.id,
        s.created_at,
        s.api_key_id,
        api_keys.c.name.label("key_name"),
        s.batch_id,
        s.attempt_id,
    )
    rows = connection.execute(
        select(*shown, jobs.c.custom_id, s.verdict, s.at_risk, s.cost, attempts.c.state)
        .join_from(settlements, attempts, attempts.c.id == s.attempt_id)
        .join(jobs, jobs.c.id == attempts.c.job_id)
        .outerjoin(api_keys, api_keys.c.id == s.api_key_id)
        .where(s.batch_id.in_(batch_ids), s.id > after)
        .order_by(s.id)
        .limit(limit)
    )
    return [_view(row) for row in rows.mappings()]


def _view(said: Mapping[Any, Any]) -> SettlementView:
    kinds = {"verdict": Verdict(said["verdict"]), "state": AttemptState(said["state"])}
    return SettlementView(**{**said, **kinds})
