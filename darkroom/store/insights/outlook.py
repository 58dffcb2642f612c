"""What lies ahead of a batch: when it may go on, and what its deadline will leave undone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from darkroom.domain.batch import TERMINAL, Counts
from darkroom.domain.forecast import will_expire
from darkroom.domain.window import Window
from darkroom.store.tables import batches


@dataclass(frozen=True, slots=True)
class Outlook:
    """A batch's window and what follows from it and from its deadline at the pace of the last minute."""

    hours: str | None
    timezone: str | None
    waits_until: datetime | None
    """When its window opens next; None while it is open or where it has none."""
    will_expire: int | None
    """Jobs that the deadline will overtake; None where no pace can be told yet."""


def outlook(row: Row[Any], counts: Counts, jobs_per_minute: float) -> Outlook:
    """The outlook of the batch of this row, which knows the database's `now`."""
    if row.status in TERMINAL:
        return Outlook(row.hours, row.timezone, None, 0)
    waiting = counts.queued + counts.dispatched
    late = will_expire(waiting, jobs_per_minute, row.now, row.deadline_at, _window(row))
    return Outlook(row.hours, row.timezone, waits_until(row), late)


def waits_until(row: Row[Any]) -> datetime | None:
    """When the window of the batch of this row opens next, if it is shut."""
    window = _window(row)
    if window is None:
        return None
    opens = window.opening(row.now).opens
    return opens if opens > row.now else None


def _window(row: Row[Any]) -> Window | None:
    return Window.parse(row.hours, row.timezone) if row.hours else None


def open_jobs(connection: Connection, provider: str) -> int:
    """How many jobs a provider has before it, in all batches that are open."""
    b = batches.c
    waiting = func.coalesce(func.sum(b.queued + b.dispatched + b.running), 0)
    query = select(waiting).where(b.provider == provider, b.status.not_in(TERMINAL))
    return int(connection.execute(query).scalar_one())
