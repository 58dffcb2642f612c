"""What was rejected is made anew by a retry, and still counts as made where it was."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "batches",
        sa.Column(
            "rerolled",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="of the superseded: their images were rejected and are made anew",
        ),
    )


def downgrade() -> None:
    op.drop_column("batches", "rerolled")
