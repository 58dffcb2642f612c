"""Lone requests: batches of one job that somebody waits for, made without a file."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, cast, func, insert, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from darkroom.domain.batch import TERMINAL, BatchStatus
from darkroom.domain.batchfile import Draft
from darkroom.store.tables import batches, jobs


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with a lone request that nothing moves on by itself any more."""

    batch_id: UUID
    status: BatchStatus
    paused_reason: str | None
    paused_detail: str | None
    problems: Any


def create(
    connection: Connection,
    batch_id: UUID,
    *,
    project_id: str,
    provider: str,
    draft: Draft,
    begun_within: timedelta,
) -> int:
    """Writes a request down, ready to be dispatched; the id of its job.

    What is not begun within this time expires: nobody waits for it any more.
    """
    now = func.clock_timestamp()
    connection.execute(
        insert(batches).values(
            id=batch_id,
            project_id=project_id,
            provider=provider,
            options={},
            lone=True,
            status=BatchStatus.IN_PROGRESS,
            in_progress_at=now,
            deadline_at=now + begun_within,
            total=1,
            queued=1,
        )
    )
    job_id: int = connection.execute(
        insert(jobs)
        .values(
            batch_id=batch_id,
            line=1,
            custom_id=draft.custom_id,
            priority=draft.priority,
            request=cast(draft.priced.request.body(), JSONB),
            bound=draft.priced.bound,
        )
        .returning(jobs.c.id)
    ).scalar_one()
    return job_id


def job_of(connection: Connection, batch_id: UUID) -> int | None:
    """The one job of a lone request, if its file, where it came as one, has been read."""
    return connection.execute(
        select(jobs.c.id).where(jobs.c.batch_id == batch_id)
    ).scalar_one_or_none()


def standing(connection: Connection, batch_ids: Collection[UUID]) -> Mapping[UUID, Standing]:
    """Those of these that have ended, or that are paused."""
    b = batches.c
    shown = (b.id, b.status, b.paused_reason, b.paused_detail, b.problems)
    still = or_(b.status.in_(TERMINAL), b.paused_reason.is_not(None))
    rows = connection.execute(select(*shown).where(b.id.in_(batch_ids), still))
    return {
        row.id: Standing(
            row.id,
            BatchStatus(row.status),
            row.paused_reason,
            row.paused_detail,
            row.problems,
        )
        for row in rows
    }
