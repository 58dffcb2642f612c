"""What was kept for long enough: images and files are given up, their bytes go when nothing needs them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    delete,
    false,
    func,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from darkroom.domain.batch import TERMINAL
from darkroom.domain.event import DeliveryState
from darkroom.domain.job import JobState
from darkroom.store.tables import (
    batches,
    catalog_items,
    discards,
    events,
    files,
    images,
    jobs,
    openai_batches,
    webhook_deliveries,
)

SETTLED = timedelta(minutes=2)
"""Longer than any transaction may last: whoever saw a thing before it was given up has said so by then."""

RETRIABLE = timedelta(days=30)
"""For so long after a batch's end its failed jobs keep the pictures that they are to be drawn from."""

_I, _B, _F = images.c, batches.c, files.c


@dataclass(frozen=True, slots=True)
class Amount:
    """How many things, and how many bytes they have."""

    number: int = 0
    bytes: int = 0


def give_up_images(connection: Connection, kept: timedelta | None, limit: int) -> Amount:
    """Gives up so many images of batches that ended long enough ago; their rows stay."""
    due = _due_images(kept).with_only_columns(_I.attempt_id, _I["index"].label("place"))
    chosen = due.order_by(_I.created_at).limit(limit).subquery("chosen")
    rows = connection.execute(
        update(images)
        .where(_I.attempt_id == chosen.c.attempt_id, _I["index"] == chosen.c.place)
        .where(_I.expired_at.is_(None))
        .values(expired_at=func.now())
        .returning(_I.sha256, _I.bytes, _I.batch_id)
    ).all()
    its = _B.id.in_({row.batch_id for row in rows}), _B.images_expired_at.is_(None)
    connection.execute(update(batches).where(*its).values(images_expired_at=func.now()))
    _discard(connection, {row.sha256 for row in rows})
    return Amount(len(rows), sum(row.bytes for row in rows))


def due_images(connection: Connection, kept: timedelta | None) -> Amount:
    """What would be given up now."""
    total = func.coalesce(func.sum(_I.bytes), 0)
    return Amount(
        *connection.execute(_due_images(kept).with_only_columns(func.count(), total)).one()
    )


def _due_images(kept: timedelta | None) -> Select[Any]:
    """Of ended batches alone, whose retries have ended as long ago, and shown by no version of any catalog."""
    retry, o = batches.alias(), openai_batches.c
    then = func.now() - (kept or timedelta(0))
    over = false() if kept is None else and_(_B.ended_at < then, _I.created_at < then)
    own_end = _B.ended_at + func.make_interval(0, 0, 0, 0, 0, 0, o.output_seconds)
    shown = select(catalog_items.c.sku).where(
        catalog_items.c.attempt_id == _I.attempt_id, catalog_items.c["index"] == _I["index"]
    )
    open_retry = select(retry.c.id).where(
        retry.c.retry_of == func.coalesce(_B.retry_of, _B.id),
        or_(retry.c.ended_at.is_(None), retry.c.ended_at >= then),
    )
    return (
        select(images)
        .join(batches, _B.id == _I.batch_id)
        .outerjoin(openai_batches, o.batch_id == _B.id)
        .where(
            _I.expired_at.is_(None),
            or_(over, own_end < func.now()),
            ~shown.exists(),
            ~open_retry.exists(),
        )
    )


def give_up_files(connection: Connection, kept: timedelta | None, limit: int) -> Amount:
    """Gives up so many uploads that are deleted, over, or old; none that an open batch was made of."""
    due = _due_files(kept).with_only_columns(_F.id).limit(limit).with_for_update(skip_locked=True)
    rows = connection.execute(
        update(files)
        .where(_F.id.in_(due))
        .values(freed_at=func.now(), deleted_at=func.coalesce(_F.deleted_at, func.now()))
        .returning(_F.sha256, _F.bytes)
    ).all()
    _discard(connection, {row.sha256 for row in rows})
    return Amount(len(rows), sum(row.bytes for row in rows))


def due_files(connection: Connection, kept: timedelta | None) -> Amount:
    """What would be given up now."""
    total = func.coalesce(func.sum(_F.bytes), 0)
    return Amount(
        *connection.execute(_due_files(kept).with_only_columns(func.count(), total)).one()
    )


def _due_files(kept: timedelta | None) -> Select[Any]:
    old = (
        false()
        if kept is None
        else and_(_F.expires_at.is_(None), _F.created_at < func.now() - kept)
    )
    read = select(_B.id).where(_B.input_file_id == _F.id, _B.status.not_in(TERMINAL))
    over = or_(_F.deleted_at.is_not(None), _F.expires_at < func.now(), old)
    return select(files).where(_F.freed_at.is_(None), over, ~read.exists())


