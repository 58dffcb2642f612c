"""The jobs we keep, and the one compare-and-set by which any of them changes state."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Text,
    Update,
    bindparam,
    cast,
    false,
    func,
    lateral,
    literal_column,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from darkroom.domain.attempt import Disposition
from darkroom.domain.batch import BatchStatus
from darkroom.domain.clock import TICKET
from darkroom.domain.job import (
    CANCEL,
    DISPATCH,
    EXPIRE,
    GIVE_BACK,
    LAPSE,
    Fence,
    JobState,
    Missed,
    MissedReason,
    Move,
)
from darkroom.domain.retry import History, OnModeration
from darkroom.store.counters import in_time, shift, shift_all
from darkroom.store.records import among
from darkroom.store.tables import batches, images, jobs

PROMPT_HEAD = 60

_ORDER = (jobs.c.priority, jobs.c.due_at, jobs.c.line)
_FIRST = (jobs.c.priority.desc(), jobs.c.due_at, jobs.c.line)
"""The order of the index of what is queued, within a model."""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What a message to a worker says: which job, under which ticket, and what a person may read."""

    job_id: int
    token: int
    custom_id: str
    prompt_head: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A dispatched job as the worker that holds its ticket sees it."""

    job_id: int
    batch_id: UUID
    provider: str
    token: int
    custom_id: str
    request: Mapping[str, Any]
    history: History
    batch_open: bool
    is_retry: bool
    """Its batch is a retry: what was asked for in the batches before it may still turn up."""

    @property
    def is_doubtful(self) -> bool:
        """Whether an earlier attempt may have brought what it asks for."""
        return self.is_retry or self.history.unknowns > 0


def compare_and_set(
    move: Move,
    *where: ColumnElement[bool],
    token: int | ColumnElement[int] | None = None,
    **values: object,
) -> Update:
    """The UPDATE of a move: it changes only jobs in one of its sources that still carry its fence.

    A job that is not dispatched has no ticket time; the table holds that too.
    """
    if move.fence is not Fence.NONE:
        where = (*where, jobs.c.token == token)
    return _move(move, *where, **values)


def _move(move: Move, *where: ColumnElement[bool], **values: object) -> Update:
    if move.target is not JobState.DISPATCHED:
        values["ticket_expires_at"] = None
    allowed = jobs.c.state.in_(move.sources)
    return update(jobs).where(allowed, *where).values(state=move.target, **values)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a job stands: what every fence is compared with."""

    state: JobState
    token: int


def hold(connection: Connection, job_ids: Collection[int]) -> dict[int, Standing]:
    """Locks these jobs, in the one order in which several are ever waited for, and says how they stand."""
    rows = connection.execute(_holding(), {"job_ids": list(job_ids)})
    return {row.id: Standing(JobState(row.state), row.token) for row in rows}


@cache
def _holding() -> Select[Any]:
    return (
        select(jobs.c.id, jobs.c.state, jobs.c.token)
        .where(among(jobs.c.id, "job_ids"))
        .order_by(jobs.c.id)
        .with_for_update(key_share=True)
    )


def missed(move: Move, standing: Standing | None, token: int) -> Missed:
    """Why a move of a job that stands so did not happen."""
    if standing is None:
        return Missed(move.name, MissedReason.GONE)
    if standing.state not in move.sources:
        return Missed(move.name, MissedReason.OTHER_STATE, standing.state)
    if standing.token != token:
        return Missed(move.name, MissedReason.OTHER_TOKEN, standing.state)
    held = move.fence is Fence.LEASE
    reason = MissedReason.LEASE_RENEWED if held else MissedReason.TICKET_RAN_OUT
    return Missed(move.name, reason, standing.state)


def dispatch(
    connection: Connection, batch_id: UUID, models: Sequence[str], limit: int
) -> list[Dispatched]:
    """Hands out jobs of one batch, and counts them."""
    handed = hand_out(connection, batch_id, models, limit)
    count_dispatched(connection, {batch_id: len(handed)})
    return handed


