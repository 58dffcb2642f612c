"""The plans of the hot statements: a batch of 50,000 jobs is never read as a whole."""

import json
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import event
from stage import NOW, unknown

from darkroom.domain.attempt import AttemptState, Reservation
from darkroom.domain.failure import FailureClass
from darkroom.domain.job import JobState
from darkroom.domain.retry import GiveUp, History
from darkroom.domain.review import ReviewState
from darkroom.store import (
    contact_sheet,
    insights,
    jobs,
    leases,
    ledger,
    openai_batches,
    queues,
    reservations,
    results,
    retention,
)
from darkroom.store.contact_sheet import Place, Wanted
from darkroom.store.diagnosis import failure_groups
from darkroom.store.ledger import Settlement
from darkroom.store.pace import pace
from darkroom.store.reservations import Claim

JOBS = 50_000

_SEED = """
INSERT INTO jobs (batch_id, line, custom_id, state, request, bound, due_at, ticket_expires_at)
SELECT :batch_id, n, 'sku-' || n, state, jsonb_build_object(
        'prompt', 'a cat', 'n', 1, 'model', CASE WHEN n < 40000 THEN 'gpt-image-2' ELSE 'house-style' END), 1,
    now() + CASE WHEN n % 3 = 0 THEN interval '1 h' ELSE interval '-1 h' END,
    CASE WHEN state = 'dispatched' THEN now() - interval '1 s' END
FROM generate_series(1000, :last) n, LATERAL (SELECT CASE
    WHEN n % 500 = 0 THEN 'dispatched' WHEN n % 500 = 1 THEN 'running' WHEN n % 500 = 2 THEN 'failed'
    WHEN n % 2 = 0 THEN 'succeeded' ELSE 'queued' END AS state) AS drawn
"""
_ATTEMPTS = """
INSERT INTO attempts (id, job_id, batch_id, number, token, worker, provider, project_id, day, reserved, state, lease_expires_at)
SELECT gen_random_uuid(), id, batch_id, 1, 1, 'w', 'p', 'default', current_date, 1,
    CASE WHEN state = 'running' THEN 'running' ELSE 'succeeded' END, now() - interval '1 s'
FROM jobs WHERE state IN ('running', 'succeeded')
"""


def _seed(stage):
    """A batch in the middle of its night; until ANALYZE the planner believes its tables empty."""
    batch_id = stage.batch(1)
    stage.sql("ALTER TABLE jobs SET (autovacuum_enabled = off)")
    stage.sql("ALTER TABLE attempts SET (autovacuum_enabled = off)")
    stage.sql("ANALYZE")
    stage.sql(_SEED, batch_id=batch_id, last=JOBS + 999)
    stage.sql(_ATTEMPTS)
    return batch_id


class _Plans:
    """The plans of the statements that a store function really sends."""

    def __init__(self, stage, act, options="FORMAT JSON") -> None:
        seen: list[tuple[str, object]] = []

        def note(*call):
            seen.append(call[2:4])

        with stage.engine.connect() as connection:
            event.listen(connection, "before_cursor_execute", note)
            act(connection)
            connection.rollback()
            event.remove(connection, "before_cursor_execute", note)
            self.nodes = [
                node
                for statement, parameters in seen
                for node in _nodes(
                    connection.exec_driver_sql(
                        f"EXPLAIN ({options}) {statement}", parameters
                    ).scalar_one()[0]["Plan"]
                )
            ]

    def of(self, table: str) -> list[dict]:
        return [node for node in self.nodes if node.get("Relation Name") == table]

    @property
    def indexes(self) -> set[str]:
        return {node["Index Name"] for node in self.nodes if "Index Name" in node}

    def reads_all(self, table: str) -> list[dict]:
        return [node for node in self.of(table) if node["Node Type"] == "Seq Scan"]


def _nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


DAY = date(2026, 1, 1)
GROUP = [
    Reservation(UUID(int=n), n, UUID(int=0), 1, 1, Decimal(1), "default", DAY)
    for n in range(1, 101)
]


def _claim(one: Reservation) -> Claim:
    return Claim(one.attempt_id, one.job_id, one.token, "w", "p")


def _ending(one: Reservation) -> Settlement:
    return Settlement(one, unknown(), GiveUp(), History(), if_lost=True)


