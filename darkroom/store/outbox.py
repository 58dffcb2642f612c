"""The outbox: what happens is written in the transaction in which it happens, for every endpoint that asks."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    Select,
    Text,
    and_,
    any_,
    cast,
    exists,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from darkroom.domain.batch import TERMINAL
from darkroom.domain.event import EventType
from darkroom.domain.ids import BATCH, WEBHOOK, shown
from darkroom.store.pausing import Reached
from darkroom.store.tables import (
    batches,
    catalog_versions,
    catalogs,
    events,
    webhook_deliveries,
    webhook_endpoints,
)


def ended(connection: Connection, batch_ids: Collection[UUID]) -> None:
    """Announces how these batches ended; of a lone request nothing, for its caller waits for it."""
    if not batch_ids:
        return
    b = batches.c
    kind = literal("batch.") + b.status
    happened = select(b.project_id, kind.label("type"), _data("id", _shown()).label("data"))
    _announce(connection, happened.where(b.id.in_(batch_ids), b.status.in_(TERMINAL), ~b.lone))


def paused(connection: Connection, batch_ids: Collection[UUID]) -> None:
    """Announces that these batches make no new call, and why."""
    if not batch_ids:
        return
    b = batches.c
    kind = literal(EventType.BATCH_PAUSED.value)
    data = _data("id", _shown(), "reason", b.paused_reason, "detail", b.paused_detail)
    happened = select(b.project_id, kind.label("type"), data.label("data"))
    its = b.id.in_(batch_ids), b.paused_reason.is_not(None), ~b.lone
    _announce(connection, happened.where(*its))


def key_paused(connection: Connection, provider: str, reason: str) -> None:
    """Announces to every project with an open batch of this provider that its key is refused."""
    b = batches.c
    kind = literal(EventType.PROVIDER_KEY_PAUSED.value)
    data = _data("provider", literal(provider), "reason", literal(reason))
    waiting = select(b.project_id).where(b.provider == provider, b.status.not_in(TERMINAL))
    projects = waiting.distinct().subquery()
    _announce(connection, select(projects.c.project_id, kind.label("type"), data.label("data")))


def thresholds(connection: Connection, marks: Collection[Reached]) -> None:
    """Announces which marks of budgets were passed, of a batch's or of a project's in all or of a day."""
    for mark in marks:
        data = {
            "id": shown(BATCH, mark.batch_id) if mark.batch_id else None,
            "period": mark.period,
            "percent": mark.percent,
            "cap": f"{mark.cap.normalize():f}",
        }
        happened = select(
            literal(mark.project_id).label("project_id"),
            literal(EventType.BUDGET_THRESHOLD.value).label("type"),
            literal(data, JSONB).label("data"),
        )
        _announce(connection, happened)


def endpoint_disabled(connection: Connection, endpoint_id: UUID) -> None:
    """Announces to the project's other endpoints that one is told nothing more."""
    w = webhook_endpoints.c
    kind = literal(EventType.WEBHOOK_DISABLED.value)
    name = literal(WEBHOOK) + func.replace(cast(w.id, Text), "-", "")
    data = _data("id", name, "reason", w.disabled_reason)
    happened = select(w.project_id, kind.label("type"), data.label("data"))
    _announce(connection, happened.where(w.id == endpoint_id))


def night_over(connection: Connection, catalog_id: UUID, number: int) -> None:
    """Announces that the report of a night can be read."""
    c, v = catalogs.c, catalog_versions.c
    its = v.catalog_id == c.id, v.number == number
    data = _data("catalog", c.name, "version", v.number, "state", v.state)
    kind = literal(EventType.REPORT_READY.value).label("type")
    happened = select(c.project_id, kind, data.label("data")).join(catalog_versions, and_(*its))
    _announce(connection, happened.where(c.id == catalog_id))


def night_skipped(connection: Connection, catalog_id: UUID, reason: str) -> None:
    """Announces that a night was due and did not begin."""
    c = catalogs.c
    data = _data("catalog", c.name, "reason", literal(reason)).label("data")
    kind = literal(EventType.NIGHT_SKIPPED.value).label("type")
    _announce(connection, select(c.project_id, kind, data).where(c.id == catalog_id))


def _data(*pairs: Any) -> Any:
    return func.jsonb_build_object(*pairs, type_=JSONB)


def _shown() -> Any:
    return literal(BATCH) + func.replace(cast(batches.c.id, Text), "-", "")


def _announce(connection: Connection, happened: Select[Any]) -> None:
    """Writes down what somebody asks for, once, and for each who asks a delivery that is due now."""
    new, w = happened.subquery(), webhook_endpoints.c
    asks = w.disabled_at.is_(None), w.project_id == new.c.project_id, new.c.type == any_(w.events)
    wanted = select(func.gen_random_uuid(), new).where(exists().where(*asks))
    written = insert(events).from_select(["id", "project_id", "type", "data"], wanted)
    ids = connection.execute(written.returning(events.c.id)).scalars().all()
    if ids:
        _address(connection, ids)


def _address(connection: Connection, event_ids: Collection[UUID]) -> None:
    e, w = events.c, webhook_endpoints.c
    asked = select(w.id, e.id, func.clock_timestamp()).where(
        e.id.in_(event_ids),
        w.project_id == e.project_id,
        w.disabled_at.is_(None),
        e.type == any_(w.events),
    )
    due = ["endpoint_id", "event_id", "due_at"]
    connection.execute(insert(webhook_deliveries).from_select(due, asked))
