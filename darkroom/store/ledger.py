"""The ledger of paid calls: money is reserved and settled only in the transaction that moves an attempt."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum, auto
from typing import Any, assert_never
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Result, exists, func, insert, or_, select, update

from darkroom.domain.attempt import (
    AttemptState,
    Disposition,
    Failed,
    NotSent,
    Outcome,
    Reservation,
    StoredImage,
    Succeeded,
    Unknown,
    failure_of,
)
from darkroom.domain.batch import BatchStatus
from darkroom.domain.clock import LEASE
from darkroom.domain.job import (
    BEGIN,
    FAIL,
    RETRY,
    SUCCEED,
    UNSEND,
    JobState,
    Missed,
    Move,
    counter_delta,
)
from darkroom.domain.retry import Decision, GiveUp, History, TryAgain
from darkroom.store.counters import in_time, shift
from darkroom.store.jobs import compare_and_set, miss
from darkroom.store.tables import attempts, batches, images, jobs


class Refusal(StrEnum):
    """Why a job whose ticket is good may not be begun."""

    BATCH_CLOSED = auto()
    """Its batch is paused, cancelled or ended."""
    OVER_BUDGET = auto()
    """Its worst case no longer fits under the batch's cap."""


class BeginRefused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """Nothing was begun and nothing reserved: the transaction it is raised through must roll back."""

    def __init__(self, refusal: Refusal, bound: Decimal) -> None:
        super().__init__(refusal)
        self.refusal = refusal
        self.bound = bound


@dataclass(frozen=True, slots=True)
class Claim:
    """Who begins an attempt: a new attempt's id, the worker's name, the provider it will call."""

    attempt_id: UUID
    worker: str
    provider: str


def begin(connection: Connection, job_id: int, token: int, claim: Claim) -> Reservation | Missed:
    """Makes a dispatched job run: one attempt row, one lease, its worst-case cost reserved.

    Raises:
        BeginRefused: the batch makes no new call or has no room for this one; roll back.
    """
    job = connection.execute(
        compare_and_set(
            BEGIN,
            jobs.c.id == job_id,
            jobs.c.ticket_expires_at > func.clock_timestamp(),
            token=token,
        )
        .values({jobs.c.begun: jobs.c.begun + 1})
        .returning(jobs.c.batch_id, jobs.c.begun, jobs.c.bound)
    ).one_or_none()
    if job is None:
        return miss(connection, BEGIN, job_id, token)
    connection.execute(
        insert(attempts).values(
            id=claim.attempt_id,
            job_id=job_id,
            batch_id=job.batch_id,
            number=job.begun,
            token=token,
            worker=claim.worker,
            provider=claim.provider,
            lease_expires_at=func.clock_timestamp() + LEASE,
            reserved=job.bound,
        )
    )
    _reserve(connection, job.batch_id, job.bound)
    return Reservation(claim.attempt_id, job_id, job.batch_id, job.begun, token, job.bound)


def _reserve(connection: Connection, batch_id: UUID, bound: Decimal) -> None:
    committed = batches.c.spent + batches.c.reserved + batches.c.at_risk
    reserved = connection.execute(
        update(batches)
        .where(
            batches.c.id == batch_id,
            batches.c.status == BatchStatus.IN_PROGRESS,
            batches.c.paused_reason.is_(None),
            in_time(),
            or_(batches.c.cap.is_(None), committed + bound <= batches.c.cap),
        )
        .values(
            dispatched=batches.c.dispatched - 1,
            running=batches.c.running + 1,
            reserved=batches.c.reserved + bound,
        )
    )
    if not reserved.rowcount:
        raise BeginRefused(_refusal(connection, batch_id), bound)


def _refusal(connection: Connection, batch_id: UUID) -> Refusal:
    closed = or_(
        batches.c.status != BatchStatus.IN_PROGRESS,
        batches.c.paused_reason.is_not(None),
        ~in_time(),
    )
    row = connection.execute(select(closed).where(batches.c.id == batch_id)).scalar_one()
    return Refusal.BATCH_CLOSED if row else Refusal.OVER_BUDGET


