"""The database knows which storage is its own: an unmounted disk looks like a new one."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "storage",
        sa.Column(
            "single",
            sa.Boolean(),
            server_default=sa.true(),
            nullable=False,
            comment="one row, no more",
        ),
        sa.Column(
            "identity",
            sa.Text(),
            nullable=False,
            comment="what the storage of this database is called",
        ),
        sa.Column(
            "settled_at",
            sa.DateTime(timezone=True),
            comment="since then no other is taken for it",
        ),
        sa.CheckConstraint("single", name="ck_storage_single"),
        sa.PrimaryKeyConstraint("single", name="pk_storage"),
    )


def downgrade() -> None:
    op.drop_table("storage")
