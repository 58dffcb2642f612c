"""The tables; the constraints here have the last word about what can be."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from darkroom.domain.attempt import AttemptState, Disposition
from darkroom.domain.batch import BatchStatus, BudgetOf, PausedReason
from darkroom.domain.invoice import Verdict
from darkroom.domain.job import JobState
from darkroom.domain.review import Judgement
from darkroom.store.account_tables import api_keys as api_keys
from darkroom.store.account_tables import projects as projects
from darkroom.store.account_tables import sessions as sessions
from darkroom.store.account_tables import signing_secrets as signing_secrets
from darkroom.store.budget_tables import bounds as bounds
from darkroom.store.budget_tables import budgets as budgets
from darkroom.store.budget_tables import settlements as settlements
from darkroom.store.catalog_tables import catalog_items as catalog_items
from darkroom.store.catalog_tables import catalog_orders as catalog_orders
from darkroom.store.catalog_tables import catalog_schedules as catalog_schedules
from darkroom.store.catalog_tables import catalog_versions as catalog_versions
from darkroom.store.catalog_tables import catalogs as catalogs
from darkroom.store.check_tables import checkups as checkups
from darkroom.store.check_tables import looks as looks
from darkroom.store.columns import Moment, born, one_of
from darkroom.store.columns import Money as Money
from darkroom.store.columns import metadata as metadata
from darkroom.store.operation_tables import discards as discards
from darkroom.store.operation_tables import holdups as holdups
from darkroom.store.operation_tables import learned_limits as learned_limits
from darkroom.store.operation_tables import providers as providers
from darkroom.store.operation_tables import storage as storage
from darkroom.store.operation_tables import workers as workers
from darkroom.store.outbox_tables import events as events
from darkroom.store.outbox_tables import webhook_deliveries as webhook_deliveries
from darkroom.store.outbox_tables import webhook_endpoints as webhook_endpoints
from darkroom.store.review_tables import promotions as promotions
from darkroom.store.review_tables import reviews as reviews

files = Table(
    "files",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Text, ForeignKey("projects.id"), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    born(),
    Index(
        "uq_files_reference",
        "project_id",
        "sha256",
        unique=True,
        postgresql_where=text("purpose = 'vision' AND deleted_at IS NULL"),
    ),
    Column("expires_at", Moment),
    Column("deleted_at", Moment, comment="batches that were made of it still say so"),
    Column("freed_at", Moment, comment="its bytes are given up"),
    Index("ix_files_sha256", "sha256", postgresql_where=text("freed_at IS NULL")),
    Index("ix_files_project_id_created_at", "project_id", "created_at", "id"),
)

batches = Table(
    "batches",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Text, ForeignKey("projects.id"), nullable=False),
    Column("api_key_id", Uuid, ForeignKey("api_keys.id"), comment="who submitted it"),
    Column("name", Text),
    Column("status", Text, nullable=False, server_default=BatchStatus.VALIDATING.value),
    Column("paused_reason", Text),
    Column("paused_detail", Text, comment="what a person should read about it"),
    Column("paused_budget", Text, comment="paused for a budget: whose"),
    Column("input_file_id", Uuid, ForeignKey("files.id")),
    Column(
        "options", JSONB, nullable=False, comment="defaults, template and what to do with bad rows"
    ),
    Column("fingerprint", Text, comment="the same rows and parameters"),
    Column(
        "provider",
        Text,
        nullable=False,
        server_default="default",
        comment="who draws it: what was begun on the sandbox is not ended for money",
    ),
    Column(
        "focus",
        Text,
        comment="the one stack that may work on it while that stack works for one run",
    ),
    Column(
        "lone",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="one request that somebody waits for: it goes first, and no list shows it",
    ),
    Column("retry_of", Uuid, ForeignKey("batches.id"), comment="the first batch of its family"),
    Column(
        "promoted_from", Uuid, ForeignKey("batches.id"), comment="the first batch of its drafts"
    ),
    Column(
        "priority",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="before that of its jobs; changed without a look at them",
    ),
    Column("problems", JSONB, nullable=False, server_default="[]"),
    Column("problem_count", Integer, nullable=False, server_default="0"),
    Column(
        "problem_head",
        JSONB,
        nullable=False,
        server_default="[]",
        comment="the first few, for whoever only looks",
    ),
    Column("skipped", Integer, nullable=False, server_default="0"),
    born(),
    Column("in_progress_at", Moment),
    Column("finalizing_at", Moment),
    Column("ended_at", Moment),
    Column("cancelling_at", Moment),
    Column("images_expired_at", Moment, comment="when the first of its images was given up"),
    Column("deadline_at", Moment),
    Column("hours", Text, comment="its window: the times of day between which it makes calls"),
    Column("timezone", Text, comment="on whose clocks"),
    Column("opens_at", Moment, comment="the opening it is in or waits for; none known: shut"),
    Column("closes_at", Moment),
    Column("ingest_lease_expires_at", Moment),
    Column(
        "readings",
        Integer,
        nullable=False,
        server_default="0",
        comment="fences the readers of its file",
    ),
    Column(
        "readings_excused",
        Integer,
        nullable=False,
        server_default="0",
        comment="those that said why they ended: the storage was away, their worker stopped",
    ),
    *(
        Column(name, Integer, nullable=False, server_default="0")
        for name in ("total", *JobState, "superseded", "unknown", "images", "mismatched")
    ),
    Column(
        "rerolled",
        Integer,
        nullable=False,
        server_default="0",
        comment="of the superseded: their images were rejected and are made anew",
    ),
    *(Column(name, Integer, nullable=False, server_default="0") for name in Judgement),
    *(
        Column(name, Money, nullable=False, server_default="0")
        for name in ("spent", "reserved", "at_risk")
    ),
    Column("expected", Money, comment="the likely cost of its rows, told when they were read"),
    Column("cap", Money),
    Column("needed", Money, comment="refused by a budget: what its next call may cost"),
    Column("announced", SmallInteger, nullable=False, server_default="0", comment="percent"),
    Column(
        "answered",
        Integer,
        nullable=False,
        server_default="0",
        comment="calls whose end said something about what it asks for",
    ),
    Column(
        "recent",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="a bit for each of its latest charged calls, the last the lowest: 1 came to nothing",
    ),
    one_of("status", BatchStatus),
    one_of("paused_reason", PausedReason),
    one_of("paused_budget", BudgetOf),
    Index(
        "ix_batches_open",
        "created_at",
        postgresql_where=text(
            "status IN ('validating', 'in_progress', 'finalizing', 'cancelling')"
        ),
    ),
    Index("ix_batches_project_id_created_at", "project_id", "created_at"),
    Index("ix_batches_fingerprint", "project_id", "fingerprint", "created_at"),
    Index("ix_batches_retry_of", "retry_of"),
    Index(
        "ix_batches_promoted_from",
        "promoted_from",
        postgresql_where=text("promoted_from IS NOT NULL"),
    ),
)

openai_batches = Table(
    "openai_batches",
    metadata,
    Column("batch_id", Uuid, ForeignKey("batches.id"), primary_key=True),
    Column("endpoint", Text, nullable=False),
    Column("completion_window", Text, nullable=False),
    Column("metadata", JSONB),
    Column("links", Boolean, nullable=False, comment="its output has URLs in place of the bytes"),
    Column("output_seconds", Integer, comment="how long its files are kept after its end"),
    Column("usage", JSONB, comment="of all its attempts; summed up once, after its end"),
    *(
        column
        for kind in ("output", "error")
        for column in (
            Column(f"{kind}_file_id", Uuid, nullable=False, unique=True),
            Column(f"{kind}_bytes", BigInteger, comment="measured when first asked for"),
            Column(f"{kind}_lines", Integer, comment="how many there were then"),
            Column(f"{kind}_deleted_at", Moment),
        )
    ),
    comment="what a batch that came in by the compatible dialect is beside a batch",
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("project_id", Text, ForeignKey("projects.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False, comment="sha256 of what was asked"),
    Column("subject", Uuid, nullable=False, comment="the id of what is made"),
    Column("status", Integer, comment="of the answer; null while nobody has it"),
    Column("headers", JSONB),
    Column("body", LargeBinary),
    Column("claimed_at", Moment, nullable=False, server_default=func.now()),
    Index("ix_idempotency_keys_claimed_at", "claimed_at"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("batch_id", Uuid, ForeignKey("batches.id"), nullable=False),
    Column("line", Integer, nullable=False, comment="where it stands in the input file"),
    Column("custom_id", Text, nullable=False),
    Column("state", Text, nullable=False, server_default=JobState.QUEUED.value),
    Column("priority", SmallInteger, nullable=False, server_default="0"),
    Column("due_at", Moment, nullable=False, server_default=func.now()),
    Column(
        "token", Integer, nullable=False, server_default="0", comment="fences tickets and leases"
    ),
    Column("ticket_expires_at", Moment),
    Column("begun", Integer, nullable=False, server_default="0", comment="attempts so far"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("unknowns", Integer, nullable=False, server_default="0"),
    Column(
        "refusals",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="how often the safety system refused it",
    ),
    Column(
        "losses",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="how often its worker was lost, or stood still, between begin and end",
    ),
    Column("request", JSONB, nullable=False),
    Column("bound", Money, nullable=False, comment="the worst-case cost of one attempt"),
    Column("failure", JSONB),
    Column("ended_at", Moment),
    Column("superseded_by", Uuid, ForeignKey("batches.id"), comment="the retry that took it over"),
    one_of("state", JobState),
    CheckConstraint("(state = 'dispatched') = (ticket_expires_at IS NOT NULL)", name="ticket"),
    Index("uq_jobs_batch_id_custom_id", "batch_id", "custom_id", unique=True),
    Index(
        "ix_jobs_batch_id_line",
        "batch_id",
        "line",
        postgresql_where=text("superseded_by IS NULL"),
    ),
    Index(
        "ix_jobs_due",
        "batch_id",
        text("(request ->> 'model'::text)"),
        text("priority DESC"),
        "due_at",
        "line",
        postgresql_where=text("state = 'queued'"),
    ),
    Index(
        "ix_jobs_pictures",
        "batch_id",
        postgresql_where=text("request ? 'images' AND state <> 'succeeded'"),
    ),
    Index("ix_jobs_ticket", "ticket_expires_at", postgresql_where=text("state = 'dispatched'")),
    Index(
        "ix_jobs_state",
        "batch_id",
        "state",
        "line",
        postgresql_where=text(
            "state IN ('dispatched', 'running', 'failed', 'cancelled', 'expired')"
            " AND superseded_by IS NULL"
        ),
    ),
    postgresql_with={"fillfactor": "70"},
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("job_id", BigInteger, ForeignKey("jobs.id"), nullable=False),
    Column("batch_id", Uuid, ForeignKey("batches.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", Text, nullable=False, server_default=AttemptState.RUNNING.value),
    Column("token", Integer, nullable=False),
    Column("worker", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("project_id", Text, nullable=False),
    Column("day", Date, nullable=False, comment="the project's day that bears what it costs"),
    Column("begun_at", Moment, nullable=False, server_default=func.now()),
    Column("lease_expires_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("reserved", Money, nullable=False),
    Column("cost", Money, nullable=False, server_default="0"),
    Column("usage", JSONB),
    Column("request_id", Text),
    Column("latency_ms", Integer),
    Column("failure", JSONB),
    Column("verdict", Text, comment="of unknown outcome, and what a person read on the invoice"),
    Column(
        "looks",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="how often somebody began to judge the receipt that its worker left",
    ),
    Column("looked_at", Moment),
    one_of("state", AttemptState),
    one_of("verdict", Verdict),
    Index("uq_attempts_job_id_number", "job_id", "number", unique=True),
    Index("uq_attempts_running", "job_id", unique=True, postgresql_where=text("state = 'running'")),
    Index("ix_attempts_lease", "lease_expires_at", postgresql_where=text("state = 'running'")),
    Index("ix_attempts_worker", "worker", postgresql_where=text("state = 'running'")),
    Index("ix_attempts_batch_id_ended_at", "batch_id", "ended_at"),
    Index("ix_attempts_unknown", "batch_id", postgresql_where=text("state = 'unknown'")),
    Index(
        "ix_attempts_slowest",
        "batch_id",
        text("latency_ms DESC"),
        postgresql_where=text("latency_ms IS NOT NULL"),
    ),
)

images = Table(
    "images",
    metadata,
    Column("attempt_id", Uuid, ForeignKey("attempts.id"), primary_key=True),
    Column("index", Integer, primary_key=True, comment="from 0, within the attempt's answer"),
    Column("job_id", BigInteger, ForeignKey("jobs.id"), nullable=False),
    Column("batch_id", Uuid, ForeignKey("batches.id"), nullable=False),
    Column("sha256", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("format", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("quality", Text, comment="as the answer says: what became of an auto"),
    Column("disposition", Text, nullable=False),
    Column("crc32", BigInteger, comment="for archives, which are made without reading twice"),
    born(),
    Column("expired_at", Moment, comment="its bytes are given up, its row stays"),
    one_of("disposition", Disposition),
    Index("ix_images_job_id", "job_id"),
    Index("ix_images_sha256", "sha256"),
    Index("ix_images_created_at", "created_at", postgresql_where=text("expired_at IS NULL")),
)
