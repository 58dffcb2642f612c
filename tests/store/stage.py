"""Batches, jobs and attempts, brought to where a test needs them by the moves that really lead there."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import count
from uuid import UUID, uuid4

from sqlalchemy import Engine, text

from darkroom.domain.attempt import Failed, NotSent, Reservation, StoredImage, Succeeded, Unknown
from darkroom.domain.batchfile import Draft
from darkroom.domain.failure import Failure, FailureClass
from darkroom.domain.models import Quote
from darkroom.domain.pricing import Usage
from darkroom.domain.request import ImageRequest, Priced, Terms
from darkroom.domain.retry import GiveUp, History, TryAgain
from darkroom.store import batches, files, intake, jobs, ledger, reservations
from darkroom.store.batches import NewBatch
from darkroom.store.files import File
from darkroom.store.jobs import Dispatched
from darkroom.store.ledger import Settlement
from darkroom.store.reservations import Claim
from darkroom.store.session import transaction

NOW = timedelta(0)
AGAIN = TryAgain(NOW)
LATER = TryAgain(timedelta(hours=1))


def image(index: int = 0) -> StoredImage:
    return StoredImage(index, "0" * 64, 9, "png", 1024, 1024)


def failure(klass: FailureClass = FailureClass.SERVER_ERROR) -> Failure:
    return Failure(klass, "a_code", "what happened", 500)


def succeeded(cost: str = "0.25", images: int = 1) -> Succeeded:
    made = tuple(image(index) for index in range(images))
    return Succeeded(made, Usage(output_tokens=7), Decimal(cost), "req_1", 12)


def failed(klass: FailureClass = FailureClass.SERVER_ERROR, cost: str = "0") -> Failed:
    return Failed(failure(klass), Decimal(cost), "req_2", 34)


def unknown(klass: FailureClass = FailureClass.UNKNOWN_OUTCOME) -> Unknown:
    return Unknown(failure(klass), None, 56)


def not_sent() -> NotSent:
    return NotSent(failure(FailureClass.LEASE_SHORT))


def draft(line: int, bound: str = "1", priority: int = 0, prompt: str = "a cat") -> Draft:
    quote = Quote(Decimal("0.1"), Decimal(bound), Decimal(0))
    terms = Terms.of(ImageRequest("", "gpt-image-2"), quote)
    return Draft(line, f"sku-{line}", Priced(prompt, terms), priority)


def claim(message: Dispatched) -> Claim:
    return Claim(uuid4(), message.job_id, message.token, "worker-1", "default")


@dataclass(slots=True)
class Stage:
    """One database and the shortest ways through it."""

    engine: Engine
    _lines: count = field(default_factory=lambda: count(1))

    def submit(self, cap: str | None = None, **options: object) -> UUID:
        """A batch whose file waits to be read."""
        batch_id, file_id = uuid4(), uuid4()
        with transaction(self.engine) as connection:
            row = File(file_id, "default", "batch", "rows.jsonl", 1, "0" * 64, None)
            files.add(connection, row)
            budget = None if cap is None else Decimal(cap)
            batches.create(
                connection, NewBatch(batch_id, "default", file_id, {}, cap=budget, **options)
            )
        return batch_id

    def batch(self, drafts: int | Sequence[Draft] = 1, cap: str | None = None, **options) -> UUID:
        """A batch that was read to its end, with all its jobs queued."""
        batch_id = self.submit(cap, **options)
        rows = drafts
        if isinstance(drafts, int):
            rows = [draft(next(self._lines)) for _ in range(drafts)]
        with transaction(self.engine) as connection:
            claim = batches.claim_validating(connection, options.get("focus"))
            intake.add_jobs(connection, claim, rows)
            intake.accept(connection, claim, ())
        return batch_id

    def dispatch(self, batch_id: UUID, limit: int = 1000) -> list[Dispatched]:
        with transaction(self.engine) as connection:
            return jobs.dispatch(connection, batch_id, ["gpt-image-2"], limit)

    def ticket(self, message: Dispatched):
        with transaction(self.engine) as connection:
            [found] = jobs.tickets(connection, [(message.job_id, message.token)])
            return found

    def begin(self, message: Dispatched) -> Reservation:
        with transaction(self.engine) as connection:
            [answer] = reservations.begin(connection, [claim(message)])
            return answer

    def running(self, **options) -> Reservation:
        """The attempt of a batch of one job."""
        [message] = self.dispatch(self.batch(1, **options))
        return self.begin(message)

    def settle(self, reservation, outcome, decision=None, history=None, **options):
        with transaction(self.engine) as connection:
            one = Settlement(
                reservation, outcome, decision or GiveUp(), history or History(), **options
            )
            [missed] = ledger.settle(connection, [one])
            return missed

    def unknown(self, decision=AGAIN, **options) -> Reservation:
        """An attempt of unknown outcome, of a batch of one job."""
        reservation = self.running(**options)
        assert self.settle(reservation, unknown(), decision, History(unknowns=1)) is None
        return reservation

    def call(self, act, *arguments, **options):
        """One store function in a transaction of its own."""
        with transaction(self.engine) as connection:
            return act(connection, *arguments, **options)

    def sql(self, statement: str, **parameters: object) -> None:
        with transaction(self.engine) as connection:
            connection.execute(text(statement), parameters)

    def rows(self, query: str, **parameters: object):
        with transaction(self.engine) as connection:
            return connection.execute(text(query), parameters).all()

    def one(self, query: str, **parameters: object):
        [row] = self.rows(query, **parameters)
        return row

    def state(self, job_id: int) -> str:
        return self.one("SELECT state FROM jobs WHERE id = :id", id=job_id).state

    def attempt_state(self, attempt_id: UUID) -> str:
        return self.one("SELECT state FROM attempts WHERE id = :id", id=attempt_id).state

    def batch_row(self, batch_id: UUID):
        return self.one("SELECT * FROM batches WHERE id = :id", id=batch_id)

    def ticket_runs_out(self, job_id: int) -> None:
        """Moves the time of a ticket, so that nobody has to wait for it."""
        self.sql(
            "UPDATE jobs SET ticket_expires_at = now() - interval '1 s' WHERE id = :id", id=job_id
        )

    def lease_runs_out(self, attempt_id: UUID) -> None:
        self.sql(
            "UPDATE attempts SET lease_expires_at = now() - interval '1 s' WHERE id = :id",
            id=attempt_id,
        )

    def assert_books_balance(self) -> None:
        """Every counter and amount of every batch is what its jobs and attempts add up to."""
        wrong = self.rows(_BOOKS)
        assert not wrong, wrong
        wrong = self.rows(_BUDGETS)
        assert not wrong, wrong
        doubled = self.rows(_TWO_RUNNING)
        assert not doubled, doubled


_STATES = ("queued", "dispatched", "running", "succeeded", "failed", "cancelled", "expired")
_COUNTED = ", ".join(
    f"count(*) FILTER (WHERE j.state = '{state}' AND j.superseded_by IS NULL) AS {state}"
    for state in _STATES
)
_BOOKS = f"""
WITH counted AS (
    SELECT b.id, {_COUNTED},
        count(j.id) AS total,
        count(j.id) FILTER (WHERE j.superseded_by IS NOT NULL) AS superseded,
        count(j.id) FILTER (WHERE j.superseded_by IS NOT NULL AND j.state = 'succeeded') AS rerolled
    FROM batches b LEFT JOIN jobs j ON j.batch_id = b.id GROUP BY b.id
), paid AS (
    SELECT b.id,
        coalesce(sum(a.reserved) FILTER (WHERE a.state = 'running'), 0) AS reserved,
        coalesce(sum(a.reserved) FILTER (WHERE a.state = 'unknown' AND a.verdict IS NULL), 0) AS at_risk,
        coalesce(sum(a.cost), 0) AS spent,
        count(a.id) FILTER (WHERE a.state = 'unknown' AND a.verdict IS NULL) AS unknown
    FROM batches b LEFT JOIN attempts a ON a.batch_id = b.id GROUP BY b.id
), stored AS (
    SELECT b.id,
           count(i.attempt_id) FILTER (WHERE i.disposition = 'published') AS images,
           count(i.attempt_id) FILTER (WHERE i.disposition = 'mismatch') AS mismatched
    FROM batches b LEFT JOIN images i ON i.batch_id = b.id GROUP BY b.id
)
SELECT to_jsonb(b) AS said, to_jsonb(counted) AS jobs, to_jsonb(paid) AS attempts, to_jsonb(stored) AS images
FROM batches b JOIN counted USING (id) JOIN paid USING (id) JOIN stored USING (id)
WHERE (b.total, b.superseded, b.rerolled, b.reserved, b.at_risk, b.spent, b.unknown, b.images, b.mismatched)
    IS DISTINCT FROM (counted.total, counted.superseded, counted.rerolled, paid.reserved, paid.at_risk, paid.spent, paid.unknown, stored.images, stored.mismatched)
