"""Beginnings: a ticket becomes an attempt with a lease and its worst-case cost reserved, many in one go."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum, auto
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    Integer,
    Update,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningInsert

from darkroom.domain.attempt import Reservation
from darkroom.domain.batch import BatchStatus
from darkroom.domain.clock import LEASE
from darkroom.domain.job import BEGIN, JobState, Missed
from darkroom.store import bounds, budgets
from darkroom.store.budgets import Budget
from darkroom.store.columns import Money
from darkroom.store.counters import in_time
from darkroom.store.jobs import Standing, compare_and_set, hold, missed
from darkroom.store.records import records
from darkroom.store.tables import attempts, batches, jobs, projects


class Refusal(StrEnum):
    """Why a job whose ticket is good may not be begun."""

    BATCH_CLOSED = auto()
    """Its batch is paused, cancelled or ended."""
    OVER_BUDGET = auto()
    """Its worst case no longer fits under a cap: the batch's, or one of its project's."""


class BeginRefused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """A batch refuses what was to be begun of it, of which nothing was: the transaction must roll back.

    `bound` is what all of it might have cost; `budget` is the project's that has no room, None where it is
    the batch's own.
    """

    def __init__(self, refusal: Refusal, bound: Decimal, budget: Budget | None = None) -> None:
        super().__init__(refusal)
        self.refusal = refusal
        self.bound = bound
        self.budget = budget


@dataclass(frozen=True, slots=True)
class Claim:
    """Who begins what: a new attempt's id, the ticket, the worker's name, the provider it will call."""

    attempt_id: UUID
    job_id: int
    token: int
    worker: str
    provider: str


def begin(connection: Connection, claims: Sequence[Claim]) -> list[Reservation | Missed]:
    """Makes dispatched jobs run: for each one attempt row, one lease, its worst-case cost reserved.

    The answers are in the order of the claims; a miss is one job's own and stops no other.

    Raises:
        BeginRefused: a batch makes no new call, or a budget has no room for all of it; roll back.
    """
    standings = hold(connection, {claim.job_id for claim in claims})
    begun = {made.attempt_id: made for made in _opened(connection, claims)}
    standings |= {made.job_id: Standing(JobState.RUNNING, made.token) for made in begun.values()}
    costs: defaultdict[UUID, list[Decimal]] = defaultdict(list)
    for made in begun.values():
        costs[made.batch_id].append(made.reserved)
    for batch_id in sorted(costs):
        _reserve(connection, batch_id, len(costs[batch_id]), sum(costs[batch_id], Decimal(0)))
    _reserve_budgets(connection, list(begun.values()))
    return [
        begun.get(claim.attempt_id) or missed(BEGIN, standings.get(claim.job_id), claim.token)
        for claim in claims
    ]


def _opened(connection: Connection, claims: Sequence[Claim]) -> list[Reservation]:
    """The move of the jobs, and an attempt row for each that moved, in one statement."""
    rows = [
        {
            "id": str(claim.attempt_id),
            "job_id": claim.job_id,
            "token": claim.token,
            "worker": claim.worker,
            "provider": claim.provider,
        }
        for claim in claims
    ]
    return [Reservation(*row) for row in connection.execute(_opening(), {"claims": rows})]


@cache
def _opening() -> ReturningInsert[Any]:
    a = attempts.c
    given = records("claims", a.id, a.job_id, a.token, a.worker, a.provider)
    in_force = jobs.c.ticket_expires_at > func.clock_timestamp()
    moved = (
        compare_and_set(BEGIN, jobs.c.id == given.c.job_id, in_force, token=given.c.token)
        .values({jobs.c.begun: jobs.c.begun + 1})
        .returning(given, jobs.c.batch_id, jobs.c.begun, bounds.bound_of(given.c.provider))
        .cte("moved")
    )
    values = {
        a.id: moved.c.id,
        a.job_id: moved.c.job_id,
        a.token: moved.c.token,
        a.worker: moved.c.worker,
        a.provider: moved.c.provider,
        a.batch_id: moved.c.batch_id,
        a.number: moved.c.begun,
        a.reserved: moved.c.bound,
        a.project_id: batches.c.project_id,
        a.day: budgets.today(),
        a.lease_expires_at: func.clock_timestamp() + LEASE,
    }
    return (
        insert(attempts)
        .from_select(
            list(values),
            select(*values.values())
            .join_from(moved, batches, batches.c.id == moved.c.batch_id)
            .join(projects, projects.c.id == batches.c.project_id),
        )
        .returning(
            *(a.id, a.job_id, a.batch_id, a.number, a.token, a.reserved, a.project_id, a.day)
        )
    )


def _reserve(connection: Connection, batch_id: UUID, number: int, bound: Decimal) -> None:
    """Last, for the row is hot: so many more jobs of a batch run, and this is the most they may cost."""
    values = {"batch_id": batch_id, "number": number, "bound": bound}
    if not connection.execute(_reserving(), values).rowcount:
        raise BeginRefused(_refusal(connection, batch_id), bound)


def _reserve_budgets(connection: Connection, begun: Sequence[Reservation]) -> None:
    """After the batches, for these rows are hotter still."""
    full = budgets.reserve(connection, begun)
    if full is not None:
        bound = sum((made.reserved for made in begun), Decimal(0))
        raise BeginRefused(Refusal.OVER_BUDGET, bound, full)


@cache
def _reserving() -> Update:
    b, number, bound = (
        batches.c,
        bindparam("number", type_=Integer),
        bindparam("bound", type_=Money),
    )
    committed = b.spent + b.reserved + b.at_risk
    return (
        update(batches)
        .where(
            b.id == bindparam("batch_id"),
            b.status == BatchStatus.IN_PROGRESS,
            b.paused_reason.is_(None),
            in_time(),
            or_(b.cap.is_(None), committed + bound <= b.cap),
        )
        .values(
            dispatched=b.dispatched - number,
            running=b.running + number,
            reserved=b.reserved + bound,
            needed=case((b.needed.is_not(None), bound / number)),
        )
    )


def _refusal(connection: Connection, batch_id: UUID) -> Refusal:
    closed = or_(
        batches.c.status != BatchStatus.IN_PROGRESS,
        batches.c.paused_reason.is_not(None),
        ~in_time(),
    )
    row = connection.execute(select(closed).where(batches.c.id == batch_id)).scalar_one()
    return Refusal.BATCH_CLOSED if row else Refusal.OVER_BUDGET