_OF_RUNNING = {"ix_attempts_lease", "ix_attempts_worker", "uq_attempts_running"}
_OF_A_BATCH = {"uq_jobs_batch_id_custom_id", "ix_jobs_batch_id_line"}
"""To a planner that believes the table empty, any index of the batch is as good as another."""
_MIDDLE = Place(25_000, 25_000)
STATEMENTS = {
    "dispatch": (
        lambda c, b: jobs.dispatch(c, b, ["gpt-image-2", "house-style"], 50),
        {"ix_jobs_due"},
    ),
    "what may be dispatched": (
        lambda c, _b: queues.dispatchable(c, "default", None),
        {"ix_jobs_due"},
    ),
    "what is handed out": (
        lambda c, _b: queues.handed_out(c, "default"),
        {"ix_jobs_ticket"},
    ),
    "lapse": (lambda c, _: jobs.lapse(c, 500), {"ix_jobs_ticket"}),
    "lost": (lambda c, _: leases.lost(c, 500), _OF_RUNNING),
    "page": (lambda c, b: insights.jobs_page(c, b, limit=50), {"ix_jobs_batch_id_line"}),
    "later page": (
        lambda c, b: insights.jobs_page(c, b, limit=50, after=25_000),
        {"ix_jobs_batch_id_line"},
    ),
    "failed page": (
        lambda c, b: insights.jobs_page(c, b, limit=50, states=[JobState.FAILED]),
        {"ix_jobs_state"},
    ),
    "output file": (
        lambda c, b: results.page(c, b, [JobState.SUCCEEDED], after=25_000, limit=500),
        {"ix_jobs_batch_id_line"},
    ),
    "error file": (
        lambda c, b: results.page(c, b, [JobState.FAILED], after=25_000, limit=500),
        {"ix_jobs_state"},
    ),
    "failed of a class": (
        lambda c, b: insights.jobs_page(c, b, limit=50, failures=[FailureClass.MODERATION]),
        {"ix_jobs_state"},
    ),
    "one by its name": (
        lambda c, b: insights.jobs_page(c, b, limit=50, custom_id="sku-7"),
        {"uq_jobs_batch_id_custom_id"},
    ),
    "cancel": (lambda c, b: jobs.cancel(c, b, 500), {"ix_jobs_due"}),
    "cancel what is dispatched": (
        lambda c, b: jobs.cancel(c, b, 500),
        {"ix_jobs_state", "ix_jobs_ticket"},
    ),
    "expire": (lambda c, b: jobs.expire(c, b, 500), {"ix_jobs_due"}),
    "in flight": (lambda c, _: leases.in_flight(c, "p"), _OF_RUNNING),
    "pictures that are still needed": (
        lambda c, _: c.execute(retention._drawn_from(["0" * 64])),
        {"ix_jobs_pictures"},
    ),
    "tickets": (lambda c, _: jobs.tickets(c, [(r.job_id, r.token) for r in GROUP]), {"pk_jobs"}),
    "give back": (
        lambda c, _: jobs.give_back(c, [(r.job_id, r.token) for r in GROUP], NOW),
        {"pk_jobs"},
    ),
    "begin": (lambda c, _: reservations.begin(c, [_claim(r) for r in GROUP]), {"pk_jobs"}),
    "renew": (lambda c, _: leases.renew(c, [r.attempt_id for r in GROUP]), {"pk_attempts"}),
    "settle": (lambda c, _: ledger.settle(c, [_ending(r) for r in GROUP]), {"pk_jobs"}),
    "end": (
        lambda c, _: ledger.end_attempts(
            c, AttemptState.RUNNING, {r.attempt_id: unknown() for r in GROUP}
        ),
        {"pk_attempts"} | _OF_RUNNING,
    ),
    "sheet": (
        lambda c, b: contact_sheet.sheet(c, [b], Wanted(), limit=96),
        {"ix_jobs_batch_id_line"},
    ),
    "sheet of a family, filtered": (
        lambda c, b: contact_sheet.sheet(c, [b, b], Wanted(text="cat"), limit=96, after=_MIDDLE),
        {"ix_jobs_batch_id_line"},
    ),
    "sheet of failures": (
        lambda c, b: contact_sheet.sheet(c, [b], Wanted(state=JobState.FAILED), limit=96),
        {"ix_jobs_state"},
    ),
    "sheet of what was rejected": (
        lambda c, b: contact_sheet.sheet(c, [b], Wanted(review=ReviewState.REJECTED), limit=96),
        {"ix_reviews_batch_id_verdict_line", "pk_jobs"},
    ),
    "failures by class": (lambda c, b: failure_groups(c, [b]), {"ix_jobs_state"}),
    "report": (lambda c, b: insights.report(c, "default", b), {"ix_attempts_slowest"}),
    "pace": (lambda c, b: pace(c, [b]), {"ix_attempts_batch_id_ended_at"}),
}
"""What a worker sends in the night, for one job or for a group of them."""


