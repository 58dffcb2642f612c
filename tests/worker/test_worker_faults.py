"""What can happen to a worker in the night, and that every call is paid for once all the same."""

import signal
from collections import Counter

import pytest
from books import agree
from hands import LONG_AGO, due_now
from sqlalchemy import update
from world import World

from darkroom.domain.attempt import AttemptState
from darkroom.store import batches, hints
from darkroom.store.session import transaction
from darkroom.store.tables import attempts, jobs


def lose_leases(world: World) -> None:
    """What thirty seconds without a heartbeat do."""
    with transaction(world.engine) as connection:
        connection.execute(
            update(attempts)
            .where(attempts.c.state == AttemptState.RUNNING)
            .values(lease_expires_at=attempts.c.begun_at)
        )
        hints.ring(connection)


def test_a_worker_killed_in_mid_call_costs_one_unknown_outcome_and_the_batch_completes(
    world: World,
) -> None:
    first = world.start_worker()
    batch_id = world.submit(["[[hold:one]] A print", "Another print"])
    world.sandbox.wait(held=1)
    world.until_view(batch_id, lambda view: view.counts.succeeded == 1)
    first.send(signal.SIGKILL)
    first.wait()
    world.start_worker()
    lose_leases(world)
    world.until_view(batch_id, lambda view: view.unknown == 1)
    assert world.batch(batch_id).cost.at_risk > 0
    world.sandbox.release("one")
    due_now(world)
    view = world.until(batch_id)
    assert view.counts.succeeded == 2
    assert view.unknown == 1
    agree(world)


def test_a_flushed_broker_loses_nothing(world: World, redis_client) -> None:
    world.start_worker()
    batch_id = world.submit([f"[[hold:all]] Print {number}" for number in range(12)])
    world.sandbox.wait(held=8)
    redis_client.flushall()
    world.sandbox.release("all")
    with transaction(world.engine) as connection:
        connection.execute(
            update(jobs).where(jobs.c.state == "dispatched").values(ticket_expires_at=LONG_AGO)
        )
    view = world.until(batch_id)
    assert view.counts.succeeded == 12
    assert world.sandbox.totals()["images_billed"] == 12
    agree(world)


def test_a_worker_that_is_told_to_stop_waits_for_what_was_sent_and_gives_back_the_rest(
    world: World,
) -> None:
    worker = world.start_worker()
    batch_id = world.submit([f"[[hold:all]] Print {number}" for number in range(12)])
    world.sandbox.wait(held=8)
    worker.send(signal.SIGTERM)
    view = world.until_view(batch_id, lambda view: view.counts.dispatched == 0)
    assert view.counts.running == 8
    assert view.counts.queued == 4
    world.sandbox.release("all")
    assert worker.wait() == 0
    view = world.batch(batch_id)
    assert (view.counts.succeeded, view.counts.queued, view.unknown) == (8, 4, 0)
    agree(world)


def test_a_new_worker_takes_over_in_mid_batch_and_no_paid_call_is_wasted(world: World) -> None:
    """A deploy: the old one is told to stop with ten calls in flight, the new one begins the rest at once."""
    room = {
        "DARKROOM_MAX_IN_FLIGHT": "16",
        "DARKROOM_WORKERS": "2",
        "DARKROOM_FIRST_CALLS": "16",
    }
    old = world.start_worker(**room)
    batch_id = world.submit([f"[[hold:all]] Print {number}" for number in range(14)])
    world.sandbox.wait(held=10)
    old.send(signal.SIGTERM)
    world.until_view(batch_id, lambda view: (view.counts.running, view.counts.queued) == (10, 4))
    world.start_worker(**room)
    world.sandbox.wait(held=14)
    world.sandbox.release("all")
    assert old.wait() == 0
    view = world.until(batch_id)
    assert (view.counts.succeeded, view.unknown) == (14, 0)
    assert sorted(Counter(row.worker for row in world.attempts()).values()) == [4, 10]
    assert world.sandbox.totals()["calls"] == len(world.attempts()) == 14
    agree(world)


def test_a_worker_stopped_before_the_socket_until_its_lease_is_gone_sends_nothing(
    world: World,
) -> None:
    frozen = world.start_worker("crash_app", CRASH_AT="may_send", CRASH_BY="SIGSTOP")
    batch_id = world.submit(["A print"])
    world.until_view(batch_id, lambda view: view.counts.running == 1)
    frozen.saw("stopping at may_send")
    world.start_worker()
    world.until_view(batch_id, lambda view: view.unknown == 1)
    frozen.send(signal.SIGCONT)
    frozen.saw("lease_short")
    assert world.sandbox.totals()["calls"] == 0
    assert world.batch(batch_id).cost.at_risk == 0
    due_now(world)
    view = world.until(batch_id)
    assert (view.counts.succeeded, view.unknown) == (1, 0)
    assert world.sandbox.totals()["images_billed"] == 1
    agree(world)


@pytest.mark.parametrize("point", ["after_receipt", "before_settle"])
def test_bytes_that_arrived_are_never_bought_again(world: World, point: str) -> None:
    dying = world.start_worker("crash_app", CRASH_AT=point, CRASH_BY="SIGKILL")
    batch_id = world.submit(["A print"])
    dying.wait()
    world.start_worker()
    lose_leases(world)
    view = world.until(batch_id)
    assert view.counts.succeeded == 1
    assert view.unknown == 0
    assert world.sandbox.totals()["calls"] == 1
    agree(world)


def test_cancelling_begins_no_call_and_keeps_what_was_paid_for(world: World) -> None:
    world.start_worker()
    batch_id = world.submit([f"[[hold:all]] Print {number}" for number in range(12)])
    world.sandbox.wait(held=8)
    with transaction(world.engine) as connection:
        assert batches.cancel(connection, batch_id)
        hints.ring(connection)
    world.until_view(batch_id, lambda view: view.counts.cancelled == 4)
    world.sandbox.release("all")
    view = world.until(batch_id)
    assert (view.status, view.counts.succeeded) == ("cancelled", 8)
    assert world.sandbox.totals()["calls"] == 8
    agree(world)
