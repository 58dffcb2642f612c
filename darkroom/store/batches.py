"""The batches we keep: born, validated, paused, resumed, cancelled, ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, auto
from functools import cache
from typing import Any, assert_never
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from darkroom.domain.batch import TERMINAL, BatchStatus, PausedReason
from darkroom.domain.window import Window
from darkroom.store import checklists, outbox
from darkroom.store.tables import batches, files

INGEST_LEASE = timedelta(seconds=30)

SMALL_BYTES = 1 << 20
"""A file of no more is read in seconds."""


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch as it is submitted; `options` are its defaults, template and treatment of bad rows."""

    id: UUID
    project_id: str
    input_file_id: UUID
    options: Mapping[str, Any]
    api_key_id: UUID | None = None
    name: str | None = None
    fingerprint: str | None = None
    provider: str = "default"
    focus: str | None = None
    cap: Decimal | None = None
    deadline_at: datetime | None = None
    priority: int = 0
    window: Window | None = None
    lone: bool = False
    """One request that somebody waits for."""


@dataclass(frozen=True, slots=True)
class Validating:
    """A batch that is to be filled, claimed by one worker for a while; `reading` fences the others.

    From its file; a retry with the jobs that it takes over from its family, a promotion with the finals of
    what was approved.
    """

    id: UUID
    reading: int
    input_file_id: UUID | None
    options: Mapping[str, Any]
    provider: str
    retry_of: UUID | None = None
    promoted_from: UUID | None = None
    tries: int = 1
    """How often somebody began to read it and was not heard of again, this time included."""


def create(connection: Connection, batch: NewBatch) -> None:
    """Writes a batch down as `validating`; ingest takes it from there."""
    connection.execute(
        insert(batches).values(
            id=batch.id,
            project_id=batch.project_id,
            input_file_id=batch.input_file_id,
            api_key_id=batch.api_key_id,
            options=dict(batch.options),
            name=batch.name,
            fingerprint=batch.fingerprint,
            provider=batch.provider,
            focus=batch.focus,
            cap=batch.cap,
            deadline_at=batch.deadline_at,
            lone=batch.lone,
            priority=batch.priority,
            hours=batch.window and batch.window.hours,
            timezone=batch.window and batch.window.zone.key,
        )
    )
    checklists.note(connection, batch.id)


def exists(connection: Connection, project_id: str, batch_id: UUID) -> bool:
    """Whether this project has this batch; two who make one of the same id take turns."""
    lock = func.pg_advisory_xact_lock(func.hashtextextended(batch_id.hex, 0))
    connection.execute(select(lock))
    query = select(batches.c.id).where(batches.c.id == batch_id, batches.c.project_id == project_id)
    return connection.execute(query).one_or_none() is not None


def attach(
    connection: Connection, project_id: str, fingerprint: str, focus: str | None
) -> UUID | None:
    """The latest batch made of the same rows and parameters, if it is worth going on with.

    One that was refused or cancelled is not. The lock makes two submitters of one list take turns.
    """
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(fingerprint, 0))))
    batch_id = connection.execute(
        select(batches.c.id)
        .where(
            batches.c.project_id == project_id,
            batches.c.fingerprint == fingerprint,
            batches.c.retry_of.is_(None),
            batches.c.status.not_in(
                (BatchStatus.FAILED, BatchStatus.CANCELLING, BatchStatus.CANCELLED)
            ),
        )
        .order_by(batches.c.created_at.desc())
        .limit(1)
    ).scalar_one_or_none()
    if batch_id is not None:
        refocus(connection, batch_id, focus)
    return batch_id


def refocus(connection: Connection, batch_id: UUID, focus: str | None) -> None:
    """Gives a batch and its retries to this focus, or to all, and lets them go on if they were held."""
    family = _each(connection, _family(batch_id))
    connection.execute(update(batches).where(family).values(focus=focus))
    release(connection, batch_id)


def _family(batch_id: UUID) -> ColumnElement[bool]:
    """A batch and its retries."""
    return or_(batches.c.id == batch_id, batches.c.retry_of == batch_id)


