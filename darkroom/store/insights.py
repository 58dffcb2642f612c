"""The one read side: API, command line and pages all ask here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    func,
    inspect,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from darkroom.domain.attempt import AttemptState
from darkroom.domain.batch import TERMINAL, BatchStatus, Cost, Counts
from darkroom.domain.job import JobState
from darkroom.store.tables import attempts, batches, images, jobs, metadata

RATE_WINDOW = 60.0
"""Seconds over which the rate of images is measured."""


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch as people see it: with its retries, the latest result of every custom_id counted once."""

    id: UUID
    name: str | None
    provider: str
    status: BatchStatus
    paused_reason: str | None
    paused_detail: str | None
    counts: Counts
    unknown: int
    images: int
    mismatched: int
    skipped: int
    cost: Cost
    images_per_minute: float
    eta_seconds: float | None
    created_at: datetime
    in_progress_at: datetime | None
    ended_at: datetime | None
    deadline_at: datetime | None
    retry_of: UUID | None
    retries: tuple[UUID, ...]
    problems: Sequence[Mapping[str, Any]]

    @property
    def ended(self) -> bool:
        """Nothing more will happen to it or its retries by itself."""
        return self.status in TERMINAL and not self.counts.open


@dataclass(frozen=True, slots=True)
class ImageView:
    """One stored image; `index` counts from 0."""

    attempt_id: UUID
    index: int
    sha256: str
    bytes: int
    format: str
    width: int
    height: int
    disposition: str


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One call that was made for a job."""

    id: UUID
    number: int
    state: AttemptState
    worker: str
    provider: str
    begun_at: datetime
    ended_at: datetime | None
    reserved: Decimal
    cost: Decimal
    usage: Mapping[str, int] | None
    request_id: str | None
    latency_ms: int | None
    failure: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class JobView:
    """One job with its images."""

    id: int
    batch_id: UUID
    line: int
    custom_id: str
    state: JobState
    request: Mapping[str, Any]
    begun: int
    due_at: datetime
    ended_at: datetime | None
    failure: Mapping[str, Any] | None
    cost: Decimal
    request_id: str | None
    images: tuple[ImageView, ...]


def batch(connection: Connection, project_id: str, batch_id: UUID) -> BatchView | None:
    """One batch with its retries; None if this project has none such."""
    family = connection.execute(
        select(batches)
        .where(batches.c.project_id == project_id, _family(batch_id))
        .order_by(batches.c.created_at)
    ).all()
    return _view(connection, family) if family and family[0].id == batch_id else None


def _family(batch_id: UUID) -> ColumnElement[bool]:
    return or_(batches.c.id == batch_id, batches.c.retry_of == batch_id)


def page(
    connection: Connection, project_id: str, limit: int, after: UUID | None = None
) -> list[BatchView]:
    """A project's batches that are nobody's retry, newest first."""
    where = [batches.c.project_id == project_id, batches.c.retry_of.is_(None)]
    if after is not None:
        seen = select(batches.c.created_at).where(batches.c.id == after).scalar_subquery()
        where.append(tuple_(batches.c.created_at, batches.c.id) < tuple_(seen, literal(after)))
    newest_first = (batches.c.created_at.desc(), batches.c.id.desc())
    query = select(batches.c.id).where(*where).order_by(*newest_first).limit(limit)
    found = (batch(connection, project_id, key) for key in connection.execute(query).scalars())
    return [view for view in found if view is not None]


def _view(connection: Connection, family: Sequence[Row[Any]]) -> BatchView:
    first = family[0]
    latest = next((row for row in family if row.status not in TERMINAL), first)
    counts = _counts(family)
    rate = _images_per_minute(connection, family)
    per_job = max(sum(row.images for row in family) / max(counts.succeeded, 1), 1.0)
    return BatchView(
        id=first.id,
        name=first.name,
        provider=first.provider,
        status=BatchStatus(latest.status),
        paused_reason=latest.paused_reason,
        paused_detail=latest.paused_detail,
        counts=counts,
        unknown=sum(row.unknown for row in family),
        images=sum(row.images for row in family),
        mismatched=sum(row.mismatched for row in family),
        skipped=first.skipped,
        cost=Cost(
            spent=sum((row.spent for row in family), Decimal(0)),
            reserved=sum((row.reserved for row in family), Decimal(0)),
            at_risk=sum((row.at_risk for row in family), Decimal(0)),
            cap=_cap(family, latest),
        ),
        images_per_minute=rate,
        eta_seconds=_eta(counts, rate / per_job),
        created_at=first.created_at,
        in_progress_at=first.in_progress_at,
        ended_at=latest.ended_at,
        deadline_at=first.deadline_at,
        retry_of=first.retry_of,
        retries=tuple(row.id for row in family[1:]),
        problems=first.problems,
    )


def _counts(family: Sequence[Row[Any]]) -> Counts:
    """A retried job is counted where it was retried to, no longer where it had failed."""
    sums = {state.value: sum(getattr(row, state.value) for row in family) for state in JobState}
    return Counts(total=family[0].total, **sums)


def _cap(family: Sequence[Row[Any]], latest: Row[Any]) -> Decimal | None:
    """The cap of the whole family: an open retry's own, and what the others have committed beside it."""
    if latest.cap is None:
        return None
    committed = (row.spent + row.reserved + row.at_risk for row in family if row.id != latest.id)
    return sum(committed, Decimal(latest.cap))


