"""How fast a batch goes: its latest calls, cut into equal spans of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Select, func, literal, select

from darkroom.domain.attempt import AttemptState
from darkroom.store.tables import attempts

CALLS_LOOKED_AT = 3_000
"""A bound for every batch of whatever size; the index gives the latest of a batch first."""

SPANS = 40


@dataclass(frozen=True, slots=True)
class Span:
    """What ended within one span: calls that brought images, calls that did not, and how long they took."""

    made: int
    missed: int
    median_ms: float | None
    slowest_ms: float | None
    """The 95th percentile."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A batch's latest calls; `seconds` is the length of each span."""

    begins: datetime
    seconds: float
    spans: tuple[Span, ...]


def pace(connection: Connection, family: Sequence[UUID]) -> Pace | None:
    """The pace of a batch and its retries; None before the first call has ended."""
    latest = _latest(family).subquery()
    first, last = connection.execute(
        select(func.min(latest.c.ended_at), func.max(latest.c.ended_at))
    ).one()
    if first is None:
        return None
    seconds = max((last - first).total_seconds() / SPANS, 1.0)
    found = {row.span: row for row in connection.execute(_by_span(family, first, seconds))}
    empty = Span(0, 0, None, None)
    spans = (
        Span(row.made, row.missed, row.median, row.slowest) if (row := found.get(n)) else empty
        for n in range(min(SPANS, int((last - first).total_seconds() / seconds) + 1))
    )
    return Pace(first, seconds, tuple(spans))


def _latest(family: Sequence[UUID]) -> Select[tuple[datetime, str, int]]:
    """The latest calls of each of the family: a retry comes after what it retries."""
    a = attempts.c
    each = [
        select(a.ended_at, a.state, a.latency_ms)
        .where(a.batch_id == batch_id, a.ended_at.is_not(None))
        .order_by(a.ended_at.desc())
        .limit(CALLS_LOOKED_AT)
        for batch_id in family
    ]
    together = each[0].union_all(*each[1:]).subquery()
    return select(together).order_by(together.c.ended_at.desc()).limit(CALLS_LOOKED_AT)


def _by_span(family: Sequence[UUID], first: datetime, seconds: float) -> Select[tuple[int, int]]:
    latest = _latest(family).subquery()
    age = func.extract("epoch", latest.c.ended_at - first)
    span = func.least(func.floor(age / literal(seconds)), SPANS - 1).label("span")
    made = latest.c.state == AttemptState.SUCCEEDED
    took = latest.c.latency_ms
    return select(
        span,
        func.count().filter(made).label("made"),
        func.count().filter(~made).label("missed"),
        func.percentile_cont(0.5).within_group(took).label("median"),
        func.percentile_cont(0.95).within_group(took).label("slowest"),
    ).group_by(span)
