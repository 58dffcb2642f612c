"""What does the work: the workers, and how much waits for them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from darkroom.domain.batch import TERMINAL
from darkroom.store.tables import batches, workers
from darkroom.store.workers import SILENT_AFTER

WORKERS_SHOWN = 200


@dataclass(frozen=True, slots=True)
class WorkerView:
    """One worker process; `alive` while it was heard of within twenty seconds."""

    name: str
    slots: int
    started_at: datetime
    seen_at: datetime
    alive: bool


@dataclass(frozen=True, slots=True)
class Depth:
    """The jobs of a project's open batches, by how near they are to being made."""

    batches: int
    paused: int
    queued: int
    dispatched: int
    running: int


def worker_views(connection: Connection) -> list[WorkerView]:
    """The workers we know of, by name."""
    alive = (workers.c.seen_at > func.clock_timestamp() - SILENT_AFTER).label("alive")
    rows = connection.execute(
        select(workers, alive).order_by(workers.c.name).limit(WORKERS_SHOWN)
    ).all()
    return [WorkerView(r.name, r.slots, r.started_at, r.seen_at, r.alive) for r in rows]


def depth(connection: Connection, project_id: str) -> Depth:
    """How much of a project's work is open; read from the counters of its batches."""
    b = batches.c
    row = connection.execute(
        select(
            func.count(),
            func.count(b.paused_reason),
            *(func.coalesce(func.sum(column), 0) for column in (b.queued, b.dispatched, b.running)),
        ).where(b.project_id == project_id, b.status.not_in(TERMINAL))
    ).one()
    return Depth(*(int(number) for number in row))
