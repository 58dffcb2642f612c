"""The endpoints that want to hear what happens, and what became of telling them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, null, select, update

from darkroom.domain.event import DeliveryState
from darkroom.store.tables import events, webhook_deliveries, webhook_endpoints

LEASE = timedelta(seconds=60)
"""How long one worker has to send what it claimed; what dies with it is sent again."""

HOPELESS = timedelta(hours=12)
"""An endpoint through which nothing got for as long is disabled when a delivery to it is given up."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Whom to tell; without its secret, which is shown once."""

    id: UUID
    project_id: str
    url: str
    events: Sequence[str]
    created_at: datetime
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None


_SHOWN = tuple(webhook_endpoints.c[name] for name in Endpoint.__slots__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint."""

    id: int
    event_id: UUID
    type: str
    state: DeliveryState
    tries: int
    created_at: datetime
    due_at: datetime
    ended_at: datetime | None
    status: int | None
    trouble: str | None


_TOLD = tuple(
    events.c.type if name == "type" else webhook_deliveries.c[name] for name in Delivery.__slots__
)


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be sent now; `tries` fences off whoever claimed it before."""

    delivery_id: int
    tries: int
    endpoint_id: UUID
    url: str
    secret: str
    event_id: UUID
    type: str
    data: dict[str, Any]
    created_at: datetime
    now: datetime


def add(
    connection: Connection,
    endpoint_id: UUID,
    project_id: str,
    *,
    url: str,
    secret: str,
    wanted: Collection[str],
) -> Endpoint:
    """Writes an endpoint down: from this commit on it is told what it asks for."""
    row = connection.execute(
        insert(webhook_endpoints)
        .values(id=endpoint_id, project_id=project_id, url=url, secret=secret, events=list(wanted))
        .returning(*_SHOWN)
    ).one()
    return Endpoint(*row)


def page(connection: Connection, project_id: str) -> list[Endpoint]:
    """Every endpoint of a project, the oldest first."""
    e = webhook_endpoints.c
    query = select(*_SHOWN).where(e.project_id == project_id).order_by(e.created_at, e.id)
    return [Endpoint(*row) for row in connection.execute(query)]


def find(connection: Connection, project_id: str, endpoint_id: UUID) -> Endpoint | None:
    """The endpoint of this id, if it is this project's."""
    return next((one for one in page(connection, project_id) if one.id == endpoint_id), None)


def remove(connection: Connection, project_id: str, endpoint_id: UUID) -> bool:
    """Forgets an endpoint and what was on its way to it; false if the project has none such."""
    e = webhook_endpoints.c
    gone = delete(webhook_endpoints).where(e.id == endpoint_id, e.project_id == project_id)
    return bool(connection.execute(gone).rowcount)


def deliveries(
    connection: Connection, endpoint_id: UUID, *, limit: int, before: int | None = None
) -> list[Delivery]:
    """What an endpoint was told or is to be told, the latest first."""
    d, e = webhook_deliveries.c, events.c
    query = (
        select(*_TOLD)
        .join(events, e.id == d.event_id)
        .where(d.endpoint_id == endpoint_id)
        .order_by(d.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(d.id < before)
    return [Delivery(*row) for row in connection.execute(query)]


def redeliver(connection: Connection, endpoint_id: UUID, delivery_id: int) -> bool:
    """Sends an event once more, and trusts its endpoint again; false if there is no such delivery."""
    d, e = webhook_deliveries.c, webhook_endpoints.c
    again = connection.execute(
        update(webhook_deliveries)
        .where(d.id == delivery_id, d.endpoint_id == endpoint_id)
        .values(state=DeliveryState.PENDING, tries=0, due_at=func.clock_timestamp(), ended_at=None)
    )
    well = {"failing_since": None, "disabled_at": None, "disabled_reason": None}
    connection.execute(update(webhook_endpoints).where(e.id == endpoint_id).values(well))
    return bool(again.rowcount)


def claim(connection: Connection, limit: int) -> list[Letter]:
    """So many letters that are due, claimed for a minute."""
    d, e, w = webhook_deliveries.c, events.c, webhook_endpoints.c
    due = (
        select(d.id)
        .join(webhook_endpoints, w.id == d.endpoint_id)
        .where(
            d.state == DeliveryState.PENDING,
            d.due_at <= func.clock_timestamp(),
            w.disabled_at.is_(None),
        )
        .order_by(d.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=webhook_deliveries)
        .cte("due")
    )
    rows = connection.execute(
        update(webhook_deliveries)
        .where(d.id == due.c.id, e.id == d.event_id, w.id == d.endpoint_id)
        .values(due_at=func.clock_timestamp() + LEASE, tries=d.tries + 1)
        .returning(
            d.id,
            d.tries,
            w.id,
            w.url,
            w.secret,
            e.id,
            e.type,
            e.data,
            e.created_at,
            func.clock_timestamp(),
        )
    )
    return [Letter(*row) for row in rows]


def delivered(connection: Connection, letter: Letter, status: int) -> None:
    """Says that a letter arrived."""
    _move(connection, letter, DeliveryState.DELIVERED, status=status, trouble=None)
    well = update(webhook_endpoints).where(webhook_endpoints.c.id == letter.endpoint_id)
    connection.execute(well.values(failing_since=None))


def postponed(
    connection: Connection, letter: Letter, status: int | None, trouble: str, after: timedelta
) -> None:
    """Says that a letter did not arrive, and when it is sent again."""
    due_at = func.clock_timestamp() + after
    _move(connection, letter, DeliveryState.PENDING, status=status, trouble=trouble, due_at=due_at)
    _failing(connection, letter)


def given_up(
    connection: Connection, letter: Letter, status: int | None, trouble: str, *, gone: bool
) -> bool:
    """Ends a letter that never arrived; whether its endpoint, gone or long deaf, is disabled for it."""
    _move(connection, letter, DeliveryState.FAILED, status=status, trouble=trouble)
    _failing(connection, letter)
    w = webhook_endpoints.c
    deaf = w.failing_since <= func.clock_timestamp() - HOPELESS
    disabled = (
        update(webhook_endpoints)
        .where(w.id == letter.endpoint_id, w.disabled_at.is_(None))
        .values(disabled_at=func.clock_timestamp(), disabled_reason=trouble)
    )
    return bool(connection.execute(disabled if gone else disabled.where(deaf)).rowcount)


def _move(connection: Connection, letter: Letter, state: DeliveryState, **said: Any) -> None:
    d = webhook_deliveries.c
    over = null() if state is DeliveryState.PENDING else func.clock_timestamp()
    connection.execute(
        update(webhook_deliveries)
        .where(
            d.id == letter.delivery_id,
            d.tries == letter.tries,
            d.state == DeliveryState.PENDING,
        )
        .values(state=state, ended_at=over, **said)
    )


def _failing(connection: Connection, letter: Letter) -> None:
    w = webhook_endpoints.c
    since = func.coalesce(w.failing_since, func.clock_timestamp())
    its = update(webhook_endpoints).where(w.id == letter.endpoint_id)
    connection.execute(its.values(failing_since=since))
