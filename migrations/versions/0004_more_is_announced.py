"""More is announced: budgets that are used up by halves, and endpoints that are told nothing more."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BEFORE = (
    "'batch.completed', 'batch.failed', 'batch.expired', "
    "'batch.cancelled', 'batch.paused', 'provider.key_paused'"
)


def upgrade() -> None:
    _allow(f"{_BEFORE}, 'budget.threshold', 'webhook.disabled'")


def downgrade() -> None:
    op.execute(
        "DELETE FROM webhook_deliveries USING events WHERE events.id = event_id"
        " AND events.type IN ('budget.threshold', 'webhook.disabled')"
    )
    op.execute("DELETE FROM events WHERE type IN ('budget.threshold', 'webhook.disabled')")
    _allow(_BEFORE)


def _allow(types: str) -> None:
    op.drop_constraint(op.f("ck_events_type"), "events", type_="check")
    op.create_check_constraint(op.f("ck_events_type"), "events", f"type IN ({types})")
