"""The contact sheet of a batch, and the pile of a project's latest images: page by page, filtered, bounded.

A filter looks at a window of rows in the order of an index and stops; where it has found too little it says
where to go on. No page costs more than one window, however large the batch is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    literal,
    or_,
    select,
    tuple_,
)

from darkroom.domain.attempt import Disposition
from darkroom.domain.job import JobState
from darkroom.domain.review import ReviewState
from darkroom.store.insights import JobView, job_views
from darkroom.store.tables import batches, images, jobs, reviews

WINDOW = 10_000
"""Rows that a filter looks at for one page."""

_INDEXED = frozenset(
    {
        JobState.DISPATCHED,
        JobState.RUNNING,
        JobState.FAILED,
        JobState.CANCELLED,
        JobState.EXPIRED,
    }
)
"""States whose jobs have an index of their own in the order of their lines."""

_SAID = frozenset({ReviewState.APPROVED, ReviewState.REJECTED})
"""What is written down in a review; of what nobody has judged there is none."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for: a state, text in custom_id or prompt, a size as `WIDTHxHEIGHT`, what was said of it."""

    state: JobState | None = None
    text: str = ""
    size: str = ""
    review: ReviewState | None = None

    @property
    def everything(self) -> bool:
        return self == Wanted()


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the order of a sheet a page ended."""

    line: int
    job_id: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page; `following` is where the next begins, None at the end."""

    jobs: Sequence[JobView]
    following: Place | None


@dataclass(frozen=True, slots=True)
class Print:
    """A published image with the job that it was made for."""

    attempt_id: UUID
    index: int
    width: int
    height: int
    job_id: int
    batch_id: UUID
    batch_name: str | None
    custom_id: str
    prompt: str
    created_at: datetime


def family_of(connection: Connection, project_id: str, batch_id: UUID) -> list[UUID]:
    """A batch and its retries; empty if this project has none such."""
    found = connection.execute(
        select(batches.c.id)
        .where(
            batches.c.project_id == project_id,
            or_(batches.c.id == batch_id, batches.c.retry_of == batch_id),
        )
        .order_by(batches.c.created_at)
    )
    family = list(found.scalars())
    return family if batch_id in family else []


def sheet(
    connection: Connection,
    family: Sequence[UUID],
    wanted: Wanted,
    *,
    limit: int,
    after: Place | None = None,
) -> Sheet:
    """The jobs of a batch in the order of their lines, those of its retries in place of what they retried."""
    window = _window(family, wanted, after)
    scanned = window.limit(WINDOW).subquery()
    matches = (
        select(scanned)
        .where(*_matching(scanned, wanted))
        .order_by(scanned.c.line, scanned.c.id)
        .limit(limit + 1)
    )
    rows = connection.execute(matches).all()
    views = job_views(connection, rows[:limit])
    if len(rows) > limit:
        return Sheet(views, Place(rows[limit - 1].line, rows[limit - 1].id))
    last = connection.execute(window.offset(WINDOW - 1).limit(1)).one_or_none()
    return Sheet(views, Place(last.line, last.id) if last else None)


def _window(family: Sequence[UUID], wanted: Wanted, after: Place | None) -> Select[Any]:
    """The jobs of all the family in one order; each batch is read in its index, none as a whole."""
    each = [_stretch(batch_id, wanted, after) for batch_id in family]
    if len(each) == 1:
        return each[0]
    together = each[0].union_all(*each[1:]).subquery()
    return select(together).order_by(together.c.line, together.c.id)


def _stretch(batch_id: UUID, wanted: Wanted, after: Place | None) -> Select[Any]:
    """The window's part of one batch: by state or by verdict, if there is an index of those alone."""
    query = select(jobs).where(
        jobs.c.batch_id == batch_id, jobs.c.superseded_by.is_(None), *_beyond(after)
    )
    if wanted.state in _INDEXED:
        query = query.where(jobs.c.state == wanted.state)
    if wanted.review in _SAID:
        query = query.join(reviews, reviews.c.job_id == jobs.c.id).where(
            reviews.c.batch_id == batch_id, reviews.c.verdict == wanted.review
        )
    return query.order_by(jobs.c.line, jobs.c.id).limit(WINDOW)


def _beyond(after: Place | None) -> list[ColumnElement[bool]]:
    """The first condition says nothing new; it is the one that the index understands."""
    if after is None:
        return []
    here = tuple_(literal(after.line), literal(after.job_id))
    return [jobs.c.line >= after.line, tuple_(jobs.c.line, jobs.c.id) > here]


def _matching(scanned: Subquery, wanted: Wanted) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        where.append(scanned.c.state == wanted.state)
    if wanted.review is ReviewState.UNDECIDED:
        judged = select(reviews.c.job_id).where(reviews.c.job_id == scanned.c.id)
        where += [scanned.c.state == JobState.SUCCEEDED, ~judged.exists()]
    if wanted.size:
        where.append(scanned.c.request["size"].astext == wanted.size)
    if wanted.text:
        prompt = scanned.c.request["prompt"].astext
        where.append(
            or_(
                scanned.c.custom_id.icontains(wanted.text, autoescape=True),
                prompt.icontains(wanted.text, autoescape=True),
            )
        )
    return where


@dataclass(frozen=True, slots=True)
class Pile:
    """One page of images, the latest first; `following` is where the next begins, None at the end."""

    prints: Sequence[Print]
    following: UUID | None


def pile(
    connection: Connection,
    project_id: str,
    wanted: Wanted,
    *,
    limit: int,
    after: UUID | None = None,
) -> Pile:
    """A project's published images, the latest call's first."""
    recent = select(images).order_by(images.c.attempt_id.desc(), images.c.index)
    if after is not None:
        recent = recent.where(images.c.attempt_id < after)
    scanned = recent.limit(WINDOW).subquery()
    rows = connection.execute(_prints(scanned, project_id, wanted).limit(limit + 1)).all()
    found = [Print(**{name: getattr(row, name) for name in Print.__slots__}) for row in rows]
    if len(found) > limit:
        whole = [one for one in found if one.attempt_id != found[limit].attempt_id] or found
        return Pile(whole[:limit], whole[:limit][-1].attempt_id)
    last = connection.execute(recent.offset(WINDOW - 1).limit(1)).one_or_none()
    return Pile(found, last.attempt_id if last else None)


def _prints(scanned: Subquery, project_id: str, wanted: Wanted) -> Select[Any]:
    prompt = jobs.c.request["prompt"].astext
    query = (
        select(
            scanned.c.attempt_id,
            scanned.c.index,
            scanned.c.width,
            scanned.c.height,
            scanned.c.created_at,
            scanned.c.job_id,
            scanned.c.batch_id,
            batches.c.name.label("batch_name"),
            jobs.c.custom_id,
            prompt.label("prompt"),
        )
        .join(jobs, jobs.c.id == scanned.c.job_id)
        .join(batches, batches.c.id == scanned.c.batch_id)
        .where(batches.c.project_id == project_id, scanned.c.disposition == Disposition.PUBLISHED)
        .order_by(scanned.c.attempt_id.desc(), scanned.c.index)
    )
    if wanted.size:
        query = query.where(jobs.c.request["size"].astext == wanted.size)
    if wanted.text:
        query = query.where(
            or_(
                jobs.c.custom_id.icontains(wanted.text, autoescape=True),
                prompt.icontains(wanted.text, autoescape=True),
            )
        )
    return query