def test_no_hot_statement_reads_a_whole_batch(stage):
    """Neither as the planner knows the tables, nor while it believes them empty."""
    batch_id = _seed(stage)
    wrong = _wrong_plans(stage, batch_id, analyzed=False)
    stage.sql("ANALYZE")
    wrong |= _wrong_plans(stage, batch_id, analyzed=True)
    assert not wrong, json.dumps(wrong, indent=1)
    _assert_status_takes_one_step_at_most(stage, batch_id)


def _wrong_plans(stage, batch_id, *, analyzed: bool) -> dict[str, object]:
    wrong = {}
    for name, (act, good) in STATEMENTS.items():
        plans = _Plans(stage, lambda connection, act=act: act(connection, batch_id))
        whole = plans.reads_all("jobs") or (analyzed and plans.reads_all("attempts"))
        usable = good if analyzed else good | _OF_A_BATCH
        if whole or not usable & plans.indexes:
            wrong[f"{name}, {analyzed=}"] = (sorted(plans.indexes), whole)
    return wrong


def _assert_status_takes_one_step_at_most(stage, batch_id) -> None:
    """No job is counted: only the first in the order of dispatch is looked at, to say when it is due."""
    for act in (
        lambda connection: insights.batch(connection, "default", batch_id),
        lambda connection: insights.page(connection, "default", 20),
        lambda connection: openai_batches.get(connection, "default", batch_id),
    ):
        plans = _Plans(stage, act)
        assert plans.of("batches")
        assert {node["Index Name"] for node in plans.of("jobs")} <= {"ix_jobs_due"}
        counted = {node["Node Type"] for node in _above(plans, "jobs")} & {"Sort", "Aggregate"}
        assert not counted


def _above(plans, table):
    return [node for node in plans.nodes if any(n in plans.of(table) for n in _nodes(node))]


def test_a_page_of_a_retried_batch_reads_no_more_than_pages(stage, fresh_id):
    """What was taken over is not even passed by: of each batch one page is read, in the index's order."""
    batch_id = _seed(stage)
    stage.sql("UPDATE batches SET status = 'completed', failed = total")
    stage.sql(
        "INSERT INTO batches (id, project_id, status, retry_of, options)"
        " SELECT :new, project_id, 'in_progress', id, '{}' FROM batches",
        new=fresh_id,
    )
    stage.sql(
        "UPDATE jobs SET superseded_by = :new WHERE state = 'failed' OR line < 9000", new=fresh_id
    )
    stage.sql(
        "INSERT INTO jobs (batch_id, line, custom_id, state, request, bound)"
        " SELECT :new, line, custom_id, CASE WHEN line % 2 = 0 THEN 'queued' ELSE 'failed' END, request, bound"
        " FROM jobs WHERE superseded_by IS NOT NULL",
        new=fresh_id,
    )
    stage.sql("ANALYZE")
    for states in ((), (JobState.FAILED,), (JobState.FAILED, JobState.QUEUED)):
        for after in (None, 25_000):
            _assert_reads_a_page(stage, batch_id, states, after)


def _assert_reads_a_page(stage, batch_id, states, after) -> None:
    plans = _Plans(
        stage,
        lambda c: insights.jobs_page(c, batch_id, limit=50, after=after, states=states),
        options="ANALYZE, FORMAT JSON",
    )
    pages = [node for node in plans.of("jobs") if node["Index Name"] != "pk_jobs"]
    assert {node["Index Name"] for node in pages} <= {
        "ix_jobs_batch_id_line",
        "ix_jobs_state",
        "ix_jobs_due",
    }
    read = [node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in pages]
    assert max(read) <= 1000, read
