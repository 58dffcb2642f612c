"""Batches as they are shown: each with its retries, in a number of statements that never grows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, cast, func, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import JSONPATH

from darkroom.domain.batch import TERMINAL, BatchStatus, BudgetOf, Cost, Counts, PausedReason
from darkroom.domain.job import JobState
from darkroom.domain.waiting import Waiting
from darkroom.store.insights.outlook import Outlook, outlook
from darkroom.store.insights.pace import eta, images_per_minute
from darkroom.store.insights.waiting import waiting_for
from darkroom.store.tables import batches, checkups, files

_SHOWN = [
    *(column for column in batches.c if column.name not in {"problems", "options"}),
    select(files.c.filename)
    .where(files.c.id == batches.c.input_file_id)
    .scalar_subquery()
    .label("filename"),
    func.now().label("now"),
]
"""All but what can be large."""


@dataclass(frozen=True, slots=True)
class Checked:
    """How many images were looked at and did not pass, and whether more are to be."""

    looked: int = 0
    flagged: int = 0
    open: bool = False

    def __add__(self, other: "Checked") -> "Checked":
        return Checked(
            self.looked + other.looked, self.flagged + other.flagged, self.open or other.open
        )


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch as people see it: with its retries, the latest result of every custom_id counted once."""

    id: UUID
    name: str | None
    filename: str | None
    """What it was made of; None where that was no file of its own."""
    provider: str
    status: BatchStatus
    paused_reason: str | None
    paused_detail: str | None
    paused_budget: BudgetOf | None
    budget_needed: Decimal | None
    """What its budget must be for its next call, where that is what it waits for."""
    counts: Counts
    unknown: int
    images: int
    mismatched: int
    skipped: int
    cost: Cost
    images_per_minute: float
    eta_seconds: float | None
    waiting: tuple[Waiting, ...]
    created_at: datetime
    in_progress_at: datetime | None
    ended_at: datetime | None
    deadline_at: datetime | None
    priority: int
    outlook: Outlook
    retry_of: UUID | None
    retries: tuple[UUID, ...]
    approved: int
    rejected: int
    promoted_from: UUID | None
    checked: Checked | None
    """How far what arrived was looked at; None where nobody asked for that."""
    problem_count: int
    problems: Sequence[Mapping[str, Any]]
    """The first few; `problems_page` has them all."""

    @property
    def ended(self) -> bool:
        """Nothing more will happen to it or its retries by itself."""
        looking = self.checked is not None and self.checked.open
        return self.status in TERMINAL and not self.counts.open and not looking


def batch(connection: Connection, project_id: str, batch_id: UUID) -> BatchView | None:
    """One batch with its retries; None if this project has none such."""
    family = connection.execute(
        select(*_SHOWN)
        .where(
            batches.c.project_id == project_id,
            or_(batches.c.id == batch_id, batches.c.retry_of == batch_id),
        )
        .order_by(batches.c.created_at, batches.c.id)
    ).all()
    if not family or family[0].id != batch_id:
        return None
    return _views(connection, [family])[0]


def page(
    connection: Connection, project_id: str, limit: int, after: UUID | None = None
) -> list[BatchView]:
    """A project's batches that are nobody's retry, newest first."""
    where = [batches.c.project_id == project_id, batches.c.retry_of.is_(None), ~batches.c.lone]
    if after is not None:
        seen = select(batches.c.created_at).where(batches.c.id == after).scalar_subquery()
        where.append(tuple_(batches.c.created_at, batches.c.id) < tuple_(seen, literal(after)))
    newest_first = (batches.c.created_at.desc(), batches.c.id.desc())
    roots = select(batches.c.id).where(*where).order_by(*newest_first).limit(limit).cte("roots")
    found = connection.execute(
        select(*_SHOWN)
        .join(roots, or_(batches.c.id == roots.c.id, batches.c.retry_of == roots.c.id))
        .order_by(batches.c.created_at, batches.c.id)
    )
    return _views(connection, _families(found)[::-1])


def _families(rows: Iterable[Row[Any]]) -> list[list[Row[Any]]]:
    """Each first batch with its retries; they come oldest first, so a retry after what it retries."""
    families: dict[UUID, list[Row[Any]]] = {}
    for row in rows:
        families.setdefault(row.retry_of or row.id, []).append(row)
    return list(families.values())


def problems_page(
    connection: Connection, batch_id: UUID, *, limit: int, after: int = 0
) -> list[Mapping[str, Any]]:
    """What was wrong with a batch's file, in the order of its lines; `after` is how many were seen."""
    some = cast(literal(f"$[{after} to {after + limit - 1}]"), JSONPATH)
    query = select(func.jsonb_path_query_array(batches.c.problems, some))
    found: list[Mapping[str, Any]] = connection.execute(
        query.where(batches.c.id == batch_id)
    ).scalar_one()
    return found