def _images_per_minute(connection: Connection, family: Sequence[Row[Any]]) -> float:
    working = [row for row in family if row.status not in TERMINAL and row.in_progress_at]
    if not working:
        return 0.0
    a = attempts.c
    made = (
        select(func.count())
        .select_from(images.join(attempts, images.c.attempt_id == a.id))
        .where(
            a.ended_at > func.now() - func.make_interval(0, 0, 0, 0, 0, 0, RATE_WINDOW),
            a.batch_id.in_([row.id for row in working]),
        )
        .scalar_subquery()
    )
    age = func.extract("epoch", func.now() - min(row.in_progress_at for row in working))
    row = connection.execute(select(made, age)).one()
    return float(row[0]) / min(max(float(row[1]), 1.0), RATE_WINDOW) * 60


def _eta(counts: Counts, jobs_per_minute: float) -> float | None:
    if not counts.open:
        return 0.0
    return counts.open / jobs_per_minute * 60 if jobs_per_minute else None


def jobs_page(
    connection: Connection,
    batch_id: UUID,
    *,
    limit: int,
    after: int | None = None,
    states: Sequence[JobState] = (),
) -> list[JobView]:
    """The jobs of a batch in the order of their lines, those of its retries in place of what they retried.

    `after` is the id of the last job seen.
    """
    family = connection.execute(select(batches.c.id).where(_family(batch_id))).scalars().all()
    where: list[ColumnElement[bool]] = [
        jobs.c.batch_id.in_(family),
        jobs.c.superseded_by.is_(None),
    ]
    if states:
        where.append(jobs.c.state.in_(states))
    if after is not None:
        seen = select(jobs.c.line, jobs.c.id).where(jobs.c.id == after).subquery()
        where.append(
            tuple_(jobs.c.line, jobs.c.id)
            > tuple_(select(seen.c.line).scalar_subquery(), select(seen.c.id).scalar_subquery())
        )
    query = select(jobs).where(*where).order_by(jobs.c.line, jobs.c.id).limit(limit)
    return job_views(connection, connection.execute(query).all())


def job(connection: Connection, project_id: str, job_id: int) -> JobView | None:
    """One job; None if this project has none such."""
    rows = connection.execute(
        select(jobs)
        .join(batches, jobs.c.batch_id == batches.c.id)
        .where(jobs.c.id == job_id, batches.c.project_id == project_id)
    ).all()
    views = job_views(connection, rows)
    return views[0] if views else None


def job_views(connection: Connection, rows: Sequence[Row[Any]]) -> list[JobView]:
    """These rows of jobs with their images and what they have cost."""
    ids = [row.id for row in rows]
    stored: dict[int, list[ImageView]] = {}
    for row in connection.execute(
        select(images)
        .where(images.c.job_id.in_(ids))
        .order_by(images.c.job_id, images.c.created_at, images.c.attempt_id, images.c.index)
    ):
        stored.setdefault(row.job_id, []).append(_image(row))
    paid = {row.job_id: row for row in connection.execute(_paid(ids))}
    return [
        JobView(
            id=row.id,
            batch_id=row.batch_id,
            line=row.line,
            custom_id=row.custom_id,
            state=JobState(row.state),
            request=row.request,
            begun=row.begun,
            due_at=row.due_at,
            ended_at=row.ended_at,
            failure=row.failure,
            cost=paid[row.id].cost if row.id in paid else Decimal(0),
            request_id=paid[row.id].request_id if row.id in paid else None,
            images=tuple(stored.get(row.id, ())),
        )
        for row in rows
    ]


def _paid(ids: Sequence[int]) -> Select[Any]:
    """What each of these jobs has cost, and the request id of its last answer."""
    a = attempts.c
    last = func.array_agg(aggregate_order_by(a.request_id, a.number.desc()))
    answered = last.filter(a.request_id.is_not(None))
    return (
        select(a.job_id, func.sum(a.cost).label("cost"), answered[1].label("request_id"))
        .where(a.job_id.in_(ids))
        .group_by(a.job_id)
    )


def job_attempts(connection: Connection, job_id: int) -> list[AttemptView]:
    """Every call made for a job, in order."""
    rows = connection.execute(
        select(attempts).where(attempts.c.job_id == job_id).order_by(attempts.c.number)
    )
    return [
        AttemptView(**{name: getattr(row, name) for name in AttemptView.__slots__}) for row in rows
    ]


def image(
    connection: Connection, project_id: str, attempt_id: UUID, index: int
) -> ImageView | None:
    """One image; None if this project has none such."""
    row = connection.execute(
        select(images)
        .join(batches, images.c.batch_id == batches.c.id)
        .where(
            images.c.attempt_id == attempt_id,
            images.c.index == index,
            batches.c.project_id == project_id,
        )
    ).one_or_none()
    return _image(row) if row else None


def _image(row: Row[Any]) -> ImageView:
    return ImageView(**{name: getattr(row, name) for name in ImageView.__slots__})


def missing_tables(connection: Connection) -> list[str]:
    """The tables that this database lacks: its migrations have not been run."""
    return sorted(metadata.tables.keys() - inspect(connection).get_table_names())
