"""Retries: a new batch, linked to the first, made of what that family of batches has not got yet."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from darkroom.domain.attempt import AttemptState, Disposition
from darkroom.domain.batch import TERMINAL, BatchStatus
from darkroom.domain.choice import Choice
from darkroom.domain.failure import COSTLY, FailureClass
from darkroom.domain.job import JobState
from darkroom.domain.review import Judgement
from darkroom.store import checklists
from darkroom.store.batches import Validating, unfinished
from darkroom.store.counters import shift
from darkroom.store.intake import PLAN_ONCE, hold
from darkroom.store.tables import attempts, batches, images, jobs, reviews

UNCERTAIN = tuple(klass for klass in FailureClass if klass.reaction in COSTLY)
"""The classes whose jobs may have been paid for: only sent again when they are named."""

CHUNK = 5_000
"""Jobs that one transaction takes over."""

FIRST_READING = 1
ONLY = "only"
"""The option of a retry that names what it is for."""

_COPIED = ("line", "custom_id", "priority", "request", "bound")


@dataclass(frozen=True, slots=True)
class Taken:
    """How many jobs a retry took over, and the images that these had already."""

    jobs: int = 0
    images: int = 0
    mismatched: int = 0

    def __add__(self, other: "Taken") -> "Taken":
        return Taken(
            self.jobs + other.jobs, self.images + other.images, self.mismatched + other.mismatched
        )


def family_root(connection: Connection, batch_id: UUID) -> UUID:
    """The first batch of the family that this one belongs to."""
    query = select(func.coalesce(batches.c.retry_of, batches.c.id)).where(batches.c.id == batch_id)
    root: UUID = connection.execute(query).scalar_one()
    return root


def retry(
    connection: Connection,
    root: UUID,
    new_id: UUID,
    only: Choice | None,
    budget: Decimal | None = None,
) -> int:
    """Begins a retry of everything in this family that failed or expired; 0 where there is nothing.

    It takes over a chunk of jobs and counts them. With more to take over the new batch is `validating`, and
    `take_over` goes on. `only` names what to try again; without it, what may have been paid for is left out,
    and so are images that were rejected. Without a budget of its own what is left of the first batch's cap is
    the new one's; a retry that still runs may spend all of its own.
    """
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(root.hex, 0))))
    if _unfinished(connection, root):
        return 0
    linked = insert(batches).from_select(*_linked(root, new_id, only, budget))
    provider = connection.execute(linked.returning(batches.c.provider)).scalar_one()
    taken = _take(connection, root, new_id, only, CHUNK)
    if not taken.jobs:
        connection.execute(delete(batches).where(batches.c.id == new_id))
        return 0
    checklists.note(connection, new_id)
    claim = Validating(new_id, FIRST_READING, None, {}, provider, root)
    _count(connection, claim, taken, last=taken.jobs < CHUNK, ingest_lease_expires_at=None)
    return taken.jobs


def take_over(connection: Connection, claim: Validating, limit: int) -> int:
    """Gives a retry so many more of the jobs it is for; fewer were the last, and it is in progress.

    Each chunk is whole: whoever goes on after a crash goes on behind it.

    Raises:
        IngestLost: somebody else does this now, or the retry was cancelled.
    """
    assert claim.retry_of is not None
    only = claim.options[ONLY]
    choice = None if only is None else Choice.of(only)
    taken = _take(connection, claim.retry_of, claim.id, choice, limit)
    _count(connection, claim, taken, last=taken.jobs < limit)
    return taken.jobs


def _count(
    connection: Connection, claim: Validating, taken: Taken, *, last: bool, **changes: object
) -> None:
    """Counts what was taken over; after the last of it the retry is in progress."""
    changes |= {
        "images": batches.c.images + taken.images,
        "mismatched": batches.c.mismatched + taken.mismatched,
    }
    if last:
        changes |= {
            "status": BatchStatus.IN_PROGRESS,
            "in_progress_at": func.clock_timestamp(),
            "queued": unfinished() + taken.jobs,
            "ingest_lease_expires_at": None,
        }
    hold(connection, claim, total=batches.c.total + taken.jobs, **changes)


def members(connection: Connection, batch_id: UUID) -> list[UUID]:
    """The family that this batch belongs to: the first and its retries."""
    root = family_root(connection, batch_id)
    return list(connection.execute(select(batches.c.id).where(_family(root))).scalars())


def _family(root: UUID) -> ColumnElement[bool]:
    return (batches.c.id == root) | (batches.c.retry_of == root)


def _unfinished(connection: Connection, root: UUID) -> bool:
    """Whether an earlier retry still takes over its jobs: which will be left is not known yet."""
    taking = (batches.c.retry_of == root) & (batches.c.status == BatchStatus.VALIDATING)
    return bool(connection.execute(select(exists().where(taking))).scalar_one())


def _take(
    connection: Connection,
    root: UUID,
    new_id: UUID,
    only: Choice | None,
    limit: int,
) -> Taken:
    """Takes over so many of the family's jobs, batch by batch as every transaction locks them."""
    ended = batches.c.status.in_(TERMINAL)
    query = select(batches.c.id).where(_family(root), ended).order_by(batches.c.id)
    connection.execute(PLAN_ONCE)
    taken: dict[UUID, dict[JobState, Taken]] = {}
    left = limit
    for source in connection.execute(query).scalars().all():
        for state, wanted in _wanted(only).items():
            some = _take_from(connection, source, wanted, new_id, left)
            taken.setdefault(source, {})[state] = some
            left -= some.jobs
    for source, found in taken.items():
        moved = {state: -some.jobs for state, some in found.items()}
        total = sum(found.values(), Taken())
        images = {"images": -total.images, "mismatched": -total.mismatched}
        rerolled = found.get(JobState.SUCCEEDED, Taken()).jobs
        judged = {"rerolled": rerolled, "rejected": -rerolled}
        shift(connection, source, moved, superseded=total.jobs, **images, **judged)
        _look_anew(connection, source, new_id)
    return sum((some for found in taken.values() for some in found.values()), Taken())


