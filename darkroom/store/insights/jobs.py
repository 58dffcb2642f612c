"""Jobs, their attempts and their images, as they are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from darkroom.domain.attempt import AttemptState
from darkroom.domain.checking import Finding
from darkroom.domain.failure import FailureClass
from darkroom.domain.job import JobState
from darkroom.domain.review import Judgement
from darkroom.store.findings import findings_of
from darkroom.store.tables import attempts, batches, images, jobs, reviews

_INCOMPLETE = FailureClass.INCOMPLETE.value


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
    quality: str | None
    disposition: str
    expired_at: datetime | None
    """When its bytes were given up."""
    crc32: int | None = None


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
    verdict: str | None

    def answer_kept_until(self, kept: timedelta) -> datetime | None:
        """Until when its raw answer can be read: one came, and it held less than was paid for."""
        failure = self.failure or {}
        doubtful = self.state == AttemptState.UNKNOWN or failure.get("class") == _INCOMPLETE
        if self.ended_at is None or not doubtful or not failure.get("http_status"):
            return None
        return self.ended_at + kept


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
    verdict: Judgement | None = None
    """What a person said of its images, or a check."""
    findings: Mapping[tuple[UUID, int], tuple[Finding, ...]] = field(default_factory=dict)
    """What was seen of its images, by attempt and index; only of those that were looked at."""


def jobs_page(
    connection: Connection,
    batch_id: UUID,
    *,
    limit: int,
    after: int | None = None,
    states: Sequence[JobState] = (),
    verdict: Judgement | None = None,
    failures: Sequence[FailureClass] = (),
    custom_id: str | None = None,
) -> list[JobView]:
    """The jobs of a batch in the order of their lines, those of its retries in place of what they retried.

    `after` is the id of the last job seen; `failures` are classes of those that failed. Of each batch of the
    family, and of each state, no more is read than one page: an index has them in this order.
    """
    members = or_(batches.c.id == batch_id, batches.c.retry_of == batch_id)
    family = connection.execute(select(batches.c.id).where(members)).scalars().all()
    beyond = () if after is None else (_beyond(connection, after),)
    wanted = states or ([JobState.FAILED] if failures else [])
    of_states = [jobs.c.state == state for state in dict.fromkeys(wanted)] or [true()]
    if failures:
        beyond = (*beyond, jobs.c.failure["class"].astext.in_(failures))
    if custom_id is not None:
        beyond = (*beyond, jobs.c.custom_id == custom_id)
    stretches = [
        _stretch(limit, jobs.c.batch_id == member, of_state, *beyond, verdict=verdict)
        for member in family
        for of_state in of_states
    ]
    if not stretches:
        return []
    merged = union_all(*stretches).subquery()
    query = select(merged).order_by(merged.c.line, merged.c.id).limit(limit)
    return job_views(connection, connection.execute(query).all())


def _beyond(connection: Connection, after: int) -> ColumnElement[bool]:
    """What comes after this job; nothing, where there is none such."""
    line = connection.execute(select(jobs.c.line).where(jobs.c.id == after)).scalar_one_or_none()
    if line is None:
        return false()
    return tuple_(jobs.c.line, jobs.c.id) > tuple_(literal(line), literal(after))


def _stretch(
    limit: int, *where: ColumnElement[bool], verdict: Judgement | None = None
) -> Select[Any]:
    query = select(jobs).where(jobs.c.superseded_by.is_(None), *where)
    if verdict is None:
        return query.order_by(jobs.c.line, jobs.c.id).limit(limit)
    r = reviews.c
    judged = (r.job_id == jobs.c.id) & (r.batch_id == jobs.c.batch_id) & (r.verdict == verdict)
    return query.join(reviews, judged).order_by(r.line, jobs.c.id).limit(limit)


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
    stored = stored_images(connection, ids)
    paid = {row.job_id: row for row in connection.execute(_paid(ids))}
    said = select(reviews.c.job_id, reviews.c.verdict).where(reviews.c.job_id.in_(ids))
    verdicts = {row.job_id: Judgement(row.verdict) for row in connection.execute(said)}
    findings = findings_of(connection, ids)
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
            verdict=verdicts.get(row.id),
            findings=findings.get(row.id, {}),
        )
        for row in rows
    ]


def stored_images(
    connection: Connection, ids: Sequence[int], *where: ColumnElement[bool]
) -> Mapping[int, Sequence[ImageView]]:
    """The images of these jobs as they came, by job; of those of this kind alone, where one is given."""
    i = images.c
    query = (
        select(images)
        .where(i.job_id.in_(ids), *where)
        .order_by(i.job_id, i.created_at, i.attempt_id, i.index)
    )
    found: dict[int, list[ImageView]] = {}
    for row in connection.execute(query):
        found.setdefault(row.job_id, []).append(_image(row))
    return found


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
    return [_attempt(row) for row in rows]


def attempt(connection: Connection, project_id: str, attempt_id: UUID) -> AttemptView | None:
    """One attempt; None if this project has none such."""
    row = connection.execute(
        select(attempts)
        .join(batches, attempts.c.batch_id == batches.c.id)
        .where(attempts.c.id == attempt_id, batches.c.project_id == project_id)
    ).one_or_none()
    return _attempt(row) if row else None


def _attempt(row: Row[Any]) -> AttemptView:
    return AttemptView(**{name: getattr(row, name) for name in AttemptView.__slots__})


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


def image_owner(connection: Connection, attempt_id: UUID, index: int) -> str | None:
    """Whose image this is; None if nobody has such."""
    query = select(batches.c.project_id).join(images, images.c.batch_id == batches.c.id)
    owner: str | None = connection.execute(
        query.where(images.c.attempt_id == attempt_id, images.c.index == index)
    ).scalar_one_or_none()
    return owner


def _image(row: Row[Any]) -> ImageView:
    return ImageView(**{name: getattr(row, name) for name in ImageView.__slots__})