def _discard(connection: Connection, addresses: Collection[str]) -> None:
    if addresses:
        new = insert(discards).values([{"sha256": one} for one in sorted(addresses)])
        again = {"since": func.now()}
        connection.execute(new.on_conflict_do_update(index_elements=["sha256"], set_=again))


def discardable(connection: Connection, limit: int) -> list[str]:
    """So many addresses whose bytes nothing needs; what is needed after all is taken off the list.

    None that was put on it a moment ago.
    """
    d = discards.c
    oldest = select(d.sha256).where(d.since < func.now() - SETTLED).order_by(d.since).limit(limit)
    waiting = connection.execute(oldest).scalars().all()
    needed = _needed(connection, waiting)
    off(connection, needed)
    return [one for one in waiting if one not in needed]


def waiting(connection: Connection) -> int:
    """How many addresses wait for their bytes to go."""
    return int(connection.execute(select(func.count()).select_from(discards)).scalar_one())


def off(connection: Connection, addresses: Collection[str]) -> None:
    """Takes these off the list."""
    connection.execute(delete(discards).where(discards.c.sha256.in_(list(addresses))))


def later(connection: Connection, addresses: Collection[str]) -> None:
    """Looks at these again after all others."""
    its = discards.c.sha256.in_(list(addresses))
    connection.execute(update(discards).where(its).values(since=func.now()))


def _needed(connection: Connection, addresses: Sequence[str]) -> set[str]:
    """Those of these addresses that an image, a file or a job that may yet be drawn points to."""
    _take_back(connection, addresses)
    shown = select(_I.sha256).where(_I.sha256.in_(addresses), _I.expired_at.is_(None))
    uploaded = select(_F.sha256).where(_F.sha256.in_(addresses), _F.freed_at.is_(None))
    found = {*connection.execute(shown).scalars(), *connection.execute(uploaded).scalars()}
    return found | set(connection.execute(_drawn_from(addresses)).scalars())


def _take_back(connection: Connection, addresses: Sequence[str]) -> None:
    """An image that a catalog put into a version at the moment it was given up is not given up."""
    c = catalog_items.c
    shown = select(c.sku).where(c.attempt_id == _I.attempt_id, c["index"] == _I["index"])
    back = update(images).where(_I.sha256.in_(addresses), _I.expired_at.is_not(None))
    connection.execute(back.where(shown.exists()).values(expired_at=null()))


def _drawn_from(addresses: Sequence[str]) -> Select[Any]:
    """The pictures of jobs that are open, or that a retry may open again."""
    j = jobs.c
    pictures = case(
        (func.jsonb_typeof(j.request["images"]) == "array", j.request["images"]),
        else_=func.jsonb_build_array(),
    )
    each = func.jsonb_array_elements_text(
        func.jsonb_concat(pictures, func.jsonb_build_array(j.request["mask"].astext))
    ).table_valued("value")
    recent = or_(_B.ended_at.is_(None), _B.ended_at > func.now() - RETRIABLE)
    return (
        select(each.c.value)
        .select_from(jobs)
        .join(batches, _B.id == j.batch_id)
        .join(each, literal(value=True))
        .where(recent, j.state != JobState.SUCCEEDED, j.request.has_key("images"))
        .where(each.c.value.in_(addresses))
        .distinct()
    )


def give_up_events(connection: Connection, kept: timedelta, limit: int) -> int:
    """Forgets so many events that happened longer ago, with their deliveries; none that is still on its way."""
    old = _due_events(kept).with_only_columns(events.c.id).limit(limit)
    ids: Sequence[UUID] = connection.execute(old).scalars().all()
    d = webhook_deliveries.c
    connection.execute(delete(webhook_deliveries).where(d.event_id.in_(ids)))
    return connection.execute(delete(events).where(events.c.id.in_(ids))).rowcount


def due_events(connection: Connection, kept: timedelta) -> int:
    """How many would be forgotten now."""
    return int(connection.execute(_due_events(kept).with_only_columns(func.count())).scalar_one())


def _due_events(kept: timedelta) -> Select[Any]:
    """One that was not delivered within a day waits for an endpoint that is disabled."""
    d, e = webhook_deliveries.c, events.c
    tried = d.created_at > func.now() - timedelta(days=2)
    on_its_way: ColumnElement[bool] = (
        select(d.id).where(d.event_id == e.id, d.state == DeliveryState.PENDING, tried).exists()
    )
    return select(events).where(e.created_at < func.now() - kept, ~on_its_way)