def _take_from(
    connection: Connection,
    source: UUID,
    wanted: ColumnElement[bool],
    new_id: UUID,
    limit: int,
) -> Taken:
    """Copies so many of one batch's wanted jobs, and marks them as taken over, in one statement.

    They are locked first: late evidence brings a job its image before it is taken over, or brings it the copy.
    """
    chunk = (
        select(jobs.c.id)
        .where(jobs.c.batch_id == source, jobs.c.superseded_by.is_(None), wanted)
        .order_by(jobs.c.line)
        .limit(limit)
        .with_for_update()
        .cte("chunk")
    )
    taken = (
        update(jobs)
        .where(jobs.c.id == chunk.c.id)
        .values(superseded_by=new_id)
        .returning(jobs.c.id, jobs.c.state, *(jobs.c[name] for name in _COPIED))
        .cte("taken")
    )
    copies = select(literal(new_id).label("batch_id"), *(taken.c[name] for name in _COPIED))
    copied = (
        insert(jobs)
        .from_select(["batch_id", *_COPIED], copies.order_by(taken.c.line))
        .returning(jobs.c.id, jobs.c.custom_id)
        .cte("copied")
    )
    moved = _moved(taken, copied, new_id)
    counted = (
        select(func.count()).select_from(copied).scalar_subquery(),
        *(
            select(func.count()).where(moved.c.disposition == kind).scalar_subquery()
            for kind in (Disposition.PUBLISHED, Disposition.MISMATCH)
        ),
    )
    return Taken(*connection.execute(select(*counted)).one())


def _moved(taken: CTE, copied: CTE, new_id: UUID) -> CTE:
    """What a job has already is its copy's, which asks only for the rest.

    What has expired is asked anew, and what was rejected stays where it is.
    """
    i = images.c
    return (
        update(images)
        .where(
            taken.c.custom_id == copied.c.custom_id,
            i.job_id == taken.c.id,
            taken.c.state != JobState.SUCCEEDED,
            i.disposition != Disposition.SURPLUS,
            i.expired_at.is_(None),
        )
        .values(job_id=copied.c.id, batch_id=new_id)
        .returning(i.disposition)
        .cte("moved")
    )


def _look_anew(connection: Connection, source: UUID, new_id: UUID) -> None:
    """What was looked for in vain may be found by now: who tries a job again has it looked for once more."""
    a = attempts.c
    its = select(jobs.c.id).where(jobs.c.id == a.job_id, jobs.c.superseded_by == new_id)
    doubtful = a.batch_id == source, a.state == AttemptState.UNKNOWN, a.looks > 0
    connection.execute(update(attempts).where(*doubtful, its.exists()).values(looks=0))


def _wanted(only: Choice | None) -> dict[JobState, ColumnElement[bool]]:
    """Which jobs of each state a retry is for."""
    klass, state = jobs.c.failure["class"].astext, jobs.c.state
    if only is None:
        unpaid = or_(klass.is_(None), klass.not_in(UNCERTAIN))
        return {
            JobState.FAILED: and_(state == JobState.FAILED, unpaid),
            JobState.EXPIRED: state == JobState.EXPIRED,
        }
    named = and_(state == JobState.FAILED, klass.in_(only.classes))
    wanted: dict[JobState, ColumnElement[bool]] = {JobState.FAILED: named} if only.classes else {}
    if only.rejected:
        wanted[JobState.SUCCEEDED] = and_(state == JobState.SUCCEEDED, _is_rejected())
    return wanted


def _is_rejected() -> ColumnElement[bool]:
    said = (reviews.c.job_id == jobs.c.id) & (reviews.c.verdict == Judgement.REJECTED)
    return exists().where(said)


def _linked(
    root: UUID, new_id: UUID, only: Choice | None, budget: Decimal | None
) -> tuple[list[str], Select[Any]]:
    b = batches.c
    spent = b.spent + b.at_risk
    promised = case((b.status.in_(TERMINAL), spent), else_=func.greatest(b.cap, spent))
    used = select(func.sum(promised)).where(_family(root)).scalar_subquery()
    first = batches.alias("first").c
    left = case((first.cap.is_not(None), func.greatest(first.cap - used, 0)))
    asked = literal({ONLY: None if only is None else only.words}, JSONB)
    values = {
        "id": literal(new_id),
        "project_id": first.project_id,
        "api_key_id": first.api_key_id,
        "name": first.name,
        "provider": first.provider,
        "options": first.options.op("||")(asked),
        "retry_of": literal(root),
        "readings": literal(FIRST_READING),
        "cap": left if budget is None else literal(budget, batches.c.cap.type),
        "focus": first.focus,
        "priority": first.priority,
        "hours": first.hours,
        "timezone": first.timezone,
    }
    return list(values), select(*values.values()).where(first.id == root)
