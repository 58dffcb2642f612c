"""Limits belong to a family of models: what is queued is found by its model."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_QUEUED = sa.text("state = 'queued'")
_MODEL = sa.text("(request ->> 'model'::text)")
_PRIORITY = sa.text("priority DESC")


def upgrade() -> None:
    op.drop_index("ix_jobs_due", table_name="jobs")
    _create_index(["batch_id", _MODEL, _PRIORITY, "due_at", "line"])
    _name_keys("whose limits: provider/family of models", "whose limits: as the limiter is called")
    # Nobody asks for limits of a whole provider any more; those of its families are learned within seconds.
    op.execute("DELETE FROM learned_limits")


def downgrade() -> None:
    op.execute("DELETE FROM learned_limits")
    _name_keys("whose limits: as the limiter is called", "whose limits: provider/family of models")
    op.drop_index("ix_jobs_due", table_name="jobs")
    _create_index(["batch_id", _PRIORITY, "due_at", "line"])


def _name_keys(comment: str, before: str) -> None:
    op.alter_column(
        "learned_limits",
        "key",
        existing_type=sa.Text(),
        existing_nullable=False,
        comment=comment,
        existing_comment=before,
    )


def _create_index(order: list[str | sa.TextClause]) -> None:
    op.create_index("ix_jobs_due", "jobs", order, postgresql_where=_QUEUED)
