"""The queue and its ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bounds",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column(
            "request_class", sa.Text(), nullable=False, comment="model, size, quality and number"
        ),
        sa.Column(
            "bound",
            sa.Numeric(precision=18, scale=9),
            nullable=False,
            comment="the dearest bill that passed its reservation",
        ),
        sa.PrimaryKeyConstraint("provider", "request_class", name=op.f("pk_bounds")),
    )
    op.create_table(
        "holdups",
        sa.Column("provider", sa.Text(), nullable=False, comment="whose calls are held up"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "detail", sa.Text(), nullable=False, comment="what a person should read about it"
        ),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it is over at the latest, where that is known",
        ),
        sa.CheckConstraint(
            "reason IN ('person', 'worker', 'broker', 'limiter', 'window', "
            "'disk_space', 'storage', 'provider', 'cool_down', 'rate_limit', 'due_time')",
            name=op.f("ck_holdups_reason"),
        ),
        sa.PrimaryKeyConstraint("provider", "reason", name=op.f("pk_holdups")),
    )
    op.create_table(
        "learned_limits",
        sa.Column(
            "key", sa.Text(), nullable=False, comment="whose limits: as the limiter is called"
        ),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("per_minute", sa.Numeric(), nullable=False),
        sa.Column(
            "learned_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("key", "dimension", name=op.f("pk_learned_limits")),
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("budget_per_day", sa.Numeric(precision=18, scale=9), nullable=True),
        sa.Column("budget", sa.Numeric(precision=18, scale=9), nullable=True, comment="in all"),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
    )
    op.create_table(
        "providers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "paused_reason",
            sa.Text(),
            nullable=True,
            comment="why no call with this key can succeed until a person acts",
        ),
        sa.Column(
            "paused_key",
            sa.Text(),
            nullable=True,
            comment="the fingerprint of the key it happened to; another key is not paused",
        ),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "probing_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="on trial: one call at a time until one succeeds",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_providers")),
    )
    op.create_table(
        "workers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "slots", sa.Integer(), nullable=False, comment="calls that it can have in flight"
        ),
        sa.Column("providers", sa.ARRAY(sa.Text()), nullable=False, comment="whom it calls"),
        sa.Column(
            "focus",
            sa.Text(),
            nullable=True,
            comment="the one stack whose batches it works on; NULL: on all",
        ),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workers")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "prefix",
            sa.Text(),
            nullable=False,
            comment="the first characters, for people to know it by",
        ),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="sha256 of the key"),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_api_keys_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
    )
    op.create_table(
        "budgets",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column(
            "period", sa.Text(), nullable=False, comment="a day of the project's, or `total`"
        ),
        sa.Column("spent", sa.Numeric(precision=18, scale=9), server_default="0", nullable=False),
        sa.Column(
            "reserved", sa.Numeric(precision=18, scale=9), server_default="0", nullable=False
        ),
        sa.Column("at_risk", sa.Numeric(precision=18, scale=9), server_default="0", nullable=False),
        sa.Column("overrun", sa.Numeric(precision=18, scale=9), server_default="0", nullable=False),
        sa.Column(
            "announced", sa.SmallInteger(), server_default="0", nullable=False, comment="percent"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_budgets_project_id")
        ),
        sa.PrimaryKeyConstraint("project_id", "period", name=op.f("pk_budgets")),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "catalogs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("current", sa.Integer(), nullable=True, comment="the version that is published"),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_catalogs_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogs")),
    )
    op.create_index("uq_catalogs_project_id_name", "catalogs", ["project_id", "name"], unique=True)
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "type IN ('batch.completed', 'batch.failed', 'batch.expired', "
            "'batch.cancelled', 'batch.paused', 'provider.key_paused')",
            name=op.f("ck_events_type"),
        ),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_events_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_table(
        "files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "deleted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="batches that were made of it still say so",
        ),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_files_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
    )
    op.create_index(
        "ix_files_project_id_created_at", "files", ["project_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "uq_files_reference",
        "files",
        ["project_id", "sha256"],
        unique=True,
        postgresql_where=sa.text("purpose = 'vision' AND deleted_at IS NULL"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column(
            "fingerprint", sa.LargeBinary(), nullable=False, comment="sha256 of what was asked"
        ),
        sa.Column("subject", sa.Uuid(), nullable=False, comment="the id of what is made"),
        sa.Column(
            "status", sa.Integer(), nullable=True, comment="of the answer; null while nobody has it"
        ),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column(
            "claimed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_idempotency_keys_project_id")
        ),
        sa.PrimaryKeyConstraint("project_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(
        "ix_idempotency_keys_claimed_at", "idempotency_keys", ["claimed_at"], unique=False
    )
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column(
            "secret", sa.Text(), nullable=False, comment="signs: it cannot be kept as a hash"
        ),
        sa.Column("events", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "failing_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when what was sent first failed, nothing through since",
        ),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_webhook_endpoints_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
    )
    op.create_index(
        "ix_webhook_endpoints_project_id", "webhook_endpoints", ["project_id"], unique=False
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=True, comment="who submitted it"),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="validating", nullable=False),
        sa.Column("paused_reason", sa.Text(), nullable=True),
        sa.Column(
            "paused_detail", sa.Text(), nullable=True, comment="what a person should read about it"
        ),
        sa.Column("input_file_id", sa.Uuid(), nullable=True),
        sa.Column(
            "options",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="defaults, template and what to do with bad rows",
        ),
        sa.Column("fingerprint", sa.Text(), nullable=True, comment="the same rows and parameters"),
        sa.Column(
            "provider",
            sa.Text(),
            server_default="default",
            nullable=False,
            comment="who draws it: what was begun on the sandbox is not ended for money",
        ),
        sa.Column(
            "focus",
            sa.Text(),
            nullable=True,
            comment="the one stack that may work on it while that stack works for one run",
        ),
        sa.Column(
            "lone",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="one request that somebody waits for: it goes first, and no list shows it",
        ),
        sa.Column("retry_of", sa.Uuid(), nullable=True, comment="the first batch of its family"),
        sa.Column(
            "priority",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="before that of its jobs; changed without a look at them",
        ),
        sa.Column(
            "problems", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False
        ),
        sa.Column("problem_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "problem_head",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="[]",
            nullable=False,
            comment="the first few, for whoever only looks",
        ),
        sa.Column("skipped", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("in_progress_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finalizing_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelling_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "hours",
            sa.Text(),
            nullable=True,
            comment="its window: the times of day between which it makes calls",
        ),
        sa.Column("timezone", sa.Text(), nullable=True, comment="on whose clocks"),
        sa.Column(
            "opens_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the opening it is in or waits for; none known: shut",
        ),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ingest_lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "readings",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="fences the readers of its file",
        ),
        sa.Column("total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("queued", sa.Integer(), server_default="0", nullable=False),
        sa.Column("dispatched", sa.Integer(), server_default="0", nullable=False),
        sa.Column("running", sa.Integer(), server_default="0", nullable=False),
        sa.Column("succeeded", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cancelled", sa.Integer(), server_default="0", nullable=False),
        sa.Column("expired", sa.Integer(), server_default="0", nullable=False),
        sa.Column("superseded", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unknown", sa.Integer(), server_default="0", nullable=False),
        sa.Column("images", sa.Integer(), server_default="0", nullable=False),
        sa.Column("mismatched", sa.Integer(), server_default="0", nullable=False),
        sa.Column("spent", sa.Numeric(precision=18, scale=9), server_default="0", nullable=False),
        sa.Column(
            "reserved", sa.Numeric(precision=18, scale=9), server_default="0", nullable=False
        ),
        sa.Column("at_risk", sa.Numeric(precision=18, scale=9), server_default="0", nullable=False),
        sa.Column("cap", sa.Numeric(precision=18, scale=9), nullable=True),
        sa.Column(
            "needed",
            sa.Numeric(precision=18, scale=9),
            nullable=True,
            comment="paused for a budget: what its next call may cost",
        ),
        sa.Column(
            "announced", sa.SmallInteger(), server_default="0", nullable=False, comment="percent"
        ),
        sa.CheckConstraint(
            "paused_reason IN ('requested', 'held', 'budget', 'provider_key')",
            name=op.f("ck_batches_paused_reason"),
        ),
        sa.CheckConstraint(
            "status IN ('validating', 'in_progress', 'finalizing', "
            "'completed', 'failed', 'expired', 'cancelling', 'cancelled')",
            name=op.f("ck_batches_status"),
        ),
        sa.ForeignKeyConstraint(
            ["api_key_id"], ["api_keys.id"], name=op.f("fk_batches_api_key_id")
        ),
        sa.ForeignKeyConstraint(
            ["input_file_id"], ["files.id"], name=op.f("fk_batches_input_file_id")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_batches_project_id")
        ),
        sa.ForeignKeyConstraint(["retry_of"], ["batches.id"], name=op.f("fk_batches_retry_of")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index(
        "ix_batches_fingerprint",
        "batches",
        ["project_id", "fingerprint", "created_at"],
        unique=False,
    )
    op.create_index(
        "ix_batches_open",
        "batches",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text(
            "status IN ('validating', 'in_progress', 'finalizing', 'cancelling')"
        ),
    )
    op.create_index(
        "ix_batches_project_id_created_at", "batches", ["project_id", "created_at"], unique=False
    )
    op.create_index("ix_batches_retry_of", "batches", ["retry_of"], unique=False)
    op.create_table(
        "sessions",
        sa.Column(
            "digest", sa.LargeBinary(), nullable=False, comment="sha256 of what the browser keeps"
        ),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column(
            "is_link", sa.Boolean(), nullable=False, comment="good for one sign-in and nothing else"
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_sessions_key_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"], unique=False)
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "status", sa.Integer(), nullable=True, comment="the HTTP status of the last answer"
        ),
        sa.Column("trouble", sa.Text(), nullable=True, comment="why the last try failed"),
        sa.CheckConstraint(
            "state IN ('pending', 'delivered', 'failed')", name=op.f("ck_webhook_deliveries_state")
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoints.id"],
            name=op.f("fk_webhook_deliveries_endpoint_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_webhook_deliveries_event_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_webhook_deliveries_endpoint_id_id",
        "webhook_deliveries",
        ["endpoint_id", "id"],
        unique=False,
    )
    op.create_table(
        "catalog_orders",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("custom_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column(
            "fingerprint", sa.Text(), nullable=False, comment="of what was ordered by this job"
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_catalog_orders_batch_id")
        ),
        sa.PrimaryKeyConstraint("batch_id", "custom_id", name=op.f("pk_catalog_orders")),
    )
    op.create_index(
        "ix_catalog_orders_project_id_fingerprint",
        "catalog_orders",
        ["project_id", "fingerprint"],
        unique=False,
    )
    op.create_table(
        "catalog_versions",
        sa.Column("catalog_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default="making", nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True, comment="of the calls; none, no calls"),
        sa.Column("threshold", sa.Numeric(precision=4, scale=3), nullable=False),
        sa.Column(
            "expected",
            sa.Numeric(precision=18, scale=9),
            nullable=False,
            comment="the likely cost, told before",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("concluded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('making', 'candidate', 'published')", name=op.f("ck_catalog_versions_state")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_catalog_versions_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["catalog_id"], ["catalogs.id"], name=op.f("fk_catalog_versions_catalog_id")
        ),
        sa.PrimaryKeyConstraint("catalog_id", "number", name=op.f("pk_catalog_versions")),
    )
    op.create_index("ix_catalog_versions_batch_id", "catalog_versions", ["batch_id"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column(
            "line", sa.Integer(), nullable=False, comment="where it stands in the input file"
        ),
        sa.Column("custom_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("priority", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column(
            "due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "token",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="fences tickets and leases",
        ),
        sa.Column("ticket_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "begun", sa.Integer(), server_default="0", nullable=False, comment="attempts so far"
        ),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unknowns", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "refusals",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="how often the safety system refused it",
        ),
        sa.Column("request", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "bound",
            sa.Numeric(precision=18, scale=9),
            nullable=False,
            comment="the worst-case cost of one attempt",
        ),
        sa.Column("failure", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_by", sa.Uuid(), nullable=True, comment="the retry that took it over"),
        sa.CheckConstraint(
            "(state = 'dispatched') = (ticket_expires_at IS NOT NULL)", name=op.f("ck_jobs_ticket")
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'dispatched', 'running', 'succeeded', "
            "'failed', 'cancelled', 'expired')",
            name=op.f("ck_jobs_state"),
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_jobs_batch_id")),
        sa.ForeignKeyConstraint(
            ["superseded_by"], ["batches.id"], name=op.f("fk_jobs_superseded_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index(
        "ix_jobs_batch_id_line",
        "jobs",
        ["batch_id", "line"],
        unique=False,
        postgresql_where=sa.text("superseded_by IS NULL"),
    )
    op.create_index(
        "ix_jobs_due",
        "jobs",
        ["batch_id", sa.literal_column("priority DESC"), "due_at", "line"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_jobs_state",
        "jobs",
        ["batch_id", "state", "line"],
        unique=False,
        postgresql_where=sa.text(
            "state IN ('dispatched', 'running', 'failed', 'cancelled', "
            "'expired') AND superseded_by IS NULL"
        ),
    )
    op.create_index(
        "ix_jobs_ticket",
        "jobs",
        ["ticket_expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'dispatched'"),
    )
    op.create_index("uq_jobs_batch_id_custom_id", "jobs", ["batch_id", "custom_id"], unique=True)
    op.create_table(
        "openai_batches",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("completion_window", sa.Text(), nullable=False),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "links",
            sa.Boolean(),
            nullable=False,
            comment="its output has URLs in place of the bytes",
        ),
        sa.Column(
            "output_seconds",
            sa.Integer(),
            nullable=True,
            comment="how long its files are kept after its end",
        ),
        sa.Column(
            "usage",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="of all its attempts; summed up once, after its end",
        ),
        sa.Column("output_file_id", sa.Uuid(), nullable=False),
        sa.Column(
            "output_bytes", sa.BigInteger(), nullable=True, comment="measured when first asked for"
        ),
        sa.Column("output_lines", sa.Integer(), nullable=True, comment="how many there were then"),
        sa.Column("output_deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_file_id", sa.Uuid(), nullable=False),
        sa.Column(
            "error_bytes", sa.BigInteger(), nullable=True, comment="measured when first asked for"
        ),
        sa.Column("error_lines", sa.Integer(), nullable=True, comment="how many there were then"),
        sa.Column("error_deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_openai_batches_batch_id")
        ),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_openai_batches")),
        sa.UniqueConstraint("error_file_id", name=op.f("uq_openai_batches_error_file_id")),
        sa.UniqueConstraint("output_file_id", name=op.f("uq_openai_batches_output_file_id")),
        comment="what a batch that came in by the compatible dialect is beside a batch",
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default="running", nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column(
            "day", sa.Date(), nullable=False, comment="the project's day that bears what it costs"
        ),
        sa.Column(
            "begun_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reserved", sa.Numeric(precision=18, scale=9), nullable=False),
        sa.Column("cost", sa.Numeric(precision=18, scale=9), server_default="0", nullable=False),
        sa.Column("usage", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("failure", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "state IN ('running', 'succeeded', 'failed', 'not_sent', 'unknown')",
            name=op.f("ck_attempts_state"),
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_attempts_batch_id")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_attempts_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index(
        "ix_attempts_batch_id_ended_at", "attempts", ["batch_id", "ended_at"], unique=False
    )
    op.create_index(
        "ix_attempts_lease",
        "attempts",
        ["lease_expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "ix_attempts_worker",
        "attempts",
        ["worker"],
        unique=False,
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index("uq_attempts_job_id_number", "attempts", ["job_id", "number"], unique=True)
    op.create_index(
        "uq_attempts_running",
        "attempts",
        ["job_id"],
        unique=True,
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "images",
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column(
            "index", sa.Integer(), nullable=False, comment="from 0, within the attempt's answer"
        ),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column(
            "quality",
            sa.Text(),
            nullable=True,
            comment="as the answer says: what became of an auto",
        ),
        sa.Column("disposition", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "disposition IN ('published', 'mismatch', 'surplus')",
            name=op.f("ck_images_disposition"),
        ),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_images_attempt_id")),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_images_batch_id")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_images_job_id")),
        sa.PrimaryKeyConstraint("attempt_id", "index", name=op.f("pk_images")),
    )
    op.create_index("ix_images_job_id", "images", ["job_id"], unique=False)
    op.create_table(
        "catalog_items",
        sa.Column("catalog_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="of what it should show"),
        sa.Column(
            "attempt_id", sa.Uuid(), nullable=True, comment="what brought the image that it shows"
        ),
        sa.Column("index", sa.Integer(), nullable=True, comment="of that image, from 0"),
        sa.Column("shown", sa.Text(), nullable=True, comment="the fingerprint of what it shows"),
        sa.CheckConstraint(
            "state IN ('waiting', 'made', 'reused', 'kept', 'stale', 'missing', 'removed')",
            name=op.f("ck_catalog_items_state"),
        ),
        sa.CheckConstraint(
            "(attempt_id IS NULL) = (shown IS NULL)", name=op.f("ck_catalog_items_shown")
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id", "index"],
            ["images.attempt_id", "images.index"],
            name=op.f("fk_catalog_items_attempt_id_index"),
        ),
        sa.ForeignKeyConstraint(
            ["catalog_id", "version"],
            ["catalog_versions.catalog_id", "catalog_versions.number"],
            name=op.f("fk_catalog_items_catalog_id_version"),
        ),
        sa.PrimaryKeyConstraint(
            "catalog_id", "version", "sku", "variant", name=op.f("pk_catalog_items")
        ),
    )


def downgrade() -> None:
    op.drop_table("catalog_items")
    op.drop_index("ix_images_job_id", table_name="images")
    op.drop_table("images")
    op.drop_index(
        "uq_attempts_running", table_name="attempts", postgresql_where=sa.text("state = 'running'")
    )
    op.drop_index("uq_attempts_job_id_number", table_name="attempts")
    op.drop_index(
        "ix_attempts_worker", table_name="attempts", postgresql_where=sa.text("state = 'running'")
    )
    op.drop_index(
        "ix_attempts_lease", table_name="attempts", postgresql_where=sa.text("state = 'running'")
    )
    op.drop_index("ix_attempts_batch_id_ended_at", table_name="attempts")
    op.drop_table("attempts")
    op.drop_table("openai_batches")
    op.drop_index("uq_jobs_batch_id_custom_id", table_name="jobs")
    op.drop_index(
        "ix_jobs_ticket", table_name="jobs", postgresql_where=sa.text("state = 'dispatched'")
    )
    op.drop_index(
        "ix_jobs_state",
        table_name="jobs",
        postgresql_where=sa.text(
            "state IN ('dispatched', 'running', 'failed', 'cancelled', "
            "'expired') AND superseded_by IS NULL"
        ),
    )
    op.drop_index("ix_jobs_due", table_name="jobs", postgresql_where=sa.text("state = 'queued'"))
    op.drop_index(
        "ix_jobs_batch_id_line",
        table_name="jobs",
        postgresql_where=sa.text("superseded_by IS NULL"),
    )
    op.drop_table("jobs")
    op.drop_index("ix_catalog_versions_batch_id", table_name="catalog_versions")
    op.drop_table("catalog_versions")
    op.drop_index("ix_catalog_orders_project_id_fingerprint", table_name="catalog_orders")
    op.drop_table("catalog_orders")
    op.drop_index("ix_webhook_deliveries_endpoint_id_id", table_name="webhook_deliveries")
    op.drop_index(
        "ix_webhook_deliveries_due",
        table_name="webhook_deliveries",
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.drop_table("webhook_deliveries")
    op.drop_index("ix_sessions_expires_at", table_name="sessions")
    op.drop_table("sessions")
    op.drop_index("ix_batches_retry_of", table_name="batches")
    op.drop_index("ix_batches_project_id_created_at", table_name="batches")
    op.drop_index(
        "ix_batches_open",
        table_name="batches",
        postgresql_where=sa.text(
            "status IN ('validating', 'in_progress', 'finalizing', 'cancelling')"
        ),
    )
    op.drop_index("ix_batches_fingerprint", table_name="batches")
    op.drop_table("batches")
    op.drop_index("ix_webhook_endpoints_project_id", table_name="webhook_endpoints")
    op.drop_table("webhook_endpoints")
    op.drop_index("ix_idempotency_keys_claimed_at", table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_index(
        "uq_files_reference",
        table_name="files",
        postgresql_where=sa.text("purpose = 'vision' AND deleted_at IS NULL"),
    )
    op.drop_index("ix_files_project_id_created_at", table_name="files")
    op.drop_table("files")
    op.drop_table("events")
    op.drop_index("uq_catalogs_project_id_name", table_name="catalogs")
    op.drop_table("catalogs")
    op.drop_table("budgets")
    op.drop_table("api_keys")
    op.drop_table("workers")
    op.drop_table("providers")
    op.drop_table("projects")
    op.drop_table("learned_limits")
    op.drop_table("holdups")
    op.drop_table("bounds")
