"""Catalogs begin their nights by themselves; the slowest calls of a batch are found by an index."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


BEFORE = (
    *("batch.completed", "batch.failed", "batch.expired", "batch.cancelled", "batch.paused"),
    *("provider.key_paused", "budget.threshold", "webhook.disabled"),
)
SINCE = (*BEFORE, "report.ready", "night.skipped")


def _events_are(types: Sequence[str]) -> None:
    listed = ", ".join(f"'{one}'" for one in types)
    op.drop_constraint(op.f("ck_events_type"), "events", type_="check")
    op.create_check_constraint(op.f("ck_events_type"), "events", f"type IN ({listed})")


def upgrade() -> None:
    _events_are(SINCE)
    moment, money = sa.DateTime(timezone=True), sa.Numeric(precision=18, scale=9)
    op.create_table(
        "catalog_schedules",
        sa.Column("catalog_id", sa.Uuid(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False, comment="on whose clocks"),
        sa.Column("deadline", sa.Text(), comment="the time of day at which a night must be over"),
        sa.Column("missed", sa.Text(), nullable=False),
        sa.Column("budget", money, comment="of each night"),
        sa.Column(
            "threshold",
            sa.Numeric(precision=4, scale=3),
            nullable=False,
            comment="of the last plan handed in",
        ),
        sa.Column(
            "recipe", sa.Text(), comment="its path, for workers of the machine that it lies on"
        ),
        sa.Column("plan_file_id", sa.Uuid(), nullable=False),
        sa.Column("pushed_at", moment, nullable=False, comment="when that plan was handed in"),
        sa.Column("due_at", moment, nullable=False, comment="when the next night begins"),
        sa.Column("claimed_until", moment, comment="a worker begins it, or publishes what it made"),
        sa.Column("last_at", moment),
        sa.Column("last_version", sa.Integer(), comment="the last night that it began"),
        sa.Column("said", sa.Text(), comment="what became of the last that was due"),
        sa.Column("shown_at", moment, comment="when a worker last filled the directory"),
        sa.Column("created_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("missed IN ('run', 'skip')", name=op.f("ck_catalog_schedules_missed")),
        sa.ForeignKeyConstraint(
            ["catalog_id"], ["catalogs.id"], name=op.f("fk_catalog_schedules_catalog_id")
        ),
        sa.ForeignKeyConstraint(
            ["plan_file_id"], ["files.id"], name=op.f("fk_catalog_schedules_plan_file_id")
        ),
        sa.PrimaryKeyConstraint("catalog_id", name=op.f("pk_catalog_schedules")),
    )
    op.create_index("ix_catalog_schedules_due_at", "catalog_schedules", ["due_at"])
    op.add_column(
        "batches",
        sa.Column(
            "expected", money, comment="the likely cost of its rows, told when they were read"
        ),
    )
    op.create_index(
        "ix_attempts_slowest",
        "attempts",
        ["batch_id", sa.text("latency_ms DESC")],
        postgresql_where=sa.text("latency_ms IS NOT NULL"),
    )


def downgrade() -> None:
    op.execute(
        "DELETE FROM webhook_deliveries USING events WHERE events.id = event_id"
        " AND events.type IN ('report.ready', 'night.skipped')"
    )
    op.execute("DELETE FROM events WHERE type IN ('report.ready', 'night.skipped')")
    _events_are(BEFORE)
    op.drop_index("ix_attempts_slowest", table_name="attempts")
    op.drop_column("batches", "expected")
    op.drop_index("ix_catalog_schedules_due_at", table_name="catalog_schedules")
    op.drop_table("catalog_schedules")
