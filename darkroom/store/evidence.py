"""Late evidence: what an attempt of unknown outcome turns out to have been, whatever its job did since."""

from dataclasses import replace
from decimal import Decimal
from enum import StrEnum, auto
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, func, select, update

from darkroom.domain.attempt import (
    AttemptState,
    Disposition,
    Failed,
    NotSent,
    Reservation,
    Succeeded,
)
from darkroom.domain.failure import Failure
from darkroom.domain.job import ADOPT, JobState, counter_delta
from darkroom.store import bounds, budgets
from darkroom.store.budgets import Charge
from darkroom.store.counters import shift_all
from darkroom.store.jobs import compare_and_set
from darkroom.store.leases import reservation_of
from darkroom.store.ledger import cost_of, end_attempts, keep_images, kept
from darkroom.store.tables import attempts, jobs

_STILL_WANTING = frozenset({JobState.QUEUED, JobState.DISPATCHED, JobState.FAILED})
"""States in which a job takes what a late answer brings, and goes on asking for what it does not."""

Evidence = Succeeded | Failed | NotSent
"""What can still be found out about an attempt whose outcome was unknown."""


class Late(StrEnum):
    """What late evidence changed."""

    ADOPTED = auto()
    """Its image became the job's."""
    SURPLUS = auto()
    """The job had its image, or another attempt runs for it: kept, never published."""
    COSTED = auto()
    """There was no image; only the cost is known now, and nothing where nothing was sent."""
    STALE = auto()
    """The attempt is not unknown any more; nothing changed."""


def settle_late(connection: Connection, attempt_id: UUID, outcome: Evidence) -> Late:
    """Settles an unknown attempt by what was found out, and gives its image to the job if that has none.

    That is the job's latest copy, where retries took it over.
    Only an unknown attempt is touched, so that the same evidence counts once. Where a person has settled its
    money before, what the evidence says takes the place of that.
    """
    row = _unknown(connection, attempt_id)
    if row is None:
        return Late.STALE
    reservation = reservation_of(row)
    job = _latest(connection, reservation.job_id)
    delta, outcome = _adopt(connection, reservation, job, outcome)
    if not end_attempts(connection, AttemptState.UNKNOWN, {attempt_id: outcome}):
        return Late.STALE
    stored = outcome.images if isinstance(outcome, Succeeded) else ()
    keep_images(connection, [(replace(reservation, job_id=job.id, batch_id=job.batch_id), stored)])
    charge = _charge(row, cost_of(outcome))
    money: dict[str, int | Decimal] = {
        "at_risk": charge.at_risk,
        "spent": charge.spent,
        "unknown": -int(row.verdict is None),
    }
    brought = {**{state.value: by for state, by in delta.items()}, **kept(stored)}
    shift_all(connection, [(reservation.batch_id, money), (job.batch_id, brought)])
    budgets.charge(connection, [charge])
    bounds.learn(connection, [attempt_id] if cost_of(outcome) > reservation.reserved else [])
    if not stored:
        return Late.COSTED
    return Late.ADOPTED if delta else Late.SURPLUS


def _charge(row: Row[Any], cost: Decimal) -> Charge:
    """What an attempt changes that costs so much; what it was settled at before is taken back."""
    bound, before = row.reserved, row.cost
    return Charge(
        reservation_of(row),
        spent=cost - before,
        at_risk=-bound if row.verdict is None else Decimal(0),
        overrun=max(cost - bound, Decimal(0)) - max(before - bound, Decimal(0)),
    )


def _unknown(connection: Connection, attempt_id: UUID) -> Row[Any] | None:
    """The unknown attempt, its job locked first as every transaction locks it."""
    a = attempts.c
    job_id = connection.execute(select(a.job_id).where(a.id == attempt_id)).scalar_one_or_none()
    connection.execute(select(jobs.c.id).where(jobs.c.id == job_id).with_for_update())
    return connection.execute(
        select(attempts).where(a.id == attempt_id, a.state == AttemptState.UNKNOWN)
    ).one_or_none()


def _latest(connection: Connection, job_id: int) -> Row[Any]:
    """The job itself or, where retries took it over, the last of its copies; locked in their order."""
    j = jobs.c
    query: Select[Any] = select(j.id, j.batch_id, j.custom_id, j.state, j.superseded_by)
    query = query.with_for_update()
    job = connection.execute(query.where(j.id == job_id)).one()
    while job.superseded_by is not None:
        copy = j.batch_id == job.superseded_by, j.custom_id == job.custom_id
        job = connection.execute(query.where(*copy)).one()
    return job


def _adopt(
    connection: Connection, reservation: Reservation, job: Row[Any], outcome: Evidence
) -> tuple[dict[JobState, int], Evidence]:
    if isinstance(outcome, NotSent):
        _take_back(connection, reservation)
    if not isinstance(outcome, Succeeded):
        _blame(connection, reservation, outcome.failure)
        return {}, outcome
    before = JobState(job.state)
    if outcome.shortfall and before in _STILL_WANTING:
        return {}, outcome
    adopted = connection.execute(
        compare_and_set(ADOPT, jobs.c.id == job.id, failure=None, ended_at=func.now())
    )
    if adopted.rowcount:
        return counter_delta(ADOPT, before), outcome
    surplus = tuple(replace(image, disposition=Disposition.SURPLUS) for image in outcome.images)
    return {}, replace(outcome, images=surplus)


def _take_back(connection: Connection, reservation: Reservation) -> None:
    """What never left is not held against its job; that its worker was lost over it stays counted."""
    blamed = jobs.c.id == reservation.job_id, jobs.c.unknowns > 0
    connection.execute(update(jobs).where(*blamed).values(unknowns=jobs.c.unknowns - 1))


def _blame(connection: Connection, reservation: Reservation, failure: Failure) -> None:
    """A job shows why its last attempt failed: where that was this one, it now says what is known."""
    is_last = jobs.c.begun == reservation.number
    has_failed = jobs.c.failure.is_not(None)
    connection.execute(
        update(jobs)
        .where(jobs.c.id == reservation.job_id, is_last, has_failed)
        .values(failure=failure.as_json())
    )
