"""The windows of the batches we keep: the opening that each is in or waits for, moved on night by night."""

from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select, update

from darkroom.domain.batch import BatchStatus
from darkroom.domain.window import Window
from darkroom.store.tables import batches


def roll(connection: Connection) -> int:
    """Gives every open batch whose opening is over, or not known yet, its next one; counts them.

    Until that has happened the batch stays shut: late is never too early.
    """
    b = batches.c
    rows = connection.execute(_over()).all()
    for row in rows:
        opening = Window.parse(row.hours, row.timezone).opening(row.now)
        connection.execute(
            update(batches)
            .where(b.id == row.id)
            .values(opens_at=opening.opens, closes_at=opening.closes)
        )
    return len(rows)


@cache
def _over() -> Select[Any]:
    b, now = batches.c, func.clock_timestamp()
    return (
        select(b.id, b.hours, b.timezone, now.label("now"))
        .where(
            b.status == BatchStatus.IN_PROGRESS,
            b.hours.is_not(None),
            or_(b.closes_at.is_(None), b.closes_at <= now),
        )
        .order_by(b.id)
        .with_for_update(key_share=True)
    )
