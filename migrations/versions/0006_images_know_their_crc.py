"""Images know their CRC-32, so that archives are made without reading them twice."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "images",
        sa.Column(
            "crc32",
            sa.BigInteger(),
            nullable=True,
            comment="for archives, which are made without reading twice",
        ),
    )


def downgrade() -> None:
    op.drop_column("images", "crc32")
