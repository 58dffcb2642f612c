"""The ledger of paid calls: how attempts end, with the money, the job and the images, many in one go."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any, assert_never
from uuid import UUID

from sqlalchemy import Connection, Float, Insert, Select, column, func, insert, select, update
from sqlalchemy.sql.dml import ReturningUpdate

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
from darkroom.domain.job import FAIL, RETRY, SUCCEED, UNSEND, JobState, Missed, Move, counter_delta
from darkroom.domain.retry import Decision, GiveUp, History, TryAgain
from darkroom.domain.thrift import Thrift, in_vain, is_answer
from darkroom.store import bounds, budgets
from darkroom.store.budgets import Charge
from darkroom.store.counters import Ring, shift_all
from darkroom.store.jobs import Standing, compare_and_set, hold, missed
from darkroom.store.records import among, records
from darkroom.store.tables import attempts, images, jobs
from darkroom.store.thrift import pause_in_vain


@dataclass(frozen=True, slots=True)
class Settlement:
    """How one attempt ended, and what becomes of its job where that did not bring what was asked.

    `history` is the job's with this attempt in it. `if_lost` is for the reaper: a lease that its worker has
    renewed meanwhile is left alone.
    """

    reservation: Reservation
    outcome: Outcome
    decision: Decision
    history: History
    if_lost: bool = False

    @property
    def attempt_id(self) -> UUID:
        return self.reservation.attempt_id

    @property
    def images(self) -> tuple[StoredImage, ...]:
        """What it bought."""
        return self.outcome.images if isinstance(self.outcome, Succeeded) else ()

    @property
    def overrun(self) -> Decimal:
        """By how much its bill exceeds its reservation."""
        return max(cost_of(self.outcome) - self.reservation.reserved, Decimal(0))

    @property
    def after(self) -> timedelta:
        """How long its job waits to be tried again."""
        return self.decision.after if isinstance(self.decision, TryAgain) else timedelta(0)

    @property
    def move(self) -> Move:
        """Where its job goes."""
        if failure_of(self.outcome) is None:
            return SUCCEED
        match self.decision:
            case TryAgain():
                return UNSEND if isinstance(self.outcome, NotSent) else RETRY
            case GiveUp():
                return FAIL
            case _:
                assert_never(self.decision)


def settle(
    connection: Connection,
    settlements: Sequence[Settlement],
    thrift: Thrift = Thrift(),  # noqa: B008 - frozen
) -> list[Missed | None]:
    """Ends attempts and moves their jobs, their money and their images with them; None for each that ended.

    A batch that pays in vain, by `thrift`, is paused with it. The answers are in the order of the settlements.
    A miss means that the lease is another's by now: the outcome is then late evidence. It is one attempt's
    own and stops no other.
    """
    standings = hold(connection, {one.reservation.job_id for one in settlements})
    ended = _moved(connection, _due(connection, settlements))
    outcomes = {attempt_id: one.outcome for attempt_id, one in ended.items()}
    if len(end_attempts(connection, AttemptState.RUNNING, outcomes)) < len(ended):
        raise LookupError("a job runs whose attempt does not")
    keep_images(connection, [(one.reservation, one.images) for one in ended.values()])
    for one in ended.values():
        standings[one.reservation.job_id] = Standing(one.move.target, one.reservation.token)
    shifts = [(one.reservation.batch_id, _shifted(one)) for one in ended.values()]
    recent = shift_all(connection, shifts, _rings(ended.values()))
    budgets.charge(connection, [_charge(one) for one in ended.values()])
    bounds.learn(connection, [one.attempt_id for one in ended.values() if one.overrun])
    pause_in_vain(connection, recent, thrift)
    return [
        None if ended.get(one.attempt_id) is one else _missed(one, standings) for one in settlements
    ]


def _missed(one: Settlement, standings: Mapping[int, Standing]) -> Missed:
    return missed(one.move, standings.get(one.reservation.job_id), one.reservation.token)


def _due(connection: Connection, settlements: Sequence[Settlement]) -> list[Settlement]:
    """The first of each attempt, but not the reaper's where a lease was renewed; from now on none can be."""
    first: dict[UUID, Settlement] = {}
    for one in settlements:
        first.setdefault(one.attempt_id, one)
    doubted = [attempt_id for attempt_id, one in first.items() if one.if_lost]
    renewed = _renewed(connection, doubted) if doubted else set()
    return [one for attempt_id, one in first.items() if attempt_id not in renewed]


def _renewed(connection: Connection, attempt_ids: Collection[UUID]) -> set[UUID]:
    rows = connection.execute(_doubting(), {"attempt_ids": list(attempt_ids)})
    return {row.id for row in rows if row.alive}


@cache
def _doubting() -> Select[Any]:
    a = attempts.c
    return (
        select(a.id, (a.lease_expires_at > func.clock_timestamp()).label("alive"))
        .where(among(a.id, "attempt_ids"))
        .order_by(a.id)
        .with_for_update(key_share=True)
    )


def _moved(connection: Connection, settlements: Sequence[Settlement]) -> dict[UUID, Settlement]:
    """Those whose job was moved, each kind of move in one statement; by the attempt's id."""
    kinds: defaultdict[Move, list[Settlement]] = defaultdict(list)
    for one in settlements:
        kinds[one.move].append(one)
    moved = {
        attempt_id for move, some in kinds.items() for attempt_id in _move(connection, move, some)
    }
    return {one.attempt_id: one for one in settlements if one.attempt_id in moved}