def hand_out(
    connection: Connection, batch_id: UUID, models: Sequence[str], limit: int
) -> list[Dispatched]:
    """Gives tickets to the batch's first due jobs of these models: by priority, then by when they were due.

    Nobody's row is waited for; the caller counts them, after the last batch, by `count_dispatched`.
    """
    wanted = {"of_batch": batch_id, "models": list(models), "most": limit}
    rows = connection.execute(_handing_out(), wanted).all()
    first = sorted(rows, key=lambda row: (-row.priority, row.due_at, row.line))
    return [Dispatched(row.id, row.token, row.custom_id, row.head or "") for row in first]


@cache
def _handing_out() -> ReturningUpdate[Any]:
    due = _due()
    statement = compare_and_set(
        DISPATCH,
        jobs.c.id == due.c.id,
        token=None,
        ticket_expires_at=func.clock_timestamp() + TICKET,
    ).values({jobs.c.token: jobs.c.token + 1})
    head = func.left(jobs.c.request["prompt"].astext, PROMPT_HEAD).label("head")
    return statement.returning(jobs.c.id, jobs.c.token, jobs.c.custom_id, head, *_ORDER)


def count_dispatched(connection: Connection, handed: Mapping[UUID, int]) -> None:
    """Counts what was handed out of each batch: last in a transaction, for their rows are hot."""
    shift_all(
        connection,
        (
            (batch_id, {JobState.QUEUED: -number, JobState.DISPATCHED: number})
            for batch_id, number in handed.items()
        ),
    )


