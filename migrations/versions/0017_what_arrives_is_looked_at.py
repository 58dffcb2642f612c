"""What arrives is looked at, where a batch or a catalog asks for it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0013"
branch_labels = None
depends_on = None

_BANDS = (0, 16, 32, 48)


def upgrade() -> None:
    _make_checkups()
    _make_looks()
    op.add_column(
        "catalog_schedules",
        sa.Column(
            "checks",
            postgresql.JSONB(),
            comment="what its images are looked at for; none: for nothing",
        ),
    )


def _make_checkups() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "checkups",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("looked", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "flagged", sa.Integer(), server_default="0", nullable=False, comment="that do not pass"
        ),
        sa.Column("looked_until", moment, comment="what came before then was looked at"),
        sa.Column("claimed_until", moment, comment="a worker looks at what has come"),
        sa.Column("checked_at", moment, comment="all that it brought was looked at"),
        sa.Column("created_at", moment, server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_checkups_batch_id"),
        sa.PrimaryKeyConstraint("batch_id", name="pk_checkups"),
        comment="of batches that ask for it; beside the batches, whose rows are hot",
    )
    op.create_index(
        "ix_checkups_open",
        "checkups",
        ["batch_id"],
        postgresql_where=sa.text("checked_at IS NULL"),
    )


def _make_looks() -> None:
    op.create_table(
        "looks",
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False, comment="looked at for it"),
        sa.Column("family", sa.Uuid(), nullable=False, comment="the first batch of its family"),
        sa.Column(
            "scope",
            sa.Uuid(),
            nullable=False,
            comment="where no two SKUs look alike: a catalog, a family",
        ),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column(
            "bits",
            sa.BigInteger(),
            comment="a difference hash; none of what cannot be read or is blank",
        ),
        sa.Column("spots", sa.LargeBinary(), comment="their colours"),
        sa.Column("findings", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id", "index"],
            ["images.attempt_id", "images.index"],
            name="fk_looks_attempt_id_index",
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_looks_batch_id"),
        sa.PrimaryKeyConstraint("attempt_id", "index", name="pk_looks"),
    )
    op.create_index(
        "ix_looks_flagged",
        "looks",
        ["batch_id"],
        postgresql_where=sa.text("findings <> '[]'::jsonb"),
    )
    for start in _BANDS:
        op.create_index(
            f"ix_looks_bits_{start}",
            "looks",
            ["scope", sa.text(f"((bits >> {start}) & 65535)")],
            postgresql_where=sa.text("bits IS NOT NULL"),
        )


def downgrade() -> None:
    op.drop_column("catalog_schedules", "checks")
    op.drop_table("looks")
    op.drop_table("checkups")