def _move(connection: Connection, move: Move, settlements: Sequence[Settlement]) -> Iterable[UUID]:
    rows = [
        {
            "id": str(one.attempt_id),
            "job_id": one.reservation.job_id,
            "token": one.reservation.token,
            "failures": one.history.failures,
            "unknowns": one.history.unknowns,
            "refusals": one.history.refusals,
            "losses": one.history.losses,
            "failure": _failure(one.outcome),
            "after": one.after.total_seconds(),
        }
        for one in settlements
    ]
    return connection.execute(_moving(move), {"settlements": rows}).scalars()


@cache
def _moving(move: Move) -> ReturningUpdate[Any]:
    given = records(
        "settlements",
        *(attempts.c.id, attempts.c.job_id, attempts.c.token),
        *(jobs.c.failures, jobs.c.unknowns, jobs.c.refusals, jobs.c.losses),
        *(jobs.c.failure, column("after", Float)),
    )
    now = func.clock_timestamp()
    due = {"due_at": now + func.make_interval(0, 0, 0, 0, 0, 0, given.c.after)}
    return compare_and_set(
        move,
        jobs.c.id == given.c.job_id,
        token=given.c.token,
        failures=given.c.failures,
        unknowns=given.c.unknowns,
        refusals=given.c.refusals,
        losses=given.c.losses,
        failure=given.c.failure,
        **(due if move.target is JobState.QUEUED else {"ended_at": now}),
    ).returning(given.c.id)


def _shifted(one: Settlement) -> Mapping[str, int | Decimal]:
    unknown = isinstance(one.outcome, Unknown)
    states = counter_delta(one.move, JobState.RUNNING)
    return {
        **{state.value: by for state, by in states.items()},
        **kept(one.images),
        "reserved": -one.reservation.reserved,
        "spent": cost_of(one.outcome),
        "at_risk": one.reservation.reserved if unknown else 0,
        "unknown": int(unknown),
        "answered": int(is_answer(one.outcome)),
    }


def _rings(ended: Iterable[Settlement]) -> dict[UUID, Ring]:
    """What the calls came to that were charged or may have been, by batch."""
    rings: dict[UUID, Ring] = {}
    for one in ended:
        vain, batch_id = in_vain(one.outcome), one.reservation.batch_id
        if vain is not None:
            rings[batch_id] = rings.get(batch_id, Ring()).then(in_vain=vain)
    return rings


def _charge(one: Settlement) -> Charge:
    bound = one.reservation.reserved
    return Charge(
        one.reservation,
        spent=cost_of(one.outcome),
        reserved=-bound,
        at_risk=bound if isinstance(one.outcome, Unknown) else Decimal(0),
        overrun=one.overrun,
    )


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


def state_of(outcome: Outcome) -> AttemptState:
    """Where this outcome leads its attempt."""
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


def end_attempts(
    connection: Connection, source: AttemptState, outcomes: Mapping[UUID, Outcome]
) -> set[UUID]:
    """Moves attempts from `source` to where these outcomes lead; the ids of those that it moved."""
    rows = [_ending(attempt_id, outcome) for attempt_id, outcome in outcomes.items()]
    return set(connection.execute(_end(source), {"endings": rows}).scalars())


@cache
def _end(source: AttemptState) -> ReturningUpdate[Any]:
    a = attempts.c
    taken = (a.state, a.cost, a.usage, a.request_id, a.latency_ms, a.failure)
    given = records("endings", a.id, *taken)
    return (
        update(attempts)
        .where(a.id == given.c.id, a.state == source)
        .values({a.ended_at: func.clock_timestamp(), **{one: given.c[one.name] for one in taken}})
        .returning(a.id)
    )


def _ending(attempt_id: UUID, outcome: Outcome) -> dict[str, object]:
    usage = outcome.usage if isinstance(outcome, Succeeded) else None
    return {
        "id": str(attempt_id),
        "state": state_of(outcome),
        "cost": str(cost_of(outcome)),
        "usage": usage.as_json() if usage else None,
        "request_id": getattr(outcome, "request_id", None),
        "latency_ms": getattr(outcome, "latency_ms", None),
        "failure": _failure(outcome),
    }


def kept(stored: Iterable[StoredImage]) -> dict[str, int]:
    """What these images add to their batch's counters."""
    found = [image.disposition for image in stored]
    return {
        "images": found.count(Disposition.PUBLISHED),
        "mismatched": found.count(Disposition.MISMATCH),
    }


def keep_images(
    connection: Connection, bought: Iterable[tuple[Reservation, Sequence[StoredImage]]]
) -> None:
    """Writes down which images these attempts bought."""
    rows = [_bought(reservation, image) for reservation, some in bought for image in some]
    if rows:
        connection.execute(_keeping(), {"bought": rows})


@cache
def _keeping() -> Insert:
    columns = [column for column in images.c if column is not images.c.created_at]
    given = records("bought", *columns)
    return insert(images).from_select(columns, select(given))


def _bought(reservation: Reservation, image: StoredImage) -> dict[str, object]:
    return {
        "job_id": reservation.job_id,
        "batch_id": str(reservation.batch_id),
        "attempt_id": str(reservation.attempt_id),
        "index": image.index,
        "sha256": image.sha256,
        "bytes": image.bytes,
        "format": image.format,
        "width": image.width,
        "height": image.height,
        "quality": image.quality,
        "disposition": image.disposition,
        "crc32": image.crc32,
    }
