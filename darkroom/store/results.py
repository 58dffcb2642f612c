"""The results of a batch's own jobs, line by line, for whoever writes them out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from darkroom.domain.attempt import Disposition
from darkroom.domain.job import JobState
from darkroom.store.insights.jobs import ImageView, stored_images
from darkroom.store.tables import attempts, batches, images, jobs


@dataclass(frozen=True, slots=True)
class Result:
    """How one job ended, with its images in order and what they were billed; tokens of all its attempts."""

    job_id: int
    line: int
    custom_id: str
    state: JobState
    request: Mapping[str, Any]
    failure: Mapping[str, Any] | None
    ended_at: datetime
    request_id: str | None
    usage: Mapping[str, int] | None
    pictures: tuple[ImageView, ...]


def page(
    connection: Connection,
    batch_id: UUID,
    states: Sequence[JobState],
    *,
    after: int,
    limit: int,
) -> list[Result]:
    """The results of jobs in one of these states, in the order of their lines, behind line `after`."""
    j = jobs.c
    query = (
        select(j.id, j.line, j.custom_id, j.state, j.request, j.failure, j.ended_at)
        .where(j.batch_id == batch_id, j.state.in_(states), j.line > after)
        .order_by(j.line)
        .limit(limit)
    )
    rows: Sequence[Any] = connection.execute(query.where(j.superseded_by.is_(None))).all()
    if _is_retried(connection, batch_id):
        taken = connection.execute(query.where(j.superseded_by.is_not(None))).all()
        rows = sorted([*rows, *taken], key=attrgetter("line"))[:limit]
    ids = [row.id for row in rows]
    own = images.c.disposition != Disposition.SURPLUS
    pictures, calls = stored_images(connection, ids, own), _calls(connection, ids)
    return [_result(row, calls.get(row.id, ()), pictures.get(row.id, ())) for row in rows]


def _is_retried(connection: Connection, batch_id: UUID) -> bool:
    """Whether some of its jobs were taken over by a retry: those are in no index by their lines."""
    b = batches.c
    found = select(b.superseded > 0).where(b.id == batch_id)
    return bool(connection.execute(found).scalar_one_or_none())


def _calls(connection: Connection, ids: Sequence[int]) -> Mapping[int, Sequence[Any]]:
    a = attempts.c
    query = select(a.job_id, a.request_id, a.usage).where(a.job_id.in_(ids)).order_by(a.number)
    found: dict[int, list[Any]] = {}
    for row in connection.execute(query):
        found.setdefault(row.job_id, []).append(row)
    return found


def _result(row: Any, calls: Sequence[Any], pictures: Sequence[ImageView]) -> Result:
    answered = [call.request_id for call in calls if call.request_id]
    return Result(
        job_id=row.id,
        line=row.line,
        custom_id=row.custom_id,
        state=JobState(row.state),
        request=row.request,
        failure=row.failure,
        ended_at=row.ended_at,
        request_id=answered[-1] if answered else None,
        usage=_total([call.usage for call in calls if call.usage]),
        pictures=tuple(pictures),
    )


def _total(usages: Sequence[Mapping[str, int]]) -> Mapping[str, int] | None:
    """The sum of what several calls were billed.

    >>> _total([{"output_tokens": 1}, {"output_tokens": 2}])
    {'output_tokens': 3}
    """
    if not usages:
        return None
    return {name: sum(usage.get(name, 0) for usage in usages) for name in usages[0]}