def _each(connection: Connection, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Each of these batches, locked by id: two who change several must not wait in a ring.

    Locked by a statement of its own: an UPDATE whose subquery locks may queue behind those who wait for it.
    """
    return batches.c.id.in_(connection.execute(locked(*where)).scalars().all())


def locked(*where: ColumnElement[bool]) -> Select[Any]:
    """The ids of these batches, which are locked in the one order in which several ever are."""
    query = select(batches.c.id).where(*where).order_by(batches.c.id)
    return query.with_for_update(key_share=True)


def release(connection: Connection, batch_id: UUID) -> None:
    """Lets a held batch and its retries go on."""
    connection.execute(
        update(batches)
        .where(_each(connection, _family(batch_id), batches.c.paused_reason == PausedReason.HELD))
        .values(paused_reason=None, paused_detail=None)
    )


class Shelf(Enum):
    """What a reader takes, so that a small file does not wait behind large ones, nor a person behind files."""

    ALL = auto()
    SMALL = auto()
    LONE = auto()


def claim_validating(
    connection: Connection, focus: str | None, shelf: Shelf = Shelf.ALL
) -> Validating | None:
    """The batch that waits to be filled, stands first and is filled by nobody, claimed for 30 s.

    A lone one stands before all others; they stand by their priority, and then by their age.
    """
    row = connection.execute(_claiming(focus, shelf)).one_or_none()
    return Validating(*row) if row else None


@cache
def _claiming(focus: str | None, shelf: Shelf) -> ReturningUpdate[Any]:
    b = batches.c
    free_now = func.clock_timestamp()
    waiting = (
        select(b.id)
        .where(
            b.status == BatchStatus.VALIDATING,
            or_(b.ingest_lease_expires_at.is_(None), b.ingest_lease_expires_at <= free_now),
            *_on(shelf),
            *in_focus(focus),
        )
        .order_by(b.lone.desc(), b.priority.desc(), b.created_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("waiting")
    )
    return (
        update(batches)
        .where(b.id == waiting.c.id)
        .values(
            ingest_lease_expires_at=func.clock_timestamp() + INGEST_LEASE, readings=b.readings + 1
        )
        .returning(
            *(b.id, b.readings, b.input_file_id, b.options, b.provider, b.retry_of),
            *(b.promoted_from, b.readings - b.readings_excused),
        )
    )


def _on(shelf: Shelf) -> Sequence[ColumnElement[bool]]:
    match shelf:
        case Shelf.ALL:
            return ()
        case Shelf.SMALL:
            its = files.c.id == batches.c.input_file_id, files.c.bytes <= SMALL_BYTES
            return (or_(batches.c.lone, select(files.c.id).where(*its).exists()),)
        case Shelf.LONE:
            return (batches.c.lone,)
        case _:
            assert_never(shelf)


def in_focus(focus: str | None) -> Sequence[ColumnElement[bool]]:
    """What a batch must fulfil to be worked on in this focus; without one, nothing."""
    return () if focus is None else (batches.c.focus == focus,)


def pause_key(connection: Connection, provider: str, detail: str) -> int:
    """Pauses every batch in progress with this provider, whose key is of no use; counts them."""
    running = (
        batches.c.status == BatchStatus.IN_PROGRESS,
        batches.c.provider == provider,
        batches.c.paused_reason.is_(None),
    )
    changed = connection.execute(
        update(batches)
        .where(_each(connection, *running))
        .values(paused_reason=PausedReason.PROVIDER_KEY, paused_detail=detail)
        .returning(batches.c.id)
    )
    paused = changed.scalars().all()
    outbox.paused(connection, paused)
    return len(paused)


def release_key(connection: Connection, provider: str) -> int:
    """Lets every batch go on that was paused for this provider's key; counts them."""
    ids = connection.execute(_paused_for(provider)).scalars().all()
    if ids:
        freed = update(batches).where(batches.c.id.in_(ids))
        connection.execute(freed.values(paused_reason=None, paused_detail=None))
    return len(ids)


@cache
def _paused_for(provider: str) -> Select[Any]:
    b = batches.c
    paused = b.paused_reason == PausedReason.PROVIDER_KEY
    return locked(b.status == BatchStatus.IN_PROGRESS, b.provider == provider, paused)


def pause(connection: Connection, batch_id: UUID, reason: PausedReason, detail: str | None) -> bool:
    """Stops new calls of a batch in progress; one that is paused already keeps its reason.

    But a person's word stands above a machine's: what was paused by `requested` goes on only by `resume`.
    """
    overruled = literal(reason is PausedReason.REQUESTED)
    changed = connection.execute(
        update(batches)
        .where(
            batches.c.id == batch_id,
            batches.c.status.in_((BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS)),
            or_(batches.c.paused_reason.is_(None), overruled),
        )
        .values(paused_reason=reason, paused_detail=detail)
    )
    if changed.rowcount:
        outbox.paused(connection, [batch_id])
    return bool(changed.rowcount)


def resume(connection: Connection, batch_id: UUID, cap: Decimal | None = None) -> bool:
    """Lets a paused batch go on, under a new cap if one is given.

    What its calls came to is counted anew; one that was paused for that begins as carefully as at first.
    """
    in_vain = batches.c.paused_reason == PausedReason.NO_IMAGES
    changes: dict[str, Any] = {"paused_reason": None, "paused_detail": None, "recent": 0}
    changes["answered"] = case((in_vain, 0), else_=batches.c.answered)
    if cap is not None:
        changes["cap"] = cap
    open_now = batches.c.status.not_in(TERMINAL)
    resumed = update(batches).where(batches.c.id == batch_id, open_now).values(**changes)
    return bool(connection.execute(resumed).rowcount)


def reprioritise(connection: Connection, batch_id: UUID, priority: int) -> bool:
    """Sets what dispatch looks at first; no job is rewritten, so that it holds at once for however many."""
    open_now = batches.c.status.not_in(TERMINAL)
    return bool(
        connection.execute(
            update(batches).where(batches.c.id == batch_id, open_now).values(priority=priority)
        ).rowcount
    )


def cancel(connection: Connection, batch_id: UUID) -> bool:
    """Marks a batch as cancelling: from this commit on it begins no call.

    Of one whose file is still being read, what was read so far is counted, so that the sweep ends it.
    """
    return bool(
        connection.execute(
            update(batches)
            .where(
                batches.c.id == batch_id,
                batches.c.status.in_((BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS)),
            )
            .values(
                status=BatchStatus.CANCELLING,
                queued=case(
                    (batches.c.status == BatchStatus.VALIDATING, unfinished()),
                    else_=batches.c.queued,
                ),
                cancelling_at=func.clock_timestamp(),
                paused_reason=None,
                paused_detail=None,
            )
        ).rowcount
    )


def unfinished() -> ColumnElement[int]:
    """How many jobs of a batch wait that is not begun: late evidence may have brought some their images."""
    return batches.c.total - batches.c.succeeded
