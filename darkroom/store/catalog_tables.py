"""The tables of catalogs: their versions, what each shows, and what was ever ordered for one."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from darkroom.domain.catalog import ItemState, VersionState
from darkroom.domain.schedule import Missed
from darkroom.store.columns import Moment, Money, born, metadata, one_of

catalogs = Table(
    "catalogs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Text, ForeignKey("projects.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("current", Integer, comment="the version that is published"),
    born(),
    Index("uq_catalogs_project_id_name", "project_id", "name", unique=True),
)

catalog_versions = Table(
    "catalog_versions",
    metadata,
    Column("catalog_id", Uuid, ForeignKey("catalogs.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", Text, nullable=False, server_default=VersionState.MAKING.value),
    Column("batch_id", Uuid, ForeignKey("batches.id"), comment="of the calls; none, no calls"),
    Column("threshold", Numeric(4, 3), nullable=False),
    Column("expected", Money, nullable=False, comment="the likely cost, told before"),
    born(),
    Column("concluded_at", Moment),
    Column("published_at", Moment),
    one_of("state", VersionState),
    Index("ix_catalog_versions_batch_id", "batch_id"),
)

catalog_items = Table(
    "catalog_items",
    metadata,
    Column("catalog_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("sku", Text, primary_key=True),
    Column("variant", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("fingerprint", Text, nullable=False, comment="of what it should show"),
    Column("attempt_id", Uuid, comment="what brought the image that it shows"),
    Column("index", Integer, comment="of that image, from 0"),
    Column("shown", Text, comment="the fingerprint of what it shows"),
    ForeignKeyConstraint(
        ("catalog_id", "version"), ("catalog_versions.catalog_id", "catalog_versions.number")
    ),
    ForeignKeyConstraint(("attempt_id", "index"), ("images.attempt_id", "images.index")),
    CheckConstraint("(attempt_id IS NULL) = (shown IS NULL)", name="shown"),
    one_of("state", ItemState),
    Index("ix_catalog_items_attempt_id", "attempt_id"),
)

catalog_orders = Table(
    "catalog_orders",
    metadata,
    Column("batch_id", Uuid, ForeignKey("batches.id"), primary_key=True),
    Column("custom_id", Text, primary_key=True),
    Column("project_id", Text, nullable=False),
    Column("fingerprint", Text, nullable=False, comment="of what was ordered by this job"),
    Index("ix_catalog_orders_project_id_fingerprint", "project_id", "fingerprint"),
)

catalog_schedules = Table(
    "catalog_schedules",
    metadata,
    Column("catalog_id", Uuid, ForeignKey("catalogs.id"), primary_key=True),
    Column("cron", Text, nullable=False),
    Column("timezone", Text, nullable=False, comment="on whose clocks"),
    Column("deadline", Text, comment="the time of day at which a night must be over"),
    Column("missed", Text, nullable=False),
    Column("budget", Money, comment="of each night"),
    Column("threshold", Numeric(4, 3), nullable=False, comment="of the last plan handed in"),
    Column("checks", JSONB, comment="what its images are looked at for; none: for nothing"),
    Column("recipe", Text, comment="its path, for workers of the machine that it lies on"),
    Column("plan_file_id", Uuid, ForeignKey("files.id"), nullable=False),
    Column("pushed_at", Moment, nullable=False, comment="when that plan was handed in"),
    Column("due_at", Moment, nullable=False, comment="when the next night begins"),
    Column("claimed_until", Moment, comment="a worker begins it, or publishes what it made"),
    Column("last_at", Moment),
    Column("last_version", Integer, comment="the last night that it began"),
    Column("said", Text, comment="what became of the last that was due"),
    Column("shown_at", Moment, comment="when a worker last filled the directory"),
    born(),
    one_of("missed", Missed),
    Index("ix_catalog_schedules_due_at", "due_at"),
)
