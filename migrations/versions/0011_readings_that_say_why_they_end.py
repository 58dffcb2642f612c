"""Readings of a file that say why they end are not counted among those whose readers died."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None


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


def downgrade() -> None:
    op.drop_column("batches", "readings_excused")
