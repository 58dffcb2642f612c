"""The leases we keep: who may finish which attempt, and which of them were lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, Update, func, or_, select, update

from darkroom.domain.attempt import AttemptState, Reservation
from darkroom.domain.clock import LEASE
from darkroom.domain.job import JobState
from darkroom.domain.retry import History
from darkroom.store import workers
from darkroom.store.jobs import Ticket, next_call, opted, wanting
from darkroom.store.records import among
from darkroom.store.retries import members
from darkroom.store.tables import attempts, batches, jobs
from darkroom.store.tables import workers as known


@dataclass(frozen=True, slots=True)
class LostLease:
    """An attempt whose worker stopped renewing, with its job's history before it."""

    reservation: Reservation
    history: History
    provider: str
    request: Mapping[str, Any]
    waiting: int | None = None
    """Of an attempt of unknown outcome: the job that waits until its answer has been looked for once more."""


def running(connection: Connection, attempt_id: UUID) -> Reservation | None:
    """The attempt of this id while it runs, for a worker that does not know whether its begin was committed."""
    row = connection.execute(
        select(attempts).where(
            attempts.c.id == attempt_id, attempts.c.state == AttemptState.RUNNING
        )
    ).one_or_none()
    return reservation_of(row) if row else None


def reservation_of(row: Row[Any]) -> Reservation:
    """A row of `attempts` as the right that it gave."""
    return Reservation(
        row.id,
        row.job_id,
        row.batch_id,
        row.number,
        row.token,
        row.reserved,
        row.project_id,
        row.day,
    )


def renew(connection: Connection, held: Sequence[UUID]) -> int:
    """Renews the leases of these attempts where they are still their workers' own; counts them.

    One that is being settled this very moment is passed over: nobody waits here, so that no ring can close.
    """
    return connection.execute(_renewal(), {"held": list(held)}).rowcount


@cache
def _renewal() -> Update:
    mine = (
        select(attempts.c.id)
        .where(among(attempts.c.id, "held"), attempts.c.state == AttemptState.RUNNING)
        .with_for_update(skip_locked=True, key_share=True)
        .cte("mine")
    )
    return (
        update(attempts)
        .where(attempts.c.id == mine.c.id)
        .values(lease_expires_at=func.clock_timestamp() + LEASE)
    )


def lost(connection: Connection, limit: int) -> list[LostLease]:
    """Attempts whose lease has run out; nobody is locked, for a settle decides by compare-and-set."""
    return [_lost(row) for row in connection.execute(_run_out(limit))]


@cache
def _run_out(limit: int) -> Select[Any]:
    a = attempts.c
    return (
        _with_jobs()
        .where(a.state == AttemptState.RUNNING, a.lease_expires_at <= func.clock_timestamp())
        .order_by(a.lease_expires_at)
        .limit(limit)
    )


def left(connection: Connection, found: Sequence[UUID], finder: str) -> list[LostLease]:
    """Those of these attempts that their worker does not settle: it is gone, or is who found them.

    Those of unknown outcome among them, whoever called it so.
    """
    a = attempts.c
    settles = select(known.c.name).where(
        known.c.name == a.worker, known.c.name != finder, workers.alive()
    )
    forsaken = (a.state == AttemptState.RUNNING) & ~settles.exists()
    unsettled = or_(forsaken, a.state == AttemptState.UNKNOWN)
    rows = connection.execute(_with_jobs().where(a.id.in_(found), unsettled))
    return [_lost(row) for row in rows]


def over(connection: Connection, found: Sequence[UUID]) -> list[UUID]:
    """Those of these attempts of which all is known."""
    a = attempts.c
    ended = a.state.not_in((AttemptState.RUNNING, AttemptState.UNKNOWN))
    return list(connection.execute(select(a.id).where(a.id.in_(found), ended)).scalars())


def _with_jobs() -> Select[Any]:
    return (
        select(
            attempts,
            jobs.c.failures,
            jobs.c.unknowns,
            jobs.c.refusals,
            jobs.c.losses,
            jobs.c.request,
            wanting(),
            opted(),
        )
        .join_from(attempts, jobs, attempts.c.job_id == jobs.c.id)
        .join(batches, jobs.c.batch_id == batches.c.id)
    )


def _lost(row: Row[Any]) -> LostLease:
    request, history = next_call(row)
    return LostLease(reservation_of(row), history, row.provider, request)


def look(connection: Connection, attempt_id: UUID) -> int | None:
    """Says that the receipt of a lost attempt is about to be judged, and how often it has been said.

    None where that is another's: its worker renewed the lease, or somebody has begun within the time of one.
    """
    a, now = attempts.c, func.clock_timestamp()
    free = or_(a.looked_at.is_(None), a.looked_at <= now - LEASE)
    lost_still = a.state == AttemptState.RUNNING, a.lease_expires_at <= now
    looked = update(attempts).where(a.id == attempt_id, *lost_still, free)
    found: int | None = connection.execute(
        looked.values(looks=a.looks + 1, looked_at=now).returning(a.looks)
    ).scalar_one_or_none()
    return found


def look_away(connection: Connection, attempt_id: UUID) -> None:
    """Takes a look back that came to nothing and harmed nobody: another may be had at once."""
    a = attempts.c
    its = a.id == attempt_id, a.looks > 0
    connection.execute(update(attempts).where(*its).values(looks=a.looks - 1, looked_at=None))


def look_again(connection: Connection, ticket: Ticket, most: int) -> LostLease | None:
    """The first attempt whose answer is to be looked for once more before a job is begun; says that it is.

    It is the job's own, or of the jobs that it is a retry of. None where there is no such attempt of unknown
    outcome: each was looked at so often, or to the end.
    """
    a, j = attempts.c, jobs.c
    family = members(connection, ticket.batch_id) if ticket.is_retry else [ticket.batch_id]
    same = j.batch_id.in_(family), j.custom_id == ticket.custom_id
    doubtful = a.state == AttemptState.UNKNOWN, a.looks < most
    first = _with_jobs().where(*same, *doubtful).order_by(j.id, a.number).limit(1)
    row = connection.execute(first).first()
    if row is None:
        return None
    looked = {"looks": a.looks + 1, "looked_at": func.clock_timestamp()}
    connection.execute(update(attempts).where(a.id == row.id).values(looked))
    return replace(_lost(row), request=ticket.request, waiting=ticket.job_id)


def looked(connection: Connection, attempt_id: UUID, waiting: int, most: int) -> None:
    """Says that nothing more will be found of an attempt; the job that waited for it is due now."""
    queued = jobs.c.id == waiting, jobs.c.state == JobState.QUEUED
    connection.execute(update(jobs).where(*queued).values(due_at=func.clock_timestamp()))
    connection.execute(update(attempts).where(attempts.c.id == attempt_id).values(looks=most))


def in_flight(connection: Connection, provider: str) -> list[UUID]:
    """The attempts that hold a call in flight with this provider."""
    running = (attempts.c.provider == provider, attempts.c.state == AttemptState.RUNNING)
    return list(connection.execute(select(attempts.c.id).where(*running)).scalars())
