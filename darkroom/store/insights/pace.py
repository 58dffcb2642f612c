"""How fast images come in, and how long what is open will take."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, select

from darkroom.domain.batch import BatchStatus, Counts
from darkroom.store.tables import attempts, images

RATE_WINDOW = 60.0
"""Seconds over which the rate of images is measured."""


def images_per_minute(connection: Connection, rows: Sequence[Row[Any]]) -> Mapping[UUID, float]:
    """What each of these open batches made in the last minute, or since it began if that is less."""
    begun = {row.id: row.in_progress_at for row in rows if row.in_progress_at}
    if not begun:
        return {}
    a = attempts.c
    window = func.make_interval(0, 0, 0, 0, 0, 0, RATE_WINDOW)
    made = connection.execute(
        select(a.batch_id, func.count().label("images"), func.now().label("now"))
        .select_from(images.join(attempts, images.c.attempt_id == a.id))
        .where(a.ended_at > func.now() - window, a.batch_id.in_(begun))
        .group_by(a.batch_id)
    )
    return {row.batch_id: _rate(row.images, row.now - begun[row.batch_id]) for row in made}


def _rate(number: int, age: timedelta) -> float:
    return number / min(max(age.total_seconds(), 1.0), RATE_WINDOW) * 60


def eta(status: BatchStatus, counts: Counts, jobs_per_minute: float) -> float | None:
    """Seconds until no job is open; None where nobody knows.

    >>> eta(BatchStatus.IN_PROGRESS, Counts(total=9, queued=3), jobs_per_minute=6.0)
    30.0
    >>> eta(BatchStatus.VALIDATING, Counts(), jobs_per_minute=0.0) is None
    True
    """
    if status is BatchStatus.VALIDATING:
        return None
    if not counts.open:
        return 0.0
    return counts.open / jobs_per_minute * 60 if jobs_per_minute else None
