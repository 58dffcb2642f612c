"""What invoices say of calls whose outcome nobody knows."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_VERDICTS = "verdict IN ('billed', 'unbilled')"
_REASONS = "'requested', 'held', 'budget', 'provider_key'"


def _allow(table: str, column: str, words: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{column}"), table)
    op.create_check_constraint(column, table, f"{column} IN ({words})")


def upgrade() -> None:
    op.add_column(
        "attempts",
        sa.Column(
            "verdict",
            sa.Text(),
            nullable=True,
            comment="of unknown outcome, and what a person read on the invoice",
        ),
    )
    op.create_check_constraint("verdict", "attempts", _VERDICTS)
    op.create_index(
        "ix_attempts_unknown",
        "attempts",
        ["batch_id"],
        postgresql_where=sa.text("state = 'unknown'"),
    )
    op.create_table(
        "settlements",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=True, comment="who said it"),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column(
            "at_risk",
            sa.Numeric(precision=18, scale=9),
            nullable=False,
            comment="what it was reserved",
        ),
        sa.Column(
            "cost",
            sa.Numeric(precision=18, scale=9),
            nullable=False,
            comment="what it was settled at",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(_VERDICTS, name=op.f("ck_settlements_verdict")),
        sa.ForeignKeyConstraint(
            ["api_key_id"], ["api_keys.id"], name=op.f("fk_settlements_api_key_id")
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["attempts.id"],
            name=op.f("fk_settlements_attempt_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["batches.id"],
            name=op.f("fk_settlements_batch_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlements")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_settlements_attempt_id")),
        comment="every word of a person about a call of unknown outcome; nothing changes or removes one",
    )
    op.create_index("ix_settlements_batch_id_id", "settlements", ["batch_id", "id"])
    _allow("batches", "paused_reason", f"{_REASONS}, 'no_images'")
    op.add_column(
        "batches",
        sa.Column("paused_budget", sa.Text(), comment="paused for a budget: whose"),
    )
    op.create_check_constraint(
        "paused_budget", "batches", "paused_budget IN ('batch', 'project', 'day')"
    )
    op.add_column(
        "batches",
        sa.Column(
            "answered",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="calls whose end said something about what it asks for",
        ),
    )
    op.add_column(
        "batches",
        sa.Column(
            "recent",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="a bit for each of its latest charged calls, the last the lowest: 1 came to nothing",
        ),
    )
    op.add_column(
        "attempts",
        sa.Column(
            "looks",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="how often somebody began to judge the receipt that its worker left",
        ),
    )
    op.add_column("attempts", sa.Column("looked_at", sa.DateTime(timezone=True)))
    op.add_column(
        "jobs",
        sa.Column(
            "losses",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="how often its worker was lost, or stood still, between begin and end",
        ),
    )


def downgrade() -> None:
    op.drop_column("jobs", "losses")
    op.drop_column("attempts", "looked_at")
    op.drop_column("attempts", "looks")
    for name in ("recent", "answered", "paused_budget"):
        op.drop_column("batches", name)
    op.execute("UPDATE batches SET paused_reason = 'requested' WHERE paused_reason = 'no_images'")
    _allow("batches", "paused_reason", _REASONS)
    op.drop_table("settlements")
    op.drop_index("ix_attempts_unknown", table_name="attempts")
    op.drop_constraint(op.f("ck_attempts_verdict"), "attempts")
    op.drop_column("attempts", "verdict")
