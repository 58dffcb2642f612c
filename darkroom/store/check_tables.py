"""The tables of checks: how far each batch was looked at, and what was seen of each image."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from darkroom.store.columns import Moment, born, metadata

BANDS = (0, 16, 32, 48)
"""Where the quarters of 64 bits begin: what differs in at most three bits has one of them in common."""

checkups = Table(
    "checkups",
    metadata,
    Column("batch_id", Uuid, ForeignKey("batches.id"), primary_key=True),
    Column("looked", Integer, nullable=False, server_default="0"),
    Column("flagged", Integer, nullable=False, server_default="0", comment="that do not pass"),
    Column("looked_until", Moment, comment="what came before then was looked at"),
    Column("claimed_until", Moment, comment="a worker looks at what has come"),
    Column("checked_at", Moment, comment="all that it brought was looked at"),
    born(),
    Index("ix_checkups_open", "batch_id", postgresql_where=text("checked_at IS NULL")),
    comment="of batches that ask for it; beside the batches, whose rows are hot",
)

looks = Table(
    "looks",
    metadata,
    Column("attempt_id", Uuid, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("batch_id", Uuid, ForeignKey("batches.id"), nullable=False, comment="looked at for it"),
    Column("family", Uuid, nullable=False, comment="the first batch of its family"),
    Column(
        "scope", Uuid, nullable=False, comment="where no two SKUs look alike: a catalog, a family"
    ),
    Column("sku", Text, nullable=False),
    Column(
        "bits", BigInteger, comment="a difference hash; none of what cannot be read or is blank"
    ),
    Column("spots", LargeBinary, comment="their colours"),
    Column("findings", JSONB, nullable=False, server_default="[]"),
    born(),
    ForeignKeyConstraint(("attempt_id", "index"), ("images.attempt_id", "images.index")),
    Index("ix_looks_flagged", "batch_id", postgresql_where=text("findings <> '[]'::jsonb")),
    *(
        Index(
            f"ix_looks_bits_{start}",
            "scope",
            text(f"((bits >> {start}) & 65535)"),
            postgresql_where=text("bits IS NOT NULL"),
        )
        for start in BANDS
    ),
)
