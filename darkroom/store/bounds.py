"""Bounds from observation: a bill above its reservation raises what such requests reserve from then on."""

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Label, Text, func, select
from sqlalchemy.dialects.postgresql import Insert, insert

from darkroom.store.records import among
from darkroom.store.tables import attempts, bounds, jobs


def request_class() -> ColumnElement[str]:
    """What a job's request has in common with others that cost alike."""
    words = (jobs.c.request[name].astext for name in ("model", "size", "quality", "n"))
    return func.concat_ws(" ", *words, type_=Text)


def bound_of(provider: ColumnElement[Any]) -> Label[Any]:
    """The worst-case cost of one attempt of a job: as it was priced, or as bills have shown."""
    seen = select(bounds.c.bound).where(
        bounds.c.provider == provider, bounds.c.request_class == request_class()
    )
    return func.greatest(jobs.c.bound, seen.scalar_subquery()).label("bound")


def learn(connection: Connection, attempt_ids: Sequence[UUID]) -> None:
    """Raises the bounds of requests like these, whose bills were above their reservations."""
    if attempt_ids:
        connection.execute(_learning(), {"attempt_ids": list(attempt_ids)})


@cache
def _learning() -> Insert:
    dearest = (
        select(
            attempts.c.provider, request_class().label("request_class"), func.max(attempts.c.cost)
        )
        .join_from(attempts, jobs, jobs.c.id == attempts.c.job_id)
        .where(among(attempts.c.id, "attempt_ids"))
        .group_by(attempts.c.provider, "request_class")
        .order_by(attempts.c.provider, "request_class")
    )
    raised = insert(bounds).from_select(list(bounds.c), dearest)
    return raised.on_conflict_do_update(
        index_elements=[bounds.c.provider, bounds.c.request_class],
        set_={"bound": func.greatest(bounds.c.bound, raised.excluded.bound)},
    )
