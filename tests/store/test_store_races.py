"""Threads on real connections: whoever comes first wins, once, and nobody waits in a ring."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier
from uuid import uuid4

import pytest
from sqlalchemy.exc import NoResultFound
from stage import AGAIN, NOW, Stage, claim, draft, failed, not_sent, succeeded, unknown

from darkroom.domain.attempt import Reservation
from darkroom.domain.job import Missed, MissedReason
from darkroom.domain.retry import GiveUp, History
from darkroom.store import batches, endings, evidence, jobs, leases, ledger, queues, reservations
from darkroom.store.evidence import Late
from darkroom.store.ledger import Settlement
from darkroom.store.reservations import BeginRefused
from darkroom.store.session import StoreAway, open_engine, transaction

THREADS = 16


@pytest.fixture
def crowd(engine, database_url):
    """A stage with a connection for each thread."""
    opened = open_engine(database_url, pool=THREADS)
    yield Stage(opened)
    opened.dispose()


def _at_once(*acts):
    """What each of these returns, all begun at the same moment."""
    barrier = Barrier(len(acts))

    def run(act):
        barrier.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result() for future in [pool.submit(run, act) for act in acts]]


def test_one_ticket_begins_one_attempt(crowd):
    [message] = crowd.dispatch(crowd.batch())
    found = _at_once(*[lambda: crowd.begin(message)] * THREADS)
    assert len([f for f in found if isinstance(f, Reservation)]) == 1
    missed = {f.reason for f in found if isinstance(f, Missed)}
    assert missed == {MissedReason.OTHER_STATE}
    crowd.assert_books_balance()


def test_dispatch_hands_each_job_to_one(crowd):
    batch_id = crowd.batch(64)
    given = _at_once(*[lambda: crowd.dispatch(batch_id, 10)] * 8)
    ids = [message.job_id for messages in given for message in messages]
    assert len(ids) == len(set(ids))
    crowd.assert_books_balance()


def test_begins_together_never_pass_the_cap(crowd):
    bounds = [str(Decimal(1 + line % 7) / 4) for line in range(200)]
    drafts = [draft(line, bound) for line, bound in enumerate(bounds, 1)]
    batch_id = crowd.batch(drafts, cap="30")
    messages = crowd.dispatch(batch_id)
    assert len(messages) == 200

    def begin(message) -> bool:
        try:
            return isinstance(crowd.begin(message), Reservation)
        except BeginRefused:
            return False

    with ThreadPoolExecutor(THREADS) as pool:
        begun = sum(pool.map(begin, messages))
    row = crowd.batch_row(batch_id)
    assert Decimal(29) < row.reserved <= 30
    assert row.running == begun
    crowd.assert_books_balance()


@pytest.mark.parametrize("worker", [succeeded(), failed(cost="0.1"), not_sent(), unknown()])
def test_a_worker_and_the_reaper_settle_an_attempt_once(crowd, worker):
    for _ in range(8):
        reservation = crowd.running()
        crowd.lease_runs_out(reservation.attempt_id)
        missed = _at_once(
            lambda r=reservation: crowd.settle(r, worker, AGAIN),
            lambda r=reservation: crowd.settle(r, unknown(), AGAIN, if_lost=True),
        )
        assert missed.count(None) == 1
        assert crowd.batch_row(reservation.batch_id).running == 0
    crowd.assert_books_balance()


def test_two_settles_of_one_attempt_move_the_money_once(crowd):
    for _ in range(8):
        reservation = crowd.running()
        missed = _at_once(*[lambda r=reservation: crowd.settle(r, succeeded())] * 4)
        assert missed.count(None) == 1
        row = crowd.batch_row(reservation.batch_id)
        assert (row.spent, row.images) == (Decimal("0.25"), 1)
    crowd.assert_books_balance()


def test_the_same_evidence_counts_once(crowd):
    for _ in range(8):
        lost = crowd.unknown()
        act = [lambda r=lost: crowd.call(evidence.settle_late, r.attempt_id, succeeded())]
        assert Counter(_at_once(*act * 4)) == {Late.ADOPTED: 1, Late.STALE: 3}
    crowd.assert_books_balance()


def test_evidence_and_a_new_attempt_do_not_both_give_the_image(crowd):
    for _ in range(8):
        lost = crowd.unknown()
        [message] = crowd.dispatch(lost.batch_id)
        late, begun = _at_once(
            lambda r=lost: crowd.call(evidence.settle_late, r.attempt_id, succeeded()),
            lambda m=message: crowd.begin(m),
        )
        assert (late is Late.SURPLUS) == isinstance(begun, Reservation)
    crowd.assert_books_balance()


def test_a_cancel_sweep_and_begins_share_the_jobs_between_them(crowd):
    batch_id = crowd.batch(40)
    messages = crowd.dispatch(batch_id, 20)
    halves = messages[:10], messages[10:]

    def begin(some) -> int:
        begun = 0
        for message in some:
            try:
                begun += isinstance(crowd.begin(message), Reservation)
            except BeginRefused:
                """The batch was cancelled first."""
        return begun

    def sweep() -> int:
        crowd.call(batches.cancel, batch_id)
        return sum(crowd.call(jobs.cancel, batch_id, 7) for _ in range(10))

    first, second, swept = _at_once(lambda: begin(halves[0]), lambda: begin(halves[1]), sweep)
    row = crowd.batch_row(batch_id)
    assert row.running == first + second
    while crowd.call(jobs.cancel, batch_id, 100):
        """What was locked while the sweep came by is taken the next time."""
    crowd.assert_books_balance()
    assert crowd.batch_row(batch_id).cancelled == 40 - first - second >= swept


def test_one_reader_gets_the_file(crowd):
    crowd.submit()
    claimed = _at_once(*[lambda: crowd.call(batches.claim_validating, None)] * 8)
    assert len([c for c in claimed if c]) == 1


def test_of_two_submitters_of_one_list_the_second_attaches(crowd):
    def submit():
        with transaction(crowd.engine) as connection:
            found = batches.attach(connection, "default", "f1", None)
            if found is None:
                crowd_id = uuid4()
                new = batches.NewBatch(crowd_id, "default", file_id, {}, fingerprint="f1")
                batches.create(connection, new)
                return crowd_id
            return found

    file_id = crowd.batch_row(crowd.submit()).input_file_id
    assert len(set(_at_once(*[submit] * 6))) == 1


class _Storm:
    """One thread's share of a night in which everything happens at once, on several batches."""

    def __init__(self, stage: Stage, made: list, seed: int) -> None:
        self.stage, self.made, self.draw = stage, made, random.Random(seed)
        self.tickets: list = []
        self.running: list[Reservation] = []

    def rage(self, times: int) -> Counter:
        done: Counter = Counter()
        acts = (
            [self.dispatch] * 3 + [self.begin] * 8 + [self.settle] * 6 + [self.give_back] * 2
            + [self.lapse, self.reap, self.pause, self.finalize, self.evidence, self.sweep]
        )  # fmt: skip
        for _ in range(times):
            act = self.draw.choice(acts)
            try:
                act()
                done[act.__name__] += 1
            except StoreAway as away:
                done[str(away)] += 1
            except (BeginRefused, NoResultFound):
                done["refused"] += 1
        return done

    def dispatch(self) -> None:
        """As the worker does it: several batches in one transaction, by id."""
        with transaction(self.stage.engine) as connection:
            open_now = sorted(
                batch.id for batch in queues.dispatchable(connection, "default", None)
            )
            self.tickets += [
                m for b in open_now for m in jobs.dispatch(connection, b, ["gpt-image-2"], 2)
            ]

    def begin(self) -> None:
        """A few at once, as a teller does it, in any order and of any batch."""
        if some := self._some(self.tickets):
            found = self.stage.call(reservations.begin, [claim(message) for message in some])
            self.running += [one for one in found if isinstance(one, Reservation)]

    def settle(self) -> None:
        outcomes = [succeeded(), failed(), not_sent(), unknown()]
        endings = [
            Settlement(
                one,
                self.draw.choice(outcomes),
                self.draw.choice([AGAIN, AGAIN, GiveUp()]),
                History(),
                if_lost=self.draw.random() < 0.2,
            )
            for one in self._some(self.running)
        ]
        self.stage.call(ledger.settle, endings)

    def _some(self, held: list) -> list:
        self.draw.shuffle(held)
        number = self.draw.randint(1, 4)
        taken, held[:] = held[:number], held[number:]
        return taken

    def give_back(self) -> None:
        some = [(m.job_id, m.token) for m in self.tickets]
        self.draw.shuffle(some)
        self.stage.call(jobs.give_back, some, self.draw.choice([NOW, timedelta(seconds=1)]))
        self.tickets.clear()

    def lapse(self) -> None:
        late = "UPDATE jobs SET ticket_expires_at = now() WHERE id IN (SELECT id FROM jobs WHERE state = 'dispatched' LIMIT 5 FOR UPDATE SKIP LOCKED)"
        self.stage.sql(late)
        self.stage.call(jobs.lapse, 10)

    def reap(self) -> None:
        if self.running:
            self.stage.lease_runs_out(self.running[0].attempt_id)
        self.stage.call(leases.renew, [r.attempt_id for r in reversed(self.running[1:])])
        for lease in self.stage.call(leases.lost, 5):
            self.stage.settle(lease.reservation, unknown(), AGAIN, if_lost=True)

    def evidence(self) -> None:
        query = "SELECT id FROM attempts WHERE state = 'unknown' LIMIT 3"
        for row in self.stage.rows(query):
            self.stage.call(evidence.settle_late, row.id, self.draw.choice([succeeded(), failed()]))

    def pause(self) -> None:
        self.stage.call(batches.pause_key, "default", "a storm")
        self.stage.call(batches.release_key, "default")

    def finalize(self) -> None:
        self.stage.call(endings.finalize)
        self.stage.call(endings.complete)

    def sweep(self) -> None:
        self.stage.call(jobs.cancel, self.draw.choice(self.made), 1)


def test_a_storm_of_everything_at_once_waits_in_no_ring(crowd):
    """Every transaction locks jobs, then attempts, then batches by id, so no two can wait for each other."""
    made = [crowd.batch(60, cap="40") for _ in range(4)]
    storms = [_Storm(crowd, made, seed) for seed in range(8)]
    done = sum(_at_once(*[lambda s=s: s.rage(80) for s in storms]), Counter())
    trouble = {name: n for name, n in done.items() if "deadlock" in name or "lock timeout" in name}
    assert not trouble, done
    assert {"settle", "begin", "evidence", "reap", "lapse"} <= done.keys()
    crowd.assert_books_balance()
    assert all(
        b.spent + b.reserved + b.at_risk <= b.cap for b in crowd.rows("SELECT * FROM batches")
    )
