"""Keys that end and are rotated; links that expire."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_FORMER = "uq_api_keys_former_digest"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("expires_at", sa.DateTime(timezone=True)))
    op.add_column(
        "api_keys",
        sa.Column(
            "former_digest", sa.LargeBinary(), comment="of the secret before its last rotation"
        ),
    )
    op.add_column(
        "api_keys",
        sa.Column(
            "former_until", sa.DateTime(timezone=True), comment="until when that is good as well"
        ),
    )
    op.create_unique_constraint(op.f(_FORMER), "api_keys", ["former_digest"])
    op.create_table(
        "signing_secrets",
        sa.Column("name", sa.Text(), nullable=False, comment="what is signed with it"),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_signing_secrets")),
        comment="made by whoever needs one first; every process of the API signs with the same",
    )
    op.execute("UPDATE openai_batches SET output_bytes = NULL WHERE links")


def downgrade() -> None:
    op.drop_table("signing_secrets")
    op.drop_constraint(op.f(_FORMER), "api_keys")
    op.drop_column("api_keys", "former_until")
    op.drop_column("api_keys", "former_digest")
    op.drop_column("api_keys", "expires_at")
