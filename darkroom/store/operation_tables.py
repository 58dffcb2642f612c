"""The tables of what runs: providers, workers, what holds calls up, what goes, and where all bytes lie."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    func,
    true,
)

from darkroom.domain.waiting import WaitingFor
from darkroom.store.columns import Moment, metadata, one_of

providers = Table(
    "providers",
    metadata,
    Column("name", Text, primary_key=True),
    Column(
        "paused_reason", Text, comment="why no call with this key can succeed until a person acts"
    ),
    Column(
        "paused_key",
        Text,
        comment="the fingerprint of the key it happened to; another key is not paused",
    ),
    Column("paused_at", Moment),
    Column("probing_since", Moment, comment="on trial: one call at a time until one succeeds"),
)

learned_limits = Table(
    "learned_limits",
    metadata,
    Column("key", Text, primary_key=True, comment="whose limits: provider/family of models"),
    Column("dimension", Text, primary_key=True),
    Column("per_minute", Numeric, nullable=False),
    Column("learned_at", Moment, nullable=False, server_default=func.now()),
)

workers = Table(
    "workers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("slots", Integer, nullable=False, comment="calls that it can have in flight"),
    Column("providers", ARRAY(Text), nullable=False, comment="whom it calls"),
    Column("focus", Text, comment="the one stack whose batches it works on; NULL: on all"),
    Column("started_at", Moment, nullable=False, server_default=func.now()),
    Column("seen_at", Moment, nullable=False, server_default=func.now()),
)

holdups = Table(
    "holdups",
    metadata,
    Column("provider", Text, primary_key=True, comment="whose calls are held up"),
    Column("reason", Text, primary_key=True),
    Column("detail", Text, nullable=False, comment="what a person should read about it"),
    Column("since", Moment, nullable=False, server_default=func.now()),
    Column("seen_at", Moment, nullable=False, server_default=func.now()),
    Column("until", Moment, comment="when it is over at the latest, where that is known"),
    one_of("reason", WaitingFor),
)

discards = Table(
    "discards",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("since", Moment, nullable=False, server_default=func.now()),
    Index("ix_discards_since", "since"),
    comment="bytes that go, unless something points to them after all",
)

storage = Table(
    "storage",
    metadata,
    Column("single", Boolean, primary_key=True, server_default=true(), comment="one row, no more"),
    Column("identity", Text, nullable=False, comment="what the storage of this database is called"),
    Column("settled_at", Moment, comment="since then no other is taken for it"),
    CheckConstraint("single", name="single"),
)