OR (b.status <> 'validating' AND ({", ".join(f"b.{state}" for state in _STATES)})
    IS DISTINCT FROM ({", ".join(f"counted.{state}" for state in _STATES)}))
"""
_BUDGETS = """
WITH borne AS (
    SELECT project_id, day::text AS period, state, verdict, reserved, cost FROM attempts
    UNION ALL SELECT project_id, 'total', state, verdict, reserved, cost FROM attempts
), paid AS (
    SELECT project_id, period,
        coalesce(sum(reserved) FILTER (WHERE state = 'running'), 0) AS reserved,
        coalesce(sum(reserved) FILTER (WHERE state = 'unknown' AND verdict IS NULL), 0) AS at_risk,
        sum(cost) AS spent,
        coalesce(sum(cost - reserved) FILTER (WHERE cost > reserved), 0) AS overrun
    FROM borne GROUP BY project_id, period
)
SELECT to_jsonb(g) AS said, to_jsonb(paid) AS attempts
FROM budgets g FULL JOIN paid USING (project_id, period)
WHERE (g.reserved, g.at_risk, g.spent, g.overrun)
    IS DISTINCT FROM (paid.reserved, paid.at_risk, paid.spent, paid.overrun)
"""
_TWO_RUNNING = """
SELECT j.id, j.state, count(a.id) AS running
FROM jobs j LEFT JOIN attempts a ON a.job_id = j.id AND a.state = 'running'
GROUP BY j.id HAVING (j.state = 'running')::int <> count(a.id)
"""
