"""What a batch says of itself: how many readings of its file were excused, and what a budget refused it."""

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


def downgrade() -> None:
    op.alter_column("batches", "needed", comment=BEFORE, existing_comment=NOW)
    op.drop_column("batches", "readings_excused")
