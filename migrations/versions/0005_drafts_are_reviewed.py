"""Drafts are reviewed, and what is approved is promoted."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("approved", "rejected"):
        op.add_column("batches", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "batches",
        sa.Column(
            "promoted_from", sa.Uuid(), nullable=True, comment="the first batch of its drafts"
        ),
    )
    op.create_foreign_key(
        op.f("fk_batches_promoted_from"), "batches", "batches", ["promoted_from"], ["id"]
    )
    op.create_index(
        "ix_batches_promoted_from",
        "batches",
        ["promoted_from"],
        postgresql_where=sa.text("promoted_from IS NOT NULL"),
    )
    _reviews()
    _promotions()


def _reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False, comment="the job's"),
        sa.Column(
            "line", sa.Integer(), nullable=False, comment="the job's, for the order of pages"
        ),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("verdict IN ('approved', 'rejected')", name=op.f("ck_reviews_verdict")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_reviews_job_id")),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_reviews_batch_id")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_reviews")),
        comment="beside the jobs, whose rows are hot while they are worked on",
    )
    op.create_index("ix_reviews_batch_id_verdict_line", "reviews", ["batch_id", "verdict", "line"])


def _promotions() -> None:
    op.create_table(
        "promotions",
        sa.Column("job_id", sa.BigInteger(), nullable=False, comment="the draft"),
        sa.Column("target", sa.Text(), nullable=False, comment="quality, size, reference"),
        sa.Column("batch_id", sa.Uuid(), nullable=False, comment="of the final"),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_promotions_job_id")),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_promotions_batch_id")),
        sa.PrimaryKeyConstraint("job_id", "target", name=op.f("pk_promotions")),
    )


def downgrade() -> None:
    op.drop_table("promotions")
    op.drop_table("reviews")
    op.drop_index("ix_batches_promoted_from", table_name="batches")
    op.drop_constraint(op.f("fk_batches_promoted_from"), "batches", type_="foreignkey")
    for name in ("promoted_from", "rejected", "approved"):
        op.drop_column("batches", name)
