"""The tables of what is announced outside: who wants to hear, what happened, who was told."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from darkroom.domain.event import DeliveryState, EventType
from darkroom.store.columns import Moment, born, metadata, one_of

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Text, ForeignKey("projects.id"), nullable=False),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False, comment="signs: it cannot be kept as a hash"),
    Column("events", ARRAY(Text), nullable=False),
    born(),
    Column(
        "failing_since", Moment, comment="when what was sent first failed, nothing through since"
    ),
    Column("disabled_at", Moment),
    Column("disabled_reason", Text),
    Index("ix_webhook_endpoints_project_id", "project_id"),
)

events = Table(
    "events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Text, ForeignKey("projects.id"), nullable=False),
    Column("type", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    born(),
    one_of("type", EventType),
    Index("ix_events_created_at", "created_at"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column(
        "endpoint_id",
        Uuid,
        ForeignKey("webhook_endpoints.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("event_id", Uuid, ForeignKey("events.id"), nullable=False),
    Column("state", Text, nullable=False, server_default=DeliveryState.PENDING.value),
    Column("tries", Integer, nullable=False, server_default="0"),
    born(),
    Column("due_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("status", Integer, comment="the HTTP status of the last answer"),
    Column("trouble", Text, comment="why the last try failed"),
    one_of("state", DeliveryState),
    Index("ix_webhook_deliveries_due", "due_at", postgresql_where=text("state = 'pending'")),
    Index("ix_webhook_deliveries_endpoint_id_id", "endpoint_id", "id"),
    Index("ix_webhook_deliveries_event_id", "event_id"),
)