def _views(connection: Connection, families: Sequence[Sequence[Row[Any]]]) -> list[BatchView]:
    rows = [row for family in families for row in family if row.status not in TERMINAL]
    made = images_per_minute(connection, rows)
    waiting = waiting_for(connection, rows)
    checked = _checked(connection, [row.id for family in families for row in family])
    return [_view(family, made, waiting, checked) for family in families]


def _checked(connection: Connection, ids: Sequence[UUID]) -> Mapping[UUID, Checked]:
    u = checkups.c
    query = select(u.batch_id, u.looked, u.flagged, u.checked_at.is_(None).label("open"))
    rows = connection.execute(query.where(u.batch_id.in_(ids)))
    return {row.batch_id: Checked(row.looked, row.flagged, row.open) for row in rows}


def _view(
    family: Sequence[Row[Any]],
    made: Mapping[UUID, float],
    waiting: Mapping[UUID, tuple[Waiting, ...]],
    checked: Mapping[UUID, Checked],
) -> BatchView:
    first = family[0]
    looked = [checked[row.id] for row in family if row.id in checked]
    latest = next((row for row in family if row.status not in TERMINAL), first)
    counts, status = _counts(family), BatchStatus(latest.status)
    is_held = latest.paused_reason is not None and counts.open
    rate = sum(made.get(row.id, 0.0) for row in family)
    per_job = max(sum(row.images for row in family) / max(counts.succeeded, 1), 1.0)
    return BatchView(
        id=first.id,
        name=first.name,
        filename=first.filename,
        provider=first.provider,
        status=status,
        paused_reason=latest.paused_reason,
        paused_detail=latest.paused_detail,
        paused_budget=_short(latest),
        budget_needed=_needed(family, latest),
        counts=counts,
        unknown=sum(row.unknown for row in family),
        images=sum(row.images for row in family),
        mismatched=sum(row.mismatched for row in family),
        skipped=first.skipped,
        cost=_cost(family),
        images_per_minute=rate,
        eta_seconds=None if is_held else eta(status, counts, rate / per_job),
        waiting=waiting.get(latest.id, ()),
        created_at=first.created_at,
        in_progress_at=first.in_progress_at,
        ended_at=latest.ended_at,
        deadline_at=first.deadline_at,
        priority=latest.priority,
        outlook=outlook(latest, counts, rate / per_job),
        retry_of=first.retry_of,
        retries=tuple(row.id for row in family[1:]),
        approved=sum(row.approved for row in family),
        rejected=sum(row.rejected for row in family),
        promoted_from=first.promoted_from,
        checked=sum(looked, Checked()) if looked else None,
        problem_count=first.problem_count,
        problems=first.problem_head,
    )


def _short(row: Row[Any]) -> BudgetOf | None:
    """Whose budget it waits for; of an earlier pause nothing is told."""
    is_short = row.paused_reason == PausedReason.BUDGET and row.paused_budget
    return BudgetOf(row.paused_budget) if is_short else None


def _needed(family: Sequence[Row[Any]], latest: Row[Any]) -> Decimal | None:
    """Of several that are open each has its share: what they need together is not one's to say."""
    is_alone = all(row.status in TERMINAL for row in family if row.id != latest.id)
    if _short(latest) is not BudgetOf.BATCH or latest.needed is None or not is_alone:
        return None
    return _cost(family).committed + Decimal(latest.needed)


def _counts(family: Sequence[Row[Any]]) -> Counts:
    """A retried job is counted where it was retried to, no longer where it had failed."""
    sums = {state.value: sum(getattr(row, state.value) for row in family) for state in JobState}
    taking_over = (r for r in family if r.retry_of and r.status == BatchStatus.VALIDATING)
    sums[JobState.QUEUED.value] += sum(r.total for r in taking_over)
    return Counts(total=family[0].total, **sums)


def _cost(family: Sequence[Row[Any]]) -> Cost:
    return Cost(
        spent=sum((row.spent for row in family), Decimal(0)),
        reserved=sum((row.reserved for row in family), Decimal(0)),
        at_risk=sum((row.at_risk for row in family), Decimal(0)),
        cap=_cap(family),
    )


def _cap(family: Sequence[Row[Any]]) -> Decimal | None:
    """The most that the whole family may come to: the caps of what is open, beside what the others committed.

    Of one that is over, the most that it ever might have: each had its cap beside what was committed before it.
    """
    is_over = all(row.status in TERMINAL for row in family)
    if any(row.cap is None for row in family if is_over or row.status not in TERMINAL):
        return None
    if is_over:
        before = accumulate(map(_committed, family), initial=Decimal(0))
        return max(Decimal(row.cap) + so_far for row, so_far in zip(family, before, strict=False))
    parts = (_committed(row) if row.status in TERMINAL else Decimal(row.cap) for row in family)
    return sum(parts, Decimal(0))


def _committed(row: Row[Any]) -> Decimal:
    return Decimal(row.spent + row.reserved + row.at_risk)
