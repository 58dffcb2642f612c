"""What invoices say of calls whose outcome nobody knows."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None

_VERDICTS = "verdict IN ('billed', 'unbilled')"


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


def downgrade() -> None:
    op.drop_table("settlements")
    op.drop_index("ix_attempts_unknown", table_name="attempts")
    op.drop_constraint(op.f("ck_attempts_verdict"), "attempts")
    op.drop_column("attempts", "verdict")