def _due() -> CTE:
    """The first of each model stand together in the index; of those, the first of all."""
    most = bindparam("most", type_=Integer)
    wanted = (
        func.unnest(bindparam("models", type_=ARRAY(Text)))
        .table_valued("model", name="wanted")
        .render_derived()
    )
    each = lateral(
        select(jobs.c.id, *_ORDER)
        .where(
            jobs.c.batch_id == bindparam("of_batch"),
            jobs.c.state == JobState.QUEUED,
            model() == wanted.c.model,
            jobs.c.due_at <= func.clock_timestamp(),
        )
        .order_by(*_FIRST)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    first = (each.c.priority.desc(), each.c.due_at, each.c.line)
    query = select(each.c.id).join_from(wanted, each, true())
    return query.order_by(*first).limit(most).cte("due")


def model() -> ColumnElement[str]:
    """The model that a job asks for, written as the index of what is queued has it."""
    return literal_column("jobs.request ->> 'model'", Text)


def wanting() -> ColumnElement[int]:
    """How many images a job still lacks: those asked for, less those that it has; at least one is asked."""
    has = (
        select(func.count())
        .where(images.c.job_id == jobs.c.id, images.c.disposition != Disposition.SURPLUS)
        .correlate(jobs)
        .scalar_subquery()
    )
    return func.greatest(cast(jobs.c.request["n"].astext, Integer) - has, 1).label("wanting")


def opted() -> ColumnElement[bool]:
    """Whether a job's batch wants a refused prompt tried once more with moderation low, as `opted`."""
    wish = batches.c.options["on_moderation"].astext
    return func.coalesce(wish == OnModeration.LOW, false()).label("opted")


def next_call(row: Row[Any]) -> tuple[Mapping[str, Any], History]:
    """What a job's next call asks for, and what the job has behind it.

    `row` is the job with `wanting` and `opted`.
    """
    may_soften = row.opted and row.request.get("moderation") != "low"
    history = History(row.failures, row.unknowns, row.refusals, row.losses, may_soften)
    softened = {"moderation": "low"} if history.softened else {}
    return {**row.request, "n": row.wanting, **softened}, history


def tickets(connection: Connection, handed: Sequence[tuple[int, int]]) -> list[Ticket | Missed]:
    """The jobs behind tickets that are still good, in the order of these pairs of a job's id and its token."""
    rows = connection.execute(_behind_tickets(), {"job_ids": [job_id for job_id, _ in handed]})
    found = {row.id: row for row in rows}
    return [_ticket(found.get(job_id), token) for job_id, token in handed]


@cache
def _behind_tickets() -> Select[Any]:
    j, b = jobs.c, batches.c
    return (
        select(
            *(j.id, j.batch_id, j.token, j.state, j.custom_id, j.request),
            *(j.failures, j.unknowns, j.refusals, j.losses),
            wanting(),
            opted(),
            ((b.status == BatchStatus.IN_PROGRESS) & in_time()).label("in_progress"),
            *(b.paused_reason, b.provider, b.retry_of),
        )
        .join_from(jobs, batches, j.batch_id == b.id)
        .where(among(j.id, "job_ids"))
    )


def _ticket(row: Row[Any] | None, token: int) -> Ticket | Missed:
    standing = Standing(JobState(row.state), row.token) if row else None
    if row is None or standing != Standing(JobState.DISPATCHED, token):
        return missed(GIVE_BACK, standing, token)
    request, history = next_call(row)
    return Ticket(
        job_id=row.id,
        batch_id=row.batch_id,
        provider=row.provider,
        token=row.token,
        custom_id=row.custom_id,
        request=request,
        history=history,
        batch_open=row.in_progress and row.paused_reason is None,
        is_retry=row.retry_of is not None,
    )


def give_back(connection: Connection, tickets: Sequence[tuple[int, int]], after: timedelta) -> int:
    """Returns jobs that were handed out and not begun, due again after so long; counts what it returned.

    `tickets` are pairs of a job's id and its token.
    """
    hold(connection, {job_id for job_id, _ in tickets})
    held = tuple_(jobs.c.id, jobs.c.token).in_(tickets)
    returned = connection.execute(
        _move(GIVE_BACK, held, due_at=func.clock_timestamp() + after).returning(jobs.c.batch_id)
    ).scalars()
    return _requeued(connection, Counter(returned))


def lapse(connection: Connection, limit: int) -> int:
    """Returns jobs whose ticket ran out to the queue; counts them."""
    return _requeued(connection, Counter(connection.execute(_lapsing(limit)).scalars()))


@cache
def _lapsing(limit: int) -> ReturningUpdate[Any]:
    j = jobs.c
    late = (
        select(j.id)
        .where(j.state == JobState.DISPATCHED, j.ticket_expires_at <= func.clock_timestamp())
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("late")
    )
    returned = compare_and_set(LAPSE, j.id == late.c.id).values({j.token: j.token + 1})
    return returned.returning(j.batch_id)


def _requeued(connection: Connection, returned: Mapping[UUID, int]) -> int:
    for batch_id in sorted(returned):
        number = returned[batch_id]
        shift(connection, batch_id, {JobState.DISPATCHED: -number, JobState.QUEUED: number})
    return sum(returned.values())


def cancel(connection: Connection, batch_id: UUID, limit: int) -> int:
    """Cancels so many of the batch's jobs that no attempt holds; counts them."""
    return _sweep(connection, CANCEL, batch_id, limit)


def expire(connection: Connection, batch_id: UUID, limit: int) -> int:
    """Expires so many of the batch's jobs that no attempt holds; counts them."""
    return _sweep(connection, EXPIRE, batch_id, limit)


def _sweep(connection: Connection, move: Move, batch_id: UUID, limit: int) -> int:
    """One state after the other, in order: only so do a million jobs that have ended cost nothing."""
    delta: dict[JobState, int] = {}
    moved = 0
    for source in sorted(move.sources):
        chunk = (
            select(jobs.c.id)
            .where(jobs.c.batch_id == batch_id, jobs.c.state == source)
            .order_by(model(), *_FIRST)
            .limit(limit - moved)
            .with_for_update(skip_locked=True)
            .cte("chunk")
        )
        swept = connection.execute(
            compare_and_set(move, jobs.c.id == chunk.c.id, ended_at=func.clock_timestamp())
        ).rowcount
        delta[source] = -swept
        moved += swept
    if moved:
        shift(connection, batch_id, {**delta, move.target: moved})
    return moved
