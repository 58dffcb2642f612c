"""Readings that were excused, what a budget refused a batch, and the jobs that still need their pictures."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None


NOW = "refused by a budget: what its next call may cost"
BEFORE = "paused for a budget: what its next call may cost"


def upgrade() -> None:
    op.add_column(
        "batches",
        sa.Column(
            "readings_excused",
            sa.Integer(),
            nullable=False,
            server_default="0",
            comment="those that said why they ended: the storage was away, their worker stopped",
        ),
    )
    op.alter_column("batches", "needed", comment=NOW, existing_comment=BEFORE)
    op.create_index(
        "ix_jobs_pictures",
        "jobs",
        ["batch_id"],
        postgresql_where=sa.text("request ? 'images' AND state <> 'succeeded'"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_jobs_pictures",
        table_name="jobs",
        postgresql_where=sa.text("request ? 'images' AND state <> 'succeeded'"),
    )
    op.alter_column("batches", "needed", comment=BEFORE, existing_comment=NOW)
    op.drop_column("batches", "readings_excused")
