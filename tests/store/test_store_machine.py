"""Whatever is done to a few jobs in whatever order, a tiny model agrees and the books balance after each step."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from stage import AGAIN, LATER, NOW, Stage, draft, failed, not_sent, succeeded, unknown

from darkroom.domain.attempt import Reservation
from darkroom.domain.batch import PausedReason
from darkroom.domain.choice import Choice
from darkroom.domain.invoice import Verdict
from darkroom.domain.job import Missed, MissedReason
from darkroom.domain.retry import GiveUp
from darkroom.store import batches, endings, evidence, invoices, jobs, leases, queues
from darkroom.store.evidence import Late
from darkroom.store.invoices import Word
from darkroom.store.reservations import BeginRefused, Refusal
from darkroom.store.retries import UNCERTAIN, retry

CAP = Decimal(2)
FINAL = {"succeeded", "failed", "cancelled", "expired"}
OUTCOMES = {
    "succeeded": succeeded("0.75"),
    "failed": failed(cost="0.125"),
    "not_sent": not_sent(),
    "unknown": unknown(),
}
DECISIONS = {"again": AGAIN, "later": LATER, "over": GiveUp(), "over and out": GiveUp()}
INDEX = st.integers(0, 7)


@dataclass(slots=True)
class Job:
    """What the model knows of a job."""

    batch: UUID
    state: str = "queued"
    due: bool = True
    token: int = 0
    lapsed: bool = False
    superseded: "Job | None" = None

    def latest(self) -> "Job":
        return self.superseded.latest() if self.superseded else self


@dataclass(slots=True)
class Attempt:
    """What the model knows of an attempt."""

    reservation: Reservation
    state: str = "running"
    cost: Decimal = Decimal(0)
    lost: bool = False
    settled: bool = False


class Night(RuleBasedStateMachine):
    """One family of batches; `stage` is set by the test."""

    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        for table in ("budgets", "settlements", "images", "attempts", "jobs", "batches"):
            self.stage.sql(f"DELETE FROM {table}")
        self.root = self.stage.batch([draft(line) for line in range(1, 4)], cap=str(CAP))
        self.status = {self.root: "in_progress"}
        self.paused: set[UUID] = set()
        self.late: set[UUID] = set()
        ids = self.stage.rows("SELECT id FROM jobs ORDER BY id")
        self.jobs = {row.id: Job(self.root) for row in ids}
        self.tickets: list = []
        self.attempts: list[Attempt] = []
        self.misread = Decimal(0)
        """What evidence showed to be spent where somebody had read less on the invoice."""

    def _stand_still(self) -> None:
        """No ticket and no lease runs out but where the model says so, however slow this machine is."""
        for table, column in (("jobs", "ticket_expires_at"), ("attempts", "lease_expires_at")):
            self.stage.sql(f"UPDATE {table} SET {column} = '2999-01-01' WHERE {column} > now()")

    def _job(self, attempt: Attempt) -> Job:
        return self.jobs[attempt.reservation.job_id]

    def _may_begin(self, batch_id: UUID) -> bool:
        stopped = self.paused | self.late
        return self.status[batch_id] == "in_progress" and batch_id not in stopped

    def _committed(self, batch_id: UUID) -> Decimal:
        """What the calls of a batch have cost, and may still cost."""
        return sum(
            (
                a.cost
                if a.settled or a.state not in ("running", "unknown")
                else a.reservation.reserved
            )
            for a in self.attempts
            if a.reservation.batch_id == batch_id
        )

    @initialize(number=st.integers(1, 3), lost=st.integers(0, 2))
    def evening(self, number, lost):
        """Some calls are in flight already, and of some nobody knows what came of them."""
        self.dispatch(number)
        for at in range(number):
            self.begin(at)
        for at in range(min(lost, len(self.attempts))):
            self.settle(at, "unknown", "over" if at else "again")

    @rule(limit=st.integers(1, 4), begun=st.booleans())
    def work(self, limit, begun):
        """As a worker does it: most tickets are begun at once."""
        self.dispatch(limit)
        if begun and self.tickets:
            self.begin(0)

    def dispatch(self, limit):
        open_now = [batch.id for batch in self.stage.call(queues.dispatchable, "default", None)]
        waiting = {job.batch for job in self.jobs.values() if job.state == "queued"}
        assert set(open_now) == {b for b in waiting if self._may_begin(b)}
        for batch_id in open_now:
            due = [
                j
                for j in self.jobs.values()
                if j.batch == batch_id and j.state == "queued" and j.due
            ]
            messages = self.stage.dispatch(batch_id, limit)
            self._stand_still()
            assert len(messages) == min(limit, len(due))
            for message in messages:
                job = self.jobs[message.job_id]
                assert job in due
                job.state, job.lapsed, job.token = "dispatched", False, message.token
                self.tickets.append(message)

    @rule()
    def time_passes(self):
        """Every postponed job is due, and what has ended is finalized."""
        self.finish()
        self.stage.sql("UPDATE jobs SET due_at = now() WHERE state = 'queued'")
        for job in self.jobs.values():
            job.due = True

    @precondition(lambda self: self.tickets)
    @rule(at=INDEX, later=st.booleans())
    def give_back(self, at, later):
        message = self.tickets[at % len(self.tickets)]
        job = self.jobs[message.job_id]
        held = job.state == "dispatched" and job.token == message.token
        after = timedelta(hours=1) if later else NOW
        ticket = (message.job_id, message.token)
        assert self.stage.call(jobs.give_back, [ticket], after) == held
        if held:
            job.state, job.due = "queued", not later

    @precondition(lambda self: self.tickets)
    @rule(at=INDEX)
    def run_out(self, at):
        message = self.tickets[at % len(self.tickets)]
        job = self.jobs[message.job_id]
        if job.state == "dispatched":
            self.stage.ticket_runs_out(message.job_id)
            job.lapsed = True

    @rule()
    def lapse(self):
        late = [j for j in self.jobs.values() if j.state == "dispatched" and j.lapsed]
        assert self.stage.call(jobs.lapse, 10) == len(late)
        for job in late:
            job.state, job.due, job.token = "queued", True, job.token + 1

    @precondition(lambda self: self.tickets)
    @rule(at=INDEX)
    def begin(self, at):
        message = self.tickets[-1 - at % len(self.tickets)]
        job = self.jobs[message.job_id]
        expected = self._expected(job, message.token)
        try:
            found = self.stage.begin(message)
            self._stand_still()
        except BeginRefused as refused:
            found = refused.refusal
        if isinstance(found, Reservation):
            assert expected is None
            job.state = "running"
            self.attempts.append(Attempt(found))
        else:
            assert (found.reason if isinstance(found, Missed) else found) == expected

    def _expected(self, job: Job, token: int) -> MissedReason | Refusal | None:
        if job.state != "dispatched":
            return MissedReason.OTHER_STATE
        if job.token != token:
            return MissedReason.OTHER_TOKEN
        if job.lapsed:
            return MissedReason.TICKET_RAN_OUT
        if not self._may_begin(job.batch):
            return Refusal.BATCH_CLOSED
        cap = self.stage.batch_row(job.batch).cap
        return Refusal.OVER_BUDGET if self._committed(job.batch) + 1 > cap else None

    def _end(self, attempt: Attempt, outcome: str, decision: str) -> None:
        attempt.state, attempt.cost = outcome, getattr(OUTCOMES[outcome], "cost", Decimal(0))
        job = self._job(attempt)
        if outcome == "succeeded":
            job.state = "succeeded"
        else:
            job.state = "failed" if "over" in decision else "queued"
            job.due = decision == "again"

    @precondition(lambda self: self.attempts)
    @rule(
        at=INDEX,
        outcome=st.sampled_from(sorted(OUTCOMES)),
        decision=st.sampled_from(sorted(DECISIONS)),
    )
    def settle(self, at, outcome, decision):
        attempt = self.attempts[-1 - at % len(self.attempts)]
        missed = self.stage.settle(attempt.reservation, OUTCOMES[outcome], DECISIONS[decision])
        assert (missed is None) == (attempt.state == "running")
        if missed is None:
            self._end(attempt, outcome, decision)

    @precondition(lambda self: self.attempts)
    @rule(at=INDEX, renewed=st.booleans())
    def lose_the_lease(self, at, renewed):
        attempt = self.attempts[at % len(self.attempts)]
        if attempt.state == "running":
            self.stage.lease_runs_out(attempt.reservation.attempt_id)
            attempt.lost = not renewed
            if renewed:
                assert self.stage.call(leases.renew, [attempt.reservation.attempt_id]) == 1
                self._stand_still()

    @rule(decision=st.sampled_from(sorted(DECISIONS)))
    def reap(self, decision):
        lost = {a.reservation: a for a in self.attempts if a.state == "running" and a.lost}
        found = self.stage.call(leases.lost, 10)
        assert {lease.reservation for lease in found} == set(lost)
        for lease in found:
            settled = self.stage.settle(
                lease.reservation, unknown(), DECISIONS[decision], if_lost=True
            )
            assert settled is None
            self._end(lost[lease.reservation], "unknown", decision)

    @precondition(lambda self: self.attempts)
    @rule(at=INDEX, outcome=st.sampled_from(["succeeded", "failed", "not_sent"]))
    def turn_up(self, at, outcome):
        attempt = self.attempts[at % len(self.attempts)]
        job = self._job(attempt)
        late = self.stage.call(
            evidence.settle_late, attempt.reservation.attempt_id, OUTCOMES[outcome]
        )
        if attempt.state != "unknown":
            assert late is Late.STALE
            return
        cost = getattr(OUTCOMES[outcome], "cost", Decimal(0))
        self.misread += max(cost - attempt.cost, 0) if attempt.settled else 0
        attempt.state, attempt.cost = outcome, cost
        if outcome != "succeeded":
            assert late is Late.COSTED
        elif (job := job.latest()).state in ("running", "succeeded"):
            assert late is Late.SURPLUS
        else:
            assert late is Late.ADOPTED
            job.state = "succeeded"

    @precondition(lambda self: any(a.state == "unknown" for a in self.attempts))
    @rule(verdict=st.sampled_from(Verdict), cost=st.sampled_from([None, Decimal("0.5")]))
    def read_the_invoice(self, verdict, cost):
        """Somebody reads it for every call of unknown outcome; what was read before stays."""
        calls = self.stage.call(invoices.unknown_calls, list(self.status))
        price = cost if verdict is Verdict.BILLED else None
        words = [Word(one, verdict, price) for one in calls]
        unknown_now = [a for a in self.attempts if a.state == "unknown"]
        assert len(calls) == len(unknown_now)
        done = self.stage.call(invoices.settle_unknown, words, None)
        fresh = [a for a in unknown_now if not a.settled]
        assert done.number == len(fresh)
        for attempt in fresh:
            billed = verdict is Verdict.BILLED
            attempt.settled = True
            attempt.cost = (cost or attempt.reservation.reserved) if billed else Decimal(0)

    @rule(at=INDEX, change=st.sampled_from(["pause", "resume", "resume", "cancel", "deadline"]))
    def control(self, at, change):
        batch_id = list(self.status)[at % len(self.status)]
        open_now = self.status[batch_id] == "in_progress"
        if change == "pause":
            done = self.stage.call(batches.pause, batch_id, PausedReason.REQUESTED, None)
            assert done == open_now
            self.paused |= {batch_id} if open_now else set()
        elif change == "resume":
            assert self.stage.call(batches.resume, batch_id) == (
                self.status[batch_id] not in ("completed", "expired", "cancelled")
            )
            self.paused.discard(batch_id)
        elif change == "deadline":
            self.stage.sql("UPDATE batches SET deadline_at = now() WHERE id = :id", id=batch_id)
            self.late.add(batch_id)
        else:
            assert self.stage.call(batches.cancel, batch_id) == open_now
            self.status[batch_id] = "cancelling" if open_now else self.status[batch_id]
            self.paused.discard(batch_id)

    @rule(limit=st.integers(1, 3))
    def sweep(self, limit):
        for batch_id, expired in self.stage.call(endings.to_sweep):
            assert expired == (self.status[batch_id] == "in_progress")
            self.stage.call(jobs.expire if expired else jobs.cancel, batch_id, limit)
            self._moved("expired" if expired else "cancelled", batch_id, limit)

    def _moved(self, target: str, batch_id: UUID, limit: int) -> None:
        """Which of the jobs were taken is the store's choice; how many, and from where, is not."""
        of_batch = {key: job for key, job in self.jobs.items() if job.batch == batch_id}
        free = {key for key, job in of_batch.items() if job.state in ("queued", "dispatched")}
        taken = {key for key in free if self.stage.state(key) == target}
        assert len(taken) == min(limit, len(free))
        for key in taken:
            self.jobs[key].state = target

    def finish(self):
        self.stage.call(endings.finalize)
        self.stage.call(endings.complete)
        for batch_id, status in self.status.items():
            of_batch = [j for j in self.jobs.values() if j.batch == batch_id]
            if all(j.state in FINAL for j in of_batch):
                expired = any(j.state == "expired" and not j.superseded for j in of_batch)
                ended = "expired" if expired else "completed"
                ends = {"in_progress": ended, "cancelling": "cancelled"}
                self.status[batch_id] = ends.get(status, status)
                self.paused.discard(batch_id)

    @rule(uncertain=st.booleans())
    def retry(self, uncertain):
        self.finish()
        new_id = uuid4()
        number = self.stage.call(retry, self.root, new_id, Choice(UNCERTAIN) if uncertain else None)
        which = "FROM jobs a JOIN jobs b USING (custom_id) WHERE a.superseded_by = :id AND b.batch_id = :id"
        taken = self.stage.rows(f"SELECT a.id, b.id AS copy {which}", id=new_id)
        assert number == len(taken)
        for row in taken:
            job = self.jobs[row.id]
            assert self.status[job.batch] in ("completed", "expired", "cancelled")
            assert job.state in ("failed", "expired")
            assert not job.superseded
            job.superseded = self.jobs[row.copy] = Job(new_id)
        if number:
            self.status[new_id] = "in_progress"

    @invariant()
    def nothing_is_lost(self):
        """After each step: the model and the database say the same, and every sum is right."""
        self.stage.assert_books_balance()
        states = {row.id: row.state for row in self.stage.rows("SELECT id, state FROM jobs")}
        assert states == {key: job.state for key, job in self.jobs.items()}
        ended = {r.id: r.state for r in self.stage.rows("SELECT id, state FROM attempts")}
        assert ended == {a.reservation.attempt_id: a.state for a in self.attempts}
        rows = self.stage.rows(
            "SELECT id, status, paused_reason IS NOT NULL AS paused FROM batches"
        )
        assert {row.id: row.status for row in rows} == self.status
        assert {row.id for row in rows if row.paused} == self.paused
        for row in self.stage.rows("SELECT * FROM batches"):
            assert row.spent + row.reserved + row.at_risk <= row.cap + self.misread
        whole = sum(self._committed(batch_id) for batch_id in self.status)
        assert whole <= CAP + self.misread


@pytest.mark.timeout(300)
def test_any_order_of_operations_keeps_the_books(stage):
    Night.stage = stage
    run_state_machine_as_test(
        Night,
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate],  # making a failure smaller would outlast the test's time
        ),
    )