def settle(
    connection: Connection,
    reservation: Reservation,
    outcome: Outcome,
    decision: Decision,
    history: History,
    *,
    if_lost: bool = False,
) -> Missed | None:
    """Ends an attempt and moves its job, its money and its images with it; None when that happened.

    `decision` says what becomes of the job where the outcome did not bring what was asked, `history` is the
    job's with this attempt in it. A miss means that the lease is another's by now: the outcome is then late
    evidence.
    `if_lost` is for the reaper: a lease that its worker has renewed meanwhile is a miss, too.
    """
    move, values = _job_move(outcome, decision)
    moved = connection.execute(
        compare_and_set(
            move,
            jobs.c.id == reservation.job_id,
            *([_lease_lost(reservation)] if if_lost else []),
            token=reservation.token,
            failures=history.failures,
            unknowns=history.unknowns,
            failure=_failure(outcome),
            **values,
        )
    )
    if not moved.rowcount:
        return miss(connection, move, reservation.job_id, reservation.token)
    end_attempt(connection, reservation.attempt_id, AttemptState.RUNNING, outcome).one()
    stored = outcome.images if isinstance(outcome, Succeeded) else ()
    keep_images(connection, reservation, stored)
    unknown = isinstance(outcome, Unknown)
    shift(
        connection,
        reservation.batch_id,
        counter_delta(move, JobState.RUNNING),
        reserved=-reservation.reserved,
        spent=cost_of(outcome),
        at_risk=reservation.reserved if unknown else 0,
        unknown=int(unknown),
        **kept(stored),
    )
    return None


def _lease_lost(reservation: Reservation) -> ColumnElement[bool]:
    return exists().where(
        attempts.c.id == reservation.attempt_id,
        attempts.c.lease_expires_at <= func.clock_timestamp(),
    )


def _job_move(outcome: Outcome, decision: Decision) -> tuple[Move, dict[str, Any]]:
    ended: dict[str, Any] = {"ended_at": func.clock_timestamp()}
    if failure_of(outcome) is None:
        return SUCCEED, ended
    match decision:
        case TryAgain(after=after):
            move = UNSEND if isinstance(outcome, NotSent) else RETRY
            return move, {"due_at": func.clock_timestamp() + after}
        case GiveUp():
            return FAIL, ended
        case _:
            assert_never(decision)


def _failure(outcome: Outcome) -> dict[str, object] | None:
    failure = failure_of(outcome)
    return failure.as_json() if failure else None


def cost_of(outcome: Outcome) -> Decimal:
    """What is known to be spent by this outcome."""
    match outcome:
        case Succeeded(cost=cost) | Failed(cost=cost):
            return cost
        case NotSent() | Unknown():
            return Decimal(0)
        case _:
            assert_never(outcome)


def _state(outcome: Outcome) -> AttemptState:
    match outcome:
        case Succeeded():
            return AttemptState.SUCCEEDED
        case Failed():
            return AttemptState.FAILED
        case NotSent():
            return AttemptState.NOT_SENT
        case Unknown():
            return AttemptState.UNKNOWN
        case _:
            assert_never(outcome)


def end_attempt(
    connection: Connection, attempt_id: UUID, source: AttemptState, outcome: Outcome
) -> Result[Any]:
    """Moves an attempt from `source` to where this outcome leads; the row moved says what was reserved."""
    usage = outcome.usage if isinstance(outcome, Succeeded) else None
    return connection.execute(
        update(attempts)
        .where(attempts.c.id == attempt_id, attempts.c.state == source)
        .values(
            state=_state(outcome),
            ended_at=func.clock_timestamp(),
            cost=cost_of(outcome),
            usage=usage.as_json() if usage else None,
            request_id=getattr(outcome, "request_id", None),
            latency_ms=getattr(outcome, "latency_ms", None),
            failure=_failure(outcome),
        )
        .returning(attempts.c.reserved)
    )


def kept(stored: Iterable[StoredImage]) -> dict[str, int]:
    """What these images add to their batch's counters."""
    found = [image.disposition for image in stored]
    return {
        "images": found.count(Disposition.PUBLISHED),
        "mismatched": found.count(Disposition.MISMATCH),
    }


def keep_images(
    connection: Connection, reservation: Reservation, stored: tuple[StoredImage, ...]
) -> None:
    """Writes down which images this attempt bought."""
    if stored:
        connection.execute(
            insert(images),
            [
                {
                    "job_id": reservation.job_id,
                    "batch_id": reservation.batch_id,
                    "attempt_id": reservation.attempt_id,
                    "index": image.index,
                    "sha256": image.sha256,
                    "bytes": image.bytes,
                    "format": image.format,
                    "width": image.width,
                    "height": image.height,
                    "disposition": image.disposition,
                }
                for image in stored
            ],
        )
