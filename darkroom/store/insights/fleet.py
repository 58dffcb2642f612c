"""Everything at once, as a monitor asks for it every few seconds: work open grows it, work done does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Row,
    Select,
    case,
    cast,
    func,
    lateral,
    or_,
    select,
    true,
)

from darkroom.domain.attempt import AttemptState
from darkroom.domain.batch import TERMINAL, BatchStatus
from darkroom.domain.clock import TICKET
from darkroom.domain.job import JobState
from darkroom.store import limits
from darkroom.store.budgets import TOTAL
from darkroom.store.counters import in_time
from darkroom.store.holdups import standing
from darkroom.store.tables import (
    attempts,
    batches,
    budgets,
    holdups,
    images,
    jobs,
    providers,
    workers,
)
from darkroom.store.workers import SILENT_AFTER

LATELY = 60
"""Seconds over which calls and images are counted."""

CALLS_LOOKED_AT = 5_000
"""The latest by their ids, which grow with time: a bound for a history of whatever length."""

_OPEN = [status for status in BatchStatus if status not in TERMINAL]
_DEPTHS = (JobState.QUEUED, JobState.DISPATCHED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Money:
    """Of all projects, since the first call; US dollars."""

    spent: Decimal
    reserved: Decimal
    at_risk: Decimal
    overrun: Decimal


@dataclass(frozen=True, slots=True)
class Lately:
    """The calls that ended within a minute, by how, and the images they brought."""

    attempts: Mapping[AttemptState, int]
    images: int
    last: float | None
    """Seconds since the latest end of any call."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """All projects together; ages are seconds on the database's clock."""

    batches: Mapping[BatchStatus, int]
    paused: Mapping[str, int]
    """Open batches by the reason of their pause."""
    jobs: Mapping[JobState, int]
    ages: Mapping[JobState, float]
    """Of what has waited longest: for its turn, under its ticket, for its answer; 0 where nothing does."""
    unknown: int
    """Attempts of open batches whose outcome nobody knows."""
    due: int
    """Batches with work that may be done now."""
    stalled: float
    """Seconds without an end of any call while work was due."""
    money: Money
    lately: Lately
    workers: int
    slots: int
    overdue: int
    """Attempts whose lease ran out and that nobody has reaped."""
    providers: Mapping[str, bool]
    """Each of which something is remembered, and whether its key is paused."""
    holdups: Sequence[tuple[str, str]]
    """What holds up whose calls: provider, reason."""
    limits: Mapping[tuple[str, str, str], float]
    """What was learned, by provider, family of models and dimension, a minute."""


def fleet(connection: Connection) -> Fleet:
    """The fleet as the record knows it."""
    open_now = connection.execute(_open_batches()).all()
    due = connection.execute(_due_batches()).scalars().all()
    staff = connection.execute(_staff()).one()
    running = connection.execute(_running()).one()
    lately = _lately(connection)
    return Fleet(
        batches={one: sum(r.batches for r in open_now if r.status == one) for one in _OPEN},
        paused=_paused(open_now),
        jobs={state: sum(getattr(r, state.value) for r in open_now) for state in _DEPTHS},
        ages={
            JobState.QUEUED: max(due, default=0.0),
            JobState.DISPATCHED: connection.execute(_oldest_ticket()).scalar_one(),
            JobState.RUNNING: running.oldest,
        },
        unknown=sum(row.unknown for row in open_now),
        due=len(due),
        stalled=_stalled(due, lately.last),
        money=Money(*connection.execute(_money()).one()),
        lately=lately,
        workers=staff.workers,
        slots=staff.slots,
        overdue=running.overdue,
        providers={row.name: row.paused for row in connection.execute(_providers())},
        holdups=[(row.provider, row.reason) for row in connection.execute(_holdups())],
        limits=limits.everything(connection),
    )


def _age(moment: ColumnElement[Any]) -> ColumnElement[float]:
    """Seconds since then; nothing and what is still to come count as 0."""
    age = func.extract("epoch", func.clock_timestamp() - moment)
    return cast(func.greatest(func.coalesce(age, 0), 0), Float)


