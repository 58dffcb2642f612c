"""Why jobs of a batch failed, grouped by the class of their failure."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, func, select

from darkroom.domain.failure import FailureClass
from darkroom.domain.job import JobState
from darkroom.domain.report import FailureGroup
from darkroom.store.tables import jobs

JOBS_LOOKED_AT = 5_000
"""Of each batch of a family; beyond, a group's number is a least."""


def failure_groups(connection: Connection, family: Sequence[UUID]) -> list[FailureGroup]:
    """The failures of a batch and its retries that nothing has replaced yet, the most frequent first."""
    each = [
        select(jobs.c.failure)
        .where(
            jobs.c.batch_id == batch_id,
            jobs.c.state == JobState.FAILED,
            jobs.c.superseded_by.is_(None),
            jobs.c.failure.is_not(None),
        )
        .order_by(jobs.c.line)
        .limit(JOBS_LOOKED_AT)
        for batch_id in family
    ]
    failed = each[0].union_all(*each[1:]).subquery()
    klass = failed.c.failure["class"].astext
    rows = connection.execute(
        select(
            klass.label("klass"),
            func.count().label("jobs"),
            func.min(failed.c.failure["code"].astext).label("code"),
            func.min(failed.c.failure["message"].astext).label("message"),
        )
        .group_by(klass)
        .order_by(func.count().desc(), klass)
    )
    return [
        FailureGroup(FailureClass(row.klass), row.jobs, row.code or "", row.message or "")
        for row in rows
    ]
