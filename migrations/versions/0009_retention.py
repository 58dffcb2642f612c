"""Images and files expire, and their bytes go when nothing points to them any more."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "discards",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_discards")),
        comment="bytes that go, unless something points to them after all",
    )
    op.create_index("ix_discards_since", "discards", ["since"])
    moment = sa.DateTime(timezone=True)
    op.add_column(
        "batches",
        sa.Column("images_expired_at", moment, comment="when the first of its images was given up"),
    )
    op.add_column(
        "images", sa.Column("expired_at", moment, comment="its bytes are given up, its row stays")
    )
    op.add_column("files", sa.Column("freed_at", moment, comment="its bytes are given up"))
    unexpired = sa.text("expired_at IS NULL")
    op.create_index("ix_images_created_at", "images", ["created_at"], postgresql_where=unexpired)
    op.create_index("ix_images_sha256", "images", ["sha256"])
    op.create_index(
        "ix_files_sha256", "files", ["sha256"], postgresql_where=sa.text("freed_at IS NULL")
    )
    op.create_index("ix_catalog_items_attempt_id", "catalog_items", ["attempt_id"])
    op.create_index("ix_events_created_at", "events", ["created_at"])
    op.create_index("ix_webhook_deliveries_event_id", "webhook_deliveries", ["event_id"])


def downgrade() -> None:
    op.drop_index("ix_webhook_deliveries_event_id", table_name="webhook_deliveries")
    op.drop_index("ix_events_created_at", table_name="events")
    op.drop_index("ix_catalog_items_attempt_id", table_name="catalog_items")
    op.drop_index(
        "ix_files_sha256", table_name="files", postgresql_where=sa.text("freed_at IS NULL")
    )
    op.drop_index("ix_images_sha256", table_name="images")
    op.drop_index(
        "ix_images_created_at",
        table_name="images",
        postgresql_where=sa.text("expired_at IS NULL"),
    )
    op.drop_column("files", "freed_at")
    op.drop_column("images", "expired_at")
    op.drop_column("batches", "images_expired_at")
    op.drop_index("ix_discards_since", table_name="discards")
    op.drop_table("discards")
