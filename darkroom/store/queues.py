"""What waits to be handed out, and what all workers together have in hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Label, Select, func, select

from darkroom.domain.batch import BatchStatus
from darkroom.domain.job import JobState
from darkroom.store.batches import in_focus
from darkroom.store.counters import in_time
from darkroom.store.jobs import model
from darkroom.store.pausing import affordable
from darkroom.store.tables import batches, jobs

_BEFORE_ALL = ""


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch that dispatch may choose from, and the models that its queued jobs ask for."""

    id: UUID
    project_id: str
    priority: int
    queued: int
    dispatched: int
    running: int
    lone: bool
    answered: int
    """Calls whose end said something about what it asks for."""
    affordable: int | None
    """How many more may be handed out, where a budget has refused some."""
    models: Sequence[str]


@dataclass(frozen=True, slots=True)
class Busy:
    """What all workers together have in hand of one provider's."""

    dispatched: int = 0
    running: int = 0


def dispatchable(connection: Connection, provider: str, focus: str | None) -> list[OpenBatch]:
    """The batches that may make new calls of this provider and have jobs waiting, oldest first."""
    return [OpenBatch(*row) for row in connection.execute(_dispatchable(provider, focus))]


@cache
def _dispatchable(provider: str, focus: str | None) -> Select[Any]:
    """Models are found from one to the next in the index of what is queued, however many jobs there are."""
    b = batches.c
    waiting = (
        select(b.id, b.project_id, b.priority, b.queued, b.dispatched, b.running, b.lone)
        .add_columns(b.answered, affordable(), b.created_at)
        .where(
            b.status == BatchStatus.IN_PROGRESS,
            b.provider == provider,
            b.paused_reason.is_(None),
            b.queued > 0,
            in_time(),
            *in_focus(focus),
        )
        .cte("waiting")
    )
    w = waiting.c
    found = select(w.id, _next_model(w.id, _BEFORE_ALL)).cte("found", recursive=True)
    further = select(found.c.id, _next_model(found.c.id, found.c.model))
    found = found.union_all(further.where(found.c.model.is_not(None)))
    return (
        select(
            *(w.id, w.project_id, w.priority, w.queued, w.dispatched, w.running, w.lone),
            *(w.answered, w.affordable),
            func.array_agg(found.c.model),
        )
        .join_from(waiting, found, (found.c.id == w.id) & found.c.model.is_not(None))
        .group_by(*w)
        .order_by(w.created_at, w.id)
    )


def _next_model(batch_id: ColumnElement[UUID], after: str | ColumnElement[str]) -> Label[str]:
    following = (
        select(model())
        .where(jobs.c.batch_id == batch_id, jobs.c.state == JobState.QUEUED, model() > after)
        .order_by(model())
        .limit(1)
    )
    return following.scalar_subquery().label("model")


def busy(connection: Connection) -> dict[str, Busy]:
    """How many jobs of all open batches are handed out, and how many run, by provider."""
    rows = connection.execute(_busy())
    return {provider: Busy(int(out), int(running)) for provider, out, running in rows}


@cache
def _busy() -> Select[Any]:
    b = batches.c
    return (
        select(b.provider, func.sum(b.dispatched), func.sum(b.running))
        .where(b.status.in_((BatchStatus.IN_PROGRESS, BatchStatus.CANCELLING)))
        .group_by(b.provider)
    )


def handed_out(connection: Connection, provider: str) -> Sequence[tuple[str, int]]:
    """How many jobs of each model are handed out and not begun: a few hundred, whatever is queued."""
    rows = connection.execute(_handed_out(provider))
    return sorted((name, number) for name, number in rows)


@cache
def _handed_out(provider: str) -> Select[str, int]:
    return (
        select(model(), func.count())
        .join_from(jobs, batches, jobs.c.batch_id == batches.c.id)
        .where(jobs.c.state == JobState.DISPATCHED, batches.c.provider == provider)
        .group_by(model())
    )
