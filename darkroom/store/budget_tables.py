"""The tables of projects' budgets, of what bills have shown that requests can cost, of what invoices say."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    Table,
    Text,
    Uuid,
)

from darkroom.domain.invoice import Verdict
from darkroom.store.columns import Money, born, metadata, one_of

budgets = Table(
    "budgets",
    metadata,
    Column("project_id", Text, ForeignKey("projects.id"), primary_key=True),
    Column("period", Text, primary_key=True, comment="a day of the project's, or `total`"),
    *(
        Column(name, Money, nullable=False, server_default="0")
        for name in ("spent", "reserved", "at_risk", "overrun")
    ),
    Column("announced", SmallInteger, nullable=False, server_default="0", comment="percent"),
    postgresql_with={"fillfactor": "50"},
)

bounds = Table(
    "bounds",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("request_class", Text, primary_key=True, comment="model, size, quality and number"),
    Column("bound", Money, nullable=False, comment="the dearest bill that passed its reservation"),
)

settlements = Table(
    "settlements",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column(
        "attempt_id",
        Uuid,
        ForeignKey("attempts.id", ondelete="CASCADE"),
        nullable=False,
        unique=True,
    ),
    Column("batch_id", Uuid, ForeignKey("batches.id", ondelete="CASCADE"), nullable=False),
    Column("api_key_id", Uuid, ForeignKey("api_keys.id"), comment="who said it"),
    Column("verdict", Text, nullable=False),
    Column("at_risk", Money, nullable=False, comment="what it was reserved"),
    Column("cost", Money, nullable=False, comment="what it was settled at"),
    born(),
    one_of("verdict", Verdict),
    Index("ix_settlements_batch_id_id", "batch_id", "id"),
    comment="every word of a person about a call of unknown outcome; nothing changes or removes one",
)
