"""Reports of batches: from their counters, and from so many jobs and calls as an index gives in order."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, select, union_all

from darkroom.domain.ids import BATCH, shown
from darkroom.domain.report import BatchReport, Slow
from darkroom.store.diagnosis import failure_groups
from darkroom.store.findings import flagged_groups
from darkroom.store.insights.batches import batch
from darkroom.store.tables import attempts, batches, jobs

SLOWEST = 5

_MILLI = 1000


def report(connection: Connection, project_id: str, batch_id: UUID) -> BatchReport | None:
    """The report of a batch with its retries; None if this project has none such."""
    view = batch(connection, project_id, batch_id)
    if view is None:
        return None
    family = (view.id, *view.retries)
    failures = tuple(failure_groups(connection, family)) if view.counts.failed else ()
    told = sum(group.jobs for group in failures)
    expected = select(batches.c.expected).where(batches.c.id == batch_id)
    return BatchReport(
        id=shown(BATCH, view.id),
        name=view.name,
        status=view.status,
        paused_reason=view.paused_reason,
        counts=view.counts,
        images=view.images,
        mismatched=view.mismatched,
        unknown=view.unknown,
        cost=view.cost,
        expected=connection.execute(expected).scalar_one(),
        failures=failures,
        untold=max(view.counts.failed - told, 0),
        slowest=_slowest(connection, family),
        ended=view.ended,
        flagged=flagged_groups(connection, family) if view.checked else (),
        rejected=view.rejected,
    )


def _slowest(connection: Connection, family: Sequence[UUID]) -> tuple[Slow, ...]:
    latency = attempts.c.latency_ms
    of_each = [
        select(attempts.c.job_id, latency)
        .where(attempts.c.batch_id == member, latency.is_not(None))
        .order_by(latency.desc())
        .limit(SLOWEST)
        for member in family
    ]
    slow = union_all(*of_each).subquery().c
    query = select(jobs.c.custom_id, slow.latency_ms).join(jobs, jobs.c.id == slow.job_id)
    rows = connection.execute(query.order_by(slow.latency_ms.desc()).limit(SLOWEST))
    return tuple(Slow(row.custom_id, row.latency_ms / _MILLI) for row in rows)
