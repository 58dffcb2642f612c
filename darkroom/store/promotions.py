"""Promotions: a new batch, linked to the first, of better images for what was approved of that batch."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    Select,
    and_,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert

from darkroom.domain.attempt import Disposition
from darkroom.domain.batch import BatchStatus
from darkroom.domain.job import JobState
from darkroom.domain.review import Approved, Judgement, Target
from darkroom.store import checklists
from darkroom.store.tables import batches, images, jobs, promotions, reviews

CHUNK = 5_000
"""Drafts that one transaction promotes."""

TARGET = "promotion"
"""The option of a promotion that says to what."""

Place = tuple[int, int]
"""A draft's line and job: whoever goes on goes on behind it."""

START: Place = (-1, -1)


def begin(
    connection: Connection,
    root: UUID,
    new_id: UUID,
    target: Target,
    *,
    name: str | None,
    budget: Decimal | None,
    api_key_id: UUID | None,
) -> bool:
    """Writes a promotion down as `validating`; the workers fill it. False while another one is filled.

    What that one takes is not known yet, and no draft is promoted twice.
    """
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(root.hex, 0))))
    filling = (batches.c.promoted_from == root) & (batches.c.status == BatchStatus.VALIDATING)
    if connection.execute(select(exists().where(filling))).scalar_one():
        return False
    first = batches.alias("first").c
    unchecked = first.options.op("-")(checklists.ASKED)
    values: dict[str, Any] = {
        "id": literal(new_id),
        "project_id": first.project_id,
        "api_key_id": literal(api_key_id),
        "name": func.coalesce(literal(name), first.name),
        "provider": first.provider,
        "options": unchecked.op("||")(literal({TARGET: target.as_json()}, JSONB)),
        "promoted_from": literal(root),
        "cap": literal(budget),
        "focus": first.focus,
        "priority": first.priority,
        "hours": first.hours,
        "timezone": first.timezone,
    }
    draft = select(*values.values()).where(first.id == root)
    connection.execute(insert(batches).from_select(list(values), draft))
    return True


def approved(
    connection: Connection,
    family: Sequence[UUID],
    target: Target,
    *,
    after: Place = START,
    limit: int,
    hold: bool = False,
) -> list[Approved]:
    """Drafts of a family that are approved and were not promoted to this, in the order of their lines.

    One whose final was cancelled counts as not promoted. `hold` keeps their verdicts as they are until the
    transaction ends.
    """
    query = _approved(family, target, after).limit(limit)
    if hold:
        query = query.with_for_update(read=True, of=reviews)
    return [Approved(*row) for row in connection.execute(query)]


def _approved(family: Sequence[UUID], target: Target, after: Place) -> Select[Any]:
    j, r, p = jobs.c, reviews.c, promotions.c
    final = jobs.alias("final")
    mine = and_(p.job_id == r.job_id, p.target == target.key)
    made = and_(final.c.batch_id == p.batch_id, final.c.custom_id == j.custom_id)
    return (
        select(j.id, j.line, j.custom_id, j.priority, j.request, _draft().label("sha256"))
        .select_from(reviews)
        .join(jobs, j.id == r.job_id)
        .outerjoin(promotions, mine)
        .outerjoin(final, made)
        .where(
            r.batch_id.in_(family),
            r.verdict == Judgement.APPROVED,
            or_(p.job_id.is_(None), final.c.state == JobState.CANCELLED),
            tuple_(r.line, r.job_id) > tuple_(*map(literal, after)),
        )
        .order_by(r.line, r.job_id)
    )


def _draft() -> Any:
    """A job's first image; one of another size or format than asked where there is no better."""
    i = images.c
    return (
        select(i.sha256)
        .where(i.job_id == jobs.c.id, i.disposition != Disposition.SURPLUS)
        .order_by(i.disposition.desc(), i.created_at, i.attempt_id, i.index)
        .limit(1)
        .correlate(jobs)
        .scalar_subquery()
    )


def note(connection: Connection, batch_id: UUID, target: Target, job_ids: Sequence[int]) -> None:
    """Writes down that this batch makes the finals of these drafts, in the transaction that adds them."""
    if not job_ids:
        return
    given = upsert(promotions)
    connection.execute(
        given.on_conflict_do_update(
            index_elements=["job_id", "target"], set_={"batch_id": given.excluded.batch_id}
        ),
        [{"job_id": key, "target": target.key, "batch_id": batch_id} for key in job_ids],
    )


def size_of(connection: Connection, batch_id: UUID) -> int:
    """How many finals a promotion has so far."""
    total: int = connection.execute(
        select(batches.c.total).where(batches.c.id == batch_id)
    ).scalar_one()
    return total
