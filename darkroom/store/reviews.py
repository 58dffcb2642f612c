"""Reviews: what people say of a job's images, counted in the transaction that writes it down."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from darkroom.domain.batch import BatchStatus
from darkroom.domain.job import CANCEL, JobState
from darkroom.domain.review import Judgement
from darkroom.store.counters import shift_all
from darkroom.store.jobs import compare_and_set, hold
from darkroom.store.tables import batches, jobs, promotions, reviews

_ESCAPES = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\", "*": "%", "?": "_"})


class BeingPromoted(Exception):  # noqa: N818 - it is over in a moment
    """A promotion is filled with these drafts right now; nothing was decided."""


@dataclass(frozen=True, slots=True)
class Reviewable:
    """A job by its custom_id: one that has not succeeded has nothing to be looked at."""

    job_id: int
    custom_id: str
    state: JobState


@dataclass(frozen=True, slots=True)
class Decided:
    """What a verdict changed: jobs that had none or another, and finals called off before their call."""

    changed: int = 0
    recalled: int = 0

    def __add__(self, other: "Decided") -> "Decided":
        return Decided(self.changed + other.changed, self.recalled + other.recalled)


def family_of(connection: Connection, batch_id: UUID) -> Sequence[UUID]:
    """A batch and its retries, oldest first."""
    mine = or_(batches.c.id == batch_id, batches.c.retry_of == batch_id)
    query = select(batches.c.id).where(mine).order_by(batches.c.created_at, batches.c.id)
    return connection.execute(query).scalars().all()


def named(
    connection: Connection, family: Sequence[UUID], custom_ids: Collection[str]
) -> Mapping[str, Reviewable]:
    """The latest job of each of these custom_ids that the family has."""
    j = jobs.c
    query = select(j.id, j.custom_id, j.state).where(
        j.batch_id.in_(family), j.custom_id.in_(custom_ids), j.superseded_by.is_(None)
    )
    rows = connection.execute(query)
    return {row.custom_id: Reviewable(row.id, row.custom_id, JobState(row.state)) for row in rows}


def undecided(
    connection: Connection, member: UUID, pattern: str, *, after: int, limit: int
) -> list[tuple[int, int, str]]:
    """Jobs of one batch with images that nobody has judged: line, id and custom_id, behind line `after`.

    `pattern` is compared with the custom_id; `*` stands for anything, `?` for one character.
    """
    j = jobs.c
    query = (
        select(j.line, j.id, j.custom_id)
        .outerjoin(reviews, reviews.c.job_id == j.id)
        .where(
            *(j.batch_id == member, j.superseded_by.is_(None), j.state == JobState.SUCCEEDED),
            *(reviews.c.job_id.is_(None), j.line > after),
            j.custom_id.like(pattern.translate(_ESCAPES)),
        )
        .order_by(j.line)
        .limit(limit)
    )
    return [(row.line, row.id, row.custom_id) for row in connection.execute(query)]


def decide(connection: Connection, job_ids: Collection[int], verdict: Judgement) -> Decided:
    """Says this of these jobs; of those that have no images, nothing.

    A final of a rejected draft that waits for its call is called off.

    Raises:
        BeingPromoted: such a final is about to be made.
    """
    hold(connection, job_ids)
    rows = connection.execute(_standing(job_ids)).all()
    changing = [row for row in rows if row.verdict != verdict]
    recalled: list[tuple[UUID, Mapping[str, int]]] = []
    if changing:
        _write(connection, changing, verdict)
        if verdict is Judgement.REJECTED:
            recalled = _recall(connection, [row.id for row in changing])
    shift_all(connection, [*_counted(changing, verdict), *recalled])
    return Decided(len(changing), sum(by[JobState.CANCELLED] for _, by in recalled))


def _standing(job_ids: Collection[int]) -> Select[Any]:
    return (
        select(jobs.c.id, jobs.c.batch_id, jobs.c.line, reviews.c.verdict)
        .outerjoin(reviews, reviews.c.job_id == jobs.c.id)
        .where(jobs.c.id.in_(job_ids), jobs.c.state == JobState.SUCCEEDED)
    )


def _write(connection: Connection, rows: Sequence[Row[Any]], verdict: Judgement) -> None:
    values = [
        {"job_id": row.id, "batch_id": row.batch_id, "line": row.line, "verdict": verdict}
        for row in rows
    ]
    given = insert(reviews)
    connection.execute(
        given.on_conflict_do_update(
            index_elements=["job_id"], set_={"verdict": given.excluded.verdict}
        ),
        values,
    )


def _counted(
    rows: Iterable[Row[Any]], verdict: Judgement
) -> Iterable[tuple[UUID, Mapping[str, int]]]:
    for row in rows:
        before = {row.verdict: -1} if row.verdict else {}
        yield row.batch_id, {verdict.value: 1, **before}


def _recall(connection: Connection, job_ids: Sequence[int]) -> list[tuple[UUID, Mapping[str, int]]]:
    """Cancels the finals of these drafts that no call was made for yet; what that does to their batches."""
    drafts = jobs.alias("drafts")
    finals = (
        select(jobs.c.id, jobs.c.state, batches.c.status)
        .select_from(promotions)
        .join(drafts, drafts.c.id == promotions.c.job_id)
        .join(batches, batches.c.id == promotions.c.batch_id)
        .join(
            jobs,
            (jobs.c.batch_id == promotions.c.batch_id)
            & (jobs.c.custom_id == drafts.c.custom_id)
            & jobs.c.state.in_(CANCEL.sources),
        )
        .where(promotions.c.job_id.in_(job_ids))
    )
    found = connection.execute(finals).all()
    if any(row.status == BatchStatus.VALIDATING for row in found):
        raise BeingPromoted
    standings = hold(connection, [row.id for row in found])
    changes: list[tuple[UUID, Mapping[str, int]]] = []
    for source in sorted(CANCEL.sources):
        some = [key for key, standing in standings.items() if standing.state is source]
        calling_off = compare_and_set(CANCEL, jobs.c.id.in_(some), ended_at=func.clock_timestamp())
        gone = connection.execute(calling_off.returning(jobs.c.batch_id)).scalars() if some else ()
        changes += [(batch_id, {source: -1, JobState.CANCELLED: 1}) for batch_id in gone]
    return changes