def _open_batches() -> Select[Any]:
    b = batches.c
    counted = (b.queued, b.dispatched, b.running, b.unknown)
    return (
        select(
            b.status,
            b.paused_reason,
            func.count().label("batches"),
            *(func.sum(column).label(column.name) for column in counted),
        )
        .where(b.status.in_(_OPEN))
        .group_by(b.status, b.paused_reason)
    )


def _paused(open_now: Sequence[Row[Any]]) -> dict[str, int]:
    paused: dict[str, int] = {}
    for row in open_now:
        if row.paused_reason is not None:
            paused[row.paused_reason] = paused.get(row.paused_reason, 0) + row.batches
    return paused


def _due_batches() -> Select[Any]:
    """How long each batch has waited whose next job may be begun, or whose file is to be read."""
    b, j = batches.c, jobs.c
    first = lateral(
        select(j.due_at)
        .where(j.batch_id == b.id, j.state == JobState.QUEUED)
        .order_by(j.priority.desc(), j.due_at, j.line)
        .limit(1)
    )
    may_call = (b.status == BatchStatus.IN_PROGRESS) & b.paused_reason.is_(None) & in_time()
    waits = or_(b.dispatched > 0, first.c.due_at <= func.clock_timestamp())
    since = func.greatest(b.created_at, b.in_progress_at, b.opens_at, first.c.due_at)
    return (
        select(_age(since))
        .select_from(batches)
        .outerjoin(first, true())
        .where(b.status.in_(_OPEN), or_(b.status == BatchStatus.VALIDATING, may_call & waits))
    )


def _stalled(due: Sequence[float], last: float | None) -> float:
    """One batch that goes on is progress for all: the others wait their turn.

    >>> _stalled([], 900.0), _stalled([30.0, 700.0], 2.0), _stalled([700.0], None)
    (0.0, 2.0, 700.0)
    """
    waited = max(due, default=0.0)
    return waited if last is None else min(waited, last)


def _oldest_ticket() -> Select[float]:
    j = jobs.c
    given = func.min(j.ticket_expires_at) - TICKET
    return select(_age(given)).where(j.state == JobState.DISPATCHED)


def _running() -> Select[float, int]:
    a = attempts.c
    overdue = func.count().filter(a.lease_expires_at <= func.clock_timestamp())
    return select(_age(func.min(a.begun_at)).label("oldest"), overdue.label("overdue")).where(
        a.state == AttemptState.RUNNING
    )


def _money() -> Select[Any]:
    g = budgets.c
    sums = (func.coalesce(func.sum(one), 0) for one in (g.spent, g.reserved, g.at_risk, g.overrun))
    return select(*sums).where(g.period == TOTAL)


def _lately(connection: Connection) -> Lately:
    a = attempts.c
    latest = select(a.id, a.state, a.ended_at).order_by(a.id.desc()).limit(CALLS_LOOKED_AT).cte()
    made = (
        select(func.count())
        .select_from(images)
        .where(images.c.attempt_id == latest.c.id)
        .scalar_subquery()
    )
    now = (latest.c.ended_at > func.clock_timestamp() - timedelta(seconds=LATELY)).label("now")
    rows = connection.execute(
        select(
            latest.c.state,
            func.count().filter(now).label("attempts"),
            func.coalesce(func.sum(case((now, made))), 0).label("images"),
            func.min(_age(latest.c.ended_at)).label("last"),
        )
        .where(latest.c.ended_at.is_not(None))
        .group_by(latest.c.state)
    ).all()
    return Lately(
        {AttemptState(row.state): row.attempts for row in rows},
        sum(int(row.images) for row in rows),
        min((row.last for row in rows), default=None),
    )


def _staff() -> Select[Any]:
    alive = workers.c.seen_at > func.clock_timestamp() - SILENT_AFTER
    slots = func.coalesce(func.sum(workers.c.slots), 0)
    return select(func.count().label("workers"), slots.label("slots")).where(alive)


def _providers() -> Select[Any]:
    p = providers.c
    return select(p.name, p.paused_reason.is_not(None).label("paused"))


def _holdups() -> Select[Any]:
    return select(holdups.c.provider, holdups.c.reason).where(standing())
