"""What a worker does so that no night is paid for in vain: careful at first, it stops early, and knows poison."""

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import update
from world import World

from darkroom.domain.attempt import Unknown
from darkroom.domain.failure import Failure, FailureClass
from darkroom.store import batches, jobs, leases, reservations
from darkroom.store.budgets import Allowance
from darkroom.store.reservations import Claim
from darkroom.store.session import transaction
from darkroom.store.tables import attempts, projects
from darkroom.store.tables import batches as batch_rows
from darkroom.store.tables import jobs as job_rows
from worker import settlement
from worker.budget import keep_budgets
from worker.dispatch import dispatch
from worker.ingest import ingest
from worker.tools import Tools

LOST = Unknown(Failure(FailureClass.WORKER_LOST, "worker_lost", "gone"), None, None)
CUT = Unknown(Failure(FailureClass.UNKNOWN_OUTCOME, "cut", "cut"), None, None)


@pytest.fixture
def batch_id(world: World, tools: Tools):
    found = world.submit([f"Print {number}" for number in range(16)])
    assert ingest(tools) == 16
    return found


def change(world: World, batch_id, **values) -> None:
    with transaction(world.engine) as connection:
        its = batch_rows.c.id == batch_id
        connection.execute(update(batch_rows).where(its).values(values))


def begun(world: World, tools: Tools, batch_id, number: int):
    """So many attempts that this worker has begun, with what it knows of their jobs."""
    with transaction(world.engine) as connection:
        messages = jobs.dispatch(connection, batch_id, ["gpt-image-2"], number)
        pairs = [(one.job_id, one.token) for one in messages]
        tickets = jobs.tickets(connection, pairs)
        claims = [
            Claim(tools.new_id(), one.job_id, one.token, tools.name, "default") for one in messages
        ]
        return list(zip(tickets, reservations.begin(connection, claims), strict=True))


def test_until_the_first_five_are_answered_five_are_in_hand(
    world: World, tools: Tools, batch_id
) -> None:
    other = world.submit(["A print"] * 12)
    assert ingest(tools) == 12
    change(world, other, answered=5)
    assert dispatch(tools) == 5 + 12, "each batch for itself"
    assert dispatch(tools) == 0
    assert world.batch(batch_id).counts.dispatched == 5
    assert world.batch(other).counts.dispatched == 12


def test_ten_calls_in_vain_pause_the_batch_in_the_very_commit_of_the_tenth(
    world: World, tools: Tools, batch_id
) -> None:
    for ticket, made in begun(world, tools, batch_id, 10):
        assert world.batch(batch_id).paused_reason is None
        settlement.settle(tools, made, CUT, ticket)
    view = world.batch(batch_id)
    assert (view.paused_reason, view.unknown) == ("no_images", 10)
    assert dispatch(tools) == 0
    with transaction(world.engine) as connection:
        assert batches.resume(connection, batch_id)
    assert dispatch(tools) == 5, "as carefully as at first"


def test_the_third_worker_that_a_job_loses_makes_it_poison(
    world: World, tools: Tools, batch_id
) -> None:
    """Its losses may be of calls that never left: those are not counted as unknown."""
    with transaction(world.engine) as connection:
        connection.execute(update(job_rows).values(losses=2))
    [(_, made)] = begun(world, tools, batch_id, 1)
    with transaction(world.engine) as connection:
        connection.execute(update(attempts).values(lease_expires_at="2026-01-01T00:00:00Z"))
        [lost] = leases.lost(connection, 9)
    said = settlement.settle(tools, made, LOST, lost, if_lost=True)
    assert said.startswith("poison: ")
    assert "given up" in said
    [failed] = [job for job in world.jobs(batch_id) if job.state == "failed"]
    assert (failed.failure["class"], failed.failure["code"]) == ("poison", "poison")
    [attempt] = world.attempts()
    assert (attempt.state, attempt.failure["code"]) == ("unknown", "poison")
    assert world.batch(batch_id).cost.at_risk == attempt.reserved


def test_what_projects_may_spend_is_written_once(world: World, tools: Tools) -> None:
    careful = replace(tools, allowances={"shop": Allowance(total=Decimal(3))})

    def limit():
        with transaction(world.engine) as connection:
            return connection.execute(
                projects.select().where(projects.c.id == "shop")
            ).one_or_none()

    keep_budgets(tools)
    assert limit() is None, "whoever knows of no file changes nothing"
    keep_budgets(careful)
    assert limit().budget == 3
    with transaction(world.engine) as connection:
        connection.execute(update(projects).values(budget=5))
    keep_budgets(careful)
    assert limit().budget == 5


def test_what_is_handed_out_takes_its_slots_once(world: World, tools: Tools, batch_id) -> None:
    """Where no limit is known the free slots are the window, and they leave out what is handed out already."""
    change(world, batch_id, answered=5)
    with transaction(world.engine) as connection:
        assert len(jobs.dispatch(connection, batch_id, ["gpt-image-2"], 9)) == 9
    assert dispatch(tools) == 7


def test_no_more_is_handed_out_than_a_budget_has_room_for_since_it_refused_some(
    world: World, tools: Tools, batch_id
) -> None:
    """Else each would take a permit, and spoil the commit of those that it begins with."""
    change(
        world, batch_id, answered=99, cap=Decimal(1), needed=Decimal("0.3"), reserved=Decimal("0.5")
    )
    assert dispatch(tools) == 1
    assert dispatch(tools) == 0
    change(world, batch_id, cap=Decimal(2))
    assert dispatch(tools) == 4
    change(world, batch_id, reserved=Decimal(0))
    assert dispatch(tools) == 1
