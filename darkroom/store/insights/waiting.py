"""What open batches wait for: said by the record and by the workers, never found out by counting jobs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, lateral, select, true

from darkroom.domain.batch import BatchStatus
from darkroom.domain.job import JobState
from darkroom.domain.waiting import Waiting, WaitingFor
from darkroom.store.holdups import standing
from darkroom.store.insights.outlook import waits_until
from darkroom.store.jobs import model
from darkroom.store.tables import batches, holdups, jobs, workers
from darkroom.store.workers import SILENT_AFTER

_GRAVITY = list(WaitingFor)


def waiting_for(
    connection: Connection, rows: Sequence[Row[Any]]
) -> Mapping[UUID, tuple[Waiting, ...]]:
    """What keeps each of these batches from going on, the gravest first; nothing where it goes on."""
    going = [row for row in rows if row.status in (BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS)]
    if not going:
        return {}
    crew, held = _crew(connection), _held(connection)
    due = _next_due(connection, [row.id for row in going if _stands_still(row)])
    found = {row.id: [*_told(row, crew, held)] or [*_backoff(row, due)] for row in going}
    return {key: tuple(sorted(reasons, key=_gravity)) for key, reasons in found.items()}


def _gravity(waiting: Waiting) -> int:
    return _GRAVITY.index(waiting.reason)


def _stands_still(row: Row[Any]) -> bool:
    return bool(row.queued and not row.dispatched and not row.running)


def _crew(connection: Connection) -> Sequence[Row[Any, Any]]:
    alive = workers.c.seen_at > func.clock_timestamp() - SILENT_AFTER
    query = select(workers.c.providers, workers.c.focus).where(alive)
    return connection.execute(query).all()


def _held(connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(select(holdups).where(standing())).all()


def _next_due(connection: Connection, stalled: Sequence[UUID]) -> Mapping[UUID, Waiting]:
    """When the first job in each batch's index is due, where that is still to come: one step in it."""
    if not stalled:
        return {}
    first = lateral(
        select(jobs.c.due_at)
        .where(jobs.c.batch_id == batches.c.id, jobs.c.state == JobState.QUEUED)
        .order_by(model(), jobs.c.priority.desc(), jobs.c.due_at, jobs.c.line)
        .limit(1)
    )
    query = select(batches.c.id, first.c.due_at).join_from(batches, first, true())
    later = first.c.due_at > func.clock_timestamp()
    return {
        row.id: Waiting(WaitingFor.DUE_TIME, "its jobs are tried again later", until=row.due_at)
        for row in connection.execute(query.where(batches.c.id.in_(stalled), later))
    }


def _told(
    row: Row[Any], crew: Sequence[Row[Any, Any]], held: Sequence[Row[Any]]
) -> Iterator[Waiting]:
    if row.paused_reason is not None:
        detail = row.paused_detail or f"paused: {row.paused_reason}"
        yield Waiting(WaitingFor.PERSON, detail)
        return
    if reason := _understaffed(row, crew):
        yield Waiting(WaitingFor.WORKER, reason)
    if opens_at := waits_until(row):
        yield Waiting(WaitingFor.WINDOW, f"shut until {row.hours} {row.timezone}", until=opens_at)
        return
    if row.queued + row.dispatched:
        for one in held:
            if one.provider == row.provider:
                since = max(one.since, row.created_at)
                yield Waiting(WaitingFor(one.reason), one.detail, since, one.until)


def _understaffed(row: Row[Any], crew: Sequence[Row[Any, Any]]) -> str | None:
    """Why nobody works on this batch; None where somebody may."""
    if not crew:
        return "no worker is alive"
    in_focus = [worker for worker in crew if worker.focus in (None, row.focus)]
    if not in_focus:
        return "the workers that are alive work on another run's batch only"
    if row.status == BatchStatus.VALIDATING or any(row.provider in w.providers for w in in_focus):
        return None
    return f"no worker that is alive calls the provider {row.provider}"


def _backoff(row: Row[Any], due: Mapping[UUID, Waiting]) -> Iterator[Waiting]:
    if row.id in due:
        yield due[row.id]
